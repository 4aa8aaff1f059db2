/**
 * What comes over the wire of MySQL and should not: each case ends in the protocol's own error, never in a crash, a hang,
 * or a byte passed on to the server that nobody judged.
 */
import t, { type Test } from "tap";
import { outline, RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { COM, command, int16, int32, packet, query, readError } from "../../helpers/mysql-wire.js";
import { direct, type Ground, pause, prepareGround, rawMysqlGrant } from "./ground.js";

const SCHEMA = "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'one');";
const LICENSES = {
	basic: { permits: [{ on: ["$DB.items"], commands: ["read", "write"] }] },
	everything: { permits: "all" },
};
/** Room for the first session of all, before which the catalog is read, on a machine that is busy. */
const LOGIN_TIMEOUT_MS = 6_000;

async function stillServes(t: Test, ground: Ground, after: string): Promise<void> {
	const client = await ground.login(t, "basic");
	t.equal(outline(await client.query("SELECT name FROM items")), "1c 1r s2 w0", `it serves on after ${after}`);
	client.destroy();
}

/** Says something before the login; answers the error, or how the connection ended. */
async function atLogin(ground: Ground, ...bytes: Buffer[]): Promise<string> {
	const client = await RawMysqlClient.open({ port: ground.licet.mysqlPort });
	await client.greet();
	client.send(...bytes);
	const said = await client.untilEnd(15_000).catch((error: unknown) => String(error));
	client.destroy();
	if (typeof said === "string") return said;
	const error = said.find((payload) => payload[0] === 0xff);
	return error === undefined ? "closed" : String(readError(error).errno);
}

async function logins(t: Test, ground: Ground): Promise<void> {
	await stillServes(t, ground, "its start");
	const random = Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919 + (at >> 3)) & 0xff));
	for (const [name, expected, ...bytes] of [
		["HTTP", /^(1043|1156|closed)$/, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
		["TLS at once", /^(1043|1156|closed)$/, Buffer.from("16030100c8010000c40303", "hex")],
		["noise", /^(1043|1156|closed)$/, random],
		["zeros", /^(1043|1156|closed)$/, Buffer.alloc(1000)],
		["an empty packet", /^1043$/, packet(1, Buffer.alloc(0))],
		["a packet out of order", /^1156$/, packet(7, Buffer.alloc(40))],
		["a length of 16 MB", /^1043$/, packet(1, Buffer.alloc(100), 0xff_ff_ff)],
		["a response that is cut short", /^1043$/, packet(1, Buffer.from("0da2", "hex"))],
		["a command in the login's place", /^1043$/, packet(1, Buffer.from("\u0003SELECT 1"))],
		["flags alone", /^(1043|1045|1251)$/, packet(1, Buffer.concat([int32(0x00_0a_a2_85), Buffer.alloc(28)]))],
		[
			"a name without an end",
			/^1043$/,
			packet(1, Buffer.concat([int32(0x00_0a_a2_85), Buffer.alloc(28), Buffer.alloc(60, 65)])),
		],
		[
			"a proof longer than the packet",
			/^1043$/,
			packet(1, Buffer.concat([int32(0x00_0a_a2_85), Buffer.alloc(28), Buffer.from("u\0\u00c8xyz", "latin1")])),
		],
		["the protocol from before 4.1", /^1251$/, packet(1, Buffer.from("8500000000610000", "hex"))],
	] as const) {
		t.match(await atLogin(ground, ...bytes), expected, name);
	}
	const half = await RawMysqlClient.open({ port: ground.licet.mysqlPort });
	await half.greet();
	half.send(packet(1, Buffer.alloc(3), 200));
	const since = Date.now();
	await half.untilEnd(LOGIN_TIMEOUT_MS + 6_000).catch(() => []);
	t.ok(half.ended, "half a packet and then silence is cut off");
	t.ok(Date.now() - since < LOGIN_TIMEOUT_MS + 5_000, `after ${Date.now() - since} ms`);

	const options = rawMysqlGrant(await ground.grant("basic"));
	const slow = await RawMysqlClient.open(options);
	await slow.greet();
	for (const byte of packet(1, slow.response(options))) {
		slow.send(Buffer.of(byte));
		await new Promise((resolve) => setImmediate(resolve));
	}
	t.ok(((await slow.next())[0] ?? 0xff) < 0xff, "a login byte by byte is taken");
	slow.destroy();
	const eager = await RawMysqlClient.open(options);
	await eager.greet();
	eager.send(packet(1, eager.response(options)), query("INSERT INTO items VALUES (66, 'unasked')"));
	await eager.untilEnd(8_000).catch(() => []);
	t.same(await direct(ground, "SELECT * FROM items WHERE id = 66"), [], "what comes along with a login is not run");
	eager.destroy();
	await stillServes(t, ground, "bad logins");
}

/** Says something in a session; answers what it is told, and whether the session goes on. */
async function inSession(t: Test, ground: Ground, license: string, bytes: Buffer): Promise<string> {
	const client = await ground.login(t, license);
	client.say(bytes);
	const said = await client.next(5_000).catch((error: unknown) => String(error));
	const first = typeof said === "string" ? said : said[0] === 0xff ? `E${readError(said).errno}` : "answered";
	if (first !== "the connection ended" && !client.ended) {
		client.say(command(COM.ping));
		const goes = await client.next(3_000).then(
			(payload) => payload[0] === 0,
			() => false,
		);
		client.destroy();
		return `${first}, ${goes ? "goes on" : "ends"}`;
	}
	client.destroy();
	return `${first}, ends`;
}

async function packets(t: Test, ground: Ground): Promise<void> {
	const long = Buffer.concat([Buffer.of(COM.query), Buffer.from(`SELECT '${"x".repeat(300_000)}'`)]);
	for (const license of ["basic", "everything"]) {
		for (const [name, expected, bytes] of [
			["a number that is not 0", /^E1156, ends$/, packet(3, Buffer.of(COM.ping))],
			["no command at all", /^E\d+, (goes on|ends)$/, packet(0, Buffer.alloc(0))],
			["an execution cut short", /^E1835, goes on$/, command(COM.execute, int16(1))],
			["an execution of none", /^E1243, goes on$/, command(COM.execute, int32(9), Buffer.of(0), int32(1))],
			["a fetch cut short", /^E1835, goes on$/, command(COM.fetch, int32(1))],
			["a fetch of none", /^E1243, goes on$/, command(COM.fetch, int32(9), int32(1))],
			["a reset of none", /^E1243, goes on$/, command(COM.reset, int32(9))],
			["a reset that is too long", /^E1835, goes on$/, command(COM.reset, int32(9), int32(9))],
			["a ping that is too long", /^E1835, goes on$/, command(COM.ping, "xxx")],
			["an option without its number", /^E1835, goes on$/, command(COM.setOption)],
			["a kill without its number", /^E1835, goes on$/, command(COM.processKill, "x")],
			["a field list without an end", /^E1835, goes on$/, command(COM.fieldList, "items")],
			["a text with a NUL", /^(E1142|E1064), goes on$/, query("SELECT 1\0; DROP TABLE items")],
			[
				"a text that is no UTF-8",
				/^(E\d+|answered), goes on$/,
				query(Buffer.from([0x53, 0xff, 0xfe]).toString("latin1")),
			],
			["an empty text", /^E(1065|1142), goes on$/, command(COM.query)],
			[
				"a second packet out of order",
				/^E1156, ends$/,
				Buffer.concat([packet(0, Buffer.alloc(0xff_ff_ff, 3)), packet(5, Buffer.alloc(10))]),
			],
		] as const) {
			t.match(await inSession(t, ground, license, bytes), expected, `${license}: ${name}`);
		}
	}
	t.match(
		await inSession(t, ground, "basic", packet(0, long)),
		/^E1142, goes on$/,
		"a text beyond bounds.statementBytes",
	);
	const bound = await ground.login(t, "basic");
	const { id } = await bound.prepare("SELECT id FROM items WHERE id = ?");
	for (const [name, body] of [
		["no types", Buffer.of(0, 0)],
		["a length beyond its end", Buffer.concat([Buffer.of(0, 1, 253, 0, 0xfe), Buffer.alloc(8, 0xff)])],
		["a type that is none", Buffer.of(0, 1, 200, 0, 1)],
	] as const) {
		bound.say(command(COM.execute, int32(id), Buffer.of(0), int32(1), body));
		t.match(outline([await bound.answer(true)]), /^E1835 HY000$/, `parameters: ${name}`);
	}
	t.equal(outline(await bound.execute(id, { values: ["1"] })), "1c 1r s2 w0", "and the statement is as it was");
	const half = await ground.login(t, "basic");
	half.send(packet(0, Buffer.from("\u0003SELECT 1"), 500));
	await pause(50);
	half.destroy();
	const resetting = await ground.login(t, "basic");
	resetting.say(packet(0, Buffer.of(COM.ping)));
	await resetting.next();
	resetting.end();
	await resetting.untilEnd();
	t.ok(resetting.ended, "half closed is closed");
	t.same(await direct(ground, "SELECT count(*) FROM items"), [[1]], "nothing has run that was not judged");
	await stillServes(t, ground, "bad packets");
}

async function beyondMessages(t: Test, ground: Ground): Promise<void> {
	const client = await ground.login(t, "basic");
	const piece = packet(0, Buffer.alloc(1 << 20), 0xff_ff_ff);
	client.say(piece);
	for (let sent = 0; sent < 20 && !client.ended; sent++) {
		client.send(Buffer.alloc(1 << 20, 1));
		await pause(5);
	}
	const error = await client.lastError(8_000).catch(() => undefined);
	t.match(error, { errno: 1153, state: "08S01" }, "a message beyond bounds.messageBytes");
	await stillServes(t, ground, "a message that is too long");
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const config = { bounds: { loginTimeout: `${LOGIN_TIMEOUT_MS}ms` } };
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES, config });
		const process = ground.licet.pid;
		await t.test("at login", (t) => logins(t, ground));
		await t.test("in a session", (t) => packets(t, ground));
		t.equal(ground.licet.pid, process, "all of it was met by one process");
		const small = await prepareGround(t, server, {
			schema: SCHEMA,
			licenses: LICENSES,
			config: { bounds: { messageBytes: "1MiB" } },
		});
		await t.test("messages that are too long", (t) => beyondMessages(t, small));
	});
}
