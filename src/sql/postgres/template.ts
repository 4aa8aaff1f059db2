/**
 * A text with its literals lifted out, so that statements that differ in nothing else share one analysis.
 *
 * Soundness: two texts with equal templates must tokenise alike on the server but for the values of those literals. So
 * this lexer takes only what it understands exactly (PostgreSQL documentation, "Lexical Structure", with
 * standard_conforming_strings on, which is pinned) and gives up on all else: comments, prefixed strings, dollar quotes,
 * anything beyond ASCII, several statements. Facts that depend on the value of a literal say so themselves
 * (`literalSensitive`) and are never shared.
 */

/** Longer texts are rarely repeated, and the exact cache takes none over this either. */
const MAX_BYTES = 4096;

/** Bytes that stand for a literal; no accepted text contains them. */
const INTEGER = 0x01;
const DECIMAL = 0x02;
const STRING = 0x03;

/** More digits could make the literal a bigint or a numeric, which resolves functions otherwise. */
const MAX_DIGITS = 9;

/** Bytes of class 0 need a look at what follows, or end the attempt. */
const LETTER = 1;
const DIGIT = 2;
const SPACE = 3;
const PLAIN = 4;

const classes = new Uint8Array(256);
for (let byte = 0x41; byte <= 0x5a; byte++) classes[byte] = LETTER;
for (let byte = 0x61; byte <= 0x7a; byte++) classes[byte] = LETTER;
classes[0x5f] = LETTER;
for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = DIGIT;
for (const byte of [0x09, 0x0a, 0x0d, 0x20]) classes[byte] = SPACE;
// ( ) [ ] , . < > = ~ ! @ # % ^ | ? * + :   each token of which ends where the server's lexer ends it, whatever follows
for (const byte of Buffer.from("()[],<>=~!@#%^|?*+:", "latin1")) classes[byte] = PLAIN;

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const AMPERSAND = 0x26;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const STAR = 0x2a;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

const scratch = Buffer.allocUnsafe(MAX_BYTES);

/** The template, or undefined when the text is not one for which it is safe. */
export function templateOf(text: Uint8Array): string | undefined {
	const length = text.length;
	if (length > MAX_BYTES) return undefined;
	let position = 0;
	while (position < length && classes[text[position] as number] === SPACE) position += 1;
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
				scratch[out++] = decimalAt === -1 ? INTEGER : DECIMAL;
				lifted = true;
				position = end;
				break;
			}
			default: {
				if (byte === QUOTE) {
					const end = stringEnd(text, position);
					if (end === -1) return undefined;
					scratch[out++] = STRING;
					lifted = true;
					position = end;
				} else if (byte === SEMICOLON) {
					// Kept with what follows: the end of the statement is then as far from the end in all texts of a template.
					if (!onlySpace(text, position + 1)) return undefined;
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

/** Where the point of the number last read stood; -1: it had none. */
let decimalAt = -1;

/** An integer or a decimal with digits before the point; -1 for everything else that begins with a digit. */
function numberEnd(text: Uint8Array, start: number): number {
	decimalAt = -1;
	let position = start;
	while (position < text.length && classes[text[position] as number] === DIGIT) position += 1;
	if (position - start > MAX_DIGITS) return -1;
	if (text[position] === DOT) {
		decimalAt = position;
		position += 1;
		while (position < text.length && classes[text[position] as number] === DIGIT) position += 1;
	}
	const next = text[position];
	if (next === undefined) return position;
	// 1e5, 0x1F, 1_000, 1a, 1.2.3, 1..2, 1$: not all servers read them alike.
	return classes[next] === LETTER || next === DOT || next === DOLLAR || next === QUOTE || next >= 0x80 ? -1 : position;
}

/** A plain string of printable ASCII; -1 also when another follows, which the server may join to it. */
function stringEnd(text: Uint8Array, start: number): number {
	let position = start + 1;
	for (;;) {
		const byte = text[position];
		if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
		position += 1;
		if (byte !== QUOTE) continue;
		if (text[position] !== QUOTE) break;
		position += 1;
	}
	let next = position;
	while (next < text.length && classes[text[next] as number] === SPACE) next += 1;
	return text[next] === QUOTE ? -1 : position;
}

/** What needs a look at the byte behind it. */
function otherEnd(text: Uint8Array, start: number, byte: number): number {
	const next = text[start + 1];
	switch (byte) {
		case DOUBLE_QUOTE:
			return quotedEnd(text, start);
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

function quotedEnd(text: Uint8Array, start: number): number {
	let position = start + 1;
	for (;;) {
		const byte = text[position];
		if (byte === undefined || byte < 0x20 || byte > 0x7e) return -1;
		position += 1;
		if (byte !== DOUBLE_QUOTE) continue;
		if (text[position] !== DOUBLE_QUOTE) return position;
		position += 1;
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

function onlySpace(text: Uint8Array, start: number): boolean {
	for (let position = start; position < text.length; position++) {
		if (classes[text[position] as number] !== SPACE) return false;
	}
	return true;
}
