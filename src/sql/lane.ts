/**
 * A reader in a thread of its own, and the texts that wait for it in order. A text that takes too long, or breaks the
 * reader, is refused, the reader is replaced, and the texts behind it are asked again.
 *
 * A lane without `restMs` has its reader from the beginning; one with it starts a reader when there is something to
 * read, and ends it when there was nothing for so long.
 */
import { setImmediate as othersTurn } from "node:timers/promises";
import { deserialize } from "node:v8";
import { Worker } from "node:worker_threads";
import type { ReadingContext } from "./analyser.js";
import type { Refusal, StatementFacts, TextFacts } from "./facts.js";
import type { Answer } from "./reader.js";
import type { FromWorker, SharedCatalog, ToWorker, WorkerSettings } from "./worker.js";

export interface LaneOptions {
	readonly settings: WorkerSettings;
	/** For one text. */
	readonly timeoutMs: number;
	readonly restMs?: number;
	/** What a new reader has to be told first. */
	readonly catalogs: () => Iterable<SharedCatalog>;
	readonly onReplaced: () => void;
}

interface Question {
	readonly id: number;
	readonly text: Uint8Array;
	readonly context: ReadingContext;
	readonly answer: (answer: Answer) => void;
}

/** Parsers recurse on nesting: what the operating system's default allows is too little. */
const STACK_MIB = 32;
/** Trees live for a statement only; room for many of them would be memory that is touched and never needed. */
const YOUNG_MIB = 8;
/** A reader that cannot even start is not started again and again. */
const MAX_START_FAILURES = 3;

export class Lane {
	readonly #options: LaneOptions;
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

	constructor(options: LaneOptions) {
		this.#options = options;
		if (options.restMs === undefined) this.#start();
	}

	useCatalog({ target, bytes }: SharedCatalog): void {
		this.#post({ kind: "catalog", target, bytes });
	}

	forgetCatalog(target: string, database: string): void {
		this.#post({ kind: "forget", target, database });
	}

	/** `text` is kept. Never rejects. */
	ask(text: Uint8Array, context: ReadingContext): Promise<Answer> {
		if (this.#closed || this.#startFailures >= MAX_START_FAILURES) {
			return Promise.resolve({ facts: refused("limit", "the reader of statements is not running") });
		}
		return new Promise((resolve) => {
			this.#nextId += 1;
			const question = { id: this.#nextId, text, context, answer: resolve };
			this.#questions.push(question);
			if (this.#worker === undefined) this.#start();
			else this.#send(question);
			if (this.#questions.length > 1) return;
			// A process may end with an idle reader, but not with a question open.
			this.#worker?.ref();
			this.#watch();
		});
	}

	#send(question: Question): void {
		this.#post({ kind: "analyse", id: question.id, text: question.text, context: question.context });
	}

	#post(message: ToWorker): void {
		if (this.#worker === undefined) return;
		if (message.kind === "catalog") this.#loading += 1;
		this.#worker.postMessage(message);
	}

	/** The first question has this long from now on. */
	#watch(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const first = this.#questions[0];
		if (first === undefined) {
			this.#rest();
			return;
		}
		// A large catalog takes its time, which is not the statement's.
		if (!this.#ready || this.#loading > 0) return;
		this.#timer = setTimeout(() => {
			// This thread may have been the slow one: an answer that lies waiting is heard before anything is given up.
			setImmediate(() => {
				if (this.#questions[0] === first && !this.#closed) this.#giveUp("reading the statement took too long");
			});
		}, this.#options.timeoutMs);
	}

	#rest(): void {
		this.#worker?.unref();
		const { restMs } = this.#options;
		if (restMs === undefined) return;
		this.#timer = setTimeout(() => this.#end(), restMs).unref();
	}

	#end(): Worker | undefined {
		const worker = this.#worker;
		this.#worker = undefined;
		worker?.terminate().catch(() => undefined);
		return worker;
	}

	#start(): void {
		const worker = new Worker(new URL("./worker.js", import.meta.url), {
			workerData: this.#options.settings,
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
		for (const snapshot of this.#options.catalogs()) this.useCatalog(snapshot);
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
				this.#take(message.id)?.answer(message.answer);
				break;
			case "longAnswer": {
				const question = this.#take(message.id);
				if (question !== undefined) void assembled(message).then(question.answer);
				break;
			}
			case "broken":
				this.#giveUp(`the statement cannot be read: ${message.message}`);
				return;
		}
		this.#watch();
	}

	#take(id: number): Question | undefined {
		const index = this.#questions.findIndex((question) => question.id === id);
		return index === -1 ? undefined : this.#questions.splice(index, 1)[0];
	}

	/** The first question's text was too much, and the reader is replaced. */
	#giveUp(why: string): void {
		const question = this.#questions.shift();
		question?.answer({ facts: refused("limit", why), exceeded: true });
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
		else for (const question of this.#questions.splice(0)) question.answer({ facts: refused("limit", why) });
	}

	#replace(): void {
		this.#options.onReplaced();
		clearTimeout(this.#timer);
		this.#end();
		// Nothing waits for a lane that starts its reader when it is asked.
		if (this.#questions.length > 0 || this.#options.restMs === undefined) this.#start();
	}

	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#timer);
		const facts = refused("limit", "the proxy is shutting down");
		for (const question of this.#questions.splice(0)) question.answer({ facts });
		await this.#worker?.terminate();
	}
}

/** Others have their turn between the parts. */
async function assembled({ answer, statements }: Extract<FromWorker, { kind: "longAnswer" }>): Promise<Answer> {
	const all: StatementFacts[] = [];
	for (const part of statements) {
		await othersTurn();
		all.push(...(deserialize(part) as StatementFacts[]));
	}
	return { ...answer, facts: { ...answer.facts, statements: all } };
}

function refused(kind: Refusal["kind"], message: string): TextFacts {
	return { statements: [], refusal: { kind, message } };
}
