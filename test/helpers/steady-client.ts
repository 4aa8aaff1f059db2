/**
 * A session's steady work, in a process of its own: what is measured beside other sessions is then what the proxy makes
 * it wait, and not the thread in which a test prepares and reads what those others send.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { outline as mysqlOutline, RawMysqlClient, type RawMysqlOptions } from "./mysql-raw.js";
import { RawClient, type RawOptions } from "./raw-client.js";
import * as wire from "./wire.js";

/** How long each statement took, in milliseconds. */
export interface Round {
	/** The text was sent before. */
	readonly known: readonly number[];
	/** The text is new, and so is its template. */
	readonly fresh: readonly number[];
}

/** Who logs in. It reads `table`, which has a `name` for each `id` from 1 on. */
export type Login =
	| { readonly engine: "postgres"; readonly table: string; readonly options: RawOptions }
	| { readonly engine: "mysql"; readonly table: string; readonly options: RawMysqlOptions };

/** Statements of each kind in a round. */
const SAMPLES = 100;
const PAUSE_MS = 3;

/** The process, seen from the test. */
export class SteadyClient {
	readonly #process: ChildProcess;
	#rounds = 0;

	constructor(t: Test, login: Login) {
		this.#process = fork(fileURLToPath(import.meta.url), [JSON.stringify(login)], { execArgv: [] });
		t.teardown(() => this.#process.kill("SIGKILL"));
	}

	/** One round; rejects when the session ends or gets another answer than a row. */
	async round(): Promise<Round> {
		const ended = once(this.#process, "exit").then(([code]) => {
			throw new Error(`the steady client ended with ${code}`);
		});
		this.#rounds += 1;
		this.#process.send(this.#rounds);
		const [measured] = await Promise.race([once(this.#process, "message"), ended]);
		return measured as Round;
	}
}

/** Sends a query; rejects unless its answer is one row of one column. */
type Select = (sql: string) => Promise<void>;

async function enter({ engine, options }: Login): Promise<Select> {
	const expect = (answer: string, expected: string) => {
		if (answer !== expected) throw new Error(`${expected} was expected, and came ${answer}`);
	};
	if (engine === "postgres") {
		const client = await RawClient.login(options);
		return async (sql) => expect(wire.outline(await client.query(sql)), "T D C:SELECT 1 Z:I");
	}
	const client = await RawMysqlClient.login(options);
	return async (sql) => expect(mysqlOutline(await client.query(sql)), "1c 1r s2 w0");
}

/** Point selects one after the other: a known text and a new one in turn. */
async function work(select: Select, table: string, round: number): Promise<Round> {
	const known: number[] = [];
	const fresh: number[] = [];
	for (let index = 0; index < SAMPLES; index++) {
		// Another alias makes another template.
		for (const [times, sql] of [
			[known, `SELECT name FROM ${table} WHERE id = 7`],
			[fresh, `SELECT name FROM ${table} u${round}_${index} WHERE id = ${index + 1}`],
		] as const) {
			const asked = performance.now();
			await select(sql);
			times.push(performance.now() - asked);
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		}
	}
	return { known, fresh };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const login = JSON.parse(process.argv[2] ?? "") as Login;
	const select = await enter(login);
	process.on("message", (round: number) => {
		work(select, login.table, round).then(
			(measured) => process.send?.(measured),
			(error: unknown) => {
				process.stderr.write(`${String(error)}\n`);
				process.exit(1);
			},
		);
	});
	process.on("disconnect", () => process.exit(0));
}
