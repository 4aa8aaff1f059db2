/**
 * The server's own regression suite, from Debian's source package of the very version that is installed: fetched with
 * apt-get into a folder of its own below the temporary one, where it stays for the next run. Nothing is installed and
 * the machine's own lists of packages are not touched. The suite's C functions are compiled with the headers of the
 * development package, which is unpacked beside it.
 *
 * PostgreSQL documentation, "Regression Tests"; pg_regress itself comes with Debian's client package.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { installPackages } from "../helpers/debian.js";

const run = promisify(execFile);

/** 23 MB to fetch, some 90 MB to unpack. */
const STEP_TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export interface RegressionSource {
	readonly version: string;
	/** src/test/regress of the source. */
	readonly regress: string;
	/** The compiled C functions. */
	readonly libraries: string;
	readonly pgRegress: string;
}

/** `binaries`: the folder of the installed server's programs. */
export async function regressionSource(binaries: string): Promise<RegressionSource> {
	const major = basename(join(binaries, ".."));
	const pgRegress = join(binaries, "..", "lib", "pgxs", "src", "test", "regress", "pg_regress");
	if (!existsSync(pgRegress))
		throw new Error(`${pgRegress} is missing: Debian's package postgresql-client-${major} has it`);
	// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders.
	const named = await output("dpkg-query", ["-W", "-f", "${source:Package} ${source:Version}", `postgresql-${major}`]);
	const [name = "", version = ""] = named.trim().split(" ");
	const folder = join(tmpdir(), "licet-postgres-source", version);
	const done = join(folder, "complete");
	if (!existsSync(done)) {
		rmSync(folder, { recursive: true, force: true });
		const fetched = await fetch(folder, name, version, major);
		await build(fetched, folder, major);
		writeFileSync(done, "");
	}
	return {
		version,
		regress: join(folder, "source", "src", "test", "regress"),
		libraries: join(folder, "lib"),
		pgRegress,
	};
}

async function fetch(folder: string, name: string, version: string, major: string): Promise<string> {
	const download = join(folder, "download");
	const apt = await privateLists(download);
	await output("apt-get", [...apt, "source", "--download-only", `${name}=${version}`], download);
	await output("apt-get", [...apt, "download", `postgresql-server-dev-${major}=${version}`], download);
	const file = (pattern: RegExp): string => {
		const found = readdirSync(download).find((each) => pattern.test(each));
		if (found === undefined) throw new Error(`apt-get fetched no ${pattern} into ${download}`);
		return join(download, found);
	};
	const parts = ["src/test/regress", "contrib/spi"].map((part) => `*/${part}/*`);
	await output("tar", ["--extract", "--file", file(/\.orig\.tar\./), "--wildcards", ...parts], folder);
	const unpacked = readdirSync(folder).find((each) => each.startsWith("postgresql-")) as string;
	renameSync(join(folder, unpacked), join(folder, "source"));
	await output("dpkg-deb", ["--extract", file(/server-dev.*\.deb$/), join(folder, "headers")]);
	rmSync(download, { recursive: true });
	return join(folder, "source");
}

/** Lists of packages with their sources, beside the machine's own; answers the options by which apt-get takes them. */
async function privateLists(folder: string): Promise<readonly string[]> {
	const parts = join(folder, "sources");
	for (const each of [parts, join(folder, "lists", "partial"), join(folder, "cache", "archives", "partial")]) {
		mkdirSync(each, { recursive: true });
	}
	const theirs = "/etc/apt/sources.list.d";
	const files = existsSync(theirs) ? readdirSync(theirs).map((each) => join(theirs, each)) : [];
	for (const file of ["/etc/apt/sources.list", ...files]) {
		if (!existsSync(file) || !/\.(list|sources)$/.test(file)) continue;
		const text = readFileSync(file, "utf8");
		const withSources = file.endsWith(".list")
			? text.replace(/^deb .*$/gm, (line) => `${line}\n${line.replace("deb", "deb-src")}`)
			: text.replace(/^Types: deb$/gm, "Types: deb deb-src");
		writeFileSync(join(parts, basename(file)), withSources);
	}
	const settings = {
		"Dir::Etc::SourceList": "/dev/null",
		"Dir::Etc::SourceParts": parts,
		"Dir::State::Lists": join(folder, "lists"),
		"Dir::Cache": join(folder, "cache"),
		"APT::Sandbox::User": "",
	};
	const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
	await output("apt-get", [...options, "update"]);
	return options;
}

async function build(source: string, folder: string, major: string): Promise<void> {
	const failure = existsSync("/usr/bin/gcc") ? undefined : await installPackages("a C compiler", ["gcc", "libc6-dev"]);
	if (failure !== undefined) throw new Error(failure);
	const headers = join(folder, "headers", "usr", "include", "postgresql", major, "server");
	const libraries = join(folder, "lib");
	mkdirSync(libraries);
	const modules = { regress: "src/test/regress", refint: "contrib/spi", autoinc: "contrib/spi" };
	for (const [module, place] of Object.entries(modules)) {
		const files = ["-o", join(libraries, `${module}.so`), join(source, place, `${module}.c`)];
		await output("gcc", ["-shared", "-fPIC", "-O1", "-w", `-I${headers}`, ...files]);
	}
}

async function output(program: string, words: readonly string[], cwd = "/"): Promise<string> {
	const options = { cwd, timeout: STEP_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
	return (await run(program, words, options)).stdout;
}
