/** What brings files and their names to the disk, and tells what is in them: for all that the recording keeps. */
import { createHash } from "node:crypto";
import { closeSync, fdatasync, fsync, fsyncSync, openSync, readFileSync } from "node:fs";

/** The file or folder of a path: its content, or for a folder the names in it, which are on the disk no sooner. */
export function syncPath(path: string): void {
	const fd = openSync(path, "r");
	try {
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
}

/** The same, while other work goes on. */
export async function pathSynced(path: string): Promise<void> {
	const fd = openSync(path, "r");
	try {
		await new Promise<void>((resolve, reject) => {
			fsync(fd, (error) => (error ? reject(error) : resolve()));
		});
	} finally {
		closeSync(fd);
	}
}

/** Resolves when what was written to an open file is on the disk. */
export function dataSynced(fd: number): Promise<void> {
	return new Promise((resolve, reject) => {
		fdatasync(fd, (error) => (error ? reject(error) : resolve()));
	});
}

/** SHA-256 of a file, in hexadecimal. */
export function digestOfFile(file: string): string {
	return createHash("sha256").update(readFileSync(file)).digest("hex");
}
