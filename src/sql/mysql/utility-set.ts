/**
 * SET in all its forms. MySQL: manual, "SET Syntax for Variable Assignment", "SET TRANSACTION Statement"; MariaDB: "SET",
 * "SET STATEMENT".
 */
import type { Expression } from "../query.js";
import type { Assigned, MysqlStatement, SettingValue, VariableScope } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";
import { account, definition, globalDeed } from "./utility-parts.js";

const SCOPES: Readonly<Record<string, VariableScope>> = {
	GLOBAL: "global",
	SESSION: "session",
	LOCAL: "session",
	PERSIST: "persist",
	PERSIST_ONLY: "persist",
};

export function setStatement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("SET");
	if (cursor.isMariaDb && cursor.take("STATEMENT")) {
		const assigned = cursor.list(() => option(g, undefined));
		cursor.expect("FOR");
		const during = g.statement();
		if (during.kind === "empty") throw cursor.fail();
		return { kind: "set", assigned, during };
	}
	if (!cursor.isMariaDb && cursor.take("RESOURCE", "GROUP")) {
		cursor.name();
		if (cursor.take("FOR")) cursor.list(() => expectInteger(g));
		return definition("SET RESOURCE GROUP", "alter", [globalDeed("alter", "*")]);
	}
	// GLOBAL and SESSION hold for what follows, until the next of them; @@global. does not.
	let scope: VariableScope | undefined;
	const assigned = cursor.list(() => {
		const word = scopeWord(g);
		if (word !== undefined && (cursor.kind() === KIND.variable || cursor.isSymbol("@@"))) throw cursor.fail();
		scope = word ?? scope;
		return assignment(g, scope);
	});
	return { kind: "set", assigned };
}

function scopeWord(g: Grammar): VariableScope | undefined {
	const { cursor } = g;
	const found = SCOPES[cursor.word()];
	if (found === "persist" && !cursor.isMariaDb && isAssignment(g)) throw cursor.fail();
	const isKnown = found !== undefined && !(cursor.isMariaDb && found === "persist");
	if (!isKnown || cursor.kind() !== KIND.word || isAssignment(g)) return undefined;
	cursor.at += 1;
	return found;
}

function expectInteger(g: Grammar): void {
	if (g.cursor.kind() !== KIND.integer) throw g.cursor.fail();
	g.cursor.at += 1;
}

function assignment(g: Grammar, scope: VariableScope | undefined): Assigned {
	const { cursor } = g;
	if (scope === undefined && cursor.take("PASSWORD")) return password(g);
	const special = isAssignment(g) ? undefined : specialForm(g, scope);
	if (special !== undefined) return special;
	if (cursor.kind() === KIND.variable) return userVariable(g);
	if (cursor.takeSymbol("@@")) return systemVariable(g);
	return option(g, scope);
}

/** A word that begins a form of its own may also be the name of a variable: `SET names = 1` in a program. */
function isAssignment(g: Grammar): boolean {
	return g.cursor.isSymbol("=", 1) || g.cursor.isSymbol(":=", 1);
}

function specialForm(g: Grammar, scope: VariableScope | undefined): Assigned | undefined {
	const { cursor } = g;
	if (cursor.take("NAMES")) return names(g);
	if (cursor.take("CHARACTER", "SET") || cursor.take("CHARSET") || cursor.take("CHAR", "SET")) {
		return { kind: "characterSet", charset: cursor.take("DEFAULT") ? undefined : collation(cursor) };
	}
	if (cursor.take("TRANSACTION")) return transaction(g, scope ?? "session");
	if (cursor.take("DEFAULT", "ROLE")) {
		if (cursor.takeAny("NONE", "ALL") === undefined) cursor.list(() => account(cursor));
		if (cursor.take(cursor.isMariaDb ? "FOR" : "TO")) cursor.list(() => account(cursor));
		return { kind: "rights", what: "SET DEFAULT ROLE" };
	}
	if (cursor.take("ROLE")) {
		role(g);
		return { kind: "role" };
	}
	return undefined;
}

function role(g: Grammar): void {
	const { cursor } = g;
	if (cursor.takeAny("NONE", "DEFAULT") !== undefined) return;
	if (cursor.take("ALL")) {
		if (cursor.take("EXCEPT")) cursor.list(() => account(cursor));
		return;
	}
	cursor.list(() => account(cursor));
}

function names(g: Grammar): Assigned {
	const { cursor } = g;
	const isDefault = cursor.take("DEFAULT");
	const charset = isDefault ? undefined : collation(cursor);
	if (cursor.take("COLLATE")) return { kind: "names", charset, collation: collation(cursor) };
	return { kind: "names", charset };
}

function password(g: Grammar): Assigned {
	const { cursor } = g;
	if (cursor.take("FOR")) account(cursor);
	if (!cursor.isMariaDb && cursor.take("TO")) {
		cursor.expect("RANDOM");
	} else {
		cursor.expectSymbol("=");
		if (cursor.isMariaDb && (cursor.isWord("PASSWORD") || cursor.isWord("OLD_PASSWORD"))) {
			cursor.at += 1;
			cursor.inBrackets(() => cursor.string());
		} else cursor.string();
	}
	if (cursor.take("REPLACE")) cursor.string();
	if (cursor.take("RETAIN")) cursor.expect("CURRENT", "PASSWORD");
	return { kind: "rights", what: "SET PASSWORD" };
}

/** ISOLATION LEVEL …, READ ONLY, READ WRITE, in any order. */
function transaction(g: Grammar, scope: VariableScope): Assigned {
	const { cursor } = g;
	let readOnly: boolean | undefined;
	let levels = 0;
	do {
		if (cursor.isWord("READ") && readOnly !== undefined) throw cursor.fail();
		if (cursor.take("READ", "ONLY")) readOnly = true;
		else if (cursor.take("READ", "WRITE")) readOnly = false;
		else {
			levels += 1;
			if (levels > 1) throw cursor.fail();
			cursor.expect("ISOLATION", "LEVEL");
			const known =
				cursor.take("SERIALIZABLE") ||
				cursor.take("REPEATABLE", "READ") ||
				cursor.take("READ", "COMMITTED") ||
				cursor.take("READ", "UNCOMMITTED");
			if (!known) throw cursor.fail();
		}
	} while (cursor.takeSymbol(","));
	return { kind: "transaction", scope, ...(readOnly === undefined ? {} : { readOnly }) };
}

function userVariable(g: Grammar): Assigned {
	const { cursor } = g;
	const name = cursor.variableName();
	if (!cursor.takeSymbol(":=")) cursor.expectSymbol("=");
	return { kind: "variable", name, value: g.expression() };
}

/** Behind `@@`. */
function systemVariable(g: Grammar): Assigned {
	const { cursor } = g;
	// Before a dot a word counts as a name.
	const scope = cursor.isSymbol(".", 1) ? SCOPES[cursor.raw().toUpperCase()] : undefined;
	if (scope !== undefined) cursor.at += 2;
	return option(g, scope, true);
}

/** `name = value`; in a stored program it may be a variable of its own. */
function option(g: Grammar, scope: VariableScope | undefined, any = false): Assigned {
	const { cursor } = g;
	const isDefaultCache = cursor.isWord("DEFAULT") && cursor.isSymbol(".", 1);
	if (isDefaultCache) cursor.at += 1;
	if (any && SCOPES[cursor.raw().toUpperCase()] !== undefined) throw cursor.fail();
	let name = isDefaultCache ? "default" : cursor.columnName(any);
	while (cursor.takeSymbol(".")) name += `.${cursor.columnName(true)}`;
	if (!cursor.takeSymbol(":=")) cursor.expectSymbol("=");
	const value = settingValue(g);
	if (/^(new|old)\./.test(name) && scope === undefined && value.kind === "expression") {
		return { kind: "local", value: value.expression };
	}
	return { kind: "setting", name, scope: scope ?? "session", value };
}

function settingValue(g: Grammar): SettingValue {
	const { cursor } = g;
	if (cursor.isWord("DEFAULT") && !cursor.isSymbol("(", 1)) {
		cursor.at += 1;
		return { kind: "default" };
	}
	// Reserved words that are values nonetheless.
	if (cursor.isAnyWord("ON", "ALL", "BINARY", "ROW", "SYSTEM") && !cursor.isSymbol("(", 1) && !continuesBinary(g)) {
		const text = nameOrReserved(g);
		return { kind: "word", text };
	}
	if (cursor.isSymbol(".")) throw cursor.fail();
	const expression = g.expression();
	return bareWord(expression) ?? { kind: "expression", expression };
}

/** `binary 'x'` is an expression. */
function continuesBinary(g: Grammar): boolean {
	const { cursor } = g;
	const next = cursor.kind(1);
	return cursor.isWord("BINARY") && next !== KIND.end && !(next === KIND.symbol && /^[,;]$/.test(cursor.word(1)));
}

function nameOrReserved(g: Grammar): string {
	const text = g.cursor.raw();
	g.cursor.at += 1;
	return text;
}

/** A name alone is a word: ON, utf8mb4, ANSI_QUOTES; or a variable of a stored program. */
function bareWord(expression: Expression): SettingValue | undefined {
	if (expression.kind !== "name" || expression.parts.length !== 1 || expression.star) return undefined;
	return { kind: "word", text: expression.parts[0] ?? "" };
}
