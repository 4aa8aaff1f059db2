/**
 * A Licet of the test's own: `licet serve` as a child process with a temporary configuration, licenses and data, and
 * its command line against it. It ends with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { freePort } from "../../src/cli/free-port.js";
import { type CommandResult, outcome } from "./command.js";
import { licetCommand } from "./project.js";
import type { RawOptions } from "./raw-client.js";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** Values of the configuration document: written as JSON, which YAML contains. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface LicetOptions {
	/** Targets by name; `targetOf` makes one out of a URL. */
	readonly targets: Readonly<Record<string, Json>>;
	/** Texts of license documents by file name without ending. */
	readonly licenses: Readonly<Record<string, string>>;
	/** Further keys of licet.yaml, or other values for those that the helper sets. */
	readonly config?: Readonly<Record<string, Json>>;
	readonly env?: Readonly<Record<string, string>>;
	/** Flags of node itself. */
	readonly nodeFlags?: readonly string[];
}

export interface GrantOptions {
	readonly license: string;
	readonly target: string;
	readonly subject?: string;
	readonly duration?: string;
	readonly reason?: string;
	/** Further flags. */
	readonly flags?: readonly string[];
}

/** What `licet grant --json` prints. */
export interface IssuedGrant {
	readonly grant: string;
	readonly license: string;
	readonly target: string;
	readonly engine: string;
	readonly host: string;
	readonly port: number;
	readonly database: string;
	readonly username: string;
	readonly password: string;
	readonly url: string;
	readonly expiresAt: string;
}

export interface Licet {
	readonly host: string;
	/** Of the PostgreSQL listener, which is there when a target is a PostgreSQL. */
	readonly port: number;
	/** Of the MySQL listener, which is there when a target is a MySQL or MariaDB. */
	readonly mysqlPort: number;
	readonly folder: string;
	readonly configFile: string;
	readonly licenses: string;
	/** Process id of `licet serve`; another one after a stop and a start. */
	readonly pid: number;
	/** What it has printed so far. */
	log(): string;
	/** Runs a command, with --config. */
	cli(...words: readonly string[]): Promise<CommandResult>;
	/** Runs a command that must succeed and print one JSON value. */
	json(...words: readonly string[]): Promise<unknown>;
	grant(options: GrantOptions): Promise<IssuedGrant>;
	/** Writes a license document, as an administrator would while it runs. */
	writeLicense(name: string, text: string): void;
	/** Ends it: SIGTERM by default. Answers the exit code, null after a signal. */
	stop(signal?: NodeJS.Signals): Promise<number | null>;
	/** Starts it again on the same data. */
	start(): Promise<void>;
}

/** A target for a server's URL (postgres: or mysql:), with the rights of the URL's user. */
export function targetOf(url: string, more: Readonly<Record<string, Json>> = {}): Json {
	const { protocol, hostname, port, username, password, pathname } = new URL(url);
	return {
		engine: protocol === "mysql:" ? "mysql" : "postgres",
		address: `${hostname}:${port}`,
		databases: [decodeURIComponent(pathname.slice(1))],
		environment: "test",
		region: "test",
		tls: "disable",
		credentials: { username: decodeURIComponent(username), password: { value: decodeURIComponent(password) } },
		...more,
	};
}

/** How a raw client logs in with a grant. */
export function rawGrant(grant: IssuedGrant): RawOptions {
	const { host, port, username: user, password, database } = grant;
	return { host, port, user, password, database };
}

/** Starts `licet serve`, waits until it listens, and ends it with the test. */
export async function startLicet(t: Test, options: LicetOptions): Promise<Licet> {
	const licet = await openLicet(options);
	t.teardown(() => licet.close());
	return licet;
}

/** The same without a test: the caller closes it. */
export async function openLicet(options: LicetOptions): Promise<Licet & { close(): Promise<void> }> {
	const folder = mkdtempSync(join(tmpdir(), "licet-proxy-"));
	const ports: Ports = { postgres: await freePort(), mysql: await freePort() };
	const configFile = join(folder, "licet.yaml");
	const licenses = join(folder, "licenses");
	mkdirSync(licenses);
	const writeLicense = (name: string, text: string) => writeFileSync(join(licenses, `${name}.yaml`), text);
	for (const [name, text] of Object.entries(options.licenses)) writeLicense(name, text);
	writeFileSync(configFile, `${JSON.stringify(configuration(ports, options), undefined, 2)}\n`);
	const { postgres: port, mysql: mysqlPort } = ports;
	const server = new Server(configFile, ports, options);
	const remove = () => rmSync(folder, { recursive: true, force: true });
	process.once("exit", remove);
	const close = async () => {
		await server.stop("SIGKILL");
		process.removeListener("exit", remove);
		remove();
	};
	await server.start().catch(async (error: unknown) => {
		await close();
		throw error;
	});
	const cli = (...words: readonly string[]) => runLicet([...words, "--config", configFile], options.env);
	const json = async (...words: readonly string[]) => parseOutput(words, await cli(...words, "--json"));
	return {
		host: "127.0.0.1",
		port,
		mysqlPort,
		folder,
		configFile,
		licenses,
		get pid() {
			return server.pid;
		},
		log: () => server.log,
		cli,
		json,
		grant: async (grant) => (await json(...grantWords(grant))) as IssuedGrant,
		writeLicense,
		stop: (signal) => server.stop(signal ?? "SIGTERM"),
		start: () => server.start(),
		close,
	};
}

/** Runs one command of Licet to its end. */
export function runLicet(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
	const [program, ...args] = licetCommand();
	const child = spawn(program, [...args, ...words], {
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
	return outcome(child);
}

interface Ports {
	readonly postgres: number;
	readonly mysql: number;
}

/** The engines that the targets need a listener of. */
function enginesOf({ targets }: LicetOptions): readonly (keyof Ports)[] {
	const isMysql = (target: Json) => (target as { engine?: Json } | null)?.engine === "mysql";
	const all = Object.values(targets);
	const engines = [
		...(all.every(isMysql) ? [] : ["postgres" as const]),
		...(all.some(isMysql) ? ["mysql" as const] : []),
	];
	return engines.length === 0 ? ["postgres"] : engines;
}

function configuration(ports: Ports, options: LicetOptions): Json {
	return {
		listen: Object.fromEntries(enginesOf(options).map((engine) => [engine, `127.0.0.1:${ports[engine]}`])),
		targets: options.targets,
		licenses: "./licenses",
		data: "./data",
		...options.config,
	};
}

function grantWords(grant: GrantOptions): string[] {
	const { subject = "alice", duration = "1h", reason = "a test", flags = [] } = grant;
	const named = { license: grant.license, target: grant.target, subject, duration, reason };
	return ["grant", ...Object.entries(named).flatMap(([name, value]) => [`--${name}`, value]), ...flags];
}

function parseOutput(words: readonly string[], result: CommandResult): unknown {
	if (result.code === 0) return JSON.parse(result.stdout);
	throw new Error(`licet ${words.join(" ")} ended with ${result.code}: ${result.stderr || result.stdout}`);
}

/** The child process, over its starts and stops. */
class Server {
	log = "";
	#child: ChildProcess | undefined;
	readonly #configFile: string;
	readonly #ports: readonly number[];
	readonly #options: LicetOptions;

	constructor(configFile: string, ports: Ports, options: LicetOptions) {
		this.#configFile = configFile;
		this.#ports = enginesOf(options).map((engine) => ports[engine]);
		this.#options = options;
	}

	get pid(): number {
		return this.#child?.pid ?? 0;
	}

	get #running(): boolean {
		return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
	}

	async start(): Promise<void> {
		const [program, ...args] = licetCommand(this.#options.nodeFlags);
		const child = spawn(program, [...args, "serve", "--config", this.#configFile], {
			env: { ...process.env, ...this.#options.env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#child = child;
		const onExit = () => child.kill("SIGKILL");
		process.once("exit", onExit);
		child.once("exit", () => process.removeListener("exit", onExit));
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding("utf8").on("data", (chunk: string) => {
				this.log += chunk;
			});
		}
		const deadline = Date.now() + START_TIMEOUT_MS;
		while (!(await Promise.all(this.#ports.map(listens))).every(Boolean)) {
			if (!this.#running) throw new Error(`licet serve ended with ${child.exitCode}:\n${this.log}`);
			if (Date.now() > deadline) throw new Error(`licet serve does not listen:\n${this.log}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	async stop(signal: NodeJS.Signals): Promise<number | null> {
		const child = this.#child;
		if (!child || !this.#running) return child?.exitCode ?? null;
		const gone = new Promise((resolve) => child.once("exit", resolve));
		child.kill(signal);
		const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
		await gone;
		clearTimeout(late);
		return child.exitCode;
	}
}

function listens(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ host: "127.0.0.1", port });
		socket.once("connect", () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", () => resolve(false));
	});
}
