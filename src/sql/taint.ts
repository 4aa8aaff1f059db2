/**
 * What a value is made of. Each expression has a `Value`: the columns that flow into it, each either unchanged or
 * derived, and what derived it; and the source rows that they are of (rows.ts). Values only ever grow on the way out:
 * nothing but the end of a query drops a flow.
 */
import type { ColumnName } from "./facts.js";
import { spend } from "./work.js";

export interface Flow {
	readonly column: ColumnName;
	/** False once anything was computed from it. */
	readonly unchanged: boolean;
	/** What derived it first, as ColumnUse.where names it; "" while unchanged. */
	readonly via: string;
	/** True for a column of licensed data, false for one of a system catalog. */
	readonly data: boolean;
}

/** One row of a relation of licensed data, the same wherever it stands: an object of its own for each place that reads one. */
export interface SourceRow {
	readonly relation: string;
	/** It stands for any number of rows. */
	readonly many?: true;
}

export interface Value {
	readonly flows: ReadonlyMap<string, Flow>;
	/** It is exactly one column's value (views that only pass it on included). */
	readonly exact: boolean;
	/** The rows that one such value can be made of. */
	readonly rows: ReadonlySet<SourceRow>;
}

export const NO_ROWS: ReadonlySet<SourceRow> = new Set();

export const NOTHING: Value = { flows: new Map(), exact: false, rows: NO_ROWS };

export function columnKey(column: ColumnName): string {
	return `${column.schema}\0${column.name}\0${column.column}`;
}

/** `rows`: the row that it is a column of, if that is one of licensed data. */
export function columnValue(column: ColumnName, data: boolean, rows: ReadonlySet<SourceRow> = NO_ROWS): Value {
	const flow: Flow = { column, unchanged: true, via: "", data };
	return { flows: new Map([[columnKey(column), flow]]), exact: true, rows };
}

/** One or the other of several values, unchanged (the legs of UNION ALL, the rows of VALUES). */
export function either(values: readonly Value[]): Value {
	const [only] = values;
	if (only === undefined) return NOTHING;
	if (values.length === 1) return only;
	const flows = merged(values);
	const exact = values.every((value) => value.exact && sameFlows(value.flows, only.flows));
	return { flows, exact, rows: rowsOf(values) };
}

/** Something computed from several values; `via` is remembered for flows that nothing had changed yet. */
export function derived(values: readonly Value[], via: string): Value {
	const flows = new Map<string, Flow>();
	for (const [key, flow] of merged(values)) flows.set(key, flow.unchanged ? { ...flow, unchanged: false, via } : flow);
	return flows.size === 0 ? NOTHING : { flows, exact: false, rows: rowsOf(values) };
}

/** The value with a further column of its own in front (a view's column over what the view reads). */
export function passedBy(column: ColumnName, beneath: Value): Value {
	const flows = new Map(columnValue(column, true).flows);
	for (const [key, flow] of beneath.flows) flows.set(key, flow);
	return { flows, exact: beneath.exact, rows: beneath.rows };
}

/** All rows of several values; mostly they are of one and the same. */
function rowsOf(values: readonly Value[]): ReadonlySet<SourceRow> {
	let found = NO_ROWS;
	let own: Set<SourceRow> | undefined;
	for (const { rows } of values) {
		if (rows === found || rows.size === 0) continue;
		if (found.size === 0) found = rows;
		else {
			own ??= new Set(found);
			for (const row of rows) own.add(row);
			found = own;
		}
	}
	return found;
}

function merged(values: readonly Value[]): Map<string, Flow> {
	const flows = new Map<string, Flow>();
	for (const value of values) {
		spend(1 + value.flows.size);
		for (const [key, flow] of value.flows) {
			const known = flows.get(key);
			if (known === undefined || known.unchanged) flows.set(key, flow);
		}
	}
	return flows;
}

function sameFlows(one: ReadonlyMap<string, Flow>, other: ReadonlyMap<string, Flow>): boolean {
	return one.size === other.size && [...one.keys()].every((key) => other.has(key));
}

export function sameValue(one: Value, other: Value): boolean {
	if (!sameFlows(one.flows, other.flows) || one.exact !== other.exact) return false;
	return [...one.flows].every(([key, flow]) => other.flows.get(key)?.unchanged === flow.unchanged);
}

/** True when some column of licensed data flows into it. */
export function holdsData(value: Value): boolean {
	for (const flow of value.flows.values()) if (flow.data) return true;
	return false;
}
