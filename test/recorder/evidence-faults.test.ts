/**
 * Full disks and I/O errors while the evidence is made: sessions stop as when an entry cannot be written, nothing goes on
 * that will not be under a checkpoint, and work resumes with the space. Sealing and removing only wait.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { parseVerifierKey } from "../../src/recorder/note.js";
import { Recorder } from "../../src/recorder/recorder.js";
import { isOpen, listSegments, sealedPath } from "../../src/recorder/segments.js";
import { verifyLog } from "../../src/recorder/verify-log.js";
import { openStore } from "../../src/store/store.js";
import { silentLog } from "../../src/telemetry/log.js";
import { sessionStart, statement } from "./entries.js";
import { openLog, TestClock } from "./evidence-log.js";
import { FaultyDisk } from "./faulty-disk.js";

const REOPENED_WITHIN_MS = 30_000;

interface Node {
	readonly recorder: Recorder;
	readonly folder: string;
	readonly failures: Error[];
	close(): Promise<void>;
}

async function openNode(t: Test): Promise<Node> {
	const base = t.testdir({ log: {}, store: {} });
	const folder = join(base, "log");
	const store = await openStore({ kind: "embedded", folder: join(base, "store") });
	const recorder = await Recorder.open({ folder, store, log: silentLog, segmentBytes: 3000, checkpointMs: 3_600_000 });
	const failures: Error[] = [];
	recorder.onFailure((error) => failures.push(error));
	return {
		recorder,
		folder,
		failures,
		async close() {
			await recorder.close();
			await store.close();
		},
	};
}

async function reopened(recorder: Recorder): Promise<void> {
	const start = Date.now();
	while (recorder.journal.failure !== undefined) {
		if (Date.now() - start > REOPENED_WITHIN_MS) throw new Error("it is not written again");
		await sleep(50);
	}
}

async function verified(t: Test, folder: string, message: string): Promise<void> {
	const key = parseVerifierKey(readFileSync(join(folder, "..", "keys", "node.pub"), "utf8"));
	t.match(await verifyLog({ folder, key, openEnd: "none" }), { ok: true, findings: [] }, message);
}

t.test("a checkpoint that cannot be written", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	for (const file of ["checkpoints", "leaves", "ranges"]) {
		await t.test(file, async (t) => {
			const { recorder, folder, failures, close } = await openNode(t);
			recorder.record(sessionStart("s_1"));
			for (let number = 1; number <= 20; number++) recorder.append(statement("s_1", number));
			disk.isFull = (path) => path.endsWith(file);
			recorder.flush();
			await t.rejects(recorder.evidence.checkpoint(), { code: "failed", message: /ENOSPC/ });
			t.match(failures, { length: 1, 0: { code: "failed" } }, "sessions are told to end");
			t.throws(() => recorder.append(statement("s_1", 21)), { code: "failed" }, "and nothing more is begun");
			await sleep(1500);
			t.ok(recorder.journal.failure, "nor while it lasts");
			disk.isFull = () => false;
			await reopened(recorder);
			recorder.record(sessionStart("s_2"));
			await recorder.evidence.checkpoint();
			await close();
			await verified(t, folder, "all of it verifies");
		});
	}
});

t.test("a key that is to take over when the disk is full", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	const { recorder, folder, close } = await openNode(t);
	const former = recorder.evidence.verifier.text;
	recorder.record(sessionStart("s_1"));
	disk.isFull = (path) => path.endsWith("checkpoints");
	await t.rejects(recorder.evidence.rotateKey(), { code: "failed", message: /ENOSPC/ });
	await t.rejects(recorder.evidence.rotateKey(), { code: "failed" }, "nor while it lasts");
	disk.isFull = () => false;
	await reopened(recorder);
	recorder.record(sessionStart("s_2"));
	await recorder.evidence.checkpoint();
	t.not(recorder.evidence.verifier.text, former, "it takes over with the next checkpoint");
	await close();
	await verified(t, folder, "and all of it verifies");
	t.match(await verifyLog({ folder, key: parseVerifierKey(former), openEnd: "none" }), {
		ok: true,
		keys: { length: 2 },
	});
	t.notOk(existsSync(join(folder, "..", "keys", "next.key")));
});

t.test("a sync that fails under a checkpoint", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	const { recorder, folder, failures, close } = await openNode(t);
	recorder.record(sessionStart("s_1"));
	disk.failSyncs(1);
	await t.rejects(recorder.evidence.checkpoint(), { code: "failed", message: /EIO/ });
	t.equal(failures.length, 1);
	await reopened(recorder);
	recorder.record(sessionStart("s_2"));
	await close();
	disk.losePower(folder);
	await verified(t, folder, "what was signed is on the disk");
});

t.test("a checkpoint is signed only when the disk has what it covers", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	const base = t.testdir({ log: {}, keys: {} });
	const folder = join(base, "log");
	const log = await openLog(folder, join(base, "keys"));
	await log.session("s_1", 40);
	/* Not closed: what is behind the last checkpoint was never synced. */
	log.journal.append(statement("s_1", 41));
	log.journal.flush();
	await log.sealed();
	disk.losePower(folder);
	await log.close();
	const again = await openLog(folder, join(base, "keys")).catch((error: unknown) => error);
	if (again instanceof Error) t.fail(again.message);
});

t.test("sealing waits", async (t) => {
	const base = t.testdir({ log: {}, keys: {} });
	const folder = join(base, "log");
	const clock = new TestClock();
	const log = await openLog(folder, join(base, "keys"), { clock });
	/* Something stands in the way of the first compressed file. */
	const inTheWay = `${sealedPath(folder, 0)}.tmp`;
	mkdirSync(inTheWay);
	await log.session("s_1", 40);
	await sleep(500);
	t.ok(isOpen(folder, 0), "the lines stay");
	t.equal(log.journal.failure, undefined, "and nothing stops");
	t.same(log.failures, []);
	rmSync(inTheWay, { recursive: true });
	clock.ms += 120_000;
	await log.session("s_2", 40);
	await log.sealed();
	await log.close();
	t.notOk(isOpen(folder, 0));
	await verified(t, folder, "later it is sealed");
});

t.test("a disk that is full between a seal's entry and its checkpoint", async (t) => {
	const disk = new FaultyDisk();
	t.teardown(() => disk.restore());
	const { recorder, folder, close } = await openNode(t);
	for (let number = 1; number <= 40; number++) {
		recorder.record(statement("s_1", number));
		if (number % 5 === 0) await recorder.evidence.checkpoint();
	}
	disk.isFull = (path) => path.endsWith("checkpoints");
	recorder.append(statement("s_1", 41));
	await t.rejects(recorder.evidence.checkpoint());
	await sleep(1000);
	disk.isFull = () => false;
	await reopened(recorder);
	await close();
	await verified(t, folder, "sealed or not");
	t.same(
		readdirSync(folder).filter((name) => name.endsWith(".tmp")),
		[],
		"nothing is left behind",
	);
	t.ok(listSegments(folder).length > 2);
});
