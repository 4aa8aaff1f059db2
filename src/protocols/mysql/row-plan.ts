/**
 * What is done to the rows of a result: which cells are masked and how they are read.
 *
 * Two walls meet here. Lineage (the verdict) says which result columns carry masked values; the server's own column
 * definitions name the table and column that each comes from. Either is enough to mask; an origin that is not permitted
 * forbids the result; and where the two contradict each other, the host is told (an incident).
 *
 * Where the server's word ends (MySQL 9.7 and MariaDB 10.11, found by trying): expressions, UNIONs and scalar subqueries
 * have no origin; a derived table or CTE shows its own alias for the column and either its alias or the table beneath for
 * the table; a view shows itself, a materialized one on MariaDB without a database; HANDLER on MySQL "*any*" for the
 * database; temporary tables their own name. So an origin that the catalog does not know says nothing, and lineage decides;
 * without lineage it is refused, but for what a procedure delivers, which its permit answers for.
 */
import type { OriginVerdict, RelayHost, ValueMask, Verdict } from "../engine.js";
import { checkKnownOrigin, checkShape, type Findings } from "../walls.js";
import { encodingOf } from "./charsets.js";
import type { Column } from "./columns.js";
import { type MaskedColumn, RowMasker } from "./rows.js";
import { valueKind } from "./values.js";

export interface RowPlan {
	readonly columns: readonly Column[];
	readonly names: readonly string[];
	readonly masker: RowMasker | undefined;
	/** Result columns that are masked. */
	readonly indexes: readonly number[];
	/** Those of them that may hold NULL now whatever they were declared: the mask makes no value of the column's type of all. */
	readonly nullable: readonly number[];
	/** Their names. */
	readonly masked: readonly string[];
	readonly isBinary: boolean;
	/** Why no row of it may be delivered. */
	readonly forbidden: string | undefined;
	/** What the two walls disagree about. */
	readonly incident: string | undefined;
}

export function planRows(
	columns: readonly Column[],
	isBinary: boolean,
	verdict: Verdict,
	host: Pick<RelayHost, "originNamed" | "checksOrigin">,
): RowPlan {
	const names = columns.map((column) => column.name);
	const masks = new Map(verdict.plan.masks);
	const findings: Findings = {};
	if (host.checksOrigin) {
		checkShape(columns.length, verdict, findings);
		for (const [index, column] of columns.entries()) checkOrigin(column, index, verdict, host, masks, findings);
	}
	const indexes = [...masks.keys()].filter((index) => index < columns.length).sort((a, b) => a - b);
	const masked = indexes.map((index) => ({
		index,
		mask: masks.get(index) as ValueMask,
		column: columns[index] as Column,
	}));
	return {
		columns,
		names,
		masker: masked.length === 0 ? undefined : new RowMasker(columns, masked, isBinary),
		indexes,
		nullable: masked.filter((each) => !keepsValue(each)).map(({ index }) => index),
		masked: indexes.map((index) => names[index] ?? ""),
		isBinary,
		forbidden: findings.forbidden,
		incident: findings.incident,
	};
}

/** A text in UTF-8 holds whatever a mask makes of it. */
function keepsValue({ mask, column }: MaskedColumn): boolean {
	return mask.keepsText === true && valueKind(column) === "text" && encodingOf(column.collation) === "utf8";
}

function checkOrigin(
	column: Column,
	index: number,
	verdict: Verdict,
	host: Pick<RelayHost, "originNamed">,
	masks: Map<number, ValueMask>,
	findings: Findings,
): void {
	const { facts } = verdict;
	const origin = originOf(column, verdict, host);
	if (origin === undefined) {
		// A procedure is only allowed to deliver what is not known where nothing would have to be masked.
		if (facts.outputs === undefined && !facts.commands.includes("call")) {
			findings.forbidden ??= `it cannot be told where result column ${index + 1} comes from`;
		}
		return;
	}
	checkKnownOrigin(index, origin, masks, findings);
}

function originOf(
	{ schema, originTable, originName }: Column,
	{ facts }: Verdict,
	host: Pick<RelayHost, "originNamed">,
): OriginVerdict | undefined {
	if (schema === "" || originTable === "" || originName === "") return undefined;
	// MariaDB answers SHOW from tables of information_schema, which the statement does not name and is not judged by.
	const isOwn = schema.toLowerCase() === "information_schema" && !facts.commands.includes("select");
	return isOwn && facts.outputs !== undefined ? undefined : host.originNamed(schema, originTable, originName);
}
