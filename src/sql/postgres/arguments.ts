/**
 * Where an argument of a call ends in a text: at the comma or bracket behind it that stands in no string, name, comment or
 * bracket of its own. Specification: PostgreSQL documentation, "Lexical Structure", standard_conforming_strings being on.
 */

/** The index of that comma or bracket; undefined where there is no argument, or its end is not found. */
export function argumentEnd(text: string, start: number): number | undefined {
	let depth = 0;
	let isEmpty = true;
	let position = start;
	while (position < text.length) {
		const character = text[position] as string;
		const next = skipped(text, position, character);
		if (next === undefined) return undefined;
		if (next > position + 1) {
			isEmpty &&= isComment(text, position);
			position = next;
			continue;
		}
		if (depth === 0 && (character === "," || character === ")")) return isEmpty ? undefined : position;
		if (character === "(" || character === "[") depth += 1;
		else if (character === ")" || character === "]") depth -= 1;
		if (!/\s/.test(character)) isEmpty = false;
		position += 1;
	}
	return undefined;
}

function isComment(text: string, position: number): boolean {
	return text.startsWith("--", position) || text.startsWith("/*", position);
}

/** Where what begins here ends: a string, quoted name, comment or single character. */
function skipped(text: string, position: number, character: string): number | undefined {
	switch (character) {
		case "'":
			return quoteEnd(text, position, "'", isEscapeString(text, position));
		case '"':
			return quoteEnd(text, position, '"', false);
		case "$":
			return dollarEnd(text, position);
		case "-":
			return text[position + 1] === "-" ? lineEnd(text, position) : position + 1;
		case "/":
			return text[position + 1] === "*" ? commentEnd(text, position) : position + 1;
		default:
			return position + 1;
	}
}

const WORD = /[A-Za-z0-9_$\u0080-\uffff]/;

/** E'…' */
function isEscapeString(text: string, position: number): boolean {
	return /[eE]/.test(text[position - 1] ?? "") && !WORD.test(text[position - 2] ?? "");
}

function quoteEnd(text: string, start: number, quote: string, escapes: boolean): number | undefined {
	for (let position = start + 1; position < text.length; position++) {
		if (escapes && text[position] === "\\") position += 1;
		else if (text[position] === quote) {
			if (text[position + 1] !== quote) return position + 1;
			position += 1;
		}
	}
	return undefined;
}

const TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** $$…$$; elsewhere a dollar is part of a name or parameter. */
function dollarEnd(text: string, position: number): number | undefined {
	if (WORD.test(text[position - 1] ?? "")) return position + 1;
	TAG.lastIndex = position;
	const [tag] = TAG.exec(text) ?? [];
	if (tag === undefined) return position + 1;
	const end = text.indexOf(tag, position + tag.length);
	return end === -1 ? undefined : end + tag.length;
}

function lineEnd(text: string, position: number): number {
	const rest = text.slice(position);
	const end = rest.search(/[\n\r]/);
	return end === -1 ? text.length : position + end + 1;
}

/** Comments nest. */
function commentEnd(text: string, start: number): number | undefined {
	let depth = 0;
	for (let position = start; position < text.length; position++) {
		if (text.startsWith("/*", position)) {
			depth += 1;
			position += 1;
		} else if (text.startsWith("*/", position)) {
			depth -= 1;
			position += 1;
			if (depth === 0) return position + 1;
		}
	}
	return undefined;
}
