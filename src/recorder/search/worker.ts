/**
 * The thread of the search index: it reads the log behind the node, and answers searches. The node itself spends nothing
 * on it but a message a second, and the thread steps back where processors are short.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { removeSearchFile, type SearchFile } from "../../store/search-file.js";
import { LogReader } from "../reader.js";
import { SearchFinder } from "./finder.js";
import type { SearchQuery } from "./query.js";
import { isDamage, openSearchIndex } from "./schema.js";
import { SearchWriter } from "./writer.js";

export interface WorkerOptions {
	/** data */
	readonly folder: string;
	/** data/log */
	readonly logFolder: string;
	readonly node: string;
}

export type ToWorker =
	/** There is more in the log. */
	| { readonly kind: "grown" }
	| { readonly kind: "find" | "sessions"; readonly id: number; readonly query: SearchQuery }
	| { readonly kind: "close" };

export type FromWorker =
	| { readonly id: number; readonly answer: unknown }
	| { readonly id: number; readonly error: string }
	| { readonly trouble: string };

type Request = Extract<ToWorker, { readonly id: number }>;

/** How long a search waits for the newest statements to be taken in before it is answered without them. */
const FRESH_MS = 3000;
/** So long the log is read on before the thread looks whether somebody asks. */
const SLICE_MS = 200;
/** Of 19: it gets about a tenth of a processor that others want too. */
const NICE = 10;

class SearchThread {
	readonly #options: WorkerOptions;
	readonly #reader: LogReader;
	readonly #send: (message: FromWorker) => void;
	#file: SearchFile;
	#writer: SearchWriter;
	#finder: SearchFinder;
	readonly #requests: Request[] = [];
	#grown = true;
	#running = false;
	#closed = false;

	constructor(options: WorkerOptions, send: (message: FromWorker) => void) {
		this.#options = options;
		this.#send = send;
		this.#reader = new LogReader(options.logFolder);
		this.#file = openSearchIndex(options.folder, options.node);
		this.#writer = new SearchWriter(this.#file);
		this.#finder = new SearchFinder(this.#file);
	}

	take(message: ToWorker): void {
		if (message.kind === "grown") this.#grown = true;
		else if (message.kind === "close") this.#closed = true;
		else this.#requests.push(message);
		if (!this.#running) void this.#run();
	}

	async #run(): Promise<void> {
		this.#running = true;
		while (!this.#closed && (this.#grown || this.#requests.length > 0)) {
			const request = this.#requests.shift();
			if (request === undefined) await this.#readOn(SLICE_MS).catch((error: unknown) => this.#trouble(error));
			else await this.#answer(request);
			/* Messages are taken between the steps. */
			await new Promise((resolve) => setImmediate(resolve));
		}
		this.#running = false;
		if (!this.#closed) return;
		this.#file.close();
		process.exit(0);
	}

	/** True when the end of the log is reached. */
	async #readOn(ms: number): Promise<boolean> {
		this.#grown = false;
		const isAtEnd = await this.#writer.catchUp(this.#reader, Date.now() + ms);
		this.#grown ||= !isAtEnd;
		return isAtEnd;
	}

	/** Told once and left until there is more to read: an index that cannot be written must not keep a processor busy. */
	#trouble(error: unknown): void {
		this.#grown = false;
		this.#send({ trouble: said(error) });
		this.#repair(error);
	}

	async #answer(request: Request): Promise<void> {
		try {
			this.#send({ id: request.id, answer: await this.#answerOf(request) });
		} catch (error) {
			this.#send({ id: request.id, error: said(error) });
			this.#repair(error);
		}
	}

	/** A damaged file is thrown away and made anew from the log. */
	#repair(error: unknown): void {
		if (!isDamage(error)) return;
		try {
			this.#file.close();
		} catch {
			/* It is removed either way. */
		}
		removeSearchFile(this.#options.folder);
		this.#file = openSearchIndex(this.#options.folder, this.#options.node);
		this.#writer = new SearchWriter(this.#file);
		this.#finder = new SearchFinder(this.#file);
		this.#grown = true;
	}

	async #answerOf(request: Request): Promise<unknown> {
		const isFresh = await this.#readOn(FRESH_MS);
		const found = request.kind === "find" ? this.#finder.find(request.query) : this.#finder.sessions(request.query);
		return isFresh
			? found
			: { ...found, incomplete: "the index is still being made from the log: newer statements are not in it yet" };
	}
}

function said(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

const port = parentPort;
if (port !== null) {
	/* On Linux this is the thread's own; elsewhere it would be the whole process's. */
	if (process.platform === "linux") setPriority(0, NICE);
	const thread = new SearchThread(workerData as WorkerOptions, (message) => port.postMessage(message));
	port.on("message", (message: ToWorker) => thread.take(message));
	thread.take({ kind: "grown" });
}
