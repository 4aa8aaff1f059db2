/**
 * A text with its literals lifted out, so that statements that differ in nothing else share one analysis.
 *
 * Soundness: two texts with equal templates must tokenise alike on the server but for the values of those literals. So
 * this lexer takes only what it understands exactly (PostgreSQL documentation, "Lexical Structure", with
 * standard_conforming_strings on, which is pinned) and gives up on all else: comments, prefixed strings, dollar quotes,
 * anything beyond ASCII, several statements. Facts that depend on the value of a literal say so themselves
 * (`literalSensitive`) and are never shared.
 */
import {
	classesOf,
	DIGIT,
	DOLLAR,
	DOT,
	DOUBLE_QUOTE,
	LETTER,
	MAX_BYTES,
	numberEnd,
	PLAIN,
	QUOTE,
	quotedEnd,
	SPACE,
	spaceEnd,
	stringEnd,
} from "../template-lexer.js";

/** Bytes that stand for a literal; no accepted text contains them. */
const INTEGER = 0x01;
const DECIMAL = 0x02;
const STRING = 0x03;

// ( ) [ ] , . < > = ~ ! @ # % ^ | ? * + :   each token of which ends where the server's lexer ends it, whatever follows
const classes = classesOf("()[],<>=~!@#%^|?*+:");

const AMPERSAND = 0x26;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const SEMICOLON = 0x3b;

/** A byte that no text has where it is looked for. */
const NOTHING = 0;

const scratch = Buffer.allocUnsafe(MAX_BYTES);

/** The template, or undefined when the text is not one for which it is safe. */
export function templateOf(text: Uint8Array): string | undefined {
	const length = text.length;
	if (length > MAX_BYTES) return undefined;
	let position = spaceEnd(text, 0);
	if (!beginsWell(text, position)) return undefined;
	let out = 0;
	let lifted = false;
	while (position < length) {
		const byte = text[position] as number;
		switch (classes[byte]) {
			case LETTER: {
				const end = identifierEnd(text, position);
				if (end === -1) return undefined;
				while (position < end) scratch[out++] = text[position++] as number;
				break;
			}
			case SPACE:
			case PLAIN:
				scratch[out++] = byte;
				position += 1;
				break;
			case DIGIT: {
				const end = numberEnd(text, position);
				if (end === -1) return undefined;
				scratch[out++] = hasPoint(text, position, end) ? DECIMAL : INTEGER;
				lifted = true;
				position = end;
				break;
			}
			default: {
				if (byte === QUOTE) {
					const end = stringEnd(text, position, QUOTE);
					if (end === -1) return undefined;
					scratch[out++] = STRING;
					lifted = true;
					position = end;
				} else if (byte === SEMICOLON) {
					// Kept with what follows: the end of the statement is then as far from the end in all texts of a template.
					if (spaceEnd(text, position + 1) < length) return undefined;
					while (position < length) scratch[out++] = text[position++] as number;
				} else {
					const end = otherEnd(text, position, byte);
					if (end === -1) return undefined;
					while (position < end) scratch[out++] = text[position++] as number;
				}
			}
		}
	}
	// Without a literal the exact text is as good a key.
	return lifted ? scratch.toString("latin1", 0, out) : undefined;
}

/** SELECT, INSERT, UPDATE or DELETE, in any case. */
function beginsWell(text: Uint8Array, position: number): boolean {
	if (text.length - position < 7) return false;
	const first = (text[position] as number) | 0x20;
	if (first !== 0x73 && first !== 0x69 && first !== 0x75 && first !== 0x64) return false;
	const word = Buffer.from(text.buffer, text.byteOffset + position, 6)
		.toString("latin1", 0, 6)
		.toLowerCase();
	if (word !== "select" && word !== "insert" && word !== "update" && word !== "delete") return false;
	const next = classes[text[position + 6] as number];
	return next !== LETTER && next !== DIGIT && text[position + 6] !== DOLLAR;
}

/** An unquoted identifier or keyword; -1 where it may be the prefix of a string (E'', B'', X'', N'', U&''). */
function identifierEnd(text: Uint8Array, start: number): number {
	let position = start + 1;
	for (; position < text.length; position++) {
		const byte = text[position] as number;
		const kind = classes[byte];
		if (kind !== LETTER && kind !== DIGIT && byte !== DOLLAR) break;
	}
	const next = text[position];
	if (next === QUOTE) return -1;
	const isU = position - start === 1 && ((text[start] as number) | 0x20) === 0x75;
	return isU && next === AMPERSAND ? -1 : position;
}

function hasPoint(text: Uint8Array, start: number, end: number): boolean {
	for (let position = start; position < end; position++) if (text[position] === DOT) return true;
	return false;
}

/** What needs a look at the byte behind it. */
function otherEnd(text: Uint8Array, start: number, byte: number): number {
	const next = text[start + 1];
	switch (byte) {
		case DOUBLE_QUOTE:
			return quotedEnd(text, start, DOUBLE_QUOTE, NOTHING);
		case DOLLAR:
			return parameterEnd(text, start);
		case DASH:
			return next === DASH ? -1 : start + 1;
		case SLASH:
			return next === STAR ? -1 : start + 1;
		case AMPERSAND:
			return start + 1;
		case DOT:
			// .5 is a number; a.5 is nothing.
			return next !== undefined && classes[next] === DIGIT ? -1 : start + 1;
		default:
			return -1;
	}
}

/** $1: a parameter, kept as it is. A dollar quote is not read. */
function parameterEnd(text: Uint8Array, start: number): number {
	let position = start + 1;
	while (position < text.length && classes[text[position] as number] === DIGIT) position += 1;
	if (position === start + 1) return -1;
	const next = text[position];
	if (next === undefined) return position;
	return classes[next] === LETTER || next === DOLLAR || next === QUOTE ? -1 : position;
}
