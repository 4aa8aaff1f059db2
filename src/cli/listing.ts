/** What a request for a list asks, as the recorder is asked. */
import { z } from "zod";
import type { SearchInput, SessionsInput } from "../api/requests.js";
import { timestamp } from "../recorder/clock.js";
import type { SearchQuery } from "../recorder/search/query.js";
import type { SessionFilter } from "../recorder/session-filter.js";
import { CommandFailure } from "./failure.js";

/** Statements that a search finds when it is not told how many. */
const SEARCH_LIMIT = 100;

export function sessionFilter(request: SessionsInput): SessionFilter & { readonly limit?: number } {
	const { live, since, until, text: _, ...rest } = request;
	return present({
		...rest,
		/* `live=false` asks for nothing: it is what a list without the flag is. */
		live: live === true ? true : undefined,
		since: since === undefined ? undefined : timestamp(Date.parse(since) * 1000),
		until: until === undefined ? undefined : timestamp(Date.parse(until) * 1000),
	});
}

export function searchQuery(request: SearchInput): SearchQuery {
	const { text, limit = SEARCH_LIMIT, ...rest } = request;
	return { ...sessionFilter(rest), terms: text, limit };
}

/** A request by its query string, checked as the server checks it. Throws CommandFailure. */
export function parsedQuery<T>(schema: z.ZodType<T>, params: URLSearchParams): T {
	const query = Object.fromEntries(
		[...new Set(params.keys())].map((name) => {
			const values = params.getAll(name);
			return [name, values.length > 1 ? values : values[0]];
		}),
	);
	const result = schema.safeParse(query);
	if (result.success) return result.data;
	throw new CommandFailure(z.prettifyError(result.error), 1);
}

/** Without what is undefined. */
function present<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
	const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
	return Object.fromEntries(kept) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
