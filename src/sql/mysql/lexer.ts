/**
 * Text to tokens, as that very server's lexer does it (MySQL: "Lexical Structure" and "Comments" of the manual,
 * sql_lex.cc; MariaDB: "Comment Syntax", "Identifier Names").
 *
 * One pass over the bytes, held as a latin1 string. What servers disagree on is settled here: executable comments are
 * code where this server would run them and space where it would not, and what could be read in two ways is written
 * anew (`Tokens.edits`), so that what was read is what goes upstream. What no server reads is refused.
 *
 * Bytes beyond ASCII: in a character set that holds ASCII as it is they can neither end a string nor a name.
 */
import { Unreadable } from "../unreadable.js";
import { executesComment, isHintAmbiguous } from "./comments.js";
import type { Server } from "./flavour.js";
import type { Reading } from "./reading.js";
import { KIND, Tokens } from "./tokens.js";
import { CHARACTER_SETS } from "./words.js";

/** Classes of bytes; 0 for all others. */
const LETTER = 1;
const DIGIT = 2;
const SPACE = 3;
const PUNCTUATION = 4;
/** > = ! < */
const COMPARISON = 5;
const HIGH = 6;

const classes = new Uint8Array(256);
for (let byte = 0x41; byte <= 0x5a; byte++) classes[byte] = LETTER;
for (let byte = 0x61; byte <= 0x7a; byte++) classes[byte] = LETTER;
classes[0x5f] = LETTER;
classes[0x24] = LETTER;
for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = DIGIT;
for (const byte of [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]) classes[byte] = SPACE;
for (const char of "(),;+%^~*{}") classes[char.charCodeAt(0)] = PUNCTUATION;
for (const char of "<>=!") classes[char.charCodeAt(0)] = COMPARISON;
for (let byte = 0x80; byte <= 0xff; byte++) classes[byte] = HIGH;

const COMPARISONS = new Set([">", "<", "=", "!", ">=", "<=", "<>", "!=", "<=>", "<<", ">>"]);

/** Statements that a hint may follow. */
const HINTED = new Set(["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE"]);

/** Words as they were written to words in upper case; real statements repeat a few hundred. */
const known = new Map<string, string>();
const KNOWN_MAX = 4096;

function upper(word: string): string {
	const found = known.get(word);
	if (found !== undefined) return found;
	const made = word.toUpperCase();
	if (known.size < KNOWN_MAX && word.length <= 32) known.set(word, made);
	return made;
}

/** `text` holds one byte a character. Throws `Unreadable`. */
export function lex(text: string, server: Server, reading: Reading): Tokens {
	return new Lexer(text, server, reading).run();
}

class Lexer {
	readonly #text: string;
	readonly #server: Server;
	readonly #reading: Reading;
	readonly #tokens: Tokens;
	#at = 0;
	/** Inside an executed comment, whose end is then not code. */
	#inComment = false;

	constructor(text: string, server: Server, reading: Reading) {
		this.#text = text;
		this.#tokens = new Tokens(text.length);
		this.#server = server;
		this.#reading = reading;
	}

	run(): Tokens {
		const text = this.#text;
		const { length } = text;
		while (this.#at < length) {
			const at = this.#at;
			const code = text.charCodeAt(at);
			switch (classes[code]) {
				case SPACE:
					this.#at = at + 1;
					break;
				case LETTER:
				case HIGH:
					this.#word(code);
					break;
				case DIGIT:
					this.#number();
					break;
				case PUNCTUATION:
					if (code === 0x2a && this.#inComment && text.charCodeAt(at + 1) === 0x2f) this.#endComment();
					else this.#symbol(1);
					break;
				case COMPARISON:
					this.#comparison();
					break;
				default:
					this.#other(code);
			}
		}
		if (this.#inComment) throw this.#fail("a comment is not closed", length);
		this.#tokens.push(KIND.end, length, length, "");
		return this.#tokens;
	}

	#fail(message: string, position = this.#at): Unreadable {
		return new Unreadable("syntax", message, position);
	}

	#symbol(length: number): void {
		const start = this.#at;
		this.#at = start + length;
		this.#tokens.push(KIND.symbol, start, this.#at, this.#text.slice(start, this.#at));
	}

	/** Where the word that begins at `from` ends. */
	#wordEnd(from: number): number {
		const text = this.#text;
		let at = from;
		let high = false;
		for (; at < text.length; at++) {
			const kind = classes[text.charCodeAt(at)];
			if (kind === HIGH) high = true;
			else if (kind !== LETTER && kind !== DIGIT) break;
		}
		if (high && this.#reading.encoding !== "utf8") {
			throw this.#fail("a name beyond ASCII must be quoted, or the connection use utf8mb4", from);
		}
		return at;
	}

	#word(first: number): void {
		const text = this.#text;
		const start = this.#at;
		const next = text.charCodeAt(start + 1);
		if (next === 0x27 && this.#prefixed(first | 0x20)) return;
		if (first === 0x24) this.#refuseDollarQuote();
		const end = this.#wordEnd(start);
		this.#at = end;
		if (text.charCodeAt(end) === 0x2e && this.#isWordAt(end + 1)) {
			this.#tokens.push(KIND.name, start, end, "");
			this.#dot();
			return;
		}
		const word = upper(text.slice(start, end));
		if (first === 0x5f && CHARACTER_SETS.has(word.slice(1).toLowerCase())) {
			this.#tokens.push(KIND.charset, start, end, "");
		} else this.#tokens.push(KIND.word, start, end, word);
	}

	#isWordAt(at: number): boolean {
		const kind = classes[this.#text.charCodeAt(at)];
		return kind === LETTER || kind === DIGIT || kind === HIGH;
	}

	/** n'…', x'…', b'…'; true when it was one. */
	#prefixed(letter: number): boolean {
		const start = this.#at;
		if (letter === 0x6e) {
			this.#at = this.#stringEnd(start + 1);
			this.#tokens.push(KIND.text, start, this.#at, "");
			return true;
		}
		if (letter !== 0x78 && letter !== 0x62) return false;
		const close = this.#text.indexOf("'", start + 2);
		const digits = close === -1 ? "?" : this.#text.slice(start + 2, close);
		const valid = letter === 0x78 ? /^(?:[0-9a-f]{2})*$/i.test(digits) : /^[01]*$/.test(digits);
		if (!valid) throw this.#fail("a hexadecimal or bit string that is none");
		this.#at = close + 1;
		this.#tokens.push(KIND.bits, start, this.#at, "");
		return true;
	}

	/** `$$ … $$` and `$tag$ … $tag$` are strings on newer servers and names on older ones. */
	#refuseDollarQuote(): void {
		const end = this.#wordEnd(this.#at);
		if (this.#text.slice(this.#at + 1, end).includes("$")) throw this.#fail("a dollar-quoted string is not read");
	}

	/** The dot behind a name, and the name that touches it, whatever it looks like. */
	#dot(): void {
		do {
			this.#symbol(1);
			if (!this.#isWordAt(this.#at)) return;
			const start = this.#at;
			this.#at = this.#wordEnd(start);
			this.#tokens.push(KIND.name, start, this.#at, "");
		} while (this.#text.charCodeAt(this.#at) === 0x2e && this.#isWordAt(this.#at + 1));
	}

	// ---- numbers ------------------------------------------------------------------------------------------------------

	#number(): void {
		const text = this.#text;
		const start = this.#at;
		if (text.charCodeAt(start) === 0x30 && this.#radix()) return;
		const end = this.#digitsEnd(start);
		if (text.charCodeAt(end) === 0x2e) {
			this.#fraction(start, end + 1);
			return;
		}
		if (!this.#isWordAt(end)) {
			this.#at = end;
			this.#tokens.push(KIND.integer, start, end, "");
			return;
		}
		const exponent = this.#exponentEnd(end);
		if (exponent !== undefined) {
			this.#at = exponent;
			this.#tokens.push(KIND.decimal, start, exponent, "");
			return;
		}
		// A name that begins with digits: never a keyword.
		this.#at = this.#wordEnd(start);
		this.#tokens.push(KIND.name, start, this.#at, "");
		if (text.charCodeAt(this.#at) === 0x2e && this.#isWordAt(this.#at + 1)) this.#dot();
	}

	#digitsEnd(from: number): number {
		let at = from;
		while (classes[this.#text.charCodeAt(at)] === DIGIT) at += 1;
		return at;
	}

	/** 0x… and 0b… (small letters alone); false: something else begins here. */
	#radix(): boolean {
		const text = this.#text;
		const start = this.#at;
		const letter = text.charCodeAt(start + 1);
		if (letter !== 0x78 && letter !== 0x62) return false;
		let at = start + 2;
		for (; ; at++) {
			const code = text.charCodeAt(at);
			const isHex = (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
			if (letter === 0x78 ? !isHex : code !== 0x30 && code !== 0x31) break;
		}
		if (at === start + 2 || this.#isWordAt(at)) return false;
		this.#at = at;
		this.#tokens.push(KIND.bits, start, at, "");
		return true;
	}

	/** Behind the exponent that begins at `from`; undefined where there is none. */
	#exponentEnd(from: number): number | undefined {
		const text = this.#text;
		if ((text.charCodeAt(from) | 0x20) !== 0x65) return undefined;
		const sign = text.charCodeAt(from + 1);
		const digits = sign === 0x2b || sign === 0x2d ? from + 2 : from + 1;
		return classes[text.charCodeAt(digits)] === DIGIT ? this.#digitsEnd(digits) : undefined;
	}

	/** Behind the point. */
	#fraction(start: number, from: number): void {
		const end = this.#digitsEnd(from);
		const isExponent = (this.#text.charCodeAt(end) | 0x20) === 0x65;
		const close = isExponent ? this.#exponentEnd(end) : end;
		if (close === undefined) throw this.#fail("a number with half an exponent", start);
		this.#at = close;
		this.#tokens.push(KIND.decimal, start, close, "");
	}

	// ---- strings ------------------------------------------------------------------------------------------------------

	/** Behind the string whose quote stands at `from`. */
	#stringEnd(from: number): number {
		const text = this.#text;
		const quote = text.charCodeAt(from);
		const escapes = !this.#reading.noBackslashEscapes;
		let at = from + 1;
		for (; at < text.length; at++) {
			const code = text.charCodeAt(at);
			if (code === 0x5c && escapes) at += 1;
			else if (code === quote) {
				if (text.charCodeAt(at + 1) !== quote) return at + 1;
				at += 1;
			}
		}
		throw this.#fail("a string is not closed", from);
	}

	/** Behind the quoted name whose quote stands at `from`. */
	#nameEnd(from: number): number {
		const text = this.#text;
		const quote = text.charAt(from);
		for (let at = from + 1; ; at += 2) {
			at = text.indexOf(quote, at);
			if (at === -1) throw this.#fail("a quoted name is not closed", from);
			if (text.charAt(at + 1) === quote) continue;
			const inner = text.slice(from + 1, at);
			if (inner === "" || inner.includes("\0")) throw this.#fail("a name that is none", from);
			return at + 1;
		}
	}

	#quoted(): void {
		const start = this.#at;
		const code = this.#text.charCodeAt(start);
		const isName = code === 0x60 || (code === 0x22 && this.#reading.ansiQuotes);
		this.#at = isName ? this.#nameEnd(start) : this.#stringEnd(start);
		this.#tokens.push(isName ? KIND.name : KIND.text, start, this.#at, "");
	}

	/** @name, @'name', @@. */
	#atSign(): void {
		const text = this.#text;
		const start = this.#at;
		const next = text.charCodeAt(start + 1);
		if (next === 0x40) {
			if (!this.#isWordAt(start + 2) && text.charCodeAt(start + 2) !== 0x60) throw this.#fail("@@ without a name");
			this.#symbol(2);
			return;
		}
		if (next === 0x60 || (next === 0x22 && this.#reading.ansiQuotes)) this.#at = this.#nameEnd(start + 1);
		else if (next === 0x27 || next === 0x22) this.#at = this.#stringEnd(start + 1);
		else {
			let at = start + 1;
			while (this.#isWordAt(at) || text.charCodeAt(at) === 0x2e) at += 1;
			if (at === start + 1) throw this.#fail("@ without a name");
			this.#at = at;
		}
		this.#tokens.push(KIND.variable, start, this.#at, "");
	}

	// ---- the rest -----------------------------------------------------------------------------------------------------

	#comparison(): void {
		const text = this.#text;
		const start = this.#at;
		let end = start + 1;
		if (classes[text.charCodeAt(end)] === COMPARISON) {
			end += 1;
			const third = text.charCodeAt(end);
			if (text.charCodeAt(start) === 0x3c && classes[third] === COMPARISON && third !== 0x3c) end += 1;
		}
		if (!COMPARISONS.has(text.slice(start, end))) throw this.#fail("an operator that is not known");
		this.#symbol(end - start);
	}

	#other(code: number): void {
		const text = this.#text;
		const next = text.charCodeAt(this.#at + 1);
		switch (code) {
			case 0x27:
			case 0x22:
			case 0x60:
				this.#quoted();
				break;
			case 0x40:
				this.#atSign();
				break;
			case 0x2e:
				if (classes[next] === DIGIT) this.#fraction(this.#at, this.#at + 1);
				else this.#dot();
				break;
			case 0x3f:
				this.#tokens.push(KIND.parameter, this.#at, this.#at + 1, "");
				this.#at += 1;
				break;
			case 0x23:
				this.#lineComment();
				break;
			case 0x2d:
				this.#minus(next);
				break;
			case 0x2f:
				if (next === 0x2a) this.#comment();
				else this.#symbol(1);
				break;
			case 0x26:
			case 0x7c:
				this.#symbol(next === code ? 2 : 1);
				break;
			case 0x3a:
				this.#symbol(next === 0x3d ? 2 : 1);
				break;
			case 0x5c:
				if (next !== 0x4e || (this.#server.flavour === "mysql" && this.#server.version >= 90000))
					throw this.#fail("a character that has no meaning here");
				this.#tokens.push(KIND.null, this.#at, this.#at + 2, "");
				this.#at += 2;
				break;
			default:
				throw this.#fail("a character that has no meaning here");
		}
	}

	/** `--` begins a comment before white space and control characters alone. */
	#minus(next: number): void {
		const text = this.#text;
		if (next === 0x2d) {
			const third = text.charCodeAt(this.#at + 2);
			if (Number.isNaN(third) || third <= 0x20 || third === 0x7f) {
				this.#lineComment();
				return;
			}
			// Two signs: others take them for a comment.
			const end = this.#at + 1;
			this.#tokens.edits.push({ start: end, end, text: " " });
		}
		if (next === 0x3e && this.#server.flavour === "mysql") {
			this.#symbol(text.charCodeAt(this.#at + 2) === 0x3e ? 3 : 2);
		} else this.#symbol(1);
	}

	/** To the end of the line; a carriage return is none. */
	#lineComment(): void {
		const text = this.#text;
		const start = this.#at;
		const newline = text.indexOf("\n", start);
		const end = newline === -1 ? text.length : newline;
		const inner = text.slice(start, end);
		if (inner.includes("\0")) throw this.#fail("a comment with a NUL character");
		// What other readers end elsewhere, or would not begin here, is no comment to any of them when it is gone.
		const third = inner.charCodeAt(2);
		const isPlain = inner.startsWith("#") || inner.length === 2 || third === 0x20;
		if (!isPlain || inner.includes("\r")) this.#tokens.edits.push({ start, end, text: " " });
		this.#at = end;
	}

	#comment(): void {
		const text = this.#text;
		const start = this.#at;
		const code = executesComment(text, start, this.#server);
		if (code.kind === "code") {
			if (this.#inComment) this.#tokens.comments.push(start);
			this.#inComment = true;
			this.#tokens.comments.push(start);
			this.#blank(start, code.end);
			return;
		}
		const end = code.end;
		if (end === -1) throw this.#fail("a comment is not closed");
		const inner = text.slice(start + 2, end - 2);
		if (inner.includes("\0")) throw this.#fail("a comment with a NUL character");
		this.#at = end;
		if (inner.startsWith("+") && this.#followsHinted()) {
			if (isHintAmbiguous(inner)) throw this.#fail("an optimizer hint that is not understood", start);
			return;
		}
		const isPlain = !inner.includes("/*") && !/^M?!|^\+/.test(inner);
		if (!isPlain) this.#blank(start, end);
	}

	#followsHinted(): boolean {
		const { count, texts } = this.#tokens;
		return count > 0 && HINTED.has(texts[count - 1] as string);
	}

	#endComment(): void {
		this.#inComment = false;
		this.#tokens.comments.push(this.#at);
		this.#blank(this.#at, this.#at + 2);
	}

	#blank(start: number, end: number): void {
		this.#tokens.edits.push({ start, end, text: " ".repeat(end - start) });
		this.#at = end;
	}
}
