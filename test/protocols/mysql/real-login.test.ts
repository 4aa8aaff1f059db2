/** Our login at a real MariaDB and MySQL, by every plugin that they have; and drivers' logins at our door. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createConnection as createMariadb } from "mariadb";
import { createConnection as createMysql } from "mysql";
import { createConnection as createMysql2 } from "mysql2/promise";
import t from "tap";
import type { TargetConfig, UpstreamTls } from "../../../src/config/document.js";
import { mysql } from "../../../src/protocols/mysql/engine.js";
import { askUpstream, connectUpstream, type UpstreamError } from "../../../src/sessions/upstream.js";
import { license } from "../../helpers/license.js";
import { type IssuedGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, MYSQL_LOGIN_PASSWORD, mysqlOptions, mysqlServers } from "../../helpers/mysql-servers.js";
import { fixture } from "../../helpers/project.js";

interface Login {
	readonly user?: string;
	readonly password?: string;
	readonly tls?: UpstreamTls;
	readonly host?: string;
	readonly settings?: Readonly<Record<string, string>>;
}

/** What a server tells of a session that we begin, or the error. */
async function logIn(url: string, { user, password, tls = "disable", host, settings = {} }: Login) {
	const own = mysqlOptions(url);
	const target: TargetConfig = {
		name: "test",
		engine: "mysql",
		address: { host: host ?? own.host, port: own.port },
		databases: ["*"],
		defaultDatabase: undefined,
		environment: undefined,
		region: undefined,
		tls,
		ca: fixture("tls", "ca.crt"),
		credentials: { username: user ?? own.user, password: undefined },
		listen: undefined,
	};
	const options = { engine: mysql, target, database: own.database ?? "", nonce: "", timeoutMs: 10_000 };
	const upstream = await connectUpstream({
		...options,
		password: password ?? own.password,
		settings: new Map(Object.entries(settings)),
	}).catch((error: UpstreamError) => error);
	if (upstream instanceof Error) return upstream;
	const ask = (sql: string) => askUpstream(upstream.socket, mysql, sql, 10_000);
	const [[cipher] = []] = await ask("SHOW STATUS LIKE 'Ssl_cipher'").then((rows) => rows.map((row) => [row[1]]));
	const [[who, connection] = []] = await ask("SELECT CURRENT_USER(), CONNECTION_ID()");
	upstream.socket.destroy();
	const { reported, connectionId } = upstream.ready;
	return {
		...Object.fromEntries(reported),
		secured: upstream.secured,
		cipher,
		who,
		same: connection === `${connectionId}`,
	};
}

type Driver = (grant: IssuedGrant, ssl: { readonly ca: Buffer } | undefined) => Promise<string>;

/** Each answers the server's version, or the error's number. */
const drivers: Readonly<Record<string, Driver>> = {
	mysql2: (grant, ssl) =>
		createMysql2({ ...account(grant), ...(ssl === undefined ? {} : { ssl: { ...ssl, verifyIdentity: false } }) }).then(
			async (client) => {
				client.destroy();
				return "in";
			},
			errorNumber,
		),
	mariadb: (grant, ssl) =>
		createMariadb({ ...account(grant), ...(ssl === undefined ? {} : { ssl: { ...ssl } }) }).then((client) => {
			const version = client.serverVersion();
			client.destroy();
			return version;
		}, errorNumber),
	mysql: (grant, ssl) =>
		new Promise((resolve) => {
			const client = createMysql({ ...account(grant), ...(ssl === undefined ? {} : { ssl }) });
			client.on("error", () => undefined);
			client.connect((error) => {
				client.destroy();
				resolve(error ? errorNumber(error) : "in");
			});
		}),
};

function account({ port, username: user, password, database }: IssuedGrant) {
	return { host: "localhost", port, user, password, database };
}

function errorNumber(error: unknown): string {
	const { errno, message } = error as { errno?: number; message: string };
	return errno === undefined ? message : `${errno}`;
}

/** What a connection is told that begins like this. */
function lastWords({ host, port }: IssuedGrant, first: Buffer): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = connect({ host, port });
		let heard = "";
		socket.setTimeout(10_000, () => reject(new Error("it hangs")));
		socket.on("error", reject);
		socket.once("data", () => socket.write(first));
		socket.on("data", (chunk) => {
			heard += chunk.toString("latin1");
		});
		socket.on("close", () => resolve(heard));
	});
}

// All of them first: between two tests that are awaited a test file counts as over.
const databases = await Promise.all(mysqlServers().map((server) => createMysqlDatabase(t, server)));

for (const [index, server] of mysqlServers().entries()) {
	const url = databases[index] as string;
	const database = mysqlOptions(url).database;

	await t.test(`${server.name}: our login`, async (t) => {
		for (const tls of ["disable", "prefer", "require", "verify-full"] as const) {
			const told = await logIn(url, { tls });
			const expected = { flavour: server.flavour, database, secured: tls !== "disable", same: true };
			t.match(told, expected, tls);
			t.equal("cipher" in told && told.cipher !== "", tls !== "disable");
		}
		for (const [plugin, user] of Object.entries(server.users)) {
			const password = plugin === "empty" ? "" : MYSQL_LOGIN_PASSWORD;
			for (const tls of ["disable", "require"] as const) {
				// Twice: a server remembers what it has been shown in full.
				for (const time of ["first", "second"]) {
					t.match(await logIn(url, { user, password, tls }), { who: `${user}@%` }, `${plugin}, ${tls}, ${time}`);
				}
			}
			t.match(await logIn(url, { user, password: "wrong" }), { code: "1045" }, `${plugin}, a wrong password`);
		}
		t.match(await logIn(url, { user: "nobody" }), { code: "1045" });
		t.match(await logIn(`${server.url}no_such_database`, {}), { code: "1049" });
	});

	await t.test(`${server.name}: a session as it is asked for`, async (t) => {
		const all = String(0xffff_ffff);
		const settings = { flags: all, extended: all, charset: "8", "attribute:program_name": "tester" };
		t.match(await logIn(url, { settings }), { character_set_client: "latin1", sql_mode: /IGNORE_SPACE/ });
		const pinned = Object.fromEntries(mysql.pinnedSettings);
		t.match(await logIn(url, { settings: pinned }), { character_set_client: "utf8mb4", database });
		t.match(await logIn(url, { settings: { "variable:no_such": "1" } }), { message: /1193/ });
	});

	await t.test(`${server.name}: drivers at our door`, async (t) => {
		const pem = { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") };
		const licet = await startLicet(t, {
			targets: { db: targetOf(url) },
			licenses: { all: license("all", { permits: "all" }) },
			config: { tls: { ...pem, required: false } },
		});
		const grant = await licet.grant({ license: "all", target: "db" });
		t.equal(new URL(grant.url).protocol, "mysql:");
		const ca = readFileSync(fixture("tls", "ca.crt"));
		for (const ssl of [undefined, { ca }]) {
			for (const [name, driver] of Object.entries(drivers)) {
				const where = `${name}${ssl === undefined ? "" : ", TLS"}`;
				t.match(await driver(grant, ssl), /^(in|5\.5\.5-|\d+\.\d+)/, where);
				t.equal(await driver({ ...grant, password: "wrong" }, ssl), "1045", `${where}, a wrong password`);
				t.equal(await driver({ ...grant, username: "lic_aaaaaaaaaaaaaaaa" }, ssl), "1045", `${where}, nobody`);
				t.equal(await driver({ ...grant, database: "elsewhere" }, ssl), "1049", `${where}, another database`);
			}
		}
		for (const first of [
			"GET / HTTP/1.1\r\n\r\n",
			"\u0016\u0003\u0001\u0002\0\u0001\0",
			"\0\0\0\u0001",
			"\u0005\0\0\u0009hello",
		]) {
			t.match(
				await lastWords(grant, Buffer.from(first, "latin1")),
				/Bad handshake|out of order/,
				JSON.stringify(first),
			);
		}
		t.equal(await drivers.mysql2?.(grant, undefined), "in", "and it goes on");
	});
}
