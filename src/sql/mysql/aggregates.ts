/**
 * Aggregates, which take DISTINCT, an order or a separator inside their brackets. MySQL: manual, "Aggregate
 * Functions".
 */
import type { Expression } from "../query.js";
import type { Cursor } from "./cursor.js";
import type { Grammar, Special } from "./grammar.js";
import { NONE, plainCall } from "./terms.js";
import { KIND } from "./tokens.js";
import { over } from "./windows.js";

function isDistinct(cursor: Cursor): boolean {
	if (cursor.take("DISTINCT")) return true;
	cursor.take("ALL");
	return false;
}

export function aggregate(name: string): Special {
	return (g, position) => {
		const { cursor } = g;
		cursor.expectSymbol("(");
		const distinct = isDistinct(cursor);
		const args = cursor.list(() => g.expression());
		cursor.expectSymbol(")");
		return over(g, { ...plainCall({ name, position }, args), distinct });
	};
}

export function countCall(g: Grammar, position: number): Expression {
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

export function jsonArrayAggregate(g: Grammar, position: number): Expression {
	const { cursor } = g;
	cursor.expectSymbol("(");
	const distinct = cursor.isMariaDb && cursor.take("DISTINCT");
	const args = [g.expression()];
	const orderBy = cursor.isMariaDb && cursor.take("ORDER", "BY") ? g.sortItems() : NONE;
	if (cursor.isMariaDb && cursor.take("LIMIT")) limitCounts(g);
	cursor.expectSymbol(")");
	return over(g, { ...plainCall({ name: "json_arrayagg", position }, args), distinct, orderBy });
}

export function groupConcat(g: Grammar, position: number): Expression {
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

export function percentile(name: string): Special {
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
