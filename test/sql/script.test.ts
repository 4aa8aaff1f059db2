/**
 * Recorded statements as scripts: parameters as literals, and nothing in them that psql or mysql would take for a command
 * of its own. test/real/export.test.ts runs such scripts with both programs.
 */
import fc from "fast-check";
import t from "tap";
import { MYSQL_SCRIPT } from "../../src/sql/mysql/script.js";
import { POSTGRES_SCRIPT } from "../../src/sql/postgres/script.js";
import type { Parameters } from "../../src/sql/script.js";

type Row = readonly [sql: string, parameters: Parameters, code: string | RegExp];

/** A text that starts with "!" says why it is withheld. */
const POSTGRES: readonly Row[] = [
	["SELECT 1", [], "SELECT 1\n;"],
	["SELECT 1;", [], "SELECT 1\n;"],
	["SELECT 1 ; ; ", [], "SELECT 1\n;"],
	["SELECT 1 -- it; is", [], "SELECT 1\n;"],
	["SELECT 1; SELECT 2;", [], "SELECT 1; SELECT 2\n;"],
	["SELECT $1, $2", ["a", null], "SELECT 'a', NULL\n;"],
	["SELECT $2,$1,$2", ["a'b", "c"], "SELECT 'c','a''b','c'\n;"],
	["SELECT $1", ["back\\slash'"], "SELECT  E'back\\\\slash'''\n;"],
	["SELECT $1", ["\\x00ff"], "SELECT  E'\\\\x00ff'\n;"],
	["SELECT '$1', \"$1\", $x$ $1 $x$, $$ $1 $$ /* $1 /* $1 */ */ -- $1\n, $1", ["v"], /, 'v'\n;$/],
	["SELECT a$1 FROM t WHERE b = $1", ["v"], "SELECT a$1 FROM t WHERE b = 'v'\n;"],
	["SELECT E'\\'' || $1", ["v"], "SELECT E'\\'' || 'v'\n;"],
	["SELECT $1 + $3", ["1"], "!parameter 3"],
	["SELECT 'open", [], "!no end"],
	["SELECT 1 /* open /* */", [], "!no end"],
	["SELECT $x$ open $y$", [], "!no end"],
	["SELECT 1 \\! id", [], "!another way"],
	["\\! id", [], "!another way"],
	["SELECT 'a\\' \\! id '", [], "!no end"],
	["SELECT '\\', '\\! id'", [], "!another way"],
	["SELECT 1 --\r\\! id", [], "!another way"],
	["SELECT 'a\\b'", [], "SELECT 'a\\b'\n;"],
	["COPY app.t (a) FROM STDIN", [], "!not recorded"],
	["/* x */ -- y\n copy app.t from stdin with (format csv)", [], "!not recorded"],
	["SET client_encoding = 'LATIN1'", [], "SET client_encoding = 'LATIN1'\n;\nSET client_encoding = 'UTF8';"],
	["COPY app.t TO STDOUT", [], "COPY app.t TO STDOUT\n;"],
];

const MYSQL: readonly Row[] = [
	["SELECT 1", [], "SELECT 1\n;"],
	["SELECT 1; # end", [], "SELECT 1\n;"],
	["SELECT ?, ?", ["a'b", null], "SELECT 'a''b', NULL\n;"],
	["SELECT '?', \"?\", `?` /* ? */ -- ?\n, ? # ?", ["v"], /, 'v'\n;$/],
	["SELECT a--?", ["1"], "SELECT a--'1'\n;"],
	["SELECT ?", ["\\x00ff"], "SELECT X'00ff'\n;"],
	["SELECT ?", ["\\x41"], "SELECT _utf8mb4 X'5c783431'\n;"],
	["SELECT ?", ["a\\b"], "SELECT _utf8mb4 X'615c62'\n;"],
	["SELECT a FROM t LIMIT ?, ?", ["5", "10"], "SELECT a FROM t LIMIT 5, 10\n;"],
	["SELECT a FROM t WHERE b = ? LIMIT ? OFFSET ?", ["5", "1", "2"], /b = '5' LIMIT 1 OFFSET 2\n;$/],
	["SELECT a FROM t LIMIT ?", ["1; DROP TABLE t"], /LIMIT '1; DROP TABLE t'\n/],
	["SELECT ?, ?", ["a"], "!parameter 2"],
	["system id", [], "!not begin"],
	["/* x */ system id", [], "!not begin"],
	["; system id", [], "!not begin"],
	["/*! system id */", [], "!not begin"],
	["(SELECT 1) UNION (SELECT 2)", [], "(SELECT 1) UNION (SELECT 2)\n;"],
	["SET NAMES latin1", [], "SET NAMES latin1\n;\nSET NAMES utf8mb4;"],
	["SELECT 1;\nsystem id", [], "DELIMITER $licet1$\nSELECT 1;\nsystem id\n$licet1$\nDELIMITER ;"],
	["SELECT ';$licet1$'", [], /^DELIMITER \$licet2\$\n/],
	["SELECT 'it\\'s'", [], "SELECT 'it\\'s'\n;"],
	["SELECT 1 \\! id", [], "!another way"],
	["SELECT 1 --\\! id", [], "!another way"],
	["SELECT /*! \\! id */ 1", [], "!another way"],
	["SELECT /*!50000 ' */ \\! id '*/ 1", [], "!"],
	["SELECT /*+ \\! id */ 1", [], "!another way"],
	["SELECT '\\' \\! id '", [], "!another way"],
	['SELECT "a\\" \\! id "', [], "!another way"],
	["SELECT `a\\` \\! id", [], "!another way"],
	["SELECT 'open", [], "!no end"],
	["LOAD DATA LOCAL INFILE 'x' INTO TABLE t", [], "!not recorded"],
];

for (const [name, dialect, rows] of [
	["PostgreSQL", POSTGRES_SCRIPT, POSTGRES],
	["MySQL", MYSQL_SCRIPT, MYSQL],
] as const) {
	t.test(name, async (t) => {
		for (const [sql, parameters, expected] of rows) {
			const code = dialect.code(sql, parameters);
			const said = code.kind === "code" ? code.text : `!${code.why}`;
			const isWithheld = typeof expected === "string" && expected.startsWith("!");
			if (isWithheld) t.match(said, new RegExp(`^!.*${expected.slice(1)}`), sql);
			else t.match(said, expected, sql);
			if (!isWithheld && typeof expected === "string") t.equal(said, expected, sql);
		}
	});
}

t.test("a database's name cannot leave its quotes", async (t) => {
	const names = "SET NAMES utf8mb4;";
	t.same(MYSQL_SCRIPT.opening("shop"), [names, "USE `shop`;"]);
	t.same(MYSQL_SCRIPT.opening("a`b"), [names, "USE `a``b`;"]);
	t.same(MYSQL_SCRIPT.opening("a\n\\! id"), [names]);
	t.same(MYSQL_SCRIPT.opening(""), [names]);
});

t.test("any text is read in time, and a literal is one string", async (t) => {
	const piece = fc.constantFrom(
		"'",
		'"',
		"`",
		"\\",
		"--",
		"\n",
		"\r",
		"/*",
		"*/",
		"$",
		"$a$",
		"?",
		"$1",
		";",
		"e",
		"E'",
		"#",
		" ",
		"x",
		"/*!",
	);
	const any = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
	fc.assert(
		fc.property(any, fc.array(fc.option(fc.oneof(any, fc.string({ unit: "grapheme" })))), (sql, parameters) => {
			for (const dialect of [POSTGRES_SCRIPT, MYSQL_SCRIPT]) dialect.code(sql, parameters);
		}),
	);
	for (const unit of ["/**/", "/*", "(", "'", "--\n", "$1", "? ", "$a$", "\\"]) {
		const began = performance.now();
		POSTGRES_SCRIPT.code(unit.repeat(60_000), []);
		MYSQL_SCRIPT.code(unit.repeat(60_000), []);
		t.ok(performance.now() - began < 5000, `${JSON.stringify(unit)} many times`);
	}
});
