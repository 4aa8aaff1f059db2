/**
 * The file that the log is being written to: whole writes or none, and the way to the disk.
 */
import { closeSync, fdatasync, fsync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import { segmentPath } from "./segments.js";

const sync = { data: promisify(fdatasync), all: promisify(fsync) };

export class LogFile {
	readonly #folder: string;
	#segment: number;
	/** Bytes of whole writes; the file may be longer after a failed one, until `repair`. */
	#bytes: number;
	#fd: number | undefined;
	#untidy = false;
	/** Closed segments whose last writes are not known to be on the disk. */
	#retired: number[] = [];
	#closing: number[] = [];
	#syncing = false;
	#folderChanged = true;

	constructor(folder: string, segment: number, bytes: number) {
		this.#folder = folder;
		this.#segment = segment;
		this.#bytes = bytes;
	}

	get segment(): number {
		return this.#segment;
	}

	get bytes(): number {
		return this.#bytes;
	}

	/**
	 * Begins a new segment after a failed sync, and lets go of the old one as it is: syncing it again would only seem to
	 * succeed.
	 */
	abandonSegment(first: number): void {
		const lost = this.#fd;
		this.#fd = undefined;
		this.startSegment(first);
		if (lost === undefined) return;
		try {
			closeSync(lost);
		} catch {
			/* Nothing more can be done for it. */
		}
	}

	/** Begins a new segment with the given entry. Its file is made with the first write. */
	startSegment(first: number): void {
		if (this.#fd !== undefined) this.#retired.push(this.#fd);
		this.#fd = undefined;
		this.#untidy = false;
		this.#segment = first;
		this.#bytes = 0;
	}

	/** Writes all of it, or throws; then nothing of it stays in the file, now or after `repair`. */
	write(bytes: Buffer): void {
		const fd = this.#open();
		let done = 0;
		this.#untidy = true;
		try {
			while (done < bytes.length) {
				const written = writeSync(fd, bytes, done, bytes.length - done);
				if (written === 0) throw new Error("the file takes no more bytes");
				done += written;
			}
		} catch (error) {
			/* Half an entry must not stay; if even this fails, `repair` has to succeed before anything else is written. */
			try {
				this.repair();
			} catch {
				/* The first error tells more. */
			}
			throw error;
		}
		this.#untidy = false;
		this.#bytes += bytes.length;
	}

	/** Removes what a failed write left. */
	repair(): void {
		if (!this.#untidy) return;
		ftruncateSync(this.#open(), this.#bytes);
		this.#untidy = false;
	}

	#open(): number {
		if (this.#fd !== undefined) return this.#fd;
		this.#fd = openSync(segmentPath(this.#folder, this.#segment), "a", 0o600);
		this.#folderChanged = true;
		return this.#fd;
	}

	/** Resolves when all that was written before the call is on the disk, the segments' names included. */
	async sync(): Promise<void> {
		this.#syncing = true;
		try {
			/* Taken now: the segment may change while the disk is busy, and what was written before must be covered. */
			const retired = this.#retired.splice(0);
			const files = this.#fd === undefined ? retired : [...retired, this.#fd];
			this.#closing.push(...retired);
			const folderChanged = this.#folderChanged;
			this.#folderChanged = false;
			for (const fd of files) await sync.data(fd);
			if (folderChanged) await this.#syncFolder();
		} finally {
			this.#syncing = false;
			for (const fd of this.#closing.splice(0)) closeSync(fd);
		}
	}

	async #syncFolder(): Promise<void> {
		const fd = openSync(this.#folder, "r");
		try {
			await sync.all(fd);
		} finally {
			closeSync(fd);
		}
	}

	close(): void {
		const open = [...this.#retired.splice(0), ...(this.#fd === undefined ? [] : [this.#fd])];
		this.#fd = undefined;
		/* A descriptor that a sync is using is closed by it: its number could by then be another file's. */
		if (this.#syncing) {
			this.#closing.push(...open);
			return;
		}
		for (const fd of open) {
			try {
				fsyncSync(fd);
			} finally {
				closeSync(fd);
			}
		}
	}
}
