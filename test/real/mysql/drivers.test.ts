/**
 * Node's drivers, each doing its work twice, straight at the server and through Licet, under a license that permits all
 * and under one that reads and masks: what a program sees must be the same, but for the masks.
 */
import { createConnection as connectMariadb } from "mariadb";
import { createConnection as connectMysql } from "mysql";
import { createConnection as connectStreaming } from "mysql2";
import { createConnection as connectMysql2 } from "mysql2/promise";
import t, { type Test } from "tap";
import { license } from "../../helpers/license.js";
import { startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, type MysqlServer, mysqlOptions, mysqlServers } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { MYSQL_SHOP } from "./shop.js";

interface Login {
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	readonly database: string;
}

/** What was asked, and what came of it. */
type Told = [asked: string, came: unknown];

/** Answers one connection's way of asking, and how it ends. */
interface Asking {
	readonly ask: (sql: string, values?: readonly unknown[]) => Promise<unknown>;
	readonly end: () => Promise<unknown>;
}

const READS: readonly (readonly [sql: string, values?: readonly unknown[]])[] = [
	["SELECT * FROM orders WHERE id <= 3 ORDER BY id"],
	[
		"SELECT id, name, born, score, active, bio, photo, seen, tags, level, visits, ratio, part, day, yr, bits FROM customers WHERE id < 5 ORDER BY id",
	],
	["SELECT id, email FROM customers WHERE id IN (?, ?, ?) ORDER BY id", [1, 2, 7]],
	["SELECT name FROM customers WHERE born > ? AND score < ? ORDER BY id LIMIT 3", ["1975-01-01", 40]],
	["SELECT * FROM order_totals WHERE customer_id < ? ORDER BY customer_id", [4]],
	["SELECT count(*) AS n FROM orders WHERE status = ?", ["paid"]],
	["SELECT ? AS a, ? AS b, ? AS c", ["text", 12, null]],
	["SELECT 1 AS one UNION ALL SELECT 2"],
	["SELECT id FROM orders WHERE id = 0"],
	["SHOW TABLES"],
	["SELECT database() IS NOT NULL AS here"],
	["SELECT nothing_like_it FROM (SELECT 1 AS one) x"],
];

const WRITES: typeof READS = [
	["INSERT INTO orders (customer_id, status, total) VALUES (?, ?, ?)", [1, "open", "12.50"]],
	["UPDATE orders SET status = 'sent' WHERE id <= 2"],
	["UPDATE orders SET status = 'sent' WHERE id <= 2"],
	["DELETE FROM orders WHERE id = 3"],
	["INSERT INTO customers (id, name) VALUES (1, 'again')"],
	["INSERT INTO orders (customer_id, status) VALUES (99999, 'x')"],
	["SELECT * FROM no_such_table"],
	["SELEC 1"],
	["CALL two_results(2)"],
	["SELECT twice(21) AS v"],
	["START TRANSACTION"],
	["DELETE FROM orders"],
	["ROLLBACK"],
	["SELECT count(*) AS n FROM orders"],
];

function plain(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value ?? null, (_key, held) => (typeof held === "bigint" ? `${held}n` : held)));
}

interface Failure {
	readonly errno?: number;
	readonly sqlState?: string;
	readonly sqlStateMarker?: string;
	readonly sqlMessage?: string;
}

/** The words of an error but for a database's name, which differs from run to run. */
function failed(error: unknown, database: string): unknown {
	const { errno, sqlState, sqlMessage } = error as Failure;
	return { errno, sqlState, message: sqlMessage?.replaceAll(database, "db") };
}

async function tell(asking: Asking, work: typeof READS, login: Login): Promise<Told[]> {
	const told: Told[] = [];
	for (const [sql, values] of work) {
		const came = await asking.ask(sql, values).then(plain, (error: unknown) => failed(error, login.database));
		told.push([sql, JSON.parse(JSON.stringify(came).replaceAll(login.database, "db"))]);
	}
	await asking.end();
	return told;
}

const DRIVERS: Readonly<Record<string, (login: Login) => Promise<Asking>>> = {
	"mysql2, query": async (login) => {
		const client = await connectMysql2(login);
		return { ask: async (sql, values) => (await client.query(sql, values as unknown[]))[0], end: () => client.end() };
	},
	"mysql2, execute": async (login) => {
		const client = await connectMysql2(login);
		const ask = async (sql: string, values: readonly unknown[] = []) =>
			(await client.execute(sql, values as (string | number | null)[]))[0];
		return { ask, end: () => client.end() };
	},
	"mysql2, named placeholders": async (login) => {
		const client = await connectMysql2({ ...login, namedPlaceholders: true });
		const ask = async (sql: string, values: readonly unknown[] = []) => {
			let at = 0;
			const named = sql.replace(/\?/g, () => `:p${at++}`);
			const held = Object.fromEntries(values.map((value, index) => [`p${index}`, value as string | number | null]));
			return (await client.query(named, held))[0];
		};
		return { ask, end: () => client.end() };
	},
	"mysql2, several statements": async (login) => {
		const client = await connectMysql2({ ...login, multipleStatements: true });
		const ask = async (sql: string, values?: readonly unknown[]) =>
			(await client.query(`SELECT 1 AS first; ${sql}; SELECT 3 AS last`, values as unknown[]))[0];
		return { ask, end: () => client.end() };
	},
	"mysql2, streams": async (login) => {
		const client = connectStreaming(login);
		const ask = async (sql: string, values?: readonly unknown[]) => {
			const rows: unknown[] = [];
			for await (const row of client.query(sql, values as unknown[]).stream()) rows.push(row);
			return rows;
		};
		return { ask, end: () => new Promise((resolve) => client.end(resolve)) };
	},
	"mariadb, query": async (login) => {
		const client = await connectMariadb({ ...login, allowPublicKeyRetrieval: true });
		return { ask: (sql, values) => client.query(sql, values), end: () => client.end() };
	},
	"mariadb, execute": async (login) => {
		const client = await connectMariadb({ ...login, allowPublicKeyRetrieval: true });
		return { ask: (sql, values) => client.execute(sql, values), end: () => client.end() };
	},
	"mariadb, pipelined": async (login) => {
		const client = await connectMariadb({ ...login, pipelining: true, allowPublicKeyRetrieval: true });
		const ask = async (sql: string, values?: readonly unknown[]) => {
			const all = await Promise.allSettled([
				client.query("SELECT 1 AS first"),
				client.query(sql, values),
				client.query("SELECT 3 AS last"),
			]);
			const [, own] = all;
			if (own?.status === "rejected") throw own.reason;
			return all.map((one) => (one.status === "fulfilled" ? one.value : "rejected"));
		};
		return { ask, end: () => client.end() };
	},
	mysql: async (login) => {
		const client = connectMysql(login);
		await new Promise<void>((resolve, reject) => client.connect((error) => (error ? reject(error) : resolve())));
		const ask = (sql: string, values?: readonly unknown[]) =>
			new Promise<unknown>((resolve, reject) => {
				client.query(sql, values as unknown[], (error, rows) => (error ? reject(error) : resolve(rows)));
			});
		return { ask, end: () => new Promise((resolve) => client.end(resolve)) };
	},
};

/** What `email` masks: the first character and the last label stay. */
function masked(told: readonly Told[]): unknown {
	return JSON.parse(JSON.stringify(told).replace(/"p[^"@]*@[^"]*\.(\w+)"/g, '"p***@***.$1"'));
}

async function compare(t: Test, server: MysqlServer, name: string): Promise<void> {
	const connect = DRIVERS[name] as (login: Login) => Promise<Asking>;
	// Each way of working has a database of its own, so that what is written is the same.
	const told: Told[][] = [];
	for (const through of [false, true]) {
		const url = await createMysqlDatabase(t, server, MYSQL_SHOP);
		const { host, port, user, password = "", database = "" } = mysqlOptions(url);
		const direct: Login = { host, port, user, password, database };
		if (!through) {
			told.push(await tell(await connect(direct), READS, direct), await tell(await connect(direct), WRITES, direct));
			continue;
		}
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: {
				everything: license("everything", { permits: "all" }),
				reader: license("reader", {
					permits: [{ on: [`${database}.*`], commands: ["read"] }],
					masks: [{ columns: ["*.*.email"], with: "email" }],
				}),
			},
		});
		for (const [id, work] of [
			["reader", READS],
			["everything", READS],
			["everything", WRITES],
		] as const) {
			const grant = await licet.grant({ license: id, target: "shop" });
			const login = { host: grant.host, port: grant.port, user: grant.username, password: grant.password, database };
			told.push(await tell(await connect(login), work, login));
		}
	}
	const [reads = [], writes = [], restricted = [], open = [], written = []] = told;
	t.same(open, reads, `${name}: ${reads.length} reads`);
	t.same(written, writes, `${name}: ${writes.length} writes and errors`);
	// A name that is not there is denied where what cannot be resolved is.
	t.same(restricted.slice(0, -1), masked(reads.slice(0, -1)), `${name}: ${reads.length - 1} reads, masked`);
}

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		for (const name of Object.keys(DRIVERS)) {
			const isOld = name === "mysql" && server.flavour === "mysql";
			const skip = isOld ? "this driver knows mysql_native_password alone, which MySQL 9 has not" : false;
			await t.test(name, { skip }, (t) => compare(t, server, name));
		}
	});
}
