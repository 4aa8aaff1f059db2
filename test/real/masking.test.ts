/**
 * Masked columns: what is shown, in text and binary and by every way that a name can take, and what is not to be had by
 * any way that was ever thought of (fixtures/attacks/uses). The search for leaks looks at every byte that the client got.
 */
import t, { type Test } from "tap";
import { type Attack, attacks } from "../helpers/attacks.js";
import { binaryNeedle, found, type Needle, textNeedles } from "../helpers/canaries.js";
import { license } from "../helpers/license.js";
import { type Json, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const ATTEMPTS = attacks("uses");
const EMAIL = "zqcanaryone.kestrel@mail.hedgerow.example";
const OTHER_EMAIL = "zqcanarytwo.plover@post.furrow.example";

const SCHEMA = `
CREATE SCHEMA app;
CREATE SCHEMA sandbox;
CREATE TABLE app.teams (id int PRIMARY KEY, name text);
CREATE TABLE app.users (
	id int PRIMARY KEY, team int, plain text,
	email text, phone varchar(20), card_number text, nick text, ref uuid, note text, secret text,
	salary numeric(12,2), score int8, rank int4, small int2, ratio float8, born date, seen timestamptz, local timestamp,
	data jsonb, tags text[], raw bytea,
	email_copy text GENERATED ALWAYS AS (lower(email)) STORED
);
INSERT INTO app.teams VALUES (1, 'red'), (2, 'blue');
INSERT INTO app.users VALUES
	(1, 1, 'p1', '${EMAIL}', '+44 20 7946 0958', '4000001298765432', 'wrenmarsh', '6b1f9d52-8c3e-4f7a-9a54-d2c1e0b7f683',
		'noteheron', 'secretbittern', 83741.77, 918273645546372819, 48291, 7391, 5823.75, '1987-06-05', '2024-03-07 13:47:11+00',
		'2024-03-07 13:47:11', '{"a": "datastork"}', '{tagsnipe}', 'rawcurlew'),
	(2, 2, 'p2', '${OTHER_EMAIL}', NULL, '12', 'wrenmarsh', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL);
CREATE TABLE app.guesses (word text);
INSERT INTO app.guesses VALUES ('guess@guess.example');
CREATE SEQUENCE app.counter;
CREATE VIEW app.contacts AS SELECT id, email AS contact, team FROM app.users;
CREATE VIEW app.contacts_twice AS SELECT id AS n, contact AS c FROM app.contacts;
CREATE VIEW app.shouts AS SELECT id, upper(email) AS shout FROM app.users;
CREATE MATERIALIZED VIEW app.frozen AS SELECT id, email FROM app.users;
CREATE TABLE app.visits (id int, address text) PARTITION BY RANGE (id);
CREATE TABLE app.visits_1 PARTITION OF app.visits FOR VALUES FROM (1) TO (100);
CREATE TABLE app.visits_2 PARTITION OF app.visits FOR VALUES FROM (100) TO (200);
INSERT INTO app.visits VALUES (1, 'addressdunlin'), (100, 'addressdunlin');
CREATE TABLE app.base (id int, address text);
CREATE TABLE app.derived (more text) INHERITS (app.base);
INSERT INTO app.derived VALUES (1, 'addressdunlin', 'more');
CREATE TABLE sandbox.words (word text);
INSERT INTO sandbox.words VALUES ('one');
CREATE TABLE sandbox.twin (LIKE app.users);
CREATE FUNCTION app.peek() RETURNS text LANGUAGE sql AS 'SELECT max(email) FROM app.users';
CREATE FUNCTION app.peek_row(app.users) RETURNS text LANGUAGE sql AS 'SELECT $1.email';
CREATE FUNCTION app.run(q text) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE q; END';
CREATE FUNCTION app.join_words(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';
CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', OLD.email; RETURN NEW; END';
CREATE OPERATOR public.#@# (FUNCTION = app.join_words, LEFTARG = text, RIGHTARG = text);
ANALYZE;
`;

const SHOWN_MASKS: Json = [
	{ columns: ["app.users.email"], with: "email", use: "project" },
	{ columns: ["app.users.phone"], with: { partial: { keepLast: 3 } } },
	{ columns: ["*.*.card_number"], with: { partial: { keepFirst: 4, keepLast: 2 } } },
	{ columns: ["app.users.nick", "app.users.ref"], with: "hash" },
	{
		columns: ["app.users.note", "app.users.data", "app.users.tags", "app.users.raw"],
		with: { redact: { text: "[hidden]" } },
	},
	{ columns: ["app.users.secret", "app.users.small"], with: null },
	{ columns: ["app.users.salary", "app.users.score", "app.users.rank"], with: { truncate: { to: 1000 } } },
	{ columns: ["app.users.ratio"], with: { truncate: { to: 100 } } },
	{ columns: ["app.users.born"], with: { truncate: { to: "year" } } },
	{ columns: ["app.users.seen"], with: { truncate: { to: "hour" } } },
	{ columns: ["app.users.local"], with: { truncate: { to: "month" } } },
	{ columns: ["app.visits.address", "app.base.address"], with: "redact" },
];

const PERMITS: Json = [
	{ on: ["app.*"], commands: ["read", "write"] },
	{ on: ["sandbox.*"], commands: ["all"] },
];

const emailMask = (use: string): Json => [{ columns: ["app.users.email"], with: "email", use }];

const LICENSES: Record<string, string> = {
	shown: license("shown", { permits: PERMITS, masks: SHOWN_MASKS, recording: { results: 5 } }),
	project: license("project", { permits: PERMITS, masks: emailMask("project") }),
	filter: license("filter", { permits: PERMITS, masks: emailMask("filter") }),
	derive: license("derive", { permits: PERMITS, masks: emailMask("derive") }),
};

const MASKED_EMAIL = "z***@***.example";
/** What a hidden address looks like that is derived from a masked one: hidden whole. */
const HIDDEN = /^(\*\*\*|null)$/;

function numericText(bytes: Buffer): string {
	const digits = bytes.readInt16BE(0);
	const weight = bytes.readInt16BE(2);
	const scale = bytes.readInt16BE(6);
	let value = 0;
	for (let index = 0; index < digits; index++) value += bytes.readInt16BE(8 + index * 2) * 10000 ** (weight - index);
	return value.toFixed(scale);
}

const DAY_MS = 86_400_000;
const EPOCH_MS = Date.UTC(2000, 0, 1);
const day = (days: number) => new Date(EPOCH_MS + days * DAY_MS).toISOString().slice(0, 10);
const instant = (bytes: Buffer) => new Date(EPOCH_MS + Number(bytes.readBigInt64BE(0) / 1000n)).toISOString();

/** What the binary form of a value says, by type. */
const BINARY: Readonly<Record<number, (bytes: Buffer) => string>> = {
	20: (bytes) => String(bytes.readBigInt64BE(0)),
	21: (bytes) => String(bytes.readInt16BE(0)),
	23: (bytes) => String(bytes.readInt32BE(0)),
	701: (bytes) => String(bytes.readDoubleBE(0)),
	1082: (bytes) => day(bytes.readInt32BE(0)),
	1114: instant,
	1184: instant,
	1700: numericText,
	2950: (bytes) => bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
};

interface Rows {
	readonly outline: string;
	readonly rows: (string | null)[][];
	readonly columns: string[];
}

/** Rows of a statement, in text by simple query or in binary by the extended protocol, told as text. */
async function rowsOf(client: RawClient, sql: string, format: "text" | "binary"): Promise<Rows> {
	const answers =
		format === "text"
			? await client.query(sql)
			: await client.ask(
					wire.parse(sql),
					wire.bind({ resultFormats: [1] }),
					wire.describe("P"),
					wire.execute(),
					wire.sync,
				);
	const description = answers.find(({ type }) => type === "T");
	const columns = description === undefined ? [] : wire.rowColumns(description);
	const rows = answers
		.filter(({ type }) => type === "D")
		.map((row) =>
			wire.rowBytes(row).map((bytes, index) => {
				if (bytes === null) return null;
				const read = format === "binary" ? BINARY[columns[index]?.type ?? 0] : undefined;
				return read === undefined ? bytes.toString("utf8") : read(bytes);
			}),
		);
	return { outline: wire.outline(answers), rows, columns: columns.map(({ name }) => name) };
}

/** Every byte that the client received after its login, or after so many messages. */
function bytesOf(client: RawClient, after = 0): Buffer {
	return Buffer.concat(client.received.slice(after).map(({ body }) => body));
}

const EMAIL_NEEDLES: readonly Needle[] = [
	...textNeedles("canaryone", EMAIL),
	...textNeedles("kestrel", EMAIL),
	...textNeedles("hedgerow", EMAIL.toUpperCase()),
	...textNeedles("canarytwo", OTHER_EMAIL),
	...textNeedles("plover", OTHER_EMAIL),
	...textNeedles("furrow", OTHER_EMAIL),
];

function int64(value: bigint): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigInt64BE(value);
	return bytes;
}

function float64(value: number): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeDoubleBE(value);
	return bytes;
}

const int16s = (...values: number[]) => Buffer.concat(values.map(wire.int16));

const ALL_NEEDLES: readonly Needle[] = [
	...EMAIL_NEEDLES,
	...["wrenmarsh", "heron", "bittern", "stork", "snipe", "curlew", "dunlin", "00129876", "7946"].flatMap((piece) =>
		textNeedles(piece),
	),
	...[
		"6b1f9d52",
		"83741",
		"918273645546372819",
		"48291",
		"7391",
		"5823",
		"1987-06",
		"06-05",
		"13:47",
		"03-07 13:47",
	].flatMap((piece) => textNeedles(piece).slice(0, 2)),
	binaryNeedle("ref", Buffer.from("6b1f9d528c3e4f7a9a54d2c1e0b7f683", "hex")),
	binaryNeedle("salary", int16s(8, 3741, 7700)),
	binaryNeedle("score", int64(918273645546372819n)),
	binaryNeedle("rank", wire.int32(48291)),
	binaryNeedle("ratio", float64(5823.75)),
	binaryNeedle("born", wire.int32((Date.UTC(1987, 5, 5) - EPOCH_MS) / DAY_MS)),
	binaryNeedle("seen", int64(BigInt(Date.UTC(2024, 2, 7, 13, 47, 11) - EPOCH_MS) * 1000n)),
];

const PSEUDONYM = /^[0-9a-f]{32}$/;

interface Ground {
	readonly url: string;
	readonly licet: Licet;
	login(license: string, parameters?: Record<string, string>): Promise<RawClient>;
}

async function prepare(t: Test, server: string): Promise<Ground> {
	const url = await createDatabase(t, server, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: LICENSES });
	const grants = new Map<string, RawOptions>();
	for (const name of Object.keys(LICENSES)) {
		grants.set(name, rawGrant(await licet.grant({ license: name, target: "shop" })));
	}
	const login = async (name: string, parameters: Record<string, string> = {}) => {
		const options = grants.get(name);
		if (options === undefined) throw new Error(`no license ${name}`);
		const client = await RawClient.login({ ...options, parameters: { TimeZone: "UTC", ...parameters } });
		t.teardown(() => client.destroy());
		return client;
	};
	return { url, licet, login };
}

async function showKinds(t: Test, ground: Ground): Promise<void> {
	for (const format of ["text", "binary"] as const) {
		const client = await ground.login("shown");
		const columns = "email, phone, card_number, nick, ref, note, secret, salary, score, rank, small, ratio";
		const { rows, outline } = await rowsOf(client, `SELECT ${columns} FROM app.users ORDER BY id`, format);
		t.equal(outline.replace(/^1 2 /, ""), "T D D C:SELECT 2 Z:I", format);
		const [first = [], second = []] = rows;
		t.match(
			first,
			[
				MASKED_EMAIL,
				"*************958",
				"4000**********32",
				PSEUDONYM,
				/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
				"[hidden]",
			],
			`${format}: text kinds`,
		);
		t.same([first[6], first[10]], [null, null], `${format}: null`);
		t.same(first.slice(7, 10).map(Number), [83000, 918273645546372000, 48000], `${format}: numbers cut to a multiple`);
		t.equal(Number(first[11]), 5800, `${format}: a float`);
		t.equal(second[3], first[3], `${format}: the same value has the same pseudonym`);
		t.same(
			[second[1], second[2], second[4]],
			[null, "**", null],
			`${format}: NULL stays, what is short is hidden whole`,
		);

		const times = await rowsOf(client, "SELECT born, seen, local, data, tags, raw FROM app.users WHERE id = 1", format);
		const shown = times.rows[0] ?? [];
		t.equal(shown[0], "1987-01-01", `${format}: a date`);
		t.match(shown[1], /^2024-03-07[ T]13:00:00/, `${format}: a timestamp with time zone`);
		t.match(shown[2], /^2024-03-01[ T]00:00:00/, `${format}: a timestamp`);
		t.same(shown.slice(3), [null, null, null], `${format}: types that no text fits become NULL`);
		t.same(found(ALL_NEEDLES, bytesOf(client)), [], `${format}: nothing else was sent`);
	}
}

/** Ways by which a column gets another name or place, its value unchanged. `$` stands for the column. */
const LINEAGE: Readonly<Record<string, string>> = {
	itself: "SELECT $ FROM app.users WHERE id = 1",
	qualified: "SELECT app.users.$ FROM app.users WHERE id = 1",
	alias: 'SELECT u.$ AS "id" FROM app.users u WHERE u.id = 1',
	"column aliases": "SELECT x FROM app.users AS u (id, team, plain, x) WHERE id = 1",
	"in parentheses": "SELECT ($) FROM app.users WHERE id = 1",
	ONLY: "SELECT $ FROM ONLY app.users WHERE id = 1",
	subquery: "SELECT x FROM (SELECT $ AS x, id FROM app.users) s WHERE id = 1",
	"subquery of subqueries": "SELECT y FROM (SELECT x AS y FROM (SELECT $ AS x FROM app.users WHERE id = 1) a) b",
	CTE: "WITH c AS (SELECT id, $ AS e FROM app.users) SELECT e FROM c WHERE id = 1",
	"materialized CTE": "WITH c (a, b) AS MATERIALIZED (SELECT id, $ FROM app.users) SELECT b FROM c WHERE a = 1",
	"recursive CTE":
		"WITH RECURSIVE r AS (SELECT id, $ FROM app.users WHERE id = 1 UNION ALL SELECT r.id + 5, r.$ FROM r WHERE r.id < 5) SELECT $ FROM r",
	"UNION ALL": "SELECT $ FROM app.users WHERE id = 1 UNION ALL SELECT $ FROM app.users WHERE id = 1",
	"UNION ALL on the right": "SELECT NULL WHERE false UNION ALL SELECT $ FROM app.users WHERE id = 1",
	join: "SELECT t.name, u.$ FROM app.users u JOIN app.teams t ON t.id = u.team WHERE u.id = 1",
	"left join": "SELECT t.name, u.$ FROM app.teams t LEFT JOIN app.users u ON t.id = u.team WHERE u.id = 1",
	"join alias":
		"SELECT j.$ FROM (app.users u CROSS JOIN (SELECT 1) AS o (one)) AS j (id, team, plain, $) WHERE j.id = 1",
	lateral: "SELECT l.x FROM app.users u, LATERAL (SELECT u.$ AS x) l WHERE u.id = 1",
	"scalar subquery": "SELECT (SELECT $ FROM app.users WHERE id = 1)",
	"correlated subquery": "SELECT (SELECT u.$) FROM app.users u WHERE u.id = 1",
	ordered: "SELECT $ FROM app.users WHERE id < 2 ORDER BY id DESC LIMIT 1 OFFSET 0",
	"for update": "SELECT $ FROM app.users WHERE id = 1 FOR UPDATE",
};

const EMAIL_LINEAGE: Readonly<Record<string, string>> = {
	view: "SELECT contact FROM app.contacts WHERE id = 1",
	"view of a view": "SELECT c FROM app.contacts_twice WHERE n = 1",
	"materialized view": "SELECT email FROM app.frozen WHERE id = 1",
	"unqualified by the search path": "SELECT email FROM users WHERE id = 1",
	returning: "UPDATE app.users SET team = team WHERE id = 1 RETURNING email",
	"returning of a CTE": "WITH c AS (UPDATE app.users SET team = team WHERE id = 1 RETURNING email) SELECT * FROM c",
};

async function followNames(t: Test, ground: Ground): Promise<void> {
	for (const format of ["text", "binary"] as const) {
		const client = await ground.login("shown", { search_path: "app, public" });
		const value = async (sql: string) => {
			const { rows, outline } = await rowsOf(client, sql, format);
			return rows.length === 0 ? outline : rows.map((row) => row.at(-1));
		};
		for (const [way, sql] of Object.entries(LINEAGE)) {
			const got = await value(sql.replaceAll("$", "email"));
			const masked = Array.isArray(got) && got.length > 0 && got.every((each) => each === MASKED_EMAIL);
			t.ok(masked, `${format}, ${way}: ${sql.replaceAll("$", "email")}`, { got });
		}
		for (const [way, sql] of Object.entries(EMAIL_LINEAGE)) {
			t.same(await value(sql), [MASKED_EMAIL], `${format}, ${way}: ${sql}`);
		}
		const star = await rowsOf(client, "SELECT * FROM app.users WHERE id = 1", format);
		t.equal(star.rows[0]?.[star.columns.indexOf("email")], MASKED_EMAIL, `${format}: a star is its columns`);
		t.match(String(star.rows[0]?.[star.columns.indexOf("email_copy")]), HIDDEN, `${format}: a generated column`);
		for (const sql of [
			"SELECT address FROM app.visits WHERE id = 1",
			"SELECT address FROM app.visits_1",
			"SELECT address FROM app.visits_2",
			"SELECT address FROM app.derived",
			"SELECT address FROM app.base",
		]) {
			t.same(await value(sql), ["***"], `${format}: ${sql}`);
		}
		t.same(found(ALL_NEEDLES, bytesOf(client)), [], `${format}: nothing else was sent`);
	}
}

async function cursorsAndPortals(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login("shown");
	await client.query("BEGIN");
	await client.query("DECLARE c CURSOR FOR SELECT id, email FROM app.users ORDER BY id");
	const fetched = await rowsOf(client, "FETCH 1 FROM c", "text");
	t.same(fetched.rows, [["1", MASKED_EMAIL]], "FETCH");
	await client.query("DECLARE b BINARY CURSOR FOR SELECT email FROM app.users ORDER BY id");
	t.same((await rowsOf(client, "FETCH 1 FROM b", "text")).rows, [[MASKED_EMAIL]], "a binary cursor");
	await client.query("COMMIT");
	await client.query("PREPARE p (int) AS SELECT email FROM app.users WHERE id = $1");
	t.same((await rowsOf(client, "EXECUTE p(1)", "text")).rows, [[MASKED_EMAIL]], "EXECUTE");
	t.same((await rowsOf(client, "EXECUTE p(1)", "binary")).rows, [[MASKED_EMAIL]], "EXECUTE in binary");

	const sql = "SELECT email FROM app.users WHERE id >= $1 ORDER BY id";
	const answers = await client.ask(
		wire.parse(sql, "s", [23]),
		wire.bind({ statement: "s", portal: "a", values: ["1"] }),
		wire.execute("a", 1),
		wire.execute("a", 1),
		wire.execute("a", 1),
		wire.sync,
	);
	t.equal(wire.outline(answers), "1 2 D s D s C:SELECT 0 Z:I", "a portal in pieces, not described");
	t.same(
		answers.filter(({ type }) => type === "D").map(wire.rowValues),
		[[MASKED_EMAIL], [MASKED_EMAIL]],
		"each piece is masked",
	);
	t.same(found(ALL_NEEDLES, bytesOf(client)), []);
}

/** Runs a script; answers the codes of its errors, in order. */
async function attempt(client: RawClient, script: Attack, format: "text" | "binary"): Promise<string[]> {
	const codes: string[] = [];
	for (const sql of script.sql) {
		const answers =
			format === "text"
				? await client.query(sql)
				: await client.ask(
						wire.parse(sql),
						wire.bind({ resultFormats: [1] }),
						wire.describe("P"),
						wire.execute(),
						wire.sync,
					);
		for (const error of answers.filter(({ type }) => type === "E")) codes.push(wire.errorFields(error).C ?? "");
	}
	if (script.sql[0] === "BEGIN") await client.query("ROLLBACK");
	return codes;
}

const LEVELS = ["project", "filter", "derive", "never"] as const;

async function attack(t: Test, ground: Ground, use: "project" | "filter" | "derive"): Promise<void> {
	const listener = await RawClient.login(rawOptions(ground.url));
	await listener.query("LISTEN leak");
	for (const format of ["text", "binary"] as const) {
		await withClient(ground.url, (client) => client.query(CLEAN));
		let client = await ground.login(use);
		for (const script of ATTEMPTS) {
			if (client.ended) client = await ground.login(use);
			const before = client.received.length;
			const codes = await attempt(client, script, format).catch((error: unknown) => [String(error)]);
			const leaks = found(EMAIL_NEEDLES, bytesOf(client, before));
			t.same(leaks, [], `${use}, ${format}: no leak by ${script.name}`);
			if (LEVELS.indexOf(script.needs ?? "never") > LEVELS.indexOf(use)) {
				t.equal(codes[0], "42501", `${use}, ${format}: ${script.name} is denied`);
			} else if (script.needs === "filter") t.same(codes, [], `${use}, ${format}: ${script.name} is permitted`);
		}
	}
	t.same(found(EMAIL_NEEDLES, bytesOf(listener)), [], `${use}: no notification carries it`);
	listener.destroy();
	const { rows } = await withClient(ground.url, (client) =>
		client.query(
			"SELECT (SELECT string_agg(word, ' ') FROM sandbox.words) || (SELECT coalesce(string_agg(t::text, ' '), '') FROM sandbox.twin t) || (SELECT coalesce(string_agg(plain, ' '), '') FROM app.users) AS words, (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'sandbox'::regnamespace AND relkind IN ('r', 'm')) AS tables",
		),
	);
	t.same(found(EMAIL_NEEDLES, Buffer.from(String(rows[0].words))), [], `${use}: it was copied nowhere`);
	t.equal(rows[0].tables, 2, `${use}: no table was made of it`);
}

const CLEAN = "DROP FUNCTION IF EXISTS sandbox.f(); DROP VIEW IF EXISTS sandbox.v; UPDATE app.users SET plain = 'p';";

/** The attempts are real, and the search finds them: straight at the server most of them get the value. */
async function provoke(t: Test, ground: Ground): Promise<void> {
	const client = await RawClient.login(rawOptions(ground.url));
	let leaks = 0;
	for (const script of ATTEMPTS) {
		if (script.name.startsWith("copy to a ")) continue;
		const before = client.received.length;
		await client.query("BEGIN");
		for (const sql of script.sql) await client.query(sql);
		await client.query("ROLLBACK");
		if (found(EMAIL_NEEDLES, bytesOf(client, before)).length > 0) leaks += 1;
	}
	client.destroy();
	t.ok(leaks > ATTEMPTS.length / 2, `${leaks} of ${ATTEMPTS.length} get it without Licet`);
}

async function permittedUses(t: Test, ground: Ground): Promise<void> {
	const filter = await ground.login("filter");
	const byValue = await filter.ask(
		wire.parse("SELECT id, email FROM app.users WHERE email = $1"),
		wire.bind({ values: [EMAIL] }),
		wire.execute(),
		wire.sync,
	);
	t.same(byValue.filter(({ type }) => type === "D").map(wire.rowValues), [["1", MASKED_EMAIL]], "filter: by equality");

	const derive = await ground.login("derive");
	const first = async (sql: string) => {
		const { rows, outline } = await rowsOf(derive, sql, "text");
		return rows.length === 0 ? outline : String(rows[0]?.[0]);
	};
	t.match(await first("SELECT upper(email) FROM app.users"), HIDDEN, "derive: an expression is hidden whole");
	t.match(await first("SELECT length(email) FROM app.users"), HIDDEN, "derive: a number becomes NULL");
	t.equal(await first("SELECT id FROM app.users WHERE email LIKE '%furrow%'"), "2", "derive: a predicate");
	t.equal(await first("SELECT id FROM app.users ORDER BY email DESC"), "2", "derive: ordering");
	t.match(await first("SELECT shout FROM app.shouts"), HIDDEN, "derive: a view that computes");
	const failed = (await derive.query("SELECT email::int FROM app.users")).find(({ type }) => type === "E");
	const fields = failed === undefined ? {} : wire.errorFields(failed);
	t.equal(fields.C, "22P02", "derive: the server's error keeps its code");
	t.same(found(EMAIL_NEEDLES, bytesOf(derive)), [], "derive: and no value");

	const count = await ground.login("project");
	t.same((await rowsOf(count, "SELECT count(email), count(*) FROM app.users", "text")).rows, [["2", "2"]], "counted");
	t.equal((await rowsOf(count, "UPDATE app.users SET email = email WHERE false", "text")).outline, "E:42501 Z:I");
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, async (t) => {
		const ground = await prepare(t, server);
		await t.test("all kinds, in text and in binary", (t) => showKinds(t, ground));
		await t.test("by lineage", (t) => followNames(t, ground));
		await t.test("cursors, prepared statements and portals", (t) => cursorsAndPortals(t, ground));
		await t.test("uses that a mask allows", (t) => permittedUses(t, ground));
		await t.test("attempts, without Licet", (t) => provoke(t, ground));
		for (const use of ["project", "filter", "derive"] as const) {
			await t.test(`attempts, use: ${use}`, (t) => attack(t, ground, use));
		}
	});
}
