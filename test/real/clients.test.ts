/**
 * The clients that people use, through Licet as they are: psql with all it asks of the catalogs, drivers, pgbench and
 * pg_dump, cancelling and notifications. Whatever can be had straight from the server is compared with it.
 */
import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import postgres from "postgres";
import t, { type Test } from "tap";
import { SHOP_SQL } from "../../src/cli/demo-shop.js";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { libpqEnvironment, psql, runProgram } from "../helpers/programs.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const LICENSES = {
	everything: license("everything", { permits: "all" }),
	reader: license("reader", {
		permits: [{ on: ["app.*"], commands: ["read"] }],
		masks: [{ columns: ["*.*.card_number"], with: { partial: { keepLast: 4 } } }],
	}),
	chatty: license("chatty", { permits: [{ on: ["app.*"], commands: ["read", "listen", "notify", "set"] }] }),
};

interface Ground {
	readonly url: string;
	readonly direct: RawOptions;
	readonly licet: Licet;
	readonly grants: Readonly<Record<keyof typeof LICENSES, IssuedGrant>>;
}

async function prepare(t: Test, server: string): Promise<Ground> {
	const url = await createDatabase(t, server, SHOP_SQL.replace(/^GRANT .*$/gm, ""));
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const issue = (name: string) => licet.grant({ license: name, target: "shop" });
	const [everything, reader, chatty] = await Promise.all([issue("everything"), issue("reader"), issue("chatty")]);
	return { url, direct: rawOptions(url), licet, grants: { everything, reader, chatty } };
}

const DESCRIBES = [
	"\\d",
	"\\d+",
	"\\dt",
	"\\dt+ app.*",
	"\\d app.orders",
	"\\d+ app.orders",
	"\\d+ app.order_totals",
	"\\d app.customers_pkey",
	"\\dn",
	"\\dn+",
	"\\dv app.*",
	"\\di app.*",
	"\\ds",
	"\\dT",
	"\\dT+ app.*",
	"\\df app.*",
	"\\dp app.*",
	"\\ddp",
	"\\dd",
	"\\do app.*",
	"\\da app.*",
	"\\dC",
	"\\dx",
	"\\dD",
	"\\dF",
	"\\l",
	"\\sv app.order_totals",
	"\\encoding",
	"\\errverbose",
];

async function usePsql(t: Test, { direct, grants }: Ground): Promise<void> {
	const through = rawGrant(grants.reader);
	for (const command of DESCRIBES) {
		const [expected, got] = await Promise.all([psql(direct, `${command}\n`), psql(through, `${command}\n`)]);
		t.equal(got.stderr, expected.stderr, `${command}: says the same`);
		t.equal(got.stdout, expected.stdout, `${command}: shows the same`);
	}
	for (const [name, script, ...flags] of [
		["a select", "SELECT * FROM app.orders ORDER BY id;"],
		["a cursor by FETCH_COUNT", "\\set FETCH_COUNT 50\nSELECT id, status FROM app.orders ORDER BY id;"],
		["\\copy to", "\\copy app.products to stdout"],
		["\\copy of a query, csv", "\\copy (SELECT id, name FROM app.customers ORDER BY id) to stdout csv header"],
		["\\gdesc", "SELECT id, status FROM app.orders \\gdesc"],
		[
			"\\crosstabview",
			"SELECT status, id % 2 AS odd, count(*) FROM app.orders GROUP BY 1, 2 ORDER BY 1, 2 \\crosstabview",
		],
		["several in one string", "SELECT 1 AS a \\; SELECT id FROM app.orders WHERE id < 3 ORDER BY id;"],
		[
			"a transaction",
			"BEGIN; SELECT count(*) FROM app.orders; SAVEPOINT a; SELECT 1/0; ROLLBACK TO a; SELECT 2; COMMIT;",
		],
		["an error's place", "SELECT nothing FROM app.orders;"],
		["one transaction for all", "SELECT 1; SELECT 2;", "--single-transaction"],
		[
			"the wire as it is",
			"SET extra_float_digits = 0; SELECT 1.1::float8, now() IS NULL, NULL, ''; SHOW server_version;",
		],
	] as const) {
		const [expected, got] = [await psql(direct, `${script}\n`, ...flags), await psql(through, `${script}\n`, ...flags)];
		if (name !== "an error's place") t.equal(got.stderr, expected.stderr, `${name}: says the same`);
		else t.match(got.stderr, /ERROR: +42(501|703)/, name);
		t.equal(got.stdout, expected.stdout, `${name}: shows the same`);
	}
	const everything = rawGrant(grants.everything);
	const copied = await psql(
		everything,
		"CREATE TEMP TABLE c (a int, b text);\n\\copy c from stdin\n1\tx\n2\t\\N\n\\.\nSELECT * FROM c ORDER BY a;\n",
	);
	t.match(copied, { code: 0, stdout: "1|x\n2|\n", stderr: "" }, "\\copy from");
	const connected = await psql(everything, "\\c -\nSELECT 'again';\n");
	t.match(connected, { stdout: /again/, stderr: "" }, "\\c");
}

async function interruptPsql(t: Test, { grants }: Ground): Promise<void> {
	const child = spawn(testServers().psql, ["-X", "-c", "SELECT pg_sleep(60)"], {
		env: libpqEnvironment(rawGrant(grants.everything)),
	});
	const said = Promise.all([text(child.stderr), new Promise((resolve) => child.once("close", resolve))]);
	await new Promise((resolve) => setTimeout(resolve, 700));
	const before = Date.now();
	child.kill("SIGINT");
	const [stderr] = await said;
	t.ok(Date.now() - before < 5_000, "Ctrl-C ends the statement");
	t.match(stderr, /canceling statement due to user request/);
}

async function cancelByKey(t: Test, { licet, grants }: Ground): Promise<void> {
	const options = rawGrant(grants.everything);
	for (const protocol of [wire.PROTOCOL_3_0, wire.PROTOCOL_3_2]) {
		const client = await RawClient.login({ ...options, protocol });
		t.teardown(() => client.destroy());
		const direct = await withClient(grants.everything.url, (other) => other.query("SELECT pg_backend_pid() AS pid"));
		t.not(client.pid, direct.rows[0].pid, "the key is the proxy's own");
		client.send(wire.query("SELECT pg_sleep(30)"));
		await client.during(150);
		const wrong = Buffer.from(client.secret);
		wrong[0] = (wrong[0] ?? 0) ^ 1;
		for (const [pid, secret] of [
			[client.pid, wrong],
			[client.pid + 1, client.secret],
			[client.pid, client.secret.subarray(0, -1)],
			[client.pid, Buffer.concat([client.secret, Buffer.of(0)])],
			[client.pid, Buffer.alloc(0)],
		] as const) {
			const other = await RawClient.open(options);
			other.send(wire.cancelRequest(pid, secret));
			const answers = await other.untilEnd();
			// One of an impossible length is a broken message.
			const allowed = secret.length === client.secret.length ? /^$/ : /^(E:08P01)?$/;
			t.match(wire.outline(answers), allowed, "a wrong key gets no answer");
		}
		t.same(await client.during(150), [], "and does nothing");
		const other = await RawClient.open(options);
		other.send(wire.cancelRequest(client.pid, client.secret));
		t.equal(wire.outline(await client.until("Z")), "T E:57014 Z:I", "the right key cancels");
		t.same(await other.untilEnd(), [], "without an answer");
		t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I");
		const late = await RawClient.open(options);
		late.send(wire.cancelRequest(client.pid, client.secret));
		await late.untilEnd();
		t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I", "a key for nothing does nothing");
	}
	t.ok(licet.pid > 0);
}

const QUERIES = [
	"SELECT * FROM app.orders ORDER BY id LIMIT 7",
	"SELECT o.id, c.name, o.ordered_at FROM app.orders o JOIN app.customers c ON c.id = o.customer_id ORDER BY 1 LIMIT 5",
	"SELECT 1::int2, 2::int8, 3.5::numeric, 4.5::float8, true, 'x'::bytea, now() > '2000-01-01', ARRAY[1,2], '{\"a\":1}'::jsonb, NULL::text",
	"SELECT status, count(*), sum(id) FROM app.orders GROUP BY status ORDER BY 2, 1",
	"TABLE app.products",
	"VALUES (1, 'a'), (2, NULL)",
	"SELECT repeat('x', 300000)",
	"SELECT generate_series(1, 5000)",
	"SELECT",
	"",
	";;",
	"/* nothing */",
	"SELECT 1; SELECT 2; SELECT 'three'",
	"SELECT 1/0",
	"SELECT 1; SELECT 1/0; SELECT 3",
	"SHOW TimeZone",
	"EXPLAIN (COSTS OFF) SELECT id FROM app.orders WHERE id = 3",
	"SET DateStyle = 'ISO, DMY'",
	"BEGIN",
	"SELECT 1",
	"COMMIT",
	"COMMIT",
	"SELEC 1",
];

/** Every byte of the answers is as the server's own. */
async function compareBytes(t: Test, { direct, grants }: Ground, name: "everything" | "reader"): Promise<void> {
	const parameters = { TimeZone: "UTC", application_name: "same" };
	const [straight, through] = await Promise.all([
		RawClient.login({ ...direct, parameters }),
		RawClient.login({ ...rawGrant(grants[name]), parameters }),
	]);
	const ignored = ["session_authorization", "is_superuser", "search_path"];
	const reported = (client: RawClient) => [...client.reported].filter(([key]) => !ignored.includes(key)).sort();
	t.same(reported(through), reported(straight), `${name}: the parameters that the server reports`);
	for (const sql of QUERIES) {
		// The denial of what cannot be read replaces the server's syntax error.
		if (name === "reader" && sql.startsWith("SELEC ")) continue;
		const both = async (...messages: Buffer[]) => {
			const [expected, got] = await Promise.all([straight.ask(...messages), through.ask(...messages)]);
			t.equal(wire.outline(got), wire.outline(expected), `${name}: ${sql.slice(0, 60)}`);
			const bodies = (answers: readonly wire.Message[]) => Buffer.concat(answers.map(({ body }) => body));
			if (!sql.startsWith("SELECT o")) t.ok(bodies(got).equals(bodies(expected)), `${name}: byte for byte`);
		};
		await both(wire.query(sql));
		if (sql.includes("; ") || sql === "COMMIT" || sql === "BEGIN") continue;
		for (const format of [0, 1]) {
			await both(
				wire.parse(sql, "n"),
				wire.describe("S", "n"),
				wire.bind({ statement: "n", portal: "p", resultFormats: [format] }),
				wire.describe("P", "p"),
				wire.execute("p", 3),
				wire.execute("p", 0),
				wire.close("P", "p"),
				wire.close("S", "n"),
				wire.sync,
			);
		}
	}
	straight.destroy();
	through.destroy();
}

const PG_QUERIES: readonly pg.QueryConfig[] = [
	{ text: "SELECT * FROM app.orders WHERE id < $1 ORDER BY id", values: [9] },
	{
		text: "SELECT $1::text AS a, $2::int[] AS b, $3::timestamptz AS c",
		values: ["ü€\u{1f600}", [1, 2], new Date(0)],
	},
	{ name: "named", text: "SELECT name FROM app.products WHERE id = $1", values: [3] },
	{ name: "named", text: "SELECT name FROM app.products WHERE id = $1", values: [4] },
];

async function usePg(t: Test, { url, grants }: Ground): Promise<void> {
	const results = (at: string) =>
		withClient(at, async (client) => {
			const rows: unknown[] = [];
			for (const query of PG_QUERIES) {
				const { rows: got, fields } = await client.query(query);
				rows.push(
					got,
					fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
				);
			}
			const lists = { text: "SELECT id, price FROM app.products ORDER BY id LIMIT 3", rowMode: "array" } as const;
			rows.push((await client.query(lists)).rows);
			await client.query("BEGIN");
			await t.rejects(client.query("SELECT $1::int", ["x"]), { code: "22P02" });
			await t.rejects(client.query("SELECT 1"), { code: "25P02" });
			await client.query("ROLLBACK");
			const cursor = client.query(new Cursor("SELECT id FROM app.orders WHERE id > $1 ORDER BY id", [600]));
			rows.push(await cursor.read(7), await cursor.read(7), await cursor.read(1000), await cursor.read(7));
			await cursor.close();
			rows.push(await text(client.query(copyTo("COPY app.products TO STDOUT"))));
			return rows;
		});
	t.same(await results(grants.reader.url), await results(url), "pg, pg-cursor and pg-copy-streams read as before");

	await withClient(grants.everything.url, async (client) => {
		await client.query("CREATE TEMP TABLE big (n int, word text)");
		const lines = Array.from({ length: 20_000 }, (_, n) => `${n}\tword ${n}\n`);
		await pipeline(Readable.from(lines), client.query(copyFrom("COPY big FROM STDIN")));
		const { rows } = await client.query("SELECT count(*)::int AS n, sum(n)::int AS s FROM big");
		t.same(rows, [{ n: 20_000, s: 199_990_000 }], "pg-copy-streams writes");
	});
	const pool = new pg.Pool({ connectionString: grants.reader.url, max: 5 });
	const many = await Promise.all(
		Array.from({ length: 60 }, (_, n) => pool.query("SELECT id FROM app.orders WHERE id = $1", [n + 1])),
	);
	t.same(
		many.map(({ rows }) => rows[0].id),
		Array.from({ length: 60 }, (_, n) => n + 1),
		"a pool",
	);
	await pool.end();
}

async function usePostgres(t: Test, { url, grants }: Ground): Promise<void> {
	const results = async (at: string) => {
		const sql = postgres(at, { max: 3, onnotice: () => {} });
		try {
			const found: unknown[] = [];
			found.push([...(await sql`SELECT * FROM app.orders WHERE id < ${8} ORDER BY id`)]);
			found.push([...(await sql`SELECT ${"text"} AS a, ${sql.array([1, 2])}::int[] AS b, ${true}::bool AS c`)]);
			for await (const rows of sql`SELECT id FROM app.orders ORDER BY id`.cursor(100)) found.push(rows.length);
			await sql.begin(async (inside) => {
				found.push([...(await inside`SELECT count(*)::int FROM app.customers`)]);
				await inside.savepoint((deep) => deep`SELECT 1/0`).catch(() => undefined);
				found.push([...(await inside`SELECT 'still'`)]);
			});
			found.push(await text(await sql`COPY app.products TO STDOUT`.readable()));
			found.push(await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await sql`SELECT ${n}::int AS n`)[0]?.n)));
			return found;
		} finally {
			await sql.end({ timeout: 5 });
		}
	};
	t.same(await results(grants.reader.url), await results(url), "postgres reads as before");

	const sql = postgres(grants.everything.url, { max: 2, onnotice: () => {} });
	const slow = sql`SELECT pg_sleep(30)`.execute();
	setTimeout(() => slow.cancel(), 500);
	await t.rejects(slow, { code: "57014" }, "its cancel");
	await sql.end({ timeout: 5 });
}

async function notifications(t: Test, { grants }: Ground): Promise<void> {
	for (const name of ["everything", "chatty"] as const) {
		const [hearer, sayer] = [new pg.Client(grants[name].url), new pg.Client(grants[name].url)];
		await Promise.all([hearer.connect(), sayer.connect()]);
		const heard: string[] = [];
		hearer.on("notification", ({ channel, payload }) => heard.push(`${channel}:${payload}`));
		await hearer.query("LISTEN news");
		await sayer.query("NOTIFY news, 'one'");
		await sayer.query("BEGIN");
		await sayer.query("NOTIFY news, 'two'");
		await sayer.query("COMMIT");
		for (let waited = 0; heard.length < 2 && waited < 3000; waited += 20) {
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		t.same(heard, ["news:one", "news:two"], `${name}: come while the session is idle`);
		await hearer.query("UNLISTEN news");
		await Promise.all([hearer.end(), sayer.end()]);
	}
	await withClient(grants.reader.url, async (client) => {
		await t.rejects(client.query("LISTEN news"), { code: "42501" }, "not permitted");
	});
}

async function bench(t: Test, { grants }: Ground): Promise<void> {
	const login = rawGrant(grants.everything);
	const made = await runProgram("pgbench", login, ["-i", "-s", "1", "-q"]);
	t.equal(made.code, 0, made.stderr);
	for (const protocol of ["simple", "extended", "prepared"]) {
		for (const more of [[], ["-S"]]) {
			const run = await runProgram("pgbench", login, ["-c", "8", "-j", "1", "-T", "2", "-n", "-M", protocol, ...more]);
			const name = `pgbench ${protocol} ${more.join(" ")}`;
			t.match(run, { code: 0, stdout: /number of failed transactions: 0 \(/ }, `${name} ${run.stderr.slice(0, 500)}`);
			t.notMatch(run.stderr, /ERROR|FATAL|aborted/, name);
			t.match(run.stdout, /processed: [1-9]/, name);
		}
	}
	await psql(login, "DROP TABLE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers;");
}

async function dump(t: Test, { direct, grants }: Ground): Promise<void> {
	const flags = ["--no-sync"];
	const [expected, got] = [
		await runProgram("pgDump", direct, flags),
		await runProgram("pgDump", rawGrant(grants.everything), flags),
	];
	// Newer versions fence their scripts with a random word.
	const lines = (script: string) => script.replace(/^\\(un)?restrict .*$/gm, "");
	t.equal(got.stderr, "", "pg_dump");
	t.ok(expected.stdout.length > 20_000, "something was dumped");
	t.ok(lines(got.stdout) === lines(expected.stdout), "the dump equals a direct one");

	const reader = await runProgram("pgDump", rawGrant(grants.reader), [
		...["--no-sync", "--no-subscriptions"],
		...["-a", "-t", "app.products"],
	]);
	t.match(reader, { code: 0, stdout: /COPY app\.products/ }, `pg_dump of what a license lets read ${reader.stderr}`);
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, async (t) => {
		const ground = await prepare(t, server);
		const isSystem = server === testServers().pg15;
		await t.test("bytes, permissive", (t) => compareBytes(t, ground, "everything"));
		await t.test("bytes, under a license", (t) => compareBytes(t, ground, "reader"));
		await t.test("cancel requests", (t) => cancelByKey(t, ground));
		await t.test("pg, pg-cursor, pg-copy-streams", (t) => usePg(t, ground));
		await t.test("postgres", (t) => usePostgres(t, ground));
		await t.test("LISTEN and NOTIFY", (t) => notifications(t, ground));
		// psql, pgbench and pg_dump are those of the system's version: pg_dump refuses newer servers.
		if (!isSystem) return;
		await t.test("psql", (t) => usePsql(t, ground));
		await t.test("psql, Ctrl-C", (t) => interruptPsql(t, ground));
		await t.test("pg_dump", (t) => dump(t, ground));
		await t.test("pgbench", (t) => bench(t, ground));
	});
}
