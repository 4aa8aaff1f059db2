/**
 * Statements about the session: its database, transactions, locks, prepared statements, calls, diagnostics, and LOAD.
 * MySQL: manual, "Transactional and Locking Statements", "Prepared Statements", "CALL", "DO", "HANDLER", "KILL", "LOAD DATA".
 */
import type { TransactionOp } from "../facts.js";
import type { Expression } from "../query.js";
import type { LoadStatement, LockStatement, MysqlStatement, TransactionStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { fieldsAndLines } from "./into.js";
import { limitClause } from "./query-tail.js";
import { partitions, relationPath, tableAlias } from "./sources.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";
import { deeds, equals, globalDeed, integer, nameOrText, onRelation, refused } from "./utility-parts.js";

export function use(g: Grammar): MysqlStatement {
	g.cursor.expect("USE");
	return { kind: "use", database: g.cursor.tableName() };
}

// ---- transactions -------------------------------------------------------------------------------------------------

function transaction(tag: string, op: TransactionOp, more: Partial<TransactionStatement> = {}): TransactionStatement {
	return { kind: "transaction", tag, op, ...more };
}

/** BEGIN [WORK]; in stored programs it begins a block. */
export function begin(g: Grammar): MysqlStatement {
	g.cursor.expect("BEGIN");
	g.cursor.take("WORK");
	return transaction("BEGIN", "begin");
}

/** Behind START TRANSACTION. */
export function startTransaction(g: Grammar): MysqlStatement {
	const { cursor } = g;
	let readOnly: boolean | undefined;
	if (!cursor.isEnd) {
		do {
			if (cursor.take("READ", "ONLY")) readOnly = true;
			else if (cursor.take("READ", "WRITE")) readOnly = false;
			else cursor.expect("WITH", "CONSISTENT", "SNAPSHOT");
		} while (cursor.takeSymbol(","));
	}
	return transaction("START TRANSACTION", "begin", readOnly === undefined ? {} : { readOnly });
}

export function commit(g: Grammar): MysqlStatement {
	g.cursor.expect("COMMIT");
	return transaction("COMMIT", "commit", ending(g));
}

export function rollback(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("ROLLBACK");
	const isWork = cursor.take("WORK");
	if (cursor.take("TO")) {
		cursor.take("SAVEPOINT");
		return transaction("ROLLBACK", "rollbackTo", { name: cursor.columnName() });
	}
	return transaction("ROLLBACK", "rollback", ending(g, isWork));
}

function ending(g: Grammar, hadWork = false): Partial<TransactionStatement> {
	const { cursor } = g;
	if (!hadWork) cursor.take("WORK");
	let chain = false;
	if (cursor.take("AND", "CHAIN")) chain = true;
	else cursor.take("AND", "NO", "CHAIN");
	if (!cursor.take("NO", "RELEASE") && cursor.isWord("RELEASE") && !chain) cursor.at += 1;
	return chain ? { chain } : {};
}

export function savepoint(g: Grammar): MysqlStatement {
	g.cursor.expect("SAVEPOINT");
	return transaction("SAVEPOINT", "savepoint", { name: g.cursor.columnName() });
}

export function release(g: Grammar): MysqlStatement {
	g.cursor.expect("RELEASE", "SAVEPOINT");
	return transaction("RELEASE", "release", { name: g.cursor.columnName() });
}

const XA: Readonly<Record<string, TransactionOp>> = {
	START: "begin",
	BEGIN: "begin",
	END: "savepoint",
	PREPARE: "prepareTransaction",
	COMMIT: "commitPrepared",
	ROLLBACK: "rollbackPrepared",
};

export function xa(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("XA");
	if (cursor.take("RECOVER")) {
		if (cursor.take("CONVERT")) cursor.expect("XID");
		if (cursor.isMariaDb && cursor.take("FORMAT")) {
			equals(cursor);
			nameOrText(cursor);
		}
		const shown = { kind: "sensitive", schema: "information_schema", name: "processlist" } as const;
		return { kind: "show", tag: "XA RECOVER", shown };
	}
	const word = cursor.takeAny(...Object.keys(XA));
	if (word === undefined) throw cursor.fail();
	const name = xid(g);
	if (word === "COMMIT") cursor.take("ONE", "PHASE");
	else if (word === "END") {
		if (cursor.take("SUSPEND")) cursor.take("FOR", "MIGRATE");
	} else if (word === "START" || word === "BEGIN") cursor.takeAny("JOIN", "RESUME");
	return transaction(`XA ${word}`, XA[word] as TransactionOp, { name });
}

/** `gtrid [, bqual [, format]]` */
function xid(g: Grammar): string {
	const { cursor } = g;
	const parts: string[] = [];
	const part = () => {
		parts.push(cursor.raw());
		if (cursor.kind() === KIND.bits) cursor.at += 1;
		else cursor.string();
	};
	part();
	if (cursor.takeSymbol(",")) {
		part();
		if (cursor.takeSymbol(",")) parts.push(String(integer(cursor)));
	}
	return parts.join(",");
}

// ---- locks --------------------------------------------------------------------------------------------------------

/** LOCK TABLES, LOCK INSTANCE FOR BACKUP. */
export function lock(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("LOCK");
	if (!cursor.isMariaDb && cursor.take("INSTANCE", "FOR", "BACKUP")) {
		return deeds("LOCK INSTANCE", [globalDeed("lock", "*")], { command: "lock", writes: false });
	}
	if (cursor.takeAny("TABLES", "TABLE") === undefined) throw cursor.fail();
	const tables = cursor.list((): LockStatement["tables"][number] => {
		const path = relationPath(cursor);
		const alias = tableAlias(cursor);
		const named = alias === undefined ? { path } : { path, alias };
		if (cursor.take("READ")) {
			cursor.take("LOCAL");
			return { ...named, shared: true };
		}
		if (cursor.isMariaDb) cursor.take("CONCURRENT");
		cursor.take("LOW_PRIORITY");
		cursor.expect("WRITE");
		if (cursor.isMariaDb) cursor.take("CONCURRENT");
		return { ...named, shared: false };
	});
	if (cursor.isMariaDb) lockWait(g);
	return { kind: "lock", tables };
}

/** WAIT n, NOWAIT (MariaDB). */
export function lockWait(g: Grammar): void {
	if (!g.cursor.isMariaDb || g.cursor.take("NOWAIT")) return;
	if (g.cursor.take("WAIT")) g.expression();
}

export function unlock(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("UNLOCK");
	if (cursor.takeAny("TABLES", "TABLE", ...(cursor.isMariaDb ? [] : ["INSTANCE"])) === undefined) throw cursor.fail();
	return deeds("UNLOCK TABLES", [], { writes: false });
}

// ---- other sessions -----------------------------------------------------------------------------------------------

export function kill(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("KILL");
	if (cursor.isMariaDb) cursor.takeAny("HARD", "SOFT");
	const word = cursor.takeAny("QUERY", "CONNECTION");
	const what = word === "QUERY" ? "query" : "connection";
	const unnamed = { kind: "kill", what, connection: undefined } as const;
	if (cursor.isMariaDb && cursor.take("USER")) {
		nameOrText(cursor);
		if (cursor.kind() === KIND.variable) cursor.variableName();
		return unnamed;
	}
	if (cursor.isMariaDb && word === "QUERY" && cursor.take("ID")) {
		g.expression();
		return unnamed;
	}
	const id = g.expression();
	const isNumber = id.kind === "constant" && id.sort === "number" && /^[0-9]{1,15}$/.test(id.value);
	return { kind: "kill", what, connection: isNumber ? Number(id.value) : undefined };
}

// ---- prepared statements, calls -----------------------------------------------------------------------------------

export function prepare(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("PREPARE");
	const name = cursor.columnName();
	cursor.expect("FROM");
	return { kind: "prepare", name, text: dynamicText(g) };
}

/** MySQL takes a text or a variable; MariaDB any expression without a subquery. */
function dynamicText(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.isMariaDb) return g.expression();
	const position = cursor.position();
	if (cursor.kind() === KIND.variable) return { kind: "variable", name: cursor.variableName(), position };
	return { kind: "constant", sort: "text", value: cursor.string() };
}

export function execute(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("EXECUTE");
	if (cursor.isMariaDb && cursor.take("IMMEDIATE")) {
		const text = dynamicText(g);
		return { kind: "executeImmediate", text, using: using(g) };
	}
	const name = cursor.columnName();
	return { kind: "execute", name, using: using(g) };
}

function using(g: Grammar): readonly Expression[] {
	const { cursor } = g;
	if (!cursor.take("USING")) return [];
	return cursor.list(() => {
		if (!cursor.isMariaDb && cursor.kind() !== KIND.variable) throw cursor.fail();
		if (cursor.isMariaDb && cursor.takeAny("DEFAULT", "IGNORE") !== undefined) return { kind: "default" };
		return g.expression();
	});
}

export function deallocate(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.takeAny("DEALLOCATE", "DROP") === undefined) throw cursor.fail();
	cursor.expect("PREPARE");
	return { kind: "deallocate", name: cursor.columnName() };
}

export function doStatement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("DO");
	const from = cursor.at;
	const expressions = g.selectItems().map((item) => item.expression);
	if (cursor.isWord("DEFAULT", -1) && cursor.at === from + 1) throw cursor.fail(undefined, -1);
	return { kind: "do", expressions };
}

export function call(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CALL");
	const procedure = relationPath(cursor);
	// Of a package: database.package.procedure.
	if (cursor.isMariaDb && cursor.takeSymbol(".")) {
		cursor.name(true);
		throw cursor.refuse("a procedure of a package");
	}
	const given: Expression[] = [];
	if (cursor.takeSymbol("(") && !cursor.takeSymbol(")")) {
		given.push(...cursor.list(() => g.expression()));
		cursor.expectSymbol(")");
	}
	return { kind: "call", procedure, arguments: given };
}

/** HANDLER reads rows of a table one by one, outside any query. */
export function handler(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("HANDLER");
	const path = relationPath(cursor);
	const statement = refused("HANDLER", "HANDLER reads rows outside any query");
	if (cursor.take("OPEN")) {
		tableAlias(cursor);
		return statement;
	}
	if (path.schema !== undefined) throw cursor.fail();
	if (cursor.take("CLOSE")) return statement;
	cursor.expect("READ");
	if (cursor.takeAny("FIRST", "NEXT") === undefined) {
		cursor.name();
		if (cursor.takeAny("FIRST", "NEXT", "PREV", "LAST") === undefined) {
			const word = cursor.word();
			if (cursor.kind() !== KIND.symbol || !["=", "<=", ">=", "<", ">"].includes(word)) throw cursor.fail();
			cursor.at += 1;
			cursor.inBrackets(() => cursor.list(() => g.expression()));
		}
	}
	if (cursor.take("WHERE")) g.expression();
	limitClause(g);
	return statement;
}

export function help(g: Grammar): MysqlStatement {
	g.cursor.expect("HELP");
	nameOrText(g.cursor);
	return { kind: "show", tag: "HELP", shown: { kind: "open" } };
}

// ---- diagnostics --------------------------------------------------------------------------------------------------

/** GET [CURRENT | STACKED] DIAGNOSTICS */
export function getDiagnostics(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("GET");
	cursor.takeAny("CURRENT", ...(cursor.isMariaDb ? [] : ["STACKED"]));
	cursor.expect("DIAGNOSTICS");
	const expressions: Expression[] = [];
	const isCondition = cursor.take("CONDITION");
	if (isCondition) expressions.push(plainValue(g));
	const known = isCondition ? CONDITION_ITEMS : STATEMENT_ITEMS;
	const items = cursor.list(() => {
		if (cursor.kind() === KIND.variable) cursor.variableName();
		else cursor.name();
		cursor.expectSymbol("=");
		const item = cursor.columnName(true);
		if (!known.has(item)) throw cursor.fail(undefined, -1);
		return item;
	});
	return { kind: "diagnostics", items, expressions };
}

/** What both the diagnostics and SIGNAL take: a literal or a variable. */
function plainValue(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.isSymbol("(") || cursor.isAnyWord("EXISTS", "NOT") || cursor.isSymbol("-")) throw cursor.fail();
	return g.bitExpression();
}

const SIGNAL_ITEMS = new Set(
	`class_origin subclass_origin constraint_catalog constraint_schema constraint_name catalog_name schema_name table_name
	column_name cursor_name message_text mysql_errno row_number`.split(/\s+/),
);
const CONDITION_ITEMS = new Set([...SIGNAL_ITEMS, "returned_sqlstate"]);
const STATEMENT_ITEMS = new Set(["number", "row_count"]);

/** SIGNAL and RESIGNAL: an error of the client's own making. */
export function signal(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const isAgain = cursor.take("RESIGNAL");
	if (!isAgain) cursor.expect("SIGNAL");
	if (cursor.take("SQLSTATE")) {
		cursor.take("VALUE");
		cursor.string();
	} else if (!isAgain || cursor.isName()) cursor.name();
	const expressions: Expression[] = [];
	if (cursor.take("SET")) {
		cursor.list(() => {
			if (!SIGNAL_ITEMS.has(cursor.columnName(true))) throw cursor.fail(undefined, -1);
			cursor.expectSymbol("=");
			expressions.push(plainValue(g));
		});
	}
	return deeds(
		isAgain ? "RESIGNAL" : "SIGNAL",
		expressions.map((expression) => ({ kind: "expression", expression, use: "derive" })),
		{ writes: false },
	);
}

// ---- LOAD ---------------------------------------------------------------------------------------------------------

export function load(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("LOAD");
	if (cursor.take("INDEX", "INTO", "CACHE")) return loadIndex(g);
	const format = cursor.takeAny("DATA", "XML");
	if (format === undefined) throw cursor.fail();
	cursor.takeAny("LOW_PRIORITY", "CONCURRENT");
	if (!cursor.isMariaDb) cursor.take("FROM");
	const local = cursor.take("LOCAL");
	cursor.expect("INFILE");
	cursor.string();
	const word = cursor.takeAny("REPLACE", "IGNORE");
	cursor.expect("INTO", "TABLE");
	const target = relationPath(cursor);
	partitions(cursor);
	if (cursor.take("CHARACTER", "SET") || cursor.take("CHARSET")) collation(cursor);
	if (format === "XML" && cursor.take("ROWS")) {
		cursor.expect("IDENTIFIED", "BY");
		cursor.string();
	}
	fieldsAndLines(g);
	return {
		kind: "load",
		format: format === "XML" ? "xml" : "data",
		local,
		target,
		onDuplicate: word === "REPLACE" ? "replace" : word === "IGNORE" ? "ignore" : "error",
		ignoredLines: ignored(g),
		...loadColumns(g),
	};
}

function ignored(g: Grammar): number {
	if (!g.cursor.take("IGNORE")) return 0;
	const lines = integer(g.cursor);
	if (g.cursor.takeAny("LINES", "ROWS") === undefined) throw g.cursor.fail();
	return lines;
}

function loadColumns(g: Grammar): Pick<LoadStatement, "columns" | "assignments"> {
	const { cursor } = g;
	let columns: string[] | undefined;
	if (cursor.takeSymbol("(")) {
		const fields = cursor.isSymbol(")") ? [] : cursor.list(() => field(g));
		cursor.expectSymbol(")");
		columns = fields.filter((name) => name !== undefined);
	}
	const assignments: { column: string; value: Expression }[] = [];
	if (cursor.take("SET")) {
		cursor.list(() => {
			const column = columnOf(g);
			if (!cursor.takeSymbol(":=")) cursor.expectSymbol("=");
			assignments.push({ column, value: g.expression() });
		});
	}
	return { columns, assignments };
}

/** A column; undefined for a variable. */
function field(g: Grammar): string | undefined {
	if (g.cursor.kind() !== KIND.variable) return columnOf(g);
	g.cursor.variableName();
	return undefined;
}

function columnOf(g: Grammar): string {
	let name = g.cursor.columnName();
	while (g.cursor.takeSymbol(".")) name = g.cursor.columnName(true);
	return name;
}

/** LOAD INDEX INTO CACHE t [PARTITION …] [INDEX (…)] [IGNORE LEAVES], … */
function loadIndex(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const tables = cursor.list(() => {
		const path = cacheTable(g);
		cursor.take("IGNORE", "LEAVES");
		return path;
	});
	return deeds(
		"LOAD INDEX",
		tables.map((path) => onRelation("vacuum", path)),
		{ command: "vacuum" },
	);
}

/** CACHE INDEX t … IN cache */
export function cacheIndex(g: Grammar): MysqlStatement {
	const { cursor } = g;
	cursor.expect("CACHE", "INDEX");
	const tables = cursor.list(() => cacheTable(g));
	cursor.expect("IN");
	if (!cursor.take("DEFAULT")) cursor.name();
	return deeds(
		"CACHE INDEX",
		tables.map((path) => onRelation("vacuum", path)),
		{ command: "vacuum" },
	);
}

function cacheTable(g: Grammar) {
	const { cursor } = g;
	const path = relationPath(cursor);
	if (cursor.take("PARTITION")) {
		cursor.inBrackets(() => (cursor.take("ALL") ? [] : cursor.list(() => cursor.name())));
	}
	if (cursor.takeAny("INDEX", "KEY") !== undefined) {
		cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => cursor.name(true))));
	}
	return path;
}
