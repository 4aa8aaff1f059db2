/**
 * Crashes: the proxy is killed (SIGKILL) in the middle of load, again and again, and every statement that the server has
 * seen is in the recording, which verifies each time. With `durability: strict` the power fails as well: what was never
 * synced is taken away after each kill. `LICET_NIGHTLY=1`: 100 rounds of each, or `LICET_TEST_CRASH_ROUNDS`.
 */
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { startLicet, targetOf } from "../helpers/licet.js";
import { load, loggingServer, marks, recordedMarks } from "../helpers/marked.js";
import { NIGHTLY, PART_TIMEOUT_MS } from "../helpers/patience.js";
import { COMPILED } from "../helpers/project.js";

const ROUNDS = Number(process.env.LICET_TEST_CRASH_ROUNDS ?? (NIGHTLY ? 100 : 2));
t.setTimeout(PART_TIMEOUT_MS);
const CLIENTS = 4;
/** Statements that the server sees in a round, about. */
const STATEMENTS = 150;

const EVERYTHING = license("everything", { permits: "all", recording: { results: 0 } });
const MASKED = license("masked", {
	permits: [{ on: ["app.*"], commands: ["read"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Leaves of each file of the log what has been synced. Answers how many bytes went. */
function losePower(folder: string, notes: string): number {
	const synced = new Map<number, number>();
	for (const line of readFileSync(notes, "utf8").trim().split("\n")) {
		const [inode, size] = line.split(" ").map(Number);
		synced.set(inode ?? 0, size ?? 0);
	}
	let lost = 0;
	for (const name of readdirSync(folder)) {
		if (name.startsWith("lock") || name.startsWith("torn-")) continue;
		const { ino, size } = statSync(join(folder, name));
		const kept = Math.min(size, synced.get(ino) ?? 0);
		lost += size - kept;
		if (kept < size) truncateSync(join(folder, name), kept);
	}
	/* A file that comes anew may have the number of one that is gone. */
	writeFileSync(notes, "");
	for (const name of readdirSync(folder)) {
		const { ino, size } = statSync(join(folder, name));
		writeFileSync(notes, `${ino} ${size}\n`, { flag: "a" });
	}
	return lost;
}

async function crash(t: Test, durability: "written" | "strict"): Promise<void> {
	t.setTimeout(PART_TIMEOUT_MS);
	const server = await loggingServer(t);
	const notes = join(t.testdir(), "synced");
	writeFileSync(notes, "");
	const isStrict = durability === "strict";
	const watcher = pathToFileURL(join(COMPILED, "test", "helpers", "synced-sizes.js")).href;
	const licet = await startLicet(t, {
		targets: { shop: targetOf(server.url) },
		licenses: { everything: EVERYTHING, masked: MASKED },
		config: { recording: { durability, segmentBytes: "64KiB" } },
		...(isStrict ? { nodeFlags: ["--import", watcher], env: { LICET_TEST_SYNCED: notes } } : {}),
	});
	const folder = join(licet.folder, "data", "log");
	const { key } = (await licet.json("key")) as { key: string };
	const grants = [
		await licet.grant({ license: "everything", target: "shop" }),
		await licet.grant({ license: "masked", target: "shop" }),
	];
	const kept: string[] = [];
	let lost = 0;
	for (let round = 0; round < ROUNDS; round++) {
		const before = marks(server.log()).size;
		const clients = Array.from({ length: CLIENTS }, async (_, n) => {
			const grant = grants[n % grants.length];
			if (grant !== undefined) await load(grant, `r${round}c${n}`).catch(() => undefined);
		});
		// Each round ends at another moment of the load.
		for (let waited = 0; marks(server.log()).size < before + STATEMENTS && waited < 800; waited++) await pause(25);
		await pause((round * 13) % 100);
		await licet.stop("SIGKILL");
		await Promise.all(clients);
		if (isStrict) lost += losePower(folder, notes);
		await licet.start();
		kept.push(join(t.testdirName, `kept-${round}`));
		writeFileSync(kept.at(-1) ?? "", (await licet.cli("checkpoint")).stdout);
	}
	await pause(300);
	const seen = marks(server.log());
	const recorded = await recordedMarks(join(licet.folder, "data"));
	t.ok(seen.size > ROUNDS * 100, `${seen.size} statements reached the server in ${ROUNDS} rounds`);
	t.same(
		[...seen].filter((mark) => !recorded.has(mark)),
		[],
		"every one of them is in the recording",
	);
	if (isStrict) t.ok(lost > 0, `${lost} bytes that were never synced are lost`);
	const sessions = (await licet.json("sessions")) as { endedAt: string | null; session: string }[];
	t.ok(
		sessions.every(({ endedAt }) => endedAt !== null),
		"sessions that were cut off are not live",
	);
	t.match(
		await licet.json("verify", "--key", key),
		{ ok: true, findings: [] },
		"the recording verifies while it is written",
	);
	await licet.stop();
	for (const checkpoint of kept) {
		const { code, stdout } = await licet.cli("verify", "--key", key, "--checkpoint", checkpoint);
		if (code !== 0) t.fail(stdout);
	}
	t.ok(
		readdirSync(folder).some((name) => name.endsWith(".gz")),
		"with sealed segments in it",
	);
}

await t.test("kill -9", (t) => crash(t, "written"));
await t.test("kill -9 and a power failure", (t) => crash(t, "strict"));
