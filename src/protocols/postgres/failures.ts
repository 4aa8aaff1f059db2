/**
 * Errors and notices of the server: whom they concern, what the client is told in their place, and what of the session
 * they undo.
 *
 * Specification: PostgreSQL documentation, "Message Flow": an error ends a query string, or skips a series up to Sync.
 */
import type { CopyBreach, RelayCore } from "./core.js";
import { type ErrorFields, encodeError, encodeNotice, readErrorFields } from "./errors.js";
import type { Operation } from "./operations.js";
import type { Result } from "./result.js";
import { endOfTruncated, type Results } from "./results.js";

/** What became of an ErrorResponse: it passes, is left out, or is exchanged; or the server has ended the session. */
export type ErrorAnswer = boolean | Buffer | "fatal";

type Told =
	| { readonly kind: "error"; readonly bytes: Buffer | undefined; readonly code: string; readonly message: string }
	| { readonly kind: "truncation"; readonly bytes: Buffer; readonly tag: string };

const REDUCED = "the server's text is withheld, because it may show what is masked or may not be read";
const CANCELED = "57014";

const NOTICE_SEVERITIES = ["WARNING", "NOTICE", "DEBUG", "INFO", "LOG"] as const;

export class Failures {
	readonly #core: RelayCore;
	readonly #results: Results;

	constructor(core: RelayCore, results: Results) {
		this.#core = core;
		this.#results = results;
	}

	error(data: Buffer, start: number, end: number): ErrorAnswer {
		const core = this.#core;
		const fields = readErrorFields(data.subarray(start, end));
		if (fields.severity === "FATAL" || fields.severity === "PANIC") return "fatal";
		const { head } = core.queue;
		if (head === undefined) return true;
		const isShown = !core.muted && !head.silent && !head.isOwn;
		const result = this.#results.active();
		this.#results.take();
		core.model.doubtPath();
		const told = this.#told(head, result, fields);
		if (head.kind === "query") this.#failString(head, result, told);
		else this.#failSeries(head, result, told);
		core.copyIn = false;
		if (!isShown) return false;
		return told.bytes ?? true;
	}

	/** What the client is told in place of the server's error, if anything, and what the recording says. */
	#told(head: Operation, result: Result | undefined, fields: ErrorFields): Told {
		const core = this.#core;
		const breach = core.copyBreach;
		if (breach !== undefined && fields.code === CANCELED && fields.message.includes(breach.message)) {
			core.copyBreach = { ...breach, isCause: true };
			return inCopy(breach, this.#reduces(head) ? undefined : fields.where);
		}
		if (head.denial !== undefined && fields.code === head.failsWith) return exchanged(head.denial);
		if (result?.stopped !== undefined) return exchanged(result.stopped);
		if (fields.code === CANCELED && result?.truncated !== undefined && result.cancelled) {
			return { kind: "truncation", ...endOfTruncated(result) };
		}
		if (fields.code === CANCELED && core.timeoutFrame !== undefined) return exchanged(core.timeoutFrame);
		if (this.#reduces(head) || this.#showsHidden(fields)) {
			const bytes = encodeError({ severity: "ERROR", code: fields.code, message: REDUCED });
			return { kind: "error", bytes, code: fields.code, message: REDUCED };
		}
		return { kind: "error", bytes: undefined, code: fields.code, message: fields.message };
	}

	/**
	 * Texts about a statement that touches masked columns may carry their values; so may those of later statements of its
	 * transaction, which tell of checks that were deferred.
	 */
	#reduces(head: Operation | undefined): boolean {
		if (this.#core.touchedMasked) return true;
		const verdict = head?.executions[head.current]?.verdict ?? (head?.statement ?? head?.portal?.statement)?.verdict;
		return verdict?.plan.reduceErrors === true;
	}

	/**
	 * Violated constraints show the row, and the server names its table: one of another relation than the statement's, where
	 * a foreign key's action or a trigger has changed that.
	 */
	#showsHidden({ detail, schema, table }: ErrorFields): boolean {
		if (detail === undefined || schema === undefined || table === undefined) return false;
		return !this.#core.host.showsRowsOf(schema, table);
	}

	/** An error ends a query string: what came before it has run, what comes behind has not. */
	#failString(head: Operation, result: Result | undefined, told: Told): void {
		const core = this.#core;
		const { effects } = head;
		for (let index = (effects?.length ?? 0) - 1; index >= head.current; index--) effects?.[index]?.revert();
		// The string itself was taken.
		head.effect?.settle();
		if (result !== undefined) {
			const isCut = told.kind === "truncation";
			core.host.finish(result.execution, isCut ? result.outcome(told.tag, null) : result.outcome(null, told));
			head.current += 1;
		} else if (head.denial !== undefined && told.kind === "error") {
			core.finishUnrun(head.executions, head.current, told);
			head.current = head.executions.length;
		}
		core.finishUnrun(head.executions, head.current, null);
		head.current = head.executions.length;
		head.effects = undefined;
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
			if (operation.parsed !== undefined) core.host.finish(operation.parsed, { ...NOT_PARSED, error });
			if (operation === head && result !== undefined) {
				core.host.finish(result.execution, result.outcome(null, error));
				blamed = true;
				continue;
			}
			core.finishUnrun(operation.executions, operation.current, blamed ? null : error);
			if (operation.executions.length > 0) blamed = true;
		}
		for (let index = skipped.length - 1; index >= 0; index--) skipped[index]?.revert();
		if (!core.queue.awaitsReady()) core.skipping = true;
	}

	/** What becomes of a NoticeResponse. */
	notice(data: Buffer, start: number, end: number): boolean | Buffer {
		const core = this.#core;
		const { head } = core.queue;
		if (core.muted || head?.asksPath === true || head?.isOwn === true) return false;
		const fields = readErrorFields(data.subarray(start, end));
		if (!this.#reduces(head) && !this.#showsHidden(fields)) return true;
		const severity = NOTICE_SEVERITIES.find((known) => known === fields.severity) ?? "NOTICE";
		return encodeNotice({ severity, code: fields.code, message: REDUCED });
	}
}

const NOT_PARSED = { command: null, rows: 0, bytes: 0, masked: [], sample: null };

/** The server says where in the COPY it was. */
function inCopy({ code, message }: CopyBreach, where: string | undefined): Told {
	const fields = { severity: "ERROR" as const, code, message };
	const frame = encodeError(where === undefined ? fields : { ...fields, where });
	return exchanged({ frame, code, message });
}

function exchanged(frame: { readonly frame: Buffer; readonly code: string; readonly message: string }): Told {
	return { kind: "error", bytes: frame.frame, code: frame.code, message: frame.message };
}
