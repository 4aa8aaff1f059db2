/**
 * Parameters of COM_STMT_EXECUTE and query attributes of COM_QUERY, read for the recording and, of a query, for where its
 * text begins. What is read otherwise than the server reads it would be judged otherwise, so each count and length is
 * checked and nothing may be left over.
 *
 * Specification: MySQL Internals, "COM_QUERY", "COM_STMT_EXECUTE", "Binary Protocol Value".
 */
import { isUtf8 } from "node:buffer";
import { COLLATION, COLUMN_FLAG, CURSOR, TYPE } from "./codes.js";
import { Reader } from "./reader.js";
import { binarySize, decodeBinary, type ValueColumn } from "./values.js";

/** Type in the low byte, 0x8000: unsigned. */
export type ParameterType = number;
const UNSIGNED = 0x8000;

/** More of them no server takes. */
const MAX_PARAMETERS = 65_535;

/** Bytes of command and text offset of a COM_QUERY with attributes; undefined: malformed. */
export function queryTextStart(payload: Buffer): number | undefined {
	const reader = new Reader(payload, 1);
	const count = reader.lenenc();
	const sets = reader.lenenc();
	if (reader.failed || count > MAX_PARAMETERS || sets !== 1) return undefined;
	if (count > 0) {
		const nulls = reader.bytes((count + 7) >> 3);
		if (reader.int(1) !== 1) return undefined;
		const types = readTypes(reader, count, true);
		if (types === undefined) return undefined;
		for (const [index, type] of types.entries()) {
			if (!isNull(nulls, index) && skipValue(reader, type) === undefined) return undefined;
		}
	}
	return reader.failed ? undefined : reader.at;
}

export interface ExecuteMessage {
	readonly parameters: readonly (string | null)[];
	/** What the server remembers for the next execution. */
	readonly types: readonly ParameterType[];
}

export interface ExecuteRules {
	readonly parameterCount: number;
	/** Of the execution before; undefined: there was none. */
	readonly types: readonly ParameterType[] | undefined;
	/** What was sent by COM_STMT_SEND_LONG_DATA, by parameter: these have no value in the message. */
	readonly longData: ReadonlyMap<number, { readonly bytes: Buffer }>;
	readonly queryAttributes: boolean;
}

/** Command, statement, flags, iteration count. */
export const EXECUTE_HEADER_BYTES = 10;

/** Undefined: malformed. */
export function readExecute(payload: Buffer, rules: ExecuteRules): ExecuteMessage | undefined {
	const { parameterCount, longData, queryAttributes } = rules;
	const reader = new Reader(payload, EXECUTE_HEADER_BYTES);
	const hasCount = queryAttributes && ((payload[5] as number) & CURSOR.parameterCount) !== 0;
	if (parameterCount === 0 && !hasCount) {
		return { parameters: [], types: [] };
	}
	const count = hasCount ? reader.lenenc() : parameterCount;
	if (reader.failed || count > MAX_PARAMETERS || count < parameterCount) return undefined;
	if (count === 0) return reader.left === 0 ? { parameters: [], types: [] } : undefined;
	const nulls = reader.bytes((count + 7) >> 3);
	const isBound = reader.int(1);
	let types = rules.types;
	if (isBound === 1) types = readTypes(reader, count, queryAttributes);
	if (reader.failed || types === undefined || types.length < count) return undefined;
	const parameters: (string | null)[] = [];
	for (let index = 0; index < count; index++) {
		const long = longData.get(index);
		let value: string | null | undefined;
		if (long !== undefined) value = shown(long.bytes);
		else if (isNull(nulls, index)) value = null;
		else value = readValue(reader, types[index] as number);
		if (value === undefined) return undefined;
		if (index < parameterCount) parameters.push(value);
	}
	return reader.failed || reader.left > 0 ? undefined : { parameters, types: types.slice(0, parameterCount) };
}

function isNull(map: Buffer, index: number): boolean {
	return ((map[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

function readTypes(reader: Reader, count: number, named: boolean): ParameterType[] | undefined {
	const types: ParameterType[] = [];
	for (let index = 0; index < count && !reader.failed; index++) {
		types.push(reader.int(2));
		if (named) reader.lenencBytes();
	}
	return reader.failed ? undefined : types;
}

function skipValue(reader: Reader, type: ParameterType): Buffer | undefined {
	const size = binarySize(type & 0xff);
	const bytes =
		size === "lenenc" ? reader.lenencBytes() : size === "short" ? reader.bytes(reader.int(1)) : reader.bytes(size);
	return reader.failed ? undefined : bytes;
}

/** Null: NULL; undefined: malformed. */
function readValue(reader: Reader, type: ParameterType): string | null | undefined {
	if ((type & 0xff) === TYPE.null) return null;
	const bytes = skipValue(reader, type);
	if (bytes === undefined) return undefined;
	if (binarySize(type & 0xff) === "lenenc") return shown(bytes);
	const column: ValueColumn = {
		type: type & 0xff,
		flags: (type & UNSIGNED) !== 0 ? COLUMN_FLAG.unsigned : 0,
		collation: COLLATION.binary,
		length: 0,
		// As many as there are.
		decimals: 31,
	};
	return decodeBinary(column, bytes);
}

function shown(bytes: Buffer): string {
	return isUtf8(bytes) ? bytes.toString("utf8") : `\\x${bytes.toString("hex")}`;
}
