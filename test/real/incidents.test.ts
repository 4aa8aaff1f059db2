/**
 * When walls 1 and 2 disagree, the second holds and somebody is told: a line in the log, an entry
 * in the recording and a count. Made to happen by changing definitions straight at the server, behind the back of the
 * snapshot that the analysis reads: what it takes for a plain column is then the masked one, or one that is forbidden.
 */
import { createConnection } from "mysql2/promise";
import t, { type Test } from "tap";
import { found, textNeedles } from "../helpers/canaries.js";
import { license } from "../helpers/license.js";
import { type IssuedGrant, type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { createMysqlDatabase, mysqlServers, withMysql } from "../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SECRET = "zqcanaryone.kestrel@mail.hedgerow.example";
const NEEDLES = textNeedles("zqcanaryone", SECRET);
const METER = new URL("../helpers/meter.js", import.meta.url).href;

/** What one of the two engines does. */
interface Stage {
	/** Sends a statement through Licet; answers all bytes that came back. */
	ask(sql: string): Promise<Buffer>;
	/** Changes definitions straight at the server. */
	behind(script: string): Promise<unknown>;
	end(): void;
}

interface Line {
	readonly metric?: {
		readonly name: string;
		readonly unit: string;
		readonly value: number;
		readonly attributes: unknown;
	};
	readonly incident?: string;
	readonly session?: string;
	readonly statement?: number;
}

/** What was logged and counted so far. */
function lines(licet: Licet): readonly Line[] {
	return licet
		.log()
		.split("\n")
		.filter((line) => line.startsWith("{"))
		.map((line) => JSON.parse(line) as Line);
}

const incidentsOf = (licet: Licet) => lines(licet).filter(({ incident }) => incident !== undefined);
const countsOf = (licet: Licet) => lines(licet).flatMap(({ metric }) => (metric === undefined ? [] : [metric]));

interface Played {
	readonly change: string;
	readonly sql: string;
	readonly incident: RegExp;
	readonly outcome: RegExp;
}

async function play(t: Test, licet: Licet, stage: Stage, system: string, played: readonly Played[]): Promise<void> {
	for (const { sql } of played) await stage.ask(sql);
	t.same([incidentsOf(licet), countsOf(licet)], [[], []], "nothing while the walls agree");
	for (const [index, { change, sql, incident, outcome }] of played.entries()) {
		await stage.behind(change);
		const bytes = await stage.ask(sql);
		t.same(found(NEEDLES, bytes), [], `${sql}: no secret shows`);
		t.match(bytes.toString("latin1"), outcome, `${sql}: what the client sees`);
		const last = incidentsOf(licet)[index];
		t.match(last?.incident, incident, `${sql}: a line in the log`);
		t.match(countsOf(licet)[index], {
			name: "licet.incidents",
			unit: "{incident}",
			value: 1,
			attributes: {
				"db.system.name": system,
				"licet.target": "shop",
				"licet.license": "shop",
				"licet.incident.scope": "statement",
			},
		});
		t.equal(incidentsOf(licet).length, index + 1, "told once");
	}
	stage.end();
	const session = incidentsOf(licet)[0]?.session ?? "";
	const { stdout } = await licet.cli("replay", session, "--json");
	const entries = stdout
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as { type: string; message?: string; statement?: number });
	t.same(
		entries.filter(({ type }) => type === "incident").map(({ message, statement }) => [message, statement]),
		incidentsOf(licet).map(({ incident, statement }) => [incident, statement]),
		"each is an entry of the recording",
	);
	t.same(found(NEEDLES, Buffer.from(licet.log() + stdout)), [], "neither log nor recording hold the secret");
}

async function start(
	t: Test,
	url: string,
	terms: Parameters<typeof license>[1],
): Promise<readonly [Licet, IssuedGrant]> {
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: { shop: license("shop", terms) },
		nodeFlags: ["--import", METER],
	});
	return [licet, await licet.grant({ license: "shop", target: "shop" })];
}

for (const [name, server] of [
	["PostgreSQL of the system", testServers().pg15],
	["PostgreSQL 18", testServers().pg18],
] as const) {
	t.test(name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createDatabase(
			t,
			server,
			`CREATE SCHEMA app;
			CREATE TABLE app.users (id int, plain text, email text, hidden text);
			CREATE TABLE app.more (id int, plain text, hidden text);
			INSERT INTO app.users VALUES (1, 'plain', '${SECRET}', '${SECRET}'); INSERT INTO app.more VALUES (1, 'plain', '${SECRET}');`,
		);
		const [licet, grant] = await start(t, url, {
			permits: [
				{ on: ["app.users"], commands: ["read"] },
				{ on: ["app.more"], commands: ["read"], columns: ["id", "plain"] },
			],
			masks: [{ columns: ["app.users.email"], with: "email" }],
		});
		const client = await RawClient.login(rawGrant(grant));
		const stage: Stage = {
			ask: async (sql) => Buffer.concat((await client.query(sql)).map(({ body }) => body)),
			behind: (script) => withClient(url, (direct) => direct.query(script)),
			end: () => client.destroy(),
		};
		await play(t, licet, stage, "postgresql", [
			{
				change: "ALTER TABLE app.users RENAME plain TO spare; ALTER TABLE app.users RENAME email TO plain;",
				sql: "SELECT id, plain FROM app.users",
				incident: /result column 2 is app\.users\.email, whose mask the analysis did not foresee/,
				outcome: /z\*\*\*@\*\*\*\.example/,
			},
			{
				change: "ALTER TABLE app.more RENAME plain TO spare; ALTER TABLE app.more RENAME hidden TO plain;",
				sql: "SELECT plain FROM app.more",
				incident: /result column 1 is app\.more\.hidden, which the analysis did not see as forbidden/,
				outcome: /C42501/,
			},
		]);
		t.match(wire.outline(await (await RawClient.login(rawGrant(grant))).query("SELECT 1")), /Z:I/);
	});
}

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createMysqlDatabase(
			t,
			server,
			`CREATE TABLE users (id int, plain varchar(80), email varchar(80));
			CREATE TABLE hidden (id int, secret varchar(80));
			CREATE TABLE more (id int, plain varchar(80));
			INSERT INTO users VALUES (1, 'plain', '${SECRET}'); INSERT INTO hidden VALUES (1, '${SECRET}'); INSERT INTO more VALUES (1, 'plain');
			CREATE VIEW others AS SELECT id, plain FROM more;`,
		);
		const database = new URL(url).pathname.slice(1);
		const [licet, grant] = await start(t, url, {
			permits: [{ on: ["users", "more", "others"].map((table) => `${database}.${table}`), commands: ["read"] }],
			denies: [{ on: [`${database}.hidden`], commands: ["all"] }],
			masks: [{ columns: [`${database}.users.email`], with: "email" }],
		});
		const { host, port, username: user, password } = grant;
		const client = await createConnection({ host, port, user, password, database });
		const stage: Stage = {
			ask: async (sql) => {
				try {
					const [rows] = await client.query(sql);
					return Buffer.from(JSON.stringify(rows));
				} catch (error) {
					return Buffer.from(String((error as { errno?: number }).errno) + String(error));
				}
			},
			behind: (script) => withMysql(url, (direct) => direct.query(script)),
			end: () => client.destroy(),
		};
		await play(t, licet, stage, server.flavour, [
			{
				change: "ALTER TABLE users ADD COLUMN late varchar(80) FIRST; UPDATE users SET late = email",
				sql: "SELECT * FROM users",
				incident: /analysis foresaw 3 result columns, the server describes 4/,
				outcome: /^1142/,
			},
			{
				change: "CREATE OR REPLACE VIEW others AS SELECT id, secret AS plain, secret AS more FROM hidden",
				sql: "SELECT * FROM others",
				incident: /analysis foresaw 2 result columns, the server describes 3/,
				outcome: /^1142/,
			},
		]);
	});
}
