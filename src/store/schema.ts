/**
 * The tables of the store, as the newest migration leaves them. Column types are the two that mean the same on both
 * databases: text and bigint. Points in time that are computed with are bigint milliseconds since the epoch; those that
 * are only shown are RFC 3339 text, as they stand in the recording.
 */

export interface GrantRow {
	id: string;
	license: string;
	target: string;
	database: string;
	subject_kind: string;
	subject_name: string;
	/** JSON array of names. */
	subject_groups: string;
	username: string;
	/** JSON object: mechanism → verifier as text. Never a password. */
	verifiers: string;
	issued_ms: number;
	expires_ms: number;
	reason: string;
	issued_by: string;
	ended_ms: number | null;
	/** "revoked" or "expired". */
	ended_how: string | null;
	ended_by: string | null;
	ended_reason: string | null;
}

export interface SessionRow {
	id: string;
	/** The node whose log holds it. */
	node: string;
	grant_id: string;
	license: string;
	subject: string;
	target: string;
	engine: string;
	database: string;
	client_address: string;
	application: string | null;
	started_at: string;
	ended_at: string | null;
	end_reason: string | null;
	statements: number;
	denied: number;
	rows_out: number;
	bytes_out: number;
	bytes_in: number;
	/** Where its first entry is: the segment's first entry number, and the byte in it. */
	segment: number;
	segment_offset: number;
}

/** How far a node's log has been taken into the index. */
export interface IndexedRow {
	node: string;
	segment: number;
	segment_offset: number;
}

export interface SecretRow {
	name: string;
	/** Hex. */
	value: string;
}

/** Names carry a prefix: a PostgreSQL store may share its database. */
export interface Schema {
	licet_grants: GrantRow;
	licet_sessions: SessionRow;
	licet_indexed: IndexedRow;
	licet_secrets: SecretRow;
}
