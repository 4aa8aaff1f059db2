/**
 * The archive's work: brings what is due to the store, one object after the other, and begins anew after a pause when
 * something fails. It never waits for anybody, and nobody for it.
 */

import { sealedObject } from "./objects.js";
import { headUploads, planHead, sealedSegments, segmentObjects, segmentUploads } from "./plan.js";
import type { Credentials } from "./s3.js";
import type { ArchiveState, Head } from "./state.js";
import { ArchiveError, type ObjectStore } from "./store.js";
import { type Upload, upload } from "./upload.js";

export interface Progress {
	/** An object is in the store, and was read back. */
	confirmed(object: string, bytes: number): void;
	/** What is in the store up to here is a whole log. */
	committed(head: Head): void;
	failed(failure: {
		readonly object: string | undefined;
		readonly code: string;
		readonly message: string;
		readonly retryMs: number;
	}): void;
	/** Sealed segments that are not in the store yet. */
	pending(segments: number): void;
}

export interface UploaderOptions {
	/** data/log */
	readonly folder: string;
	readonly state: ArchiveState;
	readonly connect: (credentials: Credentials) => ObjectStore;
	/** Rejects when they cannot be had. */
	readonly credentials: () => Promise<Credentials>;
	readonly progress: Progress;
	readonly now: () => string;
}

/** The pause after a failure, and the most that it grows to by doubling: a store that is back is used within five minutes. */
const RETRY_MS = 1000;
const RETRY_MAX_MS = 300_000;

export class Uploader {
	readonly #options: UploaderOptions;
	#store: ObjectStore | undefined;
	#running = false;
	#isDue = false;
	#retryMs = RETRY_MS;
	#retry: NodeJS.Timeout | undefined;
	#object: string | undefined;

	constructor(options: UploaderOptions) {
		this.#options = options;
	}

	/** There may be something to do. A pause after a failure is not cut short by it. */
	look(): void {
		this.#isDue = true;
		if (!this.#running && this.#retry === undefined) void this.#run();
	}

	async #run(): Promise<void> {
		this.#running = true;
		try {
			while (this.#isDue) {
				this.#isDue = false;
				await this.#pass();
				this.#retryMs = RETRY_MS;
			}
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#running = false;
		}
	}

	#fail(error: unknown): void {
		/* Keys are read anew: they may have been the cause, and may have been changed. */
		this.#store = undefined;
		const retryMs = this.#retryMs;
		this.#retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
		const code = error instanceof ArchiveError ? error.code : "local";
		const message = error instanceof Error ? error.message : String(error);
		this.#options.progress.failed({ object: this.#object, code, message, retryMs });
		this.#retry = setTimeout(() => {
			this.#retry = undefined;
			this.look();
		}, retryMs);
	}

	async #pass(): Promise<void> {
		const { folder, state, progress } = this.#options;
		this.#object = undefined;
		const due = this.#missing();
		progress.pending(due.length);
		for (const first of due) {
			this.#object = sealedObject(first);
			for (const one of await segmentUploads(folder, first)) await this.#deliver(one);
		}
		this.#object = undefined;
		progress.pending(0);
		const head = state.head ?? (await planHead(folder, state.committed));
		if (head === undefined) return;
		this.#isDue = true;
		if (state.head === undefined) {
			/* Retention goes by heads: no segment before one may be missing, and more may have been sealed since. */
			if (this.#missing().some((first) => first < head.segment)) return;
			await state.plan(head);
		}
		for (const one of headUploads(folder, head)) await this.#deliver(one);
		await state.commit(head);
		progress.committed(head);
	}

	/** Sealed segments of which something is not known to be in the store. */
	#missing(): number[] {
		const { folder, state } = this.#options;
		return sealedSegments(folder).filter((first) =>
			segmentObjects(folder, first).some((object) => !state.isConfirmed(object)),
		);
	}

	async #deliver(one: Upload): Promise<void> {
		const { state, now, progress } = this.#options;
		if (state.isConfirmed(one.object)) return;
		this.#object = one.object;
		const { bytes } = await upload(one, { store: await this.#connected(), state, now });
		progress.confirmed(one.object, bytes);
	}

	async #connected(): Promise<ObjectStore> {
		this.#store ??= this.#options.connect(await this.#options.credentials());
		return this.#store;
	}
}
