/**
 * Functions with a syntax of their own between their brackets: words, units, types, columns. MySQL: manual,
 * "Functions and Operators".
 */
import type { Expression } from "../query.js";
import { aggregate, countCall, groupConcat, jsonArrayAggregate, percentile } from "./aggregates.js";
import { call } from "./calls.js";
import type { Cursor } from "./cursor.js";
import type { Grammar, Special } from "./grammar.js";
import { collation, constant, construct, named, UNITS } from "./terms.js";
import { KIND } from "./tokens.js";
import { castType } from "./types.js";

export const SPECIAL: ReadonlyMap<string, Special> = new Map<string, Special>([
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

// ---- types --------------------------------------------------------------------------------------------------------

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

export function matchCall(g: Grammar): Expression {
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
export function sequenceCall(g: Grammar, name: string, position: number): Expression {
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
