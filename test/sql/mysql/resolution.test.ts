/**
 * Names resolve as on the server itself: statements made of parts, each put to a real server, which says where its
 * result columns come from or that it does not know a name. What the server takes from a table's column must be among
 * what we say flows into that result; columns must be as many and called the same; and a name that it does not know, or
 * finds ambiguous, must not be resolved.
 */
import t from "tap";
import type { StatementFacts } from "../../../src/sql/facts.js";
import { readCatalog } from "../../../src/sql/mysql/catalog.js";
import { createMysqlDatabase, mysqlOptions, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { read } from "./shop.js";

const SCRIPT = `
	CREATE TABLE a (id INT PRIMARY KEY, x INT, y INT);
	CREATE TABLE b (x INT, id INT, z INT);
	CREATE TABLE c (y INT, z INT, hidden INT INVISIBLE);
	INSERT INTO a VALUES (1, 2, 3), (2, 3, 4);
	INSERT INTO b VALUES (2, 1, 5);
	INSERT INTO c (y, z, hidden) VALUES (3, 5, 7);
	CREATE VIEW v AS SELECT id AS x, y AS w FROM a;
`;

const FROM = `a|a JOIN b|a, b|a JOIN b USING (id)|a JOIN b USING (x, id)|a NATURAL JOIN b|a LEFT JOIN b USING (x)
a RIGHT JOIN b USING (x)|a NATURAL RIGHT JOIN b|a NATURAL LEFT JOIN b|a RIGHT JOIN b ON a.id = b.id
(a RIGHT JOIN b USING (id)) NATURAL JOIN c|a JOIN (b NATURAL RIGHT JOIN c) USING (x)|a NATURAL JOIN c|c
a AS b|b AS a, c|v|v NATURAL JOIN b|(SELECT id, x AS y FROM a) d|(SELECT x + 1, x FROM a) d, b
(SELECT * FROM a NATURAL RIGHT JOIN b) d|(SELECT x FROM a UNION ALL SELECT z FROM b) d|a AS A, b AS B`
	.split(/[|\n]/)
	.map((part) => part.trim());

const SELECT = `*|a.*|b.*|x|a.x|b.x|id|y|z|w|hidden|d.*|d.x|c.hidden, z|x AS id, y|id, x AS y|A.x
(SELECT x FROM c LIMIT 1)|(SELECT y FROM b LIMIT 1)|x AS q, (SELECT q)|(SELECT b.z FROM a LIMIT 1)|(SELECT c.x FROM a AS c LIMIT 1)`
	.split(/[|\n]/)
	.map((part) => part.trim());

const TAIL = ["", "WHERE x = 2", "ORDER BY id", "GROUP BY y HAVING y > 0", "HAVING x > 0"];

/** Names that are not known, are not of a table here, or may mean two things. */
const UNRESOLVED = new Set([1051, 1052, 1054, 1060, 1066, 1109, 1146]);

interface Field {
	readonly name: string;
	readonly orgTable: string;
	readonly orgName: string;
}

/** Where the server's word on a result column and ours are not compatible; undefined: they are. */
function conflict(facts: StatementFacts, fields: readonly Field[], tables: ReadonlyMap<string, readonly string[]>) {
	const outputs = facts.outputs ?? [];
	if (outputs.length !== fields.length) return `${outputs.length} columns for ${fields.length}`;
	for (const [index, field] of fields.entries()) {
		const output = outputs[index];
		// Text that stands for a name is compared by the tests of labels.
		const isPlain = /^\w+$/.test(field.name);
		if (isPlain && output?.name !== field.name.toLowerCase()) return `"${output?.name}" for "${field.name}"`;
		if (tables.get(field.orgTable)?.includes(field.orgName.toLowerCase()) !== true) continue;
		const known = output?.sources.some(
			({ name, column }) => name === field.orgTable && column === field.orgName.toLowerCase(),
		);
		if (known !== true) return `column ${index} is ${field.orgTable}.${field.orgName}`;
	}
	return undefined;
}

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createMysqlDatabase(t, server, SCRIPT);
		const { database = "" } = mysqlOptions(url);
		await withMysql(url, async (client) => {
			await client.query("SET SESSION sql_mode = ''");
			const rowsOf = async (sql: string) => {
				const typeCast = (field: { string(): string | null }) => field.string();
				const [rows] = await client.query({ sql, rowsAsArray: true, typeCast });
				return rows as (string | null)[][];
			};
			const catalog = await readCatalog(rowsOf, { serves: (name) => name === database }, 1);
			const tables = new Map(
				catalog.relations
					.filter(({ schema, kind }) => schema === database && kind === "table")
					.map(({ name, columns }) => [name, columns.map((column) => column.name)]),
			);
			const counts = { resolved: 0, unknown: 0, refused: 0 };
			for (const from of FROM) {
				for (const list of SELECT) {
					for (const tail of TAIL) {
						const sql = `SELECT ${list} FROM ${from} ${tail}`.trim();
						const facts = read(sql, { catalog, database, flavour: server.flavour });
						try {
							const [, fields] = await client.query({ sql, rowsAsArray: true });
							if (facts.refusal !== undefined) {
								counts.refused += 1;
								continue;
							}
							counts.resolved += 1;
							const told = tellsOrigin(from) ? tables : new Map<string, readonly string[]>();
							const found = conflict(facts, fields as unknown as readonly Field[], told);
							if (found !== undefined) t.fail(`${sql}: ${found}`);
						} catch (error) {
							const { errno = 0 } = error as { errno?: number };
							if (!UNRESOLVED.has(errno)) continue;
							counts.unknown += 1;
							if (facts.refusal === undefined && !isLoose(sql))
								t.fail(`${sql}: the server does not resolve it (${errno})`);
						}
					}
				}
			}
			t.comment(JSON.stringify(counts));
			t.ok(counts.resolved > 300, "the server resolves many of them, and so do we");
			t.ok(counts.refused < counts.resolved / 10, "few are refused that the server takes");
		});
	});
}

/**
 * Where we resolve more than the server, so that nothing runs: HAVING may name fewer columns than we count as used, ORDER
 * BY may name a result column that stands twice, and any name may mean a result column whose own is only its text.
 */
function isLoose(sql: string): boolean {
	return /HAVING|ORDER BY|x \+ 1/.test(sql);
}

/** Of views and derived tables MySQL tells a column's alias as its name in the table beneath. */
function tellsOrigin(from: string): boolean {
	return !/SELECT|\bv\b/.test(from);
}
