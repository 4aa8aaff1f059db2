/** postgres.js: pipelined queries, its type fetching, cursors, COPY out, savepoints, cancel, errors. */
import { text } from "node:stream/consumers";
import postgres from "postgres";

const told = (name: string) => console.log(`== ${name}`);
const show = (value: unknown) => console.log(JSON.stringify(value));

const sql = postgres({
	max: 1,
	onnotice: ({ severity, code, message }) => show({ severity, code, message }),
});

function showError(error: unknown): void {
	const { routine, file, line, stack, name, query, parameters, args, types, ...rest } = error as Record<
		string,
		unknown
	>;
	show({ ...rest, message: (error as Error).message });
}

told("rows");
const rows = await sql`SELECT * FROM compat.items WHERE id <= ${100} ORDER BY id`;
show([rows, rows.columns.map(({ name, type }) => [name, type]), rows.count, rows.command]);
told("arrays of types of its own");
show(await sql`SELECT ARRAY['sad', 'glad']::compat.mood[] AS moods, ROW(1, 'x')::compat.pair AS pair`);
told("parameters");
show(
	await sql`SELECT ${"ü€😀"} AS a, ${sql.array([1, 2])}::int[] AS b, ${sql.json({ a: 1 })} AS c, ${null}::text AS d`,
);
told("a pipeline");
show(await Promise.all(Array.from({ length: 200 }, (_, n) => sql`SELECT name FROM compat.items WHERE id = ${n}`)));
told("a pipeline with errors in it");
show(
	await Promise.all(
		[1, 0, 2, 0, 5].map((n) =>
			sql`SELECT 10 / ${n}::int AS n`.then(
				(found) => [...found],
				(error) => error.code,
			),
		),
	),
);
told("unique violation");
await sql`INSERT INTO compat.items (id, name) VALUES (1, 'again')`.catch(showError);
told("any: undefined table");
await sql`SELECT * FROM compat.nothing`.catch(showError);
told("a notice");
await sql`CREATE TABLE IF NOT EXISTS compat.scratch (id int)`;
told("a description");
const described = await sql`SELECT id, name FROM compat.items WHERE id = ${1}`.describe();
show([described.types, described.columns.map(({ name, type }) => [name, type])]);
told("simple queries");
show(await sql`SELECT 1 AS a; SELECT 2 AS b`.simple());
told("a cursor");
for await (const found of sql`SELECT id FROM compat.items ORDER BY id`.cursor(90)) show(found);
told("savepoints");
await sql.begin(async (inside) => {
	await inside.savepoint((deep) => deep`SELECT 1 / 0`).catch(showError);
	show(await inside`SELECT 'still' AS here`);
});
told("copy");
console.log(await text(await sql`COPY (SELECT id, name FROM compat.items ORDER BY id) TO STDOUT`.readable()));
told("cancel");
const slow = sql`SELECT count(*) FROM generate_series(1, 100000000000)`.execute();
setTimeout(() => slow.cancel(), 700);
await slow.catch(showError);
show(await sql`SELECT 'after' AS here`);
told("any: notifications");
const heard = new Promise((resolve) => {
	sql.listen("told", resolve).then(() => sql.notify("told", "payload"));
});
show(await heard);
await sql.end({ timeout: 5 });
