/** What is searched for, and what is found. Plain objects: they travel between threads. */

export interface SearchQuery {
	/** A statement must hold all of them, in its text or its parameters. */
	readonly terms: readonly string[];
	readonly subject?: string;
	readonly license?: string;
	readonly target?: string;
	/** RFC 3339 UTC with microseconds, as the recording writes them: taken at or after, and before. */
	readonly since?: string;
	readonly until?: string;
	/** Only statements that were denied. */
	readonly denied?: boolean;
	readonly limit: number;
}

export interface SearchHit {
	readonly session: string;
	readonly at: string;
	readonly subject: string;
	readonly license: string;
	readonly target: string;
	readonly statement: number;
	readonly effect: "allow" | "deny";
	/** Prepared, not run. */
	readonly parseOnly: boolean;
	readonly sql: string;
	readonly parameters: readonly (string | null)[];
}

export interface SearchAnswer {
	/** Newest first. */
	readonly hits: readonly SearchHit[];
	/** Why there may be more than these; null: there are not, but for what is beyond the limit. */
	readonly incomplete: string | null;
}
