/** The catalog snapshot, read from real servers over one of everything that it is to show, and what is read over it. */
import type { Connection } from "mysql2/promise";
import t from "tap";
import type { Catalog, CatalogRelation } from "../../../src/sql/catalog.js";
import { CATALOG_FINGERPRINT_QUERY, readCatalog } from "../../../src/sql/mysql/catalog.js";
import { createMysqlDatabase, mysqlOptions, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { short } from "../reading.js";
import { read } from "./shop.js";

const SCRIPT = `
	CREATE TABLE Users (id INT PRIMARY KEY, Email VARCHAR(50) UNIQUE, name VARCHAR(20) CHECK (LENGTH(name) > 1),
		loud VARCHAR(60) GENERATED ALWAYS AS (UPPER(email)) VIRTUAL,
		louder VARCHAR(70) GENERATED ALWAYS AS (CONCAT(loud, '!')) VIRTUAL, secret INT INVISIBLE);
	CREATE TABLE orders (id INT PRIMARY KEY, user_id INT, KEY (user_id),
		FOREIGN KEY (user_id) REFERENCES Users (id) ON DELETE CASCADE);
	CREATE VIEW people AS SELECT id, email AS mail FROM Users WHERE name <> 'it''s \\\\ "x"';
	CREATE SQL SECURITY INVOKER VIEW both_of AS SELECT p.mail, o.id FROM people p JOIN orders o ON o.user_id = p.id
		UNION SELECT 'x', 1;
	CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
	CREATE PROCEDURE work() SELECT 1;
`;

const run = (client: Connection) => async (sql: string) => {
	const typeCast = (field: { string(): string | null }) => field.string();
	const [rows] = await client.query({ sql, rowsAsArray: true, typeCast });
	return rows as (string | null)[][];
};

function relation(catalog: Catalog, schema: string, name: string): CatalogRelation {
	const found = catalog.relations.find((candidate) => candidate.schema === schema && candidate.name === name);
	if (found === undefined) throw new Error(`no ${schema}.${name}`);
	return found;
}

for (const server of mysqlServers()) {
	t.test(`a snapshot of one of everything: ${server.name}`, async (t) => {
		const url = await createMysqlDatabase(t, server, SCRIPT);
		const { database = "" } = mysqlOptions(url);
		const catalog = await withMysql(url, (client) =>
			readCatalog(run(client), { serves: (name) => name === database }, 7),
		);
		t.match(catalog, { engine: "mysql", flavour: server.flavour, lowerCaseNames: 0, database: "", epoch: 7 });
		t.ok(catalog.schemas.includes(database));
		const others = catalog.schemas.filter((name) => name !== database);
		t.same(
			others.sort(),
			["information_schema", "mysql", "performance_schema", "sys"],
			"no database that is not served",
		);

		const users = relation(catalog, database, "Users");
		t.equal(users.kind, "table");
		t.same(
			users.columns.map(({ name, hidden }) => `${name}${hidden === true ? " hidden" : ""}`),
			["id", "email", "name", "loud", "louder", "secret hidden"],
		);
		t.same(users.columns[3]?.generatedFrom, ["email"]);
		t.same([...(users.columns[4]?.generatedFrom ?? [])].sort(), ["email", "loud"], "by way of another one");
		const kinds = users.constraints?.map(({ kind, columns }) => `${kind} ${columns.join(",")}`).sort();
		t.same(kinds, ["check name", "unique email", "unique id"]);
		const reference = relation(catalog, database, "orders").constraints?.find(({ kind }) => kind === "reference");
		t.match(reference, { columns: ["user_id"], target: { relation: users.id, columns: ["id"], refusesDelete: false } });
		t.equal(relation(catalog, database, "people").kind, "view");
		t.equal(relation(catalog, "information_schema", "tables").kind, "table");
		t.ok(relation(catalog, "mysql", "user").columns.length > 5);
		t.same(
			catalog.functions.filter(({ schema }) => schema === database).map(({ name, kind }) => `${kind} ${name}`),
			["function twice", "procedure work"],
		);
		t.same(structuredClone(catalog), catalog, "it crosses to the reader's thread");

		const facts = read("select * from both_of", { catalog, database, flavour: server.flavour });
		t.equal(facts.refusal, undefined, "definitions as the server writes them are read");
		t.ok(short.columns(facts).some((use) => use.startsWith(`derive ${database}.Users.email`)));
		t.match(read("select work()", { catalog, database }).refusal, { kind: "unresolved" });
	});

	t.test(`sequences: ${server.name}`, { skip: server.flavour === "mysql" && "MariaDB has them alone" }, async (t) => {
		const url = await createMysqlDatabase(t, server, "CREATE SEQUENCE s; CREATE TABLE t (a INT)");
		const { database = "" } = mysqlOptions(url);
		const catalog = await withMysql(url, (client) =>
			readCatalog(run(client), { serves: (name) => name === database }, 1),
		);
		t.equal(relation(catalog, database, "s").kind, "sequence");
		const facts = read("select nextval(s), next value for s", { catalog, database, flavour: "mariadb" });
		t.same(short.relations(facts), [`update ${database}.s()`]);
		t.equal(facts.writes, true);
		t.equal(read("select nextval(t)", { catalog, database, flavour: "mariadb" }).refusal?.kind, "unresolved");
	});

	t.test(`the fingerprint changes with definitions and with nothing else: ${server.name}`, async (t) => {
		const url = await createMysqlDatabase(t, server, SCRIPT);
		await withMysql(url, async (client) => {
			const fingerprint = async () => JSON.stringify(await run(client)(CATALOG_FINGERPRINT_QUERY));
			let before = await fingerprint();
			const after = async (sql: string) => {
				await client.query(sql);
				const now = await fingerprint();
				const changed = now !== before;
				before = now;
				return changed;
			};
			t.notOk(await after("INSERT INTO Users (id, email, name) VALUES (1, 'a', 'ann'); ANALYZE TABLE Users"));
			for (const sql of [
				"ALTER TABLE Users ADD COLUMN more INT",
				"ALTER TABLE Users RENAME COLUMN more TO less",
				"ALTER TABLE Users DROP COLUMN less",
				"RENAME TABLE Users TO folk",
				"CREATE OR REPLACE VIEW people AS SELECT id, name AS mail FROM folk",
				"CREATE UNIQUE INDEX u ON folk (name)",
				"DROP FUNCTION twice",
				"ALTER TABLE folk ADD CONSTRAINT c CHECK (id > 0)",
				"ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES folk (id)",
			]) {
				t.ok(await after(sql), sql);
			}
		});
	});
}
