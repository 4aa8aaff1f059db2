/**
 * The sessions of a node as an auditor asks for them: by the index, with the numbers of running ones as they are now, and by
 * what was said in them.
 */
import { JournalError } from "./errors.js";
import type { SessionIndex } from "./index.js";
import type { SearchAnswer, SearchQuery } from "./search/query.js";
import type { Search } from "./search/search.js";
import type { SessionFilter } from "./session-filter.js";
import { newestFirst, type SessionSummary } from "./session-rows.js";

export interface LiveCounters {
	readonly statements: number;
	readonly denied: number;
	readonly rowsOut: number;
	readonly bytesOut: number;
}

export interface FoundSessions {
	readonly sessions: readonly SessionSummary[];
	/** Why there may be more; null: there are not. */
	readonly incomplete: string | null;
}

type Filter = SessionFilter & { readonly limit?: number };

/** Sessions of a list that does not say how many. */
export const LIST_LIMIT = 1000;
/** More sessions than the nodes of one store can have open at a time (bounds.sessions is a thousand a node). */
const RUNNING_LIMIT = 100_000;
/** As many as one query to the store may name. */
export const FOUND_SESSIONS = 10_000;

export class Sessions {
	readonly #index: SessionIndex;
	readonly #search: Search | undefined;
	readonly #countersOf: (session: string) => LiveCounters | undefined;

	constructor(
		index: SessionIndex,
		search: Search | undefined,
		countersOf: (session: string) => LiveCounters | undefined,
	) {
		this.#index = index;
		this.#search = search;
		this.#countersOf = countersOf;
	}

	/** Newest first. */
	async list(filter: Filter): Promise<SessionSummary[]> {
		const limit = filter.limit ?? LIST_LIMIT;
		if (filter.denied !== true || filter.live === false) return this.#listed({ ...filter, limit });
		/* What a running session was denied is not in the index yet: all of them are looked at, and there are not many. */
		const { denied: _, ...rest } = filter;
		const running = await this.#listed({ ...rest, live: true, limit: RUNNING_LIMIT });
		const ended = filter.live === true ? [] : await this.#listed({ ...filter, live: false, limit });
		return [...running.filter((session) => session.denied > 0), ...ended].sort(newestFirst).slice(0, limit);
	}

	async one(id: string): Promise<SessionSummary | undefined> {
		const found = await this.#index.get(id);
		return found === undefined ? undefined : this.#counted(found.summary);
	}

	/** Those with a statement that holds a text. Rejects with JournalError. */
	async holding(text: string, filter: Filter): Promise<FoundSessions> {
		const { names, incomplete } = await this.#searching().sessions(sessionSearch(text, filter));
		const sessions = await this.list({ ...filter, ids: new Set(names) });
		return { sessions, incomplete: incompleteness(names.length, incomplete) };
	}

	/** Statements, newest first. Rejects with JournalError. */
	search(query: SearchQuery): Promise<SearchAnswer> {
		return this.#searching().find(query);
	}

	#searching(): Search {
		if (this.#search === undefined) throw new JournalError("failed", "this node keeps no search index");
		return this.#search;
	}

	async #listed(filter: SessionFilter & { readonly limit: number }): Promise<SessionSummary[]> {
		return (await this.#index.list(filter)).map((summary) => this.#counted(summary));
	}

	#counted(summary: SessionSummary): SessionSummary {
		const counters = summary.endedAt === null ? this.#countersOf(summary.session) : undefined;
		if (counters === undefined) return summary;
		const { statements, denied, rowsOut, bytesOut } = counters;
		return { ...summary, statements, denied, rowsOut, bytesOut };
	}
}

/** What the search is asked for: the rest of the filter is the list's own. */
export function sessionSearch(text: string, { subject, license, target }: Filter): SearchQuery {
	return {
		terms: [text],
		limit: FOUND_SESSIONS,
		...(subject === undefined ? {} : { subject }),
		...(license === undefined ? {} : { license }),
		...(target === undefined ? {} : { target }),
	};
}

export function incompleteness(found: number, incomplete: string | null): string | null {
	if (found < FOUND_SESSIONS) return incomplete;
	return `more than ${FOUND_SESSIONS} sessions hold it: only those that met it last were looked at`;
}
