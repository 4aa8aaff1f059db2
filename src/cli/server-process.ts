/**
 * What private database servers have in common, whatever they serve: folders that belong to the user whom they run as,
 * programs that end with us, a log, an orderly end. Used by cluster.ts (PostgreSQL) and mysqld.ts (MariaDB, MySQL).
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, chown, copyFile, open } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whom a server runs as; undefined: as we do. */
export interface Runner {
	readonly uid: number;
	readonly gid: number;
}

export async function give(path: string, runner: Runner | undefined): Promise<void> {
	if (runner) await chown(path, runner.uid, runner.gid);
}

/** Copies a file that the server alone may read. */
export async function place(from: string, to: string, runner: Runner | undefined): Promise<void> {
	await copyFile(from, to);
	await chmod(to, 0o600);
	await give(to, runner);
}

/** Our environment without variables that could change the server, and without our locale. */
export function cleanEnvironment(variables: RegExp): NodeJS.ProcessEnv {
	const kept = Object.entries(process.env).filter(([name]) => !variables.test(name) && !/^(LC_|LANG)/.test(name));
	return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

export interface Work {
	readonly cwd: string;
	readonly env: NodeJS.ProcessEnv;
	/** Milliseconds; undefined: as long as it takes. */
	readonly timeout?: number;
	readonly maxBuffer?: number;
	readonly uid?: number;
	readonly gid?: number;
}

/** Runs a program to its end, which comes with ours at the latest. Rejects with what it said. `name`: for messages. */
export async function runToEnd(name: string, program: string, flags: readonly string[], work: Work): Promise<void> {
	const running = run(program, [...flags], work);
	const onExit = () => running.child.kill("SIGKILL");
	process.prependListener("exit", onExit);
	try {
		await running;
	} catch (error) {
		const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
		throw new Error(`${name} failed in ${work.cwd}: ${said || String(error)}`);
	} finally {
		process.removeListener("exit", onExit);
	}
}

/** Starts a program that stays, what it says going into a file. */
export async function launchLogged(
	program: string,
	flags: readonly string[],
	logFile: string,
	work: Omit<Work, "timeout" | "maxBuffer">,
): Promise<ChildProcess> {
	const log = await open(logFile, "a");
	try {
		const server = spawn(program, [...flags], { ...work, stdio: ["ignore", log.fd, log.fd] });
		await new Promise((resolve, reject) => server.once("spawn", resolve).once("error", reject));
		return server;
	} finally {
		await log.close();
	}
}

/** An orderly end, after which a server is ended at once. */
const STOP_TIMEOUT_MS = 10_000;

/** The signals that end a server: orderly, and at once. */
export interface EndSignals {
	readonly orderly: NodeJS.Signals;
	readonly atOnce: NodeJS.Signals;
}

/** What stops a server; it may be called twice. The server also goes when this process exits in any orderly way. */
export function stopper(server: ChildProcess, signals: EndSignals): () => Promise<void> {
	const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
	const onExit = () => server.kill(signals.atOnce);
	// Before handlers that were there already: whoever gave us the folder may remove it on exit.
	process.prependListener("exit", onExit);
	return async () => {
		process.removeListener("exit", onExit);
		if (server.exitCode !== null || server.signalCode !== null) return;
		server.kill(signals.orderly);
		const late = setTimeout(() => server.kill(signals.atOnce), STOP_TIMEOUT_MS);
		await gone;
		clearTimeout(late);
	};
}
