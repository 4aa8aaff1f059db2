/**
 * What the server would say of a message that cannot be read: the fields are read in its order and by its rules, and the
 * first that fails is told in its words. The bounded readers (readers.ts) have refused the message already; nothing here
 * makes one readable.
 *
 * Specification: PostgreSQL documentation, chapter "Message Formats"; the words are those of PostgreSQL 15 to 18.
 */
import { FRONT, HEADER_BYTES } from "./codes.js";
import { type CallableFunction, callableFunction } from "./function-call.js";

export interface Fault {
	readonly code: "08P01" | "22023" | "42501";
	readonly message: string;
	/** Which parameter it is about. */
	readonly context: string | undefined;
	/** Told only where the transaction is not aborted: the server looks at that first. */
	readonly isBehindTransaction: boolean;
}

const PROTOCOL = "08P01";
const NO_DATA = "no data left in message";
const TOO_SHORT = "insufficient data left in message";
const UNENDED = "invalid string in message";
const LEFT_OVER = "invalid message format";

/** A field that is not there, or not so. Thrown and caught within this file. */
class Missing extends Error {
	constructor(
		message: string,
		readonly code: Fault["code"] = PROTOCOL,
	) {
		super(message);
	}
}

/** Reads on through one message's body. */
class Fields {
	#at = 0;
	/** Set where the server has looked whether the transaction is aborted. */
	isBehindTransaction = false;
	context: string | undefined;

	constructor(readonly body: Buffer) {}

	byte(): number {
		if (this.#at >= this.body.length) throw new Missing(NO_DATA);
		return this.body.readUInt8(this.#at++);
	}

	skip(count: number): void {
		if (count < 0 || count > this.body.length - this.#at) throw new Missing(TOO_SHORT);
		this.#at += count;
	}

	uint16(): number {
		this.skip(2);
		return this.body.readUInt16BE(this.#at - 2);
	}

	int32(): number {
		this.skip(4);
		return this.body.readInt32BE(this.#at - 4);
	}

	string(): string {
		const start = this.#at;
		const end = this.body.indexOf(0, start);
		if (end < 0) throw new Missing(UNENDED);
		this.#at = end + 1;
		return this.body.toString("utf8", start, end);
	}

	end(): void {
		if (this.#at !== this.body.length) throw new Missing(LEFT_OVER);
	}
}

/** Of a frame that its reader refused, or a call of a function that is not called so. */
export function faultOf(type: number, data: Buffer, start: number, end: number): Fault {
	const fields = new Fields(data.subarray(start + HEADER_BYTES, end));
	try {
		read(type, fields);
	} catch (error) {
		if (!(error instanceof Missing)) throw error;
		const { context, isBehindTransaction } = fields;
		return { code: error.code, message: error.message, context, isBehindTransaction };
	}
	// What the server might take, and we do not: a name that is not UTF-8.
	return { code: PROTOCOL, message: LEFT_OVER, context: undefined, isBehindTransaction: false };
}

function read(type: number, fields: Fields): void {
	switch (type) {
		case FRONT.parse:
			fields.string();
			fields.string();
			for (let left = fields.uint16(); left > 0; left--) fields.int32();
			break;
		case FRONT.bind:
			readBind(fields);
			break;
		case FRONT.describe:
			readNamed(fields, "DESCRIBE");
			return;
		case FRONT.close:
			readNamed(fields, "CLOSE");
			return;
		case FRONT.execute:
			fields.string();
			fields.int32();
			break;
		case FRONT.functionCall:
			// Whether the function may be called is looked at as soon as it is known which one it is.
			fields.isBehindTransaction = true;
			readCall(fields, callableFunction(fields.int32()));
			break;
		default:
			break;
	}
	fields.end();
}

function readCall(fields: Fields, callable: CallableFunction | undefined): void {
	if (callable === undefined) throw new Missing("function calls by protocol message are not permitted", "42501");
	const formats = shorts(fields);
	const count = fields.uint16();
	const { length: expected } = callable.types;
	if (count !== expected) {
		throw new Missing(`function call message contains ${count} arguments but function requires ${expected}`);
	}
	if (formats.length > 1 && formats.length !== count) {
		throw new Missing(`function call message contains ${formats.length} argument formats but ${count} arguments`);
	}
	for (let index = 0; index < count; index++) {
		const length = fields.int32();
		if (length < -1) throw new Missing(`invalid argument size ${length} in function call message`);
		if (length !== -1) fields.skip(length);
		checkFormat(formats.length > 1 ? formats[index] : formats[0]);
	}
	fields.uint16();
}

/** What of the statement it is held against, the number of its parameters, is only the server's to know. */
function readBind(fields: Fields): void {
	const portal = fields.string();
	fields.string();
	const formats = shorts(fields);
	const count = fields.uint16();
	if (formats.length > 1 && formats.length !== count) {
		throw new Missing(`bind message has ${formats.length} parameter formats but ${count} parameters`);
	}
	fields.isBehindTransaction = true;
	for (let index = 0; index < count; index++) {
		fields.context = `${portal === "" ? "unnamed portal" : `portal "${portal}"`} parameter $${index + 1}`;
		const length = fields.int32();
		if (length !== -1) fields.skip(length);
		checkFormat(formats.length > 1 ? formats[index] : formats[0]);
	}
	fields.context = undefined;
	const results = shorts(fields);
	fields.end();
	// The server says so when it sends the first row.
	for (const format of results) checkFormat(format);
}

function shorts(fields: Fields): number[] {
	const codes: number[] = [];
	for (let left = fields.uint16(); left > 0; left--) codes.push((fields.uint16() << 16) >> 16);
	return codes;
}

function checkFormat(format = 0): void {
	if (format !== 0 && format !== 1) throw new Missing(`unsupported format code: ${format}`, "22023");
}

function readNamed(fields: Fields, command: "DESCRIBE" | "CLOSE"): void {
	const kind = fields.byte();
	fields.string();
	fields.end();
	if (kind !== 0x53 && kind !== 0x50) throw new Missing(`invalid ${command} message subtype ${kind}`);
}
