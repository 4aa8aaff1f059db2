/**
 * The ways to the same database that the bench compares: direct, through a bare pass-through, and through Licet under
 * a license that permits everything but is asked about every statement, and under one with masks and caps.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCluster } from "../src/cli/cluster.js";
import { freePort } from "../src/cli/free-port.js";
import { debianBinaries } from "../test/helpers/debian.js";
import { openLicet, rawGrant, targetOf } from "../test/helpers/licet.js";
import { type RawOptions, rawOptions } from "../test/helpers/raw-client.js";

export const LEGS = ["direct", "pass-through", "licet", "licet-terms"] as const;
export type LegName = (typeof LEGS)[number];

export interface Leg {
	readonly name: LegName;
	readonly login: RawOptions;
	/** The proxy's process; undefined for the direct way. */
	readonly pid: number | undefined;
	stop(): Promise<void>;
}

export interface BenchServer {
	/** Superuser URL of the database. */
	readonly url: string;
	/** The folder of pgbench and psql. */
	readonly binaries: string;
	stop(): Promise<void>;
}

const OPEN_LICENSE = license("bench-open", "");
const TERMS_LICENSE = license(
	"bench-terms",
	`masks:
  - { columns: ["*.*.filler"], with: redact }
  - { columns: ["public.bench_rows.email"], with: email }
limits:
  rowsPerStatement: { max: 100000000, then: error }
  bytesPerStatement: { max: 64GiB, then: error }
  statementTimeout: 10m
`,
);

function license(id: string, terms: string): string {
	return `apiVersion: licet/v1
kind: License
metadata: { id: ${id}, licensee: bench, version: 1 }
subjects: [ { user: bench } ]
targets: [ { name: bench } ]
permits:
  - { on: ["*.*"], commands: [all] }
${terms}`;
}

export async function startServer(): Promise<BenchServer> {
	const folder = mkdtempSync(join(tmpdir(), "licet-bench-"));
	chmodSync(folder, 0o755);
	const clean = () => rmSync(folder, { recursive: true, force: true });
	process.once("exit", clean);
	try {
		const binaries = await debianBinaries();
		const options = { binaries, folder: join(folder, "server"), port: await freePort() };
		const cluster = await startCluster({ ...options, settings: { shared_buffers: "256MB", autovacuum: "off" } });
		const stop = async () => {
			await cluster.stop();
			clean();
		};
		return { url: cluster.url(), binaries, stop };
	} catch (error) {
		clean();
		throw error;
	}
}

export function openLeg(name: LegName, server: BenchServer): Promise<Leg> | Leg {
	switch (name) {
		case "direct":
			return { name, login: rawOptions(server.url), pid: undefined, stop: async () => {} };
		case "pass-through":
			return passThrough(server);
		case "licet":
		case "licet-terms":
			return throughLicet(name, server);
	}
}

async function passThrough(server: BenchServer): Promise<Leg> {
	const login = rawOptions(server.url);
	const { port, pid, stop } = await startPassThrough(login.port);
	return { name: "pass-through", login: { ...login, port }, pid, stop };
}

export interface PassThrough {
	readonly port: number;
	readonly pid: number;
	stop(): Promise<void>;
}

/** A process that only pipes, before a server's port. */
export async function startPassThrough(upstream: number): Promise<PassThrough> {
	const program = fileURLToPath(new URL("passthrough.js", import.meta.url));
	const child = spawn(process.execPath, [program, String(upstream)], { stdio: ["ignore", "pipe", "inherit"] });
	process.once("exit", () => child.kill("SIGKILL"));
	const port = await new Promise<number>((resolve, reject) => {
		child.once("exit", () => reject(new Error("the pass-through did not start")));
		child.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
	});
	return { port, pid: child.pid ?? 0, stop: () => end(child) };
}

async function throughLicet(name: "licet" | "licet-terms", server: BenchServer): Promise<Leg> {
	const licet = await openLicet({
		targets: { bench: targetOf(server.url) },
		licenses: { bench: name === "licet" ? OPEN_LICENSE : TERMS_LICENSE },
	});
	try {
		const id = name === "licet" ? "bench-open" : "bench-terms";
		const grant = await licet.grant({ license: id, target: "bench", subject: "bench", duration: "8h" });
		return { name, login: rawGrant(grant), pid: licet.pid, stop: () => licet.close() };
	} catch (error) {
		await licet.close();
		throw error;
	}
}

async function end(child: ChildProcess): Promise<void> {
	const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	child.kill("SIGKILL");
	await gone;
}
