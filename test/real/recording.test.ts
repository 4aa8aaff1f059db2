/**
 * The recording: a session replayed as it was, and what must hold when things go wrong: no statement that the server saw
 * is missing when the disk is full. (Crashes: crash.test.ts.)
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { loggingServer, marks, recordedMarks } from "../helpers/marked.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `
CREATE SCHEMA app;
CREATE TABLE app.users (id int, email text, note text);
INSERT INTO app.users VALUES (1, 'ann.larkspur@mail.example', 'x'), (2, 'bob.foxglove@mail.example', NULL), (3, NULL, 'z');
`;

const MASKED = license("masked", {
	permits: [{ on: ["app.*"], commands: ["read", "insert"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
	recording: { results: 2 },
});
const EVERYTHING = license("everything", { permits: "all", recording: { results: 0 } });

type Line = Record<string, unknown> & { readonly type: string; readonly at: string };

async function replay(licet: Licet, session: string): Promise<Line[]> {
	const { code, stdout, stderr } = await licet.cli("replay", session, "--json");
	if (code !== 0) throw new Error(stderr);
	return stdout
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Line);
}

async function newestSession(licet: Licet): Promise<string> {
	const sessions = (await licet.json("sessions")) as { session: string }[];
	return sessions[0]?.session ?? "";
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

await t.test("a session, line by line", async (t) => {
	const url = await createDatabase(t, testServers().pg15, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { masked: MASKED } });
	const grant = await licet.grant({ license: "masked", target: "shop", reason: "ticket 7" });
	const client = await RawClient.login({ ...rawGrant(grant), parameters: { application_name: "a test" } });
	await client.query("SELECT id, email FROM app.users ORDER BY id");
	await client.query("SELECT secret FROM hr.salaries; SELECT 1");
	await client.ask(
		wire.parse("SELECT note FROM app.users WHERE id = $1 AND note = $2", "s", [23, 25]),
		wire.bind({ statement: "s", values: ["1", "x"] }),
		wire.execute(),
		wire.bind({ statement: "s", values: [wire.int32(3), Buffer.from("z")], valueFormats: [1, 1] }),
		wire.execute(),
		wire.bind({ statement: "s", values: [null, "ünï"], valueFormats: [0] }),
		wire.execute(),
		wire.sync,
	);
	await client.query("SELECT 1/0");
	await client.query("INSERT INTO app.users VALUES (4, 'new@mail.example', 'n'); SELECT count(*) FROM app.users");
	const long = `SELECT '${"long ".repeat(50_000)}'::text AS l`;
	await client.query(long);
	client.send(wire.terminate);
	await client.untilEnd();
	await pause(100);
	const lines = await replay(licet, await newestSession(licet));

	t.match(lines[0], {
		type: "session.start",
		grant: grant.grant,
		license: "masked",
		subject: "alice",
		target: "shop",
		clientAddress: "127.0.0.1",
		application: "a test",
		at: /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/,
	});
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
	for (const line of lines) {
		if (line.type !== "result") continue;
		const before = lines.findIndex((other) => other.type === "statement" && other.statement === line.statement);
		t.ok(before >= 0 && before < lines.indexOf(line), "a statement stands before its result");
	}
	const text = JSON.stringify(lines);
	t.notMatch(text, /larkspur|foxglove/, "masked values are not kept");

	const [masked, denied, ...more] = statements;
	t.match(masked, {
		sql: "SELECT id, email FROM app.users ORDER BY id",
		parameters: [],
		decision: { effect: "allow", reasons: [{ term: "permits[0]" }], masks: [{ column: "email", mask: "email" }] },
	});
	t.match(results.get(1), {
		command: "SELECT 3",
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
	const kept = results.get(1)?.sample as { rows: unknown[] } | undefined;
	t.equal(kept?.rows.length, 2, "as many rows as the license keeps");
	t.match(denied, { decision: { effect: "deny", reasons: [{ message: /hr\.salaries/ }] } });
	t.match(String(denied?.sql), /SELECT secret FROM hr\.salaries/);
	t.match(results.get(2), { command: null, rows: 0, error: { code: "42501" } });
	const bound = more.filter(({ sql }) => String(sql).includes("note = $2"));
	t.same(
		bound.map(({ parameters }) => parameters),
		[
			["1", "x"],
			["3", "z"],
			[null, "ünï"],
		],
		"parameters, of text and of binary format",
	);
	t.ok(bound.every(({ prepared }) => prepared === "s"));
	t.match(
		bound.map(({ statement }) => results.get(statement)),
		[{ command: "SELECT 1", sample: { rows: [["x"]] } }, { sample: { rows: [["z"]] } }, { rows: 0 }],
	);
	const failed = more.find(({ sql }) => sql === "SELECT 1/0");
	t.match(results.get(failed?.statement), { command: null, error: { code: "22012" } });
	t.ok(
		more.some(({ sql }) => sql === long),
		"nothing is cut",
	);
	const tags = [...results.values()].map(({ command }) => command);
	t.ok(tags.includes("INSERT 0 1"), "each statement of a string");

	const shown = await licet.cli("replay", await newestSession(licet), "--speed", "0");
	t.equal(shown.code, 0);
	t.match(shown.stdout, /SELECT id, email FROM app\.users/);
	t.match(shown.stdout, /a\*\*\*@\*\*\*\.example/, "the table as the client saw it");
	t.match(shown.stdout, /hr\.salaries/);
	t.notMatch(shown.stdout, /larkspur/);
});

/** A way in which the log cannot grow any more, and its end. */
interface Shortage {
	readonly data: string;
	begin(licet: Licet): void;
	end(licet: Licet): void;
}

/** Files of the process may not grow beyond what the log has now and a little. Needs no rights. */
function sizeLimit(folder: string): Shortage {
	const data = join(folder, "data");
	const limit = (licet: Licet, soft: string) =>
		execFileSync("prlimit", ["--pid", String(licet.pid), `--fsize=${soft}:`]);
	return { data, begin: (licet) => limit(licet, "300000"), end: (licet) => limit(licet, "unlimited") };
}

/** A file system of 3 MB that is filled up. For root only. */
function fullDisk(t: Test, folder: string): Shortage {
	const data = join(folder, "data");
	mkdirSync(data);
	execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "none", data]);
	t.teardown(() => execFileSync("umount", ["-l", data]));
	const filler = join(data, "filler");
	return { data, begin: () => fill(filler), end: () => rmSync(filler) };
}

/** Takes all the room that is left. */
function fill(file: string): void {
	for (const bytes of [1 << 20, 1 << 16, 1 << 12]) {
		try {
			for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
		} catch {
			// Full at this size: smaller pieces may still fit.
		}
	}
}

function mayMount(): boolean {
	const folder = mkdtempSync(join(tmpdir(), "licet-mount-"));
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", folder], { stdio: "ignore" });
		execFileSync("umount", ["-l", folder], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Last words of a session that ends by itself. */
async function fatalOf(client: RawClient): Promise<Record<string, string>> {
	await client.untilEnd();
	const error = client.received.filter(({ type }) => type === "E").at(-1);
	return error === undefined ? {} : wire.errorFields(error);
}

async function runShort(t: Test, make: (folder: string) => Shortage): Promise<void> {
	const server = await loggingServer(t);
	const folder = mkdtempSync(join(tmpdir(), "licet-full-"));
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	const shortage = make(folder);
	const licet = await startLicet(t, {
		targets: { shop: targetOf(server.url) },
		licenses: { everything: EVERYTHING },
		config: { data: shortage.data },
	});
	const grant = await licet.grant({ license: "everything", target: "shop" });
	const [idle, busy] = [await RawClient.login(rawGrant(grant)), await RawClient.login(rawGrant(grant))];
	t.equal(wire.outline(await busy.query("SELECT 1 /* mark:before */")), "T D C:SELECT 1 Z:I");
	shortage.begin(licet);
	const padding = "x".repeat(20_000);
	const sent: string[] = [];
	for (let n = 0; !busy.ended && n < 50; n++) {
		sent.push(`full${n}`);
		busy.send(wire.query(`SELECT 1 /* mark:full${n} ${padding} */`));
		const isOver = await busy.until("Z", 3_000).then(
			() => false,
			() => true,
		);
		if (isOver) break;
	}
	t.match(await fatalOf(busy), { S: "FATAL", C: /^(58|53|57)/, M: /recording cannot be written/ }, "the session ends");
	t.match(await fatalOf(idle), { S: "FATAL", M: /recording cannot be written/ }, "and so do the others");
	const refused = await RawClient.login(rawGrant(grant)).then(
		() => "a login",
		(error: unknown) => String(error),
	);
	t.match(refused, /recording/, "no session begins");
	t.match(licet.log(), /recording cannot be written/, "the log says so");
	await pause(200);
	const atServer = marks(server.log());

	shortage.end(licet);
	const deadline = Date.now() + 8_000;
	let again: RawClient | undefined;
	while (again === undefined && Date.now() < deadline) {
		again = await RawClient.login(rawGrant(grant)).catch(() => undefined);
		if (again === undefined) await pause(200);
	}
	const after = (await again?.query("SELECT 1 /* mark:after */")) ?? [];
	t.equal(wire.outline(after), "T D C:SELECT 1 Z:I", "with room it goes on");
	again?.destroy();
	const recorded = await recordedMarks(shortage.data);
	t.ok(recorded.has("before") && recorded.has("after"));
	t.same(
		[...atServer].filter((mark) => !recorded.has(mark)),
		[],
		"nothing ran that is not recorded",
	);
	t.ok(
		sent.some((mark) => !atServer.has(mark)),
		"what could not be recorded did not run",
	);
}

await t.test("a log that may not grow stops all, until it may again", (t) => runShort(t, sizeLimit));
await t.test("and so does a full disk", { skip: mayMount() ? false : "only root can mount a small file system" }, (t) =>
	runShort(t, (folder) => fullDisk(t, folder)),
);
