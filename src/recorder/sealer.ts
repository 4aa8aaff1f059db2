/**
 * The sealer: replaces finished segments by compressed ones, one at a time and in the background.
 *
 * 1. A thread writes the compressed file and the leaf hashes' first bytes beside the segment (`….tmp`).
 * 2. A `seal` entry tells their hashes, and a checkpoint covers it: from then on no byte of them can be changed.
 * 3. The files take their places, and the segment's lines go.
 *
 * A crash between any two steps leaves the lines in place, and sealing begins anew at the next start: temporary files are
 * removed, and a second `seal` entry for the same segment is as good as the first.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { pathSynced } from "./disk.js";
import type { Entry } from "./entry.js";
import { JournalError } from "./errors.js";
import { LEAF_PREFIX_BYTES } from "./notary.js";
import type { SealTask, SealWork } from "./seal-worker.js";
import { leavesPath, sealedPath, segmentName, segmentPath } from "./segments.js";
import type { CompactRange } from "./tree.js";

export interface SealerOptions {
	/** data/log */
	readonly folder: string;
	readonly append: (entry: Entry) => void;
	/** Resolves when what has been appended is under a checkpoint. */
	readonly checkpoint: () => Promise<void>;
	/** Called when a segment has been sealed. */
	readonly onSealed: (first: number) => void;
	/** Told when a segment could not be sealed; it will be tried again. */
	readonly onFailure: (error: unknown, first: number) => void;
	readonly now: () => number;
}

/** After a failure: space that returns is used within a minute, and a disk in trouble is not kept busy. */
const RETRY_MS = 60_000;

/** What an interrupted sealing, or a writing anew, left behind. To be called when nobody else writes to the folder. */
export function removeTemporaryFiles(folder: string): void {
	for (const name of readdirSync(folder)) if (name.endsWith(".tmp")) rmSync(join(folder, name), { force: true });
}

export class Sealer {
	readonly #options: SealerOptions;
	readonly #queue: CompactRange[] = [];
	#work: Promise<void> | undefined;
	#thread: Worker | undefined;
	#notBefore = 0;
	#closed = false;

	constructor(options: SealerOptions) {
		this.#options = options;
	}

	/** Takes a segment that is finished and under a checkpoint. */
	add(range: CompactRange): void {
		if (existsSync(segmentPath(this.#options.folder, range.begin))) this.#queue.push(range);
		this.proceed();
	}

	/** Goes on with what is waiting, if its time has come. */
	proceed(): void {
		const next = this.#queue[0];
		if (this.#closed || this.#work !== undefined || next === undefined || this.#options.now() < this.#notBefore) return;
		this.#work = this.#seal(next).then(
			() => {
				this.#work = undefined;
				this.#queue.shift();
				this.#options.onSealed(next.begin);
				this.proceed();
			},
			(error: unknown) => {
				this.#work = undefined;
				if (this.#closed) return;
				this.#notBefore = this.#options.now() + RETRY_MS;
				this.#options.onFailure(error, next.begin);
			},
		);
	}

	async #seal(range: CompactRange): Promise<void> {
		const { folder, append, checkpoint } = this.#options;
		const segment = range.begin;
		const [compressed, leaves] = [sealedPath(folder, segment), leavesPath(folder, segment)];
		const files = { compressed: `${compressed}.tmp`, leaves: `${leaves}.tmp` };
		try {
			const source = segmentPath(folder, segment);
			const done = await this.#inThread({ source, first: segment, ...files, prefixBytes: LEAF_PREFIX_BYTES });
			if (done.entries !== range.end - segment || done.hashes.join() !== range.hashes.join()) {
				throw new JournalError("corrupt", `${segmentName(segment)} is not what was written to it`);
			}
			const { entries, bytes, sha256, leavesSha256 } = done;
			append({ type: "seal", segment, entries, bytes, sha256, leavesSha256 });
			await checkpoint();
			await rename(files.leaves, leaves);
			await rename(files.compressed, compressed);
			await pathSynced(folder);
			await rm(source);
		} catch (error) {
			await rm(files.compressed, { force: true });
			await rm(files.leaves, { force: true });
			throw error;
		}
	}

	#inThread(task: SealTask): Promise<SealWork> {
		return new Promise((resolve, reject) => {
			const thread = new Worker(new URL("./seal-worker.js", import.meta.url), { workerData: task });
			this.#thread = thread;
			thread.once("message", resolve);
			thread.once("error", reject);
			thread.once("exit", () => reject(new Error("the sealing was interrupted")));
			thread.unref();
		});
	}

	/** Interrupts what is being done; it begins anew at the next start. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#thread?.terminate();
		await this.#work;
	}
}
