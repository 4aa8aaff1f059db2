/**
 * Corners of the protocol and habits of connection strings: each conversation is held straight with the server and
 * through Licet, and the answers are the same byte for byte, but for the place in the server's source that errors name.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import t from "tap";
import { outcome } from "../../helpers/command.js";
import { license } from "../../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { libpqEnvironment, runProgram } from "../../helpers/programs.js";
import { fixture } from "../../helpers/project.js";
import { RawClient, type RawOptions, rawOptions, ServerError } from "../../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

const url = await createDatabase(
	t,
	testServers().pg15,
	"CREATE SCHEMA app; CREATE TABLE app.words (n int PRIMARY KEY, word text); INSERT INTO app.words SELECT n, 'word ' || n FROM generate_series(1, 100) n;",
);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		everything: license("everything", { permits: "all" }),
		schema: license("schema", { permits: [{ on: ["app.*"], commands: ["all"] }] }),
	},
	config: { tls: { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") } },
});
const everything = rawGrant(await licet.grant({ license: "everything", target: "shop" }));
const schema = rawGrant(await licet.grant({ license: "schema", target: "shop" }));

/** A message as text, without what only the server's source decides. */
function shown(message: wire.Message): string {
	if (message.type !== "E" && message.type !== "N") return `${message.type} ${message.body.toString("hex")}`;
	const { R, F, L, ...fields } = wire.errorFields(message);
	return `${message.type} ${JSON.stringify(fields)}`;
}

const ROWS = "SELECT n, word FROM app.words ORDER BY n";
const run = (sql: string) => [wire.parse(sql), wire.bind(), wire.describe("P"), wire.execute()];

/** What is sent, and how often ReadyForQuery follows it. */
type Turn = readonly [messages: readonly Buffer[], ends: number];

const MANY_PARAMETERS = 65_535;
const INT4 = 23;

const CONVERSATIONS: Readonly<Record<string, readonly Turn[]>> = {
	"portal suspended and resumed": [
		[
			[
				wire.parse(ROWS),
				wire.bind({ portal: "p" }),
				wire.execute("p", 3),
				wire.execute("p", 3),
				wire.execute("p"),
				wire.execute("p"),
				wire.sync,
			],
			1,
		],
	],
	"a portal is gone after the transaction": [
		[[wire.parse(ROWS), wire.bind({ portal: "p" }), wire.execute("p", 3), wire.sync], 1],
		[[wire.execute("p", 3), wire.sync], 1],
	],
	"a portal lives on in a transaction": [
		[[wire.query("BEGIN"), wire.parse(ROWS), wire.bind({ portal: "p" }), wire.execute("p", 3), wire.sync], 2],
		[[wire.execute("p", 3), wire.sync, wire.execute("p", 3), wire.close("P", "p"), wire.sync], 2],
		[[wire.query("COMMIT")], 1],
	],
	"Describe before Bind, and of a portal": [
		[[wire.parse("SELECT word FROM app.words WHERE n = $1", "s"), wire.describe("S", "s"), wire.sync], 1],
		[[wire.bind({ statement: "s", values: ["3"] }), wire.describe("P"), wire.execute(), wire.sync], 1],
	],
	"Describe and Execute of what is not there": [
		[
			[
				wire.describe("S", "none"),
				wire.sync,
				wire.describe("P", "none"),
				wire.sync,
				wire.execute("none"),
				wire.sync,
				wire.bind({ statement: "none" }),
				wire.sync,
			],
			4,
		],
	],
	"Close of what is not there": [[[wire.close("S", "none"), wire.close("P", "none"), wire.sync], 1]],
	"an error in the middle of a pipeline": [
		[
			[
				...run("SELECT 1"),
				...run("SELECT 1/0"),
				...run("SELECT 2"),
				wire.close("S", "x"),
				wire.sync,
				...run("SELECT 3"),
				wire.sync,
			],
			2,
		],
	],
	"a Query inside what is skipped": [
		[[...run("SELECT 1/0"), wire.query("SELECT 5"), wire.sync, wire.query("SELECT 6")], 2],
	],
	"statements survive an error": [
		[[wire.parse("SELECT 1", "kept"), wire.sync, ...run("SELECT 1/0"), wire.sync], 2],
		[[wire.bind({ statement: "kept" }), wire.execute(), wire.sync], 1],
	],
	"the unnamed statement is replaced, a named one is not": [
		[[wire.parse("SELECT 1"), wire.parse("SELECT 2"), wire.bind(), wire.execute(), wire.sync], 1],
		[[wire.parse("SELECT 1", "twice"), wire.parse("SELECT 2", "twice"), wire.sync], 1],
		[[wire.parse("SELECT 3"), wire.sync, wire.query("SELECT 4"), wire.bind(), wire.execute(), wire.sync], 3],
	],
	"DISCARD ALL": [
		[
			[
				wire.parse("SELECT 1", "d"),
				wire.sync,
				wire.query("DISCARD ALL"),
				wire.bind({ statement: "d" }),
				wire.execute(),
				wire.sync,
			],
			3,
		],
	],
	"empty queries": [[[wire.query(""), wire.query(" ; ;"), ...run(""), wire.sync], 3]],
	CopyFail: [
		[[wire.query("COPY app.words FROM STDIN"), wire.copyData("1000\tx\n"), wire.copyFail("changed my mind")], 1],
		[[...run("COPY app.words FROM STDIN"), wire.copyData("1000\tx\n"), wire.copyFail("again"), wire.sync], 1],
		[[wire.query("SELECT count(*) FROM app.words")], 1],
	],
	"COPY data cut anywhere": [
		[
			[
				wire.query("BEGIN"),
				wire.query("COPY app.words FROM STDIN"),
				...[..."1001\tlong word\n1002\t\\N\n"].map((byte) => wire.copyData(byte)),
				wire.copyDone,
				wire.query("ROLLBACK"),
			],
			3,
		],
	],
	"Flush and Sync inside COPY are passed over": [
		[
			[
				wire.query("BEGIN"),
				wire.query("COPY app.words FROM STDIN"),
				wire.flush,
				wire.copyData("1003\ta\n"),
				wire.sync,
				wire.copyDone,
				wire.query("ROLLBACK"),
			],
			3,
		],
	],
	"binary parameters and results": [
		[
			[
				wire.parse("SELECT n, word, $1 FROM app.words WHERE n = $1", "b", [23]),
				wire.bind({ statement: "b", values: [wire.int32(7)], valueFormats: [1], resultFormats: [1] }),
				wire.describe("P"),
				wire.execute(),
				wire.sync,
			],
			1,
		],
		[
			[
				wire.bind({ statement: "b", values: [wire.int32(7)], valueFormats: [1], resultFormats: [0, 1, 0] }),
				wire.describe("P"),
				wire.execute(),
				wire.sync,
			],
			1,
		],
		[[wire.bind({ statement: "b", values: ["x"], valueFormats: [1] }), wire.sync], 1],
	],
	"NULL as a parameter": [
		[[wire.parse("SELECT $1::text IS NULL, $1::text"), wire.bind({ values: [null] }), wire.execute(), wire.sync], 1],
	],
	"messages with too little or too much in them": [
		[[wire.message("S", "x"), ...run("SELECT 1"), wire.message("S", "xyz"), wire.query("SELECT 2")], 3],
		[[...run("SELECT 1"), wire.message("H", "x"), ...run("SELECT 2"), wire.sync], 1],
		[[wire.parse("SELECT 3"), wire.message("Q", "SELECT 4"), wire.message("Q", "\0SELECT 5\0"), wire.sync], 3],
		[[wire.bind(), wire.execute(), wire.sync], 1],
		[[wire.query("BEGIN"), wire.query("SELECT 1/0"), wire.message("S", "x"), wire.message("Q", "a\0b"), wire.sync], 5],
		[
			[
				wire.query("ROLLBACK"),
				wire.query("COPY app.words FROM STDIN"),
				wire.message("c", "done"),
				wire.message("c", "x"),
			],
			2,
		],
		[[wire.query("COPY app.words FROM STDIN"), wire.message("f", "no end"), wire.sync], 2],
	],
	"a field of 2 MB": [[[wire.query("SELECT repeat('x', 2097152)")], 1]],
};

const brief = (said: readonly string[]): string[] => said.map((line) => line.slice(0, 300));

for (const [kind, login] of [
	["everything", everything],
	["schema", schema],
] as const) {
	await t.test(`conversations, ${kind}`, async (t) => {
		for (const [name, turns] of Object.entries(CONVERSATIONS)) {
			const hold = async (client: RawClient) => {
				const said: string[] = [];
				for (const [messages, ends] of turns) {
					client.send(...messages);
					for (let n = 0; n < ends; n++) said.push(...(await client.until("Z", 30_000)).map(shown));
				}
				client.destroy();
				return said;
			};
			const expected = await hold(await RawClient.login(rawOptions(url)));
			const got = await hold(await RawClient.login(login));
			t.ok(expected.join("\n") === got.join("\n"), name, { expected: brief(expected), got: brief(got) });
		}
	});
}

const SLOW = "SELECT count(*) FROM generate_series(1, 200000)";

/** What ends a session by breaking the protocol, and whether a server says why: see README, "What differs". */
const BREACHES: Readonly<Record<string, readonly Buffer[]>> = {
	"behind a pipeline without its Sync": [...run("SELECT 1"), ...run(SLOW), wire.message("z", "?")],
	"behind a query that takes its time": [wire.query(SLOW), wire.message("\x01")],
	"behind an error": [...run("SELECT 1/0"), ...run("SELECT 1"), wire.message("z"), wire.sync],
	"a type alone": [wire.query("SELECT 1"), wire.sync, Buffer.from("!")],
	"behind COPY out": [wire.query("COPY app.words TO STDOUT"), wire.message("w")],
	"in COPY": [wire.query("COPY app.words FROM STDIN"), wire.copyData("1000\tx\n"), wire.message("z", "?")],
	"a query in COPY": [
		...run("COPY app.words FROM STDIN"),
		wire.sync,
		wire.copyData("1001\tx\n"),
		wire.query("SELECT 1"),
	],
	"a type alone in COPY": [wire.query("COPY app.words FROM STDIN"), Buffer.from("P")],
	"a length in COPY": [wire.query("COPY app.words FROM STDIN"), Buffer.from("d\0\0\0\0", "latin1")],
	"a long CopyDone": [wire.query("COPY app.words FROM STDIN"), Buffer.from("c\0\x01\0\0", "latin1")],
	"in COPY that has failed": [
		wire.query("BEGIN"),
		wire.query("COPY app.words FROM STDIN"),
		wire.copyData("no number\tx\n"),
		wire.copyDone,
		wire.query("SELECT 1"),
		wire.message("z"),
	],
};

await t.test("who breaks the protocol is told so behind the answers to what came before", async (t) => {
	const hold = async (login: RawOptions, messages: readonly Buffer[], inPieces: boolean) => {
		const client = await RawClient.login(login);
		if (inPieces) for (const each of messages) client.send(each);
		else client.send(...messages);
		return (await client.untilEnd(30_000)).map(shown);
	};
	for (const [name, messages] of Object.entries(BREACHES)) {
		const expected = await hold(rawOptions(url), messages, false);
		t.match(expected.at(-1), /FATAL/, `${name}: ends the session`);
		t.same(await hold(everything, messages, false), expected, name);
		t.same(await hold(schema, messages, true), expected, `${name}, in pieces`);
	}
	const lengths = [0, 3, -1, 10_001].map((length) => Buffer.concat([Buffer.from("D"), wire.int32(length)]));
	for (const broken of lengths) {
		const messages = [wire.query("SELECT 1"), wire.query(SLOW), broken];
		const expected = await hold(rawOptions(url), messages, false);
		const got = await hold(everything, messages, false);
		t.same(got.slice(0, -1), expected, "the server closes the connection without a word");
		t.match(got.at(-1), /FATAL.*08P01.*(invalid message length|message is too long)/);
	}
});

await t.test("65,535 parameters", async (t) => {
	const values = Array.from({ length: MANY_PARAMETERS }, () => "1");
	for (const login of [rawOptions(url), everything]) {
		const client = await RawClient.login(login);
		client.send(
			wire.parse(
				"SELECT $1 + $65535",
				"",
				values.map(() => INT4),
			),
			wire.bind({ values }),
			wire.execute(),
			wire.sync,
		);
		t.equal(wire.outline(await client.until("Z", 30_000)), "1 2 D C:SELECT 1 Z:I");
		client.destroy();
	}
});

await t.test("Flush without Sync", async (t) => {
	const client = await RawClient.login(everything);
	t.teardown(() => client.destroy());
	client.send(...run("SELECT 1"), wire.flush);
	t.equal(wire.outline(await client.until("C")), "1 2 T D C:SELECT 1");
	client.send(...run("SELECT 2"), wire.flush);
	t.equal(wire.outline(await client.until("C")), "1 2 T D C:SELECT 1");
	t.equal(wire.outline(await client.ask(wire.sync)), "Z:I");
});

await t.test("a client that vanishes while COPY streams leaves no backend behind", async (t) => {
	const backends = () =>
		withClient(url, async (admin) => {
			const text = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT repeat%'";
			return (await admin.query(text)).rows[0].n as number;
		});
	const client = await RawClient.login({ ...everything, dropRows: true });
	client.send(wire.query("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000000)) TO STDOUT"));
	await client.during(300);
	t.equal(await backends(), 1, "it streams");
	client.destroy();
	let left = 1;
	for (let waited = 0; left > 0 && waited < 10_000; waited += 100) {
		await new Promise((resolve) => setTimeout(resolve, 100));
		left = await backends();
	}
	t.equal(left, 0);
});

await t.test("a field of 64 MB", async (t) => {
	const length = 64 * 1024 * 1024;
	for (const login of [everything, schema]) {
		const { host, port, user, password, database } = login;
		const client = new pg.Client({ host, port, user, password, database });
		await client.connect();
		const { rows } = await client.query(`SELECT repeat('xy', ${length / 2}) AS big`);
		await client.end();
		t.ok(rows[0].big === "xy".repeat(length / 2));
	}
});

await t.test("who says goodbye is not answered any more: what it ran is stopped", async (t) => {
	for (const last of [[wire.terminate], []]) {
		const client = await RawClient.login(everything);
		client.send(wire.query("SELECT pg_sleep(60)"), ...last);
		client.half();
		const left = await client.untilEnd();
		t.notMatch(wire.outline(left), /C:/, "the connection ends at once");
	}
});

await t.test("NOTIFY is heard while idle, and after the transaction in which it came", async (t) => {
	for (const login of [rawOptions(url), everything]) {
		const [hearer, sayer] = [await RawClient.login(login), await RawClient.login(login)];
		await hearer.query("LISTEN told");
		await sayer.query("NOTIFY told, 'one'");
		t.equal((await hearer.next()).type, "A");
		await hearer.query("BEGIN");
		await sayer.query("NOTIFY told, 'two'");
		t.same(await hearer.during(200), [], "not inside");
		t.match(wire.outline(await hearer.query("COMMIT")), /C:COMMIT.*A.*Z:I|C:COMMIT Z:I/);
		hearer.destroy();
		sayer.destroy();
	}
});

await t.test("a database that the grant does not open", async (t) => {
	for (const name of [everything.database ?? "", "shop"]) {
		const client = await RawClient.login({ ...everything, database: name });
		t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I", `${name} opens`);
		client.destroy();
	}
	const error = await RawClient.login({ ...everything, database: "postgres" }).catch((failure: unknown) => failure);
	t.ok(error instanceof ServerError);
	t.match(error, { fields: { S: "FATAL", C: "3D000", M: 'database "postgres" does not exist', D: /target "shop"/ } });
});

/** What psql shows with such a connection string; its environment names host, port, user and password. */
async function psqlWith(conninfo: string): Promise<string> {
	const { stdout, stderr } = await runProgram("psql", everything, ["-X", "-A", "-t", "-d", conninfo, "-c", ASKED]);
	return stdout.trim() || stderr.trim();
}

const ASKED = "SHOW work_mem";

await t.test("connection strings", async (t) => {
	const plain = await psqlWith("sslmode=disable");
	t.match(plain, /^\d+[kM]B$/);
	for (const mode of ["allow", "prefer", "require"])
		t.equal(await psqlWith(`sslmode=${mode}`), plain, `sslmode=${mode}`);
	const ca = fixture("tls", "ca.crt");
	t.equal(await psqlWith(`sslmode=verify-ca sslrootcert=${ca}`), plain, "sslmode=verify-ca");
	t.match(
		await psqlWith(`sslmode=verify-full sslrootcert=${ca} host=localhost hostaddr=127.0.0.1`),
		plain,
		"sslmode=verify-full",
	);
	t.equal(await psqlWith("sslmode=require channel_binding=require"), plain, "channel_binding=require");
	t.equal(await psqlWith("sslmode=disable options='-c work_mem=5MB'"), "5MB", "options");
	t.equal(
		await psqlWith("sslmode=disable options='-cwork_mem=6MB --search_path=app'"),
		"6MB",
		"options, other spellings",
	);
	for (const attribute of ["any", "read-write", "primary", "prefer-standby"]) {
		t.equal(await psqlWith(`sslmode=disable target_session_attrs=${attribute}`), plain, attribute);
	}
	t.match(await psqlWith("sslmode=disable target_session_attrs=standby"), /not in hot standby mode/, "standby");
	const folder = mkdtempSync(join(tmpdir(), "licet-service-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const file = join(folder, "services");
	const { PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD } = libpqEnvironment(everything);
	const lines = [
		"[mine]",
		`host=${PGHOST}`,
		`port=${PGPORT}`,
		`user=${PGUSER}`,
		`dbname=${PGDATABASE}`,
		"sslmode=require",
	];
	writeFileSync(file, `${lines.join("\n")}\n`);
	const env = { PATH: process.env.PATH, PGSERVICE: "mine", PGSERVICEFILE: file, PGPASSWORD };
	const child = spawn(testServers().psql, ["-X", "-A", "-t", "-c", ASKED], { env, stdio: ["ignore", "pipe", "pipe"] });
	t.match(await outcome(child), { code: 0, stdout: `${plain}\n` }, "PGSERVICE");
});
