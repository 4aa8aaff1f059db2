/**
 * A text with its literals lifted out, so that statements that differ in nothing else share one analysis.
 *
 * Soundness: two texts with equal templates must tokenise alike on every server but for the values of those literals, and
 * no name may mean another thing for them. So this lexer takes plain ASCII without comments, backslashes, variables,
 * prefixed or double-quoted strings, and one SELECT at most; and it leaves literals of a select list where they are, since
 * there they give result columns their names (`SELECT 'email' … ORDER BY email`). Facts that depend on the value of a
 * literal say so themselves (`literalSensitive`) and are never shared.
 */

/** Longer texts are rarely repeated. */
const MAX_BYTES = 4096;

/** Bytes that stand for a literal; no accepted text contains them. */
const NUMBER = 0x01;
const STRING = 0x03;

/** More digits could be another type. */
const MAX_DIGITS = 18;

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
for (const byte of Buffer.from("(),<>=!%^~?*+", "latin1")) classes[byte] = PLAIN;

const QUOTE = 0x27;
const BACKTICK = 0x60;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const STAR = 0x2a;
const SEMICOLON = 0x3b;

const scratch = Buffer.allocUnsafe(MAX_BYTES);

/** Words from which on literals name nothing. */
const LIFTS: ReadonlySet<string> = new Set(["WHERE", "VALUES", "SET", "ON"]);
const FIRST: ReadonlySet<string> = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"]);
/** Words behind which a number decides how much is delivered, or that begin another query. */
const KEEPS: ReadonlySet<string> = new Set(["LIMIT", "OFFSET"]);
const GIVES_UP: ReadonlySet<string> = new Set(["SELECT", "WITH", "TABLE", "PROCEDURE", "RETURNING", "UNION"]);

/** The template, or undefined when the text is not one for which it is safe. */
export function templateOf(text: Uint8Array): string | undefined {
	if (text.length > MAX_BYTES) return undefined;
	return new Lifting(text).run();
}

class Lifting {
	readonly #text: Uint8Array;
	#at = 0;
	#out = 0;
	#lifts = false;
	/** Behind LIMIT nothing is lifted any more. */
	#keeps = false;
	#lifted = false;
	#words = 0;
	#isQuery = false;

	constructor(text: Uint8Array) {
		this.#text = text;
	}

	run(): string | undefined {
		const text = this.#text;
		while (this.#at < text.length) {
			const byte = text[this.#at] as number;
			const kind = classes[byte];
			if (kind === SPACE || kind === PLAIN) {
				scratch[this.#out++] = byte;
				this.#at += 1;
			} else if (!this.#token(byte, kind ?? 0)) return undefined;
		}
		// Without a literal the exact text is as good a key.
		return this.#lifted ? scratch.toString("latin1", 0, this.#out) : undefined;
	}

	/** False: the attempt is over. */
	#token(byte: number, kind: number): boolean {
		if (kind === LETTER) return this.#word();
		if (kind === DIGIT) return this.#literal(this.#numberEnd(), NUMBER);
		const next = this.#text[this.#at + 1];
		switch (byte) {
			case QUOTE:
				return this.#literal(this.#stringEnd(), STRING);
			case BACKTICK:
				return this.#keep(this.#quotedEnd());
			case DASH:
				return next !== DASH && next !== 0x3e && this.#keep(this.#at + 1);
			case SLASH:
				return next !== STAR && this.#keep(this.#at + 1);
			case DOT:
				return next !== undefined && classes[next] !== DIGIT && this.#keep(this.#at + 1);
			case SEMICOLON:
				return this.#onlySpaceBehind() && this.#keep(this.#text.length);
			default:
				return false;
		}
	}

	#keep(end: number): boolean {
		if (end === -1) return false;
		while (this.#at < end) scratch[this.#out++] = this.#text[this.#at++] as number;
		return true;
	}

	#literal(end: number, mark: number): boolean {
		if (end === -1) return false;
		if (!this.#lifts || this.#keeps) return this.#keep(end);
		scratch[this.#out++] = mark;
		this.#lifted = true;
		this.#at = end;
		return true;
	}

	#word(): boolean {
		const text = this.#text;
		const start = this.#at;
		let end = start + 1;
		while (end < text.length) {
			const kind = classes[text[end] as number];
			if (kind !== LETTER && kind !== DIGIT) break;
			end += 1;
		}
		// n'…', x'…', _utf8'…', and names with $ in them.
		const next = text[end];
		if (next === QUOTE || next === 0x24) return false;
		this.#words += 1;
		if (end - start <= 9) {
			const word = Buffer.from(text.buffer, text.byteOffset + start, end - start)
				.toString("latin1", 0, end - start)
				.toUpperCase();
			if (this.#words === 1) {
				if (!FIRST.has(word)) return false;
				this.#isQuery = word === "SELECT";
			} else if (GIVES_UP.has(word) || (this.#isQuery && word === "INTO")) return false;
			else if (LIFTS.has(word)) this.#lifts = true;
			else if (KEEPS.has(word)) this.#keeps = true;
		} else if (this.#words === 1) return false;
		return this.#keep(end);
	}

	/** An integer or a decimal with digits before the point; -1 for everything else that begins with a digit. */
	#numberEnd(): number {
		const text = this.#text;
		let end = this.#at;
		while (end < text.length && classes[text[end] as number] === DIGIT) end += 1;
		if (end - this.#at > MAX_DIGITS) return -1;
		if (text[end] === DOT) {
			end += 1;
			while (end < text.length && classes[text[end] as number] === DIGIT) end += 1;
		}
		const next = text[end];
		if (next === undefined) return end;
		// 1e5, 0x1F, 1a, 1.2.3, 1$: names, or other sorts of numbers.
		return classes[next] === LETTER || next === DOT || next === 0x24 || next === QUOTE || next >= 0x80 ? -1 : end;
	}

	/** A plain string of printable ASCII; -1 also when another follows, which the server joins to it. */
	#stringEnd(): number {
		const text = this.#text;
		let end = this.#at + 1;
		for (;;) {
			const byte = text[end];
			if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === 0x5c) return -1;
			end += 1;
			if (byte !== QUOTE) continue;
			if (text[end] !== QUOTE) break;
			end += 1;
		}
		let next = end;
		while (next < text.length && classes[text[next] as number] === SPACE) next += 1;
		return text[next] === QUOTE || text[next] === 0x22 ? -1 : end;
	}

	#quotedEnd(): number {
		const text = this.#text;
		for (let end = this.#at + 1; ; end++) {
			const byte = text[end];
			if (byte === undefined || byte < 0x20 || byte > 0x7e) return -1;
			if (byte === BACKTICK) return end + 1;
		}
	}

	#onlySpaceBehind(): boolean {
		for (let at = this.#at + 1; at < this.#text.length; at++) {
			if (classes[this.#text[at] as number] !== SPACE) return false;
		}
		return true;
	}
}
