/**
 * What may follow a call of an aggregate or a window function, and WINDOW's specifications. MySQL: manual, "Window
 * Functions".
 */
import type { CallExpression, Expression, Window } from "../query.js";
import type { Grammar } from "./grammar.js";
import { NONE } from "./terms.js";
import { KIND } from "./tokens.js";

/** What may follow a call: FROM FIRST, IGNORE NULLS, OVER. */
export function over(g: Grammar, made: CallExpression): Expression {
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
