/**
 * A program for the journal's test, run with a limit on the size of files: fills the log up to it, tries everything
 * while it is full, has the limit lifted, and goes on. Prints what happened as JSON.
 */
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { Journal, JournalError } from "../../src/recorder/journal.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";

const folder = process.argv[2] ?? "";
const journal = Journal.open({ folder, now: Date.now });
const events: string[] = [];
const sizes: number[] = [];
const size = () => statSync(join(folder, "000000000000.jsonl"), { throwIfNoEntry: false })?.size ?? 0;

async function attempt(what: string, done: string, act: () => unknown): Promise<void> {
	try {
		await act();
		events.push(`${what}${done}`);
	} catch (error) {
		if (!(error instanceof JournalError) || error.code !== "failed") throw error;
		events.push(`${what} failed`);
	}
}

while (size() < 3700) {
	journal.append(statement("s_1", 1));
	journal.flush();
}
events.push("filled");
sizes.push(size());
journal.append(statement("s_1", 2, "x".repeat(500)));
await attempt("flush", "", () => journal.flush());
sizes.push(size());
await attempt("flush", "", () => journal.flush());
await attempt("flushDurably", "", () => journal.flushDurably());
await attempt("statement", " kept", () => journal.append(statement("s_1", 3)));
await attempt("session.start", " kept", () => journal.append(sessionStart("s_2")));
await attempt("result", " kept", () => journal.append(result("s_1", 1)));
await attempt("session.end", " kept", () => journal.append(sessionEnd("s_1")));
await attempt("reopen", "ed", () => journal.reopen());
sizes.push(size());
execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
await attempt("reopen", "ed", () => journal.reopen());
journal.append(sessionStart("s_3"));
journal.close();
events.push("closed");
process.stdout.write(JSON.stringify({ events, sizes }));
