/**
 * What names mean at a place in a query. A scope is one query level: its common tables, and its sources as items, each
 * with the columns that it shows. Lookups walk outwards level by level, as the server's own do.
 *
 * An item may be *open*: it has columns that are not known (a function that returns rows of an unknown type). A name
 * that might be one of those gets the values of everything it might be.
 */
import { derived, either, NOTHING, type Value } from "./taint.js";
import { unresolved, unsupported } from "./unreadable.js";
import { spend } from "./work.js";

export interface ScopeColumn {
	readonly name: string;
	readonly value: Value;
	/** Put on record that it is read. */
	readonly read?: () => void;
	/** Its name is only a guess, so that any name may or may not mean it. */
	readonly guessed?: boolean;
}

/** What a query delivers: its columns, and with `open` further ones that are not known, each at most this value. */
export interface ResolvedColumns {
	readonly columns: readonly ScopeColumn[];
	readonly open?: Value;
	/** Of open ones: how many columns surely stand before the unknown ones. */
	readonly openAt?: number;
}

export interface Item extends ResolvedColumns {
	/** Undefined: it can be reached by column names only (a join without alias). */
	readonly name: string | undefined;
	/** Set for a relation without alias: `schema.name.column` may name it. */
	readonly schema?: string;
	/** Columns that have a name but are never part of `*` (ctid, xmin …). */
	readonly system?: (name: string) => ScopeColumn | undefined;
	readonly nameVisible: boolean;
	readonly columnsVisible: boolean;
	/** A function's scalar result: the item's name means the value itself. */
	readonly scalar?: boolean;
}

export interface CommonTableEntry {
	/** Resolves on first use; of a recursive one, answers with what is known so far while it is being resolved. */
	readonly columns: () => ResolvedColumns;
	/** Places that its query reads from, those of the common tables in it included; known once it is resolved. */
	readonly places: () => number;
}

export interface Scope {
	readonly parent: Scope | undefined;
	readonly items: readonly Item[];
	readonly commonTables: Map<string, CommonTableEntry>;
	/** Result columns that names may mean here: behind the select list, where the dialect says so. */
	readonly labels?: readonly ScopeColumn[];
	/** Result columns so far, which names in subqueries of the select list may mean, where the dialect says so. */
	readonly aliases?: readonly ScopeColumn[];
	/** A name may mean a column of an outer query although there is one here (HAVING of MySQL). */
	readonly looksPast?: boolean;
	/** What the windows of the WINDOW clause are made of. */
	readonly windows?: ReadonlyMap<string, Value>;
}

/** A scope for a subquery that sees the outer query's common tables but not these items. */
export function withItems(scope: Scope, items: readonly Item[]): Scope {
	return { parent: scope.parent, items, commonTables: scope.commonTables };
}

export function commonTable(scope: Scope | undefined, name: string): CommonTableEntry | undefined {
	for (let level = scope; level !== undefined; level = level.parent) {
		const entry = level.commonTables.get(name);
		if (entry !== undefined) return entry;
	}
	return undefined;
}

/** Whether a column's name is a guess, for columns that take the name over. */
export function guessOf(column: ScopeColumn): { readonly guessed?: boolean } {
	return column.guessed === true ? { guessed: true } : {};
}

export function readColumn(column: ScopeColumn): Value {
	column.read?.();
	return column.value;
}

/** The column that an unqualified name means; undefined when no level has one. */
export function findColumn(scope: Scope | undefined, name: string, position?: number): Value | undefined {
	const opens: Value[] = [];
	/** What it may mean as well, unchanged. */
	const others: Value[] = [];
	for (let level = scope; level !== undefined; level = level.parent) {
		const found = columnOfLevel(level, name, position);
		if (found !== undefined && level.looksPast === true) others.push(found);
		else if (found === undefined) others.push(...guessedValues(level));
		else {
			const all = others.length === 0 ? found : either([found, ...others]);
			return opens.length === 0 ? all : derived([all, ...opens], "function result");
		}
		opens.push(...openValues(level));
	}
	return opens.length + others.length === 0 ? undefined : either([...others, ...opens]);
}

/** Columns whose names are guesses: the server may or may not take the name for one of them. */
function guessedValues(level: Scope): Value[] {
	return level.items.flatMap((item) =>
		item.columnsVisible ? item.columns.filter((column) => column.guessed === true).map(readColumn) : [],
	);
}

/** Like `findColumn` at the innermost level alone (GROUP BY prefers those to names of the result). */
export function findLocalColumn(scope: Scope, name: string, position?: number): Value | undefined {
	return columnOfLevel(scope, name, position);
}

/** Whether an unqualified name may be a column of this very level. */
export function maybeLocal(scope: Scope): boolean {
	return openValues(scope).length > 0;
}

function columnOfLevel(level: Scope, name: string, position?: number): Value | undefined {
	let found: ScopeColumn | undefined;
	let system: ScopeColumn | undefined;
	for (const item of level.items) {
		// Names are compared faster than anything is made of them.
		spend(0.1 + item.columns.length / 10);
		if (!item.columnsVisible) continue;
		for (const column of item.columns) {
			if (column.name !== name || column.guessed === true) continue;
			if (found !== undefined) throw unresolved(`column reference "${name}" is ambiguous`, position);
			found = column;
		}
		system ??= item.system?.(name);
	}
	const column = found ?? system;
	return column === undefined ? undefined : readColumn(column);
}

function openValues(level: Scope): Value[] {
	return level.items.flatMap((item) => (item.columnsVisible && item.open !== undefined ? [item.open] : []));
}

/** The item that a name means, at the nearest level that has one. */
export function findItem(
	scope: Scope | undefined,
	name: string,
	schema: string | undefined,
	position?: number,
): Item | undefined {
	for (let level = scope; level !== undefined; level = level.parent) {
		spend(level.items.length / 10);
		const matches = level.items.filter(
			(item) => item.nameVisible && item.name === name && (schema === undefined || item.schema === schema),
		);
		if (matches.length > 1) throw unresolved(`table reference "${name}" is ambiguous`, position);
		if (matches[0] !== undefined) return matches[0];
	}
	return undefined;
}

/** The column of an item, or undefined when it has none of that name (and is not open). */
export function itemColumn(item: Item, name: string, position?: number): Value | undefined {
	const matches = item.columns.filter((column) => column.name === name && column.guessed !== true);
	if (matches.length > 1) throw unresolved(`column reference "${name}" is ambiguous`, position);
	const guesses = matches.length === 0 ? item.columns.filter((column) => column.guessed === true) : [];
	if (guesses.some((column) => column.name === name)) return either(guesses.map(readColumn));
	if (guesses.length > 0) throw unsupported(`"${name}" may be a result column that was given no name`, position);
	const column = matches[0] ?? item.system?.(name);
	return column === undefined ? item.open : readColumn(column);
}

/** The whole row of an item: everything it has flows into it. */
export function wholeRow(item: Item): Value {
	const values = item.columns.map(readColumn);
	if (item.open !== undefined) values.push(item.open);
	if (item.scalar === true) return values[0] ?? NOTHING;
	return derived(values, "whole row");
}
