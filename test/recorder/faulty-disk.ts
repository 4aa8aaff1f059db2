/**
 * A disk that fails and forgets, put under this process's node:fs: syncs and writes can be made to fail as a device or a
 * full file system makes them, and `losePower` leaves of each file only what a sync has brought to the disk since.
 *
 * A failed sync drops what it was given, as Linux does: the pages count as clean from then on, and no later sync of the
 * same file brings them to the disk.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

type Done = (error: NodeJS.ErrnoException | null) => void;

const real = {
	fdatasync: fs.fdatasync,
	fsync: fs.fsync,
	fsyncSync: fs.fsyncSync,
	writeSync: fs.writeSync,
	write: fs.write,
	openSync: fs.openSync,
};

function failure(code: string, call: string): NodeJS.ErrnoException {
	return Object.assign(new Error(`${code}: ${call}`), { code });
}

export class FaultyDisk {
	/** Bytes of each file that are on the disk, by inode. */
	readonly #synced = new Map<number, number>();
	/** Inodes of which a failed sync has dropped what was written. */
	readonly #dropped = new Set<number>();
	#failingSyncs = 0;
	/** Tells of a write whether the disk is full for it. */
	isFull: (path: string) => boolean = () => false;
	readonly #paths = new Map<number, string>();

	constructor() {
		const later = (sync: (fd: number) => void) => (fd: number, done: Done) => {
			let error: NodeJS.ErrnoException | null = null;
			try {
				sync(fd);
			} catch (caught) {
				error = caught as NodeJS.ErrnoException;
			}
			setImmediate(done, error);
		};
		const sync = (fd: number) => this.#sync(fd);
		Object.assign(fs, { fdatasync: later(sync), fsync: later(sync), fsyncSync: sync });
		fs.openSync = (path, ...rest) => {
			const fd = real.openSync(path, ...rest);
			this.#paths.set(fd, String(path));
			const { ino, size } = fs.fstatSync(fd);
			/* A new file can have the number of one that is gone. */
			if (size === 0) {
				this.#dropped.delete(ino);
				this.#synced.delete(ino);
			}
			return fd;
		};
		fs.writeSync = ((fd: number, ...rest: never[]) => {
			if (this.isFull(this.#paths.get(fd) ?? "")) throw failure("ENOSPC", "write");
			return (real.writeSync as (fd: number, ...rest: never[]) => number)(fd, ...rest);
		}) as typeof fs.writeSync;
		fs.write = ((fd: number, ...rest: unknown[]) => {
			const done = rest.at(-1) as Done;
			if (this.isFull(this.#paths.get(fd) ?? "")) setImmediate(done, failure("ENOSPC", "write"));
			else (real.write as (fd: number, ...rest: unknown[]) => void)(fd, ...rest);
		}) as typeof fs.write;
		syncBuiltinESMExports();
	}

	restore(): void {
		Object.assign(fs, real);
		syncBuiltinESMExports();
	}

	/** The next so many syncs fail. */
	failSyncs(count: number): void {
		this.#failingSyncs = count;
	}

	#sync(fd: number): void {
		const { ino, size } = fs.fstatSync(fd);
		if (this.#failingSyncs > 0) {
			this.#failingSyncs--;
			this.#dropped.add(ino);
			throw failure("EIO", "fdatasync");
		}
		if (!this.#dropped.has(ino)) this.#synced.set(ino, size);
	}

	/** Cuts the files of a folder to what is on the disk. */
	losePower(folder: string): void {
		for (const name of fs.readdirSync(folder)) {
			const { ino, size } = fs.statSync(join(folder, name));
			const kept = this.#synced.get(ino) ?? 0;
			if (kept < size && !name.startsWith("lock")) fs.truncateSync(join(folder, name), kept);
		}
	}
}
