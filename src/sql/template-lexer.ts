/**
 * What the lexers of both engines' templates take alike: printable ASCII, plain numbers and strings, and nothing that a
 * server could read in two ways. Each end is the position behind the token, or -1: it is not taken.
 */

/** Longer texts are rarely repeated, and the exact cache takes none over this either. */
export const MAX_BYTES = 4096;

/** More digits could make a literal another type, by which functions are resolved. */
const MAX_DIGITS = 9;

/** Classes of bytes. Those of class 0 need a look at what follows, or end the attempt. */
export const LETTER = 1;
export const DIGIT = 2;
export const SPACE = 3;
export const PLAIN = 4;

export const QUOTE = 0x27;
export const DOUBLE_QUOTE = 0x22;
export const DOLLAR = 0x24;
export const DOT = 0x2e;
export const BACKSLASH = 0x5c;

/** `plain`: characters each of which is a token, or ends one, whatever follows. */
export function classesOf(plain: string): Uint8Array {
	const classes = new Uint8Array(256);
	for (let byte = 0x41; byte <= 0x5a; byte++) classes[byte] = LETTER;
	for (let byte = 0x61; byte <= 0x7a; byte++) classes[byte] = LETTER;
	classes[0x5f] = LETTER;
	for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = DIGIT;
	for (const byte of [0x09, 0x0a, 0x0d, 0x20]) classes[byte] = SPACE;
	for (const byte of Buffer.from(plain, "latin1")) classes[byte] = PLAIN;
	return classes;
}

/** Letters, digits, blanks: the same in all engines. */
const BASE = classesOf("");

/** An integer or a decimal with digits before the point; -1 for everything else that begins with a digit. */
export function numberEnd(text: Uint8Array, start: number): number {
	let position = start;
	while (position < text.length && BASE[text[position] as number] === DIGIT) position += 1;
	if (position - start > MAX_DIGITS) return -1;
	if (text[position] === DOT) {
		position += 1;
		while (position < text.length && BASE[text[position] as number] === DIGIT) position += 1;
	}
	const next = text[position];
	if (next === undefined) return position;
	// 1e5, 0x1F, 1_000, 1a, 1.2.3, 1..2, 1$: names, and numbers that not all servers read alike.
	return BASE[next] === LETTER || next === DOT || next === DOLLAR || next === QUOTE || next >= 0x80 ? -1 : position;
}

/** A plain string of printable ASCII; -1 also when another follows (in `'` or in `otherQuote`), which may belong to it. */
export function stringEnd(text: Uint8Array, start: number, otherQuote: number): number {
	const position = quotedEnd(text, start, QUOTE, BACKSLASH);
	if (position === -1) return -1;
	const next = text[spaceEnd(text, position)];
	return next === QUOTE || next === otherQuote ? -1 : position;
}

/** What stands between two of `quote`, which is doubled within; -1 where `refused` is among it. */
export function quotedEnd(text: Uint8Array, start: number, quote: number, refused: number): number {
	let position = start + 1;
	for (;;) {
		const byte = text[position];
		if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === refused) return -1;
		position += 1;
		if (byte !== quote) continue;
		if (text[position] !== quote) return position;
		position += 1;
	}
}

export function spaceEnd(text: Uint8Array, start: number): number {
	let position = start;
	while (position < text.length && BASE[text[position] as number] === SPACE) position += 1;
	return position;
}
