/**
 * The servers' own tools and sysbench, straight at the server and through Licet: the command line client with what it
 * asks by itself, Ctrl-C, TLS modes; a dump made under a license that reads and loaded under one that permits all;
 * sysbench with text and with prepared statements.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import t, { type Test } from "tap";
import { type CommandResult, outcome } from "../../helpers/command.js";
import { license } from "../../helpers/license.js";
import { type IssuedGrant, startLicet, targetOf } from "../../helpers/licet.js";
import {
	createMysqlDatabase,
	type MysqlServer,
	mysqlOptions,
	mysqlServers,
	withMysql,
} from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { fixture } from "../../helpers/project.js";
import { missingPrograms } from "./clients.js";
import { MYSQL_SHOP } from "./shop.js";

const PROGRAM_TIMEOUT_MS = 60_000;
const TABLES = ["customers", "orders", "salaries"] as const;

interface Login {
	readonly host: string;
	readonly port: number;
	readonly username: string;
	readonly password: string;
	readonly database: string;
}

interface Ground {
	readonly server: MysqlServer;
	readonly url: string;
	readonly direct: Login;
	readonly everything: IssuedGrant;
	readonly reader: IssuedGrant;
}

function loginOf(url: string): Login {
	const { host, port, user, password = "", database = "" } = mysqlOptions(url);
	return { host, port, username: user, password, database };
}

async function prepare(t: Test, server: MysqlServer): Promise<Ground> {
	const url = await createMysqlDatabase(t, server, MYSQL_SHOP);
	const direct = loginOf(url);
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		config: { tls: { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") } },
		licenses: {
			everything: license("everything", { permits: "all" }),
			reader: license("reader", { permits: [{ on: [`${direct.database}.*`], commands: ["read"] }] }),
		},
	});
	const [everything, reader] = await Promise.all(
		["everything", "reader"].map((name) => licet.grant({ license: name, target: "shop" })),
	);
	if (everything === undefined || reader === undefined) throw new Error("no grants");
	return { server, url, direct, everything, reader };
}

const connection = ({ host, port, username, password }: Login) => [
	"--no-defaults",
	...["-h", host, "-P", String(port), "-u", username, `-p${password}`],
];

async function run(program: string, words: readonly string[], input = ""): Promise<CommandResult> {
	const child = spawn(program, words, { env: { ...process.env, LC_ALL: "C.UTF-8" } });
	child.stdin.on("error", () => {}).end(input);
	const late = setTimeout(() => child.kill("SIGKILL"), PROGRAM_TIMEOUT_MS);
	const result = await outcome(child);
	clearTimeout(late);
	return result;
}

const client = (login: Login, input: string, ...flags: string[]) =>
	run("mariadb", [...connection(login), ...flags, "-D", login.database], input);

/** What both may see: `database` stands for the name. */
const READS: readonly (readonly [name: string, script: string, ...flags: string[]])[] = [
	["a table", "SELECT * FROM orders ORDER BY id LIMIT 20;", "--table"],
	["types", "SELECT * FROM customers ORDER BY id LIMIT 5;", "--column-type-info", "--table"],
	["upright", "SELECT * FROM customers ORDER BY id LIMIT 2\\G", "--binary-as-hex"],
	["a delimiter", "DELIMITER //\nSELECT 1; SELECT 'two'//\nDELIMITER ;\nSELECT 3;"],
	["unbuffered", "SELECT id FROM orders ORDER BY id;", "--quick"],
	["xml", "SELECT id, name FROM customers ORDER BY id LIMIT 3;", "--xml"],
	["completion", "SELECT 1;", "--auto-rehash"],
	["show", "SHOW TABLES; SHOW FULL TABLES; SHOW COLUMNS FROM orders; SHOW INDEX FROM orders; DESCRIBE customers;"],
	["show create", "SHOW CREATE TABLE orders\\G SHOW CREATE TABLE customers\\G"],
	["use", "use information_schema\nSELECT DATABASE();"],
	["warnings", "SELECT 1/0 = 1; SHOW WARNINGS; SELECT @@warning_count;", "--show-warnings"],
	["variables", "SHOW VARIABLES LIKE 'character_set_client'; SELECT @@sql_mode, @@version_comment LIMIT 1;"],
	["explain", "EXPLAIN SELECT id FROM orders WHERE id = 3;"],
	["a transaction", "BEGIN; SELECT count(*) FROM orders; COMMIT; START TRANSACTION READ ONLY; ROLLBACK;"],
];

const WRITES: typeof READS = [
	["errors", "SELEC 1; SELECT nothing FROM orders; SELECT * FROM nowhere; CREATE TABLE orders (a int);", "--force"],
	[
		"writes",
		"CREATE TABLE made (id int PRIMARY KEY AUTO_INCREMENT, w varchar(9)); INSERT INTO made (w) VALUES ('a'), ('b');" +
			"UPDATE made SET w = 'c' WHERE id = 1; INSERT INTO made VALUES (1, 'x'); REPLACE INTO made VALUES (1, 'y');" +
			"SELECT * FROM made; SELECT ROW_COUNT(), LAST_INSERT_ID(); DELETE FROM made; DROP TABLE made;",
		...["--force", "-vvv", "--table"],
	],
	["a procedure", "CALL two_results(2); SET @v = 4; CALL plus_one(@v); SELECT @v, twice(21);", "--table"],
	["SQL prepare", "PREPARE p FROM 'SELECT id FROM orders WHERE id < ?'; SET @n = 3; EXECUTE p USING @n;"],
];

async function commandLine(t: Test, { direct, everything, reader }: Ground): Promise<void> {
	const same = ({ code, stdout, stderr }: CommandResult, login: Login) => ({
		code,
		stdout: stdout.replace(/^\d+ rows? in set.*$|\(\d\.\d+ sec\)/gm, "").replaceAll(login.username, "USER"),
		stderr: stderr.replaceAll(login.username, "USER"),
	});
	for (const [license, login, scripts] of [
		["permissive", everything, [...READS, ...WRITES]],
		["under a license", reader, READS],
	] as const) {
		for (const [name, script, ...flags] of scripts) {
			const expected = same(await client(direct, script, ...flags), direct);
			const got = same(await client(login, script, ...flags), login);
			t.same(got, expected, `${license}: ${name}`);
		}
	}
	const status = await client(reader, "\\s\n");
	t.match(status, { code: 0, stdout: /Current user:\s+\S+/ }, `\\s ${status.stderr}`);
	const secured = await client(reader, "SHOW STATUS LIKE 'Ssl_cipher'; SELECT 'secured';", "--ssl");
	t.match(secured, { stdout: /secured/ }, `--ssl ${secured.stderr}`);
	const verified = await client(reader, "SELECT 'verified';", "--ssl", `--ssl-ca=${fixture("tls", "ca.crt")}`);
	t.match(verified, { code: 0, stdout: /verified/ }, `--ssl-ca ${verified.stderr}`);
	t.match(await client(reader, "SELECT 'plain';", "--skip-ssl"), { code: 0, stdout: /plain/ }, "--skip-ssl");
	const wrong = await client({ ...reader, password: "wrong" }, "SELECT 1;");
	t.match(wrong, { code: 1, stderr: /ERROR 1045 \(28000\): Access denied/ }, "a wrong password");
	const denied = await client(reader, "DELETE FROM orders;\nSELECT 'goes on';", "--force");
	t.match(denied, { stderr: /ERROR 1142 \(42000\).*License "reader"/, stdout: /goes on/ }, "a denial");
}

/** Ctrl-C is a KILL QUERY by a connection of its own. */
async function interrupt(t: Test, { everything }: Ground): Promise<void> {
	const words = [...connection(everything), "-e", "SELECT SLEEP(40)"];
	const child = spawn("mariadb", words, { stdio: ["pipe", "pipe", "pipe"] });
	const ended = outcome(child);
	await new Promise((resolve) => setTimeout(resolve, 1500));
	const before = Date.now();
	child.kill("SIGINT");
	const { stdout, stderr } = await ended;
	t.ok(Date.now() - before < 10_000, `Ctrl-C ends the statement: ${stdout}${stderr}`.slice(0, 200));
}

async function checksums(url: string): Promise<unknown> {
	const [rows] = await withMysql(url, (direct) => direct.query<RowDataPacket[]>(`CHECKSUM TABLE ${TABLES.join(", ")}`));
	return rows.map((row) => [String(row.Table).replace(/^.*\./, ""), row.Checksum]);
}

async function dump(t: Test, ground: Ground): Promise<void> {
	const { server, url, direct, everything, reader } = ground;
	const flags = ["--single-transaction", "--skip-comments", "--no-tablespaces", "--hex-blob"];
	const made = await run("mariadb-dump", [...connection(reader), ...flags, reader.database, ...TABLES]);
	t.equal(made.code, 0, `mariadb-dump under a license that reads: ${made.stderr}`);
	const expected = await run("mariadb-dump", [...connection(direct), ...flags, direct.database, ...TABLES]);
	t.ok(expected.stdout.length > 20_000, "something was dumped");
	t.ok(made.stdout === expected.stdout, "the dump equals a direct one");
	const whole = [...flags, "--routines", "--triggers", "--events"];
	const [through, straight] = [
		await run("mariadb-dump", [...connection(everything), ...whole, everything.database]),
		await run("mariadb-dump", [...connection(direct), ...whole, direct.database]),
	];
	t.equal(through.stdout, straight.stdout, `with routines, under a license that permits all: ${through.stderr}`);
	const before = await checksums(url);
	const loaded = await client(everything, made.stdout);
	t.match(loaded, { code: 0, stderr: "" }, "it loads through Licet");
	t.same(await checksums(url), before, `the tables are as before (${server.name})`);
}

async function sysbench(t: Test, { everything }: Ground): Promise<void> {
	const { host, port, username, password, database } = everything;
	const folder = mkdtempSync(join(tmpdir(), "licet-sysbench-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const config = join(folder, "config");
	const login = { host, port, user: username, password, db: database };
	const lines = Object.entries(login).map(([name, value]) => `mysql-${name}=${value}`);
	writeFileSync(config, [...lines, "db-driver=mysql", "table-size=500", "tables=1", "threads=4", "time=2"].join("\n"));
	const work = (...words: string[]) => run("sysbench", [`--config-file=${config}`, ...words]);
	const made = await work("oltp_read_write", "prepare");
	t.equal(made.code, 0, `prepare: ${made.stdout.slice(-300)}`);
	for (const script of ["oltp_read_write", "oltp_point_select"]) {
		for (const mode of ["disable", "auto"]) {
			const { code, stdout } = await work(
				script,
				`--db-ps-mode=${mode}`,
				"--mysql-ignore-errors=1213,1205,1020",
				"run",
			);
			t.equal(code, 0, `${script}, --db-ps-mode=${mode}: ${code === 0 ? "" : stdout.slice(-500)}`);
			t.match(stdout, /transactions: +[1-9]/, `${script}, ${mode}: there are transactions`);
		}
	}
	t.equal((await work("oltp_read_write", "cleanup")).code, 0, "cleanup");
}

t.test("tools", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const bench = { name: "sysbench", packages: ["sysbench"], probe: ["sysbench", "--version"] } as const;
	const why = (await missingPrograms([bench])).get(bench.name);
	for (const server of mysqlServers()) {
		await t.test(server.name, async (t) => {
			const ground = await prepare(t, server);
			await t.test("mariadb", (t) => commandLine(t, ground));
			await t.test("mariadb, Ctrl-C", (t) => interrupt(t, ground));
			await t.test("mariadb-dump", (t) => dump(t, ground));
			await t.test("sysbench", why === undefined ? {} : { skip: why }, (t) => sysbench(t, ground));
		});
	}
});
