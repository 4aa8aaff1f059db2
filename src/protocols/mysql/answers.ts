/**
 * What the server's answers mean: which execution a result belongs to, what the client is told in place of errors, what a
 * confirmation does to the model of the session, and whether that is what the server says it did.
 *
 * Specification: MySQL Internals, "COM_QUERY Response", "OK_Packet" (Session State Information), "ERR_Packet".
 */
import type { Denial } from "../engine.js";
import { COLUMN_FLAG, STATUS } from "./codes.js";
import { readHead } from "./columns.js";
import type { Command, RelayCore } from "./core.js";
import { REDUCED, type Told, told } from "./denials.js";
import { ERROR, type ErrorCode, readError } from "./errors.js";
import { isTracked } from "./model.js";
import { eofPayload, isEof, type OkFields, okPayload, readChanges, readEof, readOk } from "./ok.js";
import { HEADER_BYTES, payloadBytes } from "./packets.js";
import { Reader } from "./reader.js";
import { Result } from "./result.js";
import { planRows, type RowPlan } from "./row-plan.js";
import { applyEffect, changesReading, SHOW_WARNINGS } from "./runs.js";

export const PASS = true;
export const DROP = false;
/** A packet passes, is left out, or is exchanged: for packets of ours, or for a payload in one with its number. */
export type Answer = boolean | { readonly bytes: Buffer; readonly isFramed: boolean };

/** A head seen before for a verdict, and the plan that it gave. */
interface PlanMemo {
	readonly head: Buffer;
	readonly isBinary: boolean;
	readonly plan: RowPlan;
	/** With the flags of masked columns as the client gets them; undefined: as it came. */
	readonly shown: Buffer | undefined;
	readonly epoch: number;
}

/** Errors that show values of rows: duplicate keys, and conversions of what stands in a column. */
const SHOWING_ROWS: ReadonlySet<number> = new Set([
	1062, 1169, 1264, 1265, 1292, 1366, 1411, 1557, 1586, 1690, 1761, 1762,
]);

/** The server stopped a statement because it was asked to, or because it took too long. */
const INTERRUPTED: ReadonlySet<number> = new Set([1317, 1969, 3024]);

export class Answers {
	/** Nothing more of the command is to come. */
	isOver = false;
	/** The result's rows are not delivered but fetched. */
	isCursor = false;
	#result: Result | undefined;
	readonly #core: RelayCore;
	readonly #broken: (reason: string) => void;

	constructor(core: RelayCore, broken: (reason: string) => void) {
		this.#core = core;
		this.#broken = broken;
		core.takeResult = () => this.#take();
	}

	#take(): Result | undefined {
		const result = this.#result;
		this.#result = undefined;
		return result;
	}

	shows(command: Command): boolean {
		return command.hidden === undefined && !command.isTold;
	}

	/** The result of the execution that the server is at. */
	active(command: Command): Result | undefined {
		if (this.#result !== undefined) return this.#result;
		if (command.denial !== undefined || command.kind === "prepare") return undefined;
		const execution = command.executions[command.current];
		if (execution === undefined) return undefined;
		this.#result = new Result(execution, command.counter);
		return this.#result;
	}

	/** Rows come without a head: they are those of the cursor. */
	fetches(command: Command): void {
		this.active(command)?.planned(command.statement?.cursor?.plan);
	}

	// ---- results

	head(command: Command, head: Buffer, count: number): Answer {
		if (command.hidden !== undefined) return DROP;
		const result = this.active(command);
		if (result === undefined) {
			this.#broken("the server sent a result of no statement");
			return DROP;
		}
		if (command.isTold || result.stopped !== undefined) return DROP;
		const memo = this.#plan(command, result, head, count);
		if (memo === undefined) {
			result.planned(undefined);
			return PASS;
		}
		const { plan, shown } = memo;
		result.planned(plan);
		if (plan.forbidden === undefined) return shown === undefined ? PASS : { bytes: shown, isFramed: true };
		this.#core.host.incident(result.execution, plan.incident ?? plan.forbidden);
		result.stop(resultForbidden(plan.forbidden));
		this.#core.cancel();
		return this.#stopped(command, result);
	}

	#stopped(command: Command, result: Result): Answer {
		command.isTold = true;
		this.#core.nextSequence = 1;
		return { bytes: (result.stopped as Told).payload, isFramed: false };
	}

	/** The plan of a result; that of an equal head before is taken again. Undefined: its rows only have to be counted. */
	#plan(command: Command, result: Result, head: Buffer, count: number): PlanMemo | undefined {
		const { host, legs } = this.#core;
		const { verdict } = result.execution;
		if (!host.checksOrigin && verdict.plan.sampleRows === 0 && verdict.plan.masks.size === 0) return undefined;
		const isBinary = command.kind === "execute";
		const before = verdict.rowPlanMemo as PlanMemo | undefined;
		const epoch = host.epoch();
		if (before?.epoch === epoch && before.isBinary === isBinary && before.head.equals(head)) return before;
		const columns = readHead(head, count, legs.typeInfo);
		if (columns === undefined) {
			this.#broken("the server sent malformed column definitions");
			return undefined;
		}
		const plan = planRows(columns, isBinary, verdict, host);
		if (plan.forbidden === undefined && plan.incident !== undefined) host.incident(result.execution, plan.incident);
		const memo: PlanMemo = { head: Buffer.from(head), isBinary, plan, shown: nullable(head, plan), epoch };
		// Verdicts are kept for long.
		if (head.length <= MAX_MEMO_BYTES) verdict.rowPlanMemo = memo;
		return memo;
	}

	/** Where an EOF follows the definitions, it says whether rows do. */
	endOfHead(command: Command, eof: Buffer): void {
		this.isCursor = false;
		this.isOver = false;
		if (this.#core.legs.deprecateEof) return;
		const fields = readEof(eof);
		if (fields === undefined) return;
		this.#core.model.status = fields.status;
		if ((fields.status & STATUS.cursorExists) === 0 || command.kind !== "execute") return;
		this.isCursor = true;
		this.#open(command);
		this.#finish(command, fields.status, fields.warnings, undefined);
	}

	#open(command: Command): void {
		const { statement, counter } = command;
		if (statement === undefined || counter === undefined) return;
		statement.cursor = { counter, plan: this.#result?.plan, parameters: command.parameters };
	}

	/** The row cap or byte cap of a result: what the client is told at once, if anything. */
	exceeded(command: Command, result: Result): Buffer | undefined {
		const core = this.#core;
		if (result.stopped !== undefined) {
			core.cancel();
			if (!this.shows(command)) return undefined;
			command.isTold = true;
			core.nextSequence = 1;
			return result.stopped.payload;
		}
		// What would only be thrown away is not waited for, where stopping it changes nothing else.
		const isLast = command.current === command.executions.length - 1 && !command.isOpen && command.kind !== "fetch";
		const { facts } = result.execution.verdict;
		if (isLast && !facts.writes && !isCall(result)) {
			result.isCancelled = true;
			core.cancel();
		}
		return undefined;
	}

	endOfRows(command: Command, payload: Buffer): Answer {
		const { legs } = this.#core;
		const ok = legs.deprecateEof ? this.#readOk(payload) : undefined;
		const eof = legs.deprecateEof ? ok : readEof(payload);
		if (eof === undefined) return this.#malformed();
		if ((eof.status & STATUS.cursorExists) !== 0 && command.kind === "execute") this.#open(command);
		const isTruncated = this.#result?.cut !== undefined;
		const shows = this.shows(command);
		this.#finish(command, eof.status, eof.warnings, ok?.changes);
		if (!shows || this.#core.ended) return DROP;
		const warnings = Math.min(eof.warnings + (isTruncated ? 1 : 0), 0xffff);
		if (!isTruncated && (ok === undefined || !this.#rewrites(payload, ok))) return PASS;
		const bytes =
			ok === undefined
				? eofPayload({ ...eof, warnings })
				: okPayload({ ...ok, warnings }, { sessionTrack: legs.clientTracks }, EOF_MARK);
		return { bytes, isFramed: false };
	}

	/** An OK where a result could be. */
	ok(command: Command, payload: Buffer): Answer {
		const ok = this.#readOk(payload);
		if (ok === undefined) return this.#malformed();
		const shows = this.shows(command);
		const result = this.active(command);
		if (result !== undefined && this.#core.infileBytes > 0) {
			result.bytes += this.#core.infileBytes;
			this.#core.infileBytes = 0;
		}
		command.onOk?.();
		const refused = command.fileRefused && result !== undefined;
		if (refused) result.stopped = FILE_REFUSED;
		this.#finish(command, ok.status, ok.warnings, ok.changes, ok.affectedRows);
		if (command.hidden !== undefined && this.isOver) command.hidden.done(undefined);
		if (!shows || this.#core.ended) return DROP;
		return refused ? this.#stopped(command, result) : this.#told(payload, ok);
	}

	/** The OK or EOF that ends a command without results. */
	ended(command: Command, payload: Buffer): Answer {
		const { legs, model } = this.#core;
		this.isOver = true;
		if (!legs.deprecateEof && isEof(payload)) {
			const eof = readEof(payload);
			if (eof === undefined) return this.#malformed();
			this.#done(command, eof.status, undefined);
			return command.hidden === undefined ? PASS : DROP;
		}
		// COM_SET_OPTION is answered by the older EOF on some servers whatever was agreed on.
		const isOld = payload[0] === EOF_MARK && payload.length === 5;
		const ok = isOld ? undefined : this.#readOk(payload);
		if (!isOld && (ok === undefined || (payload[0] !== 0 && payload[0] !== EOF_MARK))) return this.#malformed();
		this.#done(command, ok?.status ?? model.status, ok?.changes);
		if (command.hidden !== undefined || this.#core.ended) return DROP;
		const answer = ok === undefined ? PASS : this.#told(payload, ok);
		if (!command.holdsOk) return answer;
		const bytes = typeof answer === "boolean" ? Buffer.from(payload) : answer.bytes;
		this.#core.heldPayload = bytes;
		return DROP;
	}

	#done(command: Command, status: number, changes: Buffer | undefined): void {
		const core = this.#core;
		command.onOk?.();
		core.model.status = status;
		this.#result = this.active(command);
		this.#settle(command, changes);
		const result = this.#take();
		if (result !== undefined) {
			core.host.finish(result.execution, result.outcome(result.execution.verdict.facts.tag, null));
			command.current += 1;
		}
		core.finishUnrun(command, null);
		command.hidden?.done(undefined);
	}

	/** A line of text. */
	said(command: Command): Answer {
		this.isOver = true;
		return this.shows(command) ? PASS : DROP;
	}

	prepared(command: Command, id: number, parameters: number): Answer {
		command.onPrepared?.(id, parameters);
		const [execution] = command.executions;
		if (execution !== undefined) this.#core.host.finish(execution, { ...PREPARED });
		command.current = command.executions.length;
		return PASS;
	}

	readsFile(command: Command): boolean {
		const result = this.active(command);
		const { host } = this.#core;
		if (result !== undefined && this.shows(command)) {
			if (result.execution.verdict.facts.copy?.direction === "in") return true;
			if (command.isOpen && host.unrestricted) return true;
		}
		host.incident(result?.execution, "the server asked for a file that no statement was permitted to read");
		command.fileRefused = true;
		return false;
	}

	ownRow(hidden: NonNullable<Command["hidden"]>, payload: Buffer): void {
		const reader = new Reader(payload);
		const row: (string | null)[] = [];
		while (reader.left > 0 && !reader.failed) row.push(reader.lenencOrNull()?.toString("utf8") ?? null);
		if (hidden.rows.length < MAX_OWN_ROWS) hidden.rows.push(row);
	}

	// ---- the end of an execution

	#finish(
		command: Command,
		status: number,
		warnings: number,
		changes: Buffer | undefined,
		affectedRows?: bigint,
	): void {
		const core = this.#core;
		core.model.status = status;
		const more = (status & STATUS.moreResults) !== 0;
		this.isOver = !more;
		const result = this.active(command);
		// CALL has as many results as it likes, and an OK at its end.
		const goesOn = more && (command.isOpen || (result !== undefined && isCall(result) && affectedRows === undefined));
		if (!goesOn) this.#settle(command, changes);
		// It was the last thing that this session heard.
		if (core.ended) return;
		if (result !== undefined && !goesOn) {
			this.#take();
			this.#finishResult(command, result, warnings, affectedRows);
		}
		if (!more) {
			core.finishUnrun(command, null);
			if (affectedRows === undefined) command.hidden?.done(undefined);
		}
	}

	#finishResult(command: Command, result: Result, warnings: number, affectedRows: bigint | undefined): void {
		const { host, model } = this.#core;
		const { facts } = result.execution.verdict;
		command.current += 1;
		// Messages stay until a statement that uses tables, or has some of its own, takes their place.
		if (result.cut !== undefined) model.cut = result.cut;
		else if (facts.tag !== SHOW_WARNINGS && (facts.relations.length > 0 || warnings > 0)) model.cut = undefined;
		if (result.stopped !== undefined) {
			host.finish(result.execution, result.outcome(null, result.stopped));
			return;
		}
		const count = affectedRows === undefined ? result.rows : affectedRows;
		const counts = facts.writes || affectedRows === undefined;
		host.finish(result.execution, result.outcome(counts ? `${facts.tag} ${count}` : facts.tag, null));
	}

	/** What the statement did to the session, by its own word and by the server's. */
	#settle(command: Command, changes: Buffer | undefined): void {
		const core = this.#core;
		const { model } = core;
		const effect = command.effects[command.current];
		const facts = command.executions[command.current]?.verdict.facts;
		if (effect !== undefined) applyEffect(core, effect, command.texts[command.current] ?? "");
		if (facts?.changesCatalog === true) model.catalogDirty = true;
		this.#noteDiagnostics(command);
		if (changes === undefined || changes.length === 0) return;
		const list = readChanges(changes);
		if (list === undefined) {
			this.#broken("the server sent a malformed session state");
			return;
		}
		const isForeseen =
			command.mayChange ||
			command.isOpen ||
			core.host.unrestricted ||
			facts?.changesCatalog === true ||
			(effect !== undefined && changesReading(effect));
		for (const change of list) {
			if (change.kind === "schema" && change.name !== model.database) {
				if (!isForeseen) this.#diverged("database");
				model.setDatabase(change.name);
			} else if (change.kind === "variable" && isTracked(change.name)) {
				if (change.value !== model.value(change.name) && !isForeseen) this.#diverged(change.name);
				model.set(change.name, change.value);
			}
		}
	}

	#diverged(what: string): void {
		const message = `the server says that ${what} has changed, which the analysis did not foresee`;
		this.#core.host.incident(this.#result?.execution, message);
		this.#core.fatal(ERROR.serverShutdown, "the state of the session is not known any more", undefined, message);
	}

	/** Messages of a statement stay with the server until one that uses tables takes their place. */
	#noteDiagnostics(command: Command): void {
		const verdict = command.executions[command.current]?.verdict;
		if (verdict === undefined || command.denial !== undefined) return;
		const { model } = this.#core;
		if (verdict.plan.reduceErrors) model.diagnosticsHide = true;
		else if (verdict.facts.relations.length > 0 && verdict.facts.refusal === undefined) model.diagnosticsHide = false;
	}

	// ---- errors

	error(command: Command, payload: Buffer): Answer {
		const core = this.#core;
		const { errno, state, message } = readError(payload);
		const result = this.active(command);
		this.isOver = true;
		this.#take();
		this.#noteDiagnostics(command);
		const isTruncation = result?.isTruncated === true && result.isCancelled && INTERRUPTED.has(errno);
		const shown = isTruncation ? undefined : this.#shownError(command, result, { errno, state });
		const said = shown ?? { code: String(errno), message };
		const effect = command.effects[command.current];
		// A PREPARE that fails has dropped what had its name.
		if (effect?.kind === "prepare") core.model.named.delete(effect.name.toLowerCase());
		const shows = this.shows(command);
		if (command.kind === "fetch" && command.statement !== undefined && command.denial === undefined) {
			command.statement.cursor = undefined;
		}
		if (result !== undefined) {
			const { facts } = result.execution.verdict;
			core.model.cut = isTruncation ? result.cut : undefined;
			const outcome = isTruncation
				? result.outcome(`${facts.tag} ${result.rows}`, null)
				: result.outcome(null, result.stopped ?? said);
			core.host.finish(result.execution, outcome);
			command.current += 1;
			core.finishUnrun(command, null);
		} else core.finishUnrun(command, said);
		if (command.hidden !== undefined) command.hidden.done(told({ errno, state }, message));
		if (!shows || core.ended) return DROP;
		if (isTruncation) return { bytes: this.#truncatedEnd(), isFramed: false };
		return shown === undefined ? PASS : { bytes: shown.payload, isFramed: false };
	}

	#truncatedEnd(): Buffer {
		const { legs, model } = this.#core;
		const status = model.status & ~(STATUS.moreResults | STATUS.sessionStateChanged);
		if (!legs.deprecateEof) return eofPayload({ status, warnings: 1 });
		return okPayload({ status, warnings: 1 }, { sessionTrack: legs.clientTracks }, EOF_MARK);
	}

	/** What the client is told in place of the server's error; undefined: that error. */
	#shownError(command: Command, result: Result | undefined, code: ErrorCode): Told | undefined {
		const { errno } = code;
		const core = this.#core;
		if (command.denial !== undefined) return command.denial;
		if (result?.stopped !== undefined) return result.stopped;
		if (command.fileRefused) return FILE_REFUSED;
		if (core.timeout !== undefined && INTERRUPTED.has(errno)) return core.timeout;
		const verdict = command.executions[command.current]?.verdict ?? command.statement?.verdict;
		if (verdict === undefined) return undefined;
		if (verdict.plan.reduceErrors || (SHOWING_ROWS.has(errno) && this.#hidesRows(verdict.facts))) {
			return told(code, REDUCED);
		}
		return undefined;
	}

	/** Some table of the statement has rows that may not all be read. */
	#hidesRows({ relations }: Result["execution"]["verdict"]["facts"]): boolean {
		const { host } = this.#core;
		return relations.some(({ schema, name, sort }) => sort === "data" && !host.showsRowsOf(schema, name));
	}

	// ---- OKs

	#readOk(payload: Buffer): OkFields | undefined {
		return readOk(payload, { sessionTrack: this.#core.legs.upstreamTracks });
	}

	/** An OK as the client has agreed on it. */
	#told(payload: Buffer, ok: OkFields): Answer {
		if (!this.#rewrites(payload, ok)) return PASS;
		const { legs } = this.#core;
		return { bytes: okPayload(ok, { sessionTrack: legs.clientTracks }, payload[0]), isFramed: false };
	}

	#rewrites(_payload: Buffer, ok: OkFields): boolean {
		const { clientTracks, upstreamTracks } = this.#core.legs;
		return clientTracks !== upstreamTracks && (ok.info.length > 0 || ok.changes.length > 0);
	}

	#malformed(): Answer {
		this.#broken("the server sent a malformed end of an answer");
		return DROP;
	}
}

const FILE_REFUSED = told(ERROR.tableAccessDenied, "no statement was permitted to read a file");
const EOF_MARK = 0xfe;
const MAX_MEMO_BYTES = 16 * 1024;
/** Our own questions have answers of one row. */
const MAX_OWN_ROWS = 16;
const PREPARED = { command: null, rows: 0, bytes: 0, error: null, masked: [], sample: null };

function isCall({ execution }: Result): boolean {
	const { facts } = execution.verdict;
	return facts.commands.includes("call") || (facts.opaqueResult && facts.outputs === undefined);
}

/** Columns whose mask can give NULL hold it whatever they were declared: their definitions say so. Undefined: they do. */
function nullable(head: Buffer, plan: RowPlan): Buffer | undefined {
	if (!plan.nullable.some((index) => ((plan.columns[index]?.flags ?? 0) & COLUMN_FLAG.notNull) !== 0)) return undefined;
	const shown = Buffer.from(head);
	let at = HEADER_BYTES + payloadBytes(shown, 0);
	for (const [index, column] of plan.columns.entries()) {
		const flags = at + HEADER_BYTES + column.flagsAt;
		if (plan.nullable.includes(index)) shown[flags] = (shown[flags] as number) & ~COLUMN_FLAG.notNull;
		at += HEADER_BYTES + payloadBytes(shown, at);
	}
	return shown;
}

function resultForbidden(why: string): Denial {
	return {
		case: "notPermitted",
		message: `the result may not be delivered: ${why}`,
		detail: "The server's own description of the result was checked against the license",
		hint: "Report it: analysis and server disagree about this statement.",
	};
}
