/**
 * A session's steady work, in a process of its own: what is measured beside other sessions is then what the proxy makes
 * it wait, and not the thread in which a test prepares and reads what those others send.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { RawClient, type RawOptions } from "./raw-client.js";
import * as wire from "./wire.js";

/** How long each statement took, in milliseconds. */
export interface Round {
	/** The text was sent before. */
	readonly known: readonly number[];
	/** The text is new, and so is its template. */
	readonly fresh: readonly number[];
}

/** Statements of each kind in a round. */
const SAMPLES = 100;
const PAUSE_MS = 3;

/** The process, seen from the test. Its session reads `app.users`, of which the ids from 1 on are there. */
export class SteadyClient {
	readonly #process: ChildProcess;
	#rounds = 0;

	constructor(t: Test, grant: RawOptions) {
		this.#process = fork(fileURLToPath(import.meta.url), [JSON.stringify(grant)], { execArgv: [] });
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

/** Point selects one after the other: a known text and a new one in turn. */
async function work(client: RawClient, round: number): Promise<Round> {
	const known: number[] = [];
	const fresh: number[] = [];
	for (let index = 0; index < SAMPLES; index++) {
		// Another alias makes another template.
		for (const [times, sql] of [
			[known, "SELECT name FROM app.users WHERE id = 7"],
			[fresh, `SELECT name FROM app.users u${round}_${index} WHERE id = ${index + 1}`],
		] as const) {
			const asked = performance.now();
			const answers = await client.query(sql);
			times.push(performance.now() - asked);
			if (wire.outline(answers) !== "T D C:SELECT 1 Z:I") throw new Error(wire.outline(answers));
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		}
	}
	return { known, fresh };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const client = await RawClient.login(JSON.parse(process.argv[2] ?? "") as RawOptions);
	process.on("message", (round: number) => {
		work(client, round).then(
			(measured) => process.send?.(measured),
			(error: unknown) => {
				process.stderr.write(`${String(error)}\n`);
				process.exit(1);
			},
		);
	});
	process.on("disconnect", () => process.exit(0));
}
