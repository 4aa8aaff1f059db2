/**
 * The client's half of a PostgreSQL relay: frames what the client sends, has every statement judged and recorded, and
 * passes on, in runs of untouched bytes, what may pass.
 *
 * Specification: PostgreSQL documentation, "Message Flow" (simple, extended and COPY sub-protocols, pipelining) and
 * "Message Formats". Only the message types listed here are spoken; any other ends the session.
 */
import type { Judgement } from "../engine.js";
import { FAILED_TRANSACTION, FRONT, frameBytes, HEADER_BYTES, IDLE, IN_TRANSACTION } from "./codes.js";
import type { RelayCore } from "./core.js";
import { errorFrame } from "./denials.js";
import {
	copyFail,
	describe,
	readBind,
	readClose,
	readDescribe,
	readExecute,
	readParse,
	readQuery,
} from "./messages.js";
import { MAX_PORTALS, MAX_STATEMENTS, Portal, PreparedStatement } from "./model.js";
import { Operation } from "./operations.js";
import { readParameters } from "./parameters.js";
import { judgeRun, type Run } from "./runs.js";

/** What became of a frame: pass it on with its run, leave it out, or stop before it and try again later. */
type Disposition = "pass" | "drop" | "hold";

const ABORTED_PATH: readonly string[] = [];

export class ClientSide {
	/** Bytes that do not make a whole frame yet, or that wait. */
	#rest: Buffer | undefined;
	/** Pieces of a frame larger than a chunk, and how many bytes are still missing. */
	#pieces: Buffer[] = [];
	#missing = 0;
	/** Bytes of a CopyData frame that are still to come, and whether they pass (outside COPY they are ignored). */
	#streaming = 0;
	#streamingPasses = true;
	/** Where the run of untouched frames begins that is sent as one slice. */
	#run = 0;
	/** The judgement that was waited for, for the frame at the head of the rest. */
	#judged: Judgement | undefined;
	/** Statements parsed in this chunk and not executed yet: they are recorded by themselves at its end. */
	#parsed: { readonly operation: Operation; readonly statement: PreparedStatement }[] = [];
	readonly #core: RelayCore;
	readonly #messageBytes: number;

	constructor(core: RelayCore, messageBytes: number) {
		this.#core = core;
		this.#messageBytes = messageBytes;
		core.resume = () => this.#resume();
	}

	receive(chunk: Buffer): void {
		if (this.#core.ended) return;
		if (this.#missing > 0) {
			// The chunk stands in a read buffer that is used again.
			this.#pieces.push(Buffer.from(chunk));
			this.#missing -= chunk.length;
			if (this.#missing > 0) return;
			const whole = Buffer.concat(this.#pieces);
			this.#pieces = [];
			this.#missing = 0;
			this.#process(whole, true);
			return;
		}
		if (this.#rest === undefined) this.#process(chunk, false);
		else this.#process(Buffer.concat([this.#rest, chunk]), true);
	}

	#resume(): void {
		const core = this.#core;
		if (core.ended || core.cancelling || core.waiting !== "nothing") return;
		core.host.holdClient(false);
		const rest = this.#rest;
		if (rest !== undefined && this.#missing === 0) this.#process(rest, true);
	}

	/** `owned`: the bytes are our own copy already, so that what is left of them need not be copied again. */
	#process(data: Buffer, owned: boolean): void {
		const core = this.#core;
		this.#rest = undefined;
		this.#run = 0;
		let position = this.#stream(data);
		while (!core.ended && data.length - position >= HEADER_BYTES) {
			const bytes = frameBytes(data, position);
			const type = data[position] as number;
			if (!this.#acceptable(type, bytes)) return;
			if (!this.#mayPass(type)) break;
			const end = position + bytes;
			if (end > data.length) {
				if (type === FRONT.copyData) position = this.#startStream(data, position, bytes);
				break;
			}
			const disposition = this.#frame(type, data, position, end);
			if (disposition === "hold") break;
			if (disposition === "drop") {
				this.#send(data, position);
				this.#run = end;
			}
			position = end;
		}
		if (core.ended) return;
		this.#send(data, position);
		this.#recordParsed();
		core.flushIfWaiting();
		this.#keep(data, position, owned);
	}

	/** A CopyData frame that has not arrived whole is not waited for. */
	#startStream(data: Buffer, position: number, bytes: number): number {
		const taken = data.length - position;
		this.#streaming = bytes - taken;
		this.#streamingPasses = this.#core.copyIn;
		if (!this.#streamingPasses) {
			this.#send(data, position);
			this.#run = data.length;
		}
		return data.length;
	}

	/** Takes what has arrived of a CopyData frame begun earlier; answers how many bytes of `data` it was. */
	#stream(data: Buffer): number {
		const taken = Math.min(this.#streaming, data.length);
		this.#streaming -= taken;
		if (!this.#streamingPasses) this.#run = taken;
		return taken;
	}

	#keep(data: Buffer, position: number, owned: boolean): void {
		if (position === data.length) return;
		// What waits may stand in a read buffer that is used again.
		const left = owned ? data.subarray(position) : Buffer.from(data.subarray(position));
		const bytes = left.length >= HEADER_BYTES ? frameBytes(left, 0) : 0;
		if (bytes > left.length && this.#core.waiting === "nothing" && !this.#core.cancelling) {
			this.#pieces = [left];
			this.#missing = bytes - left.length;
		} else {
			this.#rest = left;
		}
	}

	#acceptable(type: number, bytes: number): boolean {
		if (bytes < 0 || !FRONT_TYPES.has(type)) {
			const what = bytes < 0 ? "invalid message length" : `invalid frontend message type ${type}`;
			this.#core.fatal("08P01", what, undefined, `client broke the protocol: ${what}`);
			return false;
		}
		if (bytes > this.#messageBytes && type !== FRONT.copyData) {
			const detail = `The message has ${bytes} bytes; the bound is ${this.#messageBytes} (bounds.messageBytes).`;
			this.#core.fatal("08P01", "message is too long", detail, "client sent a message that is too long");
			return false;
		}
		return true;
	}

	/** Whether a message of this type may be taken now. */
	#mayPass(type: number): boolean {
		const core = this.#core;
		if (type === FRONT.terminate) return true;
		if (core.cancelling) return false;
		switch (core.waiting) {
			case "nothing":
				return true;
			case "result":
				if (type === FRONT.flush) return true;
				return type === FRONT.sync && (core.transaction === IN_TRANSACTION || !core.seriesWrites);
			case "drain":
			case "copy":
			case "promise":
				return false;
		}
	}

	#frame(type: number, data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		if (core.skipping && type !== FRONT.sync && type !== FRONT.terminate) return "drop";
		if (core.copyIn && !COPY_TYPES.has(type)) return this.#abortCopy(data, start, type);
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
				return this.#sync();
			case FRONT.flush:
				return "pass";
			case FRONT.copyData:
				return core.copyIn ? "pass" : "drop";
			case FRONT.copyDone:
			case FRONT.copyFail: {
				const open = core.copyIn;
				core.copyIn = false;
				return open ? "pass" : "drop";
			}
			case FRONT.functionCall:
				this.#send(data, start);
				core.host.incident(undefined, "a function call message was refused");
				core.denyQuery(errorFrame("42501", "function calls by protocol message are not permitted"), undefined);
				return "drop";
			case FRONT.terminate:
				this.#send(data, start);
				core.host.toUpstream(data.subarray(start, end));
				core.leave();
				return "drop";
			default:
				core.fatal("08P01", `invalid frontend message type ${type}`, undefined, "client broke the protocol");
				return "drop";
		}
	}

	/** Sends the run of untouched frames before `start`. */
	#send(data: Buffer, start: number): void {
		if (start > this.#run) this.#core.host.toUpstream(data.subarray(this.#run, start));
		this.#run = start;
	}

	/** A message that has no place in COPY ends it, as on the server, and is lost. */
	#abortCopy(data: Buffer, start: number, type: number): Disposition {
		const core = this.#core;
		const text = `unexpected message type 0x${type.toString(16).toUpperCase()} during COPY from stdin`;
		this.#send(data, start);
		core.host.toUpstream(copyFail(text));
		core.copyIn = false;
		return "drop";
	}

	/** Whatever has to be known before a text can be judged. True: it is being asked for. */
	#unready(): boolean {
		const core = this.#core;
		const { model } = core;
		if (model.catalogDirty && !core.inSeries && (core.transaction === IDLE || !core.queue.drained)) {
			return this.#refreshCatalog();
		}
		if (core.host.unrestricted || model.searchPath !== undefined || core.transaction === FAILED_TRANSACTION)
			return false;
		if (core.queue.drained) core.askPath();
		else core.wait("drain");
		return true;
	}

	/** After definitions were changed and committed. Inside a transaction nobody else sees them: see `judgeRun`. */
	#refreshCatalog(): boolean {
		const core = this.#core;
		if (!core.queue.drained) {
			if (core.host.unrestricted) return false;
			core.wait("drain");
			return true;
		}
		core.model.catalogDirty = false;
		const refreshed = core.host.refreshCatalog();
		if (core.host.unrestricted) return false;
		core.waitFor(refreshed);
		return true;
	}

	#judge(text: Buffer): Judgement | undefined {
		const judged = this.#judged;
		if (judged !== undefined) {
			this.#judged = undefined;
			return judged;
		}
		const answer = this.#core.host.judge(text, this.#core.model.searchPath ?? ABORTED_PATH);
		if (!(answer instanceof Promise)) return answer;
		this.#core.waitFor(
			answer.then((judgement) => {
				this.#judged = judgement;
			}),
		);
		return undefined;
	}

	#query(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const range = readQuery(data, start, end);
		if (range === undefined) {
			this.#send(data, start);
			core.denyQuery(errorFrame("08P01", "invalid message format"), undefined);
			return "drop";
		}
		if (this.#unready()) return "hold";
		const text = data.subarray(range.textStart, range.textEnd);
		const judgement = this.#judge(text);
		if (judgement === undefined) return "hold";
		const prepared = judgeRun(core, judgement, text);
		if (prepared.kind === "wait") {
			core.waitFor(prepared.promise);
			this.#judged = judgement;
			return "hold";
		}
		// A query string destroys the unnamed statement and the unnamed portal.
		core.model.dropStatement("");
		core.model.dropPortal("");
		if (prepared.kind === "denied") {
			this.#send(data, start);
			core.denyQuery(prepared.frame, prepared.execution);
			return "drop";
		}
		const operation = new Operation("query");
		operation.executions = prepared.run.executions;
		operation.undos = prepared.run.undos;
		operation.counters = prepared.run.counters;
		core.queue.push(operation);
		core.inSeries = false;
		if (prepared.run.isBarrier) core.wait("drain");
		if (prepared.run.copiesIn) core.wait("copy");
		return "pass";
	}

	#parse(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const message = readParse(data, start, end);
		if (message === undefined) return this.#malformed(data, start);
		if (this.#unready()) return "hold";
		const text = data.subarray(message.textStart, message.textEnd);
		const judgement = this.#judge(text);
		if (judgement === undefined) return "hold";
		const denied = judgement.verdicts.find((verdict) => verdict.denied);
		if (denied !== undefined) {
			const execution = core.host.begin(denied, text.toString("utf8"), [], undefined, true, undefined);
			this.#send(data, start);
			core.denyInSeries(core.denial(execution), execution);
			return "drop";
		}
		if (core.model.statements.size >= MAX_STATEMENTS) return this.#tooMany(data, start, "prepared statements");
		const operation = new Operation("parse");
		if (judgement.verdicts.length <= 1) {
			const kept = Buffer.from(text);
			const statement = new PreparedStatement(message.name, kept, judgement, message.parameterTypes, false);
			operation.statement = statement;
			operation.undo = core.model.setStatement(statement);
			if (judgement.verdicts.length === 1) this.#parsed.push({ operation, statement });
		}
		return this.#pass(operation);
	}

	/** What was parsed and not executed in the same chunk gets an entry of its own: it goes upstream now. */
	#recordParsed(): void {
		if (this.#parsed.length === 0) return;
		for (const { operation, statement } of this.#parsed) {
			if (statement.verdict === undefined || statement.executed) continue;
			const text = statement.text.toString("utf8");
			const name = statement.name === "" ? undefined : statement.name;
			operation.parsed = this.#core.host.begin(statement.verdict, text, [], name, true, undefined);
		}
		this.#parsed = [];
	}

	#bind(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const message = readBind(data, start, end);
		if (message === undefined) return this.#malformed(data, start);
		const statement = core.model.statements.get(message.statement);
		if (statement === undefined) {
			const what =
				message.statement === ""
					? "unnamed prepared statement does not exist"
					: `prepared statement "${message.statement}" does not exist`;
			return this.#fails(data, start, "26000", what);
		}
		if (core.model.portals.size >= MAX_PORTALS) return this.#tooMany(data, start, "portals");
		const parameters = readParameters(data, message, statement.parameterTypes);
		const operation = new Operation("bind");
		operation.statement = statement;
		operation.undo = core.model.setPortal(
			new Portal(message.portal, statement, undefined, parameters, message.resultFormats, "", 0),
		);
		return this.#pass(operation);
	}

	#describe(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const message = readDescribe(data, start, end);
		if (message === undefined) return this.#malformed(data, start);
		if (message.kind === "statement") {
			const operation = new Operation("describeStatement");
			operation.statement = core.model.statements.get(message.name);
			markDescribed(operation, operation.statement);
			return this.#pass(operation);
		}
		const operation = new Operation("describePortal");
		operation.portal = core.model.portals.get(message.name);
		markDescribed(operation, operation.portal);
		return this.#pass(operation);
	}

	#execute(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const message = readExecute(data, start, end);
		if (message === undefined) return this.#malformed(data, start);
		const portal = core.model.portals.get(message.portal);
		if (portal === undefined) return this.#fails(data, start, "34000", `portal "${message.portal}" does not exist`);
		if (this.#unready()) return "hold";
		const judgement = this.#freshJudgement(portal);
		if (judgement === undefined) return "hold";
		const statement = portal.statement;
		const text = statement?.text ?? Buffer.from(portal.sql, "utf8");
		const prepared = judgeRun(core, judgement, text, portal);
		if (prepared.kind === "wait") {
			core.waitFor(prepared.promise);
			return "hold";
		}
		if (prepared.kind === "denied") {
			this.#send(data, start);
			core.denyInSeries(prepared.frame, prepared.execution);
			return "drop";
		}
		if (statement !== undefined) statement.executed = true;
		this.#describeFirst(data, start, portal, prepared.run);
		const operation = new Operation("execute");
		operation.portal = portal;
		operation.executions = prepared.run.executions;
		operation.counters = prepared.run.counters;
		operation.undo = prepared.run.undos[0];
		if (prepared.run.writes) core.seriesWrites = true;
		this.#pass(operation);
		if (prepared.run.copiesIn) core.wait("copy");
		else if (prepared.run.isCapped) core.wait("result");
		return "pass";
	}

	/** The judgement of a portal's statement under the license and catalog as they are now. */
	#freshJudgement(portal: Portal): Judgement | undefined {
		const statement = portal.statement;
		const core = this.#core;
		const epoch = core.host.epoch();
		if (statement === undefined) {
			// A cursor, executed by protocol message: its own facts are judged by `judgeRun`.
			return { verdicts: [], epoch };
		}
		if (statement.judgement.epoch === epoch) return statement.judgement;
		if (portal.rows > 0) {
			// It runs already, planned over the definitions of then; only the license may have changed since.
			return { verdicts: statement.judgement.verdicts.map((old) => core.host.verdictFor(old.facts)), epoch };
		}
		const judgement = this.#judge(statement.text);
		if (judgement === undefined) return undefined;
		statement.judgement = judgement;
		statement.columns = undefined;
		statement.described = false;
		portal.columns = undefined;
		portal.described = false;
		return judgement;
	}

	/** Rows must not come before the server has said where their columns come from: if the client does not ask, we do. */
	#describeFirst(data: Buffer, start: number, portal: Portal, prepared: Run): void {
		if (!prepared.returnsRows || (!this.#core.host.checksOrigin && !prepared.samples)) return;
		if (portal.described || portal.statement?.described === true) return;
		const operation = new Operation("describePortal");
		operation.hidden = true;
		operation.portal = portal;
		markDescribed(operation, portal);
		this.#core.queue.push(operation);
		this.#send(data, start);
		this.#core.host.toUpstream(describe("portal", portal.name));
	}

	#close(data: Buffer, start: number, end: number): Disposition {
		const core = this.#core;
		const message = readClose(data, start, end);
		if (message === undefined) return this.#malformed(data, start);
		const operation = new Operation("close");
		operation.undo =
			message.kind === "statement" ? core.model.dropStatement(message.name) : core.model.dropPortal(message.name);
		return this.#pass(operation);
	}

	#sync(): Disposition {
		const core = this.#core;
		const operation = new Operation("sync");
		operation.conditional = core.copyIn;
		core.queue.push(operation);
		core.skipping = false;
		core.inSeries = false;
		core.seriesWrites = false;
		if (core.waiting === "result") core.waiting = "drain";
		return "pass";
	}

	#pass(operation: Operation): Disposition {
		this.#core.queue.push(operation);
		this.#core.inSeries = true;
		return "pass";
	}

	#malformed(data: Buffer, start: number): Disposition {
		return this.#fails(data, start, "08P01", "invalid message format");
	}

	#tooMany(data: Buffer, start: number, what: string): Disposition {
		return this.#fails(data, start, "53400", `too many ${what} are open in this session`);
	}

	#fails(data: Buffer, start: number, code: string, message: string): Disposition {
		this.#send(data, start);
		this.#core.denyInSeries(errorFrame(code, message), undefined);
		return "drop";
	}
}

const FRONT_TYPES: ReadonlySet<number> = new Set(Object.values(FRONT));

/** What the server accepts while it reads COPY data; it ignores Flush and Sync there. */
const COPY_TYPES: ReadonlySet<number> = new Set([
	FRONT.copyData,
	FRONT.copyDone,
	FRONT.copyFail,
	FRONT.flush,
	FRONT.sync,
	FRONT.terminate,
]);

function markDescribed(operation: Operation, described: { described: boolean } | undefined): void {
	if (described === undefined || described.described) return;
	described.described = true;
	operation.undo = () => {
		described.described = false;
	};
}
