/**
 * The archive of a node's recording, as the node sees it: a thread that is told when a segment has been sealed, and that
 * tells what is safe in the store. Nothing waits for it but retention.
 */
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Logger } from "../../telemetry/log.js";
import { countArchived, setArchivePending } from "../../telemetry/metrics.js";
import type { Credentials, Destination } from "./s3.js";
import { ArchiveState, stateFile } from "./state.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./worker.js";

export interface ArchiveTerms {
	readonly destination: Destination;
	/** Read when they are needed. What it rejects with names no secret. */
	readonly credentials: () => Promise<Credentials>;
}

export interface ArchiveOptions extends ArchiveTerms {
	/** data/log */
	readonly folder: string;
	readonly node: string;
	readonly log: Logger;
	/** Called when retention may go further than before. */
	readonly onCommitted: () => void;
}

/** A thread that failed is started again after so long. */
const RESTART_MS = 60_000;

export class Archive {
	readonly #options: ArchiveOptions;
	readonly #workerData: WorkerOptions;
	#worker: Worker | undefined;
	#restart: NodeJS.Timeout | undefined;
	#committed: number;
	#isFailing = false;
	#closed = false;

	/** Reads what is known to be in the store. */
	constructor(options: ArchiveOptions) {
		const { folder, node, destination } = options;
		const stateFolder = join(dirname(folder), "archive");
		const path = stateFile(stateFolder, { ...destination, node });
		this.#options = options;
		this.#workerData = {
			folder,
			stateFolder,
			stateFile: path,
			destination: { ...destination, prefix: `${destination.prefix}${node}/` },
		};
		this.#committed = new ArchiveState(path).committed?.segment ?? 0;
	}

	/** To be called once the evidence is open: from then on there are no files in the log that are half made. */
	start(): void {
		const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.#workerData });
		worker.unref();
		worker.on("message", (message: FromWorker) => this.#take(message));
		worker.on("error", (error) => this.#options.log.warn({ err: error }, "the archive's thread failed"));
		worker.on("exit", () => {
			if (this.#closed) return;
			this.#worker = undefined;
			this.#restart = setTimeout(() => this.start(), RESTART_MS);
			this.#restart.unref();
		});
		this.#worker = worker;
	}

	/** There is something new. */
	look(): void {
		this.#worker?.postMessage({ kind: "look" } satisfies ToWorker);
	}

	/** Whether a sealed segment, and a head behind it, have been seen in the store. */
	has(first: number): boolean {
		return first < this.#committed;
	}

	#take(message: FromWorker): void {
		const { log, onCommitted } = this.#options;
		switch (message.kind) {
			case "credentials":
				void this.#answerCredentials();
				return;
			case "confirmed":
				countArchived("confirmed");
				log.debug({ object: message.object, bytes: message.bytes }, "an object of the recording is in the archive");
				return;
			case "committed":
				this.#committed = message.segment;
				if (this.#isFailing) log.info("the archive of the recording goes on");
				this.#isFailing = false;
				log.info({ entries: message.size, segment: message.segment }, "the recording is in the archive up to here");
				onCommitted();
				return;
			case "pending":
				setArchivePending(message.segments);
				return;
			case "failed": {
				const { object, code, message: reason, retryMs } = message;
				this.#isFailing = true;
				countArchived(code);
				const line = "the recording is not in the archive yet; what is there stays on this disk until it is";
				if (code === "conflict" || code === "local") log.error({ object, reason, retryMs }, line);
				else log.warn({ object, reason, retryMs }, line);
				return;
			}
			default:
				message satisfies never;
		}
	}

	async #answerCredentials(): Promise<void> {
		let answer: ToWorker;
		try {
			answer = { kind: "credentials", ...(await this.#options.credentials()) };
		} catch (error) {
			answer = { kind: "no-credentials", message: error instanceof Error ? error.message : String(error) };
		}
		this.#worker?.postMessage(answer);
	}

	/** Interrupts what is being done; it goes on at the next start. */
	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#restart);
		await this.#worker?.terminate();
	}
}
