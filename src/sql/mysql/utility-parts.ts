/** What the statements beside queries share: accounts, IF EXISTS, options, and how their deeds are put together. */
import type { Command } from "../facts.js";
import type { Expression, RelationPath } from "../query.js";
import type { Deed, DeedsStatement } from "./ast.js";
import type { Cursor } from "./cursor.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";
import { TOUCHING_FUNCTIONS } from "./words.js";

type Extra = Partial<Pick<DeedsStatement, "command" | "writes" | "changesCatalog" | "answers">>;

/** A statement that changes something. */
export function deeds(tag: string, list: readonly Deed[], extra: Extra = {}): DeedsStatement {
	return { kind: "deeds", tag, deeds: list, writes: true, changesCatalog: false, ...extra };
}

/** A statement that changes definitions. */
export function definition(tag: string, command: Command, list: readonly Deed[]): DeedsStatement {
	return deeds(tag, list, { command, changesCatalog: true });
}

/** A statement about the server, which no facts describe. */
export function refused(tag: string, why: string): DeedsStatement {
	return deeds(tag, [{ kind: "refused", why }]);
}

export function globalDeed(command: Command, name: string): Deed {
	return { kind: "global", command, name };
}

export function onRelation(command: Command, path: RelationPath, ifExists = false): Deed {
	return { kind: "relation", command, path, ifExists };
}

/** MySQL 8.4 knows the older words of replication (MASTER, SLAVE) no more. */
export function takeOldWord(cursor: Cursor, ...words: readonly string[]): boolean {
	const isKnown = cursor.isMariaDb || cursor.server.version < 80_400;
	return isKnown && cursor.take(...words);
}

// ---- small parts --------------------------------------------------------------------------------------------------

export function ifExists(cursor: Cursor): boolean {
	return cursor.take("IF", "EXISTS");
}

export function ifNotExists(cursor: Cursor): boolean {
	return cursor.take("IF", "NOT", "EXISTS");
}

/** `=` that may be left out. */
export function equals(cursor: Cursor): void {
	if (!cursor.takeSymbol("=")) cursor.takeSymbol(":=");
}

export function integer(cursor: Cursor): number {
	if (cursor.kind() !== KIND.integer) throw cursor.fail();
	const value = Number(cursor.raw());
	cursor.at += 1;
	return value;
}

/** A number, with a sign before it. */
export function number(cursor: Cursor): void {
	if (!cursor.takeSymbol("-")) cursor.takeSymbol("+");
	const kind = cursor.kind();
	if (kind !== KIND.integer && kind !== KIND.decimal && kind !== KIND.bits) throw cursor.fail();
	cursor.at += 1;
}

/** A size: a number, or a word that begins with one (`16M`). */
export function size(cursor: Cursor): void {
	if (cursor.kind() === KIND.integer || cursor.kind() === KIND.bits) {
		cursor.at += 1;
		return;
	}
	if (!/^[0-9]+[KMG]$/i.test(cursor.raw())) throw cursor.fail();
	cursor.at += 1;
}

/** A name or a text. */
export function nameOrText(cursor: Cursor): string {
	return cursor.kind() === KIND.text ? cursor.string() : cursor.name();
}

/** `user`, `'user'@'host'`, CURRENT_USER; as `user@host`. */
export function account(cursor: Cursor): string {
	if (cursor.take("CURRENT_USER")) {
		if (cursor.takeSymbol("(")) cursor.expectSymbol(")");
		return "current_user";
	}
	if (cursor.isMariaDb && cursor.takeAny("CURRENT_ROLE", "PUBLIC") !== undefined) {
		const word = cursor.word(-1).toLowerCase();
		if (word === "current_role" && cursor.takeSymbol("(")) cursor.expectSymbol(")");
		return word;
	}
	const user = nameOrText(cursor);
	if (cursor.kind() !== KIND.variable) return user;
	return `${user}@${cursor.variableName()}`;
}

/**
 * A name of what comes into being. A word that is a function where a bracket touches it, or under IGNORE_SPACE follows it,
 * is none; here it has to be quoted in either case.
 */
export function madePath(cursor: Cursor): RelationPath {
	if (cursor.kind() === KIND.word && cursor.isSymbol("(", 1) && TOUCHING_FUNCTIONS.has(cursor.word())) {
		throw cursor.fail();
	}
	return relationPath(cursor);
}

export function definer(cursor: Cursor): void {
	if (!cursor.take("DEFINER")) return;
	cursor.expectSymbol("=");
	account(cursor);
}

export function defaultCharset(cursor: Cursor): boolean {
	const at = cursor.at;
	cursor.take("DEFAULT");
	if (
		cursor.take("CHARACTER", "SET") ||
		cursor.take("CHARSET") ||
		cursor.take("CHAR", "SET") ||
		cursor.take("COLLATE")
	) {
		equals(cursor);
		if (!cursor.isMariaDb && cursor.isWord("DEFAULT")) throw cursor.fail();
		collation(cursor);
		return true;
	}
	cursor.at = at;
	return false;
}

export function paths(g: Grammar): RelationPath[] {
	return g.cursor.list(() => relationPath(g.cursor));
}

/** Options in any order, each read by its word; the words of an entry are taken in a row. */
export function options(cursor: Cursor, readers: Readonly<Record<string, () => void>>): boolean {
	let found = false;
	for (;;) {
		const entry = Object.entries(readers).find(([words]) => cursor.take(...words.split(" ")));
		if (entry === undefined) return found;
		entry[1]();
		found = true;
	}
}

/** What a definition was seen to do. */
export interface Seen {
	readonly deeds: Deed[];
	/** The table that is defined, where it exists already. */
	readonly over?: RelationPath;
}

export function keep(seen: Seen, expression: Expression, use: "copy" | "derive" = "derive"): void {
	const { over } = seen;
	seen.deeds.push({ kind: "expression", expression, use, ...(over === undefined ? {} : { over }) });
}

/**
 * A column whose values decide whether a definition can be made, or in what order rows lie: the error tells, and may show one.
 * Of a table that is only being made there are none.
 */
export function tried(seen: Seen, column: string): void {
	if (seen.over !== undefined) keep(seen, { kind: "name", parts: [column.toLowerCase()], star: false });
}

/** `(a, b)` */
export function columnList(g: Grammar): readonly string[] {
	const { cursor } = g;
	return cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => cursor.name())));
}

/** MariaDB's engines have options of their own: `name = value`. */
export function engineOption(g: Grammar): boolean {
	const { cursor } = g;
	if (!cursor.isName() || !cursor.isSymbol("=", 1)) return false;
	cursor.at += 2;
	if (cursor.kind() === KIND.decimal) throw cursor.fail();
	optionValue(g);
	return true;
}

function optionValue(g: Grammar): void {
	const { cursor } = g;
	if (cursor.kind() === KIND.text) cursor.string();
	else if (cursor.isNameOrWord()) cursor.at += 1;
	else number(cursor);
}

/** What stood between CREATE and the kind of thing. */
export interface Created {
	readonly replaces: boolean;
	readonly temporary: boolean;
}

export const STANDS_IN: Deed = { kind: "refused", why: "temporary tables would stand in for others of their name" };
