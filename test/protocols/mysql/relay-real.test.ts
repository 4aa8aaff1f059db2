/**
 * The relay between real clients and real servers: denials, masks, caps, files, timeouts, cursors, what the session is
 * read by. The host judges by hand, so that a test fails for the relay's faults alone.
 */
import { Readable } from "node:stream";
import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from "mysql2/promise";
import t from "tap";
import { createMysqlDatabase, mysqlServers } from "../../helpers/mysql-servers.js";
import { cap, type HostOptions } from "../relay-host.js";
import { int16, int32, packet, RawMysql } from "./raw-client.js";
import { PROXY_PASSWORD, RelayProxy } from "./relay-proxy.js";

interface Test {
	teardown(work: () => unknown): void;
}

const SCHEMA = `
	CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(60) NOT NULL, secret TEXT, n DECIMAL(10,2) NOT NULL,
		born DATE, seen DATETIME(3), big BIGINT UNSIGNED NOT NULL, kind ENUM('a','b'), bits BIT(3), doc JSON, blob_ BLOB, t TIME,
		UNIQUE (email));
	INSERT INTO users VALUES (1, 'alice@example.com', 'one', 12.50, '1990-05-06', '2020-01-02 03:04:05.678', 18446744073709551615,
		'a', b'101', '{"a": 1}', x'00ff', '-26:01:02'), (2, 'bob@example.com', NULL, 99.99, NULL, NULL, 5, NULL, NULL, NULL, NULL, NULL);
	CREATE TABLE numbers (n INT PRIMARY KEY);
	INSERT INTO numbers WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 500) SELECT n FROM s;
	CREATE TABLE log (n INT);
	CREATE PROCEDURE two() BEGIN SELECT n FROM numbers LIMIT 2; SELECT email FROM users; END;
`;

interface Session {
	readonly client: Connection;
	readonly proxy: RelayProxy;
}

async function session(t: Test, url: string, options: HostOptions, client: ConnectionOptions = {}): Promise<Session> {
	const proxy = await RelayProxy.open(url, options);
	t.teardown(() => proxy.close());
	const { pathname } = new URL(url);
	const connection = await createConnection({
		host: "127.0.0.1",
		port: proxy.port,
		user: "alice",
		password: PROXY_PASSWORD,
		database: pathname.slice(1),
		...client,
	});
	connection.on("error", () => {});
	t.teardown(() => connection.destroy());
	return { client: connection, proxy };
}

/** Number and text of the error that something ends with. */
async function errorOf(work: Promise<unknown>): Promise<string> {
	try {
		await work;
		return "none";
	} catch (error) {
		const { errno, sqlState, message } = error as { errno?: number; sqlState?: string; message: string };
		return `${errno} ${sqlState} ${message}`;
	}
}

async function rows(client: Connection, sql: string, how: "query" | "execute"): Promise<unknown[]> {
	const [found] = await run(client, sql, how);
	return found.map((row) => Object.values(row));
}

function run(client: Connection, sql: string, how: "query" | "execute"): Promise<[RowDataPacket[], unknown]> {
	return how === "query" ? client.query<RowDataPacket[]>(sql) : client.execute<RowDataPacket[]>(sql);
}

const mask = (apply: (value: string) => string | null) => ({ name: "test", term: "masks[0]", apply });
const HOWS = ["query", "execute"] as const;

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		let url = "";
		t.before(async () => {
			url = await createMysqlDatabase(t, server, SCHEMA);
		});

		t.test("denials leave the session where the server's own error does", async (t) => {
			const { client, proxy } = await session(t, url, { denied: /secret/ });
			await client.query("BEGIN");
			await client.query("INSERT INTO log VALUES (1)");
			t.match(await errorOf(client.query("SELECT secret FROM users")), /^1142 42000 not permitted \(a term/);
			t.match(await errorOf(client.execute("SELECT secret FROM users WHERE id = ?", [1])), /^1142 42000/);
			t.same(await rows(client, "SELECT n FROM log", "query"), [[1]], "the transaction is still open");
			await client.query("ROLLBACK");
			t.same(await rows(client, "SELECT n FROM log", "query"), []);
			const host = proxy.sessions[0]?.host;
			t.same(
				host?.runs.filter((run) => run.denied).map(({ outcome }) => outcome?.error?.code),
				["1142", "1142"],
			);
			const up = Buffer.concat(host?.upstreamBytes ?? []).toString("latin1");
			t.notMatch(up, "SELECT secret");
		});

		t.test("a denied statement of a text denies the text", async (t) => {
			const { client, proxy } = await session(t, url, { denied: /secret/ }, { multipleStatements: true });
			t.match(await errorOf(client.query("INSERT INTO log VALUES (7); SELECT secret FROM users")), /^1142/);
			t.same(await rows(client, "SELECT n FROM log", "query"), []);
			const [all] = await client.query("SELECT 1 AS a; SELECT n FROM numbers LIMIT 2; SELECT 3 AS c");
			t.same(all, [[{ a: 1 }], [{ n: 1 }, { n: 2 }], [{ c: 3 }]]);
			t.same(
				proxy.sessions[0]?.host.runs.slice(-3).map(({ text, outcome }) => [text.trim(), outcome?.rows]),
				[
					["SELECT 1 AS a", 1],
					["SELECT n FROM numbers LIMIT 2", 2],
					["SELECT 3 AS c", 1],
				],
			);
			t.match(await errorOf(client.query("SELECT 1; SELECT nope; SELECT 2")), /^1054/);
			t.match(
				await errorOf(client.query("USE mysql; SELECT 1")),
				/^1142 42000 a statement that changes how text is read/,
			);
			t.same(await rows(client, "SELECT 5", "query"), [[5]]);
		});

		t.test("prepared statements are judged at each execution", async (t) => {
			const { client, proxy } = await session(t, url, {});
			const statement = await client.prepare("SELECT email FROM users WHERE id = ?");
			t.same((await statement.execute([1]))[0], [{ email: "alice@example.com" }]);
			const host = proxy.sessions[0]?.host;
			if (host === undefined) throw new Error("no session");
			host.denied = /email/;
			host.epochNow += 1;
			t.match(await errorOf(statement.execute([1])), /^1142/);
			host.denied = undefined;
			host.epochNow += 1;
			t.same((await statement.execute([2]))[0], [{ email: "bob@example.com" }]);
			t.same(host.runs.at(-1)?.parameters, ["2"]);
			await client.query("SET sql_mode = 'ANSI_QUOTES'");
			t.match(await errorOf(statement.execute([2])), /^1142 42000 sql_mode or character set were changed/);
			await statement.close();
			await client.query("PREPARE s FROM 'SELECT 1 AS one'");
			t.same(await rows(client, "EXECUTE s", "query"), [[1]]);
			host.denied = /select/i;
			host.epochNow += 1;
			t.match(await errorOf(client.query("EXECUTE s")), /^1142/);
			host.denied = undefined;
			await client.query("DEALLOCATE PREPARE s");
			t.match(await errorOf(client.query("EXECUTE s")), /^1243/);
		});

		for (const how of HOWS) {
			t.test(`masks: ${how}`, async (t) => {
				const masks = new Map([
					[1, mask((value) => `${value[0]}***`)],
					[3, mask((value) => value.replace(/\..*/, ""))],
					[4, mask(() => "2000-01-01")],
					[5, mask(() => "2000-01-01 00:00:00")],
					[6, mask(() => null)],
				]);
				const options: HostOptions = { masks, originNamed: () => undefined, sampleRows: 2 };
				const { client, proxy } = await session(t, url, options, { dateStrings: true, supportBigNumbers: true });
				const found = await rows(client, "SELECT * FROM users ORDER BY id", how);
				// Binary values without a fraction have none to show.
				const midnight = how === "query" ? "2000-01-01 00:00:00.000" : "2000-01-01 00:00:00";
				t.same(
					(found as unknown[][]).map((row) => row.slice(0, 8)),
					[
						[1, "a***", "one", "12", "2000-01-01", midnight, null, "a"],
						[2, "b***", null, "99", null, null, null, null],
					],
				);
				t.same((found[0] as unknown[]).slice(11), ["-26:01:02"], "what is behind the masks is untouched");
				const outcome = proxy.sessions[0]?.host.runs.at(-1)?.outcome;
				t.same(outcome?.masked, ["email", "n", "born", "seen", "big"]);
				t.equal(outcome?.sample?.rows[0]?.[1], "a***");
				t.match(JSON.stringify(outcome?.sample), /a\*\*\*/);
				t.notMatch(JSON.stringify(outcome?.sample), /alice/);
			});

			t.test(`the origin wall: ${how}`, async (t) => {
				const originNamed: HostOptions["originNamed"] = (schema, relation, column) => {
					if (relation !== "users") return undefined;
					const name = `${schema}.${relation}.${column}`;
					return { permitted: column !== "secret", mask: column === "email" ? mask(() => "***") : undefined, name };
				};
				const { client, proxy } = await session(t, url, { originNamed });
				t.same(await rows(client, "SELECT email AS harmless FROM users ORDER BY id", how), [["***"], ["***"]]);
				t.match(
					await errorOf(run(client, "SELECT secret AS harmless FROM users", how)),
					/^1142 42000 the result may not be delivered/,
				);
				t.same(await rows(client, "SELECT id FROM users ORDER BY id", how), [[1], [2]]);
				t.equal(proxy.sessions[0]?.host.incidents.length, 2);
			});

			t.test(`row caps: ${how}`, async (t) => {
				const { client, proxy } = await session(t, url, { rows: cap(3, "error") });
				t.match(await errorOf(run(client, "SELECT n FROM numbers", how)), /^1104 42000 more than 3/);
				t.same(await rows(client, "SELECT n FROM numbers LIMIT 3", how), [[1], [2], [3]]);
				t.match(await errorOf(run(client, "SELECT n FROM numbers a JOIN (SELECT 1 AS x) b", how)), /^1104/);
				t.same(await rows(client, "SELECT 7", how), [[7]], "a late stop hits nothing");
				t.equal(proxy.sessions[0]?.host.runs.find((run) => run.outcome?.error)?.outcome?.rows, 3);
				const cut = await session(t, url, { rows: cap(3, "truncate") });
				t.same(await rows(cut.client, "SELECT n FROM numbers", how), [[1], [2], [3]]);
				t.same(await rows(cut.client, "SELECT n FROM numbers LIMIT 2", how), [[1], [2]]);
				t.same(await rows(cut.client, "SELECT n FROM numbers", how), [[1], [2], [3]]);
				t.equal(cut.proxy.sessions[0]?.host.runs.at(-1)?.outcome?.rows, 3);
			});
		}

		t.test("a cursor is one statement over all its fetches", async (t) => {
			const proxy = await RelayProxy.open(url, { rows: cap(5, "error") });
			t.teardown(() => proxy.close());
			for (const flags of [0, 1 << 24]) {
				const raw = await RawMysql.login({
					host: "127.0.0.1",
					port: proxy.port,
					user: "alice",
					password: PROXY_PASSWORD,
					database: new URL(url).pathname.slice(1),
					flags,
				});
				t.teardown(() => raw.destroy());
				raw.send(packet(0, 0x16, "SELECT n FROM numbers"));
				const [prepared] = await raw.take(flags === 0 ? 3 : 2);
				const id = prepared?.body.readUInt32LE(1) ?? 0;
				raw.send(packet(0, 0x17, int32(id), 1, int32(1)));
				await raw.take(3);
				raw.send(packet(0, 0x1c, int32(id), int32(3)));
				t.equal((await raw.take(4)).length, 4, "three rows and the end");
				raw.send(packet(0, 0x1c, int32(id), int32(3)));
				const more = await raw.until((each) => each.body[0] === 0xff || each.body[0] === 0xfe);
				t.equal(more.length, 3);
				t.equal(more[2]?.body.readUInt16LE(1), 1104);
				raw.send(packet(0, 0x0e));
				t.equal((await raw.take(1))[0]?.body[0], 0);
				// Of what is not there.
				raw.send(packet(0, 0x1c, int32(999), int32(3)));
				t.equal((await raw.take(1))[0]?.body.readUInt16LE(1), 1243);
				raw.send(packet(0, 0x19, int32(id)), packet(0, 0x17, int32(id), 0, int32(1)));
				t.equal((await raw.take(1))[0]?.body.readUInt16LE(1), 1243);
				// Sent ahead, answered in order.
				raw.send(packet(0, 0x03, "SELECT 1"), packet(0, 0x0e), packet(0, 0x03, "DO 1"));
				const ahead = await raw.take(flags === 0 ? 7 : 6);
				t.same(
					ahead.map(({ sequence }) => sequence),
					flags === 0 ? [1, 2, 3, 4, 5, 1, 1] : [1, 2, 3, 4, 1, 1],
				);
				// Long data counts as the parameter that it is.
				raw.send(packet(0, 0x16, "SELECT LENGTH(?)"));
				const longer = await raw.take(flags === 0 ? 5 : 3);
				const other = longer[0]?.body.readUInt32LE(1) ?? 0;
				raw.send(
					packet(0, 0x18, int32(other), int16(0), "abc"),
					packet(0, 0x18, int32(other), int16(0), "def"),
					packet(0, 0x17, int32(other), 0, int32(1), 0, 1, int16(0xfc)),
				);
				await raw.until((each, index) => index > 2 && (each.body[0] === 0xff || each.body[0] === 0xfe));
				t.same(proxy.sessions.at(-1)?.host.runs.at(-1)?.parameters, ["abcdef"]);
			}
		});

		t.test("commands that nobody may send, and packets that are none", async (t) => {
			const proxy = await RelayProxy.open(url, {});
			t.teardown(() => proxy.close());
			const login = () =>
				RawMysql.login({
					host: "127.0.0.1",
					port: proxy.port,
					user: "alice",
					password: PROXY_PASSWORD,
					database: new URL(url).pathname.slice(1),
					flags: 0,
				});
			const raw = await login();
			t.teardown(() => raw.destroy());
			for (const code of [0x05, 0x06, 0x07, 0x08, 0x0a, 0x0d, 0x12, 0x15, 0x1e, 0x20, 0xfa, 0x00, 0x0b, 0x77]) {
				raw.send(packet(0, code, "anything"));
				const [answer] = await raw.take(1);
				t.equal(answer?.body[0], 0xff, `command ${code}`);
			}
			raw.send(packet(0, 0x03, "SELECT 1"));
			t.equal((await raw.take(5)).length, 5, "and the session goes on");
			raw.send(packet(0));
			t.equal((await raw.take(1))[0]?.body[0], 0xff);
			raw.send(packet(3, 0x03, "SELECT 1"));
			const [outOfOrder] = await raw.take(1);
			t.equal(outOfOrder?.body.readUInt16LE(1), 1156);
			const all = Buffer.concat(proxy.sessions.flatMap(({ host }) => host.upstreamBytes)).toString("latin1");
			t.notMatch(all, "anything");
		});

		t.test("files are read where that was permitted, and nowhere else", async (t) => {
			const { client, proxy } = await session(t, url, {}, { flags: ["+LOCAL_FILES"] });
			const load = (sql: string) =>
				client.query({
					sql,
					infileStreamFactory: () => Readable.from(["41\n", "42\n", "43\n"].map((line) => Buffer.from(line))),
				} as never);
			const isOn = await rows(client, "SELECT @@local_infile", "query");
			if (!JSON.stringify(isOn).includes("1")) return t.pass("the server reads no files");
			await load("LOAD DATA LOCAL INFILE 'x' INTO TABLE log");
			t.same(await rows(client, "SELECT n FROM log ORDER BY n", "query"), [[41], [42], [43]]);
			t.match(
				await errorOf(load("/* not said to be one */ LOAD DATA LOCAL INFILE 'y' INTO TABLE log")),
				/^1142 42000 no statement was permitted to read a file/,
			);
			t.same(await rows(client, "SELECT COUNT(*) FROM log", "query"), [[3]]);
			t.ok((proxy.sessions[0]?.host.incidents.length ?? 0) > 0);
			await client.query("DELETE FROM log");
		});

		t.test("a statement that takes too long", async (t) => {
			const { client, proxy } = await session(t, url, {});
			const slow = errorOf(
				client.query("SELECT SUM(a.n * b.n * c.n * d.n) FROM numbers a, numbers b, numbers c, numbers d"),
			);
			await new Promise((resolve) => setTimeout(resolve, 300));
			proxy.sessions[0]?.relay.timeOut("License term");
			t.match(await slow, server.flavour === "mariadb" ? /^1969 70100/ : /^3024 HY000/);
			t.same(await rows(client, "SELECT 1", "query"), [[1]]);
			t.same(await rows(client, "SELECT 2", "execute"), [[2]]);
		});

		t.test("errors and messages that may show what is masked", async (t) => {
			const { client } = await session(t, url, { reduceErrors: true });
			t.match(
				await errorOf(client.query("INSERT INTO users (email, n, big) VALUES ('bob@example.com', 1, 1)")),
				/^1062 .*withheld/,
			);
			t.match(await errorOf(client.query("SHOW WARNINGS")), /^1142 42000 messages of the statement before/);
			t.match(await errorOf(client.query("SHOW ERRORS LIMIT 1")), /^1142/);
		});

		t.test("KILL reaches the subject's own sessions alone", async (t) => {
			const killed: number[] = [];
			const kill = (connection: number) => {
				if (connection !== 5) return undefined;
				killed.push(connection);
				return Promise.resolve();
			};
			const { client, proxy } = await session(t, url, { kill });
			t.match(await errorOf(client.query("KILL 4")), /^1094/);
			await client.query("KILL QUERY 5");
			t.same(killed, [5]);
			t.notMatch(Buffer.concat(proxy.sessions[0]?.host.upstreamBytes ?? []).toString("latin1"), "KILL");
			t.same(await rows(client, "SELECT 1", "query"), [[1]]);
		});

		t.test("what text is read by follows the server", async (t) => {
			const { client, proxy } = await session(t, url, {});
			const reading = async () => {
				await client.query("SELECT 1");
				return proxy.sessions[0]?.host.judged.at(-1)?.path;
			};
			const database = new URL(url).pathname.slice(1);
			t.match(await reading(), [database, String, "utf8mb4"]);
			await client.query("SET NAMES latin1");
			t.equal((await reading())?.[2], "latin1");
			await client.query("SET sql_mode = 'ANSI'");
			t.match((await reading())?.[1], "ANSI_QUOTES");
			await client.query("USE mysql");
			t.equal((await reading())?.[0], "mysql");
			await errorOf(client.query("USE no_such_database"));
			t.equal((await reading())?.[0], "mysql");
			await client.query("SET sql_mode = ''");
			await (client as unknown as { reset(): Promise<void> }).reset();
			t.notMatch((await reading())?.[1], "ANSI_QUOTES");
			await client.query("SET sql_mode = 'ANSI_QUOTES'");
			t.match((await reading())?.[1], "ANSI_QUOTES", "what COM_RESET_CONNECTION undid was pinned again");
		});

		t.test("procedures with several results", async (t) => {
			const { client, proxy } = await session(t, url, {
				originNamed: (_, table, column) => ({
					permitted: true,
					mask: column === "email" ? mask(() => "***") : undefined,
					name: table,
				}),
			});
			const [results] = (await client.query("CALL two()")) as unknown as [unknown[]];
			t.same(results.slice(0, 2), [
				[{ n: 1 }, { n: 2 }],
				[{ email: "***" }, { email: "***" }],
			]);
			t.equal(proxy.sessions[0]?.host.runs.length, 1);
			t.equal(proxy.sessions[0]?.host.runs[0]?.outcome?.rows, 4);
			const refused: HostOptions["originNamed"] = (_, name, column) => ({
				permitted: column !== "email",
				mask: undefined,
				name,
			});
			const unknown = await session(t, url, { originNamed: refused });
			t.match(await errorOf(unknown.client.query("CALL two()")), /^1142 42000 the result may not be delivered/);
			t.same(await rows(unknown.client, "SELECT 1", "query"), [[1]]);
		});

		t.test("long values pass, whole and in packets of their own", async (t) => {
			const { client } = await session(t, url, {});
			for (const bytes of [70_000, 16_777_211, 16_777_215, 16_777_300]) {
				const [found] = await client
					.query<RowDataPacket[]>(`SELECT REPEAT('x', ${bytes}) AS x`)
					.catch(() => [[]] as never);
				if (found.length > 0 && found[0]?.x !== null) t.equal(found[0]?.x.length, bytes);
			}
			t.same(await rows(client, "SELECT 1", "query"), [[1]]);
		});
	});
}
