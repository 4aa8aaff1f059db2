/**
 * OK and EOF packets, read and written for either side's capabilities.
 *
 * What an OK says of the session (SESSION_TRACK) is only there where that capability was agreed on, and with
 * DEPRECATE_EOF an OK (marked 0xfe) stands where else an EOF does. The two legs of a session may differ in both. The text
 * has its length before it in either case, as both servers write it and clients read it, whatever the manual says of a
 * session without SESSION_TRACK.
 * Specification: MySQL Internals, "OK_Packet" (Session State Information), "EOF_Packet"; MariaDB Knowledge Base, "OK_Packet".
 */
import { ANSWER, CHANGE, STATUS } from "./codes.js";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

const EMPTY = Buffer.alloc(0);

export interface OkFields {
	readonly affectedRows: bigint;
	readonly lastInsertId: bigint;
	readonly status: number;
	readonly warnings: number;
	/** Human text ("Rows matched: 1 …"), in place. */
	readonly info: Buffer;
	/** Session state changes as they came, in place; empty where there are none. */
	readonly changes: Buffer;
}

/** Something of the session that the server says has changed. */
export type SessionChange =
	| { readonly kind: "variable"; readonly name: string; readonly value: string }
	| { readonly kind: "schema"; readonly name: string }
	/** Any other kind, which nobody here has to know. */
	| { readonly kind: "other"; readonly type: number };

/** Longest EOF payload: 0xfe, warnings, status. A row that begins with 0xfe has nine bytes or more. */
const EOF_BYTES = 5;

/** Is this payload an EOF of the older sort? */
export function isEof(payload: Buffer): boolean {
	return payload[0] === ANSWER.eof && payload.length <= EOF_BYTES;
}

/** With DEPRECATE_EOF: is this payload, where a row could be, the OK that ends the rows? */
export function isFinalOk(payload: Buffer): boolean {
	return payload[0] === ANSWER.eof && payload.length < 0xff_ff_ff;
}

export interface OkRules {
	/** SESSION_TRACK was agreed on. */
	readonly sessionTrack: boolean;
}

/** Undefined: it is malformed. `at`: the marker byte, 0x00 or 0xfe. */
export function readOk(payload: Buffer, { sessionTrack }: OkRules): OkFields | undefined {
	const reader = new Reader(payload, 1);
	const affectedRows = reader.lenencBig();
	const lastInsertId = reader.lenencBig();
	const status = reader.int(2);
	const warnings = reader.int(2);
	let info: Buffer = EMPTY;
	let changes: Buffer = EMPTY;
	if (reader.left > 0) {
		info = reader.lenencBytes();
		if (sessionTrack && (status & STATUS.sessionStateChanged) !== 0) changes = reader.lenencBytes();
	}
	return reader.failed ? undefined : { affectedRows, lastInsertId, status, warnings, info, changes };
}

/** `header`: ANSWER.ok, or ANSWER.eof for the OK that ends rows. */
export function okPayload(fields: Partial<OkFields>, { sessionTrack }: OkRules, header: number = ANSWER.ok): Buffer {
	const { affectedRows = 0n, lastInsertId = 0n, warnings = 0, info = EMPTY, changes = EMPTY } = fields;
	let status = fields.status ?? 0;
	// The bit promises the field.
	const tells = sessionTrack && changes.length > 0;
	status = tells ? status | STATUS.sessionStateChanged : status & ~STATUS.sessionStateChanged;
	const writer = new Writer().int(header, 1).lenenc(affectedRows).lenenc(lastInsertId).int(status, 2).int(warnings, 2);
	if (info.length > 0 || tells) writer.lenencBytes(info);
	if (tells) writer.lenencBytes(changes);
	return writer.payload();
}

export interface EofFields {
	readonly status: number;
	readonly warnings: number;
}

export function readEof(payload: Buffer): EofFields | undefined {
	if (payload[0] !== ANSWER.eof || payload.length !== EOF_BYTES) return undefined;
	return { warnings: payload.readUInt16LE(1), status: payload.readUInt16LE(3) };
}

export function eofPayload({ status, warnings }: EofFields): Buffer {
	// An EOF has no room for what changed.
	const shown = status & ~STATUS.sessionStateChanged;
	return new Writer().int(ANSWER.eof, 1).int(warnings, 2).int(shown, 2).payload();
}

/** Undefined: they are malformed. */
export function readChanges(changes: Buffer): readonly SessionChange[] | undefined {
	const found: SessionChange[] = [];
	const reader = new Reader(changes);
	while (reader.left > 0 && !reader.failed) {
		const type = reader.int(1);
		const data = new Reader(reader.lenencBytes());
		if (reader.failed || !readChange(type, data, found)) return undefined;
	}
	return reader.failed ? undefined : found;
}

function readChange(type: number, data: Reader, found: SessionChange[]): boolean {
	switch (type) {
		case CHANGE.systemVariable:
			// MariaDB puts several into one.
			do {
				const name = data.lenencBytes().toString("latin1");
				// MariaDB tells no value for one that has none.
				const value = data.lenencOrNull()?.toString("utf8") ?? "";
				if (data.failed) return false;
				found.push({ kind: "variable", name: name.toLowerCase(), value });
			} while (data.left > 0);
			return true;
		case CHANGE.schema: {
			const name = data.left === 0 ? "" : data.lenencBytes().toString("utf8");
			if (data.failed) return false;
			found.push({ kind: "schema", name });
			return true;
		}
		default:
			found.push({ kind: "other", type });
			return true;
	}
}
