/**
 * A private MariaDB or MySQL in a folder: made, started, stopped. The demo's target and the servers of the tests.
 *
 * It listens on loopback only, has one superuser with a password, keeps its socket inside the folder, reads no option
 * file and touches nothing else. The server refuses to run as root, so under root it runs as `mysql`, or as `nobody`
 * where that user does not exist; no user of the system is ever created. Durability is off: what it holds is made again
 * by a script. A server that is installed in a root folder of its own (a debootstrap) runs there by chroot.
 *
 * MariaDB Knowledge Base: "mariadb-install-db", "Server System Variables" (init_file); MySQL Reference Manual:
 * "Initializing the Data Directory".
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanEnvironment, give, launchLogged, place, type Runner, runToEnd, stopper } from "./server-process.js";

/** MySQL 9 makes its data in some ten seconds; a loaded two-core machine takes several times that. */
const MAKE_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 60_000;
const END = { orderly: "SIGTERM", atOnce: "SIGKILL" } as const;
/** Variables of the person who starts us that would change the server. */
const OWN_VARIABLES = /^(MYSQL|MARIADB|TMPDIR)/;
const POLL_MS = 50;
const PROBE_TIMEOUT_MS = 1_000;
/** The first payload byte of a server's greeting, after the four bytes of the packet's header. */
const PROTOCOL_VERSION_OFFSET_BYTES = 4;
const PROTOCOL_VERSION = 10;

/** Where a server's programs are. */
export interface MysqldPrograms {
	readonly flavour: "mariadb" | "mysql";
	/** The server's program, as seen inside `root`. */
	readonly server: string;
	/** What makes a data folder, as seen inside `root`; MySQL's server does it itself. */
	readonly install: string;
	/** Folder of an installation of its own that the programs run in by chroot; undefined: the system's. */
	readonly root: string | undefined;
}

export interface MysqldOptions {
	readonly programs: MysqldPrograms;
	/** Made if missing; lies inside `programs.root` where that is given. Data, socket and log go into it. */
	readonly folder: string;
	readonly port: number;
	/** Superuser's name. */
	readonly user?: string;
	/** Server variables beyond the ones set here. */
	readonly settings?: Readonly<Record<string, string>>;
	/** Statements to run once before the first client may connect, each on a line of its own. */
	readonly script?: readonly string[];
	/** Certificate and key to offer TLS with, and the authority that clients' certificates are checked with. */
	readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string };
}

export interface Mysqld {
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	readonly pid: number;
	/** The server's log so far, for whoever has to say why something failed. */
	log(): Promise<string>;
	/** Superuser URL of a database, by default none. */
	url(database?: string): string;
	/** Ends the server; the folder stays. May be called twice. */
	stop(): Promise<void>;
}

/** MariaDB of the system (Debian's package mariadb-server); undefined where there is none. */
export function systemMariadb(): MysqldPrograms | undefined {
	const server = ["/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/libexec/mariadbd"].find(existsSync);
	const install = ["/usr/bin/mariadb-install-db", "/usr/local/bin/mariadb-install-db"].find(existsSync);
	if (server === undefined || install === undefined) return undefined;
	return { flavour: "mariadb", server, install, root: undefined };
}

/** MySQL of the system; undefined where there is none. Ask for MariaDB first, which brings a link of this name. */
export function systemMysql(): MysqldPrograms | undefined {
	const places = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin", "/opt/homebrew/bin"];
	const server = places.map((place) => join(place, "mysqld")).find(existsSync);
	return server === undefined ? undefined : { flavour: "mysql", server, install: server, root: undefined };
}

/** MySQL installed below a root folder, as test/mysql9/prepare.sh makes one; undefined where there is none. */
export function mysqlIn(root: string): MysqldPrograms | undefined {
	const server = "/usr/sbin/mysqld";
	if (!existsSync(join(root, server))) return undefined;
	return { flavour: "mysql", server, install: server, root };
}

/** Makes the data and starts the server; resolves once it greets. */
export async function startMysqld(options: MysqldOptions): Promise<Mysqld> {
	const user = options.user ?? "licet_root";
	const password = randomBytes(18).toString("base64url");
	const account = await unprivilegedUser(options.programs);
	await makeFolder(options.folder, account);
	await makeData(options, account);
	await writeFirstScript(options, { user, password, account });
	const server = await launch(options, account);
	const log = () => readFile(join(options.folder, "log"), "utf8").catch(() => "");
	const stop = stopper(server, END);
	try {
		await greets(server, options.port, log);
		// It holds the password.
		await rm(join(options.folder, "first.sql"), { force: true });
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
		log,
		url: (database = "") =>
			`mysql://${encodeURIComponent(user)}:${password}@${host}:${options.port}/${encodeURIComponent(database)}`,
		stop,
	};
}

/** Whom the server runs as, when we are root. */
interface Account extends Runner {
	readonly name: string;
}

async function unprivilegedUser({ root }: MysqldPrograms): Promise<Account | undefined> {
	if (process.getuid?.() !== 0) {
		if (root !== undefined) throw new Error(`only root can run the server that is installed in ${root}`);
		return undefined;
	}
	const users = (await readFile(join(root ?? "/", "etc/passwd"), "utf8")).split("\n").map((line) => line.split(":"));
	for (const wanted of ["mysql", "nobody"]) {
		const [name, , uid, gid] = users.find(([each]) => each === wanted) ?? [];
		if (name !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
	}
	throw new Error("the server does not run as root, and there is neither a user `mysql` nor `nobody` to run it as");
}

/** How a path reads for the server's programs. */
function inside({ programs: { root } }: MysqldOptions, path: string): string {
	if (root === undefined) return path;
	if (!path.startsWith(`${root}/`)) throw new Error(`${path} is not inside ${root}`);
	return path.slice(root.length);
}

/** A program of the installation as a command line. */
function command({ programs: { root } }: MysqldOptions, program: string): readonly [string, string[]] {
	return root === undefined ? [program, []] : ["chroot", [root, program]];
}

async function makeData(options: MysqldOptions, account: Account | undefined): Promise<void> {
	const { programs, folder } = options;
	const [program, first] = command(options, programs.install);
	const flags = ["--no-defaults", `--datadir=${inside(options, join(folder, "data"))}`];
	if (account) flags.push(`--user=${account.name}`);
	if (programs.flavour === "mysql") flags.push("--initialize-insecure");
	else flags.push("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve");
	await runToEnd(programs.install, program, [...first, ...flags], {
		cwd: folder,
		env: cleanEnvironment(OWN_VARIABLES),
		timeout: MAKE_TIMEOUT_MS,
		maxBuffer: 16 * 1024 * 1024,
	});
}

interface First {
	readonly user: string;
	readonly password: string;
	readonly account: Account | undefined;
}

/** What the server runs before it listens: nobody can come in while root still has no password. */
async function writeFirstScript(options: MysqldOptions, { user, password, account }: First): Promise<void> {
	const plugin = options.programs.flavour === "mariadb" ? "mysql_native_password" : "caching_sha2_password";
	const identified =
		options.programs.flavour === "mariadb"
			? `IDENTIFIED VIA ${plugin} USING PASSWORD('${password}')`
			: `IDENTIFIED WITH ${plugin} BY '${password}'`;
	const lines = [
		`ALTER USER 'root'@'localhost' IDENTIFIED BY '${randomBytes(18).toString("base64url")}';`,
		`CREATE USER '${user}'@'%' ${identified};`,
		`GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION;`,
		...(options.script ?? []),
	];
	const file = join(options.folder, "first.sql");
	await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
	await give(file, account);
}

async function launch(options: MysqldOptions, account: Account | undefined): Promise<ChildProcess> {
	const { folder, programs } = options;
	const at = (name: string) => inside(options, join(folder, name));
	const settings: Record<string, string> = {
		datadir: at("data"),
		port: String(options.port),
		bind_address: "127.0.0.1",
		socket: at("s"),
		pid_file: at("pid"),
		init_file: at("first.sql"),
		tmpdir: at("tmp"),
		skip_name_resolve: "ON",
		max_connections: "200",
		local_infile: "ON",
		innodb_buffer_pool_size: "64M",
		innodb_flush_log_at_trx_commit: "0",
		innodb_fast_shutdown: "2",
		sync_binlog: "0",
		...(programs.flavour === "mysql" ? { mysqlx: "OFF" } : {}),
		...(account ? { user: account.name } : {}),
		...(await placeTls(options, account)),
		...options.settings,
	};
	await makeFolder(join(folder, "tmp"), account);
	const flags = Object.entries(settings).map(([name, value]) => `--${name.replaceAll("_", "-")}=${value}`);
	if (programs.flavour === "mysql") flags.push("--disable-log-bin");
	const [program, first] = command(options, programs.server);
	return launchLogged(program, [...first, "--no-defaults", ...flags], join(folder, "log"), {
		cwd: folder,
		env: cleanEnvironment(OWN_VARIABLES),
	});
}

async function placeTls(options: MysqldOptions, account: Account | undefined): Promise<Record<string, string>> {
	if (!options.tls) return {};
	const { certificate, key, ca } = options.tls;
	const placed: Record<string, string> = {};
	for (const [setting, from] of Object.entries({ ssl_cert: certificate, ssl_key: key, ssl_ca: ca })) {
		const to = join(options.folder, `${setting}.pem`);
		await place(from, to, account);
		placed[setting] = inside(options, to);
	}
	return placed;
}

/** Waits for a greeting of protocol 10: the script has run by then. */
async function greets(server: ChildProcess, port: number, log: () => Promise<string>): Promise<void> {
	const deadline = Date.now() + START_TIMEOUT_MS;
	while (Date.now() < deadline && server.exitCode === null && server.signalCode === null) {
		if (await isGreeted(port)) return;
		await sleep(POLL_MS);
	}
	throw new Error(`the server did not start; its log ends with:\n${(await log()).slice(-2000)}`);
}

function isGreeted(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ host: "127.0.0.1", port });
		const answer = (is: boolean) => {
			socket.destroy();
			resolve(is);
		};
		socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(false));
		socket.once("data", (bytes) => answer(bytes[PROTOCOL_VERSION_OFFSET_BYTES] === PROTOCOL_VERSION));
		socket.once("error", () => answer(false));
		socket.once("close", () => answer(false));
	});
}

async function makeFolder(folder: string, account: Account | undefined): Promise<void> {
	await mkdir(folder, { recursive: true });
	await give(folder, account);
}
