/**
 * One session: a client connection under a grant, paired with one upstream connection. It is the relay's host: it judges
 * by its license, records before anything goes upstream, keeps the counts, and writes once a turn.
 */
import type { Grant } from "../access/grants.js";
import { servesDatabase, type TargetConfig } from "../config/document.js";
import type { License } from "../licensing/license.js";
import { type MomentVerdict, momentVerdict } from "../licensing/moment.js";
import type {
	ClientDoor,
	ClientLoginRequest,
	Denial,
	DoorAction,
	Engine,
	Execution,
	Judgement,
	OriginVerdict,
	Outcome,
	Relay,
	RelayHost,
	TerminationCause,
	Verdict,
} from "../protocols/engine.js";
import type { Entry } from "../recorder/entry.js";
import { SEALED_TEXT, type Sealing, type SessionSeal } from "../recorder/seal.js";
import type { Analyser, ReadingContext } from "../sql/analyser.js";
import { CatalogView } from "../sql/catalog-view.js";
import type { StatementFacts, TextFacts } from "../sql/facts.js";
import type { Logger } from "../telemetry/log.js";
import { countIncident } from "../telemetry/metrics.js";
import type { DatabaseCatalog } from "./catalogs.js";
import { Policy, type PolicyVerdict } from "./policy.js";
import type { Turn, TurnMember } from "./turn.js";
import type { Upstream } from "./upstream.js";
import { Wire } from "./wire.js";

/** What a session needs of the gateway. */
export interface SessionContext {
	readonly analyser: Analyser;
	readonly turn: Turn;
	readonly log: Logger;
	readonly messageBytes: number;
	record(entry: Entry): void;
	/** The policy for a session's license and catalog as they are now; undefined when the license was withdrawn. */
	policy(session: Session): Policy | undefined;
	epoch(): number;
	isActive(grant: Grant): boolean;
	ended(session: Session): void;
	/** Stops what runs on a session's upstream connection. */
	cancelUpstream(session: Session): Promise<void>;
	killConnection(by: Session, connection: number, what: "query" | "connection"): Promise<void> | undefined;
}

/** The client of a session, as its login left it. */
export interface SessionClient {
	readonly address: string;
	readonly tls: boolean;
	/** A port of one target's own. */
	readonly target: string | undefined;
	/** The number by which the client knows its connection. */
	readonly connectionId: number;
	/** The session is over and its client logs in anew. */
	again(door: ClientDoor, actions: readonly DoorAction[]): void;
}

/** One run, with what has to be remembered of it until its result. */
class SessionExecution implements Execution {
	constructor(
		readonly statement: number,
		readonly decision: string,
		readonly verdict: Verdict,
		readonly denial: Denial | undefined,
		readonly beganAt: number,
	) {}
}

const NOTHING: readonly Buffer[] = [];

/** Definitions as they are inside a session's transaction, before they are committed. */
interface OwnDefinitions {
	/** By this name the analyser knows them. */
	readonly target: string;
	/** Epoch of everybody's definitions when these were read. */
	readonly shared: number;
	readonly policy: Policy;
	readonly policyFor: (license: License) => Policy;
	/** Somebody else's definitions, or the license, have changed since. */
	readonly moved: boolean;
}

let ownEpochs = 0;

/** Unlike every epoch of everybody's definitions, and of all other transactions. */
function ownEpoch(): number {
	ownEpochs -= 1;
	return ownEpochs;
}

export class Session implements RelayHost, TurnMember {
	readonly startedAt = new Date();
	statements = 0;
	denied = 0;
	rowsOut = 0;
	bytesOut = 0;
	bytesIn = 0;
	/** Host's clock, milliseconds: when the client was last heard or answered. */
	activeAt = performance.now();
	readonly unrestricted: boolean;
	readonly #context: SessionContext;
	/** What the ids of its decisions begin with. */
	readonly #decisions: string;
	readonly #client: Wire;
	readonly #server: Wire;
	readonly #relay: Relay;
	readonly #catalog: DatabaseCatalog;
	#policy: Policy;
	#own: OwnDefinitions | undefined;
	#moment: MomentVerdict | undefined;
	#momentOf: License | undefined;
	#reading: ReadingContext | undefined;
	#toClient: Buffer[] = [];
	#toUpstream: Buffer[] = [];
	#inTurn = false;
	/** Turns whose bytes for the upstream wait for the disk. */
	#taken = 0;
	#held = false;
	#ended = false;
	#timedOut: number | undefined;
	/** Statement entries so far: their numbers. A text that was only parsed has one too. */
	#entries = 0;
	/** Something could not be recorded: nothing may run any more. */
	#unrecorded = false;

	constructor(
		readonly id: string,
		readonly grant: Grant,
		readonly target: TargetConfig,
		readonly engine: Engine,
		readonly client: SessionClient,
		login: ClientLoginRequest,
		wire: Wire,
		readonly upstream: Upstream,
		policy: Policy,
		catalog: DatabaseCatalog,
		/** Undefined: it is recorded in the clear. */
		readonly seal: SessionSeal | undefined,
		context: SessionContext,
	) {
		this.#context = context;
		this.#decisions = id.replace("s_", "d_");
		this.#policy = policy;
		this.#catalog = catalog;
		this.#client = wire;
		this.#server = new Wire(upstream.socket);
		this.unrestricted = policy.license.unrestricted;
		this.#relay = engine.relay(this, {
			messageBytes: context.messageBytes,
			upstream: upstream.ready,
			login,
			subject: grant.subject.name,
			database: upstream.database,
			connectionId: client.connectionId,
		});
	}

	/** `greeting`: what the client is told first; `leftover`: what it has sent already. */
	start(greeting: Buffer, leftover: Buffer): void {
		this.toClient(greeting);
		this.#server.attach({
			data: (chunk) => {
				this.#guarded(() => this.#relay.fromUpstream(chunk));
				// Nothing came of it but what the relay copied.
				if (!this.#inTurn) this.#releaseReads();
			},
			drained: () => {
				this.#releaseReads();
				if (!this.#held) this.#client.resume();
			},
			closed: (reason) => this.#lost(reason),
		});
		this.#client.attach({
			data: (chunk) => this.#fromClient(chunk),
			drained: () => {
				this.#releaseReads();
				this.#server.resume();
			},
			closed: (reason) => this.#leave(`client: ${reason}`),
		});
		if (this.upstream.ready.rest.length > 0) this.#relay.fromUpstream(this.upstream.ready.rest);
		if (leftover.length > 0) this.#fromClient(leftover);
	}

	/** A fault of ours ends this session, with nothing passed on that was not judged, and no other. */
	#guarded(work: () => void): void {
		try {
			work();
		} catch (error) {
			const err = this.seal === undefined ? error : withoutMessage(error);
			this.#context.log.error({ session: this.id, err }, "the session ends by a fault of the proxy");
			this.#toUpstream = [];
			this.#unrecorded = true;
			this.terminate("recording", "the proxy met a fault of its own", undefined);
		}
	}

	get license(): License {
		return this.#policy.license;
	}

	get checksOrigin(): boolean {
		return this.#policy.checksOrigin;
	}

	#fromClient(chunk: Buffer): void {
		this.activeAt = performance.now();
		this.bytesIn += chunk.length;
		this.#guarded(() => this.#relay.fromClient(chunk));
		if (!this.#inTurn) this.#releaseReads();
	}

	// ---- what the relay asks for

	toClient(bytes: Buffer): void {
		this.#toClient.push(bytes);
		this.bytesOut += bytes.length;
		this.#join();
	}

	toUpstream(bytes: Buffer): void {
		this.#toUpstream.push(bytes);
		this.#join();
	}

	#join(): void {
		if (this.#inTurn) return;
		this.#inTurn = true;
		this.#context.turn.add(this);
	}

	epoch(): number {
		return this.#ownPolicy()?.epoch ?? this.#context.epoch();
	}

	/** The policy as license and catalog are now. */
	#current(): Policy {
		return this.#ownPolicy() ?? this.#sharedPolicy();
	}

	/** In a transaction that changed definitions: by these, and the license as it is now. */
	#ownPolicy(): Policy | undefined {
		const own = this.#own;
		if (own === undefined) return undefined;
		const shared = this.#context.epoch();
		if (own.shared === shared) return own.policy;
		const policy = own.policyFor(this.#sharedPolicy().license);
		this.#own = { ...own, shared, policy, moved: true };
		return policy;
	}

	#sharedPolicy(): Policy {
		const policy = this.#policy.epoch === this.#context.epoch() ? this.#policy : this.#context.policy(this);
		if (policy !== undefined) this.#policy = policy;
		return this.#policy;
	}

	judge(text: Uint8Array, reading: readonly string[]): Judgement | Promise<Judgement> {
		const context = this.#readingContext(reading);
		const facts = this.#context.analyser.analyse(text, context);
		if (facts instanceof Promise) {
			const copy = Buffer.from(text);
			return facts.then((answer) => this.#judged(answer, copy, context));
		}
		if (this.#isMissed(facts)) return this.#judged(facts, Buffer.from(text), context);
		return this.#current().judgement(facts, () => Buffer.from(text).toString("utf8"));
	}

	#readingContext(reading: readonly string[]): ReadingContext {
		if (this.#reading?.reading !== reading) {
			this.#reading = {
				target: this.#own?.target ?? this.target.name,
				database: this.#database,
				reading,
				user: this.target.credentials.username,
			};
		}
		return this.#reading;
	}

	get #database(): string {
		return this.engine.catalogSpan === "server" ? "" : this.grant.database;
	}

	/** What is not in definitions that were read just now is not there. */
	#isMissed(facts: TextFacts): boolean {
		if (this.#own !== undefined) return false;
		return facts.statements.some((statement) => statement.refusal?.kind === "unresolved");
	}

	/** A name that the snapshot does not know may be newer than it: it is read again, once, before the verdict. */
	async #judged(facts: TextFacts, text: Buffer, context: ReadingContext): Promise<Judgement> {
		let answer = facts;
		if (this.#isMissed(facts) && !this.unrestricted) {
			const changed = await this.#catalog.missed().catch((error: unknown) => {
				this.#context.log.warn({ target: this.target.name, err: String(error) }, "the catalog could not be read");
				return false;
			});
			if (changed) answer = await this.#context.analyser.analyse(text, context);
		}
		return this.#current().judgement(answer, () => text.toString("utf8"));
	}

	verdictFor(facts: StatementFacts): Verdict {
		return this.#current().verdict(facts);
	}

	/** Checks the moment, gives the decision its id, and puts the statement into the recording. */
	begin(
		judged: Verdict,
		text: string,
		parameters: readonly (string | null)[],
		prepared: string | undefined,
		parseOnly: boolean,
		overruling: Denial | undefined,
	): Execution {
		// Every verdict that a relay holds came from a policy of ours.
		const verdict = judged as PolicyVerdict;
		this.#entries += 1;
		if (!parseOnly) this.statements += 1;
		const number = this.#entries;
		const id = `${this.#decisions}.${number}`;
		const denial = this.#denial(verdict, id, parseOnly, overruling);
		if (denial !== undefined) this.denied += 1;
		const decision =
			denial === undefined || verdict.decision.effect === "deny"
				? { id, ...verdict.record }
				: { id, effect: "deny" as const, reasons: [{ term: null, message: denial.message }], masks: [] };
		const entry = {
			type: "statement" as const,
			session: this.id,
			statement: number,
			sql: text,
			parameters,
			...(prepared === undefined ? {} : { prepared }),
			...(parseOnly ? { parseOnly } : {}),
			decision,
		};
		this.#record(() => (this.seal === undefined ? entry : this.seal.statement(entry, sealingOf(verdict.facts))));
		return new SessionExecution(number, id, verdict, denial, performance.now());
	}

	/** If the recording fails, nothing of this turn goes upstream and the session ends. */
	#record(entry: () => Entry): void {
		try {
			this.#context.record(entry());
		} catch (error) {
			if (this.#unrecorded) return;
			this.#unrecorded = true;
			this.#context.log.error({ session: this.id, err: String(error) }, "the recording cannot be written");
			setImmediate(() => this.failRecording());
		}
	}

	#denial(verdict: PolicyVerdict, id: string, parseOnly: boolean, overruling: Denial | undefined): Denial | undefined {
		const policy = this.#current();
		if (verdict.decision.effect === "deny") return policy.denial(verdict.decision, id);
		if (overruling !== undefined) return { ...overruling, detail: `${overruling.detail}; decision ${id}.` };
		if (parseOnly) return undefined;
		const reason = this.momentReason();
		if (reason === undefined) return undefined;
		return {
			case: "outside",
			message: reason,
			detail: `License "${this.license.id}"; decision ${id}.`,
			hint: "Ask for access at another time, or for another license.",
		};
	}

	/** Why nothing may run at this moment: ended grant, validity, hours, region. */
	momentReason(): string | undefined {
		const now = Date.now();
		if (!this.#context.isActive(this.grant)) {
			return now >= this.grant.expiresAt ? "the grant has expired" : "the grant was revoked";
		}
		const policy = this.#current();
		if (this.#moment === undefined || now >= this.#moment.validUntilMs || this.#momentOf !== policy.license) {
			this.#moment = momentVerdict(policy.license, new Date(now), this.client.address);
			this.#momentOf = policy.license;
		}
		return this.#moment.reason?.message;
	}

	finish(execution: Execution, outcome: Outcome): void {
		// The engine may hold more of an error than is recorded of it.
		const { error } = outcome;
		this.rowsOut += outcome.rows;
		this.activeAt = performance.now();
		const entry = {
			type: "result" as const,
			session: this.id,
			statement: execution.statement,
			command: outcome.command,
			rows: outcome.rows,
			bytes: outcome.bytes,
			durationMs: Math.round((this.activeAt - execution.beganAt) * 1000) / 1000,
			error: error === null ? null : { code: error.code, message: error.message },
			masked: outcome.masked,
			sample: outcome.sample,
		};
		const { facts } = execution.verdict;
		this.#record(() => (this.seal === undefined ? entry : this.seal.result(entry, sealingOf(facts))));
	}

	origin(relation: number, column: number): OriginVerdict | undefined {
		return this.#current().origin(relation, column);
	}

	originNamed(schema: string, relation: string, column: string): OriginVerdict | undefined {
		return this.#current().originNamed(schema, relation, column);
	}

	showsRowsOf(schema: string, relation: string): boolean {
		return this.#current().showsRowsOf(schema, relation);
	}

	incident(execution: Execution | undefined, message: string): void {
		const statement = execution?.statement ?? 0;
		const entry = { type: "incident" as const, session: this.id, statement, message };
		const told = this.seal === undefined ? message : SEALED_TEXT;
		this.#context.log.error({ session: this.id, statement, incident: told }, "incident");
		countIncident({
			"db.system.name": this.#catalog.view.system,
			"licet.target": this.target.name,
			"licet.license": this.grant.license,
			"licet.incident.scope": execution === undefined ? "session" : "statement",
		});
		this.#record(() => (this.seal === undefined ? entry : this.seal.incident(entry)));
	}

	/** Its client sends a cancel request. */
	async cancelByClient(): Promise<void> {
		if (this.#relay.interrupt?.() !== true) await this.cancelUpstream();
	}

	cancelUpstream(): Promise<void> {
		return this.#context.cancelUpstream(this);
	}

	killConnection(connection: number, what: "query" | "connection"): Promise<void> | undefined {
		return this.#context.killConnection(this, connection, what);
	}

	changeUser(door: ClientDoor, actions: readonly DoorAction[]): void {
		this.#client.pause();
		this.#leave("the client changed its user", () => this.client.again(door, actions));
	}

	refreshCatalog(): Promise<void> {
		return this.#catalog.refresh();
	}

	async readOwnDefinitions(ask: (sql: string) => Promise<(string | null)[][]>): Promise<void> {
		const shared = this.#context.epoch();
		const scope = { database: this.#database, serves: (name: string) => servesDatabase(this.target, name) };
		const catalog = await this.engine.readCatalog(ask, scope, 0);
		if (this.#ended) return;
		const target = `${this.target.name}\0${this.id}`;
		const view = new CatalogView(catalog);
		const policyFor = (license: License) => new Policy(license, view, ownEpoch());
		this.#context.analyser.useCatalog(target, catalog);
		this.#own = { target, shared, policyFor, policy: policyFor(this.#sharedPolicy().license), moved: false };
		this.#reading = undefined;
	}

	dropOwnDefinitions(): void {
		const own = this.#own;
		if (own === undefined) return;
		this.#own = undefined;
		this.#reading = undefined;
		this.#context.analyser.forgetCatalog(own.target, this.#database);
	}

	get ownDefinitionsMoved(): boolean {
		return this.#ownPolicy() !== undefined && this.#own?.moved === true;
	}

	holdClient(held: boolean): void {
		if (this.#held === held) return;
		this.#held = held;
		if (held) this.#client.pause();
		else if (!this.#server.backedUp) this.#client.resume();
	}

	end(reason: string): void {
		this.#leave(reason);
	}

	// ---- the end of a turn

	takeForUpstream(): readonly Buffer[] {
		this.#inTurn = false;
		const chunks = this.#toUpstream;
		if (chunks.length === 0 || this.#unrecorded) return NOTHING;
		this.#toUpstream = [];
		this.#taken += 1;
		return chunks;
	}

	writeToUpstream(chunks: readonly Buffer[]): void {
		if (chunks.length === 0) return;
		this.#taken -= 1;
		if (!this.#server.write(chunks)) this.#client.pause();
		this.#releaseReads();
	}

	/** Nothing that was read is on its way any more: the relay copies what it keeps. */
	#releaseReads(): void {
		if (this.#taken > 0 || this.#toUpstream.length > 0 || this.#toClient.length > 0) return;
		if (!this.#client.isEmpty || !this.#server.isEmpty) return;
		this.#client.release();
		this.#server.release();
		this.#relay.release();
	}

	writeToClient(): void {
		const chunks = this.#toClient;
		if (chunks.length === 0) return;
		this.#toClient = [];
		if (!this.#client.write(chunks)) this.#server.pause();
		this.#releaseReads();
	}

	failRecording(): void {
		this.#inTurn = false;
		// What was not recorded does not run.
		this.#unrecorded = true;
		this.#toUpstream = [];
		this.terminate("recording", "the recording cannot be written", "Nothing runs that is not recorded.");
	}

	// ---- the ends of a session

	/** Ends it from our side, with the engine's own fatal error. */
	terminate(cause: TerminationCause, message: string, detail: string | undefined): void {
		if (this.#ended) return;
		this.#relay.terminate(cause, message, detail);
		this.#leave(message);
	}

	/** Called every now and then: limits that depend on the clock. `now`: host's clock in milliseconds. */
	tick(now: number): void {
		const reason = this.momentReason();
		if (reason !== undefined) {
			this.terminate("administrator", `terminating connection: ${reason}`, `License "${this.license.id}".`);
			return;
		}
		const { statementTimeoutMs, idleTimeoutMs } = this.license.limits;
		const since = this.#relay.busySince;
		if (since === undefined) {
			const idle = idleTimeoutMs !== undefined && !this.#relay.busy && now - this.activeAt > idleTimeoutMs;
			if (idle)
				this.terminate(
					"idle",
					"terminating connection due to idle-session timeout",
					"License term limits.idleTimeout.",
				);
			return;
		}
		if (this.license.observe || statementTimeoutMs === undefined || now - since <= statementTimeoutMs) return;
		if (this.#timedOut === since) return;
		this.#timedOut = since;
		this.#relay.timeOut(`License "${this.license.id}", term limits.statementTimeout (${statementTimeoutMs} ms).`);
	}

	/** The upstream went away. */
	#lost(reason: string): void {
		if (this.#ended) return;
		this.#context.log.warn(
			{ session: this.id, target: this.target.name, reason },
			"the upstream closed the connection",
		);
		this.#relay.terminate("upstream", "the connection to the database was lost", undefined);
		this.#leave(`upstream: ${reason}`);
	}

	/** `thenClient`: what becomes of the client's connection, which else is closed. */
	#leave(reason: string, thenClient: () => void = () => this.#client.end()): void {
		if (this.#ended) return;
		this.#ended = true;
		this.dropOwnDefinitions();
		// What is under way is recorded with what it has delivered.
		this.#relay.abandon(reason);
		if (this.#relay.busy) this.cancelUpstream().catch(() => undefined);
		this.#record(() => ({
			type: "session.end",
			session: this.id,
			reason,
			statements: this.statements,
			denied: this.denied,
			rowsOut: this.rowsOut,
			bytesOut: this.bytesOut,
			bytesIn: this.bytesIn,
		}));
		this.seal?.end();
		// The last words are written with the turn, after the recording; then both sides are closed.
		this.#join();
		setImmediate(() => {
			setImmediate(() => {
				this.#server.write([this.engine.goodbye]);
				this.#server.end();
				thenClient();
			});
		});
		this.#context.ended(this);
	}
}

/** What of a statement's entries may be shown although its literals are sealed. */
function sealingOf(facts: StatementFacts): Sealing {
	return {
		isUnderstood: facts.refusal === undefined,
		isColumn: (name) => facts.columns.some(({ column }) => column.toLowerCase() === name.toLowerCase()),
	};
}

/** Where a fault was, without its message, which may repeat what was being read. */
function withoutMessage(error: unknown): string {
	const stack = error instanceof Error ? error.stack : undefined;
	const frames = stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
	return [error instanceof Error ? error.name : typeof error, ...frames].join("\n");
}
