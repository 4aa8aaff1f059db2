/**
 * `licet demo`, as a newcomer meets it: it prints a line that connects, the three statements do what is said of them,
 * the recording can be replayed, and Ctrl-C leaves nothing behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import pg from "pg";
import t from "tap";
import { DEMO_STATEMENTS } from "../../src/cli/demo-shop.js";
import { runLicet } from "../helpers/licet.js";
import { licetCommand } from "../helpers/project.js";

const START_MS = 60_000;

/** Resolves with what it has printed once that says how to replay. */
function started(demo: ChildProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let printed = "";
		const timer = setTimeout(() => reject(new Error(`the demo did not start: ${printed}`)), START_MS);
		const hear = (chunk: Buffer) => {
			printed += chunk.toString("utf8");
			if (!printed.includes("Ctrl-C ends the demo")) return;
			clearTimeout(timer);
			resolve(printed);
		};
		demo.stdout?.on("data", hear);
		demo.stderr?.on("data", hear);
		demo.once("exit", (code) => reject(new Error(`the demo ended with ${code}: ${printed}`)));
	});
}

function ended(child: ChildProcess): Promise<number | null> {
	return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}

t.test("the demo", async (t) => {
	const [program, ...words] = licetCommand();
	const demo = spawn(program, [...words, "demo"], { stdio: ["ignore", "pipe", "pipe"] });
	t.teardown(() => demo.kill("SIGKILL"));
	const printed = await started(demo);
	const url = /postgres:\/\/[^\s']+/.exec(printed)?.[0] ?? "";
	const config = /--config (\S+)/.exec(printed)?.[1] ?? "";
	for (const { sql } of DEMO_STATEMENTS) t.ok(printed.includes(sql), `it proposes: ${sql}`);

	const client = new pg.Client({ connectionString: url });
	await client.connect();
	const [masked, denied, capped] = DEMO_STATEMENTS;
	const { rows } = await client.query(masked.sql);
	t.equal(rows.length, 5, "the masked statement runs");
	for (const row of rows) {
		t.match(row.email, /^.\*\*\*@\*\*\*\.\w+$/, "an address shows its first letter only");
		t.match(row.phone, /^\*+\d{3}$/, "a telephone number shows three digits");
		t.match(row.card_number, /^\*+\d{4}$/, "a card shows four digits");
	}
	await t.rejects(
		client.query(denied.sql),
		{ code: "42501", hint: String, detail: /license "demo-support"/i },
		"hr is denied",
	);
	await t.rejects(client.query(capped.sql), { code: "54000" }, "more than a hundred orders are too many");
	const open = await client.query("SELECT count(*) FROM app.orders WHERE status = 'open'");
	t.ok(Number(open.rows[0].count) > 0, "ordinary questions are answered");
	await client.end();

	const sessions = await runLicet(["sessions", "--json", "--config", config]);
	t.equal(sessions.code, 0, sessions.stderr);
	const [session] = JSON.parse(sessions.stdout) as { session: string; statements: number; denied: number }[];
	t.match(session, { statements: 4, denied: 1 }, "the session is listed");
	const replay = await runLicet(["replay", session?.session ?? "", "--config", config]);
	t.equal(replay.code, 0, replay.stderr);
	for (const { sql } of DEMO_STATEMENTS) t.ok(replay.stdout.includes(sql), `the replay shows: ${sql}`);
	t.ok(replay.stdout.includes("***@***"), "and the rows as the client saw them");

	demo.removeAllListeners("exit");
	const end = ended(demo);
	demo.kill("SIGINT");
	t.equal(await end, 0, "Ctrl-C ends it cleanly");
	t.notOk(existsSync(dirname(config)), "and leaves nothing behind");
});
