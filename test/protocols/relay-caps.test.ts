/**
 * Row and byte caps before a real PostgreSQL, over every way in which rows are delivered: what is told, what is
 * delivered, and that nothing runs behind a statement that was told to have failed.
 */
import t, { type Test } from "tap";
import { RawClient, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import {
	bind,
	describe,
	errorFields,
	execute,
	flush,
	type Message,
	outline,
	parse,
	query,
	rowValues,
	sync,
} from "../helpers/wire.js";
import { RelayedClient } from "./relay-bench.js";
import { cap, type HostOptions } from "./relay-host.js";

const SCHEMA = `
	CREATE TABLE items (id int, name text);
	INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 1000) n;
	CREATE TABLE log (n int);
`;
const ALL = "SELECT id FROM items ORDER BY id";

let url = "";
t.before(async () => {
	url = await createDatabase(t, testServers().pg15, SCHEMA);
});

async function relayed(t: Test, options: HostOptions): Promise<RelayedClient> {
	const client = await RelayedClient.open(url, options);
	t.teardown(() => client.close());
	return client;
}

const error = (max: number): HostOptions => ({ rows: cap(max, "error") });
const truncate = (max: number): HostOptions => ({ rows: cap(max, "truncate") });
const series = (sql: string): Buffer[] => [parse(sql), bind(), describe("P"), execute()];

const logged = () =>
	withClient(url, async (client) =>
		(await client.query<{ n: number }>("SELECT n FROM log ORDER BY n")).rows.map((row) => row.n),
	);

/** "D*3": rows are counted. */
function short(messages: readonly Message[]): string {
	return outline(messages).replace(
		/(?<=^| )([Dd])(?: \1(?= |$))*(?= |$)/g,
		(run, letter) => `${letter}*${run.split(" ").length}`,
	);
}

t.test("an exceeded cap is an error", async (t) => {
	const client = await relayed(t, error(3));
	t.equal(short(await client.query(ALL)), "T D*3 E:54000 Z:I");
	t.equal(short(await client.ask(...series(ALL), sync)), "1 2 T D*3 E:54000 Z:I");
	t.equal(short(await client.query("COPY items TO STDOUT")), "H d*3 E:54000 Z:I");
	t.equal(short(await client.query(`${ALL} LIMIT 3`)), "T D*3 C:SELECT 3 Z:I", "reached is not exceeded");
	t.equal(short(await client.ask(...series(`${ALL} LIMIT 3`), sync)), "1 2 T D*3 C:SELECT 3 Z:I");
	const [told] = (await client.query(ALL)).filter((each) => each.type === "E");
	t.match(errorFields(told as Message), { S: "ERROR", M: "more than 3", D: "a term", H: "fewer" });
	t.match(client.host.runs.at(-1)?.outcome, { command: null, rows: 3, error: { code: "54000" } });
	t.equal(short(await client.query("SELECT 1")), "T D*1 C:SELECT 1 Z:I", "a late cancel hits nobody");
});

t.test("in a block the transaction fails", async (t) => {
	const client = await relayed(t, error(3));
	for (const capped of [ALL, "SELECT id FROM items LIMIT 4"]) {
		for (const messages of [[query(capped)], [...series(capped), sync]]) {
			await client.query("BEGIN");
			t.match(short(await client.ask(...messages)), /D\*3 E:54000 Z:E$/);
			t.equal(short(await client.query("SELECT 1")), "E:25P02 Z:E", "on the server too");
			t.equal(short(await client.query("COMMIT")), "C:ROLLBACK Z:I");
		}
	}
	await client.query("BEGIN");
	client.send(...series("SELECT id FROM items LIMIT 4"), flush);
	t.match(short(await client.until("E")), /D\*3 E:54000$/, "before Sync is sent");
	t.equal(short(await client.ask(...series("SELECT 1"), sync)), "Z:E", "up to which all is skipped");
	await client.query("ROLLBACK");
});

t.test("nothing behind it runs", async (t) => {
	const client = await relayed(t, error(3));
	const insert = (n: number) => series(`INSERT INTO log VALUES (${n})`);
	const four = "SELECT id FROM items LIMIT 4";
	t.equal(
		short(await client.ask(...insert(1), ...series(four), ...insert(2), sync)),
		"1 2 n C:INSERT 0 1 1 2 T D*3 E:54000 Z:I",
	);
	client.send(
		query(four),
		query("INSERT INTO log VALUES (3)"),
		...series(four),
		...insert(4),
		sync,
		...insert(5),
		sync,
	);
	const answers = [];
	for (let left = 4; left > 0; left--) answers.push(short(await client.until("Z")));
	t.same(answers, ["T D*3 E:54000 Z:I", "C:INSERT 0 1 Z:I", "1 2 T D*3 E:54000 Z:I", "1 2 n C:INSERT 0 1 Z:I"]);
	t.same(await logged(), [3, 5]);
	await client.query("BEGIN");
	client.send(...series(four), ...series("COMMIT"), sync);
	t.match(short(await client.until("Z")), /E:54000 Z:E$/);
	await client.query("ROLLBACK");
	t.equal(short(await client.query(`${four}; INSERT INTO log VALUES (6)`)), "E:54000 Z:I", "strings are refused whole");
	t.equal(short(await client.query(`INSERT INTO log VALUES (7); ${four}`)), "E:54000 Z:I");
	t.equal(short(await client.query(`BEGIN; ${four}; COMMIT`)), "E:54000 Z:I");
	t.equal(short(await client.query(`${four}; SELECT 1`)), "T D*3 E:54000 Z:I");
	t.equal(short(await client.query("TRUNCATE log")), "C:TRUNCATE TABLE Z:I");
});

t.test("what delivers too many of the rows that it writes has not written them", async (t) => {
	const client = await relayed(t, error(3));
	const insert = (count: number) => `INSERT INTO log SELECT generate_series(1, ${count}) RETURNING n;`;
	t.equal(short(await client.query(insert(4))), "T D*3 E:54000 Z:I");
	t.equal(short(await client.ask(...series(insert(4)), sync)), "1 2 T D*3 E:54000 Z:I");
	t.same(await logged(), []);
	t.equal(short(await client.query(insert(3))), "T D*3 C:INSERT 0 3 Z:I");
	t.equal(short(await client.ask(...series(insert(3)), sync)), "1 2 T D*3 C:INSERT 0 3 Z:I");
	t.equal(short(await client.query("DELETE FROM log WHERE n > 5 RETURNING n")), "T C:DELETE 0 Z:I");
	t.match(short(await client.query("DELETE FROM log WHERE n / 0 = 1 RETURNING n")), /E:22012 Z:I/);
	t.match(short(await client.query("DELETE FROM nowhere RETURNING n")), /^E:42P01 Z:I/);
	client.send(query(insert(4)), query("SELECT count(*) FROM log"));
	await client.until("Z");
	t.same((await client.until("Z")).filter((each) => each.type === "D").map(rowValues), [["6"]]);
	await client.query("BEGIN");
	t.equal(short(await client.query(insert(4))), "T D*3 E:54000 Z:E");
	await client.query("ROLLBACK");
	await client.query("TRUNCATE log");
});

t.test("portals and cursors count as one statement", async (t) => {
	const client = await relayed(t, error(5));
	await client.query("BEGIN");
	client.send(parse(ALL), bind({ portal: "p" }), execute("p", 3), flush);
	t.match(short(await client.until("s")), /D\*3 s$/);
	t.match(short(await client.ask(execute("p", 2), sync)), /^D\*2 s Z:T$/, "reached");
	t.match(short(await client.ask(execute("p", 2), sync)), /^E:54000 Z:E$/);
	await client.query("ROLLBACK");
	await client.query("BEGIN");
	await client.query(`DECLARE c CURSOR FOR ${ALL}`);
	t.equal(short(await client.query("FETCH 3 FROM c")), "T D*3 C:FETCH 3 Z:T");
	t.equal(short(await client.ask(execute("c", 2), sync)), "D*2 s Z:T");
	t.equal(short(await client.query("FETCH 1 FROM c")), "T E:54000 Z:E");
	await client.query("ROLLBACK");
	await client.query(`PREPARE s AS ${ALL}`);
	t.equal(short(await client.query("EXECUTE s")), "T D*5 E:54000 Z:I");
});

t.test("truncated results", async (t) => {
	const client = await relayed(t, truncate(3));
	t.equal(short(await client.query(ALL)), "T D*3 N C:SELECT 3 Z:I");
	t.equal(short(await client.ask(...series(ALL), sync)), "1 2 T D*3 N C:SELECT 3 Z:I");
	t.equal(short(await client.query(`${ALL} LIMIT 3`)), "T D*3 C:SELECT 3 Z:I", "reached is not exceeded");
	await client.query("BEGIN");
	t.equal(short(await client.query(ALL)), "T D*3 N C:SELECT 3 Z:T", "the transaction goes on");
	t.equal(
		short(await client.ask(parse(ALL), bind({ portal: "p" }), execute("p", 2), execute("p", 2), execute("p", 2), sync)),
		"1 2 D*2 s D*1 N C:SELECT 1 C:SELECT 0 Z:T",
	);
	await client.query(`DECLARE c CURSOR FOR ${ALL}`);
	t.equal(
		short(await client.query("FETCH 2 FROM c; FETCH 2 FROM c; FETCH 2 FROM c; MOVE 2 FROM c")),
		"T D*2 C:FETCH 2 T D*1 N C:FETCH 1 T C:FETCH 0 C:MOVE 2 Z:T",
	);
	await client.query("COMMIT");
	t.equal(short(await client.query(`${ALL}; SELECT 1`)), "T D*3 N C:SELECT 3 T D*1 C:SELECT 1 Z:I");
	t.equal(
		short(await client.query("INSERT INTO log SELECT generate_series(1, 5) RETURNING n")),
		"T D*3 N C:INSERT 0 5 Z:I",
		"the tag tells what was written",
	);
	client.send(query(ALL), query("INSERT INTO log VALUES (6)"));
	t.equal(short(await client.until("Z")), "T D*3 N C:SELECT 3 Z:I");
	t.equal(short(await client.until("Z")), "C:INSERT 0 1 Z:I", "a cancel does not hit what is pipelined behind");
	await client.query("TRUNCATE log");
});

t.test("COPY counts rows, not frames", async (t) => {
	for (const options of ["", "(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT binary)"]) {
		const copy = `COPY (SELECT id FROM items LIMIT 3) TO STDOUT ${options}`;
		const native = await RawClient.login(rawOptions(url));
		const expected = await native.query(copy);
		native.destroy();
		const client = await relayed(t, error(3));
		t.same(await client.query(copy), expected, `reached ${options}`);
		const less = await relayed(t, error(2));
		t.match(short(await less.query(copy)), /^H d\*\d E:54000 Z:I$/, `exceeded ${options}`);
		const cut = await relayed(t, truncate(3));
		const whole = await cut.query(`COPY items (id) TO STDOUT ${options}`);
		t.same(
			whole.filter((each) => each.type !== "N").map((each) => each.body),
			expected.map((each) => each.body),
			`truncated is as long as the cap, to the trailer ${options}`,
		);
		await cut.query("BEGIN");
		t.match(short(await cut.query(`COPY items (id) TO STDOUT ${options}`)), /^H d\*\d c N C:COPY 3 Z:T$/);
		for (const each of [client, less, cut]) each.close();
	}
});

t.test("bytes", async (t) => {
	// A row of one short column takes 7 + 4 bytes and its text.
	const client = await relayed(t, { bytes: cap(36, "error") });
	t.equal(short(await client.query("SELECT 'x' FROM items LIMIT 3")), "T D*3 C:SELECT 3 Z:I");
	t.equal(short(await client.query("SELECT 'x' FROM items LIMIT 4")), "T D*3 E:54000 Z:I");
	t.equal(short(await client.query("SELECT repeat('x', 1000000)")), "T E:54000 Z:I", "before it is there");
});

t.test("a timeout, and the user's own cancel", async (t) => {
	const client = await relayed(t, truncate(3));
	client.send(query("SELECT pg_sleep(20)"));
	await new Promise((resolve) => setTimeout(resolve, 100));
	client.relay.timeOut("limits.statementTimeout");
	const [error] = (await client.until("Z")).filter((each) => each.type === "E");
	t.match(errorFields(error as Message), { C: "57014", D: "limits.statementTimeout" });
	// A cancel that is not ours is no truncation, though rows were left out already.
	await client.query("BEGIN");
	client.send(query("SELECT repeat('x', 9000), CASE WHEN n > 9 THEN pg_sleep(20) END FROM generate_series(1, 10) n"));
	await new Promise((resolve) => setTimeout(resolve, 200));
	await client.host.cancelUpstream();
	t.match(short(await client.until("Z")), /E:57014 Z:E$/);
});
