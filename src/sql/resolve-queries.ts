/**
 * Queries: WITH, SELECT, set operations, VALUES, and what follows them. Each yields its result columns.
 */
import type { Query, SetOperation, Values } from "./query.js";
import { compute, consume, useOperator } from "./resolve-expressions.js";
import { expandList, orderByOutputs, selectColumns } from "./resolve-select.js";
import { registerCommonTables } from "./resolve-with.js";
import type { QueryOptions, Resolver } from "./resolver.js";
import { inPlaceOf } from "./rows.js";
import { guessOf, type ResolvedColumns, readColumn, type Scope, type ScopeColumn } from "./scope.js";
import { either, NOTHING } from "./taint.js";
import { unresolved, unsupported } from "./unreadable.js";

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
			orderByOutputs(r, query.orderBy, result, scope);
			return result;
		}
		case "values": {
			r.uses.commands.add("select");
			const result = valuesColumns(r, query.body, scope);
			orderByOutputs(r, query.orderBy, result, scope);
			return result;
		}
		case "insert":
		case "update":
		case "delete":
		case "merge":
		case "joinedUpdate":
		case "joinedDelete":
			return writes(r, query, scope) ?? { columns: [] };
		default:
			return never(query.body);
	}
}

function never(body: never): never {
	throw unsupported(`query ${String(body)} is not known`);
}

// ---- set operations and VALUES ------------------------------------------------------------------------------------

function setOperation(r: Resolver, body: SetOperation, scope: Scope, options: QueryOptions): ResolvedColumns {
	const keepsValues = body.op === "union" && body.all;
	const lazy = options.lazy === true && keepsValues;
	const left = r.query(body.left, scope, { lazy });
	options.watcher?.left(left);
	const right = inPlaceOf(left, r.query(body.right, scope, { lazy }));
	options.watcher?.right(right);
	if (left.open !== undefined || right.open !== undefined) return mixedColumns(r, left, right);
	if (left.columns.length !== right.columns.length) throw unresolved("the sides of a set operation differ in width");
	const columns = left.columns.map((column, index) => {
		const other = right.columns[index] ?? column;
		if (keepsValues) return eitherColumn(column, other);
		useOperator(r, { name: "=" });
		const value = compute(r, [readColumn(column), readColumn(other)], body.op.toUpperCase());
		return { name: column.name, value, ...guessOf(column) };
	});
	return { columns };
}

function eitherColumn(left: ScopeColumn, right: ScopeColumn): ScopeColumn {
	return {
		name: left.name,
		...guessOf(left),
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
		const name = r.dialect.valuesColumn(index);
		const value = either(rows.map((row) => row[index] ?? NOTHING));
		columns.push(name === undefined ? { name: "", value, guessed: true } : { name, value });
	}
	return { columns };
}
