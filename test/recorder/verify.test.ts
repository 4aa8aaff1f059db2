/** Verification of whole logs: what a node writes verifies, through crashes, keys and retention; what is set back does not. */
import {
	appendFileSync,
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { parseCheckpoint } from "../../src/recorder/checkpoint.js";
import { eachNote, readLastNote } from "../../src/recorder/checkpoint-file.js";
import type { LoggedEntry } from "../../src/recorder/entry.js";
import { prepareRotation } from "../../src/recorder/keys.js";
import { parseVerifierKey } from "../../src/recorder/note.js";
import { LogReader } from "../../src/recorder/reader.js";
import { listSegments, sealedPath, segmentPath } from "../../src/recorder/segments.js";
import { type LogReport, type VerifyOptions, verifyLog } from "../../src/recorder/verify-log.js";
import { statement } from "./entries.js";
import { openLog, TestClock } from "./evidence-log.js";
import { secondVerifier } from "./second-verifier.js";

/** By both verifiers, which agree; the second knows nothing of checkpoints kept elsewhere and of open ends. */
async function verify(folder: string, options: Partial<VerifyOptions> = {}): Promise<LogReport> {
	const report = await verifyLog({ folder, openEnd: "none", ...options });
	if (options.checkpoint !== undefined || options.openEnd !== undefined) return report;
	const key = options.key?.text ?? report.keys[0] ?? "";
	const second = secondVerifier(folder, key);
	if (report.ok !== (second === undefined)) throw new Error(`the second verifier says: ${second ?? "nothing"}`);
	return report;
}

async function readAll(folder: string): Promise<LoggedEntry[]> {
	const entries: LoggedEntry[] = [];
	for await (const { entry } of new LogReader(folder).entries()) entries.push(entry);
	return entries;
}

const notesOf = (folder: string) => [...eachNote(folder)];

let logs = 0;
const begun = new WeakSet<Test>();

/** Of a new log each time; what an interrupted run left is gone before a test's first one. */
function folders(t: Test): { readonly folder: string; readonly keys: string } {
	const base = join(begun.has(t) ? t.testdirName : t.testdir(), `log-${logs++}`);
	begun.add(t);
	for (const name of ["log", "keys"]) mkdirSync(join(base, name), { recursive: true });
	return { folder: join(base, "log"), keys: join(base, "keys") };
}

const keyOf = (keys: string) => parseVerifierKey(readFileSync(join(keys, "node.pub"), "utf8"));

t.test("a log as it is written", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 40);
	t.match(await verify(folder), { ok: true, findings: [] }, "while it is written");
	/* Sealing makes checkpoints of its own. */
	await log.sealed();
	log.journal.append(statement("s_1", 41));
	log.journal.flush();
	t.match(await verify(folder), { ok: false, findings: [{ message: /1 entries at the end are under no checkpoint/ }] });
	t.match(await verify(folder, { openEnd: { since: 0 } }), { ok: true }, "which is as it must be for a while");
	t.match(await verify(folder, { openEnd: { since: Date.UTC(2027, 0, 1) } }), { ok: false }, "and no longer");
	await log.sealed();
	await log.close();
	t.equal(statSync(join(keys, "node.key")).mode & 0o777, 0o600);
	const report = await verify(folder, { key: keyOf(keys) });
	t.match(report, { ok: true, findings: [], covered: report.to, from: 0 });
	t.ok(report.sealed > 3 && report.sealed === report.segments - 1, "sealed but for the last");
	t.same(
		(await readAll(folder)).map(({ seq }) => seq),
		Array.from({ length: report.to }, (_, index) => index),
		"and read as if it were not",
	);
	const other = folders(t);
	await (await openLog(other.folder, other.keys)).close();
	t.match(await verify(folder, { key: keyOf(other.keys) }), {
		ok: false,
		findings: [{ message: /never by the key given/ }],
	});
	const again = await openLog(folder, keys);
	await again.session("s_2", 5);
	await again.close();
	t.match(await verify(folder, { key: keyOf(keys) }), { ok: true, findings: [] }, "after a new start");
});

t.test("crashes", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 30);
	await log.sealed();
	log.journal.append(statement("s_1", 31));
	log.journal.flush();
	const crashed = join(t.testdirName, "crashed");
	for (const state of [
		"as it is",
		"torn",
		"a checkpoint half written",
		"sealing begun",
		"sealed, with the lines still there",
		"without ranges",
		"without leaves",
	]) {
		rmSync(crashed, { recursive: true, force: true });
		cpSync(folder, crashed, { recursive: true, filter: (name) => !name.includes("lock") });
		const [first = 0] = listSegments(crashed);
		const last = listSegments(crashed).at(-1) ?? 0;
		if (state === "torn") appendFileSync(segmentPath(crashed, last), '{"v":1,"seq":');
		if (state === "a checkpoint half written") appendFileSync(join(crashed, "checkpoints"), "licet/n_1\n12\n\n— ");
		if (state === "sealing begun")
			for (const name of ["0.jsonl.gz.tmp", "ranges.tmp"]) writeFileSync(join(crashed, name), "x");
		if (state.startsWith("sealed"))
			writeFileSync(segmentPath(crashed, first), gunzipSync(readFileSync(sealedPath(crashed, first))));
		if (state === "without ranges") rmSync(join(crashed, "ranges"));
		if (state === "without leaves")
			for (const name of readdirSync(crashed))
				if (name === `${String(last).padStart(12, "0")}.leaves`) rmSync(join(crashed, name));
		const again = await openLog(crashed, keys);
		await again.session("s_2", 3);
		await again.sealed();
		await again.close();
		t.match(await verify(crashed, { key: keyOf(keys) }), { ok: true, findings: [] }, state);
		if (state === "torn") {
			const aside = readdirSync(crashed).find((name) => name.startsWith("torn-")) ?? "";
			t.equal(readFileSync(join(crashed, aside), "utf8"), '{"v":1,"seq":');
			appendFileSync(join(crashed, aside), "x");
			t.match(await verify(crashed), { ok: false, findings: [{ file: aside }] }, "what was put aside is evidence too");
		}
	}
	await log.close();
});

t.test("what a checkpoint covers is never taken for torn", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys, { segmentBytes: 1 << 20 });
	await log.session("s_1", 30);
	await log.close();
	const path = segmentPath(folder, 0);
	const whole = readFileSync(path);
	for (const [what, damage] of [
		["cut", () => truncateSync(path, whole.length - 10)],
		[
			"changed",
			() => writeFileSync(path, Buffer.from(whole.toString("latin1").replace("select 20", "select 21"), "latin1")),
		],
		["gone", () => rmSync(path)],
	] as const) {
		damage();
		const before = readdirSync(folder).sort();
		const content = existsSync(path) ? readFileSync(path) : undefined;
		await t.rejects(openLog(folder, keys), { code: "corrupt" }, what);
		t.same(readdirSync(folder).sort(), before, "nothing is moved");
		if (content !== undefined) t.ok(readFileSync(path).equals(content), "or cut");
		writeFileSync(path, whole);
	}
	await (await openLog(folder, keys)).close();
	t.match(await verify(folder), { ok: true });
});

t.test("the first bad entry is named", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 12);
	await log.session("s_2", 12);
	await log.close();
	for (const first of listSegments(folder)) {
		const path = segmentPath(folder, first);
		if (!existsSync(path)) continue;
		const whole = readFileSync(path, "utf8");
		const lines = whole.split("\n");
		for (const [index, line] of lines.entries()) {
			if (!line.includes('"type":"statement"')) continue;
			const changed = [...lines];
			changed[index] = line.replace('"sql":"select', '"sql":"delete');
			writeFileSync(path, changed.join("\n"));
			const session = (JSON.parse(line) as { session: string }).session;
			t.match(await verify(folder), {
				ok: false,
				findings: [{ seq: first + index, session, message: /not what was signed/ }],
			});
			changed.splice(index, 1);
			writeFileSync(path, changed.join("\n"));
			t.match(await verify(folder), { ok: false, findings: [{ seq: first + index }] }, "or missed");
		}
		writeFileSync(path, whole);
	}
});

t.test("keys", async (t) => {
	const { folder, keys } = folders(t);
	const first = await openLog(folder, keys);
	await first.session("s_1", 5);
	await first.close();
	const one = keyOf(keys);
	copyFileSync(join(keys, "node.key"), join(keys, "one.key"));
	prepareRotation(keys);
	t.throws(() => prepareRotation(keys), { code: "key" });
	const second = await openLog(folder, keys);
	await second.session("s_2", 5);
	await second.close();
	const two = keyOf(keys);
	t.not(one?.text, two?.text);
	t.notOk(existsSync(join(keys, "next.key")), "the old key is gone");
	for (const key of [one, two])
		t.match(await verify(folder, { key }), { ok: true, findings: [] }, "whichever is known");
	t.match(
		await readAll(folder),
		(await readAll(folder)).map((entry) => (entry.seq === 0 ? { type: "key", key: one?.text, previous: null } : {})),
	);
	/* Over to a key of the operator's. */
	const elsewhere = folders(t);
	await (await openLog(elsewhere.folder, elsewhere.keys)).close();
	const external = join(elsewhere.keys, "node.key");
	const third = await openLog(folder, keys, { externalKey: external });
	await third.close();
	t.match(await verify(folder, { key: one }), { ok: true, keys: { length: 3 } });
	/* A key that nobody vouches for. */
	rmSync(join(keys, "node.key"));
	await t.rejects(openLog(folder, keys), { code: "key" });
	await t.rejects(openLog(folder, keys, { externalKey: join(keys, "one.key") }), { code: "key" });
	const fourth = await openLog(folder, keys, { externalKey: join(keys, "one.key"), previousKey: external });
	await fourth.close();
	t.match(await verify(folder, { key: one }), { ok: true, keys: { length: 4 } });
	/* A crash between the first checkpoint of a new key and the moving of its file. */
	const notes = notesOf(folder).length;
	renameSync(join(keys, "one.key"), join(keys, "next.key"));
	copyFileSync(external, join(keys, "node.key"));
	await (await openLog(folder, keys)).close();
	t.equal(notesOf(folder).length, notes, "it took over already");
	t.notOk(existsSync(join(keys, "next.key")));
	writeFileSync(join(keys, "node.key"), "no key");
	await t.rejects(openLog(folder, keys), { code: "key" });
});

t.test("a key that takes over while the log is written", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 7);
	const one = keyOf(keys);
	log.journal.append(statement("s_2", 1));
	const two = await log.evidence.rotateKey();
	t.equal(log.evidence.verifier.text, two.text);
	t.equal(keyOf(keys)?.text, two.text, "its files are in their places");
	t.notOk(existsSync(join(keys, "next.key")));
	t.equal(notesOf(folder).at(-1)?.match(/^— /gm)?.length, 2, "both have signed");
	t.match(await verify(folder, { key: one }), { ok: true, findings: [], keys: [one?.text, two.text] });
	await log.session("s_3", 7);
	t.equal(notesOf(folder).at(-1)?.match(/^— /gm)?.length, 1, "and from then on the new one alone");
	/* One that was made while nothing ran waits, and several at once come one after the other. */
	prepareRotation(keys);
	const [three, four] = await Promise.all([log.evidence.rotateKey(), log.evidence.rotateKey()]);
	await log.close();
	const all = [one?.text, two.text, three.text, four.text];
	t.equal(new Set(all).size, 4);
	for (const key of [one, two, three, four]) t.match(await verify(folder, { key }), { ok: true, keys: all });
	const again = await openLog(folder, keys);
	t.equal(again.evidence.verifier.text, four.text, "it is the one of the next start");
	writeFileSync(join(keys, "next.key"), "no key");
	await t.rejects(again.evidence.rotateKey(), { code: "key" }, "one that cannot be read does not take over");
	await again.session("s_4", 7);
	t.same(again.failures, [], "and stops nothing");
	rmSync(join(keys, "next.key"));
	await again.close();
	t.match(await verify(folder, { key: one }), { ok: true, keys: all });
	const own = await openLog(folder, keys, { externalKey: join(keys, "node.key") });
	await t.rejects(own.evidence.rotateKey(), { code: "key", message: /recording.key/ }, "nor in the place of one's own");
	await own.close();
	t.match(await verify(folder, { key: one }), { ok: true, keys: all });
});

t.test("the end of the checkpoints", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 40);
	await log.close();
	const path = join(folder, "checkpoints");
	const notes = notesOf(folder);
	const whole = readFileSync(path);
	t.equal(notes.map((note) => `${note}\n`).join(""), whole.toString());
	const starts = notes.map((_, at) => Buffer.byteLength(notes.slice(0, at).join("\n")) + (at > 0 ? 1 : 0));
	/* Cut at each byte of the last few notes: what is whole is found, by either way. */
	for (let size = starts.at(-4) ?? 0; size <= whole.length; size++) {
		writeFileSync(path, whole.subarray(0, size));
		const last = starts.filter((start, at) => start + Buffer.byteLength(notes[at] ?? "") + 1 <= size).length;
		const bytes = starts[last] ?? whole.length;
		const found = readLastNote(folder);
		if (found.note !== notes[last - 1] || found.bytes !== bytes) t.fail(`cut at ${size}: ${found.bytes}`);
		if (notesOf(folder).length !== last) t.fail(`cut at ${size}`);
	}
	/* What follows may be more than is looked at. */
	for (const torn of ["\0".repeat(4096), "\n\n\n\n", "licet/n_1\n1\n\n", "x".repeat(300_000)]) {
		writeFileSync(path, Buffer.concat([whole, Buffer.from(torn)]));
		t.same(readLastNote(folder), { note: notes.at(-1), bytes: whole.length });
	}
	/* More notes than fit into what is read at once. */
	const many = Array.from({ length: 3000 }, (_, at) => notes[at % notes.length] ?? "");
	writeFileSync(path, many.map((note) => `${note}\n`).join(""));
	t.same(notesOf(folder), many);
	t.equal(readLastNote(folder).note, many.at(-1));
	rmSync(path);
	t.same(readLastNote(folder), { note: undefined, bytes: 0 });
});

t.test("a checkpoint kept elsewhere", async (t) => {
	const { folder, keys } = folders(t);
	const log = await openLog(folder, keys);
	await log.session("s_1", 12);
	const old = join(t.testdirName, "old");
	cpSync(folder, old, { recursive: true, filter: (name) => !name.includes("lock") });
	await log.session("s_2", 12);
	await log.close();
	const kept = (of: string, at: number) => parseCheckpoint(notesOf(of).at(at) ?? "");
	for (const at of [0, 1, 2, -1])
		t.match(await verify(folder, { checkpoint: kept(folder, at) }), { ok: true }, `number ${at}`);
	t.match(await verify(old), { ok: true }, "an older state is sound by itself");
	t.match(await verify(old, { checkpoint: kept(folder, -1) }), { ok: false, findings: [{ message: /set back/ }] });
	/* Set back, and then gone on in another way. */
	const forked = await openLog(old, keys);
	await forked.session("s_3", 30);
	await forked.close();
	t.match(await verify(old), { ok: true }, "as is another continuation");
	t.match(await verify(old, { checkpoint: kept(folder, -1) }), {
		ok: false,
		findings: [{ message: /kept elsewhere|not what/ }],
	});
	const other = folders(t);
	await (await openLog(other.folder, other.keys)).close();
	t.match(await verify(folder, { checkpoint: kept(other.folder, 0) }), {
		ok: false,
		findings: [{ message: /of another log/ }],
	});
});

t.test("retention", async (t) => {
	const { folder, keys } = folders(t);
	const clock = new TestClock();
	const log = await openLog(folder, keys, { clock });
	await log.session("s_1", 40);
	await log.sealed();
	const early = parseCheckpoint(notesOf(folder)[1] ?? "");
	const before = listSegments(folder);
	await log.close();
	clock.ms += 10 * 86_400_000;
	const again = await openLog(folder, keys, { clock, retention: { ms: 5 * 86_400_000 } });
	await again.session("s_2", 40);
	await again.sealed();
	await again.close();
	const after = listSegments(folder);
	t.ok((after[0] ?? 0) >= (before.at(-1) ?? 0), "what is old is gone");
	const report = await verify(folder, { key: keyOf(keys) });
	t.match(report, { ok: true, findings: [], from: after[0] });
	const entries = await readAll(folder);
	const trims = entries.filter((entry) => entry.type === "trim");
	t.match(trims.at(-1), { through: after[0], reason: /older than 5 days/, firstAt: /^2026-01-01/ });
	t.match(
		await verify(folder, { checkpoint: early }),
		{ ok: true },
		"a checkpoint over what is gone is still among the log's own",
	);
	const forged = early === undefined ? undefined : { ...early, root: "x".repeat(32) };
	t.match(await verify(folder, { checkpoint: forged }), { ok: false });
	/* The same by hand is no retention. */
	for (const path of [sealedPath(folder, after[0] ?? 0), `${segmentPath(folder, after[0] ?? 0).slice(0, -5)}leaves`])
		rmSync(path);
	t.match(await verify(folder), { ok: false, findings: [{ message: /no entry tells that they were removed/ }] });
	await t.test("by size", async (t) => {
		const { folder, keys } = folders(t);
		const kept = { first: 0 };
		const log = await openLog(folder, keys, { retention: { bytes: 3000 }, mayRemove: (first) => first < kept.first });
		await log.session("s_1", 60);
		await log.sealed();
		t.equal(listSegments(folder)[0], 0, "not before it may");
		kept.first = Number.POSITIVE_INFINITY;
		await log.session("s_2", 60);
		await log.sealed();
		await log.close();
		t.ok((listSegments(folder)[0] ?? 0) > 0);
		t.match(await verify(folder), { ok: true, findings: [] });
	});
});
