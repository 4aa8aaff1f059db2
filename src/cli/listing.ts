/** What a request for a list asks, as the recorder is asked. */
import type { SearchInput, SessionsInput } from "../api/requests.js";
import type { SearchQuery } from "../recorder/search/query.js";
import { recordedTime, type SessionFilter } from "../recorder/session-filter.js";

/** Statements that a search finds when it is not told how many. */
const SEARCH_LIMIT = 100;

export function sessionFilter(request: SessionsInput): SessionFilter & { readonly limit?: number } {
	const { live, since, until, text: _, ...rest } = request;
	return present({
		...rest,
		/* `live=false` asks for nothing: it is what a list without the flag is. */
		live: live === true ? true : undefined,
		since: since === undefined ? undefined : recordedTime(Date.parse(since)),
		until: until === undefined ? undefined : recordedTime(Date.parse(until)),
	});
}

export function searchQuery(request: SearchInput): SearchQuery {
	const { text, limit = SEARCH_LIMIT, ...rest } = request;
	return { ...sessionFilter(rest), terms: text, limit };
}

/** Without what is undefined. */
function present<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
	const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
	return Object.fromEntries(kept) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
