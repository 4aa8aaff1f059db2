/**
 * What an auditor asks of the list of sessions, and of the statements found by their text: the same questions.
 */

export interface SessionFilter {
	/** True: only those that run now. False: only those that have ended. */
	readonly live?: boolean;
	readonly subject?: string;
	readonly license?: string;
	readonly target?: string;
	/**
	 * A window of time, from `since` until before `until`, as RFC 3339 UTC with microseconds: as the recording writes them,
	 * so that texts compare as times do. A session is in it when it ran at any moment of it.
	 */
	readonly since?: string;
	readonly until?: string;
	/** Only those with a denied statement. */
	readonly denied?: boolean;
	/** Only these. */
	readonly ids?: ReadonlySet<string>;
}
