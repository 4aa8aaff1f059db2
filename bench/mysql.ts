/**
 * `npm run bench:mysql`: what the proxy costs before a MariaDB. Each task is done in turn through a bare pass-through,
 * through Licet under a license that permits all, and under one that names its permits, masks and caps, so that whatever
 * else the machine does falls on all alike. Printed is each proxy's processor time, and its ratio to the pass-through's
 * in the same run: medians over the rounds.
 *
 * Options: --rounds 3 --clients 8 --transactions 20000 --rows 1000000 --tasks text,prepared,…
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "../src/cli/free-port.js";
import { startMysqld } from "../src/cli/mysqld.js";
import { debianMariadb } from "../test/helpers/debian.js";
import { cap, license } from "../test/helpers/license.js";
import { openLicet, targetOf } from "../test/helpers/licet.js";
import { type Answer, RawMysqlClient, type RawMysqlOptions } from "../test/helpers/mysql-raw.js";
import { mysqlOptions, withMysql } from "../test/helpers/mysql-servers.js";
import { serverFolder } from "../test/helpers/server-folder.js";
import { cpuMicroseconds, peakMebibytes } from "./cost.js";
import { startPassThrough } from "./legs.js";

/** Rows of one INSERT … SELECT from the table of a thousand. */
const THOUSAND = 1000;

interface Way {
	readonly name: string;
	readonly login: RawMysqlOptions;
	readonly pid: number;
	stop(): Promise<unknown>;
}

interface Options {
	readonly rounds: number;
	readonly clients: number;
	readonly transactions: number;
	readonly rows: number;
	readonly tasks: readonly string[];
}

/** One transaction of a client, over and over; made anew for each client. */
type Work = (client: RawMysqlClient) => Promise<(n: number) => Promise<Answer[]>>;

const byText =
	(columns: string): Work =>
	async (client) =>
	(n) =>
		client.query(`SELECT ${columns} FROM bench_rows WHERE id = ${1 + (n % THOUSAND)}`);

const prepared =
	(columns: string): Work =>
	async (client) => {
		const { id, error } = await client.prepare(`SELECT ${columns} FROM bench_rows WHERE id = ?`);
		if (error !== undefined) throw new Error(error.message);
		return (n) => client.execute(id, { values: [String(1 + (n % THOUSAND))] });
	};

/** `email` is masked on the way that has masks. */
const POINTS: Readonly<Record<string, Work>> = {
	text: byText("id, name"),
	prepared: prepared("id, name"),
	"text, masked": byText("id, email"),
	"prepared, masked": prepared("id, email"),
};
const STREAMS: Readonly<Record<string, string>> = {
	stream: "SELECT id, name FROM bench_rows",
	"stream, masked": "SELECT id, email FROM bench_rows",
};

function options(): Options {
	const all = [...Object.keys(POINTS), ...Object.keys(STREAMS)];
	const { values } = parseArgs({
		options: {
			rounds: { type: "string", default: "3" },
			clients: { type: "string", default: "8" },
			transactions: { type: "string", default: "20000" },
			rows: { type: "string", default: "1000000" },
			tasks: { type: "string", default: all.join(";") },
		},
	});
	const count = (name: "rounds" | "clients" | "transactions" | "rows") => {
		const value = Number(values[name]);
		if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0`);
		return value;
	};
	const tasks = values.tasks.split(";");
	for (const task of tasks) if (!all.includes(task)) throw new Error(`--tasks: ${task} is none of ${all.join("; ")}`);
	const [rounds, clients] = [count("rounds"), count("clients")];
	return { rounds, clients, transactions: count("transactions"), rows: count("rows"), tasks };
}

async function fill(url: string, rows: number): Promise<void> {
	await withMysql(url, (client) =>
		client.query(`
			CREATE DATABASE bench; USE bench;
			CREATE TABLE bench_rows (id int PRIMARY KEY, name varchar(60) NOT NULL, email varchar(60) NOT NULL) ENGINE = InnoDB;
			CREATE TABLE digits (n int PRIMARY KEY);
			INSERT INTO digits WITH RECURSIVE d (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM d WHERE i < 999) SELECT i FROM d;
			INSERT INTO bench_rows SELECT a.n * 1000 + b.n + 1, concat('customer ', a.n * 1000 + b.n),
				concat('someone', a.n * 1000 + b.n, '@example.com') FROM digits a, digits b WHERE a.n < ${Math.ceil(rows / THOUSAND)};
			DELETE FROM bench_rows WHERE id > ${rows};`),
	);
}

async function openWays(url: string): Promise<Way[]> {
	const { port: own, user, password = "" } = mysqlOptions(url);
	const { port, pid, stop } = await startPassThrough(own);
	const bench = new URL(url);
	bench.pathname = "/bench";
	const permits = [{ on: ["*.*"], commands: ["all"] }];
	const licenses = {
		"licet, all": license("all", { permits: "all" }),
		"licet, terms": license("terms", {
			permits,
			masks: [{ columns: ["bench.bench_rows.email"], with: "email" }],
			limits: { rowsPerStatement: cap(100_000_000, "error"), statementTimeout: "10m" },
		}),
	};
	const ways: Way[] = [{ name: "pass-through", login: { port, user, password, database: "bench" }, pid, stop }];
	for (const [name, text] of Object.entries(licenses)) {
		const id = name.slice("licet, ".length);
		const licet = await openLicet({ targets: { bench: targetOf(bench.href) }, licenses: { [id]: text } });
		const grant = await licet.grant({ license: id, target: "bench", duration: "8h" });
		const { username: user, password, database } = grant;
		ways.push({
			name,
			login: { port: grant.port, user, password, database },
			pid: licet.pid,
			stop: () => licet.close(),
		});
	}
	return ways;
}

/** Processor time of one transaction, in microseconds. */
async function points(way: Way, work: Work, { clients, transactions }: Options): Promise<number> {
	const connections = await Promise.all(Array.from({ length: clients }, () => RawMysqlClient.login(way.login)));
	const steps = await Promise.all(connections.map(work));
	const each = Math.ceil(transactions / clients);
	// The runtime compiles what runs often: that is no cost of a transaction.
	for (let n = 0; n < each / 4; n++) await Promise.all(steps.map((step) => step(n)));
	const before = cpuMicroseconds(way.pid);
	await Promise.all(
		steps.map(async (step) => {
			for (let n = 0; n < each; n++) {
				const [answer] = await step(n);
				if (answer?.kind !== "rows" || answer.count !== 1) throw new Error(`${way.name}: ${JSON.stringify(answer)}`);
			}
		}),
	);
	const spent = cpuMicroseconds(way.pid) - before;
	for (const connection of connections) connection.destroy();
	return spent / (each * clients);
}

/** Processor time of one row, in microseconds. */
async function stream(way: Way, sql: string, { rows }: Options): Promise<number> {
	const client = await RawMysqlClient.login({ ...way.login, dropRows: true });
	const before = cpuMicroseconds(way.pid);
	const [answer] = await client.query(sql);
	if (answer?.kind !== "rows" || answer.count !== rows) throw new Error(`${way.name}: ${JSON.stringify(answer)}`);
	client.destroy();
	return (cpuMicroseconds(way.pid) - before) / rows;
}

const median = (values: readonly number[]): number =>
	[...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;

async function measure(ways: readonly Way[], asked: Options): Promise<void> {
	for (const task of asked.tasks) {
		const found = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
		for (let round = 0; round < asked.rounds; round++) {
			for (const way of ways) {
				const work = POINTS[task];
				const cost = work === undefined ? stream(way, STREAMS[task] ?? "", asked) : points(way, work, asked);
				found.get(way.name)?.push(await cost);
			}
		}
		const base = median(found.get("pass-through") ?? []);
		const unit = task in POINTS ? "µs a transaction" : "µs a row";
		console.log(`\n${task} (${unit}; ratio to the pass-through)`);
		for (const [name, costs] of found) {
			const cost = median(costs);
			console.log(`  ${name.padEnd(14)} ${cost.toFixed(2).padStart(9)}   ${(cost / base).toFixed(2)}`);
		}
	}
}

async function main(): Promise<void> {
	const asked = options();
	const { folder, remove } = serverFolder(tmpdir());
	const settings = { innodb_buffer_pool_size: "256M" };
	const programs = await debianMariadb();
	const server = await startMysqld({ programs, folder: join(folder, "server"), port: await freePort(), settings });
	const ways: Way[] = [];
	try {
		await fill(server.url(), asked.rows);
		ways.push(...(await openWays(server.url())));
		await measure(ways, asked);
		for (const { name, pid } of ways) console.log(`${name}: peak memory ${peakMebibytes(pid).toFixed(0)} MiB`);
	} finally {
		for (const way of ways) await way.stop();
		await server.stop();
		remove();
	}
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main();
