/**
 * `npm test`: brings up the servers, runs the compiled tests, takes all down again, and prints
 * `N passed, N failed` as its last line. `node dist/test/run.js test/sql test/real/psql` runs a part only.
 *
 * It fails when a test fails, and also when none ran.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { debianSwift } from "./helpers/debian.js";
import { COMPILED, PROJECT } from "./helpers/project.js";
import { startTestServers } from "./helpers/servers.js";
import type { Counts } from "./helpers/tap-report.js";
import { TestFiles } from "./helpers/test-files.js";

/** Two files at once: the servers and the proxies under test need processors too. */
const JOBS = 2;

/** Files that measure how long sessions wait for each other: nothing else runs meanwhile. */
const ALONE = /\bbombs\.test\.js$/;

function testFiles(parts: readonly string[]): string[] {
	const folder = join(COMPILED, "test");
	const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
		// What is left of a test that is gone is not run.
		.filter((file) => file.endsWith(".test.js") && existsSync(join(PROJECT, "test", file.replace(/js$/, "ts"))))
		.map((file) => join(folder, file))
		.sort();
	const wanted = parts.map((part) => relative(PROJECT, resolve(part)).replace(/\.[tj]s$/, ""));
	if (wanted.length === 0) return files;
	// A part is named by its source (test/sql) or by its compiled file (dist/test/sql).
	return files.filter((file) =>
		wanted.some((part) => relative(COMPILED, file).startsWith(part) || relative(PROJECT, file).startsWith(part)),
	);
}

/** Runs the files; answers undefined when it was interrupted. */
async function runFiles(files: readonly string[]): Promise<Counts | undefined> {
	let tests: TestFiles | undefined;
	let interrupted = false;
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.on(signal, () => {
			interrupted = true;
			// While the servers start there is nothing to wait for: their exit handlers end them.
			if (!tests) process.exit(1);
			tests.stop();
		});
	}
	/* Its packages may have to be installed, which can take longer than a file has. */
	if (files.some((file) => file.endsWith("archive.test.js"))) await debianSwift();
	const servers = await startTestServers();
	try {
		tests = new TestFiles({ ...process.env, ...servers.environment }, (line) => console.log(line));
		const isAlone = (file: string) => ALONE.test(file);
		const together = await tests.run(
			files.filter((file) => !isAlone(file)),
			JOBS,
		);
		const alone = await tests.run(files.filter(isAlone), 1);
		const counts = { passed: together.passed + alone.passed, failed: together.failed + alone.failed };
		return interrupted ? undefined : counts;
	} finally {
		await servers.stop();
	}
}

async function main(): Promise<Counts> {
	const files = testFiles(process.argv.slice(2));
	const counts = files.length === 0 ? undefined : await runFiles(files);
	if (counts === undefined) console.log(files.length === 0 ? "no test matches" : "interrupted");
	return counts ?? { passed: 0, failed: 0 };
}

let counts: Counts = { passed: 0, failed: 0 };
try {
	counts = await main();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.passed > 0 && counts.failed === 0 ? 0 : 1);
