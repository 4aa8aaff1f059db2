/**
 * The analyser: caches before a reader in a thread of its own.
 *
 * What is asked again is answered at once and from this thread; what is new goes to the reader. A text that takes too
 * long, or breaks the reader, is refused, the reader is replaced, and the texts behind it are asked again.
 */
import { Worker } from "node:worker_threads";
import type { Analyser, ReadingContext } from "./analyser.js";
import { type Cache, CacheBudget } from "./cache.js";
import type { Catalog } from "./catalog.js";
import type { Refusal, StatementFacts, TextFacts } from "./facts.js";
import type { TemplateOf } from "./reader.js";
import { TEMPLATES } from "./templates.js";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker.js";

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

/** Longer texts are not kept. */
const MAX_CACHED_BYTES = 16 * 1024;
/** What facts weigh, roughly: a statement by itself, and each relation, column, function or output of it. */
const STATEMENT_BYTES = 1024;
const USE_BYTES = 160;
/** Parsers recurse on nesting: what the operating system's default allows is too little. */
const STACK_MIB = 32;
/** Trees live for a statement only; room for many of them would be memory that is touched and never needed. */
const YOUNG_MIB = 8;
/** A reader that cannot even start is not started again and again. */
const MAX_START_FAILURES = 3;

/** Facts that hold for every text of a template, with where the first one's statement ended. */
interface Template {
	readonly facts: TextFacts;
	readonly statement: StatementFacts;
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

interface Question {
	readonly id: number;
	readonly text: Uint8Array;
	readonly space: Space;
	readonly answer: (facts: TextFacts) => void;
}

class Pool implements Analyser {
	readonly stats: AnalyserStats = { exactHits: 0, templateHits: 0, misses: 0, readersReplaced: 0, disagreements: 0 };
	readonly #options: AnalyserOptions;
	readonly #budget: CacheBudget;
	readonly #catalogs = new Map<string, { readonly target: string; readonly catalog: Catalog }>();
	readonly #spaces = new Map<string, Space>();
	/** The space of a context object seen before, so that the hot path builds no key. */
	#known = new WeakMap<ReadingContext, Space>();
	/** Asked and not answered, in order: the reader works on the first. */
	#questions: Question[] = [];
	#nextId = 0;
	#worker: Worker | undefined;
	#ready = false;
	/** Catalogs that the reader was given and has not laid out yet. */
	#loading = 0;
	#startFailures = 0;
	#timer: NodeJS.Timeout | undefined;
	#closed = false;

	constructor(options: AnalyserOptions) {
		this.#options = options;
		this.#budget = new CacheBudget(options.cacheBytes);
		this.#start();
	}

	catalog(target: string, database: string): Catalog | undefined {
		return this.#catalogs.get(`${target}\0${database}`)?.catalog;
	}

	useCatalog(target: string, catalog: Catalog): void {
		const key = `${target}\0${catalog.database}`;
		this.#catalogs.set(key, { target, catalog });
		for (const [name, space] of this.#spaces) {
			if (space.context.target === target && space.context.database === catalog.database) this.#forget(name, space);
		}
		this.#known = new WeakMap();
		this.#post({ kind: "catalog", target, catalog });
	}

	analyse(text: Uint8Array, context: ReadingContext): TextFacts | Promise<TextFacts> {
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
		return this.#ask(Uint8Array.prototype.slice.call(text), space);
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

	#ask(text: Uint8Array, space: Space): Promise<TextFacts> {
		if (this.#closed || this.#startFailures >= MAX_START_FAILURES) {
			return Promise.resolve(refused("limit", "the reader of statements is not running"));
		}
		return new Promise((resolve) => {
			this.#nextId += 1;
			const question = { id: this.#nextId, text, space, answer: resolve };
			this.#questions.push(question);
			this.#send(question);
			if (this.#questions.length > 1) return;
			// A process may end with an idle reader, but not with a question open.
			this.#worker?.ref();
			this.#watch();
		});
	}

	#send(question: Question): void {
		this.#post({ kind: "analyse", id: question.id, text: question.text, context: question.space.context });
	}

	#post(message: ToWorker): void {
		if (message.kind === "catalog") this.#loading += 1;
		this.#worker?.postMessage(message);
	}

	/** The first question has this long from now on. */
	#watch(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const first = this.#questions[0];
		if (first === undefined) this.#worker?.unref();
		// A large catalog takes its time, which is not the statement's.
		if (first === undefined || !this.#ready || this.#loading > 0) return;
		this.#timer = setTimeout(() => {
			// This thread may have been the slow one: an answer that lies waiting is heard before anything is given up.
			setImmediate(() => {
				if (this.#questions[0] === first && !this.#closed) this.#giveUp("reading the statement took too long");
			});
		}, this.#options.timeoutMs);
	}

	#start(): void {
		const settings: WorkerSettings = { statementBytes: this.#options.statementBytes };
		const worker = new Worker(new URL("./worker.js", import.meta.url), {
			workerData: settings,
			resourceLimits: { stackSizeMb: STACK_MIB, maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: YOUNG_MIB },
		});
		this.#worker = worker;
		this.#ready = false;
		this.#loading = 0;
		worker.on("message", (message: FromWorker) => {
			if (worker === this.#worker && !this.#closed) this.#heard(message);
		});
		worker.on("error", (error) => this.#died(worker, error.message));
		worker.on("exit", () => this.#died(worker, "the reader ended"));
		if (this.#questions.length === 0) worker.unref();
		for (const { target, catalog } of this.#catalogs.values()) this.#post({ kind: "catalog", target, catalog });
		for (const question of this.#questions) this.#send(question);
	}

	#heard(message: FromWorker): void {
		switch (message.kind) {
			case "ready":
				this.#ready = true;
				this.#startFailures = 0;
				break;
			case "loaded":
				this.#loading -= 1;
				break;
			case "answer":
				if (message.answer.disagrees === true) this.stats.disagreements += 1;
				this.#settle(message.id, message.answer.facts);
				break;
			case "broken":
				this.#giveUp(`the statement cannot be read: ${message.message}`);
				return;
		}
		this.#watch();
	}

	#settle(id: number, facts: TextFacts): void {
		const index = this.#questions.findIndex((question) => question.id === id);
		if (index === -1) return;
		const [question] = this.#questions.splice(index, 1) as [Question];
		this.#keep(question, facts);
		question.answer(facts);
	}

	#keep(question: Question, facts: TextFacts): void {
		const { text, space } = question;
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
		if (statement === undefined || facts.statements.length > 1 || dependsOnLiterals(statement)) {
			space.templates.set(key, false, USE_BYTES);
		} else {
			space.templates.set(key, { facts, statement, tail: text.length - statement.end }, bytes);
		}
	}

	/** The first question's text is refused and the reader replaced. */
	#giveUp(why: string): void {
		const question = this.#questions.shift();
		question?.answer(refused("limit", why));
		this.#replace();
	}

	#died(worker: Worker, why: string): void {
		if (worker !== this.#worker || this.#closed) return;
		if (this.#ready) {
			this.#giveUp(`the statement cannot be read: ${why}`);
			return;
		}
		this.#startFailures += 1;
		if (this.#startFailures < MAX_START_FAILURES) this.#replace();
		else for (const question of this.#questions.splice(0)) question.answer(refused("limit", why));
	}

	#replace(): void {
		const old = this.#worker;
		this.stats.readersReplaced += 1;
		this.#worker = undefined;
		clearTimeout(this.#timer);
		old?.terminate().catch(() => undefined);
		this.#start();
	}

	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#timer);
		for (const question of this.#questions.splice(0)) question.answer(refused("limit", "the proxy is shutting down"));
		await this.#worker?.terminate();
	}
}

/** Ways of reading kept at once: search paths are the clients' choice, so their number must be bounded. */
const MAX_SPACES = 256;

/** Before there is a catalog nothing is read, so nothing is kept. */
const NO_TEMPLATE: TemplateOf = () => undefined;

function keyOf(text: Uint8Array): string {
	return Buffer.from(text.buffer, text.byteOffset, text.length).toString("latin1", 0, text.length);
}

/** The facts of another text of the template; texts of templates are ASCII, so bytes are characters. */
function factsOf({ facts, statement, tail }: Template, length: number): TextFacts {
	const end = length - tail;
	return end === statement.end ? facts : { ...facts, statements: [{ ...statement, end }] };
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

function dependsOnLiterals(statement: StatementFacts): boolean {
	return statement.literalSensitive || statement.refusal !== undefined || statement.effect !== undefined;
}

function refused(kind: Refusal["kind"], message: string): TextFacts {
	return { statements: [], refusal: { kind, message } };
}

export function createAnalyser(options: AnalyserOptions): Analyser & { readonly stats: AnalyserStats } {
	return new Pool(options);
}
