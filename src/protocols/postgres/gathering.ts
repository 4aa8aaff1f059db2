/**
 * A frame larger than a chunk, gathered until it is whole. Memory grows with what has really arrived, not with what a
 * header declares, and many small chunks cost no more than a few large ones.
 */
export class Gathering {
	#bytes: Buffer = EMPTY;
	#length = 0;
	#wanted = 0;

	/** Bytes that are still missing; 0 when nothing is gathered. */
	get missing(): number {
		return this.#wanted - this.#length;
	}

	/** Begins with the first bytes of a frame of `wanted` bytes in all; they are copied. */
	begin(first: Buffer, wanted: number): void {
		this.#wanted = wanted;
		this.#append(first);
	}

	/** Adds a chunk. Answers everything, what follows the frame included, once the frame is whole. */
	add(chunk: Buffer): Buffer | undefined {
		this.#append(chunk);
		if (this.#length < this.#wanted) return undefined;
		const whole = this.#bytes.subarray(0, this.#length);
		this.#bytes = EMPTY;
		this.#length = 0;
		this.#wanted = 0;
		return whole;
	}

	#append(chunk: Buffer): void {
		const length = this.#length + chunk.length;
		if (length > this.#bytes.length) {
			// Twice what is there, but no more than the frame takes where that is enough.
			const room = Math.max(length, Math.min(2 * length, this.#wanted));
			const larger = Buffer.allocUnsafeSlow(room);
			this.#bytes.copy(larger, 0, 0, this.#length);
			this.#bytes = larger;
		}
		chunk.copy(this.#bytes, this.#length);
		this.#length = length;
	}
}

const EMPTY = Buffer.alloc(0);
