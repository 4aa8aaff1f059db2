/**
 * Writes fixtures/traces/mysql anew from a real server: `node dist/test/helpers/capture-mysql-trace.js mysql://…`. It makes
 * a database of its own and drops it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { int16, int32, type Packet, packet, RawMysql } from "../protocols/mysql/raw-client.js";
import { mysqlOptions, withMysql } from "./mysql-servers.js";
import { fixture } from "./project.js";

const DATABASE = "licet_traces";
const SCHEMA = `
	CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;
	USE ${DATABASE};
	CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, price DECIMAL(8,2), made DATETIME(3), flags BIT(3), b BLOB);
	INSERT INTO items VALUES (1, 'one', 1.50, '2020-01-02 03:04:05.678', b'101', x'00ff'), (2, 'zwei', NULL, NULL, NULL, NULL);
	CREATE PROCEDURE two() BEGIN SELECT id FROM items; SELECT name FROM items WHERE id = 1; END;
`;

const MULTI = 1 << 16;
const MULTI_RESULTS = (1 << 17) | (1 << 18);
const DEPRECATE_EOF = 1 << 24;

interface Turn {
	readonly send: (statement: number) => readonly Buffer[];
	/** How many ends (OK, EOF, ERR) its answer has; 0: none is given. */
	readonly packets: number;
}

const query = (sql: string): Buffer => packet(0, 0x03, sql);
const once = (packets: number, ...send: readonly Buffer[]): Turn => ({ send: () => send, packets });

/** The counts of packets depend on DEPRECATE_EOF: with it there is no EOF behind definitions. */
function conversations(eof: 0 | 1): Record<string, readonly Turn[]> {
	const result = (columns: number, rows: number) => 1 + columns + eof + rows + 1;
	return {
		query: [
			once(result(6, 2), query("SELECT * FROM items")),
			once(1, query("INSERT INTO items (id, name) VALUES (3, 'drei')")),
			once(1, query("SELECT nope FROM items")),
			once(1, query("DELETE FROM items WHERE id = 3")),
			once(result(1, 0), query("SELECT id FROM items WHERE id > 5")),
			once(1, query("")),
		],
		multi: [
			once(result(1, 1) + 1 + result(1, 2), query("SELECT 1; DO 1; SELECT id FROM items")),
			once(result(1, 1) + 1, query("SELECT 1; SELECT nope; SELECT 2")),
			once(result(1, 2) + result(1, 1) + 1, query("CALL two()")),
		],
		prepared: [
			once(1 + 1 + eof + 6 + eof, packet(0, 0x16, "SELECT * FROM items WHERE id = ?")),
			{
				send: (id) => [packet(0, 0x17, int32(id), 0, int32(1), 0, 1, int16(3), int32(1))],
				packets: result(6, 1),
			},
			{ send: (id) => [packet(0, 0x17, int32(id), 0, int32(1), 0, 0, int32(2))], packets: result(6, 1) },
			{ send: (id) => [packet(0, 0x17, int32(id), 1, int32(1), 0, 0, int32(2))], packets: 1 + 6 + 1 },
			{ send: (id) => [packet(0, 0x1c, int32(id), int32(5))], packets: 2 },
			{ send: (id) => [packet(0, 0x1a, int32(id))], packets: 1 },
			{ send: (id) => [packet(0, 0x19, int32(id)), packet(0, 0x0e)], packets: 1 },
			once(1, packet(0, 0x16, "SELECT nope FROM items")),
		],
		session: [
			once(1, packet(0, 0x0e)),
			once(1, packet(0, 0x02, DATABASE)),
			once(1, query("SET NAMES latin1")),
			once(1, query("SET sql_mode = 'ANSI_QUOTES'")),
			once(result(1, 1), query("SELECT 'x'")),
			once(1, packet(0, 0x1b, int16(0))),
			once(1, packet(0, 0x09)),
			once(1, query("BEGIN")),
			once(1, query("ROLLBACK")),
		],
	};
}

function describe({ body }: Packet): string {
	const text = body
		.subarray(0, 100)
		.toString("latin1")
		.replace(/[^\x20-\x7e]+/g, "·");
	return text.length > 70 ? `${text.slice(0, 70)}…` : text;
}

function lines(direction: ">" | "<", { sequence, body }: Packet): string {
	const hex =
		packet(sequence, body)
			.toString("hex")
			.match(/.{1,64}/g) ?? [];
	return [`${direction} ${describe({ sequence, body })}`.trimEnd(), ...hex.map((each) => `  ${each}`)].join("\n");
}

async function capture(url: string, flags: number, turns: readonly Turn[]): Promise<string[]> {
	const { host, port, user, password = "" } = mysqlOptions(url);
	const client = await RawMysql.login({
		host,
		port,
		user,
		password: String(password),
		database: DATABASE,
		flags,
		pinned: true,
	});
	const out: string[] = [];
	let statement = 0;
	for (const turn of turns) {
		const send = turn.send(statement);
		client.send(...send);
		out.push(...send.map((bytes) => lines(">", { sequence: 0, body: bytes.subarray(4) })));
		const answer = turn.packets === 0 ? [] : await client.take(turn.packets);
		if (send[0]?.[4] === 0x16 && answer[0]?.body[0] === 0) statement = answer[0].body.readUInt32LE(1);
		out.push(...answer.map((each) => lines("<", each)));
	}
	client.destroy();
	return out;
}

async function main(url: string): Promise<void> {
	const folder = fixture("traces/mysql");
	mkdirSync(folder, { recursive: true });
	await withMysql(url, async (admin) => {
		const [rows] = await admin.query("SELECT VERSION() AS version");
		const version = (rows as { version: string }[])[0]?.version ?? "";
		const flavour = /maria/i.test(version) ? "mariadb" : "mysql";
		await admin.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
		await admin.query(SCHEMA);
		for (const eof of [0, 1] as const) {
			const flags = MULTI | MULTI_RESULTS | (eof === 0 ? DEPRECATE_EOF : 0);
			for (const [name, turns] of Object.entries(conversations(eof))) {
				const title = `# ${name}, captured from ${flavour} ${version}, ${eof === 0 ? "with" : "without"} DEPRECATE_EOF`;
				const text = [title, ...(await capture(url, flags, turns))].join("\n");
				writeFileSync(join(folder, `${flavour}-${name}-${eof === 0 ? "ok" : "eof"}.txt`), `${text}\n`);
			}
		}
		await admin.query(`DROP DATABASE ${DATABASE}`);
	});
}

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("which server? give its mysql:// URL");
await main(url);
