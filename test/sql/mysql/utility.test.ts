/**
 * What the analyser says about statements of MySQL and MariaDB that are neither queries nor writes, as a table: one
 * statement a row, with only the facts that the row is about.
 */
import t from "tap";
import { decideStatement } from "../../../src/licensing/decide.js";
import { type License, parseLicense } from "../../../src/licensing/license.js";
import type { Catalog, CatalogRelation } from "../../../src/sql/catalog.js";
import type { StatementFacts, TextFacts } from "../../../src/sql/facts.js";
import type { Flavour } from "../../../src/sql/mysql/flavour.js";
import { mysqlReader } from "../../../src/sql/mysql/reader.js";
import { readingOf } from "../../../src/sql/mysql/reading.js";
import { short } from "../reading.js";

let ids = 0;

function relation(schema: string, name: string, columns: string, kind: CatalogRelation["kind"] = "table") {
	const listed = columns.split(" ").map((column, index) => ({ number: index + 1, name: column, type: 0 }));
	return { id: ++ids, schema, name, kind, columns: listed, parents: [] };
}

function catalog(flavour: Flavour): Catalog {
	return {
		engine: "mysql",
		flavour,
		version: flavour === "mysql" ? 90704 : 101119,
		lowerCaseNames: 0,
		database: "",
		epoch: 1,
		schemas: ["app", "hr", "mysql", "information_schema"],
		relations: [
			relation("app", "users", "id name email"),
			relation("app", "orders", "id user_id total"),
			relation("hr", "salaries", "id amount"),
		],
		functions: [
			{ schema: "app", name: "score", kind: "function", arguments: [] },
			{ schema: "app", name: "close_month", kind: "procedure", arguments: [] },
		],
		builtinFunctions: [],
		operators: [],
		types: [],
		casts: [],
	};
}

const INDEXES = { mysql: mysqlReader.index(catalog("mysql")), mariadb: mysqlReader.index(catalog("mariadb")) };

interface Context {
	readonly modes?: string;
	readonly multi?: boolean;
	readonly database?: string | undefined;
}

function readText(sql: string, flavour: Flavour, context: Context = {}): TextFacts {
	const { modes = "", multi = false } = context;
	const database = "database" in context ? context.database : "app";
	const reading = readingOf({ database, modes, multi, charset: "utf8mb4" });
	const session = { target: "shop", database: "", reading, user: "alice" };
	const answer = mysqlReader.analyse(Buffer.from(sql), session, INDEXES[flavour], { statementBytes: 1 << 20 });
	if ("facts" in answer) return answer.facts;
	throw new Error("no facts");
}

function read(sql: string, flavour: Flavour, context?: Context): StatementFacts {
	const { statements, refusal } = readText(sql, flavour, context);
	const [only] = statements;
	if (refusal !== undefined || only === undefined) throw new Error(`${refusal?.message}: ${sql}`);
	return only;
}

interface Expected {
	/** Of which servers the row is; without it, of both. */
	readonly on?: Flavour;
	readonly tag?: string;
	readonly commands?: readonly string[];
	readonly relations?: readonly string[];
	readonly columns?: readonly string[];
	readonly functions?: readonly string[];
	readonly effect?: unknown;
	readonly refusal?: string;
	readonly is?: Partial<StatementFacts>;
	readonly context?: Context;
}

function check(rows: Readonly<Record<string, Expected>>): void {
	for (const [sql, expected] of Object.entries(rows)) {
		for (const flavour of expected.on === undefined ? (["mysql", "mariadb"] as const) : [expected.on]) {
			t.test(`${flavour}: ${sql}`, async (t) => {
				const facts = read(sql, flavour, expected.context);
				if (expected.refusal === undefined) t.equal(facts.refusal, undefined, "it is read");
				else t.match(facts.refusal?.message, expected.refusal);
				if (expected.tag !== undefined) t.equal(facts.tag, expected.tag);
				if (expected.commands !== undefined) t.same(facts.commands, expected.commands);
				if (expected.relations !== undefined) t.same(short.relations(facts), [...expected.relations].sort());
				if (expected.columns !== undefined) t.same(short.columns(facts), [...expected.columns].sort());
				if (expected.functions !== undefined) t.same(short.functions(facts), [...expected.functions].sort());
				if ("effect" in expected) t.same(facts.effect, expected.effect);
				if (expected.is !== undefined) t.match(facts, expected.is);
			});
		}
	}
}

const FREE = { commands: [], relations: [] } as const;
const modes = (...values: string[]) => ({ kind: "set", name: "sql_mode", values, local: false });
const charset = (name: string, value: string) => ({ kind: "set", name, values: [value], local: false });
const tracking = (value: string) => ({
	kind: "set",
	name: "session_track_system_variables",
	values: [value],
	local: false,
});
const UNKNOWN_MODE = { kind: "set", name: "sql_mode", values: undefined, local: false };

// ---- settings -----------------------------------------------------------------------------------------------------

check({
	"SET sql_mode = ''": { ...FREE, effect: modes() },
	"SET SESSION sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE'": { ...FREE, effect: modes("ANSI_QUOTES") },
	"SET @@session.sql_mode = 'no_backslash_escapes'": { ...FREE, effect: modes("NO_BACKSLASH_ESCAPES") },
	"SET @@sql_mode := ANSI": { ...FREE, effect: modes("ANSI_QUOTES", "IGNORE_SPACE", "PIPES_AS_CONCAT") },
	"SET sql_mode = 'TRADITIONAL'": { ...FREE, effect: modes() },
	"SET sql_mode = DEFAULT": { ...FREE, effect: UNKNOWN_MODE },
	"SET sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')": {
		...FREE,
		effect: modes("ANSI_QUOTES"),
		context: { modes: "ANSI_QUOTES" },
	},
	"SET SESSION sql_mode = (SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT'))": {
		relations: [],
		effect: modes("PIPES_AS_CONCAT"),
	},
	"SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))": { relations: [], effect: modes() },
	"SET sql_mode = 'ORACLE'": { refusal: "a mode whose language is not read" },
	"SET sql_mode = 4": { refusal: "a mode whose language is not read" },
	"SET sql_mode = CONCAT(@@global.sql_mode, ',ANSI')": { refusal: "a value that is not known here" },
	"SET sql_mode = CONCAT(@@sql_mode, '_QUOTES')": { refusal: "what is not a list of modes" },
	"SET sql_mode = REPLACE(@@sql_mode, 'NO_ZERO_DATE', 'ANSI')": { refusal: "a value that is not known here" },
	"SET sql_mode = REPLACE(@@sql_mode, 'X', '')": { refusal: "a value that is not known here" },
	"SET sql_mode = (SELECT name FROM users)": { refusal: "is kept in the user variable" },
	"SET x.sql_mode = 'ANSI'": { refusal: "is not known" },
	"SET sql_mode = '', sql_mode = 'ANSI'": { refusal: "sql_mode is set twice" },
	// A scope holds for what follows it.
	"SET GLOBAL max_connections = 1, sql_mode = 'ANSI'": {
		commands: ["set"],
		relations: ["set .*()"],
		effect: undefined,
	},
	"SET @@global.max_connections = 1, sql_mode = 'ANSI_QUOTES'": {
		commands: ["set"],
		relations: ["set .*()"],
		effect: modes("ANSI_QUOTES"),
	},
	"SET PERSIST max_connections = 1": { on: "mysql", commands: ["set"], relations: ["set .*()"] },
	// What dump files do.
	"SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO'": {
		...FREE,
		effect: { kind: "several", effects: [{ kind: "save", variable: "old_sql_mode", setting: "sql_mode" }, modes()] },
	},
	"SET SQL_MODE=@OLD_SQL_MODE": {
		...FREE,
		effect: { kind: "restore", setting: "sql_mode", variable: "old_sql_mode" },
	},
	"SET @m = 'ANSI', sql_mode = @m": { refusal: "is set and read in one statement" },
	"SET @saved_cs_client = @@character_set_client": {
		...FREE,
		effect: { kind: "save", variable: "saved_cs_client", setting: "character_set_client" },
	},
	"SET character_set_client = @saved_cs_client": {
		...FREE,
		effect: { kind: "restore", setting: "character_set_client", variable: "saved_cs_client" },
	},
	"SET time_zone = @OLD_TIME_ZONE, FOREIGN_KEY_CHECKS = 0, UNIQUE_CHECKS = 0, SQL_NOTES = 0": {
		...FREE,
		effect: undefined,
	},
	// Character sets.
	"SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci": {
		...FREE,
		effect: {
			kind: "several",
			effects: [
				charset("character_set_client", "utf8mb4"),
				charset("character_set_connection", "utf8mb4"),
				charset("character_set_results", "utf8mb4"),
			],
		},
	},
	"SET NAMES gbk": { refusal: "gbk is not read" },
	"SET NAMES 'sjis'": { refusal: "sjis is not read" },
	"SET CHARACTER SET big5": { refusal: "big5 is not read" },
	"SET character_set_client = gb18030": { refusal: "gb18030 is not read" },
	"SET character_set_results = NULL": { ...FREE, effect: charset("character_set_results", "binary") },
	"SET collation_connection = gbk_chinese_ci": { refusal: "gbk is not read" },
	"SET character_set_client = 28": { refusal: "not known here" },
	// Free, by permit, pinned.
	"SET autocommit = 0": { ...FREE, effect: { kind: "set", name: "autocommit", values: ["0"], local: false } },
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY": {
		...FREE,
		effect: { kind: "transaction", op: "setCharacteristics", readOnly: true },
	},
	"SET transaction_read_only = ON": FREE,
	"SET transaction_read_only = OFF": { commands: ["set"] },
	"SET timestamp = 1": { commands: ["set"] },
	"SET sort_buffer_size = 1000000000": { commands: ["set"] },
	"SET sql_log_bin = 0": { commands: ["set"] },
	"SET default_storage_engine = InnoDB": FREE,
	"SET default_storage_engine = FEDERATED": { commands: ["set"] },
	"SET session_track_schema = 1": FREE,
	"SET session_track_schema = 0": { refusal: "is pinned" },
	"SET session_track_system_variables = ''": { ...FREE, effect: tracking("") },
	"SET @@session_track_system_variables = 'auto_increment_increment'": {
		...FREE,
		effect: tracking("auto_increment_increment"),
	},
	"SET session_track_system_variables = '*'": { refusal: "is pinned" },
	"SET session_track_system_variables = 'x'' y'": { refusal: "is pinned" },
	"SET session_track_system_variables = @list": { refusal: "is pinned" },
	"SET session_track_system_variables = CONCAT(@@session_track_system_variables, ',transaction_isolation')": FREE,
	"SET ROLE ALL": { refusal: "role is pinned" },
	"SET PASSWORD = 'x'": { commands: ["grant"], relations: ["grant .*()"] },
	"SET @a = 1 + 1, @b = 'x'": { ...FREE, effect: undefined },
	"SET @a = (SELECT email FROM users LIMIT 1)": { refusal: "kept in the user variable @a" },
	"SET @a = (SELECT COUNT(*) FROM users)": { commands: ["select"], relations: ["select app.users()"] },
	"SET time_zone = (SELECT email FROM users)": { refusal: "kept in the user variable" },
	"SET STATEMENT max_statement_time = 1 FOR SELECT email FROM users": {
		on: "mariadb",
		tag: "SELECT",
		relations: ["select app.users(email)"],
	},
	"SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1": { on: "mariadb", refusal: "changes how text is read" },
	"SET STATEMENT session_track_system_variables = '' FOR SELECT 1": {
		on: "mariadb",
		refusal: "changes how text is read",
	},
	"SET STATEMENT max_statement_time = 1 FOR DELETE FROM users": { on: "mariadb", is: { writes: true } },
});

t.test("what follows a change of how text is read is not trusted", async (t) => {
	for (const first of [
		"SET sql_mode = 'ANSI_QUOTES'",
		"SET sql_mode = @old",
		"SET NAMES latin1",
		"SET sql_mode = DEFAULT",
	]) {
		const { statements } = readText(`${first}; SELECT "a" FROM users`, "mysql", { multi: true });
		t.match(statements[1]?.refusal?.message, "changes how text is read", first);
	}
});

// ---- SHOW, EXPLAIN ------------------------------------------------------------------------------------------------

check({
	"SHOW TABLES": { commands: ["show"], relations: [] },
	"SHOW FULL TABLES FROM hr LIKE 's%'": { commands: ["show"], relations: [] },
	"SHOW VARIABLES LIKE 'version%'": {
		commands: ["show"],
		relations: ["show information_schema.session_variables(variable_value) guarded"],
	},
	"SHOW COLUMNS FROM users": { relations: ["show app.users()"] },
	"SHOW FULL FIELDS FROM salaries IN hr": { relations: ["show hr.salaries()"] },
	"DESCRIBE orders total": { relations: ["show app.orders()"] },
	"SHOW INDEX FROM users FROM app": { relations: ["show app.users()"] },
	"SHOW CREATE TABLE hr.salaries": { relations: ["show hr.salaries()"] },
	"SHOW CREATE DATABASE hr": { on: "mariadb", relations: ["show hr.*()"] },
	"SHOW CREATE SCHEMA IF NOT EXISTS app": { on: "mysql", relations: [] },
	"SHOW CREATE DATABASE mysql": { relations: [] },
	"SHOW CREATE TABLE nothing": { refusal: "does not exist" },
	"SHOW CREATE PROCEDURE p": { relations: ["show app.p()"] },
	"SHOW TRIGGERS LIKE 'USERS'": { relations: ["show information_schema.triggers(action_statement) guarded"] },
	"SHOW TRIGGERS": { relations: ["show information_schema.triggers(action_statement) guarded"] },
	"SHOW TRIGGERS FROM hr": { relations: ["show information_schema.triggers(action_statement) guarded"] },
	"SHOW TABLES WHERE 1 = (SELECT id FROM hr.salaries)": { relations: ["select hr.salaries(id)"] },
	"SHOW PROCESSLIST": { relations: ["show information_schema.processlist(*) sensitive"] },
	"SHOW GRANTS": { relations: ["show mysql.user(*) sensitive"] },
	"SHOW CREATE USER CURRENT_USER()": { relations: ["show mysql.user(*) sensitive"] },
	"SHOW ENGINE INNODB STATUS": { relations: ["show information_schema.processlist(*) sensitive"] },
	"SHOW BINLOG EVENTS": { is: { opaqueResult: true } },
	"SHOW WARNINGS LIMIT 1": { tag: "SHOW WARNINGS", relations: [] },
	"EXPLAIN SELECT email FROM users": {
		commands: ["explain", "select"],
		relations: ["select app.users(email)"],
		is: { writes: false },
	},
	"EXPLAIN FORMAT=JSON SELECT email FROM users": { columns: ["derive app.users.email @EXPLAIN >0"] },
	"EXPLAIN DELETE FROM users": { is: { writes: false } },
	"ANALYZE DELETE FROM users": { on: "mariadb", tag: "ANALYZE", is: { writes: true } },
	"EXPLAIN ANALYZE SELECT email FROM users": { on: "mysql", columns: ["derive app.users.email @EXPLAIN >0"] },
	"EXPLAIN FOR CONNECTION 5": {
		on: "mysql",
		relations: ["show information_schema.processlist(*) sensitive"],
	},
	"EXPLAIN FOR SCHEMA hr SELECT amount FROM salaries": { on: "mysql", refusal: "another database" },
});

// ---- the session --------------------------------------------------------------------------------------------------

check({
	"USE hr": { ...FREE, effect: { kind: "database", name: "hr" } },
	"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY": {
		...FREE,
		effect: { kind: "transaction", op: "begin", readOnly: true },
	},
	"COMMIT AND CHAIN": {
		...FREE,
		effect: {
			kind: "several",
			effects: [
				{ kind: "transaction", op: "commit" },
				{ kind: "transaction", op: "begin" },
			],
		},
	},
	"ROLLBACK TO SAVEPOINT x": { ...FREE, effect: { kind: "transaction", op: "rollbackTo", name: "x" } },
	"LOCK TABLES users READ LOCAL, orders AS o WRITE": {
		commands: ["lock"],
		relations: ["lock app.orders()", "lock app.users() share"],
	},
	"UNLOCK TABLES": FREE,
	"KILL QUERY 5": { ...FREE, effect: { kind: "kill", connection: 5, what: "query" } },
	"KILL 5": { ...FREE, effect: { kind: "kill", connection: 5, what: "connection" } },
	"KILL @a": { refusal: "by its number" },
	"KILL USER alice": { on: "mariadb", refusal: "by its number" },
	"PREPARE s FROM 'SELECT email FROM users WHERE id = ?'": {
		commands: ["select"],
		relations: ["select app.users(id,email)"],
	},
	"PREPARE s FROM @sql": { refusal: "not written out" },
	"PREPARE s FROM 'SELECT 1; SELECT 2'": { refusal: "several statements" },
	"PREPARE s FROM 'SELECT /*!50000 email FROM */ users'": { refusal: "in two ways" },
	"PREPARE s FROM 'SET sql_mode = ANSI'": { refusal: "changes the session" },
	"EXECUTE s USING @a": { ...FREE, effect: { kind: "execute", name: "s" } },
	"EXECUTE IMMEDIATE 'DELETE FROM hr.salaries'": { on: "mariadb", relations: ["delete hr.salaries()"] },
	"EXECUTE IMMEDIATE CONCAT('DELETE FROM ', 'hr.salaries')": { on: "mariadb", refusal: "not written out" },
	"DEALLOCATE PREPARE s": { ...FREE, effect: { kind: "deallocate", name: "s" } },
	"DO SLEEP(1)": { functions: ["restricted function mysql.sleep"] },
	"CALL close_month(1)": {
		commands: ["call"],
		functions: ["user procedure app.close_month"],
		is: { opaqueResult: true, writes: true },
	},
	"CALL nothing()": { refusal: "does not exist" },
	"HANDLER users OPEN": { refusal: "outside any query" },
	"GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT": { refusal: "may repeat values" },
	"GET DIAGNOSTICS @n = ROW_COUNT": FREE,
	"LOAD DATA LOCAL INFILE 'x' INTO TABLE users (id, @n) SET name = UPPER(@n)": {
		commands: ["copyFrom"],
		relations: ["copyFrom app.users(id,name)"],
		is: { copy: { direction: "in", format: "text" }, writes: true },
	},
	"LOAD DATA INFILE '/etc/passwd' INTO TABLE users": { refusal: "a file of the server" },
	"LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE users": { commands: ["copyFrom", "delete"] },
	"BEGIN NOT ATOMIC DELETE FROM hr.salaries; END": { on: "mariadb", commands: ["execute"], is: { writes: true } },
});

// ---- definitions --------------------------------------------------------------------------------------------------

check({
	"CREATE TABLE t (id INT PRIMARY KEY, n INT DEFAULT (score()), KEY k (n))": {
		relations: ["create app.t() created"],
		functions: ["user function app.score"],
		is: { changesCatalog: true, writes: true },
	},
	"CREATE TABLE t LIKE hr.salaries": { relations: ["create app.t() created", "select hr.salaries()"] },
	"CREATE TABLE t AS SELECT email FROM users": {
		tag: "CREATE TABLE AS",
		columns: ["copy app.users.email @CREATE TABLE AS"],
	},
	"CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES users (id))": {
		relations: ["alter app.users()", "create app.t() created"],
	},
	"CREATE TEMPORARY TABLE users (id INT)": { refusal: "would stand in for others" },
	"CREATE TABLE t (a INT) ENGINE=FEDERATED": { refusal: "may reach beyond the server" },
	"CREATE TABLE t (a INT) ENGINE=MERGE UNION=(users)": { refusal: "may reach beyond the server" },
	"CREATE TABLE t (a INT) DATA DIRECTORY = '/tmp'": { refusal: "folder of its own" },
	"CREATE TABLE t (a INT) CONNECTION = 'mysql://h/d/t'": { refusal: "another server" },
	"CREATE OR REPLACE TABLE users (id INT)": {
		on: "mariadb",
		relations: ["create app.users() created", "drop app.users()"],
	},
	"CREATE TABLE mysql.t (a INT)": { refusal: "nothing is made in mysql" },
	"ALTER TABLE users ADD c INT AS (LENGTH(email)), RENAME TO people": {
		relations: ["alter app.users()", "create app.people() created", "drop app.users()", "select app.users(email)"],
		columns: ["copy app.users.email @ALTER TABLE", "derive app.users.email @function length"],
	},
	"ALTER TABLE users EXCHANGE PARTITION p WITH TABLE hr.salaries": {
		relations: ["alter app.users()", "alter hr.salaries()", "select hr.salaries(id,amount)"],
	},
	"ALTER TABLE users MODIFY email INT": { columns: ["derive app.users.email @ALTER TABLE"] },
	"ALTER TABLE users CHANGE email email INT UNIQUE": { columns: ["derive app.users.email @ALTER TABLE"] },
	"ALTER TABLE users ADD FOREIGN KEY (email) REFERENCES users (name)": {
		columns: ["derive app.users.email @ALTER TABLE"],
	},
	"ALTER TABLE users PARTITION BY KEY (email) PARTITIONS 2": { columns: ["derive app.users.email @ALTER TABLE"] },
	"RENAME TABLE users TO x, hr.salaries TO users": {
		relations: ["alter app.users()", "alter hr.salaries()", "create app.users() created", "create app.x() created"],
	},
	"DROP TABLE IF EXISTS users, nothing": { relations: ["drop app.nothing()", "drop app.users()"] },
	"TRUNCATE hr.salaries": { commands: ["truncate"], relations: ["truncate hr.salaries()"] },
	"DROP DATABASE hr": { relations: ["drop hr.*()", "drop hr.salaries()"] },
	"DROP DATABASE mysql": { refusal: "the server's own" },
	"CREATE VIEW v AS SELECT email FROM users": { columns: ["copy app.users.email @CREATE VIEW"] },
	"CREATE INDEX i ON users (name)": { relations: ["create app.users()"], columns: [] },
	"CREATE UNIQUE INDEX i ON users (name, email(3))": {
		columns: ["derive app.users.email @CREATE INDEX", "derive app.users.name @CREATE INDEX"],
	},
	"CREATE PROCEDURE p() BEGIN DECLARE x INT; IF x THEN DELETE FROM hr.salaries; END IF; END": {
		tag: "CREATE PROCEDURE",
		commands: ["create"],
		relations: ["create app.p() created"],
	},
	"CREATE FUNCTION f RETURNS INTEGER SONAME 'x.so'": { refusal: "foreign code" },
	"CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET NEW.name = 'x'": {
		tag: "CREATE TRIGGER",
		relations: ["alter app.users()", "create app.tr() created"],
	},
	"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM users": { tag: "CREATE EVENT" },
	"GRANT SELECT ON app.users TO bob": { commands: ["grant"], relations: ["grant app.users()"] },
	"GRANT ALL ON `a%`.* TO bob": { relations: ["grant .*()"] },
	"CREATE USER bob IDENTIFIED BY 'x'": { commands: ["grant"], relations: ["grant .*()"] },
	"ANALYZE TABLE users": { commands: ["vacuum"], relations: ["vacuum app.users()"] },
	"CHECK TABLE users": { commands: ["show"], relations: ["show app.users()"] },
	"CHECKSUM TABLE users": {
		commands: ["select"],
		columns: [
			"copy app.users.email @CHECKSUM TABLE",
			"copy app.users.id @CHECKSUM TABLE",
			"copy app.users.name @CHECKSUM TABLE",
		],
	},
	"FLUSH TABLES WITH READ LOCK": { commands: ["lock"], relations: ["lock .*()"] },
	"INSTALL PLUGIN p SONAME 'x.so'": { refusal: "foreign code" },
	SHUTDOWN: { refusal: "ends the server" },
	"BINLOG 'AAAA'": { refusal: "rows of any table" },
});

// ---- what a license says to it ------------------------------------------------------------------------------------

function license(terms: string): License {
	const head = "apiVersion: licet/v1\nkind: License\nmetadata: { id: t, licensee: a, version: 1 }\n";
	const result = parseLicense(`${head}subjects: [ { user: alice } ]\ntargets: [ { name: shop } ]\n${terms}`, "t.yaml");
	if ("problems" in result) throw new Error(JSON.stringify(result.problems));
	return result.license;
}

const READ = license('permits: [ { on: ["app.*"], commands: [read] } ]');
const MASKED = license(
	'permits: [ { on: ["app.*"], commands: [all] } ]\nmasks: [ { columns: ["app.users.email"], with: null, use: project } ]',
);

function effect(terms: License, sql: string, flavour: Flavour): string {
	return decideStatement(terms, read(sql, flavour)).effect;
}

t.test("reading one database permits what sets up a connection and looks at its form", async (t) => {
	const allowed = `SET NAMES utf8mb4 | SET autocommit = 1 | SHOW VARIABLES | SHOW TABLES | SHOW CREATE TABLE users |
		SHOW TABLE STATUS LIKE 'users' | SHOW TRIGGERS LIKE 'users' | SHOW CREATE FUNCTION score | DESCRIBE users | SHOW TRIGGERS FROM hr |
		LOCK TABLES users READ | UNLOCK TABLES | EXPLAIN SELECT email FROM users | CHECK TABLE users | SHOW WARNINGS |
		SET SQL_QUOTE_SHOW_CREATE = 1 | SHOW EVENTS | SHOW FUNCTION STATUS WHERE Db = 'app' | HELP 'select' | USE hr`;
	for (const sql of allowed.split("|")) {
		for (const flavour of ["mysql", "mariadb"] as const) t.equal(effect(READ, sql.trim(), flavour), "allow", sql);
	}
	const denied = `SHOW CREATE TABLE hr.salaries | SHOW GRANTS | SHOW PROCESSLIST | SET GLOBAL x = 1 |
		LOCK TABLES users WRITE | SHOW BINLOG EVENTS | CHECKSUM TABLE hr.salaries | FLUSH TABLES | DROP TABLE users |
		CREATE TABLE t (a INT) | CALL close_month() | TRUNCATE users | SET timestamp = 1 | SHOW ENGINE INNODB STATUS`;
	for (const sql of denied.split("|")) {
		for (const flavour of ["mysql", "mariadb"] as const) t.equal(effect(READ, sql.trim(), flavour), "deny", sql);
	}
});

t.test("no statement carries a masked column past its mask", async (t) => {
	const denied = `EXPLAIN SELECT email FROM users WHERE id = 1 | EXPLAIN FORMAT=JSON SELECT id FROM users ORDER BY email |
		CHECKSUM TABLE users | CREATE TABLE t AS SELECT email FROM users | CREATE VIEW v AS SELECT email FROM users |
		ALTER TABLE users ADD c TEXT AS (email) | RENAME TABLE users TO people | CALL close_month() |
		SET @a = (SELECT email FROM users) | DO (SELECT email FROM users) | CREATE TRIGGER x BEFORE UPDATE ON users FOR EACH ROW SET @a = OLD.email |
		PREPARE s FROM 'SELECT UPPER(email) FROM users' | GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT`;
	for (const sql of denied.split("|")) {
		for (const flavour of ["mysql", "mariadb"] as const) t.equal(effect(MASKED, sql.trim(), flavour), "deny", sql);
	}
	t.equal(
		effect(MASKED, "PREPARE s FROM 'SELECT email FROM users'", "mysql"),
		"allow",
		"what is prepared is masked when it runs",
	);
});
