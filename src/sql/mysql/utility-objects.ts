/**
 * Databases, servers, tablespaces and what else belongs to the server as a whole. MySQL: manual, "Data Definition
 * Statements".
 */
import type { Command } from "../facts.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { KIND } from "./tokens.js";
import {
	defaultCharset,
	definition,
	equals,
	globalDeed,
	ifExists,
	ifNotExists,
	integer,
	nameOrText,
	refused,
	size,
} from "./utility-parts.js";

// ---- databases ----------------------------------------------------------------------------------------------------

function databaseOptions(g: Grammar, deeds: Deed[]): void {
	const { cursor } = g;
	for (;;) {
		if (defaultCharset(cursor)) continue;
		const at = cursor.at;
		cursor.take("DEFAULT");
		if (!cursor.isMariaDb && cursor.take("ENCRYPTION")) {
			equals(cursor);
			cursor.string();
		} else if (!cursor.isMariaDb && cursor.take("READ", "ONLY")) {
			equals(cursor);
			if (!cursor.take("DEFAULT")) integer(cursor);
			deeds.push(globalDeed("alter", "*"));
		} else if (cursor.isMariaDb && cursor.take("COMMENT")) {
			equals(cursor);
			cursor.string();
		} else {
			cursor.at = at;
			return;
		}
	}
}

/** Behind CREATE [OR REPLACE] DATABASE. */
export function createDatabase(g: Grammar, replaces: boolean): MysqlStatement {
	ifNotExists(g.cursor);
	const name = g.cursor.tableName();
	const deeds: Deed[] = [{ kind: "database", command: "create", name }];
	if (replaces) deeds.push({ kind: "database", command: "drop", name });
	databaseOptions(g, deeds);
	return definition("CREATE DATABASE", "create", deeds);
}

/** Behind ALTER DATABASE. */
export function alterDatabase(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const isNamed = cursor.isName() && !cursor.isAnyWord("CHARSET", "ENCRYPTION", "COMMENT");
	const name = isNamed ? { name: cursor.tableName() } : {};
	const deeds: Deed[] = [{ kind: "database", command: "alter", ...name }];
	const at = cursor.at;
	if (cursor.isMariaDb && cursor.take("UPGRADE")) cursor.expect("DATA", "DIRECTORY", "NAME");
	else databaseOptions(g, deeds);
	if (cursor.at === at) throw cursor.fail();
	return definition("ALTER DATABASE", "alter", deeds);
}

export function dropDatabase(g: Grammar): MysqlStatement {
	ifExists(g.cursor);
	return definition("DROP DATABASE", "drop", [{ kind: "database", command: "drop", name: g.cursor.tableName() }]);
}

// ---- what belongs to the server -----------------------------------------------------------------------------------

function ofServer(tag: string, command: Command): MysqlStatement {
	return definition(tag, command, [globalDeed(command, "*")]);
}

/** Behind CREATE … SERVER and ALTER SERVER. */
export function server(g: Grammar, command: "create" | "alter"): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	nameOrText(cursor);
	if (command === "create") {
		cursor.expect("FOREIGN", "DATA", "WRAPPER");
		nameOrText(cursor);
	}
	cursor.expect("OPTIONS");
	cursor.inBrackets(() =>
		cursor.list(() => {
			cursor.name(true);
			if (cursor.kind() === KIND.integer) cursor.at += 1;
			else cursor.string();
		}),
	);
	return ofServer(`${command.toUpperCase()} SERVER`, command);
}

export function dropNamed(g: Grammar, tag: string): MysqlStatement {
	ifExists(g.cursor);
	nameOrText(g.cursor);
	return ofServer(tag, "drop");
}

/** Behind CREATE, ALTER and DROP of a [UNDO] TABLESPACE or LOGFILE GROUP. */
export function tablespace(g: Grammar, what: string, command: "create" | "alter" | "drop"): MysqlStatement {
	const { cursor } = g;
	cursor.name();
	while (tablespaceOption(g));
	return ofServer(`${command.toUpperCase()} ${what}`, command);
}

function tablespaceOption(g: Grammar): boolean {
	const { cursor } = g;
	if (cursor.takeAny("ADD", "DROP", "CHANGE") !== undefined) {
		if (cursor.takeAny("DATAFILE", "UNDOFILE", "REDOFILE") === undefined) throw cursor.fail();
		cursor.string();
		return true;
	}
	if (cursor.take("USE", "LOGFILE", "GROUP")) {
		cursor.name();
		return true;
	}
	if (cursor.take("RENAME", "TO")) {
		cursor.name();
		return true;
	}
	if (cursor.take("SET")) return cursor.takeAny("ACTIVE", "INACTIVE") !== undefined;
	if (cursor.takeAny("WAIT", "NO_WAIT") !== undefined) return true;
	const sizes = `INITIAL_SIZE MAX_SIZE EXTENT_SIZE AUTOEXTEND_SIZE UNDO_BUFFER_SIZE REDO_BUFFER_SIZE FILE_BLOCK_SIZE
		NODEGROUP`.split(/\s+/);
	if (cursor.takeAny(...sizes) !== undefined) {
		equals(cursor);
		size(cursor);
		return true;
	}
	if (cursor.isWord("STORAGE") && cursor.isWord("ENGINE", 1)) cursor.at += 1;
	if (cursor.takeAny("ENGINE", "COMMENT", "ENCRYPTION", "ENGINE_ATTRIBUTE") !== undefined) {
		equals(cursor);
		nameOrText(cursor);
	} else return cursor.takeSymbol(",");
	return true;
}

/** Behind CREATE [OR REPLACE] SPATIAL REFERENCE SYSTEM. */
export function spatialReference(g: Grammar, command: "create" | "drop"): MysqlStatement {
	const { cursor } = g;
	if (command === "create") ifNotExists(cursor);
	else ifExists(cursor);
	integer(cursor);
	for (;;) {
		if (cursor.takeAny("NAME", "DEFINITION", "DESCRIPTION") !== undefined) cursor.string();
		else if (cursor.take("ORGANIZATION")) {
			cursor.string();
			cursor.expect("IDENTIFIED", "BY");
			integer(cursor);
		} else break;
	}
	return ofServer(`${command.toUpperCase()} SPATIAL REFERENCE SYSTEM`, command);
}

/** Behind CREATE and ALTER RESOURCE GROUP. */
export function resourceGroup(g: Grammar, command: "create" | "alter" | "drop"): MysqlStatement {
	const { cursor } = g;
	cursor.name();
	for (;;) {
		if (cursor.take("TYPE")) {
			equals(cursor);
			if (cursor.takeAny("SYSTEM", "USER") === undefined) throw cursor.fail();
		} else if (cursor.take("VCPU")) {
			equals(cursor);
			// `0-3` is a number and a negative number.
			cursor.list(() => {
				integer(cursor);
				if (cursor.takeSymbol("-")) integer(cursor);
			});
		} else if (cursor.take("THREAD_PRIORITY")) {
			equals(cursor);
			cursor.takeSymbol("-");
			integer(cursor);
		} else if (cursor.takeAny("ENABLE", "DISABLE", "FORCE") === undefined) break;
	}
	return ofServer(`${command.toUpperCase()} RESOURCE GROUP`, command);
}

/** Behind ALTER INSTANCE. */
export function alterInstance(g: Grammar): MysqlStatement {
	const { cursor } = g;
	while (cursor.kind() === KIND.word) cursor.at += 1;
	return ofServer("ALTER INSTANCE", "alter");
}

/** INSTALL and UNINSTALL of plugins and components: code of strangers. */
export function install(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const word = cursor.takeAny("INSTALL", "UNINSTALL");
	const tag = `${word} PLUGIN`;
	if (cursor.take("COMPONENT") && !cursor.isMariaDb) {
		cursor.list(() => cursor.string());
		if (cursor.take("SET")) {
			cursor.list(() => {
				cursor.takeAny("GLOBAL", "PERSIST");
				cursor.name(true);
				while (cursor.takeSymbol(".")) cursor.name(true);
				cursor.expectSymbol("=");
				g.expression();
			});
		}
		return refused(tag, "components bring foreign code into the server");
	}
	if (cursor.takeAny("PLUGIN", ...(cursor.isMariaDb ? ["SONAME"] : [])) === "SONAME") {
		cursor.string();
		return refused(tag, "plugins bring foreign code into the server");
	}
	if (cursor.isMariaDb) {
		ifNotExists(cursor);
		ifExists(cursor);
	}
	cursor.name();
	if (word === "INSTALL") {
		cursor.expect("SONAME");
		cursor.string();
	}
	return refused(tag, "plugins bring foreign code into the server");
}
