/**
 * CREATE, DROP, RENAME and TRUNCATE of tables, and indexes by statements of their own. MySQL: manual, "Data Definition
 * Statements".
 */
import type { RelationPath } from "../query.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { startsQuery } from "./terms.js";
import { element } from "./utility-columns.js";
import { indexOptions, indexType, keyParts } from "./utility-keys.js";
import { partitionBy } from "./utility-partitions.js";
import {
	type Created,
	definition,
	equals,
	ifExists,
	ifNotExists,
	madePath,
	onRelation,
	paths,
	type Seen,
	STANDS_IN,
} from "./utility-parts.js";
import { lockWait } from "./utility-session.js";
import { tableOptions } from "./utility-table-options.js";

// ---- CREATE TABLE -------------------------------------------------------------------------------------------------

/** Behind CREATE … TABLE. */
export function createTable(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = madePath(cursor);
	const seen: Seen = { deeds: [{ kind: "created", path, replaces: how.replaces }] };
	if (how.temporary) seen.deeds.push(STANDS_IN);
	const like = likeTable(g);
	if (like !== undefined) {
		seen.deeds.push(onRelation("select", like));
		return definition("CREATE TABLE", "create", seen.deeds);
	}
	if (cursor.isSymbol("(") && !startsQuery(cursor)) cursor.inBrackets(() => cursor.list(() => element(g, seen)));
	tableOptions(g, seen);
	if (cursor.isWord("PARTITION")) partitionBy(g, seen);
	const isFilled = filling(g, seen);
	return definition(isFilled ? "CREATE TABLE AS" : "CREATE TABLE", "create", seen.deeds);
}

/** `LIKE t`, `(LIKE t)` */
function likeTable(g: Grammar): RelationPath | undefined {
	const { cursor } = g;
	if (cursor.take("LIKE")) return relationPath(cursor);
	if (!cursor.isSymbol("(") || !cursor.isWord("LIKE", 1)) return undefined;
	return cursor.inBrackets(() => {
		cursor.expect("LIKE");
		return relationPath(cursor);
	});
}

/** `[IGNORE | REPLACE] [AS] query` */
function filling(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	const word = cursor.takeAny("IGNORE", "REPLACE");
	const hasAs = cursor.take("AS");
	const isQuery = startsQuery(cursor) || cursor.isAnyWord("SELECT", "WITH", "VALUES", "TABLE") || cursor.isSymbol("(");
	if (!isQuery) {
		if (hasAs || word !== undefined) throw cursor.fail();
		return false;
	}
	seen.deeds.push({ kind: "copies", query: g.query() });
	return true;
}

// ---- DROP, RENAME, TRUNCATE ---------------------------------------------------------------------------------------

/** Behind DROP [TEMPORARY] TABLE[S] or VIEW. */
export function dropRelations(g: Grammar, tag: string, temporary: boolean): MysqlStatement {
	const { cursor } = g;
	const missing = ifExists(cursor);
	const dropped = paths(g);
	if (cursor.isMariaDb) lockWait(g);
	cursor.takeAny("RESTRICT", "CASCADE");
	// Temporary ones are the session's own.
	if (temporary) return { kind: "deeds", tag, deeds: [], writes: true, changesCatalog: true };
	return definition(
		tag,
		"drop",
		dropped.map((path) => onRelation("drop", path, missing)),
	);
}

/** Behind RENAME TABLE. */
export function renameTables(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) ifExists(cursor);
	const list: Deed[] = [];
	/** What has got another name by an earlier step, by that. It may be another of the same letters, so both are meant. */
	const made = new Map<string, RelationPath>();
	const key = ({ schema = "", name }: RelationPath) => `${schema}\0${name}`.toLowerCase();
	cursor.list(() => {
		const from = relationPath(cursor);
		if (cursor.isMariaDb) lockWait(g);
		cursor.expect("TO");
		const to = relationPath(cursor);
		// What an earlier step made is not there yet.
		const origin = made.get(key(from));
		list.push(onRelation("alter", from, origin !== undefined), { kind: "created", path: to });
		for (const path of origin === undefined ? [from] : [from, origin]) list.push({ kind: "moved", from: path, to });
		made.set(key(to), origin ?? from);
	});
	return definition("RENAME TABLE", "alter", list);
}

export function truncate(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("TRUNCATE");
	cursor.take("TABLE");
	const path = relationPath(cursor);
	if (cursor.isMariaDb) lockWait(g);
	const list = [onRelation("truncate", path)];
	return {
		kind: "deeds",
		tag: "TRUNCATE TABLE",
		command: "truncate",
		deeds: list,
		writes: true,
		changesCatalog: false,
	};
}

// ---- indexes ------------------------------------------------------------------------------------------------------

/** Behind CREATE [UNIQUE | FULLTEXT | SPATIAL] INDEX. */
export function createIndex(g: Grammar, isUnique: boolean): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) ifNotExists(cursor);
	cursor.name();
	indexType(g);
	cursor.expect("ON");
	const path = relationPath(cursor);
	const seen: Seen = { deeds: [onRelation("create", path)], over: path };
	keyParts(g, seen, isUnique);
	indexOptions(g);
	if (cursor.isMariaDb) lockWait(g);
	algorithmAndLock(g);
	return definition("CREATE INDEX", "create", seen.deeds);
}

function algorithmAndLock(g: Grammar): void {
	const { cursor } = g;
	while (cursor.takeAny("ALGORITHM", "LOCK") !== undefined) {
		equals(cursor);
		if (!cursor.take("DEFAULT")) cursor.name();
	}
}

/** Behind DROP INDEX. */
export function dropIndex(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) ifExists(cursor);
	if (!cursor.take("PRIMARY")) cursor.name();
	cursor.expect("ON");
	const path = relationPath(cursor);
	if (cursor.isMariaDb) lockWait(g);
	algorithmAndLock(g);
	return definition("DROP INDEX", "alter", [onRelation("alter", path)]);
}
