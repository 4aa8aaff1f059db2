/** A grant, and how it stands in the store. */
import type { Subject } from "../licensing/license.js";
import type { GrantRow } from "../store/schema.js";

export interface GrantEnd {
	readonly how: "revoked" | "expired";
	/** Milliseconds since the epoch. */
	readonly at: number;
	readonly by: string;
	readonly reason: string;
}

export interface Grant {
	/** "g_…" */
	readonly id: string;
	readonly license: string;
	readonly target: string;
	readonly database: string;
	readonly subject: Subject;
	/** "lic_…" */
	readonly username: string;
	/** Milliseconds since the epoch. */
	readonly issuedAt: number;
	readonly expiresAt: number;
	readonly reason: string;
	readonly by: string;
	/** Undefined while it is active. */
	readonly ended: GrantEnd | undefined;
}

/** Who ends a grant whose time is over. */
const CLOCK = { by: "licet", reason: "its time is over" } as const;

export function expiredEnd(grant: { readonly expiresAt: number }): GrantEnd {
	return { how: "expired", at: grant.expiresAt, ...CLOCK };
}

export function rowOf(grant: Grant, verifiers: string): GrantRow {
	return {
		id: grant.id,
		license: grant.license,
		target: grant.target,
		database: grant.database,
		subject_kind: grant.subject.kind,
		subject_name: grant.subject.name,
		subject_groups: JSON.stringify(grant.subject.groups),
		username: grant.username,
		verifiers,
		issued_ms: grant.issuedAt,
		expires_ms: grant.expiresAt,
		reason: grant.reason,
		issued_by: grant.by,
		...endColumns(grant.ended),
	};
}

export function endColumns(end: GrantEnd | undefined) {
	return {
		ended_ms: end?.at ?? null,
		ended_how: end?.how ?? null,
		ended_by: end?.by ?? null,
		ended_reason: end?.reason ?? null,
	};
}

/** A grant as the store has it. One whose time is over has ended, whether or not that has been written down. */
export function grantOf(row: GrantRow, now: number): Grant {
	return {
		id: row.id,
		license: row.license,
		target: row.target,
		database: row.database,
		subject: subjectOf(row),
		username: row.username,
		issuedAt: row.issued_ms,
		expiresAt: row.expires_ms,
		reason: row.reason,
		by: row.issued_by,
		ended: endOf(row, now),
	};
}

function subjectOf(row: GrantRow): Subject {
	const groups: unknown = JSON.parse(row.subject_groups);
	return {
		kind: row.subject_kind === "service" ? "service" : "user",
		name: row.subject_name,
		groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
	};
}

function endOf(row: GrantRow, now: number): GrantEnd | undefined {
	if (row.ended_ms !== null) {
		return {
			how: row.ended_how === "expired" ? "expired" : "revoked",
			at: row.ended_ms,
			by: row.ended_by ?? "",
			reason: row.ended_reason ?? "",
		};
	}
	return row.expires_ms <= now ? expiredEnd({ expiresAt: row.expires_ms }) : undefined;
}
