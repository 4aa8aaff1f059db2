/**
 * The analyser: caches before a reader in a thread of its own.
 *
 * What is asked again is answered at once and from this thread; what is new goes to the reader. A text that takes too
 * long, or breaks the reader, is refused, the reader is replaced, and the texts behind it are asked again.
 */
import { Worker } from "node:worker_threads";
import type { Analyser, ReadingContext } from "./analyser.js";
import { Cache } from "./cache.js";
import type { Catalog } from "./catalog.js";
import type { Refusal, TextFacts } from "./facts.js";
import { templateOf } from "./postgres/template.js";
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
}

/** Longer texts are not kept. */
const MAX_CACHED_BYTES = 16 * 1024;
/** What a text's facts weigh, roughly, beyond its own bytes. */
const FACTS_BYTES = 2048;
/** Parsers recurse on nesting: what the operating system's default allows is too little. */
const STACK_MIB = 32;
/** A reader that cannot even start is not started again and again. */
const MAX_START_FAILURES = 3;

/** What is known for one way of reading: one target, database, search path and user, over one catalog snapshot. */
interface Space {
	readonly exact: Cache<TextFacts>;
	/** false: facts of this template depend on its literals. */
	readonly templates: Cache<TextFacts | false>;
	readonly context: ReadingContext;
}

interface Question {
	readonly id: number;
	readonly text: Uint8Array;
	readonly space: Space;
	readonly answer: (facts: TextFacts) => void;
}

class Pool implements Analyser {
	readonly stats: AnalyserStats = { exactHits: 0, templateHits: 0, misses: 0, readersReplaced: 0 };
	readonly #options: AnalyserOptions;
	readonly #catalogs = new Map<string, { readonly target: string; readonly catalog: Catalog }>();
	readonly #spaces = new Map<string, Space>();
	/** The space of a context object seen before, so that the hot path builds no key. */
	#known = new WeakMap<ReadingContext, Space>();
	/** Asked and not answered, in order: the reader works on the first. */
	#questions: Question[] = [];
	#nextId = 0;
	#worker: Worker | undefined;
	#ready = false;
	#startFailures = 0;
	#timer: NodeJS.Timeout | undefined;
	#closed = false;

	constructor(options: AnalyserOptions) {
		this.#options = options;
		this.#start();
	}

	catalog(target: string, database: string): Catalog | undefined {
		return this.#catalogs.get(`${target}\0${database}`)?.catalog;
	}

	useCatalog(target: string, catalog: Catalog): void {
		const key = `${target}\0${catalog.database}`;
		this.#catalogs.set(key, { target, catalog });
		for (const [name, space] of this.#spaces) {
			if (space.context.target === target && space.context.database === catalog.database) this.#spaces.delete(name);
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
			const template = templateOf(text);
			if (template !== undefined) {
				const shared = space.templates.get(template);
				if (shared !== undefined && shared !== false) {
					this.stats.templateHits += 1;
					return shared;
				}
			}
		}
		this.stats.misses += 1;
		return this.#ask(Uint8Array.prototype.slice.call(text), space);
	}

	#space(context: ReadingContext): Space {
		const key = JSON.stringify([context.target, context.database, context.user, context.searchPath]);
		let space = this.#spaces.get(key);
		if (space === undefined) {
			const { cacheBytes } = this.#options;
			// Each way of reading has its share; sessions of one license mostly read in one way.
			space = { exact: new Cache(cacheBytes / 2), templates: new Cache(cacheBytes / 2), context };
			if (this.#spaces.size >= MAX_SPACES) this.#spaces.clear();
			this.#spaces.set(key, space);
		}
		this.#known.set(context, space);
		return space;
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
			if (this.#questions.length === 1) this.#watch();
		});
	}

	#send(question: Question): void {
		this.#post({ kind: "analyse", id: question.id, text: question.text, context: question.space.context });
	}

	#post(message: ToWorker): void {
		this.#worker?.postMessage(message);
	}

	/** The first question has this long from now on. */
	#watch(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		if (this.#questions.length === 0 || !this.#ready) return;
		this.#timer = setTimeout(() => {
			this.#giveUp("reading the statement took too long");
		}, this.#options.timeoutMs);
	}

	#start(): void {
		const settings: WorkerSettings = { statementBytes: this.#options.statementBytes };
		const worker = new Worker(new URL("./worker.js", import.meta.url), {
			workerData: settings,
			resourceLimits: { stackSizeMb: STACK_MIB, maxOldGenerationSizeMb: 1024 },
		});
		this.#worker = worker;
		this.#ready = false;
		worker.on("message", (message: FromWorker) => {
			if (worker === this.#worker) this.#heard(message);
		});
		worker.on("error", (error) => this.#died(worker, error.message));
		worker.on("exit", () => this.#died(worker, "the reader ended"));
		worker.unref();
		for (const { target, catalog } of this.#catalogs.values()) this.#post({ kind: "catalog", target, catalog });
		for (const question of this.#questions) this.#send(question);
	}

	#heard(message: FromWorker): void {
		switch (message.kind) {
			case "ready":
				this.#ready = true;
				this.#startFailures = 0;
				break;
			case "facts":
				this.#settle(message.id, message.facts);
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
		const bytes = text.length + FACTS_BYTES;
		space.exact.set(keyOf(text), facts, bytes);
		const template = templateOf(text);
		if (template === undefined) return;
		const sensitive = facts.statements.length !== 1 || facts.statements.some(dependsOnLiterals);
		space.templates.set(template, sensitive ? false : facts, bytes);
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

function keyOf(text: Uint8Array): string {
	return Buffer.from(text.buffer, text.byteOffset, text.length).latin1Slice();
}

function dependsOnLiterals(statement: TextFacts["statements"][number]): boolean {
	return statement.literalSensitive || statement.refusal !== undefined || statement.effect !== undefined;
}

function refused(kind: Refusal["kind"], message: string): TextFacts {
	return { statements: [], refusal: { kind, message } };
}

export function createAnalyser(options: AnalyserOptions): Analyser & { readonly stats: AnalyserStats } {
	return new Pool(options);
}
