/**
 * A denial leaves a session exactly where the server's own permission error would have. The same conversation is held
 * twice, message for message: straight with the server, by a role without rights on schema `closed`, and through Licet,
 * whose upstream may do everything and whose license does not name `closed`. Types and order of all answers, their SQLSTATEs and the transaction status must be equal.
 */
import { randomBytes } from "node:crypto";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const CANARY = "cnry7f3a91";

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.items (id int PRIMARY KEY, name text);
INSERT INTO app.items VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE SCHEMA closed;
CREATE TABLE closed.vault (id int, word text);
INSERT INTO closed.vault VALUES (1, '${CANARY}');
CREATE TABLE closed.ledger (id int, word text);
CREATE FUNCTION closed.wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM closed.vault RETURNING 1';
`;

const TERMS = {
	permits: [
		{ on: ["app.*"], commands: ["read", "write", "truncate"] },
		{ commands: ["listen"], on: ["*.*"] },
	],
	denies: [{ on: ["closed.ledger"], commands: ["all"], reason: "held for audit" }],
};

/** Statements that fail for want of rights, each of another kind. */
const DENIED = {
	select: "SELECT id, word FROM closed.vault",
	insert: "INSERT INTO closed.vault VALUES (2, 'x')",
	update: "UPDATE closed.vault SET word = 'x'",
	delete: "DELETE FROM closed.vault",
	"a CTE that writes": "WITH gone AS (DELETE FROM closed.vault RETURNING id) SELECT * FROM gone",
	truncate: "TRUNCATE closed.vault",
	drop: "DROP TABLE closed.vault",
	create: "CREATE TABLE closed.other (id int)",
	explain: "EXPLAIN SELECT id FROM closed.vault",
	lock: "LOCK TABLE closed.vault IN ACCESS EXCLUSIVE MODE",
	"copy to": "COPY closed.vault TO STDOUT",
	"copy from": "COPY closed.vault FROM STDIN",
	prepare: "PREPARE p AS SELECT id FROM closed.vault",
	"function call": "SELECT closed.wipe()",
} as const;

const SELECT = DENIED.select;
const OK = "SELECT name FROM app.items WHERE id = 1";
const WRITE = "INSERT INTO app.items VALUES (100, 'new')";
/** Fails on both sides alike: it opens an aborted transaction. */
const BROKEN = "SELECT 1/0";

/** What is sent before the answers are awaited. */
type Step = readonly Buffer[];

const q = (sql: string): Step => [wire.query(sql)];
/** A whole series without its Sync. */
const run = (sql: string): Buffer[] => [wire.parse(sql), wire.bind(), wire.describe("P"), wire.execute()];
const bare = (sql: string): Buffer[] => [wire.parse(sql), wire.bind(), wire.execute()];

interface Scene {
	readonly name: string;
	readonly steps: (denied: string) => readonly Step[];
}

/** Where in a conversation the denied statement stands. */
const SCENES: readonly Scene[] = [
	{ name: "a query of its own", steps: (no) => [q(no), q(OK)] },
	{ name: "a series of its own", steps: (no) => [[...run(no), wire.sync], q(OK)] },
	{ name: "first of a pipeline", steps: (no) => [[...run(no), ...run(OK), ...run(OK), wire.sync], q(OK)] },
	{ name: "middle of a pipeline", steps: (no) => [[...run(OK), ...run(no), ...run(OK), wire.sync], q(OK)] },
	{ name: "last of a pipeline", steps: (no) => [[...run(OK), ...bare(OK), ...run(no), wire.sync], q(OK)] },
	{
		name: "a pipeline with a Sync after each",
		steps: (no) => [[...run(OK), wire.sync, ...run(no), wire.sync, ...run(OK), wire.sync]],
	},
	{
		name: "queries sent without waiting",
		steps: (no) => [[...q(OK), ...q(no), ...q(OK), ...q(no), ...q(no), ...q(OK)]],
	},
	{
		name: "series and queries in turn",
		steps: (no) => [[...run(no), wire.sync, ...q(no), ...run(OK), wire.sync, ...q(OK)]],
	},
	{ name: "a write before it in its pipeline", steps: (no) => [[...run(WRITE), ...run(no), wire.sync], q(COUNT)] },
	{ name: "a write after it in its pipeline", steps: (no) => [[...run(no), ...run(WRITE), wire.sync], q(COUNT)] },
	{
		name: "inside a transaction",
		steps: (no) => [q("BEGIN"), q(OK), q(no), q(OK), q(no), [...run(OK), wire.sync], q("COMMIT"), q(OK)],
	},
	{
		name: "inside a transaction, in a series",
		steps: (no) => [
			q("BEGIN"),
			[...run(OK), ...run(no), ...run(OK), wire.sync],
			[...run(OK), wire.sync],
			q("ROLLBACK"),
		],
	},
	{
		name: "a transaction that a pipeline begins and ends",
		steps: (no) => [
			[...bare("BEGIN"), ...run(WRITE), ...run(no), ...bare("COMMIT"), wire.sync],
			q(OK),
			q("ROLLBACK"),
			q(COUNT),
		],
	},
	{
		name: "in an aborted transaction",
		steps: (no) => [q("BEGIN"), q(BROKEN), q(no), [...run(no), wire.sync], q(OK), q("ROLLBACK"), q(OK)],
	},
	{
		name: "after a savepoint",
		steps: (no) => [
			q("BEGIN"),
			q(WRITE),
			q("SAVEPOINT a"),
			q(no),
			q("ROLLBACK TO a"),
			q(OK),
			[...run(no), wire.sync],
			q("ROLLBACK TO SAVEPOINT a"),
			q(COUNT),
			q("ROLLBACK"),
			q(COUNT),
		],
	},
	{ name: "first of a string", steps: (no) => [q(`${no}; ${OK}; ${OK}`), q(OK)] },
	{ name: "first of a string that would begin", steps: (no) => [q(`${no}; BEGIN; ${WRITE}`), q(COUNT)] },
	{
		name: "Flush instead of Sync",
		steps: (no) => [[...run(OK), ...run(no), ...run(OK), wire.flush, wire.close("S", ""), wire.sync], q(OK)],
	},
	{
		name: "a named statement is not there afterwards",
		steps: (no) => [
			[wire.parse(no, "s"), wire.sync],
			[wire.bind({ statement: "s" }), wire.execute(), wire.sync],
			[wire.parse(OK, "s"), wire.bind({ statement: "s" }), wire.execute(), wire.sync],
			[wire.describe("S", "s"), wire.close("S", "s"), wire.sync],
			[wire.describe("S", "s"), wire.sync],
		],
	},
	{
		name: "a named statement that was skipped is not there",
		steps: (no) => [
			[...run(no), wire.parse(OK, "after"), wire.sync],
			[wire.bind({ statement: "after" }), wire.execute(), wire.sync],
		],
	},
	{
		name: "a Close that was skipped has not happened",
		steps: (no) => [
			[wire.parse(OK, "kept"), wire.sync],
			[wire.parse(no, "gone"), wire.close("S", "kept"), wire.sync],
			[wire.bind({ statement: "kept" }), wire.execute(), wire.sync],
		],
	},
	{
		name: "portals of a transaction are gone with it",
		steps: (no) => [
			q("BEGIN"),
			[wire.parse("SELECT id FROM app.items ORDER BY id"), wire.bind({ portal: "c" }), wire.execute("c", 1), wire.sync],
			[wire.execute("c", 1), wire.sync],
			[wire.parse(no), wire.sync],
			q("ROLLBACK"),
			[wire.execute("c", 1), wire.sync],
		],
	},
	{
		name: "a COPY FROM whose data come at once",
		steps: () => [
			[...q(DENIED["copy from"]), wire.copyData("7\tseven\n"), wire.copyData("8\teight\n"), wire.copyDone],
			q(OK),
		],
	},
	{
		// The server looks at the rights of a COPY when it is executed, Licet when it is parsed, as for a query.
		name: "data for a COPY that was denied at its Parse",
		steps: (no) => [[...bare(no), wire.copyData("7\tseven\n"), wire.copyDone, wire.sync], q(OK)],
	},
	{
		name: "a COPY FROM that fails by the client",
		steps: () => [[...q(DENIED["copy from"]), wire.copyFail("no"), ...q(OK)]],
	},
	{
		name: "before and after a permitted COPY",
		steps: (no) => [
			q("BEGIN"),
			[...q("COPY app.items FROM STDIN"), wire.copyData("50\tfifty\n"), wire.copyDone],
			q("COPY app.items TO STDOUT"),
			q(no),
			q("COPY app.items TO STDOUT"),
			q("ROLLBACK"),
			q("COPY app.items TO STDOUT"),
		],
	},
	{
		name: "after a permitted COPY in its pipeline",
		steps: (no) => [
			[
				...bare("COPY app.items FROM STDIN"),
				wire.copyData("51\tx\n"),
				wire.copyDone,
				...run(no),
				...run(OK),
				wire.sync,
			],
			q(COUNT),
		],
	},
	{
		name: "a permitted COPY after it in its pipeline",
		steps: (no) => [
			[...run(no), ...bare("COPY app.items FROM STDIN"), wire.copyData("51\tx\n"), wire.copyDone, wire.sync],
			q(COUNT),
		],
	},
	{
		name: "PREPARE and EXECUTE",
		steps: () => [q(DENIED.prepare), q("EXECUTE p"), q("PREPARE p AS SELECT 1"), q("EXECUTE p"), q("DEALLOCATE p")],
	},
	{
		name: "cursors",
		steps: (no) => [q("BEGIN"), q(`DECLARE c CURSOR FOR ${SELECT}`), q("FETCH c"), q("ROLLBACK"), q(no)],
	},
];

const COUNT = "SELECT count(*) FROM app.items";

/** Speaks a scene; answers the outline of each step. */
async function speak(options: RawOptions, steps: readonly Step[]): Promise<string[]> {
	const client = await RawClient.login(options);
	const outlines: string[] = [];
	try {
		for (const step of steps) outlines.push(await say(client, step));
		const late = await client.during(20);
		outlines.push(wire.outline(late));
	} finally {
		client.destroy();
	}
	return outlines;
}

/** Sends a step and takes as many ReadyForQuery as it asks for. */
async function say(client: RawClient, step: Step): Promise<string> {
	client.send(...step);
	const due = step.filter((frame) => "QSF".includes(String.fromCharCode(frame[0] ?? 0))).length;
	const answers: wire.Message[] = [];
	for (let ready = 0; ready < due; ready++) {
		const more = await client.until("Z").catch((error: unknown) => {
			throw new Error(`after "${wire.outline(answers)}": ${String(error)}`);
		});
		answers.push(...more);
	}
	return wire.outline(answers);
}

interface Ground {
	readonly direct: RawOptions;
	readonly through: RawOptions;
	readonly url: string;
	readonly licet: Licet;
}

async function prepare(t: Test, server: string): Promise<Ground> {
	const url = await createDatabase(t, server, SCHEMA);
	const user = `denied_${randomBytes(4).toString("hex")}`;
	await withClient(url, async (client) => {
		await client.query(`CREATE ROLE ${user} LOGIN PASSWORD 'denied'`);
		await client.query(`GRANT USAGE ON SCHEMA app TO ${user}; GRANT ALL ON ALL TABLES IN SCHEMA app TO ${user}`);
	});
	t.teardown(() =>
		withClient(url, (client) => client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)).catch(() => undefined),
	);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { half: license("half", TERMS) } });
	const grant = await licet.grant({ license: "half", target: "shop" });
	return { direct: { ...rawOptions(url), user, password: "denied" }, through: rawGrant(grant), url, licet };
}

async function ledger(url: string): Promise<unknown> {
	const sql =
		"SELECT (SELECT count(*) FROM app.items) AS items, (SELECT string_agg(word, ',') FROM closed.vault) AS words";
	const { rows } = await withClient(url, (client) => client.query(sql));
	return rows[0];
}

const reset = (url: string) => withClient(url, (client) => client.query("DELETE FROM app.items WHERE id > 3"));

async function compare(t: Test, ground: Ground, name: string, steps: readonly Step[]): Promise<void> {
	const expected = await speak(ground.direct, steps);
	await reset(ground.url);
	const found = await speak(ground.through, steps).catch((error: unknown) => [String(error)]);
	await reset(ground.url);
	t.same(found, expected, name);
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, async (t) => {
		const ground = await prepare(t, server);

		t.test("every position, as the server's own error", async (t) => {
			for (const scene of SCENES) await compare(t, ground, scene.name, scene.steps(SELECT));
		});

		t.test("every kind of statement, as the server's own error", async (t) => {
			for (const [kind, denied] of Object.entries(DENIED)) {
				const steps: Step[] = [q("BEGIN"), q("SAVEPOINT a"), q(denied), q("ROLLBACK TO a"), q(OK), q("COMMIT")];
				await compare(t, ground, kind, steps);
			}
			t.match(await ledger(ground.url), { items: "3", words: CANARY }, "nothing denied has run");
		});

		t.test("a statement in a string denies all of it, as a syntax error does", async (t) => {
			const withError = (sql: string) => sql.replaceAll("$NO", "SELECT FROM WHERE");
			const withDenied = (sql: string) => sql.replaceAll("$NO", SELECT);
			for (const sql of [
				"$NO",
				`${OK}; $NO`,
				`$NO; ${OK}`,
				`${WRITE}; $NO; ${OK}`,
				`BEGIN; ${WRITE}; $NO; COMMIT`,
				`${WRITE}; COMMIT; $NO`,
			]) {
				const expected = await speak(ground.direct, [q(withError(sql)), q(COUNT)]);
				const found = await speak(ground.through, [q(withDenied(sql)), q(COUNT)]);
				t.same(
					found,
					expected.map((outline) => outline.replace("42601", "42501")),
					sql,
				);
				await reset(ground.url);
			}
		});

		t.test("a function call message", async (t) => {
			const { rows } = await withClient(ground.url, (client) =>
				client.query("SELECT 'closed.wipe'::regproc::oid::int AS oid"),
			);
			const call = wire.functionCall(rows[0].oid);
			const steps: Step[] = [[call], q(OK), q("BEGIN"), [call], q(OK), q("ROLLBACK")];
			await compare(t, ground, "as the server's own error", steps);
			t.match(await ledger(ground.url), { words: CANARY });
		});

		t.test("what the error says", async (t) => {
			const client = await RawClient.login(ground.through);
			t.teardown(() => client.destroy());
			const ids: string[] = [];
			for (const sql of [
				`SELECT word FROM closed.vault WHERE word = '${CANARY}'`,
				`INSERT INTO closed.vault VALUES (9, '${CANARY}')`,
				`SELECT closed.wipe() -- ${CANARY}`,
				`SELECT * FROM closed.ledger WHERE word = '${CANARY}'`,
				`SELECT * FROM nowhere.${CANARY}_x WHERE x = '${CANARY}'`,
				`SELEKT '${CANARY}'`,
				`SELECT pg_read_file('${CANARY}')`,
			]) {
				for (const step of [q(sql), [...run(sql), wire.sync]]) {
					const [error] = (await client.ask(...step)).filter(({ type }) => type === "E");
					const fields = error ? wire.errorFields(error) : {};
					t.match(
						fields,
						{ S: "ERROR", V: "ERROR", C: "42501", M: /\S/, D: /License "half".*decision d_\w+\.\d+/, H: /\S/ },
						sql,
					);
					const values = Object.entries(fields).filter(([, value]) =>
						value.replace(`${CANARY}_x`, "").includes(CANARY),
					);
					t.same(values, [], "no value is repeated");
					ids.push(/decision (d_[^\s.]+\.\d+)/.exec(fields.D ?? "")?.[1] ?? "none");
				}
			}
			t.equal(new Set(ids).size, ids.length, "each decision has an id of its own");
			const denied = await client.query("SELECT id FROM closed.ledger");
			const [error] = denied.filter(({ type }) => type === "E");
			t.match(
				error && wire.errorFields(error),
				{ D: /denies\[0\]/, M: /closed\.ledger/ },
				"names the term and the object",
			);

			const sessions = (await ground.licet.json("sessions", "--live")) as { session: string }[];
			t.equal(sessions.length, 1);
			const replay = await ground.licet.cli("replay", sessions[0]?.session ?? "", "--json");
			const entries = replay.stdout
				.trim()
				.split("\n")
				.map((line) => JSON.parse(line) as { type: string; decision?: { id: string; effect: string } });
			const recorded = entries
				.filter(({ decision }) => decision?.effect === "deny")
				.map(({ decision }) => decision?.id);
			t.same(recorded.slice(0, ids.length), ids, "the recording has the decisions that the client was told");
		});

		t.test("statements go on, and nothing denied has run", async (t) => {
			const client = await RawClient.login(ground.through);
			t.teardown(() => client.destroy());
			for (let round = 0; round < 20; round++) {
				t.equal(wire.outline(await client.query(SELECT)), "E:42501 Z:I");
				t.equal(wire.outline(await client.query(OK)), "T D C:SELECT 1 Z:I");
			}
			t.match(await ledger(ground.url), { items: "3", words: CANARY });
		});
	});
}
