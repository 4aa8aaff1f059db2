/**
 * What the client's commands mean: has every statement judged and recorded, keeps the model of the session, and says what
 * goes upstream. An allowlist: what is not on it is refused with the server's own error.
 *
 * Specification: MySQL Internals, "Text Protocol", "Prepared Statements", "Utility Commands".
 */
import type { StatementFacts } from "../../sql/facts.js";
import type { Denial, Judgement, RelayOptions } from "../engine.js";
import { recordedText } from "../recorded-text.js";
import { MysqlClientDoor } from "./client-door.js";
import { COM, OPTION } from "./codes.js";
import { Command, type RelayCore } from "./core.js";
import { denied, type Told, told, unknownStatement } from "./denials.js";
import { ERROR } from "./errors.js";
import { LongData, MAX_LONG_DATA_BYTES, PreparedStatement, textEncoding } from "./model.js";
import { framed, HEADER_BYTES, packetsOf } from "./packets.js";
import { queryTextStart, readExecute } from "./parameters.js";
import { PINNING_STATEMENT } from "./pins.js";
import { judgeRun, READ_OTHERWISE, type RunAnswer, readsOtherwise, SHOW_WARNINGS } from "./runs.js";

/** A command of the client, whole. */
export interface ClientCommand {
	/** Its packets as they came. */
	readonly raw: Buffer;
	/** Their payload, in one piece. */
	readonly payload: Buffer;
	/** Number of its last packet. */
	readonly sequence: number;
	/** What came behind it. */
	readonly following: Buffer;
}

/** It was taken, or has to wait and be tried again. */
export type Disposition = "taken" | "hold";

/** MariaDB: the statement that was prepared last. */
const LAST_PREPARED = 0xffff_ffff;

const MALFORMED = told(ERROR.malformedPacket, "Malformed communication packet.");

const CHANGED: Denial = {
	case: "unreadable",
	message: "the statement reads otherwise than when it was prepared",
	detail: "Definitions or settings have changed since",
	hint: "Prepare it again.",
};

/** Known commands that no license of ours permits: they concern the server, or other servers. */
const PRIVILEGED: ReadonlySet<number> = new Set([
	COM.createDb,
	COM.dropDb,
	COM.refresh,
	COM.shutdown,
	COM.processInfo,
	COM.debug,
	COM.binlogDump,
	COM.tableDump,
	COM.registerSlave,
	COM.binlogDumpGtid,
	COM.daemon,
	COM.clone,
	COM.subscribeGroup,
]);

interface Awaited {
	readonly judgement: Judgement;
	readonly reading: readonly string[];
	readonly epoch: number;
}

export class Commands {
	/** The judgement that was waited for, for the command that is held. */
	#awaited: Awaited | undefined;
	/** The catalog was asked for on behalf of the command that is held. */
	#refreshed = false;
	#longDataBytes = 0;
	readonly #core: RelayCore;
	readonly #options: RelayOptions;

	constructor(core: RelayCore, options: RelayOptions) {
		this.#core = core;
		this.#options = options;
	}

	take(command: ClientCommand): Disposition {
		const disposition = this.#take(command);
		// It was for this command and holds for no other.
		if (disposition === "taken") {
			this.#awaited = undefined;
			this.#refreshed = false;
		}
		return disposition;
	}

	#take(command: ClientCommand): Disposition {
		const { payload } = command;
		switch (payload[0]) {
			case COM.query:
				return this.#query(command);
			case COM.stmtPrepare:
				return this.#prepare(command);
			case COM.stmtExecute:
				return this.#execute(command);
			case COM.stmtFetch:
				return this.#fetch(command);
			case COM.stmtSendLongData:
				return this.#longData(command);
			case COM.stmtClose:
				return this.#close(command);
			case COM.stmtReset:
				return this.#resetStatement(command);
			case COM.initDb:
				return this.#asText(command, quoted("USE ", payload.subarray(1)), "simple");
			case COM.fieldList: {
				const end = payload.indexOf(0, 1);
				if (end === -1) return this.#refuse(command, MALFORMED);
				return this.#asText(command, quoted("SHOW COLUMNS FROM ", payload.subarray(1, end)), "fields");
			}
			case COM.processKill:
				if (payload.length !== 5) return this.#refuse(command, MALFORMED);
				return this.#asText(command, Buffer.from(`KILL ${payload.readUInt32LE(1)}`), "simple");
			case COM.ping:
			case COM.statistics:
			case COM.resetConnection:
			case COM.setOption:
				return this.#utility(command);
			case COM.changeUser:
				return this.#changeUser(command);
			case COM.quit:
				this.#core.leave("the client took its leave", String(ERROR.queryInterrupted.errno));
				return "taken";
			default:
				return this.#unknown(command);
		}
	}

	// ---- texts

	#query(command: ClientCommand): Disposition {
		const { payload } = command;
		const start = this.#core.legs.queryAttributes ? queryTextStart(payload) : 1;
		if (start === undefined) return this.#refuse(command, MALFORMED);
		const text = payload.subarray(start);
		const judgement = this.#judge(text, this.#core.model.reading);
		if (judgement === undefined) return "hold";
		const sql = this.#recorded(text, judgement);
		const run = judgeRun(this.#core, judgement, sql, UNPREPARED);
		if (run.kind === "run" && run.effects.length === 1 && run.effects[0]?.kind === "kill")
			return this.#kill(command, run);
		const before = payload.subarray(0, start);
		return this.#send(
			command,
			run,
			new Command("query"),
			this.#ownWarning(run, before) ?? this.#canonical(judgement, before),
		);
	}

	/** SHOW WARNINGS behind a result that was cut: the warning is ours, and the server has none of it. */
	#ownWarning(run: RunAnswer, before: Buffer): Buffer | undefined {
		const { cut } = this.#core.model;
		if (cut === undefined || run.kind !== "run" || run.executions.length !== 1) return undefined;
		if (run.executions[0]?.verdict.facts.tag !== SHOW_WARNINGS) return undefined;
		const { errno } = ERROR.tooBigSelect;
		const text = `SELECT 'Warning' AS \`Level\`, ${errno} AS \`Code\`, '${cut.replaceAll("'", "''")}' AS \`Message\``;
		return Buffer.concat([before, Buffer.from(text)]);
	}

	/** The canonical text in the client's place, behind what stands before the text. */
	#canonical({ canonical }: Judgement, before: Buffer): Buffer | undefined {
		if (canonical === undefined) return undefined;
		return Buffer.concat([before, Buffer.from(canonical, "latin1")]);
	}

	#recorded(text: Buffer, judgement: Judgement): string {
		return recordedText(text, judgement, textEncoding(this.#core.model.reading));
	}

	/** A command that is judged as the statement which does the same. */
	#asText(command: ClientCommand, text: Buffer, kind: "simple" | "fields"): Disposition {
		const judgement = this.#judge(text, this.#core.model.reading);
		if (judgement === undefined) return "hold";
		const run = judgeRun(this.#core, judgement, this.#recorded(text, judgement), UNPREPARED);
		if (run.kind === "run" && run.effects[0]?.kind === "kill") return this.#kill(command, run);
		return this.#send(command, run, new Command(kind), undefined);
	}

	/** `rewritten`: a payload that goes upstream in the client's place. */
	#send(command: ClientCommand, run: RunAnswer, sent: Command, rewritten: Buffer | undefined): Disposition {
		const core = this.#core;
		switch (run.kind) {
			case "wait":
				core.waitFor(run.promise);
				return "hold";
			case "denied":
				core.deny(run.told, run.executions, command.sequence);
				return "taken";
			case "run":
				sent.executions = run.executions;
				sent.effects = run.effects;
				sent.texts = run.texts;
				sent.isOpen = run.isOpen;
				if (rewritten === undefined) core.send(sent, command.raw, command.sequence);
				else core.send(sent, framed(rewritten, 0), command.sequence, packetsOf(rewritten.length) - 1);
				return "taken";
		}
	}

	/** What is known of a text before it runs; undefined: it has to be waited for. */
	#judge(text: Buffer, reading: readonly string[]): Judgement | undefined {
		const core = this.#core;
		const { host, model } = core;
		if (model.catalogDirty && !this.#refreshed) {
			this.#refreshed = true;
			core.refreshCatalog();
			if (core.isThinking) return undefined;
		}
		const awaited = this.#awaited;
		if (awaited !== undefined && awaited.epoch === host.epoch() && isSame(awaited.reading, reading))
			return awaited.judgement;
		const answer = host.judge(text, reading);
		if (!(answer instanceof Promise)) return answer;
		core.waitFor(
			answer.then((judgement) => {
				this.#awaited = { judgement, reading, epoch: judgement.epoch };
			}),
		);
		return undefined;
	}

	/** KILL concerns the subject's own sessions alone, whose numbers are ours. */
	#kill(command: ClientCommand, run: Extract<RunAnswer, { kind: "run" }>): Disposition {
		const core = this.#core;
		const [effect] = run.effects;
		if (effect?.kind !== "kill") return this.#refuse(command, MALFORMED);
		const killed = core.host.killConnection(effect.connection, effect.what);
		if (killed === undefined) {
			core.deny(told(ERROR.noSuchThread, `Unknown thread id: ${effect.connection}`), run.executions, command.sequence);
			return "taken";
		}
		// It may have been this session.
		if (core.ended) return "taken";
		const sent = new Command("simple");
		sent.executions = run.executions;
		// Recorded already, so it is not judged again: the client waits until the other session was told.
		core.isThinking = true;
		core.recorded = sent;
		const done = () => {
			core.isThinking = false;
			core.recorded = undefined;
			if (!core.ended) core.replaceByNothing(sent, command.sequence);
		};
		killed.then(done, done);
		return "taken";
	}

	// ---- prepared statements

	#prepare(command: ClientCommand): Disposition {
		const core = this.#core;
		const { model, host } = core;
		const { payload } = command;
		const { reading } = model;
		const text = payload.subarray(1);
		const judgement = this.#judge(text, reading);
		if (judgement === undefined) return "hold";
		const copy = Buffer.from(text);
		const sql = this.#recorded(copy, judgement);
		model.lastPrepared = undefined;
		if (model.holdsTooMany) {
			const full = "Can't create more prepared statements: too many are open in this session";
			return this.#refuse(command, told({ errno: 1461, state: "42000" }, full));
		}
		const [verdict] = judgement.verdicts;
		const sent = new Command("prepare");
		if (verdict !== undefined) {
			const several = judgement.verdicts.length > 1 ? SEVERAL : undefined;
			const refused = several ?? (reads(verdict.facts) ? NO_REFERENCE : undefined);
			const execution = host.begin(verdict, sql, [], undefined, true, host.unrestricted ? undefined : refused);
			if (execution.denial !== undefined) {
				core.deny(core.denial(execution), [execution], command.sequence);
				return "taken";
			}
			sent.executions = [execution];
		}
		sent.onPrepared = (id, parameters) => {
			model.add(new PreparedStatement(id, copy, parameters, judgement, reading));
		};
		const rewritten = this.#canonical(judgement, payload.subarray(0, 1));
		if (rewritten === undefined) core.send(sent, command.raw, command.sequence);
		else core.send(sent, framed(rewritten, 0), command.sequence, packetsOf(rewritten.length) - 1);
		return "taken";
	}

	/** The statement that a command names, and the command with the number that the server knows it by. */
	#named(command: ClientCommand): {
		readonly id: number;
		readonly statement: PreparedStatement | undefined;
		readonly raw: Buffer;
	} {
		const { model, legs } = this.#core;
		const { payload, raw } = command;
		const id = payload.length >= 5 ? payload.readUInt32LE(1) : 0;
		if (id !== LAST_PREPARED || !legs.isMariaDb) return { id, statement: model.statements.get(id), raw };
		const last = model.lastPrepared;
		if (last === undefined) return { id, statement: undefined, raw };
		const copy = Buffer.from(raw);
		copy.writeUInt32LE(last, HEADER_BYTES + 1);
		return { id: last, statement: model.statements.get(last), raw: copy };
	}

	#execute(command: ClientCommand): Disposition {
		const core = this.#core;
		const { payload } = command;
		const { id, statement, raw } = this.#named(command);
		if (payload.length < 10) return this.#refuse(command, MALFORMED);
		if (statement === undefined) return this.#refuse(command, unknownStatement(id, "mysqld_stmt_execute"));
		const { types, longData, parameterCount } = statement;
		const { queryAttributes } = core.legs;
		const message = readExecute(payload, { types, longData, parameterCount, queryAttributes });
		if (message === undefined) return this.#refuse(command, MALFORMED);
		const run = this.#runPrepared(statement, message.parameters);
		if (run === "hold") return "hold";
		const sent = new Command("execute");
		sent.statement = statement;
		sent.parameters = message.parameters;
		if (run.kind === "run") {
			sent.counter = { rows: 0, bytes: 0, exhausted: false };
			statement.types = message.types;
			statement.cursor = undefined;
			for (const { bytes } of statement.longData.values()) this.#longDataBytes -= bytes.length;
			statement.longData.clear();
		}
		return this.#send({ ...command, raw }, run, sent, undefined);
	}

	/** Judges a prepared statement for a run of it, by the license and the definitions as they are now. */
	#runPrepared(statement: PreparedStatement, parameters: readonly (string | null)[]): RunAnswer | "hold" {
		const core = this.#core;
		const { host, model } = core;
		const options = { parameters, prepared: String(statement.id) };
		if (readsOtherwise(core, statement.reading, statement.text))
			return this.#overruled(statement, READ_OTHERWISE, options);
		if (model.catalogDirty || statement.judgement.epoch !== host.epoch()) {
			const before = statement.judgement.canonical;
			const renewed = this.#judge(statement.text, this.#readingOf(statement));
			if (renewed === undefined) return "hold";
			if (renewed.canonical !== before && !host.unrestricted) return this.#overruled(statement, CHANGED, options);
			statement.judgement = renewed;
		}
		return judgeRun(core, statement.judgement, statement.sql, options);
	}

	/** Names mean what they meant in the database that it was prepared in. */
	#readingOf(statement: PreparedStatement): readonly string[] {
		const reading = this.#core.model.readingIn(statement.reading[0] ?? "");
		return isSame(reading, statement.reading) ? statement.reading : reading;
	}

	#overruled(
		statement: PreparedStatement,
		denial: Denial,
		options: { readonly parameters: readonly (string | null)[]; readonly prepared: string },
	): RunAnswer {
		const { verdict } = statement;
		if (verdict === undefined) return { kind: "denied", told: denied(denial), executions: [] };
		const execution = this.#core.host.begin(
			verdict,
			statement.sql,
			options.parameters,
			options.prepared,
			false,
			denial,
		);
		return { kind: "denied", told: this.#core.denial(execution), executions: [execution] };
	}

	#fetch(command: ClientCommand): Disposition {
		const { payload } = command;
		if (payload.length !== 9) return this.#refuse(command, MALFORMED);
		const { id, statement, raw } = this.#named(command);
		if (statement === undefined) return this.#refuse(command, unknownStatement(id, "mysqld_stmt_fetch"));
		const { cursor } = statement;
		if (cursor === undefined) {
			return this.#refuse(command, told({ errno: 1421, state: "HY000" }, `The statement (${id}) has no open cursor.`));
		}
		const run = this.#runPrepared(statement, cursor.parameters);
		if (run === "hold") return "hold";
		const sent = new Command("fetch");
		sent.statement = statement;
		sent.counter = cursor.counter;
		return this.#send({ ...command, raw }, run, sent, undefined);
	}

	/** It has no answer. */
	#longData(command: ClientCommand): Disposition {
		const core = this.#core;
		const { payload } = command;
		const { statement, raw } = this.#named(command);
		if (payload.length < 7 || statement === undefined) return "taken";
		const index = payload.readUInt16LE(5);
		if (index >= statement.parameterCount) return "taken";
		const bytes = payload.subarray(7);
		this.#longDataBytes += bytes.length;
		if (this.#longDataBytes > MAX_LONG_DATA_BYTES) {
			core.fatal(
				ERROR.packetTooLarge,
				"parameters are too long",
				"they are recorded whole",
				"parameters were too long",
			);
			return "taken";
		}
		const data = statement.longData.get(index) ?? new LongData();
		statement.longData.set(index, data);
		data.append(bytes);
		core.host.toUpstream(raw);
		return "taken";
	}

	/** Nor has this. */
	#close(command: ClientCommand): Disposition {
		const { id, statement, raw } = this.#named(command);
		if (statement === undefined || command.payload.length !== 5) return "taken";
		for (const { bytes } of statement.longData.values()) this.#longDataBytes -= bytes.length;
		this.#core.model.close(id);
		this.#core.host.toUpstream(raw);
		return "taken";
	}

	#resetStatement(command: ClientCommand): Disposition {
		const { id, statement, raw } = this.#named(command);
		if (command.payload.length !== 5) return this.#refuse(command, MALFORMED);
		if (statement === undefined) return this.#refuse(command, unknownStatement(id, "mysqld_stmt_reset"));
		for (const { bytes } of statement.longData.values()) this.#longDataBytes -= bytes.length;
		statement.longData.clear();
		statement.cursor = undefined;
		this.#core.send(new Command("simple"), raw, command.sequence);
		return "taken";
	}

	// ---- the rest

	#utility(command: ClientCommand): Disposition {
		const core = this.#core;
		const { model } = core;
		const { payload } = command;
		const sent = new Command(payload[0] === COM.statistics ? "statistics" : "simple");
		if (payload.length !== (payload[0] === COM.setOption ? 3 : 1)) return this.#refuse(command, MALFORMED);
		if (payload[0] === COM.setOption) {
			const option = payload.readUInt16LE(1);
			if (option !== OPTION.multiStatementsOn && option !== OPTION.multiStatementsOff) {
				return this.#refuse(command, told(ERROR.unknownCommand, "Unknown command"));
			}
			sent.onOk = () => model.setMulti(option === OPTION.multiStatementsOn);
		}
		if (payload[0] === COM.resetConnection) {
			sent.onOk = () => this.#wasReset();
			sent.mayChange = true;
			sent.holdsOk = !core.host.unrestricted;
		}
		core.send(sent, command.raw, command.sequence);
		return "taken";
	}

	/** What the session was begun with has to be set again before the client may go on. */
	#wasReset(): void {
		const core = this.#core;
		core.model.reset();
		this.#longDataBytes = 0;
		if (core.host.unrestricted) return;
		core.ask(PINNING_STATEMENT, (_rows, error) => {
			if (error === undefined) return;
			core.fatal(
				ERROR.serverShutdown,
				"the session cannot be reset",
				undefined,
				`settings could not be pinned: ${error.message}`,
			);
		});
	}

	/** A new login, which takes the connection over. */
	#changeUser({ payload, sequence, following }: ClientCommand): Disposition {
		const { login, upstream, connectionId } = this.#options;
		const made = MysqlClientDoor.changingUser(payload, sequence, following, login, upstream.reported, connectionId);
		if (made === undefined) {
			this.#core.fatal(
				ERROR.malformedPacket,
				"Malformed communication packet.",
				undefined,
				"malformed COM_CHANGE_USER",
			);
		} else this.#core.host.changeUser(made.door, made.actions);
		return "taken";
	}

	#unknown(command: ClientCommand): Disposition {
		const code = command.payload[0] ?? 0;
		if (!PRIVILEGED.has(code)) return this.#refuse(command, told(ERROR.unknownCommand, "Unknown command"));
		this.#core.host.incident(undefined, `command ${code} was refused`);
		return this.#refuse(command, told(ERROR.specificAccessDenied, "Access denied: no license permits this command"));
	}

	#refuse(command: ClientCommand, error: Told): Disposition {
		this.#core.deny(error, [], command.sequence);
		return "taken";
	}
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
	return one === other || (one.length === other.length && one.every((each, index) => each === other[index]));
}

const UNPREPARED = { parameters: [], prepared: undefined };

const SEVERAL: Denial = {
	case: "unreadable",
	message: "a prepared statement is one statement",
	detail: "Several statements were given",
	hint: "Prepare them one by one.",
};
const NO_REFERENCE: Denial = {
	case: "unreadable",
	message: "a statement that prepares, executes or kills cannot be prepared by the protocol",
	detail: "What it would run is decided when it runs",
	hint: "Send it as a text.",
};

/** What it does is decided by names that may mean something else when it runs. */
function reads({ effect }: StatementFacts): boolean {
	return effect?.kind === "kill" || effect?.kind === "prepare" || effect?.kind === "execute";
}

function quoted(before: string, name: Buffer): Buffer {
	return Buffer.concat([
		Buffer.from(`${before}\``),
		Buffer.from(name.toString("latin1").replaceAll("`", "``"), "latin1"),
		Buffer.from("`"),
	]);
}
