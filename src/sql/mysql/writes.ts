/**
 * INSERT, REPLACE, UPDATE and DELETE.
 * MySQL: manual, "Data Manipulation Statements"; MariaDB: the same names, with RETURNING and FOR PORTION OF.
 */
import type {
	AssignedColumn,
	Assignment,
	Body,
	Expression,
	NameExpression,
	Query,
	RelationPath,
	Returning,
	SortItem,
	Source,
	With,
} from "../query.js";
import { expression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { query } from "./queries.js";
import { sortItems, writeLimit } from "./query-tail.js";
import { selectItems } from "./select-items.js";
import { partitions, relationPath, sources, tableAlias } from "./sources.js";
import { construct, startsQuery } from "./terms.js";

function bare(body: Body, clause?: With): Query {
	return {
		kind: "query",
		...(clause === undefined ? {} : { with: clause }),
		body,
		orderBy: [],
		limits: [],
		locking: [],
	};
}

function and(...operands: readonly (Expression | undefined)[]): Expression | undefined {
	const given = operands.filter((operand) => operand !== undefined);
	return given.length < 2 ? given[0] : { kind: "logic", op: "and", operands: given };
}

/** Which rows are written first tells of what they are ordered by. */
function ordered(items: readonly SortItem[]): Expression | undefined {
	return items.length === 0
		? undefined
		: construct(
				"ORDER BY",
				items.map((item) => item.expression),
			);
}

// ---- INSERT, REPLACE ----------------------------------------------------------------------------------------------

/** Behind INSERT or REPLACE. */
export function insert(g: Grammar, replaces: boolean): Query {
	const { cursor } = g;
	cursor.takeAny("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY");
	if (!replaces) cursor.take("IGNORE");
	cursor.take("INTO");
	const relation = relationPath(cursor);
	partitions(cursor);
	const given = insertSource(g);
	const rowAlias = given.source === undefined ? undefined : insertedAlias(g);
	const conflict = replaces ? undefined : onDuplicate(g, rowAlias, given.source);
	const returning = returningClause(g);
	const body: Body = {
		kind: "insert",
		target: { relation },
		columns: given.columns,
		source: given.source,
		...(replaces ? { replaces } : {}),
		...(conflict === undefined ? {} : { conflict }),
		...(returning === undefined ? {} : { returning }),
	};
	return bare(body);
}

interface Given {
	readonly columns: readonly AssignedColumn[] | undefined;
	readonly source: Query | undefined;
}

function insertSource(g: Grammar): Given {
	const { cursor } = g;
	if (cursor.take("SET")) return setSource(g);
	const columns = cursor.isSymbol("(") && !startsQuery(cursor) ? columnList(g) : undefined;
	if (cursor.isAnyWord("VALUES", "VALUE") && !(cursor.isWord("ROW", 1) && !cursor.isMariaDb))
		return valueSource(g, columns);
	const source = query(g);
	return { columns, source };
}

function columnList(g: Grammar): AssignedColumn[] {
	const { cursor } = g;
	return cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => assignedColumn(g))));
}

/** `c`, `t.c`, `d.t.c`: of the target, whatever it is qualified with. */
function assignedColumn(g: Grammar): AssignedColumn {
	const { cursor } = g;
	const position = cursor.position();
	let column = cursor.columnName();
	while (cursor.takeSymbol(".")) column = cursor.columnName(true);
	return { column, indexes: [], position };
}

function valueSource(g: Grammar, columns: readonly AssignedColumn[] | undefined): Given {
	const { cursor } = g;
	cursor.at += 1;
	const rows = cursor.list(() =>
		cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => expression(g)))),
	);
	if (cursor.isAnyWord("UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT")) {
		throw cursor.refuse("VALUES as a part of a query is not read here");
	}
	return { columns, source: bare({ kind: "values", rows }) };
}

function setSource(g: Grammar): Given {
	const assigned = g.cursor.list(() => assignment(g));
	return {
		columns: assigned.map(({ column, position }) => ({
			column,
			indexes: [],
			...(position === undefined ? {} : { position }),
		})),
		source: bare({ kind: "values", rows: [assigned.map(({ value }) => value)] }),
	};
}

function assignment(g: Grammar): Assignment {
	const column = assignedColumn(g);
	if (!g.cursor.takeSymbol(":=")) g.cursor.expectSymbol("=");
	return { ...column, value: expression(g) };
}

/** `VALUES (…) AS new(a, b)` (MySQL). */
function insertedAlias(g: Grammar): { readonly name: string; readonly columns: readonly string[] } | undefined {
	const { cursor } = g;
	if (cursor.isMariaDb || !cursor.take("AS")) return undefined;
	const name = cursor.tableName();
	const columns = cursor.isSymbol("(") ? cursor.inBrackets(() => cursor.list(() => cursor.columnName())) : [];
	return { name, columns };
}

function onDuplicate(
	g: Grammar,
	excluded: { readonly name: string; readonly columns: readonly string[] } | undefined,
	source: Query | undefined,
) {
	const { cursor } = g;
	if (!cursor.take("ON", "DUPLICATE", "KEY", "UPDATE")) return undefined;
	const assignments = cursor.list(() => assignment(g));
	// With INSERT … SELECT the assignments see the tables of the query.
	const seen = source?.body.kind === "select" ? source.body.from : [];
	return {
		...(excluded === undefined ? {} : { excluded }),
		arbiter: [],
		assignments,
		...(seen.length === 0 ? {} : { sees: seen }),
	};
}

function returningClause(g: Grammar): Returning | undefined {
	if (!g.cursor.isMariaDb || !g.cursor.take("RETURNING")) return undefined;
	return { items: selectItems(g), old: "old", new: "new" };
}

// ---- UPDATE -------------------------------------------------------------------------------------------------------

/** Behind UPDATE. */
export function update(g: Grammar, clause: With | undefined): Query {
	const { cursor } = g;
	cursor.take("LOW_PRIORITY");
	cursor.take("IGNORE");
	const from = sources(g);
	const period = portion(g);
	cursor.expect("SET");
	const [only] = from;
	const isSingle = only?.kind === "relation" && from.length === 1;
	if (!isSingle) return joinedUpdate(g, from, clause);
	const assignments = cursor.list(() => assignment(g));
	const where = tail(g, period);
	const body: Body = {
		kind: "update",
		target: { relation: only.relation, ...(only.alias === undefined ? {} : { alias: only.alias.name }) },
		assignments,
		from: [],
		...(where.where === undefined ? {} : { where: where.where }),
	};
	return { ...bare(body, clause), limits: where.limits };
}

function joinedUpdate(g: Grammar, from: readonly Source[], clause: With | undefined): Query {
	const assignments = g.cursor.list(() => {
		const column = columnName(g);
		if (!g.cursor.takeSymbol(":=")) g.cursor.expectSymbol("=");
		return { column, value: expression(g) };
	});
	const { where, limits } = tail(g, undefined);
	const body: Body = { kind: "joinedUpdate", from, assignments, ...(where === undefined ? {} : { where }) };
	return { ...bare(body, clause), limits };
}

function columnName(g: Grammar): NameExpression {
	const { cursor } = g;
	const position = cursor.position();
	const parts = [cursor.tableName()];
	while (cursor.takeSymbol(".")) parts.push(cursor.tableName(true));
	if (parts.length > 3) throw cursor.fail();
	parts.push((parts.pop() as string).toLowerCase());
	return { kind: "name", parts, star: false, position };
}

/** WHERE, ORDER BY and LIMIT of a write. */
function tail(g: Grammar, first: Expression | undefined) {
	const { cursor } = g;
	const where = cursor.take("WHERE") ? expression(g) : undefined;
	const order = cursor.take("ORDER", "BY") ? ordered(sortItems(g)) : undefined;
	return { where: and(where, order, first), limits: writeLimit(g) };
}

/** FOR PORTION OF period FROM a TO b (MariaDB). */
function portion(g: Grammar): Expression | undefined {
	const { cursor } = g;
	if (!cursor.isMariaDb || !cursor.take("FOR", "PORTION", "OF")) return undefined;
	if (cursor.columnName() === "system_time") throw cursor.fail(undefined, -1);
	cursor.expect("FROM");
	const from = expression(g);
	cursor.expect("TO");
	return construct("FOR PORTION OF", [from, expression(g)]);
}

// ---- DELETE -------------------------------------------------------------------------------------------------------

/** Behind DELETE. */
export function remove(g: Grammar, clause: With | undefined): Query {
	const { cursor } = g;
	cursor.take("LOW_PRIORITY");
	cursor.take("QUICK");
	cursor.take("IGNORE");
	if (!cursor.isWord("FROM")) {
		if (cursor.isMariaDb && cursor.take("HISTORY")) throw cursor.refuse("DELETE HISTORY is not read");
		const targets = cursor.list(() => target(g));
		cursor.expect("FROM");
		return joinedDelete(g, targets, sources(g), clause);
	}
	cursor.at += 1;
	const { at } = cursor;
	const targets = cursor.list(() => target(g));
	if (cursor.take("USING")) return joinedDelete(g, targets, sources(g), clause);
	if (targets.length > 1) throw cursor.fail();
	cursor.at = at;
	return singleDelete(g, clause);
}

/** `t`, `d.t`, each also with `.*` behind it. */
function target(g: Grammar): RelationPath {
	const path = relationPath(g.cursor);
	if (g.cursor.isSymbol(".") && g.cursor.isSymbol("*", 1)) g.cursor.at += 2;
	return path;
}

function singleDelete(g: Grammar, clause: With | undefined): Query {
	const { cursor } = g;
	const path = relationPath(cursor);
	const early = portion(g);
	const hasAlias = !cursor.isMariaDb || cursor.server.version >= 110600;
	const alias = hasAlias ? tableAlias(cursor) : undefined;
	const relation = partitions(cursor) ? { ...path, partitions: true } : path;
	const { where, limits } = tail(g, early ?? portion(g));
	const returning = returningClause(g);
	const body: Body = {
		kind: "delete",
		target: { relation, ...(alias === undefined ? {} : { alias }) },
		using: [],
		...(where === undefined ? {} : { where }),
		...(returning === undefined ? {} : { returning }),
	};
	return { ...bare(body, clause), limits };
}

function joinedDelete(
	g: Grammar,
	targets: readonly RelationPath[],
	from: readonly Source[],
	clause: With | undefined,
): Query {
	const { where, limits } = tail(g, undefined);
	const body: Body = { kind: "joinedDelete", targets, from, ...(where === undefined ? {} : { where }) };
	return { ...bare(body, clause), limits };
}
