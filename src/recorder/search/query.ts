/** What is searched for, and what is found. Plain objects: they travel between threads. */
import type { SessionFilter } from "../session-filter.js";

/** Of statements: taken in the window, themselves denied. */
export interface SearchQuery
	extends Pick<SessionFilter, "subject" | "license" | "target" | "since" | "until" | "denied"> {
	/** A statement must hold all of them, in its text or its parameters. */
	readonly terms: readonly string[];
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
