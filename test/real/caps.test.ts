/**
 * Limits on what a statement may deliver and on time, by the clients that meet them: never a row more than the cap, in
 * whatever pieces it is fetched, and the session as usable afterwards as after the server's own error.
 */
import { text } from "node:stream/consumers";
import { to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import t, { type Test } from "tap";
import { cap, license } from "../helpers/license.js";
import { type IssuedGrant, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { psql } from "../helpers/programs.js";
import { RawClient, ServerError } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.big (id int PRIMARY KEY, word text);
INSERT INTO app.big SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n;
CREATE TABLE app.small AS SELECT * FROM app.big WHERE id <= 100;
CREATE TABLE app.wide AS SELECT 1 AS id, repeat('y', 50000) AS word;
ANALYZE;
`;

const READ = { permits: [{ on: ["app.*"], commands: ["read", "write"] }] };
const MAX = 100;

const LICENSES = {
	error: license("error", { ...READ, limits: { rowsPerStatement: cap(MAX, "error") } }),
	cut: license("cut", { ...READ, limits: { rowsPerStatement: cap(MAX, "truncate") } }),
	bytes: license("bytes", { ...READ, limits: { bytesPerStatement: cap("10KiB", "error") } }),
	"cut-bytes": license("cut-bytes", { ...READ, limits: { bytesPerStatement: cap("10KiB", "truncate") } }),
	all: license("all", { permits: "all", limits: { rowsPerStatement: cap(MAX, "error") } }),
	timed: license("timed", { ...READ, limits: { statementTimeout: "1s" } }),
	idle: license("idle", { ...READ, limits: { idleTimeout: "1s" } }),
	few: license("few", { ...READ, limits: { sessions: 2 } }),
};

interface Ground {
	readonly url: string;
	readonly licet: Licet;
	readonly grants: Readonly<Record<string, IssuedGrant>>;
}

async function prepare(t: Test, server: string): Promise<Ground> {
	const url = await createDatabase(t, server, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const grants: Record<string, IssuedGrant> = {};
	for (const name of Object.keys(LICENSES)) grants[name] = await licet.grant({ license: name, target: "shop" });
	return { url, licet, grants };
}

function grantOf(ground: Ground, name: keyof typeof LICENSES): IssuedGrant {
	const grant = ground.grants[name];
	if (grant === undefined) throw new Error(`no grant under ${name}`);
	return grant;
}

async function login(t: Test, ground: Ground, name: keyof typeof LICENSES): Promise<RawClient> {
	const client = await RawClient.login(rawGrant(grantOf(ground, name)));
	t.teardown(() => client.destroy());
	return client;
}

const rows = (answers: readonly wire.Message[]) => answers.filter(({ type }) => type === "D").length;
/** The outline without its rows. */
const shape = (answers: readonly wire.Message[]) => wire.outline(answers.filter(({ type }) => type !== "D"));

const ALL = "SELECT id, word FROM app.big";

/** Statements that would deliver more than the cap, each in another shape. */
const TOO_MANY = [
	ALL,
	"TABLE app.big",
	`WITH c AS (${ALL}) SELECT * FROM c`,
	`${ALL} UNION ALL ${ALL}`,
	"SELECT b.id FROM app.big b JOIN app.small s ON true",
	"UPDATE app.big SET word = word RETURNING id",
	"SELECT (SELECT max(id) FROM app.small) FROM app.big",
	"SELECT id FROM app.small, generate_series(1, 3)",
] as const;

async function raw(t: Test, ground: Ground): Promise<void> {
	const client = await login(t, ground, "error");
	for (const sql of TOO_MANY) {
		const simple = await client.query(sql);
		t.match(shape(simple), /^T E:54000 Z:I$/, `simple: ${sql}`);
		t.ok(rows(simple) <= MAX, `${rows(simple)} rows`);
		const extended = await client.ask(wire.parse(sql), wire.bind(), wire.describe("P"), wire.execute(), wire.sync);
		t.match(shape(extended), /^1 2 T E:54000 Z:I$/, `extended: ${sql}`);
		t.ok(rows(extended) <= MAX, `${rows(extended)} rows`);
	}
	for (const sql of ["SELECT id FROM app.small", `${ALL} LIMIT ${MAX}`, "SELECT count(*) FROM app.big"]) {
		t.match(shape(await client.query(sql)), /^T C:SELECT \d+ Z:I$/, `within the cap: ${sql}`);
	}
	const error = (await client.query(ALL)).find(({ type }) => type === "E");
	t.match(error && wire.errorFields(error), {
		S: "ERROR",
		M: /more than 100 rows/,
		D: /License "error".*limits\.rowsPerStatement/,
		H: /\S/,
	});
	t.match(shape(await client.query("SELECT relname FROM pg_class")), /^T C:SELECT \d+ Z:I$/, "catalogs are not capped");
	t.equal(
		wire.outline(await client.query("UPDATE app.big SET word = word")),
		"C:UPDATE 1000 Z:I",
		"what delivers nothing",
	);

	t.equal(shape(await client.query("BEGIN")), "C:BEGIN Z:T");
	t.equal(shape(await client.query(ALL)), "T E:54000 Z:E", "a transaction is aborted, as by any error");
	t.equal(shape(await client.query("SELECT 1")), "E:25P02 Z:E");
	t.equal(shape(await client.query("ROLLBACK")), "C:ROLLBACK Z:I");

	t.equal(shape(await client.query(`SELECT 1; ${ALL}; SELECT 2`)), "T C:SELECT 1 T E:54000 Z:I", "within a string");
	const pipeline = await client.ask(
		...[wire.parse("SELECT 1"), wire.bind(), wire.execute()],
		...[wire.parse(ALL), wire.bind(), wire.execute()],
		...[wire.parse("SELECT 2"), wire.bind(), wire.execute()],
		wire.sync,
	);
	t.equal(shape(pipeline), "1 2 C:SELECT 1 1 2 E:54000 Z:I", "within a pipeline");
	t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I", "the session goes on");
}

/** However the rows are fetched, they count together. */
async function pieces(t: Test, ground: Ground): Promise<void> {
	const client = await login(t, ground, "error");
	await client.query("BEGIN");
	const portal = await client.ask(
		wire.parse(ALL),
		wire.bind({ portal: "p" }),
		...Array.from({ length: 10 }, () => wire.execute("p", 30)),
		wire.sync,
	);
	t.match(shape(portal), /^1 2 (s )*E:54000 Z:E$/, "a portal in pieces");
	t.ok(rows(portal) <= MAX, `${rows(portal)} rows`);
	await client.query("ROLLBACK");

	await client.query("BEGIN");
	let got = 0;
	let last = "";
	await client.ask(wire.parse(ALL), wire.bind({ portal: "q" }), wire.sync);
	for (let n = 0; n < 10 && !last.includes("E:"); n++) {
		const answers = await client.ask(wire.execute("q", 30), wire.sync);
		got += rows(answers);
		last = shape(answers);
	}
	t.equal(last, "E:54000 Z:E", "a portal over several series");
	t.ok(got <= MAX, `${got} rows`);
	await client.query("ROLLBACK");

	for (const fetch of ["FETCH 30 FROM c", "FETCH FORWARD 30 FROM c", "FETCH ALL FROM c", "FETCH 101 FROM c"]) {
		await client.query(`BEGIN; DECLARE c SCROLL CURSOR FOR ${ALL}`);
		got = 0;
		last = "";
		for (let n = 0; n < 10 && !last.includes("E:"); n++) {
			const answers = await client.query(fetch);
			got += rows(answers);
			last = shape(answers);
		}
		t.match(last, /E:54000 Z:E$/, `a cursor: ${fetch}`);
		t.ok(got <= MAX, `${got} rows`);
		await client.query("ROLLBACK");
	}
	await client.query(`BEGIN; DECLARE c SCROLL CURSOR FOR ${ALL}`);
	got = 0;
	for (let n = 0; n < 8; n++) {
		got += rows(await client.query("FETCH 30 FROM c"));
		await client.query("MOVE BACKWARD ALL IN c");
	}
	t.ok(got <= MAX, `moving back gives nothing new: ${got} rows`);
	await client.query("ROLLBACK");

	await client.query(`PREPARE big AS ${ALL}`);
	t.match(shape(await client.query("EXECUTE big")), /^T E:54000 Z:I$/, "EXECUTE");
	const copied = await client.query("COPY app.big TO STDOUT");
	t.match(wire.outline(copied), /E:54000 Z:I$/, "COPY");
	t.ok(copied.filter(({ type }) => type === "d").length <= MAX);
	for (const collect of ["array_agg(id)", "string_agg(word, ',')", "json_agg(b)", "jsonb_object_agg(id, word)"]) {
		const answers = await client.query(`SELECT ${collect} FROM app.big b`);
		t.match(wire.outline(answers), /^(T )?E:(42501|54000) Z:I$/, `collected into one: ${collect}`);
	}
}

async function truncated(t: Test, ground: Ground): Promise<void> {
	const client = await login(t, ground, "cut");
	const simple = await client.query(ALL);
	t.match(shape(simple), /^T N? ?C:SELECT 100 N? ?Z:I$/, "as if there were no more");
	t.equal(rows(simple), MAX);
	const notice = simple.find(({ type }) => type === "N");
	t.match(notice && wire.errorFields(notice), { S: "WARNING", M: /cut/ });
	const extended = await client.ask(wire.parse(ALL), wire.bind(), wire.describe("P"), wire.execute(), wire.sync);
	t.equal(rows(extended), MAX, "extended");
	t.match(shape(extended), /^1 2 T N? ?C:SELECT 100 N? ?Z:I$/);
	t.equal(shape(await client.query("SELECT id FROM app.small")), "T C:SELECT 100 Z:I", "no warning at the cap itself");
	await client.query("BEGIN");
	await client.ask(wire.parse(ALL), wire.bind({ portal: "p" }), wire.sync);
	let got = 0;
	for (let n = 0; n < 5; n++) got += rows(await client.ask(wire.execute("p", 30), wire.sync));
	t.equal(got, MAX, "a portal in pieces");
	t.match(shape(await client.query("SELECT 1")), "T C:SELECT 1 Z:T", "the transaction goes on");
	await client.query("COMMIT");
	const string = await client.query(`${ALL}; SELECT 2`);
	t.equal(rows(string), MAX + 1, "what follows in a string is whole");
}

async function byBytes(t: Test, ground: Ground): Promise<void> {
	const client = await login(t, ground, "bytes");
	const answers = await client.query(ALL);
	t.equal(shape(answers), "T E:54000 Z:I");
	const size = (messages: readonly wire.Message[]) =>
		messages.filter(({ type }) => type === "D").reduce((sum, { body }) => sum + body.length + 5, 0);
	t.ok(size(answers) <= 10_240 && size(answers) > 5_000, `${size(answers)} bytes`);
	t.equal(shape(await client.query("SELECT word FROM app.wide")), "T E:54000 Z:I", "one large row");
	t.equal(shape(await client.query(`${ALL} LIMIT 50`)), "T C:SELECT 50 Z:I");
	const cut = await login(t, ground, "cut-bytes");
	const some = await cut.query(ALL);
	t.match(shape(some), /^T N? ?C:SELECT \d+ N? ?Z:I$/);
	t.ok(size(some) <= 10_240 && size(some) > 5_000, `${size(some)} bytes`);
	t.match(shape(await cut.query("SELECT word FROM app.wide")), /^T N? ?C:SELECT 0 N? ?Z:I$/);
}

async function byClients(t: Test, ground: Ground): Promise<void> {
	const capped = await psql(rawGrant(grantOf(ground, "error")), `${ALL};\nSELECT 'after';\n`);
	t.match(capped, { stdout: /after/, stderr: /ERROR: +54000/ }, "psql");
	const fetched = await psql(rawGrant(grantOf(ground, "error")), `\\set FETCH_COUNT 30\n${ALL};\n`);
	t.match(fetched, { stderr: /ERROR: +54000/ }, "psql with FETCH_COUNT");
	t.ok(fetched.stdout.split("\n").length <= MAX + 1);
	const cut = await psql(rawGrant(grantOf(ground, "cut")), `${ALL};\n`);
	t.match(cut, { code: 0, stderr: /WARNING/ }, "psql, truncated");
	t.equal(cut.stdout.trim().split("\n").length, MAX);
	const all = await psql(rawGrant(grantOf(ground, "all")), `${ALL};\n\\dt app.*\n`);
	t.match(all, { stdout: /big/, stderr: /ERROR: +54000/ }, "permits: all is capped too");

	await withClient(grantOf(ground, "error").url, async (client) => {
		await t.rejects(client.query(ALL), { code: "54000" }, "pg");
		await t.rejects(
			client.query({ name: "n", text: `${ALL} WHERE id > $1`, values: [0] }),
			{ code: "54000" },
			"prepared",
		);
		await t.rejects(client.query({ name: "n", text: `${ALL} WHERE id > $1`, values: [0] }), { code: "54000" }, "again");
		const cursor = client.query(new Cursor(ALL, []));
		t.equal((await cursor.read(60)).length, 60, "pg-cursor");
		await t.rejects(cursor.read(60), { code: "54000" }, "pg-cursor, beyond the cap");
		await t.rejects(text(client.query(copyTo("COPY app.big TO STDOUT"))), { code: "54000" }, "pg-copy-streams");
		t.equal((await client.query("SELECT id FROM app.small")).rowCount, MAX, "the connection goes on");
	});
	await withClient(grantOf(ground, "cut").url, async (client) => {
		t.equal((await client.query(ALL)).rowCount, MAX, "pg, truncated");
		t.equal((await client.query({ name: "n", text: `${ALL} WHERE id > $1`, values: [0] })).rowCount, MAX);
		const cursor = client.query(new Cursor(ALL, []));
		t.equal((await cursor.read(60)).length + (await cursor.read(60)).length, MAX, "pg-cursor, truncated");
		await cursor.close();
		t.equal((await text(client.query(copyTo("COPY app.big TO STDOUT")))).trim().split("\n").length, MAX, "COPY");
	});
}

async function byTime(t: Test, ground: Ground): Promise<void> {
	const slow = "SELECT count(*) FROM generate_series(1, 2000000000)";
	const timed = await login(t, ground, "timed");
	for (const status of ["I", "E"]) {
		if (status === "E") await timed.query("BEGIN");
		const since = Date.now();
		const answers = await timed.query(slow);
		t.match(wire.outline(answers), new RegExp(`^(T )?E:57014 Z:${status}$`), "statementTimeout");
		t.ok(Date.now() - since > 900 && Date.now() - since < 3_000, `after ${Date.now() - since} ms`);
		const error = answers.find(({ type }) => type === "E");
		t.match(error && wire.errorFields(error), { M: /timeout/, D: /statementTimeout/ });
	}
	t.equal(
		wire.outline(await timed.query("ROLLBACK; SELECT 1")),
		"C:ROLLBACK T D C:SELECT 1 Z:I",
		"the session goes on",
	);

	const idle = await login(t, ground, "idle");
	const since = Date.now();
	await idle.query("SELECT 1");
	const ends = await idle.untilEnd(4_000);
	t.match(wire.outline(ends), "E:57P05", "idleTimeout");
	t.ok(Date.now() - since > 900 && Date.now() - since < 2_500, `after ${Date.now() - since} ms`);

	const [one, two] = [await login(t, ground, "few"), await login(t, ground, "few")];
	const third: unknown = await RawClient.login(rawGrant(grantOf(ground, "few"))).catch((error: unknown) => error);
	t.ok(third instanceof ServerError);
	t.match(third, { fields: { S: "FATAL", C: "53300", D: /limits\.sessions/ } }, "sessions");
	t.equal(wire.outline(await two.query("SELECT 1")), "T D C:SELECT 1 Z:I");
	one.send(wire.terminate);
	await one.untilEnd();
	const racing = await Promise.allSettled([1, 2, 3].map(() => RawClient.login(rawGrant(grantOf(ground, "few")))));
	t.equal(
		racing.filter(({ status }) => status === "fulfilled").length,
		1,
		"of three that race for one place one gets it",
	);
	for (const each of racing) if (each.status === "fulfilled") each.value.destroy();
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, async (t) => {
		const ground = await prepare(t, server);
		await t.test("rows, then: error", (t) => raw(t, ground));
		await t.test("rows in pieces", (t) => pieces(t, ground));
		await t.test("rows, then: truncate", (t) => truncated(t, ground));
		await t.test("bytes", (t) => byBytes(t, ground));
		await t.test("psql and drivers", (t) => byClients(t, ground));
		await t.test("time and sessions", (t) => byTime(t, ground));
	});
}
