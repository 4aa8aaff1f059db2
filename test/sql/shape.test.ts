/**
 * Shapes: no literal and no comment is left in one, whatever the dialect, the settings and the text; and everything else
 * is. The judges are the server's own scanner (PostgreSQL) and a reader that is not Licet's (MySQL).
 */

import { loadModule, scanSync } from "libpg-query";
import nodeSqlParser from "node-sql-parser";
import t from "tap";
import type { Server } from "../../src/sql/mysql/flavour.js";
import { mysqlShape } from "../../src/sql/mysql/shape.js";
import { postgresShape } from "../../src/sql/postgres/shape.js";
import { corpus } from "./corpus.js";

await loadModule();

const MARIADB: Server = { flavour: "mariadb", version: 101106, lowerCaseNames: 0 };
const MYSQL: Server = { flavour: "mysql", version: 80403, lowerCaseNames: 0 };

t.test("PostgreSQL", (t) => {
	const shapes: [string, string | undefined][] = [
		["SELECT 1", "SELECT ?"],
		[
			"SELECT 'a', 'it''s' , 1.5e-7, .5, 0x1F, 1_000, 12abc FROM t1 WHERE c2 = $1",
			"SELECT ?, ? , ?, ?, ?, ?, ? FROM t1 WHERE c2 = $1",
		],
		[
			"SELECT E'it\\'s', e'\\\\', B'01', x'ff', N'n', U&'d\\0061', U&\"d\\0061\"",
			'SELECT ?, ?, ?, ?, ?, ?, U&"d\\0061"',
		],
		["SELECT $$it's$$, $a$ $b$ $$ $a$, $1", "SELECT ?, ?, $1"],
		[
			'SELECT a$b$c, "x""y" FROM "T" -- secret\r+ 1 /* a /* b */ c */',
			'SELECT a$b$c, "x""y" FROM "T" /*?*/\r+ ? /*?*/',
		],
		["SELECT 'C:\\', 5", "SELECT ?, ?"],
		// A statement only with standard_conforming_strings off.
		["SELECT 'a\\', secret, ' , 'b'", "SELECT ? , ?"],
		["ALTER ROLE a PASSWORD 'pw' VALID UNTIL '2020-01-01'", "ALTER ROLE a PASSWORD ? VALID UNTIL ?"],
		["SET a.b = secret, other", "SET a.b = ? ?"],
		["SET LOCAL x TO secret; SELECT y", "SET LOCAL x TO ?; SELECT y"],
		["SET TIME ZONE secret", "SET TIME ZONE ?"],
		['ALTER DATABASE d SET a.b TO "secret"', "ALTER DATABASE d SET a.b TO ?"],
		["ALTER TABLE t SET (fillfactor = 70)", "ALTER TABLE t SET (fillfactor = ?)"],
		[
			"UPDATE t SET a = b, c = TRUE WHERE d IS NOT NULL AND e IS TRUE",
			"UPDATE t SET a = b, c = ? WHERE d IS NOT NULL AND e IS TRUE",
		],
		["CREATE TABLE t (a int NOT NULL DEFAULT NULL)", "CREATE TABLE t (a int NOT NULL DEFAULT ?)"],
		["SELECT data ? 'k', a @> '{}'::jsonb, b[1:2]", "SELECT data ? ?, a @> ?::jsonb, b[?:?]"],
		["SELECT date '2020-01-01', é", "SELECT date ?, é"],
		// A statement only in encodings in which the backslash can be half of a character.
		["SELECT E'é\\', shown, 'x'", "SELECT ?, shown, ?"],
		["SELECT 'open", undefined],
		["SELECT $a$ open", undefined],
		["SELECT /* open", undefined],
		["SELECT \\ 1", undefined],
		["SELECT '\ufffd'", undefined],
		["SELECT \u0000", undefined],
		[`SELECT '${"a".repeat(1 << 20)}'`, undefined],
		["", ""],
	];
	for (const [text, shape] of shapes) t.equal(postgresShape(text), shape, JSON.stringify(text.slice(0, 80)));
	t.end();
});

t.test("MySQL and MariaDB", (t) => {
	const shapes: [string, string | undefined][] = [
		[
			"SELECT 'a', \"b\", 1, 1.5, 1e5, 0xff, x'ff', b'1', n'a', _utf8mb4'x', \\N, ?",
			"SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, _utf8mb4?, ?, ?",
		],
		["SELECT email AS 'secret', `x y`, t.1a FROM t -- secret\n", "SELECT email AS ?, `x y`, t.1a FROM t /*?*/\n"],
		["SELECT 'it\\'s' # secret\n, 'b' /* secret */ FROM t", "SELECT ? /*?*/\n, ? /*?*/ FROM t"],
		['SELECT "it\\"s", \'a\\\\\'', "SELECT ?, ?"],
		["CREATE USER 'u'@'h' IDENTIFIED BY 'pw'", "CREATE USER ? IDENTIFIED BY ?"],
		["SET @a = 'secret', @@sql_mode = ANSI", "SET @a = ? ? ? ?"],
		["SET NAMES utf8mb4", "SET NAMES utf8mb4"],
		["INSERT INTO t SET a = 5, b = c", "INSERT INTO t SET a = ?, b = c"],
		["/*!40101 SET NAMES utf8 */", "/*!40101 SET NAMES utf8 */"],
		["/*!99999 secret */ SELECT 1", "/*?*/ SELECT ?"],
		["SELECT /*! 'secret' */ 1", "SELECT /*! ? */ ?"],
		["SELECT 'open", undefined],
		["SELECT /* open", undefined],
		["SELECT 'ünï', ü FROM t", "SELECT ?, ü FROM t"],
	];
	for (const [text, shape] of shapes) t.equal(mysqlShape(text, MARIADB), shape, JSON.stringify(text));
	t.equal(mysqlShape("SELECT a->'$.secret'", MYSQL), "SELECT a->?");
	// Each is a statement under one setting only.
	t.equal(mysqlShape("SELECT 'a\\', secret, ' , 'b'", MARIADB), "SELECT ? , ?");
	t.equal(mysqlShape("SELECT 'a\\', shown, '\\'", MARIADB), "SELECT ?, shown, ?");
	t.end();
});

/** Marks that no text of the corpora holds. */
const MARK = "zqx7";

const STRING_TOKENS = new Set(["SCONST", "USCONST"]);
const OTHER_LITERALS = new Set(["ICONST", "FCONST", "BCONST", "XCONST"]);

interface Token {
	readonly start: number;
	readonly end: number;
	readonly tokenName: string;
}

/** The text with every literal, as the server's scanner sees them, made another; counted by `number`. */
function marked(text: string): { readonly text: string; readonly literals: number } | undefined {
	const bytes = Buffer.from(text);
	let tokens: readonly Token[];
	try {
		tokens = (scanSync(text).tokens as readonly Token[]) ?? [];
	} catch {
		return undefined;
	}
	const pieces: Buffer[] = [];
	let at = 0;
	let literals = 0;
	for (const { start, end, tokenName } of tokens) {
		const isString = STRING_TOKENS.has(tokenName);
		const isComment = tokenName === "SQL_COMMENT" || tokenName === "C_COMMENT";
		if (!isString && !isComment && !OTHER_LITERALS.has(tokenName)) continue;
		const token = bytes.subarray(start, end).toString();
		literals += 1;
		const other = isComment
			? tokenName === "C_COMMENT"
				? `/* ${MARK} */`
				: `--${MARK}`
			: isString
				? `'${MARK}'`
				: "90817263";
		// A dollar-quoted or prefixed string may touch the word before it: it keeps its form.
		pieces.push(bytes.subarray(at, start), Buffer.from(isString && /^\w/.test(token) ? ` ${other}` : other));
		at = end;
	}
	pieces.push(bytes.subarray(at));
	return { text: Buffer.concat(pieces).toString(), literals };
}

for (const name of [
	"postgres-regress",
	"postgres-tools",
	"postgres-pgadmin",
	"postgres-tpc",
	"postgres-probes",
	"postgres-lexical-attacks",
]) {
	const rows = corpus(name);
	t.test(`corpus ${name}`, { skip: rows === undefined && "the corpora are not at hand" }, (t) => {
		let judged = 0;
		let whole = 0;
		const leaks: string[] = [];
		for (const { sql } of rows ?? []) {
			if (sql.length > 20_000 || sql.includes(MARK) || sql.includes("90817263")) continue;
			const other = marked(sql);
			if (other === undefined) continue;
			const shape = postgresShape(other.text);
			judged += 1;
			if (shape === undefined) whole += 1;
			else if (shape.includes(MARK) || shape.includes("90817263")) leaks.push(`${other.text}\n→ ${shape}`);
		}
		t.strictSame(leaks.slice(0, 3), []);
		t.comment(`${judged} statements, ${whole} of them hidden whole`);
		t.ok(judged > 10);
		t.ok(whole <= judged * 0.01, `hidden whole: ${whole} of ${judged}`);
		t.end();
	});
}

/** What another reader finds in a statement that is a string. */
function stringsOf(tree: unknown, found: Set<string>): Set<string> {
	if (Array.isArray(tree)) for (const item of tree) stringsOf(item, found);
	else if (typeof tree === "object" && tree !== null) {
		const { type, value } = tree as { type?: unknown; value?: unknown };
		if (typeof type === "string" && /string/.test(type) && typeof value === "string" && !/backticks/.test(type))
			found.add(value);
		for (const item of Object.values(tree)) stringsOf(item, found);
	}
	return found;
}

for (const name of ["mysql-tools", "mysql-tpc", "mysql-probes", "mysql-suite"]) {
	const rows = corpus(name);
	t.test(`corpus ${name}`, { skip: rows === undefined && "the corpora are not at hand" }, (t) => {
		const parser = new nodeSqlParser.Parser();
		let judged = 0;
		let strings = 0;
		let whole = 0;
		const leaks: string[] = [];
		const every = name === "mysql-suite" ? 12 : 1;
		for (const [index, { sql }] of (rows ?? []).entries()) {
			if (index % every !== 0 || sql.length > 8000) continue;
			const shape = mysqlShape(sql, MYSQL);
			judged += 1;
			if (shape === undefined) {
				whole += 1;
				continue;
			}
			let found: Set<string>;
			try {
				found = stringsOf(parser.astify(sql, { database: "mysql" }), new Set());
			} catch {
				continue;
			}
			for (const value of found) {
				const bare = value.replace(/^(['"])(.*)\1$/s, "$2");
				// What also stands outside of quotes is told by that.
				if (bare.length < 3 || sql.split(`'${bare}'`).join("").split(`"${bare}"`).join("").includes(bare)) continue;
				strings += 1;
				if (shape.includes(bare)) leaks.push(`${sql}\n→ ${shape} holds ${bare}`);
			}
		}
		t.strictSame(leaks.slice(0, 3), []);
		t.comment(`${judged} statements, ${strings} strings, ${whole} hidden whole`);
		t.ok(judged > 10);
		t.ok(whole <= judged * 0.03, `hidden whole: ${whole} of ${judged}`);
		t.end();
	});
}
