/**
 * The real MariaDB and MySQL that tests run against, and databases on them.
 *
 * MariaDB is the system's (Debian's package). MySQL 9 is not in Debian's stable suite, so it runs out of a root folder of
 * its own, which test/mysql9/prepare.sh makes. LICET_TEST_MYSQL says which of the two a run has: `mariadb` (the default),
 * `mysql9` (what `npm run test:mysql9` sets) or `mariadb,mysql9`. Each server offers TLS with fixtures/tls/server.crt and
 * has, beside the superuser, a user for each further way to log in.
 */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, type ConnectionOptions, createConnection } from "mysql2/promise";
import type { Test } from "tap";
import { freePort } from "../../src/cli/free-port.js";
import { type Mysqld, type MysqldPrograms, mysqlIn, startMysqld } from "../../src/cli/mysqld.js";
import { debianMariadb } from "./debian.js";
import { fixture } from "./project.js";
import { serverFolder } from "./server-folder.js";
import type { Stoppable } from "./servers.js";

/** Password of every user of `MysqlServer.users`, but for `empty`, which has none. */
export const MYSQL_LOGIN_PASSWORD = "login-password";

/** Users beside the superuser, by the plugin that they log in with. They may do all that the superuser may. */
const LOGIN_USERS = {
	mariadb: { mysql_native_password: "login_native", ed25519: "login_ed25519", empty: "login_empty" },
	mysql: { caching_sha2_password: "login_sha2", empty: "login_empty" },
} as const;

export interface MysqlServer {
	/** As a test's title says it. */
	readonly name: "MariaDB" | "MySQL 9";
	readonly flavour: "mariadb" | "mysql";
	/** Superuser URL, `mysql://user:password@host:port/`. */
	readonly url: string;
	readonly users: Readonly<Record<string, string>>;
}

/** Starts what the environment asks for and does not already name. */
export async function startMysqlServers(folder: string, running: Stoppable[]): Promise<Record<string, string>> {
	const environment: Record<string, string> = {};
	const wanted = (process.env.LICET_TEST_MYSQL ?? "mariadb").split(",");
	if (wanted.includes("mariadb") && process.env.LICET_TEST_MARIADB === undefined) {
		const mariadb = await startOne(await debianMariadb(), join(folder, "mariadb"));
		running.push(mariadb);
		environment.LICET_TEST_MARIADB = mariadb.url();
	}
	if (wanted.includes("mysql9") && process.env.LICET_TEST_MYSQL9 === undefined) {
		const root = mysql9Root();
		const programs = mysqlIn(root);
		if (programs === undefined) throw new Error(`there is no MySQL in ${root}: run test/mysql9/prepare.sh`);
		const { folder: within, remove } = serverFolder(join(root, "srv"));
		const mysql = await startOne(programs, within).catch((error: unknown) => {
			remove();
			throw error;
		});
		running.push({ stop: () => mysql.stop().finally(remove) });
		environment.LICET_TEST_MYSQL9 = mysql.url();
	}
	return environment;
}

/** The root folder with MySQL 9, whether it is there or not. */
export function mysql9Root(): string {
	return process.env.LICET_MYSQL9_ROOT ?? join(tmpdir(), "licet-mysql9");
}

async function startOne(programs: MysqldPrograms, folder: string): Promise<Mysqld> {
	const tls = {
		certificate: fixture("tls", "server.crt"),
		key: fixture("tls", "server.key"),
		ca: fixture("tls", "ca.crt"),
	};
	const settings: Record<string, string> = {
		// Values of more than one packet (16 MiB) are part of what is tested.
		max_allowed_packet: "64M",
		...(programs.flavour === "mariadb" ? { plugin_load_add: "auth_ed25519" } : { secure_file_priv: "" }),
	};
	const script = Object.entries(LOGIN_USERS[programs.flavour]).flatMap(([plugin, user]) => [
		`CREATE USER '${user}'@'%' ${identified(programs.flavour, plugin)};`,
		`GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%';`,
	]);
	return startMysqld({ programs, folder, port: await freePort(), script, settings, tls });
}

function identified(flavour: MysqlServer["flavour"], plugin: string): string {
	if (plugin === "empty") return flavour === "mariadb" ? "IDENTIFIED BY ''" : "";
	return flavour === "mariadb"
		? `IDENTIFIED VIA ${plugin} USING PASSWORD('${MYSQL_LOGIN_PASSWORD}')`
		: `IDENTIFIED WITH ${plugin} BY '${MYSQL_LOGIN_PASSWORD}'`;
}

/** The MariaDB and MySQL of this run, at least one. */
export function mysqlServers(): readonly MysqlServer[] {
	const { LICET_TEST_MARIADB: mariadb, LICET_TEST_MYSQL9: mysql9 } = process.env;
	const found: MysqlServer[] = [];
	if (mariadb !== undefined) {
		found.push({ name: "MariaDB", flavour: "mariadb", url: mariadb, users: LOGIN_USERS.mariadb });
	}
	if (mysql9 !== undefined) found.push({ name: "MySQL 9", flavour: "mysql", url: mysql9, users: LOGIN_USERS.mysql });
	if (found.length > 0) return found;
	throw new Error(
		"neither LICET_TEST_MARIADB nor LICET_TEST_MYSQL9 is set: run this test with `node dist/test/run.js <path>`, " +
			"which starts the servers",
	);
}

/** A database of the test's own, made with a script and dropped at its end. Answers its superuser URL. */
export async function createMysqlDatabase(t: Test, server: MysqlServer | string, script = ""): Promise<string> {
	const name = `test_${randomBytes(5).toString("hex")}`;
	const url = new URL(typeof server === "string" ? server : server.url);
	await withMysql(url.href, (client) => client.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`));
	t.teardown(() => withMysql(url.href, (client) => client.query(`DROP DATABASE IF EXISTS ${name}`)));
	url.pathname = `/${name}`;
	if (script !== "") await withMysql(url.href, (client) => client.query(script));
	return url.href;
}

/** What mysql2 takes to log in as a URL says. */
export function mysqlOptions(url: string): ConnectionOptions & { host: string; port: number; user: string } {
	const { hostname, port, username, password, pathname } = new URL(url);
	const database = decodeURIComponent(pathname.slice(1));
	return {
		host: hostname,
		port: Number(port),
		user: decodeURIComponent(username),
		password: decodeURIComponent(password),
		...(database === "" ? {} : { database }),
	};
}

/** Runs something with a connection straight to a server; several statements in one text are allowed. */
export async function withMysql<T>(url: string, use: (client: Connection) => Promise<T>): Promise<T> {
	const client = await createConnection({ ...mysqlOptions(url), multipleStatements: true });
	try {
		return await use(client);
	} finally {
		await client.end();
	}
}
