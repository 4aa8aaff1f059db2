/**
 * How a connection begins and ends, held straight with servers old and new and through Licet: protocol versions and
 * options, cancel keys, the application's name, settings that the server refuses, cancel requests, the ends that either
 * side makes.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import t, { type Test } from "tap";
import { license } from "../../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { RawClient, type RawOptions, rawOptions, ServerError } from "../../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

const servers = testServers();
const urls = { pg15: await createDatabase(t, servers.pg15), pg18: await createDatabase(t, servers.pg18) };
const licet = await startLicet(t, {
	targets: { pg15: targetOf(urls.pg15), pg18: targetOf(urls.pg18) },
	licenses: { everything: license("everything", { permits: "all" }) },
});
const through = {
	pg15: rawGrant(await licet.grant({ license: "everything", target: "pg15" })),
	pg18: rawGrant(await licet.grant({ license: "everything", target: "pg18" })),
};
/** Told from what other tests run. */
const SLEEP = "SELECT pg_sleep(31)";

type ServerName = keyof typeof urls;

const version = (minor: number): number => (3 << 16) | minor;

/** What the server says of the version before it asks who we are. */
async function negotiated(
	login: RawOptions,
	protocol: number,
	parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
	const client = await RawClient.open(login);
	try {
		client.send(wire.startup({ user: login.user ?? "", database: login.database ?? "", ...parameters }, protocol));
		const first = await client.next();
		if (first.type === "E") return `E:${wire.errorFields(first).C}`;
		return first.type === "v" ? `v ${first.body.toString("hex")}` : first.type;
	} finally {
		client.destroy();
	}
}

await t.test("protocol versions and options are negotiated as the newest server does", async (t) => {
	for (const server of ["pg18", "pg15"] as const) {
		// libpq 19 asks for 3.9999 to find out who cannot negotiate.
		for (const minor of [0, 2, 3, 9999]) {
			const expected = await negotiated(rawOptions(urls.pg18), version(minor));
			t.equal(await negotiated(through[server], version(minor)), expected, `${server} 3.${minor}`);
		}
		const options = { "_pq_.test_protocol_negotiation": "", "_pq_.other": "x" };
		for (const minor of [0, 2, 9999]) {
			const expected = await negotiated(rawOptions(urls.pg18), version(minor), options);
			t.match(expected, /^v /);
			t.equal(await negotiated(through[server], version(minor), options), expected, `${server} 3.${minor}, options`);
		}
		const newer = 4 << 16;
		t.equal(await negotiated(through[server], newer), await negotiated(rawOptions(urls.pg18), newer), "4.0");
	}
});

await t.test("a session of protocol 3.9999, with a long cancel key that works", async (t) => {
	for (const login of [rawOptions(urls.pg18), through.pg18, through.pg15]) {
		const client = await RawClient.login({ ...login, protocol: version(9999) });
		t.equal(client.secret.length, 32, "as long as the server's own");
		await cancelled(t, client, login);
		client.destroy();
	}
	const old = await RawClient.login(through.pg18);
	t.equal(old.secret.length, 4);
	await cancelled(t, old, through.pg18);
	old.destroy();
});

async function sleeps(): Promise<boolean> {
	const sql = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = '${SLEEP}'`;
	for (const url of Object.values(urls)) {
		if ((await withClient(url, (admin) => admin.query(sql))).rowCount === 1) return true;
	}
	return false;
}

/** Cancels a statement of this client by its key. */
async function cancelled(t: Test, client: RawClient, login: RawOptions): Promise<void> {
	client.send(wire.query(SLEEP));
	t.ok(await until(sleeps), "it is at work");
	await requestCancel(login, client.pid, client.secret);
	t.equal(wire.outline(await client.until("Z")), "T E:57014 Z:I");
}

async function requestCancel(login: RawOptions, pid: number, secret: Buffer): Promise<void> {
	const client = await RawClient.open(login);
	client.send(wire.cancelRequest(pid, secret));
	t.same(await client.untilEnd(), [], "a cancel request is not answered");
}

await t.test("replication is refused clearly", async (t) => {
	for (const replication of ["true", "database", "on", "1"]) {
		const error = await RawClient.login({ ...through.pg15, parameters: { replication } }).catch((failure) => failure);
		t.ok(error instanceof ServerError);
		t.match(error, { fields: { S: "FATAL", C: "0A000", M: /replication connections are not served/ } });
	}
});

await t.test("settings that the server refuses are refused in its words", async (t) => {
	const refused = async (login: RawOptions, parameters: Readonly<Record<string, string>>) => {
		const error = await RawClient.login({ ...login, parameters }).catch((failure: unknown) => failure);
		if (!(error instanceof ServerError)) throw new Error(`it was let in: ${String(error)}`);
		const { C, M } = error.fields;
		return `${C} ${M}`;
	};
	for (const server of ["pg15", "pg18"] as const) {
		for (const parameters of [
			{ work_mem: "a lot" },
			{ options: "-c no_such_setting=1" },
			{ options: "-c shared_buffers=1GB" },
			{ DateStyle: "sideways" },
		]) {
			const expected = await refused(rawOptions(urls[server]), parameters);
			t.equal(await refused(through[server], parameters), expected, expected);
		}
	}
});

await t.test("a cancel request while a result streams, and while nothing runs", async (t) => {
	for (const login of [rawOptions(urls.pg15), through.pg15]) {
		const client = await RawClient.login({ ...login, dropRows: true });
		client.send(wire.query("SELECT generate_series(1, 100000000), repeat('x', 1000)"));
		t.ok(await until(async () => client.rowsDropped > 0), "it streams");
		await requestCancel(login, client.pid, client.secret);
		t.equal(wire.outline((await client.until("Z", 20_000)).slice(-2)), "E:57014 Z:I");
		// Nothing runs: nothing is hit, not even what comes next.
		await requestCancel(login, client.pid, client.secret);
		await client.during(200);
		t.equal(wire.outline(await client.query("SELECT 1")), "T C:SELECT 1 Z:I");
		await requestCancel(login, client.pid, Buffer.alloc(client.secret.length));
		t.equal(wire.outline(await client.query("SELECT pg_sleep(0.1)")), "T C:SELECT 1 Z:I", "another's key");
		client.destroy();
	}
});

/** What the server's own views say of the session, beside what its client is told and asks. */
async function names(
	client: RawClient,
	watcher: string,
	pid: string,
): Promise<Record<string, string | null | undefined>> {
	const shown = (await client.query("SHOW application_name")).find((each) => each.type === "D");
	const sql = "SELECT application_name FROM pg_stat_activity WHERE pid = $1";
	const { rows } = await withClient(watcher, (admin) => admin.query(sql, [pid]));
	return {
		told: client.reported.get("application_name"),
		shown: shown && wire.rowValues(shown)[0],
		server: rows[0]?.application_name,
	};
}

/** Statuses that came with an answer are kept as the login's are. */
async function set(client: RawClient, ...sql: readonly string[]): Promise<number> {
	let told = 0;
	for (const each of sql) {
		for (const { type, body } of await client.query(each)) {
			if (type !== "S") continue;
			const [name = "", value = ""] = body.toString("utf8").split("\0");
			if (name !== "application_name") continue;
			client.reported.set(name, value);
			told++;
		}
	}
	return told;
}

await t.test("the application's name: with its subject at the server, as it was set at the client", async (t) => {
	const long = "an application whose name is much longer than what the server keeps of it, which is 63 bytes";
	const steps: readonly (readonly string[])[] = [
		[],
		["SET application_name = 'a job'"],
		["SET application_name = 'a job'"],
		[`SET application_name = '${long}'`],
		["SET application_name = 'it''s'", "RESET application_name"],
		["BEGIN", "SET LOCAL application_name = 'for now'", "SELECT 1"],
		["COMMIT"],
		["BEGIN; SET application_name = 'undone'", "ROLLBACK"],
		["SET application_name = 'gone'", "DISCARD ALL"],
		["SET application_name = ''"],
	];
	for (const server of ["pg15", "pg18"] as const) {
		for (const own of ["psql", long, "grün", undefined]) {
			const parameters = own === undefined ? {} : { application_name: own };
			const [direct, client] = [
				await RawClient.login({ ...rawOptions(urls[server]), parameters }),
				await RawClient.login({ ...through[server], parameters }),
			];
			const pids = await Promise.all([direct, client].map(backend));
			for (const step of steps) {
				const [expectedTold, gotTold] = [await set(direct, ...step), await set(client, ...step)];
				const title = `${server}, ${own}: ${step.join("; ")}`;
				t.equal(gotTold, expectedTold, `${title}: told as often`);
				const expected = await names(direct, urls[server], pids[0] as string);
				const got = await names(client, urls[server], pids[1] as string);
				t.same({ ...got, server: "" }, { ...expected, server: "" }, title);
				const signs = step.includes("BEGIN") || step[0]?.startsWith("BEGIN; ") === true;
				if (!signs) t.match(got.server, /(^| )\[alice\]$/, `${title}: ${got.server}`);
			}
			direct.destroy();
			client.destroy();
		}
	}
});

async function backend(client: RawClient): Promise<string> {
	const row = (await client.query("SELECT pg_backend_pid()")).find((each) => each.type === "D") as wire.Message;
	return wire.rowValues(row)[0] as string;
}

await t.test("the server ends the session", async (t) => {
	for (const server of ["pg15", "pg18"] as const) {
		for (const busy of [false, true]) {
			const ends = [];
			for (const login of [rawOptions(urls[server]), through[server]]) {
				const client = await RawClient.login(login);
				const pid = await backend(client);
				if (busy) client.send(wire.query("SELECT pg_sleep(30)"));
				await client.during(200);
				await withClient(urls[server], (admin) => admin.query("SELECT pg_terminate_backend($1)", [pid]));
				ends.push((await client.untilEnd()).filter((each) => each.type === "E").map(withoutPlace));
			}
			t.match(ends[0], [/57P01/]);
			t.same(ends[1], ends[0], `${server}, ${busy ? "busy" : "idle"}`);
		}
	}
});

function withoutPlace(error: wire.Message): string {
	const { R, F, L, ...fields } = wire.errorFields(error);
	return JSON.stringify(fields);
}

/** Sessions of Licet at a server, by the name that it signs. */
async function signed(server: ServerName): Promise<number> {
	const sql = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE '%gone [alice]'";
	return withClient(urls[server], async (admin) => (await admin.query(sql)).rows[0].n);
}

async function until(reached: () => Promise<boolean>): Promise<boolean> {
	for (let waited = 0; waited < 10_000; waited += 100) {
		if (await reached()) return true;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	return false;
}

await t.test("a client that is reset, or closes its half, leaves nobody behind", async (t) => {
	for (const how of ["reset", "half"] as const) {
		const login = { ...through.pg15, parameters: { application_name: "gone" } };
		const relay = await passThrough(login);
		const client = await RawClient.login({ ...login, port: relay.port });
		client.send(wire.query("SELECT pg_sleep(60)"));
		t.ok(await until(async () => (await signed("pg15")) === 1), "it is at work");
		if (how === "reset") relay.reset();
		else client.half();
		t.ok(await until(async () => (await signed("pg15")) === 0), `${how}: its backend is gone`);
		client.destroy();
		relay.close();
	}
	t.equal(wire.outline(await (await RawClient.login(through.pg15)).query("SELECT 1")), "T D C:SELECT 1 Z:I");
});

/** A socket between, since Node resets a connection only where nothing of it was read. */
async function passThrough({ host = "127.0.0.1", port }: RawOptions) {
	let onward: Socket | undefined;
	const server = createServer((socket) => {
		onward = connect({ host, port });
		onward.on("error", () => socket.destroy());
		socket.on("error", () => undefined);
		socket.pipe(onward);
		onward.pipe(socket);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		port: (server.address() as AddressInfo).port,
		reset: () => onward?.resetAndDestroy(),
		close: () => server.close(),
	};
}

await t.test(
	"both sides are kept alive",
	{ skip: process.platform === "linux" ? false : "reads the kernel's table of connections" },
	async (t) => {
		const client = await RawClient.login(through.pg15);
		t.teardown(() => client.destroy());
		await client.query("SELECT 1");
		const upstream = Number(new URL(urls.pg15).port);
		// Timers of this kind run on the side that has set SO_KEEPALIVE.
		t.ok(await until(async () => kept(licet.port, "local")), "the client's");
		t.ok(await until(async () => kept(upstream, "remote")), "the server's");
	},
);

/** Whether the kernel runs a keep-alive timer (kind 2) on a connection of this process from, or to, this port. */
function kept(port: number, side: "local" | "remote"): boolean {
	const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
	const own = new Set(openInodes(licet));
	return lines.some((line) => {
		const [, local = "", remote = "", state, , timer = "", , , , inode = ""] = line.trim().split(/\s+/);
		const address = side === "local" ? local : remote;
		const isThere = state === "01" && Number.parseInt(address.split(":")[1] ?? "", 16) === port;
		return isThere && own.has(inode) && timer.startsWith("02");
	});
}

function openInodes({ pid }: Licet): string[] {
	return readdirLinks(`/proc/${pid}/fd`).map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? "");
}

function readdirLinks(folder: string): string[] {
	return readdirSync(folder).map((name) => {
		try {
			return readlinkSync(`${folder}/${name}`);
		} catch {
			// Closed in the meantime.
			return "";
		}
	});
}
