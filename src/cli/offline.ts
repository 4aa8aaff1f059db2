/**
 * Lists and searches where no `serve` runs: from the recording itself, as an auditor has it who was given a copy of the data
 * folder. A `serve` that starts meanwhile is not disturbed: nothing here holds the log, and the search index is written by
 * whoever reads on in it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Listed, SEARCH_PATH, searchInput, sessionsInput } from "../api/requests.js";
import type { Config } from "../config/document.js";
import { LogReader } from "../recorder/reader.js";
import { SearchFinder } from "../recorder/search/finder.js";
import { openSearchIndex } from "../recorder/search/schema.js";
import { SearchWriter } from "../recorder/search/writer.js";
import type { SessionFilter } from "../recorder/session-filter.js";
import { endedRow, indexed, isIn, newestFirst, type SessionSummary, startedRow } from "../recorder/session-rows.js";
import { incompleteness, sessionSearch } from "../recorder/sessions.js";
import type { SessionRow } from "../store/schema.js";
import { CommandFailure } from "./failure.js";
import { searchQuery, sessionFilter } from "./listing.js";
import { logFolder } from "./paths.js";

const LIST_LIMIT = 1000;

function recording(config: Config): { readonly reader: LogReader; readonly node: string } {
	const folder = logFolder(config);
	const node = join(folder, "node");
	if (!existsSync(node)) throw new CommandFailure(`${folder}: there is no recording`, 1);
	return { reader: new LogReader(folder), node: readFileSync(node, "utf8").trim() };
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
	const query = Object.fromEntries(
		[...new Set(searchParams.keys())].map((name) => {
			const values = searchParams.getAll(name);
			return [name, values.length > 1 ? values : values[0]];
		}),
	);
	if (pathname === SEARCH_PATH) {
		const asked = searchQuery(checked(searchInput, query));
		const { hits, incomplete } = await searching(config, (finder) => finder.find(asked));
		return { list: hits, incomplete };
	}
	const request = checked(sessionsInput, query);
	return sessions(config, request.text, sessionFilter(request));
}

function checked<T>(schema: z.ZodType<T>, query: unknown): T {
	const result = schema.safeParse(query);
	if (result.success) return result.data;
	throw new CommandFailure(z.prettifyError(result.error), 1);
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
	let rows: SessionRow[] = [];
	for await (const { entry, position } of reader.bounds()) {
		if (entry.type === "session.start") running.set(entry.session, startedRow(node, entry, position));
		if (entry.type !== "session.end") continue;
		const row = running.get(entry.session);
		running.delete(entry.session);
		const ended = row === undefined ? undefined : endedRow(row, entry);
		if (ended !== undefined && isIn(ended, filter)) rows.push(ended);
		/* Those that cannot be among the newest are let go. */
		if (rows.length > 2 * limit + LIST_LIMIT) rows = rows.sort(newestFirst).slice(0, limit);
	}
	rows.push(...[...running.values()].filter((row) => isIn(row, filter)));
	return rows
		.sort(newestFirst)
		.slice(0, limit)
		.map((row) => indexed(row).summary);
}
