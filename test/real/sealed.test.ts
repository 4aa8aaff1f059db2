/**
 * Sealed literals with real clients and servers: values of every form in statements, parameters, data and answers, and
 * then not one of them anywhere in what Licet keeps or says, in any encoding; with the auditor's key all of it, exactly as
 * a session records it whose literals are not sealed.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import mysql from "mysql2/promise";
import t, { type Test } from "tap";
import { makeAuditorKey } from "../../src/recorder/auditor-key.js";
import { found, type Needle, textNeedles } from "../helpers/canaries.js";
import { outcome } from "../helpers/command.js";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { createMysqlDatabase, mysqlServers } from "../helpers/mysql-servers.js";
import { psql } from "../helpers/programs.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

type Line = Record<string, unknown> & { readonly type: string };

/** Values that occur nowhere but as literals, parameters and data of the sessions. */
class Canaries {
	readonly #made: string[] = [];

	/** Another one each time. */
	text(): string {
		const made = `zq${(this.#made.length + 100).toString(36)}xwvk`;
		this.#made.push(made);
		return made;
	}

	number(): string {
		const made = String(7_305_918_200_000 + this.#made.length);
		this.#made.push(made);
		return made;
	}

	get needles(): Needle[] {
		return this.#made.flatMap((one) => textNeedles(one).filter(({ about }) => !/ md5| sha1| sha256/.test(about)));
	}

	get all(): readonly string[] {
		return this.#made;
	}
}

function filesIn(folder: string): string[] {
	return readdirSync(folder).flatMap((name) => {
		const path = join(folder, name);
		const kind = statSync(path);
		return kind.isDirectory() ? filesIn(path) : kind.isFile() ? [path] : [];
	});
}

/** All that a node has kept, segments unpacked as well, and all that it has printed. */
function kept(licet: Licet): { readonly name: string; readonly bytes: Buffer }[] {
	const files = filesIn(join(licet.folder, "data")).flatMap((path) => {
		const bytes = readFileSync(path);
		const unpacked = path.endsWith(".gz") ? [{ name: `${path} unpacked`, bytes: gunzipSync(bytes) }] : [];
		return [{ name: path, bytes }, ...unpacked];
	});
	return [...files, { name: "what it printed", bytes: Buffer.from(licet.log()) }];
}

async function replay(licet: Licet, session: string, ...flags: readonly string[]): Promise<Line[]> {
	const { code, stdout, stderr } = await licet.cli("replay", session, "--json", ...flags);
	if (code !== 0) throw new Error(stderr);
	return stdout
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Line);
}

/** What is the same in two sessions that do the same. */
function comparable(lines: readonly Line[], grant: IssuedGrant): string[] {
	return lines
		.filter(({ type }) => type === "statement" || type === "result")
		.map((line) => {
			const { at: _, session: __, durationMs: ___, seq: ____, ...rest } = line;
			const text = JSON.stringify(rest, (key, value: unknown) => (key === "id" ? "" : value));
			return text.replaceAll(grant.username, "USER");
		});
}

async function newestSession(licet: Licet): Promise<string> {
	const sessions = (await licet.json("sessions")) as { session: string; endedAt: string | null }[];
	return sessions[0]?.session ?? "";
}

async function ended(licet: Licet): Promise<string> {
	for (let attempt = 0; attempt < 100; attempt++) {
		const sessions = (await licet.json("sessions")) as { session: string; endedAt: string | null }[];
		if (sessions.length > 0 && sessions.every(({ endedAt }) => endedAt !== null)) return sessions[0]?.session ?? "";
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error("a session does not end");
}

function auditorKey(t: Test): string {
	const folder = mkdtempSync(join(tmpdir(), "licet-auditor-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const file = join(folder, "auditor.key");
	makeAuditorKey(file);
	return file;
}

const ALL = { permits: "all" } as const;

function licensesOf(more: Readonly<Record<string, never>> | object): Record<string, string> {
	const results = 5;
	return {
		"all-opened": license("all-opened", { ...ALL, recording: { results } }),
		"all-sealed": license("all-sealed", { ...ALL, recording: { results, literals: "sealed" } }),
		"some-opened": license("some-opened", { ...more, recording: { results, literals: "clear" } }),
		"some-sealed": license("some-sealed", { ...more, recording: { results, literals: "sealed" } }),
	};
}

/** The value that a script selects under a name of its own: its client has seen it. */
function lastIn(script: string, canaries: Canaries): string {
	const shown = /\$a\$(\w+)\$a\$|concat\(body, '(\w+)'\)/.exec(script);
	const value = shown?.[1] ?? shown?.[2] ?? "";
	if (!canaries.all.includes(value)) throw new Error("the script shows no value");
	return value;
}

/** Searches everything for the canaries; tells where they are. */
function leaks(licet: Licet, canaries: Canaries): string[] {
	const { needles } = canaries;
	return kept(licet).flatMap(({ name, bytes }) => found(needles, bytes).map((about) => `${about} in ${name}`));
}

const POSTGRES_SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.notes (id bigint PRIMARY KEY, email text, body text);
`;

function postgresScript(c: Canaries): string {
	return `
INSERT INTO app.notes VALUES (${c.number()}, '${c.text()}@mail.example', '${c.text()}'), (2, E'${c.text()}\\n', $$${c.text()}$$);
SELECT id, email, body FROM app.notes ORDER BY id;
SELECT id FROM app.notes WHERE email = '${c.text()}' OR id = ${c.number()} -- ${c.text()}
;
SELECT U&'${c.text()}', B'1', /* ${c.text()} */ count(*) FROM app.notes;
SELECT '${c.text()}'::int;
INSERT INTO app.notes VALUES (2, '${c.text()}', NULL);
SELECT "${c.text()}" FROM app.notes;
SELECT ${c.text()} FROM app.notes;
SELECT * FROM app.${c.text()};
SELEC '${c.text()}';
SELECT $a$${c.text()}$a$ AS word, 'C:\\' AS path;
SET application_name = '${c.text()}';
SET app.word = ${c.text()};
SELECT set_config('app.word', '${c.text()}', false);
ALTER ROLE no_such_role_here SET app.word TO ${c.text()};
CREATE ROLE nobody_at_all PASSWORD '${c.text()}' IN ROLE no_such_role_here;
PREPARE p (text) AS SELECT id FROM app.notes WHERE body = $1;
EXECUTE p ('${c.text()}');
DO $$ BEGIN RAISE NOTICE '${c.text()}'; END $$;
DO $$ BEGIN RAISE EXCEPTION '${c.text()}' USING DETAIL = '${c.text()}'; END $$;
BEGIN; DECLARE c CURSOR FOR SELECT body FROM app.notes WHERE body <> '${c.text()}'; FETCH 1 FROM c; COMMIT;
COPY app.notes FROM STDIN;
77	${c.text()}	${c.text()}
\\.
COPY app.notes (id) FROM STDIN;
${c.text()}
\\.
COPY (SELECT body FROM app.notes WHERE body <> '${c.text()}') TO STDOUT;
DELETE FROM app.notes WHERE body IN ('${c.text()}', '${c.text()}') OR true;
`;
}

async function extended(login: Parameters<typeof RawClient.login>[0], c: Canaries): Promise<void> {
	const client = await RawClient.login({ ...login, parameters: { application_name: c.text() } });
	await client.ask(
		wire.parse(`SELECT $1::text, '${c.text()}' FROM app.notes WHERE email <> $2`, c.text(), [25, 25]),
		wire.sync,
	);
	await client.ask(
		wire.parse("SELECT body FROM app.notes WHERE body <> $1 AND id <> $2", "s", [25, 20]),
		wire.bind({ statement: "s", values: [c.text(), c.number()] }),
		wire.execute(),
		wire.bind({ statement: "s", values: [Buffer.from(c.text()), Buffer.alloc(8, 1)], valueFormats: [1, 1] }),
		wire.execute(),
		wire.bind({ statement: "s", values: [c.text(), c.text()] }),
		wire.execute(),
		wire.sync,
	);
	client.send(wire.terminate);
	await client.untilEnd();
}

await t.test("PostgreSQL", async (t) => {
	const url = await createDatabase(t, testServers().pg15, POSTGRES_SCHEMA);
	const key = auditorKey(t);
	const some = {
		permits: [{ on: ["app.*"], commands: ["read", "write"] }],
		masks: [{ columns: ["app.notes.email"], with: "email", use: "filter" }],
	};
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: licensesOf(some),
		config: { recording: { auditorKey: `${key}.pub` } },
		env: { LICET_LOG: "trace" },
	});
	const canaries = new Canaries();
	const pairs: {
		readonly sealed: string;
		readonly script: string;
		readonly work: string;
		readonly grant: IssuedGrant;
	}[] = [];
	for (const work of ["all", "some"] as const) {
		const script = postgresScript(canaries);
		const grant = await licet.grant({ license: `${work}-sealed`, target: "shop" });
		const result = await psql(rawGrant(grant), script);
		t.match(result.stdout + result.stderr, lastIn(script, canaries), `${work}: the client saw its values`);
		pairs.push({ sealed: await ended(licet), script, work, grant });
		await extended(rawGrant(grant), canaries);
		await ended(licet);
	}
	await new Promise((resolve) => setTimeout(resolve, 600));
	t.strictSame(leaks(licet, canaries), [], "nothing of it is kept in the clear");
	const asItStands = JSON.stringify(await replay(licet, pairs[0]?.sealed ?? ""));
	t.match(asItStands, /INSERT INTO app\.notes VALUES \(\?, \?, \?\), \(\?, \?, \?\)/, "but the shapes are");
	t.match(asItStands, /ALTER ROLE no_such_role_here SET app\.word TO \?/);
	t.match(asItStands, /COPY app\.notes FROM STDIN/);

	const forgotten = pairs[0]?.sealed ?? "";
	for (const { sealed, script, work, grant } of pairs) {
		const opened = await replay(licet, sealed, "--key", key);
		const clear = await licet.grant({ license: `${work}-opened`, target: "shop" });
		await psql(rawGrant(clear), script);
		const expected = comparable(await replay(licet, await ended(licet)), clear);
		t.strictSame(
			comparable(opened, grant).map((line) => line.replaceAll("-sealed", "-opened")),
			expected,
			`${work}: with the key, exactly what a clear session records`,
		);
		t.match(expected.join("\n"), lastIn(script, canaries));
	}
	const denied = await licet.cli("export", forgotten, "--format", "sql");
	t.match(denied.stderr, /literals are sealed: --key FILE/);
	const script = await licet.cli("export", forgotten, "--format", "sql", "--key", key);
	t.match(script.stdout, canaries.all[1] ?? "");
	t.match((await licet.cli("replay", forgotten, "--plain")).stdout, /sealed for the auditor's key [0-9a-f]{16}/);

	const value = canaries.all[1] ?? "";
	t.strictSame(await licet.json("search", value, "--license", "all-sealed"), [], "the index holds no value");
	const hits = (await licet.json("search", value.toUpperCase(), "--license", "all-sealed", "--key", key)) as Line[];
	t.match(hits, [{ session: forgotten, statement: 1, subject: "alice", effect: "allow", sql: value }]);
	t.equal(hits.length, 1);
	t.not(
		((await licet.json("search", "INSERT INTO app.notes VALUES (?", "--license", "all-sealed")) as Line[]).length,
		0,
	);

	const again = await licet.cli("forget", forgotten, "--reason", "a request");
	t.match(again.stdout, /is forgotten/);
	t.match((await licet.cli("replay", forgotten, "--key", key)).stderr, /was destroyed/);
	t.strictSame(await licet.json("search", value, "--license", "all-sealed", "--key", key), [], "and is found no more");
	t.equal(JSON.stringify(await replay(licet, forgotten)), asItStands, "the log stands as it was");
	t.equal((await licet.cli("forget", forgotten)).code, 1);
	t.match((await licet.cli("forget", "s_unknown")).stderr, /has no key/);
	t.equal((await licet.cli("verify")).code, 0, "and verifies");

	const live = await RawClient.login(rawGrant(pairs[0]?.grant as IssuedGrant));
	await live.query("SELECT 1");
	t.match((await licet.cli("forget", await newestSession(licet))).stderr, /is running; end it first/);
	await live.query("SELECT 2");
	live.send(wire.terminate);
	await live.untilEnd();
});

await t.test("a license that seals needs an auditor's key", async (t) => {
	const url = await createDatabase(t, testServers().pg15, POSTGRES_SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: licensesOf({ permits: [] }) });
	t.match(licet.log(), /recording\.literals: seals for an auditor, and none is known; expected recording\.auditorKey/);
	await t.rejects(licet.grant({ license: "all-sealed", target: "shop" }), /all-sealed/);
	const grant = await licet.grant({ license: "all-opened", target: "shop" });
	const client = await RawClient.login(rawGrant(grant));
	await client.query("SELECT 1");
	client.send(wire.terminate);
	await client.untilEnd();
});

await t.test("a license that comes to seal ends the sessions that do not", async (t) => {
	const url = await createDatabase(t, testServers().pg15, POSTGRES_SCHEMA);
	const key = auditorKey(t);
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: licensesOf({ permits: [] }),
		config: { recording: { auditorKey: `${key}.pub` } },
	});
	const client = await RawClient.login(rawGrant(await licet.grant({ license: "all-opened", target: "shop" })));
	await client.query("SELECT 1");
	licet.writeLicense("all-opened", license("all-opened", { ...ALL, recording: { literals: "sealed" } }));
	await client.untilEnd();
	const lines = await replay(licet, await ended(licet));
	t.match(lines.at(-1), { type: "session.end", reason: /now seals what this session records in the clear/ });
});

function mysqlScript(c: Canaries): string {
	const user = c.text();
	return `
INSERT INTO notes VALUES (${c.number()}, '${c.text()}@mail.example', "${c.text()}"), (2, 'it\\'s ${c.text()}', N'${c.text()}');
SELECT id, email, body FROM notes ORDER BY id;
SELECT email AS '${c.text()}', concat(body, '${c.text()}') FROM notes;
SELECT concat(email, '${c.text()}') FROM notes;
SELECT id FROM notes WHERE email = '${c.text()}' OR id = ${c.number()} -- ${c.text()}
;
SELECT /* ${c.text()} */ x'${Buffer.from(c.text()).toString("hex")}', _utf8mb4'${c.text()}' FROM notes; # ${c.text()}
INSERT INTO notes VALUES (2, '${c.text()}', NULL);
SELECT \`${c.text()}\` FROM notes;
SELECT * FROM ${c.text()};
SELEC '${c.text()}';
SELECT CAST('${c.text()}' AS date); SHOW WARNINGS;
SET @word = '${c.text()}';
SET sql_mode = ${c.text()};
SET @other := (SELECT '${c.text()}');
CREATE USER '${user}'@'localhost' IDENTIFIED BY '${c.text()}';
DROP USER '${user}'@'localhost';
PREPARE p FROM 'SELECT id, ''${c.text()}'' FROM notes WHERE body = ?';
EXECUTE p USING @word;
/*!40101 SET @third = '${c.text()}' */;
DELETE FROM notes WHERE body IN ('${c.text()}', "${c.text()}") OR true;
`;
}

for (const server of mysqlServers()) {
	await t.test(server.name, async (t) => {
		const setup = "CREATE TABLE notes (id bigint PRIMARY KEY, email varchar(80), body varchar(200));";
		const url = await createMysqlDatabase(t, server, setup);
		const key = auditorKey(t);
		const some = {
			permits: [{ on: ["*.notes"], commands: ["read", "write"] }],
			masks: [{ columns: ["*.notes.email"], with: "email", use: "derive" }],
		};
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: licensesOf(some),
			config: { recording: { auditorKey: `${key}.pub` } },
			env: { LICET_LOG: "trace" },
		});
		const client = (grant: IssuedGrant, script: string) => {
			const words = [
				"--no-defaults",
				"--force",
				"--comments",
				"--skip-ssl",
				"-h",
				"127.0.0.1",
				"-P",
				String(grant.port),
			];
			const child = spawn("mariadb", [...words, "-u", grant.username, `-p${grant.password}`, grant.database]);
			child.stdin.on("error", () => {}).end(script);
			return outcome(child);
		};
		const canaries = new Canaries();
		const pairs: {
			readonly sealed: string;
			readonly script: string;
			readonly work: string;
			readonly grant: IssuedGrant;
		}[] = [];
		for (const work of ["all", "some"] as const) {
			const script = mysqlScript(canaries);
			const grant = await licet.grant({ license: `${work}-sealed`, target: "shop" });
			const result = await client(grant, script);
			t.match(result.stdout + result.stderr, lastIn(script, canaries), `${work}: the client saw its values`);
			pairs.push({ sealed: await ended(licet), script, work, grant });
			const { host, port, username: user, password, database } = grant;
			const driver = await mysql.createConnection({ host, port, user, password, database });
			await driver.execute("SELECT id, ? FROM notes WHERE body <> ? AND id <> ?", [
				canaries.text(),
				canaries.text(),
				Number(canaries.number()),
			]);
			await driver.end();
			await ended(licet);
		}
		await new Promise((resolve) => setTimeout(resolve, 600));
		t.strictSame(leaks(licet, canaries), [], "nothing of it is kept in the clear");
		t.match(
			JSON.stringify(await replay(licet, pairs[0]?.sealed ?? "")),
			/INSERT INTO notes VALUES \(\?, \?, \?\), \(\?, \?, \?\)/,
		);
		for (const { sealed, script, work, grant } of pairs) {
			const opened = await replay(licet, sealed, "--key", key);
			const clear = await licet.grant({ license: `${work}-opened`, target: "shop" });
			await client(clear, script);
			const expected = comparable(await replay(licet, await ended(licet)), clear);
			t.strictSame(
				comparable(opened, grant).map((line) => line.replaceAll("-sealed", "-opened")),
				expected,
				`${work}: with the key, exactly what a clear session records`,
			);
		}
	});
}
