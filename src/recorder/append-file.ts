/**
 * A file that grows by whole pieces: what a failed write left is cut off before the next, so that no half of a piece
 * ever stands before another.
 */
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, write } from "node:fs";
import { dirname } from "node:path";
import { dataSynced, syncPath } from "./disk.js";

/** Room that must be there before work goes on after a failure: some checkpoints' worth. */
const PROBE_BYTES = 4096;

export class AppendFile {
	readonly #fd: number;
	#bytes: number;
	#untidy = false;

	/** Opens or makes it; what is behind the first `keep` bytes is cut off. */
	constructor(path: string, keep?: number) {
		this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
		this.#bytes = keep ?? fstatSync(this.#fd).size;
		if (fstatSync(this.#fd).size > this.#bytes) ftruncateSync(this.#fd, this.#bytes);
		fsyncSync(this.#fd);
		syncPath(dirname(path));
	}

	/** Resolves when the piece is on the disk. */
	async append(piece: string): Promise<void> {
		const bytes = Buffer.from(piece, "utf8");
		this.#tidy();
		this.#untidy = true;
		await writeAt(this.#fd, bytes, this.#bytes);
		await dataSynced(this.#fd);
		this.#untidy = false;
		this.#bytes += bytes.length;
	}

	/** Rejects unless there is room for more. */
	async probe(): Promise<void> {
		this.#tidy();
		this.#untidy = true;
		await writeAt(this.#fd, Buffer.alloc(PROBE_BYTES), this.#bytes);
		await dataSynced(this.#fd);
		this.#tidy();
	}

	#tidy(): void {
		if (!this.#untidy) return;
		ftruncateSync(this.#fd, this.#bytes);
		this.#untidy = false;
	}

	close(): void {
		closeSync(this.#fd);
	}
}

/** Writes all of it at a place of the file, whatever is there. */
export async function writeAt(fd: number, bytes: Buffer, position: number): Promise<void> {
	for (let done = 0; done < bytes.length; ) {
		const from = done;
		done += await new Promise<number>((resolve, reject) => {
			write(fd, bytes, from, bytes.length - from, position + from, (error, written) => {
				if (error) reject(error);
				else if (written === 0) reject(new Error("the file takes no more bytes"));
				else resolve(written);
			});
		});
	}
}
