/** node-postgres: rows, descriptions, named statements, errors by field, notices, cursors, COPY, notifications. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";

const told = (name: string) => console.log(`== ${name}`);
const show = (value: unknown) => console.log(JSON.stringify(value));

const client = new pg.Client();
await client.connect();
client.on("notice", ({ severity, code, message }) => show({ severity, code, message }));

function showError(error: unknown): void {
	const { routine, file, line, stack, name, length, ...rest } = error as Record<string, unknown>;
	show({ ...rest, message: (error as Error).message });
}

async function failing(title: string, query: string, values: readonly unknown[] = []): Promise<void> {
	told(title);
	await client.query(query, [...values]).then(show, showError);
}

for (const limit of [0, 1, 200]) {
	told(`rows, ${limit}`);
	const { rows, fields, rowCount, command } = await client.query(
		"SELECT * FROM compat.items WHERE id <= $1 ORDER BY id",
		[limit],
	);
	show({ rows, fields, rowCount, command });
}
told("several results");
for (const { rows, command } of (await client.query("SELECT 1 AS a; SELECT 2 AS b")) as unknown as pg.QueryResult[]) {
	show({ rows, command });
}
told("a named statement");
for (let n = 0; n < 20; n++) {
	show((await client.query({ name: "one", text: "SELECT name FROM compat.items WHERE id = $1", values: [n] })).rows);
}
await failing("parameters", "SELECT $1::text, $2::int, $3::bytea, $4::int[], $5::text", [
	"ü€😀",
	7,
	Buffer.of(0, 1),
	[1, 2],
	null,
]);
await failing("division by zero", "SELECT 1 / $1::int", [0]);
await failing("not a number", "SELECT $1::int", ["x"]);
await failing("unique violation", "INSERT INTO compat.items (id, name) VALUES (1, 'again')");
await failing("check violation", "UPDATE compat.items SET price = -1 WHERE id = 2");
await failing("too few parameters", "SELECT $1::int, $2::int", [1]);
await failing("a notice", "CREATE TABLE IF NOT EXISTS compat.scratch (id int)");
await failing("a warning", "COMMIT");
await failing("an empty query", "");
await failing("any: undefined table", "SELECT * FROM compat.nothing");
await failing("any: syntax error", "SELECT 1 +");
told("an aborted transaction");
await client.query("BEGIN");
await client.query("SELECT 1 / 0").catch(showError);
await client.query("SELECT 1").catch(showError);
show((await client.query("COMMIT")).command);
told("a cursor");
const cursor = client.query(new Cursor("SELECT id, name FROM compat.items WHERE id > $1 ORDER BY id", [400]));
show([await cursor.read(3), await cursor.read(10), (await cursor.read(1000)).length, await cursor.read(1)]);
await cursor.close();
told("a cursor that is closed before its end");
const closed = client.query(new Cursor("SELECT id FROM compat.items ORDER BY id"));
show(await closed.read(2));
await closed.close();
show((await client.query("SELECT 'after'")).rows);
told("a stream of rows");
const streamed: unknown[] = [];
const stream = client.query(new QueryStream("SELECT id, name FROM compat.items ORDER BY id", [], { batchSize: 33 }));
for await (const row of stream) streamed.push(row);
show(streamed);
told("a stream that is left");
for await (const row of client.query(
	new QueryStream("SELECT id FROM compat.items ORDER BY id", [], { batchSize: 7 }),
)) {
	show(row);
	if ((row as { id: number }).id === 20) break;
}
show((await client.query("SELECT 'after'")).rows);
told("a stream with an error in the middle");
try {
	const sql = "SELECT 10 / (25 - id) AS n FROM compat.items ORDER BY id";
	for await (const row of client.query(new QueryStream(sql, [], { batchSize: 5 }))) show(row);
} catch (error) {
	showError(error);
}
told("queries that are queued");
show(await Promise.all([1, 0, 2].map((n) => client.query(`SELECT 10 / ${n} AS n`).then(({ rows }) => rows, String))));
told("copy");
await client.query("BEGIN");
const lines = Array.from({ length: 5000 }, (_, n) => `${n}\tword ${n}\n`);
await pipeline(Readable.from(lines), client.query(copyFrom("COPY compat.scratch FROM STDIN")));
console.log(await text(client.query(copyTo("COPY compat.scratch TO STDOUT"))));
await client.query("ROLLBACK");
told("copy that fails");
await pipeline(Readable.from(["x\ty\n"]), client.query(copyFrom("COPY compat.scratch FROM STDIN"))).catch(showError);
show((await client.query("SELECT count(*) FROM compat.scratch")).rows);
told("any: notifications");
const heard = new Promise((resolve) => {
	client.once("notification", ({ channel, payload }) => resolve({ channel, payload }));
});
await client.query("LISTEN told");
await client.query("NOTIFY told, 'payload'");
show(await heard);
await client.end();
