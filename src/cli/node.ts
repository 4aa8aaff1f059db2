/**
 * A whole node, put together: store, recorder, licenses, grants, analyser, gateway, listeners, administration.
 * `licet serve` and `licet demo` run one each.
 */
import { X509Certificate } from "node:crypto";
import { mkdirSync } from "node:fs";
import { AccessError } from "../access/errors.js";
import { Grants } from "../access/grants.js";
import { LicenseShelf } from "../access/licenses.js";
import { resolveSecret } from "../access/secrets.js";
import { parseSubject } from "../access/subjects.js";
import { type Control, openAdminSocket, openApi, type Running } from "../api/admin.js";
import type { ExplainInput, GrantInput, Listed, SearchInput, SessionsInput } from "../api/requests.js";
import type { Address, ArchiveConfig, Config, EngineName, TargetConfig } from "../config/document.js";
import { reasonOf } from "../config/file.js";
import { formatAddress } from "../config/units.js";
import type { Engine } from "../protocols/engine.js";
import { ENGINES } from "../protocols/engines.js";
import { certificateHash } from "../protocols/postgres/certificate.js";
import { loadPublicKey } from "../recorder/auditor-key.js";
import { Recorder } from "../recorder/recorder.js";
import { Gateway } from "../sessions/gateway.js";
import { Listener, loadTls } from "../sessions/listener.js";
import { createAnalyser } from "../sql/analyser-pool.js";
import { openStore } from "../store/store.js";
import type { Logger } from "../telemetry/log.js";
import { CommandFailure } from "./failure.js";
import { grantView } from "./grant-view.js";
import { searchQuery, sessionFilter } from "./listing.js";
import { adminSocket, keyFolder, logFolder, sessionKeysFolder, storeLocation } from "./paths.js";
import { checkTlsFiles } from "./tls-files.js";

/** Facts of texts seen before, in bytes. */
const CACHE_BYTES = 64 * 1024 * 1024;
/** Reading one text; beyond it the text is denied and the reader replaced. */
const ANALYSIS_MS = 1000;
const DAY_MS = 86_400_000;

export interface Node {
	readonly config: Config;
	readonly control: Control;
	close(): Promise<void>;
}

/** Rejects when something cannot be opened; what was opened is closed again. */
export async function startNode(
	config: Config,
	env: Readonly<Record<string, string | undefined>>,
	log: Logger,
): Promise<Node> {
	const opened: (() => unknown)[] = [];
	const closeAll = async () => {
		for (const close of opened.reverse()) await close();
	};
	try {
		return await assemble(config, env, log, opened, closeAll);
	} catch (error) {
		await closeAll();
		throw error;
	}
}

async function assemble(
	config: Config,
	env: Readonly<Record<string, string | undefined>>,
	log: Logger,
	opened: (() => unknown)[],
	close: () => Promise<void>,
): Promise<Node> {
	checkTlsFiles(config);
	makeDataFolder(config.data);
	const store = await openStore(storeLocation(config), log);
	opened.push(() => store.close());
	const { durability, auditorKey, key, previousKey, retention, segmentBytes } = config.recording;
	const recorder = await Recorder.open({
		folder: logFolder(config),
		store,
		log,
		search: { folder: config.data },
		keys: { folder: keyFolder(config), external: key, previous: previousKey },
		retention: { ms: retention.days === undefined ? undefined : retention.days * DAY_MS, bytes: retention.bytes },
		...(segmentBytes === undefined ? {} : { segmentBytes }),
		sessionKeysFolder: sessionKeysFolder(config),
		auditorKey: auditorKey === undefined ? undefined : loadPublicKey(auditorKey),
		durableKeys: durability === "strict",
		archive: archiveTerms(config.recording.archive, env),
	});
	opened.push(() => recorder.close());
	const record = (entry: Parameters<Recorder["record"]>[0]) => {
		recorder.record(entry);
	};
	const licenses = await LicenseShelf.open({
		folder: config.licenses,
		maskSecret: await store.secret("masks"),
		installation: { canSeal: auditorKey !== undefined },
		record,
		log,
	});
	opened.push(() => licenses.close());
	const grants = await Grants.open({ store, licenses, targets: config.targets, now: Date.now, record, log });
	opened.push(() => grants.close());
	const analyser = createAnalyser({
		statementBytes: config.bounds.statementBytes,
		cacheBytes: CACHE_BYTES,
		timeoutMs: ANALYSIS_MS,
	});
	opened.push(() => analyser.close());
	const gateway = new Gateway({ config, grants, licenses, recorder, analyser, env, log });
	opened.push(() => gateway.close());
	recorder.countersOf = (session) => gateway.counters(session);
	const listeners = await listen(config, gateway, grants, log);
	opened.push(() => {
		for (const { listener } of listeners) listener.close();
	});
	const control = new NodeControl(config, grants, recorder, gateway, listeners);
	/* Each is closed again when the next cannot be opened: one that is left open keeps the process from ending. */
	const run = async (opening: Promise<Running>) => {
		const running = await opening;
		opened.push(() => running.close());
	};
	await run(openAdminSocket(adminSocket(config), control, log));
	const { api } = config.listen;
	if (api !== undefined) await run(listening("listen.api", api, openApi(api, control, log)));
	return { config, control, close };
}

function makeDataFolder(folder: string): void {
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
	} catch (error) {
		throw new CommandFailure(`data: ${folder} cannot be made: ${reasonOf(error)}`, 1);
	}
}

function archiveTerms(archive: ArchiveConfig | undefined, env: Readonly<Record<string, string | undefined>>) {
	if (archive === undefined) return undefined;
	const { endpoint, region, bucket, prefix, credentials } = archive;
	return {
		destination: { origin: endpoint.origin, region, bucket, prefix },
		credentials: async () => ({
			accessKeyId: await resolveSecret(credentials.accessKeyId, env),
			secretAccessKey: await resolveSecret(credentials.secretAccessKey, env),
		}),
	};
}

/** A port of the configuration, listened on. */
type OpenPort = Port & { readonly listener: Listener };

async function listen(config: Config, gateway: Gateway, grants: Grants, log: Logger): Promise<OpenPort[]> {
	const tls =
		config.tls === undefined ? undefined : loadTls(config.tls, certificateHash, (pem) => new X509Certificate(pem).raw);
	const open: OpenPort[] = [];
	try {
		for (const port of portsOf(config)) {
			const { key, address, target, engine } = port;
			const opening = Listener.open({
				address,
				engine,
				gateway,
				verifierFor: (username) => grants.verifierFor(username),
				tls,
				loginTimeoutMs: config.bounds.loginTimeoutMs,
				target,
				log,
			});
			const listener = await listening(key, address, opening);
			open.push({ ...port, listener });
			const where = formatAddress({ ...address, port: listener.port });
			log.info({ address: where, engine: engine.name, target }, "listening");
		}
	} catch (error) {
		for (const { listener } of open) listener.close();
		throw error;
	}
	for (const { name, engine } of config.targets.values()) {
		if (portFor(open, name, engine) !== undefined) continue;
		log.warn({ target: name }, `nothing listens for this target: expected listen.${engine}, or a listen of its own`);
	}
	return open;
}

const CANNOT_LISTEN: Readonly<Record<string, string>> = {
	EADDRINUSE: "another program listens there",
	EADDRNOTAVAIL: "this machine has no such address",
	EACCES: "this user may not listen there",
	ENOTFOUND: "there is no such host",
};

/** Says of a port that cannot be listened on which one it is. */
async function listening<T>(key: string, address: Address, opening: Promise<T>): Promise<T> {
	try {
		return await opening;
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		const why = CANNOT_LISTEN[code ?? ""] ?? message;
		throw new CommandFailure(`${key}: ${formatAddress(address)} cannot be listened on: ${why}`, 1);
	}
}

interface Port {
	/** Where the configuration names it. */
	readonly key: string;
	readonly address: Address;
	readonly engine: Engine;
	/** Undefined: every target of the engine. */
	readonly target: string | undefined;
}

function portsOf(config: Config): Port[] {
	const ports: Port[] = [];
	for (const engine of ENGINES.values()) {
		const address = config.listen[engine.name];
		if (address !== undefined) ports.push({ key: `listen.${engine.name}`, address, engine, target: undefined });
	}
	for (const { name, listen, engine: its } of config.targets.values()) {
		const engine = ENGINES.get(its);
		if (listen === undefined || engine === undefined) continue;
		ports.push({ key: `targets.${name}.listen`, address: listen, engine, target: name });
	}
	return ports;
}

/** Where clients of a target are told to go: its own port, or its engine's. */
function portFor(open: readonly OpenPort[], target: string, engine: EngineName): Address | undefined {
	const port =
		open.find((one) => one.target === target) ??
		open.find((one) => one.target === undefined && one.engine.name === engine);
	return port && reachable({ host: port.address.host, port: port.listener.port });
}

class NodeControl implements Control {
	readonly #config: Config;
	readonly #grants: Grants;
	readonly #recorder: Recorder;
	readonly #gateway: Gateway;
	readonly #open: readonly OpenPort[];

	constructor(config: Config, grants: Grants, recorder: Recorder, gateway: Gateway, open: readonly OpenPort[]) {
		this.#config = config;
		this.#grants = grants;
		this.#recorder = recorder;
		this.#gateway = gateway;
		this.#open = open;
	}

	async issueGrant(request: GrantInput): Promise<unknown> {
		const target = this.#target(request.target);
		const address = portFor(this.#open, target.name, target.engine);
		if (address === undefined) {
			const expected = `expected listen.${target.engine} in licet.yaml, or a listen of the target's own`;
			throw new AccessError("refused", `nothing listens for target "${target.name}"; ${expected}`);
		}
		const { grant, password } = await this.#grants.issue({
			...request,
			database: request.database,
			subject: parseSubject(request.subject, request.groups ?? []),
		});
		const { engine } = target;
		const { host, port } = address;
		const url = `${engine}://${grant.username}:${password}@${urlHost(host)}:${port}/${encodeURIComponent(grant.database)}`;
		return {
			grant: grant.id,
			license: grant.license,
			target: grant.target,
			engine,
			host,
			port,
			database: grant.database,
			username: grant.username,
			password,
			url,
			expiresAt: new Date(grant.expiresAt).toISOString(),
		};
	}

	/** The administrator is told which there are; who logs in is not. */
	#target(name: string): TargetConfig {
		const target = this.#config.targets.get(name);
		if (target !== undefined) return target;
		throw new AccessError(
			"unknown",
			`there is no target "${name}"; expected one of ${[...this.#config.targets.keys()].join(", ")}`,
		);
	}

	async grants(activeOnly: boolean): Promise<readonly unknown[]> {
		const grants = await this.#grants.list(activeOnly ? { active: true } : {});
		return grants.map(grantView);
	}

	async revoke(grant: string, by: string, reason: string): Promise<unknown> {
		return grantView(await this.#grants.revoke(grant, by, reason));
	}

	async sessions(request: SessionsInput): Promise<Listed> {
		const { text } = request;
		const filter = sessionFilter(request);
		if (text === undefined) return { list: await this.#recorder.sessions(filter), incomplete: null };
		const { sessions, incomplete } = await this.#recorder.sessionsWith(text, filter);
		return { list: sessions, incomplete };
	}

	async search(request: SearchInput): Promise<Listed> {
		const { hits, incomplete } = await this.#recorder.search(searchQuery(request));
		return { list: hits, incomplete };
	}

	kill(session: string, by: string, reason: string): boolean {
		return this.#gateway.kill(session, by, reason);
	}

	async forget(session: string, by: string, reason: string): Promise<unknown> {
		await this.#recorder.forget(session, by, reason);
		return { session };
	}

	async rotateKey(): Promise<unknown> {
		return { key: (await this.#recorder.evidence.rotateKey()).text };
	}

	async explain(request: ExplainInput): Promise<unknown> {
		const engine = ENGINES.get(this.#target(request.target).engine);
		if (engine === undefined)
			throw new AccessError("invalid", `target "${request.target}" is of an engine that is not served`);
		const statements = await this.#gateway.explain(engine, { ...request, database: request.database });
		return { license: request.license, target: request.target, statements };
	}

	trouble(): string | undefined {
		return this.#recorder.journal.failure === undefined ? undefined : "the recording cannot be written";
	}
}

/** Where a client on this machine finds a port that listens on every address. */
function reachable(address: Address): Address {
	if (address.host === "0.0.0.0") return { ...address, host: "127.0.0.1" };
	return address.host === "::" ? { ...address, host: "::1" } : address;
}

function urlHost(host: string): string {
	return host.includes(":") ? `[${host}]` : host;
}
