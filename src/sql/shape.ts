/**
 * The shape of a statement: its text with every literal and every comment replaced by a placeholder, for recordings whose
 * literals are sealed. What is not known to be a word, a name or a symbol is hidden: a shape may show too little.
 *
 * A text can mean different things to a server under different settings, and where a string ends then differs. A shape
 * shows only what is no literal under any reading of the text (`commonMask`), so that it needs no word on the session's
 * settings, which code that nobody has read may have changed.
 */

/** What becomes of each character of the text. */
export const SHOWN = 0;
export const LITERAL = 1;
export const COMMENT = 2;

/** Longer texts have no shape: they are beyond what is read (bounds.statementBytes), and a mask holds a byte a character. */
export const SHAPE_CHARACTERS = 1 << 20;

/** As in OpenTelemetry's db.query.text. */
const LITERAL_SHAPE = "?";
const COMMENT_SHAPE = "/*?*/";

/** Hidden where any reading hides it. Undefined: no reading understands the text. */
export function commonMask(masks: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
	let common: Uint8Array | undefined;
	for (const mask of masks) {
		if (mask === undefined) continue;
		if (common === undefined) common = mask;
		else for (let at = 0; at < mask.length; at++) if (common[at] === SHOWN) common[at] = mask[at] as number;
	}
	return common;
}

/** The text with a placeholder for each run of hidden characters. */
export function masked(text: string, mask: Uint8Array): string {
	let out = "";
	let at = 0;
	while (at < text.length) {
		const kind = mask[at];
		let end = at + 1;
		while (end < text.length && mask[end] === kind) end += 1;
		if (kind === SHOWN) out += text.slice(at, end);
		else out += kind === COMMENT ? COMMENT_SHAPE : LITERAL_SHAPE;
		at = end;
	}
	return out;
}

/** A word that is a value: what follows decides nothing, what comes before does. */
const CONSTANTS = new Set(["NULL", "TRUE", "FALSE"]);

/** No word that BareValues looks for is longer. */
export const LONGEST_BARE = 6;

/** Statements that give settings values which may be written as bare words (SET role_name = word). */
const SETTERS = new Set(["SET", "ALTER", "CREATE"]);

/**
 * Tells of each word and symbol, in order, whether it is a value although it is written as a word: NULL, TRUE and FALSE
 * but for IS NULL and NOT NULL, and what a setting is set to, up to the end of the statement.
 */
export class BareValues {
	#first = "";
	#before = "";
	#beforeThat = "";
	/** SET has been read, and the name of what is set may follow. */
	#setting = false;
	#value = false;

	/** `token` in upper case; "" for names, parameters and literals. */
	hides(token: string): boolean {
		if (token === ";") {
			this.#first = "";
			this.#before = "";
			this.#setting = false;
			this.#value = false;
			return false;
		}
		if (this.#value) return true;
		if (this.#first === "") this.#first = token === "" ? "?" : token;
		if (token === "SET" && SETTERS.has(this.#first)) this.#setting = true;
		else if (this.#setting && this.#opensValue(token)) this.#value = true;
		const hidden = CONSTANTS.has(token) && !this.#isTest(token);
		this.#beforeThat = this.#before;
		this.#before = token;
		return hidden;
	}

	#opensValue(token: string): boolean {
		if (token === "(") {
			// Storage parameters: their values are words of the server's own.
			this.#setting = this.#first === "SET";
			return false;
		}
		if (token === "ZONE") return this.#first === "SET" && this.#before === "TIME";
		return token === "=" || token === ":=" || token === "TO";
	}

	#isTest(token: string): boolean {
		if (this.#before === "IS") return true;
		return this.#before === "NOT" && (token === "NULL" || this.#beforeThat === "IS");
	}
}
