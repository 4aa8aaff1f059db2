/**
 * Guarded catalog columns and functions on real servers (docs/decisions/012): what tools ask for gives the same through
 * Licet as without it where the license covers the objects, and NULL where it does not.
 */
import pg from "pg";
import t, { type Test } from "tap";
import { parseLicense } from "../../src/licensing/license.js";
import { extentOf } from "../../src/sessions/extent.js";
import type { ReadingContext } from "../../src/sql/analyser.js";
import { createAnalyser } from "../../src/sql/analyser-pool.js";
import { CatalogView } from "../../src/sql/catalog-view.js";
import { GUARDED_COLUMNS } from "../../src/sql/functions/postgres-guards.js";
import { filled } from "../../src/sql/guarded.js";
import { readCatalog } from "../../src/sql/postgres/catalog.js";
import { license } from "../helpers/license.js";
import { startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import { corpus } from "../sql/corpus.js";

const types = { getTypeParser: () => (value: string) => value };

/** Of an order that nothing settles, the rows count and not their order. */
async function rowsOf(client: pg.Client, sql: string): Promise<string | undefined> {
	try {
		await client.query("BEGIN READ ONLY");
		const result = await client.query<(string | null)[]>({ text: sql, rowMode: "array", types });
		return JSON.stringify([
			result.fields.map(({ name, dataTypeID }) => `${name} ${dataTypeID}`),
			result.rows.map((row) => JSON.stringify(row)).sort(),
		]);
	} catch {
		return undefined;
	} finally {
		await client.query("ROLLBACK; DEALLOCATE ALL");
	}
}

const SOME_OBJECTS = `CREATE SCHEMA app; CREATE SCHEMA other;
	CREATE TABLE public.t (id int PRIMARY KEY, word text DEFAULT 'w', CHECK (id <> 77));
	CREATE VIEW public.v AS SELECT word FROM public.t WHERE id <> 5;
	CREATE FUNCTION public.f(a int DEFAULT 12) RETURNS int LANGUAGE sql AS 'SELECT 99 + a';
	CREATE TYPE public.mood AS ENUM ('sad', 'glad');
	COMMENT ON TABLE public.t IS 'a comment'; COMMENT ON COLUMN public.t.word IS 'another';`;

/** Every statement of tools' that is wrapped gives the same, columns and types included, where all is covered. */
async function compareTools(t: Test, server: string, version: "pg15" | "pg18"): Promise<void> {
	const url = await createDatabase(t, server, SOME_OBJECTS);
	const analyser = createAnalyser({ statementBytes: 256 * 1024, cacheBytes: 1 << 20, timeoutMs: 5_000 });
	t.teardown(() => analyser.close());
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	t.teardown(() => client.end());
	const rows = ["postgres-tools", "postgres-pgadmin"].flatMap((name) => corpus(name) ?? []);
	for (const { sql } of rows.filter(({ sql }) => /^create (schema|table|view|or replace view|type)/i.test(sql))) {
		await client.query(sql).catch(() => undefined);
	}
	const database = new URL(url).pathname.slice(1);
	const catalog = await withClient(url, (own) => {
		const run = async (text: string) => (await own.query<(string | null)[]>({ text, rowMode: "array", types })).rows;
		return readCatalog(run, database, 1);
	});
	analyser.useCatalog("shop", catalog);
	const parsed = parseLicense(
		license("all", { permits: catalog.schemas.map((schema) => ({ on: [`"${schema}".*`], commands: ["read"] })) }),
		"all.yaml",
	);
	if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
	const extent = extentOf(parsed.license, new CatalogView(catalog));
	const context: ReadingContext = { target: "shop", database, reading: ["public"], user: "postgres" };
	let compared = 0;
	const different: string[] = [];
	/* The corpus names objects by the numbers that they had elsewhere; here such a number may be a TOAST index, which no license covers. */
	const toast = await client.query<{ oid: string }>(
		"SELECT oid::text FROM pg_class WHERE relnamespace = 'pg_toast'::regnamespace",
	);
	const isToast = (sql: string) => toast.rows.some(({ oid }) => sql.includes(`'${oid}'`));
	for (const { sql } of rows.filter((row) => row[version] === 1 && !isToast(row.sql))) {
		const { guarded } = await analyser.analyse(Buffer.from(sql), context);
		if (guarded === undefined) continue;
		const bare = await rowsOf(client, sql);
		if (bare === undefined) continue;
		compared += 1;
		const wrapped = await rowsOf(client, filled(guarded, extent));
		if (wrapped !== bare) different.push(`${sql}\n${bare.slice(0, 400)}\n${String(wrapped).slice(0, 400)}`);
	}
	t.same(different, [], `${compared} statements give the same`);
	t.ok(compared > 40, `${compared} of them`);
}

const skip = corpus("postgres-tools") === undefined ? "the corpora are not at hand" : false;

t.setTimeout(PART_TIMEOUT_MS);

for (const [name, server, version] of [
	["PostgreSQL of the system", testServers().pg15, "pg15"],
	["PostgreSQL 18", testServers().pg18, "pg18"],
] as const) {
	t.test(`tools on ${name}`, { skip, timeout: PART_TIMEOUT_MS }, (t) => compareTools(t, server, version));
}

// ---- what is shown, and what not ----------------------------------------------------------------------------------

/** One of each object whose text catalogs show, with a word in all of its texts. */
const objects = (schema: string, word: string): string => `
	CREATE SCHEMA ${schema}; COMMENT ON SCHEMA ${schema} IS '${word} of a schema';
	CREATE TYPE ${schema}.mood AS ENUM ('${word} sad', '${word} glad'); COMMENT ON TYPE ${schema}.mood IS '${word} of a type';
	CREATE DOMAIN ${schema}.small AS text DEFAULT '${word}' CONSTRAINT one_check CHECK (VALUE <> '${word}');
	CREATE FUNCTION ${schema}.f(a text DEFAULT '${word}') RETURNS text LANGUAGE sql SET app.secret = '${word}'
		AS 'SELECT ''${word}'' || a';
	COMMENT ON FUNCTION ${schema}.f IS '${word} of a function';
	CREATE FUNCTION ${schema}.trigger_it() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM '${word}'; RETURN NEW; END$$;
	CREATE TABLE ${schema}.t (id int PRIMARY KEY, word text DEFAULT '${word}', mood ${schema}.mood,
		CONSTRAINT one_check CHECK (word <> '${word}' || 'x'), loud text GENERATED ALWAYS AS (word || '${word}') STORED);
	COMMENT ON TABLE ${schema}.t IS '${word} of a table'; COMMENT ON COLUMN ${schema}.t.word IS '${word} of a column';
	COMMENT ON CONSTRAINT one_check ON ${schema}.t IS '${word} of a constraint';
	INSERT INTO ${schema}.t (id) VALUES (1); ALTER TABLE ${schema}.t ADD late text DEFAULT '${word} missing';
	CREATE INDEX t_index ON ${schema}.t (id, (word || '${word}')) WHERE word <> '${word}';
	COMMENT ON INDEX ${schema}.t_index IS '${word} of an index';
	CREATE STATISTICS ${schema}.t_statistics ON (word || '${word}'), id FROM ${schema}.t;
	CREATE TRIGGER t_trigger BEFORE INSERT ON ${schema}.t FOR EACH ROW WHEN (NEW.word <> '${word}')
		EXECUTE FUNCTION ${schema}.trigger_it('${word}');
	CREATE RULE t_rule AS ON DELETE TO ${schema}.t WHERE OLD.word = '${word}' DO ALSO SELECT 1;
	CREATE POLICY t_policy ON ${schema}.t USING (word <> '${word}') WITH CHECK (word <> '${word}');
	CREATE TABLE ${schema}.parts (code text) PARTITION BY LIST ((code || '${word}'));
	CREATE TABLE ${schema}.part PARTITION OF ${schema}.parts FOR VALUES IN ('${word}');
	CREATE VIEW ${schema}.v AS SELECT id, '${word}' AS literal FROM ${schema}.t;
	CREATE MATERIALIZED VIEW ${schema}.m AS SELECT id, '${word}' AS literal FROM ${schema}.t;
	CREATE PUBLICATION ${schema}_publication FOR TABLE ${schema}.t WHERE (id > 0 AND '${word}' <> 'x');
	CREATE FOREIGN TABLE ${schema}.far (id int OPTIONS (column_name '${word}')) SERVER elsewhere OPTIONS (table_name '${word}');`;

const HIDDEN = "hiddenkestrel";
const SHOWN = "shownplover";

const EVERYTHING = `
	CREATE FOREIGN DATA WRAPPER nothing OPTIONS (debug '${HIDDEN}');
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing OPTIONS (host '${HIDDEN}');
	${objects("app", SHOWN)} ${objects("hr", HIDDEN)}
	CREATE VIEW public.sources AS SELECT proname, prosrc FROM pg_proc;
	ALTER DATABASE current SET app.secret = '${HIDDEN}';`;

/** Every way to a guarded text, by column and by function, and some in disguise. */
const QUESTIONS: readonly string[] = [
	...new Set(GUARDED_COLUMNS.map(({ relation }) => `SELECT * FROM ${relation}`)),
	...GUARDED_COLUMNS.flatMap(({ relation, columns }) => {
		const names = columns.trim().split(/\s+/);
		return [
			...names.map((name) => `SELECT ${name} FROM ${relation}`),
			...names.map((name) => `SELECT y.${name}::text || '!' FROM ${relation} AS y WHERE y.${name} IS NOT NULL`),
			`SELECT y FROM ${relation} y`,
			`SELECT to_jsonb(y) FROM ${relation} y`,
			`WITH c AS (SELECT ${names[0]} AS z FROM ${relation}) SELECT c.z FROM c`,
			`SELECT (SELECT max(${names[0]}::text) FROM ${relation} WHERE ${names[0]}::text LIKE '%kestrel%')`,
		];
	}),
	"SELECT pg_get_expr(adbin, adrelid), pg_get_expr(adbin, adrelid, true) FROM pg_attrdef",
	"SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint",
	"SELECT pg_get_expr(indpred, indrelid), pg_get_expr(indexprs, indrelid) FROM pg_index",
	"SELECT pg_get_expr(polqual, polrelid) FROM pg_policy",
	"SELECT pg_get_expr(tgqual, tgrelid), tgargs, encode(tgargs, 'escape') FROM pg_trigger",
	"SELECT pg_get_expr(relpartbound, oid) FROM pg_class",
	"SELECT pg_get_expr(partexprs, partrelid) FROM pg_partitioned_table",
	"SELECT pg_get_expr(stxexprs, stxrelid) FROM pg_statistic_ext",
	"SELECT pg_get_expr(prqual, prrelid) FROM pg_publication_rel",
	"SELECT pg_get_viewdef(oid), pg_get_viewdef(oid, true), pg_get_viewdef(oid, 40) FROM pg_class WHERE relkind IN ('v', 'm')",
	"SELECT pg_get_viewdef('hr.v'), pg_get_viewdef('app.v'::text), pg_get_viewdef('hr.m'::regclass)",
	"SELECT pg_catalog . pg_get_viewdef (/* a comment, with ' */ oid -- and another )\n) FROM pg_class",
	"SELECT pg_get_viewdef(CASE random() < 2 WHEN true THEN 'hr.v' ELSE 'app.v' END)",
	"SELECT pg_get_partkeydef(oid), pg_get_partition_constraintdef(oid) FROM pg_class WHERE relkind IN ('p', 'r')",
	"SELECT pg_get_functiondef(oid), pg_get_function_arguments(oid), pg_get_function_sqlbody(oid) FROM pg_proc WHERE prokind = 'f' AND oid > 16383",
	"SELECT pg_get_function_arg_default(oid, 1) FROM pg_proc",
	"SELECT pg_get_triggerdef(oid), pg_get_triggerdef(oid, true) FROM pg_trigger",
	"SELECT pg_get_ruledef(oid), pg_get_ruledef(oid, true) FROM pg_rewrite",
	"SELECT pg_get_indexdef(indexrelid), pg_get_indexdef(indexrelid, 2, true) FROM pg_index",
	"SELECT pg_get_constraintdef(oid), pg_get_constraintdef(oid, true) FROM pg_constraint",
	"SELECT pg_get_statisticsobjdef(oid), pg_get_statisticsobjdef_expressions(oid) FROM pg_statistic_ext",
	"SELECT col_description(attrelid, attnum) FROM pg_attribute",
	"SELECT obj_description(oid, 'pg_class') FROM pg_class",
	"SELECT obj_description(oid) FROM pg_proc UNION ALL SELECT obj_description(oid, 'pg_type') FROM pg_type",
	"SELECT obj_description(max(oid), 'pg_class') FROM pg_class GROUP BY relname",
	"SELECT prosrc FROM ONLY pg_proc",
	"TABLE pg_views",
	"SELECT oid.pg_get_viewdef FROM pg_class",
	"SELECT (c.oid).pg_get_viewdef FROM pg_class c",
	"SELECT * FROM pg_class c, LATERAL pg_get_viewdef(c.oid)",
	"SELECT definition FROM pg_views TABLESAMPLE system (100)",
	"COPY pg_catalog.pg_proc TO STDOUT",
	"COPY (SELECT prosrc FROM pg_proc) TO STDOUT",
	"SELECT prosrc FROM public.sources",
	"PREPARE one AS SELECT prosrc FROM pg_proc; EXECUTE one",
	"BEGIN; DECLARE c CURSOR FOR SELECT definition FROM pg_views; FETCH ALL FROM c; ROLLBACK",
	"EXPLAIN (ANALYZE, VERBOSE) SELECT prosrc FROM pg_proc WHERE prosrc LIKE '%kestrel%'",
	"SELECT 1/count(*) FROM pg_proc WHERE prosrc LIKE '%hiddenkestre%' AND prosrc IS NOT NULL",
	"SELECT (prosrc || 'x')::int FROM pg_proc WHERE proname = 'f'",
	'SELECT "prosrc" FROM "pg_catalog"."pg_proc" AS p (a, b, c)',
	"SELECT prosrc FROM pg_proc licet_0, (SELECT 1 AS licet_1) licet_1",
	"SELECT tableoid, prosrc FROM pg_proc",
	"SELECT tableoid, p.* FROM pg_proc p",
	"SELECT p.oid, p.prosrc FROM pg_proc p JOIN pg_proc q USING (oid) NATURAL JOIN pg_language",
	"SELECT a FROM (pg_views JOIN pg_class ON relname = viewname) AS j (a, b, c, d)",
	"SHOW primary_conninfo",
	"SELECT current_setting('ssl_key_file')",
	"SELECT current_setting('ssl_' || 'key_file'), current_setting(name) FROM pg_settings",
	"SHOW ssl_key_file",
	"SHOW ALL",
	"SELECT * FROM pg_catalog.pg_show_all_settings()",
	"SELECT s.setting, boot_val || reset_val FROM pg_catalog.pg_show_all_settings() AS s WHERE s.name = 'ssl_key_file'",
	"SELECT b, x FROM pg_catalog.pg_show_all_settings() x (a, b)",
	'SELECT pg_show_all_settings FROM pg_catalog . "pg_show_all_settings" ( ) WHERE setting IS NOT NULL',
	"SELECT setting FROM pg_catalog.pg_show_all_settings(/* none */)",
	"SELECT setting FROM pg_catalog./*\n*/pg_show_all_settings()",
	"SELECT setting FROM pg_catalog.pg_show_all_settings() WITH ORDINALITY",
	"SELECT setting FROM ROWS FROM (pg_catalog.pg_show_all_settings())",
	"SELECT setting FROM ROWS FROM (pg_catalog.pg_show_all_settings(), generate_series(1, 3))",
	"SELECT s.setting FROM pg_class, LATERAL pg_catalog.pg_show_all_settings() s",
	"SELECT setting FROM pg_show_all_settings()",
	"SELECT (pg_catalog.pg_show_all_settings()).setting",
	"SELECT pg_show_all_settings()",
	"COPY (SELECT setting FROM pg_catalog.pg_show_all_settings()) TO STDOUT",
	"SELECT pg_get_expr(qual, relid) FROM pg_get_publication_tables('hr_publication')",
	"SELECT enum_range(NULL::hr.mood), enum_first(NULL::app.mood)",
	"SELECT enum_range(x) FROM (SELECT NULL::hr.mood AS x) s",
	"SELECT enum_last(mood) FROM hr.t",
	"SELECT enum_range(NULL::app.mood)",
];

/** Of the server's configuration, beside the words. */
const PLACES = /server\.key|pg_hba\.conf'/;

/** A client that keeps whatever comes, errors and COPY data among it. */
async function listener(t: Test, url: string): Promise<(sql: string) => Promise<string>> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	t.teardown(() => client.end());
	const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection;
	let heard = "";
	stream.on("data", (chunk: Buffer) => {
		heard += chunk.toString("latin1");
	});
	return async (sql) => {
		heard = "";
		await client.query(sql).catch(() => undefined);
		return heard;
	};
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(`what is shown on ${name}`, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createDatabase(t, server);
		const database = new URL(url).pathname.slice(1);
		await withClient(url, (client) => client.query(EVERYTHING.replace("DATABASE current", `DATABASE ${database}`)));
		const terms = { permits: [{ on: ["app.*"], commands: ["read"] }] };
		const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { app: license("app", terms) } });
		const direct = await listener(t, url);
		const through = await listener(t, (await licet.grant({ license: "app", target: "shop" })).url);
		const secret = new RegExp(`${HIDDEN}(?!')|${Buffer.from(HIDDEN).toString("hex")}`);
		const unshown: string[] = [];
		let hides = 0;
		for (const sql of QUESTIONS) {
			const told = await through(sql);
			t.notOk(secret.test(told), `hidden: ${sql}`);
			t.notOk(PLACES.test(told), `no places of files: ${sql}`);
			const bare = await direct(sql);
			if (!bare.includes(HIDDEN)) continue;
			hides += 1;
			const isDenied = /is not permitted|cannot be judged/.test(told);
			const isNever = sql.includes("attmissingval");
			if (bare.includes(SHOWN) && !isDenied && !isNever && !told.includes(SHOWN)) unshown.push(sql);
		}
		t.same(unshown, [], "what the license covers is shown");
		const settings =
			"SELECT name, setting, vartype FROM pg_catalog.pg_show_all_settings() WHERE name IN ('work_mem', 'port')";
		t.equal(await through(settings), await direct(settings), "settings without secrets");
		t.ok(hides > 60, `${hides} of them show it without Licet`);
	});
}
