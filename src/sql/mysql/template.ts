/**
 * A text with its literals lifted out, so that statements that differ in nothing else share one analysis.
 *
 * Soundness: two texts with equal templates must read alike on MySQL and on MariaDB, of any version and under any sql_mode
 * that is read, but for the values of those literals. So this lexer takes only what all of them understand alike (manual,
 * "Lexical Structure") and gives up on all else: comments, backslashes, double quotes, user variables, prefixed strings,
 * anything beyond ASCII, several statements. Facts that depend on the value of a literal say so themselves
 * (`literalSensitive`) and are never shared. What stays as it is written:
 *
 * - literals of a select list, since columns without alias are called by what is written there, and names resolve to them;
 * - numbers behind BY, LIMIT and OFFSET, which may be positions and counts.
 */
import {
	BACKSLASH,
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
const NUMBER = 0x01;
const STRING = 0x03;

/** Select lists within one another; more are not worth it. */
const MAX_LISTS = 32;

const classes = classesOf("[],<>=~!%^|&?*+");

const OPEN = 0x28;
const CLOSE = 0x29;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const SEMICOLON = 0x3b;
const BACKTICK = 0x60;

const scratch = Buffer.allocUnsafe(MAX_BYTES);

/** The depths of brackets at which select lists are open. */
const lists = new Int32Array(MAX_LISTS);

/** The template, or undefined when the text is not one for which it is safe. */
export function templateOf(text: Uint8Array): string | undefined {
	const length = text.length;
	if (length > MAX_BYTES) return undefined;
	let position = spaceEnd(text, 0);
	const first = firstWord(text, position);
	if (first === undefined) return undefined;
	let out = 0;
	let lifted = false;
	let depth = 0;
	let open = 0;
	let keepsNumbers = false;
	while (position < length) {
		const byte = text[position] as number;
		switch (classes[byte]) {
			case LETTER: {
				const end = identifierEnd(text, position);
				if (end === -1) return undefined;
				switch (meaning(text, position, end)) {
					case "list":
						if (open === MAX_LISTS) return undefined;
						lists[open++] = depth;
						break;
					case "from":
						if (open > 0 && lists[open - 1] === depth) open -= 1;
						break;
					case "count":
						keepsNumbers = true;
						break;
					case "values":
						if (depth > 0 || first === "SELECT") return undefined;
						break;
					case "into":
						if (first === "SELECT") return undefined;
						break;
					case "never":
						return undefined;
				}
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
				if (open > 0 || keepsNumbers) {
					while (position < end) scratch[out++] = text[position++] as number;
					break;
				}
				scratch[out++] = NUMBER;
				lifted = true;
				position = end;
				break;
			}
			default: {
				if (byte === QUOTE) {
					const end = stringEnd(text, position, DOUBLE_QUOTE);
					if (end === -1) return undefined;
					if (open > 0) {
						while (position < end) scratch[out++] = text[position++] as number;
						break;
					}
					scratch[out++] = STRING;
					lifted = true;
					position = end;
				} else if (byte === SEMICOLON) {
					// Kept with what follows: the end of the statement is then as far from the end in all texts of a template.
					if (spaceEnd(text, position + 1) < length) return undefined;
					while (position < length) scratch[out++] = text[position++] as number;
				} else {
					if (byte === OPEN) depth += 1;
					else if (byte === CLOSE) {
						depth -= 1;
						// A list without FROM ends with its bracket.
						while (open > 0 && (lists[open - 1] as number) > depth) open -= 1;
					}
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

/** The bytes of a word, in lower case. */
function bytesOf(word: string): Uint8Array {
	return Buffer.from(word.toLowerCase(), "latin1");
}

/** Whether letters of the text are this word, in any case. */
function isWordAt(text: Uint8Array, start: number, word: Uint8Array): boolean {
	for (let index = 0; index < word.length; index++) {
		if (((text[start + index] as number) | 0x20) !== word[index]) return false;
	}
	return true;
}

const FIRST_WORDS = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"].map((word) => [word, bytesOf(word)] as const);

function firstWord(text: Uint8Array, start: number): string | undefined {
	let end = start;
	while (end < text.length && classes[text[end] as number] === LETTER) end += 1;
	const found = FIRST_WORDS.find(([, bytes]) => bytes.length === end - start && isWordAt(text, start, bytes));
	return found?.[0];
}

type Meaning = "list" | "from" | "count" | "values" | "into" | "never" | undefined;

/** Words that matter here. FIRST and LAST may follow a FROM that ends no select list. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
	["SELECT", "list"],
	["RETURNING", "list"],
	["FROM", "from"],
	["BY", "count"],
	["LIMIT", "count"],
	["OFFSET", "count"],
	["VALUES", "values"],
	["INTO", "into"],
	["FIRST", "never"],
	["LAST", "never"],
	["PROCEDURE", "never"],
	["TABLE", "never"],
	["SYSTEM_TIME", "never"],
	["FETCH", "never"],
]);

/** What an unquoted word does to the reading; a word that touches a dot is a name. */
function meaning(text: Uint8Array, start: number, end: number): Meaning {
	const length = end - start;
	if (length < 2 || length > 11) return undefined;
	const candidates = CANDIDATES[((text[start] as number) & 0x1f) * 16 + length];
	if (candidates === undefined) return undefined;
	for (const candidate of candidates) {
		if (!isWordAt(text, start, candidate.bytes)) continue;
		return text[end] === DOT || (start > 0 && text[start - 1] === DOT) ? undefined : candidate.meaning;
	}
	return undefined;
}

interface Candidate {
	readonly bytes: Uint8Array;
	readonly meaning: Meaning;
}

/** The words that matter, by first letter and length: most words of a text are names, and meet none of them. */
const CANDIDATES: (Candidate[] | undefined)[] = new Array(32 * 16).fill(undefined);
for (const [word, meaning] of MEANINGS) {
	const at = (word.charCodeAt(0) & 0x1f) * 16 + word.length;
	CANDIDATES[at] = [...(CANDIDATES[at] ?? []), { bytes: bytesOf(word), meaning }];
}

/** An unquoted word; -1 where it may be the prefix of a string (n'', x'', b'', _utf8''). */
function identifierEnd(text: Uint8Array, start: number): number {
	let position = start + 1;
	for (; position < text.length; position++) {
		const byte = text[position] as number;
		const kind = classes[byte];
		if (kind !== LETTER && kind !== DIGIT) break;
	}
	const next = text[position];
	if (next === QUOTE || next === DOLLAR || next === undefined) return next === undefined ? position : -1;
	return next >= 0x80 ? -1 : position;
}

/** What needs a look at the byte behind it; `->` is an operator of MySQL's alone. */
function otherEnd(text: Uint8Array, start: number, byte: number): number {
	const next = text[start + 1];
	switch (byte) {
		case OPEN:
		case CLOSE:
			return start + 1;
		case BACKTICK:
			return quotedEnd(text, start, BACKTICK, BACKSLASH);
		case DASH:
			return next === DASH || next === 0x3e ? -1 : start + 1;
		case SLASH:
			return next === STAR ? -1 : start + 1;
		case DOT:
			// .5 is a number; a.5 is a name.
			return next !== undefined && classes[next] === DIGIT ? -1 : start + 1;
		default:
			return -1;
	}
}
