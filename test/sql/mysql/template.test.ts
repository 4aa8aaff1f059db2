/** Templates of MySQL's texts: what shares an analysis, and what must not. */
import t from "tap";
import { parseText } from "../../../src/sql/mysql/parse.js";
import { parseReading, readingOf } from "../../../src/sql/mysql/reading.js";
import { templateOf } from "../../../src/sql/mysql/template.js";

const template = (sql: string) => templateOf(Buffer.from(sql));

t.test("what differs in literals alone is one", async (t) => {
	const groups = [
		["SELECT c FROM t WHERE id=1", "SELECT c FROM t WHERE id=999999", "SELECT c FROM t WHERE id=1.5"],
		["UPDATE t SET a = 'x', b = b + 1 WHERE id = 3", "UPDATE t SET a = 'it''s', b = b + 7 WHERE id = 4"],
		["INSERT INTO t (a) VALUES (1, 'a'), (2, 'b');", "INSERT INTO t (a) VALUES (3, 'c'), (4, '');"],
		["DELETE FROM `t` WHERE a IN (1, 2)", "DELETE FROM `t` WHERE a IN (3, 4)"],
		[
			"SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = 1)",
			"SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = 2)",
		],
		[
			"SELECT a FROM t WHERE b = 1 UNION SELECT c FROM u WHERE d = 'x'",
			"SELECT a FROM t WHERE b = 2 UNION SELECT c FROM u WHERE d = 'y'",
		],
		["INSERT INTO t SELECT a FROM u WHERE b = 1", "INSERT INTO t SELECT a FROM u WHERE b = 2"],
	];
	for (const texts of groups) {
		t.type(template(texts[0] ?? ""), "string");
		t.equal(new Set(texts.map(template)).size, 1, String(texts[0]));
	}
});

t.test("what may be read otherwise is not", async (t) => {
	const kept = [
		["SELECT c FROM t WHERE id=1 LIMIT 5", "SELECT c FROM t WHERE id=1 LIMIT 500000"],
		["SELECT c FROM t WHERE a=1 AND b=2", "SELECT c FROM t WHERE b=1 AND a=2"],
		["SELECT 'email', id FROM t WHERE a = 1 ORDER BY email", "SELECT 'x', id FROM t WHERE a = 1 ORDER BY email"],
		["SELECT 1 FROM t WHERE a = 1", "SELECT 2 FROM t WHERE a = 1"],
		["SELECT a FROM t WHERE b = 1 ORDER BY 1", "SELECT a FROM t WHERE b = 1 ORDER BY 2"],
		["SELECT a FROM t WHERE b = 1 GROUP BY 1", "SELECT a FROM t WHERE b = 1 GROUP BY 2"],
		["SELECT a FROM t WHERE b = 1 LIMIT 1 OFFSET 2", "SELECT a FROM t WHERE b = 1 LIMIT 1 OFFSET 3"],
		// What a column is called decides what a name means: no FROM that is none may end a select list.
		...[
			"SELECT %, id FROM t WHERE a = 1 ORDER BY email",
			"SELECT ('x'), (%) FROM t WHERE a = 1 ORDER BY email",
			"SELECT t.from, % FROM t WHERE a = 1 ORDER BY email",
			"SELECT from.a, % FROM t `from` WHERE a = 1 ORDER BY email",
			"SELECT set.a, % FROM t `set` WHERE a = 1 ORDER BY email",
			"SELECT TRIM(LEADING 'a' FROM b), % FROM t WHERE a = 1 ORDER BY email",
			"SELECT JSON_VALUE(a, '$' NULL ON ERROR), % FROM t WHERE a = 1 ORDER BY email",
			"SELECT CONVERT(a, CHAR CHARACTER SET utf8mb4), % FROM t WHERE a = 1 ORDER BY email",
			"SELECT (SELECT b FROM u WHERE b = 1), % FROM t WHERE a = 1 ORDER BY email",
			"SELECT (SELECT email FROM (SELECT %) d) FROM users WHERE a = 1",
			"SELECT (SELECT email FROM (SELECT a, % FROM t) d) FROM users WHERE a = 1",
			"SELECT a FROM t WHERE a = 1 AND b IN (SELECT email FROM (SELECT %) d)",
			"SELECT a FROM t WHERE a = 1 UNION SELECT % FROM u ORDER BY email",
			"INSERT INTO t SELECT % FROM t WHERE a = 1 ORDER BY email",
			"DELETE FROM t WHERE a = 1 RETURNING %, email",
		].map((sql) => [sql.replace("%", "'email'"), sql.replace("%", "'x'")]),
	];
	for (const [one, other] of kept) t.not(template(one ?? ""), template(other ?? ""), String(one));
	const none = [
		"SELECT 1",
		"SELECT a FROM t",
		"SELECT a FROM t WHERE a = 1 -- x",
		"SELECT a FROM t WHERE a = 1 # x",
		"SELECT a FROM t WHERE a = 1 /* x */",
		"SELECT a FROM t WHERE a = 'a\\'b'",
		'SELECT a FROM t WHERE a = "b"',
		"SELECT a FROM t WHERE a = _utf8'b'",
		"SELECT a FROM t WHERE a = x'41'",
		"SELECT a FROM t WHERE a = 0x41",
		"SELECT a FROM t WHERE a = 1e5",
		"SELECT a FROM t WHERE a = @x AND b = 1",
		"SELECT a FROM t WHERE a = 'b' 'c'",
		"SELECT a FROM t WHERE a = 'é'",
		"SELECT a FROM t WHERE a = 1; SELECT 2",
		"SELECT a->'$.b' FROM t WHERE a = 1",
		"SELECT a INTO @b FROM t WHERE a = 1",
		"SELECT NTH_VALUE(a, 1) FROM FIRST OVER w, 'x' FROM t WHERE a = 1 ORDER BY x",
		"SELECT email FROM (VALUES ('email')) d WHERE a = 1",
		"INSERT INTO t SELECT email FROM (VALUES ('email')) d",
		"SELECT a FROM t WHERE a = .5",
		"SELECT a FROM t WHERE a = 1 FETCH FIRST 1 ROWS ONLY",
		"SELECT a FROM t WHERE a = 1 PROCEDURE ANALYSE(1)",
		"SELECT a FROM t WHERE a = n'x'",
		"SELECT a FROM t WHERE a$b = 1",
		"SELECT VALUES(a), 'email' FROM t WHERE a = 1 ORDER BY email",
		"SET a = 1",
		"CALL p(1)",
		"CREATE TABLE t SELECT a FROM t WHERE a = 1",
	];
	for (const sql of none) t.equal(template(sql), undefined, sql);
});

t.test("texts of one template are of one tree", async (t) => {
	const reading = parseReading(readingOf({ database: "d", modes: "", multi: false, charset: "utf8mb4" }));
	const server = { flavour: "mysql", version: 90704, lowerCaseNames: 0 } as const;
	const shape = (sql: string) =>
		JSON.stringify(parseText(sql, server, reading), (key, value) =>
			/^(value|position|start|end)$/.test(key) ? 0 : value,
		);
	const heads = ["SELECT a FROM t WHERE ", "UPDATE t SET a = a WHERE ", "DELETE FROM t WHERE "];
	const conditions = [
		"a = %",
		"a IN (%, %)",
		"a BETWEEN % AND %",
		"a LIKE % OR NOT b <> %",
		"f(%, a) > - %",
		"a = % + % DIV 2",
	];
	const literals = ["1", "22", "3.5", "'a'", "'it''s'", "'--'", "'/*'", "'#'", "';'"];
	for (const head of heads) {
		for (const condition of conditions) {
			const seen = new Map<string, string>();
			for (const literal of literals) {
				const sql = head + condition.replaceAll("%", literal);
				const key = template(sql) ?? sql;
				const tree = shape(sql).replaceAll('"number"', '"text"');
				if (seen.has(key)) t.equal(tree, seen.get(key), sql);
				else seen.set(key, tree);
			}
			t.ok(seen.size <= 3, `${condition} has few templates`);
		}
	}
});
