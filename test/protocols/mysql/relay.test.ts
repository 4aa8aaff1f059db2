/**
 * The relay between two sides that the test plays: conversations that were captured from real servers, cut at every point;
 * what no server does on its own, and what no client should. Packets are written independently of the code under test.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { MysqlRelay } from "../../../src/protocols/mysql/relay.js";
import { NIGHTLY, PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { fixture } from "../../helpers/project.js";
import { readTrace, type Trace, turns } from "../../helpers/traces.js";
import { cap, type HostOptions, TestHost } from "../relay-host.js";
import { mysqlFacts } from "./facts.js";
import { int16, int32, type Packet, packet, packetsOf } from "./raw-client.js";

const SESSION_TRACK = 1 << 23;
const DEPRECATE_EOF = 1 << 24;
const MULTI = 1 << 16;

interface Pair {
	readonly host: TestHost;
	readonly relay: MysqlRelay;
}

function pair(options: HostOptions = {}, flags = SESSION_TRACK | DEPRECATE_EOF | MULTI, clientFlags = flags): Pair {
	const host = new TestHost({ facts: mysqlFacts, ...options });
	const relay = new MysqlRelay(host, {
		messageBytes: 1 << 20,
		upstream: {
			reported: new Map([
				["flags", String(flags)],
				["flavour", "mysql"],
				["database", "licet_traces"],
				["sql_mode", ""],
				["character_set_client", "utf8mb4"],
				["character_set_connection", "utf8mb4"],
			]),
			frames: [],
			cancelRequest: undefined,
			status: 2,
			rest: Buffer.alloc(0),
		},
		login: {
			username: "alice",
			database: "licet_traces",
			application: undefined,
			settings: new Map([["flags", String(clientFlags)]]),
		},
		database: "licet_traces",
		connectionId: 1,
		subject: "alice",
	});
	return { host, relay };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

// ---- captured conversations

const folder = fixture("traces/mysql");
const traces = readdirSync(folder)
	.filter((file) => file.endsWith(".txt"))
	.sort()
	.map((file) => readTrace(file.replace(/\.txt$/, ""), readFileSync(join(folder, file), "utf8")));

type Cut = (bytes: Buffer, turn: number) => Buffer[];

async function play(
	trace: Trace,
	cut: Cut,
	isSlow: boolean,
	more: HostOptions,
): Promise<{ upstream: Buffer; client: Buffer }> {
	const flags = SESSION_TRACK | MULTI | (trace.name.endsWith("-ok") ? DEPRECATE_EOF : 0);
	const { host, relay } = pair({ isSlow, ...more }, flags);
	const scratch = Buffer.alloc(1 << 16);
	for (const [index, { from, bytes }] of turns(trace).entries()) {
		for (const piece of cut(bytes, index)) {
			// A read buffer that is used again: whoever keeps a slice of it is found out.
			const chunk = scratch.subarray(0, piece.copy(scratch));
			if (from === "client") relay.fromClient(chunk);
			else relay.fromUpstream(chunk);
			scratch.fill(0xaa);
		}
		for (let waits = 0; waits < (isSlow ? 4 : 1); waits++) await tick();
	}
	if (host.ended !== undefined) throw new Error(`${trace.name}: the session ended: ${host.ended}`);
	const open = host.runs.filter((run) => run.outcome === undefined);
	if (open.length > 0) throw new Error(`${trace.name}: never finished: ${open.map((run) => run.text).join(", ")}`);
	if (relay.busy) throw new Error(`${trace.name}: still busy`);
	return { upstream: host.takeUpstream(), client: host.takeClient() };
}

async function differs(trace: Trace, cut: Cut, isSlow: boolean, more: HostOptions = {}): Promise<string | undefined> {
	const { upstream, client } = await play(trace, cut, isSlow, more);
	const of = (from: string) => Buffer.concat(trace.frames.filter((f) => f.from === from).map((f) => f.bytes));
	if (!client.equals(of("server"))) return `${trace.name}: the client got other bytes`;
	return upstream.equals(of("client")) ? undefined : `${trace.name}: the server got other bytes`;
}

const whole: Cut = (bytes) => [bytes];
const bytewise: Cut = (bytes) => [...bytes].map((byte) => Buffer.from([byte]));

for (const trace of traces) {
	t.test(trace.name, async (t) => {
		const looked: HostOptions = { sampleRows: 1, originNamed: () => ({ permitted: true, mask: undefined, name: "c" }) };
		for (const more of [{}, looked]) {
			for (const isSlow of [false, true]) {
				t.equal(await differs(trace, whole, isSlow, more), undefined, `whole, slow: ${isSlow}`);
				t.equal(await differs(trace, bytewise, isSlow, more), undefined, `byte by byte, slow: ${isSlow}`);
			}
		}
		for (const [index, part] of turns(trace).entries()) {
			for (let at = 1; at < part.bytes.length; at++) {
				const once: Cut = (bytes, turn) => (turn === index ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes]);
				const wrong = await differs(trace, once, false);
				if (wrong !== undefined) t.fail(`${wrong}, cut at ${at} of turn ${index}`);
			}
		}
	});
}

// ---- two sides of our own

const query = (sql: string) => packet(0, 0x03, sql);
const column = (name: string, flags = 0, table = "users") => [
	...["def", "app", table, table, name, name].map((each) => Buffer.concat([Buffer.of(each.length), Buffer.from(each)])),
	Buffer.of(12, 45, 0, 100, 0, 0, 0, 0xfd, flags, 0, 0, 0, 0),
];
const ok = (sequence: number, status = 2, more: Buffer = Buffer.alloc(0)) =>
	packet(sequence, 0, 0, 0, int16(status), int16(0), more);
const end = (sequence: number, status = 2, warnings = 0) =>
	packet(sequence, 0xfe, 0, 0, int16(status), int16(warnings));
const error = (sequence: number, errno: number) => packet(sequence, 0xff, int16(errno), "#HY000", "text");
const cell = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
const result = (...values: string[]) =>
	Buffer.concat([
		packet(1, 1),
		packet(2, ...column("c", 1)),
		...values.map((value, index) => packet(3 + index, cell(value))),
		end(3 + values.length),
	]);

/** Each packet by its number and what it is. */
function outline(bytes: Buffer): string {
	const { packets, rest } = packetsOf(bytes);
	return packets.map((each) => `${each.sequence}:${kind(each)}`).join(" ") + (rest.length > 0 ? " …" : "");
}

function kind({ body }: Packet): string {
	if (body[0] === 0xff) return `E${body.readUInt16LE(1)}`;
	if (body[0] === 0) return "ok";
	if (body[0] === 0xfe) return body.length === 5 ? "eof" : "end";
	return body.subarray(1, 4).toString("latin1") === "def" ? "def" : body.toString("latin1").slice(0, 8);
}

t.test("what is left out leaves no gap in the numbers", async (t) => {
	const cut = pair({ rows: cap(2, "truncate") });
	cut.relay.fromClient(query("SELECT c FROM t"));
	cut.relay.fromUpstream(result("a", "b", "c", "d"));
	t.equal(outline(cut.host.takeClient()), "1:\x01 2:def 3:\x01a 4:\x01b 5:end");
	const stopped = pair({ rows: cap(2, "error") });
	stopped.relay.fromClient(query("SELECT c FROM t"));
	stopped.relay.fromUpstream(result("a", "b", "c", "d"));
	t.equal(outline(stopped.host.takeClient()), "1:\x01 2:def 3:\x01a 4:\x01b 5:E1104");
	t.equal(stopped.host.cancels, 1);
	await tick();
	t.equal(outline(stopped.host.takeUpstream().subarray(20)), "0:\x0e", "a late stop meets a ping and nothing else");
});

t.test("masked rows and their definitions", (t) => {
	const masks = new Map([
		[0, { name: "null", term: "masks[0]", apply: (value: string) => (value === "a" ? null : "***") }],
	]);
	const { host, relay } = pair({ masks });
	relay.fromClient(query("SELECT c FROM t"));
	relay.fromUpstream(result("a", "b"));
	const { packets } = packetsOf(host.takeClient());
	t.same(
		packets.slice(2, 4).map(({ body }) => body.toString("latin1")),
		["\xfb", "\x03***"],
	);
	const flags = packets[1]?.body.at(-5);
	t.equal(flags, 0, "it may be NULL now");
	t.end();
});

t.test("an OK tells the client what it has agreed on, and the relay what has changed", (t) => {
	const change = (type: number, ...parts: string[]) => {
		const data = Buffer.concat(parts.map(cell));
		return Buffer.concat([Buffer.of(type, data.length), data]);
	};
	const changes = (...all: Buffer[]) => {
		const data = Buffer.concat(all);
		return Buffer.concat([Buffer.of(0, data.length), data]);
	};
	const flags = SESSION_TRACK | DEPRECATE_EOF;
	const plain = pair({}, flags, DEPRECATE_EOF);
	plain.relay.fromClient(query("SET sql_mode = 'ANSI_QUOTES'"));
	plain.relay.fromUpstream(ok(1, 0x4002, changes(change(0, "sql_mode", "ANSI_QUOTES"))));
	t.equal(plain.host.takeClient().toString("hex"), ok(1, 2).toString("hex"));
	plain.relay.fromClient(query("SELECT 1"));
	t.same(plain.host.judged.at(-1)?.path, ["licet_traces", "ANSI_QUOTES", "utf8mb4"]);
	const silent = pair({}, flags);
	silent.relay.fromClient(query("SELECT c FROM t"));
	silent.relay.fromUpstream(ok(1, 0x4002, changes(change(0, "sql_mode", "ANSI_QUOTES"))));
	t.match(silent.host.ended, /did not foresee/);
	t.match(outline(silent.host.takeClient()), "E1053");
	const schema = pair({}, flags);
	schema.relay.fromClient(query("INSERT INTO t VALUES (1)"));
	schema.relay.fromUpstream(ok(1, 0x4002, changes(change(1, "other"))));
	t.match(schema.host.ended, /did not foresee/);
	t.end();
});

t.test("a server that does what nobody asked for", (t) => {
	for (const [what, bytes] of [
		["rows where an OK belongs", packet(1, 0)],
		["a result of nothing", Buffer.concat([result("a"), ok(1)])],
		["too many columns", packet(1, 0xfd, 0xff, 0xff, 0xff)],
		["an empty packet", packet(1)],
		["an answer before a question", Buffer.alloc(0)],
	] as const) {
		const { host, relay } = pair();
		if (bytes.length > 0) relay.fromClient(query("SELECT c FROM t"));
		relay.fromUpstream(bytes.length > 0 ? bytes : ok(1));
		t.type(host.ended, "string", what);
		t.same(
			host.runs.filter((run) => run.outcome === undefined),
			[],
		);
	}
	// A file that no statement may have read never leaves the client.
	const { host, relay } = pair();
	relay.fromClient(query("SELECT c FROM t"));
	host.takeUpstream();
	relay.fromUpstream(packet(1, 0xfb, "/etc/passwd"));
	t.equal(host.takeClient().length, 0);
	t.equal(host.takeUpstream().toString("hex"), "00000002", "the server gets an empty one");
	relay.fromUpstream(ok(3));
	t.equal(outline(host.takeClient()), "1:E1142");
	// A statement that ends before its file does: what follows would be commands.
	const early = pair();
	early.relay.fromClient(query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"));
	early.relay.fromUpstream(packet(1, 0xfb, "x"));
	early.relay.fromClient(packet(2, "line"));
	early.relay.fromUpstream(error(3, 1317));
	early.host.takeUpstream();
	early.relay.fromClient(packet(3, 0x03, "SELECT secret"));
	t.type(early.host.ended, "string");
	t.equal(early.host.takeUpstream().length, 0);
	t.end();
});

t.test("a client that lies about lengths and numbers", (t) => {
	for (const [what, bytes, code] of [
		["another number", packet(1, 0x03, "SELECT 1"), 1156],
		["too long", Buffer.of(0xff, 0xff, 0x7f, 0), 1153],
	] as const) {
		const { host, relay } = pair();
		relay.fromClient(bytes);
		t.match(outline(host.takeClient()), `E${code}`, what);
		t.equal(host.takeUpstream().length, 0);
		t.type(host.ended, "string");
	}
	// Half a packet is waited for.
	const { host, relay } = pair();
	relay.fromClient(Buffer.of(10, 0, 0, 0, 3));
	t.equal(host.takeUpstream().length + host.takeClient().length, 0);
	t.equal(host.ended, undefined);
	relay.terminate("upstream", "lost", undefined);
	t.equal(outline(host.takeClient()), "1:E1053");
	t.end();
});

t.test("the end of a session never falls into a packet", (t) => {
	const long = packet(3, Buffer.concat([Buffer.of(0xfd, 0, 0, 2), Buffer.alloc(131_072, 120)]));
	const { host, relay } = pair();
	relay.fromClient(query("SELECT c FROM t"));
	relay.fromUpstream(Buffer.concat([result().subarray(0, -11), long.subarray(0, 50_000)]));
	relay.terminate("administrator", "killed", undefined);
	t.notMatch(outline(host.takeClient()), /E\d/);
	t.match(host.runs[0]?.outcome, { error: { code: "1227" } });
	const between = pair();
	between.relay.fromClient(query("SELECT c FROM t"));
	between.relay.fromUpstream(result("a").subarray(0, -11));
	between.relay.terminate("administrator", "killed", undefined);
	t.equal(outline(between.host.takeClient()), "1:\x01 2:def 3:\x01a 4:E1227");
	t.end();
});

// ---- random conversations

const sql = fc.constantFrom(
	"SELECT c FROM t",
	"SELECT denied",
	"",
	"SELECT 1; SELECT denied",
	"SELECT 1; SELECT c FROM t",
	"INSERT INTO t VALUES (1)",
	"CALL p()",
	"USE other",
	"SET sql_mode = ''",
	"PREPARE s FROM 'SELECT denied'",
	"PREPARE s FROM 'SELECT 1'",
	"EXECUTE s",
	"DEALLOCATE PREPARE s",
	"LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
	"CREATE TABLE x (n INT)",
	"KILL 5",
	"SHOW WARNINGS",
);
const id = fc.constantFrom(1, 2, 0xffff_ffff);
const clientPacket = fc.oneof(
	sql.map(query),
	sql.map((each) => packet(0, 0x16, each)),
	id.map((each) => packet(0, 0x17, int32(each), 0, int32(1))),
	id.map((each) => packet(0, 0x17, int32(each), 1, int32(1), 0, 1, int16(0xfe), cell("x"))),
	id.map((each) => packet(0, 0x18, int32(each), int16(0), "denied")),
	id.map((each) => packet(0, 0x1c, int32(each), int32(2))),
	fc.tuple(fc.constantFrom(0x19, 0x1a), id).map(([code, each]) => packet(0, code, int32(each))),
	fc.constantFrom(
		packet(0, 0x0e),
		packet(0, 0x02, "other"),
		packet(0, 0x09),
		packet(0, 0x1f),
		packet(0, 0x04, "denied\0"),
	),
	fc.constantFrom(packet(0, 0x1b, int16(0)), packet(0, 0x01), packet(2, "line"), packet(3), packet(0, 0x0c, int32(5))),
);
const brokenPacket = fc.oneof(
	fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
	fc
		.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 20 }))
		.map(([code, body]) => packet(0, code, Buffer.from(body))),
);
const serverPacket = fc.oneof(
	fc.constantFrom(
		ok(1),
		ok(1, 10),
		ok(3),
		end(4),
		end(4, 10),
		end(4, 0x42),
		error(1, 1064),
		error(1, 1142),
		error(5, 1317),
		result("a"),
		result("a", "b", "c"),
		packet(1, 1),
		packet(3, cell("v")),
		packet(3, 0, 0, cell("v")),
		packet(1, 0xfb, "x"),
		packet(1, 0, int32(1), int16(0), int16(0), 0, int16(0)),
		packet(1, 0, int32(2), int16(1), int16(1), 0, int16(0)),
		packet(2, ...column("c")),
		packet(3, 0xfe, int16(0), int16(2)),
	),
	fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);

interface Step {
	readonly from: "client" | "server";
	readonly bytes: Buffer;
}
const steps = fc.array(
	fc.oneof(
		{ weight: 5, arbitrary: clientPacket.map((bytes): Step => ({ from: "client", bytes })) },
		{ weight: 1, arbitrary: brokenPacket.map((bytes): Step => ({ from: "client", bytes })) },
		{ weight: 6, arbitrary: serverPacket.map((bytes): Step => ({ from: "server", bytes })) },
	),
	{ maxLength: 40 },
);

t.setTimeout(PART_TIMEOUT_MS);

t.test("any conversation: it neither throws nor lets through what was not judged", async (t) => {
	t.setTimeout(PART_TIMEOUT_MS);
	await fc.assert(
		fc.asyncProperty(
			steps,
			fc.boolean(),
			fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }),
			fc.constantFrom(0, 1, 2),
			async (all, isSlow, cuts, checks) => {
				const { host, relay } = pair({
					denied: /denied/,
					isSlow,
					rows: cap(1, checks === 2 ? "truncate" : "error"),
					kill: () => Promise.resolve(),
					...(checks === 0 ? {} : { originNamed: () => ({ permitted: true, mask: undefined, name: "c" }) }),
				});
				for (const { from, bytes } of all) {
					let at = 0;
					for (const size of [...cuts, bytes.length]) {
						const piece = Buffer.from(bytes.subarray(at, at + size));
						at += size;
						if (piece.length === 0) break;
						if (from === "client") relay.fromClient(piece);
						else relay.fromUpstream(piece);
					}
					if (isSlow) await tick();
				}
				const { packets } = packetsOf(host.takeUpstream());
				const texts = packets.filter(({ body }) => body[0] === 0x03 || body[0] === 0x16);
				if (texts.some(({ body }) => body.includes("denied"))) throw new Error("unjudged bytes went up");
				relay.abandon("over");
				const open = host.runs.filter((run) => run.outcome === undefined);
				if (open.length > 0) throw new Error(`never finished: ${open.map((run) => run.text).join(" | ")}`);
			},
		),
		{ numRuns: NIGHTLY ? 200_000 : 3000 },
	);
	t.pass("none found");
});
