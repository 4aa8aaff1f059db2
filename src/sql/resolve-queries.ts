/**
 * Queries: WITH, SELECT, set operations, VALUES, and what follows them. Each yields its result columns.
 */
import type {
	CommonTable,
	Expression,
	Query,
	Select,
	SelectItem,
	SetOperation,
	SortItem,
	Source,
	Values,
	With,
} from "./query.js";
import { compute, condition, consume, isStar, itemNamed, useOperator, windowValue } from "./resolve-expressions.js";
import { resolveSources } from "./resolve-sources.js";
import type { QueryOptions, Resolver, SideWatcher } from "./resolver.js";
import {
	commonTable,
	findLocalColumn,
	type Item,
	maybeLocal,
	type ResolvedColumns,
	readColumn,
	type Scope,
	type ScopeColumn,
	withItems,
} from "./scope.js";
import { derived, either, holdsData, NOTHING, sameValue, type Value } from "./taint.js";
import { unresolved, unsupported } from "./unreadable.js";

/** Rounds until the columns of a recursive query stop growing: each round adds a flow, so this bounds the flows. */
const ROUNDS_MAX = 200;

/** What INSERT, UPDATE, DELETE and MERGE as bodies are resolved by. */
export type WriteResolver = (r: Resolver, query: Query, scope: Scope) => ResolvedColumns | undefined;

export function resolveQuery(
	r: Resolver,
	query: Query,
	parent: Scope | undefined,
	options: QueryOptions,
	writes: WriteResolver,
): ResolvedColumns {
	const scope: Scope = { parent, items: [], commonTables: new Map() };
	if (query.with !== undefined) registerCommonTables(r, query.with, scope);
	const result = resolveBody(r, query, scope, options, writes);
	const limits = query.limits.map((limit) => r.value(limit, scope));
	for (const value of limits) consume(r, value, "derive", "LIMIT");
	r.labels.set(query, result.columns[0]?.name ?? "?column?");
	return result;
}

function resolveBody(
	r: Resolver,
	query: Query,
	scope: Scope,
	options: QueryOptions,
	writes: WriteResolver,
): ResolvedColumns {
	switch (query.body.kind) {
		case "select":
			r.uses.commands.add("select");
			return selectColumns(r, query, query.body, scope, options.lazy === true);
		case "setOperation": {
			const result = setOperation(r, query.body, scope, options);
			orderByOutputs(r, query.orderBy, result.columns);
			return result;
		}
		case "values": {
			r.uses.commands.add("select");
			const result = valuesColumns(r, query.body, scope);
			orderByOutputs(r, query.orderBy, result.columns);
			return result;
		}
		case "insert":
		case "update":
		case "delete":
		case "merge":
			return writes(r, query, scope) ?? { columns: [] };
		default:
			return never(query.body);
	}
}

function never(body: never): never {
	throw unsupported(`query ${String(body)} is not known`);
}

// ---- WITH ---------------------------------------------------------------------------------------------------------

function registerCommonTables(r: Resolver, clause: With, scope: Scope): void {
	for (const item of clause.items) {
		if (scope.commonTables.has(item.name)) throw unresolved(`WITH query "${item.name}" is named twice`, item.position);
		if (clause.recursive) {
			scope.commonTables.set(item.name, { columns: recursiveTable(r, item, scope) });
		} else {
			// Resolved before it is known: a table of its name, or one that follows, is not this one.
			const result = named(r.query(item.query, scope), item);
			scope.commonTables.set(item.name, { columns: () => result });
		}
	}
	// All of them now, so that what they use is on record whoever asks for their columns later, and if nobody does.
	for (const entry of scope.commonTables.values()) entry.columns();
}

function named(result: ResolvedColumns, item: CommonTable): ResolvedColumns {
	const columns: ScopeColumn[] = result.columns.map((column, index) => {
		const name = item.columns[index];
		return name === undefined ? column : { ...column, value: column.value, name };
	});
	for (const added of item.added) {
		const from = columns.filter((column) => added.from.includes(column.name)).map((column) => column.value);
		columns.push({ name: added.name, value: derived(from, "SEARCH or CYCLE") });
	}
	return { ...result, columns };
}

/**
 * A table of WITH RECURSIVE. Tables may be used before they stand, so each is resolved when first asked for. One that
 * uses itself is resolved in rounds: its own columns are first those of its left side, then what the last round found.
 */
function recursiveTable(r: Resolver, item: CommonTable, scope: Scope): () => ResolvedColumns {
	const base: CommonTable = { ...item, added: [] };
	let known: ResolvedColumns | undefined;
	let current: ResolvedColumns | undefined;
	let running = false;
	let usesItself = false;
	let forced: ResolvedColumns | undefined;

	const round = (right: (columns: ResolvedColumns) => void): ResolvedColumns => {
		const watcher: SideWatcher = {
			left: (columns) => {
				if (forced === undefined) current = current === undefined ? named(columns, base) : current;
			},
			right,
		};
		return r.query(item.query, scope, { watcher });
	};

	return () => {
		if (known !== undefined) return known;
		if (running) {
			if (current === undefined) throw unsupported(`"${item.name}" uses itself outside the right side of its UNION`);
			usesItself = true;
			return current;
		}
		running = true;
		let result = round(() => undefined);
		for (let rounds = 0; usesItself; rounds++) {
			if (rounds > ROUNDS_MAX) throw unsupported(`recursive query "${item.name}" does not settle`);
			const before = current;
			current = named(result, base);
			if (before !== undefined && sameColumns(before, current)) break;
			result = round(() => undefined);
		}
		if (usesItself && current !== undefined) {
			const settled = current;
			forced = marked(settled);
			current = forced;
			const { result: grown } = r.apart(() => growingColumns(round));
			if (settled.columns.some((column, index) => grown.has(index) && holdsData(column.value))) {
				r.uses.collects.add(`recursive query ${item.name}`);
			}
		}
		running = false;
		known = named(result, item);
		return known;
	};
}

const MARK = { schema: "", name: "recursion", column: "" } as const;
const MARK_KEY = "\0recursion";

/** The same columns, each holding nothing but a mark, to see which columns are computed from the round before. */
function marked(result: ResolvedColumns): ResolvedColumns {
	const flow = { column: MARK, unchanged: true, via: "", data: false };
	const value: Value = { flows: new Map([[MARK_KEY, flow]]), exact: false };
	return { columns: result.columns.map((column) => ({ name: column.name, value })) };
}

/** Columns of the right side that are computed from marked ones: they can gather the rows of all rounds. */
function growingColumns(round: (right: (columns: ResolvedColumns) => void) => ResolvedColumns): Set<number> {
	const grown = new Set<number>();
	round((columns) => {
		columns.columns.forEach((column, index) => {
			if (column.value.flows.get(MARK_KEY)?.unchanged === false) grown.add(index);
		});
	});
	return grown;
}

function sameColumns(one: ResolvedColumns, other: ResolvedColumns): boolean {
	return one.columns.every((column, index) => {
		const match = other.columns[index];
		return match !== undefined && sameValue(column.value, match.value);
	});
}

// ---- set operations and VALUES ------------------------------------------------------------------------------------

function setOperation(r: Resolver, body: SetOperation, scope: Scope, options: QueryOptions): ResolvedColumns {
	const keepsValues = body.op === "union" && body.all;
	const lazy = options.lazy === true && keepsValues;
	const left = r.query(body.left, scope, { lazy });
	options.watcher?.left(left);
	const right = r.query(body.right, scope, { lazy });
	options.watcher?.right(right);
	if (left.open !== undefined || right.open !== undefined) return mixedColumns(r, left, right);
	if (left.columns.length !== right.columns.length) throw unresolved("the sides of a set operation differ in width");
	const columns = left.columns.map((column, index) => {
		const other = right.columns[index] ?? column;
		if (keepsValues) return eitherColumn(column, other);
		useOperator(r, { name: "=" });
		return { name: column.name, value: compute(r, [readColumn(column), readColumn(other)], body.op.toUpperCase()) };
	});
	return { columns };
}

function eitherColumn(left: ScopeColumn, right: ScopeColumn): ScopeColumn {
	return {
		name: left.name,
		value: either([left.value, right.value]),
		read: () => {
			left.read?.();
			right.read?.();
		},
	};
}

/** Sides whose positions are not known: everything may be anywhere. */
function mixedColumns(r: Resolver, left: ResolvedColumns, right: ResolvedColumns): ResolvedColumns {
	const values = [left, right].flatMap((side) => [
		...side.columns.map(readColumn),
		...(side.open === undefined ? [] : [side.open]),
	]);
	const value = compute(r, values, "set operation");
	return { columns: left.columns.map((column) => ({ name: column.name, value })), open: value, openAt: 0 };
}

function valuesColumns(r: Resolver, body: Values, scope: Scope): ResolvedColumns {
	const rows = body.rows.map((row) => expandList(r, row, scope));
	const width = rows[0]?.length ?? 0;
	if (rows.some((row) => row.length !== width)) throw unresolved("VALUES lists differ in length");
	const columns: ScopeColumn[] = [];
	for (let index = 0; index < width; index++) {
		columns.push({ name: `column${index + 1}`, value: either(rows.map((row) => row[index] ?? NOTHING)) });
	}
	return { columns };
}

/** A list of expressions in which `t.*` stands for the columns of t. */
export function expandList(r: Resolver, row: readonly Expression[], scope: Scope): Value[] {
	return row.flatMap((expression) => {
		if (!isStar(expression)) return [r.value(expression, scope)];
		const result = starColumns(r, expression, scope);
		if (result.open !== undefined) throw unsupported("a row of unknown width in VALUES");
		return result.columns.map(readColumn);
	});
}

function orderByOutputs(r: Resolver, orderBy: readonly SortItem[], columns: readonly ScopeColumn[]): void {
	for (const item of orderBy) {
		if (item.operator !== undefined) useOperator(r, item.operator);
		const output = outputNamed(r, item.expression, columns);
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
	return columns.find((column) => column.name === expression.parts[0]);
}

// ---- SELECT -------------------------------------------------------------------------------------------------------

function selectColumns(r: Resolver, query: Query, body: Select, scope: Scope, lazy: boolean): ResolvedColumns {
	const items = resolveSources(r, body.from, scope);
	const bare: Scope = { ...withItems(scope, items), parent: scope.parent };
	if (body.where !== undefined) condition(r, body.where, bare, "WHERE");
	const inner: Scope = { ...bare, windows: namedWindows(r, body, bare) };
	const keepsApart = lazy && body.distinct === "no";
	const result = selectList(r, body.items, inner, keepsApart);
	for (const item of body.groupBy) groupBy(r, item, result.columns, inner);
	if (body.having !== undefined) consume(r, r.value(body.having, inner), "derive", "HAVING");
	for (const item of query.orderBy) {
		if (item.operator !== undefined) useOperator(r, item.operator);
		outputOrExpression(r, item.expression, result.columns, inner, "ORDER BY");
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
): ResolvedColumns {
	const columns: ScopeColumn[] = [];
	const opens: Value[] = [];
	let openAt: number | undefined;
	for (const item of items) {
		if (isStar(item.expression)) {
			const star = starColumns(r, item.expression, scope);
			for (const column of star.columns) {
				if (!keepsApart) column.read?.();
				columns.push(keepsApart ? column : { name: column.name, value: column.value });
			}
			if (star.open !== undefined) {
				openAt ??= columns.length - star.columns.length + (star.openAt ?? 0);
				opens.push(star.open);
			}
		} else {
			columns.push(selectItem(r, item, scope, keepsApart));
		}
	}
	if (openAt === undefined) return { columns };
	return { columns, open: derived(opens, "function result"), openAt };
}

function selectItem(r: Resolver, item: SelectItem, scope: Scope, keepsApart: boolean): ScopeColumn {
	const label = () => (typeof item.label === "string" ? item.label : (r.labels.get(item.label) ?? "?column?"));
	if (!keepsApart) {
		const value = r.value(item.expression, scope);
		return { name: label(), value };
	}
	const { result: value, uses } = r.apart(() => r.value(item.expression, scope));
	return { name: label(), value, read: () => r.uses.merge(uses, []) };
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
		const names = new Set(clause.relations.map((path) => path.name));
		for (const source of body.from) lockSource(r, source, names, scope);
		const [missing] = names;
		if (clause.relations.length > 0 && missing !== undefined) {
			throw unresolved(`relation "${missing}" of the locking clause is not in FROM`, clause.relations[0]?.position);
		}
	}
}

/** `names`: what is still to be found; undefined once a name was, so that all beneath is locked. */
function lockSource(r: Resolver, source: Source, names: Set<string> | undefined, scope: Scope): void {
	if (source.kind === "join") {
		if (source.alias === undefined || !takes(names, source.alias.name)) {
			lockSource(r, source.left, names, scope);
			lockSource(r, source.right, names, scope);
			return;
		}
		lockSource(r, source.left, undefined, scope);
		lockSource(r, source.right, undefined, scope);
	} else if (source.kind === "derived") {
		if (!takes(names, source.alias?.name) || source.query.body.kind !== "select") return;
		for (const inner of source.query.body.from) lockSource(r, inner, undefined, scope);
	} else if (source.kind === "relation") {
		const { relation: path, alias } = source;
		if (!takes(names, alias?.name ?? path.name)) return;
		if (path.schema === undefined && commonTable(scope, path.name) !== undefined) return;
		const { relation, sort } = r.dialect.relation(path);
		r.uses.relation({ relation, command: "update", sort });
		r.uses.commands.add("update");
		r.uses.writes = true;
	}
}

/** Whether a source is meant: by name, or because nothing was named. */
function takes(names: Set<string> | undefined, name: string | undefined): boolean {
	if (names === undefined || names.size === 0) return true;
	return name !== undefined && names.delete(name);
}
