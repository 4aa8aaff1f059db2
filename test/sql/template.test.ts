/**
 * Templates are sound: texts with one template differ for the server's own parser in nothing but the values of literals.
 * What the hand lexer does not understand has no template. And the parser around it: what it refuses, and how.
 */
import fc from "fast-check";
import { hasSqlDetails, parseSync } from "libpg-query";
import t from "tap";
import { mysqlReader } from "../../src/sql/mysql/reader.js";
import { loadParser, ParserBroken, parseBytes } from "../../src/sql/postgres/parser.js";
import { postgresReader } from "../../src/sql/postgres/reader.js";
import { templateOf } from "../../src/sql/postgres/template.js";
import { corpus } from "./corpus.js";

const NOTHING = undefined as never;
const bytes = (text: string) => Buffer.from(text, "utf8");
const template = (text: string) => templateOf(bytes(text));

/** Places in the text, which the values of literals move. */
const PLACES = new Set(["location", "stmt_len", "stmt_location", "list_start", "list_end", "rexpr_list_start"]);
PLACES.add("rexpr_list_end");

/** A tree without the values of its literals and without places in the text. */
function shape(node: unknown): unknown {
	if (Array.isArray(node)) return node.map(shape);
	if (typeof node !== "object" || node === null) return node;
	const entries: [string, unknown][] = [];
	for (const [name, value] of Object.entries(node)) {
		if (PLACES.has(name)) continue;
		if (name === "A_Const") entries.push([name, Object.keys(value as object).filter((key) => !PLACES.has(key))]);
		else entries.push([name, shape(value)]);
	}
	return Object.fromEntries(entries);
}

/** What the server's parser makes of a text; undefined when it refuses it. */
function read(text: string): string | undefined {
	try {
		return JSON.stringify(shape(parseSync(text)));
	} catch (error) {
		if (hasSqlDetails(error)) return undefined;
		throw error;
	}
}

const INTEGERS = ["0", "1", "7", "007", "123456789", "999999999"];
const DECIMALS = ["0.0", "1.5", "12.", "000.10", "3.1415926535897932384626433"];
const STRINGS = ["''", "'x'", "'it''s'", "'-- no'", "'/* no */'", "'; drop'", "''''", "'$1'", "'$$'", "'E'", "'\"'"];

const PLACEHOLDERS = new Map([
	["\x01", INTEGERS],
	["\x02", DECIMALS],
	["\x03", STRINGS],
]);

/** Other texts of a template: each placeholder replaced by another literal of its kind. */
function variants(shared: string, seed: number): string[] {
	const pick = (from: readonly string[], index: number) => from[(index + seed) % from.length] ?? "";
	return [0, 1, 2].map((round) => {
		let count = round * 5;
		const parts = Array.from(shared, (character) => {
			const literals = PLACEHOLDERS.get(character);
			if (literals === undefined) return character;
			count += 1;
			return pick(literals, count);
		});
		return parts.join("");
	});
}

/** Here the tree holds literals (precisions, JSON paths) in other nodes than constants; facts look at none of them. */
const readByValue =
	/\bfloat\s*\(|\b(binary|bit|interval|time|timestamp|json_table|current_time(stamp)?|localtime(stamp)?)\b/i;

t.before(() => loadParser());

t.test("statements that programs send have templates", async (t) => {
	const same = (one: string, other: string) => {
		t.type(template(one), "string", one);
		t.equal(template(one), template(other), other);
	};
	same(
		"SELECT abalance FROM pgbench_accounts WHERE aid = 17;",
		"SELECT abalance FROM pgbench_accounts WHERE aid = 9001;",
	);
	same("insert into t (a, b) values (1, 'it''s', 1.5)", "insert into t (a, b) values (22, '', 0.25)");
	same("update \"T\" set a = a + -1 where b = 'x'::text", "update \"T\" set a = a + -20 where b = '--'::text");
	same("delete from t where a<>1 and b@>'{1}' and c = $1", "delete from t where a<>2 and b@>'{}' and c = $1");
	const differ = (one: string, other: string) => t.not(template(one), template(other), `${one} / ${other}`);
	differ("select a, 1", "select b, 1");
	differ("select 1", "select '1'");
	differ("select 1", "select 1.0");
	differ("select -1", "select 1");
	differ("select $1, 1", "select $2, 1");
	differ('select "a", 1', "select a, 1");
	differ("select 1 ", "select 1");
	differ("select 1;", "select 1");
	differ("select a ,1", "select a, 1");
});

t.test("what could be read otherwise has none", async (t) => {
	for (const text of [
		"select a",
		"select",
		"selected 1",
		"select$1 1",
		"with t as (select 1) select 1",
		"set search_path to 'x'",
		"copy t from '/x'",
		"prepare p as select 1",
		"explain select 1",
		"select 1; select 2",
		"select 1;;",
		"select 1; --",
		"select 1 -- x",
		"select 1 --\r union select 2",
		"select 1 /* x */",
		"select 1 /* /* */ */",
		"select 1 /",
		"select E'a', 1",
		"select e'\\'', 1",
		"select B'1', 1",
		"select X'1', 1",
		"select N'a', 1",
		"select U&'a', 1",
		'select U&"a", 1',
		"select u&'a' uescape '!'",
		"select $$a$$, 1",
		"select $a$b$a$, 1",
		"select 'a' 'b'",
		"select 'a'\n'b'",
		"select 'a'\r\n\t 'b'",
		"select 'a\\', 1",
		"select 'a\\\\'",
		"select 'a\n'",
		"select 'é'",
		"select é, 1",
		"select 'a",
		"select 1 'a",
		'select "a',
		"select 1a",
		"select 1e5",
		"select 1.e5",
		"select 1.5e5",
		"select 1.5.5",
		"select 1..2",
		"select .5",
		"select 0x1F",
		"select 0b1",
		"select 1_000",
		"select 1$1",
		"select 1234567890",
		"select 12345678901234567890",
		"select 1\0",
		"select \x01",
		"select \x03, 1",
		"select 1\v",
		"select 1\f",
		"select 1\u00a0",
		"select `a`, 1",
		"select {1}",
		"select \\1",
		"select $",
		"select $1a, 1",
		"select date'2020-01-01'",
	]) {
		// A lone slash at the end is an operator that lacks its operand: harmless either way.
		if (text === "select 1 /") continue;
		t.equal(template(text), undefined, JSON.stringify(text));
	}
	t.equal(template(`select 1${" ".repeat(5000)}`), undefined, "long");
	t.equal(templateOf(new Uint8Array(0)), undefined);
	// A view into a larger buffer is read within its bounds.
	const wide = bytes("xxselect 1 from t where a = 'b'yy");
	t.equal(templateOf(wide.subarray(2, wide.length - 2)), template("select 1 from t where a = 'b'"));
});

t.test("whatever the pieces: one template, one reading", async (t) => {
	const piece = fc.constantFrom(
		...[
			"select",
			"from t",
			"where",
			"a",
			"b",
			"E",
			"u",
			"U",
			"n",
			"B",
			"X",
			"uescape",
			"as",
			"and",
			"limit",
			"::int",
			"_1",
		],
		...[
			" ",
			"  ",
			"\n",
			"\r",
			"\t",
			"\v",
			",",
			"(",
			")",
			"[",
			"]",
			";",
			".",
			"..",
			"$",
			"$1",
			"$$",
			"$a$",
			"'",
			"''",
			'"',
			'""',
		],
		...[
			"'a'",
			"'a''b'",
			"'\\'",
			'"q"',
			'"q""r"',
			"-",
			"--",
			"/",
			"*",
			"/*",
			"*/",
			"+",
			"=",
			"<>",
			"!",
			"@",
			"#",
			"%",
			"^",
			"&",
		],
		...[
			"|",
			"||",
			"~",
			"?",
			":",
			"::",
			":=",
			"=>",
			"->",
			"->>",
			"0",
			"1",
			"12",
			"1.5",
			"1.",
			".5",
			"0x1",
			"1e1",
			"999999999",
		],
		...["1234567890", "é", "\\", "\0", "\u0001", "`", "{", "null"],
	);
	const text = fc.tuple(
		fc.constantFrom("select ", "SELECT 1,", "delete from t where "),
		fc.array(piece, { maxLength: 12 }),
	);
	let covered = 0;
	let read18 = 0;
	fc.assert(
		fc.property(text, fc.nat(100), ([start, pieces], seed) => {
			const sql = start + pieces.join("");
			const shared = template(sql);
			if (shared === undefined) return;
			covered += 1;
			const expected = read(sql);
			if (expected !== undefined) read18 += 1;
			for (const variant of variants(shared, seed)) {
				if (template(variant) !== shared) throw new Error(`${JSON.stringify(variant)} is of another template`);
				// Some values are errors only where the grammar looks at them; then nothing is delivered.
				const found = read(variant);
				if (found !== undefined && expected !== undefined && found !== expected) {
					throw new Error(`${JSON.stringify(sql)} and ${JSON.stringify(variant)} are read differently`);
				}
				if ((found === undefined) !== (expected === undefined)) {
					throw new Error(`${JSON.stringify(sql)} and ${JSON.stringify(variant)}: one is refused`);
				}
			}
		}),
		{ numRuns: 20_000 },
	);
	t.ok(covered > 1000, `${covered} texts had a template`);
	t.ok(read18 > 200, `${read18} of them are statements`);
});

t.test("the corpora: one template, one reading", async (t) => {
	let covered = 0;
	for (const name of ["postgres-regress", "postgres-tools", "postgres-pgadmin", "postgres-tpc", "postgres-probes"]) {
		const rows = corpus(name);
		if (rows === undefined) continue;
		for (const { sql } of rows) {
			const shared = template(sql);
			if (shared === undefined || readByValue.test(sql)) continue;
			const expected = read(sql);
			if (expected === undefined) continue;
			covered += 1;
			const [variant = ""] = variants(shared, covered);
			t.equal(template(variant), shared);
			const found = read(variant);
			// A value that the grammar itself refuses (a precision of 0 …) is the server's to refuse.
			if (found !== undefined && found !== expected) t.fail(`${sql}\n and \n${variant}\n are read differently`);
		}
	}
	if (covered === 0) t.comment("the corpora are not at hand");
	t.comment(`${covered} statements of the corpora have a template`);
});

t.test("lexical attacks have no template that hides them", async (t) => {
	for (const { sql } of corpus("postgres-lexical-attacks") ?? []) {
		const shared = template(sql);
		if (shared === undefined) continue;
		const expected = read(sql);
		for (const variant of variants(shared, 3)) t.equal(read(variant), expected, sql);
	}
});

t.test("the parser's bounds", async (t) => {
	const refusal = (text: string | Uint8Array) => {
		const parsed = parseBytes(typeof text === "string" ? bytes(text) : text);
		return "refusal" in parsed ? parsed.refusal : undefined;
	};
	t.equal(refusal("select 'é', \"ü\" -- x"), undefined);
	t.match(refusal("select 1\0; drop table t"), { kind: "syntax", message: /NUL/ });
	t.match(refusal(Buffer.from([0x73, 0xff, 0xfe])), { kind: "syntax", message: /UTF-8/ });
	// An overlong encoding of a quote, and a surrogate.
	t.match(refusal(Buffer.from([0x27, 0xc0, 0xa7])), { kind: "syntax" });
	t.match(refusal(Buffer.from([0x27, 0xed, 0xa0, 0x80, 0x27])), { kind: "syntax" });
	for (const reader of [postgresReader, mysqlReader]) {
		// It comes to neither context nor catalog.
		const { facts } = reader.analyse(bytes("select 1234"), NOTHING, NOTHING, { statementBytes: 10 });
		const message = "the statement has 11 bytes; at most 10 are read (bounds.statementBytes)";
		t.same(facts, { statements: [], refusal: { kind: "limit", message } });
	}
	t.match(refusal(`select ${"(".repeat(5000)}1${")".repeat(5000)}`), { kind: "limit" });
	t.same(refusal("selec 1"), { kind: "syntax", message: 'syntax error at or near "selec"', position: 0 });
	t.match(refusal("select é from from"), { kind: "syntax", position: 14 });
	for (const text of [
		"select 1 from 'secret value'",
		"select 'secret value",
		"select $x$ secret value",
		"insert 4711",
	]) {
		t.equal(refusal(text)?.kind, "syntax", text);
		t.notMatch(refusal(text)?.message, /secret|4711/, "no value in the message");
	}
	// Whatever nesting the pre-scan does not see ends in an answer or in ParserBroken, never in a crash.
	for (const text of [
		`select ${"not ".repeat(60_000)}true`,
		`select 1${"+1".repeat(120_000)}`,
		`select ${"- ".repeat(100_000)}1`,
	]) {
		try {
			parseBytes(bytes(text));
		} catch (error) {
			t.type(error, ParserBroken);
		}
	}
	t.pass("still here");
});
