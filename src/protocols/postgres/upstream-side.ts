/**
 * The upstream's half of a PostgreSQL relay: reads what the server answers in the order of the unanswered operations,
 * passes on runs of untouched frames as slices, and exchanges, masks or leaves out what the license demands.
 *
 * Specification: PostgreSQL documentation, "Message Flow" and "Message Formats".
 */
import type { Denial } from "../engine.js";
import { BACK, FAILED_TRANSACTION, frameBytes, HEADER_BYTES, IDLE, IN_TRANSACTION } from "./codes.js";
import type { RelayCore } from "./core.js";
import { FAILING_CODE, FAILING_PARSE } from "./denials.js";
import { type ErrorFields, encodeError, encodeNotice, readErrorFields } from "./errors.js";
import {
	commandComplete,
	type RowColumn,
	readCommandComplete,
	readParameterDescription,
	readParameterStatus,
	readReadyForQuery,
	readRowDescription,
} from "./messages.js";
import { parseSearchPath } from "./model.js";
import { Operation } from "./operations.js";
import { Result } from "./result.js";
import { planRows, type RowPlan } from "./row-plan.js";
import { RowBuffer } from "./rows.js";

/** The frame passes as it is, is left out, or is exchanged for these bytes. */
type Answer = true | false | Buffer;
const PASS = true;
const DROP = false;

/** A row description seen before for a verdict, and the plan that it gave. */
interface PlanMemo {
	readonly frame: Buffer;
	readonly plan: RowPlan;
	readonly epoch: number;
}

export class UpstreamSide {
	#rest: Buffer | undefined;
	#pieces: Buffer[] = [];
	#missing = 0;
	/** Bytes of a frame that are still to come, and whether they pass. */
	#streaming = 0;
	#streamingPasses = false;
	/** Rows that were rewritten and not handed over yet. One a session: what is left in it must never reach another. */
	readonly #rewritten = new RowBuffer();
	#result: Result | undefined;
	readonly #core: RelayCore;
	readonly #messageBytes: number;

	constructor(core: RelayCore, messageBytes: number) {
		this.#core = core;
		this.#messageBytes = messageBytes;
		core.atBoundary = () => this.atBoundary;
	}

	/** False while the client is in the middle of a frame, where nothing of ours may be said. */
	get atBoundary(): boolean {
		return !(this.#streaming > 0 && this.#streamingPasses);
	}

	/** The result that streams now, if any. */
	get result(): Result | undefined {
		return this.#result;
	}

	receive(chunk: Buffer): void {
		if (this.#core.ended) return;
		if (this.#missing > 0) {
			this.#pieces.push(Buffer.from(chunk));
			this.#missing -= chunk.length;
			if (this.#missing > 0) return;
			const whole = Buffer.concat(this.#pieces);
			this.#pieces = [];
			this.#missing = 0;
			this.#process(whole);
		} else {
			const rest = this.#rest;
			this.#rest = undefined;
			this.#process(rest === undefined ? chunk : Buffer.concat([rest, chunk]));
		}
		this.#release();
	}

	#process(data: Buffer): void {
		const core = this.#core;
		let position = Math.min(this.#streaming, data.length);
		this.#streaming -= position;
		let run = this.#streamingPasses ? 0 : position;
		const length = data.length;
		while (length - position >= HEADER_BYTES) {
			const bytes = frameBytes(data, position);
			if (bytes < 0) {
				this.#broken("the server sent an invalid message length");
				return;
			}
			const type = data[position] as number;
			const end = position + bytes;
			if (end > length) {
				const taken = this.#startStream(type, bytes, length - position);
				if (taken === undefined) break;
				if (!taken) {
					this.#emit(data, run, position);
					run = length;
				} else if (this.#rewritten.length > 0) {
					core.host.toClient(this.#rewritten.take());
				}
				position = length;
				break;
			}
			const answer = type === BACK.dataRow ? this.#row(data, position, end) : this.#frame(type, data, position, end);
			if (core.ended) return;
			if (answer !== PASS) {
				if (position > run) this.#emit(data, run, position);
				run = end;
				if (answer === REWRITTEN) this.#rewrite(data, position, end);
				else if (answer !== DROP) this.#say(answer);
			} else if (this.#rewritten.length > 0) {
				core.host.toClient(this.#rewritten.take());
			}
			position = end;
		}
		this.#emit(data, run, position);
		if (position < length) this.#keep(data, position);
	}

	/** Sends what was rewritten and then the run of untouched frames. */
	#emit(data: Buffer, run: number, position: number): void {
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		if (position > run) this.#core.host.toClient(data.subarray(run, position));
	}

	#say(bytes: Buffer): void {
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		if (bytes.length > 0) this.#core.host.toClient(bytes);
	}

	#keep(data: Buffer, position: number): void {
		const left = Buffer.from(data.subarray(position));
		const bytes = left.length >= HEADER_BYTES ? frameBytes(left, 0) : 0;
		if (bytes > this.#messageBytes) {
			this.#broken(`the server sent a message of ${bytes} bytes`);
			return;
		}
		if (bytes > left.length) {
			this.#pieces = [left];
			this.#missing = bytes - left.length;
		} else this.#rest = left;
	}

	/** Long frames of which only the size matters are not waited for. True: passes; false: left out; undefined: wait. */
	#startStream(type: number, bytes: number, taken: number): boolean | undefined {
		let passes: boolean;
		if (type === BACK.dataRow) {
			const result = this.#activeResult();
			if (result === undefined || this.#core.muted || this.#core.queue.head?.hidden === true) return undefined;
			if (!result.countsOnly && result.stopped === undefined && result.truncated === undefined) return undefined;
			const answer = this.#admit(result, bytes);
			passes = answer === "pass";
		} else if (type === BACK.copyData && !this.#core.muted) {
			passes = this.#copyRow(bytes) === PASS;
		} else return undefined;
		this.#streaming = bytes - taken;
		this.#streamingPasses = passes;
		return passes;
	}

	/** The result of the execution at the head of the queue. */
	#activeResult(): Result | undefined {
		if (this.#result !== undefined) return this.#result;
		const head = this.#core.queue.head;
		if (head === undefined || (head.kind !== "query" && head.kind !== "execute")) return undefined;
		const execution = head.executions[head.current];
		if (execution === undefined) return undefined;
		this.#result = new Result(execution, head.counters?.[head.current]);
		if (head.kind === "execute") this.#planExecute(head, this.#result);
		return this.#result;
	}

	#row(data: Buffer, start: number, end: number): Answer | typeof REWRITTEN {
		const core = this.#core;
		const head = core.queue.head;
		if (head === undefined) return this.#unexpected(BACK.dataRow);
		if (head.asksPath) return this.#learnPath(data, start);
		const result = this.#activeResult();
		if (result === undefined) return this.#unexpected(BACK.dataRow);
		const admitted = this.#admit(result, end - start);
		if (admitted !== "pass") return DROP;
		if (core.muted) return DROP;
		return result.countsOnly ? PASS : REWRITTEN;
	}

	/** An admitted row that has to be looked at: masked, sampled, or both. */
	#rewrite(data: Buffer, start: number, end: number): void {
		const result = this.#result as Result;
		if (result.plan?.masker === undefined) {
			if (result.row(data, start, end, this.#rewritten) === "malformed")
				this.#broken("the server sent a malformed row");
			else this.#say(data.subarray(start, end));
			return;
		}
		if (result.samples) this.#say(EMPTY);
		if (result.row(data, start, end, this.#rewritten) === "malformed") {
			this.#broken("the server sent a malformed row");
			return;
		}
		if (result.samples) {
			const frame = this.#rewritten.take();
			result.keepRewritten(frame);
			this.#core.host.toClient(frame);
		}
	}

	#admit(result: Result, bytes: number): "pass" | "drop" {
		if (this.#core.host.checksOrigin && result.stopped === undefined) this.#checkPlan(result);
		const answer = result.admit(bytes);
		if (answer === "exceeds") this.#exceeded(result);
		return answer === "pass" ? "pass" : "drop";
	}

	/** Without a plan, or with one that forbids it, no row is delivered. */
	#checkPlan(result: Result): void {
		const { plan, execution } = result;
		if (plan !== undefined && plan.forbidden === undefined) return;
		const why = plan?.forbidden ?? "the server did not describe the result";
		this.#core.host.incident(execution, plan?.incident ?? why);
		result.stop(resultForbidden(why));
		this.#core.cancel();
	}

	#exceeded(result: Result): void {
		if (result.stopped !== undefined) {
			this.#core.cancel();
			return;
		}
		const head = this.#core.queue.head;
		const alone = head?.kind === "query" && head.executions.length === 1;
		// What would only be thrown away is not waited for, where stopping it changes nothing else.
		if (alone && this.#core.transaction === IDLE && !result.execution.verdict.facts.writes) this.#core.cancel();
	}

	#frame(type: number, data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		switch (type) {
			case BACK.parseComplete:
				return this.#completes("parse");
			case BACK.bindComplete:
				return this.#completes("bind");
			case BACK.closeComplete:
				return this.#completes("close");
			case BACK.parameterDescription:
				return this.#parameterDescription(data, start, end);
			case BACK.noData:
				return this.#described(null);
			case BACK.rowDescription:
				return this.#rowDescription(data, start, end);
			case BACK.commandComplete:
				return this.#commandComplete(data, start, end);
			case BACK.emptyQuery:
				return this.#emptyQuery();
			case BACK.portalSuspended:
				return this.#portalSuspended();
			case BACK.readyForQuery:
				return this.#readyForQuery(data, start, end);
			case BACK.error:
				return this.#error(data, start, end);
			case BACK.notice:
				return this.#notice(data, start, end);
			case BACK.notification:
				return PASS;
			case BACK.parameterStatus:
				return this.#parameterStatus(data, start, end);
			case BACK.copyIn:
				core.copyIn = true;
				if (core.waiting === "copy") core.waiting = "nothing";
				return PASS;
			case BACK.copyOut:
				return this.#activeResult() === undefined ? this.#unexpected(type) : this.#shown();
			case BACK.copyData:
				return this.#copyRow(end - start);
			case BACK.copyDone: {
				const result = this.#result;
				return result?.stopped !== undefined ? DROP : this.#shown();
			}
			default:
				return this.#unexpected(type);
		}
	}

	#shown(): boolean {
		return this.#core.muted || this.#core.queue.head?.hidden === true ? DROP : PASS;
	}

	/** ParseComplete, BindComplete, CloseComplete. */
	#completes(kind: Operation["kind"]): Answer {
		const operation = this.#next(kind);
		if (operation === undefined) return DROP;
		if (operation.denialFrame !== undefined) {
			this.#broken("the server accepted a statement that must fail");
			return DROP;
		}
		if (operation.parsed !== undefined) this.#core.host.finish(operation.parsed, PARSED);
		return operation.hidden || this.#core.muted ? DROP : PASS;
	}

	/** Takes the head of the queue, which must be of this kind. Syncs that the server ignored are passed over. */
	#next(kind: Operation["kind"]): Operation | undefined {
		const head = this.#head();
		if (head?.kind !== kind) {
			this.#broken(`the server answered ${kind} where ${head?.kind ?? "nothing"} was asked`);
			return undefined;
		}
		this.#core.queue.shift();
		return head;
	}

	#head(): Operation | undefined {
		const { queue } = this.#core;
		while (queue.head?.conditional === true) queue.shift();
		return queue.head;
	}

	#parameterDescription(data: Buffer, start: number, end: number): Answer {
		const head = this.#head();
		if (head?.kind !== "describeStatement") return this.#unexpected(BACK.parameterDescription);
		const types = readParameterDescription(data, start, end);
		if (types === undefined) return this.#unexpected(BACK.parameterDescription);
		if (head.statement !== undefined) head.statement.parameterTypes = types;
		return this.#shown();
	}

	#rowDescription(data: Buffer, start: number, end: number): Answer {
		const head = this.#head();
		if (head === undefined) return this.#unexpected(BACK.rowDescription);
		if (head.kind !== "query") {
			const columns = readRowDescription(data, start, end);
			return columns === undefined ? this.#unexpected(BACK.rowDescription) : this.#described(columns);
		}
		const result = this.#activeResult();
		if (result === undefined) return this.#unexpected(BACK.rowDescription);
		return this.#planQuery(result, data, start, end) ? this.#shown() : this.#unexpected(BACK.rowDescription);
	}

	/** The plan of a query string's result; the one of an equal description before is taken again. */
	#planQuery(result: Result, data: Buffer, start: number, end: number): boolean {
		const { host } = this.#core;
		if (!host.checksOrigin && result.execution.verdict.plan.sampleRows === 0) return true;
		const { verdict } = result.execution;
		const memo = verdict.rowPlanMemo as PlanMemo | undefined;
		const epoch = host.epoch();
		if (memo?.epoch === epoch && memo.frame.compare(data, start, end) === 0) {
			result.plan = memo.plan;
			return true;
		}
		const columns = readRowDescription(data, start, end);
		if (columns === undefined) return false;
		result.plan = planRows(columns, undefined, verdict, host);
		if (result.plan.incident !== undefined) host.incident(result.execution, result.plan.incident);
		verdict.rowPlanMemo = {
			frame: Buffer.from(data.subarray(start, end)),
			plan: result.plan,
			epoch,
		} satisfies PlanMemo;
		return true;
	}

	/** RowDescription or NoData in answer to a Describe. */
	#described(columns: readonly RowColumn[] | null): Answer {
		const head = this.#head();
		if (head?.kind !== "describeStatement" && head?.kind !== "describePortal") {
			return this.#unexpected(BACK.rowDescription);
		}
		const shown = this.#shown();
		this.#core.queue.shift();
		const described = head.kind === "describeStatement" ? head.statement : head.portal;
		if (described !== undefined) {
			described.columns = columns;
			described.plan = undefined;
		}
		return shown;
	}

	/** The plan of an execution, from the description of its portal or of its statement; shared while nothing changes. */
	#planExecute(head: Operation, result: Result): void {
		const { host } = this.#core;
		const { verdict } = result.execution;
		if (!host.checksOrigin && verdict.plan.sampleRows === 0) return;
		const { portal } = head;
		const statement = portal?.statement;
		if (portal === undefined) return;
		const owner = portal.columns ? portal : statement;
		const columns = owner?.columns;
		if (!owner || !columns) return;
		if (
			owner.plan === undefined ||
			owner.planVerdict !== verdict ||
			!sameFormats(owner.planFormats, portal.resultFormats)
		) {
			owner.plan = planRows(columns, portal.isCursor ? undefined : portal.resultFormats, verdict, host);
			owner.planVerdict = verdict;
			owner.planFormats = portal.resultFormats;
			if (owner.plan.incident !== undefined) host.incident(result.execution, owner.plan.incident);
		}
		result.plan = owner.plan;
	}

	#copyRow(bytes: number): Answer {
		const result = this.#activeResult();
		if (result === undefined) return this.#unexpected(BACK.copyData);
		const answer = result.admit(bytes);
		if (answer === "exceeds") this.#exceeded(result);
		return answer === "pass" ? this.#shown() : DROP;
	}

	#commandComplete(data: Buffer, start: number, end: number): Answer {
		const head = this.#head();
		if (head?.kind !== "query" && head?.kind !== "execute") return this.#unexpected(BACK.commandComplete);
		if (head.asksPath || head.executions.length === 0) {
			if (head.kind === "execute") this.#core.queue.shift();
			return this.#shown();
		}
		const result = this.#activeResult();
		if (result === undefined) return this.#unexpected(BACK.commandComplete);
		const tag = readCommandComplete(data, start, end) ?? "";
		const shown = this.#shown();
		this.#result = undefined;
		const answer = this.#finishResult(head, result, tag);
		return answer === PASS ? shown : shown ? answer : DROP;
	}

	/** An execution that the server ended well, which we may have ended otherwise. */
	#finishResult(head: Operation, result: Result, tag: string): Answer {
		const { host } = this.#core;
		if (head.kind === "query") head.current += 1;
		else this.#core.queue.shift();
		if (result.stopped !== undefined) {
			const { code, message, frame } = result.stopped;
			host.finish(result.execution, result.outcome(null, { code, message }));
			this.#failAfterwards(head);
			return frame;
		}
		if (result.truncated !== undefined || result.counter?.exhausted === true) {
			const cut = tag.replace(/\d+$/, String(result.rows));
			host.finish(result.execution, result.outcome(cut, null));
			const complete = commandComplete(cut);
			return result.truncated === undefined ? complete : Buffer.concat([result.truncated, complete]);
		}
		host.finish(result.execution, result.outcome(tag, null));
		return PASS;
	}

	/** The server ended well what the client was told has failed: nothing more is shown, and its transaction has to fail. */
	#failAfterwards(head: Operation): void {
		const core = this.#core;
		if (head.kind === "query" || core.queue.awaitsReady()) {
			// Shown at once; the frames after it are not, until ReadyForQuery, where the transaction is failed.
			core.muted = true;
			return;
		}
		const operation = new Operation("parse");
		operation.hidden = true;
		core.queue.push(operation);
		core.host.toUpstream(FAILING_PARSE);
		core.skipping = true;
	}

	#portalSuspended(): Answer {
		const head = this.#head();
		if (head?.kind !== "execute") return this.#unexpected(BACK.portalSuspended);
		const result = this.#activeResult();
		if (result === undefined) return this.#unexpected(BACK.portalSuspended);
		if (result.stopped !== undefined || result.truncated !== undefined || result.counter?.exhausted === true) {
			const shown = this.#shown();
			this.#result = undefined;
			const answer = this.#finishResult(head, result, "SELECT 0");
			return shown ? answer : DROP;
		}
		const shown = this.#shown();
		this.#result = undefined;
		this.#core.queue.shift();
		this.#core.host.finish(result.execution, result.outcome("PORTAL SUSPENDED", null));
		return shown;
	}

	#emptyQuery(): Answer {
		const head = this.#head();
		const shown = this.#shown();
		if (head?.kind === "execute") this.#core.queue.shift();
		else if (head?.kind !== "query") return this.#unexpected(BACK.emptyQuery);
		return shown;
	}

	#readyForQuery(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const status = readReadyForQuery(data, start, end);
		const head = core.queue.shift();
		if (status === undefined || (head?.kind !== "query" && head?.kind !== "sync")) {
			return this.#unexpected(BACK.readyForQuery);
		}
		if (head.conditional) core.skipping = false;
		core.transaction = status;
		core.timeoutFrame = undefined;
		this.#result = undefined;
		core.finishUnrun(head.executions, head.current, null);
		if (status === IDLE) core.model.endTransaction();
		else if (status === FAILED_TRANSACTION) core.model.doubtPath();
		if (core.muted && !head.hidden) {
			core.muted = false;
			if (status === IN_TRANSACTION) {
				// Its ReadyForQuery, which says that the transaction has failed, is the one that the client gets.
				core.failTransaction();
				return DROP;
			}
		}
		return head.asksPath ? DROP : PASS;
	}

	#error(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const fields = readErrorFields(data.subarray(start, end));
		if (fields.severity === "FATAL" || fields.severity === "PANIC") return this.#fatalError(fields);
		const head = this.#head();
		if (head === undefined) return PASS;
		const shown = this.#shown();
		const result = this.#result ?? this.#activeResult();
		this.#result = undefined;
		core.model.doubtPath();
		const told = this.#told(head, result, fields);
		if (head.kind === "query") {
			this.#failString(head, result, told);
		} else {
			this.#failSeries(head, result, told);
		}
		if (head.asksPath) this.#broken("the server did not say what its search path is");
		core.copyIn = false;
		if (!shown) return DROP;
		if (told.kind === "truncation") return told.bytes;
		return told.bytes ?? PASS;
	}

	/** What the client is told in place of the server's error, if anything, and what the recording says. */
	#told(head: Operation, result: Result | undefined, fields: ErrorFields): Told {
		const core = this.#core;
		if (head.denialFrame !== undefined && fields.code === FAILING_CODE) {
			return { kind: "error", bytes: head.denialFrame, code: head.denialCode, message: head.denialMessage };
		}
		if (result?.stopped !== undefined) {
			return { kind: "error", bytes: result.stopped.frame, code: result.stopped.code, message: result.stopped.message };
		}
		if (fields.code === "57014" && result?.truncated !== undefined) {
			const tag = `SELECT ${result.rows}`;
			return { kind: "truncation", bytes: Buffer.concat([result.truncated, commandComplete(tag)]), tag };
		}
		if (fields.code === "57014" && core.timeoutFrame !== undefined) {
			const { frame, code, message } = core.timeoutFrame;
			return { kind: "error", bytes: frame, code, message };
		}
		const verdict = result?.execution.verdict ?? head.statement?.verdict ?? head.portal?.statement?.verdict;
		if (verdict?.plan.reduceErrors === true) {
			const bytes = encodeError({ severity: "ERROR", code: fields.code, message: REDUCED });
			return { kind: "error", bytes, code: fields.code, message: REDUCED };
		}
		return { kind: "error", bytes: undefined, code: fields.code, message: fields.message };
	}

	/** An error ends a query string: what came before it has run, what comes behind has not. */
	#failString(head: Operation, result: Result | undefined, told: Told): void {
		const { host } = this.#core;
		for (let index = (head.undos?.length ?? 0) - 1; index >= head.current; index--) head.undos?.[index]?.();
		if (result !== undefined) {
			host.finish(
				result.execution,
				told.kind === "truncation" ? result.outcome(told.tag, null) : result.outcome(null, told),
			);
		}
		this.#core.finishUnrun(head.executions, head.current + (result === undefined ? 0 : 1), null);
		head.current = head.executions.length;
	}

	/** An error in a series: the server skips all that was sent behind it, up to Sync. */
	#failSeries(head: Operation, result: Result | undefined, told: Told): void {
		const core = this.#core;
		const error = told.kind === "truncation" ? null : { code: told.code, message: told.message };
		const skipped: Operation[] = [];
		for (let next = core.queue.head; next !== undefined && next.kind !== "sync"; next = core.queue.head) {
			skipped.push(next);
			core.queue.shift();
		}
		let blamed = false;
		for (const operation of skipped) {
			if (operation.parsed !== undefined) core.host.finish(operation.parsed, { ...PARSED, command: null, error });
			if (operation === head && result !== undefined) {
				core.host.finish(result.execution, result.outcome(null, error));
				blamed = true;
				continue;
			}
			core.finishUnrun(operation.executions, operation.current, blamed ? null : error);
			if (operation.executions.length > 0) blamed = true;
		}
		for (const operation of skipped.reverse()) operation.undo?.();
		if (!core.queue.awaitsReady()) core.skipping = true;
	}

	/** The server is about to close the connection. */
	#fatalError(fields: ErrorFields): Answer {
		const core = this.#core;
		const error = { code: fields.code, message: fields.message };
		for (const operation of core.queue) core.finishUnrun(operation.executions, operation.current, error);
		return PASS;
	}

	#notice(data: Buffer, start: number, end: number): Answer {
		if (this.#core.queue.head?.hidden === true) return DROP;
		if (this.#activeResult()?.execution.verdict.plan.reduceErrors !== true) return PASS;
		const fields = readErrorFields(data.subarray(start, end));
		return encodeNotice({ severity: "NOTICE", code: fields.code, message: REDUCED });
	}

	/** The server's own word on the settings that are pinned: a divergence ends the session. */
	#parameterStatus(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const status = readParameterStatus(data, start, end);
		if (status === undefined) return this.#unexpected(BACK.parameterStatus);
		if (status.name === "search_path") {
			core.model.reportsPath = true;
			core.model.searchPath = parseSearchPath(status.value);
			if (core.model.searchPath === undefined) this.#broken("the server reports a search path that cannot be read");
		}
		if (!core.host.unrestricted && !pinHolds(status.name, status.value)) {
			core.host.incident(undefined, `the server reports ${status.name} = ${status.value}, which is pinned otherwise`);
			this.#broken(`the setting ${status.name} has left its pinned value`);
		}
		return PASS;
	}

	#learnPath(data: Buffer, start: number): Answer {
		const length = data.readInt32BE(start + 7);
		const value = data.toString("utf8", start + 11, start + 11 + Math.max(length, 0));
		this.#core.model.searchPath = parseSearchPath(value);
		if (this.#core.model.searchPath === undefined) this.#broken("the server's search path cannot be read");
		return DROP;
	}

	/** What the client's side waited for may have happened. */
	#release(): void {
		const core = this.#core;
		if (core.ended) return;
		if (core.waiting !== "nothing" && core.waiting !== "promise" && this.#happened(core.waiting))
			core.waiting = "nothing";
		core.resume();
	}

	#happened(waiting: "drain" | "result" | "copy"): boolean {
		const core = this.#core;
		switch (waiting) {
			case "drain":
				return core.queue.drained;
			case "copy":
				return core.copyIn || !executes(core);
			case "result":
				return !executes(core);
		}
	}

	#unexpected(type: number): Answer {
		this.#broken(`the server sent an unexpected message of type ${String.fromCharCode(type)}`);
		return DROP;
	}

	#broken(reason: string): void {
		this.#core.fatal("08006", "the connection to the database broke the protocol", reason, reason);
	}
}

type Told =
	| { readonly kind: "error"; readonly bytes: Buffer | undefined; readonly code: string; readonly message: string }
	| { readonly kind: "truncation"; readonly bytes: Buffer; readonly tag: string };

const EMPTY = Buffer.alloc(0);
const REWRITTEN = Symbol("rewritten");
const PARSED = { command: "PARSE", rows: 0, bytes: 0, error: null, masked: [], sample: null };
const REDUCED = "the server's text is withheld, because the statement touches masked columns";

/** Settings that must stand as the analyser assumes them. */
function pinHolds(name: string, value: string): boolean {
	if (name === "standard_conforming_strings") return value === "on";
	if (name === "client_encoding") return value === "UTF8" || value === "SQL_ASCII";
	return true;
}

function resultForbidden(why: string): Denial {
	return {
		case: "notPermitted",
		message: `the result may not be delivered: ${why}`,
		detail: "The server's own description of the result was checked against the license.",
		hint: "Report it: analysis and server disagree about this statement.",
	};
}

/** The execution whose outcome is waited for is still under way. */
function executes(core: RelayCore): boolean {
	for (const operation of core.queue) if (operation.kind === "execute" || operation.kind === "query") return true;
	return false;
}

function sameFormats(a: readonly number[] | undefined, b: readonly number[]): boolean {
	if (a === b) return true;
	return a !== undefined && a.length === b.length && a.every((format, index) => format === b[index]);
}
