/**
 * Bytes of one side that could not be used yet, gathered with what comes next. Memory grows with what has really arrived,
 * not with what a header declares, and many small chunks cost no more than a few large ones.
 *
 * What was handed out is never written over, so slices of it stay valid while a socket holds them.
 */
export class Intake {
	#bytes: Buffer = EMPTY;
	#start = 0;
	#end = 0;

	get length(): number {
		return this.#end - this.#start;
	}

	/** Everything that is there, `chunk` last. Without anything kept it is the chunk itself, uncopied. */
	with(chunk: Buffer): Buffer {
		if (this.#start === this.#end) return chunk;
		this.#append(chunk);
		return this.view;
	}

	get view(): Buffer {
		return this.#bytes.subarray(this.#start, this.#end);
	}

	/** `data`: what `with` or `view` gave; the first `used` bytes of it are done with, the rest is kept. */
	keep(data: Buffer, used: number): void {
		if (used === data.length) {
			this.#bytes = EMPTY;
			this.#start = 0;
			this.#end = 0;
		} else if (data.buffer === this.#bytes.buffer && this.#end > this.#start)
			this.#start = this.#end - (data.length - used);
		else {
			// The chunk may stand in a read buffer that is used again.
			this.#bytes = EMPTY;
			this.#start = 0;
			this.#end = 0;
			this.#append(data.subarray(used));
		}
	}

	#append(chunk: Buffer): void {
		const length = this.length + chunk.length;
		if (this.#end + chunk.length > this.#bytes.length) {
			const larger = Buffer.allocUnsafeSlow(this.length === 0 ? length : 2 * length);
			this.#bytes.copy(larger, 0, this.#start, this.#end);
			this.#bytes = larger;
			this.#end -= this.#start;
			this.#start = 0;
		}
		chunk.copy(this.#bytes, this.#end);
		this.#end += chunk.length;
	}
}

const EMPTY = Buffer.alloc(0);
