/**
 * SELECT: its list, grouping, order, DISTINCT and row locks, over the items of FROM.
 */
import type { Expression, Query, Select, SelectItem, SortItem, Source } from "./query.js";
import { compute, condition, consume, isStar, itemNamed, useOperator, windowValue } from "./resolve-expressions.js";
import { resolveSources } from "./resolve-sources.js";
import type { Resolver } from "./resolver.js";
import {
	commonTable,
	findLocalColumn,
	guessOf,
	type Item,
	maybeLocal,
	type ResolvedColumns,
	readColumn,
	type Scope,
	type ScopeColumn,
	withItems,
} from "./scope.js";
import { derived, type Value } from "./taint.js";
import { Unreadable, unresolved, unsupported } from "./unreadable.js";
import { spend } from "./work.js";

export function selectColumns(r: Resolver, query: Query, body: Select, scope: Scope, lazy: boolean): ResolvedColumns {
	const items = resolveSources(r, body.from, scope);
	const bare: Scope = { ...withItems(scope, items), parent: scope.parent };
	if (body.where !== undefined) condition(r, body.where, bare, "WHERE");
	const aliases: ScopeColumn[] = [];
	const sees = r.dialect.labelsInClauses ? { aliases } : {};
	const inner: Scope = { ...bare, ...sees, windows: namedWindows(r, body, bare) };
	const keepsApart = lazy && body.distinct === "no";
	const result = selectList(r, body.items, inner, keepsApart, aliases);
	const behind: Scope = r.dialect.labelsInClauses ? { ...inner, labels: result.columns } : inner;
	checkLength(body.groupBy, "GROUP BY");
	for (const item of body.groupBy) groupBy(r, item, result.columns, behind);
	if (body.having !== undefined) {
		const having = r.dialect.havingLooksPast ? { ...behind, looksPast: true } : behind;
		consume(r, r.value(body.having, having), "derive", "HAVING");
	}
	checkLength(query.orderBy, "ORDER BY");
	for (const item of query.orderBy) {
		if (item.operator !== undefined) useOperator(r, item.operator);
		outputOrExpression(r, item.expression, result.columns, behind, "ORDER BY");
	}
	lockRows(r, query, body, scope);
	return distinct(r, body, result, inner);
}

function namedWindows(r: Resolver, body: Select, scope: Scope): ReadonlyMap<string, Value> {
	const windows = new Map<string, Value>();
	for (const [name, window] of body.windows) windows.set(name, windowValue(r, window, { ...scope, windows }));
	return windows;
}

function groupBy(r: Resolver, expression: Expression, columns: readonly ScopeColumn[], scope: Scope): void {
	if (expression.kind === "name" && expression.parts.length === 1 && !expression.star && !maybeLocal(scope)) {
		const local = findLocalColumn(scope, expression.parts[0] ?? "", expression.position);
		if (local !== undefined) {
			consume(r, local, "derive", "GROUP BY");
			return;
		}
	}
	outputOrExpression(r, expression, columns, scope, "GROUP BY");
}

function outputOrExpression(
	r: Resolver,
	expression: Expression,
	columns: readonly ScopeColumn[],
	scope: Scope,
	where: string,
): void {
	if (expression.kind === "parameter" && r.dialect.ordersByParameter) {
		for (const column of columns) consume(r, readColumn(column), "derive", where);
	}
	const output = outputNamed(r, expression, columns);
	consume(r, output === undefined ? r.value(expression, scope) : readColumn(output), "derive", where);
	// With sources of unknown columns a name may be theirs as well.
	if (output !== undefined && expression.kind === "name" && maybeLocal(scope)) {
		consume(r, r.value(expression, scope), "derive", where);
	}
}

function distinct(r: Resolver, body: Select, result: ResolvedColumns, scope: Scope): ResolvedColumns {
	if (body.distinct === "no") return result;
	if (body.distinct !== "all") {
		checkLength(body.distinct, "DISTINCT ON");
		for (const expression of body.distinct) {
			outputOrExpression(r, expression, result.columns, scope, "DISTINCT ON");
		}
		return result;
	}
	useOperator(r, { name: "=" });
	return {
		...result,
		columns: result.columns.map((column) => ({
			name: column.name,
			...guessOf(column),
			value: compute(r, [readColumn(column)], "DISTINCT"),
		})),
	};
}

/** The select list; with `keepsApart` what each column uses counts only once that column is read. */
export function selectList(
	r: Resolver,
	items: readonly SelectItem[],
	scope: Scope,
	keepsApart = false,
	columns: ScopeColumn[] = [],
): ResolvedColumns {
	const opens: Value[] = [];
	let openAt: number | undefined;
	for (const item of items) {
		if (isStar(item.expression)) {
			const star = starColumns(r, item.expression, scope);
			checkWidth(columns.length + star.columns.length);
			spend(10 * star.columns.length);
			for (const column of star.columns) {
				if (!keepsApart) column.read?.();
				columns.push(keepsApart ? column : { name: column.name, value: column.value, ...guessOf(column) });
			}
			if (star.open !== undefined) {
				openAt ??= columns.length - star.columns.length + (star.openAt ?? 0);
				opens.push(star.open);
			}
		} else {
			checkWidth(columns.length + 1);
			columns.push(selectItem(r, item, scope, keepsApart));
		}
	}
	if (openAt === undefined) return { columns };
	return { columns, open: derived(opens, "function result"), openAt };
}

/** Columns of one SELECT: PostgreSQL's servers stop at 1664, MySQL's at 4096. */
const MAX_WIDTH = 4096;

function checkWidth(columns: number): void {
	if (columns > MAX_WIDTH) throw new Unreadable("limit", `a SELECT has more than ${MAX_WIDTH} columns`);
}

/** What stands there is compared pair by pair by the server, which nothing interrupts, and counts as columns of its result. */
function checkLength(items: readonly unknown[], where: string): void {
	if (items.length > MAX_WIDTH) throw new Unreadable("limit", `${where} has more than ${MAX_WIDTH} expressions`);
}

function selectItem(r: Resolver, item: SelectItem, scope: Scope, keepsApart: boolean): ScopeColumn {
	const label = () => (typeof item.label === "string" ? item.label : (r.labels.get(item.label) ?? "?column?"));
	const guess = item.guessed === true ? { guessed: true } : {};
	if (!keepsApart) {
		const value = r.value(item.expression, scope);
		return { name: label(), value, ...guess };
	}
	const { result: value, uses } = r.apart(() => r.value(item.expression, scope));
	return { name: label(), value, ...guess, read: () => r.uses.merge(uses, []) };
}

/** The columns that `*`, `t.*` or `(x).*` stands for. */
function starColumns(r: Resolver, expression: Expression, scope: Scope): ResolvedColumns {
	if (expression.kind === "name") {
		if (expression.parts.length === 0) {
			const shown = scope.items.filter((item) => item.columnsVisible);
			return allColumns(shown);
		}
		const item = itemNamed(r, expression.parts, scope, expression.position);
		if (item !== undefined) return allColumns([item]);
		throw unresolved(`${expression.parts.join(".")}.* cannot be resolved`, expression.position);
	}
	if (expression.kind !== "field") throw unsupported("* of an expression");
	const { of } = expression;
	if (of.kind === "name" && !of.star) {
		const item = itemNamed(r, of.parts, scope, of.position);
		// A composite column may have the same name as a table: then nothing is certain but what flows.
		const isColumn =
			of.parts.length === 1 && r.apart(() => findLocalColumn(scope, of.parts[0] ?? "")).result !== undefined;
		if (item !== undefined && item.scalar !== true && !isColumn) return allColumns([item]);
	}
	const value = compute(r, [r.value(of, scope)], "row expansion");
	const result = r.dialect.result(of);
	if (result.kind === "columns") return { columns: result.names.map((name) => ({ name, value })) };
	return { columns: [], open: value };
}

function allColumns(items: readonly Item[]): ResolvedColumns {
	const columns: ScopeColumn[] = [];
	const opens: Value[] = [];
	let openAt: number | undefined;
	for (const item of items) {
		if (item.open !== undefined) {
			openAt ??= columns.length + (item.openAt ?? 0);
			opens.push(item.open);
		}
		columns.push(...item.columns);
	}
	return openAt === undefined ? { columns } : { columns, open: derived(opens, "function result"), openAt };
}

// ---- FOR UPDATE ---------------------------------------------------------------------------------------------------

/** Locking rows asks for the right to update them, as in the server; no column is written. */
function lockRows(r: Resolver, query: Query, body: Select, scope: Scope): void {
	for (const clause of query.locking) {
		const wanted = new Set(clause.relations.map((path) => path.name));
		const found = new Set<string>();
		const isMeant = (name: string | undefined): boolean => {
			if (wanted.size === 0) return true;
			if (name === undefined || !wanted.has(name)) return false;
			found.add(name);
			return true;
		};
		for (const source of body.from) lockSource(r, source, isMeant, scope);
		const missing = clause.relations.find((path) => !found.has(path.name));
		if (missing !== undefined) {
			throw unresolved(`relation "${missing.name}" of the locking clause is not in FROM`, missing.position);
		}
	}
}

const ALL = () => true;

function lockSource(r: Resolver, source: Source, isMeant: (name: string | undefined) => boolean, scope: Scope): void {
	if (source.kind === "join") {
		const inner = source.alias !== undefined && isMeant(source.alias.name) ? ALL : isMeant;
		lockSource(r, source.left, inner, scope);
		lockSource(r, source.right, inner, scope);
	} else if (source.kind === "derived") {
		if (!isMeant(source.alias?.name) || source.query.body.kind !== "select") return;
		for (const inner of source.query.body.from) lockSource(r, inner, ALL, scope);
	} else if (source.kind === "relation") {
		const { relation: path, alias } = source;
		if (!isMeant(alias?.name ?? path.name)) return;
		if (path.schema === undefined && commonTable(scope, r.dialect.foldCommonTable(path.name)) !== undefined) {
			return;
		}
		const { relation, sort } = r.dialect.relation(path);
		r.uses.relation({ relation, command: "update", sort });
		r.uses.commands.add("update");
		r.uses.writes = true;
	}
}

// ---- lists and orders ---------------------------------------------------------------------------------------------

/** A list of expressions in which `t.*` stands for the columns of t. */
export function expandList(r: Resolver, row: readonly Expression[], scope: Scope): Value[] {
	return row.flatMap((expression) => {
		if (!isStar(expression)) return [r.value(expression, scope)];
		const result = starColumns(r, expression, scope);
		if (result.open !== undefined) throw unsupported("a row of unknown width in VALUES");
		return result.columns.map(readColumn);
	});
}

export function orderByOutputs(r: Resolver, orderBy: readonly SortItem[], result: ResolvedColumns, scope: Scope): void {
	for (const item of orderBy) {
		if (item.operator !== undefined) useOperator(r, item.operator);
		const output = outputNamed(r, item.expression, result.columns);
		if (r.dialect.ordersSetsByExpression) {
			const whole: Item = { ...result, name: undefined, nameVisible: false, columnsVisible: true };
			const over: Scope = { ...scope, items: [whole] };
			outputOrExpression(r, item.expression, result.columns, over, "ORDER BY");
			continue;
		}
		if (output === undefined) throw unresolved("ORDER BY of a set operation or VALUES must name a result column");
		consume(r, readColumn(output), "derive", "ORDER BY");
	}
}

/** The result column that a bare name or a position means. */
function outputNamed(r: Resolver, expression: Expression, columns: readonly ScopeColumn[]): ScopeColumn | undefined {
	if (expression.kind === "constant" && expression.sort === "number") {
		r.uses.literalSensitive = true;
		const column = columns[Number(expression.value) - 1];
		if (column === undefined) throw unresolved(`position ${expression.value} is not in the select list`);
		return column;
	}
	if (expression.kind !== "name" || expression.star || expression.parts.length !== 1) return undefined;
	return columns.find((column) => column.name === expression.parts[0] && column.guessed !== true);
}
