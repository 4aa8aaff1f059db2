/**
 * What an auditor does with sessions that really were: real clients work through a real proxy, and what lists, searches,
 * replays and exports say is compared with what the clients saw.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import t, { type Test } from "tap";
import { AdminClient, configuration } from "../../src/cli/admin-client.js";
import { exportSession } from "../../src/cli/commands/export.js";
import { search } from "../../src/cli/commands/search.js";
import { sessions } from "../../src/cli/commands/sessions.js";
import { type SessionOptions, sessionQuery } from "../../src/cli/session-query.js";
import { license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { psql } from "../helpers/programs.js";
import { createDatabase, testServers } from "../helpers/servers.js";

type Line = Record<string, unknown> & { readonly type: string };
type Found = { readonly session: string; readonly statement: number; readonly effect: string; readonly sql: string };

const LICENSES = {
	clerk: license("clerk", {
		permits: [{ on: ["app.*"], commands: ["read"] }],
		masks: [{ columns: ["app.users.email"], with: "email" }],
		recording: { results: 50 },
	}),
	everything: license("everything", { permits: "all", recording: { results: 50 } }),
};

const SCHEMA = `
CREATE SCHEMA app; CREATE SCHEMA hr;
CREATE TABLE app.users (id int, name text, email text);
INSERT INTO app.users VALUES (1, 'Ann', 'ann@mail.example'), (2, 'Bob 東京', 'bob@mail.example'), (3, NULL, NULL);
CREATE TABLE hr.salaries (id int, amount int);
`;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function command(licet: Licet, ...words: readonly string[]): Promise<string> {
	const { code, stdout, stderr } = await licet.cli(...words);
	if (code !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
	return stdout;
}

async function lines(licet: Licet, session: string): Promise<Line[]> {
	const text = await command(licet, "replay", session, "--json");
	return text
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Line);
}

const ids = (list: unknown) => (list as { session: string }[]).map(({ session }) => session);

function folder(t: Test): string {
	const made = mkdtempSync(join(tmpdir(), "licet-auditor-"));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

await t.test("PostgreSQL", async (t) => {
	const url = await createDatabase(t, testServers().pg15, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const clerk = await licet.grant({ license: "clerk", target: "shop" });
	const saw = await psql(
		rawGrant(clerk),
		"SELECT id, name, email FROM app.users ORDER BY id;\nSELECT * FROM hr.salaries;\nSELECT 1/0;\n",
	);
	const owner = await licet.grant({ license: "everything", target: "shop" });
	const client = new pg.Client({ connectionString: owner.url });
	await client.connect();
	await client.query("SELECT * FROM app.users WHERE name = $1 OR email = $2", ["O'Brien \\ 東京", null]);
	const [running, clerks] = ids(await licet.json("sessions"));
	if (running === undefined || clerks === undefined) throw new Error("the sessions are not listed");

	await t.test("lists", async (t) => {
		const client = new AdminClient(configuration(licet.configFile, false));
		const listed = async (options: SessionOptions) =>
			(await client.get(`/v1/sessions${sessionQuery(options, Date.now())}`)) as { session: string }[];
		const all = (await listed({})) as unknown as Record<string, unknown>[];
		const fixed =
			"session grant license subject target engine startedAt endedAt clientAddress statements denied rowsOut bytesOut";
		for (const key of fixed.split(" "))
			t.ok(
				all.every((one) => key in one),
				key,
			);
		for (const [words, expected] of [
			[["--denied"], [clerks]],
			[["--license", "everything"], [running]],
			[
				["--subject", "alice", "--target", "shop", "--since", "1h"],
				[running, clerks],
			],
			[["--subject", "bob"], []],
			[["--until", "1h"], []],
			[["--live"], [running]],
			[["--limit", "1"], [running]],
			[["--text", "HR.Salaries"], [clerks]],
			[["--text", "o'brien"], [running]],
			[["--text", "app.users", "--denied"], [clerks]],
			[["--text", "nowhere"], []],
		] as const) {
			t.same(ids(await licet.json("sessions", ...words)), expected, words.join(" "));
		}
		for (const words of [
			["--since", "soon"],
			["--limit", "0"],
			["--subject", ""],
		]) {
			const { code, stderr } = await licet.cli("sessions", ...words);
			t.equal(code, 2);
			t.match(stderr, /expected/);
		}
	});

	await t.test("search", async (t) => {
		const find = async (...texts: readonly string[]) =>
			JSON.parse(await search(texts, { config: licet.configFile, json: true })) as Found[];
		t.match(await find("hr.salaries"), [{ session: clerks, statement: 2, effect: "deny", sql: /hr\.salaries/ }]);
		t.match(await find("o'brien \\"), [{ session: running, effect: "allow" }], "a value that was bound");
		t.match(await find("from APP.users", "id, name"), [{ session: clerks, statement: 1 }]);
		t.same(await licet.json("search", "hr.salaries", "--license", "everything"), []);
		t.same(await find('" OR *'), []);
		t.same(await find("mail.example"), [], "results are not searched");
		const text = await search(["salaries"], { config: licet.configFile });
		t.match(text, new RegExp(`${clerks} #2  alice  shop  DENIED\\n    SELECT \\* FROM hr\\.salaries`));
		t.match(await search(["nowhere"], { config: licet.configFile }), "No statement holds it.");
		t.equal((await licet.cli("search", " ")).code, 2);
	});

	await t.test("replay shows what psql saw", async (t) => {
		const results = (await lines(licet, clerks)).filter(({ type }) => type === "result");
		const rows = results.flatMap((line) => (line.sample as { rows: (string | null)[][] } | null)?.rows ?? []);
		t.same(
			rows.map((row) => row.map((value) => value ?? "").join("|")),
			saw.stdout.trim().split("\n"),
		);
		t.match(saw.stderr, /42501/);
		const text = await command(licet, "replay", clerks);
		for (const row of rows) {
			const cells = row.map((value) => (value ?? "NULL").replace(/[*+?.]/g, "\\$&"));
			t.match(text, new RegExp(`│ ${cells.join(" +│ ")} +│`));
		}
		t.match(text, /✗ DENIED/);
		t.match(text, /▒ masked: email/);
		t.match(text, /ERROR 22012: division by zero/);
		t.match(text, /Session ended/);
		t.notOk(text.includes("\u001b"), "no colours for a pipe");
		t.match(await command(licet, "replay", running), "the session is still running");
		t.equal((await licet.cli("replay", "s_nothing")).code, 1);
	});

	await t.test("follow", async (t) => {
		const following = licet.cli("replay", running, "--follow", "--plain");
		await pause(1500);
		await client.query("SELECT 'said later'");
		await client.end();
		const { stdout, code } = await following;
		t.equal(code, 0);
		t.match(stdout, /said later[\s\S]*Session ended/);
	});

	await t.test("exports", async (t) => {
		const dir = folder(t);
		const to = async (format: string) => {
			const file = join(dir, format);
			await exportSession(clerks, { config: licet.configFile, format, output: file }, async () => undefined);
			t.equal(statSync(file).mode & 0o777, 0o600);
			const text = readFileSync(file, "utf8");
			return text;
		};
		const entries = (await to("jsonl"))
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as Line);
		t.same(
			entries.map(({ v: _, parts: __, ...entry }) => entry),
			await lines(licet, clerks),
		);
		t.match(await to("csv"), /"SELECT \* FROM hr\.salaries;","","no"/);
		t.equal((await to("ocsf")).trim().split("\n").length, 4);
		t.match(await to("asciicast"), /^\{"version":3/);
		const script = await to("sql");
		t.match(script, /-- DENIED/);
		t.equal(await command(licet, "export", clerks, "--format", "sql"), script, "the same on both ways");
		const wrong = await licet.cli("export", clerks, "--format", "docx");
		t.equal(wrong.code, 2);
		t.match(wrong.stderr, "expected one of");
		const gone = join(dir, "gone");
		t.equal((await licet.cli("export", "s_nothing", "--format", "sql", "--output", gone)).code, 1);
		t.notOk(existsSync(gone) || existsSync(`${gone}.unfinished`), "nothing is left of an export that failed");
	});

	await t.test("where no serve runs", async (t) => {
		const [list, found] = [await licet.json("sessions"), await licet.json("search", "app.users")];
		t.equal(await licet.stop(), 0);
		t.same(await licet.json("sessions"), list);
		t.same(await licet.json("search", "app.users"), found);
		const offline = async (options: SessionOptions) =>
			JSON.parse(await sessions({ ...options, config: licet.configFile, json: true })) as unknown;
		t.same(ids(await offline({ text: "hr.salaries", denied: true })), [clerks]);
		t.same(ids(await offline({ license: "everything" })), [running]);
		t.match(await licet.cli("sessions"), { code: 0, stderr: /read from the recording itself/ });
		rmSync(join(licet.folder, "data", "search.db"));
		const again = await search(["app.users"], { config: licet.configFile, json: true });
		t.same(JSON.parse(again), found, "an index that is lost is made again");
	});
});
