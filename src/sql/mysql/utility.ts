/** Families of statements that are neither queries nor writes, by their first word. */
import type { MysqlStatement } from "./ast.js";
import type { Family, Grammar } from "./grammar.js";
import { alterTable } from "./utility-alter-table.js";
import {
	alterDatabase,
	alterInstance,
	createDatabase,
	dropDatabase,
	dropNamed,
	install,
	resourceGroup,
	server,
	spatialReference,
	tablespace,
} from "./utility-objects.js";
import { type Created, definer } from "./utility-parts.js";
import {
	alterEvent,
	alterRoutine,
	compound,
	createEvent,
	createRoutine,
	createTrigger,
	dropProgram,
	library,
} from "./utility-programs.js";
import { createRole, dropAccounts, grant, renameUsers, revoke, user } from "./utility-rights.js";
import { alterSequence, createSequence } from "./utility-sequences.js";
import {
	begin,
	cacheIndex,
	call,
	commit,
	deallocate,
	doStatement,
	execute,
	getDiagnostics,
	handler,
	help,
	kill,
	load,
	lock,
	prepare,
	release,
	rollback,
	savepoint,
	signal,
	unlock,
	use,
	xa,
} from "./utility-session.js";
import { setStatement } from "./utility-set.js";
import { explainStatement, showStatement } from "./utility-show.js";
import { createIndex, createTable, dropIndex, dropRelations, renameTables, truncate } from "./utility-tables.js";
import {
	analyze,
	backup,
	binlog,
	change,
	check,
	checksum,
	clone,
	flush,
	importTable,
	optimize,
	purge,
	reset,
	shutdown,
	start,
	stop,
} from "./utility-upkeep.js";
import { view } from "./utility-views.js";

// ---- CREATE -------------------------------------------------------------------------------------------------------

function create(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CREATE");
	const replaces = cursor.take("OR", "REPLACE");
	const temporary = cursor.take("TEMPORARY");
	const how: Created = { replaces, temporary };
	if (cursor.take("TABLE")) return createTable(g, how);
	if (cursor.isMariaDb && cursor.take("SEQUENCE")) return createSequence(g, how);
	if (temporary) throw cursor.fail();
	return createIndexOf(g) ?? createProgram(g, how) ?? createObject(g, how);
}

function createIndexOf(g: Grammar): MysqlStatement | undefined {
	const { cursor } = g;
	const at = cursor.at;
	if (cursor.isMariaDb) cursor.takeAny("ONLINE", "OFFLINE");
	const sort = cursor.takeAny("UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR");
	if (cursor.take("INDEX")) return createIndex(g, sort === "UNIQUE");
	cursor.at = at;
	return undefined;
}

/** With ALGORITHM, DEFINER, SQL SECURITY, AGGREGATE before the kind. */
function createProgram(g: Grammar, how: Created): MysqlStatement | undefined {
	const { cursor } = g;
	const at = cursor.at;
	viewWords(g);
	if (cursor.take("VIEW")) return view(g, how);
	cursor.at = at;
	definer(cursor);
	const isDefined = cursor.at !== at;
	const aggregate = cursor.take("AGGREGATE");
	if (cursor.take("FUNCTION")) return createRoutine(g, "FUNCTION", { ...how, isDefined, aggregate });
	if (aggregate) throw cursor.fail();
	if (cursor.take("PROCEDURE")) return createRoutine(g, "PROCEDURE", { ...how, isDefined, aggregate });
	if (cursor.take("TRIGGER")) return createTrigger(g, how);
	if (cursor.take("EVENT")) return createEvent(g, how);
	if (cursor.at !== at) throw cursor.fail();
	return undefined;
}

/** `[ALGORITHM = …] [DEFINER = …] [SQL SECURITY …]` */
function viewWords(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("ALGORITHM")) {
		cursor.expectSymbol("=");
		if (cursor.takeAny("UNDEFINED", "MERGE", "TEMPTABLE") === undefined) throw cursor.fail();
	}
	definer(cursor);
	if (cursor.take("SQL", "SECURITY") && cursor.takeAny("DEFINER", "INVOKER") === undefined) throw cursor.fail();
}

function createObject(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	if (cursor.takeAny("DATABASE", "SCHEMA") !== undefined) return createDatabase(g, how.replaces);
	if (cursor.take("USER")) return user(g, "CREATE USER");
	if (cursor.take("ROLE")) return createRole(g);
	if (cursor.take("SERVER")) return server(g, "create");
	if (cursor.isMariaDb) throw cursor.fail();
	if (cursor.take("LIBRARY")) return library(g, "create");
	if (cursor.take("SPATIAL", "REFERENCE", "SYSTEM")) return spatialReference(g, "create");
	return spaces(g, "create");
}

function spaces(g: Grammar, command: "create" | "alter" | "drop"): MysqlStatement {
	const { cursor } = g;
	if (cursor.take("UNDO", "TABLESPACE")) return tablespace(g, "UNDO TABLESPACE", command);
	if (cursor.take("TABLESPACE")) return tablespace(g, "TABLESPACE", command);
	if (cursor.take("LOGFILE", "GROUP")) return tablespace(g, "LOGFILE GROUP", command);
	if (cursor.take("RESOURCE", "GROUP")) return resourceGroup(g, command);
	throw cursor.fail();
}

// ---- ALTER --------------------------------------------------------------------------------------------------------

function alter(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("ALTER");
	if (cursor.isMariaDb) {
		cursor.takeAny("ONLINE", "OFFLINE");
		if (cursor.take("IGNORE")) {
			cursor.expect("TABLE");
			return alterTable(g);
		}
	}
	if (cursor.take("TABLE")) return alterTable(g);
	const at = cursor.at;
	viewWords(g);
	if (cursor.take("VIEW")) return view(g, "altered");
	cursor.at = at;
	definer(cursor);
	if (cursor.take("EVENT")) return alterEvent(g);
	if (cursor.at !== at) throw cursor.fail();
	const word = cursor.takeAny("PROCEDURE", "FUNCTION");
	if (word !== undefined) return alterRoutine(g, word);
	if (cursor.takeAny("DATABASE", "SCHEMA") !== undefined) return alterDatabase(g);
	if (cursor.take("USER")) return user(g, "ALTER USER");
	if (cursor.take("SERVER")) return server(g, "alter");
	if (cursor.isMariaDb) {
		cursor.expect("SEQUENCE");
		return alterSequence(g);
	}
	if (cursor.take("LIBRARY")) return library(g, "alter");
	if (cursor.take("INSTANCE")) return alterInstance(g);
	return spaces(g, "alter");
}

// ---- DROP ---------------------------------------------------------------------------------------------------------

function drop(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isWord("PREPARE", 1)) return deallocate(g);
	cursor.expect("DROP");
	const temporary = cursor.take("TEMPORARY");
	if (cursor.takeAny("TABLE", "TABLES") !== undefined) return dropRelations(g, "DROP TABLE", temporary);
	if (cursor.isMariaDb && cursor.take("SEQUENCE")) return dropRelations(g, "DROP SEQUENCE", temporary);
	if (temporary) throw cursor.fail();
	if (cursor.takeAny("VIEW") !== undefined) return dropRelations(g, "DROP VIEW", false);
	if (cursor.isMariaDb) cursor.takeAny("ONLINE", "OFFLINE");
	if (cursor.take("INDEX")) return dropIndex(g);
	const program = cursor.takeAny("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", ...(cursor.isMariaDb ? [] : ["LIBRARY"]));
	if (program !== undefined) return dropProgram(g, program);
	if (cursor.takeAny("DATABASE", "SCHEMA") !== undefined) return dropDatabase(g);
	if (cursor.take("USER")) return dropAccounts(g, "DROP USER");
	if (cursor.take("ROLE")) return dropAccounts(g, "DROP ROLE");
	if (cursor.take("SERVER")) return dropNamed(g, "DROP SERVER");
	if (cursor.isMariaDb) {
		cursor.expect("PACKAGE");
		cursor.take("BODY");
		return dropProgram(g, "PACKAGE");
	}
	if (cursor.take("SPATIAL", "REFERENCE", "SYSTEM")) return spatialReference(g, "drop");
	return spaces(g, "drop");
}

function rename(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("RENAME");
	if (cursor.take("USER")) return renameUsers(g);
	if (cursor.takeAny("TABLE", "TABLES") === undefined) throw cursor.fail();
	return renameTables(g);
}

/** BEGIN begins a transaction; in MariaDB, BEGIN NOT ATOMIC a block. */
function beginning(g: Grammar): MysqlStatement {
	return g.cursor.isMariaDb && g.cursor.isWord("NOT", 1) ? compound(g) : begin(g);
}

/** Compound statements stand outside programs in MariaDB alone. */
function mariaDbCompound(g: Grammar): MysqlStatement {
	if (!g.cursor.isMariaDb) throw g.cursor.fail();
	return compound(g);
}

// ---- the table ----------------------------------------------------------------------------------------------------

export const UTILITY: ReadonlyMap<string, Family> = new Map<string, Family>([
	["ALTER", alter],
	["ANALYZE", analyze],
	["BACKUP", backup],
	["BEGIN", beginning],
	["BINLOG", binlog],
	["CACHE", cacheIndex],
	["CALL", call],
	["CASE", mariaDbCompound],
	["CHANGE", change],
	["CHECK", check],
	["CHECKSUM", checksum],
	["CLONE", clone],
	["COMMIT", commit],
	["CREATE", create],
	["DEALLOCATE", deallocate],
	["DESC", explainStatement],
	["DESCRIBE", explainStatement],
	["DO", doStatement],
	["DROP", drop],
	["EXECUTE", execute],
	["EXPLAIN", explainStatement],
	["FLUSH", flush],
	["FOR", mariaDbCompound],
	["GET", getDiagnostics],
	["GRANT", grant],
	["HANDLER", handler],
	["HELP", help],
	["IF", mariaDbCompound],
	["IMPORT", importTable],
	["INSTALL", install],
	["KILL", kill],
	["LOAD", load],
	["LOCK", lock],
	["LOOP", mariaDbCompound],
	["OPTIMIZE", optimize],
	["PREPARE", prepare],
	["PURGE", purge],
	["RELEASE", release],
	["RENAME", rename],
	["REPAIR", optimize],
	["REPEAT", mariaDbCompound],
	["RESET", reset],
	["RESIGNAL", signal],
	["RESTART", shutdown],
	["REVOKE", revoke],
	["ROLLBACK", rollback],
	["SAVEPOINT", savepoint],
	["SET", setStatement],
	["SHOW", showStatement],
	["SHUTDOWN", shutdown],
	["SIGNAL", signal],
	["START", start],
	["STOP", stop],
	["TRUNCATE", truncate],
	["UNINSTALL", install],
	["UNLOCK", unlock],
	["USE", use],
	["WHILE", mariaDbCompound],
	["XA", xa],
]);
