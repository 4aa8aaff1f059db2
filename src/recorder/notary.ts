/**
 * The notary: signs checkpoints over the log, at least every ten seconds when anything was written, at the end of each
 * segment, and at the close.
 *
 * The order is what makes them worth something: what is signed is on the disk before the signature exists, and the
 * files that help a reader (`ranges`, `leaves`) before that.
 */
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AppendFile, writeAt } from "./append-file.js";
import { type ChainedCheckpoint, originOf, parseChained, signCheckpoint, type TreeHead } from "./checkpoint.js";
import { CHECKPOINTS, readLastNote } from "./checkpoint-file.js";
import { TimestampFormat } from "./clock.js";
import { dataSynced } from "./disk.js";
import { JournalError } from "./errors.js";
import type { Journal } from "./journal.js";
import { isPrepared, type KeyOptions, type NodeKeys, notSigned, openKeys, prepareRotation } from "./keys.js";
import type { TakenLeaves } from "./log-tree.js";
import type { VerifierKey } from "./note.js";
import { encodeRange, RANGES } from "./ranges.js";
import { leavesPath } from "./segments.js";
import type { CompactRange } from "./tree.js";

export interface NotaryOptions {
	/** data/log */
	readonly folder: string;
	readonly journal: Journal;
	/** Milliseconds since the epoch, with fractions. */
	readonly now: () => number;
	readonly keys: Omit<KeyOptions, "name">;
	/** Called when a checkpoint cannot be made: the log has failed by then. */
	readonly onFailure: (error: JournalError) => void;
	/** Milliseconds between checkpoints while entries are written. */
	readonly intervalMs?: number;
}

/** So that at most so much of the recording is not under a signature. */
const INTERVAL_MS = 10_000;
/** Bytes of a leaf's hash that are kept to tell which entry has changed: a change is missed once in 4 billion. */
export const LEAF_PREFIX_BYTES = 4;

export class Notary {
	/** Called after each checkpoint, with the segments that have been finished under it. */
	onCheckpoint: (checkpoint: ChainedCheckpoint, finished: readonly CompactRange[]) => void = () => {};
	readonly #options: NotaryOptions;
	readonly #origin: string;
	#keys: NodeKeys;
	readonly #checkpoints: AppendFile;
	readonly #ranges: AppendFile;
	readonly #timestamps = new TimestampFormat();
	#last: ChainedCheckpoint | undefined;
	/** The signing key is not yet told in a checkpoint. */
	#keyIsNew: boolean;
	/** Its files are not yet in their lasting places. */
	#isUnsettled = true;
	/** Taken from the journal, and not yet in the files. */
	#unwrittenRanges: CompactRange[] = [];
	#unwrittenLeaves: TakenLeaves[] = [];
	/** Finished, and not yet under a checkpoint. */
	#uncovered: CompactRange[] = [];
	#work: Promise<unknown> = Promise.resolve();
	#timer: NodeJS.Timeout | undefined;

	private constructor(options: NotaryOptions) {
		const { folder, journal } = options;
		this.#options = options;
		this.#origin = originOf(journal.node);
		const { note, bytes } = readLastNote(folder);
		this.#last = note === undefined ? undefined : parseChained(note);
		if (note !== undefined && this.#last?.origin !== this.#origin) throw notSigned();
		this.#keys = openKeys({ ...options.keys, name: this.#origin }, this.#last);
		this.#keyIsNew = this.#keys.isNew;
		this.#checkpoints = new AppendFile(join(folder, CHECKPOINTS), bytes);
		this.#ranges = new AppendFile(join(folder, RANGES));
	}

	/** Opens the files, introduces a new key if there is one, and begins to sign. Throws or rejects with JournalError. */
	static async open(options: NotaryOptions): Promise<Notary> {
		const notary = new Notary(options);
		try {
			if (notary.#keyIsNew) notary.#introduce(notary.#keys);
			await notary.checkpoint();
		} catch (error) {
			notary.#release();
			throw error;
		}
		options.journal.onSegment = () => notary.#soon();
		notary.#timer = setInterval(() => notary.#soon(), options.intervalMs ?? INTERVAL_MS);
		notary.#timer.unref();
		return notary;
	}

	/** The public half of the key that signs. */
	get verifier(): VerifierKey {
		return this.#keys.signer.verifier;
	}

	/** The newest checkpoint. */
	get last(): ChainedCheckpoint | undefined {
		return this.#last;
	}

	#introduce({ signer, handingOver }: NodeKeys): void {
		const previous = handingOver?.verifier.text ?? null;
		this.#options.journal.append({ type: "key", key: signer.verifier.text, previous });
	}

	/**
	 * Another key takes over with a checkpoint that both sign: the one that waits for it, or one that is made now. Rejects
	 * with JournalError. What was begun when the log fails is finished when it is written again, or at the next start.
	 */
	rotate(): Promise<VerifierKey> {
		const rotated = this.#work.then(() => this.#rotate());
		this.#work = rotated.catch(() => undefined);
		return rotated;
	}

	async #rotate(): Promise<VerifierKey> {
		const { journal, keys } = this.#options;
		if (journal.failure !== undefined) throw journal.failure;
		if (keys.external !== undefined)
			throw new JournalError("key", "the recording is signed with a key of the operator's (recording.key)");
		/* A rotation that the log's failure has interrupted comes first. */
		if (this.#keyIsNew || this.#isUnsettled) await this.#checkpoint();
		if (!isPrepared(keys.folder)) prepareRotation(keys.folder);
		const next = openKeys({ ...keys, name: this.#origin }, this.#last);
		this.#introduce(next);
		this.#keys = next;
		this.#keyIsNew = true;
		this.#isUnsettled = true;
		await this.#checkpoint();
		return this.verifier;
	}

	#soon(): void {
		this.checkpoint().catch(() => {
			/* onFailure has been called. */
		});
	}

	/**
	 * Resolves when everything written until now is under a checkpoint on the disk. Rejects with JournalError; then the
	 * log has failed.
	 */
	checkpoint(): Promise<void> {
		const made = this.#work.then(() => this.#checkpoint());
		this.#work = made.catch(() => undefined);
		return made;
	}

	async #checkpoint(): Promise<void> {
		const { journal } = this.#options;
		try {
			journal.flush();
			const head = journal.tree.head();
			if (head.size !== this.#last?.size || this.#keyIsNew) {
				this.#unwrittenRanges.push(...journal.tree.takeFinished());
				this.#unwrittenLeaves.push(...journal.tree.takeLeaves());
				await journal.flushDurably();
				await this.#writeAids();
				await this.#sign(head);
			}
			if (this.#isUnsettled) this.#keys.settle();
			this.#isUnsettled = false;
		} catch (error) {
			const failure =
				error instanceof JournalError ? error : journal.fail(error, "the recording's checkpoint cannot be written");
			this.#options.onFailure(failure);
			throw failure;
		}
	}

	async #writeAids(): Promise<void> {
		for (const taken of [...this.#unwrittenLeaves]) {
			await writeLeaves(this.#options.folder, taken);
			this.#unwrittenLeaves.shift();
		}
		for (const range of [...this.#unwrittenRanges]) {
			await this.#ranges.append(encodeRange(range));
			this.#unwrittenRanges.shift();
			this.#uncovered.push(range);
		}
	}

	async #sign(head: TreeHead): Promise<void> {
		const facts = {
			...head,
			origin: this.#origin,
			at: this.#timestamps.format(this.#options.now()),
			key: this.#keyIsNew ? this.verifier : undefined,
			previous: this.#last?.hash,
		};
		const { signer, handingOver } = this.#keys;
		const isHandover = this.#keyIsNew && handingOver !== undefined;
		const note = signCheckpoint(facts, isHandover ? [handingOver, signer] : [signer]);
		await this.#checkpoints.append(`${note}\n`);
		const made = parseChained(note);
		if (made === undefined) throw new Error("a checkpoint that cannot be read again");
		this.#last = made;
		this.#keyIsNew = false;
		this.onCheckpoint(made, this.#uncovered.splice(0));
	}

	/** Rejects unless checkpoints could be written again. */
	async probe(): Promise<void> {
		await this.#work;
		await this.#checkpoints.probe();
		await this.#ranges.probe();
		await this.#writeAids();
	}

	/** Signs what is left, if that works. */
	async close(): Promise<void> {
		clearInterval(this.#timer);
		this.#options.journal.onSegment = () => {};
		try {
			if (this.#options.journal.failure === undefined) await this.checkpoint();
			else await this.#work;
		} finally {
			this.#release();
		}
	}

	#release(): void {
		this.#checkpoints.close();
		this.#ranges.close();
	}
}

async function writeLeaves(folder: string, { segment, from, leaves }: TakenLeaves): Promise<void> {
	const isNew = from === segment;
	if (leaves.length === 0) {
		/* A segment that has nothing yet has no files. */
		if (isNew) rmSync(leavesPath(folder, segment), { force: true });
		return;
	}
	const prefixes = leaves.map((leaf) => leaf.slice(0, LEAF_PREFIX_BYTES)).join("");
	const flags = constants.O_RDWR | constants.O_CREAT | (isNew ? constants.O_TRUNC : 0);
	const fd = openSync(leavesPath(folder, segment), flags, 0o600);
	try {
		await writeAt(fd, Buffer.from(prefixes, "latin1"), (from - segment) * LEAF_PREFIX_BYTES);
		await dataSynced(fd);
	} finally {
		closeSync(fd);
	}
}
