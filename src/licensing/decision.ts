/**
 * What a license says to a statement: the vocabulary shared by the decision, the protocols' denials and the recording.
 */

export type { DenialCase } from "../protocols/engine.js";

import type { DenialCase } from "../protocols/engine.js";

/** A term that took part in a decision, addressed by its path in the license: "permits[0]", "denies[1]", "masks[0]". */
export interface Reason {
	/** Undefined when nothing in the license permits it: closed by default. */
	readonly term: string | undefined;
	/** A sentence that names the object and never repeats a value. */
	readonly message: string;
}

export type Mask =
	| { readonly kind: "null" }
	| { readonly kind: "redact"; readonly text: string }
	| { readonly kind: "partial"; readonly keepFirst: number; readonly keepLast: number }
	| { readonly kind: "email" }
	| { readonly kind: "hash" }
	| { readonly kind: "truncate"; readonly to: TruncateTo };

/** Dates are cut to a unit; numbers to a multiple (`{ number: 1000 }` keeps thousands). */
export type TruncateTo = "year" | "month" | "day" | "hour" | { readonly number: number };

/** A mask in force on a column: the strictest of those that the license names for it. */
export interface ColumnMask {
	readonly mask: Mask;
	/** Path of the term: "masks[0]". */
	readonly term: string;
	readonly use: "project" | "filter" | "derive";
	/** Key material for `hash`, derived per license; empty for others. */
	readonly key: Uint8Array;
}

/** A row or byte cap. */
export interface Cap {
	readonly max: number;
	readonly then: "error" | "truncate";
	readonly term: string;
}

/** A cap on source rows, and how many lines of the statement's result that is. */
export interface RowCap extends Cap {
	readonly lines: number;
	readonly rowsPerLine: number;
}

/** What must be done to an allowed statement. */
export interface Obligations {
	/** Masks by result column (0-based), from lineage. The origin wall adds to them, never takes away. */
	readonly masks: ReadonlyMap<number, ColumnMask>;
	/** Some mask touches the statement, or it changes what may not all be read: error texts are reduced to their code. */
	readonly touchesMasked: boolean;
	readonly rows: RowCap | undefined;
	readonly bytes: Cap | undefined;
	/** Milliseconds; undefined: none. */
	readonly statementTimeoutMs: number | undefined;
}

export type Decision =
	| {
			readonly effect: "allow";
			readonly reasons: readonly Reason[];
			readonly obligations: Obligations;
			/** Set when `enforcement: observe` let pass what would have been denied. */
			readonly observed?: { readonly case: DenialCase; readonly reasons: readonly Reason[] };
	  }
	| {
			readonly effect: "deny";
			readonly case: DenialCase;
			readonly reasons: readonly Reason[];
			/** What the person can do: "ask for …". */
			readonly hint: string;
	  };
