/** A grant as commands show it: never its credentials. */
import type { Grant } from "../access/grants.js";
import { formatSubject } from "../access/subjects.js";

export function grantView(grant: Grant) {
	return {
		grant: grant.id,
		license: grant.license,
		target: grant.target,
		database: grant.database,
		subject: formatSubject(grant.subject),
		username: grant.username,
		issuedAt: new Date(grant.issuedAt).toISOString(),
		expiresAt: new Date(grant.expiresAt).toISOString(),
		reason: grant.reason,
		by: grant.by,
		status: grant.ended?.how ?? "active",
		endedAt: grant.ended === undefined ? null : new Date(grant.ended.at).toISOString(),
		endedBy: grant.ended?.by ?? null,
		endReason: grant.ended?.reason ?? null,
	};
}
