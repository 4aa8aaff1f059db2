/**
 * Recorded statements as a script for the engine's own command-line client: what both engines share.
 *
 * A script is run by a person who trusts it, so what was recorded must stay what it was: SQL for the server. psql and
 * mysql read more than SQL (`\! command` runs a program), therefore a text goes in as code only where no reading of it,
 * whatever settings decide on strings, shows the client a backslash outside of strings or leaves a string open.
 */

export type Parameters = readonly (string | null)[];

export type ScriptCode =
	/** With its end: a statement of its own wherever it stands at the start of a line. */
	| { readonly kind: "code"; readonly text: string }
	/** Not to be written as code, and why. */
	| { readonly kind: "withheld"; readonly why: string };

export interface ScriptDialect {
	/** The program that runs the script, as a command line. */
	readonly run: string;
	/** What stands before the statements: the session's database is chosen. */
	opening(database: string): readonly string[];
	code(sql: string, parameters: Parameters): ScriptCode;
}

/** How a server's lexer reads what is not plain. */
export interface ScanRules {
	/** Quotes in which a backslash takes the meaning from the character after it. */
	readonly backslash: string;
	/** All quotes. */
	readonly quotes: string;
	/** E'…' is a string with backslashes, $tag$…$tag$ one without; comments nest; a carriage return ends a line. */
	readonly isPostgres: boolean;
}

export interface Placeholder {
	readonly start: number;
	readonly end: number;
	/** Of the parameter, from 0; -1: the next one. */
	readonly index: number;
}

export interface Scan {
	readonly placeholders: readonly Placeholder[];
	/** Behind the last character that is neither space, comment nor a semicolon at the end. */
	readonly codeEnd: number;
	/** A semicolon is followed by more. */
	readonly isSeveral: boolean;
	/** A string or a comment has no end. */
	readonly isOpen: boolean;
	/** A backslash outside of strings and comments. */
	readonly hasBackslash: boolean;
}

const SPACE = /\s/;
const NAME = /[A-Za-z0-9_$\u0080-\uffff]/;

/** One pass over a text. */
export function scan(text: string, rules: ScanRules): Scan {
	return new Scanner(text, rules).run();
}

class Scanner {
	readonly #text: string;
	readonly #rules: ScanRules;
	readonly #placeholders: Placeholder[] = [];
	#at = 0;
	#codeEnd = 0;
	#semicolon = false;
	#several = false;
	#open = false;
	#backslash = false;

	constructor(text: string, rules: ScanRules) {
		this.#text = text;
		this.#rules = rules;
	}

	run(): Scan {
		while (this.#at < this.#text.length) this.#step(this.#text.charAt(this.#at));
		return {
			placeholders: this.#placeholders,
			codeEnd: this.#codeEnd,
			isSeveral: this.#several,
			isOpen: this.#open,
			hasBackslash: this.#backslash,
		};
	}

	#step(char: string): void {
		if (SPACE.test(char)) this.#at += 1;
		else if (this.#comment(char)) return;
		else if (char === ";") {
			this.#semicolon = true;
			this.#at += 1;
		} else {
			if (this.#semicolon) this.#several = true;
			this.#code(char);
			this.#codeEnd = this.#at;
		}
	}

	#code(char: string): void {
		if (this.#rules.quotes.includes(char)) {
			this.#string(char, this.#rules.backslash.includes(char));
			return;
		}
		if (char === "\\") this.#backslash = true;
		if (char === "?" && !this.#rules.isPostgres) {
			this.#placeholders.push({ start: this.#at, end: this.#at + 1, index: -1 });
		}
		if (char === "$" && this.#rules.isPostgres) {
			this.#dollar();
			return;
		}
		if (!NAME.test(char)) {
			this.#at += 1;
			return;
		}
		const start = this.#at;
		while (this.#at < this.#text.length && NAME.test(this.#text.charAt(this.#at))) this.#at += 1;
		const isEscaped = this.#rules.isPostgres && /^e$/i.test(this.#text.slice(start, this.#at));
		if (isEscaped && this.#text.charAt(this.#at) === "'") this.#string("'", true);
	}

	#string(quote: string, escapes: boolean): void {
		for (this.#at += 1; this.#at < this.#text.length; this.#at++) {
			const char = this.#text.charAt(this.#at);
			if (char === "\\" && escapes) this.#at += 1;
			else if (char === quote) {
				if (this.#text.charAt(this.#at + 1) !== quote) {
					this.#at += 1;
					return;
				}
				this.#at += 1;
			}
		}
		this.#at = this.#text.length;
		this.#open = true;
	}

	/** $1, or a dollar quote. */
	#dollar(): void {
		const rest = this.#text.slice(this.#at, this.#at + 80);
		const parameter = /^\$(\d{1,5})/.exec(rest);
		if (parameter !== null) {
			const end = this.#at + parameter[0].length;
			this.#placeholders.push({ start: this.#at, end, index: Number(parameter[1]) - 1 });
			this.#at = end;
			return;
		}
		const tag = /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/.exec(rest)?.[0];
		if (tag === undefined) {
			this.#at += 1;
			return;
		}
		const end = this.#text.indexOf(tag, this.#at + tag.length);
		this.#open ||= end === -1;
		this.#at = end === -1 ? this.#text.length : end + tag.length;
	}

	/** Passes over a comment that begins here, if one does. */
	#comment(char: string): boolean {
		const two = this.#text.slice(this.#at, this.#at + 2);
		if (two === "/*") {
			this.#at = this.#blockEnd();
			return true;
		}
		/* What MySQL takes for a comment only with a space behind it is none for the other reading either way. */
		const isLine = this.#rules.isPostgres
			? two === "--"
			: char === "#" || /^--(?:\s|$)/.test(this.#text.slice(this.#at, this.#at + 3));
		if (!isLine) return false;
		const end = /[\n\r]/g;
		end.lastIndex = this.#at;
		let found = end.exec(this.#text);
		while (found !== null && found[0] === "\r" && !this.#rules.isPostgres) found = end.exec(this.#text);
		this.#at = found === null ? this.#text.length : found.index;
		return true;
	}

	#blockEnd(): number {
		let depth = 0;
		for (let at = this.#at; at < this.#text.length; at++) {
			const two = this.#text.slice(at, at + 2);
			if (two === "/*" && (depth === 0 || this.#rules.isPostgres)) {
				depth += 1;
				at += 1;
			} else if (two === "*/") {
				depth -= 1;
				at += 1;
				if (depth > 0) continue;
				/* MySQL's client reads what stands in `/*! …` and `/*+ …` as its own. */
				if (!this.#rules.isPostgres && this.#text.slice(this.#at, at).includes("\\")) this.#backslash = true;
				return at + 1;
			}
		}
		this.#open = true;
		return this.#text.length;
	}
}

/** The text up to the end of its code with literals in its placeholders' places; a number: the parameter that is missing. */
export function withLiterals(
	text: string,
	found: Scan,
	parameters: Parameters,
	literal: (value: string | null, before: string) => string,
): string | number {
	if (parameters.length === 0) return text.slice(0, found.codeEnd);
	let out = "";
	let position = 0;
	let next = 0;
	for (const { start, end, index } of found.placeholders) {
		const which = index === -1 ? next : index;
		next += 1;
		const value = parameters[which];
		if (value === undefined) return which + 1;
		out += text.slice(position, start);
		out += literal(value, out);
		position = end;
	}
	return out + text.slice(position, found.codeEnd);
}

export const UNCLEAR = "clients could read it in another way than the server did";
export const UNTERMINATED = "a string or a comment in it has no end";
