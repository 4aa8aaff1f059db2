/** Runs of pg_regress: at a server itself, and at a server behind Licet. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startCluster } from "../../src/cli/cluster.js";
import { freePort } from "../../src/cli/free-port.js";
import { outcome } from "../helpers/command.js";
import { license } from "../helpers/license.js";
import { openLicet, rawGrant, targetOf } from "../helpers/licet.js";
import { libpqEnvironment } from "../helpers/programs.js";
import { type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { withClient } from "../helpers/servers.js";
import type { RegressionSource } from "./source.js";

export interface SuiteOptions {
	readonly binaries: string;
	readonly source: RegressionSource;
	readonly folder: string;
	/** Of the suite; empty: all. */
	readonly tests: readonly string[];
}

export interface SuiteResult {
	/** What each test printed. */
	readonly outputs: ReadonlyMap<string, string>;
	/** Tests whose output is none that the suite expects. */
	readonly unexpected: ReadonlySet<string>;
	readonly seconds: number;
	/** What pg_regress said. */
	readonly log: string;
}

/** The database's name: the suite's expected outputs hold it. */
const DATABASE = "regression";
/** As pg_regress sets them for a database that it makes itself. */
const DATABASE_SETTINGS = {
	lc_messages: "C",
	lc_monetary: "C",
	lc_numeric: "C",
	lc_time: "C",
	bytea_output: "hex",
	timezone_abbreviations: "Default",
};

export async function runDirect(options: SuiteOptions): Promise<SuiteResult> {
	return withServer(options, "direct", (url) => pgRegress(options, "direct", rawOptions(url)));
}

export async function runThrough(options: SuiteOptions): Promise<SuiteResult> {
	return withServer(options, "through", async (url) => {
		const licet = await openLicet({
			targets: { [DATABASE]: targetOf(url) },
			licenses: { everything: license("everything", { permits: "all" }) },
		});
		try {
			const grant = await licet.grant({ license: "everything", target: DATABASE });
			return await pgRegress(options, "through", rawGrant(grant));
		} finally {
			await licet.close();
		}
	});
}

/** A fresh server with the suite's database in it. */
async function withServer<T>(options: SuiteOptions, name: string, use: (url: string) => Promise<T>): Promise<T> {
	const cluster = await startCluster({
		binaries: options.binaries,
		folder: join(options.folder, `server-${name}`),
		port: await freePort(),
		settings: { max_prepared_transactions: "2" },
	});
	try {
		await withClient(cluster.url(), async (admin) => {
			await admin.query(`CREATE DATABASE ${DATABASE} TEMPLATE template0`);
			for (const [setting, value] of Object.entries(DATABASE_SETTINGS)) {
				await admin.query(`ALTER DATABASE ${DATABASE} SET ${setting} TO '${value}'`);
			}
		});
		return await use(cluster.url(DATABASE));
	} finally {
		await cluster.stop();
	}
}

async function pgRegress(options: SuiteOptions, name: string, login: RawOptions): Promise<SuiteResult> {
	const { source, binaries, folder, tests } = options;
	const work = join(folder, "work");
	rmSync(work, { recursive: true, force: true });
	mkdirSync(join(work, "results"), { recursive: true });
	// The server, another user, writes here as well; and both runs have the same place, since outputs name it.
	for (const each of [work, join(work, "results")]) chmodSync(each, 0o777);
	const words = [
		"--use-existing",
		`--dbname=${DATABASE}`,
		`--bindir=${binaries}`,
		`--dlpath=${source.libraries}`,
		`--inputdir=${source.regress}`,
		`--outputdir=${work}`,
		`--host=${login.host}`,
		`--port=${login.port}`,
		`--user=${login.user}`,
		// Of the suite's own schedule this is the width.
		"--max-concurrent-tests=20",
		...(tests.length > 0 ? tests : [`--schedule=${join(source.regress, "parallel_schedule")}`]),
	];
	const began = Date.now();
	const env = libpqEnvironment(login);
	const { stdout, stderr } = await outcome(spawn(source.pgRegress, words, { env, stdio: ["ignore", "pipe", "pipe"] }));
	return {
		outputs: readOutputs(join(work, "results")),
		unexpected: new Set(
			[...stdout.matchAll(/^(?:test| {4}) (\w+) +\.\.\. FAILED/gm)].map((match) => match[1] as string),
		),
		seconds: (Date.now() - began) / 1000,
		log: `${name}\n${stdout}${stderr}`,
	};
}

function readOutputs(folder: string): ReadonlyMap<string, string> {
	if (!existsSync(folder)) return new Map();
	const files = readdirSync(folder).filter((file) => file.endsWith(".out"));
	return new Map(files.map((file) => [file.replace(/\.out$/, ""), readFileSync(join(folder, file), "latin1")]));
}
