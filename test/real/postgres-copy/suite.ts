/**
 * COPY … TO STDOUT of masked columns. The server itself is the judge of what comes out: it reads every stream back in,
 * and must find what a SELECT through Licet shows, whatever the format and however awkward the values and the masks.
 */
import { text } from "node:stream/consumers";
import { to as copyTo } from "pg-copy-streams";
import type { Test } from "tap";
import { found, type Needle, textNeedles } from "../../helpers/canaries.js";
import { cap, license } from "../../helpers/license.js";
import { type Json, type Licet, rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { psql, runProgram } from "../../helpers/programs.js";
import { RawClient, type RawOptions, rawOptions } from "../../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

/** What a mask leaves of them holds whatever a format must escape; the middle of each is the secret. */
const AWKWARD = [
	"ab,zqcanaryone,cd",
	'"",zqcanaryone"\\"',
	"\t\\\n_zqcanaryone_\n\\\t",
	"\\.\nzqcanaryone\n\\.",
	"\\Nxzqcanaryonex\\N",
	"'\\'zqcanaryone\\''",
	"***zqcanaryone***",
	";|*zqcanaryone*|;",
	"\r\n,zqcanaryone,\r\n",
	"\b\f\vzqcanaryone\v\f\b",
	"äö→zqcanaryone🦉é",
	"NULLzqcanaryoneNULL",
	"",
	"x",
];

const literal = (value: string) => `E'${value.replace(/[\\']/g, "\\$&")}'`;
const ROWS = AWKWARD.map(
	(value, index) => `(${index + 1}, ${literal(value)}, ${literal(value)}, ${literal(value)}, ${index + 1}, 48291.77,
		'1987-06-05', '2024-03-07 13:47:11+00', '6b1f9d52-8c3e-4f7a-9a54-d2c1e0b7f683', '{"a": "zqcanaryone"}',
		'zqcanaryone', 'zqcanaryone', 'high')`,
);

const COLUMNS =
	"n int, wide text, plain text, short varchar(30), id8 int8, pay numeric(12,2), born date, seen timestamptz, ref uuid, data jsonb, raw bytea, tag app.tag, mood app.mood";

const SCHEMA = `
CREATE SCHEMA app;
CREATE DOMAIN app.word AS varchar(40); CREATE DOMAIN app.tag AS app.word;
CREATE TYPE app.mood AS ENUM ('low', 'high');
CREATE TABLE app.people (gone int, ${COLUMNS}, made text GENERATED ALWAYS AS (upper(wide)) STORED);
ALTER TABLE app.people DROP gone;
INSERT INTO app.people VALUES ${ROWS.join(", ")}, (99, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE public.twin (${COLUMNS});
CREATE VIEW app.shown AS SELECT n, plain AS x FROM app.people;
CREATE VIEW app.loud AS SELECT n, upper(wide) AS x FROM app.people;
CREATE TABLE app.parent (n int, wide text); CREATE TABLE app.child (more text) INHERITS (app.parent);
INSERT INTO app.child VALUES (1, 'zqcanaryone', 'more');
CREATE TABLE app.parts (n int, wide text) PARTITION BY LIST (n);
CREATE TABLE app.part_1 PARTITION OF app.parts FOR VALUES IN (1); INSERT INTO app.parts VALUES (1, 'zqcanaryone');
CREATE TABLE app.guarded (n int, wide text, loud text GENERATED ALWAYS AS (upper(wide)) STORED);
INSERT INTO app.guarded VALUES (1, 'zqcanaryone'), (2, 'zqcanaryone');
CREATE TABLE app.items (n int, wide text); INSERT INTO app.items SELECT n, 'zqcanaryone' FROM generate_series(1, 1000) n;
CREATE TABLE app.long (n int, wide text, body text);
INSERT INTO app.long VALUES (1, 'zqcanaryone', repeat('x', 1000000));
`;

const MASKS: Json = [
	{ columns: ["app.people.wide"], with: { partial: { keepFirst: 3, keepLast: 3 } } },
	{ columns: ["app.people.short"], with: { redact: { text: 'a\t"b"\\,;\n*|\'' } } },
	{ columns: ["app.people.pay", "app.people.id8"], with: { truncate: { to: 10 } } },
	{ columns: ["app.people.born"], with: { truncate: { to: "year" } } },
	{ columns: ["app.people.seen"], with: { truncate: { to: "hour" } } },
	{ columns: ["app.people.ref", "app.people.tag"], with: "hash" },
	{ columns: ["app.people.data", "app.people.raw", "app.people.mood"], with: "redact" },
	{
		columns: ["app.parent.wide", "app.parts.wide", "app.guarded.wide", "app.items.wide", "app.long.wide"],
		with: "redact",
	},
];
const PERMITS: Json = [{ on: ["app.*"], commands: ["read", "write"] }];
const TERMS = { permits: PERMITS, masks: MASKS };

const LICENSES = {
	masked: license("masked", TERMS),
	derive: license("derive", {
		permits: PERMITS,
		masks: [{ columns: ["app.people.wide"], with: "redact", use: "derive" }],
	}),
	error: license("error", { ...TERMS, limits: { rowsPerStatement: cap(3, "error") } }),
	truncate: license("truncate", { ...TERMS, limits: { rowsPerStatement: cap(3, "truncate") } }),
	bytes: license("bytes", { ...TERMS, limits: { bytesPerStatement: cap(1000, "truncate") } }),
};

/** `wide`'s secret stands in `plain` too, which is not masked: it is left out where bytes are searched. */
const NEEDLES: readonly Needle[] = textNeedles("canaryone");
const MASKED = "n, wide, short, id8, pay, born, seen, ref, data, raw, tag, mood";

/**
 * Options, and what of them the server needs to read its rows again. Where NULL reads like a value, it is masked like one
 * (whoever chooses a NULL text could guess values by it): then the row of NULLs is not compared, and "" is NULL.
 */
const FORMATS: Readonly<Record<string, { readonly since?: number; readonly emptyIsNull?: boolean }>> = {
	"": {},
	"(DELIMITER '*')": {},
	"(DELIMITER '|', NULL '')": { emptyIsNull: true },
	"(DELIMITER 'Z')": {},
	"(HEADER)": { since: 15 },
	"(FORMAT csv)": {},
	"(FORMAT csv, HEADER, FORCE_QUOTE *)": {},
	"(FORMAT csv, DELIMITER '*', QUOTE 'a', ESCAPE 'b', NULL 'n')": {},
	"(FORMAT csv, DELIMITER ';', QUOTE '''', ESCAPE '\\', NULL '-', FORCE_QUOTE (wide))": {},
	"(FORMAT csv, DELIMITER E'\\t', NULL '\\N')": {},
	"(FORMAT binary)": {},
	"CSV HEADER DELIMITER '|' QUOTE '*'": {},
	"(LOG_VERBOSITY verbose, FORMAT csv)": { since: 17 },
};

/** Those in which every source is copied; in the others a table's columns are. */
const PLAIN: ReadonlySet<string> = new Set(["", "(FORMAT csv)", "(FORMAT binary)"]);

/** Sources of the same rows, in the order of `n`. */
const SOURCES: Readonly<Record<string, string>> = {
	"a table": "app.people",
	columns: `app.people (${MASKED}, plain)`,
	"a query": `(SELECT ${MASKED}, plain FROM app.people ORDER BY n)`,
	"a CTE": `(WITH c AS (SELECT * FROM app.people) SELECT ${MASKED}, plain FROM c ORDER BY n)`,
	"what a write returns": `(UPDATE app.people SET n = n RETURNING ${MASKED}, plain)`,
};

interface Ground {
	readonly url: string;
	readonly licet: Licet;
	readonly version: number;
	grant(license: keyof typeof LICENSES): Promise<RawOptions>;
	login(license: keyof typeof LICENSES): Promise<RawClient>;
}

async function prepare(t: Test, server: string, version: number): Promise<Ground> {
	const url = await createDatabase(t, server, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const grant = async (name: string) => rawGrant(await licet.grant({ license: name, target: "shop" }));
	const login = async (name: string) => {
		const client = await RawClient.login({ ...(await grant(name)), parameters: { TimeZone: "UTC" } });
		t.teardown(() => client.destroy());
		return client;
	};
	return { url, licet, version, grant, login };
}

const simple = (client: RawClient, sql: string) => client.query(sql);
const extended = (client: RawClient, sql: string) =>
	client.ask(wire.parse(sql), wire.bind(), wire.describe("P"), wire.execute(), wire.sync);

const dataOf = (answers: readonly wire.Message[]) =>
	Buffer.concat(answers.filter(({ type }) => type === "d").map(({ body }) => body));

const rowsOf = (answers: readonly wire.Message[]) => answers.filter(({ type }) => type === "D").map(wire.rowValues);

/** The rows that the server finds in a stream of its own format. */
async function readBack(direct: RawClient, columns: string, options: string, data: Buffer): Promise<unknown> {
	await direct.query("TRUNCATE public.twin");
	const back = options.replace(/, FORCE_QUOTE (\*|\(wide\))|LOG_VERBOSITY verbose, /, "");
	direct.send(wire.query(`COPY public.twin ${columns} FROM STDIN ${back}`), wire.copyData(data), wire.copyDone);
	const answers = await direct.until("Z");
	const failed = answers.find(({ type }) => type === "E");
	if (failed !== undefined) return wire.errorFields(failed);
	return rowsOf(await direct.query(`SELECT ${MASKED}, plain FROM public.twin ORDER BY n`));
}

async function formats(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login("masked");
	const direct = await RawClient.login({ ...rawOptions(ground.url), parameters: { TimeZone: "UTC" } });
	t.teardown(() => direct.destroy());
	const expected = rowsOf(await client.query(`SELECT ${MASKED}, plain FROM app.people ORDER BY n`));
	t.equal(expected.length, AWKWARD.length + 1);
	const withoutEmpty = expected.slice(0, -1).map((row) => row.map((cell) => (cell === "" ? null : cell)));
	for (const [options, { since = 0, emptyIsNull = false }] of Object.entries(FORMATS)) {
		if (since > ground.version) continue;
		for (const [name, source] of Object.entries(SOURCES)) {
			if (name !== "columns" && !PLAIN.has(options)) continue;
			const columns = name === "a table" ? "" : `(${MASKED}, plain)`;
			for (const ask of name === "columns" ? [simple, extended] : [simple]) {
				const told = await ask(client, `COPY ${source} TO STDOUT ${options}`);
				const found = await readBack(direct, columns, options, dataOf(told));
				const wanted = emptyIsNull ? withoutEmpty : expected;
				t.same(
					Array.isArray(found) ? found.slice(0, wanted.length) : found,
					wanted,
					`${options} of ${name} ${ask.name}`,
				);
				t.match(wire.outline(told), /C:COPY 15 Z:I$/, `${options} of ${name} ${ask.name}`);
			}
		}
		const before = client.received.length;
		await client.query(`COPY app.people (${MASKED}) TO STDOUT ${options}`);
		const bytes = Buffer.concat(client.received.slice(before).map(({ body }) => body));
		t.same(found(NEEDLES, bytes), [], `${options}: no secret shows`);
	}
}

async function lineage(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login("masked");
	const first = async (sql: string) => {
		const told = await client.query(sql);
		return dataOf(told).toString("utf8").split("\n")[0] || wire.outline(told);
	};
	const shown: Readonly<Record<string, string>> = {
		"COPY app.parent TO STDOUT": "H c C:COPY 0 Z:I",
		"COPY app.child TO STDOUT": "1\t***\tmore",
		"COPY app.part_1 TO STDOUT": "1\t***",
		"COPY (TABLE app.parts) TO STDOUT": "1\t***",
		"COPY (SELECT wide, wide FROM app.parent) TO STDOUT": "***\t***",
		"COPY (SELECT wide FROM app.parts UNION ALL SELECT 'x') TO STDOUT": "\\N",
		"COPY (SELECT n FROM (SELECT n, wide FROM app.parent) s) TO STDOUT": "1",
		"COPY (SELECT count(wide) FROM app.parent) TO STDOUT": "1",
		"COPY (DELETE FROM app.child WHERE false RETURNING wide) TO STDOUT": "H c C:COPY 0 Z:I",
		"COPY (VALUES (1, 'a')) TO STDOUT": "1\ta",
	};
	for (const [sql, row] of Object.entries(shown)) t.equal(await first(sql), row, sql);
	for (const sql of [
		"COPY (SELECT upper(wide) FROM app.people) TO STDOUT",
		"COPY (SELECT * FROM app.loud) TO STDOUT",
		"COPY (SELECT p FROM app.people p) TO STDOUT (FORMAT binary)",
		"COPY (SELECT wide FROM app.people ORDER BY wide) TO STDOUT",
		"COPY app.people TO STDOUT (FORMAT csv, QUOTE E'\\n')",
		"COPY app.people TO STDOUT (ENCODING 'LATIN1')",
		"COPY app.people TO '/tmp/licet-copy'",
		"COPY app.people TO PROGRAM 'cat'",
	]) {
		t.equal(wire.outline(await client.query(sql)), "E:42501 Z:I", sql);
	}
	for (const sql of ["COPY app.shown TO STDOUT", "COPY app.people (made) TO STDOUT"]) {
		t.match(wire.outline(await client.query(sql)), /^E:(42809|42P10) Z:I$/, `${sql}: as the server refuses it`);
	}
	const derive = await ground.login("derive");
	const told = await derive.query(
		"COPY (SELECT upper(wide), n FROM app.people WHERE wide LIKE '%x%' ORDER BY n) TO STDOUT",
	);
	t.match(dataOf(told).toString("utf8"), /^\\N\t\d+\n/, "use: derive hides it whole");
	t.same(found(NEEDLES, dataOf(told)), []);
}

/** Definitions that changed a moment ago: nothing but the analysis says what a COPY delivers. */
async function freshDefinitions(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login("masked");
	const sql = "COPY (SELECT x FROM app.shown WHERE n = 1) TO STDOUT";
	await client.query("PREPARE p AS SELECT 1");
	for (const ask of [simple, extended]) {
		for (const [column, pattern] of [
			["plain", /canaryone/],
			["wide", /^ab,\*+,cd\n$/],
		] as const) {
			const redefine = `CREATE OR REPLACE VIEW app.shown AS SELECT n, ${column} AS x FROM app.people`;
			await withClient(ground.url, (direct) => direct.query(redefine));
			t.match(dataOf(await ask(client, sql)).toString("utf8"), pattern, `${ask.name}: ${column}`);
		}
	}
	const parsed = wire.parse(sql, "s");
	await client.ask(parsed, wire.bind({ statement: "s", portal: "" }), wire.sync);
	await client.query("BEGIN");
	await client.ask(wire.bind({ statement: "s", portal: "late" }), wire.sync);
	const redefine = "CREATE OR REPLACE VIEW app.shown AS SELECT n, short::text AS x FROM app.people";
	await withClient(ground.url, (direct) => direct.query(redefine));
	const told = await client.ask(wire.execute("late"), wire.sync);
	t.same(found(NEEDLES, dataOf(told)), [], "a portal that was bound before the view changed");
	await client.query("ROLLBACK");
}

async function rowSecurity(t: Test, ground: Ground): Promise<void> {
	const direct = new URL(ground.url);
	const client = await ground.login("masked");
	t.equal(dataOf(await client.query("COPY app.guarded TO STDOUT")).toString(), "1\t***\n2\t***\n");
	await withClient(direct.href, async (admin) => {
		await admin.query(
			"CREATE ROLE copy_reader LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA app TO copy_reader; GRANT SELECT ON app.guarded TO copy_reader",
		);
		await admin.query(
			"ALTER TABLE app.guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.guarded USING (n = 1)",
		);
	});
	t.teardown(() => withClient(direct.href, (admin) => admin.query("DROP OWNED BY copy_reader; DROP ROLE copy_reader")));
	const licet = await startLicet(t, {
		targets: {
			shop: targetOf(ground.url, { credentials: { username: "copy_reader", password: { value: "reader" } } }),
		},
		licenses: { masked: LICENSES.masked },
	});
	const reader = await RawClient.login(rawGrant(await licet.grant({ license: "masked", target: "shop" })));
	t.teardown(() => reader.destroy());
	t.equal(dataOf(await reader.query("COPY app.guarded (n, wide) TO STDOUT")).toString(), "1\t***\n", "by its policy");
	// Here, and here alone, the server copies generated columns as well, unasked: not what was read.
	const told = await reader.query("COPY app.guarded TO STDOUT");
	t.match(wire.outline(told), /^E:42501 Z:I$/, "more columns than were foreseen");
	t.same(found(NEEDLES, Buffer.concat(told.map(({ body }) => body))), []);
}

async function caps(t: Test, ground: Ground): Promise<void> {
	const shapes = ["", "(FORMAT csv, HEADER)", "(FORMAT binary)"];
	for (const options of shapes) {
		for (const ask of [simple, extended]) {
			const name = `${options} ${ask.name}`;
			const sql = `COPY app.items TO STDOUT ${options}`;
			const failed = await ask(await ground.login("error"), sql);
			t.match(wire.outline(failed), /H (d )+E:54000 Z:I$/, `error: ${name}`);
			t.equal(dataOf(failed).toString("latin1").split("***").length - 1, 3, `error: ${name}`);
			const cut = await ask(await ground.login("truncate"), sql);
			t.match(wire.outline(cut), /c N C:COPY 3 Z:I$/, `truncate: ${name}`);
			t.equal(dataOf(cut).toString("latin1").split("***").length - 1, 3, `truncate: ${name}`);
			if (options === "(FORMAT binary)") t.same(dataOf(cut).subarray(-2), Buffer.from([0xff, 0xff]), "its trailer");
			const few = await ask(await ground.login("bytes"), sql);
			t.match(wire.outline(few), /C:COPY \d\d Z:I$/, `bytes: ${name}`);
			t.same(found(NEEDLES, Buffer.concat([failed, cut, few].map(dataOf))), [], name);
		}
	}
	const block = await ground.login("truncate");
	await block.query("BEGIN");
	t.match(wire.outline(await block.query("COPY app.items TO STDOUT")), /c N C:COPY 3 Z:T$/, "in a block");
	t.match(
		wire.outline(await block.query("COPY app.items TO STDOUT; COPY app.items TO STDOUT")),
		/C:COPY 3 .*C:COPY 3 Z:T$/,
	);
}

async function longRows(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login("masked");
	const told = await client.query("COPY (SELECT * FROM app.long WHERE n = 1) TO STDOUT");
	t.equal(wire.outline(told), "H d c C:COPY 1 Z:I");
	t.match(dataOf(told).toString("latin1").slice(0, 20), "1\t***\txxx");
	t.equal(dataOf(told).length, 1_000_007);
	t.match(wire.outline(await client.query("SELECT 1")), /C:SELECT 1 Z:I$/);
}

async function clients(t: Test, ground: Ground): Promise<void> {
	const login = await ground.grant("masked");
	const copied = await psql(login, "\\copy (SELECT n, wide FROM app.parts) to stdout csv header\n");
	t.match(copied, { code: 0, stdout: "n,wide\n1,***\n", stderr: "" }, "psql");
	const grant = await ground.licet.grant({ license: "masked", target: "shop" });
	await withClient(grant.url, async (client) => {
		t.equal(await text(client.query(copyTo("COPY app.part_1 TO STDOUT"))), "1\t***\n", "pg-copy-streams");
	});
}

/** A dump through Licet restores, and holds what a person would have seen. */
async function dump(t: Test, ground: Ground): Promise<void> {
	const login = await ground.grant("masked");
	const flags = ["--no-sync", "--no-owner", "--no-subscriptions", "-n", "app", "-T", "app.guarded", "-T", "app.long"];
	const dumped = await runProgram("pgDump", login, flags);
	t.match(dumped, { code: 0, stderr: "" }, "pg_dump");
	t.match(dumped.stdout, /COPY app\.people \(n, wide,/);
	const data = await runProgram("pgDump", login, ["--no-sync", "--no-subscriptions", "-a", "-t", "app.people"]);
	const restored = await createDatabase(t, testServers().pg15, `${SCHEMA} DELETE FROM app.people;`);
	const run = await psql(rawOptions(restored), data.stdout, "-v", "ON_ERROR_STOP=1", "-o", "/dev/null");
	t.match(run, { code: 0, stderr: "" }, "psql restores its rows");
	const sql = `SELECT ${MASKED.replace("seen", "seen::text")} FROM app.people ORDER BY n`;
	const shown = rowsOf(await (await ground.login("masked")).query(sql.replace("seen::text", "seen")));
	const direct = await RawClient.login({ ...rawOptions(restored), parameters: { TimeZone: "UTC" } });
	t.teardown(() => direct.destroy());
	t.same(rowsOf(await direct.query(sql)), shown, "and shows what Licet shows");
	const columns = dumped.stdout.replace(/^COPY app\.people [\s\S]*?^\\\.$/m, "");
	t.same(found(NEEDLES, Buffer.from(columns)), [], "no secret is anywhere else in it");
}

/** What depends on the server's version. */
export async function copies(t: Test, server: string, version: number): Promise<void> {
	const ground = await prepare(t, server, version);
	await t.test("in every format, read back by the server", (t) => formats(t, ground));
	await t.test("by lineage alone", (t) => lineage(t, ground));
	await t.test("row security", (t) => rowSecurity(t, ground));
}

/** What is Licet's own, whatever the server's version; pg_dump is that of the system's. */
export async function copiesOfClients(t: Test, server: string, version: number): Promise<void> {
	const ground = await prepare(t, server, version);
	await t.test("definitions of this very moment", (t) => freshDefinitions(t, ground));
	await t.test("caps", (t) => caps(t, ground));
	await t.test("long rows", (t) => longRows(t, ground));
	await t.test("clients", (t) => clients(t, ground));
	await t.test("pg_dump", (t) => dump(t, ground));
}
