/**
 * Select lists, and what the server calls a column of the result. MySQL: manual, "SELECT Statement", "Schema Object Names".
 */
import type { Expression, SelectItem } from "../query.js";
import { isTrimmed, trimmed } from "./characters.js";
import type { Cursor } from "./cursor.js";
import { expression } from "./expressions.js";
import { foldName } from "./flavour.js";
import type { Grammar } from "./grammar.js";
import { KIND } from "./tokens.js";

export function selectItems(g: Grammar): SelectItem[] {
	return g.cursor.list(() => selectItem(g));
}

function selectItem(g: Grammar): SelectItem {
	const { cursor } = g;
	const start = cursor.position();
	const star = starItem(cursor);
	if (star !== undefined) return { expression: star, label: "*" };
	const first = cursor.at;
	const item = expression(g);
	const { at } = cursor;
	const given = alias(cursor);
	if (given !== undefined) return { expression: item, label: foldName(given) };
	const label = foldName(labelOf(cursor, item, first, start, at));
	// The text of an expression is a name that nothing should depend on.
	return { expression: item, label, ...(item.kind === "name" ? {} : { guessed: true }) };
}

/** `*`, `t.*`, `d.t.*` */
function starItem(cursor: Cursor): Expression | undefined {
	if (cursor.takeSymbol("*")) return { kind: "name", parts: [], star: true };
	const position = cursor.position();
	let ahead = cursor.isSymbol(".") ? 1 : 0;
	while (cursor.isNameOrWord(ahead) && cursor.isSymbol(".", ahead + 1)) {
		ahead += 2;
		if (!cursor.isSymbol("*", ahead)) continue;
		cursor.takeSymbol(".");
		const parts: string[] = [];
		while (!cursor.isSymbol("*")) {
			parts.push(cursor.tableName(true));
			cursor.expectSymbol(".");
		}
		cursor.expectSymbol("*");
		return { kind: "name", parts, star: true, position };
	}
	return undefined;
}

/** `AS x`, `x`, `AS 'x'` */
function alias(cursor: Cursor): string | undefined {
	if (cursor.take("AS")) {
		return cursor.kind() === KIND.text ? aliasText(cursor) : cursor.name();
	}
	if (cursor.kind() === KIND.text) return aliasText(cursor);
	return cursor.isName() && !cursor.isClauseWord() ? cursor.name() : undefined;
}

/** One string, which servers keep as it is. */
function aliasText(cursor: Cursor): string {
	const label = cursor.string(true);
	if (!isKept(label)) throw cursor.refuse("an alias that servers do not keep as it is", -1);
	return label;
}

/** Servers trim what a column is called, and put it into their own character set. */
function isKept(label: string): boolean {
	return isTrimmed(label) && !label.includes("\ufffd");
}

/**
 * What the server calls a result column without alias. It must be exact: derived tables are reached by these names, and
 * with a wrong one a name could be taken for a column of another table.
 */
function labelOf(cursor: Cursor, item: Expression, first: number, start: number, end: number): string {
	if (item.kind === "name") return item.parts.at(-1) ?? "";
	const literal = literalLabel(cursor, item, first, end);
	return literal ?? cursor.decode(trimmed(cursor.written(start, cursor.endBefore)));
}

/**
 * A string is called by its value, and so is a literal in brackets or behind plus signs; of several strings in a row MySQL
 * takes the first.
 */
function literalLabel(cursor: Cursor, item: Expression, first: number, end: number): string | undefined {
	if (item.kind !== "constant") return undefined;
	if (item.sort === "null") return "null";
	const { kinds, texts } = cursor.tokens;
	let at = first;
	while (texts[at] === "+" || texts[at] === "(") at += 1;
	if (texts[at] === "{" && !/^(D|T|TS)$/.test(texts[at + 1] ?? "")) throw cursor.refuse("a literal without a name", -1);
	if (item.sort === "number") return at === first ? undefined : item.value;
	if (item.sort === "boolean") return cursor.isMariaDb && at !== first ? item.value : undefined;
	if (kinds[at] === KIND.charset) at += 1;
	if (item.sort !== "text" || kinds[at] !== KIND.text || at >= end) return undefined;
	const back = cursor.at;
	cursor.at = at;
	const value = cursor.string(!cursor.isMariaDb);
	cursor.at = back;
	return trimmed(value);
}
