/**
 * What sealing costs a statement: its two entries made and encoded, in the clear and sealed, in turns, in one run.
 * `node dist/bench/sealing.js`
 */
import { encodeEntry } from "../src/recorder/encode.js";
import type { Entry } from "../src/recorder/entry.js";
import { type Sealing, SessionSeal } from "../src/recorder/seal.js";
import { mysqlShape } from "../src/sql/mysql/shape.js";
import { postgresShape } from "../src/sql/postgres/shape.js";

const ROUNDS = 9;
const STATEMENTS = 20_000;
const AT = "2026-01-01T00:00:00.000000Z";
const SERVER = { flavour: "mysql", version: 80403, lowerCaseNames: 0 } as const;
const SEALING: Sealing = { isUnderstood: true, isColumn: () => true };

const TEXTS: readonly [string, string][] = [
	["point select", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711"],
	["insert", "INSERT INTO app.users (id, email, note) VALUES (17, 'ann.larkspur@mail.example', 'it is all the same')"],
	[
		"report of 2 KiB",
		`SELECT ${Array.from({ length: 60 }, (_, n) => `sum(CASE WHEN c${n} = 'x' THEN ${n} END)`).join(", ")} FROM t`,
	],
];

function statement(sql: string, number: number): Extract<Entry, { type: "statement" }> {
	const decision = { id: `d_1.${number}`, effect: "allow", reasons: [], masks: [] } as const;
	return { type: "statement", session: "s_1", statement: number, sql, parameters: [], decision };
}

function result(number: number): Extract<Entry, { type: "result" }> {
	const outcome = { command: "SELECT 1", rows: 1, bytes: 40, durationMs: 1.5, error: null, masked: [], sample: null };
	return { type: "result", session: "s_1", statement: number, ...outcome };
}

function microseconds(work: (number: number) => number): number {
	// Processor time: the machine may have other work.
	const began = process.cpuUsage();
	let characters = 0;
	for (let number = 1; number <= STATEMENTS; number++) characters += work(number);
	if (characters === 0) throw new Error("nothing was encoded");
	const { user, system } = process.cpuUsage(began);
	return (user + system) / STATEMENTS;
}

function median(values: number[]): number {
	return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const shapers = { postgres: postgresShape, mysql: (text: string) => mysqlShape(text, SERVER) };
for (const [engine, shapeOf] of Object.entries(shapers)) {
	for (const [name, sql] of TEXTS) {
		const seal = new SessionSeal("s_1", "0123456789abcdef", Buffer.alloc(32, 7), shapeOf);
		const times: Record<"clear" | "shape" | "sealed", number[]> = { clear: [], shape: [], sealed: [] };
		for (let round = 0; round < ROUNDS; round++) {
			times.clear.push(
				microseconds((n) => encodeEntry(statement(sql, n), n, AT).length + encodeEntry(result(n), n, AT).length),
			);
			times.shape.push(microseconds(() => shapeOf(sql)?.length ?? 0));
			times.sealed.push(
				microseconds((n) => {
					const entries = [seal.statement(statement(sql, n), SEALING), seal.result(result(n), SEALING)];
					return entries.reduce((sum, entry) => sum + encodeEntry(entry, n, AT).length, 0);
				}),
			);
		}
		const [clear, shape, sealed] = [median(times.clear), median(times.shape), median(times.sealed)];
		const figures = `clear ${clear.toFixed(2)} µs, sealed ${sealed.toFixed(2)} µs (the shape ${shape.toFixed(2)})`;
		process.stdout.write(`${engine}, ${name}: ${figures}, ${(sealed / clear).toFixed(1)} times\n`);
	}
}
