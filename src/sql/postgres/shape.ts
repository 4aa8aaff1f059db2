/**
 * The shape of a statement of PostgreSQL's (shape.ts), by its lexical rules ("Lexical Structure" of the manual, scan.l):
 * strings of every form (plain, E, B, X, N, U&, dollar-quoted) and numbers are literals, comments nest, a bare CR ends
 * `--`.
 *
 * Read in up to four ways: with and without standard_conforming_strings, and as in the encodings in which a backslash can
 * be the second byte of a character.
 */
import { BareValues, COMMENT, commonMask, LITERAL, LONGEST_BARE, masked, SHAPE_CHARACTERS } from "../shape.js";

interface Variant {
	/** Backslashes escape in plain strings (standard_conforming_strings = off). */
	readonly escapes: boolean;
	/** A backslash behind a character beyond ASCII belongs to it (BIG5, GBK, SJIS and others). */
	readonly swallows: boolean;
}

const STANDARD: Variant = { escapes: false, swallows: false };
const OTHERS: readonly Variant[] = [
	{ escapes: true, swallows: false },
	{ escapes: false, swallows: true },
	{ escapes: true, swallows: true },
];

const BEYOND_ASCII = 0x80;
const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;

/** Undefined: the text is not understood, or is too long, and must be hidden whole. */
export function postgresShape(text: string): string | undefined {
	// What is not text was not UTF-8: where its strings end cannot be told.
	if (text.length > SHAPE_CHARACTERS || text.includes("\ufffd")) return undefined;
	const first = maskOf(text, STANDARD);
	const mask = text.includes("\\") ? commonMask([first, ...OTHERS.map((variant) => maskOf(text, variant))]) : first;
	return mask === undefined ? undefined : masked(text, mask);
}

function maskOf(text: string, variant: Variant): Uint8Array | undefined {
	const scanner = new Scanner(text, variant);
	return scanner.run() ? scanner.mask : undefined;
}

function isSpace(code: number): boolean {
	return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function isDigit(code: number): boolean {
	return code >= 0x30 && code <= 0x39;
}

function startsWord(code: number): boolean {
	const letter = code | 0x20;
	return (letter >= 0x61 && letter <= 0x7a) || code === 0x5f || code >= BEYOND_ASCII;
}

function continuesWord(code: number): boolean {
	return startsWord(code) || isDigit(code) || code === DOLLAR;
}

const SYMBOLS = new Set("()[],;:.+-*/<>=~!@#%^&|`?{}");

class Scanner {
	readonly mask: Uint8Array;
	readonly #text: string;
	readonly #variant: Variant;
	readonly #values = new BareValues();
	#at = 0;

	constructor(text: string, variant: Variant) {
		this.#text = text;
		this.#variant = variant;
		this.mask = new Uint8Array(text.length);
	}

	/** False: this is no text of PostgreSQL's. */
	run(): boolean {
		const text = this.#text;
		while (this.#at < text.length) {
			const end = this.#token(text.charCodeAt(this.#at));
			if (end === undefined) return false;
			this.#at = end;
		}
		return true;
	}

	#hide(end: number, as: number = LITERAL): number {
		this.mask.fill(as, this.#at, end);
		return end;
	}

	#literal(end: number | undefined): number | undefined {
		if (end === undefined) return undefined;
		this.#values.hides("");
		return this.#hide(end);
	}

	/** Behind the token that begins here. */
	#token(code: number): number | undefined {
		const text = this.#text;
		const at = this.#at;
		const next = text.charCodeAt(at + 1);
		if (isSpace(code)) return at + 1;
		if (startsWord(code)) return this.#word(code, next);
		if (isDigit(code) || (code === 0x2e && isDigit(next))) return this.#literal(this.#numberEnd());
		if (code === QUOTE) return this.#literal(this.#stringEnd(at, this.#variant.escapes));
		if (code === DOUBLE_QUOTE) return this.#named(this.#nameEnd(at));
		if (code === DOLLAR) return this.#dollar(next);
		if (code === 0x2d && next === 0x2d) return this.#hide(this.#lineEnd(), COMMENT);
		if (code === 0x2f && next === 0x2a) return this.#comment();
		const symbol = text.charAt(at);
		if (!SYMBOLS.has(symbol)) return undefined;
		// := is one symbol, and the colon alone decides nothing.
		return this.#values.hides(symbol) ? this.#hide(at + 1) : at + 1;
	}

	#named(end: number | undefined): number | undefined {
		if (end === undefined) return undefined;
		return this.#values.hides("") ? this.#hide(end) : end;
	}

	#word(code: number, next: number): number | undefined {
		const text = this.#text;
		const at = this.#at;
		if (next === QUOTE) {
			const letter = code | 0x20;
			if (letter === 0x65) return this.#literal(this.#stringEnd(at + 1, true));
			if (letter === 0x6e) return this.#literal(this.#stringEnd(at + 1, this.#variant.escapes));
			if (letter === 0x62 || letter === 0x78) return this.#literal(this.#stringEnd(at + 1, false));
		}
		if ((code | 0x20) === 0x75 && next === 0x26) {
			const quote = text.charCodeAt(at + 2);
			if (quote === QUOTE) return this.#literal(this.#stringEnd(at + 2, false));
			if (quote === DOUBLE_QUOTE) return this.#named(this.#nameEnd(at + 2));
		}
		let end = at + 1;
		while (end < text.length && continuesWord(text.charCodeAt(end))) end += 1;
		const word = end - at > LONGEST_BARE ? "" : text.slice(at, end).toUpperCase();
		return this.#values.hides(word) ? this.#hide(end) : end;
	}

	/** Digits and whatever touches them: servers differ on what they make of the rest. */
	#numberEnd(): number {
		const text = this.#text;
		let end = this.#at;
		for (; end < text.length; end++) {
			const code = text.charCodeAt(end);
			if (continuesWord(code) || code === 0x2e) continue;
			const isSign = code === 0x2b || code === 0x2d;
			const before = text.charCodeAt(end - 1) | 0x20;
			if (!isSign || before !== 0x65 || !isDigit(text.charCodeAt(end + 1))) break;
		}
		return end;
	}

	/** Behind the string whose quote stands at `from`. */
	#stringEnd(from: number, escapes: boolean): number | undefined {
		const text = this.#text;
		for (let at = from + 1; at < text.length; at++) {
			const code = text.charCodeAt(at);
			if (code === BACKSLASH && escapes) {
				const isSwallowed = this.#variant.swallows && text.charCodeAt(at - 1) >= BEYOND_ASCII;
				if (!isSwallowed) at += 1;
			} else if (code === QUOTE) {
				if (text.charCodeAt(at + 1) !== QUOTE) return at + 1;
				at += 1;
			}
		}
		return undefined;
	}

	#nameEnd(from: number): number | undefined {
		const text = this.#text;
		for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 2)) {
			if (text.charCodeAt(at + 1) !== DOUBLE_QUOTE) return at + 1;
		}
		return undefined;
	}

	/** $1, or a dollar-quoted string. */
	#dollar(next: number): number | undefined {
		const text = this.#text;
		const at = this.#at;
		if (isDigit(next)) {
			let end = at + 1;
			while (isDigit(text.charCodeAt(end))) end += 1;
			return this.#named(end);
		}
		let tagEnd = at + 1;
		if (startsWord(next)) {
			while (tagEnd < text.length && text.charCodeAt(tagEnd) !== DOLLAR && continuesWord(text.charCodeAt(tagEnd)))
				tagEnd += 1;
		}
		if (text.charCodeAt(tagEnd) !== DOLLAR) return undefined;
		const tag = text.slice(at, tagEnd + 1);
		const close = text.indexOf(tag, tagEnd + 1);
		return close === -1 ? undefined : this.#literal(close + tag.length);
	}

	#lineEnd(): number {
		const text = this.#text;
		let end = this.#at;
		while (end < text.length && text.charCodeAt(end) !== 0x0a && text.charCodeAt(end) !== 0x0d) end += 1;
		return end;
	}

	#comment(): number | undefined {
		const text = this.#text;
		let depth = 1;
		for (let at = this.#at + 2; at < text.length; at++) {
			const pair = text.charAt(at) + text.charAt(at + 1);
			if (pair === "/*") depth += 1;
			else if (pair === "*/") depth -= 1;
			else continue;
			at += 1;
			if (depth === 0) return this.#hide(at + 1, COMMENT);
		}
		return undefined;
	}
}
