/**
 * The analyser against the server's own judgement. A role gets exactly the rights that the facts of a statement name,
 * column by column: then the server must plan the statement for it. Take any one of those rights away, and the server
 * must refuse. So the facts name neither less nor more than the server reads and writes. Result columns are compared
 * with the server's own description: their number, their names, and where it says that they come from.
 */
import pg from "pg";
import postgres from "postgres";
import t, { type Test } from "tap";
import type { Catalog } from "../../src/sql/catalog.js";
import type { CatalogIndex } from "../../src/sql/catalog-index.js";
import type { RelationUse, StatementFacts } from "../../src/sql/facts.js";
import { analyseParsed, type PostgresReading } from "../../src/sql/postgres/analyse.js";
import { readCatalog } from "../../src/sql/postgres/catalog.js";
import { loadParser, parseText } from "../../src/sql/postgres/parser.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import { corpus } from "./corpus.js";
import { indexOf, read } from "./reading.js";

await loadParser();

const SCHEMA = `
	CREATE SCHEMA app; CREATE SCHEMA other;
	CREATE TABLE app.users (id int PRIMARY KEY, name text, email text, boss int);
	CREATE TABLE app.orders (id int PRIMARY KEY, user_id int, note text, tags text[]);
	CREATE TABLE other.users (id int, secret text);
	CREATE TABLE app.events (id int, at date, what text) PARTITION BY RANGE (at);
	CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
	CREATE TABLE app.old_users () INHERITS (app.users);
	CREATE TYPE app.pair AS (a int, b text);
	CREATE TABLE app.held (id int, both_of app.pair);
	CREATE VIEW app.people AS SELECT id, email FROM app.users WHERE name <> '';
	CREATE SEQUENCE app.numbers;
	CREATE FUNCTION app.twice(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $1';
	CREATE FUNCTION app.rows_of(int) RETURNS TABLE (a int, b text) LANGUAGE sql AS 'SELECT $1, ''x''';
	CREATE FUNCTION app.same(text, text) RETURNS bool LANGUAGE plpgsql AS 'begin return true; end';
	CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = app.same);
`;

/** Statements that the server plans; `from` is the first major version that knows the syntax. */
const STATEMENTS: readonly (string | { readonly sql: string; readonly from: number })[] = [
	"select id, email from users",
	"select * from users",
	"select u.* from users u, orders o where u.id = o.user_id",
	"select x.b from users x(a, b, c)",
	"select email from users x(email, b, c)",
	"select u from users u",
	"select name from users group by name having count(email) > 1 order by count(boss)",
	"select u.email, (select note from orders o where o.user_id = u.id limit 1) from users u",
	"select id from users where exists (select 1 from orders where orders.user_id = users.id)",
	"select id from users where id in (select user_id from orders)",
	"select (boss, name) = any (select id, note from orders) from users",
	"select array(select email from users order by name)",
	"select * from users natural join orders",
	"select id from users full join orders using (id)",
	"select j.x from (users join orders using (id)) as j(w, x, y)",
	"select * from (select email as id from users) a join (select note as id from orders) b using (id)",
	"select l.note from users u cross join lateral (select note from orders where user_id = u.boss) l",
	"select email from users union all select note from orders order by email",
	"select email from users intersect select secret from other.users",
	"select id from users except all (select user_id from orders union select id from other.users)",
	"with users as (select id, note as email from orders) select email from users",
	"with orders as (select * from users) select orders.email from orders, app.orders o",
	"with a as (select id from orders), orders as (select 1) select * from a",
	"with recursive t(id, path) as (select id, name from users union all select u.id, t.path || u.email from users u join t on u.boss = t.id) select path from t",
	"with recursive b as (select * from a), a as (select name from users) select * from b",
	"with recursive t(id, boss) as (select id, boss from users union all select u.id, u.boss from users u, t where u.id = t.boss) search depth first by id set o cycle id set c using p select o, c, p from t",
	"with gone as (delete from orders where note = 'x' returning user_id) select name from users, gone where user_id = id",
	"table users",
	"values (1, (select max(email) from users)), (2, 'x')",
	"select count(*) filter (where email like 'a%') from users",
	"select string_agg(name, ',' order by email) from users",
	"select percentile_disc(0.5) within group (order by boss) from users",
	"select sum(id) over w, rank() over (partition by name order by boss) from users window w as (order by email)",
	"select grouping(name), count(*) from users group by grouping sets ((name), (email), ())",
	"select distinct on (name) email from users order by name, boss",
	"select id from users order by email limit (select count(*) from orders)",
	"select case name when 'a' then email else boss::text end from users",
	"select name is distinct from email, id between boss and 5, coalesce(name, email), nullif(name, email) from users",
	"select extract(year from at), trim(both 'x' from what) from events",
	"select at from events_1",
	"select id from only users",
	"select tableoid::regclass, ctid from users",
	"select id from old_users",
	"select tags[1:2], array[user_id, id] from orders",
	"select (both_of).b, (h.both_of).a from held h",
	"select (both_of).a, (h.both_of).b from held h",
	"select h.both_of from held h where both_of = row(1, 'x')::pair",
	"select xmlelement(name a, xmlattributes(name as b), email), xmlforest(boss) from users",
	"select x.* from users, xmltable('/a' passing (email::xml) columns a text path 'b' default name) x",
	"select row_to_json(u), to_jsonb(o.*) from users u, orders o",
	"select key from users, json_each_text(email::json) where value = name",
	"select t from orders, unnest(tags) t",
	"select a, n from orders, unnest(tags) with ordinality as x(a, n)",
	"select * from rows from (generate_series(1, 2), unnest(array['a'])) as r(a, b)",
	"select j.a from json_to_record('{}') as j(a int, b text)",
	"select * from users tablesample bernoulli (10)",
	"select twice(email) from users",
	"select b from rows_of(1)",
	"select name === email from users",
	"select email from people where id = 1",
	"select count(*) from people",
	"insert into orders (id, note) select id, email from users",
	"insert into orders values (1, 2, 'x')",
	"insert into orders default values",
	"insert into orders (id) values (1) returning note",
	"insert into users (id, email) values (1, 'x') on conflict (id) do update set email = excluded.email where users.name = 'x'",
	"update orders set note = u.email from users u where u.boss = orders.user_id",
	"update orders set (note, user_id) = (select name, boss from users limit 1) returning id",
	"update orders set tags[user_id] = 'x'",
	"update users set email = default",
	"delete from orders where id = 1",
	"delete from orders using users where users.id = user_id returning orders.*, email",
	"update people set email = 'x' where id = 1",
	{
		sql: "merge into orders o using users u on o.id = u.boss when matched and u.name = 'x' then update set note = u.email when not matched then insert (id, note) values (u.id, 'y')",
		from: 15,
	},
	{
		sql: "merge into orders o using users u on o.id = u.boss when not matched by source and o.note = 'x' then delete returning merge_action(), old.id, new.tags",
		from: 17,
	},
	{ sql: "update users set name = 'x' returning old.email, new.boss", from: 18 },
	{ sql: "delete from users returning with (old as o) o.*", from: 18 },
	{
		sql: "select json_object('a': email), json_array(name), json_arrayagg(boss order by id) from users group by email, name",
		from: 16,
	},
	{
		sql: "select j.* from users, json_table(email::jsonb, '$' passing name as n columns (a text path '$.a' default 'x' on empty)) j",
		from: 17,
	},
];

interface Bench {
	readonly client: pg.Client;
	readonly described: postgres.Sql;
	readonly catalog: Catalog;
	readonly index: CatalogIndex;
	readonly context: PostgresReading;
	/** A role of this bench's own. */
	readonly role: string;
}

async function bench(t: Test, server: string, script: string): Promise<Bench> {
	const url = await createDatabase(t, server, script);
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	const options = { max: 1, fetch_types: false, onnotice: () => undefined, connection: { search_path: "app" } };
	const described = postgres(url, options);
	const database = new URL(url).pathname.slice(1);
	const role = `role_of_${database}`;
	await client.query(`CREATE ROLE ${role}`);
	t.teardown(async () => {
		await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
		await client.end();
		await described.end();
	});
	const run = async (sql: string) => (await client.query({ text: sql, rowMode: "array", types: AS_TEXT })).rows;
	const catalog = await readCatalog(run, database, 1);
	await client.query("SET search_path TO app");
	const context = { target: "shop", database, searchPath: ["app"], user: "postgres" };
	return { client, described, catalog, index: indexOf(catalog), context, role };
}

const AS_TEXT = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

/** One right of the role: a relation's column or function that it may use. */
type Right = { readonly grant: string; readonly revoke: string };

function quoted(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

function rightsOf(b: Bench, use: RelationUse): Right[] {
	const name = `${quoted(use.schema)}.${quoted(use.name)}`;
	const whole = (right: string) => ({
		grant: `GRANT ${right} ON ${name} TO ${b.role}`,
		revoke: `REVOKE ${right} ON ${name} FROM ${b.role}`,
	});
	if (use.through.length > 0 || use.sort !== "data" || use.command === "merge") return [];
	if (use.command === "delete") return [whole("DELETE")];
	const columns = use.columns === "all" ? [] : use.columns;
	// Reading no column in particular takes the right to any one of them.
	const relation = b.index.relation(use.schema, use.name);
	const listed = columns.length > 0 ? columns : [relation?.columns[0]?.name ?? ""];
	return listed.map((column) => whole(`${use.command.toUpperCase()} (${quoted(column)})`));
}

/** Whether the server plans a statement for the role under these rights; nothing lasts. */
async function plans(b: Bench, sql: string, rights: readonly Right[], without?: Right): Promise<string | undefined> {
	await b.client.query("BEGIN");
	try {
		await b.client.query(`GRANT USAGE ON SCHEMA app, other TO ${b.role}`);
		for (const right of rights) await b.client.query(right.grant);
		if (without !== undefined) await b.client.query(without.revoke);
		await b.client.query(`SET LOCAL ROLE ${b.role}`);
		await b.client.query(`EXPLAIN ${sql}`);
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	} finally {
		await b.client.query("ROLLBACK");
	}
}

async function sameRights(t: Test, b: Bench, sql: string, facts: StatementFacts): Promise<void> {
	const rights = facts.relations.flatMap((use) => rightsOf(b, use));
	t.equal(await plans(b, sql, rights), undefined, "the server asks for nothing more");
	const isDenial = /permission denied/;
	for (const right of rights) {
		t.match(await plans(b, sql, rights, right), isDenial, `the server asks for it too: ${right.grant}`);
	}
}

async function sameResult(t: Test, b: Bench, sql: string, facts: StatementFacts): Promise<void> {
	const { columns } = await b.described.unsafe(sql).describe();
	const outputs = facts.outputs ?? [];
	const server = (columns ?? []).map((column) => column.name);
	t.same(
		outputs.map((output) => output.name),
		server,
		"result columns are called as the server calls them",
	);
	for (const [index, { table, number }] of (columns as unknown as { table: number; number: number }[]).entries()) {
		const relation = b.catalog.relations.find((candidate) => candidate.id === table);
		const column = relation?.columns.find((candidate) => candidate.number === number);
		if (relation === undefined || column === undefined) continue;
		const isSource = outputs[index]?.sources.some(
			(source) => source.schema === relation.schema && source.name === relation.name && source.column === column.name,
		);
		t.ok(isSource, `${relation.name}.${column.name} is a source of result column ${index}, as the server says`);
	}
}

for (const server of ["pg15", "pg18"] as const) {
	t.test(`facts are the server's own: ${server}`, async (t) => {
		const b = await bench(t, testServers()[server], SCHEMA);
		const major = Math.floor(b.catalog.version / 10000);
		for (const entry of STATEMENTS) {
			const { sql, from } = typeof entry === "string" ? { sql: entry, from: 0 } : entry;
			if (major < from) continue;
			await t.test(sql, async (t) => {
				const facts = read(sql, b.context, b.index);
				t.equal(facts.refusal, undefined, "it is read");
				await sameRights(t, b, sql, facts);
				await sameResult(t, b, sql, facts);
			});
		}
	});
}

const TOOLS = ["postgres-tools", "postgres-pgadmin"];
const missing = TOOLS.some((name) => corpus(name) === undefined);

t.test("corpora", { skip: missing && "the corpora are not at hand: set LICET_CORPUS to their folder" }, async (t) => {
	for (const server of ["pg15", "pg18"] as const) {
		await t.test(`what tools ask of catalogs is read: ${server}`, async (t) => {
			const b = await bench(t, testServers()[server], "");
			for (const name of TOOLS) await toolStatements(t, b, name);
		});
	}
	await t.test("a server's own regression suite", async (t) => regressionSuite(t));
	await t.test("each probe and attack shows the relation that it reads", async (t) => attacks(t));
});

/** Every statement ends in facts or a refusal, and what the server itself would plan over its catalogs is not refused. */
async function toolStatements(t: Test, b: Bench, name: string): Promise<void> {
	const context = { ...b.context, searchPath: ["app"] };
	const wrong: string[] = [];
	for (const { sql, pg18 } of corpus(name) ?? []) {
		if (pg18 !== 1) continue;
		const parsed = parseText(sql);
		if ("refusal" in parsed) {
			wrong.push(`not parsed: ${sql}`);
			continue;
		}
		const facts = analyseParsed(parsed.tree, sql, b.index, context);
		const refused = facts.statements.some((statement) => statement.refusal !== undefined);
		if (!refused || !/^\s*(select|with|values|table)\b/i.test(sql)) continue;
		const planned = await b.client.query(`EXPLAIN ${sql}`).then(
			() => true,
			() => false,
		);
		if (planned) wrong.push(`${facts.statements[0]?.refusal?.message}: ${sql}`);
	}
	t.same(wrong, [], name);
}

async function regressionSuite(t: Test): Promise<void> {
	const b = await bench(t, testServers().pg18, "");
	let [read, slowest] = [0, 0];
	for (const { sql, pg18 } of corpus("postgres-regress") ?? []) {
		if (pg18 !== 1) continue;
		const parsed = parseText(sql);
		if ("refusal" in parsed) continue;
		const started = performance.now();
		analyseParsed(parsed.tree, sql, b.index, b.context);
		slowest = Math.max(slowest, performance.now() - started);
		read++;
	}
	t.ok(read > 20_000, `${read} statements ended in facts or a refusal`);
	t.ok(slowest < 1000, "none of them hangs");
}

async function attacks(t: Test): Promise<void> {
	const columns = ["ssn", "id", "c", "x", "a", "d"].map((name, index) => ({ number: index + 1, name, type: 25 }));
	const names = "public.people public.secret public.x public.y public.t public.s a.b e.f".split(" ");
	const relations = names.map((name, index) => {
		const [schema = "", plain = ""] = name.split(".");
		return { id: 20000 + index, schema, name: plain, kind: "table" as const, columns, parents: [] };
	});
	const schemas = ["public", "a", "e", "pg_catalog"];
	const builtinFunctions = ["max", "count", "row_to_json", "xmlforest"];
	const none = { functions: [], operators: [], types: [], casts: [] };
	const index = indexOf({
		engine: "postgres",
		version: 180000,
		database: "d",
		epoch: 1,
		schemas,
		relations,
		builtinFunctions,
		...none,
	});
	const context = { target: "d", database: "d", searchPath: ["public"], user: "u" };
	for (const { sql } of corpus("postgres-lexical-attacks") ?? []) {
		const parsed = parseText(sql);
		if ("refusal" in parsed) {
			t.fail(`not parsed: ${sql}`);
			continue;
		}
		const facts = analyseParsed(parsed.tree, sql, index, context);
		const shown = facts.statements.some(
			(statement) =>
				statement.refusal !== undefined ||
				statement.columns.some((use) => use.name === "people" && use.column === "ssn" && use.kind !== "assign"),
		);
		t.ok(shown, sql);
	}
	for (const { sql, pg18 } of corpus("postgres-probes") ?? []) {
		if (pg18 !== 1 || !/\b(people|secret)\b/.test(sql) || /with secret as/.test(sql)) continue;
		const parsed = parseText(sql);
		if ("refusal" in parsed) continue;
		const facts = analyseParsed(parsed.tree, sql, index, context);
		const shown = facts.statements.some(
			(statement) =>
				statement.refusal !== undefined ||
				statement.relations.some((use) => /^(people|secret)$/.test(use.name)) ||
				// A function's body or a string is not run by this statement: the function itself is what counts.
				statement.functions.some((use) => use.sort !== "compute") ||
				statement.commands.includes("create"),
		);
		t.ok(shown, sql);
	}
}
