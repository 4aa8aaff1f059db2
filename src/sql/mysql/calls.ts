/** Calls by name, with a plain list of arguments. */
import type { Expression, ObjectPath } from "../query.js";
import type { Cursor } from "./cursor.js";
import type { Grammar } from "./grammar.js";
import { plainCall } from "./terms.js";
import { KIND } from "./tokens.js";
import { over } from "./windows.js";

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
