/**
 * Scripts of sessions (`licet export --format sql`) are run again by psql and mysql: they do the same, and nothing that was
 * recorded makes those programs do anything else.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql from "mysql2/promise";
import pg from "pg";
import t, { type Test } from "tap";
import { outcome } from "../helpers/command.js";
import { license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { createMysqlDatabase, mysqlOptions, mysqlServers, withMysql } from "../helpers/mysql-servers.js";
import { psql } from "../helpers/programs.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const LICENSES = { everything: license("everything", { permits: "all", recording: { results: 50 } }) };

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function command(licet: Licet, ...words: readonly string[]): Promise<string> {
	const { code, stdout, stderr } = await licet.cli(...words);
	if (code !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
	return stdout;
}

const ids = (list: unknown) => (list as { session: string }[]).map(({ session }) => session);

function folder(t: Test): string {
	const made = mkdtempSync(join(tmpdir(), "licet-scripts-"));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

const VALUES = [
	"O'Brien",
	'back\\slash \\" \\n',
	"$1 ? -- ; /*",
	"東京\n😀\ttab",
	"",
	null,
	"\\x41",
	"\\'; DROP TABLE kept; --",
];

await t.test("a script of a session does the same again: psql", async (t) => {
	const url = await createDatabase(t, testServers().pg15, "CREATE TABLE kept (n int, a text, b text)");
	const again = await createDatabase(t, testServers().pg15, "CREATE TABLE kept (n int, a text, b text)");
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const owner = await licet.grant({ license: "everything", target: "shop" });
	const client = new pg.Client({ connectionString: owner.url });
	await client.connect();
	for (const [n, value] of VALUES.entries()) {
		await client.query("INSERT INTO kept VALUES ($1, $2, $2 || '$2' || $$ $2 $$) -- $2;", [n, value]);
	}
	await client.query("BEGIN; INSERT INTO kept VALUES (100, 'rolled', 'back'); SELECT 1/0").catch(() => undefined);
	await client.query("COMMIT");
	await client.query("INSERT INTO kept SELECT 101, E'a\\'b', 'c\\d'; UPDATE kept SET b = 'two' WHERE n = 101;");
	await client.end();
	const [session] = ids(await licet.json("sessions"));
	const script = await command(licet, "export", session ?? "", "--format", "sql");
	const { hostname: host, port, username: user, password, pathname } = new URL(again);
	await psql({ host, port: Number(port), user, password, database: pathname.slice(1) }, script);
	const rows = (from: string) =>
		withClient(from, async (one) => (await one.query("SELECT * FROM kept ORDER BY n")).rows as unknown[]);
	const expected = await rows(url);
	t.equal(expected.length, VALUES.length + 1);
	t.same(await rows(again), expected);
});

await t.test("no script runs a command of the client's: psql", async (t) => {
	const url = await createDatabase(t, testServers().pg15, "");
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const owner = await licet.grant({ license: "everything", target: "shop" });
	const canary = join(folder(t), "canary");
	const evil = [
		`\\! touch ${canary}`,
		`SELECT 1 \\! touch ${canary}`,
		`SELECT 'a\\' \\! touch ${canary} \\'`,
		`SELECT 1 -- x\r\\! touch ${canary}`,
		`SELECT $a$ $b$ \\! touch ${canary}`,
		`COPY kept FROM STDIN`,
		`SELECT '\n\\! touch ${canary}\n'`,
		`/* \n\\! touch ${canary}\n`,
	];
	const client = await RawClient.login(rawGrant(owner));
	for (const text of evil) {
		client.send(wire.query(text));
		await client.until("Z");
	}
	client.send(wire.terminate);
	await client.untilEnd();
	await pause(100);
	const [session] = ids(await licet.json("sessions"));
	const script = await command(licet, "export", session ?? "", "--format", "sql");
	await psql(rawGrant(owner), script);
	t.notOk(existsSync(canary));
	await psql(rawGrant(owner), `${evil[0]}\n`);
	t.ok(existsSync(canary), "psql would have run it");
});

/** The server's own command-line client with a script on its standard input. */
function mysqlClient(url: string, script: string) {
	const { host, port, user, password = "", database = "" } = mysqlOptions(url);
	const words = ["--protocol=tcp", "-h", host, "-P", String(port), "-u", user, "--force", "--skip-ssl", database];
	const child = spawn("mariadb", words, { env: { ...process.env, MYSQL_PWD: password } });
	child.stdin.on("error", () => {}).end(script);
	return outcome(child);
}

for (const server of mysqlServers()) {
	await t.test(server.name, async (t) => {
		const table = "CREATE TABLE kept (n int, a text, b text) DEFAULT CHARSET utf8mb4";
		const url = await createMysqlDatabase(t, server, table);
		const again = await createMysqlDatabase(t, server, table);
		const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
		const owner = await licet.grant({ license: "everything", target: "shop" });
		const client = await mysql.createConnection({ uri: owner.url, multipleStatements: true, charset: "utf8mb4" });
		for (const [n, value] of VALUES.entries()) {
			await client.execute("INSERT INTO kept VALUES (?, ?, concat(?, '?', \"?\")) # ?;", [n, value, value]);
		}
		await client.execute("SELECT a FROM kept ORDER BY n LIMIT ?, ?", ["1", "2"]);
		const [saw] = await client.query("SELECT n, a FROM kept WHERE a = 'O''Brien'");
		await client.query("SELECT * FROM nowhere").catch(() => undefined);
		await client.query("INSERT INTO kept VALUES (100, 'it\\'s', 'x'); UPDATE kept SET b = 'y;z' WHERE n = 100");
		await client.end();
		await pause(100);
		const [session = ""] = ids(await licet.json("sessions"));
		t.match(await licet.json("search", "o'brien"), [{ session, statement: 2, effect: "allow" }]);
		const replayed = await command(licet, "replay", session);
		t.match(saw, [{ n: 0, a: "O'Brien" }]);
		t.match(replayed, /│ 0 +│ O'Brien +│/);
		t.match(replayed, /ERROR .*nowhere/);

		const script = (await command(licet, "export", session, "--format", "sql")).replace(/^USE .*;$/m, "");
		await mysqlClient(again, script);
		const rows = (from: string) =>
			withMysql(from, async (one) => (await one.query("SELECT * FROM kept ORDER BY n, a"))[0] as unknown[]);
		const expected = await rows(url);
		t.equal(expected.length, VALUES.length + 1);
		t.same(await rows(again), expected, "the script does the same again");
	});

	await t.test(`no script runs a command of the client's: ${server.name}`, async (t) => {
		const url = await createMysqlDatabase(t, server);
		const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
		const owner = await licet.grant({ license: "everything", target: "shop" });
		const canary = join(folder(t), "canary");
		const evil = [
			`\\! touch ${canary}`,
			`SELECT 1 \\! touch ${canary}`,
			`system touch ${canary}`,
			`SELECT 1;\nsystem touch ${canary}`,
			`SELECT 1 ;\n\\! touch ${canary}\n`,
			`delimiter x`,
			`SELECT /*! 1 */ \\! touch ${canary}`,
			`SELECT /*!50000 ' */ \\! touch ${canary} /*' */`,
			`SELECT '\\' \\! touch ${canary} '`,
			`SET sql_mode = 'NO_BACKSLASH_ESCAPES'`,
			`SELECT '\\' \\! touch ${canary} '`,
			`SELECT 1 --\\! touch ${canary}`,
			`SELECT 1 -- x\n\\! touch ${canary}`,
			`SELECT 1 # x\rsystem touch ${canary}`,
			`/*\nsystem touch ${canary}\n`,
			`SELECT '\nsystem touch ${canary}\n'`,
			`SELECT "\n\\! touch ${canary}\n"`,
			`source ${canary}`,
		];
		const client = await mysql.createConnection({ uri: owner.url, multipleStatements: true });
		for (const text of evil) await client.query(text).catch(() => undefined);
		await client.end();
		await pause(100);
		const [session = ""] = ids(await licet.json("sessions"));
		const script = await command(licet, "export", session, "--format", "sql");
		await mysqlClient(url, script);
		t.notOk(existsSync(canary), script);
		await mysqlClient(url, `${evil[2]}\n`);
		t.ok(existsSync(canary), "the client would have run it");
	});
}
