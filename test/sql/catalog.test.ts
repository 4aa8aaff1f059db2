/**
 * The catalog snapshot, read from real servers by an ordinary user, over one of everything that it is to show.
 */
import type pg from "pg";
import t, { type Test } from "tap";
import type { Catalog } from "../../src/sql/catalog.js";
import { CATALOG_FINGERPRINT_QUERY, readCatalog } from "../../src/sql/postgres/catalog.js";
import { createDatabase, LOGIN_USERS, testServers, withClient } from "../helpers/servers.js";

const SCRIPT = `
	CREATE SCHEMA app;
	CREATE SCHEMA "Odd.Name";
	GRANT USAGE ON SCHEMA app TO PUBLIC;
	CREATE TYPE app.mood AS ENUM ('sad', 'happy');
	CREATE TYPE app.pair AS (a int, b text);
	CREATE DOMAIN app.email AS text CHECK (VALUE LIKE '%@%');
	CREATE TYPE app.span AS RANGE (subtype = int4);
	CREATE TABLE app.users (id serial PRIMARY KEY, dropped int, email app.email, "Full Name" text, feeling app.mood,
		shout text GENERATED ALWAYS AS (upper("Full Name" || id::text)) STORED, plain text DEFAULT 'x');
	ALTER TABLE app.users DROP COLUMN dropped;
	CREATE TABLE app.base (id int);
	CREATE TABLE app.middle (extra int) INHERITS (app.base);
	CREATE TABLE app.leaf (more int) INHERITS (app.middle);
	CREATE TABLE app.events (at date, what text) PARTITION BY RANGE (at);
	CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (what);
	CREATE TABLE app.events_2026_a PARTITION OF app.events_2026 FOR VALUES IN ('a');
	CREATE VIEW app.people AS SELECT id, email FROM app.users;
	CREATE MATERIALIZED VIEW app.totals AS SELECT count(*) AS n FROM app.users;
	CREATE TABLE "Odd.Name"."t""x" ("c'y" int);
	CREATE FUNCTION app.twice(x int, y app.email) RETURNS int LANGUAGE sql AS 'SELECT 2 * x';
	CREATE FUNCTION app.twice() RETURNS int LANGUAGE sql AS 'SELECT 2';
	CREATE PROCEDURE app.work() LANGUAGE sql AS '';
	CREATE AGGREGATE app.total (int) (SFUNC = int4pl, STYPE = int);
	CREATE FUNCTION app.mine(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
	CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = app.mine);
	CREATE FUNCTION app.as_pair(text) RETURNS app.pair LANGUAGE sql AS 'SELECT NULL::app.pair';
	CREATE CAST (text AS app.pair) WITH FUNCTION app.as_pair(text);
	CREATE FUNCTION public.nosy(oid, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hijacked''; END';
	CREATE OPERATOR public.>= (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.nosy);
	CREATE OPERATOR public.<> (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.nosy);
	CREATE FUNCTION public.nosy(name, name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hijacked''; END';
	CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = name, FUNCTION = public.nosy);
	CREATE FUNCTION public.nosy(oid, regclass) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hijacked''; END';
	CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.nosy);
`;

const runner = (client: pg.Client) => async (sql: string) => {
	// As text, like the session layer gets it.
	const types = { getTypeParser: () => (value: string) => value };
	const { rows } = await client.query<(string | null)[]>({ text: sql, rowMode: "array", types });
	return rows;
};

function asOrdinaryUser(url: string): string {
	const ordinary = new URL(url);
	ordinary.username = LOGIN_USERS.trust;
	ordinary.password = "";
	return ordinary.href;
}

const read = (url: string) => withClient(url, (client) => readCatalog(runner(client), "shop", 7));

function relation(catalog: Catalog, schema: string, name: string) {
	const found = catalog.relations.find((candidate) => candidate.schema === schema && candidate.name === name);
	if (found === undefined) throw new Error(`no ${schema}.${name}`);
	return found;
}

async function checkSnapshot(t: Test, server: string) {
	const catalog = await read(asOrdinaryUser(await createDatabase(t, server, SCRIPT)));
	t.match(catalog, { engine: "postgres", database: "shop", epoch: 7 });
	t.ok(catalog.version >= 120000);
	t.same(
		["app", "Odd.Name", "public", "pg_catalog", "information_schema"].filter((name) => !catalog.schemas.includes(name)),
		["Odd.Name"],
		"schemas that the user may not use are not looked up in",
	);

	const users = relation(catalog, "app", "users");
	t.equal(users.kind, "table");
	t.same(
		users.columns.map(({ number, name }) => [number, name]),
		[
			[1, "id"],
			[3, "email"],
			[4, "Full Name"],
			[5, "feeling"],
			[6, "shout"],
			[7, "plain"],
		],
		"dropped columns are absent, numbers are the server's",
	);
	t.same([...(users.columns.find(({ name }) => name === "shout")?.generatedFrom ?? [])].sort(), ["Full Name", "id"]);
	t.equal(users.columns.find(({ name }) => name === "plain")?.generatedFrom, undefined);
	t.equal(users.columns[0]?.type, 23);

	const people = relation(catalog, "app", "people");
	t.equal(people.kind, "view");
	t.match(people.definition, /FROM app\.users/, "definitions name schemas, whatever the reader's search path");
	t.equal(relation(catalog, "app", "totals").kind, "matview");
	t.match(relation(catalog, "app", "totals").definition, /app\.users/);
	t.equal(relation(catalog, "pg_catalog", "pg_tables").kind, "view");
	t.equal(relation(catalog, "pg_catalog", "pg_tables").definition, undefined);
	t.ok(relation(catalog, "information_schema", "columns").columns.length > 20);
	const sequence = relation(catalog, "app", "users_id_seq");
	t.equal(sequence.kind, "sequence");
	t.same(sequence.numbers, { relation: relation(catalog, "app", "users").id, column: 1 }, "the column that it numbers");
	t.same(relation(catalog, "Odd.Name", 't"x').constraints, undefined);
	t.equal(relation(catalog, "Odd.Name", 't"x').columns[0]?.name, "c'y");

	const base = relation(catalog, "app", "base");
	const middle = relation(catalog, "app", "middle");
	t.same(relation(catalog, "app", "leaf").parents, [middle.id, base.id], "nearest first");
	const events = relation(catalog, "app", "events");
	t.equal(events.kind, "partitioned");
	const year = relation(catalog, "app", "events_2026");
	t.same(relation(catalog, "app", "events_2026_a").parents, [year.id, events.id]);
	t.same(events.parents, []);

	const functions = catalog.functions.filter(({ schema }) => schema === "app");
	t.same(
		functions
			.filter(({ name }) => name === "twice")
			.map((found) => [found.kind, found.arguments])
			.sort(),
		[
			["function", []],
			["function", ["pg_catalog.int4", "app.email"]],
		],
	);
	t.equal(functions.find(({ name }) => name === "work")?.kind, "procedure");
	t.equal(functions.find(({ name }) => name === "total")?.kind, "aggregate");
	t.ok(catalog.builtinFunctions.includes("lower"));
	t.ok(catalog.builtinFunctions.includes("_pg_expandarray"), "information_schema has functions, and drivers call them");
	t.notOk(catalog.builtinFunctions.includes("twice"));

	t.match(
		catalog.operators.find(({ name }) => name === "==="),
		{ schema: "public", functionSchema: "app", functionName: "mine", builtinOperands: true },
	);
	const kinds = new Map(catalog.types.filter(({ schema }) => schema === "app").map(({ name, kind }) => [name, kind]));
	t.match(Object.fromEntries(kinds), {
		mood: "enum",
		_mood: "array",
		pair: "composite",
		email: "domain",
		span: "range",
		users: "composite",
	});
	t.match(
		catalog.casts.find(({ target }) => target === "app.pair"),
		{ source: "pg_catalog.text", functionSchema: "app", functionName: "as_pair" },
	);
	t.same(structuredClone(catalog), catalog, "it crosses to the reader's thread");
}

t.test("a snapshot of one of everything", async (t) => {
	const { pg15, pg18 } = testServers();
	t.test("older server", (t) => checkSnapshot(t, pg15));
	t.test("PostgreSQL 18", (t) => checkSnapshot(t, pg18));
});

t.test("virtual generated columns of PostgreSQL 18", async (t) => {
	const script = "CREATE TABLE public.v (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)";
	const catalog = await read(asOrdinaryUser(await createDatabase(t, testServers().pg18, script)));
	t.same(relation(catalog, "public", "v").columns[1]?.generatedFrom, ["a"]);
});

t.test("an extension's objects name it", async (t) => {
	const url = await createDatabase(t, testServers().pg15, "");
	const available = await withClient(url, (client) =>
		client.query("SELECT FROM pg_available_extensions WHERE name = 'citext'"),
	);
	if (available.rowCount === 0) {
		t.comment("this server has no extensions to install");
		return;
	}
	await withClient(url, (client) => client.query("CREATE EXTENSION citext"));
	const catalog = await read(url);
	t.equal(catalog.types.find(({ name }) => name === "citext")?.extension, "citext");
	t.ok(catalog.functions.filter(({ extension }) => extension === "citext").length > 10);
	t.ok(catalog.operators.some(({ name, extension }) => name === "~~" && extension === "citext"));
});

t.test("a snapshot is not put together from two connections", async (t) => {
	const url = await createDatabase(t, testServers().pg15, "");
	await withClient(url, async (client) => {
		const run = runner(client);
		const broken = async (sql: string) => {
			const rows = await run(sql);
			// A new connection has the server's own search path again.
			if (sql.includes("pg_get_viewdef")) await client.query("RESET search_path");
			return rows;
		};
		await t.rejects(readCatalog(broken, "shop", 1), /connection/);
	});
});

t.test("the fingerprint changes with definitions and with nothing else", async (t) => {
	const { pg15, pg18 } = testServers();
	for (const server of [pg15, pg18]) {
		const owner = await createDatabase(t, server, SCRIPT);
		await withClient(asOrdinaryUser(owner), async (reader) => {
			const fingerprint = async () => JSON.stringify(await runner(reader)(CATALOG_FINGERPRINT_QUERY));
			let before = await fingerprint();
			const after = async (sql: string) => {
				await withClient(owner, (client) => client.query(sql));
				const now = await fingerprint();
				const changed = now !== before;
				before = now;
				return changed;
			};
			t.notOk(await after("INSERT INTO app.base SELECT generate_series(1, 100); ANALYZE app.base"));
			t.notOk(await after("UPDATE app.base SET id = 2"));
			t.notOk(await after("GRANT CONNECT ON DATABASE postgres TO PUBLIC"));
			for (const sql of [
				"ALTER TABLE app.users ADD COLUMN more int",
				"ALTER TABLE app.users RENAME COLUMN more TO less",
				"ALTER TABLE app.users RENAME TO folk",
				"ALTER TABLE app.folk SET SCHEMA public",
				"ALTER TABLE public.folk DROP COLUMN less",
				"CREATE OR REPLACE VIEW app.people AS SELECT id, email FROM public.folk WHERE id > 0",
				"CREATE OR REPLACE FUNCTION app.twice() RETURNS int LANGUAGE sql AS 'SELECT 3'",
				"ALTER TABLE app.leaf NO INHERIT app.middle",
				"ALTER TABLE app.events DETACH PARTITION app.events_2026",
				"CREATE TYPE app.size AS ENUM ('s')",
				"ALTER TYPE app.size RENAME TO width",
				"DROP CAST (text AS app.pair)",
				"DROP OPERATOR public.=== (text, text)",
				"CREATE SCHEMA later",
				"ALTER SCHEMA later RENAME TO soon",
			]) {
				t.ok(await after(sql), sql);
			}
		});
	}
});
