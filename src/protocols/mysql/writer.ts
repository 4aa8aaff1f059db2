/**
 * Writes the fields of a payload.
 * Specification: MySQL Internals, "Basic Data Types".
 */
import { framed } from "./packets.js";

export class Writer {
	readonly #pieces: Buffer[] = [];

	int(value: number, bytes: 1 | 2 | 3 | 4): this {
		const piece = Buffer.allocUnsafe(bytes);
		piece.writeUIntLE(bytes === 4 ? value >>> 0 : value, 0, bytes);
		return this.raw(piece);
	}

	lenenc(value: number | bigint): this {
		return this.raw(lenencInt(value));
	}

	raw(piece: Uint8Array): this {
		this.#pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
		return this;
	}

	zeros(count: number): this {
		return this.raw(Buffer.alloc(count));
	}

	text(value: string): this {
		return this.raw(Buffer.from(value, "utf8"));
	}

	/** A NUL inside would end it early: what stood behind it would be read as something else. */
	terminated(value: string): this {
		return this.text(value.replaceAll("\0", "\ufffd")).zeros(1);
	}

	lenencBytes(value: Uint8Array | string): this {
		const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
		return this.lenenc(bytes.length).raw(bytes);
	}

	payload(): Buffer {
		return Buffer.concat(this.#pieces);
	}

	/** As packets, numbered from `sequence`. */
	packet(sequence: number): Buffer {
		return framed(this.payload(), sequence);
	}
}

export function lenencInt(value: number | bigint): Buffer {
	if (value < 0xfb) return Buffer.from([Number(value)]);
	if (value <= 0xffff) return sized(0xfc, Number(value), 2);
	if (value <= 0xffffff) return sized(0xfd, Number(value), 3);
	const piece = Buffer.allocUnsafe(9);
	piece[0] = 0xfe;
	piece.writeBigUInt64LE(BigInt(value), 1);
	return piece;
}

function sized(first: number, value: number, bytes: number): Buffer {
	const piece = Buffer.allocUnsafe(1 + bytes);
	piece[0] = first;
	piece.writeUIntLE(value, 1, bytes);
	return piece;
}
