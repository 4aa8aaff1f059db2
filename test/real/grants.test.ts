/**
 * Grants over their whole life, by the command line: issued, used, revoked, expired; licenses that change under running
 * sessions; a restart in between; and what is on disk of it all.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Json, rawGrant, runLicet, startLicet, targetOf } from "../helpers/licet.js";
import { psql } from "../helpers/programs.js";
import { RawClient, ServerError } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.orders (id int, word text);
INSERT INTO app.orders VALUES (1, 'brightword'), (2, 'otherword');
CREATE TABLE app.tickets (id int);
`;

const READ = { permits: [{ on: ["app.*"], commands: ["read"] }] };

const url = await createDatabase(t, testServers().pg15, SCHEMA);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		basic: license("basic", READ),
		watched: license("watched", READ),
		everything: license("everything", { permits: "all" }),
		short: license("short", { ...READ, access: { approvals: 0, maxDuration: "10m", requireReason: true } }),
	},
});

const issue = (name: string, duration = "1h"): Promise<IssuedGrant> =>
	licet.grant({ license: name, target: "shop", duration });

async function login(t: Test, grant: IssuedGrant): Promise<RawClient> {
	const client = await RawClient.login(rawGrant(grant));
	t.teardown(() => client.destroy());
	return client;
}

/** How a login fails: code and message. */
async function refusal(grant: IssuedGrant, password = grant.password): Promise<Record<string, string>> {
	const error: unknown = await RawClient.login({ ...rawGrant(grant), password }).then(
		(client) => client.destroy(),
		(error: unknown) => error,
	);
	return error instanceof ServerError ? { ...error.fields } : { M: String(error) };
}

/** The last words of a session, and how long they took to come. */
async function lastWords(
	client: RawClient,
	since: number,
): Promise<{ fields: Record<string, string>; afterMs: number }> {
	const messages = await client.untilEnd(20_000);
	const fatal = messages.filter(({ type }) => type === "E").at(-1);
	return { fields: fatal === undefined ? {} : wire.errorFields(fatal), afterMs: Date.now() - since };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is as awaited, for at most some seconds; answers the last one. */
async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, limitMs = 4_000): Promise<T> {
	const deadline = Date.now() + limitMs;
	for (;;) {
		const answer = await ask();
		if (isGood(answer) || Date.now() > deadline) return answer;
		await pause(25);
	}
}

const backends = () =>
	withClient(url, async (client) => {
		const sql =
			"SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%licet-marker%' AND pid <> pg_backend_pid()";
		return Number((await client.query(sql)).rows[0].n);
	});

await t.test("what the commands print", async (t) => {
	const grant = await issue("basic");
	t.same(Object.keys(grant), [
		"grant",
		"license",
		"target",
		"engine",
		"host",
		"port",
		"database",
		"username",
		"password",
		"url",
		"expiresAt",
	]);
	t.match(grant, {
		grant: /^g_/,
		license: "basic",
		target: "shop",
		engine: "postgres",
		host: licet.host,
		port: licet.port,
		database: new URL(url).pathname.slice(1),
	});
	const left = Date.parse(grant.expiresAt) - Date.now();
	t.ok(left > 59 * 60_000 && left <= 3_600_000, "an hour from now");
	const { rows } = await withClient(grant.url, (client) => client.query("SELECT id FROM app.orders ORDER BY id"));
	t.same(rows, [{ id: 1 }, { id: 2 }], "the URL connects");

	const grants = (await licet.json("grants")) as Record<string, unknown>[];
	t.match(grants[0], { grant: grant.grant, license: "basic", target: "shop", subject: "alice", status: "active" });
	t.notOk(JSON.stringify(grants).includes(grant.password), "no list shows a password");

	const client = await login(t, grant);
	await client.query("SELECT word FROM app.orders");
	await client.query("SELECT word FROM closed.orders");
	const sessions = (await licet.json("sessions")) as Record<string, unknown>[];
	const live = sessions.filter(({ endedAt }) => endedAt === null);
	t.equal(live.length, 1);
	t.match(live[0], {
		session: /^s_/,
		grant: grant.grant,
		license: "basic",
		subject: "alice",
		target: "shop",
		engine: "postgres",
		startedAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/,
		endedAt: null,
		clientAddress: "127.0.0.1",
		statements: 2,
		denied: 1,
		rowsOut: 2,
	});
	t.ok(Number(live[0]?.bytesOut) > 100, "bytesOut");
	t.same(await licet.json("sessions", "--live"), live);
	client.send(wire.terminate);
	const ended = await eventually(
		async () => ((await licet.json("sessions")) as Record<string, unknown>[])[0],
		(session) => session?.endedAt !== null,
	);
	t.match(ended, { session: live[0]?.session, statements: 2, denied: 1, rowsOut: 2, endedAt: /^\d{4}-/ });

	for (const [words, heading] of [
		[["grants"], /GRANT +STATUS +SUBJECT/],
		[["sessions"], /SESSION +SUBJECT/],
		[["grant", "--license", "basic", "--target", "shop", "--subject", "alice"], /psql 'postgres:\/\//],
	] as const) {
		t.match(await licet.cli(...words), { code: 0, stdout: heading, stderr: "" }, words.join(" "));
	}
});

await t.test("exit codes", async (t) => {
	const grant = ["grant", "--target", "shop", "--subject", "alice"];
	for (const [code, words, says] of [
		[1, [...grant, "--license", "nothing"], /there is no license "nothing"/],
		[1, ["grant", "--license", "basic", "--target", "nowhere", "--subject", "alice"], /nowhere/],
		[1, ["grant", "--license", "basic", "--target", "shop", "--subject", "mallory"], /does not cover/],
		[1, [...grant, "--license", "short", "--duration", "1h", "--reason", "r"], /maxDuration/],
		[1, [...grant, "--license", "short", "--duration", "5m"], /reason/],
		[2, [...grant, "--license", "basic", "--duration", "soon"], /duration/],
		[2, grant, /--license/],
		[2, [...grant, "--license", "basic", "--nonsense"], /nonsense/],
		[1, ["revoke", "g_nothing"], /g_nothing/],
		[1, ["kill", "s_nothing"], /s_nothing/],
		[1, ["replay", "s_nothing"], /s_nothing/],
		[2, ["replay"], /session/],
		[2, ["nonsense"], /nonsense/],
	] as const) {
		const { code: got, stderr, stdout } = await licet.cli(...words);
		t.equal(got, code, `${words.join(" ")} → ${stderr}`);
		t.match(stderr, says);
		t.equal(stdout, "");
		t.notMatch(stderr, /\n {4}at /, "no stack");
	}
	const { code, stderr } = await runLicet(["sessions", "--config", "/nonexistent/licet.yaml"]);
	t.equal(code, 1);
	t.match(stderr, /nonexistent/);
	t.match(await runLicet(["--version"]), { code: 0, stdout: /^\d+\.\d+/ });
	t.match(await runLicet(["help"]), { code: 0 });
});

await t.test("a revoked grant ends its sessions within a second, and says why", async (t) => {
	const grant = await issue("everything");
	const other = await login(t, await issue("everything"));
	const [idle, running, inside, failed] = await Promise.all([1, 2, 3, 4].map(() => login(t, grant)));
	if (!idle || !running || !inside || !failed) return;
	const streaming = await RawClient.login({ ...rawGrant(grant), dropRows: true });
	streaming.send(wire.query("SELECT generate_series(1, 100000000), repeat('x', 500)"));
	await idle.query("SELECT 1");
	running.send(wire.query("SELECT pg_sleep(60) /* licet-marker */"));
	await inside.query("BEGIN; LOCK TABLE app.tickets /* licet-marker */");
	await failed.query("BEGIN; SELECT 1/0");
	t.equal(await eventually(backends, (n) => n === 2), 2, "they run");
	const rows = () => Promise.resolve(streaming.rowsDropped);
	t.ok((await eventually(rows, (n) => n > 0)) > 0, "one of them is in the middle of a result");
	streaming.hold(true);
	const since = Date.now();
	let answeredMs = Number.POSITIVE_INFINITY;
	const revoked = licet.cli("revoke", grant.grant, "--reason", "left the team", "--json").finally(() => {
		answeredMs = Date.now() - since;
	});
	const ends = await Promise.all([idle, running, inside, failed].map((client) => lastWords(client, since)));
	streaming.hold(false);
	ends.push(await lastWords(streaming, since));
	t.match(await revoked, { code: 0 });
	for (const { fields, afterMs } of ends) {
		t.match(fields, { S: "FATAL", C: "57P01", M: /revoked/ });
		t.ok(afterMs - answeredMs < 1_000, `${afterMs - answeredMs} ms after the command's answer`);
	}
	t.equal(await eventually(backends, (n) => n === 0), 0, "nothing is left running at the server");
	t.match(await refusal(grant), { S: "FATAL", C: "28000", M: /revoked|ended/ }, "and no login any more");
	t.match(await refusal(grant, "wrong"), { S: "FATAL", C: "28P01" }, "a wrong password learns nothing");
	const grants = (await licet.json("grants")) as Record<string, unknown>[];
	t.match(
		grants.find((each) => each.grant === grant.grant),
		{ status: "revoked" },
	);
	t.equal(wire.outline(await other.query("SELECT 1")), "T D C:SELECT 1 Z:I", "others go on");
	t.match(await licet.cli("revoke", grant.grant), { code: 1 }, "it cannot be revoked twice");
});

await t.test("an expired grant", async (t) => {
	const grant = await issue("everything", "2s");
	const [idle, running, inside] = await Promise.all([1, 2, 3].map(() => login(t, grant)));
	if (!idle || !running || !inside) return;
	running.send(wire.query("SELECT pg_sleep(60)"));
	await inside.query("BEGIN; SELECT 1");
	const ends = await Promise.all(
		[idle, running, inside].map((client) => lastWords(client, Date.parse(grant.expiresAt))),
	);
	for (const { fields, afterMs } of ends) {
		t.match(fields, { S: "FATAL", C: "57P01", M: /expired/ });
		t.ok(afterMs > -50 && afterMs < 1_000, `${afterMs} ms after its end`);
	}
	t.match(await refusal(grant), { S: "FATAL", C: "28000", M: /expired|over|ended/ });
	const grants = (await licet.json("grants")) as Record<string, unknown>[];
	t.match(
		grants.find((each) => each.grant === grant.grant),
		{ status: "expired" },
	);
});

await t.test("kill", async (t) => {
	const client = await login(t, await issue("everything"));
	client.send(wire.query("SELECT pg_sleep(60)"));
	await client.during(50);
	const [session] = (await licet.json("sessions", "--live")) as { session: string }[];
	t.match(await licet.cli("kill", session?.session ?? "", "--reason", "too long"), { code: 0 });
	const { fields, afterMs } = await lastWords(client, Date.now());
	t.match(fields, { S: "FATAL", C: "57P01", M: /administrator/ });
	t.ok(afterMs < 1_000, `${afterMs} ms after the command's answer`);
});

await t.test("a license that changes under a session", async (t) => {
	const grant = await issue("watched");
	const client = await login(t, grant);
	const prepared = await client.ask(
		wire.parse("SELECT word FROM app.orders ORDER BY id", "before"),
		wire.parse("SELECT id FROM app.tickets", "other"),
		wire.sync,
	);
	t.equal(wire.outline(prepared), "1 1 Z:I");
	await client.query("PREPARE by_sql AS SELECT word FROM app.orders ORDER BY id");
	const run = (name = "before") => client.ask(wire.bind({ statement: name }), wire.execute(), wire.sync);
	t.equal(wire.outline(await run()), "2 D D C:SELECT 2 Z:I", "permitted");

	licet.writeLicense("watched", license("watched", { ...READ, denies: [{ on: ["app.orders"], commands: ["all"] }] }));
	const denied = await eventually(
		async () => wire.outline(await run()),
		(outline) => outline.includes("E:42501"),
	);
	t.match(denied, /^(2 )?E:42501 Z:I$/, "a new deny holds for what was prepared before");
	t.equal(wire.outline(await client.query("EXECUTE by_sql")), "E:42501 Z:I", "by SQL too");
	t.equal(wire.outline(await run("other")), "2 C:SELECT 0 Z:I", "other tables are as before");

	const masks = [{ columns: ["app.orders.word"], with: "redact" }];
	licet.writeLicense("watched", license("watched", { ...READ, masks }));
	const answers = await eventually(
		() => run(),
		(messages) => !wire.outline(messages).includes("E:"),
	);
	t.same(answers.filter(({ type }) => type === "D").map(wire.rowValues), [["***"], ["***"]], "a new mask too");
	const bySql = await client.query("EXECUTE by_sql");
	t.same(bySql.filter(({ type }) => type === "D").map(wire.rowValues), [["***"], ["***"]]);

	await client.query("BEGIN; DECLARE c CURSOR FOR SELECT id FROM app.orders");
	t.equal(wire.outline(await client.query("FETCH 1 FROM c")), "T D C:FETCH 1 Z:T");
	licet.writeLicense("watched", license("watched", { permits: [{ on: ["app.tickets"], commands: ["read"] }] }));
	await pause(700);
	t.equal(wire.outline(await client.query("FETCH 1 FROM c")), "E:42501 Z:E", "a cursor that is open");

	const since = Date.now();
	licet.writeLicense("watched", "apiVersion: licet/v1\nkind: License\npermits: [");
	const { fields, afterMs } = await lastWords(client, since);
	t.match(fields, { S: "FATAL", C: "57P01", M: /withdrawn/ }, "a broken file withdraws the license");
	t.ok(afterMs < 3_000, `after ${afterMs} ms`);
	t.match(await refusal(grant), { S: "FATAL", C: "28000" });
	licet.writeLicense("watched", license("watched", READ));
	const again = await eventually(
		() => refusal(grant),
		(fields) => fields.C === undefined,
	);
	t.equal(again.C, undefined, "mended, it opens again");

	licet.writeLicense("watched", license("watched", { permits: "all" }));
	await pause(700);
	const free = await login(t, grant);
	t.equal(wire.outline(await free.query("SELECT pg_sleep(0)")), "T D C:SELECT 1 Z:I");
	licet.writeLicense("watched", license("watched", READ));
	const restricted = await lastWords(free, Date.now());
	t.match(restricted.fields, { S: "FATAL", C: "57P01" }, "what was unrestricted ends when it is restricted");
});

await t.test("a moment outside of the license is told with the term that says so", async (t) => {
	const today = new Date().getUTCDay();
	const another = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][(today + 3) % 7];
	const terms: readonly (readonly [string, Readonly<Record<string, Json>>])[] = [
		["hours", { hours: { timezone: "UTC", allow: [`${another} 00:00-24:00`] } }],
		["regions", { regions: { allow: ["203.0.113.0/24"] } }],
		["validity.until", { validity: { until: "2020-01-01T00:00:00Z" } }],
	];
	for (const [term, moment] of terms) {
		licet.writeLicense("watched", license("watched", READ));
		const grant = await eventually(
			() => issue("watched").catch(() => undefined),
			(issued) => issued !== undefined,
			10_000,
		);
		if (grant === undefined) return t.fail(`${term}: no grant`);
		const client = await login(t, grant);
		licet.writeLicense("watched", license("watched", { ...READ, ...moment }));
		/* The statement that comes first is denied; that, or the clock, ends the session within a second. */
		const deadline = Date.now() + 20_000;
		while (!client.ended && Date.now() < deadline)
			await client.query("SELECT 1 FROM app.orders").catch(() => undefined);
		const told = client.received.filter(({ type }) => type === "E").map(wire.errorFields);
		t.match(told.at(-1), { S: "FATAL", C: "57P01" }, `${term}: the session ends`);
		const named = new RegExp(`^License "watched", term ${term.replace(".", "\\.")}(; decision d_\\w+\\.\\d+)?\\.$`);
		for (const fields of told) t.match(fields, { C: /^(28000|57P01)$/, D: named }, `${term}: ${fields.S}`);
		t.match(await refusal(grant), { C: "28000", D: `License "watched", term ${term}.` }, `${term}: at login`);
		const [session] = (await licet.json("sessions", "--license", "watched", "--limit", "1")) as { session: string }[];
		const { stdout } = await licet.cli("replay", session?.session ?? "", "--json");
		const recorded = stdout.split("\n").filter((line) => line.includes('"effect":"deny"'));
		/* The end of the session may overtake the last answer. */
		t.ok(recorded.length >= told.filter(({ S }) => S === "ERROR").length, `${term}: all are recorded`);
		for (const line of recorded)
			t.match(JSON.parse(line), { decision: { reasons: [{ term }] } }, "in the recording too");
	}
	licet.writeLicense("watched", license("watched", READ));
});

await t.test("connect", async (t) => {
	const where = process.env.PATH ?? "";
	const path = { PATH: `${dirname(testServers().psql)}:${where}` };
	const words = ["connect", "shop", "--config", licet.configFile, "--license", "basic", "--subject", "alice"];
	const connected = await runLicet([...words, "--", "-X", "-A", "-t", "-c", "SELECT id FROM app.orders"], path);
	t.match(connected, { code: 0, stdout: "1\n2\n" }, "psql on a grant for oneself");
});

await t.test("a restart keeps grants", async (t) => {
	const grant = await issue("basic");
	const revoked = await issue("basic");
	await licet.json("revoke", revoked.grant);
	const client = await login(t, grant);
	t.equal(await licet.stop(), 0, "it ends cleanly");
	const { fields } = await lastWords(client, Date.now());
	t.match(fields, { S: "FATAL", C: "57P01" }, "live sessions are told");
	t.match(await licet.cli("grants"), { code: 1, stderr: /no `licet serve` is running/ });
	t.match(await licet.cli("sessions"), { code: 0, stderr: /no `licet serve` is running.* read from the recording/ });
	for (const how of ["stopped", "killed"] as const) {
		if (how === "killed") await licet.stop("SIGKILL");
		await licet.start();
		const psqlSays = await psql(rawGrant(grant), "SELECT count(*) FROM app.orders;");
		t.match(psqlSays, { code: 0, stdout: "2\n", stderr: "" }, `${how}: the grant still opens`);
		t.match(await refusal(revoked), { C: "28000" }, `${how}: what was revoked stays so`);
	}
	const sessions = (await licet.json("sessions", "--live")) as unknown[];
	t.equal(sessions.length, 0, "no session of before counts as live");
});

await t.test("what is on disk", async (t) => {
	const grant = await issue("basic");
	await (await login(t, grant)).query("SELECT 1");
	const data = join(licet.folder, "data");
	t.equal(statSync(join(data, "admin.sock")).mode & 0o777, 0o600, "the admin socket is its owner's only");
	t.equal(statSync(data).mode & 0o077, 0, "and so is the data folder");
	const files = readdirSync(data, { recursive: true, encoding: "utf8" })
		.map((name) => join(data, name))
		.filter((file) => statSync(file).isFile());
	t.ok(files.length > 1);
	const upstream = decodeURIComponent(new URL(url).password);
	for (const file of files) {
		const bytes = readFileSync(file);
		t.notOk(bytes.includes(grant.password), `no password in ${file}`);
		t.notOk(bytes.includes(upstream), `no upstream password in ${file}`);
	}
	t.notOk(licet.log().includes(grant.password) || licet.log().includes(upstream), "none in the log");
});
