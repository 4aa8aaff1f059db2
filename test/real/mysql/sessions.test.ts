/**
 * Sessions of MySQL over their whole life: what each command does, what ends a session and what it is told, how one
 * session stops another, how a connection changes its user, and a license that changes underneath.
 */
import { spawn } from "node:child_process";
import t, { type Test } from "tap";
import { outcome } from "../../helpers/command.js";
import { license } from "../../helpers/license.js";
import type { IssuedGrant } from "../../helpers/licet.js";
import { type Answer, MysqlRefusal, outline, RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { COM, command, execute, FLAG, int16, int32, packet, query } from "../../helpers/mysql-wire.js";
import { direct, eventually, type Ground, pause, prepareGround, rawMysqlGrant, replay, sessions } from "./ground.js";

const SCHEMA = `
CREATE TABLE orders (id int PRIMARY KEY, word varchar(40));
INSERT INTO orders VALUES (1, 'brightword'), (2, 'otherword');
CREATE TABLE tickets (id int PRIMARY KEY);
`;

const READ = { permits: [{ on: ["$DB.*"], commands: ["read"] }] };
const LICENSES = {
	basic: READ,
	watched: READ,
	everything: { permits: "all" },
	closed: { ...READ, hours: { timezone: "UTC", allow: [`${weekdayAfterTomorrow()} 00:00-23:59`] } },
};

/** A day that this test does not run on. */
function weekdayAfterTomorrow(): string {
	return new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "UTC" }).format(Date.now() + 48 * 3_600_000);
}

const SLOW = "SELECT SLEEP(60) /* licet-marker */";

async function enter(t: Test, grant: IssuedGrant, flags = 0): Promise<RawMysqlClient> {
	const client = await RawMysqlClient.login({ ...rawMysqlGrant(grant), flags });
	t.teardown(() => client.destroy());
	return client;
}

/** How a login fails. */
async function refusal(grant: IssuedGrant, password = grant.password): Promise<Record<string, unknown>> {
	return RawMysqlClient.login({ ...rawMysqlGrant(grant), password }).then(
		(client) => {
			client.destroy();
			return {};
		},
		(error: unknown) => (error instanceof MysqlRefusal ? { ...error.fields } : { message: String(error) }),
	);
}

/** Waits for the end of a session; a command that it was asked for is under way or not. */
async function lastWords(client: RawMysqlClient, since: number) {
	const error = await client.lastError(8_000);
	return { ...error, afterMs: Date.now() - since };
}

const running = async (ground: Ground): Promise<number> => {
	const rows = await direct(
		ground,
		"SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%licet-marker%' AND INFO NOT LIKE '%PROCESSLIST%'",
	);
	return Number(rows[0]?.[0]);
};

const issue = (ground: Ground, license: string, duration = "1h", subject = "alice") =>
	ground.licet.grant({ license, target: "shop", duration, subject });

async function ends(t: Test, ground: Ground): Promise<void> {
	const grant = await issue(ground, "everything");
	const other = await enter(t, await issue(ground, "everything"));
	const [idle, busy, inside] = await Promise.all([1, 2, 3].map(() => enter(t, grant)));
	if (!idle || !busy || !inside) return;
	const streaming = await RawMysqlClient.login({ ...rawMysqlGrant(grant), dropRows: true });
	t.teardown(() => streaming.destroy());
	streaming.hold(true);
	streaming.say(
		query(
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT repeat('x', 5000) FROM n a, n b",
		),
	);
	await idle.query("SELECT 1");
	busy.say(query(SLOW));
	await inside.query("BEGIN");
	await inside.query("SELECT * FROM orders FOR UPDATE");
	t.equal(
		await eventually(
			() => running(ground),
			(n) => n === 1,
		),
		1,
		"it runs",
	);
	for (const client of [idle, inside]) client.say(Buffer.alloc(0));
	const since = Date.now();
	const revoked = ground.licet.cli("revoke", grant.grant, "--reason", "left the team", "--json");
	for (const [name, client] of Object.entries({ idle, busy, inside })) {
		const { afterMs, ...error } = await lastWords(client, since);
		t.match(error, { errno: 1227, state: "42000", message: /revoked/ }, name);
		// Starting the command itself takes its time on a busy machine.
		t.ok(afterMs < 8_000, `after ${afterMs} ms`);
		t.same(client.misnumbered, [], `${name}: the error's number follows the command's`);
	}
	streaming.hold(false);
	await streaming.untilEnd(8_000).catch(() => []);
	t.ok(streaming.ended, "in the middle of a result");
	t.match(await revoked, { code: 0 });
	t.equal(
		await eventually(
			() => running(ground),
			(n) => n === 0,
		),
		0,
		"nothing is left running at the server",
	);
	t.match(await refusal(grant), { errno: 1045, state: "28000", message: /revoked/ }, "no login any more");
	const wrong = await refusal(grant, "wrong");
	t.match(wrong, { errno: 1045, message: /^Access denied for user/ }, "a wrong password learns nothing");
	t.equal(outline(await other.query("SELECT 1")), "1c 1r s2 w0", "others go on");
}

async function expires(t: Test, ground: Ground): Promise<void> {
	const grant = await issue(ground, "everything", "3s");
	const [idle, busy] = await Promise.all([enter(t, grant), enter(t, grant)]);
	busy.say(query(SLOW));
	idle.say(Buffer.alloc(0));
	for (const client of [idle, busy]) {
		const { afterMs, ...error } = await lastWords(client, Date.parse(grant.expiresAt));
		t.match(error, { errno: 1227, message: /expired/ });
		t.ok(afterMs > -50 && afterMs < 3_000, `${afterMs} ms after its end`);
	}
	t.match(await refusal(grant), { errno: 1045, message: /expired/ });
	t.match(await refusal(await issue(ground, "closed")), { errno: 1045, message: /hours/ }, "outside its hours");
}

async function kills(t: Test, ground: Ground): Promise<void> {
	const grant = await issue(ground, "everything");
	const client = await enter(t, grant);
	client.say(query(SLOW));
	await eventually(
		() => running(ground),
		(n) => n === 1,
	);
	const [session] = await sessions(ground.licet);
	t.match(await ground.licet.cli("kill", session?.session ?? "", "--reason", "too long"), { code: 0 });
	t.match(await lastWords(client, Date.now()), { errno: 1227, message: /administrator.*too long/ }, "licet kill");
	t.equal(
		await eventually(
			() => running(ground),
			(n) => n === 0,
		),
		0,
	);

	const basic = await issue(ground, "basic");
	const strangers = await ground.licet.grant({ license: "everything", target: "shop", subject: "alice" });
	const [one, two] = [await enter(t, grant), await enter(t, strangers)];
	const number = one.greeting?.connectionId ?? 0;
	for (const [name, sql] of [
		["KILL QUERY", `KILL QUERY ${number}`],
		["KILL QUERY again", `kill query ${number}`],
	] as const) {
		one.say(query(SLOW));
		await eventually(
			() => running(ground),
			(n) => n === 1,
		);
		t.equal(outline(await two.query(sql)), "ok 0 s2 w0", name);
		// SLEEP answers 1 when it is stopped.
		t.match(outline(await one.answers()), /^(1c 1r s2 w0|1c 0r E1317 70100|E1317 70100)$/);
		t.equal(outline(await one.query("SELECT 1")), "1c 1r s2 w0", "only the statement was stopped");
	}
	t.equal(outline(await two.query("KILL QUERY 4000000")), "E1094 HY000", "no such connection");
	const [upstream] = await direct(
		ground,
		"SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%PROCESSLIST%'",
	);
	t.equal(outline(await two.query(`KILL ${upstream?.[0]}`)), "E1094 HY000", "a connection that is not ours");
	t.equal(outline([await two.simple(COM.processKill, int32(number))]), "ok 0 s2 w0", "COM_PROCESS_KILL");
	one.say(Buffer.alloc(0));
	t.match(await lastWords(one, Date.now()), { errno: 1227, message: /killed/ });
	const reader = await enter(t, basic);
	const self = reader.greeting?.connectionId ?? 0;
	reader.say(query(`KILL ${self}`));
	t.match(await lastWords(reader, Date.now()), { message: /killed/ }, "itself");
}

/** Ctrl-C of the command line client: KILL QUERY over a second connection, and the client goes on. */
async function interrupt(t: Test, ground: Ground): Promise<void> {
	const { host, port, username, password, database } = await ground.grant("everything");
	const words = ["--no-defaults", "-h", host, "-P", `${port}`, "-u", username, `-p${password}`, "-D", database];
	const child = spawn("mariadb", [...words, "--comments", "-e", SLOW], { stdio: ["pipe", "pipe", "pipe"] });
	const ended = outcome(child);
	t.equal(
		await eventually(
			() => running(ground),
			(n) => n === 1,
		),
		1,
		"it runs",
	);
	child.kill("SIGINT");
	await ended;
	t.equal(
		await eventually(
			() => running(ground),
			(n) => n === 0,
		),
		0,
		"and is stopped at the server",
	);
}

/** Without the warnings: MySQL's commands tell how many the statement before had. */
const said = (answer: Answer) => outline([answer]).replace(/ w\d+$/, "");

async function commands(t: Test, ground: Ground): Promise<void> {
	const { database } = ground;
	for (const deprecateEof of [true, false]) {
		const client = await ground.login(t, "basic", { deprecateEof, flags: FLAG.multiStatements });
		t.equal(said(await client.simple(COM.ping)), "ok 0 s2", "COM_PING");
		t.equal(said(await client.simple(COM.initDb, database)), "ok 0 s2", "COM_INIT_DB");
		t.match(said(await client.simple(COM.initDb, "licet_none")), /^E(1142|1044|1049) /, "a database that is none");
		t.match(await client.query("SELECT DATABASE()"), [{ rows: [[database]] }], "leaves the session where it was");
		await client.simple(COM.initDb, "mysql");
		t.match(outline(await client.query("SELECT * FROM user")), "E1142 42000", "and in another nothing more is open");
		await client.simple(COM.initDb, database);
		t.equal(said(await client.simple(COM.setOption, int16(1))), "ok 0 s2", "COM_SET_OPTION");
		t.match(outline(await client.query("SELECT 1; SELECT 2")), /^E\d+ 42000$/, "several statements are off");
		t.match(said(await client.simple(COM.setOption, int16(0))), "ok 0 s2");
		t.equal(outline(await client.query("SELECT 1; SELECT 2")), "1c 1r s10 w0 | 1c 1r s2 w0", "and on again");
		t.match(said(await client.simple(COM.setOption, int16(9))), /^E1047 08S01$/, "an option that is none");

		client.say(command(COM.statistics));
		t.match((await client.next()).toString("latin1"), /^Uptime: \d+/, "COM_STATISTICS");
		client.say(command(COM.fieldList, "orders\0"));
		const fields = [await client.next(), await client.next(), await client.next()];
		t.match(
			fields.map((each) => each[0]),
			[3, 3, 0xfe],
			"COM_FIELD_LIST",
		);

		await client.query("SET @kept = 5");
		const { id } = await client.prepare("SELECT id FROM orders");
		t.equal(said(await client.simple(COM.resetConnection)), "ok 0 s2", "COM_RESET_CONNECTION");
		t.equal(outline(await client.execute(id)), "E1243 HY000", "its statements are gone");
		t.match(await client.query("SELECT @kept"), [{ rows: [[null]] }], "and its variables");
		t.equal(outline(await client.query("SELECT id FROM tickets")), "1c 0r s2 w0", "it is judged as before");
		t.equal(outline(await client.query("DELETE FROM orders")), "E1142 42000");

		for (const [name, code] of [
			["COM_SHUTDOWN", COM.shutdown],
			["COM_BINLOG_DUMP", COM.binlogDump],
			["a command of the replicas", 21],
			["COM_DEBUG", 13],
			["COM_CREATE_DB", 5],
			["COM_DROP_DB", 6],
			["COM_REFRESH", 7],
			["COM_PROCESS_INFO", 10],
			["COM_SLEEP", 0],
			["COM_TIME", 15],
			["COM_DELAYED_INSERT", 16],
			["MariaDB's bulk execution", 250],
			["none at all", 200],
		] as const) {
			const answer = await client.simple(code, "x");
			t.match(said(answer), /^E(1047 08S01|1227 42000|1243 HY000)$/, name);
			t.equal(said(await client.simple(COM.ping)), "ok 0 s2", `${name}: the session goes on`);
		}
		t.same(client.misnumbered, []);
		client.send(command(COM.quit));
		t.same(await client.untilEnd(), [], "COM_QUIT is answered by the end");
	}
	t.same(await direct(ground, "SELECT count(*) FROM orders"), [[2]]);
}

async function changesUser(t: Test, ground: Ground): Promise<void> {
	const { database } = ground;
	const [first, second] = [await issue(ground, "basic"), await issue(ground, "everything")];
	const client = await enter(t, first);
	await client.query("SET @kept = 5");
	t.equal(outline(await client.query("DELETE FROM tickets")), "E1142 42000");
	const before = (await sessions(ground.licet)).length;
	t.match(await client.changeUser(second.username, second.password, database), { kind: "ok" });
	t.equal(outline(await client.query("DELETE FROM tickets")), "ok 0 s2 w0", "the new grant's license holds");
	t.match(await client.query("SELECT @kept, DATABASE()"), [{ rows: [[null, database]] }], "a session of its own");
	t.match(await client.changeUser(first.username, first.password, database), { kind: "ok" });
	t.equal(outline(await client.query("DELETE FROM tickets")), "E1142 42000", "and back");
	t.equal((await sessions(ground.licet)).length, before + 2, "each is in the recording");
	t.match(
		await client.changeUser(second.username, "wrong", database),
		{ kind: "error", errno: 1045 },
		"a wrong password",
	);
	t.same(await client.untilEnd(), [], "ends the connection, as at the server");
	const malformed = await enter(t, first);
	malformed.say(command(COM.changeUser, "no end"));
	t.match(await malformed.lastError(), { errno: 1835 }, "a malformed one");
}

async function licenseChanges(t: Test, ground: Ground): Promise<void> {
	const { database, licet } = ground;
	const grant = await issue(ground, "watched");
	const client = await enter(t, grant);
	const terms = (more: Parameters<typeof license>[1] = {}) =>
		license("watched", { permits: [{ on: [`${database}.*`], commands: ["read"] }], ...more });
	const { id } = await client.prepare("SELECT word FROM orders ORDER BY id");
	const { id: other } = await client.prepare("SELECT id FROM tickets");
	await client.query("PREPARE by_sql FROM 'SELECT word FROM orders ORDER BY id'");
	const cursor = await client.prepare("SELECT word FROM orders ORDER BY id");
	const [head] = await client.execute(cursor.id, { cursor: true });
	const columns = head?.kind === "rows" ? head.columns : [];
	t.equal(outline([await client.fetch(cursor.id, 1, columns)]), "1c 1r s2 w0");
	t.equal(outline(await client.execute(id)), "1c 2r s2 w0", "permitted");

	licet.writeLicense("watched", terms({ denies: [{ on: [`${database}.orders`], commands: ["all"] }] }));
	const run = () => client.execute(id).then(outline);
	t.equal(await eventually(run, (said) => said === "E1142 42000"), "E1142 42000", "what was prepared before");
	t.equal(outline(await client.query("EXECUTE by_sql")), "E1142 42000", "by SQL too");
	t.equal(outline(await client.execute(other)), "1c 0r s2 w0", "other tables are as before");
	client.say(command(COM.fetch, int32(cursor.id), int32(1)));
	t.equal(outline([await client.answer()]), "E1142 42000", "a cursor that is open");

	licet.writeLicense("watched", terms({ masks: [{ columns: [`${database}.orders.word`], with: "redact" }] }));
	const rows = (answers: readonly Answer[]) => (answers[0]?.kind === "rows" ? answers[0].rows : []);
	const masked = await eventually(
		() => client.execute(id).then(rows),
		(found) => found.length === 2,
	);
	t.same(masked, [["***"], ["***"]], "a new mask");
	t.same(rows(await client.query("EXECUTE by_sql")), [["***"], ["***"]]);

	licet.writeLicense("watched", "apiVersion: licet/v1\nkind: License\npermits: [");
	client.say(Buffer.alloc(0));
	t.match(await lastWords(client, Date.now()), { errno: 1227, message: /withdrawn/ }, "a broken file withdraws it");
	t.match(await refusal(grant), { errno: 1045 });
	licet.writeLicense("watched", terms());
	t.same(
		await eventually(
			() => refusal(grant),
			(fields) => fields.errno === undefined,
		),
		{},
		"mended, it opens again",
	);
	licet.writeLicense("watched", license("watched", { permits: "all" }));
	await pause(700);
	const free = await enter(t, grant);
	t.equal(outline(await free.query("DO SLEEP(0)")), "ok 0 s2 w0");
	licet.writeLicense("watched", terms());
	free.say(Buffer.alloc(0));
	t.match(await lastWords(free, Date.now()), { errno: 1227 }, "what was unrestricted ends when it is restricted");
}

async function restarts(t: Test, ground: Ground): Promise<void> {
	const { licet } = ground;
	const [grant, revoked] = [await issue(ground, "basic"), await issue(ground, "basic")];
	await licet.json("revoke", revoked.grant);
	const client = await enter(t, grant);
	client.say(Buffer.alloc(0));
	t.equal(await licet.stop(), 0, "it ends cleanly");
	t.match(await lastWords(client, Date.now()), { errno: 1227 }, "live sessions are told");
	for (const how of ["stopped", "killed"]) {
		if (how === "killed") await licet.stop("SIGKILL");
		await licet.start();
		t.equal(outline(await (await enter(t, grant)).query("SELECT id FROM orders")), "1c 2r s2 w0", `${how}: it opens`);
		t.match(await refusal(revoked), { errno: 1045 }, `${how}: what was revoked stays so`);
	}
}

/** What a client says without waiting is answered in turn. */
async function ahead(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "basic");
	const { id } = await client.prepare("SELECT id FROM orders WHERE id = ?");
	client.send(
		query("SELECT 1"),
		query("SELECT id FROM orders"),
		query("DELETE FROM orders"),
		command(COM.ping),
		execute(id, { values: ["2"] }),
		command(COM.close, int32(id)),
		query("SELECT 2"),
	);
	const heard: string[] = [];
	for (const binary of [false, false, false, false, true, false]) {
		client.say(Buffer.alloc(0));
		heard.push(said(await client.answer(binary)));
	}
	t.same(heard, ["1c 1r s2", "1c 2r s2", "E1142 42000", "ok 0 s2", "1c 1r s2", "1c 1r s2"]);
	t.same(client.misnumbered, []);
	// In the smallest pieces that there are.
	const bytes = Buffer.concat([query("SELECT id FROM orders"), packet(0, Buffer.of(COM.ping))]);
	for (const byte of bytes) {
		client.send(Buffer.of(byte));
		await new Promise((resolve) => setImmediate(resolve));
	}
	client.say(Buffer.alloc(0));
	t.equal(outline([await client.answer()]), "1c 2r s2 w0");
	client.say(Buffer.alloc(0));
	t.equal(outline([await client.answer()]), "ok 0 s2 w0");
}

/** The list of what the server tells is the client's to choose, as long as the proxy is told what it has to know. */
async function tracks(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "basic", { flags: FLAG.multiStatements });
	const list = "SELECT @@session_track_system_variables";
	for (const set of ["'auto_increment_increment'", "''", "'auto_increment_increment, time_zone'"]) {
		t.equal(outline(await client.query(`SET session_track_system_variables = ${set}`)), "ok 0 s2 w0", set);
		const told = JSON.stringify(await client.query(list));
		for (const name of ["sql_mode", "character_set_client", ...(set.match(/\w+/g) ?? [])])
			t.match(told, new RegExp(name));
		await client.query("SET sql_mode = 'ANSI_QUOTES'");
		t.match(
			await client.query('SELECT "id" FROM orders ORDER BY 1'),
			[{ rows: [["1"], ["2"]] }],
			"what is set is known",
		);
		await client.query("SET sql_mode = ''");
		t.match(await client.query('SELECT "id" FROM orders'), [{ rows: [["id"], ["id"]] }]);
		const { id } = await client.prepare(`SET session_track_system_variables = ${set}`);
		t.equal(outline(await client.execute(id)), "ok 0 s2 w0", "prepared");
		t.match(JSON.stringify(await client.query(list)), /sql_mode/);
	}
	for (const [name, sql] of [
		["with others behind it", "SET session_track_system_variables = ''; SELECT 1"],
		["by a variable", "SET session_track_system_variables = @a"],
		["everything", "SET session_track_system_variables = '*'"],
		["its default", "SET session_track_system_variables = DEFAULT"],
	] as const) {
		t.equal(outline(await client.query(sql)), "E1142 42000", name);
	}
	t.match(JSON.stringify(await client.query(list)), /sql_mode/);
	t.same(client.misnumbered, []);
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		await t.test("a revoked grant ends its sessions, and says why", (t) => ends(t, ground));
		await t.test("an expired grant, and hours", (t) => expires(t, ground));
		await t.test("kill", (t) => kills(t, ground));
		await t.test("Ctrl-C", (t) => interrupt(t, ground));
		await t.test("commands", (t) => commands(t, ground));
		await t.test("said ahead and in pieces", (t) => ahead(t, ground));
		await t.test("what the server is asked to tell", (t) => tracks(t, ground));
		await t.test("COM_CHANGE_USER", (t) => changesUser(t, ground));
		await t.test("a license that changes under a session", (t) => licenseChanges(t, ground));
		await t.test("a restart keeps grants", (t) => restarts(t, ground));
		t.ok((await replay(ground.licet)).length > 0, "and all of it is recorded");
	});
}
