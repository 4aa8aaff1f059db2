/**
 * Rows: rebuilding them with masked cells, and reading them for the recording's sample. Text rows and binary rows are
 * walked cell by cell up to the last masked one; what is not masked is copied in runs and never looked into.
 *
 * Specification: MySQL Internals, "Text Resultset Row", "Binary Protocol Resultset Row".
 */
import type { ValueMask } from "../engine.js";
import type { RowBuffer } from "../row-buffer.js";
import type { ValueKind } from "../values.js";
import { encodingOf } from "./charsets.js";
import type { Column } from "./columns.js";
import {
	type BinarySize,
	binarySize,
	decodeBinary,
	decodeText,
	encodeBinary,
	encodeText,
	fitText,
	recordedValue,
	valueKind,
} from "./values.js";
import { lenencInt } from "./writer.js";

const NULL_CELL = 0xfb;
/** The bits of a binary row's NULL map begin with the third. */
const NULL_BIT_OFFSET = 2;

/** Where a cell's value is, header of its length apart. */
export interface Cell {
	/** −1: NULL. */
	start: number;
	end: number;
}

/** Reads the length-encoded cell at `at` into `cell`; answers where the next one begins, −1 when it is cut short. */
function lenencCell(data: Buffer, at: number, end: number, cell: Cell): number {
	const first = at < end ? (data[at] as number) : 0xff;
	let length = first;
	let start = at + 1;
	if (first > 0xfa) {
		if (first === NULL_CELL) {
			cell.start = -1;
			return start;
		}
		if (first === 0xff) return -1;
		const bytes = first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
		if (start + bytes > end) return -1;
		length = bytes === 8 ? lenencOf8(data, start) : data.readUIntLE(start, bytes);
		start += bytes;
	}
	if (length > end - start) return -1;
	cell.start = start;
	cell.end = start + length;
	return cell.end;
}

function lenencOf8(data: Buffer, at: number): number {
	return data.readUInt32LE(at + 4) === 0 ? data.readUInt32LE(at) : Number.MAX_SAFE_INTEGER;
}

function sizedCell(data: Buffer, at: number, end: number, size: BinarySize, cell: Cell): number {
	if (size === "lenenc") return (data[at] as number) === NULL_CELL ? -1 : lenencCell(data, at, end, cell);
	const start = size === "short" ? at + 1 : at;
	const length = size === "short" ? (at < end ? (data[at] as number) : end) : size;
	if (length > end - start) return -1;
	cell.start = start;
	cell.end = start + length;
	return cell.end;
}

export interface MaskedColumn {
	readonly index: number;
	readonly mask: ValueMask;
	readonly column: Column;
}

export class RowMasker {
	readonly #columns: readonly Column[];
	readonly #masked: readonly MaskedColumn[];
	readonly #sizes: readonly BinarySize[];
	readonly #kinds: readonly ValueKind[];
	readonly #isBinary: boolean;
	readonly #cell: Cell = { start: 0, end: 0 };

	constructor(columns: readonly Column[], masked: readonly MaskedColumn[], isBinary: boolean) {
		this.#columns = columns;
		this.#masked = [...masked].sort((left, right) => left.index - right.index);
		this.#sizes = columns.map(({ type }) => binarySize(type));
		this.#kinds = columns.map(valueKind);
		this.#isBinary = isBinary;
	}

	/** Appends the payload data[start, end) with its masks. False: malformed, and nothing was written. */
	rewrite(data: Buffer, start: number, end: number, target: RowBuffer): boolean {
		const before = target.length;
		if (this.#isBinary ? this.#binary(data, start, end, target) : this.#text(data, start, end, target)) return true;
		target.truncate(before);
		return false;
	}

	#text(data: Buffer, start: number, end: number, target: RowBuffer): boolean {
		const cell = this.#cell;
		let at = start;
		let copied = start;
		let next = 0;
		for (let index = 0; index < this.#columns.length; index++) {
			const begin = at;
			at = lenencCell(data, begin, end, cell);
			if (at < 0) return false;
			const masked = this.#masked[next];
			if (masked?.index !== index) continue;
			next += 1;
			if (cell.start < 0) continue;
			target.append(data, copied, begin);
			copied = at;
			const { column, mask } = masked;
			const kind = this.#kinds[index] as ValueKind;
			if (kind === "text" && encodingOf(column.collation) === "utf8") {
				const text = mask.apply(data.toString("utf8", cell.start, cell.end), kind);
				appendText(target, text === null ? undefined : fitText(text, column));
				continue;
			}
			const value = decodeText(column, data.subarray(cell.start, cell.end));
			const text = value === undefined ? null : mask.apply(value, kind);
			const bytes = text === null ? undefined : encodeText(text, column);
			if (bytes === undefined) append(target, NULL_VALUE);
			else {
				append(target, lenencInt(bytes.length));
				append(target, bytes);
			}
		}
		if (at !== end || next !== this.#masked.length) return false;
		target.append(data, copied, end);
		return true;
	}

	#binary(data: Buffer, start: number, end: number, target: RowBuffer): boolean {
		const count = this.#columns.length;
		const mapAt = start + 1;
		let at = mapAt + ((count + 7 + NULL_BIT_OFFSET) >> 3);
		if (at > end || data[start] !== 0) return false;
		const map = Buffer.from(data.subarray(mapAt, at));
		const before = target.length;
		target.append(data, start, at);
		let copied = at;
		let next = 0;
		for (let index = 0; index < count; index++) {
			const isMasked = this.#masked[next]?.index === index;
			if (isMasked) next += 1;
			const bit = index + NULL_BIT_OFFSET;
			if (((map[bit >> 3] as number) & (1 << (bit & 7))) !== 0) continue;
			const begin = at;
			at = begin <= end ? sizedCell(data, begin, end, this.#sizes[index] as BinarySize, this.#cell) : -1;
			if (at < 0) return false;
			if (!isMasked) continue;
			target.append(data, copied, begin);
			copied = at;
			const { column, mask } = this.#masked[next - 1] as MaskedColumn;
			const value = decodeBinary(column, data.subarray(this.#cell.start, this.#cell.end));
			const text = value === undefined ? null : mask.apply(value, this.#kinds[index] as ValueKind);
			const bytes = text === null ? undefined : encodeBinary(text, column);
			if (bytes === undefined) map[bit >> 3] = (map[bit >> 3] as number) | (1 << (bit & 7));
			else append(target, bytes);
		}
		if (at !== end || next !== this.#masked.length) return false;
		target.append(data, copied, end);
		map.copy(target.since(before), 1);
		return true;
	}
}

const NULL_VALUE = Buffer.of(NULL_CELL);

/** A cell of a text row; undefined: NULL. The length of a short one is written over when it is known. */
function appendText(target: RowBuffer, text: string | undefined): void {
	if (text === undefined) append(target, NULL_VALUE);
	else if (3 * text.length < NULL_CELL) {
		target.reserve(1 + 3 * text.length);
		const header = target.at;
		target.at += 1;
		target.bytes[header] = target.appendText(text);
	} else {
		append(target, lenencInt(Buffer.byteLength(text)));
		target.appendText(text);
	}
}

function append(target: RowBuffer, bytes: Buffer): void {
	target.append(bytes, 0, bytes.length);
}

/** Cells of a payload as the recording keeps them; undefined when malformed. */
export function sampleRow(
	data: Buffer,
	start: number,
	end: number,
	columns: readonly Column[],
	isBinary: boolean,
): (string | null)[] | undefined {
	const cell: Cell = { start: 0, end: 0 };
	const cells: (string | null)[] = [];
	const map = start + 1;
	let at = isBinary ? map + ((columns.length + 7 + NULL_BIT_OFFSET) >> 3) : start;
	if (at > end) return undefined;
	for (const [index, column] of columns.entries()) {
		const bit = index + NULL_BIT_OFFSET;
		if (isBinary && ((data[map + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0) {
			cells.push(null);
			continue;
		}
		at = isBinary
			? at <= end
				? sizedCell(data, at, end, binarySize(column.type), cell)
				: -1
			: lenencCell(data, at, end, cell);
		if (at < 0) return undefined;
		cells.push(cell.start < 0 ? null : recordedValue(column, data.subarray(cell.start, cell.end), isBinary));
	}
	return at === end ? cells : undefined;
}
