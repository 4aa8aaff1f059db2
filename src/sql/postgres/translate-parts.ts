/** Pieces that several kinds of expression share: lists, orders, windows, subscripts, syntax that computes. */
import type { ConstructExpression, Expression, ObjectPath, SortItem, TypePath, Window } from "../query.js";
import { operatorPath } from "./names.js";
import { maybe, type Translator } from "./translator.js";
import { type Body, fields, known, list, nodeOf, text } from "./tree.js";

export const EQUALS: ObjectPath = { name: "=" };

/** Syntax that only computes from its operands. */
export function construct(
	what: string,
	operands: readonly (Expression | undefined)[],
	more: { readonly operators?: readonly ObjectPath[]; readonly types?: readonly TypePath[] } = {},
): ConstructExpression {
	return {
		kind: "construct",
		what,
		operands: operands.filter((operand) => operand !== undefined),
		operators: more.operators ?? [],
		types: more.types ?? [],
		collects: false,
	};
}

const INDICES = fields("is_slice lidx uidx");

export function subscripts(t: Translator, body: Body): Expression[] {
	known("A_Indices", body, INDICES);
	return [maybe(t, body.lidx), maybe(t, body.uidx)].filter((index) => index !== undefined);
}

export function expressions(t: Translator, value: unknown): Expression[] {
	return list(value).map((item) => t.expression(item));
}

const SORT_BY = fields("node sortby_dir sortby_nulls useOp location");

export function sortItems(t: Translator, value: unknown): SortItem[] {
	return list(value).map((item) => {
		const { tag, body } = nodeOf(item);
		// WITHIN GROUP and PARTITION BY hold plain expressions where ORDER BY holds SortBy.
		if (tag !== "SortBy") return { expression: t.expression(item) };
		known(tag, body, SORT_BY);
		const expression = t.expression(body.node);
		const using = list(body.useOp);
		return using.length === 0 ? { expression } : { expression, operator: operatorPath(using, body) };
	});
}

const WINDOW = fields("name refname partitionClause orderClause frameOptions startOffset endOffset location");

/** OVER name carries the name alone; OVER (base …) carries it as `refname`. */
export function windowOf(t: Translator, body: Body, defines = false): Window {
	known("WindowDef", body, WINDOW);
	const base = text(body.refname) ?? (defines ? undefined : text(body.name));
	return {
		...(base === undefined ? {} : { base }),
		partitionBy: sortItems(t, body.partitionClause),
		orderBy: sortItems(t, body.orderClause),
		frame: [maybe(t, body.startOffset), maybe(t, body.endOffset)].filter((bound) => bound !== undefined),
	};
}
