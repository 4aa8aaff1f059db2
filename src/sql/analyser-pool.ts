/**
 * The analyser: caches before two readers, each in a thread of its own.
 *
 * What is asked again is answered at once and from this thread; what is new goes to a reader. Short texts have a reader
 * to themselves, which gives up on one that turns out to be much work: that one is asked again in the lane of the long
 * ones (also when only the machine was slow: nobody's short text is denied because the thread got no time), and so is
 * for a while what else its session sends. So nobody's short text waits for longer than a few short ones take, whatever
 * others send.
 */
import { serialize, setFlagsFromString } from "node:v8";
import type { Analyser, ReadingContext } from "./analyser.js";
import { type Cache, CacheBudget } from "./cache.js";
import type { Catalog } from "./catalog.js";
import type { StatementFacts, TextFacts } from "./facts.js";
import { Lane } from "./lane.js";
import { type Answer, type TemplateOf, tooLong } from "./reader.js";
import { TEMPLATES } from "./templates.js";
import type { SharedCatalog } from "./worker.js";

export interface AnalyserOptions {
	/** Longer texts are refused. */
	readonly statementBytes: number;
	/** Bound of all cached facts together. */
	readonly cacheBytes: number;
	/** For one text. */
	readonly timeoutMs: number;
}

export interface AnalyserStats {
	exactHits: number;
	templateHits: number;
	misses: number;
	readersReplaced: number;
	/** Texts in which a second reader saw other tables than the first. */
	disagreements: number;
}

/**
 * PostgreSQL's parser is WASM. V8 would compile its hot functions a second time to optimise them, which takes some seconds
 * and 30 MB in Node 20, 550 MB in Node 24, and makes short texts no faster (0.2 to 0.3 ms) and long ones by a tenth. Flags
 * of the process, looked at when a module is compiled: they are set before the first reader starts.
 */
const COMPILED_ONCE = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];

/** Longer texts are not kept. */
const MAX_CACHED_BYTES = 16 * 1024;
/** What facts weigh, roughly: a statement by itself, and each relation, column, function or output of it. */
const STATEMENT_BYTES = 1024;
const USE_BYTES = 160;
/** Of a text that the first lane reads. Nine of ten statements of ORMs are shorter; a parser takes a few ms for it. */
const SHORT_BYTES = 8 * 1024;
/**
 * In units of work.ts; ten million are some 300 ms. Nine of ten queries of TPC-DS stay below 8,000 and the widest takes
 * 16,000: what the first lane gives up costs its few milliseconds twice, and is not denied.
 */
const SHORT_WORK = 8_000;
const LONG_WORK = 10_000_000;
/** A session whose short text was much work is read beside the long ones for so long: what it sends next may be more of it. */
const SUSPECT_MS = 10_000;
/** The second reader is there when it is needed: it takes 30 MB. */
const REST_MS = 30_000;

/** Facts that hold for every text of a template but for where the statement ends. */
interface Template {
	readonly statement: StatementFacts;
	/** By the end of the statement: what was decided about facts is kept by these objects. */
	readonly byEnd: Map<number, TextFacts>;
	/** Characters from the statement's end to the text's end: the same in all texts of the template. */
	readonly tail: number;
}

/** What is known for one way of reading: one target, database, search path and user, over one catalog snapshot. */
interface Space {
	readonly exact: Cache<TextFacts>;
	/** false: facts of this template depend on its literals. */
	readonly templates: Cache<Template | false>;
	readonly context: ReadingContext;
	readonly templateOf: TemplateOf;
	/** A newer snapshot, or too many other spaces, have taken its place. */
	forgotten: boolean;
}

/** A catalog as it is kept here, and as readers are given it: however many are started, this thread lays it out once. */
interface Snapshot extends SharedCatalog {
	readonly catalog: Catalog;
}

class Pool implements Analyser {
	readonly stats: AnalyserStats = { exactHits: 0, templateHits: 0, misses: 0, readersReplaced: 0, disagreements: 0 };
	readonly #options: AnalyserOptions;
	readonly #budget: CacheBudget;
	readonly #catalogs = new Map<string, Snapshot>();
	readonly #spaces = new Map<string, Space>();
	/** The space of a context object seen before, so that the hot path builds no key. */
	#known = new WeakMap<ReadingContext, Space>();
	readonly #short: Lane;
	readonly #long: Lane;
	/** Until when a context's short texts are read in the long lane, by performance.now(). A context is of one session. */
	readonly #suspects = new WeakMap<ReadingContext, number>();

	constructor(options: AnalyserOptions) {
		for (const flag of COMPILED_ONCE) setFlagsFromString(flag);
		this.#options = options;
		this.#budget = new CacheBudget(options.cacheBytes);
		this.#short = this.#lane(SHORT_WORK);
		this.#long = this.#lane(LONG_WORK, REST_MS);
	}

	#lane(workUnits: number, restMs?: number): Lane {
		const { statementBytes, timeoutMs } = this.#options;
		return new Lane({
			settings: { statementBytes, workUnits },
			timeoutMs,
			...(restMs === undefined ? {} : { restMs }),
			catalogs: () => this.#catalogs.values(),
			onReplaced: () => {
				this.stats.readersReplaced += 1;
			},
		});
	}

	catalog(target: string, database: string): Catalog | undefined {
		return this.#catalogs.get(`${target}\0${database}`)?.catalog;
	}

	useCatalog(target: string, catalog: Catalog): void {
		const snapshot = { target, catalog, bytes: shared(serialize(catalog)) };
		this.#catalogs.set(`${target}\0${catalog.database}`, snapshot);
		this.#forgetSpaces(target, catalog.database);
		for (const lane of [this.#short, this.#long]) lane.useCatalog(snapshot);
	}

	forgetCatalog(target: string, database: string): void {
		if (!this.#catalogs.delete(`${target}\0${database}`)) return;
		this.#forgetSpaces(target, database);
		for (const lane of [this.#short, this.#long]) lane.forgetCatalog(target, database);
	}

	/** What was read by an older snapshot. */
	#forgetSpaces(target: string, database: string): void {
		for (const [name, space] of this.#spaces) {
			if (space.context.target === target && space.context.database === database) this.#forget(name, space);
		}
		this.#known = new WeakMap();
	}

	analyse(text: Uint8Array, context: ReadingContext): TextFacts | Promise<TextFacts> {
		// Not even copied: it may have a hundred megabytes.
		if (text.length > this.#options.statementBytes) return tooLong(text.length, this.#options);
		const space = this.#known.get(context) ?? this.#space(context);
		if (text.length <= MAX_CACHED_BYTES) {
			const exact = space.exact.get(keyOf(text));
			if (exact !== undefined) {
				this.stats.exactHits += 1;
				return exact;
			}
			const template = space.templateOf(text, context.reading);
			if (template !== undefined) {
				const shared = space.templates.get(template);
				if (shared !== undefined && shared !== false) {
					this.stats.templateHits += 1;
					return factsOf(shared, text.length);
				}
			}
		}
		this.stats.misses += 1;
		return this.#read(Uint8Array.prototype.slice.call(text), space, context);
	}

	#space(context: ReadingContext): Space {
		const key = JSON.stringify([context.target, context.database, context.user, context.reading]);
		let space = this.#spaces.get(key);
		if (space === undefined) {
			if (this.#spaces.size >= MAX_SPACES) {
				for (const [name, old] of this.#spaces) this.#forget(name, old);
				this.#known = new WeakMap();
			}
			const engine = this.catalog(context.target, context.database)?.engine;
			space = {
				exact: this.#budget.cache(),
				templates: this.#budget.cache(),
				context,
				templateOf: engine === undefined ? NO_TEMPLATE : TEMPLATES[engine],
				forgotten: false,
			};
			this.#spaces.set(key, space);
		}
		this.#known.set(context, space);
		return space;
	}

	#forget(name: string, space: Space): void {
		space.forgotten = true;
		this.#spaces.delete(name);
		this.#budget.drop(space.exact);
		this.#budget.drop(space.templates);
	}

	async #read(text: Uint8Array, space: Space, context: ReadingContext): Promise<TextFacts> {
		const answer = await this.#ask(text, context);
		if (answer.disagrees === true) this.stats.disagreements += 1;
		this.#keep(text, space, answer.facts);
		return answer.facts;
	}

	async #ask(text: Uint8Array, context: ReadingContext): Promise<Answer> {
		const isSuspect = (this.#suspects.get(context) ?? 0) > performance.now();
		if (text.length > SHORT_BYTES || isSuspect) return this.#long.ask(text, context);
		const answer = await this.#short.ask(text, context);
		if (answer.exceeded !== true) return answer;
		this.#suspects.set(context, performance.now() + SUSPECT_MS);
		return this.#long.ask(text, context);
	}

	#keep(text: Uint8Array, space: Space, facts: TextFacts): void {
		// What is not known now may be known after the next snapshot; what took too long may not the next time.
		const isFinal = facts.refusal === undefined || facts.refusal.kind === "syntax";
		if (text.length > MAX_CACHED_BYTES || !isFinal) return;
		// Forgotten meanwhile, for a newer snapshot.
		if (space.forgotten) return;
		const bytes = weightOf(facts);
		space.exact.set(keyOf(text), facts, bytes);
		const key = space.templateOf(text, space.context.reading);
		if (key === undefined) return;
		const [statement] = facts.statements;
		if (statement === undefined || facts.statements.length > 1 || dependsOnLiterals(facts, statement)) {
			space.templates.set(key, false, USE_BYTES);
		} else {
			const byEnd = new Map([[statement.end, facts]]);
			space.templates.set(key, { statement, byEnd, tail: text.length - statement.end }, bytes);
		}
	}

	async close(): Promise<void> {
		await Promise.all([this.#short.close(), this.#long.close()]);
	}
}

/** Ways of reading kept at once: search paths are the clients' choice, so their number must be bounded. */
const MAX_SPACES = 256;

/** Before there is a catalog nothing is read, so nothing is kept. */
const NO_TEMPLATE: TemplateOf = () => undefined;

function shared(bytes: Uint8Array): SharedArrayBuffer {
	const memory = new SharedArrayBuffer(bytes.length);
	new Uint8Array(memory).set(bytes);
	return memory;
}

function keyOf(text: Uint8Array): string {
	return Buffer.from(text.buffer, text.byteOffset, text.length).toString("latin1", 0, text.length);
}

/** Literals of one statement differ in length by a few characters; where they differ by more, the oldest are made anew. */
const MAX_ENDS = 16;

/** The facts of another text of the template; texts of templates are ASCII, so bytes are characters. */
function factsOf({ statement, byEnd, tail }: Template, length: number): TextFacts {
	const end = length - tail;
	let facts = byEnd.get(end);
	if (facts === undefined) {
		const [first] = byEnd;
		facts = { ...first?.[1], statements: [{ ...statement, end }] };
		if (byEnd.size >= MAX_ENDS && first !== undefined) byEnd.delete(first[0]);
		byEnd.set(end, facts);
	}
	return facts;
}

function weightOf(facts: TextFacts): number {
	let bytes = 0;
	for (const statement of facts.statements) {
		const { relations, columns, functions, outputs, effect } = statement;
		const uses = relations.length + columns.length + functions.length + (outputs?.length ?? 0);
		bytes += STATEMENT_BYTES + uses * USE_BYTES;
		for (const output of outputs ?? []) bytes += output.sources.length * USE_BYTES;
		if (effect?.kind === "prepare" || effect?.kind === "declare") bytes += weightOf({ statements: [effect.statement] });
	}
	return bytes + USE_BYTES;
}

/** What the server gets in the text's place holds the literals of that text. */
function dependsOnLiterals({ canonical, guarded }: TextFacts, statement: StatementFacts): boolean {
	if (canonical !== undefined || guarded !== undefined) return true;
	return statement.literalSensitive || statement.refusal !== undefined || statement.effect !== undefined;
}

export function createAnalyser(options: AnalyserOptions): Analyser & { readonly stats: AnalyserStats } {
	return new Pool(options);
}
