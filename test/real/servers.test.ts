/**
 * The tests' own ground: both servers are the real ones, every way to log in works, and the raw client speaks the
 * protocol as the servers do.
 */
import { readFileSync } from "node:fs";
import t from "tap";
import { psql } from "../helpers/programs.js";
import { fixture } from "../helpers/project.js";
import { RawClient, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, LOGIN_PASSWORD, LOGIN_USERS, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const servers = testServers();
const ca = readFileSync(fixture("tls", "ca.crt"));

for (const [name, server] of [
	["PostgreSQL of the system", servers.pg15],
	["PostgreSQL 18", servers.pg18],
] as const) {
	t.test(name, async (t) => {
		const url = await createDatabase(
			t,
			server,
			"CREATE TABLE pair (id int, word text); INSERT INTO pair VALUES (1, 'a');",
		);
		const options = rawOptions(url);

		t.test("version and database", async (t) => {
			const { rows } = await withClient(url, (client) => client.query("SHOW server_version_num"));
			const version = Number(rows[0].server_version_num);
			t.ok(name.endsWith("18") ? version >= 180_000 : version >= 150_000, `version ${version}`);
		});

		t.test("every way to log in", async (t) => {
			for (const user of [undefined, ...Object.values(LOGIN_USERS)]) {
				const login = user === undefined ? options : { ...options, user, password: LOGIN_PASSWORD };
				const client = await RawClient.login(login);
				t.equal(client.mechanism, user === undefined ? "SCRAM-SHA-256" : undefined, user ?? "superuser");
				t.ok(client.pid > 0 && client.secret.length >= 4, "cancel key");
				t.ok(client.reported.has("server_version"), "parameters");
				client.destroy();
			}
			for (const [user, password] of [
				[options.user ?? "", "wrong"],
				["nobody-here", "wrong"],
			] as const) {
				const error = await RawClient.login({ ...options, user, password }).catch((error: unknown) => error);
				t.match(error, { fields: { S: "FATAL", C: "28P01" } }, `${user} is refused`);
			}
		});

		t.test("TLS, with channel binding", async (t) => {
			const client = await RawClient.login({ ...options, tls: "request", ca, channelBinding: true });
			t.equal(client.mechanism, "SCRAM-SHA-256-PLUS");
			client.destroy();
			const stranger = readFileSync(fixture("tls", "other-ca.crt"));
			await t.rejects(RawClient.login({ ...options, tls: "request", ca: stranger }), "another authority");
			if (!name.endsWith("18")) return;
			const direct = await RawClient.login({ ...options, tls: "direct", ca });
			t.equal(wire.outline(await direct.query("SELECT 1")), "T D C:SELECT 1 Z:I", "direct TLS");
			direct.destroy();
		});

		t.test("a pipeline", async (t) => {
			const client = await RawClient.login(options);
			const answer = await client.ask(
				wire.parse("SELECT id, word FROM pair WHERE id = $1", "s", [23]),
				wire.bind({ statement: "s", values: ["1"], resultFormats: [1, 0] }),
				wire.describe("P"),
				wire.execute(),
				wire.parse("SELECT nothing FROM pair"),
				wire.bind(),
				wire.execute(),
				wire.sync,
			);
			t.equal(wire.outline(answer), "1 2 T D C:SELECT 1 E:42703 Z:I");
			const [, , description, row] = answer;
			if (!description || !row) return;
			const columns = wire.rowColumns(description);
			t.match(columns, [
				{ name: "id", column: 1, type: 23, format: 1 },
				{ name: "word", column: 2, type: 25, format: 0 },
			]);
			t.ok(columns.every((column) => column.relation > 0));
			t.same(wire.rowBytes(row), [Buffer.of(0, 0, 0, 1), Buffer.from("a")]);
			t.equal(wire.outline(await client.query("BEGIN; SELECT 1/0")), "C:BEGIN E:22012 Z:E");
			t.equal(wire.outline(await client.query("SELECT 1")), "E:25P02 Z:E");
			t.equal(wire.outline(await client.query("ROLLBACK")), "C:ROLLBACK Z:I");
			client.send(wire.query("COPY pair FROM STDIN"));
			t.equal((await client.next()).type, "G");
			const copied = await client.ask(wire.copyData("2\tb\n3\t\\N\n"), wire.copyDone);
			t.equal(wire.outline(copied), "C:COPY 2 Z:I");
			t.same((await client.query("SELECT word FROM pair ORDER BY id")).slice(1, 4).map(wire.rowValues), [
				["a"],
				["b"],
				[null],
			]);
			client.send(wire.terminate);
			t.same(await client.untilEnd(), []);
		});

		t.test("psql", async (t) => {
			const result = await psql(options, "SELECT 1, NULL, 'a';\nSELECT 1/0;\n");
			t.match(result, { code: 0, stdout: "1||a\n", stderr: /ERROR: +22012: division by zero/ });
		});

		t.test("a cancel request", async (t) => {
			const client = await RawClient.login({ ...options, dropRows: true });
			client.send(wire.query("SELECT pg_sleep(60)"));
			await client.during(200);
			const other = await RawClient.open(options);
			other.send(wire.cancelRequest(client.pid, client.secret));
			t.match(wire.outline(await client.until("Z")), /E:57014 Z:I$/);
			t.equal(wire.outline(await client.query("SELECT generate_series(1, 1000)")), "T C:SELECT 1000 Z:I");
			t.equal(client.rowsDropped, 1000);
			client.destroy();
		});
	});
}
