/**
 * What comes over the wire and should not: each case ends in the protocol's own error and a line in the log, never in a
 * crash, a hang, or a byte passed on to the server that nobody judged (issue: Bad input).
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { type IssuedGrant, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient, ServerError } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

/** Forty clients that log in at once need more than a second where a backend takes 50 ms to fork. */
const LOGIN_TIMEOUT_MS = 3000;

const url = await createDatabase(
	t,
	testServers().pg15,
	`CREATE SCHEMA app; CREATE TABLE app.log (word text); CREATE TABLE app.rows AS SELECT generate_series(1, 200000) AS n, repeat('x', 100) AS w;`,
);

/** A TCP proxy before the server that cuts all its connections when told to. */
class Cable {
	readonly #sockets = new Set<Socket>();
	readonly #server = createServer((socket) => this.#join(socket));
	readonly #to: URL;
	port = 0;

	constructor(to: string) {
		this.#to = new URL(to);
	}

	open(): Promise<void> {
		return new Promise((resolve) => {
			this.#server.listen(this.port, "127.0.0.1", () => {
				const address = this.#server.address();
				this.port = typeof address === "object" && address !== null ? address.port : 0;
				resolve();
			});
		});
	}

	#join(socket: Socket): void {
		const other = connect({ host: this.#to.hostname, port: Number(this.#to.port) });
		for (const [from, to] of [
			[socket, other],
			[other, socket],
		] as const) {
			this.#sockets.add(from);
			from.on("error", () => {});
			from.on("close", () => {
				this.#sockets.delete(from);
				to.destroy();
			});
			from.pipe(to);
		}
	}

	cut(): void {
		for (const socket of this.#sockets) socket.resetAndDestroy();
	}

	close(): Promise<void> {
		this.cut();
		return new Promise((resolve) => {
			this.#server.close(() => resolve());
		});
	}
}

const cable = new Cable(url);
await cable.open();
t.teardown(() => cable.close());

const cabled = new URL(url);
cabled.port = String(cable.port);

/** Takes connections and says nothing. */
const deaf = createServer((socket) => socket.resume());
await new Promise<void>((resolve) => void deaf.listen(0, "127.0.0.1", resolve));
t.teardown(() => deaf.close());

const licet = await startLicet(t, {
	targets: {
		deaf: targetOf(`postgres://nobody:nothing@127.0.0.1:${(deaf.address() as AddressInfo).port}/shop`),
		shop: targetOf(url),
		cabled: targetOf(cabled.href),
		dead: targetOf("postgres://nobody:nothing@127.0.0.1:1/shop"),
		mistaken: targetOf(url.replace(/:[^:@]+@/, ":wrong-password@")),
		absent: targetOf(url.replace(/[^/]+$/, "no_such_database")),
	},
	licenses: {
		narrow: license("narrow", { permits: [{ on: ["app.*"], commands: ["read", "insert"] }] }),
		everything: license("everything", { permits: "all" }),
	},
	config: { bounds: { loginTimeout: `${LOGIN_TIMEOUT_MS}ms`, messageBytes: "256KiB", statementBytes: "64KiB" } },
});

const grant = await licet.grant({ license: "narrow", target: "shop" });
const free = await licet.grant({ license: "everything", target: "shop" });
const options = rawGrant(grant);

/** After whatever happened: the same process still serves. */
async function stillServes(t: Test, after: string): Promise<void> {
	const client = await RawClient.login(options);
	t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I", `it still serves after ${after}`);
	client.destroy();
}

const process = licet.pid;

/** Sends bytes on a fresh connection and gives all that comes until the other side closes. */
async function throwAt(
	bytes: Buffer,
	limitMs = LOGIN_TIMEOUT_MS + 4_000,
): Promise<{ answers: wire.Message[]; raw: number; afterMs: number }> {
	const client = await RawClient.open(options);
	const since = Date.now();
	client.send(bytes);
	const answers = await client.untilEnd(limitMs);
	return { answers, raw: client.bytesReceived, afterMs: Date.now() - since };
}

const login = wire.startup({ user: grant.username, database: grant.database });

await t.test("before the login", async (t) => {
	const big = wire.startup({ user: grant.username, database: grant.database, options: "x".repeat(70_000) });
	const lengths = [0, 1, 4, 7, 0x7fffffff, -1, 10_001_000].map((length) =>
		Buffer.concat([wire.int32(length | 0), wire.int32(wire.PROTOCOL_3_0), Buffer.from("user\0x\0\0")]),
	);
	for (const [name, bytes] of [
		["a web browser", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
		["a MySQL client", Buffer.from("200000018500000000000001080000000000000000000000000000000000000000000000", "hex")],
		["TLS where there is none", Buffer.from("16030100c8010000c40303", "hex")],
		["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
		["zeros", Buffer.alloc(64)],
		["random bytes", Buffer.from("f00dfeedfacecafebeefdeadc0ffee00112233445566778899", "hex")],
		["a startup packet beyond 64 KiB", big],
		...lengths.map((bytes, index) => [`a startup length that is wrong (${index})`, bytes] as const),
		["protocol 2", wire.startup({ user: grant.username }, 131_072)],
		["no user", wire.startup({ database: "x" })],
		[
			"a parameter without a value",
			Buffer.concat([wire.int32(13), wire.int32(wire.PROTOCOL_3_0), Buffer.from("user\0")]),
		],
		[
			"no end of the parameters",
			Buffer.concat([wire.int32(14), wire.int32(wire.PROTOCOL_3_0), Buffer.from("user\0x")]),
		],
		["a query instead of a startup", wire.query("SELECT 1")],
	] as const) {
		const { answers, raw, afterMs } = await throwAt(bytes);
		for (const { type } of answers) t.equal(type, "E", `${name}: an error`);
		t.ok(raw < 1_000 && afterMs < LOGIN_TIMEOUT_MS + 1_500, `${name}: ${raw} bytes after ${afterMs} ms`);
	}
	await stillServes(t, "all that");
});

await t.test("half a packet and then silence", async (t) => {
	for (const [name, bytes] of [
		["nothing at all", Buffer.alloc(0)],
		["half a startup packet", login.subarray(0, 11)],
		["a startup packet and no password", login],
		["half an SSLRequest", wire.sslRequest.subarray(0, 5)],
	] as const) {
		const { afterMs } = await throwAt(bytes);
		t.ok(afterMs > LOGIN_TIMEOUT_MS - 100 && afterMs < LOGIN_TIMEOUT_MS + 1_500, `${name}: cut after ${afterMs} ms`);
	}
	const half = await RawClient.open(options);
	half.send(login);
	t.equal((await half.next()).type, "R");
	const since = Date.now();
	half.send(wire.message("p", "SCRAM-SHA-256\0").subarray(0, 9));
	await half.untilEnd(LOGIN_TIMEOUT_MS + 5_000);
	t.ok(Date.now() - since < LOGIN_TIMEOUT_MS + 1_500 && Date.now() - since > LOGIN_TIMEOUT_MS / 2, "half a password");
	t.match(licet.log(), /took too long/);

	const silent = await failedLogin(rawGrant(await licet.grant({ license: "everything", target: "deaf" })));
	t.match(silent.error, { fields: { S: "FATAL", C: "08001", M: "the login took too long" } }, "the server's silence");
	await stillServes(t, "silence");
});

await t.test("during the login", async (t) => {
	const sasl = (mechanism: string, initial: Buffer) =>
		wire.message("p", wire.text(mechanism), wire.int32(initial.length), initial);
	const first = Buffer.from("n,,n=,r=abcdefghijklmnopqrst");
	for (const [name, bytes] of [
		["a query instead of a password", wire.query("SELECT 1")],
		["an unknown mechanism", sasl("SCRAM-MD5", first)],
		["an empty password", wire.password("")],
		["a password that is no SASL", wire.password("secret")],
		["SCRAM without a nonce", sasl("SCRAM-SHA-256", Buffer.from("n,,n=,r="))],
		[
			"SCRAM with channel binding that was not offered",
			sasl("SCRAM-SHA-256", Buffer.from("p=tls-server-end-point,,n=,r=abc")),
		],
		["SCRAM of another user", sasl("SCRAM-SHA-256", Buffer.from("n,a=root,n=,r=abcdefghijkl"))],
		["SASL beyond its length", wire.message("p", wire.text("SCRAM-SHA-256"), wire.int32(99_999), first)],
		["a frame of 1 GB", Buffer.concat([Buffer.from("p"), wire.int32(1 << 30), Buffer.alloc(100)])],
		["a negative length", Buffer.concat([Buffer.from("p"), wire.int32(-5), Buffer.alloc(100)])],
		["Sync", wire.sync],
	] as const) {
		const client = await RawClient.open(options);
		client.send(login);
		t.equal((await client.next()).type, "R");
		client.send(bytes);
		const answers = await client.untilEnd(3_000);
		t.match(wire.outline(answers), /^E:(08P01|28P01|28000)$/, `${name}: ${wire.outline(answers)}`);
	}
	await stillServes(t, "bad logins");
});

/** The error of a login and how long it took. */
async function failedLogin(login: typeof options): Promise<{ error: unknown; tookMs: number }> {
	const since = performance.now();
	const error: unknown = await RawClient.login(login).then(
		(client) => client.destroy(),
		(error: unknown) => error,
	);
	return { error, tookMs: performance.now() - since };
}

const words = (error: unknown, user: string): string =>
	error instanceof ServerError ? JSON.stringify(error.fields).replaceAll(user, "USER") : String(error);

await t.test("who is not let in", async (t) => {
	const stranger = "lic_abcdefghijkmnpqr";
	const revoked = await licet.grant({ license: "narrow", target: "shop" });
	await licet.json("revoke", revoked.grant);
	const users = [grant.username, stranger, "postgres", revoked.username];
	const said = new Set<string>();
	const medians = async (): Promise<number[]> => {
		const took = users.map((user) => ({ user, times: [] as number[] }));
		for (let round = 0; round < 20; round++) {
			for (const { user, times } of took) {
				const { error, tookMs } = await failedLogin({ ...options, user, password: "wrong-password" });
				said.add(words(error, user));
				times.push(tookMs);
			}
		}
		return took.map(({ times }) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0);
	};
	// A difference of ours would be there every time; one that other processes make is not.
	let spread = Number.POSITIVE_INFINITY;
	for (let attempt = 0; attempt < 4 && spread >= 5; attempt++) {
		const times = await medians();
		spread = Math.max(...times) - Math.min(...times);
		t.comment(`${times.map((ms) => ms.toFixed(1))} ms`);
	}
	t.equal(said.size, 1, [...said].join("\n"));
	t.match([...said][0], /"S":"FATAL".*"C":"28P01".*password authentication failed/);
	t.ok(spread < 5, `nor does time tell: ${spread.toFixed(1)} ms`);
	const end = await failedLogin(rawGrant(revoked));
	t.match(end.error, { fields: { S: "FATAL", C: "28000" } }, "a revoked grant with its password");
	const elsewhere = await failedLogin({ ...options, database: "postgres" });
	t.match(elsewhere.error, { fields: { S: "FATAL", C: /^(3D000|28000|42501)$/ } }, "another database");
	for (const parameters of [
		{ options: "-c search_path=pg_catalog -c session_replication_role=replica" },
		{ options: "-c standard_conforming_strings=off" },
		{ client_encoding: "SJIS" },
		{ replication: "database" },
		{ options: "-c role=pg_read_all_data" },
		{ session_replication_role: "replica" },
	]) {
		const { error } = await failedLogin({ ...options, parameters } as typeof options);
		t.match(error, { fields: { S: "FATAL" } }, `${JSON.stringify(parameters)} is refused`);
	}
});

await t.test("after the login", async (t) => {
	const count = () =>
		withClient(url, async (client) => (await client.query("SELECT count(*)::int AS n FROM app.log")).rows[0].n);
	const insert = wire.query("INSERT INTO app.log VALUES ('unjudged')");
	const cases: readonly (readonly [string, Buffer, RegExp])[] = [
		["an unknown message", wire.message("z", "abc"), /E:08P01/],
		["a server's message", wire.message("D", wire.int16(0)).subarray(0, 5), /./],
		["a length of 3", Buffer.concat([Buffer.from("Q"), wire.int32(3), insert]), /E:08P01/],
		["a negative length", Buffer.concat([Buffer.from("Q"), wire.int32(-1), insert]), /E:08P01/],
		["a length of 2 GB", Buffer.concat([Buffer.from("P"), wire.int32(0x7fffffff), insert]), /E:(08P01|54000)/],
		["a message beyond the bound", wire.parse(`SELECT '${"x".repeat(300_000)}'`), /E:(08P01|54000)/],
		["a startup packet", Buffer.concat([login, insert]), /E:08P01/],
		["a password", wire.password("again"), /E:08P01/],
		["an SSLRequest", wire.sslRequest, /E:08P01/],
	];
	for (const [name, bytes, expected] of cases) {
		for (const login of [options, rawGrant(free)]) {
			const client = await RawClient.login({ ...login, timeoutMs: 2_000 });
			client.send(bytes);
			// What could be the beginning of more waits for it: an end is forced by a byte that cannot follow.
			client.send(wire.sync, wire.message("z"));
			const answers = await client.untilEnd(3_000).catch(() => client.during(0));
			t.match(wire.outline(answers), expected, `${name}: ${wire.outline(answers)}`);
			client.destroy();
		}
	}
	t.equal(await count(), 0, "nothing of it reached the table");
	await stillServes(t, "broken messages");
});

await t.test("messages that say something wrong within", async (t) => {
	const client = await RawClient.login(options);
	const direct = await RawClient.login({ ...rawGrant(free) });
	for (const [name, frames] of [
		["a query without its end", [wire.message("Q", "SELECT 1")]],
		["a query with something after its end", [wire.message("Q", "SELECT 1\0SELECT 2\0")]],
		["an empty Parse", [wire.message("P"), wire.sync]],
		["a Parse that promises types", [wire.message("P", "\0SELECT 1\0", wire.int16(5)), wire.sync]],
		[
			"a Bind that promises values",
			[wire.parse("SELECT 1"), wire.message("B", "\0\0", wire.int16(0), wire.int16(9)), wire.sync],
		],
		[
			"a Bind whose value is longer than the message",
			[
				wire.parse("SELECT $1::text"),
				wire.message("B", "\0\0", wire.int16(0), wire.int16(1), wire.int32(500), "x", wire.int16(0)),
				wire.sync,
			],
		],
		[
			"a Bind with a length of −2",
			[
				wire.parse("SELECT $1::text"),
				wire.message("B", "\0\0", wire.int16(0), wire.int16(1), wire.int32(-2), wire.int16(0)),
				wire.sync,
			],
		],
		["a Describe of nothing known", [wire.message("D", "X\0"), wire.sync]],
		["a Close of nothing known", [wire.message("C", "X\0"), wire.sync]],
		["an Execute without its count", [wire.message("E", "\0"), wire.sync]],
		["an Execute of no portal", [wire.execute("nothing"), wire.sync]],
		["a Bind of no statement", [wire.bind({ statement: "nothing" }), wire.sync]],
		["CopyData outside COPY", [wire.copyData("1\n"), wire.copyDone, wire.sync]],
		["text that is no UTF-8", [wire.message("Q", Buffer.from([0x53, 0xff, 0xfe, 0x00]))]],
	] as const) {
		for (const each of [client, direct]) {
			const answers = await each.ask(...frames).catch((error: unknown) => String(error));
			const outline = typeof answers === "string" ? answers : wire.outline(answers);
			t.match(outline, /^(1 )?(E:\w{5} )?Z:I$/, `${name}: ${outline}`);
		}
	}
	t.equal(wire.outline(await client.query("SELECT 1")), "T D C:SELECT 1 Z:I", "the session goes on");
	const long = `SELECT '${"y".repeat(100_000)}'`;
	const refused = (await client.query(long)).find(({ type }) => type === "E");
	t.match(refused && wire.errorFields(refused), { C: "42501" }, "text beyond the bound on statements is denied");
	client.destroy();
	direct.destroy();
});

await t.test("a server that is not there", async (t) => {
	for (const target of ["dead", "mistaken", "absent"]) {
		const database = target === "dead" ? "shop" : undefined;
		const dead = await licet.grant({
			license: "narrow",
			target,
			...(database ? { flags: ["--database", database] } : {}),
		});
		const { error, tookMs } = await failedLogin(rawGrant(dead));
		t.match(error, { fields: { S: "FATAL", C: "08001" } }, target);
		t.notMatch(JSON.stringify(error), /nobody|wrong-password|postgres:/, `${target}: nothing of how we log in there`);
		t.ok(tookMs < 3_000);
	}
	t.match(licet.log(), /cannot be reached/);
	await stillServes(t, "that");
});

await t.test("a server that goes away", async (t) => {
	const far: IssuedGrant = await licet.grant({ license: "everything", target: "cabled" });
	const open = () => RawClient.login({ ...rawGrant(far), dropRows: true });
	const fatal = async (client: RawClient) => {
		await client.untilEnd(5_000);
		const error = client.received.filter(({ type }) => type === "E").at(-1);
		return error === undefined ? {} : wire.errorFields(error);
	};
	const asked: Promise<RawClient>[] = [open(), open(), open()];
	const [idle, running, streaming] = await Promise.all(asked);
	if (!idle || !running || !streaming) return;
	running.send(wire.query("SELECT pg_sleep(30)"));
	streaming.send(wire.query("SELECT * FROM app.rows a, generate_series(1, 100)"));
	const deadline = Date.now() + 10_000;
	while (streaming.rowsDropped === 0 && Date.now() < deadline) await streaming.during(20);
	t.ok(streaming.rowsDropped > 0, "in the middle of a result");
	cable.cut();
	for (const [name, client] of Object.entries({ idle, running, streaming })) {
		t.match(
			await fatal(client),
			{ S: "FATAL", C: /^(57P01|08006|08003|57P02)$/, M: /connection to the database/ },
			name,
		);
	}
	const terminated = await RawClient.login(rawGrant(free));
	const victim = wire.rowValues(
		(await terminated.query("SELECT pg_backend_pid()")).find(({ type }) => type === "D") ?? {
			type: "D",
			body: Buffer.alloc(2),
		},
	)[0];
	await withClient(url, (client) => client.query("SELECT pg_terminate_backend($1)", [Number(victim)]));
	t.match(await fatal(terminated), { S: "FATAL", C: "57P01" }, "the server's own last word comes through");
	await cable.close();
	const { error } = await failedLogin(rawGrant(far));
	t.match(error, { fields: { C: "08001" } }, "while it is away");
	await cable.open();
	const back = await open();
	t.equal(wire.outline(await back.query("SELECT")), "T C:SELECT 1 Z:I", "and when it is back");
	back.destroy();
});

await t.test("clients that go away", async (t) => {
	const backends = () =>
		withClient(url, async (client) => {
			const sql =
				"SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%gone-marker%' AND pid <> pg_backend_pid()";
			return Number((await client.query(sql)).rows[0].n);
		});
	const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => RawClient.login(rawGrant(free))));
	for (const client of clients) client.send(wire.query("SELECT pg_sleep(60) /* gone-marker */"));
	await new Promise((resolve) => setTimeout(resolve, 200));
	t.equal(await backends(), 6);
	for (const [index, client] of clients.entries()) {
		if (index % 3 === 0) client.destroy();
		else if (index % 3 === 1) client.half();
		else client.send(wire.terminate);
	}
	for (let waited = 0; (await backends()) > 0 && waited < 40; waited++) {
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	t.equal(await backends(), 0, "what they ran is stopped");
	await stillServes(t, "clients that went away");
});

await t.test("many at once", async (t) => {
	const results = await Promise.all(
		Array.from({ length: 40 }, async (_, n) => {
			const client = await RawClient.login(n % 3 === 0 ? rawGrant(free) : options);
			const outlines = await Promise.all([client.query(`SELECT ${n}`)]);
			if (n % 2 === 0) client.destroy();
			else client.send(wire.terminate);
			return wire.outline(outlines[0] ?? []);
		}),
	);
	t.same(new Set(results), new Set(["T D C:SELECT 1 Z:I"]), "forty clients race");
	const racing = await RawClient.login(options);
	const [one, two] = await Promise.all([RawClient.login(options), RawClient.login(options)]);
	racing.send(wire.query("SELECT 1"), wire.query("SELECT 2"), wire.sync);
	t.equal(wire.outline(await racing.until("Z")), "T D C:SELECT 1 Z:I");
	for (const client of [racing, one, two]) client.destroy();
});

await t.test("TLS to a port that has none", async (t) => {
	const error = await new Promise<Error>((resolve) => {
		const socket = tlsConnect({ host: licet.host, port: licet.port, ALPNProtocols: ["postgresql"] });
		socket.once("error", resolve);
		socket.once("secureConnect", () => resolve(new Error("connected")));
	});
	t.not(error.message, "connected");
	const client = await RawClient.open(options);
	client.send(wire.sslRequest);
	await client.during(100);
	t.equal(client.bytesReceived, 1, "SSLRequest is answered with one byte");
	client.send(login);
	await client.during(100);
	t.ok(client.bytesReceived > 10, "and the startup may follow");
	client.destroy();
	await stillServes(t, "TLS");
});

t.equal(licet.pid, process, "all of it was met by one process");
