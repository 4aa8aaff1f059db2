/**
 * Queries: SELECT, VALUES, TABLE, set operations, WITH.
 * MySQL: manual, "SELECT Statement", "Parenthesized Query Expressions", "WITH"; MariaDB: "SELECT", "Table Value Constructors".
 */
import type { Body, CommonTable, Expression, Query, Select, SelectItem, Window, With } from "../query.js";
import { Unreadable } from "../unreadable.js";
import type { Cursor } from "./cursor.js";
import { expression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { into } from "./into.js";
import { queryTail } from "./query-tail.js";
import { selectItems } from "./select-items.js";
import { relationPath, sources } from "./sources.js";
import { windowSpec } from "./windows.js";

/** A query expression, without brackets around it. */
export function query(g: Grammar): Query {
	return g.cursor.deeper(() => {
		const clause = g.cursor.isWord("WITH") ? withClause(g) : undefined;
		return queryAfterWith(g, clause);
	});
}

/** What follows WITH when it is a query. */
export function queryAfterWith(g: Grammar, clause: With | undefined): Query {
	const inner = setOperations(g);
	const tail = queryTail(g);
	const withed = clause === undefined ? {} : { with: clause };
	// What stands in brackets keeps its own order and limits.
	if (inner.isBare) return { kind: "query", ...withed, body: inner.query.body, ...tail };
	if (clause === undefined && tail.orderBy.length + tail.limits.length + tail.locking.length === 0) return inner.query;
	return { kind: "query", ...withed, body: wrapped(inner.query), ...tail };
}

/** `(query) ORDER BY …`: the order is over the result, as over a derived table that passes all columns on. */
function wrapped(inner: Query): Body {
	if (inner.with === undefined && inner.orderBy.length + inner.limits.length + inner.locking.length === 0)
		return inner.body;
	const star: Expression = { kind: "name", parts: [], star: true };
	return selectOf(
		[{ expression: star, label: "*" }],
		[{ kind: "derived", query: inner, alias: { name: "", columns: [] }, lateral: false }],
	);
}

function selectOf(items: readonly SelectItem[], from: Select["from"]): Select {
	return { kind: "select", distinct: "no", items, from, groupBy: [], windows: new Map() };
}

export function subquery(g: Grammar): Query {
	const { cursor } = g;
	const before = g.into;
	const inner = bracketed(g);
	if (g.into !== before) throw cursor.fail("INTO stands in a subquery", -1);
	return inner;
}

/** `( query )`. What is read under a guess is kept: else nested wrong guesses would double the work with each level. */
function bracketed(g: Grammar): Query {
	const { cursor, guessed } = g;
	const first = cursor.at;
	const known = guessed.get(first);
	if (known !== undefined) {
		if ("error" in known) throw known.error;
		cursor.at = known.end;
		return known.query;
	}
	if (g.guesses === 0) return cursor.inBrackets(() => query(g));
	try {
		const made = cursor.inBrackets(() => query(g));
		guessed.set(first, { query: made, end: cursor.at });
		return made;
	} catch (error) {
		guessed.set(first, { error });
		throw error;
	}
}

/** Tries a reading of what is next; undefined: it is none, and nothing was taken. */
export function guess<Result>(g: Grammar, reading: () => Result): Result | undefined {
	const { cursor, into: before } = g;
	const { at } = cursor;
	g.guesses += 1;
	try {
		return reading();
	} catch (error) {
		if (!(error instanceof Unreadable) || error.kind !== "syntax") throw error;
		cursor.at = at;
		g.into = before;
		return undefined;
	} finally {
		g.guesses -= 1;
	}
}

// ---- set operations -----------------------------------------------------------------------------------------------

interface Side {
	readonly query: Query;
	/** It stands without brackets, so that what follows the whole belongs to it when it is alone. */
	readonly isBare: boolean;
}

function bare(body: Body): Query {
	return { kind: "query", body, orderBy: [], limits: [], locking: [] };
}

function setOperations(g: Grammar): Side {
	const { cursor } = g;
	const { into: before } = g;
	let left = intersections(g);
	for (;;) {
		const op = cursor.takeAny("UNION", "EXCEPT", "MINUS");
		if (op === undefined) return left;
		const all = setQuantifier(cursor);
		const right = lastSide(g, before, () => intersections(g));
		const body: Body = {
			kind: "setOperation",
			op: op === "UNION" ? "union" : "except",
			all,
			left: left.query,
			right: right.query,
		};
		left = { query: bare(body), isBare: true };
	}
}

function intersections(g: Grammar): Side {
	const { cursor } = g;
	const { into: before } = g;
	let left = primary(g);
	while (cursor.take("INTERSECT")) {
		const all = setQuantifier(cursor);
		const right = lastSide(g, before, () => primary(g));
		const body: Body = { kind: "setOperation", op: "intersect", all, left: left.query, right: right.query };
		left = { query: bare(body), isBare: true };
	}
	return left;
}

/**
 * INTO belongs to the whole: it stands behind it, and with MySQL also inside the last SELECT. `before`: what it was when the
 * operation's first side began.
 */
function lastSide(g: Grammar, before: Grammar["into"], side: () => Side): Side {
	if (g.into !== before) throw g.cursor.fail("INTO stands before the end of the query");
	const right = side();
	if (g.cursor.isMariaDb && g.into !== before) throw g.cursor.fail("INTO stands in a part of the query");
	return right;
}

function setQuantifier(cursor: Cursor): boolean {
	if (cursor.take("ALL")) return true;
	cursor.take("DISTINCT");
	return false;
}

function primary(g: Grammar): Side {
	const { cursor } = g;
	if (cursor.isSymbol("(")) {
		const inner = cursor.deeper(() => bracketed(g));
		return { query: inner, isBare: false };
	}
	if (cursor.take("SELECT")) return { query: select(g), isBare: true };
	if (cursor.isAnyWord("VALUES", "VALUE")) return { query: bare(valuesBody(g)), isBare: true };
	if (cursor.take("TABLE")) {
		const star: Expression = { kind: "name", parts: [], star: true };
		const relation = relationPath(cursor);
		return {
			query: bare(selectOf([{ expression: star, label: "*" }], [{ kind: "relation", relation }])),
			isBare: true,
		};
	}
	throw cursor.fail();
}

/** `VALUES ROW(…), …` (MySQL), `VALUES (…), …` (MariaDB). */
export function valuesBody(g: Grammar): Body {
	const { cursor } = g;
	cursor.takeAny("VALUES", "VALUE");
	const rows = cursor.list(() => {
		if (!cursor.isMariaDb) cursor.expect("ROW");
		return cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => expression(g))));
	});
	return { kind: "values", rows };
}

// ---- WITH ---------------------------------------------------------------------------------------------------------

export function withClause(g: Grammar): With {
	const { cursor } = g;
	cursor.expect("WITH");
	const recursive = cursor.take("RECURSIVE");
	return { recursive, items: cursor.list(() => commonTable(g)) };
}

function commonTable(g: Grammar): CommonTable {
	const { cursor } = g;
	const position = cursor.position();
	const name = cursor.tableName();
	const columns = cursor.isSymbol("(") ? cursor.inBrackets(() => cursor.list(() => cursor.columnName())) : [];
	cursor.expect("AS");
	const inner = subquery(g);
	if (cursor.isMariaDb && cursor.take("CYCLE")) {
		cursor.list(() => cursor.columnName());
		cursor.expect("RESTRICT");
	}
	return { name, columns, query: inner, added: [], position };
}

// ---- SELECT -------------------------------------------------------------------------------------------------------

const OPTIONS = [
	"HIGH_PRIORITY",
	"STRAIGHT_JOIN",
	"SQL_SMALL_RESULT",
	"SQL_BIG_RESULT",
	"SQL_BUFFER_RESULT",
	"SQL_NO_CACHE",
	"SQL_CACHE",
	"SQL_CALC_FOUND_ROWS",
];

function select(g: Grammar): Query {
	const { cursor } = g;
	let distinct: Select["distinct"] = "no";
	for (;;) {
		if (cursor.takeAny("DISTINCT", "DISTINCTROW") !== undefined) distinct = "all";
		else if (!cursor.take("ALL") && cursor.takeAny(...OPTIONS) === undefined) break;
	}
	const items = selectItems(g);
	into(g);
	const from = cursor.take("FROM") ? fromClause(g) : [];
	const where = cursor.take("WHERE") ? expression(g) : undefined;
	const groupBy = cursor.take("GROUP", "BY") ? groupItems(g) : [];
	const conditions: Expression[] = [];
	if (cursor.take("HAVING")) conditions.push(expression(g));
	const windows = cursor.isReserved("WINDOW") || cursor.isMariaDb ? windowClause(g) : new Map<string, Window>();
	if (cursor.isReserved("QUALIFY") && cursor.take("QUALIFY")) conditions.push(expression(g));
	if (cursor.isWord("PROCEDURE")) throw cursor.refuse("PROCEDURE ANALYSE tells values of the result");
	const [condition, qualify] = conditions;
	const having = qualify === undefined ? condition : ({ kind: "logic", op: "and", operands: conditions } as const);
	const body: Select = {
		kind: "select",
		distinct,
		items,
		from,
		...(where === undefined ? {} : { where }),
		groupBy,
		...(having === undefined ? {} : { having }),
		windows,
	};
	return bare(body);
}

function fromClause(g: Grammar): Select["from"] {
	const { cursor } = g;
	if (cursor.take("DUAL")) return [];
	return sources(g);
}

function groupItems(g: Grammar): Expression[] {
	const { cursor } = g;
	if (cursor.isWord("GROUPING") && cursor.isWord("SETS", 1) && !cursor.isMariaDb) {
		cursor.at += 2;
		return cursor.inBrackets(() => cursor.list(() => groupingSet(g))).flat();
	}
	if (
		(cursor.isWord("ROLLUP") && cursor.isSymbol("(", 1)) ||
		(!cursor.isMariaDb && cursor.isWord("CUBE") && cursor.isSymbol("(", 1))
	) {
		cursor.at += 1;
		return cursor.inBrackets(() => cursor.list(() => expression(g)));
	}
	const items = cursor.list(() => {
		const item = expression(g);
		if (cursor.isMariaDb) cursor.takeAny("ASC", "DESC");
		return item;
	});
	cursor.take("WITH", "ROLLUP");
	return items;
}

/** `(a, b)`, `()`, `a` */
function groupingSet(g: Grammar): Expression[] {
	const { cursor } = g;
	if (!cursor.isSymbol("(") || !cursor.isSymbol(")", 1)) return [expression(g)];
	cursor.at += 2;
	return [];
}

function windowClause(g: Grammar): ReadonlyMap<string, Window> {
	const { cursor } = g;
	const windows = new Map<string, Window>();
	if (!cursor.isWord("WINDOW") || !cursor.isWord("AS", 2)) return windows;
	cursor.at += 1;
	do {
		const name = cursor.columnName();
		cursor.expect("AS");
		windows.set(
			name,
			cursor.inBrackets(() => windowSpec(g)),
		);
	} while (cursor.takeSymbol(","));
	return windows;
}
