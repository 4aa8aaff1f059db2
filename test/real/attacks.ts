/**
 * The attacker's table: ways to read a masked value, a row that is not licensed, or to write, set or run what may not be,
 * each tried once and kept for ever. attacks.test.ts says over which schema (SCHEMA) and how they are judged.
 */
import type { RawClient } from "../helpers/raw-client.js";
import * as wire from "../helpers/wire.js";

/**
 * What becomes of it. `denied`: an error of the license's; `native`: an error of the server's own; `masked`: it passes,
 * and shows nothing; `any`: one of these, and which does not matter. Whatever becomes of it, no secret shows and the outcome is the same over
 * other secrets.
 */
export type Expected = "denied" | "masked" | "native" | "any";

export interface Attack {
	readonly name: string;
	readonly expect: Expected;
	/** Statements, each sent by itself; or a conversation of messages. */
	readonly run: readonly string[] | ((client: RawClient) => Promise<unknown>);
	/** Startup parameters. */
	readonly parameters?: Readonly<Record<string, string>>;
	/** First version of the server that knows it. */
	readonly since?: number;
	readonly license?: "project" | "capped";
}

/** What masked cells and unlicensed rows hold, in two ways that a client must not be able to tell apart. */
export interface Secrets {
	readonly email: readonly [string, string];
	readonly nick: readonly [string, string, string];
	readonly salary: readonly [number, number];
	readonly born: readonly [string, string];
	readonly seen: readonly [string, string];
	readonly note: readonly [string, string];
	readonly span: string;
	readonly row: readonly [string, string];
}

/** What an attacker guesses, which is there in the first. */
const GUESS = "zqcanaryone.kestrel@mail.hedgerow.example";

export const SECRETS: readonly [Secrets, Secrets] = [
	{
		email: [GUESS, "zqcanarytwo.plover@post.furrow.example"],
		nick: ["wrenmarsh", "wrenmarsh", "heronmere"],
		salary: [48291, 100],
		born: ["1987-01-02", "1987-01-03"],
		seen: ["2024-03-07 00:10:11+00", "2024-03-07 00:11:12+00"],
		note: ["noteplovernoteplover77", "notegannet77"],
		span: "[40,41)",
		row: ["rowcurlew.fieldfare", "rowdunlin.nightjar"],
	},
	{
		email: ["zqcanarysix.osprey@link.meadow.example", "zqcanaryfive.avocet@relay.thicket.example"],
		nick: ["bitternfen", "siskinwood", "linnetbrook"],
		salary: [17, 73913],
		born: ["1987-12-30", "1987-11-29"],
		seen: ["2024-03-07 23:50:07+00", "2024-03-07 13:47:19+00"],
		note: ["notebustardnotebusta77", "noteturnst77"],
		span: "[800,890)",
		row: ["rowwhimbrel.sandmartin.longer", "rowgodwit.ringouzel"],
	},
];

/** Puts them into a database of SCHEMA. */
export function secretsScript({ email, nick, salary, born, seen, note, span, row }: Secrets): string {
	const user = (index: 0 | 1, more: string) => `UPDATE app.users SET email = '${email[index]}', nick = '${nick[index]}',
		salary = ${salary[index]}, born = '${born[index]}', seen = '${seen[index]}', note = '${note[index]}'${more}
		WHERE id = ${index + 1};`;
	return `
		${user(0, `, span = '${span}'`)}
		${user(1, "")}
		UPDATE app.users SET nick = '${nick[2]}' WHERE id = 3;
		UPDATE app.tickets SET hidden = '${row[0]}', b = '${row[1]}';
		INSERT INTO hr.things VALUES (1, '${row[0]}'), (2, '${row[1]}'), (3, repeat('${row[0]}', 400));
		INSERT INTO hr.files VALUES (1, 1, '${row[0]}');
		INSERT INTO hr.derived VALUES (1, 'p', '${row[0]}');
		INSERT INTO app.denied VALUES (1, '${row[0]}');
		REFRESH MATERIALIZED VIEW app.frozen;
		ANALYZE;`;
}

export const SCHEMA = `
CREATE SCHEMA app; CREATE SCHEMA hr; CREATE SCHEMA sandbox;
CREATE TABLE app.users (
	id int PRIMARY KEY, team int NOT NULL DEFAULT 1, plain text, email text UNIQUE, nick text, salary int, born date,
	seen timestamptz, note varchar(40), loud text GENERATED ALWAYS AS (upper(email)) STORED,
	span int4range, CHECK (plain IS DISTINCT FROM nick), EXCLUDE USING gist (span WITH &&)
);
CREATE INDEX ON app.users (lower(nick));
CREATE TABLE app.sizes (id int, size int); INSERT INTO app.sizes SELECT n, n FROM generate_series(1, 50) n;
CREATE TABLE app.words (word text, n int);
INSERT INTO app.words VALUES ('guess@guess.example', 1), ('zz', 2), ('a', 3);
CREATE TABLE app.tickets (id int PRIMARY KEY, status text NOT NULL, hidden text, a int, b text, UNIQUE (a, b));
CREATE TABLE app.things (id int PRIMARY KEY, secret text); INSERT INTO app.things VALUES (1, 'a public thing');
CREATE TABLE app.orders (id int PRIMARY KEY, email text REFERENCES app.users (email) ON UPDATE CASCADE, n int);
CREATE TABLE app.base (id int, plain text); CREATE TABLE hr.derived (secret text) INHERITS (app.base);
CREATE TABLE app.parts (id int, code text) PARTITION BY LIST (id);
CREATE TABLE app.part_1 PARTITION OF app.parts FOR VALUES IN (1);
CREATE TABLE hr.things (id int PRIMARY KEY, secret text);
CREATE TABLE hr.files (id int PRIMARY KEY, user_id int NOT NULL REFERENCES app.things ON DELETE SET NULL, secret text);
CREATE TABLE app.denied (id int, secret text);
CREATE VIEW app.contacts AS SELECT id, email AS contact FROM app.users;
CREATE VIEW app.loud_contacts AS SELECT id, upper(email) AS contact FROM app.users;
CREATE VIEW app.staff AS SELECT id, secret FROM hr.things;
CREATE MATERIALIZED VIEW app.frozen AS SELECT id, email FROM app.users;
CREATE VIEW sandbox.view AS SELECT 'one'::text AS word;
CREATE TABLE sandbox.words (word text); INSERT INTO sandbox.words VALUES ('one');
CREATE TABLE sandbox.later (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO sandbox.later VALUES (1);
CREATE SEQUENCE app.counter;
CREATE TYPE app.mood AS ENUM ('low', 'high');
CREATE DOMAIN app.small AS text CHECK (length(VALUE) < 3);
CREATE FUNCTION app.peek() RETURNS text LANGUAGE sql AS 'SELECT max(secret) FROM hr.things';
CREATE FUNCTION app.words_of() RETURNS SETOF text LANGUAGE sql AS 'SELECT word FROM app.words';
CREATE FUNCTION app.peek_row(app.users) RETURNS text LANGUAGE sql AS 'SELECT $1.email';
CREATE AGGREGATE app.glue (text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE AGGREGATE sandbox.glue (text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE RULE peek AS ON INSERT TO app.sizes WHERE NEW.id = -1 DO ALSO SELECT secret || '!' FROM hr.things;
INSERT INTO app.users VALUES (1, 1, 'p1'), (2, 1, 'p2'), (3, 2, 'p3');
INSERT INTO app.tickets VALUES (1, 'open', '', 1, ''), (2, 'open', '', 2, '');
INSERT INTO app.parts VALUES (1, 'code');
ALTER TABLE hr.things ALTER secret SET STORAGE EXTERNAL;
ALTER TABLE app.users ADD COLUMN late text DEFAULT 'x';
CREATE STATISTICS app.spread (mcv) ON email, nick FROM app.users;
`;

const USERS = "FROM app.users";

type Row = readonly [name: string, ...sql: string[]];

const rows = (expect: Expected, list: readonly Row[]): Attack[] =>
	list.map(([name, ...run]) => ({ name, expect, run }));

const inBlock = (...sql: string[]): string[] => ["BEGIN", ...sql, "ROLLBACK"];

// ---- values of masked columns -----------------------------------------------------------------------------------

const EXPRESSIONS = rows("denied", [
	["CASE on it", `SELECT id, CASE WHEN email > 'zqcanaryp' THEN 1 ELSE 2 END ${USERS}`],
	["CASE it WHEN", `SELECT CASE email WHEN 'x' THEN 1 END ${USERS}`],
	["COALESCE of it", `SELECT coalesce(nullif(salary, 100), 0) ${USERS}`],
	["GREATEST", `SELECT greatest(salary, 60) ${USERS}`],
	["LEAST in a subquery", `SELECT (SELECT least(u.salary, 60)) FROM app.users u`],
	["arithmetic", `SELECT salary + 0 ${USERS}`],
	["unary minus", `SELECT - salary ${USERS}`],
	["division that fails", `SELECT 1 / (salary - 100) ${USERS}`],
	["bit operators", `SELECT salary & 64 ${USERS}`],
	["numeric to text and back", `SELECT salary::text::int ${USERS}`],
	["cast to its own type", `SELECT email::text ${USERS}`],
	["cast by functional notation", `SELECT text(email) ${USERS}`],
	["cast by typename string", `SELECT CAST(nick AS name) ${USERS}`],
	["cast to an enum", `SELECT nick::app.mood ${USERS}`],
	["cast to a domain", `SELECT nick::app.small ${USERS}`],
	["cast to regclass", `SELECT nick::regclass ${USERS}`],
	["cast to oid alias", `SELECT salary::oid::regtype ${USERS}`],
	["cast to char", `SELECT nick::"char" ${USERS}`],
	["cast to an array", `SELECT ('{' || nick || '}')::text[] ${USERS}`],
	["cast to jsonb", `SELECT to_jsonb(nick) ${USERS}`],
	["cast to a composite", `SELECT ('(1,1,x,' || email || ',,,,,,)')::app.users ${USERS}`],
	["cast to inet", `SELECT nick::inet ${USERS}`],
	["cast to a range", `SELECT int4range(salary, 1000) ${USERS}`],
	["cast to a bit string", `SELECT salary::bit(32) ${USERS}`],
	["cast to money", `SELECT salary::money ${USERS}`],
	["cast to interval", `SELECT make_interval(secs => salary) ${USERS}`],
	["date arithmetic", `SELECT born - DATE '2000-01-01' ${USERS}`],
	["extract", `SELECT extract(epoch FROM born) ${USERS}`],
	["age", `SELECT age(born) ${USERS}`],
	["to_char", `SELECT to_char(born, 'YYYYMMDD') ${USERS}`],
	["at time zone", `SELECT seen AT TIME ZONE 'UTC' ${USERS}`],
	["cast of a date", `SELECT born::timestamp ${USERS}`],
	["overlaps", `SELECT (born, born) OVERLAPS (DATE '1990-01-01', DATE '2000-01-01') ${USERS}`],
	["similar to", `SELECT nick SIMILAR TO 'w%' ${USERS}`],
	["position", `SELECT position('kestrel' IN email) ${USERS}`],
	["overlay", `SELECT overlay(email PLACING '' FROM 1 FOR 0) ${USERS}`],
	["trim", `SELECT trim(both FROM email) ${USERS}`],
	["translate", `SELECT translate(email, 'abc', 'ABC') ${USERS}`],
	["levels of quoting", `SELECT quote_literal(email), quote_nullable(nick) ${USERS}`],
	["set bytes", `SELECT set_byte(email::bytea, 0, 65) ${USERS}`],
	["convert_to", `SELECT convert_to(email, 'LATIN1') ${USERS}`],
	["normalize", `SELECT normalize(email) ${USERS}`],
	["is normalized", `SELECT email IS NORMALIZED ${USERS}`],
	["collation for", `SELECT collation for (email) ${USERS}`],
	["type of", `SELECT pg_typeof(email) ${USERS}`],
	["size of", `SELECT pg_column_size(email) ${USERS}`],
	["hash", `SELECT hashtext(email) ${USERS}`],
	["crc", `SELECT sha512(email::bytea) ${USERS}`],
	["xml", `SELECT xmlforest(email, nick) ${USERS}`],
	["xml text", `SELECT xmltext(email) ${USERS}`],
	["xml concat", `SELECT xmlconcat(xmlelement(name a, email)) ${USERS}`],
	["xml serialize", `SELECT xmlserialize(content xmlelement(name a, email) AS text) ${USERS}`],
	["xml parse", `SELECT xmlparse(content email) ${USERS}`],
	["xml is document", `SELECT email::xml IS DOCUMENT ${USERS}`],
	["xpath", `SELECT xpath('//a/text()', xmlelement(name r, xmlelement(name a, email))) ${USERS}`],
	[
		"xml table",
		`SELECT t.x FROM app.users u, XMLTABLE('/r' PASSING xmlelement(name r, u.email) COLUMNS x text PATH '.') t`,
	],
	["json path", `SELECT jsonb_path_query(to_jsonb(u), '$.email') FROM app.users u`],
	["json path predicate", `SELECT to_jsonb(u) @@ '$.email > "zqcanaryp"' FROM app.users u`],
	["json arrow", `SELECT to_json(u) -> 'email' FROM app.users u`],
	["json records", `SELECT r.* FROM app.users u, jsonb_to_record(to_jsonb(u)) AS r(email text)`],
	["json populate", `SELECT (jsonb_populate_record(NULL::app.users, to_jsonb(u))).email FROM app.users u`],
	["json pairs", `SELECT p.value FROM app.users u, json_each_text(row_to_json(u)) p`],
	["json object", `SELECT json_object(ARRAY['e', email]) ${USERS}`],
	["json agg strict", `SELECT jsonb_object_agg(id, email) ${USERS}`],
	["text search", `SELECT to_tsvector('simple', email) @@ to_tsquery('simple', 'kestrel') ${USERS}`],
	["text search headline", `SELECT ts_headline(email, to_tsquery('x')) ${USERS}`],
	["array of rows", `SELECT ARRAY(SELECT u FROM app.users u)`],
	["array of arrays", `SELECT ARRAY[[email], [nick]] ${USERS}`],
	["array position", `SELECT array_position(ARRAY['wrenmarsh'], nick) ${USERS}`],
	["element of", `SELECT (ARRAY[email])[1] ${USERS}`],
	["subscript by it", `SELECT (ARRAY[1,2,3])[salary] ${USERS}`],
	["variadic", `SELECT concat_ws(',', VARIADIC ARRAY[email]) ${USERS}`],
	["named argument", `SELECT make_date(year => salary, month => 1, day => 1) ${USERS}`],
	["width bucket", `SELECT width_bucket(salary, 0, 1000, 10) ${USERS}`],
	["generate series up to it", `SELECT generate_series(1, salary) ${USERS}`],
	["generated column's expression", `SELECT lower(loud) ${USERS}`],
	["materialized", `SELECT email || '' FROM app.frozen`],
	["a view that computes", `SELECT contact FROM app.loud_contacts`],
	["row comparison", `SELECT id ${USERS} WHERE (email, id) > ('zqcanaryp', 0)`],
	["row equality", `SELECT id ${USERS} WHERE (id, email) = (1, 'x')`],
	["row IN", `SELECT id ${USERS} WHERE (id, email) IN ((1, 'x'))`],
	["whole row IN", `SELECT u.id FROM app.users u WHERE u IN (SELECT v FROM app.users v WHERE v.id = 1)`],
	["whole row text", `SELECT format('%s', u) FROM app.users u`],
	["whole row array", `SELECT ARRAY[u] FROM app.users u`],
	["row with star", `SELECT ROW(u.*) FROM app.users u`],
	["star of a row", `SELECT (ROW(u.email)).f1 FROM app.users u`],
	["functional notation", `SELECT lower(contact(c)) FROM app.contacts c`],
	["attribute notation", `SELECT u.text FROM app.users u`],
	["attribute notation of a user's function", `SELECT u.peek_row FROM app.users u`],
	["attribute notation on parentheses", `SELECT (u).peek_row FROM app.users u`],
	["record comparison", `SELECT u = v FROM app.users u, app.users v`],
	["record image", `SELECT u *= v FROM app.users u, app.users v`],
	["row is null", `SELECT u IS NULL FROM app.users u`],
	["is true", `SELECT (nick = 'wrenmarsh') IS TRUE ${USERS}`],
	["is json", `SELECT email IS JSON ${USERS}`],
	["any of an array", `SELECT 'wrenmarsh' = ANY (ARRAY[nick]) ${USERS}`],
	["all of a subquery", `SELECT 60 < ALL (SELECT salary ${USERS})`],
	["symmetric between", `SELECT salary BETWEEN SYMMETRIC 100 AND 1 ${USERS}`],
	["not distinct", `SELECT nick IS NOT DISTINCT FROM 'wrenmarsh' ${USERS}`],
	["operator by schema", `SELECT email OPERATOR(pg_catalog.<) 'x' ${USERS}`],
	["grouping", `SELECT grouping(nick) ${USERS} GROUP BY ROLLUP (nick)`],
	["collate", `SELECT email COLLATE "C" ${USERS}`],
]);

const PREDICATES = rows("denied", [
	["cross join with sizes", `SELECT s.id FROM app.sizes s, app.users u WHERE s.size < u.salary AND u.id = 1`],
	["self join", `SELECT a.id, b.id FROM app.users a JOIN app.users b ON a.nick = b.nick`],
	["join using", `SELECT a.id, b.id FROM app.users a JOIN app.users b USING (nick)`],
	["natural join", `SELECT count(*) FROM app.users NATURAL JOIN app.frozen`],
	["full join using", `SELECT nick FROM app.users FULL JOIN (SELECT 'wrenmarsh' AS nick) g USING (nick)`],
	["left join on", `SELECT w.n, u.id FROM app.words w LEFT JOIN app.users u ON u.nick = w.word`],
	["lateral limit", `SELECT l.* FROM app.users u, LATERAL (SELECT n FROM app.words LIMIT u.salary) l`],
	["lateral offset", `SELECT (SELECT id FROM app.sizes ORDER BY id OFFSET u.salary LIMIT 1) FROM app.users u`],
	["fetch first by it", `SELECT id FROM app.sizes FETCH FIRST (SELECT salary ${USERS} WHERE id = 1) ROWS ONLY`],
	["tablesample by it", `SELECT id FROM app.sizes TABLESAMPLE BERNOULLI ((SELECT salary ${USERS} WHERE id = 1))`],
	[
		"tablesample repeatable by it",
		`SELECT id FROM app.sizes TABLESAMPLE SYSTEM (50) REPEATABLE ((SELECT salary ${USERS} WHERE id = 1))`,
	],
	["order by an expression", `SELECT id ${USERS} ORDER BY nick || 'x'`],
	["order by its place", `SELECT nick ${USERS} ORDER BY 1`],
	["order by its label", `SELECT nick AS id ${USERS} ORDER BY id`],
	["order using", `SELECT id ${USERS} ORDER BY email USING <`],
	["order of a set operation", `SELECT nick ${USERS} UNION ALL SELECT 'm' ORDER BY nick`],
	["order in an aggregate", `SELECT max(id ORDER BY nick) ${USERS}`],
	["within group", `SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) ${USERS}`],
	["hypothetical rank", `SELECT rank(100) WITHIN GROUP (ORDER BY salary) ${USERS}`],
	["dense rank", `SELECT id, dense_rank() OVER (ORDER BY salary) ${USERS}`],
	["named window", `SELECT id, row_number() OVER w ${USERS} WINDOW w AS (ORDER BY nick)`],
	["window that extends", `SELECT id, row_number() OVER (w ORDER BY id) ${USERS} WINDOW w AS (PARTITION BY nick)`],
	[
		"window frame by it",
		`SELECT id, count(*) OVER (ORDER BY salary RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) ${USERS}`,
	],
	["ntile", `SELECT ntile(2) OVER (ORDER BY salary) ${USERS}`],
	["nth value", `SELECT nth_value(nick, 1) OVER () ${USERS}`],
	["group by it", `SELECT count(*) ${USERS} GROUP BY nick`],
	["group by cube", `SELECT count(*) ${USERS} GROUP BY CUBE (team, nick)`],
	["group by sets", `SELECT count(*) ${USERS} GROUP BY GROUPING SETS ((nick), ())`],
	["group by label", `SELECT nick AS n, count(*) ${USERS} GROUP BY n`],
	["having", `SELECT team ${USERS} GROUP BY team HAVING max(salary) > 100`],
	["having count distinct", `SELECT team ${USERS} GROUP BY team HAVING count(DISTINCT nick) = 1`],
	["count distinct", `SELECT count(DISTINCT nick) ${USERS}`],
	["count filtered", `SELECT count(*) FILTER (WHERE salary > 100) ${USERS}`],
	["count of a comparison", `SELECT count(nullif(nick = 'wrenmarsh', false)) ${USERS}`],
	["count of case", `SELECT count(CASE WHEN salary > 100 THEN 1 END) ${USERS}`],
	["count over a partition", `SELECT count(*) OVER (PARTITION BY nick) ${USERS}`],
	["sum", `SELECT sum(salary) ${USERS}`],
	["average", `SELECT avg(salary) ${USERS}`],
	["bit_or", `SELECT bit_or(salary) ${USERS}`],
	["every", `SELECT every(salary > 60) ${USERS}`],
	["correlation", `SELECT corr(salary, id) ${USERS}`],
	["any_value", `SELECT any_value(nick) ${USERS}`],
	["distinct", `SELECT DISTINCT nick ${USERS}`],
	["distinct on", `SELECT DISTINCT ON (nick) id ${USERS}`],
	["union", `SELECT nick ${USERS} UNION SELECT 'wrenmarsh'`],
	["intersect all", `SELECT nick ${USERS} INTERSECT ALL SELECT 'wrenmarsh'`],
	["except all", `SELECT 'wrenmarsh' EXCEPT ALL SELECT nick ${USERS}`],
	["exists", `SELECT EXISTS (SELECT 1 ${USERS} WHERE salary > 100)`],
	["scalar count of a filter", `SELECT (SELECT count(*) ${USERS} WHERE nick = 'wrenmarsh')`],
	["in a values list", `SELECT id ${USERS} WHERE nick IN (VALUES ('wrenmarsh'), ('x'))`],
	["equality by any", `SELECT id ${USERS} WHERE nick = ANY ('{wrenmarsh}')`],
	["null test in WHERE", `SELECT id ${USERS} WHERE email IS NOT NULL AND email > 'm'`],
	[
		"recursive walk",
		`WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r, app.users u WHERE u.id = 1 AND n < u.salary) SELECT count(*) FROM r`,
	],
	[
		"recursive cycle",
		`WITH RECURSIVE r(n, k) AS (SELECT id, nick ${USERS} UNION ALL SELECT n, k FROM r) CYCLE k SET seen USING path SELECT n FROM r`,
	],
	[
		"recursive search",
		`WITH RECURSIVE r(n, k) AS (SELECT id, nick ${USERS} UNION ALL SELECT n + 1, k FROM r WHERE n < 3) SEARCH DEPTH FIRST BY k SET o SELECT o FROM r`,
	],
	["a CTE's predicate", `WITH c AS (SELECT id, nick ${USERS}) SELECT id FROM c WHERE nick LIKE 'w%'`],
	["a view's predicate", `SELECT id FROM app.contacts WHERE contact LIKE 'z%'`],
	["a generated column's predicate", `SELECT id ${USERS} WHERE loud > 'M'`],
	["index expression", `SELECT id ${USERS} WHERE lower(nick) = 'wrenmarsh'`],
	["EXPLAIN of a predicate", `EXPLAIN (ANALYZE, FORMAT json, TIMING off) SELECT id ${USERS} WHERE salary > 100`],
	["EXPLAIN's estimate", `EXPLAIN SELECT id ${USERS} WHERE nick = 'wrenmarsh'`],
	["EXPLAIN of an order", `EXPLAIN (ANALYZE, VERBOSE) SELECT id ${USERS} ORDER BY email`],
	[
		"current of a cursor over it",
		"BEGIN",
		`DECLARE c CURSOR FOR SELECT id ${USERS} WHERE salary > 100 FOR UPDATE`,
		"UPDATE app.users SET team = 9 WHERE CURRENT OF c",
		"ROLLBACK",
	],
]);

// ---- writes as oracles and as carriers --------------------------------------------------------------------------

const WRITES = rows("denied", [
	["update by it", ...inBlock(`UPDATE app.users SET team = 5 WHERE salary > 100`)],
	["update from it", ...inBlock(`UPDATE app.words w SET n = u.salary FROM app.users u WHERE w.n = u.id RETURNING w.n`)],
	["update by rows of it", ...inBlock(`UPDATE app.words SET (word, n) = (SELECT email, salary ${USERS} WHERE id = 1)`)],
	["update of itself", ...inBlock(`UPDATE app.users SET plain = nick RETURNING plain`)],
	["delete by it", ...inBlock(`DELETE FROM app.words USING app.users u WHERE u.salary > 100`)],
	["delete returning", ...inBlock(`DELETE FROM app.users WHERE id = 3 RETURNING nick || ''`)],
	[
		"merge on it",
		...inBlock(`MERGE INTO app.words w USING app.users u ON w.word = u.nick WHEN MATCHED THEN UPDATE SET n = 7`),
	],
	[
		"merge when it",
		...inBlock(`MERGE INTO app.words w USING app.users u ON w.n = u.id WHEN MATCHED AND u.salary > 100 THEN DELETE`),
	],
	[
		"merge insert",
		...inBlock(
			`MERGE INTO app.words w USING app.users u ON false WHEN NOT MATCHED THEN INSERT VALUES (u.nick, u.salary)`,
		),
	],
	["insert of it", ...inBlock(`INSERT INTO app.words SELECT email, 1 ${USERS} RETURNING word`)],
	[
		"insert of a subquery",
		...inBlock(`INSERT INTO app.words VALUES ((SELECT email ${USERS} WHERE id = 1), 1) RETURNING word`),
	],
	[
		"insert by a data-modifying CTE",
		...inBlock(
			`WITH d AS (DELETE FROM app.users WHERE id = 3 RETURNING nick) INSERT INTO app.words SELECT nick, 1 FROM d`,
		),
	],
	[
		"conflict by its index",
		...inBlock(`INSERT INTO app.users (id, email) VALUES (9, 'guess') ON CONFLICT (email) DO NOTHING`),
	],
	[
		"conflict by any index",
		...inBlock(`INSERT INTO app.users (id, email) VALUES (9, '${GUESS}') ON CONFLICT DO NOTHING`),
	],
	[
		"conflict by the constraint's name",
		...inBlock(
			`INSERT INTO app.users (id, email) VALUES (9, '${GUESS}') ON CONFLICT ON CONSTRAINT users_email_key DO NOTHING`,
		),
	],
	["unique violation", ...inBlock(`INSERT INTO app.users (id, email) VALUES (9, '${GUESS}')`)],
	["unique violation by update", ...inBlock(`UPDATE app.users SET email = '${GUESS}' WHERE id = 3`)],
	["unique violation through a view", ...inBlock(`UPDATE app.contacts SET contact = '${GUESS}' WHERE id = 3`)],
	["unique violation by COPY", ...inBlock(`COPY app.users (id, email) FROM STDIN`)],
	["exclusion constraint", ...inBlock(`INSERT INTO app.users (id, span) VALUES (9, '[1,50)') ON CONFLICT DO NOTHING`)],
	["foreign key to it", ...inBlock(`INSERT INTO app.orders VALUES (1, '${GUESS}', 1)`)],
	["foreign key to it by update", ...inBlock(`UPDATE app.orders SET email = '${GUESS}'`)],
	["check of it and another", ...inBlock(`UPDATE app.users SET plain = 'wrenmarsh' WHERE id = 1`)],
	[
		"conflict update by it",
		...inBlock(
			`INSERT INTO app.users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET team = 2 WHERE app.users.salary > 100`,
		),
	],
	[
		"conflict update copies it",
		...inBlock(
			`INSERT INTO app.users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET plain = app.users.nick RETURNING plain`,
		),
	],
	["returning the old row", ...inBlock(`UPDATE app.users SET nick = 'x' WHERE id = 1 RETURNING old.nick || ''`)],
	["create table as", ...inBlock(`CREATE TABLE sandbox.copy AS SELECT email ${USERS}`)],
	[
		"create table as execute",
		...inBlock(`PREPARE p AS SELECT email ${USERS}`, "CREATE TABLE sandbox.copy AS EXECUTE p"),
		"DEALLOCATE ALL",
	],
	["create view", ...inBlock(`CREATE VIEW sandbox.copy AS SELECT email ${USERS}`)],
	["replace a view", ...inBlock(`CREATE OR REPLACE VIEW sandbox.view AS SELECT email AS word ${USERS}`)],
	[
		"create recursive view",
		...inBlock(
			`CREATE RECURSIVE VIEW sandbox.copy (e) AS SELECT email ${USERS} UNION ALL SELECT e FROM copy WHERE false`,
		),
	],
	["create temporary view", ...inBlock(`CREATE TEMP VIEW copy AS SELECT email ${USERS}`)],
	["select into", ...inBlock(`SELECT email INTO sandbox.copy ${USERS}`)],
	["select into temporary", ...inBlock(`SELECT email INTO TEMP copy ${USERS}`)],
	["partition of a masked table", ...inBlock(`CREATE TABLE sandbox.child () INHERITS (app.users)`)],
	["table like", ...inBlock(`CREATE TABLE sandbox.child (LIKE hr.things INCLUDING ALL)`)],
	["foreign key to what is not licensed", ...inBlock(`CREATE TABLE sandbox.child (id int REFERENCES hr.things)`)],
	["attach", ...inBlock(`ALTER TABLE app.parts ATTACH PARTITION hr.things FOR VALUES IN (2)`)],
	["inherit", ...inBlock(`ALTER TABLE hr.things INHERIT app.base`)],
	["rename", ...inBlock(`ALTER TABLE app.users RENAME COLUMN email TO plain2`)],
	["change of type", ...inBlock(`ALTER TABLE app.users ALTER email TYPE text USING nick`)],
	["default of it", ...inBlock(`ALTER TABLE sandbox.words ALTER word SET DEFAULT (SELECT max(email) ${USERS})`)],
	["check by a function", ...inBlock(`ALTER TABLE sandbox.words ADD CHECK (app.peek() IS NULL)`)],
	["index on it", ...inBlock(`CREATE UNIQUE INDEX ON app.users (nick)`)],
	[
		"trigger",
		...inBlock(
			`CREATE TRIGGER t BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
		),
	],
	["rule", ...inBlock(`CREATE RULE r AS ON INSERT TO sandbox.words DO ALSO SELECT secret FROM hr.things`)],
	["policy", ...inBlock(`CREATE POLICY p ON app.users USING (nick = 'wrenmarsh')`)],
	["aggregate", ...inBlock(`CREATE AGGREGATE sandbox.agg (text) (SFUNC = textcat, STYPE = text)`)],
	[
		"operator",
		...inBlock(`CREATE OPERATOR sandbox.~~~ (FUNCTION = pg_catalog.textlike, LEFTARG = text, RIGHTARG = text)`),
	],
	[
		"operator of a known name",
		...inBlock(`CREATE OPERATOR sandbox.= (FUNCTION = pg_catalog.textlike, LEFTARG = text, RIGHTARG = text)`),
	],
	["cast", ...inBlock(`CREATE CAST (text AS int) WITH INOUT AS IMPLICIT`)],
	[
		"function",
		...inBlock(`CREATE FUNCTION sandbox.f() RETURNS text LANGUAGE sql BEGIN ATOMIC; SELECT max(email) ${USERS}; END`),
	],
	[
		"function with a setting",
		...inBlock(`CREATE FUNCTION sandbox.f() RETURNS int LANGUAGE sql SET search_path = hr AS 'SELECT 1'`),
	],
	["procedure", ...inBlock(`CREATE PROCEDURE sandbox.f() LANGUAGE sql AS 'SELECT 1'`)],
	["DO", `DO $$ BEGIN PERFORM 1; END $$`],
	["CALL", `CALL app.peek()`],
	["truncate cascade", ...inBlock(`TRUNCATE app.things CASCADE`)],
	["drop cascade", ...inBlock(`DROP TABLE app.things CASCADE`)],
	["insert into what is not licensed", ...inBlock(`INSERT INTO hr.things VALUES (9, 'x')`)],
	["insert into columns that are not", ...inBlock(`INSERT INTO app.tickets (id, status, hidden) VALUES (9, 'x', 'y')`)],
	["insert by position", ...inBlock(`INSERT INTO app.tickets VALUES (9, 'x', 'y')`)],
	[
		"insert by a record",
		...inBlock(
			`INSERT INTO app.tickets SELECT * FROM jsonb_populate_record(NULL::app.tickets, '{"id": 9, "status": "x", "hidden": "y"}')`,
		),
	],
	[
		"insert by a row's star",
		...inBlock(
			`INSERT INTO app.tickets SELECT (jsonb_populate_record(NULL::app.tickets, '{"id": 9, "status": "x"}')).*`,
		),
	],
	["update of columns that are not", ...inBlock(`UPDATE app.tickets SET hidden = 'x'`)],
	["update of several", ...inBlock(`UPDATE app.tickets SET (status, hidden) = ('x', 'y')`)],
	[
		"merge into columns that are not",
		...inBlock(
			`MERGE INTO app.tickets t USING app.words w ON false WHEN NOT MATCHED THEN INSERT VALUES (9, 'x', 'y', 1, 'b')`,
		),
	],
	["write by a CTE", ...inBlock(`WITH w AS (UPDATE hr.things SET secret = 'x') SELECT 1`)],
	["write by EXPLAIN", ...inBlock(`EXPLAIN ANALYZE DELETE FROM hr.things`)],
	["write by COPY", ...inBlock(`COPY (DELETE FROM hr.things RETURNING 1) TO STDOUT`)],
	["write by PREPARE", `PREPARE p AS DELETE FROM hr.things`],
	["write through a view", ...inBlock(`UPDATE app.staff SET secret = 'x'`)],
	["lock rows of what is not licensed", ...inBlock(`SELECT 1 FROM hr.things FOR UPDATE`)],
	["lock a table", ...inBlock(`LOCK TABLE hr.things`)],
	["comment", `COMMENT ON TABLE hr.things IS 'x'`],
	["grant", `GRANT SELECT ON hr.things TO PUBLIC`],
	["sequence", `SELECT setval('hr.missing', 1)`],
	["catalog update", `UPDATE pg_catalog.pg_class SET relname = 'x' WHERE false`],
	["settings update", `UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'`],
]);

// ---- rows that are not licensed ---------------------------------------------------------------------------------

const UNLICENSED = rows("denied", [
	["a table", "SELECT * FROM hr.things"],
	["TABLE", "TABLE hr.things"],
	["its count", "SELECT count(*) FROM hr.things"],
	["nothing of it", "SELECT FROM hr.things"],
	["existence", "SELECT EXISTS (SELECT FROM hr.things)"],
	["by ONLY", "SELECT 1 FROM ONLY hr.things"],
	["quoted", 'SELECT secret FROM "hr"."things"'],
	["in Unicode escapes", 'SELECT secret FROM U&"h\\0072".things'],
	["with a database", "SELECT secret FROM postgres.hr.things"],
	["a child of a licensed table", "SELECT secret FROM hr.derived"],
	["a partition of a licensed table by name", "SELECT code FROM app.part_2"],
	["a view over it", "SELECT secret FROM app.staff"],
	["a function that reads it", "SELECT app.peek()"],
	["a denied table", "SELECT 1 FROM app.denied"],
	["columns that are not", "SELECT hidden FROM app.tickets"],
	["star over columns that are not", "SELECT * FROM app.tickets"],
	["whole row over columns that are not", "SELECT t FROM app.tickets t"],
	["functional notation over columns that are not", "SELECT hidden(t) FROM app.tickets t"],
	["predicate on columns that are not", "SELECT id FROM app.tickets WHERE hidden > 'm'"],
	["order by columns that are not", "SELECT id FROM app.tickets ORDER BY hidden"],
	["join using columns that are not", "SELECT id FROM app.tickets JOIN (SELECT 'x' AS hidden) s USING (hidden)"],
	["natural join over columns that are not", "SELECT 1 FROM app.tickets NATURAL JOIN (SELECT 'x' AS hidden) s"],
	["returning columns that are not", ...inBlock("UPDATE app.tickets SET status = 'x' RETURNING hidden")],
	["COPY of columns that are not", "COPY app.tickets TO STDOUT"],
	["COPY of a table", "COPY hr.things TO STDOUT"],
	["COPY of a query", "COPY (SELECT * FROM hr.things) TO STDOUT (FORMAT binary)"],
	["COPY to a program", "COPY app.words TO PROGRAM 'cat'"],
	["COPY from a file", ...inBlock("COPY app.words FROM '/etc/passwd'")],
	["COPY in another encoding", "COPY app.words TO STDOUT (ENCODING 'SJIS')"],
	["EXPLAIN", "EXPLAIN SELECT * FROM hr.things"],
	["prepared", "PREPARE p AS SELECT * FROM hr.things"],
	["a cursor", ...inBlock("DECLARE c CURSOR FOR SELECT * FROM hr.things")],
	["a data-modifying CTE", "WITH x AS (DELETE FROM hr.things RETURNING secret) SELECT * FROM x"],
	["statistics", "SELECT most_common_vals FROM pg_stats"],
	["statistics, the table", "SELECT stavalues1 FROM pg_statistic"],
	["extended statistics", "SELECT m.* FROM pg_statistic_ext_data d, pg_mcv_list_items(d.stxdmcv) m"],
	["extended statistics by the view", "SELECT most_common_vals FROM pg_stats_ext"],
	["query to xml", "SELECT query_to_xml('SELECT * FROM hr.things', true, true, '')"],
	["table to xml", "SELECT table_to_xml('hr.things', true, true, '')"],
	["schema to xml", "SELECT schema_to_xml('hr', true, true, '')"],
	["cursor to xml", ...inBlock("DECLARE c CURSOR FOR SELECT 1", "SELECT cursor_to_xml('c', 10, true, true, '')")],
	["ts_stat", "SELECT * FROM ts_stat('SELECT to_tsvector(secret) FROM hr.things')"],
	["ts_rewrite", "SELECT ts_rewrite('a', 'SELECT to_tsquery(secret), to_tsquery(secret) FROM hr.things')"],
	["large objects", "SELECT lo_import('/etc/passwd')"],
	["large object bytes", "SELECT data FROM pg_largeobject"],
	["a file", "SELECT pg_read_binary_file('PG_VERSION')"],
	["a directory", "SELECT * FROM pg_ls_waldir()"],
	["other sessions", "SELECT query FROM pg_stat_activity"],
	["own statements", "SELECT statement FROM pg_prepared_statements"],
	["passwords", "SELECT rolpassword FROM pg_authid"],
	["user mappings", "SELECT umoptions FROM pg_user_mappings"],
	["sequence values", "SELECT last_value FROM pg_sequences"],
	["sequence by function", "SELECT pg_sequence_last_value('app.counter'::regclass)"],
	["write-ahead log", "SELECT pg_logical_slot_peek_changes('x', NULL, NULL)"],
	["backup", "SELECT pg_backup_start('x')"],
	["sleep", "SELECT pg_sleep(0)"],
	["signal", "SELECT pg_cancel_backend(1)"],
	["advisory lock", "SELECT pg_try_advisory_lock(1)"],
	["notify", "SELECT pg_notify('x', 'y')"],
	["NOTIFY", "NOTIFY x, 'y'"],
	["LISTEN", "LISTEN x"],
	["type input", "SELECT record_in('(1)', 0, 0)"],
	["unread function", "SELECT pg_import_system_collations('pg_catalog')"],
	["TOAST", `SELECT chunk_data FROM pg_toast.pg_toast_2619`],
	["toast stand-in", "SET search_path = pg_toast, sandbox"],
	["temporary stand-in", "SET search_path = pg_temp, app"],
	["long path", `SET search_path = '${"x".repeat(64)}', app`],
	["BOM before it", "\ufeffSELECT * FROM hr.things"],
	["comment that nests", "SELECT 1 /* /* */ */ FROM hr.things"],
	["carriage return ends a comment", "SELECT 1 -- \r , secret FROM hr.things"],
	["dollar quotes", "SELECT $a$ $$ $a$, secret FROM hr.things"],
	["escape string", "SELECT E'\\'', secret FROM hr.things --'"],
	["joined strings", "SELECT 'a'\n'b', secret FROM hr.things"],
	["numbers", "SELECT 1., 1e5, .5, secret FROM hr.things"],
	["several statements", "SELECT 1; SELECT * FROM hr.things"],
	["several, the first ends the transaction", "COMMIT; SELECT * FROM hr.things"],
	["nested deep", `SELECT ${"(".repeat(2000)}1${")".repeat(2000)} FROM hr.things`],
	["long", `SELECT * FROM hr.things WHERE id IN (${Array.from({ length: 60000 }, (_, n) => n).join(",")})`],
]);

// ---- settings ---------------------------------------------------------------------------------------------------

const SETTINGS = rows("denied", [
	["string rules", "SET standard_conforming_strings = off"],
	["string rules, local", ...inBlock("SET LOCAL standard_conforming_strings TO off")],
	["string rules by function", "SELECT set_config('standard_conforming_strings', 'off', false)"],
	["string rules by reset", "RESET standard_conforming_strings"],
	["encoding", "SET client_encoding = 'SJIS'"],
	["encoding by NAMES", "SET NAMES 'LATIN1'"],
	["encoding by function", "SELECT set_config('client_encoding', 'GBK', true)"],
	["role", "SET ROLE pg_read_all_data"],
	["role by function", "SELECT set_config('role', 'postgres', false)"],
	["authorization", "SET SESSION AUTHORIZATION postgres"],
	["replication role", "SET session_replication_role = replica"],
	["catalog protection", "SET allow_system_table_mods = on"],
	["a setting of one's own", "SET custom.value = 'x'"],
	["for a role", "ALTER ROLE CURRENT_USER SET search_path = hr"],
	["for the database", "ALTER DATABASE postgres SET search_path = hr"],
	["for the server", "ALTER SYSTEM SET search_path = hr"],
	["snapshot", ...inBlock("SET TRANSACTION SNAPSHOT '00000003-0000001B-1'")],
	["twice in one statement", "SELECT set_config('TimeZone', 'UTC', false), set_config('search_path', 'hr', false)"],
	["in a CTE", "WITH c AS (SELECT set_config('search_path', 'hr', false)) SELECT * FROM c"],
	["in FROM", "SELECT * FROM set_config('search_path', 'hr', false)"],
	["in CASE", "SELECT CASE WHEN true THEN set_config('search_path', 'hr', false) END"],
	["where false", "SELECT set_config('search_path', 'app', false) WHERE false"],
	["limit 0", "SELECT set_config('search_path', 'app', false) LIMIT 0"],
	["by a cursor", ...inBlock("DECLARE c CURSOR FOR SELECT set_config('search_path', 'app', false)")],
	[
		"by a cursor that is held",
		...inBlock("DECLARE c CURSOR WITH HOLD FOR SELECT set_config('search_path', 'hr', false)"),
	],
	["by EXPLAIN", "EXPLAIN ANALYZE SELECT set_config('search_path', 'hr', false)"],
	["by COPY", "COPY (SELECT set_config('search_path', 'hr', false)) TO STDOUT"],
	["by a default", ...inBlock("CREATE TABLE sandbox.t (a text DEFAULT set_config('search_path', 'hr', false))")],
	["by a value", `SELECT set_config('application_name', nick, false) ${USERS}`],
	["by a view", ...inBlock("CREATE VIEW sandbox.t AS SELECT set_config('search_path', 'hr', false)")],
	["code", "LOAD 'auto_explain'"],
	["two-phase", "PREPARE TRANSACTION 'x'; SELECT * FROM hr.things"],
]);

// ---- what passes, and shows nothing -----------------------------------------------------------------------------

const SHOWN = rows("masked", [
	["all columns", `SELECT * ${USERS} ORDER BY id`],
	["a union with a guess", `SELECT email ${USERS} UNION ALL SELECT 'guess'`],
	["a date among times", `SELECT born ${USERS} WHERE id < 3 UNION ALL SELECT NULL::timestamptz`],
	[
		"a date among times, elsewhere",
		"SET TimeZone = '<x>-160'",
		`SELECT born ${USERS} UNION ALL SELECT NULL::timestamptz`,
	],
	[
		"an instant in zones",
		"SET TimeZone = '<x>-11:59'",
		`SELECT seen ${USERS}`,
		"SET TimeZone = '<x>+11:59'",
		`SELECT seen ${USERS}`,
	],
	["a number among others", `SELECT salary ${USERS} UNION ALL SELECT NULL::float8`],
	[
		"styles of dates",
		"SET DateStyle = 'SQL, DMY'",
		`SELECT born, seen ${USERS}`,
		"SET DateStyle = 'German'",
		`SELECT born ${USERS}`,
		"SET DateStyle = 'Postgres'",
		`SELECT seen ${USERS}`,
	],
	["as another type", `SELECT nick ${USERS} UNION ALL SELECT NULL::name`],
	["values", `VALUES ((SELECT email ${USERS} WHERE id = 1)), ('guess')`],
	["a view", "SELECT contact FROM app.contacts"],
	["a materialized view", "SELECT email FROM app.frozen"],
	["a generated column", `SELECT loud ${USERS}`],
	["counted", `SELECT count(email), count(nick), count(u.*) FROM app.users u`],
	["functional notation", "SELECT contact(c) FROM app.contacts c"],
	["prepared by name", `PREPARE p AS SELECT email ${USERS}`, "EXECUTE p", "DEALLOCATE p"],
	[
		"fetched",
		...inBlock(
			`DECLARE c SCROLL CURSOR FOR SELECT email, salary ${USERS}`,
			"FETCH LAST FROM c",
			"FETCH ABSOLUTE 1 FROM c",
			"FETCH BACKWARD ALL FROM c",
		),
	],
	["held", "BEGIN", `DECLARE c CURSOR WITH HOLD FOR SELECT nick ${USERS}`, "COMMIT", "FETCH ALL FROM c", "CLOSE c"],
	["binary cursor", ...inBlock(`DECLARE c BINARY CURSOR FOR SELECT born, salary ${USERS}`, "FETCH ALL FROM c")],
	["returning", ...inBlock(`UPDATE app.users SET team = team RETURNING *`)],
	["deleted", ...inBlock("DELETE FROM app.users WHERE id = 3 RETURNING *")],
	[
		"a recursive table",
		`WITH RECURSIVE r AS (SELECT id, nick ${USERS} UNION ALL SELECT id + 10, nick FROM r WHERE id < 3) SELECT nick FROM r`,
	],
	["lateral names", `SELECT l.a, l.b FROM app.users u, LATERAL (SELECT u.*) l (x, y, z, a, b)`],
	["twice the same label", `SELECT email AS id, id AS email ${USERS}`],
	["explained", `EXPLAIN (COSTS off) SELECT email ${USERS}`],
	["system columns", `SELECT tableoid::regclass, email ${USERS}`],
]);

const NATIVE = rows("native", [
	["a row that fails a check", ...inBlock("UPDATE app.tickets SET status = NULL WHERE id = 1")],
	["a row that is there twice", ...inBlock("UPDATE app.tickets SET a = 1 WHERE id = 2")],
	["a row of another table that fails", ...inBlock("DELETE FROM app.things WHERE id = 1")],
	["a masked row that fails", ...inBlock("UPDATE app.users SET team = NULL WHERE id = 1")],
	["a deferred check", "BEGIN", "INSERT INTO sandbox.later VALUES (1)", "COMMIT"],
	["a statement of no name", "EXECUTE nothing"],
	["a cursor of no name", "FETCH ALL FROM nothing"],
	["NUL", "SELECT 1\0; SELECT * FROM hr.things"],
]);

/** PostgreSQL's own newer words. */
const LATER: Attack[] = [
	{
		name: "json table",
		since: 17,
		expect: "denied",
		run: [`SELECT j.x FROM app.users u, JSON_TABLE(to_jsonb(u), '$' COLUMNS (x text PATH '$.email')) j`],
	},
	{
		name: "json value",
		since: 17,
		expect: "denied",
		run: [`SELECT JSON_VALUE(to_jsonb(u), '$.email') FROM app.users u`],
	},
	{
		name: "json exists",
		since: 17,
		expect: "denied",
		run: [`SELECT JSON_EXISTS(to_jsonb(u), '$ ? (@.salary > 100)') FROM app.users u`],
	},
	{ name: "json scalar", since: 17, expect: "denied", run: [`SELECT JSON_SCALAR(email) ${USERS}`] },
	{ name: "json array of a query", since: 16, expect: "denied", run: [`SELECT JSON_ARRAY(SELECT email ${USERS})`] },
	{
		name: "merge returning",
		since: 17,
		expect: "denied",
		run: inBlock(
			`MERGE INTO app.users u USING app.words w ON u.id = w.n WHEN MATCHED THEN UPDATE SET team = 1 RETURNING merge_action(), u.nick || ''`,
		),
	},
	{
		name: "merge by source",
		since: 17,
		expect: "denied",
		run: inBlock(`MERGE INTO app.users u USING app.words w ON u.nick = w.word WHEN NOT MATCHED BY SOURCE THEN DELETE`),
	},
	{
		name: "old and new",
		since: 18,
		expect: "masked",
		run: inBlock(`UPDATE app.users SET team = 1 RETURNING old.nick, new.email, old.*`),
	},
	{
		name: "old by another name",
		since: 18,
		expect: "denied",
		run: inBlock(`UPDATE app.users SET team = 1 RETURNING WITH (OLD AS o) upper(o.nick)`),
	},
];

// ---- caps -------------------------------------------------------------------------------------------------------

const CAPS: Attack[] = [
	...rows("denied", [
		["past the cap", "SELECT word FROM app.words"],
		["gathered in an array", "SELECT array_agg(word) FROM app.words"],
		["gathered by a subquery", "SELECT ARRAY(SELECT word FROM app.words)"],
		["gathered as json", "SELECT json_agg(w) FROM app.words w"],
		["gathered as xml", "SELECT xmlagg(xmlelement(name a, word)) FROM app.words"],
		["gathered in ranges", "SELECT range_agg(int4range(n, n + 1)) FROM app.words"],
		[
			"gathered by many fractions",
			"SELECT percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY word) FROM app.words",
		],
		["gathered in a window", "SELECT string_agg(word, ',') OVER () FROM app.words LIMIT 1"],
		[
			"gathered by recursion",
			"WITH RECURSIVE r(n, t) AS (SELECT 0, '' UNION ALL SELECT r.n + 1, r.t || w.word FROM r JOIN app.words w ON w.n = r.n + 1) SELECT t FROM r ORDER BY n DESC LIMIT 1",
		],
		["gathered for a write", ...inBlock("INSERT INTO sandbox.words SELECT string_agg(word, ',') FROM app.words")],
		["gathered by an aggregate of a user's", "SELECT sandbox.glue(word) FROM app.words"],
		["copied", "COPY app.words TO STDOUT"],
		["copied as binary", "COPY (SELECT word FROM app.words) TO STDOUT (FORMAT binary)"],
		["returned", ...inBlock("UPDATE app.words SET n = n RETURNING word")],
		["by a function", "SELECT app.words_of()"],
		[
			"fetched one by one",
			...inBlock(
				"DECLARE c CURSOR FOR SELECT word FROM app.words",
				"FETCH 1 FROM c",
				"FETCH 1 FROM c",
				"FETCH 1 FROM c",
			),
		],
		[
			"fetched back and forth",
			...inBlock(
				"DECLARE c SCROLL CURSOR FOR SELECT word FROM app.words",
				"FETCH 1 FROM c",
				"FETCH LAST FROM c",
				"FETCH PRIOR FROM c",
			),
		],
		["among other statements", "SELECT 1; SELECT word FROM app.words"],
		["ROWS FROM", "SELECT * FROM ROWS FROM (app.words_of(), app.words_of()) AS f(a, b)"],
	]),
	{
		name: "one row of a portal at a time",
		expect: "denied",
		run: (client: RawClient) =>
			client.ask(
				wire.parse("SELECT word FROM app.words"),
				wire.bind({}),
				wire.execute("", 1),
				wire.execute("", 1),
				wire.execute("", 1),
				wire.sync,
			),
	},
	{
		name: "a portal by SQL and by message",
		expect: "denied",
		run: async (client: RawClient) => {
			await client.query("BEGIN");
			await client.ask(
				wire.parse("SELECT word FROM app.words"),
				wire.bind({ portal: "c" }),
				wire.execute("c", 1),
				wire.sync,
			);
			await client.query("FETCH 1 FROM c");
			await client.query("FETCH 1 FROM c");
		},
	},
];

const CAPPED: Attack[] = CAPS.map((attack) => ({ ...attack, license: "capped" }));

// ---- messages ---------------------------------------------------------------------------------------------------

const run = (sql: string): Buffer[] => [wire.parse(sql), wire.bind({}), wire.execute()];
const PROBE = "SELECT secret || '' FROM things";
/** Texts that are to be answered from the caches. */
const warm = async (client: RawClient): Promise<void> => {
	for (const sql of ["SET search_path = app", PROBE, "SELECT 1/0", "SET search_path = hr", PROBE])
		await client.query(sql);
};

const conversation = (
	name: string,
	talk: (client: RawClient) => Promise<unknown>,
	expect: Expected = "denied",
): Attack => ({
	name,
	expect,
	run: talk,
});

/** Series or strings, one behind the other without waiting. */
async function pipeline(client: RawClient, ...parts: readonly (readonly Buffer[])[]): Promise<void> {
	client.send(...parts.flat());
	for (const part of parts) if (part.length > 0) await client.until("Z");
}

const MESSAGES: Attack[] = [
	conversation("a path that was not set, in the series before", async (client) => {
		await warm(client);
		await pipeline(
			client,
			[...run("SELECT 1/0"), ...run("SET search_path = app"), wire.sync],
			[...run(PROBE), wire.sync],
		);
	}),
	conversation("a path that was not set, in the string before", async (client) => {
		await warm(client);
		await client.query("SELECT 1/0; SET search_path = app");
		await pipeline(client, [wire.query("SELECT 1/0; SET search_path = app")], [wire.query(PROBE)]);
	}),
	conversation("a path that a failing commit takes back", async (client) => {
		await warm(client);
		client.send(...run("INSERT INTO sandbox.later VALUES (1)"), ...run("SET search_path = app"), wire.flush);
		await client.during(150);
		await pipeline(client, [wire.sync], [...run(PROBE), wire.sync]);
	}),
	conversation("a path set by a portal that is over", async (client) => {
		await warm(client);
		const set = [
			wire.parse("SELECT set_config('search_path', 'app', false)", "s"),
			wire.bind({ statement: "s", portal: "p" }),
		];
		await pipeline(client, [
			...set,
			wire.execute("p"),
			...run("SET search_path = hr"),
			wire.execute("p"),
			...run(PROBE),
			wire.sync,
		]);
	}),
	conversation("a path that a savepoint takes back", async (client) => {
		await warm(client);
		await client.query("BEGIN");
		await client.query("SAVEPOINT a");
		await pipeline(client, [wire.query("SET search_path = app")], [wire.query("ROLLBACK TO a")], [wire.query(PROBE)]);
	}),
	conversation("a local path that is over", async (client) => {
		await warm(client);
		await pipeline(
			client,
			[wire.query("BEGIN")],
			[wire.query("SET LOCAL search_path = app")],
			[wire.query("COMMIT AND CHAIN")],
			[wire.query(PROBE)],
		);
	}),
	conversation("a prepared statement under another path", async (client) => {
		await client.query("SET search_path = app");
		await client.ask(wire.parse(PROBE, "s"), wire.sync);
		await client.query("SET search_path = hr");
		await client.ask(wire.bind({ statement: "s" }), wire.execute(), wire.sync);
	}),
	conversation("EXECUTE under another path", async (client) => {
		await client.query("SET search_path = app");
		await client.query(`PREPARE s AS ${PROBE}`);
		await client.query("SET search_path = hr");
		await client.query("EXECUTE s");
	}),
	conversation(
		"a name that is prepared twice, the first time skipped",
		async (client) => {
			await pipeline(
				client,
				[
					wire.parse("SELECT nonsense", "x"),
					wire.parse("SELECT email FROM app.users UNION ALL SELECT NULL", "s"),
					wire.sync,
				],
				[
					wire.parse("SELECT plain FROM app.users UNION ALL SELECT NULL", "s"),
					wire.bind({ statement: "s" }),
					wire.execute(),
					wire.sync,
				],
			);
		},
		"any",
	),
	conversation(
		"long names that are one",
		async (client) => {
			const name = "n".repeat(63);
			await client.ask(wire.parse("SELECT plain FROM app.users UNION ALL SELECT NULL", `${name}x`), wire.sync);
			await client.ask(
				wire.close("S", `${name}y`),
				wire.parse("SELECT email FROM app.users UNION ALL SELECT NULL", `${name}z`),
				wire.sync,
			);
			await client.ask(wire.bind({ statement: `${name}x` }), wire.execute(), wire.sync);
		},
		"masked",
	),
	conversation(
		"a close that is skipped",
		async (client) => {
			await client.ask(wire.parse("SELECT email FROM app.users UNION ALL SELECT NULL", "s"), wire.sync);
			await pipeline(
				client,
				[
					...run("SELECT 1/0"),
					wire.close("S", "s"),
					wire.parse("SELECT plain FROM app.users UNION ALL SELECT NULL", "s"),
					wire.sync,
				],
				[wire.bind({ statement: "s" }), wire.execute(), wire.sync],
			);
		},
		"native",
	),
	conversation(
		"DEALLOCATE that is rolled back and is not",
		async (client) => {
			await client.query("PREPARE s AS SELECT email FROM app.users UNION ALL SELECT NULL");
			await pipeline(
				client,
				[wire.query("BEGIN; DEALLOCATE s; SELECT 1/0")],
				[wire.query("ROLLBACK")],
				[wire.query("EXECUTE s")],
			);
		},
		"native",
	),
	conversation(
		"PREPARE that outlives its string",
		async (client) => {
			await client.query("PREPARE s AS SELECT email FROM app.users UNION ALL SELECT NULL; SELECT 1/0");
			await client.query("EXECUTE s");
		},
		"native",
	),
	conversation(
		"a portal that is fetched by SQL",
		async (client) => {
			await client.query("BEGIN");
			await client.ask(
				wire.parse("SELECT email FROM app.users UNION ALL SELECT NULL"),
				wire.bind({ portal: "c", resultFormats: [1] }),
				wire.sync,
			);
			await client.query("FETCH ALL FROM c");
		},
		"masked",
	),
	conversation(
		"a cursor that is executed",
		async (client) => {
			await client.query("BEGIN");
			await client.query("DECLARE c CURSOR FOR SELECT email, salary FROM app.users");
			await client.ask(wire.describe("P", "c"), wire.execute("c"), wire.sync);
		},
		"masked",
	),
	conversation("a view that changes before it is read, in one series", (client) =>
		client.ask(
			wire.parse("SELECT upper(word) FROM sandbox.view", "s"),
			...run("CREATE OR REPLACE VIEW sandbox.view AS SELECT plain AS word FROM app.users"),
			wire.bind({ statement: "s" }),
			wire.execute(),
			wire.sync,
		),
	),
	conversation("a view that changes before it is read, in one string", (client) =>
		client.query(
			"CREATE OR REPLACE VIEW sandbox.view AS SELECT plain AS word FROM app.users; SELECT upper(word) FROM sandbox.view",
		),
	),
	conversation("a function call by message", (client) =>
		client.ask(wire.message("F", wire.int32(2026), wire.int16(0), wire.int16(0), wire.int16(0))),
	),
	conversation("a parameter that is a row", async (client) => {
		await client.query("SET search_path = app");
		const row = wire.bind({ values: ["(1,1,a,b,,,,,,,)"] });
		await client.ask(wire.parse("SELECT ($1::users).peek_row"), row, wire.execute(), wire.sync);
	}),
	conversation("a parameter that is a query", (client) =>
		client.ask(
			wire.parse("SELECT query_to_xml($1, true, true, '')"),
			wire.bind({ values: ["SELECT * FROM hr.things"] }),
			wire.execute(),
			wire.sync,
		),
	),
	conversation("a parameter that is a setting", (client) =>
		client.ask(
			wire.parse("SELECT set_config($1, 'hr', false)"),
			wire.bind({ values: ["search_path"] }),
			wire.execute(),
			wire.sync,
		),
	),
	conversation("a parameter as a predicate", (client) =>
		client.ask(
			wire.parse("SELECT id FROM app.users WHERE nick = $1"),
			wire.bind({ values: ["wrenmarsh"] }),
			wire.execute(),
			wire.sync,
		),
	),
	conversation("described only", (client) =>
		client.ask(wire.parse("SELECT secret FROM hr.things"), wire.describe("S"), wire.sync),
	),
	conversation(
		"executed without a description",
		(client) =>
			client.ask(
				wire.parse("SELECT email, nick, salary FROM app.users"),
				wire.bind({ resultFormats: [1] }),
				wire.execute(),
				wire.sync,
			),
		"masked",
	),
	conversation(
		"mixed formats",
		(client) =>
			client.ask(
				wire.parse("SELECT email, salary, born, seen FROM app.users"),
				wire.bind({ resultFormats: [0, 1, 1, 1] }),
				wire.describe("P"),
				wire.execute(),
				wire.sync,
			),
		"masked",
	),
	conversation("literals that make one template of two", async (client) => {
		await client.query("SELECT id, email FROM app.users ORDER BY 1");
		await client.query("SELECT id, email FROM app.users ORDER BY 2");
	}),
	conversation("regclass literals", async (client) => {
		await client.query("SELECT nextval('app.counter')");
		await client.query("SELECT nextval('hr.counter')");
	}),
	conversation("percentiles by number and by list", async (client) => {
		await client.query("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM app.users");
		await client.query("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) FROM app.users");
	}),
	conversation("settings by template", async (client) => {
		await client.query("SELECT set_config('TimeZone', 'UTC', false)");
		await client.query("SELECT set_config('role', 'x', false)");
	}),
];

const STARTUP: Attack[] = [
	{ name: "path at startup", expect: "denied", parameters: { options: "-c search_path=hr" }, run: [PROBE] },
	{ name: "path by parameter", expect: "denied", parameters: { search_path: "hr, app" }, run: [PROBE] },
	{ name: "quoted path at startup", expect: "denied", parameters: { search_path: '"hr"' }, run: [PROBE] },
	{
		name: "zone at startup",
		expect: "masked",
		parameters: { TimeZone: "<x>-13:37" },
		run: [`SELECT seen, born ${USERS}`],
	},
];

const SYSTEM: Attack[] = [
	conversation("an insert whose rule answers", (client) => client.query("INSERT INTO app.sizes SELECT -1, 1")),
];

export const ATTACKS: readonly Attack[] = [
	...EXPRESSIONS,
	...PREDICATES,
	...WRITES,
	...UNLICENSED,
	...SETTINGS,
	...SHOWN,
	...NATIVE,
	...LATER,
	...CAPPED,
	...MESSAGES,
	...STARTUP,
	...SYSTEM,
];
