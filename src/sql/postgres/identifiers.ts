/**
 * Names inside strings, as the server reads them: `'app."Seq"'::regclass`, `set_config('search_path', …)`.
 *
 * Specification: PostgreSQL src/backend/utils/adt/varlena.c, SplitIdentifierString and textToQualifiedNameList:
 * unquoted parts fold to lower case (ASCII letters only; others depend on the server's locale and are refused).
 */
import { unsupported } from "../unreadable.js";

/** Longest name, in bytes: the server cuts what is longer, without a word. */
export const NAME_BYTES = 63;

/** Splits at `separator`; undefined where the server would reject the text. */
function split(text: string, separator: "." | ","): string[] | undefined {
	const names: string[] = [];
	const pattern =
		separator === "."
			? /\s*(?:"((?:[^"]|"")*)"|([^".\s]+))\s*(\.|$)/gy
			: /\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(,|$)/gy;
	for (;;) {
		const match = pattern.exec(text);
		if (match === null) return undefined;
		const [, quoted, plain = "", end] = match;
		if (quoted === undefined && /[^\x20-\x7e]/.test(plain)) {
			throw unsupported("an unquoted name in a string has letters outside ASCII");
		}
		names.push(quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"'));
		if (Buffer.byteLength(names.at(-1) ?? "") > NAME_BYTES) throw unsupported("a name in a string is too long");
		if (end === "") return names;
	}
}

/** The parts of a qualified name. */
export function nameParts(text: string): readonly string[] {
	const parts = split(text, ".");
	if (parts === undefined) throw unsupported("a name in a string cannot be read");
	return parts;
}

/** The entries of a list of names; an empty text is an empty list. */
export function nameList(text: string): readonly string[] {
	if (text.trim() === "") return [];
	const names = split(text, ",");
	if (names === undefined) throw unsupported("a list of names in a string cannot be read");
	return names;
}
