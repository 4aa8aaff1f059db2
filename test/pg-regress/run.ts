/**
 * `npm run test:pg-regress`: PostgreSQL's own regression suite, straight at a fresh server and at another one through
 * Licet under `permits: all`, each test's output compared byte by byte. Words name tests of the suite: then only these run
 * (most need test_setup before them).
 *
 * Prints a table of the tests, and `N passed, N failed` as the last line.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianBinaries } from "../helpers/debian.js";
import { comparison } from "./compare.js";
import { regressionSource } from "./source.js";
import { runDirect, runThrough } from "./suites.js";

/** Of a difference; LICET_TEST_KEEP names a folder for the whole of them, and for what pg_regress said. */
const SHOWN_DIFF = 4000;

const folder = mkdtempSync(join(tmpdir(), "licet-pg-regress-"));
// The server runs as another user under root.
chmodSync(folder, 0o755);
let failed = 1;
let passed = 0;
try {
	const binaries = await debianBinaries();
	const source = await regressionSource(binaries);
	console.log(`# the regression suite of PostgreSQL ${source.version}`);
	const options = { binaries, source, folder, tests: process.argv.slice(2) };
	const direct = await runDirect(options);
	const through = await runThrough(options);
	const { table, differences, same } = comparison(direct, through);
	for (const line of table) console.log(line);
	for (const { test, diff } of differences) console.log(`# ${test} differs:\n${diff.slice(0, SHOWN_DIFF)}`);
	const kept = process.env.LICET_TEST_KEEP;
	if (kept !== undefined) {
		mkdirSync(kept, { recursive: true });
		for (const [name, { log }] of Object.entries({ direct, through })) writeFileSync(join(kept, `${name}.log`), log);
		writeFileSync(join(kept, "differences"), differences.map(({ test, diff }) => `== ${test}\n${diff}`).join("\n"));
	}
	passed = same;
	failed = differences.length;
} finally {
	rmSync(folder, { recursive: true, force: true });
	console.log(`${passed} passed, ${failed} failed`);
}
process.exit(failed === 0 && passed > 0 ? 0 : 1);
