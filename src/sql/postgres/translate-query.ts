/** SELECT in all its shapes: query levels, WITH, set operations, VALUES. */
import type {
	CommonTable,
	Expression,
	Query,
	Body as QueryBody,
	Select,
	SelectItem,
	Values,
	Window,
	With,
} from "../query.js";
import { unsupported } from "../unreadable.js";
import { labelOf } from "./labels.js";
import { rangeVar, relationPath } from "./names.js";
import { expressions, sortItems, windowOf } from "./translate-parts.js";
import { maybe, type Translator } from "./translator.js";
import {
	at,
	type Body,
	bodyOf,
	fields,
	flag,
	itemsOf,
	known,
	list,
	nodeOf,
	position,
	required,
	strings,
	text,
} from "./tree.js";

const FIELDS = {
	SelectStmt: fields(
		"distinctClause intoClause targetList fromClause whereClause groupClause groupDistinct havingClause windowClause valuesLists sortClause limitOffset limitCount limitOption lockingClause withClause op all larg rarg",
	),
	ResTarget: fields("name val location"),
	WithClause: fields("ctes recursive location"),
	CommonTableExpr: fields("ctename aliascolnames ctematerialized ctequery search_clause cycle_clause location"),
	LockingClause: fields("lockedRels strength waitPolicy"),
	GroupingSet: fields("kind content location"),
	CTESearchClause: fields("search_col_list search_breadth_first search_seq_column location"),
	CTECycleClause: fields(
		"cycle_col_list cycle_mark_column cycle_mark_value cycle_mark_default cycle_path_column location",
	),
} as const;

/** `body` is a SelectStmt's. INTO makes it a statement of another kind, which is the caller's business. */
export function translateSelect(t: Translator, body: Body): Query {
	known("SelectStmt", body, FIELDS.SelectStmt);
	if (body.intoClause !== undefined) throw unsupported("SELECT INTO inside another statement");
	return {
		kind: "query",
		...withOf(t, body.withClause),
		body: bodyOfSelect(t, body),
		orderBy: sortItems(t, body.sortClause),
		limits: [maybe(t, body.limitCount), maybe(t, body.limitOffset)].filter((limit) => limit !== undefined),
		locking: list(body.lockingClause).map((item) => {
			const clause = nodeOf(item);
			known(clause.tag, clause.body, FIELDS.LockingClause);
			return { relations: list(clause.body.lockedRels).map((name) => relationPath(rangeVar(name))) };
		}),
	};
}

export function withOf(t: Translator, value: unknown): { readonly with?: With } {
	if (value === undefined) return {};
	const body = bodyOf(value, "WITH");
	known("WithClause", body, FIELDS.WithClause);
	return {
		with: { recursive: flag(body.recursive), items: list(body.ctes).map((item) => commonTable(t, item)) },
	};
}

function commonTable(t: Translator, value: unknown): CommonTable {
	const { tag, body } = nodeOf(value);
	known(tag, body, FIELDS.CommonTableExpr);
	return {
		name: required(body.ctename, "WITH query name"),
		columns: strings(body.aliascolnames),
		query: t.query(body.ctequery),
		added: [...searchColumns(body.search_clause), ...cycleColumns(t, body.cycle_clause)],
		...at(body),
	};
}

function searchColumns(value: unknown): CommonTable["added"] {
	if (value === undefined) return [];
	const body = bodyOf(value, "SEARCH");
	known("CTESearchClause", body, FIELDS.CTESearchClause);
	const name = required(body.search_seq_column, "SEARCH column");
	// BREADTH FIRST: how deep the row is, and its own columns.
	return [{ name, from: strings(body.search_col_list), gathers: !flag(body.search_breadth_first) }];
}

function cycleColumns(t: Translator, value: unknown): CommonTable["added"] {
	if (value === undefined) return [];
	const body = bodyOf(value, "CYCLE");
	known("CTECycleClause", body, FIELDS.CTECycleClause);
	for (const mark of [body.cycle_mark_value, body.cycle_mark_default]) {
		const expression = maybe(t, mark);
		if (expression !== undefined && !isPlain(expression)) throw unsupported("CYCLE with a computed mark");
	}
	const from = strings(body.cycle_col_list);
	return [
		{ name: required(body.cycle_mark_column, "CYCLE column"), from, gathers: false },
		{ name: required(body.cycle_path_column, "CYCLE path column"), from, gathers: true },
	];
}

function isPlain(expression: Expression): boolean {
	return expression.kind === "constant" || (expression.kind === "cast" && isPlain(expression.operand));
}

function bodyOfSelect(t: Translator, body: Body): QueryBody {
	switch (body.op) {
		case undefined:
		case "SETOP_NONE":
			return list(body.valuesLists).length > 0 ? values(t, body) : select(t, body);
		case "SETOP_UNION":
		case "SETOP_INTERSECT":
		case "SETOP_EXCEPT":
			return {
				kind: "setOperation",
				op: body.op === "SETOP_UNION" ? "union" : body.op === "SETOP_EXCEPT" ? "except" : "intersect",
				all: flag(body.all),
				left: translateSelect(t, bodyOf(body.larg, "left side")),
				right: translateSelect(t, bodyOf(body.rarg, "right side")),
			};
		default:
			throw unsupported(`${String(body.op)} is not known`);
	}
}

function values(t: Translator, body: Body): Values {
	return {
		kind: "values",
		rows: list(body.valuesLists).map((row) => itemsOf(row).map((item) => t.expression(item))),
	};
}

function select(t: Translator, body: Body): Select {
	const where = maybe(t, body.whereClause);
	const having = maybe(t, body.havingClause);
	return {
		kind: "select",
		distinct: distinctOf(t, body.distinctClause),
		items: targetList(t, body.targetList),
		from: list(body.fromClause).map((item) => t.source(item)),
		groupBy: list(body.groupClause).flatMap((item) => grouping(t, item)),
		windows: windows(t, body.windowClause),
		...(where === undefined ? {} : { where }),
		...(having === undefined ? {} : { having }),
	};
}

/** Plain DISTINCT stands as a list with one empty node. */
function distinctOf(t: Translator, value: unknown): Select["distinct"] {
	const items = list(value);
	if (items.length === 0) return "no";
	const [first] = items;
	if (typeof first === "object" && first !== null && Object.keys(first).length === 0) return "all";
	return expressions(t, items);
}

export function targetList(t: Translator, value: unknown): SelectItem[] {
	return list(value).map((item) => {
		const { tag, body } = nodeOf(item);
		if (tag !== "ResTarget") throw unsupported(`${tag} stands where a result column is expected`, position(body));
		known(tag, body, FIELDS.ResTarget);
		const expression = t.expression(body.val);
		return { expression, label: text(body.name) ?? labelOf(t, body.val) };
	});
}

function grouping(t: Translator, value: unknown): Expression[] {
	const { tag, body } = nodeOf(value);
	// `(a, b)` without ROW groups by each of them.
	if (tag === "RowExpr" && body.row_format === "COERCE_IMPLICIT_CAST") {
		return list(body.args).flatMap((item) => grouping(t, item));
	}
	if (tag !== "GroupingSet") return [t.expression(value)];
	known(tag, body, FIELDS.GroupingSet);
	return list(body.content).flatMap((item) => grouping(t, item));
}

function windows(t: Translator, value: unknown): ReadonlyMap<string, Window> {
	const found = new Map<string, Window>();
	for (const item of list(value)) {
		const { body } = nodeOf(item);
		found.set(required(body.name, "window name"), windowOf(t, body, true));
	}
	return found;
}
