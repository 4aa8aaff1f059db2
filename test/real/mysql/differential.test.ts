/**
 * Random statements under a user and under a license of the same rights, column by column; and the benign corpus, changed
 * at random, over tables whose secrets must not show (fast-check; a failure names its seed, and its statement shrinks).
 * `LICET_NIGHTLY=1` tries thirty times as many under a seed of its own.
 */
import { type Connection, createConnection, type FieldPacket, type ResultSetHeader } from "mysql2/promise";
import t from "tap";
import { benignCases, benignSchema } from "../../helpers/benign.js";
import { found, textNeedles } from "../../helpers/canaries.js";
import { compareRights, mutateAll, type Outcome } from "../../helpers/differential.js";
import { cap, license } from "../../helpers/license.js";
import { startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, mysqlOptions, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { GRANTS, PERMITS, TABLE_SCRIPT } from "../../helpers/random-sql.js";

const RUNS = 1000;
const MUTATIONS = 1000;

/** SELECT, INSERT, UPDATE, DELETE denied on a table, on a column, on a routine. */
const DENIALS = new Set([1142, 1143, 1370]);

async function tried(client: Connection, sql: string): Promise<Outcome> {
	await client.query("START TRANSACTION");
	try {
		const [result, fields] = await client.query({ sql, rowsAsArray: true });
		if (!Array.isArray(result))
			return { kind: "done", result: `${(result as ResultSetHeader).affectedRows} rows changed` };
		const names = (fields as FieldPacket[]).map(({ name, columnType }) => `${name} ${columnType}`);
		const rows = (result as unknown[]).map((row) => JSON.stringify(row));
		return { kind: "done", result: [names.join(","), ...rows.sort()].join("\n") };
	} catch (error) {
		const { errno = 0, message } = error as { errno?: number; message: string };
		return DENIALS.has(errno) ? { kind: "denied", why: message } : { kind: "error", why: String(errno) };
	} finally {
		await client.query("ROLLBACK");
	}
}

t.setTimeout(PART_TIMEOUT_MS);

for (const server of mysqlServers()) {
	t.test(`${server.name}: a user and a license of the same rights`, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createMysqlDatabase(t, server, TABLE_SCRIPT(""));
		const database = new URL(url).pathname.slice(1);
		const user = database.slice(0, 20);
		await withMysql(server.url, async (client) => {
			await client.query(`CREATE USER '${user}'@'%' IDENTIFIED BY 'equal'`);
			for (const sql of GRANTS(`${database}.`, `'${user}'@'%'`)) await client.query(sql);
		});
		t.teardown(() => withMysql(server.url, (client) => client.query(`DROP USER '${user}'@'%'`)));
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: { equal: license("equal", { permits: PERMITS(database) }) },
		});
		const grant = await licet.grant({ license: "equal", target: "shop" });
		const straight = await createConnection({ ...mysqlOptions(url), user, password: "equal" });
		const through = await createConnection({
			host: grant.host,
			port: grant.port,
			user: grant.username,
			password: grant.password,
			database,
		});
		const sides = { direct: (sql: string) => tried(straight, sql), proxied: (sql: string) => tried(through, sql) };
		await compareRights(t, sides, { engine: "mysql", prefix: "" }, RUNS, 0.03);
		for (const client of [straight, through]) client.destroy();
	});

	t.test(`${server.name}: the benign corpus, changed`, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const url = await createMysqlDatabase(
			t,
			server,
			`${benignSchema("mysql")}
			CREATE TABLE hidden (id int, secret varchar(80)); INSERT INTO hidden SELECT id, concat('zqcanaryplover', id) FROM products;
			UPDATE customers SET email = concat('a.zqcanarykestrel', id, '@mail.example'), card_number = concat('zqcanaryos', 1000 + id);`,
		);
		const database = new URL(url).pathname.slice(1);
		const tables = ["categories", "customers", "products", "orders", "order_items", "events", "order_totals"];
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: {
				masked: license("masked", {
					permits: [{ on: tables.map((name) => `${database}.${name}`), commands: ["read", "write"] }],
					masks: [
						{ columns: [`${database}.customers.email`], with: "email", use: "filter" },
						{ columns: ["*.*.card_number"], with: { partial: { keepLast: 4 } }, use: "project" },
					],
					limits: { rowsPerStatement: cap(5_000, "error") },
				}),
			},
		});
		const { host, port, username: user, password } = await licet.grant({ license: "masked", target: "shop" });
		let client: Connection | undefined;
		const chunks: Buffer[] = [];
		const open = async (): Promise<Connection> => {
			const made = await createConnection({ host, port, user, password, database });
			(made as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection.stream.on(
				"data",
				(chunk: Buffer) => chunks.push(chunk),
			);
			return made;
		};
		const needles = ["zqcanarykestrel", "zqcanaryos", "zqcanaryplover"].flatMap((word) => textNeedles(word));
		const statements = benignCases("mysql").flatMap(({ sql }) => sql);
		const secrets = [
			"email",
			"card_number",
			"hidden",
			"secret",
			"c.email",
			"customers",
			"c",
			"*",
			"c.*",
			"customers.card_number",
		];
		const leaks = async (sql: string): Promise<readonly string[]> => {
			client ??= await open();
			chunks.length = 0;
			await tried(client, sql).catch(() => {
				client?.destroy();
				client = undefined;
			});
			return found(needles, Buffer.concat(chunks));
		};
		t.teardown(() => client?.destroy());
		await mutateAll(t, statements, secrets, leaks, MUTATIONS);
	});
}
