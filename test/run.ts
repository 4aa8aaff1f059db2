/**
 * `npm test`: brings up the servers, runs tap over the compiled tests, takes all down again, and prints
 * `N passed, N failed` as its last line. `node dist/test/run.js test/sql test/real/psql` runs a part only.
 *
 * It fails when a test fails, and also when none ran.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { debianSwift } from "./helpers/debian.js";
import { FILE_TIMEOUT_MS } from "./helpers/patience.js";
import { COMPILED, PROJECT } from "./helpers/project.js";
import { startTestServers } from "./helpers/servers.js";
import { type Counts, TapReport } from "./helpers/tap-report.js";

/** Two files at once: the servers and the proxies under test need processors too. */
const JOBS = 2;
/** How long tap may take to end its files when it is told to. */
const KILL_TIMEOUT_MS = 5_000;

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

/** tap's own command line, from its package. */
function tapCommand(): string {
	const manifest = createRequire(import.meta.url).resolve("tap/package.json");
	const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: { tap: string } };
	return join(dirname(manifest), bin.tap);
}

function runTap(files: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
	const options = [`--jobs=${JOBS}`, `--timeout=${FILE_TIMEOUT_MS / 1000}`, "--reporter=tap", "--disable-coverage"];
	const paths = files.map((file) => relative(PROJECT, file));
	return spawn(process.execPath, [tapCommand(), "run", ...options, ...paths], {
		cwd: PROJECT,
		env: { ...process.env, ...environment },
		stdio: ["ignore", "pipe", "inherit"],
		// A process group of its own, so that whatever the tests left behind can be ended with it.
		detached: true,
	});
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
	try {
		if (child.pid !== undefined) process.kill(-child.pid, signal);
	} catch {
		// Nobody of the group is left.
	}
}

/** Runs the files; answers undefined when it was interrupted. */
async function runFiles(files: readonly string[]): Promise<Counts | undefined> {
	let tap: ChildProcess | undefined;
	let interrupted = false;
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.on(signal, () => {
			interrupted = true;
			// While the servers start there is nothing to wait for: their exit handlers end them.
			if (!tap) process.exit(1);
			signalGroup(tap, "SIGTERM");
			setTimeout(() => tap && signalGroup(tap, "SIGKILL"), KILL_TIMEOUT_MS).unref();
		});
	}
	process.once("exit", () => tap && signalGroup(tap, "SIGKILL"));
	/* Its packages may have to be installed, which can take longer than a file has. */
	if (files.some((file) => file.endsWith("archive.test.js"))) await debianSwift();
	const servers = await startTestServers();
	try {
		const report = new TapReport((line) => console.log(line));
		tap = runTap(files, servers.environment);
		tap.stdout?.setEncoding("utf8").on("data", (chunk: string) => report.write(chunk));
		const code = await new Promise<number | null>((ended) => tap?.once("close", ended));
		signalGroup(tap, "SIGKILL");
		const { passed, failed } = report.end();
		return interrupted ? undefined : { passed, failed: code === 0 ? failed : Math.max(1, failed) };
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
