/**
 * What the client's messages mean: has every statement judged and recorded, keeps the model of the session, and says of
 * each frame whether it passes.
 *
 * Specification: PostgreSQL documentation, "Message Flow" (simple, extended and COPY sub-protocols, pipelining).
 */
import type { Execution, Judgement } from "../engine.js";
import { recordedText } from "../recorded-text.js";
import { FRONT, HEADER_BYTES } from "./codes.js";
import type { RelayCore } from "./core.js";
import {
	cutBind,
	errorFrame,
	MISSING_PORTAL,
	MISSING_STATEMENT,
	OVERLONG_QUERY,
	type Substitute,
	UNENDED_QUERY,
} from "./denials.js";
import { faultOf } from "./faults.js";
import { callableFunction } from "./function-call.js";
import {
	copyFail,
	describe,
	readBind,
	readBoundName,
	readClose,
	readDescribe,
	readEmpty,
	readExecute,
	readFunctionCall,
	readParse,
	readQuery,
	withText,
} from "./messages.js";
import { MAX_PORTALS, Portal, PreparedStatement, userTypes } from "./model.js";
import { together } from "./namespace.js";
import { type DenialFrame, Operation } from "./operations.js";
import { sendAsSeries } from "./own-series.js";
import { readParameters } from "./parameters.js";
import { judgementNow, judgementToBind, markDescribed, missingStatement, unseenPortal } from "./portals.js";
import { Readiness } from "./readiness.js";
import { copiesOut, isOutdated, judgeRun, OUTDATED, type Run, type RunAnswer } from "./runs.js";
import { UNKNOWN_READING } from "./string-rules.js";

/** What became of a frame: pass it on with its run, leave it out, or stop before it and try again later. */
export type Disposition = "pass" | "drop" | "hold";

const CANCELLED = errorFrame("57014", "canceling statement due to user request");

/** Bytes that are no message, and end the session: what the client is told of them, and the log. */
export interface Breach {
	readonly message: string;
	readonly detail: string | undefined;
	readonly reason: string;
}

export class ClientMessages {
	/** Statements parsed in this chunk and not executed yet: they are recorded by themselves at its end. */
	#parsed: { readonly operation: Operation; readonly statement: PreparedStatement }[] = [];
	readonly #core: RelayCore;
	readonly #readiness: Readiness;
	/** Sends the run of untouched frames before `start`, when something of ours has to stand there. */
	readonly #sendBefore: (data: Buffer, start: number) => void;

	constructor(core: RelayCore, sendBefore: (data: Buffer, start: number) => void) {
		this.#core = core;
		this.#readiness = new Readiness(core);
		this.#sendBefore = sendBefore;
	}

	frame(type: number, data: Buffer, start: number, end: number): Disposition {
		const disposition = this.#take(type, data, start, end);
		// It was for this frame and holds for no other.
		if (disposition !== "hold") this.#readiness.forget();
		return disposition;
	}

	#take(type: number, data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		if (type === FRONT.terminate) return this.#terminate(data, start, end);
		if (core.skipping && type !== FRONT.sync) return "drop";
		if (core.interrupted) {
			core.interrupted = false;
			return this.#cancelled(type, data, start);
		}
		switch (type) {
			case FRONT.query:
				return this.#query(data, start, end);
			case FRONT.parse:
				return this.#parse(data, start, end);
			case FRONT.bind:
				return this.#bind(data, start, end);
			case FRONT.describe:
				return this.#describe(data, start, end);
			case FRONT.execute:
				return this.#execute(data, start, end);
			case FRONT.close:
				return this.#close(data, start, end);
			case FRONT.sync:
				// One with something in it is the server's to refuse: it aborts the transaction, and is ready.
				return this.#sync();
			case FRONT.flush:
				return core.copyIn || readEmpty(data, start, end) ? "pass" : this.#malformed(data, start, end);
			case FRONT.copyData:
				return core.copyIn ? "pass" : "drop";
			case FRONT.copyDone:
			case FRONT.copyFail:
				return this.#endCopy();
			case FRONT.functionCall:
				return this.#functionCall(data, start, end);
			default:
				throw new Error(`a message of type ${type} is not known here`);
		}
	}

	#functionCall(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const { model } = core;
		const message = readFunctionCall(data, start, end);
		const callable = message === undefined ? undefined : callableFunction(message.function);
		if (message === undefined || callable === undefined) return this.#refuseCall(data, start, end);
		const { sql, types } = callable;
		const judgement = this.#readiness.judge(Buffer.from(sql));
		if (judgement === "hold") return "hold";
		if (judgement === "unknown") return this.#refuse(data, start, UNKNOWN_READING, undefined);
		const parameters = readParameters(data, message, types);
		const call = new Portal("", undefined, judgement, parameters, [], sql, false, model.searchPath);
		const answer = judgeRun(core, judgement, sql, call);
		if (answer.kind === "drain" || answer.kind === "wait") return this.#postpone(answer, judgement);
		if (answer.kind === "denied") return this.#refuse(data, start, answer.frame, answer.execution);
		this.#runString(answer.run, undefined).isCall = true;
		return "pass";
	}

	#refuseCall(data: Buffer, start: number, end: number): Disposition {
		this.#core.host.incident(undefined, "a function call message was refused");
		const { code, message } = faultOf(FRONT.functionCall, data, start, end);
		return this.#refuse(data, start, errorFrame(code, message), undefined);
	}

	#postpone(answer: Extract<RunAnswer, { kind: "drain" | "wait" }>, judgement: Judgement): Disposition {
		if (answer.kind === "drain") return this.#drain();
		this.#readiness.keep(judgement);
		this.#core.waitFor(answer.promise);
		return "hold";
	}

	/** In place of a message that the server is ready behind by itself. */
	#refuse(data: Buffer, start: number, denied: DenialFrame, execution: Execution | undefined): Disposition {
		this.#sendBefore(data, start);
		this.#core.denyQuery(denied, execution);
		return "drop";
	}

	/** The client has cancelled what was held. */
	#cancelled(type: number, data: Buffer, start: number): Disposition {
		const core = this.#core;
		this.#sendBefore(data, start);
		if (type === FRONT.query || type === FRONT.functionCall) core.denyQuery(CANCELLED, undefined);
		else core.denyInSeries(CANCELLED, undefined);
		return "drop";
	}

	/**
	 * At the end of a chunk, or of the session within it: what was parsed and not executed in it gets an entry of its own,
	 * since it goes upstream now.
	 */
	endOfChunk(): void {
		if (this.#parsed.length === 0) return;
		for (const { operation, statement } of this.#parsed) {
			if (statement.verdict === undefined || statement.executed) continue;
			const name = statement.name === "" ? undefined : statement.name;
			operation.parsed = this.#core.host.begin(statement.verdict, statement.sql, [], name, true, undefined);
		}
		this.#parsed = [];
	}

	#terminate(data: Buffer, start: number, end: number): Disposition {
		this.#sendBefore(data, start);
		this.endOfChunk();
		if (readEmpty(data, start, end)) this.#core.host.toUpstream(data.subarray(start, end));
		this.#core.leave("client terminated", "57P01");
		return "drop";
	}

	/**
	 * Bytes that are no message: the session ends by them, once all that came before is answered, as on the server. Until
	 * then they are held.
	 */
	breaks(breach: Breach, data: Buffer, start: number): void {
		const core = this.#core;
		if (core.cancelling) return;
		if (core.copyIn && core.waiting !== "promise") {
			this.#breakCopy(data, start, "08006", "unexpected EOF on client connection with an open transaction");
		} else if (core.waiting === "nothing") {
			if (core.queue.drained) this.#fatal(breach);
			else core.wait("drain");
		}
	}

	/**
	 * COPY ends by the first byte of a message that has no place in it, and the session with it, as on the server; unless the
	 * COPY has failed already, which only its answer tells. True: the message is not taken now.
	 */
	endsCopy(type: number, data: Buffer, start: number): boolean {
		const core = this.#core;
		if (type === FRONT.terminate || core.cancelling || core.waiting === "promise") return false;
		if (core.copyIn) {
			if (COPY_TYPES.has(type)) return false;
			const what = `unexpected message type 0x${type.toString(16).toUpperCase().padStart(2, "0")} during COPY from stdin`;
			this.#breakCopy(data, start, "08P01", what);
			return true;
		}
		if (core.copyBreach === undefined) return false;
		if (!core.queue.drained) return true;
		const { isCause } = core.copyBreach;
		core.copyBreach = undefined;
		if (isCause) this.#fatal(LOST_SYNCHRONIZATION);
		return isCause;
	}

	#fatal({ message, detail, reason }: Breach): void {
		this.endOfChunk();
		this.#core.fatal("08P01", message, detail, reason);
	}

	#endCopy(): Disposition {
		const core = this.#core;
		if (!core.copyIn) return "drop";
		core.copyIn = false;
		return "pass";
	}

	#breakCopy(data: Buffer, start: number, code: string, what: string): void {
		const core = this.#core;
		this.#sendBefore(data, start);
		core.host.toUpstream(copyFail(what));
		core.copyIn = false;
		core.copyBreach = { code, message: what, isCause: false };
		core.wait("drain");
	}

	#drain(): Disposition {
		this.#core.wait("drain");
		return "hold";
	}

	#query(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const { model } = core;
		const range = readQuery(data, start, end);
		if (range === undefined) {
			return this.#malformedQuery(data, start, end);
		}
		const text = data.subarray(range.textStart, range.textEnd);
		const judgement = this.#readiness.judge(text);
		if (judgement === "hold") return "hold";
		if (judgement === "unknown") return this.#refuse(data, start, UNKNOWN_READING, undefined);
		const answer = judgeRun(core, judgement, recordedText(text, judgement, "utf8"));
		if (answer.kind === "drain" || answer.kind === "wait") return this.#postpone(answer, judgement);
		// A query string destroys the unnamed statement and the unnamed portal.
		const statement = model.statements.drop("", model.series);
		const portal = model.portals.drop("", model.series);
		const destroyed = (statement ?? portal) ? together([statement, portal]) : undefined;
		if (answer.kind === "denied") {
			this.#sendBefore(data, start);
			core.denyQuery(answer.frame, answer.execution).effect = destroyed;
			return "drop";
		}
		const { run } = answer;
		const { canonical } = judgement;
		if (run.isCapped && run.writes && run.executions.length === 1 && !run.isUnread) {
			this.#sendBefore(data, start);
			const sent = canonical === undefined ? text : Buffer.from(canonical, "latin1");
			sendAsSeries(core, sent, run, destroyed);
			return "drop";
		}
		this.#runString(run, destroyed);
		return this.#sendText(data, start, end, range, canonical);
	}

	/** The frame, or what stands for its text upstream. */
	#sendText(
		data: Buffer,
		start: number,
		end: number,
		{ textStart, textEnd }: { readonly textStart: number; readonly textEnd: number },
		canonical: string | undefined,
	): Disposition {
		if (canonical === undefined) return "pass";
		this.#sendBefore(data, start);
		const frame = data.subarray(start, end);
		this.#core.host.toUpstream(withText(frame, textStart - start, textEnd - start, canonical));
		return "drop";
	}

	#runString(run: Run, destroyed: Operation["effect"]): Operation {
		const core = this.#core;
		const operation = new Operation("query");
		operation.effect = destroyed;
		operation.executions = run.executions;
		operation.effects = run.effects;
		operation.counters = run.counters;
		operation.isOpen = run.isUnread;
		core.queue.push(operation);
		core.endSeries();
		if (run.isCapped || run.isUnread) core.wait("drain");
		else if (run.copiesIn) core.wait("copy");
		return operation;
	}

	#parse(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const { model } = core;
		const message = readParse(data, start, end);
		if (message === undefined) return this.#malformed(data, start, end);
		const text = data.subarray(message.textStart, message.textEnd);
		const judgement = this.#readiness.judge(text);
		if (judgement === "hold") return "hold";
		if (judgement === "unknown") {
			this.#sendBefore(data, start);
			core.denyInSeries(UNKNOWN_READING, undefined);
			return "drop";
		}
		const declared = this.#readiness.declaration(userTypes(message.parameterTypes));
		if (declared === "hold") return "hold";
		const denied = [...judgement.verdicts, ...declared].find((verdict) => verdict.denied);
		if (denied !== undefined) {
			const execution = core.host.begin(denied, recordedText(text, judgement, "utf8"), [], undefined, true, undefined);
			this.#sendBefore(data, start);
			core.denyInSeries(core.denial(execution), execution);
			return "drop";
		}
		if (model.holdsTooMany) return this.#tooMany(data, start, "prepared statements");
		const operation = new Operation("parse");
		// Several statements are refused by the server.
		if (judgement.verdicts.length <= 1) {
			const { name, parameterTypes } = message;
			const path = model.searchPath;
			const statement = new PreparedStatement(name, Buffer.from(text), judgement, path, parameterTypes, false);
			operation.statement = statement;
			operation.effect = model.statements.set(name, statement, model.series);
			if (judgement.verdicts.length === 1) this.#parsed.push({ operation, statement });
		}
		this.#pass(operation);
		return this.#sendText(data, start, end, message, judgement.canonical);
	}

	/** Binding plans the statement: what it means is settled here, and stays so however often the portal is executed. */
	#bind(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const { model } = core;
		const message = readBind(data, start, end);
		if (message === undefined) return this.#malformedBind(data, start, end);
		const { portal, resultFormats } = message;
		if (model.statements.isUnsure(message.statement, model.series)) return this.#drain();
		const statement = model.statements.get(message.statement);
		const operation = new Operation("bind");
		if (statement === undefined) {
			if (core.host.unrestricted) return this.#pass(operation);
			return this.#fails(data, start, "26000", missingStatement(message.statement));
		}
		if (!this.#readiness.renew(statement)) return "hold";
		if (statement.isOutdated && !core.host.unrestricted) return this.#outdated(data, start);
		const declared = this.#readiness.declaration(statement.declaredTypes);
		if (declared === "hold") return "hold";
		const judgement = judgementToBind(core, statement);
		const denied = [...judgement.verdicts, ...declared].find((verdict) => verdict.denied);
		const parameters = readParameters(data, message, statement.parameterTypes);
		if (denied !== undefined) {
			const name = statement.name || undefined;
			const execution = core.host.begin(denied, statement.sql, parameters, name, false, undefined);
			this.#sendBefore(data, start);
			core.denyInSeries(core.denial(execution), execution);
			return "drop";
		}
		if (model.portals.size >= MAX_PORTALS) return this.#tooMany(data, start, "portals");
		operation.statement = statement;
		const bound = new Portal(portal, statement, judgement, parameters, resultFormats, "", false, model.searchPath);
		model.plan(bound, [...judgement.verdicts, ...declared]);
		operation.effect = model.portals.set(portal, bound, model.series);
		return this.#pass(operation);
	}

	#describe(data: Buffer, start: number, end: number): Disposition {
		const { model } = this.#core;
		const message = readDescribe(data, start, end);
		if (message === undefined) return this.#malformed(data, start, end);
		if (message.kind === "portal") {
			const operation = new Operation("describePortal");
			if (model.portals.isUnsure(message.name, model.series)) return this.#drain();
			operation.portal = model.portals.get(message.name);
			markDescribed(operation, operation.portal);
			return this.#pass(operation);
		}
		const operation = new Operation("describeStatement");
		if (model.statements.isUnsure(message.name, model.series)) return this.#drain();
		operation.statement = model.statements.get(message.name);
		if (operation.statement !== undefined && !this.#readiness.renew(operation.statement)) return "hold";
		markDescribed(operation, operation.statement);
		return this.#pass(operation);
	}

	#execute(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const { model } = core;
		const message = readExecute(data, start, end);
		if (message === undefined) return this.#malformed(data, start, end);
		if (model.portals.isUnsure(message.portal, model.series)) return this.#drain();
		const portal = model.portals.get(message.portal) ?? unseenPortal(core, message.portal);
		if (portal === undefined) return this.#fails(data, start, "34000", `portal "${message.portal}" does not exist`);
		const { statement } = portal;
		// What a running portal reads is settled; what one only now begins to read depends on the session as it is.
		const settled = portal.isStarted && statement?.isReference !== true;
		// COPY looks names up when it is executed.
		if (statement !== undefined && portal.judgement.verdicts.some(({ facts }) => copiesOut(facts))) {
			if (!this.#readiness.renew(statement)) return "hold";
			portal.judgement = statement.judgement;
		}
		if (!settled) model.settlePlans(portal);
		if (settled ? this.#readiness.refreshesCatalog() : this.#readiness.unready()) return "hold";
		if (isOutdated(core, portal)) return this.#outdated(data, start);
		const answer = judgeRun(core, judgementNow(core, portal), statement?.sql ?? portal.sql, portal);
		if (answer.kind === "drain") return this.#drain();
		if (answer.kind === "wait") {
			core.waitFor(answer.promise);
			return "hold";
		}
		if (answer.kind === "denied") {
			this.#sendBefore(data, start);
			core.denyInSeries(answer.frame, answer.execution);
			return "drop";
		}
		const { run } = answer;
		if (statement !== undefined) statement.executed = true;
		this.#describeFirst(data, start, portal, run);
		const operation = new Operation("execute");
		operation.portal = portal;
		operation.executions = run.executions;
		operation.counters = run.counters;
		operation.effect = run.effects[0];
		if (run.writes) core.seriesWrites = true;
		this.#pass(operation);
		if (run.copiesIn) core.wait("copy");
		else if (run.isCapped || run.isUnread) core.wait("result");
		return "pass";
	}

	/** Rows must not come before the server has said where their columns come from: if the client does not ask, we do. */
	#describeFirst(data: Buffer, start: number, portal: Portal, run: Run): void {
		const core = this.#core;
		if (!run.returnsRows || (!core.host.checksOrigin && !run.samples)) return;
		const { statement } = portal;
		if (portal.described || (statement?.described === true && !statement.isReference)) return;
		const operation = new Operation("describePortal");
		operation.hidden = true;
		operation.portal = portal;
		markDescribed(operation, portal);
		core.queue.push(operation);
		this.#sendBefore(data, start);
		core.host.toUpstream(describe("portal", portal.name));
	}

	#close(data: Buffer, start: number, end: number): Disposition {
		const { model } = this.#core;
		const message = readClose(data, start, end);
		if (message === undefined) return this.#malformed(data, start, end);
		const operation = new Operation("close");
		const space = message.kind === "statement" ? model.statements : model.portals;
		operation.effect = space.drop(message.name, model.series);
		return this.#pass(operation);
	}

	/** The server ignores a Sync while it reads COPY data; so that it is not read later, it is not sent. */
	#sync(): Disposition {
		const core = this.#core;
		if (core.copyIn) return "drop";
		core.queue.push(new Operation("sync"));
		core.skipping = false;
		core.endSeries();
		if (core.waiting === "result") core.waiting = "drain";
		return "pass";
	}

	#pass(operation: Operation): Disposition {
		this.#core.queue.push(operation);
		this.#core.inSeries = true;
		return "pass";
	}

	/** `by`: what fails in its place, if not what the server finds as soon as it has read the message. */
	#malformed(data: Buffer, start: number, end: number, by?: Substitute): Disposition {
		const { code, message, context, isBehindTransaction } = faultOf(data[start] as number, data, start, end);
		// What is missing is told, too, before it is looked whether the transaction is aborted.
		const early = isBehindTransaction ? undefined : MISSING_STATEMENT;
		this.#sendBefore(data, start);
		this.#core.denyInSeries(errorFrame(code, message, undefined, context), undefined, by ?? early);
		return "drop";
	}

	/** The server looks for the statement before it reads what is behind its name. */
	#malformedBind(data: Buffer, start: number, end: number): Disposition {
		const { model, host } = this.#core;
		const name = readBoundName(data, start, end);
		if (name === undefined) return this.#malformed(data, start, end);
		if (model.statements.isUnsure(name, model.series)) return this.#drain();
		if (model.statements.get(name) !== undefined) return this.#malformed(data, start, end);
		// It may come of a text that was not understood: the server is asked by a Bind that ends behind the name.
		if (host.unrestricted) return this.#malformed(data, start, end, cutBind(name));
		return this.#fails(data, start, "26000", missingStatement(name));
	}

	/** The server says so itself, or skips it, of one that holds nothing. */
	#malformedQuery(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		this.#sendBefore(data, start);
		const isEnded = data.subarray(start + HEADER_BYTES, end).includes(0);
		core.host.toUpstream(isEnded ? OVERLONG_QUERY : UNENDED_QUERY);
		core.queue.push(new Operation("query"));
		core.endSeries();
		return "drop";
	}

	#outdated(data: Buffer, start: number): Disposition {
		return this.#fails(data, start, OUTDATED.code, OUTDATED.message);
	}

	#tooMany(data: Buffer, start: number, what: string): Disposition {
		return this.#fails(data, start, "53400", `too many ${what} are open in this session`);
	}

	#fails(data: Buffer, start: number, code: string, message: string): Disposition {
		const by = [MISSING_STATEMENT, MISSING_PORTAL].find((known) => known.code === code);
		this.#sendBefore(data, start);
		this.#core.denyInSeries(errorFrame(code, message), undefined, by);
		return "drop";
	}
}

const LOST_SYNCHRONIZATION: Breach = {
	message: "terminating connection because protocol synchronization was lost",
	detail: undefined,
	reason: "client broke the protocol within COPY",
};

/** What the server accepts while it reads COPY data; it ignores Flush and Sync there. */
const COPY_TYPES: ReadonlySet<number> = new Set([
	FRONT.copyData,
	FRONT.copyDone,
	FRONT.copyFail,
	FRONT.flush,
	FRONT.sync,
]);
