/**
 * The journal: this node's append-only log. Entries are gathered in memory during a turn of the
 * event loop and handed to the kernel with one write, before anything that they tell of goes upstream.
 *
 * When it cannot be written it fails as a whole: entries about what is still to come are refused, so that no session
 * goes on unrecorded, while those about what has already happened are kept and written first when writing works again.
 */
import { TimestampFormat } from "./clock.js";
import { encodeEntry } from "./encode.js";
import type { Entry } from "./entry.js";
import { JournalError } from "./errors.js";
import { LineBuffer } from "./line-buffer.js";
import { LogFile } from "./log-file.js";
import { openLogFolder } from "./log-folder.js";
import { LogTree } from "./log-tree.js";
import { isLong, splitEntry } from "./parts.js";

export { JournalError } from "./errors.js";

/** Where an entry starts: the segment by its first entry's number, and the byte in it. */
export interface Position {
	readonly segment: number;
	readonly offset: number;
}

export interface JournalOptions {
	/** data/log; made when missing. */
	readonly folder: string;
	/** Milliseconds since the epoch, with fractions (clock.ts). */
	readonly now: () => number;
	/** A segment that has reached this is closed and the next one begun. */
	readonly segmentBytes?: number;
}

/** 64 MiB: a search reads one in well under a second, and a year of a busy node is some thousand files. */
const SEGMENT_BYTES = 64 << 20;
/** What is kept in memory while the log cannot be written: the last words of a thousand sessions are a tenth of it. */
const KEPT_BYTES = 16 << 20;
/** The longest line that is encoded in one piece; a longer one is encoded again in parts. */
const LINE_CHARACTERS = 256 << 10;

/** Whether an entry tells of something that is only about to happen, and must not when it cannot be recorded. */
function isAhead(entry: Entry): boolean {
	return (
		entry.type === "statement" ||
		entry.type === "session.start" ||
		entry.type === "grant.issue" ||
		entry.type === "admin.start"
	);
}

interface Waiter {
	readonly resolve: () => void;
	readonly reject: (error: JournalError) => void;
}

export class Journal {
	/** Names the node among those that share a store; made with the log. */
	readonly node: string;
	/** Called when a segment has been finished. */
	onSegment: () => void = () => {};
	readonly #now: () => number;
	readonly #timestamps = new TimestampFormat();
	readonly #segmentBytes: number;
	readonly #file: LogFile;
	readonly #release: () => void;
	readonly #buffer = new LineBuffer();
	readonly #tree: LogTree;
	/** Number of the next entry; of the next to be handed to the kernel; of the next to be on the disk. */
	#next: number;
	#written: number;
	#durable: number;
	#failure: JournalError | undefined;
	#failedAt = "";
	#lastAt = "";
	#syncFailed = false;
	#refused = 0;
	#waiters: Waiter[] = [];
	#syncing = false;
	#closed = false;

	private constructor(options: JournalOptions, folder: ReturnType<typeof openLogFolder>) {
		this.node = folder.node;
		this.#now = options.now;
		this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
		this.#file = new LogFile(options.folder, folder.segment, folder.bytes);
		this.#release = folder.release;
		this.#tree = new LogTree(folder.before, folder.within, folder.leaves);
		this.#next = folder.nextSeq;
		this.#written = folder.nextSeq;
		this.#durable = folder.nextSeq;
	}

	/**
	 * Opens a log for writing. What a crash left behind its last whole entry is moved to a file beside it and told in a
	 * `gap` entry. Throws JournalError when another process holds it or it cannot be written.
	 */
	static open(options: JournalOptions): Journal {
		const folder = openLogFolder(options.folder);
		const journal = new Journal(options, folder);
		try {
			for (const torn of folder.torn) {
				journal.append({
					type: "gap",
					message: "the log ended in the middle of an entry: what was there is kept aside",
					...torn,
				});
			}
			journal.flush();
		} catch (error) {
			journal.close();
			throw error;
		}
		return journal;
	}

	/** Set while the log cannot be written. */
	get failure(): JournalError | undefined {
		return this.#failure;
	}

	/** The number that the next entry gets. */
	get nextSeq(): number {
		return this.#next;
	}

	/** When the last entry was taken, as it says itself. */
	get lastAt(): string {
		return this.#lastAt;
	}

	/** Where the next entry will be found: it starts there, or is the first of the segment after it. */
	get position(): Position {
		return { segment: this.#file.segment, offset: this.#file.bytes + this.#buffer.bytes };
	}

	/** How far the log is with the kernel: the position after the last entry handed over. */
	get writtenPosition(): Position {
		return { segment: this.#file.segment, offset: this.#file.bytes };
	}

	/** The tree over all that is with the kernel. */
	get tree(): Pick<LogTree, "head" | "takeFinished" | "takeLeaves"> {
		return this.#tree;
	}

	/**
	 * Takes an entry into memory and returns its number. Throws JournalError while the log has failed and the entry tells
	 * of something that is still to come, or when there is no more room to keep what has already happened.
	 */
	append(entry: Entry): number {
		if (this.#failure !== undefined) this.#admit(this.#failure, entry);
		const seq = this.#next;
		const at = this.#timestamps.format(this.#now());
		this.#lastAt = at;
		const line = isLong(entry) ? undefined : encodeOrGiveUp(entry, seq, at);
		if (line !== undefined && line.length <= LINE_CHARACTERS) {
			this.#put(line);
			return seq;
		}
		const { head, parts } = splitEntry(entry, seq);
		this.#put(encodeEntry(head, seq, at, parts.length));
		for (const part of parts) this.#continue(encodeEntry(part, this.#next, at));
		return seq;
	}

	#admit(failure: JournalError, entry: Entry): void {
		if (this.#closed || isAhead(entry)) throw failure;
		if (this.#buffer.bytes < KEPT_BYTES) return;
		this.#refused++;
		throw failure;
	}

	/** Takes the line of an entry. A full buffer is written without waiting for the end of the turn. */
	#put(line: string): void {
		if (!this.#buffer.fits(line)) {
			try {
				if (this.#failure === undefined) this.flush();
			} catch {
				/* The log has failed, and the caller's own flush will say so; this entry is kept like those before it. */
			}
		}
		this.#continue(line);
	}

	/**
	 * Takes a line that belongs to the one before it: nothing is written between the two. So an entry and its parts go to
	 * the kernel together and stay in one segment.
	 */
	#continue(line: string): void {
		this.#buffer.put(line);
		this.#next++;
	}

	/**
	 * Hands everything gathered to the kernel with one write: afterwards it outlives this process. Throws JournalError
	 * when that fails, and from then on until `reopen` succeeds.
	 */
	flush(): void {
		if (this.#failure !== undefined) throw this.#failure;
		if (this.#buffer.bytes === 0) return;
		try {
			this.#write();
		} catch (error) {
			throw this.#fail(error, "the recording cannot be written");
		}
	}

	#write(): void {
		this.#file.write(this.#buffer.content());
		this.#buffer.eachLeaf((leaf) => this.#tree.append(leaf));
		this.#buffer.clear();
		this.#written = this.#next;
		if (this.#file.bytes >= this.#segmentBytes) this.#finishSegment();
	}

	#finishSegment(): void {
		this.#tree.finishSegment();
		this.#file.startSegment(this.#next);
		/* A finished segment goes to the disk in the background and is closed; nobody waits, and a failure is kept. */
		this.flushDurably().catch(() => undefined);
		this.onSegment();
	}

	/** Ends the log's work, as when it cannot be written, until `reopen`. */
	fail(error: unknown, what: string): JournalError {
		return this.#failure ?? this.#fail(error, what);
	}

	#fail(error: unknown, what: string): JournalError {
		const cause = error instanceof Error ? error.message : String(error);
		this.#failure = new JournalError("failed", `${what}: ${cause}`, { cause: error });
		this.#failedAt = this.#timestamps.format(this.#now());
		for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
		return this.#failure;
	}

	/**
	 * flush, then resolves when everything written so far is on the disk. Those who wait while the disk is busy share its
	 * next turn (group commit). Rejects with JournalError.
	 */
	async flushDurably(): Promise<void> {
		this.flush();
		if (this.#durable >= this.#written) return;
		await new Promise<void>((resolve, reject) => {
			this.#waiters.push({ resolve, reject });
			if (!this.#syncing) void this.#sync();
		});
	}

	async #sync(): Promise<void> {
		this.#syncing = true;
		while (this.#waiters.length > 0 && this.#failure === undefined && !this.#closed) {
			const served = this.#waiters.splice(0);
			const upTo = this.#written;
			try {
				await this.#file.sync();
				this.#durable = upTo;
				for (const waiter of served) waiter.resolve();
			} catch (error) {
				this.#syncFailed = true;
				const failure = this.#fail(error, "the recording cannot be brought to the disk");
				for (const waiter of served) waiter.reject(failure);
			}
		}
		this.#syncing = false;
	}

	/**
	 * Tries to write again after a failure: first what was kept, then a `gap` entry that tells of it. Throws JournalError
	 * while it still fails.
	 *
	 * After a failed sync the kernel may have dropped what it could not write and calls the file clean, so what was not yet
	 * on the disk is written once more, to a new file.
	 */
	reopen(): void {
		if (this.#failure === undefined) return;
		if (this.#closed) throw this.#failure;
		const [next, mark] = [this.#next, this.#buffer.mark()];
		try {
			if (this.#syncFailed) this.#replaceUnsynced();
			else this.#file.repair();
			const gap: Entry = { type: "gap", message: this.#account(this.#failure), bytes: 0, keptAs: "" };
			this.#put(encodeEntry(gap, next, this.#timestamps.format(this.#now())));
			this.#write();
		} catch {
			this.#next = next;
			this.#buffer.backTo(mark);
			throw this.#failure;
		}
		this.#failure = undefined;
		this.#refused = 0;
	}

	#replaceUnsynced(): void {
		this.#file.replaceUnsynced();
		this.#durable = this.#written;
		this.#syncFailed = false;
	}

	#account(failure: JournalError): string {
		const lost = this.#refused === 0 ? "" : `; ${this.#refused} entries found no room in memory and are lost`;
		return `from ${this.#failedAt} until now ${failure.message}; sessions were stopped${lost}`;
	}

	/** Writes what is left, if that works, and lets go of the log. */
	close(): void {
		if (this.#closed) return;
		try {
			if (this.#failure === undefined) this.flush();
		} finally {
			this.#closed = true;
			this.#fail(new Error("it is closed"), "the recording cannot be written");
			try {
				this.#file.close();
			} finally {
				this.#release();
			}
		}
	}
}

/** Undefined when the line is longer than a string can be. */
function encodeOrGiveUp(entry: Entry, seq: number, at: string): string | undefined {
	try {
		return encodeEntry(entry, seq, at);
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}
