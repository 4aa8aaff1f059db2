/**
 * Runs test files, each a process of its own that speaks TAP by itself. Not through tap's command line: its loaders
 * (TypeScript, mocks, the following of child processes) are not used here and took each file two seconds of processor
 * time, and each reader thread in a file a second.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { relative } from "node:path";
import { FILE_TIMEOUT_MS } from "./patience.js";
import { PROJECT } from "./project.js";
import { type Counts, TapReport } from "./tap-report.js";

/** tap ends a file by itself after its time and says what was under way; one that does not even do that is killed. */
const KILL_AFTER_MS = FILE_TIMEOUT_MS + 30_000;
/** How long files may take to end when they are told to. */
const END_TIMEOUT_MS = 5_000;

export class TestFiles {
	readonly #environment: NodeJS.ProcessEnv;
	readonly #print: (line: string) => void;
	readonly #running = new Set<ChildProcess>();
	#stopped = false;

	constructor(environment: NodeJS.ProcessEnv, print: (line: string) => void) {
		this.#environment = { ...environment, TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000) };
		this.#print = print;
		process.once("exit", () => this.#signal("SIGKILL"));
	}

	/** `jobs` at once, in order. */
	async run(files: readonly string[], jobs: number): Promise<Counts> {
		let passed = 0;
		let failed = 0;
		const left = files.values();
		const next = async () => {
			for (const file of left) {
				if (this.#stopped) return;
				const counts = await this.#file(file);
				passed += counts.passed;
				failed += counts.failed;
			}
		};
		await Promise.all(Array.from({ length: jobs }, next));
		return { passed, failed };
	}

	/** Ends what runs; no other file is begun. */
	stop(): void {
		this.#stopped = true;
		this.#signal("SIGTERM");
		setTimeout(() => this.#signal("SIGKILL"), END_TIMEOUT_MS).unref();
	}

	#signal(signal: NodeJS.Signals): void {
		for (const child of this.#running) signalGroup(child, signal);
	}

	async #file(file: string): Promise<Counts> {
		const began = performance.now();
		const report = new TapReport(relative(PROJECT, file));
		const child = spawn(process.execPath, ["--enable-source-maps", file], {
			cwd: PROJECT,
			env: this.#environment,
			stdio: ["ignore", "pipe", "pipe"],
			// A process group of its own, so that whatever the file left behind can be ended with it.
			detached: true,
		});
		this.#running.add(child);
		const timer = setTimeout(() => signalGroup(child, "SIGKILL"), KILL_AFTER_MS);
		child.stdout.setEncoding("utf8").on("data", (chunk: string) => report.write(chunk));
		let complaints = "";
		child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
			complaints += chunk;
		});
		child.once("exit", () => signalGroup(child, "SIGKILL"));
		const fault = await new Promise<string | undefined>((ended) => {
			child.once("error", (error) => ended(error.message));
			child.once("close", (code, signal) => ended(code === 0 ? undefined : `ended with ${signal ?? code}`));
		});
		clearTimeout(timer);
		this.#running.delete(child);
		if (complaints !== "") this.#print(complaints.trimEnd());
		return report.end(performance.now() - began, fault, this.#print);
	}
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
	try {
		if (child.pid !== undefined) process.kill(-child.pid, signal);
	} catch {
		// Nobody of the group is left.
	}
}
