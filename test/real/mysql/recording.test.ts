/**
 * The recording of MySQL sessions: a session replayed as it was, texts and parameters whole, samples as the client saw
 * them; and after kill -9 no statement that the server saw is missing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { COM, command, execute, FLAG, int16, int32, longValue, query } from "../../helpers/mysql-wire.js";
import { direct, type Ground, type Line, pause, prepareGround, rawMysqlGrant, replay } from "./ground.js";

const SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, email varchar(60), note varchar(60));
INSERT INTO users VALUES (1, 'ann.larkspur@mail.example', 'x'), (2, 'bob.foxglove@mail.example', NULL), (3, NULL, 'z');
CREATE TABLE marks (mark varchar(60)) ENGINE = InnoDB;
`;

const LICENSES = {
	masked: {
		permits: [{ on: ["$DB.*"], commands: ["read", "insert"] }],
		masks: [{ columns: ["$DB.users.email"], with: "email" }],
		recording: { results: 2 },
	},
	everything: { permits: "all", recording: { results: 0 } },
};

async function lineByLine(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "masked", { flags: FLAG.multiStatements });
	await client.query("SELECT id, email FROM users ORDER BY id");
	await client.query("SELECT secret FROM salaries; SELECT 1");
	const { id } = await client.prepare("SELECT id, email, note FROM users WHERE id > ? AND note = ?");
	await client.execute(id, { values: ["0", "z"] });
	await client.execute(id, { values: [null, "ünï'\"\\\0end"] });
	client.send(command(COM.longData, int32(id), int16(1), "in "), command(COM.longData, int32(id), int16(1), "pieces"));
	await client.execute(id, { values: ["0", longValue] });
	await client.query("INSERT INTO users (id) VALUES (1)");
	await client.query("INSERT INTO users VALUES (4, 'new@mail.example', 'n'); SELECT count(*) FROM users");
	const long = `SELECT '${"long ".repeat(20_000)}' AS l`;
	await client.query(long);
	const cursor = await client.prepare("SELECT id, email FROM users ORDER BY id");
	const [head] = await client.execute(cursor.id, { cursor: true });
	await client.fetch(cursor.id, 2, head?.kind === "rows" ? head.columns : []);
	client.send(command(COM.quit));
	await client.untilEnd();
	await pause(100);
	const lines = await replay(ground.licet);
	const text = JSON.stringify(lines);

	t.match(lines[0], { type: "session.start", license: "masked", subject: "alice", target: "shop", engine: "mysql" });
	t.match(lines.at(-1), { type: "session.end", denied: 1 });
	const times = lines.map(({ at }) => at);
	t.same(times, [...times].sort(), "in order of time");
	const statements = lines.filter(({ type }) => type === "statement");
	const results = new Map(lines.filter(({ type }) => type === "result").map((line) => [line.statement, line]));
	t.same(
		statements.map(({ statement }) => statement),
		statements.map((_, index) => index + 1),
		"numbered without holes",
	);
	for (const { statement } of statements) t.ok(results.has(statement), `statement ${statement} has its result`);
	t.notMatch(text, /larkspur|foxglove/, "masked values are not kept");

	const [first, second] = statements;
	t.match(first, {
		sql: "SELECT id, email FROM users ORDER BY id",
		decision: { effect: "allow", reasons: [{ term: "permits[0]" }], masks: [{ column: "email", mask: "email" }] },
	});
	t.match(results.get(1), {
		rows: 3,
		error: null,
		masked: ["email"],
		sample: {
			columns: ["id", "email"],
			rows: [
				["1", "a***@***.example"],
				["2", "b***@***.example"],
			],
		},
	});
	t.equal((results.get(1)?.sample as { rows?: unknown[] } | undefined)?.rows?.length, 2, "as many rows as it keeps");
	t.match(second, { sql: /SELECT secret FROM salaries/, decision: { effect: "deny" } });
	t.match(results.get(second?.statement), { rows: 0, error: { code: "1142" } });
	const bound = statements.filter(({ sql, parseOnly }) => String(sql).includes("note = ?") && parseOnly !== true);
	t.same(
		bound.map(({ parameters }) => parameters),
		[
			["0", "z"],
			[null, "ünï'\"\\\0end"],
			["0", "in pieces"],
		],
		"parameters, those in pieces too",
	);
	t.match(results.get(bound[0]?.statement), { rows: 1, sample: { rows: [["3", null, "z"]] } }, "binary rows");
	const failed = statements.find(({ sql }) => sql === "INSERT INTO users (id) VALUES (1)");
	t.match(results.get(failed?.statement), { error: { code: "1062" } });
	t.notMatch(JSON.stringify(results.get(failed?.statement)), /Duplicate entry/, "nor its text, which can show rows");
	t.ok(
		statements.some(({ sql }) => sql === long),
		"nothing is cut",
	);
	t.ok(
		[...results.values()].some(({ command: tag }) => /^INSERT 1$/.test(String(tag))),
		"each statement of a text",
	);
	const fetched = lines.filter((line) => line.type === "result" && (line.masked as string[]).includes("email")).at(-1);
	t.match(fetched, { rows: 2, sample: { rows: [["1", "a***@***.example"], ["2"]] } }, "what was fetched");

	const session = String(lines[0]?.session);
	const shown = await ground.licet.cli("replay", session, "--speed", "0");
	t.match(shown, { code: 0, stdout: /a\*\*\*@\*\*\*\.example/ }, "the table as the client saw it");
	t.match(shown.stdout, /DENIED/);
	t.notMatch(shown.stdout, /larkspur/);
}

const marksOf = (text: string) => new Set([...text.matchAll(/mark:(\w+)/g)].map(([, mark]) => mark ?? ""));

/** Marked statements in the log, read as it lies on disk. */
function recordedMarks(data: string): Set<string> {
	const folder = join(data, "log");
	const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
	const lines = names.flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"));
	const statements = lines.map((line) => JSON.parse(line) as Line).filter(({ type }) => type === "statement");
	return marksOf(statements.map(({ sql, parameters }) => `${sql} ${JSON.stringify(parameters)}`).join("\n"));
}

/** Writes marks without end, by text and prepared, some of them ahead, until its connection is cut. */
async function load(ground: Ground, license: string, name: string): Promise<void> {
	const options = rawMysqlGrant(await ground.grant(license));
	const client = await RawMysqlClient.login({ ...options, flags: FLAG.multiStatements });
	const { id } = await client.prepare("INSERT INTO marks VALUES (?)");
	for (let round = 0; !client.ended; round++) {
		const mark = (part: string) => `mark:${name}x${round}x${part}`;
		client.send(
			query(`INSERT INTO marks VALUES ('${mark("a")}')`),
			query(`INSERT INTO marks VALUES ('${mark("b")}'); INSERT INTO marks VALUES ('${mark("c")}')`),
			execute(id, { values: [mark("d")] }),
		);
		for (let answers = 0; answers < 3; answers++) {
			client.say(Buffer.alloc(0));
			await client.answers();
		}
	}
}

async function killed(t: Test, ground: Ground): Promise<void> {
	const atServer = async () => (await direct(ground, "SELECT mark FROM marks")).map(([mark]) => String(mark).slice(5));
	for (let round = 0; round < 4; round++) {
		const clients = [1, 2, 3, 4].map((n) =>
			load(ground, n % 2 === 0 ? "everything" : "masked", `r${round}c${n}`).catch(() => undefined),
		);
		for (let waited = 0; (await atServer()).length < (round + 1) * 120 && waited < 200; waited++) await pause(25);
		// Each round ends at another moment of the load.
		await pause(round * 13);
		await ground.licet.stop("SIGKILL");
		await Promise.all(clients);
		await ground.licet.start();
	}
	await pause(300);
	const seen = await atServer();
	const recorded = recordedMarks(join(ground.licet.folder, "data"));
	t.ok(seen.length > 400, `${seen.length} marks were written`);
	t.same(
		seen.filter((mark) => !recorded.has(mark)),
		[],
		"the statement of each is in the recording",
	);
	const live = (await ground.licet.json("sessions", "--live")) as unknown[];
	t.equal(live.length, 0, "sessions that were cut off are not live");
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		await t.test("a session, line by line", (t) => lineByLine(t, ground));
		await t.test("after kill -9 nothing that ran is missing", (t) => killed(t, ground));
	});
}
