/**
 * A cap on rows bounds what a statement delivers, however it is written: each statement of the table of source rows runs
 * at real servers, and in the bytes that come back are the texts of no more rows of a relation than the cap lets pass.
 * Straight at the server the same statements deliver many more, so that the count means something.
 */
import t, { type Test } from "tap";
import { print } from "../helpers/figures.js";
import { cap, license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { type Answer, RawMysqlClient } from "../helpers/mysql-raw.js";
import { type MysqlServer, mysqlOptions, mysqlServers } from "../helpers/mysql-servers.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import { MYSQL_LINES, POSTGRES_LINES } from "../helpers/source-rows.js";
import * as wire from "../helpers/wire.js";
import { prepareGround } from "./mysql/ground.js";

const ROWS = 40;
/** No number of rows that the statements carry on a line divides it but 7 and 1, so that rounding is seen. */
const MAX = 7;

/** Texts that stand for one row and occur nowhere else: "u07email", "o39note". */
const TEXT = /\b([uo]\d\d)(?=name|email|note)/gi;

const FILL = (letter: string, columns: readonly string[]) =>
	Array.from({ length: ROWS }, (_, row) => {
		const mark = `${letter}${String(row + 1).padStart(2, "0")}`;
		return `(${row + 1}, ${columns.map((column) => (column === "" ? String(row + 1) : `'${mark}${column}'`)).join(", ")})`;
	}).join(", ");

const USERS = `INSERT INTO users VALUES ${FILL("u", ["name", "email"])};`;
/** The totals are 1 to 40, and so are the users. */
const ORDERS = `INSERT INTO orders VALUES ${FILL("o", ["", "", "note"])};`;

const POSTGRES_SCHEMA = `
CREATE SCHEMA app;
SET search_path = app;
CREATE TABLE users (id int PRIMARY KEY, name text, email text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int, note text);
${USERS}
${ORDERS}
CREATE VIEW people AS SELECT id, email FROM users;
CREATE VIEW loud AS SELECT id, upper(email) AS shout FROM users WHERE name IS NOT NULL;
CREATE VIEW twice AS SELECT p.id, p.email, l.shout FROM people p JOIN loud l USING (id);
CREATE MATERIALIZED VIEW kept AS SELECT id, reverse(reverse(email)) AS email FROM users;
ANALYZE;`;

const MYSQL_SCHEMA = `
CREATE TABLE users (id int PRIMARY KEY, name varchar(20), email varchar(20));
CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int, note varchar(20));
${USERS}
${ORDERS}
CREATE VIEW people AS SELECT id, email AS mail FROM users;`;

const LICENSES = { error: cap(MAX, "error"), cut: cap(MAX, "truncate") };

/** How many rows of the relation of which most are there. */
function rowsIn(bytes: string): number {
	const marks = new Set([...bytes.matchAll(TEXT)].map(([, mark = ""]) => mark.toLowerCase()));
	const users = [...marks].filter((mark) => mark.startsWith("u")).length;
	return Math.max(users, marks.size - users);
}

/** Runs a statement in each way that a client may, undone each time; answers all that came back, by way. */
type Run = (sql: string) => Promise<Readonly<Record<string, string>>>;

/** Compares what the statements deliver through Licet with the cap, and with what they deliver straight. */
async function compare(t: Test, lines: Readonly<Record<string, number>>, direct: Run, through: [string, Run][]) {
	let larger = 0;
	for (const sql of Object.keys(lines)) {
		const straight = Math.max(...Object.values(await direct(sql)).map(rowsIn));
		if (straight > MAX) larger += 1;
		for (const [name, run] of through) {
			for (const [way, bytes] of Object.entries(await run(sql))) {
				const rows = rowsIn(bytes);
				t.ok(rows <= MAX, `${name}, ${way}: ${rows} rows of ${straight}: ${sql}`);
			}
		}
	}
	print(t, `${larger} of ${Object.keys(lines).length} statements deliver more than ${MAX} rows straight`);
	t.ok(larger > Object.keys(lines).length / 3, "the cap is what bounds them");
}

function postgresRun(client: RawClient): Run {
	const bytes = (messages: readonly wire.Message[]) =>
		messages.map(({ type, body }) => `${type}${body.toString("latin1")}`).join("\n");
	const ways: Readonly<Record<string, (sql: string) => Promise<wire.Message[]>>> = {
		simple: (sql) => client.query(sql),
		extended: (sql) => client.ask(wire.parse(sql), wire.bind(), wire.describe("P"), wire.execute(), wire.sync),
		// Rows asked for a few at a time are the same execution's.
		pieces: (sql) =>
			client.ask(
				wire.parse(sql),
				wire.bind(),
				wire.execute("", 3),
				wire.execute("", 3),
				wire.execute("", 100),
				wire.sync,
			),
	};
	return async (sql) => {
		const told: Record<string, string> = {};
		for (const [way, run] of Object.entries(ways)) {
			await client.query("BEGIN");
			told[way] = bytes(await run(sql));
			await client.query("ROLLBACK");
		}
		return told;
	};
}

t.test("PostgreSQL", async (t) => {
	const url = await createDatabase(t, testServers().pg18, POSTGRES_SCHEMA);
	const documents = Object.entries(LICENSES).map(([name, rowsPerStatement]) => {
		const permits = [{ on: ["app.*"], commands: ["read", "write"] }];
		return [name, license(name, { permits, limits: { rowsPerStatement } })] as const;
	});
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: Object.fromEntries(documents) });
	const login = async (options: RawOptions): Promise<Run> => {
		const client = await RawClient.login({ ...options, parameters: { search_path: "app" } });
		t.teardown(() => client.destroy());
		return postgresRun(client);
	};
	const direct = await login(rawOptions(url));
	const through: [string, Run][] = [];
	for (const name of Object.keys(LICENSES)) {
		through.push([name, await login(rawGrant(await licet.grant({ license: name, target: "shop" })))]);
	}
	await t.test("statements", (t) => compare(t, POSTGRES_LINES, direct, through));
});

function mysqlRun(client: RawMysqlClient): Run {
	const told = (answers: readonly Answer[]) => JSON.stringify(answers);
	return async (sql) => {
		await client.query("BEGIN");
		const simple = told(await client.query(sql));
		const { id, error } = await client.prepare(sql);
		const prepared = error === undefined ? told(await client.execute(id)) : JSON.stringify(error);
		await client.query("ROLLBACK");
		return { simple, prepared };
	};
}

async function mysql(t: Test, server: MysqlServer): Promise<void> {
	const terms = Object.entries(LICENSES).map(([name, rowsPerStatement]) => {
		return [name, { permits: [{ on: ["$DB.*"], commands: ["read", "write"] }], limits: { rowsPerStatement } }] as const;
	});
	const ground = await prepareGround(t, server, { schema: MYSQL_SCHEMA, licenses: Object.fromEntries(terms) });
	const { host, port, user, password = "", database = "" } = mysqlOptions(ground.url);
	const straight = await RawMysqlClient.login({ host, port, user, password, database });
	t.teardown(() => straight.destroy());
	const through: [string, Run][] = [];
	for (const name of Object.keys(LICENSES)) through.push([name, mysqlRun(await ground.login(t, name))]);
	await t.test("statements", (t) => compare(t, MYSQL_LINES, mysqlRun(straight), through));
}

for (const server of mysqlServers()) t.test(server.name, (t) => mysql(t, server));
