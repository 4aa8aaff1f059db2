/**
 * PostgreSQL's frontend messages and backend messages as the tests see them, written from the protocol's documentation
 * and sharing nothing with the code under test (PostgreSQL documentation, "Frontend/Backend Protocol", Message Formats).
 */

export const PROTOCOL_3_0 = 196_608;
export const PROTOCOL_3_2 = 196_610;

/** One backend message: its type letter and its body, without the length word. */
export interface Message {
	readonly type: string;
	readonly body: Buffer;
}

/** A whole message: type letter, length word, parts. */
export function message(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
	const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
	return Buffer.concat([Buffer.from(type, "latin1"), int32(body.length + 4), body]);
}

export function int32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeInt32BE(value);
	return bytes;
}

export function int16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeUInt16BE(value);
	return bytes;
}

/** A string with its terminator. */
export function text(value: string): Buffer {
	return Buffer.concat([Buffer.from(value, "utf8"), Buffer.of(0)]);
}

export function startup(parameters: Readonly<Record<string, string>>, protocol = PROTOCOL_3_0): Buffer {
	const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)]);
	const body = Buffer.concat([int32(protocol), ...pairs, Buffer.of(0)]);
	return Buffer.concat([int32(body.length + 4), body]);
}

export const sslRequest = Buffer.concat([int32(8), int32(80_877_103)]);
export const gssRequest = Buffer.concat([int32(8), int32(80_877_104)]);

export function cancelRequest(pid: number, secret: Buffer): Buffer {
	return Buffer.concat([int32(12 + secret.length), int32(80_877_102), int32(pid), secret]);
}

export const query = (sql: string): Buffer => message("Q", text(sql));
export const parse = (sql: string, name = "", types: readonly number[] = []): Buffer =>
	message("P", text(name), text(sql), int16(types.length), ...types.map(int32));
export const describe = (what: "S" | "P", name = ""): Buffer => message("D", what, text(name));
export const execute = (portal = "", rows = 0): Buffer => message("E", text(portal), int32(rows));
export const close = (what: "S" | "P", name = ""): Buffer => message("C", what, text(name));
export const flush = message("H");
export const sync = message("S");
export const terminate = message("X");
export const copyData = (data: string | Buffer): Buffer => message("d", Buffer.from(data));
export const copyDone = message("c");
export const copyFail = (reason: string): Buffer => message("f", text(reason));
export const password = (value: string): Buffer => message("p", text(value));

/** FunctionCall, with arguments and the result in one format: text unless it is said. */
export const functionCall = (oid: number, args: readonly (string | Buffer | null)[] = [], format = 0): Buffer =>
	message("F", int32(oid), int16(1), int16(format), int16(args.length), ...args.map(value), int16(format));

export interface BindOptions {
	readonly portal?: string;
	readonly statement?: string;
	readonly values?: readonly (string | Buffer | null)[];
	readonly valueFormats?: readonly number[];
	readonly resultFormats?: readonly number[];
}

export function bind(options: BindOptions = {}): Buffer {
	const { portal = "", statement = "", values = [], valueFormats = [], resultFormats = [] } = options;
	return message(
		"B",
		text(portal),
		text(statement),
		int16(valueFormats.length),
		...valueFormats.map(int16),
		int16(values.length),
		...values.map(value),
		int16(resultFormats.length),
		...resultFormats.map(int16),
	);
}

function value(of: string | Buffer | null): Buffer {
	if (of === null) return int32(-1);
	const bytes = Buffer.from(of);
	return Buffer.concat([int32(bytes.length), bytes]);
}

/** Splits what has arrived into whole messages and the rest. Messages of the types in `counted` are only counted. */
export function split(bytes: Buffer, counted = ""): { messages: Message[]; skipped: number; rest: Buffer } {
	const messages: Message[] = [];
	let skipped = 0;
	let at = 0;
	while (bytes.length - at >= 5) {
		const end = at + 1 + bytes.readUInt32BE(at + 1);
		if (end > bytes.length) break;
		const type = String.fromCharCode(bytes[at] ?? 0);
		if (counted.includes(type)) skipped++;
		else messages.push({ type, body: Buffer.from(bytes.subarray(at + 5, end)) });
		at = end;
	}
	return { messages, skipped, rest: bytes.subarray(at) };
}

/** Fields of an ErrorResponse or NoticeResponse by their letter: S, V, C, M, D, H, P, … */
export function errorFields(error: Message): Record<string, string> {
	const parts = error.body.toString("utf8").split("\0");
	return Object.fromEntries(parts.filter((part) => part !== "").map((part) => [part[0] ?? "", part.slice(1)]));
}

/** Values of a DataRow as text. */
export function rowValues(row: Message): (string | null)[] {
	return rowBytes(row).map((bytes) => bytes?.toString("utf8") ?? null);
}

export function rowBytes(row: Message): (Buffer | null)[] {
	const values: (Buffer | null)[] = [];
	let at = 2;
	for (let column = row.body.readUInt16BE(0); column > 0; column--) {
		const length = row.body.readInt32BE(at);
		values.push(length < 0 ? null : row.body.subarray(at + 4, at + 4 + length));
		at += 4 + Math.max(0, length);
	}
	return values;
}

export interface RowColumn {
	readonly name: string;
	readonly relation: number;
	readonly column: number;
	readonly type: number;
	readonly format: number;
}

/** Columns of a RowDescription. */
export function rowColumns(description: Message): RowColumn[] {
	const { body } = description;
	const columns: RowColumn[] = [];
	let at = 2;
	for (let left = body.readUInt16BE(0); left > 0; left--) {
		const end = body.indexOf(0, at);
		const name = body.toString("utf8", at, end);
		columns.push({
			name,
			relation: body.readUInt32BE(end + 1),
			column: body.readInt16BE(end + 5),
			type: body.readUInt32BE(end + 7),
			format: body.readInt16BE(end + 17),
		});
		at = end + 19;
	}
	return columns;
}

/** The tag of a CommandComplete. */
export const commandTag = (complete: Message): string => complete.body.toString("utf8").replace(/\0$/, "");

/** A conversation in short, to compare two servers: "T D D C:SELECT 2 E:42501 Z:I". */
export function outline(messages: readonly Message[]): string {
	return messages
		.map((each) => {
			if (each.type === "Z") return `Z:${each.body.toString("latin1")}`;
			if (each.type === "C") return `C:${commandTag(each)}`;
			if (each.type === "E") return `E:${errorFields(each).C}`;
			return each.type;
		})
		.join(" ");
}
