/**
 * Names inside strings, as the server reads them: `'app."Seq"'::regclass`, `set_config('search_path', …)`.
 *
 * Specification: PostgreSQL src/backend/utils/adt/varlena.c, SplitIdentifierString and textToQualifiedNameList:
 * unquoted parts fold to lower case (ASCII letters only; others depend on the server's locale and are refused).
 */
import { unsupported } from "../unreadable.js";

/** Longest name, in bytes: the server cuts what is longer, without a word. */
export const NAME_BYTES = 63;

export interface WrittenName {
	readonly text: string;
	readonly isQuoted: boolean;
}

/**
 * What the server passes over around a name is space, tab, newline, return and form feed (scansup.c, scanner_isspace), and
 * from PostgreSQL 16 on the vertical tab, which is refused. A space of any other alphabet is a letter to it, unlike to
 * `\s`: it would make one name out of what seems to be two, and takes quotes that stand behind it for letters too.
 */
const PATTERNS = {
	".": /[ \t\n\r\f]*(?:"((?:[^"]|"")*)"|([^". \t\n\r\f][^. \t\n\r\f]*))[ \t\n\r\f]*(\.|$)/,
	",": /[ \t\n\r\f]*(?:"((?:[^"]|"")*)"|([^", \t\n\r\f][^, \t\n\r\f]*))[ \t\n\r\f]*(,|$)/,
} as const;

const VERTICAL_TAB = "\v";

/** The names as they are written, not folded; undefined where the server, or one of its versions, would reject the text. */
export function writtenNames(text: string, separator: keyof typeof PATTERNS): readonly WrittenName[] | undefined {
	const names: WrittenName[] = [];
	const pattern = new RegExp(PATTERNS[separator], "y");
	for (;;) {
		const match = pattern.exec(text);
		if (match === null) return undefined;
		const [, quoted, plain = "", end] = match;
		if (plain.includes(VERTICAL_TAB)) return undefined;
		names.push(
			quoted === undefined ? { text: plain, isQuoted: false } : { text: quoted.replaceAll('""', '"'), isQuoted: true },
		);
		if (end === "") return names;
	}
}

/** Of a list with nothing in it. */
export function isBlank(text: string): boolean {
	return /^[ \t\n\r\f]*$/.test(text);
}

function split(text: string, separator: keyof typeof PATTERNS): string[] | undefined {
	return writtenNames(text, separator)?.map((written) => {
		if (!written.isQuoted && /[^\x20-\x7e]/.test(written.text)) {
			throw unsupported("an unquoted name in a string has letters outside ASCII");
		}
		const name = written.isQuoted ? written.text : written.text.toLowerCase();
		if (Buffer.byteLength(name) > NAME_BYTES) throw unsupported("a name in a string is too long");
		return name;
	});
}

/** The parts of a qualified name. */
export function nameParts(text: string): readonly string[] {
	const parts = split(text, ".");
	if (parts === undefined) throw unsupported("a name in a string cannot be read");
	return parts;
}

/** The entries of a list of names; an empty text is an empty list. */
export function nameList(text: string): readonly string[] {
	if (isBlank(text)) return [];
	const names = split(text, ",");
	if (names === undefined) throw unsupported("a list of names in a string cannot be read");
	return names;
}
