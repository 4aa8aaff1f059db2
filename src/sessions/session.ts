/**
 * One session: a client connection under a grant, paired with one upstream connection. It is the relay's host: it judges
 * by its license, records before anything goes upstream, keeps the counts, and writes once a turn.
 */
import type { Grant } from "../access/grants.js";
import type { TargetConfig } from "../config/document.js";
import type { Reason } from "../licensing/decision.js";
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
import type { SessionSeal } from "../recorder/seal.js";
import type { LiveCounters } from "../recorder/sessions.js";
import type { Analyser } from "../sql/analyser.js";
import type { StatementFacts } from "../sql/facts.js";
import type { Logger } from "../telemetry/log.js";
import { countIncident } from "../telemetry/metrics.js";
import { Account } from "./account.js";
import { endedHow, termDetail } from "./admission.js";
import type { DatabaseCatalog } from "./catalogs.js";
import { Judge } from "./judge.js";
import type { Policy, PolicyVerdict } from "./policy.js";
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

/** What a session is made of. */
export interface SessionParts {
	readonly id: string;
	readonly grant: Grant;
	readonly target: TargetConfig;
	readonly engine: Engine;
	readonly client: SessionClient;
	readonly login: ClientLoginRequest;
	/** To the client. */
	readonly wire: Wire;
	readonly upstream: Upstream;
	readonly policy: Policy;
	readonly catalog: DatabaseCatalog;
	/** Undefined: it is recorded in the clear. */
	readonly seal: SessionSeal | undefined;
}

const NOTHING: readonly Buffer[] = [];

export class Session implements RelayHost, TurnMember {
	readonly id: string;
	readonly grant: Grant;
	readonly target: TargetConfig;
	readonly engine: Engine;
	readonly client: SessionClient;
	readonly upstream: Upstream;
	/** Undefined: it is recorded in the clear. */
	readonly seal: SessionSeal | undefined;
	readonly startedAt = new Date();
	/** Host's clock, milliseconds: when the client was last heard or answered. */
	activeAt = performance.now();
	readonly unrestricted: boolean;
	readonly #context: SessionContext;
	readonly #client: Wire;
	readonly #server: Wire;
	readonly #relay: Relay;
	readonly #catalog: DatabaseCatalog;
	readonly #judge: Judge;
	readonly #account: Account;
	#moment: MomentVerdict | undefined;
	#momentOf: License | undefined;
	#toClient: Buffer[] = [];
	#toUpstream: Buffer[] = [];
	#inTurn = false;
	/** Turns whose bytes for the upstream wait for the disk. */
	#taken = 0;
	#held = false;
	#ended = false;
	#timedOut: number | undefined;
	/** Something could not be recorded: nothing may run any more. */
	#unrecorded = false;

	constructor(parts: SessionParts, context: SessionContext) {
		const { id, grant, target, engine, client, upstream, policy, catalog } = parts;
		this.id = id;
		this.grant = grant;
		this.target = target;
		this.engine = engine;
		this.client = client;
		this.upstream = upstream;
		this.seal = parts.seal;
		this.#context = context;
		this.#catalog = catalog;
		this.#client = parts.wire;
		this.#server = new Wire(upstream.socket);
		this.unrestricted = policy.license.unrestricted;
		const { analyser, log } = context;
		const epoch = () => context.epoch();
		const policyNow = () => context.policy(this);
		const { database } = grant;
		this.#judge = new Judge({ id, engine, target, database, catalog, policy, analyser, log, epoch, policyNow });
		this.#account = new Account({
			id,
			seal: parts.seal,
			record: (entry) => context.record(entry),
			onFailure: (error) => this.#cannotRecord(error),
		});
		this.#relay = engine.relay(this, {
			messageBytes: context.messageBytes,
			upstream: upstream.ready,
			login: parts.login,
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

	get counters(): LiveCounters {
		return this.#account;
	}

	get license(): License {
		return this.#judge.license;
	}

	get checksOrigin(): boolean {
		return this.#judge.checksOrigin;
	}

	#fromClient(chunk: Buffer): void {
		this.activeAt = performance.now();
		this.#account.bytesIn += chunk.length;
		this.#guarded(() => this.#relay.fromClient(chunk));
		if (!this.#inTurn) this.#releaseReads();
	}

	// ---- what the relay asks for

	toClient(bytes: Buffer): void {
		this.#toClient.push(bytes);
		this.#account.bytesOut += bytes.length;
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
		return this.#judge.epoch();
	}

	judge(text: Uint8Array, reading: readonly string[]): Judgement | Promise<Judgement> {
		return this.#judge.judge(text, reading);
	}

	judgeTypes(types: readonly number[]): Verdict | Promise<unknown> {
		return this.#judge.judgeTypes(types);
	}

	verdictFor(facts: StatementFacts): Verdict {
		return this.#judge.policy().verdict(facts);
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
		const denialOf = (id: string) => this.#denial(verdict, id, parseOnly, overruling);
		return this.#account.begin(verdict, text, parameters, prepared, parseOnly, denialOf);
	}

	/** If the recording fails, nothing of this turn goes upstream and the session ends. */
	#cannotRecord(error: unknown): void {
		if (this.#unrecorded) return;
		this.#unrecorded = true;
		this.#context.log.error({ session: this.id, err: String(error) }, "the recording cannot be written");
		setImmediate(() => this.failRecording());
	}

	#denial(verdict: PolicyVerdict, id: string, parseOnly: boolean, overruling: Denial | undefined): Denial | undefined {
		const policy = this.#judge.policy();
		if (verdict.decision.effect === "deny") return policy.denial(verdict.decision, id);
		if (overruling !== undefined) return { ...overruling, detail: `${overruling.detail}; decision ${id}.` };
		if (parseOnly) return undefined;
		const outside = this.#outsideNow();
		if (outside === undefined) return undefined;
		return {
			case: "outside",
			message: outside.message,
			detail: `${outside.detail}; decision ${id}.`,
			hint: "Ask for access at another time, or for another license.",
			term: outside.term,
		};
	}

	/** Why nothing may run at this moment: ended grant, validity, hours, region. `detail`: whose word that is. */
	#outsideNow(): (Reason & { readonly detail: string }) | undefined {
		const now = Date.now();
		if (!this.#context.isActive(this.grant)) {
			const how = now >= this.grant.expiresAt ? "expired" : "revoked";
			return { term: undefined, message: endedHow(how), detail: `Grant ${this.grant.id}` };
		}
		const policy = this.#judge.policy();
		if (this.#moment === undefined || now >= this.#moment.validUntilMs || this.#momentOf !== policy.license) {
			this.#moment = momentVerdict(policy.license, new Date(now), this.client.address);
			this.#momentOf = policy.license;
		}
		const { reason } = this.#moment;
		return reason && { ...reason, detail: termDetail(policy.license, reason) };
	}

	finish(execution: Execution, outcome: Outcome): void {
		this.activeAt = performance.now();
		this.#account.finish(execution, outcome, this.activeAt);
	}

	origin(relation: number, column: number): OriginVerdict | undefined {
		return this.#judge.policy().origin(relation, column);
	}

	originNamed(schema: string, relation: string, column: string): OriginVerdict | undefined {
		return this.#judge.policy().originNamed(schema, relation, column);
	}

	showsRowsOf(schema: string, relation: string): boolean {
		return this.#judge.policy().showsRowsOf(schema, relation);
	}

	incident(execution: Execution | undefined, message: string): void {
		const statement = execution?.statement ?? 0;
		const incident = this.#account.incident(statement, message);
		this.#context.log.error({ session: this.id, statement, incident }, "incident");
		countIncident({
			"db.system.name": this.#catalog.view.system,
			"licet.target": this.target.name,
			"licet.license": this.grant.license,
			"licet.incident.scope": execution === undefined ? "session" : "statement",
		});
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

	readOwnDefinitions(ask: (sql: string) => Promise<(string | null)[][]>): Promise<void> {
		return this.#judge.readOwn(ask);
	}

	dropOwnDefinitions(): void {
		this.#judge.dropOwn();
	}

	get ownDefinitionsMoved(): boolean {
		return this.#judge.ownMoved;
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
		const outside = this.#outsideNow();
		if (outside !== undefined) {
			this.terminate("administrator", `terminating connection: ${outside.message}`, `${outside.detail}.`);
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
					`License "${this.license.id}", term limits.idleTimeout (${idleTimeoutMs} ms).`,
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
		this.#judge.end();
		// What is under way is recorded with what it has delivered.
		this.#relay.abandon(reason);
		if (this.#relay.busy) this.cancelUpstream().catch(() => undefined);
		this.#account.end(reason);
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

/** Where a fault was, without its message, which may repeat what was being read. */
function withoutMessage(error: unknown): string {
	const stack = error instanceof Error ? error.stack : undefined;
	const frames = stack?.split("\n").filter((line) => line.startsWith("    at ")) ?? [];
	return [error instanceof Error ? error.name : typeof error, ...frames].join("\n");
}
