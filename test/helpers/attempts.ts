/**
 * Ways to get at a masked column by something else than showing it: each was tried on some gateway, and some worked.
 * Every one is a script of statements over `app.users`, whose column `email` is masked. Each evasion found stays here.
 */

export interface Attempt {
	readonly name: string;
	readonly sql: readonly string[];
	/**
	 * What it needs of the mask's `use`, at least: `filter` and `derive` let some pass (and mask what comes out); `never`
	 * is denied whatever the mask says.
	 */
	readonly needs: "filter" | "derive" | "never";
}

const derive = (name: string, ...sql: string[]): Attempt => ({ name, sql, needs: "derive" });
const never = (name: string, ...sql: string[]): Attempt => ({ name, sql, needs: "never" });
const filter = (name: string, ...sql: string[]): Attempt => ({ name, sql, needs: "filter" });

const FROM = "FROM app.users";

const EXPRESSIONS: readonly Attempt[] = [
	derive("concatenation", `SELECT email || '' ${FROM}`),
	derive("concat", `SELECT concat(email, 'x') ${FROM}`),
	derive("format", `SELECT format('%s', email) ${FROM}`),
	derive("cast to varchar", `SELECT email::varchar(200) ${FROM}`),
	derive("cast to bytea", `SELECT email::bytea ${FROM}`),
	derive("cast to name", `SELECT email::name ${FROM}`),
	derive("cast to char array", `SELECT string_to_array(email, NULL) ${FROM}`),
	derive("cast that fails and shows the value", `SELECT email::int ${FROM}`),
	derive("cast to date that fails", `SELECT CAST(email AS date) ${FROM}`),
	derive("cast to json that fails", `SELECT email::json ${FROM}`),
	derive("cast to xml", `SELECT xmlelement(name a, email) ${FROM}`),
	derive("upper", `SELECT upper(email) ${FROM}`),
	derive("reverse", `SELECT reverse(email) ${FROM}`),
	derive("encode", `SELECT encode(convert_to(email, 'UTF8'), 'base64') ${FROM}`),
	derive("digest", `SELECT md5(email) ${FROM}`),
	derive("sha256", `SELECT sha256(email::bytea) ${FROM}`),
	derive("substring", `SELECT substring(email FROM 2 FOR 30) ${FROM}`),
	derive("first character", `SELECT ascii(substr(email, 5, 1)) ${FROM}`),
	derive("regular expression", `SELECT regexp_matches(email, '(.*)') ${FROM}`),
	derive("split to rows", `SELECT regexp_split_to_table(email, '') ${FROM}`),
	derive("generate_series by a code", `SELECT generate_series(1, ascii(email)) ${FROM}`),
	derive("CASE", `SELECT CASE WHEN email IS NULL THEN 'x' ELSE email END ${FROM}`),
	derive("COALESCE", `SELECT COALESCE(email, 'x') ${FROM}`),
	derive("NULLIF", `SELECT NULLIF(email, 'x') ${FROM}`),
	derive("GREATEST", `SELECT GREATEST(email, 'a') ${FROM}`),
	derive("ARRAY", `SELECT ARRAY[email] ${FROM}`),
	derive("ROW", `SELECT ROW(email, id) ${FROM}`),
	derive("row of a subquery", `SELECT (SELECT email ${FROM} LIMIT 1) || ''`),
	derive("collation", `SELECT email COLLATE "C" ${FROM}`),
	derive("json_build_object", `SELECT json_build_object('e', email) ${FROM}`),
	derive("to_jsonb", `SELECT to_jsonb(email) ${FROM}`),
	derive("jsonb path over it", `SELECT jsonb_build_array(email) -> 0 ${FROM}`),
	derive("full text search vector", `SELECT to_tsvector('simple', email) ${FROM}`),
];

const WHOLE_ROWS: readonly Attempt[] = [
	derive("whole row", `SELECT u FROM app.users u`),
	derive("whole row as text", `SELECT u::text FROM app.users u`),
	derive("expanded whole row", `SELECT (u).email || '' FROM app.users u`),
	derive("row_to_json", `SELECT row_to_json(u) FROM app.users u`),
	derive("to_jsonb of a row", `SELECT to_jsonb(u) ->> 'email' FROM app.users u`),
	derive("hstore-like expansion", `SELECT (jsonb_each_text(to_jsonb(u))).value FROM app.users u`),
	derive("row of a subquery as json", `SELECT row_to_json(s) FROM (SELECT id, email ${FROM}) s`),
	derive("row of a CTE as text", `WITH c AS (SELECT id, email ${FROM}) SELECT c::text FROM c`),
	derive("row of a join", `SELECT j::text FROM (app.users u JOIN app.teams t ON u.team = t.id) AS j`),
	derive("functional notation, whole row", `SELECT text(u) FROM app.users u`),
	derive("format of a row", `SELECT format('%s', u) FROM app.users u`),
	derive("comparison of rows", `SELECT id FROM app.users u WHERE u > ROW(NULL)::app.users`),
	derive("json_populate", `SELECT jsonb_populate_record(u, '{}') FROM app.users u`),
];

const AGGREGATES: readonly Attempt[] = [
	derive("min", `SELECT min(email) ${FROM}`),
	derive("string_agg", `SELECT string_agg(email, ',') ${FROM}`),
	derive("array_agg", `SELECT array_agg(email) ${FROM}`),
	derive("json_agg", `SELECT json_agg(email) ${FROM}`),
	derive("json_object_agg", `SELECT json_object_agg(id, email) ${FROM}`),
	derive("xmlagg", `SELECT xmlagg(xmlelement(name e, email)) ${FROM}`),
	derive("mode", `SELECT mode() WITHIN GROUP (ORDER BY email) ${FROM}`),
	derive("count distinct by filter", `SELECT count(*) FILTER (WHERE email LIKE 'z%') ${FROM}`),
	derive("window lag", `SELECT lag(email) OVER (ORDER BY id) ${FROM}`),
	derive("window first_value", `SELECT first_value(email) OVER () ${FROM}`),
	derive("window order", `SELECT id, rank() OVER (ORDER BY email) ${FROM}`),
	derive("window partition", `SELECT id, count(*) OVER (PARTITION BY email) ${FROM}`),
];

const ORACLES: readonly Attempt[] = [
	derive("like", `SELECT id ${FROM} WHERE email LIKE 'zq%'`),
	derive("less than", `SELECT id ${FROM} WHERE email < 'zz'`),
	derive("between", `SELECT id ${FROM} WHERE email BETWEEN 'a' AND 'zz'`),
	derive("regular expression in WHERE", `SELECT id ${FROM} WHERE email ~ '^z'`),
	derive("function in WHERE", `SELECT id ${FROM} WHERE length(email) > 10`),
	derive("starts_with", `SELECT id ${FROM} WHERE starts_with(email, 'z')`),
	derive("is distinct from", `SELECT id ${FROM} WHERE email IS DISTINCT FROM 'x'`),
	derive("not equal", `SELECT id ${FROM} WHERE email <> 'x'`),
	derive("ordering", `SELECT id ${FROM} ORDER BY email`),
	derive("ordering by position of an expression", `SELECT id, email ${FROM} ORDER BY 2`),
	derive("ordering by its alias", `SELECT id, email AS e ${FROM} ORDER BY e`),
	derive("grouping", `SELECT count(*) ${FROM} GROUP BY email`),
	derive("grouping by position", `SELECT email, count(*) ${FROM} GROUP BY 1`),
	derive("distinct", `SELECT DISTINCT email ${FROM}`),
	derive("distinct on", `SELECT DISTINCT ON (email) id ${FROM}`),
	derive("having", `SELECT team ${FROM} GROUP BY team HAVING min(email) > 'a'`),
	derive("join on it", `SELECT u.id FROM app.users u JOIN app.guesses g ON g.word = u.email`),
	derive("natural join", `SELECT id FROM app.users NATURAL JOIN (SELECT word AS email FROM app.guesses) g`),
	derive("join using", `SELECT id FROM app.users JOIN (SELECT word AS email FROM app.guesses) g USING (email)`),
	derive("in a subquery", `SELECT id ${FROM} WHERE email IN (SELECT word FROM app.guesses)`),
	derive("subquery of it", `SELECT word FROM app.guesses WHERE word IN (SELECT email ${FROM})`),
	derive(
		"exists, correlated",
		`SELECT id FROM app.users u WHERE EXISTS (SELECT FROM app.guesses g WHERE g.word = u.email)`,
	),
	derive("limit by it", `SELECT id ${FROM} LIMIT (SELECT ascii(email) ${FROM} LIMIT 1)`),
	derive("set operation with guesses", `SELECT email ${FROM} INTERSECT SELECT word FROM app.guesses`),
	derive("set operation, without guesses", `SELECT email ${FROM} EXCEPT SELECT word FROM app.guesses`),
	derive("union that makes distinct", `SELECT email ${FROM} UNION SELECT word FROM app.guesses`),
	derive("division by what it is", `SELECT 1 / (CASE WHEN email LIKE 'z%' THEN 0 ELSE 1 END) ${FROM}`),
	filter("equality", `SELECT id ${FROM} WHERE email = 'guess@guess.example'`),
];

const DETOURS: readonly Attempt[] = [
	derive("lateral", `SELECT l.x FROM app.users u, LATERAL (SELECT u.email || '' AS x) l`),
	derive("function in FROM", `SELECT s FROM app.users u, regexp_split_to_table(u.email, '@') s`),
	derive("unnest of an array of it", `SELECT unnest(ARRAY[email]) ${FROM}`),
	derive("VALUES", `VALUES ((SELECT max(email) ${FROM}))`),
	derive("CTE and expression", `WITH c AS MATERIALIZED (SELECT email AS x ${FROM}) SELECT x || '' FROM c`),
	derive(
		"recursive CTE that spells it",
		`WITH RECURSIVE r(n, c, e) AS (SELECT 1, '', email ${FROM} UNION ALL SELECT n + 1, substr(e, n, 1), e FROM r WHERE n < 20) SELECT c FROM r`,
	),
	derive("view and expression", `SELECT contact || '' FROM app.contacts`),
	derive("view that computes", `SELECT shout FROM app.shouts`),
	derive("row of a view", `SELECT c::text FROM app.contacts c`),
	derive("generated column and expression", `SELECT email_copy || '' ${FROM}`),
	derive(
		"cursor over an expression",
		"BEGIN",
		`DECLARE c CURSOR FOR SELECT email || '' ${FROM}`,
		"FETCH ALL c",
		"ROLLBACK",
	),
	derive("prepared expression", `PREPARE p AS SELECT email || '' ${FROM}`, "EXECUTE p", "DEALLOCATE p"),
	derive(
		"argument of EXECUTE",
		"PREPARE q AS SELECT $1::text",
		`EXECUTE q((SELECT max(email) ${FROM}))`,
		"DEALLOCATE q",
	),
	derive(
		"explain with a constant folded",
		`EXPLAIN (VERBOSE) SELECT id ${FROM} WHERE email > (SELECT max(email) ${FROM})`,
	),
	derive("explain analyze", `EXPLAIN (ANALYZE, VERBOSE) SELECT id ${FROM} WHERE email LIKE 'z%'`),
	derive("returning an expression", `UPDATE app.users SET team = team WHERE id = 1 RETURNING email || ''`),
	derive("create view", `CREATE VIEW sandbox.v AS SELECT email || '' AS e ${FROM}`, "SELECT * FROM sandbox.v"),
	derive("update by it", `UPDATE app.users SET team = 1 WHERE email LIKE 'z%'`),
	derive("delete by it", "BEGIN", `DELETE FROM app.users WHERE email LIKE 'z%' RETURNING id`, "ROLLBACK"),
];

/** Ways that take the value somewhere else, or ask somebody else for it: no mask allows any. */
const SMUGGLING: readonly Attempt[] = [
	never("create table as", `CREATE TABLE sandbox.t1 AS SELECT email ${FROM}`, "SELECT * FROM sandbox.t1"),
	never("select into", `SELECT email INTO sandbox.t2 ${FROM}`, "SELECT * FROM sandbox.t2"),
	never("insert select", `INSERT INTO sandbox.words SELECT email ${FROM}`, "SELECT * FROM sandbox.words"),
	never(
		"insert select of an expression",
		`INSERT INTO sandbox.words SELECT upper(email) ${FROM}`,
		"SELECT * FROM sandbox.words",
	),
	never(
		"insert by CTE",
		`WITH c AS (SELECT email ${FROM}) INSERT INTO sandbox.words SELECT email FROM c RETURNING word`,
	),
	never("update from", `UPDATE sandbox.words w SET word = u.email FROM app.users u RETURNING w.word`),
	never(
		"update by subquery",
		`UPDATE sandbox.words SET word = (SELECT max(email) ${FROM})`,
		"SELECT * FROM sandbox.words",
	),
	never("update of another column", `UPDATE app.users SET plain = email`, `SELECT plain ${FROM}`),
	never(
		"merge",
		`MERGE INTO sandbox.words w USING app.users u ON false WHEN NOT MATCHED THEN INSERT VALUES (u.email)`,
		"SELECT * FROM sandbox.words",
	),
	never(
		"on conflict",
		`INSERT INTO app.users (id, team) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET plain = app.users.email`,
		`SELECT plain ${FROM}`,
	),
	never(
		"create materialized view",
		`CREATE MATERIALIZED VIEW sandbox.m AS SELECT email || '' AS e ${FROM}`,
		"SELECT * FROM sandbox.m",
	),
	never("temporary table", `CREATE TEMP TABLE tmp AS SELECT email ${FROM}`, "SELECT * FROM tmp"),
	never(
		"create function",
		`CREATE FUNCTION sandbox.f() RETURNS text LANGUAGE sql AS 'SELECT max(email) ${FROM}'`,
		"SELECT sandbox.f()",
	),
	never("create index on it", `CREATE INDEX ON app.users (upper(email))`),
	never("default of a column", `ALTER TABLE sandbox.words ADD e text DEFAULT (SELECT 1)`),
	never("copy out", `COPY app.users (email) TO STDOUT`),
	never("copy of a query", `COPY (SELECT email ${FROM}) TO STDOUT`),
	never("copy of an expression", `COPY (SELECT email || '' ${FROM}) TO STDOUT (FORMAT csv)`),
	never("copy to a program", `COPY (SELECT email ${FROM}) TO PROGRAM 'cat > /dev/null'`),
	never("copy to a file", `COPY (SELECT email ${FROM}) TO '/tmp/licet-attempt'`),
	never("do block", `DO $$ BEGIN RAISE NOTICE '%', (SELECT max(email) ${FROM}); END $$`),
	never("do block that fails", `DO $$ BEGIN RAISE EXCEPTION '%', (SELECT max(email) ${FROM}); END $$`),
	never("notify payload", "LISTEN leak", `SELECT pg_notify('leak', email) ${FROM}`),
	never("custom setting", `SELECT set_config('custom.leak', email, false) ${FROM}`, "SHOW custom.leak"),
	never("custom setting by SET", "SET custom.leak = 'x'", "SELECT current_setting('custom.leak')"),
	never(
		"application name",
		`SELECT set_config('application_name', max(email), false) ${FROM}`,
		"SHOW application_name",
	),
	never("query_to_xml", `SELECT query_to_xml('SELECT email ${FROM}', true, false, '')`),
	never("table_to_xml", `SELECT table_to_xml('app.users', true, false, '')`),
	never("schema_to_xml", `SELECT schema_to_xml('app', true, false, '')`),
	never("database_to_xml", `SELECT database_to_xml(true, false, '')`),
	never(
		"cursor_to_xml",
		"BEGIN",
		`DECLARE x CURSOR FOR SELECT email ${FROM}`,
		"SELECT cursor_to_xml('x', 10, true, false, '')",
		"ROLLBACK",
	),
	never("ts_stat", `SELECT * FROM ts_stat('SELECT to_tsvector(email) ${FROM}')`),
	never(
		"ts_rewrite",
		`SELECT ts_rewrite('a'::tsquery, 'SELECT plainto_tsquery(email), plainto_tsquery(email) ${FROM}')`,
	),
	never("dblink", `SELECT * FROM dblink('dbname=x', 'SELECT email ${FROM}') AS t(e text)`),
	never("pg_stats", "SELECT * FROM pg_stats WHERE tablename = 'users'"),
	never("pg_statistic", "SELECT * FROM pg_statistic"),
	never("pg_stats_ext", "SELECT * FROM pg_stats_ext"),
	never("pg_statistic_ext_data", "SELECT * FROM pg_statistic_ext_data"),
	never("pg_stat_activity", "SELECT query FROM pg_stat_activity"),
	never("pg_stat_get_activity", "SELECT * FROM pg_stat_get_activity(NULL)"),
	never("pg_stat_statements", "SELECT * FROM pg_stat_statements"),
	never("pg_read_file", "SELECT pg_read_file('postgresql.conf')"),
	never("pg_ls_dir", "SELECT pg_ls_dir('.')"),
	never("large object", `SELECT lo_from_bytea(0, email::bytea) ${FROM}`),
	never("large object read", "SELECT lo_get(1)"),
	never("raw page", "SELECT get_raw_page('app.users', 0)"),
	never("advisory lock named by it", `SELECT pg_advisory_lock(hashtext(email)) ${FROM}`),
	never("sequence set by it", `SELECT setval('app.counter', ascii(email)) ${FROM}`, "SELECT currval('app.counter')"),
	never("user function", "SELECT app.peek()"),
	never("user function over a row", "SELECT app.peek_row(u) FROM app.users u"),
	never("user function, as a column", "SELECT u.peek_row FROM app.users u"),
	never("user operator", `SELECT email #@# '' ${FROM}`),
	never("function call by EXECUTE of text", `SELECT * FROM app.run('SELECT email ${FROM}')`),
];

export const ATTEMPTS: readonly Attempt[] = [
	...EXPRESSIONS,
	...WHOLE_ROWS,
	...AGGREGATES,
	...ORACLES,
	...DETOURS,
	...SMUGGLING,
];
