/** The lexer as each server's: where tokens begin and end, what goes upstream, what sessions change. */
import t from "tap";
import { serverNamed } from "../../../src/sql/mysql/flavour.js";
import { lex } from "../../../src/sql/mysql/lexer.js";
import { parseReading, readingOf } from "../../../src/sql/mysql/reading.js";
import { KIND } from "../../../src/sql/mysql/tokens.js";
import { MARIADB, MYSQL, read, refusal, SERVERS, type Session } from "./reading.js";

const NAMES = Object.fromEntries(Object.entries(KIND).map(([name, kind]) => [kind, name]));

/** `kind:raw` of each token. */
function tokens(sql: string, server = MYSQL, { modes = "", charset = "utf8mb4" }: Session = {}): string {
	const text = Buffer.from(sql).toString("latin1");
	const found = lex(text, server, parseReading(readingOf({ database: "", modes, multi: false, charset })));
	const shown: string[] = [];
	for (let at = 0; at < found.count - 1; at++) {
		const raw = Buffer.from(text.slice(found.starts[at], found.ends[at]), "latin1").toString();
		shown.push(`${NAMES[found.kinds[at] ?? 0]}:${raw}`);
	}
	return shown.join(" ");
}

const canonical = (sql: string, server = MYSQL) => {
	const { canonical: text } = read(sql, server);
	return text === undefined ? undefined : Buffer.from(text, "latin1").toString();
};

t.test("tokens", async (t) => {
	const rows: readonly (readonly [sql: string, tokens: string])[] = [
		["a.b", "name:a symbol:. name:b"],
		["a.select", "name:a symbol:. name:select"],
		["select.1a", "name:select symbol:. name:1a"],
		["a .b", "word:a symbol:. name:b"],
		["a. b", "word:a symbol:. word:b"],
		["a .1", "word:a decimal:.1"],
		["`a`.1", "name:`a` decimal:.1"],
		["1a", "name:1a"],
		["1e", "name:1e"],
		["1e1", "decimal:1e1"],
		["1e1a", "decimal:1e1 word:a"],
		["1e+1", "decimal:1e+1"],
		["1.5a", "decimal:1.5 word:a"],
		["1.a", "decimal:1. word:a"],
		["0x1f", "bits:0x1f"],
		["0X1f", "name:0X1f"],
		["0x1g", "name:0x1g"],
		["0b2", "name:0b2"],
		["x'1F' b'01' n'a'", "bits:x'1F' bits:b'01' text:n'a'"],
		["_utf8mb4'a' _none", "charset:_utf8mb4 text:'a' word:_none"],
		["@a @`b c` @'d' @@e", "variable:@a variable:@`b c` variable:@'d' symbol:@@ word:e"],
		["a:=1", "word:a symbol::= integer:1"],
		["<=> <> != >= << >> && ||", "symbol:<=> symbol:<> symbol:!= symbol:>= symbol:<< symbol:>> symbol:&& symbol:||"],
		["'a''b' 'a\\'b' 'a\\\\'", "text:'a''b' text:'a\\'b' text:'a\\\\'"],
		["`a``b` `\\`", "name:`a``b` name:`\\`"],
		["é ñandú 日本", "word:é word:ñandú word:日本"],
		["$a a$b", "word:$a word:a$b"],
	];
	for (const [sql, expected] of rows) for (const server of SERVERS) t.equal(tokens(sql, server), expected, sql);
	t.equal(tokens("a->'$.b'", MYSQL), "word:a symbol:-> text:'$.b'");
	t.equal(tokens("a->'$.b'", MARIADB), "word:a symbol:- symbol:> text:'$.b'");
	t.equal(tokens("\\N", MARIADB), "null:\\N");
	t.throws(() => tokens("\\N", MYSQL));
});

t.test("quotes and backslashes are what the session makes of them", async (t) => {
	t.equal(tokens('"a"'), 'text:"a"');
	t.equal(tokens('"a"', MYSQL, { modes: "ANSI_QUOTES" }), 'name:"a"');
	t.equal(tokens('"a\\" b', MYSQL, { modes: "ANSI_QUOTES" }), 'name:"a\\" word:b');
	t.equal(tokens("'a\\' b", MYSQL, { modes: "NO_BACKSLASH_ESCAPES" }), "text:'a\\' word:b");
	t.equal(tokens('@"a\\""', MYSQL), 'variable:@"a\\""');
});

t.test("what is refused", async (t) => {
	const refused = [
		"'a",
		'"a',
		"`a",
		"``",
		"`a\0b`",
		"x'1'",
		"b'2'",
		"1.5ex",
		"1 \0",
		"1 /* \0 */",
		"1 # \0",
		"1 /*",
		"1 /*! + 1",
		"1 /*!999999 /* */",
		"$$a$$",
		"$a$b",
		"a =! b",
		"a == b",
		"\x01",
		"@ a",
		"@@",
		"1 /*! ; SELECT 2 */",
		"\xa0 1",
	];
	for (const sql of refused) {
		const bytes = sql === "\xa0 1" ? Buffer.concat([Buffer.from("SELECT "), Buffer.from([0xa0])]) : `SELECT ${sql}`;
		for (const server of SERVERS) t.ok(refusal(bytes, server), JSON.stringify(sql));
	}
	t.match(refusal("SELECT é", MYSQL, { charset: "latin1" }), { message: /quoted/ });
	t.equal(refusal("SELECT 'é'", MYSQL, { charset: "latin1" }), undefined);
	t.equal(refusal(Buffer.from([...Buffer.from("SELECT '"), 0xff, 0xfe, 0x27]), MYSQL), undefined);
	t.ok(refusal(Buffer.from([...Buffer.from("SELECT `"), 0xff, 0xfe, 0x60]), MYSQL), "a name that is no UTF-8");
});

t.test("what goes upstream", async (t) => {
	const rows: readonly (readonly [sql: string, mysql: string | undefined, mariadb: string | undefined])[] = [
		["SELECT 1", undefined, undefined],
		["SELECT 1 /* plain */ -- line\n # other", undefined, undefined],
		["SELECT 1 /*! + 2 */", "SELECT 1     + 2   ", "SELECT 1     + 2   "],
		["SELECT 1 /*!50000 + 2*/+3", "SELECT 1          + 2  +3", "SELECT 1          + 2  +3"],
		["SELECT 1 /*!50700 +2*/", "SELECT 1          +2  ", "SELECT 1              "],
		["SELECT 1 /*!100000+2*/", undefined, "SELECT 1          +2  "],
		["SELECT 1 /*!99999+2*/", "SELECT 1             ", "SELECT 1             "],
		["SELECT 1 /*M!+2*/", "SELECT 1         ", "SELECT 1     +2  "],
		["SELECT 1 /* /* */", "SELECT 1         ", "SELECT 1         "],
		["SELECT 1--1", "SELECT 1- -1", "SELECT 1- -1"],
		["SELECT 1 --\tx", "SELECT 1  ", "SELECT 1  "],
		["SELECT 1 -- x\ry", "SELECT 1  ", "SELECT 1  "],
		["SELECT 1 /*+ x */", "SELECT 1         ", "SELECT 1         "],
		["SELECT /*+ BKA(t) */ 1", undefined, undefined],
	];
	for (const [sql, mysql, mariadb] of rows) {
		if (sql !== "SELECT 1 /*!100000+2*/") t.equal(canonical(sql, MYSQL), mysql, `mysql: ${sql}`);
		t.equal(canonical(sql, MARIADB), mariadb, `mariadb: ${sql}`);
	}
	// MySQL takes a sixth digit only before white space: this is `1 0+2`.
	t.ok(refusal("SELECT 1 /*!100000+2*/", MYSQL));
});

t.test("several statements are told apart, where the session has them", async (t) => {
	const places = (sql: string) =>
		read(sql, MYSQL, { multi: true }).statements.map(({ start, end }) => sql.slice(start, end));
	t.same(places("SELECT 1; SELECT ';' ;"), ["SELECT 1", "SELECT ';'"]);
	t.same(places("SELECT 1 /*! + 1 */; /* x */ SELECT 2"), ["SELECT 1 /*! + 1", "SELECT 2"]);
	t.ok(refusal("SELECT 1; SELECT 2", MYSQL));
	t.equal(refusal("SELECT 1;", MYSQL), undefined);
	t.equal(refusal("SELECT 1; -- x", MYSQL), undefined);
	t.ok(refusal("SELECT 1 /*! ; SELECT 2 */", MYSQL, { multi: true }), "a statement does not end inside a comment");
});

t.test("result columns are called as the servers call them", async (t) => {
	const label = (item: string, server = MYSQL) => {
		const statement = read(`SELECT ${item} FROM t`, server).statements[0]?.statement;
		if (statement?.kind !== "query" || statement.query.body.kind !== "select") return undefined;
		return statement.query.body.items[0]?.label;
	};
	const rows: readonly (readonly [item: string, label: string, mariadb?: string])[] = [
		["A", "a"],
		["(t.A)", "a"],
		["a  +  1", "a  +  1"],
		["a/**/+1", "a/**/+1"],
		["'x'", "x"],
		["' x'", "x"],
		["'x' 'y'", "x", "xy"],
		["('x')", "x"],
		["N'x'", "x"],
		["+ 1", "1"],
		["- 1", "- 1"],
		["(1)", "1"],
		["TRUE", "true"],
		["(TRUE)", "(true)", "true"],
		["x'41'", "x'41'"],
		["\\N", "null"],
		["a AS 'B'", "b"],
		["COUNT( * )", "count( * )"],
	];
	for (const [item, mysql, mariadb = mysql] of rows) {
		if (item !== "\\N") t.equal(label(item), mysql, item);
		t.equal(label(item, MARIADB), mariadb, item);
	}
	for (const alias of ["' b'", "` b`", "`b\ufffd`", `\`${"x".repeat(201)}\``, "`\u212a`", "`\u017f`", "`\u0130`"]) {
		t.ok(refusal(`SELECT a AS ${alias} FROM t`, MYSQL), `${alias} may be kept otherwise`);
	}
});

t.test("sessions that are not read", async (t) => {
	t.throws(() => parseReading(["", "ANSI_QUOTES,NEW_MODE", "utf8mb4"]));
	t.throws(() => parseReading(["", ""]));
	t.throws(() => parseReading(["", "", "gbk"]));
	const literals = (connection: string) =>
		readingOf({ database: "", modes: "", multi: false, charset: "utf8mb4", connection });
	t.throws(() => parseReading(literals("swe7")), { message: /literals are in the character set swe7/ });
	t.throws(() => parseReading(literals("")), "what is not known is not read");
	t.same(literals("latin1"), ["", "", "utf8mb4"]);
	t.same(readingOf({ database: "d", modes: "STRICT_ALL_TABLES,ANSI_QUOTES", multi: true, charset: "UTF8MB4" }), [
		"d",
		"ANSI_QUOTES,MULTI",
		"utf8mb4",
	]);
});

t.test("servers by what they call themselves", async (t) => {
	t.same(serverNamed("9.7.4-2", 0), { flavour: "mysql", version: 90704, lowerCaseNames: 0 });
	t.same(serverNamed("5.5.5-10.11.6-MariaDB-0+deb12u1", 1), {
		flavour: "mariadb",
		version: 101106,
		lowerCaseNames: 1,
	});
	t.equal(serverNamed("nonsense", 0), undefined);
});
