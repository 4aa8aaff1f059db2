/**
 * Texts as they are compared, and terms as the index is asked for them.
 *
 * The index holds trigrams (SQLite: FTS5, "The Trigram Tokenizer"): every three characters in a row of a text. They find
 * parts of names, numbers and strings, whatever stands around them, as SQL needs it. A term becomes the trigrams that it
 * holds, each quoted, so that nothing of it is query syntax; what they find is then looked at itself.
 */

/** Trigrams asked for, spread over the term: each costs a walk through its list, and a few narrow enough. */
const ASKED_TRIGRAMS = 8;

/** One text as all are compared: composed, without case, runs of white space as one space. */
export function fold(text: string): string {
	const whole = /\p{Cs}/u.test(text) ? Buffer.from(text, "utf8").toString("utf8") : text;
	/* The two small sigmas are one letter; a NUL would end the text for SQLite. */
	return whole.normalize("NFC").toLowerCase().replaceAll("ς", "σ").replaceAll("\0", "\ufffd").replace(/\s+/g, " ");
}

/** Terms as they are looked for in folded texts. */
export function foldTerms(terms: readonly string[]): string[] {
	return terms.map((term) => fold(term).trim());
}

/** Whether each term is in a statement's folded text or in its folded parameters. */
export function holdsAll(sql: string, parameters: string, terms: readonly string[]): boolean {
	return terms.every((term) => sql.includes(term) || parameters.includes(term));
}

/** Between the values of a statement's parameters, so that no term reaches over two of them. */
const SEPARATOR = "\u001f";

export function foldValues(values: readonly (string | null)[]): string {
	return values.map((value) => (value === null ? "" : fold(value))).join(SEPARATOR);
}

/** The query for texts that may hold a folded term; undefined when it is too short for one. */
export function matchExpression(term: string): string | undefined {
	const characters = [...term];
	const last = characters.length - 3;
	if (last < 0) return undefined;
	const trigrams = new Set<string>();
	const every = Math.max(1, Math.ceil((last + 1) / ASKED_TRIGRAMS));
	for (let at = 0; at <= last; at += every) trigrams.add(characters.slice(at, at + 3).join(""));
	trigrams.add(characters.slice(last).join(""));
	return [...trigrams].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ");
}
