/**
 * Column definitions: the head of every result.
 * Specification: MySQL Internals, "Column Definition Packet"; MariaDB Knowledge Base, "Column definition packet".
 */
import { ANSWER } from "./codes.js";
import { HEADER_BYTES, payloadBytes } from "./packets.js";
import { Reader } from "./reader.js";

export interface Column {
	/** Where the server says that it comes from; each "" where it says nothing. */
	readonly schema: string;
	readonly originTable: string;
	readonly originName: string;
	readonly name: string;
	readonly collation: number;
	/** Longest value, in bytes. */
	readonly length: number;
	readonly type: number;
	readonly flags: number;
	/** Offset of the flags in the payload. */
	readonly flagsAt: number;
	readonly decimals: number;
}

/** More columns no result has (the servers end at 4096). */
export const MAX_COLUMNS = 4096;

const FIXED_BYTES = 12;

/** Undefined: it is malformed. `typeInfo`: MariaDB's extended metadata was agreed on. */
export function readColumn(data: Buffer, start: number, end: number, typeInfo: boolean): Column | undefined {
	const reader = new Reader(data, start, end);
	reader.lenencBytes();
	const schema = reader.lenencBytes().toString("utf8");
	reader.lenencBytes();
	const originTable = reader.lenencBytes().toString("utf8");
	const name = reader.lenencBytes().toString("utf8");
	const originName = reader.lenencBytes().toString("utf8");
	if (typeInfo) reader.lenencBytes();
	if (reader.lenenc() !== FIXED_BYTES) return undefined;
	const collation = reader.int(2);
	const length = reader.int(4);
	const type = reader.int(1);
	const flagsAt = reader.at - start;
	const flags = reader.int(2);
	const decimals = reader.int(1);
	if (reader.failed) return undefined;
	return { schema, originTable, originName, name, collation, length, type, flags, flagsAt, decimals };
}

/** Where the head of a result ends, in `data`: its count of columns, their definitions, and the EOF behind them. */
export type HeadEnd =
	| { readonly kind: "whole"; readonly end: number; readonly count: number }
	| { readonly kind: "incomplete" }
	| { readonly kind: "malformed" };

const INCOMPLETE: HeadEnd = { kind: "incomplete" };
const MALFORMED: HeadEnd = { kind: "malformed" };

/** `at`: the packet that holds the count. `eof`: an EOF follows the definitions. */
export function headEnd(data: Buffer, at: number, eof: boolean): HeadEnd {
	const first = at + HEADER_BYTES;
	const length = payloadBytes(data, at);
	const reader = new Reader(data, first, first + length);
	const count = reader.lenenc();
	if (reader.failed || reader.left > 0 || count === 0 || count > MAX_COLUMNS) return MALFORMED;
	let next = first + length;
	for (let packet = 0; packet < count + (eof ? 1 : 0); packet++) {
		if (data.length - next < HEADER_BYTES) return INCOMPLETE;
		const bytes = payloadBytes(data, next);
		if (data.length - next - HEADER_BYTES < bytes) return INCOMPLETE;
		if (packet === count && (bytes !== 5 || data[next + HEADER_BYTES] !== ANSWER.eof)) return MALFORMED;
		next += HEADER_BYTES + bytes;
	}
	return { kind: "whole", end: next, count };
}

/** The definitions in the head of a result that is whole; undefined: malformed. */
export function readHead(head: Buffer, count: number, typeInfo: boolean): Column[] | undefined {
	const columns: Column[] = [];
	let at = HEADER_BYTES + payloadBytes(head, 0);
	for (let index = 0; index < count; index++) {
		const start = at + HEADER_BYTES;
		const end = start + payloadBytes(head, at);
		const column = readColumn(head, start, end, typeInfo);
		if (column === undefined) return undefined;
		columns.push(column);
		at = end;
	}
	return columns;
}
