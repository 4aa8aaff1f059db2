/**
 * Finds statements in the search index, newest first: block by block, from the trigrams where they are rare, by looking
 * at the statements themselves where they are not. What a trigram search finds is only what may be it.
 */
import type { SearchFile, SearchStatement } from "../../store/search-file.js";
import { microseconds, timestamp } from "../clock.js";
import type { SearchAnswer, SearchHit, SearchQuery } from "./query.js";
import { fold, foldTerms, foldValues, holdsAll, matchExpression } from "./terms.js";

/** Documents that are gathered at once; with more of them in a block, looking at the newest statements is sooner done. */
const RARE_DOCS = 500;
/** Sessions that are looked at one by one. */
const FEW_SESSIONS = 200;
/** Texts kept folded while a block is searched. */
const KEPT_TEXTS = 20_000;
/** A search that takes longer says how far it came. */
const SEARCH_MS = 10_000;
/** How many statements are looked at between two looks at the clock. */
const CLOCK_EVERY = 1024;

interface Block {
	readonly first_doc: number;
	readonly last_doc: number;
	readonly first_seq: number;
	readonly last_seq: number;
	readonly since: number;
}

interface Row {
	readonly seq: number;
	readonly session: number;
	readonly number: number;
	readonly at: number;
	readonly denied: number;
	readonly parse_only: number;
	readonly sql: number;
	readonly parameters: number | null;
}

export class SearchFinder {
	readonly #file: SearchFile;
	readonly #statements = new Map<string, SearchStatement>();

	constructor(file: SearchFile) {
		this.#file = file;
	}

	find(query: SearchQuery): SearchAnswer {
		const hits: SearchHit[] = [];
		const late = this.#each(query, (row) => {
			hits.push(this.#hit(row));
			return hits.length < query.limit;
		});
		return { hits, incomplete: late };
	}

	/** The names of the sessions of the statements found, each once. */
	sessions(query: SearchQuery): { readonly names: readonly string[]; readonly incomplete: string | null } {
		const ids = new Set<number>();
		const late = this.#each(query, (row) => ids.add(row.session).size < query.limit, ids);
		const name = this.#prepared("SELECT name FROM sessions WHERE id = ?");
		const names = [...ids].map((id) => (name.get(id) as { name: string }).name);
		return { names, incomplete: late };
	}

	/** Statements kept prepared: making one costs more than a short query. */
	#prepared(sql: string): SearchStatement {
		const known = this.#statements.get(sql);
		if (known !== undefined) return known;
		const made = this.#file.prepare(sql);
		this.#statements.set(sql, made);
		return made;
	}

	/**
	 * Calls with each statement found, newest first, until it answers false. `known`: sessions that need not be looked at
	 * again. Answers why it came to no end.
	 */
	#each(query: SearchQuery, each: (row: Row) => boolean, known?: ReadonlySet<number>): string | null {
		const search = new OneSearch(query);
		const sessions = this.#sessionsOf(query);
		if (sessions?.size === 0) return null;
		const blocks = this.#prepared("SELECT * FROM blocks WHERE until >= ? AND since < ? ORDER BY id DESC");
		const texts = new Texts(this.#prepared("SELECT text FROM docs WHERE id = ?"));
		let looked = 0;
		for (const block of blocks.all(search.since, search.until) as Block[]) {
			for (const row of this.#candidates(block, search, sessions)) {
				looked += 1;
				if (looked % CLOCK_EVERY === 0 && search.isLate) {
					return `the search was stopped after ${SEARCH_MS / 1000} s: nothing before ${timestamp(row.at)} was looked at`;
				}
				if (row.at < search.since || row.at >= search.until) continue;
				if (sessions !== undefined && !sessions.has(row.session)) continue;
				if (query.denied === true && row.denied === 0) continue;
				if (known?.has(row.session) === true) continue;
				if (texts.hold(row, search.terms) && !each(row)) return null;
			}
		}
		return null;
	}

	#sessionsOf({ subject, license, target }: SearchQuery): ReadonlySet<number> | undefined {
		if (subject === undefined && license === undefined && target === undefined) return undefined;
		const rows = this.#prepared(
			"SELECT id FROM sessions WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR license = ?2) AND (?3 IS NULL OR target = ?3)",
		).all(subject ?? null, license ?? null, target ?? null) as { id: number }[];
		return new Set(rows.map(({ id }) => id));
	}

	/** The block's statements that may be it, newest first. */
	#candidates(block: Block, search: OneSearch, sessions: ReadonlySet<number> | undefined): Iterable<Row> {
		const rare = search.expressions
			.map((expression) => this.#docs(block, expression))
			.filter((docs) => docs !== undefined)
			.sort((a, b) => a.size - b.size);
		const [rarest, ...others] = rare;
		if (rarest !== undefined) {
			/* Each term is in the text or in the parameters: told by their numbers, before any text is read. */
			return this.#ofDocs(rarest).filter((row) =>
				others.every((docs) => docs.has(row.sql) || (row.parameters !== null && docs.has(row.parameters))),
			);
		}
		const range = [block.first_seq, block.last_seq] as const;
		if (sessions !== undefined && sessions.size <= FEW_SESSIONS) {
			const ofOne = this.#prepared("SELECT * FROM statements WHERE session = ? AND seq BETWEEN ? AND ?");
			return newestFirst([...sessions].flatMap((session) => ofOne.all(session, ...range) as Row[]));
		}
		const denied = search.isDenied ? "denied = 1 AND" : "";
		const all = this.#prepared(`SELECT * FROM statements WHERE ${denied} seq BETWEEN ? AND ? ORDER BY seq DESC`);
		return all.iterate(...range) as Iterable<Row>;
	}

	/** Documents that hold the trigrams; undefined when they are many. */
	#docs(block: Block, expression: string): ReadonlySet<number> | undefined {
		const rows = this.#prepared(
			/* Downwards, as the search goes: from the end of a trigram's list the newest block is near. */
			`SELECT rowid AS id FROM found WHERE found MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ${RARE_DOCS + 1}`,
		).all(expression, block.first_doc, block.last_doc) as { id: number }[];
		return rows.length > RARE_DOCS ? undefined : new Set(rows.map(({ id }) => id));
	}

	#ofDocs(docs: Iterable<number>): readonly Row[] {
		const bySql = this.#prepared("SELECT * FROM statements WHERE sql = ?");
		const byParameters = this.#prepared("SELECT * FROM statements WHERE parameters = ?");
		const rows = new Map<number, Row>();
		for (const doc of docs) {
			for (const row of [...(bySql.all(doc) as Row[]), ...(byParameters.all(doc) as Row[])]) rows.set(row.seq, row);
		}
		return newestFirst([...rows.values()]);
	}

	#hit(row: Row): SearchHit {
		const session = this.#prepared("SELECT name, subject, license, target FROM sessions WHERE id = ?").get(
			row.session,
		) as {
			name: string;
			subject: string;
			license: string;
			target: string;
		};
		const text = this.#prepared("SELECT text FROM docs WHERE id = ?");
		const parameters = row.parameters === null ? "[]" : (text.get(row.parameters) as { text: string }).text;
		return {
			session: session.name,
			at: timestamp(row.at),
			subject: session.subject,
			license: session.license,
			target: session.target,
			statement: row.number,
			effect: row.denied === 1 ? "deny" : "allow",
			parseOnly: row.parse_only === 1,
			sql: (text.get(row.sql) as { text: string }).text,
			parameters: JSON.parse(parameters) as (string | null)[],
		};
	}
}

function newestFirst(rows: Row[]): readonly Row[] {
	return rows.sort((a, b) => b.seq - a.seq);
}

/** A query as it is compared. */
class OneSearch {
	readonly terms: readonly string[];
	/** Of the terms that are long enough for one. */
	readonly expressions: readonly string[];
	readonly since: number;
	readonly until: number;
	readonly isDenied: boolean;
	readonly #startedMs = performance.now();

	constructor(query: SearchQuery) {
		this.terms = foldTerms(query.terms);
		this.expressions = this.terms.map(matchExpression).filter((expression) => expression !== undefined);
		this.since = query.since === undefined ? 0 : microseconds(query.since);
		this.until = query.until === undefined ? Number.MAX_SAFE_INTEGER : microseconds(query.until);
		this.isDenied = query.denied === true;
	}

	get isLate(): boolean {
		return performance.now() - this.#startedMs > SEARCH_MS;
	}
}

/** Texts of documents, folded; statements share them. */
class Texts {
	readonly #text: SearchStatement;
	readonly #sql = new Map<number, string>();
	readonly #parameters = new Map<number, string>();

	constructor(text: SearchStatement) {
		this.#text = text;
	}

	hold(row: Row, terms: readonly string[]): boolean {
		const sql = this.#folded(this.#sql, row.sql, fold);
		const parameters =
			row.parameters === null
				? ""
				: this.#folded(this.#parameters, row.parameters, (text) => foldValues(JSON.parse(text) as (string | null)[]));
		return holdsAll(sql, parameters, terms);
	}

	#folded(kept: Map<number, string>, doc: number, folding: (text: string) => string): string {
		const known = kept.get(doc);
		if (known !== undefined) return known;
		const folded = folding((this.#text.get(doc) as { text: string }).text);
		if (kept.size >= KEPT_TEXTS) kept.clear();
		kept.set(doc, folded);
		return folded;
	}
}
