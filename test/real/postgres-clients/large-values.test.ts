/**
 * Large values: a field of a gigabyte, a line of COPY of hundreds of megabytes, messages that are too long, and large
 * objects by their SQL functions, each straight with the server and through Licet. Memory is read from /proc, so what
 * bounds it is tested on Linux only.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { cap, license } from "../../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { RawClient, type RawOptions, rawOptions } from "../../helpers/raw-client.js";
import { createDatabase, testServers } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

/** What the proxy may take at most, whatever passes. */
const PROXY_MB = 220;
/** Near the server's own bound on a row, 2^30 bytes; the server holds it three times while it sends it. */
const FIELD_BYTES = 900_000_000;
const LINE_BYTES = 100_000_000;
/** As configured below. */
const MESSAGE_BYTES = 16 << 20;
const TIMEOUT_MS = 120_000;

t.setTimeout(4 * TIMEOUT_MS);

const APP = { on: ["app.*"], commands: ["all"] };
const OBJECT_FUNCTIONS =
	"lo_create lo_from_bytea lo_get lo_put lo_open lowrite loread lo_lseek lo_lseek64 lo_tell lo_tell64 lo_truncate lo_truncate64 lo_close lo_creat lo_unlink";
const OBJECTS = [APP, { functions: OBJECT_FUNCTIONS.split(" ").map((name) => `pg_catalog.${name}`) }];
const url = await createDatabase(t, testServers().pg15, "CREATE SCHEMA app; CREATE TABLE app.lines (line text);");
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		everything: license("everything", { permits: "all" }),
		schema: license("schema", { permits: [APP] }),
		sampled: license("sampled", { permits: [APP], recording: { results: 5 } }),
		reads: license("reads", { permits: [APP, { functions: ["pg_catalog.lo_get"] }] }),
		objects: license("objects", { permits: OBJECTS }),
		short: license("short", { permits: OBJECTS, limits: { bytesPerStatement: cap(16, "error") } }),
		shortened: license("shortened", { permits: OBJECTS, limits: { bytesPerStatement: cap(16, "truncate") } }),
	},
	config: { bounds: { messageBytes: "16MiB" } },
});
const issue = async (name: string): Promise<RawOptions> =>
	rawGrant(await licet.grant({ license: name, target: "shop" }));
const everything = await issue("everything");
const schema = await issue("schema");

const noMemory = existsSync("/proc/self/status") ? false : "memory is read from /proc";

function peakMb(): number {
	const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${licet.pid}/status`, "utf8"));
	return Number(found?.[1]) / 1024;
}

const DIGITS = Buffer.from("0123456789".repeat(50_000));

/** Receives one long value of these digits, and gives how many of its bytes came as they should. */
async function receive(login: RawOptions, sql: string, length: number): Promise<{ right: number; outline: string }> {
	let isAsked = false;
	let at = -1;
	let right = 0;
	const watch = (chunk: Buffer) => {
		// The value begins by its first digits, which nothing before it holds.
		let from = at < 0 ? chunk.indexOf("0123") : 0;
		if (!isAsked || from < 0 || at >= length) return;
		at = Math.max(at, 0);
		for (; from < chunk.length && at < length; ) {
			const phase = at % 10;
			const size = Math.min(chunk.length - from, length - at, DIGITS.length - phase);
			if (chunk.compare(DIGITS, phase, phase + size, from, from + size) === 0) right += size;
			from += size;
			at += size;
		}
	};
	const client = await RawClient.login({ ...login, dropRows: true, watch });
	isAsked = true;
	client.send(wire.query(sql));
	const outline = wire.outline(await client.until("Z", TIMEOUT_MS));
	client.destroy();
	return { right, outline };
}

await t.test("a field of a gigabyte", { skip: noMemory }, async (t) => {
	const sql = `SELECT repeat('0123456789', ${FIELD_BYTES / 10}), 'behind it'`;
	t.same(await receive(everything, sql, FIELD_BYTES), { right: FIELD_BYTES, outline: "T C:SELECT 1 Z:I" });
	t.ok(peakMb() < PROXY_MB, `the proxy took ${Math.round(peakMb())} MB at most`);
});

await t.test("a line of COPY, in and out", { skip: noMemory }, async (t) => {
	const client = await RawClient.login(schema);
	client.send(wire.query("COPY app.lines FROM STDIN"));
	t.equal((await client.next()).type, "G");
	for (let sent = 0; sent < LINE_BYTES; sent += DIGITS.length) {
		client.send(wire.copyData(DIGITS));
		// So that what waits to be sent stays small here.
		if (sent % (16 * DIGITS.length) === 0) await client.during(10);
	}
	client.send(wire.copyData("\n"), wire.copyDone);
	t.equal(wire.outline(await client.until("Z", TIMEOUT_MS)), "C:COPY 1 Z:I");
	client.destroy();
	const got = await receive(schema, "COPY app.lines TO STDOUT", LINE_BYTES);
	t.same(got, { right: LINE_BYTES, outline: "H c C:COPY 1 Z:I" });
	t.ok(peakMb() < PROXY_MB, `the proxy took ${Math.round(peakMb())} MB at most`);
});

const shown = (message: wire.Message): string => {
	if (message.type !== "E") return `${message.type} ${message.body.toString("hex")}`;
	const { R, F, L, ...fields } = wire.errorFields(message);
	return JSON.stringify(fields);
};

async function said(login: RawOptions, ...statements: readonly string[]): Promise<string[]> {
	const client = await RawClient.login(login);
	const all: string[] = [];
	for (const sql of statements) {
		client.send(wire.query(sql));
		all.push(...(await client.until("Z", TIMEOUT_MS)).map(shown));
	}
	client.destroy();
	return all;
}

/** What a client is told whose message begins so, and who goes no further. */
async function toldOf(login: RawOptions, type: string, length: number): Promise<Record<string, string>> {
	const client = await RawClient.login(login);
	client.send(Buffer.from(type), wire.int32(length));
	const error = (await client.untilEnd()).find((each) => each.type === "E");
	return error === undefined ? {} : wire.errorFields(error);
}

await t.test("what is too long", async (t) => {
	const sql = ["SELECT repeat('x', 1073741824)", "SELECT 1"];
	const expected = await said(rawOptions(url), ...sql);
	t.match(expected[0], /"C":"(54000|XX000)"/);
	t.same(await said(everything, ...sql), expected, "the server's own words, and the session goes on");
	const told = await toldOf(everything, "Q", 200 << 20);
	t.match(told, { S: "FATAL", C: "08P01", M: "message is too long", D: /bound is 16777216: bounds\.messageBytes/ });
	const kept = await RawClient.login(await issue("sampled"));
	kept.send(wire.query(`SELECT repeat('x', ${2 * MESSAGE_BYTES}), line FROM app.lines LIMIT 0`));
	t.equal(wire.outline(await kept.until("Z")), "T C:SELECT 0 Z:I");
	kept.send(wire.query(`SELECT repeat('x', ${2 * MESSAGE_BYTES})`));
	const fatal = (await kept.untilEnd()).find((each) => each.type === "E");
	t.match(fatal && wire.errorFields(fatal), { S: "FATAL", C: "08006", D: /a message of 33554443 bytes/ });
});

await t.test("texts that are refused for their length", async (t) => {
	const long = `SELECT 'begin${"x".repeat(3_000_000)}'`;
	const digest = createHash("sha256").update(long).digest("hex");
	for (const [login, recorded] of [
		[schema, `${long.slice(0, 65_536)} … (${long.length} bytes, SHA-256 ${digest})`],
		[everything, long],
	] as const) {
		const client = await RawClient.login(login);
		const outcomes = [
			wire.outline(await client.ask(wire.query(long))),
			wire.outline(await client.ask(wire.parse(long), wire.sync)),
		];
		client.send(wire.terminate);
		await client.untilEnd();
		t.same(outcomes, recorded === long ? ["T D C:SELECT 1 Z:I", "1 Z:I"] : ["E:42501 Z:I", "E:42501 Z:I"]);
		const [session] = (await licet.json("sessions", "--limit", "1")) as { session: string }[];
		const entries = (await licet.cli("export", session?.session ?? "", "--format", "jsonl")).stdout
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line) as { type: string; sql?: string });
		const texts = entries.filter(({ type }) => type === "statement").map(({ sql }) => sql);
		t.equal(texts.length, 2);
		for (const text of texts) t.ok(text === recorded, `${text?.length} characters are recorded`);
	}
});

/** A large object's whole life, in one transaction that leaves nothing behind; descriptors count from 0. */
const LIFE = [
	"BEGIN",
	"SELECT lo_create(471101)",
	"SELECT lo_from_bytea(471102, '\\x00ff10')",
	"SELECT lo_put(471102, 2, '\\xabcd'), lo_get(471102), lo_get(471102, 1, 2)",
	"SELECT lo_open(471101, 393216)",
	"SELECT lowrite(0, '\\x68656c6c6f')",
	"SELECT lo_lseek(0, 1, 0), lo_tell(0)",
	"SELECT loread(0, 3)",
	"SELECT lo_truncate(0, 2), lo_close(0)",
	"SELECT lo_get(471101)",
	"SELECT lo_unlink(471101), lo_unlink(471102)",
	"SELECT lo_get(471101)",
	"ROLLBACK",
];

const ODD_FORMAT = wire.functionCall(954, ["0", "3"], 7);

/** The same as libpq's functions do it: calls by protocol message, with values in binary. */
const CALLS = [
	wire.query("BEGIN"),
	wire.functionCall(715, [wire.int32(471101)], 1),
	wire.functionCall(952, [wire.int32(471101), wire.int32(393216)], 1),
	wire.functionCall(955, [wire.int32(0), Buffer.alloc(100_000, "hello")], 1),
	wire.functionCall(955, ["0", "\\x68656c6c6f"]),
	wire.functionCall(956, [wire.int32(0), wire.int32(1), wire.int32(0)], 1),
	wire.functionCall(3170, ["0", "1", "1"]),
	wire.functionCall(958, ["0"]),
	wire.functionCall(3171, ["0"]),
	wire.functionCall(954, ["0", "3"]),
	wire.functionCall(954, [wire.int32(0), wire.int32(70_000)], 1),
	wire.functionCall(1004, ["0", "7"]),
	wire.functionCall(3172, ["0", "8"]),
	wire.functionCall(953, ["0"]),
	wire.query("SELECT lo_get(471101)"),
	wire.query("SAVEPOINT s"),
	wire.functionCall(952, ["471109", "262144"]),
	wire.functionCall(958, ["0"]),
	wire.query("ROLLBACK TO s"),
	wire.functionCall(954, [null, "3"]),
	wire.functionCall(954, ["0"]),
	wire.functionCall(954, ["0", "x"]),
	wire.query("ROLLBACK TO s"),
	wire.functionCall(954, ["0", "3"], 1),
	ODD_FORMAT,
	wire.query("ROLLBACK TO s"),
	wire.functionCall(964, ["471101"]),
	wire.query("ROLLBACK"),
	wire.functionCall(964, ["471101"]),
	wire.functionCall(957, ["x"]),
];

const DENIED = [
	"SELECT lo_creat(-1)",
	"SELECT lo_create(0)",
	"SELECT lo_from_bytea(0, '\\x00')",
	"SELECT lo_put(471103, 0, '\\x00')",
	"SELECT lo_open(471103, 262144)",
	"SELECT loread(0, 10)",
	"SELECT lowrite(0, '\\x00')",
	"SELECT lo_unlink(471103)",
	"SELECT lo_import('/etc/hostname')",
	"SELECT lo_export(471103, '/tmp/never-written')",
	"SELECT data FROM pg_largeobject",
	"COPY pg_largeobject TO STDOUT",
];

await t.test("large objects by SQL functions", async (t) => {
	const expected = await said(rawOptions(url), ...LIFE);
	for (const name of ["everything", "objects"]) t.same(await said(await issue(name), ...LIFE), expected, name);
	await said(rawOptions(url), "SELECT lo_from_bytea(471103, '\\x736563726574')");
	await denied(t, schema, ["SELECT lo_get(471103)", ...DENIED]);
	await denied(t, await issue("reads"), DENIED);
	const [, row] = await said(await issue("reads"), "SELECT lo_get(471103)");
	t.equal(row, `D ${wire.message("D", wire.int16(1), wire.int32(14), "\\x736563726574").subarray(5).toString("hex")}`);
	const large =
		"SELECT length(lo_get(lo_from_bytea(471104, decode(repeat('ab', 16777216), 'hex')))), lo_unlink(471104)";
	t.same(await said(everything, large), await said(rawOptions(url), large), "16 MB");
	await said(rawOptions(url), "SELECT lo_unlink(471103)");
});

await t.test("large objects by function call messages", async (t) => {
	const answers = async (login: RawOptions) => {
		const client = await RawClient.login(login);
		const all: string[] = [];
		for (const message of CALLS) all.push((await client.ask(message)).map(shown).join(" "));
		const together = await RawClient.login(login);
		together.send(...CALLS);
		const pipelined: string[] = [];
		for (const _ of CALLS) pipelined.push((await together.until("Z")).map(shown).join(" "));
		for (const one of [client, together]) one.destroy();
		return { all, pipelined };
	};
	const expected = await answers(rawOptions(url));
	for (const name of ["everything", "objects"]) {
		const { all, pipelined } = await answers(await issue(name));
		t.same(all, expected.all, name);
		t.same(pipelined, expected.pipelined, `${name}, all at once`);
	}
	await said(rawOptions(url), "SELECT lo_from_bytea(471105, '\\x736563726574')");
	const begin = [wire.query("BEGIN"), wire.functionCall(952, ["471105", "262144"])];
	const open = async (login: RawOptions) => {
		const client = await RawClient.login(login);
		t.teardown(() => client.destroy());
		for (const message of begin) await client.ask(message);
		return client;
	};
	for (const login of [schema, await issue("reads")]) {
		// What is wrong with a message is told before.
		for (const call of CALLS.filter((message) => message[0] === begin[1]?.[0] && message !== ODD_FORMAT)) {
			const client = await RawClient.login(login);
			t.equal(wire.outline(await client.ask(call)), "E:42501 Z:I", "not without a permit");
			client.destroy();
		}
	}
	const whole = await open(await issue("objects"));
	t.equal(wire.outline(await whole.ask(wire.functionCall(954, ["0", "6"]))), "V Z:T");
	for (const name of ["short", "shortened"]) {
		const client = await open(await issue(name));
		const error = (await client.ask(wire.functionCall(954, ["0", "6"])))[0];
		t.match(
			error && wire.errorFields(error),
			{ C: "54000", M: /more than 16 bytes|the license allows 16 bytes/ },
			name,
		);
		t.equal(wire.outline(await client.query("SELECT 1")), "E:25P02 Z:E", `${name}: its transaction has failed`);
	}
	const found = await licet.cli("search", "pg_catalog.lowrite");
	t.match(found.stdout, /SELECT pg_catalog\.lowrite\(\$1, \$2\)/, "each call is recorded as what it does");
	await said(rawOptions(url), "SELECT lo_unlink(471105)");
});

async function denied(t: Test, login: RawOptions, statements: readonly string[]): Promise<void> {
	for (const sql of statements) {
		const client = await RawClient.login(login);
		t.equal(wire.outline(await client.query(sql)), "E:42501 Z:I", sql);
		client.send(wire.parse(sql.replace("471103", "$1")), wire.bind({ values: ["471103"] }), wire.execute(), wire.sync);
		t.match(wire.outline(await client.until("Z")), /^E:42501 Z:I$/, `${sql}, bound`);
		client.destroy();
	}
}
