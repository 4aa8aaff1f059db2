/**
 * The result that streams at the moment: found by the head of the queue, planned from the server's description, counted,
 * and ended, by the server or by us.
 */
import type { Denial, Verdict } from "../engine.js";
import { COPY_ROW_BYTES } from "./bounds.js";
import { IDLE } from "./codes.js";
import { COPY_DONE, copyTrailer } from "./copy-frames.js";
import { planCopy } from "./copy-plan.js";
import type { RelayCore } from "./core.js";
import { type CopyResponse, commandComplete, type RowColumn, readRowDescription } from "./messages.js";
import type { Operation } from "./operations.js";
import { Result } from "./result.js";
import { planRows, type RowPlan } from "./row-plan.js";

/** A row description seen before for a verdict, and the plan that it gave; without one, it has only been read. */
interface PlanMemo {
	readonly frame: Buffer;
	readonly columns: readonly RowColumn[];
	plan: RowPlan | undefined;
	epoch: number;
}

export class Results {
	#result: Result | undefined;
	readonly #core: RelayCore;
	readonly #broken: (reason: string) => void;

	constructor(core: RelayCore, broken: (reason: string) => void) {
		this.#core = core;
		this.#broken = broken;
		core.takeResult = () => this.take();
	}

	/** The result of the execution at the head of the queue. */
	active(): Result | undefined {
		if (this.#result !== undefined) return this.#result;
		const head = this.#core.queue.head;
		// What was made to fail delivers nothing.
		if (head === undefined || head.denial !== undefined || (head.kind !== "query" && head.kind !== "execute")) {
			return undefined;
		}
		const execution = head.executions[head.current];
		if (execution === undefined) return undefined;
		this.#result = new Result(execution, head.counters?.[head.current]);
		if (head.kind === "execute") this.#planExecute(head, this.#result);
		return this.#result;
	}

	/** The result that has begun, if any: whoever takes it ends it. */
	take(): Result | undefined {
		const result = this.#result;
		this.#result = undefined;
		return result;
	}

	/** The plan of a query string's result; the one of an equal description before is taken again. False: malformed. */
	planQuery(result: Result, data: Buffer, start: number, end: number): boolean {
		const { host } = this.#core;
		if (!host.checksOrigin && result.execution.verdict.plan.sampleRows === 0) return true;
		const { verdict } = result.execution;
		const memo = readDescription(verdict, data, start, end);
		if (memo === undefined) return false;
		this.#planBy(memo, result);
		return true;
	}

	/** The plan of a description that says in which formats its values come. */
	#planBy(memo: PlanMemo, result: Result): void {
		const { host } = this.#core;
		const epoch = host.epoch();
		if (memo.plan === undefined || memo.epoch !== epoch) {
			memo.plan = planRows(memo.columns, undefined, result.execution.verdict, host);
			memo.epoch = epoch;
		}
		result.plan = memo.plan;
		this.#tell(result, memo.plan.incident);
	}

	/** The columns that the server describes of a statement or portal. Undefined: malformed. */
	described(head: Operation | undefined, data: Buffer, start: number, end: number): readonly RowColumn[] | undefined {
		const verdict = (head?.portal?.judgement ?? head?.statement?.judgement)?.verdicts[0];
		if (verdict === undefined) return readRowDescription(data, start, end);
		return readDescription(verdict, data, start, end)?.columns;
	}

	/** The plan of an execution, from the description of its portal or of its statement; shared while nothing changes. */
	#planExecute(head: Operation, result: Result): void {
		const { host } = this.#core;
		const { verdict } = result.execution;
		if (!host.checksOrigin && verdict.plan.sampleRows === 0) return;
		const { portal } = head;
		if (portal === undefined) return;
		const statement = portal.statement?.isReference === true ? undefined : portal.statement;
		const owner = portal.columns ? portal : statement;
		const columns: readonly RowColumn[] | null | undefined = owner?.columns;
		if (!owner || !columns) return;
		// A portal's description holds its formats, and what is described alike for one verdict is planned alike.
		const memo = verdict.rowPlanMemo as PlanMemo | undefined;
		if (owner === portal && !portal.isCursor && memo?.columns === columns) {
			this.#planBy(memo, result);
			return;
		}
		if (
			owner.plan === undefined ||
			owner.planVerdict !== verdict ||
			!sameFormats(owner.planFormats, portal.resultFormats)
		) {
			owner.plan = planRows(columns, portal.isCursor ? undefined : portal.resultFormats, verdict, host);
			owner.planVerdict = verdict;
			owner.planFormats = portal.resultFormats;
		}
		result.plan = owner.plan;
		this.#tell(result, owner.plan.incident);
	}

	/** The plan of a COPY's rows. False: none of them may pass. */
	planCopy(result: Result, response: CopyResponse): boolean {
		if (!this.#core.host.checksOrigin) return true;
		const plan = planCopy(response, result.execution.verdict);
		result.copyPlan = plan;
		if (plan.forbidden === undefined) return true;
		this.#forbid(result, plan.forbidden, plan.incident);
		return false;
	}

	/** A row that is to be masked and too long for it. */
	tooLong(result: Result, bytes: number): void {
		result.stop({
			case: "capExceeded",
			message: `a row of ${bytes} bytes is too long for its columns to be masked in COPY`,
			detail: `Rows of a COPY with masked columns may have ${COPY_ROW_BYTES} bytes`,
			hint: "Copy the other columns by themselves, or select the rows.",
		});
		if (this.#runsBehind()) this.#broken("a row is too long to be masked");
		else this.#core.cancel();
	}

	/** Counts a row of `bytes`. False: it is left out. */
	admitRow(result: Result, bytes: number): boolean {
		if (this.#core.host.checksOrigin && result.stopped === undefined) this.#checkPlan(result);
		return this.admit(result, bytes);
	}

	admit(result: Result, bytes: number): boolean {
		const answer = result.admit(bytes);
		if (answer === "exceeds") this.#exceeded(result);
		return answer === "pass";
	}

	/** Once for each execution. */
	#tell(result: Result, incident: string | undefined): void {
		if (incident === undefined || result.told) return;
		result.told = true;
		this.#core.host.incident(result.execution, incident);
	}

	/** Without a plan, or with one that forbids it, no row is delivered. */
	#checkPlan(result: Result): void {
		const { plan } = result;
		if (plan !== undefined && plan.forbidden === undefined) return;
		this.#forbid(result, plan?.forbidden ?? "the server did not describe the result", plan?.incident);
	}

	#forbid(result: Result, why: string, incident: string | undefined): void {
		const core = this.#core;
		this.#tell(result, incident ?? why);
		result.stop(resultForbidden(why));
		// What was sent behind it cannot be called back, and was judged as if this one ran.
		if (this.#runsBehind()) this.#broken(`the result may not be delivered: ${why}`);
		else core.cancel();
	}

	#runsBehind(): boolean {
		let isHead = true;
		for (const operation of this.#core.queue) {
			if (!isHead && (operation.kind === "execute" || operation.kind === "query")) return true;
			isHead = false;
		}
		return false;
	}

	#exceeded(result: Result): void {
		const core = this.#core;
		if (result.stopped !== undefined) {
			core.cancel();
			return;
		}
		const head = core.queue.head;
		const alone = core.queue.length === 1 && head?.kind === "query" && head.executions.length === 1 && !head.isOpen;
		// What would only be thrown away is not waited for, where stopping it changes nothing else.
		if (alone && core.transaction === IDLE && !result.execution.verdict.facts.writes) {
			result.cancelled = true;
			core.cancel();
		}
	}

	/** An execution that the server ended well, which we may have ended otherwise. True: the server's answer passes. */
	finish(head: Operation, result: Result, tag: string): true | Buffer {
		const core = this.#core;
		const { host } = core;
		if (head.kind === "query") {
			head.effects?.[head.current]?.settle();
			head.current += 1;
		} else {
			head.effect?.settle();
			core.queue.shift();
		}
		if (result.stopped !== undefined) {
			const { code, message, frame } = result.stopped;
			host.finish(result.execution, result.outcome(null, { code, message }));
			this.#failAfterwards(head);
			return frame;
		}
		if (result.truncated !== undefined || result.counter?.exhausted === true) {
			const cut = cutTag(tag, result.rows);
			host.finish(result.execution, result.outcome(cut, null));
			const complete = commandComplete(cut);
			return result.truncated === undefined ? complete : Buffer.concat([result.truncated, complete]);
		}
		host.finish(result.execution, result.outcome(tag, null));
		return true;
	}

	/** The server ended well what the client was told has failed: nothing more is shown, and its transaction has to fail. */
	#failAfterwards(head: Operation): void {
		const core = this.#core;
		core.muted = true;
		// The answer to Sync says where the transaction stands; without one, the series can still be made to fail.
		if (head.kind !== "query" && !core.queue.awaitsReady()) core.failSeries();
	}
}

/** A description, read anew only when it is another one than the last for this verdict. */
function readDescription(verdict: Verdict, data: Buffer, start: number, end: number): PlanMemo | undefined {
	const known = verdict.rowPlanMemo as PlanMemo | undefined;
	if (known?.frame.compare(data, start, end) === 0) return known;
	const columns = readRowDescription(data, start, end);
	if (columns === undefined) return undefined;
	const frame = Buffer.from(data.subarray(start, end));
	const memo: PlanMemo = { frame, columns, plan: undefined, epoch: 0 };
	verdict.rowPlanMemo = memo;
	return memo;
}

/** The end of a truncated result that was cancelled, as the client is told. */
export function endOfTruncated(result: Result): { readonly bytes: Buffer; readonly tag: string } {
	const { copy } = result.execution.verdict.facts;
	const tag = `${copy === undefined ? "SELECT" : "COPY"} ${result.rows}`;
	const frames = [result.truncated as Buffer, commandComplete(tag)];
	if (copy !== undefined) frames.unshift(...(copy.format === "binary" ? [copyTrailer()] : []), COPY_DONE);
	return { bytes: Buffer.concat(frames), tag };
}

/** The count in a tag is that of the rows delivered; of those written it stays true. */
function cutTag(tag: string, rows: number): string {
	return tag.replace(/^(SELECT|FETCH|COPY) \d+$/, `$1 ${rows}`);
}

function resultForbidden(why: string): Denial {
	return {
		case: "notPermitted",
		message: `the result may not be delivered: ${why}`,
		detail: "The server's own description of the result was checked against the license",
		hint: "Report it: analysis and server disagree about this statement.",
	};
}

function sameFormats(a: readonly number[] | undefined, b: readonly number[]): boolean {
	if (a === b) return true;
	return a !== undefined && a.length === b.length && a.every((format, index) => format === b[index]);
}
