/**
 * The result of one execution as it streams through: counts, caps, masks and the sample for the recording.
 * Rows that need nothing done pass as they are; nothing is collected but the sample.
 */
import type { Denial, Execution, Outcome, ResultCap } from "../engine.js";
import type { RowBuffer } from "../row-buffer.js";
import { shortened } from "../sample.js";
import { denied, type Told } from "./denials.js";
import type { Counter } from "./model.js";
import type { RowPlan } from "./row-plan.js";
import { sampleRow } from "./rows.js";

export type RowAnswer = "pass" | "drop" | "exceeds";

export class Result {
	rows = 0;
	bytes = 0;
	plan: RowPlan | undefined;
	/** The client was told of an error of ours: nothing more of this command reaches it. */
	stopped: Told | undefined;
	/** Rows were left out under `then: truncate`. */
	isTruncated = false;
	/** The server was asked to stop what is only thrown away. */
	isCancelled = false;
	/** Result columns seen for it, over several results. */
	#masked = new Set<string>();
	readonly #sample: (string | null)[][] = [];
	#sampleColumns: readonly string[] | undefined;
	#sampleLeft: number;
	readonly #rowCap: ResultCap | undefined;
	readonly #byteCap: ResultCap | undefined;
	#cutBy: ResultCap | undefined;

	constructor(
		readonly execution: Execution,
		readonly counter: Counter | undefined,
	) {
		const { plan } = execution.verdict;
		this.#rowCap = plan.rows;
		this.#byteCap = plan.bytes;
		this.#sampleLeft = plan.sampleRows;
	}

	planned(plan: RowPlan | undefined): void {
		this.plan = plan;
		for (const name of plan?.masked ?? []) this.#masked.add(name);
	}

	get countsOnly(): boolean {
		return this.plan === undefined || (this.#sampleLeft === 0 && this.plan.masker === undefined);
	}

	get samples(): boolean {
		return this.#sampleLeft > 0 && this.plan !== undefined;
	}

	/** Counts a row and says whether the caps let it pass. `size`: bytes of its packet. */
	admit(size: number): RowAnswer {
		const { counter } = this;
		if (this.stopped !== undefined || this.isTruncated || counter?.exhausted === true) return "drop";
		const rows = (counter === undefined ? this.rows : counter.rows) + 1;
		const bytes = (counter === undefined ? this.bytes : counter.bytes) + size;
		const cap = this.#exceeded(rows, bytes);
		if (cap !== undefined) return this.#exceed(cap);
		this.rows += 1;
		this.bytes += size;
		if (counter !== undefined) {
			counter.rows = rows;
			counter.bytes = bytes;
		}
		return "pass";
	}

	/** Its rows go to the client, as long as no cap is exceeded. */
	get delivers(): boolean {
		return this.stopped === undefined && !this.isTruncated && this.counter?.exhausted !== true;
	}

	get hasCaps(): boolean {
		return this.#rowCap !== undefined || this.#byteCap !== undefined;
	}

	/** What the client is warned of; undefined: all rows were delivered. */
	get cut(): string | undefined {
		if (!this.isTruncated && this.counter?.exhausted !== true) return undefined;
		// A cursor that was exhausted by an earlier fetch has met one of the two.
		return (this.#cutBy ?? this.#rowCap ?? this.#byteCap)?.denial.message;
	}

	/** So many more are within the caps. */
	fits(rows: number, bytes: number): boolean {
		const before = this.counter ?? this;
		return this.#exceeded(before.rows + rows, before.bytes + bytes) === undefined;
	}

	/** Counts rows that fit. */
	count(rows: number, bytes: number): void {
		this.rows += rows;
		this.bytes += bytes;
		if (this.counter !== undefined) {
			this.counter.rows += rows;
			this.counter.bytes += bytes;
		}
	}

	/** Further packets of an admitted row. */
	grow(bytes: number): void {
		this.bytes += bytes;
		if (this.counter !== undefined) this.counter.bytes += bytes;
	}

	#exceeded(rows: number, bytes: number): ResultCap | undefined {
		if (this.#rowCap !== undefined && rows > this.#rowCap.max) return this.#rowCap;
		if (this.#byteCap !== undefined && bytes > this.#byteCap.max) return this.#byteCap;
		return undefined;
	}

	#exceed(cap: ResultCap): RowAnswer {
		if (cap.onExceed === "error") this.stop(cap.denial);
		else {
			this.isTruncated = true;
			this.#cutBy = cap;
			if (this.counter !== undefined) this.counter.exhausted = true;
		}
		return "exceeds";
	}

	stop(denial: Denial): void {
		this.stopped ??= denied({ ...denial, detail: `${denial.detail}; decision ${this.execution.decision}.` });
	}

	/** Rewrites an admitted row. False: malformed. */
	rewrite(data: Buffer, start: number, end: number, target: RowBuffer): boolean {
		return this.plan?.masker?.rewrite(data, start, end, target) === true;
	}

	/** Keeps a row as the client sees it. */
	keep(data: Buffer, start: number, end: number): boolean {
		const { plan } = this;
		if (this.#sampleLeft === 0 || plan === undefined) return true;
		// Rows of several results do not fit into one sample.
		this.#sampleColumns ??= plan.names;
		if (this.#sampleColumns !== plan.names) return true;
		const row = sampleRow(data, start, end, plan.columns, plan.isBinary);
		if (row === undefined) return false;
		this.#sampleLeft -= 1;
		this.#sample.push(row.map(shortened));
		return true;
	}

	/** What the recording and the meters are told. */
	outcome(command: string | null, error: { readonly code: string; readonly message: string } | null): Outcome {
		return {
			command,
			rows: this.rows,
			bytes: this.bytes,
			error: error === null ? null : { code: error.code, message: error.message },
			masked: this.#masked.size === 0 ? NONE : [...this.#masked],
			sample: this.#sample.length === 0 ? null : { columns: this.#sampleColumns ?? [], rows: this.#sample },
		};
	}
}

const NONE: readonly string[] = [];
