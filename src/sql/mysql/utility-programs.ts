/**
 * Stored programs: routines, triggers, events, and the compound statements that they are made of. Their bodies are read to
 * know where they end; what they do is code, of which a license judges only that it is made.
 * MySQL: manual, "Compound Statements", "CREATE PROCEDURE", "CREATE TRIGGER", "CREATE EVENT".
 */
import type { Deed, MysqlStatement } from "./ast.js";
import type { Cursor } from "./cursor.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";
import { columnType } from "./types.js";
import type { Created } from "./utility-parts.js";
import { deeds, definition, globalDeed, ifExists, ifNotExists, onRelation } from "./utility-parts.js";
import { setStatement } from "./utility-set.js";

// ---- routines -----------------------------------------------------------------------------------------------------

interface Routine extends Created {
	/** DEFINER was given, AGGREGATE was given. */
	readonly isDefined: boolean;
	readonly aggregate: boolean;
}

/** Behind CREATE … PROCEDURE and FUNCTION. */
export function createRoutine(g: Grammar, word: "PROCEDURE" | "FUNCTION", how: Routine): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = relationPath(cursor);
	const made: Deed[] = [{ kind: "created", path, replaces: how.replaces }];
	if (word === "FUNCTION" && cursor.take("RETURNS")) {
		// A function of a library of the server's own: CREATE FUNCTION f RETURNS INTEGER SONAME 'l.so'.
		if (cursor.takeAny("STRING", "INTEGER", "REAL", "DECIMAL") === undefined) throw cursor.fail();
		if (how.isDefined) throw cursor.fail(undefined, -1);
		cursor.expect("SONAME");
		cursor.string();
		made.push({ kind: "refused", why: "functions of libraries bring foreign code into the server" });
		return definition("CREATE FUNCTION", "create", made);
	}
	// An aggregate that is written in SQL is MariaDB's.
	if (how.aggregate && !cursor.isMariaDb) throw cursor.fail();
	const from = cursor.at;
	parameters(g, word);
	if (word === "FUNCTION") {
		cursor.expect("RETURNS");
		if (cursor.isWord("ROW")) throw cursor.fail();
		variableType(g);
	}
	characteristics(g);
	if (!cursor.isMariaDb && cursor.take("AS")) foreignBody(cursor);
	else programStatement(g);
	limitsAreIntegers(cursor, from);
	return definition(`CREATE ${word}`, "create", made);
}

const NO_INTEGERS = new Set("FLOAT DOUBLE REAL DECIMAL DATE TIME DATETIME CHAR VARCHAR TEXT".split(" "));

/** A variable of a program in LIMIT is an integer: the server tells by its declaration. */
function limitsAreIntegers(cursor: Cursor, from: number): void {
	const others = new Set<string>();
	for (let ahead = from - cursor.at; ahead < 0; ahead++) {
		if (cursor.kind(ahead) !== KIND.word) continue;
		// `a, b FLOAT`: the names before a type.
		if (NO_INTEGERS.has(cursor.word(ahead))) {
			for (let name = ahead - 1; cursor.kind(name) === KIND.word; name -= 2) {
				others.add(cursor.word(name));
				if (!cursor.isSymbol(",", name - 1)) break;
			}
		}
		if (!cursor.isWord("LIMIT", ahead)) continue;
		const second = cursor.isSymbol(",", ahead + 2) ? 3 : 1;
		for (const name of [1, second]) {
			if (cursor.kind(ahead + name) === KIND.word && others.has(cursor.word(ahead + name))) {
				throw cursor.fail(undefined, ahead + name);
			}
		}
	}
}

function parameters(g: Grammar, word: "PROCEDURE" | "FUNCTION"): void {
	const { cursor } = g;
	cursor.inBrackets(() => {
		if (cursor.isSymbol(")")) return;
		cursor.list(() => {
			if (word === "PROCEDURE" || cursor.isMariaDb) cursor.takeAny("IN", "OUT", "INOUT");
			cursor.name();
			variableType(g);
			if (cursor.isMariaDb && cursor.take("DEFAULT")) g.expression();
		});
	});
}

/** A type, or TYPE OF a column (MariaDB). */
function variableType(g: Grammar): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("TYPE", "OF")) {
		cursor.name();
		while (cursor.takeSymbol(".")) cursor.name(true);
		return;
	}
	if (cursor.isMariaDb && cursor.take("ROW")) {
		if (cursor.take("TYPE", "OF")) {
			cursor.name();
			while (cursor.takeSymbol(".")) cursor.name(true);
			return;
		}
		cursor.inBrackets(() =>
			cursor.list(() => {
				cursor.name();
				if (cursor.isWord("ROW")) throw cursor.fail();
				variableType(g);
			}),
		);
		return;
	}
	columnType(cursor);
	if (cursor.take("COLLATE")) cursor.name();
}

function characteristics(g: Grammar): boolean {
	const { cursor } = g;
	let found = false;
	for (;;) {
		if (cursor.take("COMMENT")) cursor.string();
		else if (cursor.take("LANGUAGE")) cursor.name(true);
		else if (cursor.take("NOT", "DETERMINISTIC") || cursor.take("DETERMINISTIC")) found = true;
		else if (cursor.take("CONTAINS", "SQL") || cursor.take("NO", "SQL")) found = true;
		else if (cursor.take("READS", "SQL", "DATA") || cursor.take("MODIFIES", "SQL", "DATA")) found = true;
		else if (cursor.take("SQL", "SECURITY")) {
			if (cursor.takeAny("DEFINER", "INVOKER") === undefined) throw cursor.fail();
		} else if (!cursor.isMariaDb && cursor.take("USING")) {
			cursor.inBrackets(() =>
				cursor.list(() => {
					relationPath(cursor);
					if (cursor.take("AS") || cursor.isName()) cursor.name();
				}),
			);
		} else return found;
		found = true;
	}
}

/** A body in another language: a text. */
function foreignBody(cursor: Cursor): void {
	cursor.string();
}

/** Behind ALTER PROCEDURE and FUNCTION. */
export function alterRoutine(g: Grammar, word: string): MysqlStatement {
	if (g.cursor.isMariaDb) ifExists(g.cursor);
	const path = relationPath(g.cursor);
	characteristics(g);
	return definition(`ALTER ${word}`, "alter", [{ kind: "named", command: "alter", path }]);
}

/** Behind DROP of a routine, trigger, event, library. */
export function dropProgram(g: Grammar, word: string): MysqlStatement {
	ifExists(g.cursor);
	const path = relationPath(g.cursor);
	return definition(`DROP ${word}`, "drop", [{ kind: "named", command: "drop", path }]);
}

/** Behind CREATE and ALTER LIBRARY: code in another language. */
export function library(g: Grammar, command: "create" | "alter"): MysqlStatement {
	const { cursor } = g;
	if (command === "create") ifNotExists(cursor);
	const path = relationPath(cursor);
	for (;;) {
		if (cursor.take("COMMENT")) cursor.string();
		else if (command === "create" && cursor.take("LANGUAGE")) cursor.name();
		else break;
	}
	if (cursor.take("AS")) {
		if (cursor.kind() === KIND.bits) cursor.at += 1;
		else foreignBody(cursor);
	}
	const deed: Deed = command === "create" ? { kind: "created", path } : { kind: "named", command, path };
	return definition(`${command.toUpperCase()} LIBRARY`, command, [deed]);
}

// ---- triggers and events ------------------------------------------------------------------------------------------

/** Behind CREATE … TRIGGER: it runs on other people's statements. */
export function createTrigger(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = relationPath(cursor);
	if (cursor.takeAny("BEFORE", "AFTER") === undefined) throw cursor.fail();
	if (cursor.takeAny("INSERT", "UPDATE", "DELETE") === undefined) throw cursor.fail();
	cursor.expect("ON");
	const table = relationPath(cursor);
	cursor.expect("FOR", "EACH", "ROW");
	if (cursor.takeAny("FOLLOWS", "PRECEDES") !== undefined) cursor.name();
	programStatement(g);
	return definition("CREATE TRIGGER", "alter", [
		{ kind: "created", path, replaces: how.replaces },
		onRelation("alter", table),
	]);
}

/** Behind CREATE … EVENT. */
export function createEvent(g: Grammar, how: Created): MysqlStatement {
	const { cursor } = g;
	ifNotExists(cursor);
	const path = relationPath(cursor);
	cursor.expect("ON", "SCHEDULE");
	schedule(g);
	eventOptions(g);
	cursor.expect("DO");
	programStatement(g);
	return definition("CREATE EVENT", "create", [{ kind: "created", path, replaces: how.replaces }]);
}

export function alterEvent(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const path = relationPath(cursor);
	const list: Deed[] = [{ kind: "named", command: "alter", path }];
	if (cursor.take("ON", "SCHEDULE")) schedule(g);
	eventOptions(g, list);
	if (cursor.take("DO")) programStatement(g);
	return definition("ALTER EVENT", "alter", list);
}

function schedule(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("AT")) {
		g.expression();
		return;
	}
	cursor.expect("EVERY");
	g.expression();
	cursor.name(true);
	if (cursor.take("STARTS")) g.expression();
	if (cursor.take("ENDS")) g.expression();
}

function eventOptions(g: Grammar, list: Deed[] = []): void {
	const { cursor } = g;
	for (;;) {
		if (cursor.take("ON", "COMPLETION")) {
			cursor.take("NOT");
			cursor.expect("PRESERVE");
		} else if (cursor.take("RENAME", "TO")) list.push({ kind: "created", path: relationPath(cursor) });
		else if (cursor.take("ENABLE")) continue;
		else if (cursor.take("DISABLE")) {
			if (cursor.take("ON") && cursor.takeAny("SLAVE", "REPLICA") === undefined) throw cursor.fail();
		} else if (cursor.take("COMMENT")) cursor.string();
		else return;
	}
}

// ---- statements of programs ---------------------------------------------------------------------------------------

/** One statement of a program; the semicolon behind it is not taken. */
export function programStatement(g: Grammar): void {
	g.cursor.deeper(() => statementOf(g));
}

function statementOf(g: Grammar): void {
	const { cursor } = g;
	g.into = undefined;
	if (cursor.isName() && cursor.isSymbol(":", 1)) {
		cursor.name();
		cursor.expectSymbol(":");
		// Words that begin or end a clause of a program are no labels.
		if (cursor.isAnyWordAt(-2, "GET", "COMPRESSED")) throw cursor.fail(undefined, -2);
		if (!cursor.isAnyWord("BEGIN", "LOOP", "REPEAT", "WHILE", ...(cursor.isMariaDb ? ["FOR"] : [])))
			throw cursor.fail();
	}
	if (cursor.kind() !== KIND.word) {
		sqlStatement(g);
		return;
	}
	switch (cursor.word()) {
		case "BEGIN":
			block(g);
			return;
		case "IF":
			ifStatement(g);
			return;
		case "CASE":
			caseStatement(g);
			return;
		case "LOOP":
			cursor.at += 1;
			loopBody(g, "LOOP");
			return;
		case "WHILE":
			cursor.at += 1;
			g.expression();
			cursor.expect("DO");
			loopBody(g, "WHILE");
			return;
		case "FOR":
			forStatement(g);
			return;
		case "REPEAT":
			repeat(g);
			return;
		case "LEAVE":
		case "ITERATE":
			cursor.at += 1;
			cursor.name();
			return;
		case "RETURN":
			cursor.at += 1;
			g.expression();
			return;
		case "OPEN":
			cursor.at += 1;
			cursor.name();
			if (cursor.isMariaDb && cursor.takeSymbol("(") && !cursor.takeSymbol(")")) {
				cursor.list(() => g.expression());
				cursor.expectSymbol(")");
			}
			return;
		case "CLOSE":
			cursor.at += 1;
			cursor.name();
			return;
		case "FETCH":
			fetch(g);
			return;
		case "SET":
			setStatement(g);
			return;
		default:
			sqlStatement(g);
	}
}

function sqlStatement(g: Grammar): void {
	const read = g.statement();
	g.into = undefined;
	if (read.kind === "empty") throw g.cursor.fail();
}

/** Statements, each with its semicolon, up to one of these words. */
function statements(g: Grammar, ...ends: readonly string[]): void {
	const { cursor } = g;
	do {
		programStatement(g);
		cursor.expectSymbol(";");
	} while (!cursor.isAnyWord(...ends));
}

/** Behind the optional label: `BEGIN [NOT ATOMIC] declarations statements END [label]`. */
function block(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("BEGIN");
	if (cursor.isMariaDb) cursor.take("NOT", "ATOMIC");
	while (cursor.isWord("DECLARE")) {
		declare(g);
		cursor.expectSymbol(";");
	}
	if (!cursor.isWord("END")) statements(g, "END");
	cursor.expect("END");
	endLabel(g);
}

function endLabel(g: Grammar): void {
	if (g.cursor.isName()) g.cursor.name();
}

function declare(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("DECLARE");
	if (cursor.isAnyWord("CONTINUE", "EXIT", "UNDO") && cursor.isWord("HANDLER", 1)) {
		cursor.at += 2;
		cursor.expect("FOR");
		cursor.list(() => condition(g));
		programStatement(g);
		return;
	}
	if (cursor.isWord("CURSOR", 1)) {
		cursor.name();
		cursor.at += 1;
		if (cursor.isMariaDb && cursor.isSymbol("(")) {
			cursor.inBrackets(() =>
				cursor.list(() => {
					cursor.take("IN");
					cursor.name();
					variableType(g);
				}),
			);
		}
		cursor.expect("FOR");
		g.query();
		g.into = undefined;
		return;
	}
	if (cursor.isWord("CONDITION", 1)) {
		cursor.name();
		cursor.at += 1;
		cursor.expect("FOR");
		condition(g);
		return;
	}
	cursor.list(() => cursor.name());
	variableType(g);
	if (cursor.take("DEFAULT") || (cursor.isMariaDb && cursor.takeSymbol(":="))) g.expression();
}

function condition(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("SQLSTATE")) {
		cursor.take("VALUE");
		cursor.string();
	} else if (cursor.kind() === KIND.integer) cursor.at += 1;
	else if (cursor.takeAny("SQLWARNING", "SQLEXCEPTION") === undefined && !cursor.take("NOT", "FOUND")) cursor.name();
}

function ifStatement(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("IF");
	do {
		g.expression();
		cursor.expect("THEN");
		statements(g, "ELSEIF", "ELSE", "END");
	} while (cursor.take("ELSEIF"));
	if (cursor.take("ELSE")) statements(g, "END");
	cursor.expect("END", "IF");
}

function caseStatement(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("CASE");
	if (!cursor.isWord("WHEN")) g.expression();
	while (cursor.take("WHEN")) {
		g.expression();
		cursor.expect("THEN");
		statements(g, "WHEN", "ELSE", "END");
	}
	if (cursor.take("ELSE")) statements(g, "END");
	cursor.expect("END", "CASE");
}

function loopBody(g: Grammar, word: string): void {
	statements(g, "END");
	g.cursor.expect("END", word);
	endLabel(g);
}

function repeat(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("REPEAT");
	statements(g, "UNTIL");
	cursor.expect("UNTIL");
	g.expression();
	cursor.expect("END", "REPEAT");
	endLabel(g);
}

/** `FOR i IN [REVERSE] 1 .. 10 DO`, `FOR row IN cursor | (query) DO` (MariaDB). */
function forStatement(g: Grammar): void {
	const { cursor } = g;
	if (!cursor.isMariaDb) throw cursor.fail();
	cursor.expect("FOR");
	cursor.name();
	cursor.expect("IN");
	cursor.take("REVERSE");
	g.expression();
	if (cursor.takeSymbol(".")) {
		cursor.expectSymbol(".");
		g.expression();
	}
	g.into = undefined;
	cursor.expect("DO");
	loopBody(g, "FOR");
}

function fetch(g: Grammar): void {
	const { cursor } = g;
	cursor.expect("FETCH");
	if (cursor.take("NEXT")) cursor.expect("FROM");
	else if (cursor.isWord("FROM")) cursor.at += 1;
	cursor.name();
	cursor.expect("INTO");
	cursor.list(() => (cursor.kind() === KIND.variable ? cursor.variableName() : cursor.name()));
}

// ---- compound statements outside programs (MariaDB) ---------------------------------------------------------------

/** BEGIN NOT ATOMIC, IF, CASE, LOOP, WHILE, REPEAT, FOR: code that runs at once. */
export function compound(g: Grammar): MysqlStatement {
	programStatement(g);
	return deeds("BEGIN NOT ATOMIC", [globalDeed("execute", "*")], { command: "execute", changesCatalog: true });
}
