/**
 * Bounds-checked readers of the messages that the relay must understand.
 *
 * They work in place: `start` is the offset of a frame's type byte in a larger buffer and `end` the offset after its last
 * byte, so nothing is copied but the names. They never throw; `undefined` means malformed (a count or length beyond the
 * frame, a missing terminator, trailing bytes, a frame length that disagrees) and the caller refuses the message.
 * Specification: PostgreSQL documentation, chapter "Message Formats".
 */
import { isUtf8 } from "node:buffer";
import { CANCEL_SECRET_BYTES, NAME_BYTES } from "./bounds.js";

/** 0 is text, 1 is binary. */
export type FormatCode = 0 | 1;

export interface RowColumn {
	/** The label: for display only, it never decides anything. */
	readonly name: string;
	/** OID of the table it comes from, 0 when it is not a column of one. */
	readonly table: number;
	/** Attribute number in that table, 0 likewise. */
	readonly column: number;
	readonly type: number;
	readonly typeSize: number;
	readonly typeModifier: number;
	readonly format: number;
}

export interface ParseMessage {
	readonly name: string;
	/** Offsets of the statement's text in the buffer, terminator excluded. */
	readonly textStart: number;
	readonly textEnd: number;
	readonly parameterTypes: number[];
}

export interface BindMessage {
	readonly portal: string;
	readonly statement: string;
	/** None: all text; one: for all; else one for each parameter. `formatAt` reads it. */
	readonly parameterFormats: number[];
	/** Pairs of offset in the buffer and length in bytes; length −1 is NULL. */
	readonly parameters: Int32Array;
	/** None: all text; one: for all; else one for each result column. */
	readonly resultFormats: number[];
}

export interface FunctionCallMessage {
	/** OID of the function. */
	readonly function: number;
	/** As in BindMessage, of its arguments. */
	readonly parameterFormats: number[];
	readonly parameters: Int32Array;
}

export interface NamedObject {
	readonly kind: "statement" | "portal";
	readonly name: string;
}

/** The format of item `index` under Bind's rule: no codes mean text, one code holds for all. */
export function formatAt(formats: readonly number[], index: number): number {
	return formats.length === 1 ? (formats[0] ?? 0) : (formats[index] ?? 0);
}

/** Up to here a string's end is looked for byte by byte. */
const SHORT_STRING_BYTES = 16;

/** Walks one frame. After a failed read `failed` stays true and everything that follows reads as zero or empty. */
class FrameReader {
	failed = false;
	private at: number;

	constructor(
		private readonly source: Buffer,
		start: number,
		private readonly end: number,
	) {
		this.at = start + 5;
		const whole = start >= 0 && end <= source.length && end - start >= 5;
		if (!whole || source.readUInt32BE(start + 1) !== end - start - 1) this.failed = true;
	}

	get offset(): number {
		return this.at;
	}

	get remaining(): number {
		return this.failed ? 0 : this.end - this.at;
	}

	/** Moves over `count` bytes and answers the offset where they start. */
	skip(count: number): number {
		const from = this.at;
		if (this.failed || count < 0 || count > this.end - from) {
			this.failed = true;
			return from;
		}
		this.at = from + count;
		return from;
	}

	uint8(): number {
		const from = this.skip(1);
		return this.failed ? 0 : this.source.readUInt8(from);
	}

	uint16(): number {
		const from = this.skip(2);
		return this.failed ? 0 : this.source.readUInt16BE(from);
	}

	int16(): number {
		const from = this.skip(2);
		return this.failed ? 0 : this.source.readInt16BE(from);
	}

	int32(): number {
		const from = this.skip(4);
		return this.failed ? 0 : this.source.readInt32BE(from);
	}

	uint32(): number {
		const from = this.skip(4);
		return this.failed ? 0 : this.source.readUInt32BE(from);
	}

	/** Moves over a terminated string and answers the offset of its terminator. */
	string(): number {
		if (this.failed) return this.at;
		// Most names are empty, or so short that a search by the runtime costs more than it saves.
		let terminator = this.at;
		const soon = Math.min(terminator + SHORT_STRING_BYTES, this.end);
		while (terminator < soon && this.source[terminator] !== 0) terminator++;
		if (terminator === soon) terminator = this.source.indexOf(0, terminator);
		if (terminator === -1 || terminator >= this.end) {
			this.failed = true;
			return this.at;
		}
		this.at = terminator + 1;
		return terminator;
	}

	/** A string of ours or of the client's, which must be UTF-8. */
	text(): string {
		const from = this.at;
		const to = this.string();
		if (this.failed || to === from) return "";
		const text = this.source.toString("utf8", from, to);
		// A replacement character is either in the bytes or made by the decoder; two different byte strings must not read alike.
		if (text.includes("\ufffd") && !isUtf8(this.source.subarray(from, to))) this.failed = true;
		return text;
	}

	/** A string of the server's, in whatever encoding its data is: for display. */
	label(): string {
		const from = this.at;
		const to = this.string();
		return this.failed ? "" : this.source.toString("utf8", from, to);
	}

	/**
	 * A statement's or portal's name as the server keys it: by its first 63 bytes. Two longer names that start alike are
	 * one object to the server, so they must be one to us.
	 */
	objectName(): string {
		const from = this.at;
		const name = this.text();
		if (this.failed || this.at - 1 - from <= NAME_BYTES) return name;
		const key = this.source.subarray(from, from + NAME_BYTES);
		// A character cut in two has no string of its own.
		if (!isUtf8(key)) this.failed = true;
		return key.toString("utf8");
	}

	/** True when every byte was read and none was missing. */
	done(): boolean {
		return !this.failed && this.at === this.end;
	}
}

/** The list of format codes in Bind: a count, then codes that are 0 or 1. */
function formatCodes(reader: FrameReader): number[] {
	const count = reader.uint16();
	const formats: number[] = [];
	if (count * 2 > reader.remaining) {
		reader.failed = true;
		return formats;
	}
	for (let index = 0; index < count; index++) {
		const format = reader.int16();
		if (format !== 0 && format !== 1) reader.failed = true;
		formats.push(format);
	}
	return formats;
}

export function readQuery(
	source: Buffer,
	start: number,
	end: number,
): { readonly textStart: number; readonly textEnd: number } | undefined {
	const reader = new FrameReader(source, start, end);
	const textStart = reader.offset;
	const textEnd = reader.string();
	return reader.done() ? { textStart, textEnd } : undefined;
}

export function readParse(source: Buffer, start: number, end: number): ParseMessage | undefined {
	const reader = new FrameReader(source, start, end);
	const name = reader.objectName();
	const textStart = reader.offset;
	const textEnd = reader.string();
	const count = reader.uint16();
	if (reader.remaining !== count * 4) return undefined;
	const parameterTypes: number[] = [];
	for (let index = 0; index < count; index++) parameterTypes.push(reader.uint32());
	return reader.done() ? { name, textStart, textEnd, parameterTypes } : undefined;
}

export function readBind(source: Buffer, start: number, end: number): BindMessage | undefined {
	const reader = new FrameReader(source, start, end);
	const portal = reader.objectName();
	const statement = reader.objectName();
	const values = readValues(reader);
	const resultFormats = formatCodes(reader);
	return reader.done() && values !== undefined ? { portal, statement, ...values, resultFormats } : undefined;
}

export function readFunctionCall(source: Buffer, start: number, end: number): FunctionCallMessage | undefined {
	const reader = new FrameReader(source, start, end);
	const oid = reader.uint32();
	const values = readValues(reader);
	reader.uint16();
	return reader.done() && values !== undefined ? { function: oid, ...values } : undefined;
}

/** Formats, and values in them. */
function readValues(reader: FrameReader): Pick<BindMessage, "parameterFormats" | "parameters"> | undefined {
	const parameterFormats = formatCodes(reader);
	const count = reader.uint16();
	if (reader.failed || count * 4 > reader.remaining) return undefined;
	if (parameterFormats.length > 1 && parameterFormats.length !== count) return undefined;
	const parameters = new Int32Array(count * 2);
	for (let index = 0; index < count; index++) {
		const length = reader.int32();
		if (length < -1) return undefined;
		parameters[2 * index] = reader.skip(Math.max(length, 0));
		parameters[2 * index + 1] = length;
	}
	return { parameterFormats, parameters };
}

/** The statement's name alone, where the rest of a Bind cannot be read. */
export function readBoundName(source: Buffer, start: number, end: number): string | undefined {
	const reader = new FrameReader(source, start, end);
	reader.objectName();
	const statement = reader.objectName();
	return reader.failed ? undefined : statement;
}

function readNamed(source: Buffer, start: number, end: number): NamedObject | undefined {
	const reader = new FrameReader(source, start, end);
	const kind = reader.uint8();
	const name = reader.objectName();
	if (!reader.done()) return undefined;
	if (kind === 0x53) return { kind: "statement", name };
	return kind === 0x50 ? { kind: "portal", name } : undefined;
}

export function readDescribe(source: Buffer, start: number, end: number): NamedObject | undefined {
	return readNamed(source, start, end);
}

export function readClose(source: Buffer, start: number, end: number): NamedObject | undefined {
	return readNamed(source, start, end);
}

/** `maxRows` of 0 or less means all of them. */
export function readExecute(
	source: Buffer,
	start: number,
	end: number,
): { readonly portal: string; readonly maxRows: number } | undefined {
	const reader = new FrameReader(source, start, end);
	const portal = reader.objectName();
	const maxRows = reader.int32();
	return reader.done() ? { portal, maxRows } : undefined;
}

/** True for a frame without a body: Sync, Flush, Terminate, CopyDone, ParseComplete, NoData, … */
export function readEmpty(source: Buffer, start: number, end: number): boolean {
	return new FrameReader(source, start, end).done();
}

export function readRowDescription(source: Buffer, start: number, end: number): RowColumn[] | undefined {
	const reader = new FrameReader(source, start, end);
	const count = reader.uint16();
	// A column takes at least its name's terminator and 18 bytes.
	if (count * 19 > reader.remaining) return undefined;
	const columns: RowColumn[] = [];
	for (let index = 0; index < count && !reader.failed; index++) {
		columns.push({
			name: reader.label(),
			table: reader.uint32(),
			column: reader.int16(),
			type: reader.uint32(),
			typeSize: reader.int16(),
			typeModifier: reader.int32(),
			format: reader.int16(),
		});
	}
	return reader.done() ? columns : undefined;
}

export function readParameterDescription(source: Buffer, start: number, end: number): number[] | undefined {
	const reader = new FrameReader(source, start, end);
	const count = reader.uint16();
	if (reader.remaining !== count * 4) return undefined;
	const types: number[] = [];
	for (let index = 0; index < count; index++) types.push(reader.uint32());
	return reader.done() ? types : undefined;
}

/** The tag of CommandComplete: "SELECT 3". */
export function readCommandComplete(source: Buffer, start: number, end: number): string | undefined {
	const reader = new FrameReader(source, start, end);
	const tag = reader.label();
	return reader.done() ? tag : undefined;
}

/** The transaction status byte of ReadyForQuery: 'I', 'T' or 'E'. */
export function readReadyForQuery(source: Buffer, start: number, end: number): number | undefined {
	const reader = new FrameReader(source, start, end);
	const status = reader.uint8();
	const known = status === 0x49 || status === 0x54 || status === 0x45;
	return reader.done() && known ? status : undefined;
}

export function readParameterStatus(
	source: Buffer,
	start: number,
	end: number,
): { readonly name: string; readonly value: string } | undefined {
	const reader = new FrameReader(source, start, end);
	const name = reader.label();
	const value = reader.label();
	return reader.done() ? { name, value } : undefined;
}

export function readBackendKeyData(
	source: Buffer,
	start: number,
	end: number,
): { readonly processId: number; readonly secret: Buffer } | undefined {
	const reader = new FrameReader(source, start, end);
	const processId = reader.int32();
	const length = reader.remaining;
	if (length < CANCEL_SECRET_BYTES.min || length > CANCEL_SECRET_BYTES.max) return undefined;
	const at = reader.skip(length);
	return reader.done() ? { processId, secret: Buffer.from(source.subarray(at, at + length)) } : undefined;
}

export interface CopyResponse {
	/** 0: lines of text (text, CSV); 1: binary. */
	readonly format: number;
	readonly columnFormats: readonly number[];
}

/** CopyInResponse and CopyOutResponse: the overall format, and each column's. */
export function readCopyResponse(source: Buffer, start: number, end: number): CopyResponse | undefined {
	const reader = new FrameReader(source, start, end);
	const format = reader.uint8();
	const columnFormats = formatCodes(reader);
	return reader.done() && format <= 1 ? { format, columnFormats } : undefined;
}

/** The server process that notifies, the channel and the payload. */
export function readNotification(
	source: Buffer,
	start: number,
	end: number,
): { readonly processId: number; readonly channel: string; readonly payload: string } | undefined {
	const reader = new FrameReader(source, start, end);
	const processId = reader.int32();
	const channel = reader.label();
	const payload = reader.label();
	return reader.done() ? { processId, channel, payload } : undefined;
}
