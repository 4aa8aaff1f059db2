/**
 * Reads the fields of a payload. What is not there, or longer than what is there, sets `failed`, once and for good, and
 * gives nothing: a caller reads all that it wants and looks once, before it believes any of it.
 * Specification: MySQL Internals, "Basic Data Types".
 */

const EMPTY = Buffer.alloc(0);
const LOWER_HALF = 0x1_0000_0000;

export class Reader {
	failed = false;
	at: number;
	readonly data: Buffer;
	readonly end: number;

	constructor(data: Buffer, at = 0, end: number = data.length) {
		this.data = data;
		this.at = at;
		this.end = Math.min(end, data.length);
	}

	get left(): number {
		return this.end - this.at;
	}

	/** A fixed-length integer of up to six bytes. */
	int(bytes: 1 | 2 | 3 | 4 | 6): number {
		const from = this.#advance(bytes);
		if (from < 0) return 0;
		return bytes === 1 ? (this.data[from] as number) : this.data.readUIntLE(from, bytes);
	}

	/** A length-encoded integer; 0xfb (NULL), 0xff and what is beyond 2^53 fail. */
	lenenc(): number {
		const first = this.int(1);
		if (first < 0xfb) return first;
		if (first === 0xfc) return this.int(2);
		if (first === 0xfd) return this.int(3);
		if (first !== 0xfe) return this.#fail();
		const low = this.int(4);
		const high = this.int(4);
		return high >= 0x20_0000 ? this.#fail() : high * LOWER_HALF + low;
	}

	/** The same, of all 64 bits. */
	lenencBig(): bigint {
		if (this.left < 9 || this.data[this.at] !== 0xfe) return BigInt(this.lenenc());
		const value = this.data.readBigUInt64LE(this.at + 1);
		this.at += 9;
		return value;
	}

	/** So many bytes, in place. */
	bytes(count: number): Buffer {
		const from = this.#advance(count);
		return from < 0 ? EMPTY : this.data.subarray(from, from + count);
	}

	/** A length-encoded string, in place. */
	lenencBytes(): Buffer {
		return this.bytes(this.lenenc());
	}

	/** The same, or null for NULL. */
	lenencOrNull(): Buffer | null {
		if (this.left > 0 && this.data[this.at] === 0xfb) {
			this.at += 1;
			return null;
		}
		return this.lenencBytes();
	}

	/** Up to a NUL, which has to be there. */
	terminated(): Buffer {
		const nul = this.failed ? -1 : this.data.subarray(0, this.end).indexOf(0, this.at);
		if (nul < this.at) {
			this.#fail();
			return EMPTY;
		}
		const found = this.data.subarray(this.at, nul);
		this.at = nul + 1;
		return found;
	}

	/** Up to a NUL or the end. */
	terminatedOrRest(): Buffer {
		const nul = this.data.subarray(0, this.end).indexOf(0, this.at);
		return nul === -1 ? this.rest() : this.terminated();
	}

	rest(): Buffer {
		return this.bytes(this.end - this.at);
	}

	skip(count: number): void {
		this.#advance(count);
	}

	#advance(count: number): number {
		const from = this.at;
		if (this.failed || !(count >= 0 && count <= this.end - from)) {
			this.#fail();
			return -1;
		}
		this.at = from + count;
		return from;
	}

	#fail(): number {
		this.failed = true;
		return 0;
	}
}
