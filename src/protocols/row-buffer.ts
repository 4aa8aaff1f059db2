/**
 * Where the rewritten frames of one session gather before they go out in one write.
 *
 * Bytes are taken from a slab front to back and never written twice, so a taken slice stays valid while a socket holds it.
 * Once all that was taken has left, its slabs serve again, this session or another. So a stream of any length runs over
 * the same few, an idle session holds nothing, and what a session that broke off left behind goes to nobody else.
 */

/**
 * Bytes of a slab: what becomes of a read of 64 KiB fits in it nearly always, and it is small enough to be cheap when a
 * slow reader keeps it alive.
 */
const defaultSlabBytes = 128 * 1024;

/** Up to so many bytes, copying one by one costs less than a call into the engine does (measured: 29 to 58 ns for 45). */
const shortRun = 64;
/** The same for texts, in UTF-16 units: most masked texts are a few stars. */
const shortText = 20;

/** Slabs that nobody refers to: 2 MiB. More are only in use while clients are slow, and then go to the collector. */
const keptSlabs = 16;
const free: Buffer[] = [];

const none = Buffer.alloc(0);

export class RowBuffer {
	/** The slab in use. It changes when a write does not fit, so it is read anew for each write. */
	bytes: Buffer = none;
	/** Offset in `bytes` where the next byte goes. */
	at = 0;
	private from = 0;
	/** Slabs that are full, and of which slices are on their way. */
	private full: Buffer[] = [];

	constructor(private readonly slabBytes: number = defaultSlabBytes) {}

	/** Bytes written since the last `take`. */
	get length(): number {
		return this.at - this.from;
	}

	/** Makes room for `count` more bytes; what was written since the last `take` stays in one piece. */
	reserve(count: number): void {
		if (this.at + count <= this.bytes.length) return;
		const pending = this.length;
		const least = pending + count;
		const slab = least <= this.slabBytes ? this.slab() : Buffer.allocUnsafeSlow(2 * least);
		this.bytes.copy(slab, 0, this.from, this.at);
		if (this.from > 0) this.full.push(this.bytes);
		else this.giveBack(this.bytes);
		this.bytes = slab;
		this.from = 0;
		this.at = pending;
	}

	private slab(): Buffer {
		return (this.slabBytes === defaultSlabBytes ? free.pop() : undefined) ?? Buffer.allocUnsafeSlow(this.slabBytes);
	}

	private giveBack(slab: Buffer): void {
		if (slab.length === defaultSlabBytes && free.length < keptSlabs) free.push(slab);
	}

	append(source: Buffer, start: number, end: number): void {
		const count = end - start;
		this.reserve(count);
		const { bytes, at } = this;
		if (count > shortRun) source.copy(bytes, at, start, end);
		else for (let index = 0; index < count; index++) bytes[at + index] = source[start + index] as number;
		this.at = at + count;
	}

	appendInt32(value: number): void {
		this.reserve(4);
		this.bytes.writeInt32BE(value, this.at);
		this.at += 4;
	}

	/** Appends a string's UTF-8 bytes and answers how many they were. */
	appendText(text: string): number {
		// A UTF-16 unit takes at most three bytes.
		this.reserve(3 * text.length);
		const count = text.length <= shortText ? this.writeAscii(text) : -1;
		const written = count === -1 ? this.bytes.write(text, this.at, "utf8") : count;
		this.at += written;
		return written;
	}

	/** Writes without moving on; −1 when the text is not all ASCII. */
	private writeAscii(text: string): number {
		const { bytes, at } = this;
		for (let index = 0; index < text.length; index++) {
			const code = text.charCodeAt(index);
			if (code > 0x7f) return -1;
			bytes[at + index] = code;
		}
		return text.length;
	}

	/** Writes over four bytes; `position` counts from the last `take`, as `length` does. */
	patchInt32(position: number, value: number): void {
		this.bytes.writeInt32BE(value, this.from + position);
	}

	/** What was written from `position` on, to look at before the next write. */
	since(position: number): Buffer {
		return this.bytes.subarray(this.from + position, this.at);
	}

	/** Hands over what was written since the last call. */
	take(): Buffer {
		const taken = this.bytes.subarray(this.from, this.at);
		this.from = this.at;
		return taken;
	}

	/** What was taken is not referred to any more: its memory serves again. */
	release(): void {
		if (this.from === 0 || this.length > 0) return;
		for (const slab of this.full) this.giveBack(slab);
		this.full = [];
		this.giveBack(this.bytes);
		this.bytes = none;
		this.at = this.from = 0;
	}

	/** Drops what was written from `position` on. */
	truncate(position: number): void {
		this.at = this.from + position;
	}
}
