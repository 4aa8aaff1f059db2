/**
 * How a denial reaches the client, and how the server comes to the state that its own error would have left.
 *
 * A denied command is replaced, in its place, by a statement that fails on the server with the same number and state
 * (docs/decisions/001-denials-fail-upstream.md). So transaction, diagnostics area and ROW_COUNT() are the server's own,
 * and only the text of its error is exchanged.
 */
import type { Denial } from "../engine.js";
import { COM } from "./codes.js";
import { denialCodes, denialText, ERROR, type ErrorCode, errorPayload } from "./errors.js";
import { framed } from "./packets.js";
import { Writer } from "./writer.js";

/** An error as the client is told, with what the recording needs of it. */
export interface Told {
	readonly payload: Buffer;
	readonly errno: number;
	readonly state: string;
	/** The number, for the recording. */
	readonly code: string;
	readonly message: string;
}

/** Longest text of an error, in bytes: the servers' own bound (MYSQL_ERRMSG_SIZE). */
const MESSAGE_BYTES = 511;

export function told(code: ErrorCode, message: string): Told {
	const text = bounded(message);
	return { payload: errorPayload({ ...code, message: text }), ...code, code: String(code.errno), message: text };
}

function bounded(text: string): string {
	if (Buffer.byteLength(text) <= MESSAGE_BYTES) return text;
	const bytes = Buffer.from(text).subarray(0, MESSAGE_BYTES - 4);
	return `${bytes.toString("utf8").replace(/\ufffd+$/, "")}…`;
}

export function denied(denial: Denial): Told {
	const { payload, ...rest } = told(denialCodes[denial.case], denialText(denial));
	// The recording has the reason apart.
	return { payload, ...rest, message: denial.message };
}

/** A query, as one command. */
export function queryCommand(sql: string, attributes: boolean): Buffer {
	const writer = new Writer().int(COM.query, 1);
	// No attributes, in the one set that there may be.
	if (attributes) writer.int(0, 1).int(1, 1);
	return framed(writer.text(sql).payload(), 0);
}

/** The statement that fails in the denied one's place. Its text holds nothing of the denied one. */
export function failingQuery({ errno, state }: ErrorCode, attributes: boolean): Buffer {
	const sql = `SIGNAL SQLSTATE '${state}' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'refused before it came to the server'`;
	return queryCommand(sql, attributes);
}

export const REDUCED = "the server's text is withheld, because it may show what is masked or may not be read";

/** What is asked of a statement that is not there, as the server says it. */
export function unknownStatement(id: number, what: string): Told {
	return told(ERROR.unknownStatement, `Unknown prepared statement handler (${id}) given to ${what}`);
}
