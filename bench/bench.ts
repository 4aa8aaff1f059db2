/**
 * `npm run bench`: what the proxy costs. It interleaves the ways to one database (see legs.ts), so that whatever else
 * the machine does falls on all of them alike: in each round every way runs `pgbench -S` in each query mode and
 * streams a large result once. Printed are medians over the rounds and ratios to the direct way.
 *
 * Options: --seconds 4 --rounds 3 --clients 16 --scale 2 --rows 1000000 --legs direct,pass-through,licet,licet-terms
 */
import { execFile } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { libpqEnvironment } from "../test/helpers/programs.js";
import { RawClient } from "../test/helpers/raw-client.js";
import { withClient } from "../test/helpers/servers.js";
import { commandTag, errorFields, query } from "../test/helpers/wire.js";
import { cpuMicroseconds, peakMebibytes } from "./cost.js";
import { type BenchServer, LEGS, type Leg, type LegName, openLeg, startServer } from "./legs.js";

const run = promisify(execFile);

const MODES = ["simple", "extended", "prepared"] as const;
const STREAM = "stream";
const STREAM_TIMEOUT_MS = 600_000;

interface Options {
	readonly seconds: number;
	readonly rounds: number;
	readonly clients: number;
	readonly scale: number;
	readonly rows: number;
	readonly legs: readonly LegName[];
}

/** One run of one task one way. */
interface Sample {
	readonly task: string;
	readonly leg: LegName;
	/** Transactions, or rows, a second. */
	readonly perSecond: number;
	/** The proxy's processor time for one transaction, or one row, in microseconds. */
	readonly cpu: number | undefined;
}

function options(): Options {
	const { values } = parseArgs({
		options: {
			seconds: { type: "string", default: "4" },
			rounds: { type: "string", default: "3" },
			clients: { type: "string", default: "16" },
			scale: { type: "string", default: "2" },
			rows: { type: "string", default: "1000000" },
			legs: { type: "string", default: LEGS.join(",") },
		},
	});
	const count = (name: "seconds" | "rounds" | "clients" | "scale" | "rows") => {
		const value = Number(values[name]);
		if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0`);
		return value;
	};
	const legs = values.legs.split(",").map((name) => {
		const leg = LEGS.find((known) => known === name);
		if (!leg) throw new Error(`--legs: ${name} is none of ${LEGS.join(", ")}`);
		return leg;
	});
	const [seconds, rounds, clients] = [count("seconds"), count("rounds"), count("clients")];
	return { seconds, rounds, clients, scale: count("scale"), rows: count("rows"), legs };
}

async function fill(server: BenchServer, { scale, rows }: Options): Promise<void> {
	await run(join(server.binaries, "pgbench"), ["-i", "-q", "-s", String(scale), server.url]);
	await withClient(server.url, async (client) => {
		await client.query(`CREATE TABLE bench_rows AS
			SELECT n AS id, 'customer ' || n AS name, 'someone' || n || '@example.com' AS email, n * 1.37 AS amount
			FROM generate_series(1, ${rows}) AS n`);
		await client.query("VACUUM ANALYZE");
	});
}

async function pgbench(leg: Leg, mode: string, server: BenchServer, { seconds, clients }: Options): Promise<Sample> {
	const before = leg.pid === undefined ? 0 : cpuMicroseconds(leg.pid);
	const threads = Math.min(2, availableParallelism(), clients);
	const words = ["-n", "-S", "-M", mode, "-c", clients, "-j", threads, "-T", seconds].map(String);
	const { stdout } = await run(join(server.binaries, "pgbench"), words, { env: libpqEnvironment(leg.login) });
	const transactions = Number(/actually processed: (\d+)/.exec(stdout)?.[1]);
	const failed = Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
	const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
	if (!(transactions > 0) || failed > 0) throw new Error(`pgbench ${mode} through ${leg.name} failed:\n${stdout}`);
	const cpu = leg.pid === undefined ? undefined : (cpuMicroseconds(leg.pid) - before) / transactions;
	return { task: `pgbench -S ${mode}`, leg: leg.name, perSecond, cpu };
}

async function stream(leg: Leg, rows: number): Promise<Sample> {
	const client = await RawClient.login({ ...leg.login, dropRows: true, timeoutMs: STREAM_TIMEOUT_MS });
	const before = leg.pid === undefined ? 0 : cpuMicroseconds(leg.pid);
	const beganAt = performance.now();
	const messages = await client.ask(query("SELECT id, name, email, amount FROM bench_rows"));
	const seconds = (performance.now() - beganAt) / 1000;
	client.destroy();
	const error = messages.find((message) => message.type === "E");
	if (error) throw new Error(`the stream through ${leg.name} failed: ${errorFields(error).M}`);
	const complete = messages.find((message) => message.type === "C");
	if (!complete || commandTag(complete) !== `SELECT ${rows}` || client.rowsDropped !== rows) {
		throw new Error(`the stream through ${leg.name} delivered ${client.rowsDropped} rows of ${rows}`);
	}
	const cpu = leg.pid === undefined ? undefined : (cpuMicroseconds(leg.pid) - before) / rows;
	return { task: STREAM, leg: leg.name, perSecond: rows / seconds, cpu };
}

/** The order changes from round to round, so that no way always follows the same other. */
function rotated<T>(items: readonly T[], by: number): T[] {
	const at = by % items.length;
	return [...items.slice(at), ...items.slice(0, at)];
}

async function measure(legs: readonly Leg[], server: BenchServer, asked: Options): Promise<Sample[]> {
	const samples: Sample[] = [];
	for (let round = 0; round < asked.rounds; round++) {
		for (const mode of MODES) {
			for (const leg of rotated(legs, round)) samples.push(await pgbench(leg, mode, server, asked));
		}
		for (const leg of rotated(legs, round)) samples.push(await stream(leg, asked.rows));
		console.error(`round ${round + 1} of ${asked.rounds}`);
	}
	return samples;
}

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function print(samples: readonly Sample[], legs: readonly Leg[]): void {
	for (const task of [...MODES.map((mode) => `pgbench -S ${mode}`), STREAM]) {
		const isStream = task === STREAM;
		const of = (leg: LegName) => samples.filter((sample) => sample.task === task && sample.leg === leg);
		const base = median(of(legs[0]?.name ?? "direct").map((sample) => sample.perSecond));
		const table = legs.map(({ name }) => {
			const rate = median(of(name).map((sample) => sample.perSecond));
			const cpus = of(name).flatMap((sample) => (sample.cpu === undefined ? [] : [sample.cpu]));
			const cpu = cpus.length === 0 ? "-" : isStream ? `${median(cpus).toFixed(2)} s` : `${median(cpus).toFixed(1)} µs`;
			return [name, rate.toFixed(0), (rate / base).toFixed(2), cpu];
		});
		const unit = isStream ? ["rows/s", "proxy CPU per million rows"] : ["tps", "proxy CPU per transaction"];
		printTable(task, ["way", unit[0] ?? "", `of ${legs[0]?.name}`, unit[1] ?? ""], table);
	}
	for (const leg of legs) {
		if (leg.pid !== undefined) console.log(`${leg.name}: peak memory ${peakMebibytes(leg.pid).toFixed(0)} MiB`);
	}
}

function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
	const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]?.length ?? 0)));
	const line = (cells: readonly string[]) =>
		cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)));
	console.log(`\n${title}`);
	for (const row of [head, ...rows]) console.log(`  ${line(row).join("   ")}`);
}

async function main(): Promise<void> {
	const asked = options();
	const server = await startServer();
	const legs: Leg[] = [];
	try {
		await fill(server, asked);
		for (const name of asked.legs) legs.push(await openLeg(name, server));
		const { seconds, rounds, clients, scale } = asked;
		console.log(`${cpus()[0]?.model}, ${availableParallelism()} processors, Node ${process.version}`);
		console.log(`${rounds} rounds of ${seconds} s, ${clients} clients, scale ${scale}; medians`);
		print(await measure(legs, server, asked), legs);
	} finally {
		for (const leg of legs) await leg.stop();
		await server.stop();
	}
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main();
