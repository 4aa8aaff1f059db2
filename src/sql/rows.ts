/**
 * How many source rows one line of a result carries.
 *
 * A row cap bounds source rows in whatever shape they come, and a line may be made of several: of a table that is joined
 * with itself, of scalar subqueries, of what a window looks up in other lines, of aggregates that each pick a value. So
 * values remember the rows that they are of (taint.ts), a place that reads a relation being one row of it; a line carries
 * as many rows of a relation as there are different ones in its columns (docs/decisions/018).
 */
import type { ResolvedColumns, ScopeColumn } from "./scope.js";
import { NO_ROWS, type SourceRow, type Value } from "./taint.js";

/** Aggregates: each call is of rows of its own. Those that collect are denied under a cap anyway. */
const AGGREGATES: ReadonlySet<string> = new Set(
	`any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every first
	json_agg json_agg_strict json_arrayagg json_object_agg json_object_agg_strict json_object_agg_unique
	json_object_agg_unique_strict json_objectagg jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
	jsonb_object_agg_unique jsonb_object_agg_unique_strict array_agg string_agg xmlagg group_concat st_collect
	max median min mode percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx
	regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy std stddev stddev_pop stddev_samp sum
	var_pop var_samp variance`
		.trim()
		.split(/\s+/),
);

/** They tell of numbers and places of rows, and of no row's values. */
const COUNTING: ReadonlySet<string> = new Set(
	"count row_number rank dense_rank ntile percent_rank cume_dist regr_count".split(" "),
);

/** Of a column as it stands they give one number for all rows of the group, as a row has one. */
const SUMMING: ReadonlySet<string> = new Set(["sum", "avg"]);

export interface Gathering {
	readonly name: string;
	/** It is called over a window. */
	readonly windowed: boolean;
	/** FILTER, DISTINCT, ORDER BY or WITHIN GROUP: only aggregates have them. */
	readonly qualified: boolean;
	readonly arguments: readonly Value[];
}

/** The value of a call that may be an aggregate or look at other rows. */
export function gathered(outcome: Value, call: Gathering): Value {
	if (outcome.rows.size === 0 || !(call.windowed || call.qualified || AGGREGATES.has(call.name))) return outcome;
	if (COUNTING.has(call.name)) return { ...outcome, rows: NO_ROWS };
	const isSum = SUMMING.has(call.name) && !call.windowed && !call.qualified;
	if (isSum && call.arguments.every(({ exact }) => exact)) return outcome;
	return { ...outcome, rows: otherRows(outcome.rows) };
}

/** As many rows of the same relations, but others. */
function otherRows(rows: ReadonlySet<SourceRow>): ReadonlySet<SourceRow> {
	return new Set([...rows].map((row) => ({ ...row })));
}

/** Any number of rows of the same relations. */
export function manyRows(rows: ReadonlySet<SourceRow>): ReadonlySet<SourceRow> {
	return new Set([...rows].map(({ relation }) => ({ relation, many: true })));
}

/** The columns of what is read once more (a common table, a view): each reading is of rows of its own. */
export function readAgain(result: ResolvedColumns): ResolvedColumns {
	const known = new Map<SourceRow, SourceRow>();
	const columns = result.columns.map((column) => withRows(column, (rows) => mapped(rows, known)));
	return result.open === undefined
		? { ...result, columns }
		: { ...result, columns, open: { ...result.open, rows: mapped(result.open.rows, known) } };
}

function mapped(rows: ReadonlySet<SourceRow>, known: Map<SourceRow, SourceRow>): ReadonlySet<SourceRow> {
	if (rows.size === 0) return rows;
	const own = new Set<SourceRow>();
	for (const row of rows) {
		let other = known.get(row);
		if (other === undefined) {
			other = { ...row };
			known.set(row, other);
		}
		own.add(other);
	}
	return own;
}

/** A column whose value is asked for late, since asking may have to wait until it is read. */
export function withRows(
	column: ScopeColumn,
	change: (rows: ReadonlySet<SourceRow>) => ReadonlySet<SourceRow>,
): ScopeColumn {
	let value: Value | undefined;
	return {
		name: column.name,
		get value() {
			const before = column.value;
			value ??= before.rows.size === 0 ? before : { ...before, rows: change(before.rows) };
			return value;
		},
		...(column.read === undefined ? {} : { read: column.read }),
		...(column.guessed === undefined ? {} : { guessed: column.guessed }),
	};
}

/**
 * The right side of a set operation, whose lines are others than the left's: its rows take the places of the left's, so
 * that a line counts as of the side that carries more.
 */
export function inPlaceOf(left: ResolvedColumns, right: ResolvedColumns): ResolvedColumns {
	let free: Map<string, SourceRow[]> | undefined;
	const known = new Map<SourceRow, SourceRow>();
	const change = (rows: ReadonlySet<SourceRow>) => {
		free ??= placesOf(left);
		for (const row of rows) {
			if (known.has(row)) continue;
			known.set(row, (row.many === true ? undefined : free.get(row.relation)?.shift()) ?? row);
		}
		return mapped(rows, known);
	};
	return { ...right, columns: right.columns.map((column) => withRows(column, change)) };
}

function placesOf({ columns }: ResolvedColumns): Map<string, SourceRow[]> {
	const places = new Map<string, SourceRow[]>();
	for (const row of new Set(columns.flatMap(({ value }) => [...value.rows]))) {
		const of = places.get(row.relation);
		if (of === undefined) places.set(row.relation, [row]);
		else of.push(row);
	}
	return places;
}

/** The most rows of one relation that a line of these values carries; at least 1. What is of any number of rows is collected. */
export function rowsPerLine(values: readonly Value[]): number {
	const counts = new Map<string, number>();
	let most = 1;
	for (const { relation } of new Set(values.flatMap(({ rows }) => [...rows]))) {
		const count = (counts.get(relation) ?? 0) + 1;
		counts.set(relation, count);
		if (count > most) most = count;
	}
	return most;
}
