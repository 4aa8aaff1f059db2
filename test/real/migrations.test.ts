/**
 * Definitions that a transaction changes, and statements that use them before it is committed: migrations as ORMs write
 * them run as they do without Licet, and nothing that is not licensed shows by way of them.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";

const run = promisify(execFile);

const SECRET = "canarywhimbrel";

const SCHEMA = `CREATE SCHEMA app; CREATE SCHEMA hr;
	CREATE TABLE app.users (id int PRIMARY KEY, email text); INSERT INTO app.users VALUES (1, '${SECRET}@example.org');
	CREATE TABLE app.notes (id int PRIMARY KEY, note text); INSERT INTO app.notes VALUES (1, 'a note');
	CREATE TABLE hr.things (id int, secret text); INSERT INTO hr.things VALUES (1, '${SECRET}');`;

const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read", "write", "ddl"] }],
	masks: [{ columns: ["app.users.email"], with: "redact" }],
};

/** What a tool for migrations does in one transaction: a table of versions, tables, keys, indexes, data. */
const MIGRATION = [
	"BEGIN",
	"CREATE TABLE app.versions (version text PRIMARY KEY)",
	"CREATE TABLE app.authors (id bigserial PRIMARY KEY, name text NOT NULL)",
	"INSERT INTO app.authors (name) VALUES ('Ursula'), ('Stanislaw')",
	"CREATE INDEX authors_name ON app.authors (lower(name))",
	"CREATE TABLE app.books (id bigserial PRIMARY KEY, author bigint REFERENCES app.authors (id), title text)",
	"INSERT INTO app.books (author, title) SELECT id, name || '''s book' FROM app.authors ORDER BY id",
	"ALTER TABLE app.books ADD COLUMN pages int DEFAULT 100",
	"UPDATE app.books SET pages = pages + id WHERE title LIKE '%s book'",
	"SAVEPOINT before",
	"ALTER TABLE app.books DROP COLUMN pages",
	"SELECT * FROM app.books ORDER BY id",
	"ROLLBACK TO SAVEPOINT before",
	"SELECT * FROM app.books ORDER BY id",
	"CREATE VIEW app.shelf AS SELECT b.title, a.name FROM app.books b JOIN app.authors a ON a.id = b.author",
	"SELECT count(*) FROM app.books b JOIN app.authors a ON a.id = b.author",
	"ALTER TABLE app.books RENAME TO volumes",
	"SELECT title, pages FROM app.volumes ORDER BY id",
	"INSERT INTO app.versions VALUES ('20260101')",
	"COMMIT",
	"SELECT v.title, a.name FROM app.volumes v JOIN app.authors a ON a.id = v.author ORDER BY v.id",
	"SHOW search_path",
];

async function results(client: pg.Client, statements: readonly string[], prepared: boolean): Promise<unknown[]> {
	const all: unknown[] = [];
	for (const text of statements) {
		const query = prepared ? { text, values: [], rowMode: "array" as const } : { text, rowMode: "array" as const };
		const { rows, rowCount } = await client.query(query).catch((error: unknown) => {
			throw new Error(`${text}: ${String(error)}`);
		});
		all.push([text, rows, rowCount]);
	}
	return all;
}

/** Each is a session of its own: statements, and what the last one answers. */
const ATTACKS: readonly (readonly [name: string, last: "denied" | "masked" | "native", ...sql: string[]])[] = [
	[
		"a view over what is not licensed",
		"denied",
		"CREATE TABLE app.x (id int)",
		"CREATE VIEW app.v AS SELECT secret FROM hr.things",
	],
	[
		"what is masked, into a new table",
		"denied",
		"CREATE TABLE app.x (email text)",
		"INSERT INTO app.x SELECT email FROM app.users",
	],
	[
		"a view over what is masked",
		"denied",
		"CREATE TABLE app.x (id int)",
		"CREATE VIEW app.v AS SELECT email AS e FROM app.users",
	],
	["the masked table by another name", "denied", "CREATE TABLE app.x (id int)", "ALTER TABLE app.users RENAME TO u"],
	["a child of the masked table", "denied", "CREATE TABLE app.x () INHERITS (app.users)"],
	[
		"the masked table, made anew",
		"masked",
		"CREATE TABLE app.x (id int)",
		"DROP TABLE app.users",
		`CREATE TABLE app.users (id int, email text)`,
		`INSERT INTO app.users VALUES (1, '${SECRET}')`,
		"SELECT email FROM app.users",
	],
	[
		"a stand-in that is taken back",
		"denied",
		"SET search_path = app, hr",
		"SAVEPOINT s",
		"CREATE TABLE app.things (secret text)",
		"SELECT secret FROM things",
		"ROLLBACK TO s",
		"SELECT secret FROM things",
	],
	[
		"a stand-in that is dropped",
		"denied",
		"SET search_path = app, hr",
		"CREATE TABLE app.things (secret text)",
		"SELECT secret FROM things",
		"DROP TABLE app.things",
		"SELECT secret FROM things",
	],
	[
		"a prepared statement whose table is taken away",
		"denied",
		"SET search_path = app, hr",
		"CREATE TABLE app.things (secret text)",
		"PREPARE p AS SELECT secret FROM things",
		"DROP TABLE app.things",
		"EXECUTE p",
	],
	[
		"the savepoint's name",
		"denied",
		"SAVEPOINT _licet_definitions",
		"CREATE TABLE app.x (id int)",
		"SELECT id FROM app.x",
		"RELEASE SAVEPOINT _licet_definitions",
		"SELECT secret FROM hr.things",
	],
	["definitions and data in one string", "denied", "CREATE TABLE app.x (id int); SELECT * FROM app.x"],
];

async function attack(t: Test, url: string, [name, last, ...sql]: (typeof ATTACKS)[number]): Promise<void> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection;
	let heard = "";
	stream.on("data", (chunk: Buffer) => {
		heard += chunk.toString("latin1");
	});
	await client.query("BEGIN");
	let outcome = "none";
	for (const text of sql) {
		heard = "";
		outcome = await client.query(text).then(
			() => "masked",
			(error: { code?: string }) => (error.code === "42501" ? "denied" : `native ${error.code}`),
		);
		t.notOk(heard.includes(SECRET), `${name}: nothing shows of ${text}`);
	}
	t.equal(outcome, last, `${name}: what becomes of it`);
	await client.query("ROLLBACK");
	const { rows } = await client.query("SELECT note FROM app.notes");
	t.same(rows, [{ note: "a note" }], `${name}: the session goes on`);
	await client.end();
}

t.setTimeout(PART_TIMEOUT_MS);

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createDatabase(t, server, SCHEMA);
		const licenses = { app: license("app", TERMS) };
		const bare = await createDatabase(t, server, SCHEMA);
		const targets = { shop: targetOf(url) };
		const licet = await startLicet(t, { targets, licenses });
		const through = (await licet.grant({ license: "app", target: "shop" })).url;
		const client = new pg.Client({ connectionString: through });
		await client.connect();
		const direct = await withClient(bare, (own) => results(own, MIGRATION, false));
		t.same(await results(client, MIGRATION, false), direct, "a migration, by query strings");
		const undo = async () => {
			for (const gone of ["VIEW app.shelf", "TABLE app.volumes", "TABLE app.authors", "TABLE app.versions"]) {
				await client.query(`DROP ${gone}`);
			}
		};
		await undo();
		t.same(await results(client, MIGRATION, true), direct, "a migration, by prepared statements");
		await undo();
		await client.query("BEGIN");
		await client.query("CREATE TABLE app.gone (id int)");
		await client.query("INSERT INTO app.gone VALUES (1)");
		await client.query("ROLLBACK");
		await t.rejects(client.query("SELECT * FROM app.gone"), { code: "42501" }, "what was rolled back is not there");
		await client.end();
		const script = join(licet.folder, "migration.sql");
		writeFileSync(script, `${MIGRATION.filter((sql) => !/^(BEGIN|COMMIT)$/.test(sql)).join(";\n")};\n`);
		const words = ["--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-1", "-f", script];
		const { stdout } = await run(testServers().psql, [...words, through]);
		t.match(stdout, /Ursula's book/, "a migration, by psql");
		for (const each of ATTACKS) await attack(t, through, each);
	});
}
