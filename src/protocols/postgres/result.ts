/**
 * The result of one execution as it streams through: counts, caps, masks and the sample for the recording.
 * Rows that need nothing done pass as they are; nothing is collected but the sample.
 */
import type { Denial, Execution, Outcome, ResultCap } from "../engine.js";
import { shortened } from "../sample.js";
import { showsApplicationName } from "./application-name.js";
import type { CopyPlan } from "./copy-plan.js";
import { denialFrame } from "./denials.js";
import { encodeNotice } from "./errors.js";
import type { Counter } from "./model.js";
import type { DenialFrame } from "./operations.js";
import type { RowPlan } from "./row-plan.js";
import { type RowBuffer, sampleRow } from "./rows.js";

/** What happens to a row. */
export type RowAnswer = "pass" | "rewritten" | "drop" | "exceeds" | "malformed";

export class Result {
	rows = 0;
	bytes = 0;
	plan: RowPlan | undefined;
	/** Set when the client is told of an error of ours in place of what the server says. */
	stopped: DenialFrame | undefined;
	/** Rows were left out under `then: truncate`; the notice for it. */
	truncated: Buffer | undefined;
	/** That the walls disagree about it was told. */
	told = false;
	/** The server was asked to stop what is only thrown away. */
	cancelled = false;
	/** Its row is the application's name, which the client sees without what we have put behind it. */
	readonly showsApplication: boolean;
	/** Frames of COPY data seen, for the one at its begin that is no row. */
	copyFrames = 0;
	/** Set at CopyOutResponse, where origins are checked. */
	copyPlan: CopyPlan | undefined;
	readonly #sample: (string | null)[][] = [];
	#sampleLeft: number;
	readonly #rowCap: ResultCap | undefined;
	readonly #byteCap: ResultCap | undefined;

	constructor(
		readonly execution: Execution,
		readonly counter: Counter | undefined,
	) {
		const { plan, facts } = execution.verdict;
		this.showsApplication = showsApplicationName(facts);
		this.#rowCap = plan.rows;
		this.#byteCap = plan.bytes;
		this.#sampleLeft = plan.sampleRows;
	}

	/** Rows of it can pass without being looked at, but for their number. */
	get countsOnly(): boolean {
		return this.plan === undefined || (this.#sampleLeft === 0 && this.plan.masker === undefined);
	}

	/** Counts a row and says whether the caps let it pass. `size`: bytes of its frame. */
	admit(size: number): RowAnswer {
		if (this.isCut) return "drop";
		const rows = (this.counter === undefined ? this.rows : this.counter.rows) + 1;
		const bytes = (this.counter === undefined ? this.bytes : this.counter.bytes) + size;
		const cap = this.#exceeded(rows, bytes);
		if (cap !== undefined) return this.#exceed(cap);
		this.rows += 1;
		this.bytes += size;
		if (this.counter !== undefined) {
			this.counter.rows = rows;
			this.counter.bytes = bytes;
		}
		return "pass";
	}

	#exceeded(rows: number, bytes: number): ResultCap | undefined {
		if (this.#rowCap !== undefined && rows > this.#rowCap.max) return this.#rowCap;
		if (this.#byteCap !== undefined && bytes > this.#byteCap.max) return this.#byteCap;
		return undefined;
	}

	#exceed(cap: ResultCap): RowAnswer {
		if (cap.onExceed === "error") {
			this.stop(cap.denial);
		} else {
			if (this.counter !== undefined) this.counter.exhausted = true;
			this.truncated = encodeNotice({
				severity: "WARNING",
				code: "01000",
				message: cap.denial.message,
				detail: this.#detail(cap.denial),
				hint: cap.denial.hint,
			});
		}
		return "exceeds";
	}

	stop(denial: Denial): void {
		this.stopped ??= denialFrame({ ...denial, detail: this.#detail(denial) });
	}

	#detail(denial: Denial): string {
		return `${denial.detail}; decision ${this.execution.decision}.`;
	}

	/** Masks and samples an admitted DataRow frame. */
	row(data: Buffer, start: number, end: number, target: RowBuffer): RowAnswer {
		const masker = this.plan?.masker;
		if (masker === undefined) return this.#keep(data, start, end) ? "pass" : "malformed";
		if (!masker.rewrite(data, start, end, target)) return "malformed";
		return "rewritten";
	}

	/** Masks a CopyData frame, an admitted row or what stands around rows. The server sends one frame a row. */
	copyFrame(data: Buffer, start: number, end: number, target: RowBuffer): boolean {
		const masker = this.copyPlan?.masker;
		if (masker === undefined) return false;
		const { rows } = masker;
		const position = target.length;
		const isWhole = masker.rewrite(data, start, end, target) && masker.rows - rows <= 1 && !masker.isWithinRow;
		if (!isWhole) target.truncate(position);
		return isWhole;
	}

	/** Rows of it are left out from here on. */
	get isCut(): boolean {
		return this.stopped !== undefined || this.truncated !== undefined || this.counter?.exhausted === true;
	}

	/** Keeps a row as the client sees it. */
	keepRewritten(frame: Buffer): boolean {
		return this.#keep(frame, 0, frame.length);
	}

	get samples(): boolean {
		return this.#sampleLeft > 0;
	}

	#keep(data: Buffer, start: number, end: number): boolean {
		if (this.#sampleLeft === 0 || this.plan === undefined) return true;
		const row = sampleRow(data, start, end, this.plan.columns);
		if (row === undefined) return false;
		this.#sampleLeft -= 1;
		this.#sample.push(row.map(shortened));
		return true;
	}

	/** What the recording and the meters are told. */
	outcome(command: string | null, error: { code: string; message: string } | null): Outcome {
		const columns = this.plan?.names ?? this.execution.verdict.facts.outputs?.map((output) => output.name) ?? [];
		return {
			command,
			rows: this.rows,
			bytes: this.bytes,
			error,
			masked: this.plan?.masked ?? this.copyPlan?.masked ?? [],
			sample: this.#sample.length === 0 ? null : { columns, rows: this.#sample },
		};
	}
}
