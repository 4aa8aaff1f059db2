/**
 * The messages: encoders of those that we write ourselves, toward either side, and (from readers.ts) bounds-checked readers
 * of those that we must understand.
 * Specification: PostgreSQL documentation, chapter "Message Formats".
 */
import type { FormatCode, NamedObject } from "./readers.js";

export * from "./readers.js";

const headerBytes = 5;

function frame(type: string, body: Buffer): Buffer {
	const bytes = Buffer.allocUnsafe(headerBytes + body.length);
	bytes[0] = type.charCodeAt(0);
	bytes.writeInt32BE(4 + body.length, 1);
	body.copy(bytes, headerBytes);
	return bytes;
}

/** A string with its terminator. A NUL inside would change what the reader sees after it, so it is an error of ours. */
export function terminated(text: string): Buffer {
	if (text.includes("\0")) throw new RangeError("a protocol string cannot hold a NUL");
	return Buffer.from(`${text}\0`, "utf8");
}

function int16(value: number): Buffer {
	const bytes = Buffer.allocUnsafe(2);
	bytes.writeUInt16BE(value);
	return bytes;
}

function int32(value: number): Buffer {
	const bytes = Buffer.allocUnsafe(4);
	bytes.writeInt32BE(value);
	return bytes;
}

const empty = Buffer.alloc(0);

export function query(sql: string): Buffer {
	return frame("Q", terminated(sql));
}

export function parse(name: string, sql: string, types: readonly number[] = []): Buffer {
	const parts = [terminated(name), terminated(sql), int16(types.length), ...types.map((type) => int32(type | 0))];
	return frame("P", Buffer.concat(parts));
}

/**
 * A Query or Parse frame with another text: `textStart` and `textEnd` bound the text in it, `text` is bytes, one a
 * character.
 */
export function withText(frameOf: Buffer, textStart: number, textEnd: number, text: string): Buffer {
	const before = frameOf.subarray(headerBytes, textStart);
	const behind = frameOf.subarray(textEnd);
	return frame(String.fromCharCode(frameOf[0] as number), Buffer.concat([before, Buffer.from(text, "latin1"), behind]));
}

/** Bind with text parameters; `resultFormats` as in `BindMessage`. */
export function bind(
	portal: string,
	statement: string,
	parameters: readonly (string | null)[] = [],
	resultFormats: readonly FormatCode[] = [],
): Buffer {
	const parts = [terminated(portal), terminated(statement), int16(0), int16(parameters.length)];
	for (const parameter of parameters) {
		if (parameter === null) parts.push(int32(-1));
		else parts.push(int32(Buffer.byteLength(parameter)), Buffer.from(parameter, "utf8"));
	}
	parts.push(int16(resultFormats.length), ...resultFormats.map(int16));
	return frame("B", Buffer.concat(parts));
}

function named(type: "C" | "D", kind: NamedObject["kind"], name: string): Buffer {
	return frame(type, Buffer.concat([Buffer.from(kind === "statement" ? "S" : "P"), terminated(name)]));
}

export function describe(kind: NamedObject["kind"], name: string): Buffer {
	return named("D", kind, name);
}

export function close(kind: NamedObject["kind"], name: string): Buffer {
	return named("C", kind, name);
}

export function execute(portal: string, maxRows = 0): Buffer {
	return frame("E", Buffer.concat([terminated(portal), int32(maxRows)]));
}

export function sync(): Buffer {
	return frame("S", empty);
}

export function flush(): Buffer {
	return frame("H", empty);
}

export function terminate(): Buffer {
	return frame("X", empty);
}

export function copyFail(message: string): Buffer {
	return frame("f", terminated(message));
}

/** `status` is the byte: 'I' idle, 'T' in a transaction block, 'E' in an aborted one. */
export function readyForQuery(status: number): Buffer {
	return frame("Z", Buffer.from([status]));
}

export function parameterStatus(name: string, value: string): Buffer {
	return frame("S", Buffer.concat([terminated(name), terminated(value)]));
}

export function backendKeyData(processId: number, secret: Buffer): Buffer {
	return frame("K", Buffer.concat([int32(processId | 0), secret]));
}

export function commandComplete(tag: string): Buffer {
	return frame("C", terminated(tag));
}

export function emptyQueryResponse(): Buffer {
	return frame("I", empty);
}

export function authenticationOk(): Buffer {
	return frame("R", int32(0));
}

/** An Authentication message of any code; `data` follows the code. */
export function authentication(code: number, data: Buffer): Buffer {
	return frame("R", Buffer.concat([int32(code), data]));
}

/** PasswordMessage, SASLInitialResponse and SASLResponse share one type byte. */
export function passwordMessage(body: Buffer): Buffer {
	return frame("p", body);
}

/** Messages before the startup packet have no type byte: length, then a code in place of the protocol version. */
function untyped(code: number, rest: Buffer): Buffer {
	return Buffer.concat([int32(8 + rest.length), int32(code), rest]);
}

export const SSL_REQUEST_CODE = 80877103;
export const GSS_REQUEST_CODE = 80877104;
export const CANCEL_REQUEST_CODE = 80877102;

export function sslRequest(): Buffer {
	return untyped(SSL_REQUEST_CODE, empty);
}

export function cancelRequest(processId: number, secret: Buffer): Buffer {
	return untyped(CANCEL_REQUEST_CODE, Buffer.concat([int32(processId | 0), secret]));
}

/** StartupMessage of protocol 3.0; pairs go out in the map's order. */
export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
	const parts: Buffer[] = [];
	for (const [name, value] of parameters) parts.push(terminated(name), terminated(value));
	parts.push(Buffer.from([0]));
	return untyped(0x0003_0000, Buffer.concat(parts));
}
