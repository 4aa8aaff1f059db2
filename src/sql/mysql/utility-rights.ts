/**
 * Users, roles, GRANT and REVOKE. MySQL: manual, "Account Management Statements"; MariaDB: "Account Management SQL
 * Commands". All of it is the command `grant`; what concerns accounts as such concerns the whole server.
 */
import type { RelationPath } from "../query.js";
import type { Deed, MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { KIND } from "./tokens.js";
import { account, deeds, globalDeed, ifExists, ifNotExists, integer, nameOrText } from "./utility-parts.js";

function rights(tag: string, list: readonly Deed[] = [globalDeed("grant", "*")]): MysqlStatement {
	return deeds(tag, list, { command: "grant", changesCatalog: true });
}

function accounts(g: Grammar): string[] {
	return g.cursor.list(() => account(g.cursor));
}

// ---- users and roles ----------------------------------------------------------------------------------------------

/** Behind CREATE [OR REPLACE] USER and ALTER USER. */
export function user(g: Grammar, tag: "CREATE USER" | "ALTER USER"): MysqlStatement {
	const { cursor } = g;
	if (tag === "CREATE USER") ifNotExists(cursor);
	else ifExists(cursor);
	if (tag === "ALTER USER" && cursor.isWord("USER") && cursor.isSymbol("(", 1)) {
		// The session's own user, and its secrets alone.
		cursor.at += 1;
		cursor.inBrackets(() => []);
		authentication(g);
		return rights(tag);
	}
	cursor.list(() => {
		account(cursor);
		authentication(g);
		if (!cursor.isMariaDb) defaultRole(g);
	});
	if (!cursor.isMariaDb) defaultRole(g);
	accountOptions(g);
	return rights(tag);
}

function defaultRole(g: Grammar): void {
	const { cursor } = g;
	if (!cursor.take("DEFAULT", "ROLE")) return;
	if (cursor.takeAny("NONE", "ALL") === undefined) accounts(g);
}

/** IDENTIFIED BY …, IDENTIFIED WITH …, and how MySQL adds and drops factors. */
function authentication(g: Grammar): void {
	const { cursor } = g;
	let isGiven = false;
	for (;;) {
		if (cursor.isAnyWord("ADD", "MODIFY", "DROP") && cursor.isWord("FACTOR", 2)) {
			cursor.at += 1;
			integer(cursor);
			cursor.expect("FACTOR");
			isGiven = false;
			continue;
		}
		if (cursor.kind() === KIND.integer && cursor.isWord("FACTOR", 1)) {
			cursor.at += 2;
			if (cursor.take("UNREGISTER")) continue;
			if (cursor.take("INITIATE", "REGISTRATION")) continue;
			cursor.expect("FINISH", "REGISTRATION", "SET", "CHALLENGE_RESPONSE", "AS");
			cursor.string();
			continue;
		}
		if (cursor.take("DISCARD", "OLD", "PASSWORD") || cursor.take("RETAIN", "CURRENT", "PASSWORD")) continue;
		if (cursor.take("REPLACE")) {
			cursor.string();
			continue;
		}
		if (cursor.take("INITIAL", "AUTHENTICATION")) {
			cursor.expect("IDENTIFIED");
			identified(g);
			continue;
		}
		if (cursor.take("AND", "IDENTIFIED") || cursor.take("IDENTIFIED")) {
			if (isGiven && !cursor.isWord("AND", -2)) throw cursor.fail(undefined, -1);
			isGiven = true;
			identified(g);
			continue;
		}
		return;
	}
}

function identified(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("BY")) {
		password(g);
		return;
	}
	if (cursor.takeAny("WITH", ...(cursor.isMariaDb ? ["VIA"] : [])) === undefined) throw cursor.fail();
	for (;;) {
		nameOrText(cursor);
		if (cursor.take("BY")) password(g);
		else if (cursor.takeAny("AS", ...(cursor.isMariaDb ? ["USING"] : [])) !== undefined) secret(g);
		if (!cursor.isMariaDb || !cursor.take("OR")) return;
	}
}

function password(g: Grammar): void {
	const { cursor } = g;
	if (!cursor.isMariaDb && cursor.take("RANDOM", "PASSWORD")) return;
	if (cursor.isMariaDb) cursor.take("PASSWORD");
	cursor.string();
}

/** A text, bits, PASSWORD('…'). */
function secret(g: Grammar): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("PASSWORD")) cursor.inBrackets(() => cursor.string());
	else if (cursor.kind() === KIND.bits) cursor.at += 1;
	else cursor.string();
}

/** REQUIRE, WITH limits, PASSWORD …, ACCOUNT …, COMMENT, ATTRIBUTE. */
function accountOptions(g: Grammar): void {
	const { cursor } = g;
	requirement(g);
	if (cursor.take("WITH")) while (resourceLimit(g));
	for (;;) {
		if (cursor.take("ACCOUNT")) {
			if (cursor.takeAny("LOCK", "UNLOCK") === undefined) throw cursor.fail();
		} else if (cursor.take("PASSWORD")) passwordOption(g);
		else if (cursor.take("FAILED_LOGIN_ATTEMPTS")) integer(cursor);
		else if (cursor.take("PASSWORD_LOCK_TIME")) {
			if (!cursor.take("UNBOUNDED")) integer(cursor);
		} else if (!cursor.isMariaDb && cursor.takeAny("COMMENT", "ATTRIBUTE") !== undefined) cursor.string();
		else return;
	}
}

function passwordOption(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("EXPIRE")) {
		if (cursor.takeAny("DEFAULT", "NEVER") !== undefined) return;
		if (cursor.take("INTERVAL")) {
			integer(cursor);
			cursor.expect("DAY");
		}
		return;
	}
	if (cursor.take("HISTORY")) {
		if (!cursor.take("DEFAULT")) integer(cursor);
		return;
	}
	if (cursor.take("REUSE", "INTERVAL")) {
		if (cursor.take("DEFAULT")) return;
		integer(cursor);
		cursor.expect("DAY");
		return;
	}
	cursor.expect("REQUIRE", "CURRENT");
	cursor.takeAny("DEFAULT", "OPTIONAL");
}

function requirement(g: Grammar): void {
	const { cursor } = g;
	if (!cursor.take("REQUIRE")) return;
	if (cursor.takeAny("NONE", "SSL", "X509") !== undefined) return;
	do {
		if (cursor.takeAny("ISSUER", "SUBJECT", "CIPHER") === undefined) throw cursor.fail();
		cursor.string();
		cursor.take("AND");
	} while (cursor.isAnyWord("ISSUER", "SUBJECT", "CIPHER"));
}

function resourceLimit(g: Grammar): boolean {
	const { cursor } = g;
	const words = ["MAX_QUERIES_PER_HOUR", "MAX_UPDATES_PER_HOUR", "MAX_CONNECTIONS_PER_HOUR", "MAX_USER_CONNECTIONS"];
	if (cursor.takeAny(...words, ...(cursor.isMariaDb ? ["MAX_STATEMENT_TIME"] : [])) === undefined) return false;
	cursor.takeSymbol("-");
	cursor.at += 1;
	const kind = cursor.kind(-1);
	if (kind !== KIND.integer && kind !== KIND.decimal) throw cursor.fail(undefined, -1);
	return true;
}

/** Words that are names of users and of no role. */
const NO_ROLES = ["NONE", "PROXY", "RELOAD", "RESOURCE", "SUPER", "EVENT", "EXECUTE", "FILE", "PROCESS", "SHUTDOWN"];

/** Behind CREATE … ROLE. */
export function createRole(g: Grammar): MysqlStatement {
	ifNotExists(g.cursor);
	if (g.cursor.isAnyWord(...NO_ROLES) && !g.cursor.isMariaDb) throw g.cursor.fail();
	accounts(g);
	if (g.cursor.isMariaDb && g.cursor.take("WITH", "ADMIN")) account(g.cursor);
	return rights("CREATE ROLE");
}

export function dropAccounts(g: Grammar, tag: string): MysqlStatement {
	ifExists(g.cursor);
	accounts(g);
	return rights(tag);
}

/** Behind RENAME USER. */
export function renameUsers(g: Grammar): MysqlStatement {
	g.cursor.list(() => {
		account(g.cursor);
		g.cursor.expect("TO");
		account(g.cursor);
	});
	return rights("RENAME USER");
}

// ---- GRANT and REVOKE ---------------------------------------------------------------------------------------------

export function grant(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("GRANT");
	const deed = granted(g);
	cursor.expect("TO");
	cursor.list(() => {
		account(cursor);
		authentication(g);
	});
	requirement(g);
	if (cursor.take("WITH")) {
		if (cursor.take("ADMIN")) cursor.expect("OPTION");
		else while (cursor.take("GRANT", "OPTION") || resourceLimit(g));
	}
	if (!cursor.isMariaDb && cursor.take("AS")) {
		account(cursor);
		if (cursor.take("WITH", "ROLE")) {
			if (cursor.take("ALL")) {
				if (cursor.take("EXCEPT")) accounts(g);
			} else if (cursor.takeAny("NONE", "DEFAULT") === undefined) accounts(g);
		}
	}
	return rights("GRANT", [deed]);
}

export function revoke(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("REVOKE");
	if (!cursor.isMariaDb) ifExists(cursor);
	if (cursor.isMariaDb) cursor.take("ADMIN", "OPTION", "FOR");
	const deed = granted(g);
	cursor.expect("FROM");
	accounts(g);
	if (!cursor.isMariaDb && cursor.take("IGNORE")) cursor.expect("UNKNOWN", "USER");
	return rights("REVOKE", [deed]);
}

/** Rights or roles, and what they are on. */
function granted(g: Grammar): Deed {
	const { cursor } = g;
	if (cursor.take("PROXY")) {
		cursor.expect("ON");
		account(cursor);
		return globalDeed("grant", "*");
	}
	let ofColumns = false;
	cursor.list(() => {
		// A right of several words, perhaps of columns; or a role.
		if (cursor.kind() === KIND.word && !(cursor.kind(1) === KIND.variable)) {
			do cursor.at += 1;
			while (cursor.kind() === KIND.word && !cursor.isAnyWord("ON", "TO", "FROM"));
			if (cursor.isSymbol("(")) {
				ofColumns = true;
				cursor.inBrackets(() => cursor.list(() => cursor.name()));
			}
		} else account(cursor);
	});
	return cursor.take("ON") ? grantObject(g, ofColumns) : globalDeed("grant", "*");
}

function grantObject(g: Grammar, ofColumns: boolean): Deed {
	const { cursor } = g;
	const isRoutine = cursor.isAnyWord("FUNCTION", "PROCEDURE", "PACKAGE", "LIBRARY") && !cursor.isSymbol(".", 1);
	if (isRoutine) {
		if (ofColumns) throw cursor.fail();
		if (cursor.takeAny("FUNCTION", "PROCEDURE", "PACKAGE", "LIBRARY") === "PACKAGE") cursor.take("BODY");
	} else if (cursor.isWord("TABLE")) cursor.at += 1;
	if (cursor.takeSymbol("*")) {
		if (!cursor.takeSymbol(".")) return { kind: "database", command: "grant" };
		cursor.expectSymbol("*");
		return globalDeed("grant", "*");
	}
	const first = cursor.tableName();
	if (!cursor.takeSymbol(".")) return { kind: "named", command: "grant", path: { name: first } };
	// A pattern in the database's name reaches others.
	if (cursor.takeSymbol("*")) {
		return /[%_]/.test(first) ? globalDeed("grant", "*") : { kind: "database", command: "grant", name: first };
	}
	const path: RelationPath = { schema: first, name: cursor.tableName(true) };
	return { kind: "named", command: "grant", path };
}
