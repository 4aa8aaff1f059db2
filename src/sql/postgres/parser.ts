/**
 * The server's own parser (libpg-query, WASM), with what it needs around it: bounds on the input, and a clear line between
 * "this text is wrong" and "this instance can no longer be trusted".
 *
 * Deep nesting overflows the parser's stack, and after some such overflows its memory is corrupt: every throw that is not
 * a syntax error is `ParserBroken`, upon which the worker is replaced.
 */
import { isUtf8 } from "node:buffer";
import { hasSqlDetails, loadModule, parseSync } from "libpg-query";
import type { Refusal } from "../facts.js";

export class ParserBroken extends Error {}

/** Brackets open at once, strings and comments not told apart. Real statements stay below 100; the parser overflows at thousands. */
const MAX_NESTING = 1000;

/** Characters that the lexer reads again: some ms. */
const MAX_RESCANNED = 10_000_000;

export type Parsed = { readonly tree: unknown; readonly text: string } | { readonly refusal: Refusal };

export async function loadParser(): Promise<void> {
	await loadModule();
}

/** Throws ParserBroken. */
export function parseBytes(bytes: Uint8Array): Parsed {
	if (bytes.includes(0)) return refused("syntax", "the statement holds a NUL character");
	if (!isUtf8(bytes)) return refused("syntax", "the statement is not valid UTF-8");
	return parseText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
}

/** Throws ParserBroken. `text` is within bounds. */
export function parseText(text: string): Parsed {
	if (text.includes("\0")) return refused("syntax", "the statement holds a NUL character");
	// What drivers send to see whether the connection lives; the parser's wrapper takes it for a mistake.
	if (text === "") return { tree: { stmts: [] }, text };
	if (isTooDeep(text)) return refused("limit", `the statement nests deeper than ${MAX_NESTING} brackets`);
	if (rescans(text)) return refused("limit", "the statement opens too many comments in one run of operators");
	try {
		return { tree: parseSync(text), text };
	} catch (error) {
		if (!hasSqlDetails(error) || !isSyntaxError(error)) throw new ParserBroken(String(error));
		const position = error.sqlDetails?.cursorPosition;
		return refused(
			"syntax",
			withoutValues(error.message),
			position !== undefined && position >= 0 ? position : undefined,
		);
	}
}

/** The lexer's and grammar's own complaints; "memory exhausted" and "stack depth" are the instance's. */
function isSyntaxError(error: Error): boolean {
	return !/memory exhausted|stack depth|out of memory/i.test(error.message);
}

/** The parser quotes the text at fault; a value in it must not reach a message or a log. Keywords, names and symbols may. */
function withoutValues(message: string): string {
	return message.replace(/ at or near "([\s\S]*)"/, (whole, token: string) =>
		/^(?:[A-Za-z_][A-Za-z0-9_]{0,62}|[^\w\s'"$]{1,3})$/.test(token) ? whole : " at or near a value",
	);
}

function isTooDeep(text: string): boolean {
	let depth = 0;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code === 0x28 || code === 0x5b) {
			depth += 1;
			if (depth > MAX_NESTING) return true;
		} else if ((code === 0x29 || code === 0x5d) && depth > 0) depth -= 1;
	}
	return false;
}

/**
 * Where a comment opens, the server's lexer has first taken the whole run of operator characters behind it, and goes
 * back: for a run of slashes and stars it reads the rest of the run once for each comment in it.
 */
function rescans(text: string): boolean {
	let cost = 0;
	for (const [run] of text.matchAll(/[-+*/<>=~!@#%^&|`?]{64,}/g)) cost += run.length * (run.split("/*").length - 1);
	return cost > MAX_RESCANNED;
}

function refused(kind: Refusal["kind"], message: string, position?: number): Parsed {
	return { refusal: position === undefined ? { kind, message } : { kind, message, position } };
}
