/**
 * The search of a node, as the node sees it: a thread that is told when the log has grown, and asked.
 */
import { Worker } from "node:worker_threads";
import type { Logger } from "../../telemetry/log.js";
import { JournalError } from "../errors.js";
import type { SearchAnswer, SearchQuery } from "./query.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./worker.js";

export interface SearchOptions extends WorkerOptions {
	readonly log: Logger;
	/** The number of the log's next entry: how one sees that it has grown. */
	readonly nextSeq: () => number;
}

/** What was recorded is found about a second later, whether somebody asks or not. */
const LOOK_MS = 1000;
/** A thread that failed is started again when it is asked, or after so long. */
const RESTART_MS = 60_000;
const CLOSE_MS = 5000;
/** Of JavaScript objects; SQLite's memory is beside it. */
const HEAP_MIB = 256;
/** Most of what it makes dies at once, and more room for that is memory that is touched and never needed. */
const YOUNG_MIB = 4;

interface Waiter {
	readonly resolve: (answer: unknown) => void;
	readonly reject: (error: Error) => void;
}

export class Search {
	readonly #options: SearchOptions;
	readonly #waiters = new Map<number, Waiter>();
	readonly #timer: NodeJS.Timeout;
	#worker: Worker | undefined;
	#failedMs = Number.NEGATIVE_INFINITY;
	#told = -1;
	#lastId = 0;

	constructor(options: SearchOptions) {
		this.#options = options;
		this.#timer = setInterval(() => this.#look(), LOOK_MS);
		this.#timer.unref();
	}

	find(query: SearchQuery): Promise<SearchAnswer> {
		return this.#ask({ kind: "find", id: 0, query }) as Promise<SearchAnswer>;
	}

	sessions(query: SearchQuery): Promise<{ readonly names: readonly string[]; readonly incomplete: string | null }> {
		return this.#ask({ kind: "sessions", id: 0, query }) as ReturnType<Search["sessions"]>;
	}

	#look(): void {
		const next = this.#options.nextSeq();
		if (next === this.#told || performance.now() - this.#failedMs < RESTART_MS) return;
		this.#told = next;
		this.#thread().postMessage({ kind: "grown" } satisfies ToWorker);
	}

	#ask(request: Extract<ToWorker, { readonly id: number }>): Promise<unknown> {
		this.#lastId += 1;
		const id = this.#lastId;
		return new Promise((resolve, reject) => {
			this.#waiters.set(id, { resolve, reject });
			const thread = this.#thread();
			/* It keeps the process alive while somebody waits for it, and only then. */
			thread.ref();
			thread.postMessage({ ...request, id });
		});
	}

	#thread(): Worker {
		if (this.#worker !== undefined) return this.#worker;
		const { folder, logFolder, node } = this.#options;
		const worker = new Worker(new URL("./worker.js", import.meta.url), {
			name: "licet search",
			workerData: { folder, logFolder, node } satisfies WorkerOptions,
			resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
		});
		worker.unref();
		worker.on("message", (message: FromWorker) => this.#heard(message));
		worker.on("error", (error) => this.#lost(worker, error));
		worker.on("exit", () => this.#lost(worker, new Error("the search thread ended")));
		this.#worker = worker;
		return worker;
	}

	#heard(message: FromWorker): void {
		if ("trouble" in message) {
			this.#options.log.warn({ err: message.trouble }, "the search index could not be written; it will be tried again");
			return;
		}
		const waiter = this.#waiters.get(message.id);
		this.#waiters.delete(message.id);
		if (this.#waiters.size === 0) this.#worker?.unref();
		if ("error" in message) waiter?.reject(new JournalError("failed", `the search failed: ${message.error}`));
		else waiter?.resolve(message.answer);
	}

	#lost(worker: Worker, error: Error): void {
		if (this.#worker !== worker) return;
		this.#worker = undefined;
		this.#told = -1;
		this.#failedMs = performance.now();
		this.#options.log.warn({ err: error }, "the search thread ended; it is started again when it is needed");
		for (const waiter of this.#waiters.values()) {
			waiter.reject(new JournalError("failed", `the search failed: ${error.message}`));
		}
		this.#waiters.clear();
	}

	async close(): Promise<void> {
		clearInterval(this.#timer);
		const worker = this.#worker;
		this.#worker = undefined;
		for (const waiter of this.#waiters.values()) waiter.reject(new JournalError("failed", "the node is stopping"));
		this.#waiters.clear();
		if (worker === undefined) return;
		const gone = new Promise((resolve) => worker.once("exit", resolve));
		worker.postMessage({ kind: "close" } satisfies ToWorker);
		const late = setTimeout(() => void worker.terminate(), CLOSE_MS);
		await gone;
		clearTimeout(late);
	}
}
