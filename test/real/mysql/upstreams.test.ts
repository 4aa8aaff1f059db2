/**
 * What becomes of a session of MySQL when its server goes, comes back, or was never there; when its client goes in the
 * middle; and TLS on both sides. Each case has a server of its own, which it may stop.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freePort } from "../../../src/cli/free-port.js";
import { type Mysqld, startMysqld } from "../../../src/cli/mysqld.js";
import { outcome } from "../../helpers/command.js";
import { debianMariadb } from "../../helpers/debian.js";
import { license } from "../../helpers/license.js";
import { type IssuedGrant, type Licet, startLicet, targetOf } from "../../helpers/licet.js";
import { MysqlRefusal, outline, RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { query } from "../../helpers/mysql-wire.js";
import { fixture } from "../../helpers/project.js";
import { serverFolder } from "../../helpers/server-folder.js";
import { direct, eventually, type Ground, pause, prepareGround, rawMysqlGrant, replay } from "./ground.js";

const EVERYTHING = { everything: license("everything", { permits: "all" }) };
const BIG =
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT repeat('x', 2000) FROM n a, n b";

async function enter(t: Test, grant: IssuedGrant): Promise<RawMysqlClient> {
	const client = await RawMysqlClient.login({ ...rawMysqlGrant(grant), dropRows: true });
	t.teardown(() => client.destroy());
	return client;
}

async function stopsAndStarts(t: Test): Promise<void> {
	const { folder, remove } = serverFolder(tmpdir());
	t.teardown(remove);
	const programs = await debianMariadb();
	const port = await freePort();
	const first = await startMysqld({ programs, folder: join(folder, "one"), port });
	let running: Mysqld | undefined = first;
	t.teardown(() => running?.stop());
	const credentials = { username: first.user, password: { env: "UPSTREAM_PASSWORD" } };
	const env: Record<string, string> = { UPSTREAM_PASSWORD: first.password };
	const licet = await startLicet(t, {
		targets: { shop: targetOf(first.url("mysql"), { credentials, databases: ["mysql"] }) },
		licenses: EVERYTHING,
		env,
	});
	const grant = await licet.grant({ license: "everything", target: "shop" });
	const [idle, busy, streaming] = await Promise.all([1, 2, 3].map(() => enter(t, grant)));
	if (!idle || !busy || !streaming) return;
	busy.say(query("SELECT SLEEP(50)"));
	streaming.say(query(BIG));
	await eventually(
		async () => streaming.bytesReceived,
		(bytes) => bytes > 100_000,
	);
	streaming.hold(true);
	idle.say(Buffer.alloc(0));
	process.kill(first.pid, "SIGKILL");
	for (const [name, client] of Object.entries({ idle, busy })) {
		const error = await client.lastError(8_000);
		t.match(error, { errno: 1053, state: "08S01", message: /database was lost/ }, name);
	}
	streaming.hold(false);
	await streaming.untilEnd(8_000).catch(() => []);
	t.ok(streaming.ended, "in the middle of a result");
	const refused = await enter(t, grant).catch((error: unknown) => error);
	t.ok(refused instanceof MysqlRefusal, "and no login while it is away");
	t.match(refused, { fields: { errno: 1429, message: /cannot be reached/ } });

	running = await startMysqld({
		programs,
		folder: join(folder, "two"),
		port,
		user: first.user,
		script: [`ALTER USER '${first.user}'@'%' IDENTIFIED BY '${first.password}';`],
	});
	const again = await eventually(
		() => enter(t, grant).catch(() => undefined),
		(client) => client !== undefined,
		20_000,
	);
	t.match(again && outline(await again.query("SELECT 1")), "1c 1r s2 w0", "when it is back, sessions begin");
	const lines = (await licet.json("sessions")) as { session: string; endedAt: string | null }[];
	t.equal(lines.filter(({ endedAt }) => endedAt === null).length, 1, "those of before have ended");
}

const running = async (ground: Ground, what: string): Promise<number> => {
	const sql = `SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%${what}%' AND INFO NOT LIKE '%PROCESSLIST%'`;
	return Number((await direct(ground, sql))[0]?.[0]);
};

async function clientsGo(t: Test, ground: Ground): Promise<void> {
	for (const how of ["destroy", "end"] as const) {
		for (const [name, sql] of [
			["a statement", "SELECT SLEEP(60) /* goes-away */"],
			["a result", `${BIG} /* goes-away */`],
		] as const) {
			const client = await ground.login(t, "everything", { dropRows: true });
			client.say(query(sql));
			t.equal(
				await eventually(
					() => running(ground, "goes-away"),
					(n) => n === 1,
				),
				1,
				`${name} runs`,
			);
			client[how]();
			t.equal(
				await eventually(
					() => running(ground, "goes-away"),
					(n) => n === 0,
				),
				0,
				`${how}: ${name} is stopped`,
			);
		}
	}
	await pause(200);
	const lines = await replay(ground.licet);
	t.match(lines.filter(({ type }) => type === "result").at(-1), { error: { code: "1317" } }, "the recording tells so");
}

const pem = { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") };
const ca = readFileSync(fixture("tls", "ca.crt"));

async function failure(promise: Promise<RawMysqlClient>): Promise<unknown> {
	return promise.then(
		(client) => client.destroy(),
		(error: unknown) => (error instanceof MysqlRefusal ? { ...error.fields } : error),
	);
}

async function tls(t: Test, ground: Ground, isRequired: boolean): Promise<void> {
	const options = rawMysqlGrant(await ground.grant("everything"));
	const client = await RawMysqlClient.login({ ...options, tls: { ca } });
	t.teardown(() => client.destroy());
	t.equal(outline(await client.query("SELECT repeat('x', 2000000)")), "1c 1r s2 w0", "over TLS");
	t.match(await failure(RawMysqlClient.login({ ...options, tls: { ca }, password: "wrong" })), { errno: 1045 });
	const stranger = readFileSync(fixture("tls", "other-ca.crt"));
	t.type(await failure(RawMysqlClient.login({ ...options, tls: { ca: stranger } })), Error, "another authority");
	const plain = await failure(RawMysqlClient.login(options));
	if (isRequired) t.match(plain, { errno: 3159, state: "HY000" }, "plaintext is refused");
	else t.equal(plain, undefined, "plaintext is taken too");
	t.match((await replay(ground.licet, (await live(ground.licet))[0]))[0], { type: "session.start", tls: true });
	t.match(
		await byProgram(await ground.grant("everything"), `--ssl-ca=${fixture("tls", "ca.crt")}`, "--ssl"),
		{ code: 0 },
		"mariadb",
	);
	const without = await byProgram(await ground.grant("everything"), "--skip-ssl");
	if (isRequired) t.match(without, { code: 1, stderr: /ERROR 3159/ }, "mariadb without TLS");
	else t.match(without, { code: 0 });
}

async function live(licet: Licet): Promise<string[]> {
	return ((await licet.json("sessions", "--live")) as { session: string }[]).map(({ session }) => session);
}

function byProgram({ host, port, username, password, database }: IssuedGrant, ...flags: string[]) {
	const words = ["-h", host, "-P", `${port}`, "-u", username, `-p${password}`, "-D", database, "-e", "SELECT 1"];
	return outcome(spawn("mariadb", ["--no-defaults", ...flags, ...words], { stdio: ["ignore", "pipe", "pipe"] }));
}

t.test("a server that goes and comes back", stopsAndStarts);
for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const licenses = { everything: { permits: "all" } };
		await t.test("clients that go", async (t) =>
			clientsGo(t, await prepareGround(t, server, { schema: "", licenses })),
		);
		for (const required of [false, true]) {
			await t.test(`TLS, ${required ? "required" : "offered"}`, async (t) => {
				const config = { tls: { ...pem, required } };
				await tls(t, await prepareGround(t, server, { schema: "", licenses, config }), required);
			});
		}
		await t.test("client certificates", async (t) => {
			const config = { tls: { ...pem, clientCa: fixture("tls", "ca.crt"), required: true } };
			const ground = await prepareGround(t, server, { schema: "", licenses, config });
			const options = rawMysqlGrant(await ground.grant("everything"));
			const pair = (name: string) => ({
				cert: readFileSync(fixture("tls", `${name}.crt`)),
				key: readFileSync(fixture("tls", `${name}.key`)),
			});
			t.equal(
				await failure(RawMysqlClient.login({ ...options, tls: { ca, ...pair("client") } })),
				undefined,
				"one of ours",
			);
			t.ok(await failure(RawMysqlClient.login({ ...options, tls: { ca } })), "none");
			t.ok(
				await failure(RawMysqlClient.login({ ...options, tls: { ca, ...pair("untrusted") } })),
				"another authority's",
			);
		});
	});
}
