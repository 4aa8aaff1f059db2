/**
 * Lists and searches where no `serve` runs: from the recording itself, as an auditor has it who was given a copy of the data
 * folder. A `serve` that starts meanwhile is not disturbed: nothing here holds the log, and the search index is written by
 * whoever reads on in it.
 */
import { type Listed, SEARCH_PATH, searchInput, sessionsInput } from "../api/requests.js";
import type { Config } from "../config/document.js";
import { readNodeName } from "../recorder/log-folder.js";
import { LogReader } from "../recorder/reader.js";
import { SearchFinder } from "../recorder/search/finder.js";
import { openSearchIndex } from "../recorder/search/schema.js";
import { SearchWriter } from "../recorder/search/writer.js";
import type { SessionFilter } from "../recorder/session-filter.js";
import { endedRow, indexed, isIn, newestFirst, type SessionSummary, startedRow } from "../recorder/session-rows.js";
import { incompleteness, LIST_LIMIT, sessionSearch } from "../recorder/sessions.js";
import type { SessionRow } from "../store/schema.js";
import { CommandFailure } from "./failure.js";
import { parsedQuery, searchQuery, sessionFilter } from "./listing.js";
import { logFolder } from "./paths.js";

function recording(config: Config): { readonly reader: LogReader; readonly node: string } {
	const folder = logFolder(config);
	const node = readNodeName(folder);
	if (node === undefined) throw new CommandFailure(`${folder}: there is no recording`, 1);
	return { reader: new LogReader(folder), node };
}

async function searching<Found>(config: Config, find: (finder: SearchFinder) => Found): Promise<Found> {
	const { reader, node } = recording(config);
	const file = openSearchIndex(config.data, node);
	try {
		await new SearchWriter(file).catchUp(reader, Number.POSITIVE_INFINITY);
		return find(new SearchFinder(file));
	} finally {
		file.close();
	}
}

/** Answers a request as `serve` would. */
export async function listOffline(config: Config, path: string): Promise<Listed> {
	const { pathname, searchParams } = new URL(path, "http://localhost");
	if (pathname === SEARCH_PATH) {
		const asked = searchQuery(parsedQuery(searchInput, searchParams));
		const { hits, incomplete } = await searching(config, (finder) => finder.find(asked));
		return { list: hits, incomplete };
	}
	const request = parsedQuery(sessionsInput, searchParams);
	return sessions(config, request.text, sessionFilter(request));
}

/** What has no end in the log is told as running: nobody knows better. */
async function sessions(
	config: Config,
	text: string | undefined,
	filter: SessionFilter & { readonly limit?: number },
): Promise<Listed> {
	const { limit = LIST_LIMIT, ...rest } = filter;
	if (text === undefined) return { list: await listed(config, rest, limit), incomplete: null };
	const { names, incomplete } = await searching(config, (finder) => finder.sessions(sessionSearch(text, rest)));
	const list = await listed(config, { ...rest, ids: new Set(names) }, limit);
	return { list, incomplete: incompleteness(names.length, incomplete) };
}

async function listed(config: Config, filter: SessionFilter, limit: number): Promise<SessionSummary[]> {
	const { reader, node } = recording(config);
	const running = new Map<string, SessionRow>();
	let found: SessionSummary[] = [];
	const take = (row: SessionRow) => {
		if (isIn(row, filter)) found.push(indexed(row).summary);
	};
	for await (const { entry, position } of reader.bounds()) {
		if (entry.type === "session.start") running.set(entry.session, startedRow(node, entry, position));
		if (entry.type !== "session.end") continue;
		const row = running.get(entry.session);
		running.delete(entry.session);
		if (row !== undefined) take(endedRow(row, entry));
		/* Those that cannot be among the newest are let go. */
		if (found.length > 2 * limit + LIST_LIMIT) found = found.sort(newestFirst).slice(0, limit);
	}
	for (const row of running.values()) take(row);
	return found.sort(newestFirst).slice(0, limit);
}
