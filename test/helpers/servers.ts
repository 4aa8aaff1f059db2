/**
 * The real servers that tests run against, and databases on them.
 *
 * `startTestServers` (used by run.ts) brings up PostgreSQL from Debian and PostgreSQL 18 from npm in a folder of
 * their own and describes them in the environment; tests read that with `testServers`. Both servers offer TLS with
 * fixtures/tls/server.crt and have, beside the superuser (SCRAM), one user for each older way to log in. MariaDB and
 * MySQL come up beside them (mysql-servers.ts).
 */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Test } from "tap";
import { type Cluster, startCluster } from "../../src/cli/cluster.js";
import { startEmbeddedPostgres } from "../../src/cli/embedded.js";
import { freePort } from "../../src/cli/free-port.js";
import { debianBinaries } from "./debian.js";
import { startMysqlServers } from "./mysql-servers.js";
import { fixture } from "./project.js";
import { serverFolder } from "./server-folder.js";

/** Users of every test server beside the superuser; `login_trust` needs no password. */
export const LOGIN_USERS = { trust: "login_trust", md5: "login_md5", cleartext: "login_password" } as const;
export const LOGIN_PASSWORD = "login-password";

export interface TestServers {
	/** Superuser URLs. `pg15` is the system's PostgreSQL, whatever its version. */
	readonly pg15: string;
	readonly pg18: string;
	readonly psql: string;
	readonly pgbench: string;
	readonly pgDump: string;
}

/** A server that the run has started. */
export interface Stoppable {
	stop(): Promise<void>;
}

export interface RunningServers {
	readonly environment: Readonly<Record<string, string>>;
	/** Ends the servers and removes their folder. */
	stop(): Promise<void>;
}

const HOST_RULES = [
	`host all ${LOGIN_USERS.trust} 127.0.0.1/32 trust`,
	`host all ${LOGIN_USERS.md5} 127.0.0.1/32 md5`,
	`host all ${LOGIN_USERS.cleartext} 127.0.0.1/32 password`,
];

/** Starts what the environment does not already name. */
export async function startTestServers(): Promise<RunningServers> {
	const { folder, remove } = serverFolder(tmpdir());
	const clusters: Stoppable[] = [];
	const stop = async () => {
		await Promise.all(clusters.map((cluster) => cluster.stop()));
		remove();
	};
	try {
		// Both come to their end before anything is stopped: what starts late would stay.
		const started = await Promise.allSettled([startPostgres(folder, clusters), startMysqlServers(folder, clusters)]);
		const failed = started.find((each) => each.status === "rejected");
		if (failed !== undefined) throw failed.reason;
		const environments = started.map((each) => (each.status === "fulfilled" ? each.value : {}));
		return { environment: Object.assign({}, ...environments), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function startPostgres(folder: string, running: Stoppable[]): Promise<Record<string, string>> {
	const clusters: Cluster[] = [];
	const given = process.env.LICET_TEST_PG15;
	const environment: Record<string, string> = { LICET_TEST_PSQL: "psql", LICET_TEST_PGBENCH: "pgbench" };
	environment.LICET_TEST_PG_DUMP = "pg_dump";
	const tls = { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") };
	if (given === undefined) {
		const binaries = await debianBinaries();
		const port = await freePort();
		const options = { binaries, folder: join(folder, "15"), port, hostRules: HOST_RULES, tls };
		const pg15 = await startCluster(options);
		clusters.push(pg15);
		running.push(pg15);
		environment.LICET_TEST_PG15 = pg15.url();
		environment.LICET_TEST_PSQL = join(binaries, "psql");
		environment.LICET_TEST_PGBENCH = join(binaries, "pgbench");
		environment.LICET_TEST_PG_DUMP = join(binaries, "pg_dump");
	}
	const pg18 = await startEmbeddedPostgres({ folder: join(folder, "18"), hostRules: HOST_RULES, tls });
	clusters.push(pg18);
	running.push(pg18);
	environment.LICET_TEST_PG18 = pg18.url();
	for (const cluster of clusters) await createLoginUsers(cluster.url());
	return environment;
}

async function createLoginUsers(url: string): Promise<void> {
	await withClient(url, async (client) => {
		await client.query(`CREATE ROLE ${LOGIN_USERS.trust} LOGIN`);
		await client.query(`CREATE ROLE ${LOGIN_USERS.cleartext} LOGIN PASSWORD '${LOGIN_PASSWORD}'`);
		await client.query("SET password_encryption = 'md5'");
		await client.query(`CREATE ROLE ${LOGIN_USERS.md5} LOGIN PASSWORD '${LOGIN_PASSWORD}'`);
	});
}

/** The servers of this run. */
export function testServers(): TestServers {
	return {
		pg15: named("LICET_TEST_PG15"),
		pg18: named("LICET_TEST_PG18"),
		psql: named("LICET_TEST_PSQL"),
		pgbench: named("LICET_TEST_PGBENCH"),
		pgDump: named("LICET_TEST_PG_DUMP"),
	};
}

function named(variable: string): string {
	const value = process.env[variable];
	if (value === undefined) {
		throw new Error(
			`${variable} is not set: run this test with \`node dist/test/run.js <path>\`, which starts the servers`,
		);
	}
	return value;
}

/** A database of the test's own, made with a script and dropped at its end. Answers its superuser URL. */
export async function createDatabase(t: Test, server: string, script = ""): Promise<string> {
	const name = `test_${randomBytes(5).toString("hex")}`;
	await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
	t.teardown(() => withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)));
	const url = new URL(server);
	url.pathname = `/${name}`;
	if (script !== "") await withClient(url.href, (client) => client.query(script));
	return url.href;
}

/** Runs something with a connection straight to a server. */
export async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		return await use(client);
	} finally {
		await client.end();
	}
}
