/**
 * Masked columns in a statement: which results are masked, and which uses are denied. What the
 * facts leave open counts as the strongest use there is.
 */
import type { ColumnName, ColumnUse, RelationUse, StatementFacts } from "../sql/facts.js";
import type { Ancestry } from "./ancestry.js";
import { columnMaskFor, hiddenWhole, masksOnRelation } from "./columns.js";
import type { ColumnMask } from "./decision.js";
import { type Finding, forbidden, unproven } from "./finding.js";
import type { License } from "./license.js";
import { formatColumn, formatRelation } from "./patterns.js";
import { isReading, isWritten } from "./relations.js";
import { strictest } from "./strictness.js";

export interface Masking {
	readonly findings: readonly Finding[];
	/** By result column, 0-based. */
	readonly masks: ReadonlyMap<number, ColumnMask>;
	/** A masked column takes part, so the server's error texts may carry its values. */
	readonly touchesMasked: boolean;
}

export function judgeMasks(license: License, facts: StatementFacts, ancestry: Ancestry): Masking {
	if (license.masks.length === 0) return { findings: [], masks: new Map(), touchesMasked: false };
	const judge = new Judge(license, facts, ancestry);
	for (const use of facts.columns) judge.use(use);
	facts.outputs?.forEach((output, index) => {
		for (const source of output.sources) judge.source(source, index, output.direct);
	});
	for (const use of facts.relations) judge.relation(use);
	return judge;
}

/** One statement's judgement; collects as it goes. */
class Judge implements Masking {
	readonly findings: Finding[] = [];
	readonly masks = new Map<number, ColumnMask>();
	touchesMasked = false;
	readonly #license: License;
	readonly #facts: StatementFacts;
	readonly #ancestry: Ancestry;
	readonly #known = new Map<string, ColumnMask | undefined>();

	constructor(license: License, facts: StatementFacts, ancestry: Ancestry) {
		this.#license = license;
		this.#facts = facts;
		this.#ancestry = ancestry;
	}

	/** A use that the analyser found. */
	use(use: ColumnUse): void {
		const mask = this.#maskOf(use);
		if (mask === undefined) return;
		this.touchesMasked = true;
		switch (use.kind) {
			case "assign":
				// The pseudonym of a value of one's own tells which other rows hold it: that is a comparison with it.
				if (mask.mask.kind === "hash" && mask.use === "project") this.#deny(use, mask);
				return;
			case "count":
				return;
			case "project":
				this.#projected(use, mask);
				return;
			case "probe":
				if (mask.use === "project") this.#deny(use, mask);
				return;
			case "filter":
				if (mask.use === "project") this.#deny(use, mask);
				else this.#hide(use.outputs, hiddenWhole(mask));
				return;
			case "derive":
				if (mask.use === "derive") this.#hide(use.outputs, hiddenWhole(mask));
				else this.#deny(use, mask);
				return;
			case "tell":
				this.findings.push(forbidden(mask.term, `${formatColumn(use)} is masked, and ${use.where} tells its value`));
				return;
			case "copy":
				this.findings.push(forbidden(mask.term, `${formatColumn(use)} is masked and may not be copied (${use.where})`));
				return;
			default:
				use.kind satisfies never;
				this.#deny(use, mask);
		}
	}

	#projected(use: ColumnUse, mask: ColumnMask): void {
		for (const output of use.outputs) this.#hide([output], this.#isDirect(output) ? mask : mixed(mask));
		// Rows of a COPY say nothing of themselves: where nothing is known of its columns, none may be delivered.
		if (use.outputs.length > 0 || this.#facts.copy?.direction !== "out" || this.#facts.outputs !== undefined) return;
		this.findings.push(unproven(mask.term, `where ${formatColumn(use)}, which is masked, comes out cannot be told`));
	}

	/** A column that flows into a result column: it must be there by a use that was judged. */
	source(source: ColumnName, output: number, direct: boolean): void {
		const mask = this.#maskOf(source);
		if (mask === undefined) return;
		this.touchesMasked = true;
		const uses = this.#usesOf(source).filter((use) => use.outputs.includes(output));
		if (uses.length > 0) return;
		if (direct) this.#hide([output], mask);
		else if (mask.use === "derive") this.#hide([output], hiddenWhole(mask));
		else {
			const message = `${formatColumn(source)} is masked, and how result column ${output + 1} is made of it cannot be told`;
			this.findings.push(unproven(mask.term, message));
		}
	}

	/** A masked column that is read without a use that says how; and changes whose errors would show the row. */
	relation(use: RelationUse): void {
		const candidates = masksOnRelation(this.#license, use, this.#ancestry);
		if (!isReading(use)) {
			this.touchesMasked ||= candidates.length > 0 || this.#generated(use);
			return;
		}
		if (use.command !== "select" && use.command !== "copyTo") return;
		const columns = use.columns === "all" ? this.#ancestry.columns?.(use) : use.columns;
		for (const column of columns ?? candidates.flatMap(({ pattern }) => pattern.column ?? [])) {
			const name = { schema: use.schema, name: use.name, column };
			const mask = this.#maskOf(name);
			if (mask !== undefined && !this.#isUsed(name)) this.#untold(mask.term, formatColumn(name));
		}
		if (columns !== undefined) return;
		const any = candidates.find(({ pattern }) => pattern.column === undefined);
		const used = this.#facts.columns.some(({ schema, name }) => schema === use.schema && name === use.name);
		if (any !== undefined && !used) this.#untold(any.term, formatRelation(use));
	}

	#isDirect(output: number): boolean {
		return this.#facts.outputs?.[output]?.direct === true;
	}

	#untold(term: string, name: string): void {
		this.touchesMasked = true;
		this.findings.push(unproven(term, `how ${name}, which is masked, is used cannot be told`));
	}

	/** Whether some column is masked though no mask names it, being generated from one that is. */
	#generated(use: RelationUse): boolean {
		const columns = this.#ancestry.columns?.(use) ?? [];
		return columns.some((column) => this.#maskOf({ schema: use.schema, name: use.name, column }) !== undefined);
	}

	#usesOf(column: ColumnName): readonly ColumnUse[] {
		return this.#facts.columns.filter((use) => isSame(use, column));
	}

	/** By a use, or by the lineage of a result column: either has been judged. */
	#isUsed(column: ColumnName): boolean {
		const outputs = this.#facts.outputs ?? [];
		return (
			this.#usesOf(column).some(({ kind }) => !isWritten(kind)) ||
			outputs.some(({ sources }) => sources.some((source) => isSame(source, column)))
		);
	}

	#hide(outputs: readonly number[], mask: ColumnMask): void {
		for (const output of outputs) {
			const other = this.masks.get(output);
			this.masks.set(output, other === undefined ? mask : strictest(other, mask));
		}
	}

	#deny(use: ColumnUse, mask: ColumnMask): void {
		const allowed = mask.use === "filter" ? "shown, or compared for equality" : "shown";
		const message = `${formatColumn(use)} is masked and may only be ${allowed}, not used in ${use.where}`;
		this.findings.push(forbidden(mask.term, message));
	}

	#maskOf(column: ColumnName): ColumnMask | undefined {
		const key = `${column.schema}\0${column.name}\0${column.column}`;
		if (!this.#known.has(key)) {
			const { schema, name } = column;
			const mask = columnMaskFor(this.#license, { schema, name, column: column.column }, this.#ancestry);
			this.#known.set(key, mask);
		}
		return this.#known.get(key);
	}
}

/**
 * The mask of a result column in which other values stand too (UNION ALL, VALUES), or the value as another type. A
 * pseudonym of a value that a client put there itself would tell which rows hold it, and a date that became a time in a
 * zone of the client's choice is cut elsewhere; what other masks leave does not depend on its neighbours.
 */
function mixed(mask: ColumnMask): ColumnMask {
	return mask.mask.kind === "hash" || mask.mask.kind === "truncate" ? hiddenWhole(mask) : mask;
}

function isSame(a: ColumnName, b: ColumnName): boolean {
	return a.schema === b.schema && a.name === b.name && a.column === b.column;
}
