/**
 * Texts that read a table which a careless reader does not see. For each server: the table is seen, or the text is
 * refused. Where a server does not read it, nothing forces us to. An evasion, once found, stays here for ever.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { PROJECT } from "../../helpers/project.js";
import { MARIADB, MYSQL, type Session, tables } from "./reading.js";
import { read as readFacts } from "./shop.js";

type Where = "both" | "mariadb" | "mysql";

/** `[text, servers that read table `vault`, sql_mode]` */
const EVASIONS: readonly (readonly [sql: string, where: Where, modes?: string])[] = [
	// Executable comments.
	["SELECT 1 /*! UNION SELECT pin FROM vault */", "both"],
	["SELECT 1 /*!UNION SELECT pin FROM vault*/", "both"],
	["SELECT 1 /*!40000UNION SELECT pin FROM vault */", "both"],
	["SELECT 1 /*!50699 UNION SELECT pin FROM vault */", "both"],
	["SELECT 1 /*!50700 UNION SELECT pin FROM vault */", "mysql"],
	["SELECT 1 /*!80000 UNION SELECT pin FROM vault */", "mysql"],
	["SELECT 1 /*!090000 UNION SELECT pin FROM vault */", "mysql"],
	["SELECT 1 /*!100000 UNION SELECT pin FROM vault */", "mariadb"],
	["SELECT 1 /*!101119 UNION SELECT pin FROM vault */", "mariadb"],
	["SELECT 1 /*M! UNION SELECT pin FROM vault */", "mariadb"],
	["SELECT 1 /*M!101100 UNION SELECT pin FROM vault */", "mariadb"],
	["SELECT 1 /*M!50700 UNION SELECT pin FROM vault */", "mariadb"],
	["SELECT 1 /*!1234 UNION SELECT pin FROM vault */", "both"],
	["SELECT 1 FROM /*!50000 (*/ /*!50000 vault */ /*! ) */", "both"],
	["SELECT '1' /*!50000 , pin */ FROM vault", "both"],
	["SELECT 1 /*!90999 '*/ UNION SELECT pin FROM vault -- '*/", "both"],
	["SELECT 1 /*!50700 '*/ UNION SELECT pin FROM vault -- '*/", "mariadb"],
	["SELECT 1 /*M! '*/ UNION SELECT pin FROM vault -- '*/", "mysql"],
	["SELECT 1 /*!999999 /* */ '*/ UNION SELECT pin FROM vault -- '*/", "both"],
	["SELECT 1 /*!40000 /* */ UNION SELECT pin FROM vault */", "both"],
	["SELECT 1 /*!40000 + 1 */ UNION /*! SELECT pin */ FROM vault", "both"],
	// Plain comments.
	["SELECT 1 /* /* */ UNION SELECT pin FROM vault -- */ */", "both"],
	["SELECT 1 /*/ */ UNION SELECT pin FROM vault -- */", "both"],
	["SELECT 1 /**/UNION/**/SELECT/**/pin/**/FROM/**/vault", "both"],
	["SELECT 1 # '\n UNION SELECT pin FROM vault -- '", "both"],
	["SELECT 1 #\\\n UNION SELECT pin FROM vault", "both"],
	["SELECT 1 -- '\n UNION SELECT pin FROM vault -- '", "both"],
	["SELECT 1 --\tx\n UNION SELECT pin FROM vault", "both"],
	["SELECT 1 --\x01 x\n UNION SELECT pin FROM vault", "both"],
	["SELECT 1 --\x0c'\n UNION SELECT pin FROM vault -- '", "both"],
	["SELECT 1 --1 UNION SELECT pin FROM vault", "both"],
	["SELECT 1 --'' UNION SELECT pin FROM vault", "both"],
	// Optimizer hints.
	["SELECT /*+ ' */ pin FROM vault -- '", "both"],
	["SELECT /*+ ` */ pin FROM vault -- `", "both"],
	['SELECT /*+ " */ pin FROM vault -- "', "both"],
	["SELECT /*+ MAX_EXECUTION_TIME(1000) */ pin FROM vault", "both"],
	["SELECT 1 + /*+ ' */ (SELECT pin FROM vault) -- '", "both"],
	// Strings and their escapes.
	["SELECT '\\'' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT '\\\\' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT '\\' UNION SELECT pin FROM vault -- '", "both", "NO_BACKSLASH_ESCAPES"],
	["SELECT '''' UNION SELECT pin FROM vault -- '", "both"],
	['SELECT "\'" UNION SELECT pin FROM vault -- \'"', "both"],
	['SELECT "a""" UNION SELECT pin FROM vault -- "', "both"],
	['SELECT 1 AS "\\" UNION SELECT pin FROM vault -- "', "both", "ANSI_QUOTES"],
	['SELECT pin FROM "vault"', "both", "ANSI_QUOTES"],
	["SELECT _utf8mb4'\\'' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT _latin1 '\\'' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT _gbk'\\'' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT N'\\'' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT x'27' UNION SELECT pin FROM vault -- '", "both"],
	["SELECT 'a' 'b' UNION SELECT pin FROM vault", "both"],
	["SELECT 'é\\'' UNION SELECT pin FROM vault -- '", "both"],
	// Quoted names.
	["SELECT 1 AS `\\` UNION SELECT pin FROM vault -- `", "both"],
	["SELECT 1 AS `a``` UNION SELECT pin FROM vault -- `", "both"],
	["SELECT`pin`FROM`vault`", "both"],
	["SELECT`pin`FROM`app`.`vault`", "both"],
	// Numbers that end where a word begins, and words that begin with digits.
	["SELECT 1e0UNION SELECT pin FROM vault", "both"],
	["SELECT 1.5UNION SELECT pin FROM vault", "both"],
	["SELECT .1e1FROM vault UNION SELECT pin FROM vault", "both"],
	["SELECT 1.FROM vault", "both"],
	["SELECT 0x1UNION FROM vault", "both"],
	["SELECT \\NUNION SELECT pin FROM vault", "both"],
	["SELECT @a:=1UNION SELECT pin FROM vault", "both"],
	["SELECT @`'`UNION SELECT pin FROM vault -- '", "both"],
	["SELECT @'`'UNION SELECT pin FROM vault -- `", "both"],
	["SELECT @@version UNION SELECT pin FROM vault", "both"],
	// Places where a table may hide.
	["TABLE vault", "mysql"],
	["WITH x AS (TABLE vault) SELECT * FROM x", "mysql"],
	["VALUES ROW((SELECT pin FROM vault LIMIT 1))", "mysql"],
	["VALUES ((SELECT pin FROM vault LIMIT 1))", "mariadb"],
	["SELECT * FROM (vault)", "both"],
	["SELECT * FROM ((vault))", "both"],
	["SELECT * FROM (t, (vault))", "both"],
	["SELECT * FROM t JOIN (u JOIN vault)", "both"],
	["SELECT * FROM {OJ t LEFT JOIN vault ON 1 = 1}", "both"],
	["SELECT *FROM vault", "both"],
	["SELECT DISTINCTROW pin FROM vault", "both"],
	["((SELECT pin FROM vault))", "both"],
	["(SELECT 1) UNION (SELECT pin FROM vault)", "both"],
	["SELECT * FROM ((SELECT pin FROM vault)) t", "both"],
	["SELECT 1 IN ((SELECT pin FROM vault), 2)", "both"],
	["SELECT ((SELECT pin FROM vault) + 1)", "both"],
	["SELECT 1 FROM t ORDER BY (SELECT pin FROM vault)", "both"],
	["SELECT 1 FROM t GROUP BY (SELECT pin FROM vault) WITH ROLLUP", "both"],
	["SELECT 1 FROM t HAVING (SELECT pin FROM vault)", "both"],
	["SELECT COUNT(*) OVER (PARTITION BY (SELECT pin FROM vault)) FROM t", "both"],
	["SELECT COUNT(*) OVER w FROM t WINDOW w AS (ORDER BY (SELECT pin FROM vault))", "both"],
	["SELECT GROUP_CONCAT(a ORDER BY (SELECT pin FROM vault)) FROM t", "both"],
	["SELECT CASE (SELECT pin FROM vault) WHEN 1 THEN 2 END", "both"],
	["SELECT CAST((SELECT pin FROM vault) AS CHAR)", "both"],
	["SELECT CONVERT((SELECT pin FROM vault) USING utf8mb4)", "both"],
	["SELECT a + INTERVAL (SELECT pin FROM vault) DAY FROM t", "both"],
	["SELECT INTERVAL(1, (SELECT pin FROM vault))", "both"],
	["SELECT DATE_ADD(a, INTERVAL (SELECT pin FROM vault) DAY) FROM t", "both"],
	["SELECT EXTRACT(DAY FROM (SELECT pin FROM vault))", "both"],
	["SELECT TRIM(LEADING (SELECT pin FROM vault) FROM a) FROM t", "both"],
	["SELECT SUBSTRING((SELECT pin FROM vault) FROM 1 FOR 2)", "both"],
	["SELECT POSITION((SELECT pin FROM vault) IN a) FROM t", "both"],
	["SELECT @v := (SELECT pin FROM vault)", "both"],
	["SELECT {d (SELECT pin FROM vault)}", "both"],
	["SELECT * FROM t JOIN u ON (SELECT pin FROM vault)", "both"],
	["SELECT * FROM JSON_TABLE((SELECT pin FROM vault), '$' COLUMNS (a INT PATH '$')) AS j", "both"],
	["SELECT * FROM t, LATERAL (SELECT pin FROM vault) x", "mysql"],
	["SELECT * FROM vault FOR SYSTEM_TIME ALL", "mariadb"],
	["SELECT * FROM vault PARTITION (p0)", "both"],
	["SELECT * FROM vault USE INDEX (PRIMARY)", "both"],
	["INSERT INTO t SELECT pin FROM vault", "both"],
	["INSERT INTO t (SELECT pin FROM vault)", "both"],
	["INSERT INTO t VALUES ((SELECT pin FROM vault))", "both"],
	["INSERT INTO t SET a = (SELECT pin FROM vault)", "both"],
	["INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (SELECT pin FROM vault)", "both"],
	["INSERT INTO t TABLE vault", "mysql"],
	["REPLACE INTO t SELECT pin FROM vault", "both"],
	["INSERT INTO t VALUES (1) RETURNING (SELECT pin FROM vault)", "mariadb"],
	["DELETE FROM vault RETURNING pin", "mariadb"],
	["DELETE FROM t WHERE a IN (SELECT pin FROM vault)", "both"],
	["DELETE t FROM t JOIN vault", "both"],
	["DELETE FROM t USING t, vault", "both"],
	["DELETE FROM t ORDER BY (SELECT pin FROM vault) LIMIT 1", "both"],
	["UPDATE t SET a = (SELECT pin FROM vault)", "both"],
	["UPDATE t, vault SET t.a = vault.pin", "both"],
	["UPDATE t SET a = 1 ORDER BY (SELECT pin FROM vault) LIMIT 1", "both"],
	["WITH x AS (SELECT pin FROM vault) DELETE FROM t WHERE a IN (SELECT * FROM x)", "mysql"],
];

const SESSION = (modes: string | undefined): Session => (modes === undefined ? {} : { modes });

function isSafe(seen: string, table: string): boolean {
	return seen.startsWith("refused: ") || seen.split(" ").some((name) => name === table || name.endsWith(`.${table}`));
}

t.test("tables that hide are seen, or the text is refused", async (t) => {
	for (const [sql, where, modes] of EVASIONS) {
		for (const server of [MARIADB, MYSQL]) {
			if (where !== "both" && where !== server.flavour) continue;
			const seen = tables(sql, server, SESSION(modes));
			t.ok(isSafe(seen, "vault"), `${server.flavour}: ${sql}`, { seen });
		}
	}
});

t.test("what reads nothing is not taken for more", async (t) => {
	const nothing: readonly (readonly [string, Where, string?])[] = [
		["SELECT '/*! FROM vault */'", "both"],
		["SELECT 1 /* FROM vault */", "both"],
		["SELECT 1 /*!50700 FROM vault */", "mariadb"],
		["SELECT 1 /*!999999 FROM vault */", "both"],
		["SELECT 1 /*M! FROM vault */", "mysql"],
		["SELECT 1 # FROM vault", "both"],
		["SELECT 1 -- FROM vault", "both"],
		["SELECT 'FROM vault', \"FROM vault\"", "both"],
		["SELECT '\\' FROM vault -- '", "both"],
	];
	for (const [sql, where, modes] of nothing) {
		for (const server of [MARIADB, MYSQL]) {
			if (where !== "both" && where !== server.flavour) continue;
			t.equal(tables(sql, server, SESSION(modes)), "", `${server.flavour}: ${sql}`);
		}
	}
});

t.test("character sets in which a backslash or a quote hides in a character are not read", async (t) => {
	for (const charset of ["gbk", "sjis", "big5", "cp932", "gb18030", "ucs2", "utf16", "utf32", "nonsense"]) {
		t.match(tables("SELECT 1", MYSQL, { charset }), /^refused: .*character set/, charset);
	}
	t.match(tables("SELECT 1", MARIADB, { modes: "ORACLE" }), /^refused: .*sql_mode/);
	t.match(tables("SELECT 1", MARIADB, { modes: "MSSQL" }), /^refused: .*sql_mode/);
});

interface AttackRow {
	readonly sql: string;
	readonly mode: string;
	readonly leaks_mdb: boolean;
	readonly leaks_my97: boolean;
}

const file = join(
	process.env.LICET_CORPUS ?? join(PROJECT, "..", "shared", "corpus"),
	"mysql-lexical-attacks.jsonl.gz",
);

t.test("the corpus of attacks", { skip: existsSync(file) ? false : "it is not at hand" }, async (t) => {
	const rows = gunzipSync(readFileSync(file)).toString("utf8").trim().split("\n");
	for (const row of rows.map((line) => JSON.parse(line) as AttackRow)) {
		for (const server of [MARIADB, MYSQL]) {
			if (!(server === MARIADB ? row.leaks_mdb : row.leaks_my97)) continue;
			if (/^execute immediate/i.test(row.sql)) {
				// The text within is read when its meaning is asked for: then the table is seen, or the statement refused.
				const { refusal, relations } = readFacts(row.sql, { flavour: server.flavour });
				const isSeen = refusal !== undefined || relations.some(({ name }) => name === "people");
				t.ok(isSeen, `${server.flavour}: ${row.sql}`);
				continue;
			}
			const seen = tables(row.sql, server, { modes: row.mode });
			const isSeen = ["people", "people_copy", "v2"].some((table) => isSafe(seen, table));
			t.ok(isSeen, `${server.flavour}: ${row.sql}`, { seen });
		}
	}
});
