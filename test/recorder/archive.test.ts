/**
 * The archive against a real S3-compatible server: all of a log arrives, a copy of it verifies and a tampered one does
 * not, damage on the way is noticed, what is there already is never overwritten, and nothing is removed before it is safe.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { Archive } from "../../src/recorder/archive/archive.js";
import { assembleCopy, isArchiveCopy } from "../../src/recorder/archive/copy.js";
import type { RetentionTerms } from "../../src/recorder/retention.js";
import { listSegments } from "../../src/recorder/segments.js";
import { type LogReport, verifyLog } from "../../src/recorder/verify-log.js";
import { createLog } from "../../src/telemetry/log.js";
import { runLicet } from "../helpers/licet.js";
import { ACCESS_KEY, Bucket, REGION, SECRET_KEY, type Store, startStore } from "../helpers/swift.js";
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

async function verified(copy: string): Promise<LogReport> {
	const assembled = assembleCopy(copy);
	try {
		return await verifyLog({ folder: assembled.folder, openEnd: "none" });
	} finally {
		assembled.remove();
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
});
