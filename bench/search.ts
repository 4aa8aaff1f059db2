/**
 * `npm run bench:search`: how long it takes to index a recording of a million statements, how large the index is, and how
 * long searches take. The log is written by the journal itself; texts are those of an application (few, with parameters)
 * or of people and generators (each another one).
 *
 * Options: --statements 1000000 --texts distinct|repeated --keep FOLDER (use it again when it is there)
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Journal } from "../src/recorder/journal.js";
import { LogReader } from "../src/recorder/reader.js";
import { SearchFinder } from "../src/recorder/search/finder.js";
import type { SearchQuery } from "../src/recorder/search/query.js";
import { openSearchIndex } from "../src/recorder/search/schema.js";
import { SearchWriter } from "../src/recorder/search/writer.js";

const SESSION_STATEMENTS = 500;
const NODE = "n_bench";
const ROUNDS = 5;

type Texts = "distinct" | "repeated";

/** The same numbers in every run (a linear congruential generator). */
function numbers(): (below: number) => number {
	let state = 7;
	return (below) => {
		state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
		return state % below;
	};
}

const TABLES = [
	"app.customers",
	"app.orders",
	"app.order_items",
	"billing.invoices",
	"hr.employees",
	"stock.movements",
];
const COLUMNS = ["id", "name", "email", "status", "created_at", "customer_id", "total_amount", "product_sku", "note"];

function statementOf(pick: (below: number) => number, texts: Texts): { sql: string; parameters: string[] } {
	const table = TABLES[pick(TABLES.length)] ?? "";
	const column = () => COLUMNS[pick(COLUMNS.length)] ?? "";
	const word = () => pick(1_000_000_000).toString(36);
	if (texts === "repeated") {
		const sql = `SELECT ${column()}, ${column()} FROM ${table} WHERE ${column()} = $1 ORDER BY id LIMIT 50`;
		return { sql, parameters: [word()] };
	}
	switch (pick(3)) {
		case 0:
			return {
				sql: `SELECT ${column()}, ${column()}, ${column()} FROM ${table} WHERE ${column()} = '${word()}' ORDER BY ${column()} LIMIT ${pick(100)}`,
				parameters: [],
			};
		case 1:
			return {
				sql: `INSERT INTO ${table} (${column()}, ${column()}) VALUES ('${word()} ${word()}', '${word()}@mail${pick(50)}.example')`,
				parameters: [],
			};
		default:
			return { sql: `UPDATE ${table} SET ${column()} = '${word()}' WHERE id = ${pick(1_000_000)}`, parameters: [] };
	}
}

function writeLog(folder: string, statements: number, texts: Texts): void {
	const pick = numbers();
	const startMs = Date.parse("2026-01-01T00:00:00Z");
	let written = 0;
	const journal = Journal.open({ folder, now: () => startMs + written * 20 });
	for (let number = 0; written < statements; number++) {
		const session = `s_${number}`;
		journal.append({
			type: "session.start",
			session,
			grant: `g_${number}`,
			license: number % 7 === 0 ? "beta" : "acme",
			licenseDigest: "sha256:00",
			subject: number % 100 === 0 ? "rare" : `user${number % 20}`,
			target: "shop",
			engine: "postgres",
			database: "shop",
			clientAddress: "127.0.0.1",
			application: "bench",
			tls: true,
		});
		for (let statement = 1; statement <= SESSION_STATEMENTS && written < statements; statement++) {
			written += 1;
			const effect = pick(500) === 0 ? "deny" : "allow";
			const mark = written % 250_000 === 1000 ? " /* needle */" : "";
			const { sql, parameters } = statementOf(pick, texts);
			const decision = { id: `d_${number}.${statement}`, effect, reasons: [], masks: [] } as const;
			journal.append({ type: "statement", session, statement, sql: sql + mark, parameters, decision });
			journal.append({
				type: "result",
				session,
				statement,
				command: "SELECT 1",
				rows: 1,
				bytes: 120,
				durationMs: 1.5,
				error: null,
				masked: [],
				sample: { columns: ["id", "name"], rows: [["1", "somebody"]] },
			});
			if (written % 1000 === 0) journal.flush();
		}
		journal.append({
			type: "session.end",
			session,
			reason: "client disconnected",
			statements: SESSION_STATEMENTS,
			denied: 0,
			rowsOut: SESSION_STATEMENTS,
			bytesOut: 0,
			bytesIn: 0,
		});
	}
	journal.flush();
	journal.close();
}

const QUERIES: readonly (readonly [string, Omit<SearchQuery, "limit">])[] = [
	["a rare text", { terms: ["needle"] }],
	["no hit", { terms: ["nothing_has_this_name"] }],
	["a value's part", { terms: ["1q2w"] }],
	["every statement", { terms: ["e"] }],
	["a frequent text", { terms: ["billing.invoices"] }],
	["frequent, a rare subject", { terms: ["billing.invoices"], subject: "rare" }],
	["frequent, denied", { terms: ["billing.invoices"], denied: true }],
	["two texts", { terms: ["order_items", "total_amount"] }],
	[
		"frequent, an hour of January",
		{ terms: ["from app.orders"], since: "2026-01-01T02:00:00.000000Z", until: "2026-01-01T03:00:00.000000Z" },
	],
	["two characters", { terms: ["zq"] }],
];

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;

function sizeOf(folder: string, of: (name: string) => boolean): number {
	return readdirSync(folder)
		.filter(of)
		.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			statements: { type: "string", default: "1000000" },
			texts: { type: "string", default: "distinct" },
			keep: { type: "string" },
		},
	});
	const texts = values.texts === "repeated" ? "repeated" : "distinct";
	const folder = values.keep ?? mkdtempSync(join(tmpdir(), "licet-search-"));
	const log = join(folder, "log");
	if (!existsSync(log)) writeLog(log, Number(values.statements), texts);
	const file = openSearchIndex(folder, NODE);
	const began = { ms: performance.now(), cpu: process.cpuUsage() };
	await new SearchWriter(file).catchUp(new LogReader(log), Number.POSITIVE_INFINITY);
	const took = { ms: performance.now() - began.ms, cpu: process.cpuUsage(began.cpu) };
	const count = (file.prepare("SELECT count(*) AS n FROM statements").get() as { n: number }).n;
	file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
	const cpu = (took.cpu.user + took.cpu.system) / 1e6;
	console.log(`${count} statements, texts ${texts}, log ${megabytes(sizeOf(log, (name) => name.endsWith(".jsonl")))}`);
	console.log(
		`indexed in ${(took.ms / 1000).toFixed(1)} s (${cpu.toFixed(1)} s of processor time, ${((cpu * 1e6) / count).toFixed(0)} µs a statement), ` +
			`index ${megabytes(sizeOf(folder, (name) => name === "search.db"))}`,
	);
	const finder = new SearchFinder(file);
	for (const [name, query] of QUERIES) {
		const times: number[] = [];
		let hits = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const start = performance.now();
			hits = finder.find({ ...query, limit: 100 }).hits.length;
			times.push(performance.now() - start);
		}
		times.sort((a, b) => a - b);
		const ms = (index: number) => (times[index] ?? 0).toFixed(1);
		console.log(
			`${name.padEnd(30)} ${String(hits).padStart(4)} hits  median ${ms(ROUNDS >> 1)} ms, worst ${ms(ROUNDS - 1)} ms`,
		);
	}
	file.close();
	if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

await main();
