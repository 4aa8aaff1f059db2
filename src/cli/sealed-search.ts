/**
 * `licet search --key FILE`: the index holds shapes alone, and must not hold more, so that what is sealed is searched in the
 * recording itself, statement by statement. The running `serve` has no part in it: it never sees the key.
 */
import type { LoggedEntry } from "../recorder/entry.js";
import { JournalError } from "../recorder/errors.js";
import type { SearchHit, SearchQuery } from "../recorder/search/query.js";
import { fold, foldTerms, foldValues, holdsAll } from "../recorder/search/terms.js";
import { openUnsealer, type Unsealer } from "../recorder/unseal.js";
import { configuration } from "./admin-client.js";
import { sessionKeysFolder } from "./paths.js";
import { openLog } from "./recorded-session.js";

type Start = Extract<LoggedEntry, { type: "session.start" }>;
type Statement = Extract<LoggedEntry, { type: "statement" }>;

/** Newest first. */
export async function searchSealed(config: string, keyFile: string, query: SearchQuery): Promise<SearchHit[]> {
	const unsealer = openUnsealer(keyFile, sessionKeysFolder(configuration(config, false)));
	const terms = foldTerms(query.terms);
	const starts = new Map<string, Start>();
	const hits: SearchHit[] = [];
	for await (const { entry } of openLog(config).entries()) {
		if (entry.type === "session.start") starts.set(entry.session, entry);
		else if (entry.type === "session.end") starts.delete(entry.session);
		if (entry.type !== "statement") continue;
		const start = starts.get(entry.session);
		if (start === undefined || !isWanted(entry, start, query)) continue;
		const { sql, parameters } = openedIfPossible(entry, unsealer);
		if (!holdsAll(fold(sql), foldValues(parameters), terms)) continue;
		hits.push(hitOf({ ...entry, sql, parameters }, start));
		if (hits.length > query.limit) hits.shift();
	}
	return hits.reverse();
}

function isWanted({ at, decision }: Statement, start: Start, query: SearchQuery): boolean {
	const { since, until, denied } = query;
	return (
		(["subject", "license", "target"] as const).every(
			(name) => query[name] === undefined || start[name] === query[name],
		) &&
		(since === undefined || at >= since) &&
		(until === undefined || at < until) &&
		(denied !== true || decision.effect === "deny")
	);
}

/** A session that was forgotten, or is sealed for somebody else, is searched by its shapes. */
function openedIfPossible(entry: Statement, unsealer: Unsealer): Statement {
	try {
		return unsealer.open(entry) as Statement;
	} catch (error) {
		if (error instanceof JournalError && error.code === "unknown") return entry;
		throw error;
	}
}

function hitOf(entry: Statement, start: Start): SearchHit {
	const { subject, license, target } = start;
	const { session, at, statement, sql, parameters, decision } = entry;
	const { effect } = decision;
	const parseOnly = entry.parseOnly === true;
	return { session, at, subject, license, target, statement, effect, parseOnly, sql, parameters };
}
