/**
 * Texts that are made to keep a reader of SQL busy: by length (nesting, lists, chains), and by what a few hundred bytes
 * can be made to mean. `app.users` has the columns id, name and email. What only one engine knows is a mistake to the other, which is an
 * answer too.
 */

const times = (count: number, piece: string): string => piece.repeat(count);
const list = (count: number, piece: (index: number) => string, between = ", "): string =>
	Array.from({ length: count }, (_, index) => piece(index)).join(between);
/** Each level holds the one before. */
const levels = (count: number, first: string, level: (inner: string, index: number) => string): string =>
	Array.from({ length: count }).reduce((inner: string, _, index) => level(inner, index), first);

/** Below the bound of the first lane (8 KiB). */
export const SHORT_BOMBS: Readonly<Record<string, string>> = {
	"columns that double": `WITH a0 AS (SELECT * FROM app.users), ${list(22, (i) => `a${i + 1} AS (SELECT x.*, y.* FROM a${i} x, a${i} y)`)} SELECT * FROM a22`,
	"readings that double": `WITH a0 AS (SELECT id FROM app.users), ${list(60, (i) => `a${i + 1} AS (SELECT x.id FROM a${i} x JOIN a${i} y ON x.id = y.id)`)} SELECT * FROM a60`,
	"recursion within recursion": levels(
		18,
		"SELECT 1",
		(inner, i) =>
			`WITH RECURSIVE r${i} AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r${i}, (${inner}) s${i}) SELECT 1 FROM r${i}`,
	),
	"recursion that settles late": `WITH RECURSIVE r (${list(150, (i) => `c${i}`)}) AS (SELECT ${list(150, () => "email")} FROM app.users UNION ALL SELECT ${list(150, (i) => (i > 0 ? `c${i - 1}` : "name"))} FROM r, app.users) SELECT * FROM r`,
	"joins that merge": `SELECT * FROM app.users u ${list(160, (i) => `JOIN app.users u${i} USING (id, name, email)`, " ")}`,
	"natural joins": `SELECT * FROM app.users u ${list(200, (i) => `NATURAL JOIN app.users u${i}`, " ")}`,
	brackets: `SELECT ${times(950, "(")}1${times(950, ")")}`,
	subqueries: `SELECT ${times(330, "(SELECT ")}1${times(330, ")")}`,
	"queries in FROM": `SELECT * FROM ${times(300, "(SELECT * FROM ")}app.users${list(300, (i) => `) x${i}`, "")}`,
	"correlated queries": levels(120, "SELECT email", (inner, i) => `SELECT (${inner}) FROM app.users u${i}`),
	"comments in comments": `${times(4000, "/*")}`,
	"signs before a number": `SELECT ${times(4000, "- ")}1`,
	negations: `SELECT ${times(2000, "NOT ")}true`,
	"functions of functions": `SELECT ${times(900, "lower(")}name${times(900, ")")} FROM app.users`,
	"unions in brackets": `${times(390, "(")}SELECT 1${times(390, " UNION SELECT 1)")}`,
	"joins in brackets": `SELECT * FROM ${times(180, "(app.users u JOIN ")}app.users${times(180, " ON 1 = 1)")}`,
	"comparisons of rows": `SELECT 1 WHERE ${times(100, "((1, 2) = (")}1${times(100, "), 2)")}`,
	cases: `SELECT ${times(250, "CASE WHEN true THEN ")}1${times(250, " END")}`,
	"windows over windows": `SELECT count(*) OVER w119 FROM app.users WINDOW ${list(120, (i) => `w${i} AS (${i > 0 ? `w${i - 1}` : "PARTITION BY name"})`)}`,
};

/** Up to the bound of a statement, and beyond it. */
export const BOMBS: Readonly<Record<string, string>> = {
	"brackets beyond the bound": `SELECT ${times(100_000, "(")}1${times(100_000, ")")}`,
	"long negation": `SELECT ${times(50_000, "NOT ")}true`,
	"long sum": `SELECT 1${times(100_000, "+1")}`,
	"long chain of casts": `SELECT 1${times(40_000, "::int")}`,
	"long chain of subscripts": `SELECT a${times(60_000, "[1]")} FROM app.users`,
	"long chain of conditions": `SELECT id FROM app.users WHERE ${list(20_000, () => "id = 1", " OR ")}`,
	"nested cases": `SELECT ${times(10_000, "CASE WHEN true THEN ")}1${times(10_000, " END")}`,
	"a list of 1 MB": `SELECT id FROM app.users WHERE id IN (${list(160_000, (i) => String(i))})`,
	"a list within the bound": `SELECT id FROM app.users WHERE id IN (${list(40_000, (i) => String(i))})`,
	"a literal of 10 MB": `SELECT '${times(10_000_000, "x")}'`,
	"a literal within the bound": `SELECT '${times(250_000, "x")}'`,
	"6000 legs": list(6000, () => "SELECT 1", " UNION ALL "),
	"4000 joins": `SELECT 1 FROM app.users u ${list(4000, (i) => `JOIN app.users u${i} ON u${i}.id = u.id`, " ")}`,
	"4000 natural joins": `SELECT * FROM app.users u ${list(4000, (i) => `NATURAL JOIN app.users u${i}`, " ")}`,
	"8000 tables": `SELECT 1 FROM ${list(8000, (i) => `app.users u${i}`)}`,
	"names looked for in many tables": `SELECT 1 FROM ${list(4000, (i) => `app.users u${i}`)}, (SELECT ${list(3000, (i) => `1 x${i}`)}) z WHERE ${list(5000, (i) => `x${i % 3000} = 1`, " AND ")}`,
	"60000 columns": `SELECT ${list(60_000, () => "id")} FROM app.users`,
	"60000 stars": `SELECT ${list(60_000, () => "*")} FROM app.users`,
	"25000 statements": times(25_000, "SELECT 1;"),
	"long comments in comments": `${times(50_000, "/*")}${times(50_000, "*/")} SELECT 1`,
	"8000 common tables": `WITH ${list(8000, (i) => `a${i} AS (SELECT 1)`)} SELECT 1`,
	"20000 groups": `SELECT count(*) FROM app.users GROUP BY ${list(20_000, (i) => `id + ${i}`)}`,
	"3000 windows": `SELECT ${list(3000, (i) => `count(*) OVER w${i}`)} FROM app.users WINDOW ${list(3000, (i) => `w${i} AS (${i > 0 ? `w${i - 1}` : "PARTITION BY name"})`)}`,
	"15000 rows": `INSERT INTO app.orders (id, note) VALUES ${list(15_000, (i) => `(${i},'x')`)}`,
};
