/**
 * What the two sides of a MySQL relay share: the command that the server works on, the model of the session, and why the
 * client's input has to wait.
 *
 * One command is in flight at a time: the protocol answers strictly in turn, clients hardly ever send ahead, and what is
 * judged may depend on what the command before has done. What a client sends ahead waits.
 */
import type { SessionEffect } from "../../sql/facts.js";
import type { Denial, Execution, Outcome, RelayHost } from "../engine.js";
import { COM } from "./codes.js";
import { denied, failingQuery, queryCommand, type Told, told } from "./denials.js";
import { ERROR, type ErrorCode } from "./errors.js";
import type { Counter, PreparedStatement, SessionModel } from "./model.js";
import { framed } from "./packets.js";
import type { Result } from "./result.js";

/** What was agreed on, as far as it changes what is read and written here. */
export interface Legs {
	/** An OK ends rows, and no EOF follows column definitions: the same on both legs. */
	readonly deprecateEof: boolean;
	readonly clientTracks: boolean;
	readonly upstreamTracks: boolean;
	readonly queryAttributes: boolean;
	/** MariaDB's extended metadata in column definitions: the same on both legs. */
	readonly typeInfo: boolean;
	readonly isMariaDb: boolean;
}

/** What sort of answer a command gets. */
export type AnswerKind = "query" | "execute" | "fetch" | "prepare" | "fields" | "simple" | "statistics";

export class Command {
	/** Answers are the proxy's own business: rows are gathered here and not shown. */
	hidden: { readonly rows: (string | null)[][]; readonly done: (error: Told | undefined) => void } | undefined;
	/** It was replaced by one that fails: what the client is told in place of the server's error. */
	denial: Told | undefined;
	/** Runs of its statements, in order. */
	executions: readonly Execution[] = NO_EXECUTIONS;
	/** The one that the next result belongs to. */
	current = 0;
	effects: readonly (SessionEffect | undefined)[] = NO_EFFECTS;
	/** Their texts, where an effect needs them. */
	texts: readonly string[] = NO_TEXTS;
	/** What text is read by may change, whatever its effects say. */
	mayChange = false;
	counter: Counter | undefined;
	statement: PreparedStatement | undefined;
	parameters: readonly (string | null)[] = NO_PARAMETERS;
	/** A text that was not understood: the one execution stands for all results to come. */
	isOpen = false;
	/** What the client's numbers are ahead of the server's. */
	shift = 0;
	/** Called with an OK, before the client is told. */
	onOk: (() => void) | undefined;
	/** Called with the id that PREPARE gave, and its count of parameters. */
	onPrepared: ((id: number, parameters: number) => void) | undefined;
	/** The client was told the end of it: nothing more is shown. */
	isTold = false;
	/** The server wanted a file that it was not given. */
	fileRefused = false;
	/** The OK is kept back until what has to be set again is set. */
	holdsOk = false;

	constructor(readonly kind: AnswerKind) {}
}

const NO_EXECUTIONS: readonly Execution[] = [];
const NO_EFFECTS: readonly (SessionEffect | undefined)[] = [];
const NO_TEXTS: readonly string[] = [];
const NO_PARAMETERS: readonly (string | null)[] = [];

export const NOT_RUN: Outcome = { command: null, rows: 0, bytes: 0, error: null, masked: [], sample: null };

export class RelayCore {
	inflight: Command | undefined;
	/** Commands of our own that come before the client's next one. */
	readonly #own: {
		readonly sql: string;
		readonly take: (rows: (string | null)[][], error: Told | undefined) => void;
	}[] = [];
	/** Told to the client when all of our own commands are done. */
	heldPayload: Buffer | undefined;
	/** It is recorded, and goes upstream when the host has done its part. */
	recorded: Command | undefined;
	/** The host is thinking. */
	isThinking = false;
	/** A request to stop the running statement is on its way and may still arrive. */
	cancelling = false;
	/** One has been on its way since the last command of ours that would have met it. */
	wasCancelled = false;
	/** What the client is told when the server says that the statement was stopped. */
	timeout: Told | undefined;
	/** The server reads a file of the client's. */
	infile = false;
	/** Bytes of it. */
	infileBytes = 0;
	ended = false;
	leftBusy = false;
	/** Number of the next packet to the client. */
	nextSequence = 1;
	/** The changed definitions could not be read: what touches data is denied until they are. */
	refreshFailed = false;
	resume: () => void = () => {};
	/** False while the client is in the middle of a packet, where nothing of ours may be said. */
	atBoundary: () => boolean = () => true;
	takeResult: () => Result | undefined = () => undefined;

	constructor(
		readonly host: RelayHost,
		readonly model: SessionModel,
		readonly legs: Legs,
	) {}

	/** Nothing may be taken of the client now. */
	get isBlocked(): boolean {
		return this.inflight !== undefined || this.isThinking || this.cancelling || this.heldPayload !== undefined;
	}

	/** `lastSequence`: of the client's packets; `ownSequence`: of what goes upstream in their place. */
	send(command: Command, bytes: Buffer, lastSequence: number, ownSequence = lastSequence): void {
		command.shift = lastSequence - ownSequence;
		this.inflight = command;
		this.nextSequence = (lastSequence + 1) & 0xff;
		this.host.toUpstream(bytes);
	}

	/** Replaces the client's command by one that fails. */
	deny(told: Told, executions: readonly Execution[], lastSequence: number): void {
		const command = new Command("query");
		command.denial = told;
		command.executions = executions;
		this.send(command, failingQuery(told, this.legs.queryAttributes), lastSequence, 0);
	}

	/** Replaces it by one that does nothing, and succeeds. */
	replaceByNothing(command: Command, lastSequence: number): void {
		this.send(command, queryCommand("DO 0", this.legs.queryAttributes), lastSequence, 0);
	}

	/** Runs a statement of our own before the client's next command. */
	ask(sql: string, take: (rows: (string | null)[][], error: Told | undefined) => void): void {
		this.#own.push({ sql, take });
	}

	/** Goes on after a command has been answered. */
	next(): void {
		this.inflight = undefined;
		this.timeout = undefined;
		if (this.infile) {
			// What the client still sends of the file would be read as commands.
			this.fatal(
				SHUTDOWN,
				"the server ended a statement before it had read its file",
				undefined,
				"a file was not read to its end",
			);
		}
		if (this.ended || this.cancelling) return;
		if (this.wasCancelled) {
			this.wasCancelled = false;
			this.#absorb();
			return;
		}
		const own = this.#own.shift();
		if (own !== undefined) {
			this.#sendOwn(own);
			return;
		}
		if (this.model.unsure.size > 0 && !this.host.unrestricted) {
			this.askState();
			return;
		}
		if (this.heldPayload !== undefined) {
			// It answers a command of one packet.
			this.host.toClient(framed(this.heldPayload, 1));
			this.heldPayload = undefined;
		}
		this.nextSequence = 1;
		if (this.model.catalogDirty) this.refreshCatalog();
		if (!this.isBlocked) this.resume();
	}

	#sendOwn({ sql, take }: { sql: string; take: (rows: (string | null)[][], error: Told | undefined) => void }): void {
		const command = new Command("query");
		const rows: (string | null)[][] = [];
		command.mayChange = true;
		command.hidden = { rows, done: (error) => take(rows, error) };
		const sequence = this.nextSequence;
		this.send(command, queryCommand(sql, this.legs.queryAttributes), 0);
		this.nextSequence = sequence;
	}

	/** A stop that came too late meets this and nothing of the client's. */
	#absorb(): void {
		const command = new Command("simple");
		command.mayChange = true;
		command.hidden = { rows: [], done: () => undefined };
		const sequence = this.nextSequence;
		this.send(command, PING, 0);
		this.nextSequence = sequence;
	}

	/** Asks the server for what text is read by. */
	askState(): void {
		const { model } = this;
		this.#sendOwn({
			sql: "SELECT @@SESSION.sql_mode, @@SESSION.character_set_client, @@SESSION.character_set_connection, DATABASE()",
			take: (rows, error) => {
				const [row] = rows;
				if (error !== undefined || row === undefined || row.length !== 4) {
					this.fatal(
						SHUTDOWN,
						"the state of the session is not known",
						undefined,
						"the server did not tell its settings",
					);
					return;
				}
				model.set("sql_mode", row[0] ?? "");
				model.set("character_set_client", row[1] ?? "");
				model.set("character_set_connection", row[2] ?? "");
				model.setDatabase(row[3] ?? "");
			},
		});
	}

	/** Definitions that this session changed are read at once: other sessions are read by the old ones until then. */
	refreshCatalog(): void {
		const { model, host } = this;
		if (!model.catalogDirty) return;
		model.catalogDirty = false;
		const refreshed = host.refreshCatalog().then(
			() => {
				this.refreshFailed = false;
			},
			() => {
				model.catalogDirty = true;
				this.refreshFailed = true;
			},
		);
		if (!host.unrestricted) this.waitFor(refreshed);
	}

	/** Waits for the host; then goes on with the same command. */
	waitFor(promise: Promise<unknown>): void {
		this.isThinking = true;
		const done = () => {
			this.isThinking = false;
			if (!this.ended && !this.isBlocked) this.resume();
		};
		promise.then(done, done);
	}

	/** Stops the server's work on the present command. What comes behind must not be hit, so it is not sent meanwhile. */
	cancel(): void {
		if (this.cancelling || this.inflight === undefined) return;
		this.cancelling = true;
		this.wasCancelled = true;
		const done = () => {
			this.cancelling = false;
			if (!this.ended && this.inflight === undefined) this.next();
		};
		this.host.cancelUpstream().then(done, done);
	}

	denial(execution: Execution): Told {
		return denied(execution.denial as Denial);
	}

	/** Executions that the server never came to. */
	finishUnrun(command: Command, error: { readonly code: string; readonly message: string } | null): void {
		for (; command.current < command.executions.length; command.current++) {
			const outcome = error === null ? NOT_RUN : { ...NOT_RUN, error: { code: error.code, message: error.message } };
			this.host.finish(command.executions[command.current] as Execution, outcome);
			error = null;
		}
	}

	#finishAll(code: string, message: string): void {
		this.leftBusy = this.inflight !== undefined && this.inflight.hidden === undefined;
		const error = { code, message };
		const result = this.takeResult();
		if (result !== undefined) this.host.finish(result.execution, result.outcome(null, error));
		const command = this.inflight ?? this.recorded;
		if (command === undefined) return;
		if (result !== undefined) command.current += 1;
		for (; command.current < command.executions.length; command.current++) {
			this.host.finish(command.executions[command.current] as Execution, { ...NOT_RUN, error });
		}
		this.inflight = undefined;
	}

	/** The session ends without a further word to the client. */
	leave(reason: string, code: string): void {
		if (this.ended) return;
		this.ended = true;
		this.#finishAll(code, reason);
		this.host.end(reason);
	}

	/** The session cannot go on: the client is told in the protocol's own words, where the stream allows. */
	fatal(code: ErrorCode, message: string, detail: string | undefined, reason: string): void {
		if (this.ended) return;
		this.ended = true;
		if (this.atBoundary()) {
			const text = detail === undefined ? message : `${message} (${detail})`;
			this.host.toClient(framed(toldPayload(code, text), this.nextSequence));
		}
		this.#finishAll(String(code.errno), message);
		this.host.end(reason);
	}
}

const PING = framed(Buffer.of(COM.ping), 0);
const SHUTDOWN = ERROR.serverShutdown;

function toldPayload(code: ErrorCode, text: string): Buffer {
	return told(code, text).payload;
}
