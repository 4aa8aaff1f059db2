/**
 * The shape of a statement of MySQL's or MariaDB's (shape.ts), by the lexer that reads it (lexer.ts). Strings are literals
 * wherever they stand, also as names of columns and accounts, and so is what stands between double quotes, whatever
 * sql_mode says; code in executable comments is code.
 *
 * Read in four ways where backslashes or double quotes are in it: with and without ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
 */
import { BareValues, COMMENT, commonMask, LITERAL, masked, SHAPE_CHARACTERS } from "../shape.js";
import { Unreadable } from "../unreadable.js";
import type { Server } from "./flavour.js";
import { lex } from "./lexer.js";
import { parseReading, type Reading, readingOf } from "./reading.js";
import { KIND, type Tokens } from "./tokens.js";

function reading(modes: string): Reading {
	return parseReading(readingOf({ database: undefined, modes, multi: true, charset: "utf8mb4" }));
}

const USUAL = reading("");
const OTHERS = ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"].map(reading);

/** The markers of an executed comment. */
const MARKER = /^(?:\/\*M?!\d{0,6}|\*\/)$/;
const DOUBLE_QUOTE = 0x22;
const QUOTE = 0x27;

/** Undefined: the text is not understood, or is too long, and must be hidden whole. */
export function mysqlShape(text: string, server: Server): string | undefined {
	if (text.length > SHAPE_CHARACTERS || text.includes("\ufffd")) return undefined;
	// The lexer takes a byte a character.
	const bytes = Buffer.from(text, "utf8");
	const isAscii = bytes.length === text.length;
	const source = isAscii ? text : bytes.toString("latin1");
	const first = maskOf(source, server, USUAL);
	const mask = /["\\]/.test(source)
		? commonMask([first, ...OTHERS.map((other) => maskOf(source, server, other))])
		: first;
	if (mask === undefined) return undefined;
	const shape = masked(source, mask);
	return isAscii ? shape : Buffer.from(shape, "latin1").toString("utf8");
}

function maskOf(text: string, server: Server, as: Reading): Uint8Array | undefined {
	let tokens: Tokens;
	try {
		tokens = lex(text, server, as);
	} catch (error) {
		if (error instanceof Unreadable) return undefined;
		throw error;
	}
	const mask = new Uint8Array(text.length);
	const values = new BareValues();
	let end = 0;
	for (let index = 0; index < tokens.count; index++) {
		const start = tokens.starts[index] as number;
		hideComments(text, mask, end, start);
		end = tokens.ends[index] as number;
		const hidden = values.hides(tokens.texts[index] as string);
		if (hidden || isLiteral(text, tokens, index)) mask.fill(LITERAL, start, end);
	}
	return mask;
}

function isLiteral(text: string, tokens: Tokens, index: number): boolean {
	const start = tokens.starts[index] as number;
	switch (tokens.kinds[index]) {
		case KIND.word:
		case KIND.symbol:
		case KIND.charset:
		case KIND.parameter:
		case KIND.end:
			return false;
		case KIND.name:
			return text.charCodeAt(start) === DOUBLE_QUOTE;
		case KIND.variable: {
			const quote = text.charCodeAt(start + 1);
			return quote === DOUBLE_QUOTE || quote === QUOTE;
		}
		default:
			return true;
	}
}

/** What stands between two tokens and is not white space is a comment, or the marker of one that is code. */
function hideComments(text: string, mask: Uint8Array, start: number, end: number): void {
	if (start === end) return;
	const gap = text.slice(start, end);
	const trimmed = gap.trim();
	if (trimmed === "" || MARKER.test(trimmed)) return;
	const from = start + gap.indexOf(trimmed);
	mask.fill(COMMENT, from, from + trimmed.length);
}
