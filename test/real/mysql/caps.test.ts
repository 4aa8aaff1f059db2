/**
 * Limits on what a statement of MySQL may deliver and on time: never a row more than the cap, however it is fetched, and
 * the session as usable afterwards as after the server's own error.
 */
import { spawn } from "node:child_process";
import t, { type Test } from "tap";
import { outcome } from "../../helpers/command.js";
import { cap } from "../../helpers/license.js";
import { type Answer, MysqlRefusal, outline, RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { COM, type ColumnDefinition, command, FLAG, int32 } from "../../helpers/mysql-wire.js";
import { eventually, type Ground, prepareGround, rawMysqlGrant, replay } from "./ground.js";

const SCHEMA = `
CREATE TABLE small (id int PRIMARY KEY, word varchar(200));
INSERT INTO small WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i, repeat('x', 100) FROM n;
CREATE TABLE big (id int PRIMARY KEY, word varchar(200));
INSERT INTO big SELECT a.id * 100 + b.id, a.word FROM small a, small b WHERE a.id <= 10;
CREATE TABLE wide (id int, word longtext);
INSERT INTO wide VALUES (1, repeat('y', 50000));
CREATE PROCEDURE all_of_it() BEGIN SELECT id FROM big; SELECT 'after'; END;
`;

const READ = { permits: [{ on: ["$DB.*"], commands: ["read", "write"] }] };
const MAX = 100;

const LICENSES = {
	error: { ...READ, limits: { rowsPerStatement: cap(MAX, "error") } },
	cut: { ...READ, limits: { rowsPerStatement: cap(MAX, "truncate") } },
	bytes: { ...READ, limits: { bytesPerStatement: cap("10KiB", "error") } },
	"cut-bytes": { ...READ, limits: { bytesPerStatement: cap("10KiB", "truncate") } },
	all: { permits: "all", limits: { rowsPerStatement: cap(MAX, "error") } },
	timed: { permits: "all", limits: { statementTimeout: "1s" } },
	"timed-read": { ...READ, limits: { statementTimeout: "1s" } },
	idle: { ...READ, limits: { idleTimeout: "1s" } },
	few: { ...READ, limits: { sessions: 2 } },
};

const ALL = "SELECT id, word FROM big";

/** Statements that would deliver more than the cap, each in another shape. */
const TOO_MANY = [
	ALL,
	`WITH c AS (${ALL}) SELECT * FROM c`,
	`${ALL} UNION ALL ${ALL}`,
	"SELECT b.id FROM big b JOIN small s ON true",
	"SELECT (SELECT max(id) FROM small) FROM big",
	"SELECT 1 FROM big ORDER BY word, id DESC",
	"SELECT SQL_CALC_FOUND_ROWS id FROM big LIMIT 101",
	"SELECT id FROM small, (SELECT 1 UNION SELECT 2 UNION SELECT 3) g",
];

const rowsOf = (answers: readonly Answer[]) =>
	answers.reduce((sum, answer) => sum + (answer.kind === "rows" ? answer.count : 0), 0);
const lastError = (answers: readonly Answer[]) => {
	const last = answers.at(-1);
	return last?.kind === "error" ? last : last?.kind === "rows" ? last.error : undefined;
};
const EXCEEDED = {
	errno: 1104,
	state: "42000",
	message: /more than 100 rows.*License "error".*limits\.rowsPerStatement/,
};

async function prepared(client: RawMysqlClient, sql: string): Promise<Answer[]> {
	const { id, error } = await client.prepare(sql);
	if (error !== undefined) return [{ kind: "error", ...error }];
	const answers = await client.execute(id);
	client.send(command(COM.close, int32(id)));
	return answers;
}

async function withError(t: Test, ground: Ground): Promise<void> {
	for (const deprecateEof of [true, false]) {
		const client = await ground.login(t, "error", { deprecateEof, flags: FLAG.multiStatements });
		for (const sql of TOO_MANY) {
			for (const [how, answers] of [
				["text", await client.query(sql)],
				["prepared", await prepared(client, sql)],
			] as const) {
				t.match(lastError(answers), EXCEEDED, `${how}: ${sql}`);
				t.ok(rowsOf(answers) <= MAX, `${rowsOf(answers)} rows`);
				t.equal(outline(await client.query("SELECT 1")), "1c 1r s2 w0", "the session goes on");
			}
		}
		for (const sql of ["SELECT id FROM small", `${ALL} LIMIT ${MAX}`, "SELECT count(*) FROM big"]) {
			t.match(outline(await client.query(sql)), /^\dc \d+r s2 w0$/, `within the cap: ${sql}`);
			t.match(outline(await prepared(client, sql)), /^\dc \d+r s2 w0$/, `prepared: ${sql}`);
		}
		await client.query("BEGIN");
		t.equal(outline(await client.query("UPDATE big SET word = 'z'")), "ok 1000 s3 w0", "what delivers nothing");
		await client.query("ROLLBACK");
		t.match(
			outline(await client.query("SELECT * FROM information_schema.COLLATIONS")),
			/^\d+c \d{3}r s2 w0$/,
			"catalogs are not capped",
		);
		t.match(lastError(await client.query(`SELECT 1; ${ALL}; SELECT 2`)), EXCEEDED, "within a text");
		await client.query("BEGIN");
		await client.query("UPDATE small SET word = 'q' WHERE id = 1");
		t.match(lastError(await client.query(ALL)), EXCEEDED);
		t.match(
			outline(await client.query("SELECT word FROM small WHERE word = 'q'")),
			/^1c 1r s3 w0$/,
			"a transaction stays open",
		);
		await client.query("ROLLBACK");
		for (const collect of ["GROUP_CONCAT(id)", "JSON_ARRAYAGG(id)", "JSON_OBJECTAGG(id, word)"]) {
			t.match(
				outline(await client.query(`SELECT ${collect} FROM big`)),
				/E(1142|1104) 42000$/,
				`collected into one: ${collect}`,
			);
		}
		t.same(client.misnumbered, [], "packets are numbered without gaps");
	}
}

/** However rows are fetched, they count together. */
async function pieces(t: Test, ground: Ground): Promise<void> {
	for (const deprecateEof of [true, false]) {
		const client = await ground.login(t, "error", { deprecateEof });
		for (const piece of [1, 30, 100, 101, 1000]) {
			const { id } = await client.prepare(`${ALL} ORDER BY id`);
			let got = 0;
			let answers = await client.execute(id, { cursor: true });
			const columns = (answers[0] as { columns?: readonly ColumnDefinition[] }).columns ?? [];
			for (let round = 0; round < 200 && lastError(answers) === undefined; round++) {
				answers = [await client.fetch(id, piece, columns)];
				got += rowsOf(answers);
			}
			t.match(lastError(answers), EXCEEDED, `a cursor, ${piece} rows at a time`);
			t.ok(got <= MAX && got >= Math.min(MAX, piece) * (piece > MAX ? 0 : 1), `${got} rows`);
			// Executed anew it counts anew.
			answers = await client.execute(id, { cursor: true });
			answers = [await client.fetch(id, 10, columns)];
			t.equal(rowsOf(answers), 10, "the next execution");
			t.equal(outline([await client.simple(COM.reset, int32(id))]), "ok 0 s2 w0");
			client.send(command(COM.close, int32(id)));
		}
		t.match(lastError(await prepared(client, ALL)), EXCEEDED);
		await client.query(`PREPARE p FROM '${ALL}'`);
		t.match(lastError(await client.query("EXECUTE p")), EXCEEDED, "SQL's EXECUTE");
		t.same(client.misnumbered, []);
	}
}

const CUT = `the result was cut: the license allows ${MAX} rows a statement`;

async function warnings(client: RawMysqlClient, sql = "SHOW WARNINGS"): Promise<unknown> {
	const [answer] = await client.query(sql);
	return answer?.kind === "rows" ? answer.rows : answer;
}

async function truncated(t: Test, ground: Ground): Promise<void> {
	for (const deprecateEof of [true, false]) {
		const client = await ground.login(t, "cut", { deprecateEof, flags: FLAG.multiStatements });
		// MySQL has a warning of its own for SQL_CALC_FOUND_ROWS.
		for (const sql of TOO_MANY.filter((each) => !each.includes("SQL_CALC"))) {
			t.match(outline(await client.query(sql)), /^\dc 100r s2 w1$/, `with a warning: ${sql}`);
			t.match(outline(await prepared(client, sql)), /^\dc 100r s2 w1$/, `prepared: ${sql}`);
			t.same(await warnings(client), [["Warning", "1104", CUT]], "which can be asked for");
			t.same(await warnings(client, "show warnings limit 5"), [["Warning", "1104", CUT]], "and again");
			t.equal(outline(await client.query("SELECT 1")), "1c 1r s2 w0", "the session goes on, and is not stopped late");
			t.same(
				await warnings(client),
				[["Warning", "1104", CUT]],
				"and what uses no tables leaves it there, as a server does",
			);
		}
		t.equal(outline(await client.query("SELECT id FROM small")), "1c 100r s2 w0", "no warning at the cap itself");
		t.same(await warnings(client), [], "the next statement has none");
		const [first, second] = await client.query(`${ALL}; SELECT id FROM small`);
		t.match(first && outline([first]), /^2c 100r s10 w1$/);
		t.match(second && outline([second]), /^1c 100r s2 w0$/, "what follows in a text is whole");
		const { id } = await client.prepare(ALL);
		const [head] = await client.execute(id, { cursor: true });
		const columns = (head as { columns?: readonly ColumnDefinition[] }).columns ?? [];
		let got = 0;
		let warned = 0;
		for (let round = 0; round < 6; round++) {
			const answer = await client.fetch(id, 30, columns);
			got += rowsOf([answer]);
			warned += answer.kind === "rows" ? answer.warnings : 0;
		}
		t.equal(got, MAX, "a cursor in pieces");
		t.ok(warned > 0, "warns");
		t.same(await warnings(client), [["Warning", "1104", CUT]]);
		await client.query("BEGIN");
		await client.query(ALL);
		t.equal(outline(await client.query("SELECT 1")), "1c 1r s3 w0", "the transaction goes on");
		await client.query("COMMIT");
		t.same(client.misnumbered, []);
	}
}

async function byBytes(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "bytes");
	for (const run of [(sql: string) => client.query(sql), (sql: string) => prepared(client, sql)]) {
		const before = client.bytesReceived;
		t.match(lastError(await run(ALL)), { errno: 1104, message: /bytesPerStatement/ });
		t.ok(client.bytesReceived - before < 12_000, `${client.bytesReceived - before} bytes`);
		t.match(lastError(await run("SELECT word FROM wide")), { errno: 1104 }, "one large row");
		t.match(outline(await run(`${ALL} LIMIT 50`)), /^2c 50r s2 w0$/);
	}
	const cut = await ground.login(t, "cut-bytes");
	t.match(outline(await cut.query(ALL)), /^2c \d+r s2 w1$/);
	t.match(outline(await cut.query("SELECT word FROM wide")), /^1c 0r s2 w1$/);
	t.same([...client.misnumbered, ...cut.misnumbered], []);
}

async function unrestricted(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "all", { flags: FLAG.multiStatements });
	t.match(lastError(await client.query(ALL)), { errno: 1104 }, "permits: all is capped too");
	t.match(lastError(await client.query("CALL all_of_it()")), { errno: 1104 }, "what a procedure delivers");
	t.equal(outline(await client.query("SELECT 1")), "1c 1r s2 w0");
	t.match(lastError(await client.query(`SELECT 1; ${ALL}`)), { errno: 1104 });
	t.same(client.misnumbered, []);
}

async function byTime(t: Test, ground: Ground): Promise<void> {
	const isMaria = ground.server.flavour === "mariadb";
	const client = await ground.login(t, "timed");
	for (const run of [(sql: string) => client.query(sql), (sql: string) => prepared(client, sql)]) {
		const since = Date.now();
		const answers = await run("SELECT count(*), sum(a.id * b.id - c.id) FROM big a, big b, big c");
		t.match(lastError(answers), { errno: isMaria ? 1969 : 3024, message: /statementTimeout/ }, "statementTimeout");
		const afterMs = Date.now() - since;
		t.ok(afterMs > 900 && afterMs < 8_000, `after ${afterMs} ms`);
		t.equal(outline(await client.query("SELECT 1")), "1c 1r s2 w0", "the session goes on");
	}
	await client.query("BEGIN");
	// SLEEP ends early and tells so by its value.
	t.match(outline(await client.query("SELECT SLEEP(20)")), /^1c (1r s3 w0|0r E\d+ \w+)$/, "SLEEP");
	t.match(outline(await client.query("SELECT 1")), "1c 1r s3 w0", "in a transaction that stays open");
	await client.query("ROLLBACK");
	const read = await ground.login(t, "timed-read");
	const slow = await read.query("SELECT sum(a.id * b.id - c.id) FROM big a, big b, big c");
	t.match(lastError(slow), { errno: isMaria ? 1969 : 3024 });
	const lines = await replay(ground.licet);
	t.match(
		lines.filter(({ type }) => type === "result").at(-1),
		{ error: { code: isMaria ? "1969" : "3024" } },
		"the recording knows why",
	);
	t.same([...client.misnumbered, ...read.misnumbered], []);
}

async function idleAndMany(t: Test, ground: Ground): Promise<void> {
	const idle = await ground.login(t, "idle");
	await idle.query("SELECT 1");
	const since = Date.now();
	idle.say(Buffer.alloc(0), 0xff);
	const error = await idle.lastError(8_000);
	t.match(error, { errno: 4031, state: "HY000", message: /idle.*limits\.idleTimeout/ }, "idleTimeout");
	t.ok(Date.now() - since > 800 && Date.now() - since < 5_000, `after ${Date.now() - since} ms`);

	const [one, two] = [await ground.login(t, "few"), await ground.login(t, "few")];
	const options = rawMysqlGrant(await ground.grant("few"));
	const enter = () =>
		RawMysqlClient.login(options).then(
			(client) => {
				t.teardown(() => client.destroy());
				return undefined;
			},
			(error: unknown) => (error instanceof MysqlRefusal ? error.fields : { message: String(error) }),
		);
	t.match(await enter(), { errno: 1203, state: "42000", message: /limits\.sessions: 2/ }, "sessions");
	t.equal(outline(await two.query("SELECT 1")), "1c 1r s2 w0");
	one.send(command(COM.quit));
	await one.untilEnd();
	t.equal(await eventually(enter, (refused) => refused === undefined), undefined, "a place that is free again");
	two.destroy();
	await two.untilEnd().catch(() => []);
	const racing = await eventually(
		() => Promise.all([enter(), enter(), enter()]),
		(all) => all.some((refused) => refused === undefined),
	);
	t.equal(racing.filter((refused) => refused === undefined).length, 1, "of three that race for one place one gets it");
}

async function byClient(t: Test, ground: Ground): Promise<void> {
	const run = async (license: string, input: string, ...flags: string[]) => {
		const { host, port, username, password, database } = await ground.grant(license);
		const words = ["-h", host, "-P", `${port}`, "-u", username, `-p${password}`, "-D", database, "-N", "-B"];
		const child = spawn("mariadb", ["--no-defaults", ...words, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
		child.stdin.end(input);
		return outcome(child);
	};
	const capped = await run("error", `${ALL};\nSELECT 'after';\n`, "--force");
	t.match(capped, { stdout: /after/, stderr: /ERROR 1104 \(42000\).*more than 100 rows/ }, "mariadb");
	const cut = await run("cut", `${ALL};\n`);
	t.equal(
		cut.stdout
			.trim()
			.split("\n")
			.filter((line) => /^\d+\t/.test(line)).length,
		MAX,
		"mariadb, truncated",
	);
	t.equal(cut.code, 0);
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		await t.test("rows, then: error", (t) => withError(t, ground));
		await t.test("rows in pieces", (t) => pieces(t, ground));
		await t.test("rows, then: truncate", (t) => truncated(t, ground));
		await t.test("bytes", (t) => byBytes(t, ground));
		await t.test("under permits: all", (t) => unrestricted(t, ground));
		await t.test("time", (t) => byTime(t, ground));
		await t.test("idle and many sessions", (t) => idleAndMany(t, ground));
		await t.test("the command line client", (t) => byClient(t, ground));
	});
}
