/**
 * Sessions as rows of the index: made from the entries that begin and end them, picked by a filter, shown as summaries.
 */
import type { SessionRow } from "../store/schema.js";
import type { Store } from "../store/store.js";
import type { LoggedEntry } from "./entry.js";
import type { Position } from "./journal.js";
import type { SessionFilter } from "./session-filter.js";

/** One line of `licet sessions --json`. */
export interface SessionSummary {
	readonly session: string;
	readonly grant: string;
	readonly license: string;
	readonly subject: string;
	readonly target: string;
	readonly engine: string;
	readonly database: string;
	readonly startedAt: string;
	readonly endedAt: string | null;
	readonly endReason: string | null;
	readonly clientAddress: string;
	readonly application: string | null;
	readonly statements: number;
	readonly denied: number;
	readonly rowsOut: number;
	readonly bytesOut: number;
}

export interface IndexedSession {
	readonly summary: SessionSummary;
	readonly node: string;
	readonly position: Position;
}

export type SessionStart = Extract<LoggedEntry, { type: "session.start" }>;
export type SessionEnd = Extract<LoggedEntry, { type: "session.end" }>;

export function startedRow(node: string, entry: SessionStart, position: Position): SessionRow {
	return {
		id: entry.session,
		node,
		grant_id: entry.grant,
		license: entry.license,
		subject: entry.subject,
		target: entry.target,
		engine: entry.engine,
		database: entry.database,
		client_address: entry.clientAddress,
		application: entry.application,
		started_at: entry.at,
		ended_at: null,
		end_reason: null,
		statements: 0,
		denied: 0,
		rows_out: 0,
		bytes_out: 0,
		bytes_in: 0,
		segment: position.segment,
		segment_offset: position.offset,
	};
}

export function endedRow(row: SessionRow, entry: SessionEnd): SessionRow {
	return {
		...row,
		ended_at: entry.at,
		end_reason: entry.reason,
		statements: entry.statements,
		denied: entry.denied,
		rows_out: entry.rowsOut,
		bytes_out: entry.bytesOut,
		bytes_in: entry.bytesIn,
	};
}

export function indexed(row: SessionRow): IndexedSession {
	return {
		node: row.node,
		position: { segment: row.segment, offset: row.segment_offset },
		summary: {
			session: row.id,
			grant: row.grant_id,
			license: row.license,
			subject: row.subject,
			target: row.target,
			engine: row.engine,
			database: row.database,
			startedAt: row.started_at,
			endedAt: row.ended_at,
			endReason: row.end_reason,
			clientAddress: row.client_address,
			application: row.application,
			statements: row.statements,
			denied: row.denied,
			rowsOut: row.rows_out,
			bytesOut: row.bytes_out,
		},
	};
}

/** The filter as a query; `isIn` says the same of a row that is not in the store yet. */
export function selected(db: Store["db"], filter: SessionFilter) {
	const { live, subject, license, target, since, until } = filter;
	let query = db.selectFrom("licet_sessions").selectAll();
	if (live !== undefined) query = query.where("ended_at", live ? "is" : "is not", null);
	if (subject !== undefined) query = query.where("subject", "=", subject);
	if (license !== undefined) query = query.where("license", "=", license);
	if (target !== undefined) query = query.where("target", "=", target);
	if (until !== undefined) query = query.where("started_at", "<", until);
	if (since !== undefined)
		query = query.where((where) => where.or([where("ended_at", "is", null), where("ended_at", ">=", since)]));
	if (filter.denied === true) query = query.where("denied", ">", 0);
	if (filter.ids !== undefined) query = query.where("id", "in", [...filter.ids]);
	return query;
}

export function isIn(row: SessionRow, filter: SessionFilter): boolean {
	const { live, subject, license, target, since, until } = filter;
	return (
		(live === undefined || live === (row.ended_at === null)) &&
		(subject === undefined || row.subject === subject) &&
		(license === undefined || row.license === license) &&
		(target === undefined || row.target === target) &&
		(until === undefined || row.started_at < until) &&
		(since === undefined || row.ended_at === null || row.ended_at >= since) &&
		(filter.denied !== true || row.denied > 0) &&
		(filter.ids === undefined || filter.ids.has(row.id))
	);
}

/** The newest first, those of one moment in the order of their names. */
export function newestFirst(a: SessionSummary, b: SessionSummary): number {
	if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1;
	return a.session < b.session ? -1 : 1;
}
