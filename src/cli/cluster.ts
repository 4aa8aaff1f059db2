/**
 * A private PostgreSQL cluster in a folder: initdb, start, stop. The demo's target and the servers of the tests.
 *
 * It listens on loopback only, with a password and SCRAM, keeps its socket inside the folder and touches nothing else.
 * PostgreSQL refuses to run as root, so under root it runs as `postgres`, or as `nobody` where that user does not
 * exist; no user is ever created. Durability is off (fsync): what it holds is made again by a script.
 *
 * PostgreSQL documentation: "Creating a Database Cluster", "The pg_hba.conf File"; postmaster.pid as pg_ctl reads it.
 */
import { type ChildProcess, execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cleanEnvironment, give, launchLogged, place, type Runner, runToEnd, stopper } from "./server-process.js";

export type { Runner } from "./server-process.js";

const run = promisify(execFile);

/** A fresh cluster is up in about a second; a loaded two-core machine has been seen to take ten. */
const START_TIMEOUT_MS = 60_000;
/** Fast shutdown ends sessions and writes a checkpoint; the immediate one follows. */
const END = { orderly: "SIGINT", atOnce: "SIGQUIT" } as const;
/** Variables of the person who starts us that would change the server. */
const OWN_VARIABLES = /^PG/;
const POLL_MS = 25;

export interface ClusterOptions {
	/** The folder with `initdb` and `postgres`. */
	readonly binaries: string;
	/** Made if missing; the data, the socket and the log go into it. */
	readonly folder: string;
	readonly port: number;
	/** Superuser's name. */
	readonly user?: string;
	/** Server settings beyond the cluster's own. */
	readonly settings?: Readonly<Record<string, string>>;
	/** Lines of pg_hba.conf that come before the rule for everybody (SCRAM on loopback). */
	readonly hostRules?: readonly string[];
	/** Certificate and key to offer TLS with. */
	readonly tls?: { readonly certificate: string; readonly key: string };
}

export interface Cluster {
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	/** Process id of the postmaster. */
	readonly pid: number;
	/** Superuser URL of a database, by default `postgres`. */
	url(database?: string): string;
	/** Ends the server; the folder stays. May be called twice. */
	stop(): Promise<void>;
}

/** The unprivileged user a server has to run as, when we are root. */
export async function unprivilegedRunner(): Promise<Runner | undefined> {
	if (process.getuid?.() !== 0) return undefined;
	for (const name of ["postgres", "nobody"]) {
		try {
			const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
			return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
		} catch {
			// No such user: the next one.
		}
	}
	throw new Error("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as");
}

/** Initialises and starts a cluster; resolves once it accepts connections. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
	const runner = await unprivilegedRunner();
	const user = options.user ?? "postgres";
	const password = randomBytes(18).toString("base64url");
	const data = join(options.folder, "data");
	await makeFolder(options.folder, runner);
	await initialise(options, { data, user, password, runner });
	const server = await launch(options, data, runner);
	const stop = stopper(server, END);
	try {
		await ready(server, join(data, "postmaster.pid"), join(options.folder, "log"));
	} catch (error) {
		await stop();
		throw error;
	}
	const host = "127.0.0.1";
	return {
		host,
		port: options.port,
		user,
		password,
		pid: server.pid ?? 0,
		url: (database = "postgres") =>
			`postgres://${encodeURIComponent(user)}:${password}@${host}:${options.port}/${encodeURIComponent(database)}`,
		stop,
	};
}

interface Initialisation {
	readonly data: string;
	readonly user: string;
	readonly password: string;
	readonly runner: Runner | undefined;
}

async function initialise(options: ClusterOptions, { data, user, password, runner }: Initialisation): Promise<void> {
	const passwordFile = join(options.folder, "password");
	await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
	await give(passwordFile, runner);
	const flags = [`--pgdata=${data}`, `--username=${user}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
	try {
		await runToEnd(
			"initdb",
			join(options.binaries, "initdb"),
			[...flags, "--encoding=UTF8", "--locale=C", "--no-sync"],
			{
				...runner,
				cwd: options.folder,
				env: cleanEnvironment(OWN_VARIABLES),
			},
		);
	} finally {
		rmSync(passwordFile, { force: true });
	}
	const rules = [
		...(options.hostRules ?? []),
		"local all all scram-sha-256",
		"host all all 127.0.0.1/32 scram-sha-256",
	];
	await writeFile(join(data, "pg_hba.conf"), `${rules.join("\n")}\n`);
	if (options.tls) {
		await place(options.tls.certificate, join(data, "server.crt"), runner);
		await place(options.tls.key, join(data, "server.key"), runner);
	}
}

async function launch(options: ClusterOptions, data: string, runner: Runner | undefined): Promise<ChildProcess> {
	const settings: Record<string, string> = {
		listen_addresses: "127.0.0.1",
		port: String(options.port),
		unix_socket_directories: options.folder,
		fsync: "off",
		full_page_writes: "off",
		synchronous_commit: "off",
		max_connections: "100",
		...(options.tls ? { ssl: "on" } : {}),
		...options.settings,
	};
	const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
	return launchLogged(join(options.binaries, "postgres"), ["-D", data, ...flags], join(options.folder, "log"), {
		...runner,
		cwd: options.folder,
		env: cleanEnvironment(OWN_VARIABLES),
	});
}

/** Waits for the word that pg_ctl waits for: the eighth line of postmaster.pid. */
async function ready(server: ChildProcess, pidFile: string, logFile: string): Promise<void> {
	const deadline = Date.now() + START_TIMEOUT_MS;
	while (Date.now() < deadline && server.exitCode === null && server.signalCode === null) {
		const lines = existsSync(pidFile) ? (await readFile(pidFile, "utf8")).split("\n") : [];
		if (lines[7]?.trim() === "ready") return;
		await sleep(POLL_MS);
	}
	const log = existsSync(logFile) ? await readFile(logFile, "utf8") : "";
	throw new Error(`PostgreSQL did not start; its log ends with:\n${log.slice(-2000)}`);
}

/** Makes the folder if it is missing and hands it to the user that the server runs as, who must be able to reach it. */
export async function makeFolder(folder: string, runner: Runner | undefined): Promise<void> {
	await mkdir(folder, { recursive: true });
	await give(folder, runner);
	if (!runner) return;
	await run("ls", [folder], { ...runner, cwd: "/" }).catch(() => {
		throw new Error(`${folder} cannot be reached by the unprivileged user that PostgreSQL has to run as under root`);
	});
}
