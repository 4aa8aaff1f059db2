/**
 * The reader against texts that nobody writes: it reads or refuses, and does nothing else; its time grows with the text
 * and not faster. Mutations are seeded: a failure names its seed. `LICET_NIGHTLY=1` tries a million.
 */
import t, { type Test } from "tap";
import { NIGHTLY, PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { corpus } from "../corpus.js";
import { MARIADB, MYSQL, read, refusal, SERVERS } from "./reading.js";

const ROUNDS = NIGHTLY ? 1_000_000 : 6_000;
/** tap's own time limit is for the rounds of every day. */
t.setTimeout(PART_TIMEOUT_MS);

/** Statements to mutate, of every family and with most of the syntax. */
const SEEDS = [
	"SELECT a, t.b AS x, COUNT(*) FROM app.t t LEFT JOIN u USING (a) WHERE a = 'x' AND b IN (1, 2, 3) GROUP BY 1 WITH ROLLUP HAVING x > 1.5e3 ORDER BY 2 DESC LIMIT 10, 20 FOR UPDATE",
	"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT * FROM c",
	"SELECT /*+ MAX_EXECUTION_TIME(5) */ /*!50000 1, */ `a``b`, \"x\", @v := 1, @@global.sort_buffer_size, ?, x'41', 0x41, b'1', N'z', _utf8mb4'q' -- end",
	"SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (ORDER BY a)",
	"SELECT CASE a WHEN 1 THEN (SELECT MAX(b) FROM u) ELSE CAST(b AS DECIMAL(10, 2)) END, GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ',') FROM ((SELECT 1) UNION (SELECT 2)) x",
	"SELECT a->'$.x', a->>'$.y', JSON_VALUE(a, '$.z' RETURNING CHAR), MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE), TRIM(LEADING 'x' FROM a), EXTRACT(DAY FROM b), a + INTERVAL 1 DAY FROM t",
	"SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (n FOR ORDINALITY, a INT PATH '$' DEFAULT '0' ON EMPTY)) AS j, LATERAL (SELECT 1) l",
	"INSERT INTO t (a, b) VALUES (1, DEFAULT), (2, 'x') AS new ON DUPLICATE KEY UPDATE a = new.a + VALUES(b)",
	"REPLACE LOW_PRIORITY INTO t SET a = 1, b = (SELECT 2)",
	"UPDATE IGNORE t JOIN u ON t.a = u.a SET t.b = u.b, u.c = NULL WHERE t.a IS NOT NULL",
	"DELETE t, u FROM t INNER JOIN u WHERE t.a = u.a AND t.b NOT BETWEEN 1 AND 2",
	"DELETE FROM t WHERE a REGEXP 'x' ORDER BY b LIMIT 1 RETURNING a",
	"SET @a = 1, SESSION sql_mode = 'ANSI_QUOTES', NAMES utf8mb4",
	"CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(10) DEFAULT 'x', KEY (b)) ENGINE = InnoDB",
	"SHOW FULL COLUMNS FROM t LIKE 'a%'",
	"CREATE PROCEDURE p (IN a INT) BEGIN DECLARE b INT; IF a = 1 THEN SELECT b; END IF; END",
];

/** Pieces that change what the rest of a text means. */
const PIECES =
	"' \" ` ( ) ((( ))) , ; -- # /* */ /*! /*!50000 /*!999999 /*M! \\ \\' \0 \n @ @@ := . .1 1e 0x ? * {x } -> ->> || && <=> !! ~ ^ é \xff $$ SELECT FROM UNION INTO ALL INTERVAL CASE END NOT IN EXISTS VALUES ROW TABLE WITH AS ORDER BY LIMIT OVER USING SET".split(
		" ",
	);

/** Small and seeded (mulberry32): a run can be repeated. */
function random(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}

function mutated(seed: number, seeds: readonly string[]): string {
	const below = random(seed);
	let text = seeds[below(seeds.length)] ?? "";
	for (let changes = 1 + below(4); changes > 0; changes--) {
		const at = below(text.length + 1);
		const length = below(12);
		switch (below(5)) {
			case 0:
				text = text.slice(0, at) + (PIECES[below(PIECES.length)] ?? "") + text.slice(at);
				break;
			case 1:
				text = text.slice(0, at) + text.slice(at + length);
				break;
			case 2:
				text = text.slice(0, at) + text.slice(below(text.length + 1));
				break;
			case 3: {
				const other = seeds[below(seeds.length)] ?? "";
				const from = below(other.length + 1);
				text = text.slice(0, at) + other.slice(from, from + 4 * length) + text.slice(at);
				break;
			}
			default:
				text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
		}
	}
	return text;
}

const MODES = ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,IGNORE_SPACE"];

t.test("mutated statements are read or refused, in time", async (t) => {
	const own = NIGHTLY
		? ["mysql-suite", "mariadb-suite", "mysql-tools"].flatMap((name) => corpus(name) ?? []).map(({ sql }) => sql)
		: [];
	const seeds = own.length > 0 ? [...SEEDS, ...own] : SEEDS;
	const slow: string[] = [];
	for (let seed = 1; seed <= ROUNDS; seed++) {
		const sql = mutated(seed, seeds);
		const server = seed % 2 === 0 ? MARIADB : MYSQL;
		const session = { modes: MODES[seed % MODES.length] ?? "", multi: seed % 3 === 0 };
		const before = performance.now();
		try {
			const error = refusal(Buffer.from(sql, "latin1"), server, session);
			if (error === undefined) reread(t, Buffer.from(sql, "latin1"), server, session);
		} catch (error) {
			t.fail(`seed ${seed}: ${String(error)}: ${JSON.stringify(sql)}`);
		}
		if (performance.now() - before > 250 + sql.length / 100) slow.push(`seed ${seed}: ${JSON.stringify(sql)}`);
	}
	t.same(slow, [], `${ROUNDS} texts`);
});

/** What goes upstream says the same as what was read, and nothing in it is left to be settled. */
function reread(t: Test, sql: Buffer, server: typeof MYSQL, session: { modes: string; multi: boolean }): void {
	const first = read(sql, server, session);
	if (first.canonical === undefined) return;
	const again = read(Buffer.from(first.canonical, "latin1"), server, session);
	if (again.canonical !== undefined) t.fail(`the canonical text has one of its own: ${JSON.stringify(String(sql))}`);
	if (shape(first.statements) !== shape(again.statements))
		t.fail(`it reads differently: ${JSON.stringify(String(sql))}`);
}

/** A tree without places in the text. */
function shape(tree: unknown): string {
	return JSON.stringify(tree, (key, value: unknown) => {
		if (key === "position" || key === "start" || key === "end") return undefined;
		return value instanceof Map ? [...value] : value;
	});
}

/** CPU time of this process: other tests share the machine. */
function millisecondsOf(sql: string): number {
	let best = Number.POSITIVE_INFINITY;
	for (const server of SERVERS) {
		const before = process.cpuUsage();
		refusal(sql, server);
		refusal(sql, server, { multi: true });
		const { user, system } = process.cpuUsage(before);
		best = Math.min(best, (user + system) / 1000);
	}
	return best;
}

t.test("large texts", async (t) => {
	const filled = (bytes: number) => (piece: string) => piece.repeat(Math.ceil(bytes / piece.length));
	const megabyte = filled(1 << 20);
	const list = `SELECT * FROM t WHERE a IN (0${megabyte(",123456")})`;
	t.equal(refusal(list, MYSQL), undefined);
	t.ok(Math.min(millisecondsOf(list), millisecondsOf(list)) < 400, "a list of a megabyte");
	const rows = `INSERT INTO t VALUES (1,'x')${megabyte(",(1,'abcdefgh',NULL)")}`;
	t.equal(refusal(rows, MARIADB), undefined);
	t.ok(millisecondsOf(rows) < 1_500, "rows of a megabyte");
	// As long as a text may be, unless it is configured otherwise.
	const fill = filled(256 * 1024);
	const hostile: readonly (readonly [name: string, sql: string])[] = [
		["open brackets", `SELECT ${fill("(")}`],
		["open queries", `SELECT ${fill("(SELECT ")}`],
		["double brackets around queries", `SELECT ${fill("((SELECT ")}`],
		["guesses that fail late", `SELECT ${"((SELECT ".repeat(90)}1${") + 1)".repeat(90)}`],
		["guesses that fail at last", `SELECT ${"((SELECT ".repeat(90)}1 1 1${") + 1)".repeat(90)}`],
		["guesses in lists", `SELECT 1 IN ${"((SELECT 1 IN ".repeat(60)}(1)${"), 2)".repeat(60)}`],
		["guesses in FROM", `SELECT * FROM ${"((SELECT * FROM ".repeat(60)}t${") x JOIN u)".repeat(60)}`],
		["nested intervals", `SELECT ${fill("INTERVAL (")}`],
		["signs", `SELECT ${fill("-")}1`],
		["spaced signs", `SELECT ${fill("- ")}1`],
		["NOT", `SELECT ${fill("NOT ")}1`],
		["comments", fill("/**/")],
		["executable comments", `SELECT 1 ${fill("/*! + 1 */")}`],
		["skipped comments", `SELECT 1 ${fill("/*!999999 /* */")}`],
		["open comments", fill("/*")],
		["quotes", `SELECT ${fill("''")}'`],
		["dots", `SELECT ${fill("a.")}`],
		["sums", `SELECT 1${fill("+1")}`],
		["conjunctions", `SELECT 1${fill(" AND 1")}`],
		["comparisons", `SELECT 1${fill("=1")}`],
		["unions", `SELECT 1${fill(" UNION SELECT 1")}`],
		["joins", `SELECT 1 FROM a${fill(" JOIN a")}`],
		["nested joins", `SELECT 1 FROM a${fill(" JOIN (a")}`],
		["semicolons", fill(";")],
		["statements and executed comments", fill("SELECT 1 /*!+1*/;")],
		["dollars", `SELECT ${fill("$")}`],
		["hexadecimal", `SELECT x'${fill("f")}`],
		["half exponents", `SELECT ${fill("1e ")}`],
		["aliases", `SELECT 1${fill(",'x' 'y'")}`],
		["executed and blanked labels", `SELECT 1${fill(",/*!1+*/1")}`],
	];
	for (const [name, sql] of hostile) {
		const taken = millisecondsOf(sql);
		t.ok(taken < 1_000, `${name}: ${taken.toFixed(0)} ms`);
	}
});

t.test("a short statement costs a few microseconds", async (t) => {
	const sql = "SELECT id, name FROM app.users WHERE email = 'ada@example.com' AND active = 1 LIMIT 1";
	for (let round = 0; round < 20_000; round++) read(sql, MYSQL);
	const before = process.cpuUsage();
	const ROUNDS = 20_000;
	for (let round = 0; round < ROUNDS; round++) read(sql, MYSQL);
	const microseconds = process.cpuUsage(before).user / ROUNDS;
	t.comment(`${microseconds.toFixed(1)} µs`);
	t.ok(microseconds < 100, "with a wide margin for busy machines");
});
