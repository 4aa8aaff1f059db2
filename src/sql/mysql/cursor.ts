/**
 * The grammar's hold on the tokens of a text: where it stands, what comes next, and how it gives up. It also bounds how
 * deep the grammar may go, so that no text can exhaust the stack.
 */
import { Unreadable } from "../unreadable.js";
import { isAscii, isTrimmed, utf8Text } from "./characters.js";
import { foldName, foldTable, type Server } from "./flavour.js";
import type { Reading } from "./reading.js";
import { canonicalText, type Edit, KIND, type Kind, type Tokens } from "./tokens.js";
import { reservedWords, TOUCHING_FUNCTIONS } from "./words.js";

/** Nesting of brackets, queries and operators. Servers give up at about the same depth, for want of stack. */
const DEPTH_MAX = 400;

const ESCAPES: ReadonlyMap<string, string> = new Map([
	["0", "\0"],
	["b", "\b"],
	["n", "\n"],
	["r", "\r"],
	["t", "\t"],
	["Z", "\x1a"],
]);

/** Servers cut names off beyond 64 characters, and what an expression is called beyond 256 bytes. */
const NAME_BYTES_MAX = 200;

/** Both servers were asked, letter by letter. Beyond these they fold less than newer Unicode does. */
const COMMON_LETTERS =
	/[A-Za-z\u00c0-\u00fe\u0100-\u012f\u0139-\u0148\u014a-\u017e\u0391-\u03c9\u0400-\u045f\uff21-\uff3a\uff41-\uff5a]/;

/** Whether the case of a name's letters is the same to all: caseless scripts, Latin, Greek, Cyrillic. */
function foldsAlike(name: string): boolean {
	for (const char of name) {
		if (char === "\ufffd") return false;
		if (char.toLowerCase() === char && char.toUpperCase() === char) continue;
		if (!COMMON_LETTERS.test(char)) return false;
	}
	return true;
}

/** Of the strings that continue another: those without a letter before them. */
const QUOTES: ReadonlySet<number> = new Set([0x22, 0x27]);

interface Brackets {
	readonly closes: Int32Array;
	readonly commas: Uint8Array;
}

/** All brackets in one pass: to look for the end of each by itself would cost the square of the text. */
function bracketsOf(tokens: Tokens): Brackets {
	const closes = new Int32Array(tokens.count).fill(tokens.count - 1);
	const commas = new Uint8Array(tokens.count);
	const open: number[] = [];
	for (let at = 0; at < tokens.count; at++) {
		if (tokens.kinds[at] !== KIND.symbol) continue;
		const symbol = tokens.texts[at];
		if (symbol === "(") open.push(at);
		else if (symbol === ")") {
			const from = open.pop();
			if (from !== undefined) closes[from] = at;
		} else if (symbol === ",") {
			const from = open.at(-1);
			if (from !== undefined) commas[from] = 1;
		}
	}
	return { closes, commas };
}

/** The first edit at or behind a place; they stand in order, and a text may hold many. */
function firstFrom(edits: readonly Edit[], place: number): number {
	let low = 0;
	let high = edits.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((edits[middle] as Edit).start < place) low = middle + 1;
		else high = middle;
	}
	return low;
}

export class Cursor {
	readonly text: string;
	readonly server: Server;
	readonly reading: Reading;
	readonly tokens: Tokens;
	readonly #reserved: ReadonlySet<string>;
	/** Index of the token that comes next. */
	at = 0;
	#depth = 0;
	/** Made when first asked for. */
	#brackets: Brackets | undefined;

	constructor(text: string, tokens: Tokens, server: Server, reading: Reading) {
		this.text = text;
		this.tokens = tokens;
		this.server = server;
		this.reading = reading;
		this.#reserved = reservedWords(server);
	}

	get isMariaDb(): boolean {
		return this.server.flavour === "mariadb";
	}

	// ---- where it stands ------------------------------------------------------------------------------------------

	kind(ahead = 0): Kind {
		return (this.tokens.kinds[Math.min(this.at + ahead, this.tokens.count - 1)] ?? KIND.end) as Kind;
	}

	/** The word (upper case) or symbol; "" of all else. */
	word(ahead = 0): string {
		return this.tokens.texts[this.at + ahead] ?? "";
	}

	position(ahead = 0): number {
		return this.tokens.starts[Math.min(this.at + ahead, this.tokens.count - 1)] as number;
	}

	/** Where the token before the next one ends. */
	get endBefore(): number {
		return this.at === 0 ? 0 : (this.tokens.ends[this.at - 1] as number);
	}

	get isEnd(): boolean {
		return this.kind() === KIND.end || (this.kind() === KIND.symbol && this.word() === ";");
	}

	raw(ahead = 0): string {
		const at = this.at + ahead;
		return this.text.slice(this.tokens.starts[at], this.tokens.ends[at]);
	}

	fail(message?: string, ahead = 0): Unreadable {
		const here = this.kind(ahead) === KIND.end ? "the end" : `"${this.#shown(ahead)}"`;
		return new Unreadable("syntax", message ?? `${here} is not expected here`, this.position(ahead));
	}

	/** Literals are values: they are not repeated. */
	#shown(ahead: number): string {
		const kind = this.kind(ahead);
		if (kind === KIND.text || kind === KIND.bits || kind === KIND.integer || kind === KIND.decimal) return "a literal";
		return this.raw(ahead).slice(0, 64);
	}

	refuse(message: string, ahead = 0): Unreadable {
		return new Unreadable("unsupported", message, this.position(ahead));
	}

	/** Runs a part of the grammar that may hold itself. */
	deeper<Result>(part: () => Result): Result {
		this.#depth += 1;
		if (this.#depth > DEPTH_MAX) throw new Unreadable("limit", `the statement nests more than ${DEPTH_MAX} deep`);
		try {
			return part();
		} finally {
			this.#depth -= 1;
		}
	}

	// ---- words and symbols ----------------------------------------------------------------------------------------

	isWord(word: string, ahead = 0): boolean {
		return this.kind(ahead) === KIND.word && this.word(ahead) === word;
	}

	isAnyWord(...words: readonly string[]): boolean {
		return this.kind() === KIND.word && words.includes(this.word());
	}

	isSymbol(symbol: string, ahead = 0): boolean {
		return this.kind(ahead) === KIND.symbol && this.word(ahead) === symbol;
	}

	isAnyWordAt(ahead: number, ...words: readonly string[]): boolean {
		return this.kind(ahead) === KIND.word && words.includes(this.word(ahead));
	}

	/** Takes these words in a row, or none of them. */
	take(...words: readonly string[]): boolean {
		for (let ahead = 0; ahead < words.length; ahead++) if (!this.isWord(words[ahead] as string, ahead)) return false;
		this.at += words.length;
		return true;
	}

	/** Takes one of these words; undefined: none is next. */
	takeAny(...words: readonly string[]): string | undefined {
		if (this.kind() !== KIND.word || !words.includes(this.word())) return undefined;
		this.at += 1;
		return this.word(-1);
	}

	expect(...words: readonly string[]): void {
		for (const word of words) if (!this.take(word)) throw this.fail();
	}

	takeSymbol(symbol: string): boolean {
		if (!this.isSymbol(symbol)) return false;
		this.at += 1;
		return true;
	}

	expectSymbol(symbol: string): void {
		if (!this.takeSymbol(symbol)) throw this.fail();
	}

	list<Item>(item: () => Item): Item[] {
		const items = [item()];
		while (this.takeSymbol(",")) items.push(item());
		return items;
	}

	/** `( … )` */
	inBrackets<Item>(inner: () => Item): Item {
		this.expectSymbol("(");
		const item = inner();
		this.expectSymbol(")");
		return item;
	}

	/** The bracket at that place: the token that closes it, and whether it holds a comma of its own. */
	bracket(ahead: number): { readonly close: number; readonly hasComma: boolean } {
		this.#brackets ??= bracketsOf(this.tokens);
		const open = this.at + ahead;
		return { close: this.#brackets.closes[open] as number, hasComma: this.#brackets.commas[open] === 1 };
	}

	// ---- names ----------------------------------------------------------------------------------------------------

	isReserved(word: string): boolean {
		return this.#reserved.has(word);
	}

	isName(ahead = 0): boolean {
		const kind = this.kind(ahead);
		if (kind === KIND.name) return true;
		if (kind === KIND.word) return !this.#reserved.has(this.word(ahead));
		return false;
	}

	/** A name, or a word that is one behind a dot. */
	isNameOrWord(ahead = 0): boolean {
		const kind = this.kind(ahead);
		return kind === KIND.name || kind === KIND.word;
	}

	/** A word that could be a name and begins a clause here, so that it is no alias. */
	isClauseWord(): boolean {
		if (this.kind() !== KIND.word) return false;
		switch (this.word()) {
			case "WINDOW":
				return this.isWord("AS", 2);
			case "RETURNING":
			case "EXCEPT":
			case "INTERSECT":
			case "OFFSET":
				return true;
			default:
				return false;
		}
	}

	/** A name as written, without its quotes. `any`: behind a dot, where reserved words are names as well. */
	name(any = false): string {
		// Behind a dot that touches it a word is no keyword, and is no `word` token either.
		const isAny = any && this.kind() === KIND.word && !this.isSymbol(".", -1);
		if (!this.isName() && !isAny) throw this.fail();
		const raw = this.raw();
		this.at += 1;
		const quote = raw.charAt(0);
		const plain =
			(quote === "`" || quote === '"') && raw.length > 1 ? raw.slice(1, -1).replaceAll(quote + quote, quote) : raw;
		return this.#checkedName(plain);
	}

	/** Names whose comparison by the server is certain: it trims, cuts and folds some, or converts their bytes. */
	#checkedName(bytes: string): string {
		if (!isTrimmed(bytes) || bytes.length > NAME_BYTES_MAX) {
			throw this.refuse("a name that servers do not keep as it is", -1);
		}
		if (isAscii(bytes)) return bytes;
		const name = this.decode(bytes);
		if (this.reading.encoding !== "utf8" || !foldsAlike(name)) {
			throw this.refuse("a name in letters of which servers differ in upper and lower case", -1);
		}
		return name;
	}

	/** A column, function or label: compared without case. */
	columnName(any = false): string {
		return foldName(this.name(any));
	}

	/** A database, table or alias of one. */
	tableName(any = false): string {
		return foldTable(this.server, this.name(any));
	}

	/** Bytes as text. */
	decode(bytes: string): string {
		return this.reading.encoding === "utf8" ? utf8Text(bytes) : bytes;
	}

	/** The text between two places as it goes upstream. */
	written(start: number, end: number): string {
		const { edits } = this.tokens;
		const text = this.text.slice(start, end);
		let at = firstFrom(edits, start);
		const within: Edit[] = [];
		for (let edit = edits[at]; edit !== undefined && edit.end <= end; edit = edits[++at]) {
			within.push({ start: edit.start - start, end: edit.end - start, text: edit.text });
		}
		return canonicalText(text, within) ?? text;
	}

	/** The value of a string token, of which each byte is a character. Several in a row are one string, unless `one`. */
	string(one = false): string {
		let value = "";
		if (this.kind() !== KIND.text) throw this.fail();
		do {
			value += this.#unquoted(this.raw());
			this.at += 1;
		} while (!one && this.kind() === KIND.text && QUOTES.has(this.text.charCodeAt(this.position())));
		return this.decode(value);
	}

	#unquoted(raw: string): string {
		const from = raw.charAt(0) === "'" || raw.charAt(0) === '"' ? 0 : 1;
		const quote = raw.charAt(from);
		const inner = raw.slice(from + 1, -1);
		if (this.reading.noBackslashEscapes) return inner.replaceAll(quote + quote, quote);
		return inner.replace(/\\([\s\S])|''|""/g, (found, escaped: string | undefined) => {
			if (escaped !== undefined) return ESCAPES.get(escaped) ?? escaped;
			return found.charAt(0) === quote ? quote : found;
		});
	}

	/** `@name`, `@'name'`: lower-cased, as user variables compare. */
	variableName(): string {
		const raw = this.raw().slice(1);
		this.at += 1;
		const quote = raw.charAt(0);
		const isQuoted = quote === "'" || quote === '"' || quote === "`";
		const name = quote === "`" ? raw.slice(1, -1).replaceAll("``", "`") : isQuoted ? this.#unquoted(raw) : raw;
		return foldName(this.decode(name));
	}

	/** Whether a word and the bracket behind it make one of those calls for which they must touch. */
	touches(): boolean {
		if (!TOUCHING_FUNCTIONS.has(this.word())) return true;
		if (this.reading.ignoreSpace) return true;
		return this.tokens.ends[this.at] === this.tokens.starts[this.at + 1];
	}
}
