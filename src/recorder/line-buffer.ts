/**
 * Lines that wait to be written together, as bytes and with their ends known, so that each can be hashed where it lies.
 */
import { type Hash, leafHashIn } from "./tree.js";

/** The buffer's size when nothing extraordinary is in it. */
const BUFFER_BYTES = 1 << 20;
/** The first byte is spare, so that each line has a byte before it (tree.ts). */
const SPARE_BYTES = 1;
/** UTF-8 bytes that one UTF-16 unit can need. */
const BYTES_PER_UNIT = 3;

/** How much is held, to go back to. */
export interface Mark {
	readonly used: number;
	readonly lines: number;
}

export class LineBuffer {
	#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
	#used = SPARE_BYTES;
	/** Where the lines end, their newlines included. */
	#ends: number[] = [];

	get bytes(): number {
		return this.#used - SPARE_BYTES;
	}

	/** Whether a line fits without the buffer growing. */
	fits(line: string): boolean {
		return this.#used + line.length * BYTES_PER_UNIT <= this.#buffer.length;
	}

	/** Takes a line with its newline. */
	put(line: string): void {
		if (!this.fits(line)) this.#grow(line.length * BYTES_PER_UNIT);
		this.#used += this.#buffer.write(line, this.#used, "utf8");
		this.#ends.push(this.#used);
	}

	#grow(bytes: number): void {
		const bigger = Buffer.allocUnsafe(Math.max(this.#used + bytes, this.#buffer.length * 2));
		this.#buffer.copy(bigger, 0, 0, this.#used);
		this.#buffer = bigger;
	}

	/** All lines, until something else is done with the buffer. */
	content(): Buffer {
		return this.#buffer.subarray(SPARE_BYTES, this.#used);
	}

	/** Calls back with the leaf hash of each line. */
	eachLeaf(each: (leaf: Hash) => void): void {
		let start = SPARE_BYTES;
		for (const end of this.#ends) {
			each(leafHashIn(this.#buffer, start, end - 1));
			start = end;
		}
	}

	clear(): void {
		this.#used = SPARE_BYTES;
		this.#ends = [];
		if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
	}

	mark(): Mark {
		return { used: this.#used, lines: this.#ends.length };
	}

	/** Forgets the lines since the mark. */
	backTo({ used, lines }: Mark): void {
		this.#used = used;
		this.#ends.length = lines;
	}
}
