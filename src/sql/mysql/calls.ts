/**
 * Calls and everything else that begins with a word: functions with a syntax of their own, aggregates and windows,
 * literals such as DATE '…', CASE.
 */
import type { CallExpression, Expression, ObjectPath, SortItem, Window } from "../query.js";
import type { Cursor } from "./cursor.js";
import type { Grammar } from "./grammar.js";
import { collation, construct, UNITS } from "./terms.js";
import { KIND } from "./tokens.js";

const NONE: readonly SortItem[] = [];

function plainCall(name: ObjectPath, args: readonly Expression[]): CallExpression {
	return { kind: "call", name, arguments: args, star: false, distinct: false, orderBy: NONE };
}

function named(name: string, args: readonly Expression[], position: number): Expression {
	return plainCall({ name, position }, args);
}

function constant(sort: "null" | "boolean" | "number" | "text", value: string): Expression {
	return { kind: "constant", sort, value };
}

/** A call by name; the bracket is next. */
export function call(g: Grammar, name: ObjectPath): Expression {
	const { cursor } = g;
	const isReserved = cursor.kind(-1) === KIND.word && cursor.isReserved(cursor.word(-1));
	cursor.expectSymbol("(");
	const args: Expression[] = [];
	if (!cursor.isSymbol(")")) {
		do {
			args.push(g.expression());
			if (!isReserved) argumentName(cursor);
		} while (cursor.takeSymbol(","));
	}
	cursor.expectSymbol(")");
	if (name.schema !== undefined) return plainCall(name, args);
	if (WINDOW_FUNCTIONS.has(name.name)) {
		checkCounts(cursor, name.name, args);
		if (!cursor.isMariaDb && name.name !== "json_objectagg" && !mayBeOver(cursor)) throw cursor.fail();
		return over(g, plainCall(name, args));
	}
	const [precision] = args;
	if (precision !== undefined && CLOCKS.has(name.name) && !(precision.kind === "constant" && args.length === 1)) {
		throw cursor.fail("the time of day takes a number of digits");
	}
	return plainCall(name, args);
}

/** Functions without a syntax of their own that OVER may follow. */
const WINDOW_FUNCTIONS: ReadonlySet<string> = new Set(
	"row_number rank dense_rank cume_dist percent_rank ntile lag lead first_value last_value nth_value json_objectagg".split(
		" ",
	),
);

/** MySQL takes a window function with OVER alone, before which NULLS and FROM FIRST may stand. */
function mayBeOver(cursor: Cursor): boolean {
	return cursor.isAnyWord("OVER", "FROM", "RESPECT", "IGNORE");
}

/** How many rows or groups: MySQL takes a number, a parameter or a variable. */
function checkCounts(cursor: Cursor, name: string, args: readonly Expression[]): void {
	const count = name === "ntile" ? args[0] : name === "lag" || name === "lead" ? args[1] : undefined;
	if (count === undefined || cursor.isMariaDb) return;
	const isNumber = count.kind === "constant" && count.sort === "number" && /^\d+$/.test(count.value);
	if (!isNumber && count.kind !== "parameter" && count.kind !== "variable" && count.kind !== "name") {
		throw cursor.fail(`${name} takes a number`);
	}
}

const CLOCKS: ReadonlySet<string> = new Set(
	"now current_timestamp localtime localtimestamp curtime current_time sysdate utc_time utc_timestamp".split(" "),
);

/** Loadable functions may be given names for their arguments. */
function argumentName(cursor: Cursor): void {
	const isNamed = cursor.take("AS");
	if (cursor.kind() === KIND.text) cursor.string();
	else if (isNamed || cursor.isName()) cursor.columnName();
}

/** An expression that a word begins; undefined: the word is a name. */
export function keywordCall(g: Grammar): Expression | undefined {
	const { cursor } = g;
	const word = cursor.word();
	const position = cursor.position();
	if (cursor.isSymbol(".", 1)) return undefined;
	if (word === "CASE") return caseExpression(g);
	if (word === "MATCH" && cursor.isReserved(word) && !cursor.isSymbol("(", 1)) {
		cursor.at += 1;
		return matchCall(g);
	}
	if (!cursor.isSymbol("(", 1)) return bareWord(g, word, position);
	if (cursor.isMariaDb && DYNAMIC_COLUMNS.has(word)) {
		cursor.at += 1;
		return dynamicColumns(g, word.toLowerCase(), position);
	}
	const special = SPECIAL.get(word);
	if (special !== undefined) {
		if (!cursor.touches()) {
			// Apart from its bracket the word is no function of the server's own.
			if (cursor.isReserved(word)) throw cursor.fail();
			return undefined;
		}
		cursor.at += 1;
		return special(g, position);
	}
	if (!cursor.isReserved(word)) return undefined;
	if (!RESERVED_FUNCTIONS.has(word)) return undefined;
	cursor.at += 1;
	return call(g, { name: word.toLowerCase(), position });
}

const DYNAMIC_COLUMNS: ReadonlySet<string> = new Set(["COLUMN_CREATE", "COLUMN_ADD", "COLUMN_GET"]);

/** COLUMN_CREATE(n, v AS type, …) and its kin (MariaDB). */
function dynamicColumns(g: Grammar, name: string, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const args = cursor.list(() => {
			const arg = g.expression();
			if (cursor.take("AS")) {
				castType(cursor);
				if (cursor.take("COLLATE")) collation(cursor);
			}
			return arg;
		});
		if (args.length % 2 !== (name === "column_create" ? 0 : 1) && name !== "column_get") throw cursor.fail();
		return named(name, args, position);
	});
}

/** Reserved words that are functions with an ordinary list of arguments. */
const RESERVED_FUNCTIONS: ReadonlySet<string> = new Set(
	`IF LEFT RIGHT REPLACE INSERT REPEAT MOD DATABASE SCHEMA CURRENT_USER CURRENT_ROLE CURRENT_DATE CURRENT_TIME
	CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP GROUPING ROW_NUMBER RANK DENSE_RANK CUME_DIST
	PERCENT_RANK NTILE LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE UNIQUE`.split(/\s+/),
);

/** Words that mean a value without any bracket. */
const BARE_CALLS: ReadonlySet<string> = new Set(
	`CURRENT_USER CURRENT_ROLE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME
	UTC_TIMESTAMP`.split(/\s+/),
);

function bareWord(g: Grammar, word: string, position: number): Expression | undefined {
	const { cursor } = g;
	switch (word) {
		case "NULL":
			cursor.at += 1;
			return constant("null", "");
		case "TRUE":
		case "FALSE":
			cursor.at += 1;
			return constant("boolean", word.toLowerCase());
		case "DEFAULT":
			cursor.at += 1;
			return { kind: "default" };
		case "INTERVAL":
			return g.interval();
		case "DATE":
		case "TIME":
		case "TIMESTAMP":
			if (cursor.kind(1) !== KIND.text) return undefined;
			cursor.at += 1;
			return constant("text", cursor.string(true));
		case "UUID":
		case "INET6":
		case "INET4":
			return undefined;
		case "NEXT":
		case "PREVIOUS":
			// NEXT VALUE FOR s (MariaDB).
			if (!(cursor.isMariaDb && cursor.isWord("VALUE", 1) && cursor.isWord("FOR", 2))) return undefined;
			cursor.at += 3;
			return sequenceCall(g, word === "NEXT" ? "nextval" : "lastval", position);
		default:
			if (!BARE_CALLS.has(word) || !cursor.isReserved(word)) return undefined;
			cursor.at += 1;
			return plainCall({ name: word.toLowerCase(), position }, []);
	}
}

function isDistinct(cursor: Cursor): boolean {
	if (cursor.take("DISTINCT")) return true;
	cursor.take("ALL");
	return false;
}

type Special = (g: Grammar, position: number) => Expression;

function aggregate(name: string): Special {
	return (g, position) => {
		const { cursor } = g;
		cursor.expectSymbol("(");
		const distinct = isDistinct(cursor);
		const args = cursor.list(() => g.expression());
		cursor.expectSymbol(")");
		return over(g, { ...plainCall({ name, position }, args), distinct });
	};
}

const SPECIAL: ReadonlyMap<string, Special> = new Map<string, Special>([
	["COUNT", countCall],
	...`SUM AVG MIN MAX BIT_AND BIT_OR BIT_XOR STD STDDEV STDDEV_POP STDDEV_SAMP VAR_POP VAR_SAMP VARIANCE JSON_ARRAYAGG
		ST_COLLECT`
		.split(/\s+/)
		.map((word) => [word, aggregate(word.toLowerCase())] as const),
	["JSON_ARRAYAGG", jsonArrayAggregate],
	["GROUP_CONCAT", groupConcat],
	["CAST", castCall],
	["CONVERT", convertCall],
	["EXTRACT", extractCall],
	["TRIM", trimCall],
	["SUBSTRING", substringCall("substring")],
	["SUBSTR", substringCall("substring")],
	["MID", substringCall("substring")],
	["POSITION", positionCall],
	["CHAR", charCall],
	["MATCH", matchCall],
	["VALUES", valuesCall],
	["VALUE", valuesCall],
	["DEFAULT", defaultCall],
	["ROW", rowConstructor],
	["EXISTS", existsTest],
	["DATE_ADD", dateArithmetic("date_add")],
	["DATE_SUB", dateArithmetic("date_sub")],
	["ADDDATE", dateArithmetic("adddate")],
	["SUBDATE", dateArithmetic("subdate")],
	["TIMESTAMPADD", timestampCall("timestampadd")],
	["TIMESTAMPDIFF", timestampCall("timestampdiff")],
	["GET_FORMAT", getFormat],
	["WEIGHT_STRING", weightString],
	["JSON_VALUE", jsonValue],
	["NEXTVAL", sequence("nextval")],
	["LASTVAL", sequence("lastval")],
	["SETVAL", setvalCall],
	["PERCENTILE_CONT", percentile("percentile_cont")],
	["PERCENTILE_DISC", percentile("percentile_disc")],
	["MEDIAN", aggregate("median")],
	["INTERVAL", (g, position) => call(g, { name: "interval", position })],
	["NAME_CONST", (g, position) => call(g, { name: "name_const", position })],
]);

function countCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	let args: Expression[] = [];
	let star = false;
	let distinct = false;
	if (cursor.takeSymbol("*")) star = true;
	else {
		distinct = isDistinct(cursor);
		args = cursor.list(() => g.expression());
	}
	cursor.expectSymbol(")");
	return over(g, { ...plainCall({ name: "count", position }, args), star, distinct });
}

function jsonArrayAggregate(g: Grammar, position: number): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	const distinct = cursor.isMariaDb && cursor.take("DISTINCT");
	const args = [g.expression()];
	const orderBy = cursor.isMariaDb && cursor.take("ORDER", "BY") ? g.sortItems() : NONE;
	if (cursor.isMariaDb && cursor.take("LIMIT")) limitCounts(g);
	cursor.expectSymbol(")");
	return over(g, { ...plainCall({ name: "json_arrayagg", position }, args), distinct, orderBy });
}

function groupConcat(g: Grammar, position: number): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	const distinct = cursor.take("DISTINCT");
	const args = cursor.list(() => g.expression());
	const orderBy = cursor.take("ORDER", "BY") ? g.sortItems() : NONE;
	if (cursor.take("SEPARATOR")) {
		if (cursor.kind() === KIND.charset || cursor.kind() === KIND.bits) g.expression();
		else cursor.string();
	}
	if (cursor.isMariaDb && cursor.take("LIMIT")) limitCounts(g);
	cursor.expectSymbol(")");
	return over(g, { ...plainCall({ name: "group_concat", position }, args), distinct, orderBy });
}

function limitCounts(g: Grammar): void {
	g.expression();
	if (g.cursor.takeSymbol(",") || g.cursor.take("OFFSET")) g.expression();
}

// ---- types --------------------------------------------------------------------------------------------------------

/** The target of CAST and CONVERT. */
export function castType(cursor: Cursor): string {
	const word = cursor.word();
	if (cursor.kind() !== KIND.word) throw cursor.fail();
	cursor.at += 1;
	switch (word) {
		case "SIGNED":
		case "UNSIGNED":
			cursor.takeAny("INTEGER", "INT");
			return word.toLowerCase();
		case "NATIONAL":
			cursor.expect("CHAR");
			lengthOf(cursor);
			return "char";
		case "DOUBLE":
			cursor.take("PRECISION");
			if (cursor.isMariaDb) lengthOf(cursor);
			return "double";
		case "CHAR":
		case "CHARACTER":
		case "VARCHAR":
		case "NCHAR":
			lengthOf(cursor);
			charsetOf(cursor);
			return "char";
		case "INTERVAL":
			if (!cursor.isMariaDb) break;
			cursor.take("DAY_SECOND");
			lengthOf(cursor);
			return "interval";
		case "REAL":
		case "JSON":
		case "YEAR":
			if (cursor.isMariaDb) break;
			return word.toLowerCase();
		case "DATE":
			return "date";
		case "BINARY":
		case "DATETIME":
		case "TIME":
		case "DECIMAL":
		case "DEC":
		case "FLOAT":
		case "INTEGER":
		case "INT":
		case "VECTOR":
		case "POINT":
		case "LINESTRING":
		case "POLYGON":
		case "MULTIPOINT":
		case "MULTILINESTRING":
		case "MULTIPOLYGON":
		case "GEOMETRYCOLLECTION":
		case "GEOMCOLLECTION":
		case "UUID":
		case "INET4":
		case "INET6":
			lengthOf(cursor);
			return word.toLowerCase();
	}
	throw cursor.fail(undefined, -1);
}

/** `(10)`, `(10, 2)` */
export function lengthOf(cursor: Cursor): void {
	if (!cursor.takeSymbol("(")) return;
	do {
		if (cursor.kind() !== KIND.integer) throw cursor.fail();
		cursor.at += 1;
	} while (cursor.takeSymbol(","));
	cursor.expectSymbol(")");
}

/** What may follow a character type: a character set, BINARY, ASCII, UNICODE, a collation. */
export function charsetOf(cursor: Cursor): void {
	for (;;) {
		if (cursor.take("CHARACTER", "SET") || cursor.take("CHARSET") || cursor.take("CHAR", "SET")) collation(cursor);
		else if (cursor.takeAny("BINARY", "ASCII", "UNICODE", "BYTE") === undefined) return;
	}
}

function castCall(g: Grammar): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	let operand = g.expression();
	const isZoned = cursor.take("AT");
	if (isZoned) {
		cursor.expect("TIME", "ZONE");
		cursor.take("INTERVAL");
		operand = construct("AT TIME ZONE", [operand, constant("text", cursor.string())]);
	}
	cursor.expect("AS");
	const name = castType(cursor);
	if (isZoned && name !== "datetime") throw cursor.fail();
	const array = cursor.take("ARRAY");
	cursor.expectSymbol(")");
	return { kind: "cast", operand, type: { name, array } };
}

function convertCall(g: Grammar): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	const operand = g.expression();
	let name: string;
	if (cursor.take("USING")) {
		collation(cursor);
		name = "char";
	} else {
		cursor.expectSymbol(",");
		name = castType(cursor);
	}
	cursor.expectSymbol(")");
	return { kind: "cast", operand, type: { name, array: false } };
}

// ---- functions with words inside ----------------------------------------------------------------------------------

function unit(cursor: Cursor): void {
	if (cursor.kind() !== KIND.word || !UNITS.has(cursor.word())) throw cursor.fail();
	cursor.at += 1;
}

function extractCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		unit(cursor);
		cursor.expect("FROM");
		return named("extract", [g.expression()], position);
	});
}

function trimCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const side = cursor.takeAny("BOTH", "LEADING", "TRAILING");
		const args: Expression[] = [];
		if (side === undefined || !cursor.isWord("FROM")) args.push(g.expression());
		if (cursor.take("FROM")) args.push(g.expression());
		else if (side !== undefined) throw cursor.fail();
		return named("trim", args, position);
	});
}

function substringCall(name: string): Special {
	return (g, position) =>
		g.cursor.inBrackets(() => {
			const { cursor } = g;
			const args = [g.expression()];
			while (cursor.takeSymbol(",") || cursor.take("FROM") || cursor.take("FOR")) args.push(g.expression());
			if (args.length < 2 || args.length > 3) throw cursor.fail();
			return named(name, args, position);
		});
}

function positionCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const needle = g.bitExpression();
		cursor.expect("IN");
		return named("position", [needle, g.expression()], position);
	});
}

function charCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const args = cursor.list(() => g.expression());
		if (cursor.take("USING")) collation(cursor);
		return named("char", args, position);
	});
}

function matchCall(g: Grammar): Expression {
	const { cursor } = g;
	const hasBracket = cursor.takeSymbol("(");
	const columns = cursor.list(() => g.expression());
	if (columns.some(({ kind }) => kind !== "name")) throw cursor.fail("MATCH takes columns");
	if (hasBracket) cursor.expectSymbol(")");
	cursor.expect("AGAINST");
	const against = cursor.inBrackets(() => {
		const wanted = g.bitExpression();
		if (cursor.take("IN", "BOOLEAN", "MODE")) return wanted;
		cursor.take("IN", "NATURAL", "LANGUAGE", "MODE");
		cursor.take("WITH", "QUERY", "EXPANSION");
		return wanted;
	});
	return construct("MATCH", [...columns, against]);
}

/** VALUES(c) in ON DUPLICATE KEY UPDATE. */
function valuesCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		let column = cursor.columnName(true);
		while (cursor.takeSymbol(".")) column = cursor.columnName(true);
		return { kind: "inserted", column, position } as const;
	});
}

function defaultCall(g: Grammar): Expression {
	const { cursor } = g;
	const of = cursor.inBrackets(() => g.expression());
	if (of.kind !== "name") throw cursor.fail("DEFAULT takes a column");
	return construct("DEFAULT", [of]);
}

function rowConstructor(g: Grammar): Expression {
	const { cursor } = g;
	return { kind: "row", items: cursor.inBrackets(() => cursor.list(() => g.expression())) };
}

function existsTest(g: Grammar): Expression {
	return { kind: "subquery", form: "exists", query: g.subquery() };
}

function dateArithmetic(name: string): Special {
	return (g, position) =>
		g.cursor.inBrackets(() => {
			const date = g.expression();
			g.cursor.expectSymbol(",");
			return named(name, [date, g.expression()], position);
		});
}

function timestampCall(name: string): Special {
	return (g, position) =>
		g.cursor.inBrackets(() => {
			const { cursor } = g;
			if (cursor.kind() === KIND.word && cursor.word() === "FRAC_SECOND") throw cursor.fail();
			unit(cursor);
			cursor.expectSymbol(",");
			return named(
				name,
				cursor.list(() => g.expression()),
				position,
			);
		});
}

function getFormat(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		if (cursor.takeAny("DATE", "TIME", "DATETIME", "TIMESTAMP") === undefined) throw cursor.fail();
		cursor.expectSymbol(",");
		return named("get_format", [g.expression()], position);
	});
}

function weightString(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const args = [g.expression()];
		if (cursor.take("AS")) castType(cursor);
		if (cursor.take("LEVEL")) {
			do {
				g.expression();
				cursor.takeAny("ASC", "DESC");
				cursor.take("REVERSE");
			} while (cursor.takeSymbol(",") || cursor.takeSymbol("-"));
		}
		while (cursor.takeSymbol(",")) args.push(g.expression());
		return named("weight_string", args, position);
	});
}

function jsonValue(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const args = [g.expression()];
		cursor.expectSymbol(",");
		if (cursor.isMariaDb) args.push(g.expression());
		else cursor.string();
		if (cursor.take("RETURNING")) castType(cursor);
		// ON EMPTY before ON ERROR, each once.
		for (let last = ""; last !== "ERROR"; ) {
			if (cursor.takeAny("NULL", "ERROR") !== undefined) {
				// The value as it is.
			} else if (cursor.take("DEFAULT")) {
				if (!cursor.isMariaDb && cursor.isWord("NULL")) throw cursor.fail();
				args.push(g.expression());
			} else break;
			cursor.expect("ON");
			if (last === "EMPTY") cursor.expect("ERROR");
			else if (cursor.takeAny("EMPTY", "ERROR") === undefined) throw cursor.fail();
			last = cursor.word(-1);
		}
		return named("json_value", args, position);
	});
}

// ---- sequences (MariaDB) ------------------------------------------------------------------------------------------

function sequence(name: string): Special {
	return (g, position) => g.cursor.inBrackets(() => sequenceCall(g, name, position));
}

/** The name of the sequence stands as a text argument: what advances it is told by the call. */
function sequenceCall(g: Grammar, name: string, position: number): Expression {
	const { cursor } = g;
	const parts = [cursor.tableName()];
	while (cursor.takeSymbol(".")) parts.push(cursor.tableName(true));
	if (parts.length > 2) throw cursor.fail();
	return named(name, [{ kind: "name", parts, star: false, position }], position);
}

function setvalCall(g: Grammar, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const made = sequenceCall(g, "setval", position);
		const rest: Expression[] = [];
		while (cursor.takeSymbol(",")) rest.push(g.expression());
		return made.kind === "call" ? { ...made, arguments: [...made.arguments, ...rest] } : made;
	});
}

function percentile(name: string): Special {
	return (g, position) => {
		const { cursor } = g;
		const fraction = cursor.inBrackets(() => g.expression());
		cursor.expect("WITHIN", "GROUP");
		const orderBy = cursor.inBrackets(() => {
			cursor.expect("ORDER", "BY");
			const items = g.sortItems();
			if (items.length > 1) throw cursor.fail();
			return items;
		});
		return over(g, { ...plainCall({ name, position }, [fraction]), orderBy });
	};
}

// ---- CASE ---------------------------------------------------------------------------------------------------------

function caseExpression(g: Grammar): Expression {
	const { cursor } = g;
	cursor.expect("CASE");
	const operands: Expression[] = [];
	if (!cursor.isWord("WHEN")) operands.push(g.expression());
	if (!cursor.isWord("WHEN")) throw cursor.fail();
	while (cursor.take("WHEN")) {
		operands.push(g.expression());
		cursor.expect("THEN");
		operands.push(g.expression());
	}
	if (cursor.take("ELSE")) operands.push(g.expression());
	cursor.expect("END");
	return construct("CASE", operands);
}

// ---- windows ------------------------------------------------------------------------------------------------------

/** What may follow a call: FROM FIRST, IGNORE NULLS, OVER. */
function over(g: Grammar, made: CallExpression): Expression {
	const { cursor } = g;
	if (cursor.isWord("FROM") && cursor.isAnyWordAt(1, "FIRST", "LAST") && cursor.isWord("OVER", 2)) cursor.at += 2;
	if (cursor.isAnyWord("RESPECT", "IGNORE") && cursor.isWord("NULLS", 1)) cursor.at += 2;
	if (!cursor.isWord("OVER") || !cursor.isReserved("OVER")) return made;
	cursor.at += 1;
	if (cursor.isSymbol("(")) return { ...made, window: cursor.inBrackets(() => windowSpec(g)) };
	return { ...made, window: { base: cursor.columnName(), partitionBy: NONE, orderBy: NONE, frame: [] } };
}

export function windowSpec(g: Grammar): Window {
	const { cursor } = g;
	const base =
		cursor.isName() && !cursor.isAnyWord("PARTITION", "ROWS", "RANGE", "GROUPS") ? cursor.columnName() : undefined;
	const partitionBy = cursor.take("PARTITION", "BY") ? g.sortItems() : NONE;
	const orderBy = cursor.take("ORDER", "BY") ? g.sortItems() : NONE;
	const frame: Expression[] = [];
	if (cursor.takeAny("ROWS", "RANGE", "GROUPS") !== undefined) {
		if (cursor.take("BETWEEN")) {
			frame.push(...frameBound(g));
			cursor.expect("AND");
		}
		frame.push(...frameBound(g));
		if (cursor.take("EXCLUDE")) {
			if (
				!cursor.take("CURRENT", "ROW") &&
				!cursor.take("NO", "OTHERS") &&
				cursor.takeAny("GROUP", "TIES") === undefined
			)
				throw cursor.fail();
		}
	}
	return { ...(base === undefined ? {} : { base }), partitionBy, orderBy, frame };
}

/** A number, a parameter or an interval; MariaDB takes any expression. */
function boundValue(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.isWord("INTERVAL")) return g.interval();
	const kind = cursor.kind();
	if (!cursor.isMariaDb && kind !== KIND.integer && kind !== KIND.decimal && kind !== KIND.parameter)
		throw cursor.fail();
	return g.bitExpression();
}

function frameBound(g: Grammar): Expression[] {
	const { cursor } = g;
	if (cursor.take("CURRENT", "ROW")) return [];
	const bound = cursor.take("UNBOUNDED") ? [] : [boundValue(g)];
	if (cursor.takeAny("PRECEDING", "FOLLOWING") === undefined) throw cursor.fail();
	return bound;
}
