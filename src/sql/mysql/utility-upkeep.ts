/**
 * Upkeep of tables, and administration of the server: CHECK, ANALYZE, FLUSH, RESET, PURGE, replication.
 * MySQL: manual, "Table Maintenance Statements", "Other Administrative Statements", "Replication Statements".
 */
import type { Command } from "../facts.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";
import {
	deeds,
	equals,
	globalDeed,
	integer,
	nameOrText,
	onRelation,
	paths,
	refused,
	size,
	takeOldWord,
} from "./utility-parts.js";
import { startTransaction } from "./utility-session.js";
import { analyzedStatement } from "./utility-show.js";

const REPORT = ["Table", "Op", "Msg_type", "Msg_text"];

function upkeep(tag: string, command: Command, list: readonly Deed[], writes = true): MysqlStatement {
	return deeds(tag, list, { command, writes, answers: REPORT });
}

function onEach(g: Grammar, command: Command): Deed[] {
	return paths(g).map((path) => onRelation(command, path));
}

function quietly(g: Grammar): void {
	g.cursor.takeAny("NO_WRITE_TO_BINLOG", "LOCAL");
}

function tables(g: Grammar): void {
	if (g.cursor.takeAny("TABLE", "TABLES") === undefined) throw g.cursor.fail();
}

/** CHECK TABLE tells whether a table is sound; FOR UPGRADE may change it. */
export function check(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CHECK");
	if (cursor.isMariaDb && cursor.takeAny("VIEW") !== undefined) {
		const list = onEach(g, "show");
		if (cursor.take("FOR")) cursor.expect("UPGRADE");
		return upkeep("CHECK VIEW", "show", list, false);
	}
	tables(g);
	const checked = paths(g);
	let changes = false;
	for (;;) {
		if (cursor.take("FOR", "UPGRADE")) changes = true;
		else if (cursor.takeAny("QUICK", "FAST", "MEDIUM", "EXTENDED", "CHANGED") === undefined) break;
	}
	const command = changes ? "vacuum" : "show";
	const list = checked.map((path) => onRelation(command, path));
	return upkeep("CHECK TABLE", command, list, changes);
}

/** A checksum is computed from all values of a table. */
export function checksum(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CHECKSUM");
	tables(g);
	const list = paths(g).map((path): Deed => ({ kind: "reads", path }));
	cursor.takeAny("QUICK", "EXTENDED");
	return deeds("CHECKSUM TABLE", list, { command: "select", writes: false, answers: ["Table", "Checksum"] });
}

export function analyze(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("ANALYZE");
	const explained = analyzedStatement(g);
	if (explained !== undefined) return explained;
	quietly(g);
	tables(g);
	const list = cursor.list(() => {
		const path = relationPath(cursor);
		if (cursor.isMariaDb && cursor.take("PERSISTENT", "FOR")) persistent(g);
		return onRelation("vacuum", path);
	});
	if (!cursor.isMariaDb) histogram(g);
	return upkeep("ANALYZE TABLE", "vacuum", list);
}

function persistent(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("ALL")) return;
	for (const word of ["COLUMNS", "INDEXES"]) {
		cursor.expect(word);
		if (cursor.take("ALL")) continue;
		cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => cursor.name(true))));
	}
}

function histogram(g: Grammar): void {
	const { cursor } = g;
	const word = cursor.takeAny("UPDATE", "DROP");
	if (word === undefined) return;
	cursor.expect("HISTOGRAM", "ON");
	cursor.list(() => cursor.name());
	if (word === "DROP") return;
	if (cursor.take("USING", "DATA")) cursor.string();
	if (cursor.take("WITH")) {
		integer(cursor);
		cursor.expect("BUCKETS");
	}
	if (cursor.takeAny("AUTO", "MANUAL") !== undefined) cursor.expect("UPDATE");
}

export function optimize(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const word = cursor.takeAny("OPTIMIZE", "REPAIR");
	quietly(g);
	if (cursor.isMariaDb && word === "REPAIR" && cursor.take("VIEW")) {
		const list = onEach(g, "vacuum");
		if (cursor.take("FROM")) cursor.expect("MYSQL");
		return upkeep("REPAIR VIEW", "vacuum", list);
	}
	tables(g);
	const list = onEach(g, "vacuum");
	while (cursor.takeAny("QUICK", "EXTENDED", "USE_FRM", "FORCE") !== undefined);
	if (cursor.isMariaDb) {
		if (cursor.take("WAIT")) integer(cursor);
		else cursor.take("NOWAIT");
	}
	return upkeep(`${word} TABLE`, "vacuum", list);
}

// ---- FLUSH, RESET, PURGE ------------------------------------------------------------------------------------------

const FLUSHED: readonly string[] = [
	"BINARY LOGS",
	"ENGINE LOGS",
	"ERROR LOGS",
	"GENERAL LOGS",
	"SLOW LOGS",
	"RELAY LOGS",
	"LOGS",
	"HOSTS",
	"PRIVILEGES",
	"STATUS",
	"GLOBAL STATUS",
	"SESSION STATUS",
	"LOCAL STATUS",
	"USER_RESOURCES",
	"OPTIMIZER_COSTS",
	"DES_KEY_FILE",
	"QUERY CACHE",
	"MASTER",
	"SLAVE",
	"REPLICA",
	"SSL",
	"BINARY LOGS DELETE_DOMAIN_ID",
	"CLIENT_STATISTICS",
	"USER_STATISTICS",
	"INDEX_STATISTICS",
	"TABLE_STATISTICS",
	"QUERY_RESPONSE_TIME",
	"LOCALES",
];

export function flush(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("FLUSH");
	quietly(g);
	if (cursor.takeAny("TABLES", "TABLE") !== undefined) return flushTables(g);
	cursor.list(() => {
		const words = FLUSHED.find((candidate) => cursor.take(...candidate.split(" ")));
		if (words === undefined) throw cursor.fail();
		if (words === "RELAY LOGS" || words === "REPLICA" || words === "SLAVE") {
			if (cursor.take("FOR", "CHANNEL")) cursor.string();
			else if (cursor.isMariaDb && cursor.kind() === KIND.text) cursor.string();
		}
		if (words === "BINARY LOGS" && cursor.isMariaDb && cursor.take("DELETE_DOMAIN_ID")) {
			cursor.expectSymbol("=");
			cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => integer(cursor))));
		}
	});
	return deeds("FLUSH", [globalDeed("vacuum", "*")], { command: "vacuum" });
}

function flushTables(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const named = cursor.isName() || cursor.isSymbol(".") ? paths(g) : [];
	let command: Command = "vacuum";
	if (cursor.take("WITH", "READ", "LOCK")) {
		command = "lock";
		if (cursor.isMariaDb && cursor.take("AND", "DISABLE")) cursor.expect("CHECKPOINT");
	} else if (named.length > 0 && cursor.take("FOR", "EXPORT")) command = "lock";
	const list = named.length === 0 ? [globalDeed(command, "*")] : named.map((path) => onRelation(command, path));
	return deeds("FLUSH TABLES", list, { command });
}

export function reset(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("RESET");
	if (!cursor.isMariaDb && cursor.take("PERSIST")) {
		if (cursor.take("IF", "EXISTS") || !cursor.isEnd) {
			cursor.name(true);
			while (cursor.takeSymbol(".")) cursor.name(true);
		}
		return deeds("RESET PERSIST", [globalDeed("set", "*")], { command: "set" });
	}
	cursor.list(() => {
		if (cursor.take("QUERY", "CACHE")) return;
		if (cursor.take("BINARY", "LOGS", "AND", "GTIDS") || takeOldWord(cursor, "MASTER")) {
			if (cursor.take("TO")) integer(cursor);
			return;
		}
		if (!takeOldWord(cursor, "SLAVE")) cursor.expect("REPLICA");
		if (cursor.isMariaDb && cursor.kind() === KIND.text) cursor.string();
		cursor.take("ALL");
		if (cursor.take("FOR", "CHANNEL")) cursor.string();
	});
	return deeds("RESET", [globalDeed("alter", "*")], { command: "alter" });
}

export function purge(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("PURGE");
	if (!takeOldWord(cursor, "MASTER")) cursor.expect("BINARY");
	cursor.expect("LOGS");
	if (cursor.take("TO")) cursor.string();
	else {
		cursor.expect("BEFORE");
		g.expression();
	}
	return deeds("PURGE BINARY LOGS", [globalDeed("alter", "*")], { command: "alter" });
}

/** SHUTDOWN, RESTART. */
export function shutdown(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const word = cursor.takeAny("SHUTDOWN", "RESTART");
	if (cursor.isMariaDb && word === "RESTART") throw cursor.fail(undefined, -1);
	if (cursor.isMariaDb && cursor.take("WAIT")) {
		cursor.expect("FOR", "ALL");
		if (cursor.takeAny("SLAVES", "REPLICAS") === undefined) throw cursor.fail();
	}
	return refused(word ?? "SHUTDOWN", "it ends the server");
}

// ---- replication --------------------------------------------------------------------------------------------------

const REPLICATION = "replication brings and takes data past every license";

/** START: transactions, replicas, group replication. */
export function start(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("START");
	if (cursor.take("TRANSACTION")) return startTransaction(g);
	return replica(g, "START");
}

export function stop(g: Grammar): MysqlStatement {
	g.cursor.expect("STOP");
	return replica(g, "STOP");
}

function replica(g: Grammar, word: string): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) cursor.take("ALL");
	if (cursor.takeAny("SLAVE", "REPLICA", "SLAVES", "REPLICAS", "GROUP_REPLICATION") === undefined) throw cursor.fail();
	if (cursor.isMariaDb && cursor.kind() === KIND.text) cursor.string();
	for (;;) {
		if (cursor.takeAny("IO_THREAD", "SQL_THREAD", "RELAY_THREAD") !== undefined) cursor.takeSymbol(",");
		else if (cursor.take("FOR", "CHANNEL")) cursor.string();
		else if (cursor.take("UNTIL")) cursor.list(() => setting(g));
		else if (cursor.isAnyWord("USER", "PASSWORD", "DEFAULT_AUTH", "PLUGIN_DIR") && cursor.isSymbol("=", 1)) {
			setting(g);
			cursor.takeSymbol(",");
		} else return refused(`${word} REPLICA`, REPLICATION);
	}
}

/** `NAME = value`, the value a text, number, name, or a list in brackets. */
function setting(g: Grammar): void {
	const { cursor } = g;
	if (cursor.takeAny("SQL_AFTER_MTS_GAPS") !== undefined) return;
	cursor.name(true);
	equals(cursor);
	settingValue(g);
}

function settingValue(g: Grammar): void {
	const { cursor } = g;
	if (cursor.takeSymbol("(")) {
		if (!cursor.isSymbol(")")) {
			cursor.list(() => {
				settingValue(g);
				if (cursor.takeSymbol(".") || cursor.takeSymbol("=")) settingValue(g);
			});
		}
		cursor.expectSymbol(")");
	} else if (cursor.kind() === KIND.integer && !/[KMG]/i.test(cursor.raw())) cursor.at += 1;
	else if (cursor.kind() === KIND.decimal) cursor.at += 1;
	else if (/^[0-9]+[KMG]$/i.test(cursor.raw())) size(cursor);
	else if (cursor.takeAny("NULL", "ON", "DEFAULT") === undefined) {
		nameOrText(cursor);
		if (cursor.kind() === KIND.variable) cursor.at += 1;
	}
}

/** CHANGE MASTER TO, CHANGE REPLICATION SOURCE TO, CHANGE REPLICATION FILTER. */
export function change(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CHANGE");
	if (takeOldWord(cursor, "MASTER") || cursor.take("REPLICATION", "SOURCE")) {
		if (cursor.isMariaDb && cursor.kind() === KIND.text) cursor.string();
		cursor.expect("TO");
	} else cursor.expect("REPLICATION", "FILTER");
	cursor.list(() => setting(g));
	if (cursor.take("FOR", "CHANNEL")) cursor.string();
	return refused("CHANGE REPLICATION SOURCE", REPLICATION);
}

/** IMPORT TABLE FROM 'file' (MySQL). */
export function importTable(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) throw cursor.fail();
	cursor.expect("IMPORT", "TABLE", "FROM");
	cursor.list(() => cursor.string());
	return refused("IMPORT TABLE", "it takes in files of the server");
}

/** BINLOG 'events': changes to rows of any table, in a form of its own. */
export function binlog(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("BINLOG");
	const item = () => (cursor.kind() === KIND.variable ? cursor.variableName() : cursor.string());
	item();
	if (cursor.isMariaDb && cursor.takeSymbol(",")) item();
	return refused("BINLOG", "it changes rows of any table");
}

/** CLONE LOCAL DATA DIRECTORY, CLONE INSTANCE FROM. */
export function clone(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isMariaDb) throw cursor.fail();
	cursor.expect("CLONE");
	if (cursor.take("LOCAL")) cursor.expect("DATA", "DIRECTORY");
	else {
		cursor.expect("INSTANCE", "FROM");
		nameOrText(cursor);
		if (cursor.kind() === KIND.variable) cursor.at += 1;
		cursor.expectSymbol(":");
		integer(cursor);
		cursor.expect("IDENTIFIED", "BY");
		cursor.string();
		if (cursor.take("DATA")) cursor.expect("DIRECTORY");
	}
	if (cursor.kind() === KIND.symbol) equals(cursor);
	if (cursor.kind() === KIND.text) cursor.string();
	if (!cursor.take("REQUIRE", "NO", "SSL")) cursor.take("REQUIRE", "SSL");
	return refused("CLONE", "it copies the whole server");
}

/** BACKUP STAGE, BACKUP LOCK (MariaDB). */
export function backup(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (!cursor.isMariaDb) throw cursor.fail();
	cursor.expect("BACKUP");
	if (cursor.take("LOCK")) relationPath(cursor);
	else if (!cursor.take("UNLOCK")) {
		cursor.expect("STAGE");
		if (cursor.takeAny("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT", "END") === undefined) throw cursor.fail();
	}
	return deeds("BACKUP", [globalDeed("lock", "*")], { command: "lock" });
}
