/** Lines out of chunks, as every reader of the log needs them: whole ones, without their newlines. */

const NEWLINE = 0x0a;

export class LineSplitter {
	#carried: Buffer[] = [];
	#restBytes = 0;

	/** Bytes behind the last newline: no line yet. */
	get restBytes(): number {
		return this.#restBytes;
	}

	/** The lines that end in this chunk. They may be slices of it; what is kept for the next one is a copy. */
	*take(chunk: Buffer): Generator<Buffer, void> {
		let start = 0;
		for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
			const tail = chunk.subarray(start, at);
			const line = this.#restBytes === 0 ? tail : Buffer.concat([...this.#carried, tail]);
			this.#carried = [];
			this.#restBytes = 0;
			start = at + 1;
			yield line;
		}
		if (start === chunk.length) return;
		this.#carried.push(Buffer.from(chunk.subarray(start)));
		this.#restBytes += chunk.length - start;
	}
}
