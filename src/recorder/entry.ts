/**
 * Entries of the recording: one JSON object a line, append-only.
 *
 * Every entry starts with the same three fields, `v` (format version), `seq` (the node's entry number, from 0, without
 * holes: the leaf index of the later Merkle tree) and `at` (RFC 3339 UTC with microseconds), so that evidence is added
 * beside the log, never inside it.
 */

/** A parameter as the client bound it: text, NULL, or bytes that are not text as "\x…" hex. */
export type RecordedValue = string | null;

export interface RecordedReason {
	readonly term: string | null;
	readonly message: string;
}

export interface RecordedDecision {
	/** "d_…": what a denial shows to the client and `licet explain` takes. */
	readonly id: string;
	readonly effect: "allow" | "deny";
	readonly reasons: readonly RecordedReason[];
	/** Result columns masked by lineage, by name, with the mask's kind and term. */
	readonly masks: readonly { readonly column: string; readonly mask: string; readonly term: string }[];
	/** Present under `enforcement: observe`: what would have been decided. */
	readonly observed?: "deny";
}

/** Sample of a result's rows as the client saw them. */
export interface RecordedSample {
	readonly columns: readonly string[];
	readonly rows: readonly (readonly RecordedValue[])[];
}

/** What an entry of a sealed session does not show (seal.ts). */
export interface Sealed {
	/** How many the session had sealed before: the nonce. */
	readonly nonce: number;
	/** Base64 of the ciphertext with its tag. */
	readonly data: string;
}

export type Entry =
	| {
			readonly type: "session.start";
			readonly session: string;
			readonly grant: string;
			readonly license: string;
			readonly licenseDigest: string;
			readonly subject: string;
			readonly target: string;
			readonly engine: string;
			readonly database: string;
			readonly clientAddress: string;
			readonly application: string | null;
			readonly tls: boolean;
			/** Literals of the session are sealed: the id of the auditor's key that opens them. */
			readonly sealedFor?: string;
			readonly sealed?: Sealed;
	  }
	| {
			readonly type: "statement";
			readonly session: string;
			/** Number of the statement in its session, from 1; results refer to it. */
			readonly statement: number;
			readonly sql: string;
			readonly parameters: readonly RecordedValue[];
			/** Name of the prepared statement or cursor that it ran through. */
			readonly prepared?: string;
			/** True for a Parse alone: the text was judged and planned, nothing ran. */
			readonly parseOnly?: boolean;
			readonly decision: RecordedDecision;
			readonly sealed?: Sealed;
	  }
	| {
			readonly type: "result";
			readonly session: string;
			readonly statement: number;
			/** Command tag ("SELECT 3"), or null when it failed or never ran. */
			readonly command: string | null;
			readonly rows: number;
			/** Bytes sent to the client for it. */
			readonly bytes: number;
			readonly durationMs: number;
			readonly error: { readonly code: string; readonly message: string } | null;
			/** Names of masked result columns, from both walls. */
			readonly masked: readonly string[];
			readonly sample: RecordedSample | null;
			readonly sealed?: Sealed;
	  }
	| {
			readonly type: "session.end";
			readonly session: string;
			readonly reason: string;
			readonly statements: number;
			readonly denied: number;
			readonly rowsOut: number;
			readonly bytesOut: number;
			readonly bytesIn: number;
	  }
	| {
			readonly type: "grant.issue" | "grant.revoke" | "grant.expire";
			readonly grant: string;
			readonly license: string;
			readonly target: string;
			readonly subject: string;
			readonly by: string;
			readonly reason: string;
	  }
	| {
			readonly type: "license.load" | "license.unload" | "license.reject";
			readonly license: string;
			readonly licenseDigest: string;
			readonly message: string;
			/** What was loaded: the document that has this digest. */
			readonly document?: unknown;
	  }
	| {
			readonly type: "incident";
			readonly session: string;
			readonly statement: number;
			readonly message: string;
			readonly sealed?: Sealed;
	  }
	/** What the session has sealed is erased: its key is destroyed when this is in the log. */
	| { readonly type: "session.forget"; readonly session: string; readonly by: string; readonly reason: string }
	/**
	 * The continuation of a value too long for one entry: `of` is the `seq` of the first, `field` the value's place in it
	 * ("sql", "parameters.2", "sample.rows.0.3"), `index` counts from 1; the value is what the entry holds followed by
	 * its parts in order, of which the last says so.
	 */
	| {
			readonly type: "part";
			readonly of: number;
			readonly field: string;
			readonly index: number;
			readonly last: boolean;
			readonly text: string;
	  }
	/** `sha256`, in hex: of the file that is kept. */
	| {
			readonly type: "gap";
			readonly message: string;
			readonly bytes: number;
			readonly keptAs: string;
			readonly sha256?: string;
	  }
	/** The verifier key that checkpoints are signed by from here on; null: no key before it. */
	| { readonly type: "key"; readonly key: string; readonly previous: string | null }
	/** A segment is about to be replaced by a compressed file of exactly these bytes. Hashes in hex. */
	| {
			readonly type: "seal";
			readonly segment: number;
			readonly entries: number;
			readonly bytes: number;
			readonly sha256: string;
			readonly leavesSha256: string;
	  }
	/**
	 * Whole segments are about to be removed: all before the entry `through`. `hashes` (base64) is the compact range that
	 * stands for all entries before it, those that went earlier included.
	 */
	| {
			readonly type: "trim";
			readonly through: number;
			readonly hashes: readonly string[];
			readonly segments: readonly number[];
			readonly entries: number;
			readonly bytes: number;
			readonly firstAt: string;
			readonly lastAt: string;
			readonly reason: string;
	  }
	| { readonly type: "admin.start" | "admin.stop"; readonly message: string };

/**
 * An entry as it stands in the log. `parts` tells how many `part` entries follow it at once; a reader that puts them
 * together drops the field.
 */
export type LoggedEntry = {
	readonly v: 1;
	readonly seq: number;
	readonly at: string;
	readonly parts?: number;
} & Entry;
