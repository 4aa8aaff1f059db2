/**
 * What the server's answers mean, in the order of the unanswered operations: settles what was sent, plans results, and
 * says of each frame (but rows) whether the client sees it.
 *
 * Specification: PostgreSQL documentation, "Message Flow" and "Message Formats".
 */
import { APPLICATION_NAME } from "./application-name.js";
import { BACK, FAILED_TRANSACTION, IDLE, IN_TRANSACTION } from "./codes.js";
import type { RelayCore } from "./core.js";
import { Failures } from "./failures.js";
import {
	copyFail,
	parameterStatus,
	type RowColumn,
	readCommandComplete,
	readCopyResponse,
	readParameterDescription,
	readParameterStatus,
	readReadyForQuery,
} from "./messages.js";
import { parseSearchPath } from "./model.js";
import type { Operation } from "./operations.js";
import { pinHolds } from "./pins.js";
import type { Result } from "./result.js";
import type { Results } from "./results.js";
import { sampleRow } from "./rows.js";

/** The frame passes as it is, is left out, or is exchanged for these bytes. */
type Answer = boolean | Buffer;
const PASS = true;
const DROP = false;

export class Answers {
	/** The server has said that it ends the session: why. */
	farewell: string | undefined;
	readonly #core: RelayCore;
	readonly #results: Results;
	readonly #failures: Failures;
	readonly #broken: (reason: string) => void;

	constructor(core: RelayCore, results: Results, broken: (reason: string) => void) {
		this.#core = core;
		this.#results = results;
		this.#failures = new Failures(core, results);
		this.#broken = broken;
	}

	frame(type: number, data: Buffer, start: number, end: number): Answer {
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
			case BACK.functionCallResponse:
				return this.#called(end - start);
			case BACK.portalSuspended:
				return this.#portalSuspended();
			case BACK.readyForQuery:
				return this.#readyForQuery(data, start, end);
			case BACK.error:
				return this.#error(data, start, end);
			case BACK.notice:
				return this.#failures.notice(data, start, end);
			case BACK.notification:
				return PASS;
			case BACK.parameterStatus:
				return this.#parameterStatus(data, start, end);
			case BACK.copyIn:
				return this.#copyIn();
			case BACK.copyOut:
				return this.#copyOut(data, start, end);
			case BACK.copyDone:
				return this.#copyDone();
			default:
				return this.unexpected(type);
		}
	}

	/** A frame of the answer to a query of our own. */
	own(type: number, data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const { head } = core.queue;
		if (type === BACK.readyForQuery) core.transaction = readReadyForQuery(data, start, end) ?? core.transaction;
		// The search path that it reads under is ours, and gone when the next statement is read.
		if (type === BACK.parameterStatus && readParameterStatus(data, start, end)?.name !== "search_path") {
			return this.#parameterStatus(data, start, end);
		}
		if (type === BACK.notification) return PASS;
		if (type === BACK.parameterStatus || type === BACK.notice) return DROP;
		if (head?.own?.(data.subarray(start, end)) === true) core.queue.shift();
		return DROP;
	}

	unexpected(type: number): false {
		this.#broken(`the server sent an unexpected message of type ${String.fromCharCode(type)}`);
		return DROP;
	}

	#isShown(operation: Operation): boolean {
		return !operation.hidden && !this.#core.muted;
	}

	/** ParseComplete, BindComplete, CloseComplete. */
	#completes(kind: Operation["kind"]): Answer {
		const core = this.#core;
		const { head } = core.queue;
		if (head?.kind !== kind) {
			this.#broken(`the server answered ${kind} where ${head?.kind ?? "nothing"} was asked`);
			return DROP;
		}
		if (head.denial !== undefined || (head.silent && !head.asksPath)) {
			this.#broken("the server accepted a statement that must fail");
			return DROP;
		}
		core.queue.shift();
		head.effect?.settle();
		if (head.parsed !== undefined) core.host.finish(head.parsed, PARSED);
		return this.#isShown(head);
	}

	#parameterDescription(data: Buffer, start: number, end: number): Answer {
		const { head } = this.#core.queue;
		const types = readParameterDescription(data, start, end);
		if (head?.kind !== "describeStatement" || types === undefined) return this.unexpected(BACK.parameterDescription);
		if (head.statement !== undefined) head.statement.parameterTypes = types;
		return this.#isShown(head);
	}

	#rowDescription(data: Buffer, start: number, end: number): Answer {
		const { head } = this.#core.queue;
		if (head?.kind !== "query") {
			const columns = this.#results.described(head, data, start, end);
			return columns === undefined ? this.unexpected(BACK.rowDescription) : this.#described(columns);
		}
		const result = this.#results.active();
		if (result === undefined || !this.#results.planQuery(result, data, start, end)) {
			return this.unexpected(BACK.rowDescription);
		}
		return this.#isShown(head);
	}

	/** RowDescription or NoData in answer to a Describe. */
	#described(columns: readonly RowColumn[] | null): Answer {
		const { head } = this.#core.queue;
		if (head?.kind !== "describeStatement" && head?.kind !== "describePortal") {
			return this.unexpected(columns === null ? BACK.noData : BACK.rowDescription);
		}
		this.#core.queue.shift();
		head.effect?.settle();
		const described = head.kind === "describeStatement" ? head.statement : head.portal;
		if (described !== undefined) {
			described.columns = columns;
			described.plan = undefined;
		}
		return this.#isShown(head) && !(columns === null && head.hidesNoData);
	}

	#commandComplete(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const { head } = core.queue;
		const tag = readCommandComplete(data, start, end);
		if ((head?.kind !== "query" && head?.kind !== "execute") || head.isCall) {
			return this.unexpected(BACK.commandComplete);
		}
		if (head.isOwn) return DROP;
		if (tag === undefined || head.denial !== undefined || (head.silent && !head.asksPath)) {
			return this.unexpected(BACK.commandComplete);
		}
		if (head.executions.length === 0 && head.kind === "execute") {
			core.queue.shift();
			head.effect?.settle();
			return this.#isShown(head);
		}
		const result = this.#results.active();
		if (result === undefined) return this.unexpected(BACK.commandComplete);
		if (head.isOpen && head.current === head.executions.length - 1 && result.stopped === undefined) {
			// More results may follow, and all count as its own.
			head.lastTag = tag;
			return this.#isShown(head);
		}
		return this.#finish(head, result, tag);
	}

	#finish(head: Operation, result: Result, tag: string): Answer {
		const isShown = this.#isShown(head);
		this.#results.take();
		const answer = this.#results.finish(head, result, tag);
		return isShown ? answer : DROP;
	}

	/** The value that a function called by protocol message has answered. It is all or nothing: no cap can cut it. */
	#called(bytes: number): Answer {
		const { head } = this.#core.queue;
		const result = head?.isCall === true ? this.#results.active() : undefined;
		if (head === undefined || result === undefined) return this.unexpected(BACK.functionCallResponse);
		const { plan } = result.execution.verdict;
		const cap = plan.bytes ?? plan.rows;
		if (!this.#results.admit(result, bytes) && cap !== undefined) result.stop(cap.denial);
		return this.#finish(head, result, "FUNCTION CALL");
	}

	#portalSuspended(): Answer {
		const core = this.#core;
		const { head } = core.queue;
		const result = head?.kind === "execute" ? this.#results.active() : undefined;
		if (head === undefined || result === undefined) return this.unexpected(BACK.portalSuspended);
		if (result.stopped !== undefined || result.truncated !== undefined || result.counter?.exhausted === true) {
			return this.#finish(head, result, "SELECT 0");
		}
		this.#results.take();
		core.queue.shift();
		head.effect?.settle();
		core.host.finish(result.execution, result.outcome("PORTAL SUSPENDED", null));
		return this.#isShown(head);
	}

	#emptyQuery(): Answer {
		const { head } = this.#core.queue;
		if (head?.kind !== "execute" && head?.kind !== "query") return this.unexpected(BACK.emptyQuery);
		if (head.kind === "execute") this.#core.queue.shift();
		return this.#isShown(head);
	}

	#copyIn(): Answer {
		const core = this.#core;
		if (this.#results.active() === undefined) return this.unexpected(BACK.copyIn);
		if (core.muted) {
			// The client was told that the string has failed, and will send nothing.
			core.host.toUpstream(copyFail("the statement before it was ended"));
			return DROP;
		}
		core.copyIn = true;
		return PASS;
	}

	#copyOut(data: Buffer, start: number, end: number): Answer {
		const result = this.#results.active();
		const response = readCopyResponse(data, start, end);
		if (result === undefined || response === undefined) return this.unexpected(BACK.copyOut);
		return this.#results.planCopy(result, response) && !this.#core.muted;
	}

	#copyDone(): Answer {
		const result = this.#results.active();
		if (result === undefined) return this.unexpected(BACK.copyDone);
		const masker = result.copyPlan?.masker;
		if (masker !== undefined && !result.isCut && !masker.finish()) {
			this.#broken("the server ended its COPY data inside a row");
			return DROP;
		}
		return result.stopped === undefined && !this.#core.muted;
	}

	#readyForQuery(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const { model, queue } = core;
		const status = readReadyForQuery(data, start, end);
		const { head } = queue;
		if (status === undefined || (head?.kind !== "query" && head?.kind !== "sync")) {
			return this.unexpected(BACK.readyForQuery);
		}
		this.#finishString(head);
		queue.shift();
		core.transaction = status;
		core.timeoutFrame = undefined;
		core.copyIn = false;
		if (status === IDLE) {
			model.endTransaction();
			if (model.ownDefinitions) {
				model.ownDefinitions = false;
				model.catalogDirty = true;
				core.host.dropOwnDefinitions();
			}
			if (queue.drained) {
				core.touchedMasked = false;
				core.refreshCatalog();
				core.signApplication();
			}
		} else if (status === FAILED_TRANSACTION) model.doubtPath();
		if (queue.drained) model.settleReportedPath();
		if (core.muted && !head.silent) {
			core.muted = false;
			if (status === IN_TRANSACTION) {
				// Its ReadyForQuery, which says that the transaction has failed, is the one that the client gets.
				core.failTransaction();
				return DROP;
			}
		}
		// A message that broke COPY ends the session: its FATAL is the next that is said.
		return !head.asksPath && !head.isOwn && core.copyBreach?.isCause !== true;
	}

	/** What a query string has left open at its end. */
	#finishString(head: Operation): void {
		const core = this.#core;
		const result = this.#results.take();
		if (result !== undefined && head.isOpen) {
			head.effects?.[head.current]?.settle();
			head.current += 1;
			core.host.finish(result.execution, result.outcome(head.lastTag, null));
		}
		core.finishUnrun(head.executions, head.current, null);
		for (let index = head.current; index < (head.effects?.length ?? 0); index++) head.effects?.[index]?.revert();
		head.effect?.settle();
	}

	#error(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const { head } = core.queue;
		const answer = this.#failures.error(data, start, end);
		if (answer === "fatal") {
			this.farewell = "the database ended the session";
			return PASS;
		}
		if (head?.asksPath === true && head.silent) this.#broken("the server did not say what its search path is");
		return answer;
	}

	/** The server's own word on the settings that are pinned: a divergence ends the session. */
	#parameterStatus(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		const { model } = core;
		const status = readParameterStatus(data, start, end);
		if (status === undefined) return this.unexpected(BACK.parameterStatus);
		if (status.name === "search_path") model.pathReported(parseSearchPath(status.value));
		if (!core.host.unrestricted && !pinHolds(status.name, status.value)) {
			core.host.incident(undefined, `the server reports ${status.name} = ${status.value}, which is pinned otherwise`);
			this.#broken(`the setting ${status.name} has left its pinned value`);
		}
		if (status.name === APPLICATION_NAME && core.application !== undefined) {
			const told = core.application.reported(status.value);
			return told === undefined ? DROP : parameterStatus(APPLICATION_NAME, told);
		}
		return PASS;
	}

	/** The one row of the answer to `askPath`. */
	learnPath(data: Buffer, start: number, end: number): Answer {
		const [value] = sampleRow(data, start, end, TEXT_COLUMN) ?? [];
		const path = typeof value === "string" ? parseSearchPath(value) : undefined;
		this.#core.model.learnPath(path);
		if (path === undefined) this.#broken("the server's search path cannot be read");
		return DROP;
	}
}

const PARSED = { command: "PARSE", rows: 0, bytes: 0, error: null, masked: [], sample: null };

const TEXT_COLUMN = [{ type: 25, format: 0 }];
