/**
 * The relay between two sides that the test plays: what no server does on its own, and what no client should. Frames are
 * written independently of the code under test.
 */
import fc from "fast-check";
import t from "tap";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import { framesOf } from "../helpers/traces.js";
import {
	bind,
	close,
	copyData,
	copyDone,
	copyFail,
	describe,
	execute,
	flush,
	functionCall,
	int16,
	int32,
	type Message,
	message,
	outline,
	parse,
	query,
	rowValues,
	split,
	sync,
	terminate,
	text,
} from "../helpers/wire.js";
import { cap, type HostOptions, TestHost } from "./relay-host.js";

function pair(options: HostOptions = {}, messageBytes = 1 << 20): { host: TestHost; relay: PostgresRelay } {
	const host = new TestHost(options);
	return { host, relay: new PostgresRelay(host, { messageBytes, reported: new Map([["search_path", "public"]]) }) };
}

const told = (host: TestHost): readonly Message[] => split(host.takeClient()).messages;

const ready = message("Z", "I");
const complete = (tag: string) => message("C", text(tag));
const row = (value: string) => message("D", int16(1), int32(Buffer.byteLength(value)), value);
const described = (relation: number, column = 1, names = ["c"]) =>
	message(
		"T",
		int16(names.length),
		...names.map((name) =>
			Buffer.concat([text(name), int32(relation), int16(column), int32(25), int16(65535), int32(-1), int16(0)]),
		),
	);
const masked = { name: "redact", term: "masks[0]", apply: () => "***" };

t.test("masked rows stay in their session", async (t) => {
	const options: HostOptions = {
		masks: new Map([[0, masked]]),
		origin: () => ({ permitted: true, mask: undefined, name: "c" }),
	};
	const first = pair(options);
	const other = pair(options);
	first.relay.fromClient(query("SELECT c FROM t"));
	// The row is rewritten and still to be sent when the stream breaks.
	first.relay.fromUpstream(Buffer.concat([described(1), row("secret"), message("!", "?")]));
	t.equal(outline(told(first.host)), "T D E:08006");
	other.relay.fromClient(query("SELECT c FROM t"));
	other.relay.fromUpstream(Buffer.concat([described(1), complete("SELECT 0"), ready]));
	t.equal(outline(told(other.host)), "T C:SELECT 0 Z:I");
	const third = pair(options);
	third.relay.fromClient(query("SELECT c FROM t"));
	third.relay.fromUpstream(Buffer.concat([described(1), row("a"), row("b"), complete("SELECT 2"), ready]));
	t.same(
		told(third.host)
			.filter((each) => each.type === "D")
			.map(rowValues),
		[["***"], ["***"]],
	);
});

t.test("the origin wall", async (t) => {
	const origin = (relation: number) =>
		relation === 7
			? undefined
			: { permitted: relation !== 9, mask: relation === 8 ? masked : undefined, name: `r${relation}` };
	const answers = (relation: number) => Buffer.concat([described(relation), row("value"), complete("SELECT 1"), ready]);
	for (const [relation, outcome, incidents] of [
		[1, "T D C:SELECT 1 Z:I", 0],
		[8, "T D C:SELECT 1 Z:I", 1],
		[9, "T E:42501 Z:I", 1],
		[7, "T E:42501 Z:I", 1],
	] as const) {
		const { host, relay } = pair({ origin });
		relay.fromClient(query("SELECT c FROM t"));
		relay.fromUpstream(answers(relation));
		const messages = told(host);
		t.equal(outline(messages), outcome);
		t.equal(host.incidents.length >= incidents, true, `incidents for ${relation}`);
		if (relation === 8) t.same(messages.filter((each) => each.type === "D").map(rowValues), [["***"]]);
	}
	const { host, relay } = pair({ origin });
	relay.fromClient(Buffer.concat([parse("SELECT c FROM t"), bind(), execute(), sync]));
	t.match(
		framesOf(host.takeUpstream())
			.map((frame) => String.fromCharCode(frame[0] ?? 0))
			.join(""),
		"PBDES",
		"the client did not ask what the columns are, so we do",
	);
	relay.fromUpstream(
		Buffer.concat([message("1"), message("2"), described(9), row("value"), complete("SELECT 1"), ready]),
	);
	t.equal(outline(told(host)), "1 2 E:42501 Z:I", "and do not tell");
	const gone = pair({ origin });
	gone.relay.fromClient(Buffer.concat([parse("SELECT c FROM t"), bind(), execute(), sync]));
	gone.relay.fromUpstream(
		Buffer.concat([message("1"), message("2"), message("E", "SERROR\0VERROR\0C34000\0Mgone\0\0"), ready]),
	);
	t.equal(outline(told(gone.host)), "1 2 E:34000 Z:I", "an error in answer to our question is the client's");
});

t.test("the end of a session never falls into a frame", async (t) => {
	const long = row("x".repeat(5000));
	for (let cut = 1; cut < 40; cut++) {
		const { host, relay } = pair();
		relay.fromClient(query("SELECT c"));
		relay.fromUpstream(described(0));
		relay.fromUpstream(long.subarray(0, cut));
		relay.terminate("upstream", "lost", undefined);
		const bytes = host.takeClient();
		const { messages, rest } = split(bytes);
		t.match(outline(messages), cut < 5 ? "T E:08006" : "T", `after ${cut} bytes`);
		if (rest.length > 0 && cut < 5) t.fail("half a frame was sent");
		t.match(host.runs[0]?.outcome, { command: null, error: { code: "08006" } });
	}
	const { host, relay } = pair();
	relay.fromClient(query("SELECT c"));
	relay.fromUpstream(Buffer.concat([described(0), long.subarray(0, 100)]));
	// The rest of the row comes with a frame that breaks the protocol.
	relay.fromUpstream(Buffer.concat([long.subarray(100), message("!", "?")]));
	t.equal(outline(told(host)), "T D E:08006");
	const left = pair();
	left.relay.fromClient(query("SELECT c"));
	left.relay.fromUpstream(Buffer.concat([described(0), row("a"), row("b")]));
	left.relay.fromClient(terminate);
	t.match(left.host.runs[0]?.outcome, { rows: 2, error: { code: "57P01" } }, "what was delivered is counted");
	const lost = pair();
	lost.relay.fromClient(query("SELECT c"));
	lost.relay.fromUpstream(Buffer.concat([described(0), row("a")]));
	lost.relay.abandon("client: reset");
	t.match(lost.host.runs[0]?.outcome, { rows: 1 });
	t.ok(lost.relay.busy, "the server is still at work");
});

t.test("settings that leave their pins end the session", async (t) => {
	for (const [name, value, ends] of [
		["standard_conforming_strings", "off", true],
		["client_encoding", "SJIS", true],
		["client_encoding", "UTF8", false],
		["TimeZone", "UTC", false],
	] as const) {
		for (const unrestricted of [false, true]) {
			const { host, relay } = pair({ unrestricted });
			relay.fromUpstream(message("S", text(name), text(value)));
			t.equal(host.ended !== undefined, ends && !unrestricted, `${name} = ${value}, unrestricted: ${unrestricted}`);
		}
	}
});

t.test("a denial that the server does not refuse", async (t) => {
	for (const answer of [
		[described(0), row("x"), complete("SELECT 1"), ready],
		[complete("SELECT 1"), ready],
	]) {
		const { host, relay } = pair({ denied: /denied/ });
		relay.fromClient(query("SELECT denied"));
		relay.fromUpstream(Buffer.concat(answer));
		t.match(outline(told(host)), /^E:08006$/);
	}
	const { host, relay } = pair({ denied: /denied/ });
	relay.fromClient(Buffer.concat([parse("SELECT denied"), sync]));
	relay.fromUpstream(Buffer.concat([message("1"), ready]));
	t.equal(outline(told(host)), "E:08006");
});

t.test("where nothing is forbidden, what is unknown passes", async (t) => {
	const { host, relay } = pair({ unrestricted: true });
	relay.fromClient(Buffer.concat([bind({ statement: "unseen" }), execute("unseen"), sync]));
	relay.fromUpstream(Buffer.concat([message("2"), row("x"), complete("SELECT 1"), ready]));
	t.equal(outline(told(host)), "2 D C:SELECT 1 Z:I");
	relay.fromClient(query("EXECUTE unseen"));
	relay.fromUpstream(Buffer.concat([described(0), complete("SELECT 0"), ready]));
	t.equal(outline(told(host)), "T C:SELECT 0 Z:I");
	t.equal(host.ended, undefined);
});

t.test("nothing grows without bound", async (t) => {
	const { host, relay } = pair();
	relay.fromClient(Buffer.concat(Array.from({ length: 30_000 }, () => sync)));
	const sent = framesOf(host.takeUpstream()).length;
	t.ok(sent <= 10_000, `${sent} are under way`);
	t.ok(host.held);
	relay.fromUpstream(Buffer.concat(Array.from({ length: sent }, () => ready)));
	t.ok(framesOf(host.takeUpstream()).length > 0, "it goes on when they are answered");
	const names = pair();
	let refused = 0;
	for (let n = 0; n < 20_050; n++) {
		names.relay.fromClient(Buffer.concat([parse("SELECT 1", `s${n}`), sync]));
		const frames = framesOf(names.host.takeUpstream());
		const isRefused = frames.some((frame) => frame.includes("_licet_denied"));
		const error = message("E", "SERROR\0VERROR\0C42883\0Mno\0\0");
		names.relay.fromUpstream(Buffer.concat([isRefused ? error : message("1"), ready]));
		if (isRefused) refused++;
		names.host.takeClient();
	}
	t.equal(refused, 50);
	names.relay.fromClient(query("PREPARE one AS SELECT 1"));
	t.ok(names.host.takeUpstream().includes("_licet_denied"), "SQL PREPARE counts too");
	const long = pair({}, 1000);
	long.relay.fromClient(Buffer.concat([Buffer.from("Q"), int32(0x7fffffff)]));
	t.match(outline(told(long.host)), "E:08P01", "refused by its length alone");
});

// ---- generated input ------------------------------------------------------------------------------------------------

const name = fc.constantFrom("", "s", "t", "_licet_path");
const sql = fc.constantFrom(
	"SELECT 1",
	"SELECT denied",
	"",
	"BEGIN",
	"COMMIT",
	"SELECT 1; SELECT denied",
	"COPY t FROM STDIN",
	"COPY t TO STDOUT",
	"PREPARE s AS SELECT 1",
	"EXECUTE s",
	"DEALLOCATE ALL",
	"DECLARE c CURSOR FOR SELECT 1",
	"FETCH 1 FROM c",
	"SET search_path = other",
	"ROLLBACK",
	"INSERT INTO t VALUES (1) RETURNING n",
	"CREATE TABLE x (n int)",
);
const clientMessage = fc.oneof(
	sql.map((each) => query(each)),
	fc.tuple(sql, name).map(([each, as]) => parse(each, as)),
	fc.tuple(name, name).map(([portal, statement]) => bind({ portal, statement, values: ["1", null] })),
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, as]) => describe(kind, as)),
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, as]) => close(kind, as)),
	name.map((portal) => execute(portal, 2)),
	fc.constantFrom(sync, flush, copyDone, copyData("1\n"), copyFail("no"), functionCall(1), terminate),
);
const brokenMessage = fc.oneof(
	fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
	fc
		.tuple(fc.constantFrom(..."QPBDECSHdcfFXp!"), fc.uint8Array({ maxLength: 30 }))
		.map(([type, body]) => message(type, Buffer.from(body))),
	fc
		.tuple(fc.constantFrom(..."QPBDd"), fc.integer())
		.map(([type, length]) => Buffer.concat([Buffer.from(type), int32(length)])),
	fc.constant(message("Q", "SELECT 1\0denied\0")),
	fc.constant(message("B", text(""), text(""), int16(0), int16(65_535))),
	fc.constant(message("P", text(""), text("SELECT 1"), int16(65_535))),
);
const serverMessage = fc.oneof(
	fc.constantFrom(
		ready,
		message("Z", "T"),
		message("Z", "E"),
		message("1"),
		message("2"),
		message("3"),
		message("n"),
		message("s"),
		message("I"),
		message("c"),
		complete("SELECT 1"),
		described(0),
		described(9),
		row("value"),
		message("G", Buffer.of(0), int16(0)),
		message("H", Buffer.of(0), int16(0)),
		copyData("1\n"),
		message("E", "SERROR\0VERROR\0C42883\0Mno\0\0"),
		message("E", "SFATAL\0VFATAL\0C57P01\0Mno\0\0"),
		message("N", "SNOTICE\0VNOTICE\0C00000\0Mhm\0\0"),
		message("A", int32(1), text("c"), text("p")),
		message("S", text("search_path"), text("other")),
		message("t", int16(0)),
	),
	fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);

type Step = { readonly from: "client" | "server"; readonly bytes: Buffer };
const steps = fc.array(
	fc.oneof(
		{ weight: 5, arbitrary: clientMessage.map((bytes): Step => ({ from: "client", bytes })) },
		{ weight: 1, arbitrary: brokenMessage.map((bytes): Step => ({ from: "client", bytes })) },
		{ weight: 5, arbitrary: serverMessage.map((bytes): Step => ({ from: "server", bytes })) },
	),
	{ maxLength: 40 },
);

/** Frames of the relay's own, by what they say. */
const OWN = ["_licet_denied", "_licet_path"];

t.test("any conversation: it neither throws nor lets through what was not judged", async (t) => {
	const options = { maxLength: 6 };
	await fc.assert(
		fc.asyncProperty(
			steps,
			fc.boolean(),
			fc.array(fc.integer({ min: 1, max: 9 }), options),
			fc.boolean(),
			async (all, isSlow, cuts, checks) => {
				const { host, relay } = pair({
					denied: /denied/,
					isSlow,
					rows: cap(1, "error"),
					...(checks ? { origin: () => ({ permitted: true, mask: undefined, name: "c" }) } : {}),
				});
				const offered: Buffer[] = [];
				for (const { from, bytes } of all) {
					if (from === "client") offered.push(bytes);
					let at = 0;
					for (const size of [...cuts, bytes.length]) {
						const piece = Buffer.from(bytes.subarray(at, at + size));
						at += size;
						if (piece.length === 0) break;
						if (from === "client") relay.fromClient(piece);
						else relay.fromUpstream(piece);
					}
					if (isSlow) await new Promise((resolve) => setImmediate(resolve));
				}
				const upstream = host.takeUpstream().toString("latin1");
				if (upstream.replaceAll("_licet_denied", "").includes("denied")) throw new Error("unjudged bytes went up");
				const runs = host.runs.filter((run) => !run.denied && !run.parseOnly).length;
				// Query strings that hold nothing run nothing: see UNENDED_QUERY, OVERLONG_QUERY.
				const nothing = ["Q\0\0\0\u0004", "Q\0\0\0\u0005\0", "Q\0\0\0\u0006\0\0"];
				const sent = nothing.reduce((left, each) => left.replaceAll(each, ""), upstream);
				const executed = (sent.match(/Q\0\0|E\0\0\0/g) ?? []).length;
				if (executed > runs + upstream.split(OWN[0] ?? "").length + upstream.split(OWN[1] ?? "").length)
					throw new Error("more ran than was recorded");
				relay.abandon("over");
				const open = host.runs.filter((run) => run.outcome === undefined);
				if (open.length > 0) throw new Error(`never finished: ${open.map((run) => run.text).join(" | ")}`);
			},
		),
		{ numRuns: 1500 },
	);
	t.pass("none found");
});
