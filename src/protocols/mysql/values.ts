/**
 * Column values as masks and recordings see them: which kind a value is, its text in either row format, and back from a
 * masked text to the bytes that the client was told to expect.
 *
 * A masked text that its type cannot hold gives `undefined`, and the value becomes NULL: a client must never meet a
 * value that breaks its own reading of the column.
 * Specification: MySQL Internals, "Text Resultset Row", "Binary Protocol Resultset Row", "Binary Protocol Value".
 */
import { isUtf8 } from "node:buffer";
import { fitJson, type ValueKind } from "../values.js";
import { characterBytes, encodingOf } from "./charsets.js";
import { COLUMN_FLAG, TYPE } from "./codes.js";
import type { Column } from "./columns.js";
import { decodeDateTime, decodeTime, encodeDateTime, fitDateTime } from "./temporal.js";
import { lenencInt } from "./writer.js";

/** What of a column's definition its values depend on. */
export type ValueColumn = Pick<Column, "type" | "flags" | "collation" | "length" | "decimals">;

/** How a value stands in a binary row: so many bytes, or a length byte and as many, or a length-encoded string. */
export type BinarySize = 0 | 1 | 2 | 4 | 8 | "short" | "lenenc";

export function binarySize(type: number): BinarySize {
	switch (type) {
		case TYPE.null:
			return 0;
		case TYPE.tiny:
			return 1;
		case TYPE.short:
		case TYPE.year:
			return 2;
		case TYPE.long:
		case TYPE.int24:
		case TYPE.float:
			return 4;
		case TYPE.longlong:
		case TYPE.double:
			return 8;
		case TYPE.date:
		case TYPE.datetime:
		case TYPE.timestamp:
		case TYPE.time:
			return "short";
		default:
			return "lenenc";
	}
}

const integerBits: ReadonlyMap<number, number> = new Map([
	[TYPE.tiny, 8],
	[TYPE.short, 16],
	[TYPE.int24, 24],
	[TYPE.long, 32],
	[TYPE.longlong, 64],
]);

const isString = (type: number): boolean => type >= TYPE.tinyBlob && type <= TYPE.string;

export function valueKind({ type, flags, collation }: ValueColumn): ValueKind {
	if (integerBits.has(type) || type === TYPE.year) return "integer";
	switch (type) {
		case TYPE.decimal:
		case TYPE.newdecimal:
		case TYPE.float:
		case TYPE.double:
			return "decimal";
		case TYPE.date:
		case TYPE.newdate:
			return "date";
		case TYPE.datetime:
		case TYPE.timestamp:
			return "timestamp";
		case TYPE.json:
			return "json";
		default:
			break;
	}
	// Members of ENUM and SET are a closed list, which no mask's text is on.
	const isListed = (flags & (COLUMN_FLAG.enum | COLUMN_FLAG.set)) !== 0;
	if (!(isString(type) || type === TYPE.varchar) || isListed) return "other";
	return encodingOf(collation) === "binary" ? "other" : "text";
}

/** Characters as text; undefined where the character set is not read here. */
function decodeCharacters(bytes: Buffer, { type, collation }: ValueColumn): string | undefined {
	switch (encodingOf(collation)) {
		case "utf8":
			return bytes.toString("utf8");
		case "bytes":
			return bytes.toString("latin1");
		case "binary":
			// Numbers and dates come as ASCII and call themselves binary; JSON is UTF-8 whatever it calls itself.
			return type === TYPE.json || !isString(type) ? bytes.toString("utf8") : undefined;
		case "other":
			return undefined;
	}
}

function encodeCharacters(text: string, column: ValueColumn): Buffer | undefined {
	if (encodingOf(column.collation) !== "bytes") return Buffer.from(text, "utf8");
	const bytes = Buffer.from(text, "latin1");
	return bytes.toString("latin1") === text ? bytes : undefined;
}

/** A value of a text row. */
export function decodeText(column: ValueColumn, bytes: Buffer): string | undefined {
	return decodeCharacters(bytes, column);
}

/** A value of a binary row, without the length in front of it. */
export function decodeBinary(column: ValueColumn, bytes: Buffer): string | undefined {
	const { type, flags, decimals } = column;
	const isUnsigned = (flags & COLUMN_FLAG.unsigned) !== 0;
	switch (type) {
		case TYPE.tiny:
		case TYPE.short:
		case TYPE.year:
		case TYPE.int24:
		case TYPE.long: {
			const size = bytes.length as 1 | 2 | 4;
			return String(isUnsigned ? bytes.readUIntLE(0, size) : bytes.readIntLE(0, size));
		}
		case TYPE.longlong:
			return String(isUnsigned ? bytes.readBigUInt64LE(0) : bytes.readBigInt64LE(0));
		case TYPE.float:
			return String(Number(bytes.readFloatLE(0).toPrecision(7)));
		case TYPE.double:
			return String(bytes.readDoubleLE(0));
		case TYPE.date:
		case TYPE.datetime:
		case TYPE.timestamp:
			return decodeDateTime(bytes, type === TYPE.date, decimals);
		case TYPE.time:
			return decodeTime(bytes, decimals);
		default:
			return decodeCharacters(bytes, column);
	}
}

/** The text as the type would show it, cut where the type does so; undefined when it cannot hold it. */
export function fitText(text: string, column: ValueColumn): string | undefined {
	const { type, flags, collation, length, decimals } = column;
	switch (valueKind(column)) {
		case "text":
			return clip(text, Math.floor(length / characterBytes(collation)));
		case "integer":
			return fitInteger(text, type, (flags & COLUMN_FLAG.unsigned) !== 0);
		case "decimal":
			return /^-?\d{1,65}(\.\d{1,38})?$/.test(text) ? text : undefined;
		case "date":
		case "timestamp":
			return fitDateTime(text, valueKind(column) === "date", decimals);
		case "json":
			return fitJson(text);
		case "uuid":
		case "other":
			return undefined;
	}
}

/** At most `length` characters, by code point. Columns without a length of their own (0) hold any. */
function clip(text: string, length: number): string {
	if (length === 0 || text.length <= length) return text;
	return Array.from(text).slice(0, length).join("");
}

function fitInteger(text: string, type: number, isUnsigned: boolean): string | undefined {
	if (!/^-?\d{1,20}$/.test(text)) return undefined;
	const value = BigInt(text);
	if (type === TYPE.year) return value >= 1901n && value <= 2155n ? text : undefined;
	const bits = BigInt(integerBits.get(type) ?? 8);
	const least = isUnsigned ? 0n : -(1n << (bits - 1n));
	const most = isUnsigned ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
	return value >= least && value <= most ? String(value) : undefined;
}

/** The bytes of a masked text in a text row, without their length; undefined: NULL. */
export function encodeText(text: string, column: ValueColumn): Buffer | undefined {
	const fitted = fitText(text, column);
	return fitted === undefined ? undefined : encodeCharacters(fitted, column);
}

/** The same in a binary row, with the length where there is one. */
export function encodeBinary(text: string, column: ValueColumn): Buffer | undefined {
	const fitted = fitText(text, column);
	if (fitted === undefined) return undefined;
	const size = binarySize(column.type);
	if (size === "short") return column.type === TYPE.time ? undefined : encodeDateTime(fitted);
	if (size === "lenenc") {
		const bytes = encodeCharacters(fitted, column);
		return bytes === undefined ? undefined : Buffer.concat([lenencInt(bytes.length), bytes]);
	}
	const bytes = Buffer.alloc(size);
	if (column.type === TYPE.float) bytes.writeFloatLE(Number(fitted));
	else if (column.type === TYPE.double) bytes.writeDoubleLE(Number(fitted));
	else if (size === 8) bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(fitted)));
	else if (size > 0) bytes.writeIntLE(Number(BigInt.asIntN(8 * size, BigInt(fitted))), 0, size);
	return bytes;
}

/** A value for the recording: its text, or "\x…" where it is not text. */
export function recordedValue(column: ValueColumn, bytes: Buffer, isBinaryRow: boolean): string {
	const text = isBinaryRow ? decodeBinary(column, bytes) : decodeText(column, bytes);
	if (text === undefined) return isUtf8(bytes) && bytes.indexOf(0) === -1 ? bytes.toString("utf8") : hex(bytes);
	return isString(column.type) && encodingOf(column.collation) === "utf8" && !isUtf8(bytes) ? hex(bytes) : text;
}

function hex(bytes: Buffer): string {
	return `\\x${bytes.toString("hex")}`;
}
