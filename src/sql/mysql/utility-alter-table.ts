/** ALTER TABLE. MySQL: manual, "ALTER TABLE Statement"; MariaDB: "ALTER TABLE". */
import type { RelationPath } from "../query.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { collation } from "./terms.js";
import { column, columnBody, columnName, defaultValue, element, position } from "./utility-columns.js";
import { tableConstraint } from "./utility-keys.js";
import { partitionBy, partitionList } from "./utility-partitions.js";
import {
	columnList,
	definition,
	equals,
	ifExists,
	ifNotExists,
	integer,
	onRelation,
	type Seen,
	tried,
} from "./utility-parts.js";
import { lockWait } from "./utility-session.js";
import { tableOption } from "./utility-table-options.js";

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
			tried(seen, column(g, seen));
			position(g);
			return;
		case "CHANGE":
			cursor.at += 1;
			cursor.take("COLUMN");
			if (cursor.isMariaDb) ifExists(cursor);
			tried(seen, columnName(g));
			columnName(g);
			seen.deeds.push({ kind: "moved", from: path, to: path });
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
				tried(seen, columnName(g));
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
		for (const name of columnList(g)) tried(seen, name);
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
		if (what === "COLUMN") seen.deeds.push({ kind: "moved", from: path, to: path });
		return;
	}
	if (cursor.takeAny("TO", "AS") === undefined) cursor.takeSymbol("=");
	const to = relationPath(cursor);
	seen.deeds.push({ kind: "created", path: to }, onRelation("drop", path, true), { kind: "moved", from: path, to });
}

function converted(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("PARTITION")) {
		cursor.name();
		cursor.expect("TO", "TABLE");
		const to = relationPath(cursor);
		seen.deeds.push({ kind: "created", path: to }, ...movedFrom(seen, to));
		return;
	}
	if (cursor.isMariaDb && cursor.take("TABLE")) {
		const from = relationPath(cursor);
		seen.deeds.push(onRelation("alter", from), ...movedInto(seen, from));
		cursor.expect("TO", "PARTITION");
		cursor.name();
		if (cursor.take("VALUES")) throw cursor.refuse("CONVERT TABLE with values");
		return;
	}
	cursor.expect("TO");
	if (!cursor.take("CHARACTER", "SET") && !cursor.take("CHARSET")) throw cursor.fail();
	if (!cursor.take("DEFAULT")) collation(cursor);
	if (cursor.take("COLLATE")) collation(cursor);
	// A text that the character set does not hold stands in the error.
	triedWhole(seen);
}

function triedWhole({ deeds, over }: Seen, path = over): void {
	if (path !== undefined) deeds.push({ kind: "reads", path });
}

/** Rows of the altered table become those of another, */
function movedFrom({ over }: Seen, to: RelationPath): Deed[] {
	return over === undefined ? [] : [{ kind: "moved", from: over, to }];
}

/** or those of another its own. */
function movedInto({ over }: Seen, from: RelationPath): Deed[] {
	return over === undefined ? [] : [{ kind: "moved", from, to: over }];
}

function exchanged(seen: Seen, other: RelationPath): void {
	seen.deeds.push(onRelation("alter", other), ...movedFrom(seen, other), ...movedInto(seen, other));
	// Whether its rows belong into the partition.
	triedWhole(seen, other);
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
				triedWhole(seen);
				return;
			case "EXCHANGE":
				cursor.at += 2;
				cursor.name();
				cursor.expect("WITH", "TABLE");
				exchanged(seen, relationPath(cursor));
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
