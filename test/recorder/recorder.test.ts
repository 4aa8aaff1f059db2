/** The recorder with its index on both stores, sessions that a crash left open, and replay. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import type { LoggedEntry } from "../../src/recorder/entry.js";
import { Recorder } from "../../src/recorder/recorder.js";
import { replayJson, replayText } from "../../src/recorder/replay.js";
import { displayWidth, printable, table } from "../../src/recorder/terminal.js";
import { sessionPlace } from "../../src/store/session-place.js";
import { openStore, type StoreLocation } from "../../src/store/store.js";
import { silentLog } from "../../src/telemetry/log.js";
import { withStores } from "../store/stores.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
	const all: Item[] = [];
	for await (const item of items) all.push(item);
	return all;
}

async function opened(t: Test, location: StoreLocation, folder: string) {
	const store = await openStore(location);
	const recorder = await Recorder.open({ folder, store, log: silentLog, segmentBytes: 3000 });
	let open = true;
	const close = async () => {
		if (!open) return;
		open = false;
		await recorder.close();
		await store.close();
	};
	t.teardown(close);
	return { store, recorder, close };
}

await withStores(t, async (t, location) => {
	const folder = join(t.testdir({ data: {} }), "data", "log");
	const first = await opened(t, location, folder);
	const { recorder } = first;
	for (let number = 1; number <= 30; number++) {
		recorder.append(sessionStart(`s_${number}`, { subject: `u${number}` }));
		recorder.append(statement(`s_${number}`, 1));
		recorder.append(result(`s_${number}`, 1));
		if (number <= 28) recorder.append(sessionEnd(`s_${number}`, number));
		recorder.flush();
	}
	recorder.append(
		statement("s_30", 2, "drop table x", { decision: { id: "d_9", effect: "deny", reasons: [], masks: [] } }),
	);
	recorder.flush();
	recorder.countersOf = (session) =>
		session === "s_30" ? { statements: 7, denied: 1, rowsOut: 2, bytesOut: 3 } : undefined;
	const summary = {
		session: "s_30",
		grant: "g_1",
		license: "acme",
		subject: "u30",
		target: "shop",
		engine: "postgres",
		database: "shop",
		endedAt: null,
		endReason: null,
		clientAddress: "127.0.0.1",
		application: "psql",
		statements: 7,
		denied: 1,
		rowsOut: 2,
		bytesOut: 3,
	};
	t.match(await recorder.session("s_30"), summary, "known at once, with its numbers as they are now");
	await recorder.index.settle();
	t.match(await recorder.session("s_30"), summary, "and from the store");
	t.match(await recorder.session("s_28"), { statements: 28, endReason: "client disconnected", endedAt: /^20.*Z$/ });
	t.same(
		(await recorder.sessions({ limit: 3 })).map(({ session }) => session),
		["s_30", "s_29", "s_28"],
	);
	t.same(
		(await recorder.sessions({ live: true })).map(({ session }) => session),
		["s_30", "s_29"],
	);
	t.equal(await recorder.session("s_99"), undefined);
	await t.rejects(collect(recorder.replay("s_99")), { code: "unknown" });
	for (const id of ["s_1", "s_15", "s_28"]) {
		t.same(
			(await collect(recorder.replay(id))).map(({ type }) => type),
			["session.start", "statement", "result", "session.end"],
			`${id} in whatever segment`,
		);
	}

	const before = await recorder.sessions();
	await recorder.index.rebuild(recorder.reader);
	t.strictSame(await recorder.sessions(), before, "rebuilt from the log it is the same");
	recorder.append(sessionEnd("s_29"));
	await recorder.index.settle();
	t.match(await recorder.session("s_29"), { endReason: "client disconnected" }, "and goes on being kept");
	const right = (await recorder.index.get("s_20"))?.position;
	if (right === undefined) throw new Error("s_20 is lost");
	const node = recorder.journal.node;
	t.same(await sessionPlace(location, "s_20"), { node, ...right }, "a command finds it in the store, beside the node");
	t.equal(await sessionPlace(location, "s_99"), undefined);
	t.equal(await sessionPlace(location, "s_20' OR 'a'='a"), undefined);
	for (const wrong of [
		{ segment: right.segment, segment_offset: right.offset + 7 },
		{ segment: right.segment, segment_offset: right.offset + 100_000 },
		{ segment: 10_000, segment_offset: 0 },
		{ segment: 0, segment_offset: 0 },
	]) {
		await first.store.db.updateTable("licet_sessions").set(wrong).where("id", "=", "s_20").execute();
		t.equal((await collect(recorder.replay("s_20"))).length, 4, "found though the index is wrong");
	}

	/* A crash: nothing of it is closed, and the lock goes with the process, so a copy of the state is as good. */
	recorder.append(statement("s_30", 3));
	recorder.append(result("s_30", 3, { rows: 5, bytes: 100 }));
	recorder.flush();
	await first.close();
	const second = await opened(t, location, folder);
	t.match(
		await second.recorder.session("s_30"),
		{ endedAt: /Z$/, endReason: /^lost/, statements: 3, denied: 1, rowsOut: 6, bytesOut: 140 },
		"a session without an end is ended, and its numbers are counted from the log",
	);
	t.match((await collect(second.recorder.replay("s_30"))).at(-1), { type: "session.end", reason: /^lost/ });
	t.same(await second.recorder.sessions({ live: true }), []);
	await second.close();

	const elsewhere = await opened(t, location, join(folder, "..", "other"));
	elsewhere.recorder.record(sessionStart("s_31"));
	t.equal((await elsewhere.recorder.sessions()).length, 31, "nodes on one store see all sessions");
	await t.rejects(collect(elsewhere.recorder.replay("s_1")), /another node/);
	await elsewhere.close();

	rmSync(folder, { recursive: true });
	const third = await opened(t, location, folder);
	await third.close();
});

t.test("the store is lost while sessions run", async (t) => {
	const folder = t.testdir({ data: {} });
	const store = await openStore({ kind: "embedded", folder: join(folder, "data") });
	const recorder = await Recorder.open({ folder: join(folder, "log"), store, log: silentLog });
	await store.close();
	recorder.record(sessionStart("s_1"));
	await t.rejects(recorder.index.settle());
	recorder.record(statement("s_1", 1));
	t.match(await recorder.session("s_1"), { session: "s_1" }, "recording goes on, and what runs is known");
	await t.rejects(recorder.close());
	const again = await openStore({ kind: "embedded", folder: join(folder, "data") });
	const reopened = await Recorder.open({ folder: join(folder, "log"), store: again, log: silentLog });
	t.match(
		await reopened.session("s_1"),
		{ statements: 1, endReason: /^lost/ },
		"the log makes good what the index missed",
	);
	await reopened.close();
	await again.close();
});

t.test("kill -9 while the index lags", async (t) => {
	const folder = t.testdir({ data: {} });
	const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
	const script = `
		const { Recorder } = await import(${at("../../src/recorder/recorder.js")});
		const { openStore } = await import(${at("../../src/store/store.js")});
		const { silentLog } = await import(${at("../../src/telemetry/log.js")});
		const { sessionStart, statement } = await import(${at("./entries.js")});
		const store = await openStore({ kind: "embedded", folder: process.argv[1] + "/data" });
		const recorder = await Recorder.open({ folder: process.argv[1] + "/log", store, log: silentLog });
		for (let n = 0; n < 20; n++) recorder.append(sessionStart("s_" + n));
		recorder.append(statement("s_3", 1));
		recorder.flush();
		process.stdout.write("ready");
		setInterval(() => {}, 1000);
	`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	await once(child.stdout, "data");
	child.kill("SIGKILL");
	await once(child, "close");
	const { recorder } = await opened(t, { kind: "embedded", folder: join(folder, "data") }, join(folder, "log"));
	const sessions = await recorder.sessions();
	t.equal(sessions.length, 20);
	t.ok(sessions.every(({ endReason }) => endReason?.startsWith("lost")));
	t.match(await recorder.session("s_3"), { statements: 1 });
});

/** What colours add is not seen. */
function uncoloured(text: string): string {
	const [first = "", ...rest] = text.split("\u001b");
	return first + rest.map((part) => part.replace(/^\[\d+m/, "")).join("");
}

const clock = (second: number) => ({ v: 1, seq: second, at: `2026-01-01T00:00:0${second}.500250Z` }) as const;
const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202etxt.exe\u2028";

function recorded(): LoggedEntry[] {
	const masks = [{ column: "email", mask: "email", term: "masks[0]" }];
	const allow = { id: "d_1", effect: "allow", reasons: [], masks } as const;
	const deny = {
		id: "d_2",
		effect: "deny",
		reasons: [{ term: null, message: `nothing permits select on hr.pay ${evil}` }],
		masks: [],
	} as const;
	const observed = {
		id: "d_3",
		effect: "allow",
		reasons: [{ term: "denies[0]", message: "held" }],
		masks: [],
		observed: "deny",
	} as const;
	return [
		{ ...clock(0), ...sessionStart(`s_1`, { application: evil }) },
		{
			...clock(1),
			...statement("s_1", 1, "select id,\n\temail from app.users where id = $1", {
				decision: allow,
				parameters: ["7", null, "NULL"],
				prepared: "S_1",
			}),
		},
		{
			...clock(2),
			...result("s_1", 1, {
				command: "SELECT 3",
				rows: 3,
				masked: ["email"],
				sample: {
					columns: ["id", "名前"],
					rows: [
						["1", "a***@x.org"],
						[null, evil],
					],
				},
			}),
		},
		{ ...clock(3), ...statement("s_1", 2, `select ${evil}`, { decision: deny }) },
		{
			...clock(3),
			...result("s_1", 2, { command: null, rows: 0, bytes: 90, error: { code: "42501", message: evil } }),
		},
		{ ...clock(4), ...statement("s_1", 3, "select 3", { decision: observed, parseOnly: true }) },
		{ ...clock(5), type: "incident", session: "s_1", statement: 3, message: evil },
		{ ...clock(6), type: "gap", message: evil, bytes: 12, keptAs: "torn-0-1-1" },
		{ ...clock(5), ...sessionEnd("s_1", 3) },
	] as LoggedEntry[];
}

async function* stream(entries: readonly LoggedEntry[]): AsyncGenerator<LoggedEntry> {
	yield* entries;
}

t.test("a store that cannot be looked into says nothing, and is not made", async (t) => {
	const folder = t.testdir({
		damaged: { "licet.db": "no database".repeat(1000) },
		empty: {},
		older: { "licet.db": "" },
	});
	for (const name of ["damaged", "empty", "older", "missing"])
		t.equal(await sessionPlace({ kind: "embedded", folder: join(folder, name) }, "s_1"), undefined, name);
	t.same(readdirSync(join(folder, "empty")), []);
	const url = "postgres://nobody:secret@127.0.0.1:1/none";
	t.equal(await sessionPlace({ kind: "postgres", url }, "s_1"), undefined);
});

t.test("replay", async (t) => {
	t.test("for machines", async (t) => {
		const objects = await collect(replayJson(stream(recorded())));
		t.same(
			objects.map(({ type }) => type),
			["session.start", "statement", "result", "statement", "result", "statement", "incident", "gap", "session.end"],
		);
		t.same(Object.keys(objects[1] ?? {}).slice(0, 2), ["at", "type"]);
		t.match(objects[1], {
			sql: /^select id/,
			parameters: ["7", null, "NULL"],
			decision: { effect: "allow", reasons: [], masks: [{ column: "email" }] },
		});
		t.match(objects[2], {
			command: "SELECT 3",
			rows: 3,
			bytes: 40,
			durationMs: 1.5,
			error: null,
			sample: { columns: ["id", "名前"] },
		});
		t.notOk("v" in (objects[0] ?? {}));
	});
	t.test("for people", async (t) => {
		const steps = await collect(replayText(stream(recorded())));
		t.same(
			steps.map(({ delayMs }) => Math.round(delayMs)),
			[0, 1000, 1000, 1000, 0, 1000, 1000, 1000, 0],
			"the time between, never less than none",
		);
		const text = steps.map((step) => step.text).join("");
		t.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}]/u, "nothing recorded drives the terminal");
		t.match(text, "\\x1b]0;owned\\x07");
		t.match(text, "\\u{202e}txt.exe\\u{2028}");
		t.match(text, /\+00:01\.000 #1 via S_1/);
		t.match(text, "select id,\n              email from app.users", "line breaks of the text stay");
		t.match(text, /│ \$3 +│ "NULL" +│/);
		t.match(text, /│ \$2 +│ NULL +│/);
		t.match(text, "▒ masked: email (email) [masks[0]]");
		t.match(text, "✗ DENIED (d_2)");
		t.match(text, "nothing permits select on hr.pay");
		t.match(text, /SELECT 3 \(statement 1: 3 rows, first 2 recorded, 40 bytes, 1.5 ms, masked: email\)/);
		t.match(text, "ERROR 42501:");
		t.match(text, "would be denied, observed only");
		t.match(text, "gap in the recording:");
		t.match(text, "(12 bytes in torn-0-1-1)");
		t.match(text, "Session ended: client disconnected");
		const coloured = (await collect(replayText(stream(recorded()), { colour: true })))
			.map((step) => step.text)
			.join("");
		const plain = uncoloured(coloured);
		t.equal(plain, text, "colours are all that is added");
	});
	t.test("tables line up and hold no controls, whatever is in them", async (t) => {
		const cell = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })));
		fc.assert(
			fc.property(
				fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
				fc.array(fc.array(cell, { maxLength: 5 })),
				(head, rows) => {
					const lines = table(head, rows, 20);
					t.equal(lines.length, rows.length + 4);
					t.equal(new Set(lines.map(displayWidth)).size, 1);
					t.notMatch(lines.join(""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
				},
			),
			{ numRuns: 100 },
		);
		t.match(table(["c"], [["x".repeat(1000)]], 20).join(), "… (+980)", "what is not shown is counted");
		t.equal(printable("a\r\n\tb\u0000\u007f\ud800"), "a\\r\\n\\tb\\x00\\x7f\\u{d800}");
	});
});
