/**
 * `npm run bench:recording`: what the recording costs.
 *
 * First the journal alone: a statement and its result, as lines in a file without any evidence, with the Merkle tree, and
 * with checkpoints as well, in turns, as processor time of this process for each statement. Then the proxy: `pgbench -S`
 * with `durability: written` and `strict`, at 1, 8 and 64 clients, in turns too.
 *
 * Options: --seconds 4 --rounds 3 --clients 1,8,64 --statements 100000
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { TimestampFormat, wallClock } from "../src/recorder/clock.js";
import { encodeEntry } from "../src/recorder/encode.js";
import type { Entry } from "../src/recorder/entry.js";
import { Evidence } from "../src/recorder/evidence.js";
import { Journal } from "../src/recorder/journal.js";
import { LogFile } from "../src/recorder/log-file.js";
import { silentLog } from "../src/telemetry/log.js";
import { license } from "../test/helpers/license.js";
import { openLicet, rawGrant, targetOf } from "../test/helpers/licet.js";
import { libpqEnvironment } from "../test/helpers/programs.js";
import type { RawOptions } from "../test/helpers/raw-client.js";
import { cpuMicroseconds } from "./cost.js";
import { type BenchServer, startServer } from "./legs.js";

const run = promisify(execFile);

/** Statements that one turn of the event loop gathers: what sixteen busy clients give. */
const TURN = 8;
const WAYS = ["lines alone", "with the tree", "with checkpoints"] as const;
type Way = (typeof WAYS)[number];

const decision = { id: "d_2NfdqMgqKobf.2", effect: "allow", reasons: [], masks: [] } as const;

function entriesOf(number: number): readonly [Entry, Entry] {
	const session = "s_2NfdqMgqKobf";
	return [
		{
			type: "statement",
			session,
			statement: number,
			sql: "SELECT abalance FROM pgbench_accounts WHERE aid = $1;",
			parameters: [String(number)],
			prepared: "P_0",
			decision,
		},
		{
			type: "result",
			session,
			statement: number,
			command: "SELECT 1",
			rows: 1,
			bytes: 87,
			durationMs: 0.412,
			error: null,
			masked: [],
			sample: null,
		},
	];
}

/** Microseconds of processor time for each statement. */
async function recordingCost(way: Way, statements: number): Promise<number> {
	const folder = mkdtempSync(join(tmpdir(), "licet-bench-log-"));
	try {
		const log = way === "lines alone" ? plainLog(folder) : await provenLog(folder, way);
		const before = process.cpuUsage();
		for (let number = 1; number <= statements; number++) {
			for (const entry of entriesOf(number)) log.append(entry);
			if (number % TURN === 0) log.flush();
			/* Checkpoints and what else waits gets its turn. */
			if (number % (TURN * 100) === 0) await new Promise(setImmediate);
		}
		log.flush();
		const { user, system } = process.cpuUsage(before);
		await log.close();
		return (user + system) / statements;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

interface Log {
	append(entry: Entry): void;
	flush(): void;
	close(): Promise<void>;
}

/** What the journal does, without what makes evidence of it. */
function plainLog(folder: string): Log {
	const [now, timestamps, file] = [wallClock(), new TimestampFormat(), new LogFile(folder, 0, 0)];
	const buffer = Buffer.allocUnsafe(1 << 20);
	let [used, seq] = [0, 0];
	return {
		append(entry) {
			used += buffer.write(encodeEntry(entry, seq++, timestamps.format(now())), used, "utf8");
		},
		flush() {
			file.write(buffer.subarray(0, used));
			used = 0;
		},
		close: async () => file.close(),
	};
}

async function provenLog(folder: string, way: Way): Promise<Log> {
	const [now, log] = [wallClock(), join(folder, "log")];
	const journal = Journal.open({ folder: log, now });
	const evidence =
		way === "with checkpoints"
			? await Evidence.open({
					folder: log,
					journal,
					now,
					keys: { folder: join(folder, "keys") },
					retention: {},
					log: silentLog,
					onFailure: (error) => {
						throw error;
					},
				})
			: undefined;
	return {
		append: (entry) => void journal.append(entry),
		flush: () => journal.flush(),
		async close() {
			await evidence?.close();
			journal.close();
		},
	};
}

function median(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function journalAlone(rounds: number, statements: number): Promise<void> {
	const costs = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
	for (const way of WAYS) await recordingCost(way, statements / 10);
	for (let round = 0; round < rounds; round++) {
		for (const way of WAYS) costs.get(way)?.push(await recordingCost(way, statements));
	}
	const base = median(costs.get("lines alone") ?? []);
	console.log(`\nrecording a statement and its result (${statements} of them, ${rounds} rounds, medians)`);
	for (const [way, values] of costs) {
		console.log(
			`  ${way.padEnd(18)} ${median(values).toFixed(2).padStart(7)} µs   ×${(median(values) / base).toFixed(2)}`,
		);
	}
}

interface Proxy {
	readonly licet: Awaited<ReturnType<typeof openLicet>>;
	readonly login: RawOptions;
}

const DURABILITIES = ["written", "strict"] as const;

async function proxied(
	server: BenchServer,
	rounds: number,
	seconds: number,
	clients: readonly number[],
): Promise<void> {
	const open = license("bench", { permits: [{ on: ["*.*"], commands: ["all"] }] });
	const proxies: Proxy[] = [];
	for (const durability of DURABILITIES) {
		const licet = await openLicet({
			targets: { shop: targetOf(server.url) },
			licenses: { bench: open },
			config: { recording: { durability } },
		});
		const grant = await licet.grant({ license: "bench", target: "shop", duration: "8h" });
		proxies.push({ licet, login: rawGrant(grant) });
	}
	try {
		console.log(`\npgbench -S -M prepared through Licet (${seconds} s, ${rounds} rounds, medians)`);
		for (const count of clients) {
			const found = DURABILITIES.map((): { perSecond: number; cpu: number }[] => []);
			for (let round = 0; round < rounds; round++) {
				for (const [index, { licet, login }] of proxies.entries()) {
					const before = cpuMicroseconds(licet.pid);
					const words = ["-n", "-S", "-M", "prepared", "-c", String(count), "-j", "1", "-T", String(seconds)];
					const { stdout } = await run(join(server.binaries, "pgbench"), words, { env: libpqEnvironment(login) });
					const transactions = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
					if (!(transactions > 0))
						throw new Error(`nothing was processed; with ${count} clients try more --seconds\n${stdout}`);
					const cpu = (cpuMicroseconds(licet.pid) - before) / transactions;
					found[index]?.push({ perSecond: transactions / seconds, cpu });
				}
			}
			const rates = found.map((samples) => median(samples.map(({ perSecond }) => perSecond)));
			const costs = found.map((samples) => median(samples.map(({ cpu }) => cpu)));
			const told = DURABILITIES.map(
				(name, index) => `${name} ${rates[index]?.toFixed(0)}/s, ${costs[index]?.toFixed(0)} µs CPU`,
			);
			console.log(
				`  ${String(count).padStart(3)} clients: ${told.join("; ")}; strict ×${((rates[1] ?? 0) / (rates[0] ?? 1)).toFixed(2)}`,
			);
		}
	} finally {
		for (const { licet } of proxies) await licet.close();
	}
}

const { values } = parseArgs({
	options: {
		seconds: { type: "string", default: "4" },
		rounds: { type: "string", default: "3" },
		clients: { type: "string", default: "1,8,64" },
		statements: { type: "string", default: "100000" },
	},
});
const rounds = Number(values.rounds);
await journalAlone(rounds, Number(values.statements));
const server = await startServer();
try {
	await run(join(server.binaries, "pgbench"), ["-i", "-q", "-s", "2", server.url]);
	await proxied(server, rounds, Number(values.seconds), values.clients.split(",").map(Number));
} finally {
	await server.stop();
}
