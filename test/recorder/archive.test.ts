/**
 * The archive against a real S3-compatible server: all of a log arrives, a copy of it verifies and a tampered one does
 * not, damage on the way is noticed, what is there already is never overwritten, and nothing is removed before it is safe.
 */
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { freePort } from "../../src/cli/free-port.js";
import { Archive } from "../../src/recorder/archive/archive.js";
import { assembleCopy, isArchiveCopy } from "../../src/recorder/archive/copy.js";
import type { Checkpoint } from "../../src/recorder/checkpoint.js";
import { JournalError } from "../../src/recorder/errors.js";
import type { RetentionTerms } from "../../src/recorder/retention.js";
import { listSegments } from "../../src/recorder/segments.js";
import { type LogReport, verifyLog } from "../../src/recorder/verify-log.js";
import { createLog } from "../../src/telemetry/log.js";
import { runLicet, startLicet } from "../helpers/licet.js";
import { StoreRelay } from "../helpers/store-relay.js";
import { ACCESS_KEY, Bucket, REGION, SECRET_KEY, type Store, startStore } from "../helpers/swift.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";
import { type OpenedLog, openLog } from "./evidence-log.js";

const WITHIN_MS = 60_000;
const QUIET_MS = 700;
const PREFIX = "team/licet/";

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
	const end = Date.now() + WITHIN_MS;
	while (!(await is())) {
		if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
		await sleep(50);
	}
}

interface LogLine {
	readonly level: string;
	readonly msg: string;
	readonly object?: string;
	readonly reason?: string;
}

interface Archiving {
	readonly folder: string;
	readonly log: OpenedLog;
	readonly archive: Archive;
	/** Where the node's objects are in the bucket. */
	readonly place: string;
	readonly lines: LogLine[];
	close(): Promise<void>;
}

interface ArchivingOptions {
	readonly endpoint: string;
	readonly bucket: string;
	readonly secretAccessKey?: string;
	readonly retention?: RetentionTerms;
}

/** A log with an archive, put together as a node does it. */
async function startArchiving(root: string, options: ArchivingOptions): Promise<Archiving> {
	const folder = join(root, "log");
	mkdirSync(folder, { recursive: true });
	const lines: LogLine[] = [];
	const log = createLog({ level: "debug", destination: { write: (line) => void lines.push(JSON.parse(line)) } });
	let archive: Archive | undefined;
	const opened = await openLog(folder, join(root, "keys"), {
		log,
		retention: options.retention ?? {},
		onSealed: () => archive?.look(),
		mayRemove: (first) => archive?.has(first) ?? false,
	});
	const { node } = opened.journal;
	const { secretAccessKey = SECRET_KEY } = options;
	archive = new Archive({
		folder,
		node,
		log,
		destination: { origin: options.endpoint, region: REGION, bucket: options.bucket, prefix: PREFIX },
		credentials: async () => ({ accessKeyId: ACCESS_KEY, secretAccessKey }),
		onCommitted: () => opened.evidence.retain(),
	});
	archive.start();
	const close = async () => {
		await archive?.close();
		await opened.close();
	};
	return { folder, log: opened, archive, place: `${PREFIX}${node}/`, lines, close };
}

/** Resolves when the archive has all segments but the one that is being written. */
async function archived({ folder, log, archive }: Archiving): Promise<void> {
	/* Each seal is an entry, and may be the one that fills a segment: it is over when nothing has come for a while. */
	let last = -1;
	let since = Date.now();
	await until("the archive has all", async () => {
		await log.sealed();
		const now = listSegments(folder).at(-1) ?? 0;
		if (now !== last) since = Date.now();
		last = now;
		return archive.has(now - 1) && Date.now() - since > QUIET_MS;
	});
}

async function verified(copy: string, checkpoint?: Checkpoint): Promise<LogReport> {
	const assembled = assembleCopy(copy);
	try {
		return await verifyLog({ folder: assembled.folder, openEnd: "none", checkpoint });
	} finally {
		assembled.remove();
	}
}

async function isRefused(copy: string, checkpoint?: Checkpoint): Promise<boolean> {
	try {
		return !(await verified(copy, checkpoint)).ok;
	} catch (error) {
		return error instanceof JournalError && error.code === "corrupt";
	}
}

let buckets = 0;

async function newBucket(store: Store): Promise<Bucket> {
	buckets++;
	return new Bucket(store, `recordings-${buckets}`).make();
}

const serverFolder = t.testdir();
const store = await startStore(serverFolder);
t.teardown(() => store.stop());

await t.test("all of a log arrives, and a copy of it verifies", async (t) => {
	const bucket = await newBucket(store);
	const root = t.testdir({ copy: {} });
	const node = await startArchiving(root, { endpoint: store.endpoint, bucket: bucket.name });
	t.teardown(() => node.close());
	await node.log.session("s_1", 40);
	await archived(node);
	const segments = listSegments(node.folder);
	t.ok(segments.length > 3, "some segments");
	const sealed = segments.slice(0, -1);
	const names = await bucket.list(node.place);
	for (const first of sealed) {
		for (const ending of ["jsonl.gz", "leaves"]) {
			const name = `${String(first).padStart(12, "0")}.${ending}`;
			t.ok(names.includes(name), name);
			t.same(await bucket.get(`${node.place}${name}`), readFileSync(join(node.folder, name)));
		}
	}
	await bucket.download(node.place, join(root, "copy"));
	t.ok(isArchiveCopy(join(root, "copy")));
	const report = await verified(join(root, "copy"));
	t.match(report, { ok: true, findings: [], from: 0, segments: segments.length, sealed: sealed.length });
	t.equal(report.covered, report.to, "to the last entry");
	const key = node.log.evidence.verifier.text;
	t.match(await runLicet(["verify", "--log", join(root, "copy"), "--key", key]), {
		code: 0,
		stdout: /^verified: nothing/m,
	});

	/* More of it: the archive goes on where it was. */
	await node.log.session("s_2", 40);
	await archived(node);
	const later = join(root, "later");
	await bucket.download(node.place, later);
	const laterReport = await verified(later);
	t.match(laterReport, { ok: true, findings: [] });
	t.ok(laterReport.to > report.to);
	t.match(await runLicet(["verify", "s_1", "--log", later, "--key", key]), { code: 0 }, "a session of it");
	const lines = JSON.stringify(node.lines);
	t.notOk(lines.includes(SECRET_KEY), "no secret in the log");
	t.same(
		node.lines.filter(({ level }) => level === "warn" || level === "error"),
		[],
	);

	/* Whatever is cut off: what is there is a whole log, up to the last head that is. */
	const order = node.lines.filter(({ msg }) => msg.startsWith("an object")).map(({ object = "" }) => object);
	const partial = join(root, "partial");
	mkdirSync(partial);
	let isWhole = false;
	for (const name of order) {
		cpSync(join(later, name), join(partial, name));
		isWhole ||= name.startsWith("checkpoints.");
		if (!isWhole) continue;
		const { ok, findings } = await verified(partial);
		if (!ok) t.fail(`after ${name}`, { findings });
	}

	/* Whatever of it is changed or taken away. Heads that others follow are not looked at. */
	const kept = node.log.evidence.last;
	const heads = order.filter((name) => name.endsWith(".head"));
	for (const name of order.filter((one) => !heads.slice(0, -1).includes(one))) {
		const path = join(later, name);
		const content = readFileSync(path);
		const changed = Buffer.from(content);
		const at = Math.floor(changed.length / 2);
		changed[at] = (changed[at] ?? 0) ^ 1;
		writeFileSync(path, changed);
		t.ok(await isRefused(later), `${name} with another byte`);
		writeFileSync(path, content.subarray(0, -1));
		t.ok(await isRefused(later), `${name} cut short`);
		rmSync(path);
		/* Without its last checkpoints it is what it was before: only one who has kept a later one can tell. */
		const isLast = name === order.findLast((one) => one.startsWith("checkpoints."));
		t.ok(await isRefused(later, isLast ? kept : undefined), `without ${name}`);
		writeFileSync(path, content);
	}
	t.match(await verified(later), { ok: true }, "as it was");
	writeFileSync(join(later, "node"), "n_0000000000000000\n");
	t.match(await runLicet(["verify", "--log", later, "--key", key]), { code: 1, stdout: /NOT VERIFIED/ });
});

await t.test("a store that is not there yet, and damage on the way in both directions", async (t) => {
	const bucket = await newBucket(store);
	const port = await freePort();
	const node = await startArchiving(t.testdir(), { endpoint: `http://127.0.0.1:${port}`, bucket: bucket.name });
	t.teardown(() => node.close());
	await node.log.session("s_1", 12);
	await node.log.sealed();
	const told = (level: string, reason: RegExp) =>
		node.lines.some((line) => line.level === level && reason.test(line.reason ?? ""));
	await until("a warning", () => told("warn", /cannot be reached \(ECONNREFUSED\)/));
	t.notOk(node.archive.has(0));

	const relay = await StoreRelay.open(store.port, port);
	t.teardown(() => relay.close());
	let puts = 0;
	let reads = 0;
	relay.flipRequest = ({ method, path }) => method === "PUT" && path.endsWith("/000000000000.jsonl.gz") && puts++ === 0;
	/* The first time it is looked for, and the second time it is read back. */
	relay.flipAnswer = ({ method, path }) => method === "GET" && path.endsWith("/000000000000.leaves") && reads++ === 1;
	await archived(node);
	t.ok(told("warn", /other bytes arrived at the store than were sent/), "what changed on the way there was refused");
	t.equal(puts, 2, "and sent again");
	t.ok(
		told("error", /000000000000\.leaves in the store has other content/),
		"what changed on the way back was noticed",
	);
	t.equal(
		relay.requests.filter(({ method, path }) => method === "PUT" && path.endsWith("/000000000000.leaves")).length,
		1,
	);
	t.ok(node.lines.some(({ msg }) => msg === "the archive of the recording goes on"));
	const copy = join(t.testdirName, "copy");
	await bucket.download(node.place, copy);
	t.match(await verified(copy), { ok: true, findings: [] });
});

await t.test("a key that the store does not know, and a bucket that is not there", async (t) => {
	const bucket = await newBucket(store);
	const secretAccessKey = "aWrongKeyThatNoLogMayShow";
	for (const [options, reason] of [
		[
			{ bucket: bucket.name, secretAccessKey },
			/does not accept the access key: see recording\.archive\.credentials \(403 Sig/,
		],
		[{ bucket: "no-such-bucket" }, /no such bucket: see recording\.archive\.bucket/],
	] as const) {
		const node = await startArchiving(t.testdir(), { endpoint: store.endpoint, ...options });
		await node.log.session("s_1", 20);
		await node.log.sealed();
		await until("a warning", () => node.lines.some((line) => line.level === "warn" && reason.test(line.reason ?? "")));
		const lines = JSON.stringify(node.lines);
		t.notOk(lines.includes(secretAccessKey) || lines.includes(SECRET_KEY), "no secret in the log");
		t.notOk(node.archive.has(0));
		await node.close();
	}
	t.same(await bucket.list(""), []);
});

await t.test("retention waits for the archive, and what is there with other content stays as it is", async (t) => {
	const bucket = await newBucket(store);
	const root = t.testdir();
	const before = await openLog(join(root, "log"), join(root, "keys"));
	await before.session("s_1", 20);
	await before.sealed();
	const place = `${PREFIX}${before.journal.node}/`;
	await before.close();
	const taken = `${place}000000000000.jsonl.gz`;
	const other = Buffer.from("somebody else's");
	await bucket.put(taken, other);
	const node = await startArchiving(root, { endpoint: store.endpoint, bucket: bucket.name, retention: { bytes: 100 } });
	t.teardown(() => node.close());
	const isTold = () =>
		node.lines.filter(({ level, reason }) => level === "error" && /other content.*not overwritten/.test(reason ?? ""))
			.length;
	await until("an error", () => isTold() > 1);
	await node.log.session("s_2", 20);
	await node.log.sealed();
	t.same(await bucket.get(taken), other, "it is not overwritten");
	t.equal(listSegments(node.folder)[0], 0, "nothing is removed here");
	t.match(await verifyLog({ folder: node.folder, openEnd: "any" }), { ok: true, from: 0 });

	await bucket.remove(taken);
	await until("retention goes on", () => (listSegments(node.folder)[0] ?? 0) > 0);
	await archived(node);
	const copy = join(root, "copy");
	await bucket.download(place, copy);
	t.match(await verified(copy), { ok: true, from: 0, findings: [] }, "what was removed here is there");
	t.match(await verifyLog({ folder: node.folder, openEnd: "any" }), { ok: true, findings: [] });
});

/** A segment whose compressed file has three parts. */
const LARGE_BYTES = 26 << 20;
const TEXT_BYTES = 512 << 10;

await t.test("kill -9 amid an upload in parts: it goes on with the part that is missing", async (t) => {
	const bucket = await newBucket(store);
	const relay = await StoreRelay.open(store.port);
	t.teardown(() => relay.close());
	/* Short, for the admin socket's path has at most 107 bytes. */
	const data = mkdtempSync(join(tmpdir(), "licet-data-"));
	t.teardown(() => rmSync(data, { recursive: true, force: true }));
	writeFileSync(join(data, "secret"), SECRET_KEY);
	mkdirSync(join(data, "log"));
	const log = await openLog(join(data, "log"), join(data, "keys"), { segmentBytes: LARGE_BYTES });
	const count = Math.ceil(LARGE_BYTES / TEXT_BYTES) + 1;
	log.journal.append(sessionStart("s_1"));
	for (let number = 1; number <= count; number++) {
		log.journal.append(statement("s_1", number, `select '${randomBytes((TEXT_BYTES / 4) * 3).toString("base64")}'`));
		log.journal.append(result("s_1", number));
		log.journal.flush();
	}
	log.journal.append({ ...sessionEnd("s_1", count), rowsOut: count } as ReturnType<typeof sessionEnd>);
	await log.evidence.checkpoint();
	await log.sealed();
	const { node } = log.journal;
	await log.close();

	const partOf = (path: string) => /[?&]partNumber=(\d+)/.exec(path)?.[1];
	const parts = () => relay.take().flatMap(({ method, path }) => (method === "PUT" ? (partOf(path) ?? []) : []));
	let reached: () => void = () => {};
	const third = new Promise<void>((resolve) => {
		reached = resolve;
	});
	relay.before = ({ path }) => {
		if (partOf(path) !== "3") return;
		reached();
		return new Promise(() => {});
	};
	const archive = {
		endpoint: relay.endpoint,
		region: REGION,
		bucket: bucket.name,
		credentials: { accessKeyId: { env: "ARCHIVE_ID" }, secretAccessKey: { file: join(data, "secret") } },
	};
	const target = {
		engine: "postgres",
		address: "127.0.0.1:1",
		databases: ["d"],
		credentials: { username: "u" },
	} as const;
	const licet = await startLicet(t, {
		targets: { shop: target },
		licenses: {},
		config: { data, recording: { archive } },
		env: { ARCHIVE_ID: ACCESS_KEY },
	});
	await third;
	await licet.stop("SIGKILL");
	t.same(parts(), ["1", "2", "3"]);
	relay.before = () => {};
	await licet.start();
	await until("it is there", () => licet.log().includes("the recording is in the archive up to here"));
	t.same(parts(), ["3"], "the others are not sent again");
	const copy = join(t.testdir(), "copy");
	await bucket.download(`${node}/`, copy);
	const key = (await licet.cli("key")).stdout.trim();
	t.match(await runLicet(["verify", "--log", copy, "--key", key]), { code: 0, stdout: /^verified: nothing/m });
	t.notOk(licet.log().includes(SECRET_KEY), "no secret in the log");
	t.ok(readdirSync(copy).includes("000000000000.jsonl.gz"));
});
