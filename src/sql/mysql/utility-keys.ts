/**
 * Keys, indexes and constraints, of columns and of tables. MySQL: manual, "CREATE TABLE Statement", "CREATE INDEX
 * Statement".
 */
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import {
	columnList,
	engineOption,
	equals,
	ifNotExists,
	integer,
	keep,
	onRelation,
	type Seen,
	tried,
} from "./utility-parts.js";

export function checkConstraint(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (cursor.take("CONSTRAINT") && !cursor.isWord("CHECK")) cursor.name();
	cursor.expect("CHECK");
	keep(
		seen,
		cursor.inBrackets(() => g.expression()),
	);
	enforcement(g);
	return true;
}

function enforcement(g: Grammar): void {
	if (g.cursor.isMariaDb) return;
	if (!g.cursor.take("ENFORCED")) g.cursor.take("NOT", "ENFORCED");
}

/** `REFERENCES t [(columns)] [MATCH …] [ON …]` */
export function references(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	cursor.expect("REFERENCES");
	const path = relationPath(cursor);
	if (cursor.isSymbol("(")) cursor.inBrackets(() => cursor.list(() => cursor.name()));
	if (cursor.take("MATCH") && cursor.takeAny("FULL", "PARTIAL", "SIMPLE") === undefined) throw cursor.fail();
	const events = new Set<string>();
	while (cursor.take("ON")) {
		const event = cursor.takeAny("DELETE", "UPDATE");
		if (event === undefined || events.has(event)) throw cursor.fail();
		events.add(event);
		const known =
			cursor.takeAny("RESTRICT", "CASCADE") !== undefined ||
			cursor.take("SET", "NULL") ||
			cursor.take("SET", "DEFAULT") ||
			cursor.take("NO", "ACTION");
		if (!known) throw cursor.fail();
	}
	seen.deeds.push(onRelation("alter", path, true));
}

/** A key or constraint of a table; false when none is next. */
export function tableConstraint(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	const at = cursor.at;
	if (cursor.take("CONSTRAINT")) {
		ifNotExists(cursor);
		if (!cursor.isAnyWord("PRIMARY", "UNIQUE", "FOREIGN", "CHECK")) cursor.name();
	}
	const hasConstraint = cursor.at > at;
	if (cursor.take("PRIMARY", "KEY")) {
		indexNameAndType(g);
		keyParts(g, seen, true);
		indexOptions(g);
		return true;
	}
	if (cursor.take("UNIQUE")) {
		cursor.takeAny("INDEX", "KEY");
		indexNameAndType(g);
		keyParts(g, seen, true);
		indexOptions(g);
		return true;
	}
	if (cursor.take("FOREIGN", "KEY")) {
		ifNotExists(cursor);
		if (cursor.isName()) cursor.name();
		for (const name of columnList(g)) tried(seen, name);
		references(g, seen);
		return true;
	}
	if (cursor.isWord("CHECK")) return checkConstraint(g, seen);
	if (hasConstraint) throw cursor.fail();
	return plainKey(g, seen);
}

function plainKey(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (
		cursor.isAnyWord("FULLTEXT", "SPATIAL", "VECTOR") &&
		!(cursor.isWord("VECTOR") && !cursor.isAnyWordAt(1, "INDEX", "KEY"))
	) {
		const isTyped = cursor.isWord("VECTOR");
		cursor.at += 1;
		cursor.takeAny("INDEX", "KEY");
		if (!isTyped) {
			ifNotExists(cursor);
			if (cursor.isName()) cursor.name();
			keyParts(g, seen);
			indexOptions(g);
			return true;
		}
	} else if (cursor.takeAny("INDEX", "KEY") === undefined) return false;
	indexNameAndType(g);
	keyParts(g, seen);
	indexOptions(g);
	return true;
}

/** `[IF NOT EXISTS] [name] [USING type]` */
function indexNameAndType(g: Grammar): void {
	const { cursor } = g;
	ifNotExists(cursor);
	if (cursor.isName()) cursor.name();
	indexType(g);
}

export function indexType(g: Grammar): boolean {
	const { cursor } = g;
	if (cursor.takeAny("USING", "TYPE") === undefined) return false;
	if (cursor.takeAny("BTREE", "HASH", "RTREE") === undefined) throw cursor.fail();
	return true;
}

/** `(column [(length)] [ASC | DESC] | (expression) …)` */
export function keyParts(g: Grammar, seen: Seen, isUnique = false): void {
	const { cursor } = g;
	cursor.inBrackets(() =>
		cursor.list(() => {
			if (!cursor.isMariaDb && cursor.isSymbol("("))
				keep(
					seen,
					cursor.inBrackets(() => g.expression()),
				);
			else {
				const name = cursor.name();
				// Whether it can be made tells whether a value is there twice, and the error says which.
				if (isUnique) tried(seen, name);
				if (cursor.isSymbol("(")) cursor.inBrackets(() => integer(cursor));
				if (cursor.isMariaDb && isUnique && cursor.take("WITHOUT", "OVERLAPS")) {
					// It stands last.
					if (!cursor.isSymbol(")")) throw cursor.fail();
				}
			}
			cursor.takeAny("ASC", "DESC");
		}),
	);
}

export function indexOptions(g: Grammar): void {
	const { cursor } = g;
	for (;;) {
		if (indexType(g)) continue;
		if (cursor.take("KEY_BLOCK_SIZE")) {
			equals(cursor);
			integer(cursor);
		} else if (cursor.take("COMMENT")) cursor.string();
		else if (cursor.take("WITH", "PARSER")) cursor.name();
		else if (cursor.takeAny("ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE") !== undefined) {
			equals(cursor);
			cursor.string();
		} else if (!cursor.isMariaDb && cursor.takeAny("VISIBLE", "INVISIBLE") !== undefined) continue;
		else if (cursor.isMariaDb && (cursor.take("IGNORED") || cursor.take("NOT", "IGNORED"))) continue;
		else if (!(cursor.isMariaDb && engineOption(g))) return;
	}
}
