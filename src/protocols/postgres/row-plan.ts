/**
 * What is done to the rows of a result: which cells are masked and how they are read.
 *
 * Two walls meet here. Lineage (the verdict) says which result columns carry masked values; the server's own
 * RowDescription says where each column comes from. Either is enough to mask; an origin that is not permitted forbids
 * the result; and where the two contradict each other, the host is told (an incident).
 */
import type { RelayHost, ValueMask, Verdict } from "../engine.js";
import { checkKnownOrigin, checkShape, type Findings } from "../walls.js";
import { formatAt, type RowColumn } from "./messages.js";
import { RowMasker } from "./rows.js";
import { valueKind } from "./values.js";

export interface RowPlan {
	/** Columns with the formats in which they arrive. */
	readonly columns: readonly RowColumn[];
	readonly names: readonly string[];
	readonly masker: RowMasker | undefined;
	/** Names of the masked columns. */
	readonly masked: readonly string[];
	/** Why no row of it may be delivered. */
	readonly forbidden: string | undefined;
	/** What the two walls disagree about. */
	readonly incident: string | undefined;
}

/** `formats`: Bind's result formats; undefined when the description itself holds them (simple query, portals). */
export function planRows(
	described: readonly RowColumn[],
	formats: readonly number[] | undefined,
	verdict: Verdict,
	host: Pick<RelayHost, "origin" | "checksOrigin">,
): RowPlan {
	const columns =
		formats === undefined
			? described
			: described.map((column, index) => ({ ...column, format: formatAt(formats, index) }));
	const names = columns.map((column) => column.name);
	if (!host.checksOrigin) {
		return { columns, names, masker: undefined, masked: [], forbidden: undefined, incident: undefined };
	}
	const masks = new Map<number, ValueMask>(verdict.plan.masks);
	const findings: Findings = {};
	checkShape(columns.length, verdict, findings);
	columns.forEach((column, index) => {
		checkOrigin(column, index, host, masks, findings);
	});
	return {
		columns,
		names,
		masker: masks.size === 0 ? undefined : new RowMasker(maskedColumns(columns, masks), columns.length),
		masked: [...masks.keys()].sort((a, b) => a - b).map((index) => names[index] ?? ""),
		forbidden: findings.forbidden,
		incident: findings.incident,
	};
}

function checkOrigin(
	column: RowColumn,
	index: number,
	host: Pick<RelayHost, "origin">,
	masks: Map<number, ValueMask>,
	findings: Findings,
): void {
	if (column.table === 0) return;
	const origin = host.origin(column.table, column.column);
	if (origin === undefined) {
		findings.forbidden ??= `result column ${index + 1} comes from a relation that is not in the catalog snapshot`;
		return;
	}
	checkKnownOrigin(index, origin, masks, findings);
}

function maskedColumns(columns: readonly RowColumn[], masks: ReadonlyMap<number, ValueMask>) {
	return [...masks]
		.filter(([index]) => index < columns.length)
		.sort(([a], [b]) => a - b)
		.map(([index, mask]) => {
			const column = columns[index] as RowColumn;
			const kind = valueKind(column.type);
			return {
				index,
				mask: (value: string) => mask.apply(value, kind),
				type: column.type,
				format: column.format,
				typeModifier: column.typeModifier,
			};
		});
}
