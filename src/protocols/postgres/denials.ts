/**
 * How a denial reaches the client, and how the server comes to the state that its own error would have left.
 *
 * A denied message is replaced, in its place, by one that fails on the server: a statement that calls a function which
 * does not exist. So the server itself skips to Sync, aborts the transaction, or answers that it is aborted already
 * (25P02), and only the text of its error is exchanged (docs/decisions/001-denials-fail-upstream.md).
 */
import type { Denial, DenialCase } from "../engine.js";
import { encodeError } from "./errors.js";
import { bind, execute, parse, query } from "./messages.js";
import type { DenialFrame } from "./operations.js";

/** Never created by anybody: the server refuses to create functions in pg_catalog without a special setting. */
const failing = "SELECT pg_catalog._licet_denied()";

/** SQLSTATE undefined_function, by which our own failing statement is told from the server's errors. */
export const FAILING_CODE = "42883";

/** The unnamed statement would be lost by it; this name is never created because the statement fails to be planned. */
export const FAILING_PARSE: Buffer = parse("_licet_denied", failing);
export const FAILING_QUERY: Buffer = query(failing);

/** What takes the place of a message in a series, and the SQLSTATE of its error. */
export interface Substitute {
	readonly bytes: Buffer;
	readonly code: string;
}

export const REFUSED_PLAN: Substitute = { bytes: FAILING_PARSE, code: FAILING_CODE };
/** Names that nobody creates: their absence is told before it is looked whether the transaction is aborted. */
export const MISSING_STATEMENT: Substitute = { bytes: bind("", "_licet_denied"), code: "26000" };
export const MISSING_PORTAL: Substitute = { bytes: execute("_licet_denied"), code: "34000" };

/** Fails by the name when there is no such statement, and by what is missing behind it when there is one. */
export function cutBind(statement: string): Substitute {
	const whole = bind("", statement);
	const bytes = Buffer.from(whole.subarray(0, whole.length - BIND_COUNTS_BYTES));
	bytes.writeInt32BE(bytes.length - 1, 1);
	return { bytes, code: "08P01" };
}

/** The three counts that follow the names. */
const BIND_COUNTS_BYTES = 6;

/** Query strings without their end, and with something behind it, which hold nothing. */
export const UNENDED_QUERY: Buffer = Buffer.of(0x51, 0, 0, 0, 4);
export const OVERLONG_QUERY: Buffer = Buffer.of(0x51, 0, 0, 0, 6, 0, 0);

/** SQLSTATEs of denials. */
const codes: Readonly<Record<DenialCase, string>> = {
	notPermitted: "42501",
	columnNotPermitted: "42501",
	functionNotPermitted: "42501",
	unreadable: "42501",
	capExceeded: "54000",
	exhausted: "53400",
	outside: "28000",
	tooManySessions: "53300",
};

export function denialFrame(denial: Denial): DenialFrame {
	const code = codes[denial.case];
	const frame = encodeError({
		severity: "ERROR",
		code,
		message: denial.message,
		detail: denial.detail,
		hint: denial.hint,
	});
	return { frame, code, message: denial.message };
}

/** An error of the server's own, told by the proxy because it knows what the server would say. */
export function errorFrame(code: string, message: string, detail?: string, where?: string): DenialFrame {
	const more = { ...(detail === undefined ? {} : { detail }), ...(where === undefined ? {} : { where }) };
	return { frame: encodeError({ severity: "ERROR", code, message, ...more }), code, message };
}
