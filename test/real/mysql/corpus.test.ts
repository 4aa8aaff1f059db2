/**
 * What tools send, read over a real server's catalog: a statement that only reads metadata or sets up a connection is
 * allowed by a license that lets one database be read. The corpora are no part of the project; without them this skips.
 */
import t, { type Test } from "tap";
import { parseLicense } from "../../../src/licensing/license.js";
import { Policy } from "../../../src/sessions/policy.js";
import { CatalogView } from "../../../src/sql/catalog-view.js";
import { readCatalog } from "../../../src/sql/mysql/catalog.js";
import { mysqlReader } from "../../../src/sql/mysql/reader.js";
import { readingOf } from "../../../src/sql/mysql/reading.js";
import { license } from "../../helpers/license.js";
import { type MysqlServer, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { type CorpusRow, corpus } from "../../sql/corpus.js";

/** The database that the corpus was taken on. */
const DATABASE = "app";

const SCRIPT = `DROP DATABASE IF EXISTS ${DATABASE}; CREATE DATABASE ${DATABASE}; USE ${DATABASE};
CREATE TABLE cust (id int AUTO_INCREMENT PRIMARY KEY, email varchar(100) UNIQUE, note text, ts timestamp DEFAULT current_timestamp);
CREATE TABLE ord (id bigint AUTO_INCREMENT PRIMARY KEY, cust_id int, amt decimal(10,2), FOREIGN KEY (cust_id) REFERENCES cust (id));
CREATE VIEW v AS SELECT email, length(email) AS s FROM cust;
CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN a + 1;
CREATE PROCEDURE p(a int) SELECT a;
CREATE TRIGGER trg BEFORE INSERT ON cust FOR EACH ROW SET NEW.note = 'x';
CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1;`;

/** It tells of definitions, or of the session, or sets it up. */
const SETS_UP = /^(set|use|start|begin|commit|rollback|savepoint|release|unlock|show|desc|describe)\b/i;
/** About tables that are not the database's, and about other databases: the license does not cover them. */
const ELSEWHERE =
	/^(show\s+(create\s+(table|view|(database|schema)(\s+if\s+not\s+exists)?)|(full\s+)?(fields|columns)\s+(from|in)|(index|keys)\s+(from|in))|desc|describe)\s+(?!if\s)(?!`?app`?(\.|;|$))(?!`?(cust|ord|v)`?(\s|$|;))/i;
const OWN = /\b(information_schema|performance_schema|mysql|sys)\b/i;

/** What holds data or secrets, and what concerns more than the session. */
const SENSITIVE =
	/\b(processlist|innodb_\w+|mysql\.(user|db|proc|event|general_log|slow_log|global_priv|tables_priv|procs_priv|func|plugin|servers)|events_statements\w*|global\s+(?!variables|status)|master status|binary log|slave|replica|grants|column_statistics|profiling)\b/i;
/** Source code, which no permit on tables opens. */
const SOURCE =
	/^show create (procedure|function|trigger|event)\b|\b(routine_definition|view_definition|action_statement|event_definition|library_definition)\b/i;

/** Of MySQL 9 alone: MariaDB itself knows no such table. */
const LIBRARIES = /\binformation_schema\.(routine_)?libraries\b/i;

function readsMetadata(sql: string): boolean {
	const text = sql
		.replace(/\/\*![0-9]*|\*\//g, " ")
		.replace(/\/\*.*?\*\//gs, " ")
		.trim();
	if (SETS_UP.test(text)) return !ELSEWHERE.test(text);
	if (!/^select\b/i.test(text)) return false;
	if (!/\bfrom\b/i.test(text)) return !/\bapp\.f\b|\$\$/.test(text);
	return OWN.test(text) && !/\bfrom\s+`?(cust|ord|v)\b/i.test(text);
}

async function judgeAll(t: Test, server: MysqlServer, rows: readonly CorpusRow[]): Promise<void> {
	await withMysql(server.url, (client) => client.query(SCRIPT));
	t.teardown(() => withMysql(server.url, (client) => client.query(`DROP DATABASE ${DATABASE}`)));
	const catalog = await withMysql(server.url, (client) => {
		const run = async (sql: string) =>
			(await client.query({ sql, rowsAsArray: true, typeCast: (field) => field.string() }))[0] as (string | null)[][];
		return readCatalog(run, { serves: (database) => database === DATABASE }, 1);
	});
	const terms = { permits: [{ on: [`${DATABASE}.*`], commands: ["read"] }] };
	const parsed = parseLicense(license("reader", terms), "reader.yaml");
	if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
	const policy = new Policy(parsed.license, new CatalogView(catalog), 1);
	const index = mysqlReader.index(catalog);
	const reading = readingOf({ database: DATABASE, modes: "", multi: false, charset: "utf8mb4" });
	const context = { target: "shop", database: "", reading, user: "app" };
	const denied: string[] = [];
	let allowed = 0;
	for (const { sql } of rows) {
		if (!readsMetadata(sql) || SENSITIVE.test(sql) || SOURCE.test(sql)) continue;
		const { facts } = mysqlReader.analyse(Buffer.from(sql), context, index, { statementBytes: 256 * 1024 });
		const no = facts.statements.map((statement) => policy.verdict(statement)).find((verdict) => verdict.denied);
		const reasons = no?.record.reasons.map(({ message }) => message).join("; ");
		if (facts.refusal === undefined && no === undefined) allowed += 1;
		else denied.push(`${facts.refusal?.message ?? reasons}: ${sql}`);
	}
	t.same(denied, [], `every one is allowed (${allowed})`);
	t.ok(allowed > 200, `${allowed} of them`);
}

const rows = corpus("mysql-tools") ?? [];
const skip = rows.length > 0 ? false : "the corpora are not at hand";

for (const server of mysqlServers()) {
	const verdict = server.flavour === "mariadb" ? "mdb" : "my97";
	t.test(server.name, { skip }, (t) =>
		judgeAll(
			t,
			server,
			rows.filter((row) => row[verdict] === 1 && !(server.flavour === "mariadb" && LIBRARIES.test(row.sql))),
		),
	);
}
