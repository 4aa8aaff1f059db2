/**
 * WITH: common tables, the recursive ones among them, by name.
 */
import type { CommonTable, With } from "./query.js";
import { compute } from "./resolve-expressions.js";
import type { Resolver, SideWatcher } from "./resolver.js";
import { manyRows } from "./rows.js";
import { type CommonTableEntry, type ResolvedColumns, readColumn, type Scope, type ScopeColumn } from "./scope.js";
import { holdsData, NO_ROWS, sameValue, type Value } from "./taint.js";
import { unresolved, unsupported } from "./unreadable.js";

/** Rounds until the columns of a recursive query stop growing: each round adds a flow, so this bounds the flows. */
const ROUNDS_MAX = 200;

export function registerCommonTables(r: Resolver, clause: With, scope: Scope): void {
	for (const item of clause.items) {
		const name = r.dialect.foldCommonTable(item.name);
		if (scope.commonTables.has(name)) throw unresolved(`WITH query "${item.name}" is named twice`, item.position);
		if (clause.recursive) {
			const seen = r.dialect.recursionLooksAhead ? scope : { ...scope, commonTables: new Map(scope.commonTables) };
			const entry = counted(r, recursiveTable(r, item, seen));
			seen.commonTables.set(name, entry);
			scope.commonTables.set(name, entry);
		} else {
			// Resolved before it is known: a table of its name, or one that follows, is not this one.
			const before = r.sources;
			const result = named(r, r.query(item.query, scope), item);
			const places = r.sources - before;
			scope.commonTables.set(name, { columns: () => result, places: () => places });
		}
	}
	// All of them now, so that what they use is on record whoever asks for their columns later, and if nobody does.
	for (const entry of scope.commonTables.values()) entry.columns();
}

/** A table that is resolved when first asked for, and meanwhile may be asked for by itself. */
function counted(r: Resolver, resolve: () => ResolvedColumns): CommonTableEntry {
	let places = 0;
	let isBegun = false;
	return {
		columns: () => {
			if (isBegun) return resolve();
			isBegun = true;
			const before = r.sources;
			const columns = resolve();
			places = r.sources - before;
			return columns;
		},
		places: () => places,
	};
}

function named(r: Resolver, result: ResolvedColumns, item: CommonTable): ResolvedColumns {
	const columns: ScopeColumn[] = result.columns.map((column, index) => {
		const name = item.columns[index];
		return name === undefined ? column : { ...column, value: column.value, name, guessed: false };
	});
	for (const added of item.added) {
		const from = columns.filter((column) => added.from.includes(column.name)).map(readColumn);
		const value = compute(r, from, "SEARCH or CYCLE");
		columns.push({ name: added.name, value: added.gathers ? { ...value, rows: manyRows(value.rows) } : value });
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
				if (forced === undefined) current = current === undefined ? named(r, columns, base) : current;
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
			current = named(r, result, base);
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
		known = named(r, result, item);
		return known;
	};
}

const MARK = { schema: "", name: "recursion", column: "" } as const;
const MARK_KEY = "\0recursion";

/** The same columns, each holding nothing but a mark, to see which columns are computed from the round before. */
function marked(result: ResolvedColumns): ResolvedColumns {
	const flow = { column: MARK, unchanged: true, via: "", data: false };
	const value: Value = { flows: new Map([[MARK_KEY, flow]]), exact: false, rows: NO_ROWS };
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
