/**
 * FROM: tables, derived tables, JSON_TABLE and joins.
 * MySQL: manual, "JOIN Clause", "JSON Table Functions"; MariaDB: "JOIN Syntax", "System-Versioned Tables".
 */
import type { Expression, JoinSource, RelationPath, Source } from "../query.js";
import type { Cursor } from "./cursor.js";
import { expression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { collation, startsQuery } from "./terms.js";
import { columnType } from "./types.js";
import { TOUCHING_FUNCTIONS } from "./words.js";

/** `t`, `d.t`; `.t` is of the current database. */
export function relationPath(cursor: Cursor): RelationPath {
	const position = cursor.position();
	if (cursor.isMariaDb && cursor.takeSymbol(".")) return { name: cursor.tableName(true), position };
	if (TOUCHING_FUNCTIONS.has(cursor.word()) && cursor.isSymbol("(", 1)) {
		throw cursor.fail("the name of a function before a bracket must be quoted");
	}
	const first = cursor.tableName();
	if (!cursor.isSymbol(".") || cursor.isSymbol("*", 1)) return { name: first, position, end: cursor.endBefore };
	cursor.at += 1;
	return { schema: first, name: cursor.tableName(true), position, end: cursor.endBefore };
}

export function sources(g: Grammar): Source[] {
	return g.cursor.list(() => joined(g));
}

/** A table reference with all joins that follow it. */
function joined(g: Grammar): Source {
	const { cursor } = g;
	if (cursor.isSymbol("{")) return odbcJoin(g);
	return joins(g, factor(g));
}

/** `{ OJ t LEFT JOIN … }` */
function odbcJoin(g: Grammar): Source {
	const { cursor } = g;
	cursor.expectSymbol("{");
	if (cursor.isMariaDb) cursor.name(true);
	else cursor.expect("OJ");
	const inner = joined(g);
	cursor.expectSymbol("}");
	return joins(g, inner);
}

type JoinType = JoinSource["type"];

interface JoinWords {
	readonly type: JoinType;
	readonly natural: boolean;
}

/** The words of a join, taken; undefined: none is next. */
function joinWords(cursor: Cursor): JoinWords | undefined {
	if (
		cursor.take("STRAIGHT_JOIN") ||
		cursor.take("JOIN") ||
		cursor.take("INNER", "JOIN") ||
		cursor.take("CROSS", "JOIN")
	) {
		return { type: "inner", natural: false };
	}
	if (cursor.take("INNER", "STRAIGHT_JOIN")) return { type: "inner", natural: false };
	const natural = cursor.isWord("NATURAL");
	const ahead = natural ? 1 : 0;
	if (!cursor.isAnyWordAt(ahead, "LEFT", "RIGHT", "INNER", "JOIN")) return undefined;
	const side = cursor.word(ahead);
	if (!natural && (side === "INNER" || side === "JOIN")) return undefined;
	cursor.at += ahead;
	const type = side === "LEFT" ? "left" : side === "RIGHT" ? "right" : "inner";
	if (cursor.takeAny("LEFT", "RIGHT", "INNER") !== undefined && type !== "inner") cursor.take("OUTER");
	cursor.expect("JOIN");
	return { type, natural };
}

function joins(g: Grammar, first: Source): Source {
	const { cursor } = g;
	let left = first;
	/** Joins so far that still may get a condition. */
	let open = 0;
	for (;;) {
		const words = joinWords(cursor);
		if (words === undefined) {
			// `a JOIN b JOIN c ON … ON …`: the second condition belongs to the first join.
			if (open === 0 || !isCondition(cursor) || left.kind !== "join") return left;
			cursor.at += 1;
			const on = expression(g);
			left = { ...left, on: left.on === undefined ? on : { kind: "logic", op: "and", operands: [left.on, on] } };
			open -= 1;
			continue;
		}
		const made = cursor.deeper(() => join(g, left, words));
		if (made.type === "inner" && !made.natural && made.on === undefined && made.using.length === 0) open += 1;
		left = made;
	}
}

/** ON, but not that of ON DUPLICATE KEY. */
function isCondition(cursor: Cursor): boolean {
	return cursor.isWord("ON") && !cursor.isWord("DUPLICATE", 1);
}

function join(g: Grammar, left: Source, { type, natural }: JoinWords): JoinSource {
	const { cursor } = g;
	let right = cursor.isSymbol("{") ? odbcJoin(g) : factor(g);
	const made = { kind: "join", type, left, natural } as const;
	if (natural) return { ...made, right, using: [] };
	// The condition of an outer join may stand behind joins that its right side begins.
	if (type !== "inner" && !cursor.isAnyWord("ON", "USING")) right = joins(g, right);
	if (isCondition(cursor) && cursor.take("ON")) return { ...made, right, using: [], on: expression(g) };
	if (cursor.take("USING")) {
		return { ...made, right, using: cursor.inBrackets(() => cursor.list(() => cursor.columnName())) };
	}
	if (type !== "inner") throw cursor.fail("an outer join needs a condition");
	return { ...made, right, using: [] };
}

// ---- table factors ------------------------------------------------------------------------------------------------

function factor(g: Grammar): Source {
	const { cursor } = g;
	if (cursor.isWord("LATERAL") && cursor.isReserved("LATERAL") && cursor.isSymbol("(", 1)) {
		cursor.at += 1;
		return derived(g, true);
	}
	if (cursor.isSymbol("(")) {
		if (startsQuery(cursor)) return bracketQuery(g);
		return bracketJoin(g);
	}
	if (cursor.isWord("JSON_TABLE") && cursor.isSymbol("(", 1)) return jsonTable(g);
	return table(g);
}

/** A bracket that begins with a query: a derived table, or joins of which the first is one. */
function bracketQuery(g: Grammar): Source {
	const { cursor } = g;
	if (!cursor.isSymbol("(", 1)) return derived(g, false);
	return g.guess(() => derived(g, false)) ?? bracketJoin(g);
}

function bracketJoin(g: Grammar): Source {
	const { cursor } = g;
	const inner = cursor.deeper(() => cursor.inBrackets(() => sources(g)));
	return inner.reduce((left, right) => ({ kind: "join", type: "inner", left, right, natural: false, using: [] }));
}

function derived(g: Grammar, lateral: boolean): Source {
	const { cursor } = g;
	const query = g.subquery();
	const name = tableAlias(cursor);
	if (name === undefined && cursor.isMariaDb) throw cursor.fail("a derived table needs a name");
	// MySQL demands one as well, but not by its grammar.
	if (name === undefined) return { kind: "derived", query, lateral };
	const columns = cursor.isSymbol("(") ? cursor.inBrackets(() => cursor.list(() => cursor.columnName())) : [];
	return { kind: "derived", query, alias: { name, columns }, lateral };
}

export function tableAlias(cursor: Cursor): string | undefined {
	if (cursor.take("AS")) return cursor.tableName();
	return cursor.isName() && !cursor.isClauseWord() ? cursor.tableName() : undefined;
}

function table(g: Grammar): Source {
	const { cursor } = g;
	const path = relationPath(cursor);
	const inputs: Expression[] = [];
	const relation = partitions(cursor) ? { ...path, partitions: true } : path;
	if (cursor.isMariaDb) systemTime(g, inputs);
	const name = tableAlias(cursor);
	if (cursor.isMariaDb) systemTime(g, inputs);
	indexHints(cursor);
	if (!cursor.isMariaDb && cursor.isReserved("TABLESAMPLE") && cursor.isWord("TABLESAMPLE")) {
		throw cursor.refuse("TABLESAMPLE is not read");
	}
	return {
		kind: "relation",
		relation,
		...(name === undefined ? {} : { alias: { name, columns: [] } }),
		...(inputs.length === 0 ? {} : { asOf: inputs }),
	};
}

/** PARTITION (p0, p1) */
export function partitions(cursor: Cursor): boolean {
	if (!cursor.isWord("PARTITION") || !cursor.isSymbol("(", 1)) return false;
	cursor.at += 1;
	cursor.inBrackets(() => cursor.list(() => cursor.columnName()));
	return true;
}

/** FOR SYSTEM_TIME …: which versions of the rows; the expressions count as used. */
function systemTime(g: Grammar, inputs: Expression[]): void {
	const { cursor } = g;
	if (!cursor.take("FOR", "SYSTEM_TIME")) return;
	const bound = () => {
		cursor.takeAny("TIMESTAMP", "TRANSACTION");
		inputs.push(g.bitExpression());
	};
	if (cursor.take("ALL")) return;
	if (cursor.take("AS", "OF")) bound();
	else if (cursor.take("BETWEEN")) {
		bound();
		cursor.expect("AND");
		bound();
	} else {
		cursor.expect("FROM");
		bound();
		cursor.expect("TO");
		bound();
	}
}

function indexHints(cursor: Cursor): void {
	while (cursor.isAnyWord("USE", "FORCE", "IGNORE") && cursor.isAnyWordAt(1, "INDEX", "KEY")) {
		const mayBeNone = cursor.isWord("USE");
		cursor.at += 2;
		if (cursor.take("FOR") && !cursor.take("JOIN") && !cursor.take("ORDER", "BY") && !cursor.take("GROUP", "BY")) {
			throw cursor.fail();
		}
		cursor.inBrackets(() => {
			if (!mayBeNone || !cursor.isSymbol(")")) cursor.list(() => cursor.name(true));
		});
	}
}

// ---- JSON_TABLE ---------------------------------------------------------------------------------------------------

function jsonTable(g: Grammar): Source {
	const { cursor } = g;
	cursor.at += 1;
	const columns: string[] = [];
	const inputs = cursor.inBrackets(() => {
		const input = expression(g);
		cursor.expectSymbol(",");
		cursor.string();
		cursor.expect("COLUMNS");
		jsonColumns(g, columns);
		return [input];
	});
	const name = tableAlias(cursor);
	if (name === undefined) throw cursor.fail("JSON_TABLE needs a name");
	return { kind: "computed", what: "JSON_TABLE", inputs, columns, types: [], alias: { name, columns: [] } };
}

function jsonColumns(g: Grammar, columns: string[]): void {
	const { cursor } = g;
	cursor.inBrackets(() =>
		cursor.list(() => {
			if (cursor.take("NESTED")) {
				cursor.take("PATH");
				cursor.string();
				cursor.expect("COLUMNS");
				cursor.deeper(() => jsonColumns(g, columns));
				return;
			}
			columns.push(cursor.columnName());
			if (cursor.take("FOR", "ORDINALITY")) return;
			columnType(cursor);
			if (cursor.take("COLLATE")) collation(cursor);
			cursor.take("EXISTS");
			cursor.expect("PATH");
			cursor.string();
			for (let handlers = 0; handlers < 2; handlers++) {
				if (cursor.take("DEFAULT")) cursor.string();
				else if (cursor.takeAny("NULL", "ERROR") === undefined) return;
				cursor.expect("ON");
				if (cursor.takeAny("EMPTY", "ERROR") === undefined) throw cursor.fail();
			}
		}),
	);
}
