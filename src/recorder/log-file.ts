/**
 * The file that the log is being written to: whole writes or none, and the way to the disk.
 */
import { closeSync, copyFileSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dataSynced, pathSynced, syncPath } from "./disk.js";
import { inspectSegment, segmentPath } from "./segments.js";

/** A file of the log whose last writes are not known to be on the disk. */
interface Unsynced {
	readonly segment: number;
	readonly fd: number;
	readonly bytes: number;
}

export class LogFile {
	readonly #folder: string;
	#segment: number;
	/** Bytes of whole writes; the file may be longer after a failed one, until `repair`. */
	#bytes: number;
	#fd: number | undefined;
	#untidy = false;
	/** Closed segments whose last writes are not known to be on the disk. */
	#retired: Unsynced[] = [];
	/** Bytes by segment that a failed sync may have lost. */
	readonly #suspect = new Map<number, number>();
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

	/** Begins a new segment with the given entry. Its file is made with the first write. */
	startSegment(first: number): void {
		if (this.#fd !== undefined) this.#retired.push({ segment: this.#segment, fd: this.#fd, bytes: this.#bytes });
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
		/* Taken now: the segment may change while the disk is busy, and what was written before must be covered. */
		const retired = this.#retired.splice(0);
		const current = { segment: this.#segment, fd: this.#fd, bytes: this.#bytes };
		this.#closing.push(...retired.map(({ fd }) => fd));
		const folderChanged = this.#folderChanged;
		this.#folderChanged = false;
		try {
			for (const { fd } of [...retired, current]) if (fd !== undefined) await dataSynced(fd);
			if (folderChanged) await pathSynced(this.#folder);
		} catch (error) {
			this.#folderChanged = true;
			for (const { segment, bytes } of [...retired, current]) this.#suspect.set(segment, bytes);
			throw error;
		} finally {
			this.#syncing = false;
			for (const fd of this.#closing.splice(0)) closeSync(fd);
		}
	}

	/**
	 * After a failed sync: what the kernel may have dropped is written again, to files that take the place of the old ones,
	 * and brought to the disk. Syncing the old ones again would only seem to succeed. Throws when that fails, and can be
	 * called again.
	 */
	replaceUnsynced(): void {
		for (const { segment, fd, bytes } of this.#retired.splice(0)) {
			this.#suspect.set(segment, bytes);
			close(fd);
		}
		if (this.#fd !== undefined) {
			close(this.#fd);
			this.#fd = undefined;
		}
		if (this.#bytes > 0) this.#suspect.set(this.#segment, this.#bytes);
		this.#untidy = false;
		for (const [segment, bytes] of this.#suspect) {
			replaceFile(this.#folder, segment, bytes);
			this.#suspect.delete(segment);
		}
		syncPath(this.#folder);
	}

	close(): void {
		const retired = this.#retired.splice(0).map(({ fd }) => fd);
		const open = [...retired, ...(this.#fd === undefined ? [] : [this.#fd])];
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

function close(fd: number): void {
	try {
		closeSync(fd);
	} catch {
		/* Nothing more can be done for it. */
	}
}

/** Writes a segment's first bytes, as they can be read now, to a new file in its place, once that is on the disk. */
function replaceFile(folder: string, segment: number, bytes: number): void {
	if (bytes === 0) return;
	const path = segmentPath(folder, segment);
	const copy = `${path}.tmp`;
	try {
		copyFileSync(path, copy);
		const fd = openSync(copy, "r+", 0o600);
		try {
			ftruncateSync(fd, bytes);
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
		/* The kernel may already have forgotten what it could not write; then nothing can be saved by going on. */
		if (inspectSegment(folder, segment, { path: copy }).goodBytes !== bytes)
			throw new Error(`${path} has lost what was written`);
		renameSync(copy, path);
	} catch (error) {
		rmSync(copy, { force: true });
		throw error;
	}
}
