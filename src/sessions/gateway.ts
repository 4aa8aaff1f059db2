/**
 * The gateway: all sessions of this process. It logs clients in, pairs them with upstreams, and ends them: by kill, by
 * the end of a grant, by a change of license, at shutdown.
 */
import { randomBytes } from "node:crypto";
import { AccessError } from "../access/errors.js";
import type { Grant, Grants } from "../access/grants.js";
import type { LicenseShelf } from "../access/licenses.js";
import { resolveSecret } from "../access/secrets.js";
import { type Config, servesDatabase, type TargetConfig } from "../config/document.js";
import type { CancelRequest, ClientDoor, ClientLoginRequest, Engine } from "../protocols/engine.js";
import type { Entry } from "../recorder/entry.js";
import type { SessionSeal } from "../recorder/seal.js";
import type { LiveCounters } from "../recorder/sessions.js";
import type { Analyser } from "../sql/analyser.js";
import type { Logger } from "../telemetry/log.js";
import { Admission, type Admitted, endedDetail, endedHow, LoginRefusal } from "./admission.js";
import { Catalogs, type DatabaseCatalog } from "./catalogs.js";
import { type ExplainedStatement, explainText } from "./explain.js";
import { Policy } from "./policy.js";
import { Session, type SessionClient, type SessionContext } from "./session.js";
import { Turn, type TurnRecorder } from "./turn.js";
import { connectUpstream, sendCancel, type Upstream, UpstreamError, type UpstreamOptions } from "./upstream.js";
import type { Wire } from "./wire.js";

/** How often sessions are looked at for what the clock decides; revocations must end them within a second. */
const TICK_MS = 100;

/** Stopping what runs upstream, login included. */
const CANCEL_MS = 5000;

/** What a login has been found to mean, before its password is proved. */
export interface LoginMatter {
	readonly request: ClientLoginRequest;
	readonly grant: Grant | undefined;
}

export interface GatewayRecorder extends TurnRecorder {
	append(entry: Entry): unknown;
	/** Rejects when the session's key cannot be kept. */
	seal(session: string, shapeOf: (text: string) => string | undefined): Promise<SessionSeal>;
}

export interface GatewayOptions {
	readonly config: Config;
	readonly grants: Grants;
	readonly licenses: LicenseShelf;
	readonly recorder: GatewayRecorder;
	readonly analyser: Analyser;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly log: Logger;
}

interface LiveSession {
	readonly session: Session;
	readonly catalog: DatabaseCatalog;
	policy: Policy;
	readonly key: string;
}

export interface ExplainRequest {
	readonly license: string;
	readonly target: string;
	/** Undefined: the target's default one. */
	readonly database: string | undefined;
	readonly sql: string;
}

export class Gateway {
	readonly #options: GatewayOptions;
	readonly #admission: Admission;
	readonly #turn: Turn;
	readonly #catalogs: Catalogs;
	readonly #sessions = new Map<string, LiveSession>();
	readonly #byKey = new Map<string, Session>();
	/** What targets last reported of themselves, or are being asked, by name. */
	readonly #identities = new Map<string, Promise<ReadonlyMap<string, string>>>();
	#connections = 0;
	/** Policies shared by the sessions of one license on one database. */
	readonly #policies = new Map<string, { policy: Policy; readonly license: object; readonly view: object }>();
	#licenseEpoch = 0;
	readonly #timer: NodeJS.Timeout;
	readonly #context: SessionContext;

	constructor(options: GatewayOptions) {
		const { config, recorder, log, licenses, grants } = options;
		this.#options = options;
		this.#admission = new Admission(options);
		this.#turn = new Turn(recorder, config.recording.durability === "strict", log);
		this.#turn.onFailure = () => this.endAll("recording", "the recording cannot be written");
		this.#catalogs = new Catalogs({
			analyser: options.analyser,
			password: (target) => this.#password(target),
			nonce: makeNonce,
			loginTimeoutMs: config.bounds.loginTimeoutMs,
			log,
		});
		this.#context = {
			analyser: options.analyser,
			turn: this.#turn,
			log,
			messageBytes: config.bounds.messageBytes,
			record: (entry) => {
				recorder.append(entry);
			},
			policy: (session) => this.#policyOf(session),
			epoch: () => this.#licenseEpoch + this.#catalogs.epoch,
			isActive: (grant) => grants.isActive(grant.id),
			ended: (session) => this.#forget(session),
			cancelUpstream: (session) => this.#cancelUpstream(session),
			killConnection: (by, connection, what) => this.#killConnection(by, connection, what),
		};
		licenses.onChange((id) => this.#licenseChanged(id));
		grants.onEnded((grant, how) => {
			this.#endWhere((session) => session.grant.id === grant.id, endedHow(how), endedDetail(grant));
		});
		this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
	}

	counters(id: string): LiveCounters | undefined {
		return this.#sessions.get(id)?.session.counters;
	}

	live(): Session[] {
		return [...this.#sessions.values()].map(({ session }) => session);
	}

	/** Numbers go round before they leave the 31 bits that clients keep them in. */
	nextConnectionId(): number {
		this.#connections = (this.#connections % 0x7fffffff) + 1;
		return this.#connections;
	}

	/**
	 * What clients of an engine that greets first are shown: what the port's own target, or the engine's first one, last
	 * reported of itself. Rejects with LoginRefusal when it has not been reached yet and cannot be now.
	 */
	identity(engine: Engine, targetName: string | undefined): Promise<ReadonlyMap<string, string>> {
		const targets = [...this.#options.config.targets.values()];
		const target = targets.find(({ name, engine: its }) =>
			targetName === undefined ? its === engine.name : name === targetName,
		);
		if (target === undefined) {
			return Promise.reject(new LoginRefusal("upstream", "no target is served here", undefined));
		}
		const known = this.#identities.get(target.name);
		if (known !== undefined) return known;
		// Nobody has logged in yet: however many come, the server is asked once.
		const asked = this.#askIdentity(target, engine);
		this.#identities.set(target.name, asked);
		asked.catch(() => this.#identities.delete(target.name));
		return asked;
	}

	async #askIdentity(target: TargetConfig, engine: Engine): Promise<ReadonlyMap<string, string>> {
		const upstream = await this.#reach(target, engine);
		upstream.socket.on("error", () => undefined);
		upstream.socket.end(engine.goodbye);
		return upstream.ready.reported;
	}

	/** What a license says to a text on a target, without running it. Rejects with LoginRefusal or AccessError. */
	async explain(engine: Engine, ask: ExplainRequest): Promise<readonly ExplainedStatement[]> {
		const license = this.#options.licenses.get(ask.license);
		const target = this.#options.config.targets.get(ask.target);
		if (license === undefined) throw new AccessError("unknown", `there is no license "${ask.license}" in force`);
		const database = ask.database ?? target?.defaultDatabase;
		if (target === undefined) throw new AccessError("unknown", `there is no target "${ask.target}"`);
		if (database === undefined)
			throw new AccessError("invalid", `target "${ask.target}" has no default database: name one`);
		if (!servesDatabase(target, database))
			throw new AccessError("invalid", `target "${ask.target}" does not serve database "${database}"`);
		const catalog = await this.#catalogs.open(engine, target, database).catch((error: unknown) => {
			throw this.#unreachable(target, error);
		});
		const facts = await this.#options.analyser.analyse(Buffer.from(ask.sql), {
			target: target.name,
			database: engine.catalogSpan === "server" ? "" : database,
			reading: engine.plainReading(database),
			user: target.credentials.username,
		});
		return explainText(license, catalog.view, ask.sql, facts);
	}

	/** Looks a login name up. The answer does not depend on whether it exists: the proof that follows fails then. */
	async lookUp(request: ClientLoginRequest): Promise<LoginMatter> {
		return { request, grant: await this.#options.grants.byUsername(request.username) };
	}

	/** Everything between the right password and the first statement. Rejects with LoginRefusal. */
	async open(
		matter: LoginMatter,
		engine: Engine,
		door: ClientDoor,
		wire: Wire,
		client: SessionClient,
	): Promise<Session> {
		const { grant, request } = matter;
		const admitted = this.#admission.admit(grant, engine, request, client);
		const leave = this.#admission.reserve(admitted.license, this.live());
		try {
			return await this.#pair(admitted, door, wire, client);
		} finally {
			leave();
		}
	}

	async #pair(matter: Admitted, door: ClientDoor, wire: Wire, client: SessionClient): Promise<Session> {
		const { grant, target, engine, request } = matter;
		const [catalog, upstream] = await this.#connect(matter);
		try {
			// Refused meanwhile for the time it took, or gone: what it sent ahead must not run.
			if (wire.isOver) throw new LoginRefusal("upstream", "the client is gone", undefined);
			const id = `s_${randomBytes(9).toString("base64url").replace(/[-_]/g, "x")}`;
			const seals = this.#options.licenses.get(grant.license)?.sealsLiterals === true;
			const seal = seals ? await this.#seal(id, engine, catalog) : undefined;
			const license = this.#admission.checkLicense(grant, client.address);
			if (license.sealsLiterals && seal === undefined)
				throw new LoginRefusal("outside", "the license has just changed; connect again", undefined);
			const unfit = license.unrestricted ? undefined : engine.refusedUpstream(upstream.ready.reported);
			if (unfit !== undefined)
				throw new LoginRefusal("setting", `the session cannot be read exactly: ${unfit}`, undefined);
			const policy = this.#policyFor(grant, catalog);
			if (policy === undefined) throw new LoginRefusal("outside", "the license was withdrawn", undefined);
			const parts = { id, grant, target, engine, client, login: request, wire, upstream, policy, catalog, seal };
			const session = new Session(parts, this.#context);
			this.#record(session, request, client.tls);
			const secret = randomBytes(4 + door.secretBytes);
			// Clients take the number for a process id and may print it: it is kept positive.
			const cancel = { processId: secret.readUInt32BE(0) & 0x7fffffff, secret: secret.subarray(4) };
			const key = door.cancelKey(cancel.processId, cancel.secret);
			this.#sessions.set(id, { session, catalog, policy, key });
			this.#byKey.set(key, session);
			session.start(door.welcome(upstream.ready, cancel), door.leftover());
			return session;
		} catch (error) {
			upstream.socket.destroy();
			throw error;
		}
	}

	async #connect(matter: Admitted): Promise<[DatabaseCatalog, Upstream]> {
		const { grant, target, engine, database, request } = matter;
		const license = this.#options.licenses.get(grant.license);
		const settings = new Map(request.settings);
		if (license?.unrestricted !== true) for (const [name, value] of engine.pinnedSettings) settings.set(name, value);
		try {
			const catalog = await this.#catalogs.open(engine, target, database);
			const options = await this.#upstreamOptions(target, engine, database, settings);
			const upstream = await connectUpstream({ ...options, subject: grant.subject.name });
			if (engine.greetsFirst) this.#identities.set(target.name, Promise.resolve(upstream.ready.reported));
			return [catalog, upstream];
		} catch (error) {
			throw this.#unreachable(target, error, engine);
		}
	}

	/** A connection of the gateway's own. */
	async #reach(target: TargetConfig, engine: Engine): Promise<Upstream> {
		try {
			return await connectUpstream(await this.#upstreamOptions(target, engine, "", new Map()));
		} catch (error) {
			throw this.#unreachable(target, error);
		}
	}

	async #upstreamOptions(
		target: TargetConfig,
		engine: Engine,
		database: string,
		settings: ReadonlyMap<string, string>,
	): Promise<UpstreamOptions> {
		return {
			engine,
			target,
			database,
			password: await this.#password(target),
			settings,
			nonce: makeNonce(),
			timeoutMs: this.#options.config.bounds.loginTimeoutMs,
		};
	}

	/** `engine`: of a client that is logging in, whose own settings may be what the server refuses. */
	#unreachable(target: TargetConfig, error: unknown, engine?: Engine): LoginRefusal {
		const code = error instanceof UpstreamError ? error.code : undefined;
		this.#options.log.error({ target: target.name, err: String(error), code }, "the upstream cannot be reached");
		const refused = code === undefined ? undefined : engine?.passesRefusal(code);
		if (refused === "whole") return new LoginRefusal("setting", (error as UpstreamError).message, undefined, code);
		const detail = code === undefined ? undefined : `The database answered with ${code}.`;
		const message = `the database behind target "${target.name}" cannot be reached`;
		return new LoginRefusal("upstream", message, detail, refused === "code" ? code : undefined);
	}

	#record(session: Session, request: ClientLoginRequest, tls: boolean): void {
		const { grant, license } = session;
		try {
			const { seal } = session;
			const entry = {
				type: "session.start" as const,
				session: session.id,
				grant: grant.id,
				license: license.id,
				licenseDigest: license.digest,
				subject: grant.subject.name,
				target: grant.target,
				engine: session.engine.name,
				database: session.upstream.database,
				clientAddress: session.client.address,
				application: request.application ?? null,
				tls,
			};
			this.#options.recorder.append(seal === undefined ? entry : seal.start(entry));
			// Not at the end of the turn: a session whose start is not in the log does not begin.
			this.#options.recorder.flush();
		} catch (error) {
			this.#options.log.error({ err: String(error) }, "the recording cannot be written: no session can begin");
			throw new LoginRefusal("recording", "the recording cannot be written, so no session can begin", undefined);
		}
	}

	/** What seals the session's entries: without it, a session whose license asks for it does not begin. */
	async #seal(id: string, engine: Engine, catalog: DatabaseCatalog): Promise<SessionSeal> {
		try {
			return await this.#options.recorder.seal(id, (text) => engine.shapeOf(text, catalog.view.catalog));
		} catch (error) {
			this.#options.log.error({ err: String(error) }, "the recording cannot be sealed: no session can begin");
			throw new LoginRefusal("recording", "the recording cannot be sealed, so no session can begin", undefined);
		}
	}

	#password(target: TargetConfig): Promise<string | undefined> {
		const { password } = target.credentials;
		return password === undefined ? Promise.resolve(undefined) : resolveSecret(password, this.#options.env);
	}

	#policyFor(grant: Grant, catalog: DatabaseCatalog): Policy | undefined {
		const license = this.#options.licenses.get(grant.license);
		if (license === undefined) return undefined;
		const key = `${grant.license}\0${grant.target}\0${grant.database}`;
		const known = this.#policies.get(key);
		const { view } = catalog;
		const epoch = this.#context.epoch();
		if (known !== undefined && known.license === license && known.view === view && known.policy.epoch === epoch)
			return known.policy;
		const policy = new Policy(license, view, epoch);
		this.#policies.set(key, { policy, license, view });
		return policy;
	}

	#policyOf(session: Session): Policy | undefined {
		const live = this.#sessions.get(session.id);
		if (live === undefined) return undefined;
		live.catalog.use();
		return this.#policyFor(session.grant, live.catalog);
	}

	// ---- the ends of sessions

	/** A cancel request with our key: passed on for that session, with the upstream's own key. Unknown: nothing happens. */
	async cancel(key: string): Promise<void> {
		const session = this.#byKey.get(key);
		await session?.cancelByClient();
	}

	async #cancelUpstream({ target, engine, upstream }: Session): Promise<void> {
		const request: CancelRequest | undefined = upstream.ready.cancelRequest;
		if (request === undefined) return;
		const options = await this.#upstreamOptions(target, engine, "", new Map());
		await sendCancel({ ...options, timeoutMs: CANCEL_MS }, request);
	}

	/** A client names a connection by the number that it was told, or by the one that the server knows. */
	#killConnection(by: Session, connection: number, what: "query" | "connection"): Promise<void> | undefined {
		const { subject } = by.grant;
		const own = this.live().filter(({ grant, target }) => {
			const { kind, name } = grant.subject;
			return target === by.target && kind === subject.kind && name === subject.name;
		});
		const session =
			own.find(({ client }) => client.connectionId === connection) ??
			own.find(({ upstream }) => upstream.ready.connectionId === connection);
		if (session === undefined) return undefined;
		if (what === "query") return this.#cancelUpstream(session);
		session.terminate("administrator", "the connection was killed", undefined);
		return Promise.resolve();
	}

	/** False: there is no such session. */
	kill(id: string, by: string, reason: string): boolean {
		const live = this.#sessions.get(id);
		if (live === undefined) return false;
		live.session.terminate(
			"administrator",
			"terminating connection due to administrator command",
			`Killed by ${by}: ${reason}`,
		);
		return true;
	}

	endAll(cause: "administrator" | "recording", message: string): void {
		for (const { session } of [...this.#sessions.values()]) session.terminate(cause, message, undefined);
	}

	#endWhere(concerns: (session: Session) => boolean, why: string, detail?: string): void {
		for (const { session } of [...this.#sessions.values()]) {
			if (!concerns(session)) continue;
			session.terminate("administrator", `terminating connection: ${why}`, detail ?? `Grant ${session.grant.id}.`);
		}
	}

	/** Sessions go on under the new terms, from their next statement; without a license, or not covered any more, they end. */
	#licenseChanged(id: string): void {
		this.#licenseEpoch += 1;
		this.#policies.clear();
		const { licenses, grants } = this.#options;
		if (licenses.get(id) === undefined) {
			this.#endWhere((session) => session.grant.license === id, `license "${id}" was withdrawn`);
			return;
		}
		this.#endWhere(
			(session) => session.grant.license === id && grants.refusal(session.grant) !== undefined,
			`license "${id}" no longer covers this session`,
		);
		this.#endWhere(
			(session) => session.grant.license === id && session.unrestricted && licenses.get(id)?.unrestricted !== true,
			`license "${id}" now restricts what this session was begun without`,
		);
		this.#endWhere(
			(session) =>
				session.grant.license === id && session.seal === undefined && licenses.get(id)?.sealsLiterals === true,
			`license "${id}" now seals what this session records in the clear`,
		);
	}

	#forget(session: Session): void {
		const live = this.#sessions.get(session.id);
		if (live === undefined) return;
		this.#sessions.delete(session.id);
		this.#byKey.delete(live.key);
	}

	#tick(): void {
		const now = performance.now();
		for (const { session } of this.#sessions.values()) session.tick(now);
	}

	async close(): Promise<void> {
		this.#admission.close();
		clearInterval(this.#timer);
		this.endAll("administrator", "terminating connection due to administrator command");
		this.#catalogs.close();
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** RFC 5802: printable ASCII without commas. */
export function makeNonce(): string {
	return randomBytes(24).toString("base64");
}
