/**
 * The smallest change of a license that `licet license explain` names, for many kinds of denied statements of both
 * engines: written into the license's document it allows the statement, and with any one part of it left out it does not.
 */
import t, { type Test } from "tap";
import { AdminClient, configuration } from "../../src/cli/admin-client.js";
import type { Change } from "../../src/licensing/remedy.js";
import type { ExplainedStatement } from "../../src/sessions/explain.js";
import { print } from "../helpers/figures.js";
import { cap, license } from "../helpers/license.js";
import { type Json, type Licet, startLicet, targetOf } from "../helpers/licet.js";
import { createMysqlDatabase, mysqlServers } from "../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { createDatabase, testServers } from "../helpers/servers.js";

const POSTGRES_SCHEMA = `
CREATE SCHEMA app; CREATE SCHEMA hr;
CREATE TABLE app.users (id int PRIMARY KEY, name text, email text UNIQUE, card_number text);
CREATE TABLE app.orders (id int PRIMARY KEY, user_id int REFERENCES app.users, status text);
CREATE TABLE app.tickets (id serial PRIMARY KEY, status text, body text);
CREATE TABLE app.secrets (k text, v text);
CREATE TABLE hr.salaries (id int, amount numeric);
CREATE VIEW app.salaries AS SELECT * FROM hr.salaries;
CREATE SEQUENCE app.numbers;
CREATE FUNCTION app.total(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE app.deed() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE app.sum_of (int) (sfunc = int4pl, stype = int);`;

const MYSQL_SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, name varchar(50), email varchar(80) UNIQUE, card_number varchar(20));
CREATE TABLE orders (id int PRIMARY KEY, user_id int, status varchar(10));
CREATE TABLE tickets (id int AUTO_INCREMENT PRIMARY KEY, status varchar(10), body text);
CREATE TABLE secrets (k text, v text);
CREATE TABLE salaries (id int, amount decimal(10,2));
CREATE FUNCTION total(n int) RETURNS int DETERMINISTIC RETURN n;
CREATE PROCEDURE deed() SELECT 1;`;

const POSTGRES = `
SELECT amount FROM hr.salaries
SELECT u.name, s.amount FROM app.users u JOIN hr.salaries s USING (id)
SELECT * FROM app.secrets s, hr.salaries h
SELECT * FROM app.salaries
SELECT body FROM app.tickets
SELECT * FROM app.tickets FOR UPDATE
SELECT id FROM app.users WHERE email = 'a'
SELECT id FROM app.users WHERE email LIKE 'a%'
SELECT lower(email) FROM app.users
SELECT email, count(*) FROM app.users GROUP BY email
SELECT u FROM app.users u
SELECT string_agg(email, ',') FROM app.users
SELECT array_agg(name) FROM app.users
SELECT app.total(1)
SELECT app.sum_of(id) FROM app.users
SELECT nextval('app.numbers')
SELECT * FROM pg_stats
SELECT rolpassword FROM pg_authid
SELECT pg_sleep(0)
SELECT pg_read_file('/etc/hostname')
SELECT lo_get(1)
INSERT INTO app.users (id, name) VALUES (999, 'x')
INSERT INTO app.orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 'x'
UPDATE app.tickets SET body = 'x' WHERE id = 1
UPDATE app.users SET email = 'x' WHERE id = 1
UPDATE app.users SET name = email WHERE id = 1
DELETE FROM app.users
WITH d AS (DELETE FROM app.orders RETURNING *) SELECT * FROM d
MERGE INTO app.orders o USING app.users u ON o.id = u.id WHEN MATCHED THEN UPDATE SET status = 'x'
COPY app.tickets FROM STDIN
COPY hr.salaries TO STDOUT
COPY (SELECT lower(email) FROM app.users) TO STDOUT
COPY app.orders TO '/tmp/orders'
EXPLAIN SELECT * FROM hr.salaries
EXPLAIN ANALYZE DELETE FROM app.orders
LOCK TABLE app.orders IN ACCESS EXCLUSIVE MODE
LOCK TABLE hr.salaries IN ACCESS SHARE MODE
CREATE TABLE app.copy AS SELECT * FROM app.users
CREATE VIEW app.mails AS SELECT email FROM app.users
CREATE INDEX ON app.users (email)
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE ROLE somebody
ALTER TABLE app.users ADD CHECK (email <> '')
DROP TABLE app.orders
TRUNCATE app.orders
GRANT SELECT ON app.orders TO public
COMMENT ON TABLE app.orders IS 'x'
VACUUM app.orders
CALL app.deed()
DO $$BEGIN END$$
LISTEN x
SET ROLE somebody
SELECT set_config('role', 'somebody', false)
PREPARE p AS SELECT amount FROM hr.salaries
DECLARE c CURSOR FOR SELECT lower(email) FROM app.users
`;

const MYSQL = `
SELECT amount FROM salaries
SELECT u.name, s.amount FROM users u JOIN salaries s USING (id)
SELECT * FROM secrets
SELECT body FROM tickets
SELECT * FROM orders FOR UPDATE
SELECT id FROM users WHERE email = 'a'
SELECT id FROM users WHERE email LIKE 'a%'
SELECT lower(email) FROM users
SELECT GROUP_CONCAT(name) FROM users
SELECT total(1)
SELECT SLEEP(0)
SELECT LOAD_FILE('/etc/hostname')
SELECT * FROM mysql.user
SELECT * FROM orders INTO OUTFILE '/tmp/orders'
SELECT id INTO @a FROM users WHERE id = 1
INSERT INTO users (id, name) VALUES (999, 'x')
INSERT INTO orders (id, status) VALUES (1, 'a') ON DUPLICATE KEY UPDATE status = 'b'
REPLACE INTO orders (id) VALUES (1)
UPDATE tickets SET body = 'x' WHERE id = 1
UPDATE users SET name = email WHERE id = 1
DELETE u, o FROM users u JOIN orders o ON u.id = o.user_id
LOAD DATA LOCAL INFILE 'x' INTO TABLE tickets
EXPLAIN SELECT * FROM salaries
DESCRIBE salaries
SHOW CREATE TABLE salaries
SHOW GRANTS
SHOW PROCESSLIST
CREATE TABLE copied AS SELECT * FROM users
CREATE TEMPORARY TABLE kept (id int)
CREATE VIEW mails AS SELECT email FROM users
CREATE PROCEDURE other() SELECT 1
CREATE TRIGGER tr BEFORE INSERT ON orders FOR EACH ROW SET NEW.status = 'x'
CREATE USER x@'%'
ALTER TABLE orders ADD COLUMN x int
DROP TABLE orders
TRUNCATE TABLE orders
LOCK TABLES orders WRITE
ANALYZE TABLE orders
FLUSH TABLES
SET GLOBAL max_connections = 10
SET sql_mode = 'ORACLE'
HANDLER orders OPEN
CALL deed()
DO SLEEP(0)
PREPARE p FROM 'SELECT amount FROM salaries'
EXECUTE IMMEDIATE 'SELECT amount FROM salaries'
`;

/** No terms of a license make the server take these, so none are named. */
const HOPELESS = ["SELEC 1", "SELECT * FROM nothing_of_that_name"];

interface Clause {
	readonly [key: string]: Json;
}

interface Terms {
	readonly permits: "all" | readonly Clause[];
	readonly denies: readonly Clause[];
	readonly masks: readonly Clause[];
	readonly catalog: string;
	readonly limits: Clause;
}

const termsIn = (schema: string): Terms => ({
	permits: [
		{ on: [`${schema}.users`, `${schema}.orders`], commands: ["read"] },
		{ on: [`${schema}.tickets`], commands: ["read", "update"], columns: ["id", "status"] },
	],
	denies: [{ on: [`${schema}.secrets`], commands: ["all"], reason: "held for legal" }],
	masks: [
		{ columns: [`${schema}.users.email`], with: "email", use: "project" },
		{ columns: ["*.*.card_number"], with: "redact", use: "project" },
	],
	catalog: "safe",
	limits: { rowsPerStatement: cap(100, "error") },
});

/** Each change as a person makes it in the document. Terms are taken out last: their paths are those of the old one. */
function changed(terms: Terms, changes: readonly Change[]): Terms {
	const removed = changes.flatMap((change) => (change.kind === "remove" ? [change.term] : []));
	const edited = changes.reduce(edit, terms);
	const left = (name: string, clauses: readonly Clause[]) =>
		clauses.filter((_, index) => !removed.includes(`${name}[${index}]`));
	return {
		...edited,
		denies: left("denies", edited.denies),
		masks: left("masks", edited.masks),
		limits: removed.includes("limits.rowsPerStatement") ? {} : edited.limits,
	};
}

function edit(terms: Terms, change: Change): Terms {
	const added = (clause: Clause): Terms =>
		terms.permits === "all" ? terms : { ...terms, permits: [...terms.permits, clause] };
	switch (change.kind) {
		case "permit": {
			const { on, commands, columns } = change;
			return added({ on, commands, ...(columns === undefined ? {} : { columns }) });
		}
		case "permitFunctions":
			return added({ functions: change.functions });
		case "maskUse":
			return {
				...terms,
				masks: terms.masks.map((mask, index) =>
					change.term === `masks[${index}]` ? { ...mask, use: change.use } : mask,
				),
			};
		case "catalog":
			return { ...terms, catalog: change.catalog };
		case "permitAll":
			return { ...terms, permits: "all" };
		case "remove":
			return terms;
		default:
			return change satisfies never;
	}
}

/** One way to write the license, and what it must then say to the statement. */
interface Trial {
	readonly id: string;
	readonly sql: string;
	readonly terms: Terms;
	readonly effect: "allow" | "deny";
}

function trialsOf(sql: string, terms: Terms, changes: readonly Change[], prefix: string): Trial[] {
	const without = changes.map((one, index) => ({
		id: `${prefix}-${index}`,
		sql,
		terms: changed(
			terms,
			changes.filter((other) => other !== one),
		),
		effect: "deny" as const,
	}));
	return [{ id: prefix, sql, terms: changed(terms, changes), effect: "allow" }, ...without];
}

/** Waits for what `serve` says of itself. */
async function logged(licet: Licet, words: string): Promise<void> {
	for (let tries = 0; tries < 300 && !licet.log().includes(words); tries++) {
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	if (!licet.log().includes(words)) throw new Error(`serve does not say ${words}`);
}

async function prove(t: Test, licet: Licet, terms: Terms, statements: readonly string[]): Promise<void> {
	await logged(licet, '"msg":"serving"');
	const admin = new AdminClient(configuration(licet.configFile, false));
	const explain = async (id: string, sql: string): Promise<ExplainedStatement> => {
		const answer = await admin.post("/v1/explain", { license: id, target: "shop", sql });
		const [statement] = (answer as { statements: ExplainedStatement[] }).statements;
		if (statement === undefined) throw new Error(`no statement: ${sql}`);
		return statement;
	};
	for (const sql of HOPELESS) t.same((await explain("base", sql)).changes, [], sql);
	const trials: Trial[] = [];
	for (const [number, sql] of statements.entries()) {
		const { decision, changes } = await explain("base", sql);
		t.equal(decision.effect, "deny", sql);
		t.ok(changes !== null && changes.length > 0, `a change is named: ${sql}`);
		trials.push(...trialsOf(sql, terms, changes ?? [], `c${number}`));
	}
	for (const { id, terms: written } of trials) licet.writeLicense(id, license(id, { ...written }));
	for (const { id } of trials) await logged(licet, `"license":"${id}"`);
	for (const { id, sql, effect, terms: written } of trials) {
		const { decision } = await explain(id, sql);
		if (decision.effect !== effect) {
			t.fail(`${effect} expected of ${sql} under ${JSON.stringify(written)}: ${JSON.stringify(decision)}`);
		}
	}
	print(t, `${statements.length} statements, ${trials.length} changes tried`);
}

const linesOf = (text: string) => text.trim().split("\n");

t.test("PostgreSQL", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const url = await createDatabase(t, testServers().pg15, POSTGRES_SCHEMA);
	const terms = termsIn("app");
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: { base: license("base", { ...terms }) },
	});
	await prove(t, licet, terms, linesOf(POSTGRES));
});

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createMysqlDatabase(t, server, MYSQL_SCHEMA);
		const terms = termsIn(new URL(url).pathname.slice(1));
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: { base: license("base", { ...terms }) },
		});
		await prove(t, licet, terms, linesOf(MYSQL));
	});
}
