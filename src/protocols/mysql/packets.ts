/**
 * Framing: a packet is three bytes of length, one of sequence, and so many bytes of payload. A payload of 16 MiB less one
 * byte or more goes in several packets, of which the last is shorter than that, and empty where it has to be.
 * Specification: MySQL Internals, "MySQL Packets".
 */

export const HEADER_BYTES = 4;

/** Payload of a packet that another one of the same payload follows. */
export const FULL_PACKET_BYTES = 0xff_ff_ff;

const EMPTY = Buffer.alloc(0);

/** Payload bytes of the packet whose header is at `at`; the caller has seen that the header is there. */
export function payloadBytes(data: Buffer, at: number): number {
	return (data[at] as number) | ((data[at + 1] as number) << 8) | ((data[at + 2] as number) << 16);
}

/** Writes a header in place. */
export function writeHeader(data: Buffer, at: number, bytes: number, sequence: number): void {
	data[at] = bytes & 0xff;
	data[at + 1] = (bytes >>> 8) & 0xff;
	data[at + 2] = bytes >>> 16;
	data[at + 3] = sequence & 0xff;
}

/** How many packets a payload of so many bytes takes. */
export function packetsOf(bytes: number): number {
	return Math.floor(bytes / FULL_PACKET_BYTES) + 1;
}

/** A payload as packets, numbered from `sequence`. */
export function framed(payload: Buffer, sequence: number): Buffer {
	const packets = packetsOf(payload.length);
	const data = Buffer.allocUnsafe(payload.length + packets * HEADER_BYTES);
	let to = 0;
	for (let packet = 0; packet < packets; packet++) {
		const from = packet * FULL_PACKET_BYTES;
		const bytes = Math.min(payload.length - from, FULL_PACKET_BYTES);
		writeHeader(data, to, bytes, sequence + packet);
		to += HEADER_BYTES;
		payload.copy(data, to, from, from + bytes);
		to += bytes;
	}
	return data;
}

/**
 * Finds packets in chunks, however they are cut, in place where a packet lies whole in its chunk. Used as
 *
 *     scanner.feed(chunk);
 *     while (scanner.next()) use(scanner.data, scanner.start, scanner.end, scanner.sequence);
 *
 * A packet in two chunks is held until it is whole; `stream()` instead takes what is there of it, and `next` then gives
 * the rest in pieces as it comes. Nothing of a chunk is kept but copies.
 */
export class PacketScanner {
	/** Where the packet or piece is; its header is the four bytes before `start`, unless it is a later piece. */
	data: Buffer = EMPTY;
	/** Payload, from and to. */
	start = 0;
	end = 0;
	sequence = 0;
	/** Payload bytes of the whole packet. */
	length = 0;
	/** False: a piece, and more of this packet is to come. */
	isWhole = true;
	/** True: a piece that is not the packet's first. */
	isLater = false;
	/** A packet that is to be held is longer than `maxBytes`: no more is to be read here. */
	overlong = false;
	readonly #maxBytes: number;
	#chunk: Buffer = EMPTY;
	#at = 0;
	/** What is held of a packet: so many of its bytes, header included, in a buffer for all of them. */
	#held: Buffer = EMPTY;
	#heldBytes = 0;
	/** Bytes of a streamed packet that have not come yet. */
	#owed = 0;

	/** `maxBytes`: longest payload of one packet that is held. */
	constructor(maxBytes: number = FULL_PACKET_BYTES) {
		this.#maxBytes = maxBytes;
	}

	/** All of the chunk before has been read by `next`. */
	feed(chunk: Buffer): void {
		this.#chunk = chunk;
		this.#at = 0;
	}

	/** Bytes of the chunk that `next` has not read. */
	get unread(): Buffer {
		return this.#chunk.subarray(this.#at);
	}

	/** Bytes of an unfinished packet that are held. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** The next packet or piece, in the fields; false: the chunk is used up (or `overlong`). */
	next(): boolean {
		if (this.overlong) return false;
		if (this.#owed > 0) return this.#piece();
		if (this.#heldBytes > 0) return this.#complete();
		const chunk = this.#chunk;
		const at = this.#at;
		const there = chunk.length - at;
		if (there < HEADER_BYTES) return this.#hold(HEADER_BYTES);
		const bytes = payloadBytes(chunk, at);
		if (there < HEADER_BYTES + bytes) {
			if (bytes > this.#maxBytes) return this.#tooLong();
			return this.#hold(HEADER_BYTES + bytes);
		}
		if (bytes > this.#maxBytes) return this.#tooLong();
		this.#at = at + HEADER_BYTES + bytes;
		return this.#found(chunk, at, bytes);
	}

	#found(data: Buffer, at: number, bytes: number): boolean {
		this.data = data;
		this.start = at + HEADER_BYTES;
		this.end = this.start + bytes;
		this.length = bytes;
		this.sequence = data[at + 3] as number;
		this.isWhole = true;
		this.isLater = false;
		return true;
	}

	#tooLong(): boolean {
		this.overlong = true;
		return false;
	}

	/** Keeps what is left of the chunk, in a buffer that grows with what has come and not with what was announced. */
	#hold(wanted: number): boolean {
		const from = this.#at;
		const bytes = this.#chunk.length - from;
		this.#at = this.#chunk.length;
		if (bytes === 0) return false;
		this.#room(bytes, wanted);
		this.#chunk.copy(this.#held, this.#heldBytes, from);
		this.#heldBytes += bytes;
		return false;
	}

	#room(bytes: number, wanted: number): void {
		const needed = this.#heldBytes + bytes;
		if (needed <= this.#held.length) return;
		const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(wanted, needed * 2)));
		this.#held.copy(grown, 0, 0, this.#heldBytes);
		this.#held = grown;
	}

	/** Goes on with the packet that is held. */
	#complete(): boolean {
		if (this.#heldBytes < HEADER_BYTES) {
			if (!this.#take(HEADER_BYTES - this.#heldBytes, HEADER_BYTES)) return false;
		}
		const bytes = payloadBytes(this.#held, 0);
		if (bytes > this.#maxBytes) return this.#tooLong();
		const all = HEADER_BYTES + bytes;
		if (!this.#take(all - this.#heldBytes, all)) return false;
		const data = this.#held;
		this.#held = EMPTY;
		this.#heldBytes = 0;
		return this.#found(data, 0, bytes);
	}

	/** Moves so many bytes of the chunk to what is held; false: they are not all there yet. */
	#take(bytes: number, wanted: number): boolean {
		const there = Math.min(bytes, this.#chunk.length - this.#at);
		this.#room(there, wanted);
		this.#chunk.copy(this.#held, this.#heldBytes, this.#at, this.#at + there);
		this.#at += there;
		this.#heldBytes += there;
		return there === bytes;
	}

	/**
	 * After `next` said false: gives, in the fields, what has come of the unfinished packet, whose rest then comes in
	 * pieces; `data` holds its header before `start`. False: not even its header is there.
	 */
	stream(): boolean {
		if (this.overlong || this.#owed > 0 || this.#heldBytes < HEADER_BYTES) return false;
		const data = this.#held.subarray(0, this.#heldBytes);
		const bytes = payloadBytes(data, 0);
		this.#owed = HEADER_BYTES + bytes - data.length;
		this.#held = EMPTY;
		this.#heldBytes = 0;
		this.#found(data, 0, bytes);
		this.end = data.length;
		this.isWhole = false;
		return true;
	}

	#piece(): boolean {
		const there = Math.min(this.#owed, this.#chunk.length - this.#at);
		if (there === 0) return false;
		this.data = this.#chunk;
		this.start = this.#at;
		this.end = this.#at + there;
		this.#at = this.end;
		this.#owed -= there;
		this.isWhole = this.#owed === 0;
		this.isLater = true;
		return true;
	}
}

export type Gathered =
	/** `sequence`: of its last packet. */
	| { readonly kind: "payload"; readonly payload: Buffer; readonly sequence: number }
	| { readonly kind: "incomplete" }
	| { readonly kind: "tooLong" }
	| { readonly kind: "outOfOrder" };

const INCOMPLETE: Gathered = { kind: "incomplete" };

/**
 * Payloads out of chunks, packets of one payload joined, up to a bound, their sequence numbers checked: for logins and
 * for queries of our own, where little is read and nothing passed on.
 */
export class PayloadGatherer {
	/** Number that the next packet has to have; undefined: any. */
	expected: number | undefined;
	readonly #scanner: PacketScanner;
	readonly #maxBytes: number;
	#pieces: Buffer[] = [];
	#bytes = 0;

	constructor(maxBytes: number, expected: number | undefined) {
		this.#maxBytes = maxBytes;
		this.#scanner = new PacketScanner(Math.min(maxBytes, FULL_PACKET_BYTES));
		this.expected = expected;
	}

	feed(chunk: Buffer): void {
		this.#scanner.feed(chunk);
	}

	/** Call until it is incomplete, then feed again. A payload may lie in the chunk that was fed. */
	next(): Gathered {
		const scanner = this.#scanner;
		while (scanner.next()) {
			const { data, start, end, length, sequence } = scanner;
			if (this.expected !== undefined && sequence !== this.expected) return { kind: "outOfOrder" };
			if (this.expected !== undefined) this.expected = (sequence + 1) & 0xff;
			if (this.#bytes + length > this.#maxBytes) return { kind: "tooLong" };
			const piece = data.subarray(start, end);
			if (length < FULL_PACKET_BYTES) {
				const payload = this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]);
				this.#pieces = [];
				this.#bytes = 0;
				return { kind: "payload", payload, sequence };
			}
			this.#pieces.push(Buffer.from(piece));
			this.#bytes += length;
		}
		return scanner.overlong ? { kind: "tooLong" } : INCOMPLETE;
	}

	/** What has come and was not given out. Empty between payloads when all of the chunk was read. */
	rest(): Buffer {
		return Buffer.from(this.#scanner.unread);
	}

	/** Nothing of a payload is held and nothing of the chunk is unread. */
	get isIdle(): boolean {
		return this.#pieces.length === 0 && this.#scanner.heldBytes === 0 && this.#scanner.unread.length === 0;
	}
}
