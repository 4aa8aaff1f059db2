/**
 * Expressions, by precedence climbing, into the common form.
 *
 * MySQL: manual, "Operator Precedence" and "Expressions". From the loosest to the tightest: `:=`; OR, `||`; XOR; AND, `&&`;
 * NOT; comparisons, IS, IN, LIKE, REGEXP, BETWEEN; `|`; `&`; shifts; `+ -`; `* / DIV % MOD`; `^`; `- ~` as prefixes; `!`;
 * COLLATE and BINARY. Under PIPES_AS_CONCAT `||` stands above `^`, under HIGH_NOT_PRECEDENCE NOT beside `!`.
 */
import type { Expression, ObjectPath } from "../query.js";
import { call } from "./calls.js";
import type { Cursor } from "./cursor.js";
import type { Grammar } from "./grammar.js";
import { keywordCall } from "./keyword-calls.js";
import { collation, construct, startsQuery, UNITS } from "./terms.js";
import { KIND } from "./tokens.js";

function operator(name: string, operands: readonly Expression[]): Expression {
	return { kind: "operator", operator: { name }, operands };
}

const EQUALS: ObjectPath = { name: "=" };

/** `expr`, with `@v := expr` at its loosest. */
export function expression(g: Grammar): Expression {
	return isAlone(g.cursor) ? primary(g) : g.cursor.deeper(() => orExpression(g));
}

/** A literal that is the whole expression: lists of a megabyte are made of them. */
function isAlone(cursor: Cursor): boolean {
	const kind = cursor.kind();
	if (kind !== KIND.integer && kind !== KIND.text && kind !== KIND.parameter && kind !== KIND.decimal) return false;
	return cursor.isSymbol(",", 1) || cursor.isSymbol(")", 1);
}

function orExpression(g: Grammar): Expression {
	const { cursor } = g;
	const operands = [xorExpression(g)];
	while (cursor.isWord("OR") || (cursor.isSymbol("||") && !cursor.reading.pipesAsConcat)) {
		cursor.at += 1;
		operands.push(xorExpression(g));
	}
	return operands.length === 1 ? (operands[0] as Expression) : { kind: "logic", op: "or", operands };
}

function xorExpression(g: Grammar): Expression {
	let left = andExpression(g);
	while (g.cursor.take("XOR")) left = operator("xor", [left, andExpression(g)]);
	return left;
}

function andExpression(g: Grammar): Expression {
	const { cursor } = g;
	const operands = [notExpression(g)];
	while (cursor.isWord("AND") || cursor.isSymbol("&&")) {
		cursor.at += 1;
		operands.push(notExpression(g));
	}
	return operands.length === 1 ? (operands[0] as Expression) : { kind: "logic", op: "and", operands };
}

function notExpression(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.isWord("NOT") && !cursor.reading.highNotPrecedence) {
		cursor.at += 1;
		return cursor.deeper(() => ({ kind: "logic", op: "not", operands: [notExpression(g)] }) as const);
	}
	return isExpression(g);
}

// ---- tests --------------------------------------------------------------------------------------------------------

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<=>", "<", ">", "<=", ">=", "<>", "!="]);

/** `x IS [NOT] TRUE …`, over comparisons: `a = b IS TRUE` is `(a = b) IS TRUE`. MariaDB takes several in a row. */
function isExpression(g: Grammar): Expression {
	const { cursor } = g;
	let left = comparison(g);
	while (cursor.isWord("IS")) {
		cursor.at += 1;
		cursor.take("NOT");
		if (cursor.takeAny("TRUE", "FALSE", "UNKNOWN") === undefined) throw cursor.fail();
		left = operator("is", [left]);
		if (!cursor.isMariaDb) break;
		left = comparisonOf(g, left);
	}
	return left;
}

function comparison(g: Grammar): Expression {
	return comparisonOf(g, predicate(g));
}

/** Comparisons and IS [NOT] NULL in a row, from left to right. */
function comparisonOf(g: Grammar, first: Expression): Expression {
	const { cursor } = g;
	let left = first;
	for (;;) {
		const ahead = cursor.isWord("NOT", 1) ? 2 : 1;
		if (cursor.isWord("IS") && cursor.isWord("NULL", ahead)) {
			cursor.at += ahead + 1;
			left = operator("is", [left]);
			continue;
		}
		if (cursor.kind() !== KIND.symbol || !COMPARISONS.has(cursor.word())) return left;
		const name = cursor.word();
		cursor.at += 1;
		const every = cursor.isWord("ALL");
		if ((every || cursor.isAnyWord("ANY", "SOME")) && cursor.isSymbol("(", 1)) {
			cursor.at += 1;
			left = { kind: "subquery", form: every ? "all" : "any", query: g.subquery(), test: left, operator: { name } };
		} else left = operator(name, [left, predicate(g)]);
	}
}

/** `bit_expr [NOT] IN | BETWEEN | LIKE | REGEXP | MEMBER OF …` */
function predicate(g: Grammar): Expression {
	const { cursor } = g;
	const left = bitExpression(g);
	if (cursor.isWord("SOUNDS") && cursor.isWord("LIKE", 1)) {
		cursor.at += 2;
		return operator("sounds like", [left, bitExpression(g)]);
	}
	if (cursor.isWord("MEMBER")) {
		cursor.at += 1;
		cursor.take("OF");
		return operator("member of", [left, cursor.inBrackets(() => simpleExpression(g))]);
	}
	const negated = cursor.isWord("NOT") && TESTS.has(cursor.word(1));
	const word = cursor.word(negated ? 1 : 0);
	if (cursor.kind(negated ? 1 : 0) !== KIND.word || !TESTS.has(word)) return left;
	cursor.at += negated ? 2 : 1;
	switch (word) {
		case "IN":
			return inTest(g, left, negated);
		case "BETWEEN": {
			const low = bitExpression(g);
			cursor.expect("AND");
			return operator("between", [left, low, predicate(g)]);
		}
		case "LIKE": {
			const operands = [left, cursor.isMariaDb ? bitExpression(g) : simpleExpression(g)];
			if (cursor.take("ESCAPE")) operands.push(simpleExpression(g));
			return operator("like", operands);
		}
		default:
			return operator("regexp", [left, bitExpression(g)]);
	}
}

const TESTS: ReadonlySet<string> = new Set(["IN", "BETWEEN", "LIKE", "REGEXP", "RLIKE"]);

function inTest(g: Grammar, left: Expression, negated: boolean): Expression {
	const { cursor } = g;
	if (startsQuery(cursor)) {
		// A list may begin with a query as well: `IN ((SELECT 1), 2)`.
		const query = cursor.isSymbol("(", 1) ? g.guess(() => g.subquery()) : g.subquery();
		if (query !== undefined) return { kind: "subquery", form: "any", query, test: left, operator: EQUALS };
	}
	const list = cursor.inBrackets(() => cursor.list(() => expression(g)));
	return { kind: "membership", operator: EQUALS, operand: left, list, negated };
}

// ---- arithmetic ---------------------------------------------------------------------------------------------------

const LEVELS: readonly ReadonlySet<string>[] = [
	new Set(["|"]),
	new Set(["&"]),
	new Set(["<<", ">>"]),
	new Set(["+", "-"]),
	new Set(["*", "/", "DIV", "%", "MOD"]),
	new Set(["^"]),
];

export function bitExpression(g: Grammar): Expression {
	return level(g, 0);
}

/** The level of a binary operator that is next; undefined: none is. */
function nextLevel(cursor: Cursor): number | undefined {
	const kind = cursor.kind();
	const word = cursor.word();
	if (kind === KIND.word) return word === "DIV" || word === "MOD" ? 4 : undefined;
	if (kind !== KIND.symbol) return undefined;
	switch (word) {
		case "|":
			return 0;
		case "&":
			return 1;
		case "<<":
		case ">>":
			return 2;
		case "+":
		case "-":
			return 3;
		case "*":
		case "/":
		case "%":
			return 4;
		case "^":
			return 5;
		default:
			return undefined;
	}
}

function level(g: Grammar, least: number): Expression {
	const { cursor } = g;
	let left = operand(g);
	for (;;) {
		const found = nextLevel(cursor);
		if (found === undefined || found < least) return left;
		const name = cursor.word().toLowerCase();
		cursor.at += 1;
		left = operator(name, [left, found === LEVELS.length - 1 ? operand(g) : cursor.deeper(() => level(g, found + 1))]);
	}
}

/** What stands between binary operators; also `INTERVAL n unit + date`. */
function operand(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.isWord("INTERVAL") && !isIntervalFunction(g)) return interval(g);
	let left = simpleExpression(g);
	while (cursor.isSymbol("||") && cursor.reading.pipesAsConcat) {
		cursor.at += 1;
		left = operator("||", [left, simpleExpression(g)]);
	}
	return left;
}

/** INTERVAL(n, a, b …) is a function; INTERVAL (expr) unit is not. Only a look behind the bracket tells. */
function isIntervalFunction(g: Grammar): boolean {
	const { cursor } = g;
	if (!cursor.isSymbol("(", 1)) return false;
	const { close, hasComma } = cursor.bracket(1);
	return hasComma || !UNITS.has(cursor.word(close - cursor.at + 1));
}

export function interval(g: Grammar): Expression {
	const { cursor } = g;
	cursor.expect("INTERVAL");
	const amount = expression(g);
	if (cursor.kind() !== KIND.word || !UNITS.has(cursor.word())) throw cursor.fail();
	cursor.at += 1;
	return construct("INTERVAL", [amount]);
}

// ---- operands -----------------------------------------------------------------------------------------------------

/** A literal, name, call, bracket, with prefixes before it and COLLATE behind it. */
export function simpleExpression(g: Grammar): Expression {
	return g.cursor.deeper(() => suffixed(g, prefixed(g)));
}

function prefixed(g: Grammar): Expression {
	const { cursor } = g;
	if (cursor.kind() === KIND.symbol) {
		const symbol = cursor.word();
		if (symbol === "-" || symbol === "+" || symbol === "~" || symbol === "!") {
			cursor.at += 1;
			const inner = simpleExpression(g);
			if (symbol === "!") return { kind: "logic", op: "not", operands: [inner] };
			return symbol === "+" ? inner : operator(symbol, [inner]);
		}
	} else if (cursor.isWord("NOT") && cursor.reading.highNotPrecedence) {
		cursor.at += 1;
		return { kind: "logic", op: "not", operands: [simpleExpression(g)] };
	} else if (cursor.isWord("BINARY")) {
		cursor.at += 1;
		return operator("binary", [simpleExpression(g)]);
	}
	return primary(g);
}

function suffixed(g: Grammar, inner: Expression): Expression {
	const { cursor } = g;
	let value = inner;
	for (;;) {
		if (cursor.take("COLLATE")) {
			collation(cursor);
			value = operator("collate", [value]);
		} else if (cursor.isSymbol("->") || cursor.isSymbol("->>")) {
			if (value.kind !== "name") throw cursor.fail();
			const name = cursor.word();
			cursor.at += 1;
			if (cursor.kind() !== KIND.text) throw cursor.fail();
			value = operator(name, [value, { kind: "constant", sort: "text", value: cursor.string() }]);
		} else return value;
	}
}

function primary(g: Grammar): Expression {
	const { cursor } = g;
	switch (cursor.kind()) {
		case KIND.text:
			return { kind: "constant", sort: "text", value: cursor.string() };
		case KIND.integer:
		case KIND.decimal: {
			const value = cursor.raw();
			cursor.at += 1;
			return { kind: "constant", sort: "number", value };
		}
		case KIND.bits:
			cursor.at += 1;
			return { kind: "constant", sort: "bits", value: cursor.raw(-1) };
		case KIND.null:
			cursor.at += 1;
			return { kind: "constant", sort: "null", value: "" };
		case KIND.charset:
			return introduced(g);
		case KIND.parameter:
			cursor.at += 1;
			return { kind: "parameter" };
		case KIND.variable:
			return variable(g);
		case KIND.symbol:
			return bracketOrSetting(g);
		case KIND.name:
			return nameOrCall(g);
		case KIND.word:
			return wordExpression(g);
		default:
			throw cursor.fail();
	}
}

/** Where ASCII is something else, what is written is not the value: bytes, of which nothing is known. */
const NOT_ASCII: ReadonlySet<string> = new Set(["_swe7", "_ucs2", "_utf16", "_utf16le", "_utf32"]);

/** `_latin1'text'`, `_utf8mb4 X'…'`; the name of the character set is next. */
function introduced(g: Grammar): Expression {
	const { cursor } = g;
	const charset = cursor.raw().toLowerCase();
	cursor.at += 1;
	if (cursor.kind() === KIND.bits) return primary(g);
	const value = cursor.string();
	return NOT_ASCII.has(charset)
		? { kind: "constant", sort: "bits", value: `${charset}'…'` }
		: { kind: "constant", sort: "text", value };
}

function variable(g: Grammar): Expression {
	const { cursor } = g;
	const position = cursor.position();
	const name = cursor.variableName();
	if (!cursor.takeSymbol(":=")) return { kind: "variable", name, position };
	return { kind: "variable", name, assigned: expression(g), position };
}

function bracketOrSetting(g: Grammar): Expression {
	const { cursor } = g;
	switch (cursor.word()) {
		case "(":
			return bracket(g);
		case "@@":
			return setting(cursor);
		case ".": {
			// `.t.c` names the table of the current database.
			cursor.at += 1;
			if (!cursor.isSymbol(".", 1)) throw cursor.fail();
			return nameOrCall(g);
		}
		case "{": {
			cursor.at += 1;
			// ODBC: { d '…' }, { fn f(…) }; of other words the server takes the value as it is.
			cursor.name(true);
			const inner = expression(g);
			cursor.expectSymbol("}");
			return inner;
		}
		default:
			throw cursor.fail();
	}
}

function bracket(g: Grammar): Expression {
	const { cursor } = g;
	if (startsQuery(cursor)) return bracketQuery(g);
	const items = cursor.inBrackets(() => cursor.list(() => expression(g)));
	return items.length === 1 ? (items[0] as Expression) : { kind: "row", items };
}

/** A bracket that begins with a query may be that query, or an expression that begins with it: `((SELECT 1) + 1)`. */
function bracketQuery(g: Grammar): Expression {
	const { cursor } = g;
	if (!cursor.isSymbol("(", 1)) return { kind: "subquery", form: "scalar", query: g.subquery() };
	const query = g.guess(() => g.subquery());
	if (query !== undefined) return { kind: "subquery", form: "scalar", query };
	const items = cursor.deeper(() => cursor.inBrackets(() => cursor.list(() => expression(g))));
	return items.length === 1 ? (items[0] as Expression) : { kind: "row", items };
}

export function setting(cursor: Cursor): Expression {
	const position = cursor.position();
	cursor.expectSymbol("@@");
	let scope: "session" | "global" = "session";
	let name = cursor.columnName(true);
	if (cursor.isSymbol(".") && (name === "global" || name === "session" || name === "local")) {
		cursor.at += 1;
		if (name === "global") scope = "global";
		name = cursor.columnName(true);
		if (cursor.isSymbol(".") && /^(?:global|session|local)$/.test(name)) throw cursor.fail();
	}
	// Components and key caches: `validate_password.length`.
	while (cursor.takeSymbol(".")) name += `.${cursor.columnName(true)}`;
	return { kind: "setting", name, scope, position };
}

// ---- names --------------------------------------------------------------------------------------------------------

/** `c`, `t.c`, `d.t.c`, with `t.*` left to the select list; or the call of a function of that name. */
export function nameOrCall(g: Grammar): Expression {
	const { cursor } = g;
	const position = cursor.position();
	const isCall = cursor.isSymbol("(", 1);
	const isQualified = cursor.isSymbol(".", 1);
	if (isCall) {
		const name = cursor.columnName();
		return call(g, { name, position });
	}
	if (!isQualified) return { kind: "name", parts: [cursor.columnName()], star: false, position };
	const parts = [cursor.tableName(true)];
	while (cursor.isSymbol(".") && !cursor.isSymbol("*", 1) && parts.length < 3) {
		cursor.at += 1;
		parts.push(cursor.tableName(true));
	}
	if (cursor.isSymbol("(") && parts.length === 2) {
		return call(g, { schema: parts[0] as string, name: (parts[1] as string).toLowerCase(), position });
	}
	parts.push((parts.pop() as string).toLowerCase());
	return { kind: "name", parts, star: false, position };
}

function wordExpression(g: Grammar): Expression {
	const { cursor } = g;
	const keyword = keywordCall(g);
	if (keyword !== undefined) return keyword;
	if (cursor.isName() || cursor.isSymbol(".", 1)) return nameOrCall(g);
	throw cursor.fail();
}
