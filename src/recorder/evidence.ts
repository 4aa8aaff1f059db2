/**
 * The evidence of a log as one thing: the notary that signs checkpoints, the sealer that compresses what is finished, and
 * retention that removes what is old.
 */
import type { Logger } from "../telemetry/log.js";
import type { ChainedCheckpoint } from "./checkpoint.js";
import type { JournalError } from "./errors.js";
import type { Journal } from "./journal.js";
import type { KeyOptions } from "./keys.js";
import { Notary } from "./notary.js";
import type { VerifierKey } from "./note.js";
import { readRanges } from "./ranges.js";
import { Retention, type RetentionTerms } from "./retention.js";
import { removeTemporaryFiles, Sealer } from "./sealer.js";
import { isOpen } from "./segments.js";

export interface EvidenceOptions {
	/** data/log */
	readonly folder: string;
	readonly journal: Journal;
	/** Milliseconds since the epoch, with fractions. */
	readonly now: () => number;
	readonly keys: Omit<KeyOptions, "name">;
	readonly retention: RetentionTerms;
	readonly log: Logger;
	/** Called when a checkpoint cannot be made: the log has failed by then. */
	readonly onFailure: (error: JournalError) => void;
	/** Called when a segment has been sealed. */
	readonly onSealed?: (first: number) => void;
	/** Whether retention may remove a sealed segment now; `retain` tells that it may remove more. */
	readonly mayRemove?: (first: number) => boolean;
	/** Takes out the keys of sessions that retention removes; not where segments are kept elsewhere (`mayRemove`). */
	readonly removeKeys?: (sessions: ReadonlySet<string>) => Promise<unknown>;
	/** Milliseconds between checkpoints while entries are written. */
	readonly intervalMs?: number;
}

/** Retention is looked at when a segment has been sealed, and this often: it counts in days. */
const RETENTION_MS = 3_600_000;
/** How often what waits is looked at. */
const TICK_MS = 10_000;

export class Evidence {
	readonly #options: EvidenceOptions;
	readonly #notary: Notary;
	readonly #sealer: Sealer;
	readonly #retention: Retention;
	readonly #timer: NodeJS.Timeout;
	#retained = 0;
	#removing: Promise<void> | undefined;
	#closed = false;

	private constructor(options: EvidenceOptions, notary: Notary) {
		const { folder, now, log } = options;
		const append = (entry: Parameters<Journal["append"]>[0]) => void options.journal.append(entry);
		const checkpoint = () => this.#notary.checkpoint();
		this.#options = options;
		this.#notary = notary;
		this.#sealer = new Sealer({
			folder,
			now,
			append,
			checkpoint,
			onSealed: (first) => {
				options.onSealed?.(first);
				this.retain();
			},
			onFailure: (error, first) => log.warn({ err: error, segment: first }, "a segment could not be sealed yet"),
		});
		const { mayRemove, removeKeys } = options;
		this.#retention = new Retention({
			folder,
			terms: options.retention,
			now,
			append,
			checkpoint,
			...(mayRemove === undefined ? {} : { mayRemove }),
			/* What went elsewhere first must be opened there. */
			...(removeKeys === undefined || mayRemove !== undefined ? {} : { removeKeys }),
		});
		notary.onCheckpoint = (_checkpoint, finished) => {
			for (const range of finished) this.#sealer.add(range);
		};
		this.#timer = setInterval(() => this.#tick(), TICK_MS);
		this.#timer.unref();
	}

	/** To be called once the log is open. Throws or rejects with JournalError. */
	static async open(options: EvidenceOptions): Promise<Evidence> {
		const { folder } = options;
		removeTemporaryFiles(folder);
		const notary = await Notary.open(options);
		const evidence = new Evidence(options, notary);
		options.log.info({ key: notary.verifier.text }, "the recording is signed");
		for (const range of readRanges(folder).ranges) if (isOpen(folder, range.begin)) evidence.#sealer.add(range);
		evidence.retain();
		return evidence;
	}

	get verifier(): VerifierKey {
		return this.#notary.verifier;
	}

	/** A new key signs from now on. Rejects with JournalError. */
	async rotateKey(): Promise<VerifierKey> {
		const key = await this.#notary.rotate();
		this.#options.log.info({ key: key.text }, "the recording is signed with a new key");
		return key;
	}

	/** The newest checkpoint. */
	get last(): ChainedCheckpoint | undefined {
		return this.#notary.last;
	}

	/** Resolves when everything written until now is under a checkpoint on the disk. */
	checkpoint(): Promise<void> {
		return this.#notary.checkpoint();
	}

	/** Rejects unless checkpoints could be written again. */
	probe(): Promise<void> {
		return this.#notary.probe();
	}

	#tick(): void {
		this.#sealer.proceed();
		if (this.#options.now() - this.#retained > RETENTION_MS) this.retain();
	}

	/** Looks whether something is to be removed. */
	retain(): void {
		const { ms, bytes } = this.#options.retention;
		if (this.#closed || this.#removing !== undefined || (ms === undefined && bytes === undefined)) return;
		this.#retained = this.#options.now();
		this.#removing = this.#retention.apply().then(
			(segments) => {
				this.#removing = undefined;
				if (segments > 0) this.#options.log.info({ segments }, "old segments of the recording have been removed");
			},
			(error: unknown) => {
				this.#removing = undefined;
				this.#options.log.warn({ err: error }, "old segments of the recording could not be removed");
			},
		);
	}

	/** Signs what is left, if that works. */
	async close(): Promise<void> {
		this.#closed = true;
		clearInterval(this.#timer);
		await this.#sealer.close();
		await this.#removing;
		await this.#notary.close();
	}
}
