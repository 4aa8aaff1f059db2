/**
 * The journal: what it writes is what was given, survives kill -9, and what a crash or a full disk does to it is found,
 * kept aside and told.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	appendFileSync,
	closeSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import t from "tap";
import { TimestampFormat, wallClock } from "../../src/recorder/clock.js";
import { encodeEntry } from "../../src/recorder/encode.js";
import type { LoggedEntry } from "../../src/recorder/entry.js";
import { Journal, JournalError } from "../../src/recorder/journal.js";
import { ENTRY_CHARACTERS, joinParts, splitEntry } from "../../src/recorder/parts.js";
import { LogReader } from "../../src/recorder/reader.js";
import { anyResult, anyStatement, result, sessionEnd, sessionStart, statement } from "./entries.js";
import { FaultyDisk } from "./faulty-disk.js";

const now = wallClock();
const open = (folder: string, segmentBytes?: number) =>
	Journal.open({ folder, now, ...(segmentBytes === undefined ? {} : { segmentBytes }) });

async function readAll(folder: string): Promise<LoggedEntry[]> {
	const entries: LoggedEntry[] = [];
	for await (const { entry } of new LogReader(folder).entries()) entries.push(entry);
	return entries;
}

const segments = (folder: string) =>
	readdirSync(folder)
		.filter((name) => name.endsWith(".jsonl"))
		.sort();

t.test("lines", async (t) => {
	t.test("are the entry, whatever is in it", async (t) => {
		fc.assert(
			fc.property(fc.oneof(anyStatement, anyResult), fc.nat(), (entry, seq) => {
				const line = encodeEntry(entry, seq, "2026-01-01T00:00:00.000000Z");
				t.equal(line.indexOf("\n"), line.length - 1);
				t.match(line, /^\{"v":1,"seq":\d+,"at":"[^"]+","type":/);
				t.strictSame(
					JSON.parse(line),
					JSON.parse(JSON.stringify({ v: 1, seq, at: "2026-01-01T00:00:00.000000Z", ...entry })),
				);
			}),
			{ numRuns: 200 },
		);
	});
	t.test("keep numbers that JSON cannot hold as null", async (t) => {
		const line = encodeEntry(result("s", 1, { durationMs: Number.NaN }), 0, "x");
		t.equal((JSON.parse(line) as { durationMs: unknown }).durationMs, null);
	});
	t.test("tell the time in microseconds", async (t) => {
		const format = new TimestampFormat();
		t.equal(format.format(1_700_000_000_123.456), "2023-11-14T22:13:20.123456Z");
		t.equal(format.format(1_700_000_000_999.999), "2023-11-14T22:13:20.999999Z");
		t.equal(format.format(1_700_000_001_000), "2023-11-14T22:13:21.000000Z");
		const clock = wallClock();
		t.ok(Math.abs(clock() - Date.now()) < 10);
	});
});

t.test("long values", async (t) => {
	t.test("split and join", async (t) => {
		const unit = fc.constantFrom("a", "é", "漢", "😀", "\ud83d");
		const long = fc
			.tuple(unit, fc.integer({ min: 1, max: 3 * ENTRY_CHARACTERS }), fc.string())
			.map(([part, length, tail]) => part.repeat(Math.ceil(length / part.length)).slice(0, length) + tail);
		fc.assert(
			fc.property(long, fc.array(fc.option(long), { maxLength: 3 }), long, (sql, parameters, prepared) => {
				const entry = statement("s", 1, sql, { parameters, prepared });
				const { head, parts } = splitEntry(entry, 7);
				const lines = [
					encodeEntry(head, 7, "x", parts.length),
					...parts.map((part, index) => encodeEntry(part, 8 + index, "x")),
				];
				t.ok(lines.every((line) => line.length < ENTRY_CHARACTERS * 7));
				const read = () => lines.map((line) => JSON.parse(line) as LoggedEntry) as [LoggedEntry, ...LoggedEntry[]];
				const [first, ...rest] = read();
				t.equal(JSON.stringify(joinParts(first, rest)), encodeEntry(entry, 7, "x").trimEnd());
				if (rest.length === 0) return;
				t.equal(joinParts(read()[0], rest.slice(1)), undefined, "all of them");
				t.equal(joinParts({ ...read()[0], seq: 6 }, rest), undefined, "its own");
				const [one, two] = rest;
				if (one?.type === "part" && !one.last && two !== undefined) {
					t.equal(joinParts(read()[0], [two, one, ...rest.slice(2)]), undefined, "in order");
				}
			}),
			{ numRuns: 30 },
		);
	});
	t.test("go through the log whole", async (t) => {
		const folder = t.testdir();
		const journal = open(folder);
		const sql = `select '${"x😀".repeat(300_000)}'`;
		const many = Array.from({ length: 2000 }, (_, index) => `${index}-${"p".repeat(200)}`);
		journal.append(sessionStart("s_1"));
		t.equal(journal.append(statement("s_1", 1, sql, { parameters: [null, "y".repeat(70_000), ""] })), 1);
		journal.append(result("s_1", 1, { sample: { columns: ["c"], rows: [["z".repeat(300_000)], [null]] } }));
		journal.append(statement("s_1", 2, "insert", { parameters: many }));
		journal.append(sessionEnd("s_1"));
		journal.flush();
		const entries: LoggedEntry[] = [];
		for await (const entry of new LogReader(folder).session("s_1")) entries.push(entry);
		t.same(
			entries.map((entry) => entry.type),
			["session.start", "statement", "result", "statement", "session.end"],
		);
		const [, one, two, three] = entries;
		t.ok(one?.type === "statement" && one.sql === sql && one.parameters[1] === "y".repeat(70_000));
		t.notOk("parts" in (one ?? {}), "whole again");
		t.ok(two?.type === "result" && two.sample?.rows[0]?.[0] === "z".repeat(300_000));
		t.ok(three?.type === "statement" && three.parameters.join() === many.join());
		const raw = readFileSync(join(folder, segments(folder)[0] ?? ""), "utf8")
			.trimEnd()
			.split("\n");
		t.same(
			raw.map((line) => (JSON.parse(line) as LoggedEntry).seq),
			raw.map((_, index) => index),
			"numbers have no holes",
		);
		journal.close();
	});
});

t.test("segments", async (t) => {
	const folder = t.testdir();
	const journal = open(folder, 2000);
	const positions = new Map<string, { segment: number; offset: number }>();
	for (let number = 0; number < 60; number++) {
		const session = `s_${number}`;
		positions.set(session, journal.position);
		journal.append(sessionStart(session));
		journal.append(statement(session, 1));
		if (number % 3 === 0) journal.flush();
	}
	await journal.flushDurably();
	t.ok(segments(folder).length > 5);
	const entries = await readAll(folder);
	t.same(
		entries.map(({ seq }) => seq),
		Array.from({ length: 120 }, (_, index) => index),
	);
	for (const [session, position] of positions) {
		for await (const { entry } of new LogReader(folder).entries(position)) {
			t.match(entry, { type: "session.start", session }, "found at its position");
			break;
		}
	}
	t.throws(() => open(folder), { code: "locked" }, "one writer at a time");
	journal.close();
	t.throws(() => journal.append(statement("s", 1)), JournalError);
	t.throws(() => journal.flush(), JournalError);
	const again = open(folder, 2000);
	t.equal(again.nextSeq, 120);
	t.equal(again.node, journal.node, "the node keeps its name");
	again.close();
	for (const name of segments(folder)) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
});

t.test("reading while it is written, across new segments", async (t) => {
	const folder = t.testdir();
	const journal = open(folder, 5000);
	journal.append(sessionStart("s_1"));
	journal.flush();
	const reading = (async () => {
		const seen: number[] = [];
		for await (const { entry } of new LogReader(folder).entries()) {
			seen.push(entry.seq);
			await new Promise(setImmediate);
		}
		return seen;
	})();
	for (let number = 1; number <= 500; number++) {
		journal.append(statement("s_1", number));
		journal.flush();
		if (number % 10 === 0) await new Promise(setImmediate);
	}
	const seen = await reading;
	t.same(
		seen,
		seen.map((_, index) => index),
		"in order and without holes, however far it came",
	);
	t.equal((await readAll(folder)).length, 501);
	journal.close();
});

t.test("torn at every byte of the last entries", async (t) => {
	const folder = t.testdir();
	const journal = open(folder);
	journal.append(sessionStart("s_1"));
	journal.flush();
	const whole = journal.position.offset;
	journal.append(statement("s_1", 1, "select 'ü'", { parameters: ["x"] }));
	const first = journal.position.offset;
	journal.append(result("s_1", 1));
	journal.close();
	const file = readFileSync(join(folder, "000000000000.jsonl"));
	for (let cut = whole; cut <= file.length; cut++) {
		const copy = join(folder, `cut-${cut}`);
		mkdirSync(copy);
		writeFileSync(join(copy, "000000000000.jsonl"), file.subarray(0, cut));
		const keep = cut === file.length ? cut : cut >= first ? first : whole;
		open(copy).close();
		const entries = await readAll(copy);
		const gaps = entries.filter((entry) => entry.type === "gap");
		const asides = readdirSync(copy).filter((name) => name.startsWith("torn-"));
		if (cut === keep) {
			if (gaps.length + asides.length > 0) t.fail(`nothing is torn at ${cut}`);
			continue;
		}
		const aside = readFileSync(join(copy, asides[0] ?? ""));
		const good =
			asides.length === 1 &&
			gaps.length === 1 &&
			gaps[0]?.type === "gap" &&
			gaps[0].keptAs === asides[0] &&
			gaps[0].bytes === cut - keep &&
			gaps[0].seq === entries.length - 1 &&
			aside.equals(file.subarray(keep, cut)) &&
			readFileSync(join(copy, "000000000000.jsonl")).subarray(0, keep).equals(file.subarray(0, keep));
		if (!good) t.fail(`torn at ${cut}`, { entries, asides });
		open(copy).close();
		if ((await readAll(copy)).length !== entries.length) t.fail(`told twice at ${cut}`);
	}
	t.pass(`${file.length - whole + 1} places`);

	t.test("in a long entry, whose parts go with it", async (t) => {
		const folder = t.testdir();
		const journal = open(folder);
		journal.append(statement("s", 1));
		journal.append(statement("s", 2, "y".repeat(200_000)));
		journal.close();
		const path = join(folder, "000000000000.jsonl");
		const lines = readFileSync(path, "utf8").split("\n");
		truncateSync(path, lines.slice(0, 3).join("\n").length + 1);
		open(folder).close();
		t.same(
			(await readAll(folder)).map(({ type }) => type),
			["statement", "gap"],
		);
	});
	t.test("and again where it was torn before", async (t) => {
		const folder = t.testdir();
		open(folder).close();
		const path = join(folder, "000000000000.jsonl");
		writeFileSync(path, "first");
		open(folder).close();
		writeFileSync(path, "second");
		open(folder).close();
		const asides = readdirSync(folder).filter((name) => name.startsWith("torn-"));
		t.same(asides.map((name) => readFileSync(join(folder, name), "utf8")).sort(), ["first", "second"]);
		t.same(
			(await readAll(folder)).map((entry) => entry.type === "gap" && entry.keptAs).sort(),
			asides.sort(),
			"both are told",
		);
	});
	t.test("with garbage, zeros, or a foreign entry", async (t) => {
		for (const tail of [
			Buffer.alloc(5000),
			Buffer.from('{"v":1,"seq":9,"at":"x","type":"gap"}\n'),
			Buffer.from("\n\n"),
			Buffer.from('{"v":1}\n{"v":1,"seq":1}'),
		]) {
			const folder = t.testdir();
			const journal = open(folder);
			journal.append(statement("s", 1));
			journal.close();
			appendFileSync(join(folder, "000000000000.jsonl"), tail);
			open(folder).close();
			t.match(await readAll(folder), [
				{ seq: 0, type: "statement" },
				{ seq: 1, type: "gap", bytes: tail.length },
			]);
		}
	});
	t.test("a format of the future is not touched", async (t) => {
		const folder = t.testdir();
		const line = '{"v":2,"seq":0}\n';
		writeFileSync(join(folder, "000000000000.jsonl"), line);
		t.throws(() => open(folder), { code: "corrupt" });
		t.equal(readFileSync(join(folder, "000000000000.jsonl"), "utf8"), line);
		t.throws(() => open(folder), { code: "corrupt" }, "and the lock was let go");
	});
	t.test("damage in the middle is told by the reader", async (t) => {
		const folder = t.testdir();
		const journal = open(folder);
		for (let number = 0; number < 3; number++) journal.append(statement("s", number));
		journal.close();
		const path = join(folder, "000000000000.jsonl");
		const bytes = readFileSync(path);
		bytes[bytes.indexOf("\n") + 3] = 0;
		writeFileSync(path, bytes);
		await t.rejects(readAll(folder), { code: "corrupt" });
	});
});

t.test("kill -9", async (t) => {
	const folder = t.testdir();
	const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
	const script = `
		import { writeSync } from "node:fs";
		const { Journal } = await import(${at("../../src/recorder/journal.js")});
		const journal = Journal.open({ folder: process.argv[1], now: Date.now, segmentBytes: 20000 });
		const decision = { id: "d", effect: "allow", reasons: [], masks: [] };
		for (let n = 0; ; n++) {
			for (let i = 0; i <= n % 3; i++) journal.append({ type: "statement", session: "s", statement: n, sql: "select " + n, parameters: [], decision });
			journal.flush();
			// A reader that is behind misses a number, and the kill still meets a process at work.
			try { writeSync(1, (journal.nextSeq - 1) + "\\n"); } catch (error) { if (error.code !== "EAGAIN") throw error; }
		}
	`;
	for (let round = 0; round < 3; round++) {
		const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		let said = "";
		child.stdout.on("data", (chunk: Buffer) => {
			said += chunk.toString();
			if (said.length > 4000) child.kill("SIGKILL");
		});
		await once(child, "close");
		const flushed = Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
		const entries = await readAll(folder);
		t.ok(entries.length > flushed, `all of ${flushed} flushed entries are there`);
		t.same(
			entries.map(({ seq }) => seq),
			entries.map((_, index) => index),
		);
		const journal = open(folder);
		t.ok(journal.nextSeq > flushed);
		journal.close();
	}
});

t.test("a disk that is full for a while", { skip: withoutLimits() }, async (t) => {
	const folder = t.testdir();
	const script = fileURLToPath(new URL("full-disk.js", import.meta.url));
	/* The limit is 8 blocks of 512 bytes: the write that passes it is cut short, and the next one fails. */
	const child = spawn("sh", ["-c", 'ulimit -S -f 8 && exec "$@"', "sh", process.execPath, script, folder], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	let said = "";
	child.stdout.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	const [code]: unknown[] = await once(child, "close");
	t.equal(code, 0);
	const { events, sizes } = JSON.parse(said) as { events: string[]; sizes: number[] };
	t.same(events, [
		"filled",
		"flush failed",
		"flush failed",
		"flushDurably failed",
		"statement failed",
		"session.start failed",
		"result kept",
		"session.end kept",
		"reopen failed",
		"reopened",
		"closed",
	]);
	t.equal(new Set(sizes).size, 1, "no half of an entry stays in the file");
	const entries = await readAll(folder);
	t.same(
		entries.slice(-5).map(({ type }) => type),
		["statement", "result", "session.end", "gap", "session.start"],
		"what had already happened is told after all",
	);
	t.same(
		entries.map(({ seq }) => seq),
		entries.map((_, index) => index),
	);
	t.match(entries.at(-2), { type: "gap", message: /EFBIG/, bytes: 0, keptAs: "" });
});

t.test("a disk that fails to sync", { skip: !existsSync("/proc/self/fd") && "there is no /proc" }, async (t) => {
	const folder = t.testdir();
	const journal = open(folder);
	journal.append(statement("s", 1));
	await journal.flushDurably();
	/* The descriptor is closed behind the journal's back, which is an error as good as any. */
	const own = readdirSync("/proc/self/fd").find((fd) => linkOf(fd).endsWith("000000000000.jsonl"));
	journal.append(statement("s", 2));
	journal.flush();
	closeSync(Number(own));
	const waiting = [journal.flushDurably(), journal.flushDurably()];
	for (const wait of waiting) await t.rejects(wait, { code: "failed" });
	t.throws(() => journal.append(statement("s", 3)), { code: "failed" });
	journal.reopen();
	journal.append(statement("s", 3));
	await journal.flushDurably();
	journal.close();
	t.same(segments(folder), ["000000000000.jsonl"]);
	t.same(
		(await readAll(folder)).map(({ type }) => type),
		["statement", "statement", "gap", "statement"],
	);
});

t.test("a long entry stays in one segment with its parts", async (t) => {
	const folder = t.testdir();
	const journal = open(folder, 2000);
	/* Longer than the buffer, which therefore fills between the entry and its last part. */
	for (let number = 1; number <= 4; number++) {
		journal.append(statement("s_1", number, "x".repeat(700_000 * number)));
		journal.flush();
	}
	journal.close();
	for (const name of segments(folder)) {
		const [first] = readFileSync(join(folder, name), "utf8").split("\n");
		t.match(JSON.parse(first ?? ""), { type: "statement" }, `${name} does not begin in the middle of an entry`);
	}
	open(folder, 2000).close();
	t.same(
		(await readAll(folder)).map(({ type }) => type),
		["statement", "statement", "statement", "statement"],
		"and nothing is taken for torn",
	);
});

t.test("after a failed sync the disk has what is said to be there", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	for (const phase of ["of the same segment", "of a segment that is full"]) {
		const folder = t.testdir();
		const journal = open(folder, phase === "of the same segment" ? undefined : 2500);
		journal.append(statement("s", 1));
		await journal.flushDurably();
		journal.append(statement("s", 2, "x".repeat(1000)));
		journal.append(statement("s", 3, "y".repeat(1200)));
		disk.failSyncs(1);
		await t.rejects(journal.flushDurably(), { code: "failed" });
		journal.reopen();
		journal.append(statement("s", 4));
		await journal.flushDurably();
		disk.losePower(folder);
		t.same(
			(await readAll(folder)).map((entry) => (entry.type === "statement" ? entry.statement : entry.type)),
			[1, 2, 3, "gap", 4],
			phase,
		);
		journal.close();
	}
});

t.test("group commit", async (t) => {
	const journal = open(t.testdir());
	const order: string[] = [];
	const commits = Array.from({ length: 50 }, async (_, number) => {
		journal.append(statement("s", number));
		await journal.flushDurably();
		order.push(`commit ${number}`);
	});
	await Promise.all(commits);
	t.equal(order.length, 50);
	await journal.flushDurably();
	journal.close();
	await t.rejects(journal.flushDurably(), { code: "failed" });
});

function linkOf(fd: string): string {
	try {
		return readlinkSync(`/proc/self/fd/${fd}`);
	} catch {
		return "";
	}
}

/** Why file sizes cannot be limited here, or false. */
function withoutLimits(): string | false {
	const found = spawnSync("prlimit", ["--version"]);
	return found.error === undefined && found.status === 0 ? false : "there is no prlimit";
}
