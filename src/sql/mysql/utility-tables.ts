/**
 * CREATE, ALTER, DROP, RENAME and TRUNCATE of tables, indexes, views and sequences. MySQL: manual, "Data Definition
 * Statements"; MariaDB: "ALTER TABLE", "CREATE SEQUENCE".
 */
import type { RelationPath } from "../query.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { collation, startsQuery } from "./terms.js";
import { KIND } from "./tokens.js";
import {
	column,
	columnBody,
	columnName,
	defaultValue,
	indexOptions,
	indexType,
	keyParts,
	partitionBy,
	partitionList,
	position,
	type Seen,
	tableConstraint,
	tableOption,
	tableOptions,
} from "./utility-columns.js";
import {
	definition,
	equals,
	ifExists,
	ifNotExists,
	integer,
	madePath,
	number,
	onRelation,
	paths,
} from "./utility-parts.js";
import { lockWait } from "./utility-session.js";

/** What stood between CREATE and the kind of thing. */
export interface Created {
	readonly replaces: boolean;
	readonly temporary: boolean;
}

const STANDS_IN: Deed = { kind: "refused", why: "temporary tables would stand in for others of their name" };

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

function element(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("PERIOD", "FOR")) {
		cursor.name();
		cursor.inBrackets(() => cursor.list(() => cursor.name()));
		return;
	}
	if (!tableConstraint(g, seen)) column(g, seen);
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

// ---- ALTER TABLE --------------------------------------------------------------------------------------------------

/** Behind ALTER [ONLINE] [IGNORE] TABLE. */
export function alterTable(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const missing = cursor.isMariaDb && ifExists(cursor);
	const path = relationPath(cursor);
	if (cursor.isMariaDb) lockWait(g);
	const seen: Seen = { deeds: [onRelation("alter", path, missing)], over: path };
	if (!cursor.isEnd && !cursor.isWord("PARTITION")) cursor.list(() => alteration(g, seen, path));
	if (cursor.isWord("PARTITION") && cursor.isWord("BY", 1)) partitionBy(g, seen);
	else if (cursor.take("REMOVE")) cursor.expect("PARTITIONING");
	return definition("ALTER TABLE", "alter", seen.deeds);
}

function alteration(g: Grammar, seen: Seen, path: RelationPath): void {
	const { cursor } = g;
	const word = cursor.word();
	switch (word) {
		case "ADD":
			cursor.at += 1;
			added(g, seen);
			return;
		case "DROP":
			cursor.at += 1;
			dropped(g, seen);
			return;
		case "MODIFY":
			cursor.at += 1;
			cursor.take("COLUMN");
			if (cursor.isMariaDb) ifExists(cursor);
			column(g, seen);
			position(g);
			return;
		case "CHANGE":
			cursor.at += 1;
			cursor.take("COLUMN");
			if (cursor.isMariaDb) ifExists(cursor);
			columnName(g);
			columnName(g);
			columnBody(g, seen);
			position(g);
			return;
		case "ALTER":
			cursor.at += 1;
			altered(g, seen);
			return;
		case "RENAME":
			cursor.at += 1;
			renamed(g, seen, path);
			return;
		case "CONVERT":
			cursor.at += 1;
			converted(g, seen);
			return;
		case "ENABLE":
		case "DISABLE":
			cursor.at += 1;
			cursor.expect("KEYS");
			return;
		case "ORDER":
			cursor.expect("ORDER", "BY");
			cursor.list(() => {
				columnName(g);
				cursor.takeAny("ASC", "DESC");
			});
			return;
		case "DISCARD":
		case "IMPORT":
			cursor.at += 1;
			if (cursor.take("PARTITION")) partitionNames(g);
			cursor.expect("TABLESPACE");
			return;
		case "FORCE":
			cursor.at += 1;
			return;
		case "ALGORITHM":
		case "LOCK":
			cursor.at += 1;
			equals(cursor);
			if (!cursor.take("DEFAULT")) cursor.name();
			return;
		case "WITH":
		case "WITHOUT":
			cursor.at += 1;
			if (cursor.isMariaDb && cursor.take("SYSTEM", "VERSIONING")) return;
			cursor.expect("VALIDATION");
			return;
		case "SECONDARY_LOAD":
		case "SECONDARY_UNLOAD":
			cursor.at += 1;
			return;
		default:
			partitionChange(g, seen);
			return;
	}
}

function added(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.take("PARTITION")) {
		ifNotExists(cursor);
		cursor.takeAny("NO_WRITE_TO_BINLOG", "LOCAL");
		if (cursor.take("PARTITIONS")) integer(cursor);
		else partitionList(g, seen);
		return;
	}
	if (cursor.isMariaDb && cursor.take("PERIOD", "FOR")) {
		ifNotExists(cursor);
		cursor.name();
		cursor.inBrackets(() => cursor.list(() => cursor.name()));
		return;
	}
	if (cursor.isMariaDb && cursor.take("SYSTEM", "VERSIONING")) return;
	if (!cursor.isWord("COLUMN") && tableConstraint(g, seen)) return;
	cursor.take("COLUMN");
	if (cursor.isMariaDb) ifNotExists(cursor);
	if (cursor.isSymbol("(")) cursor.inBrackets(() => cursor.list(() => element(g, seen)));
	else {
		column(g, seen);
		position(g);
	}
}

function dropped(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.take("PRIMARY", "KEY")) return;
	if (cursor.isMariaDb && cursor.take("SYSTEM", "VERSIONING")) return;
	if (cursor.take("PARTITION")) {
		ifExists(cursor);
		const { over } = seen;
		if (over !== undefined) seen.deeds.push(onRelation("truncate", over, true));
		partitionNames(g);
		return;
	}
	if (cursor.isMariaDb && cursor.take("PERIOD", "FOR")) {
		ifExists(cursor);
		cursor.name();
		return;
	}
	if (cursor.take("FOREIGN")) cursor.expect("KEY");
	else cursor.takeAny("COLUMN", "INDEX", "KEY", "CONSTRAINT", "CHECK");
	if (cursor.isMariaDb) ifExists(cursor);
	cursor.name();
	cursor.takeAny("RESTRICT", "CASCADE");
}

function altered(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	const kind = cursor.takeAny("INDEX", "KEY", "CHECK", "CONSTRAINT");
	if (kind === undefined) cursor.take("COLUMN");
	if (cursor.isMariaDb) ifExists(cursor);
	cursor.name();
	if (kind !== undefined) {
		const known =
			cursor.takeAny("VISIBLE", "INVISIBLE", "IGNORED", "ENFORCED") !== undefined ||
			cursor.take("NOT", "ENFORCED") ||
			cursor.take("NOT", "IGNORED");
		if (!known) throw cursor.fail();
		return;
	}
	if (cursor.take("DROP", "DEFAULT") || (cursor.take("SET") && cursor.takeAny("VISIBLE", "INVISIBLE"))) return;
	cursor.expect("DEFAULT");
	defaultValue(g, seen);
}

function renamed(g: Grammar, seen: Seen, path: RelationPath): void {
	const { cursor } = g;
	const what = cursor.takeAny("COLUMN", "INDEX", "KEY");
	if (what !== undefined) {
		if (cursor.isMariaDb) ifExists(cursor);
		cursor.name();
		cursor.expect("TO");
		cursor.name();
		return;
	}
	if (cursor.takeAny("TO", "AS") === undefined) cursor.takeSymbol("=");
	const to = relationPath(cursor);
	seen.deeds.push({ kind: "created", path: to }, onRelation("drop", path, true));
}

function converted(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("PARTITION")) {
		cursor.name();
		cursor.expect("TO", "TABLE");
		seen.deeds.push({ kind: "created", path: relationPath(cursor) });
		return;
	}
	if (cursor.isMariaDb && cursor.take("TABLE")) {
		seen.deeds.push(onRelation("alter", relationPath(cursor)));
		cursor.expect("TO", "PARTITION");
		cursor.name();
		if (cursor.take("VALUES")) throw cursor.refuse("CONVERT TABLE with values");
		return;
	}
	cursor.expect("TO");
	if (!cursor.take("CHARACTER", "SET") && !cursor.take("CHARSET")) throw cursor.fail();
	if (!cursor.take("DEFAULT")) collation(cursor);
	if (cursor.take("COLLATE")) collation(cursor);
}

function partitionNames(g: Grammar): void {
	const { cursor } = g;
	if (!cursor.take("ALL")) cursor.list(() => cursor.name());
}

/** TRUNCATE, COALESCE, REORGANIZE, EXCHANGE … PARTITION; or an option of the table. */
function partitionChange(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	const { over } = seen;
	if (cursor.isWord("PARTITION", 1)) {
		const word = cursor.word();
		switch (word) {
			case "TRUNCATE":
				cursor.at += 2;
				if (over !== undefined) seen.deeds.push(onRelation("truncate", over, true));
				partitionNames(g);
				return;
			case "COALESCE":
				cursor.at += 2;
				cursor.takeAny("NO_WRITE_TO_BINLOG", "LOCAL");
				integer(cursor);
				return;
			case "REORGANIZE":
				cursor.at += 2;
				cursor.takeAny("NO_WRITE_TO_BINLOG", "LOCAL");
				if (cursor.isEnd) return;
				cursor.list(() => cursor.name());
				cursor.expect("INTO");
				partitionList(g, seen);
				return;
			case "EXCHANGE":
				cursor.at += 2;
				cursor.name();
				cursor.expect("WITH", "TABLE");
				seen.deeds.push(onRelation("alter", relationPath(cursor)));
				if (cursor.takeAny("WITH", "WITHOUT") !== undefined) cursor.expect("VALIDATION");
				return;
			case "ANALYZE":
			case "CHECK":
			case "OPTIMIZE":
			case "REBUILD":
			case "REPAIR":
				cursor.at += 2;
				cursor.takeAny("NO_WRITE_TO_BINLOG", "LOCAL");
				partitionNames(g);
				if (word !== "CHECK" && word !== "REPAIR") return;
				while (cursor.takeAny("QUICK", "FAST", "MEDIUM", "EXTENDED", "CHANGED", "USE_FRM") !== undefined);
				if (cursor.take("FOR")) cursor.expect("UPGRADE");
				return;
		}
	}
	if (cursor.take("REMOVE")) {
		cursor.expect("PARTITIONING");
		return;
	}
	if (cursor.isWord("PARTITION") && cursor.isWord("BY", 1)) {
		partitionBy(g, seen);
		return;
	}
	if (!tableOption(g, seen)) throw cursor.fail();
	while (tableOption(g, seen));
	if (cursor.isWord("PARTITION") && cursor.isWord("BY", 1)) partitionBy(g, seen);
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
	const made = new Set<string>();
	cursor.list(() => {
		const from = relationPath(cursor);
		if (cursor.isMariaDb) lockWait(g);
		cursor.expect("TO");
		const to = relationPath(cursor);
		// What an earlier step made is not there yet.
		const isMade = made.has(`${from.schema ?? ""}\0${from.name}`);
		list.push(onRelation("alter", from, isMade), { kind: "created", path: to });
		made.add(`${to.schema ?? ""}\0${to.name}`);
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

// ---- views --------------------------------------------------------------------------------------------------------

/** Behind CREATE … VIEW and ALTER … VIEW. */
export function view(g: Grammar, how: Created | "altered"): MysqlStatement {
	const { cursor } = g;
	if (how !== "altered") {
		if (ifNotExists(cursor) && how.replaces) throw cursor.fail(undefined, -1);
	} else if (cursor.isMariaDb) ifExists(cursor);
	const path = relationPath(cursor);
	if (cursor.isSymbol("(") && !startsQuery(cursor)) cursor.inBrackets(() => cursor.list(() => cursor.columnName()));
	cursor.expect("AS");
	const query = g.query();
	if (g.into !== undefined) throw cursor.fail("a view holds no INTO");
	if (cursor.take("WITH")) {
		cursor.takeAny("CASCADED", "LOCAL");
		cursor.expect("CHECK", "OPTION");
	}
	const made: Deed[] =
		how === "altered"
			? [onRelation("alter", path, true), { kind: "created", path, replaces: true }]
			: [{ kind: "created", path, replaces: how.replaces }];
	const command = how === "altered" ? "alter" : "create";
	return definition(how === "altered" ? "ALTER VIEW" : "CREATE VIEW", command, [...made, { kind: "copies", query }]);
}

// ---- sequences (MariaDB) ------------------------------------------------------------------------------------------

/** Behind CREATE … SEQUENCE. */
export function createSequence(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = relationPath(cursor);
	const seen: Seen = { deeds: [{ kind: "created", path, replaces: how.replaces }] };
	if (how.temporary) seen.deeds.push(STANDS_IN);
	sequenceOptions(g);
	tableOptions(g, seen);
	return definition("CREATE SEQUENCE", "create", seen.deeds);
}

export function alterSequence(g: Grammar): MysqlStatement {
	const missing = ifExists(g.cursor);
	const path = relationPath(g.cursor);
	sequenceOptions(g);
	return definition("ALTER SEQUENCE", "alter", [onRelation("alter", path, missing)]);
}

function sequenceOptions(g: Grammar): void {
	const { cursor } = g;
	for (;;) {
		if (cursor.take("NO")) {
			if (cursor.takeAny("MINVALUE", "MAXVALUE", "CACHE", "CYCLE") === undefined) throw cursor.fail();
		} else if (cursor.takeAny("NOMINVALUE", "NOMAXVALUE", "NOCACHE", "NOCYCLE", "CYCLE") !== undefined) continue;
		else if (cursor.take("RESTART")) {
			if (cursor.takeAny("WITH") !== undefined || cursor.takeSymbol("=") || cursor.kind() === KIND.integer)
				number(cursor);
		} else if (cursor.takeAny("START", "INCREMENT", "MINVALUE", "MAXVALUE", "CACHE") !== undefined) {
			cursor.takeAny("WITH", "BY");
			equals(cursor);
			number(cursor);
		} else return;
	}
}
