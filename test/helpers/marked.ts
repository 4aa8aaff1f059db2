/**
 * Marked statements: a server that logs all it is asked to run, a load of statements that carry marks, and the marks
 * that are in the recording. What is in the server's log and not in the recording ran unrecorded.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { startEmbeddedPostgres } from "../../src/cli/embedded.js";
import { LogReader } from "../../src/recorder/reader.js";
import { type IssuedGrant, rawGrant } from "./licet.js";
import { RawClient } from "./raw-client.js";
import * as wire from "./wire.js";

/** A server of the test's own that logs every statement; from npm, so that it is there on every machine. */
export async function loggingServer(t: Test): Promise<{ readonly url: string; readonly log: () => string }> {
	const folder = mkdtempSync(join(tmpdir(), "licet-logged-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
	execFileSync("chmod", ["755", folder]);
	const settings = { log_statement: "all", log_min_messages: "log", logging_collector: "off" };
	const cluster = await startEmbeddedPostgres({ folder: join(folder, "server"), settings });
	t.teardown(() => cluster.stop());
	return { url: cluster.url(), log: () => readFileSync(join(folder, "server", "log"), "utf8") };
}

/** Marked statements by the number in their mark. */
export const marks = (text: string): Set<string> =>
	new Set([...text.matchAll(/mark:(\w+)/g)].map(([, mark]) => mark ?? ""));

/** Those of the statements in the log, read as it lies on disk. */
export async function recordedMarks(data: string): Promise<Set<string>> {
	const found = new Set<string>();
	for await (const { entry } of new LogReader(join(data, "log")).entries()) {
		if (entry.type === "statement") for (const mark of marks(entry.sql)) found.add(mark);
	}
	return found;
}

/** Sends marked statements without end, in pipelines and strings, until its connection is cut. */
export async function load(grant: IssuedGrant, name: string): Promise<void> {
	const client = await RawClient.login({ ...rawGrant(grant), dropRows: true });
	for (let round = 0; !client.ended; round++) {
		const mark = (part: string) => `/* mark:${name}x${round}x${part} */`;
		const frames = [
			wire.query(`SELECT ${round} ${mark("a")}`),
			wire.query(`SELECT 1 ${mark("b")}; SELECT 2 ${mark("c")}`),
			...[1, 2, 3].flatMap((n) => [wire.parse(`SELECT ${round} ${mark(`p${n}`)}`), wire.bind(), wire.execute()]),
			wire.sync,
		];
		client.send(...frames);
		for (let ready = 0; ready < 3; ready++) await client.until("Z");
	}
}
