/**
 * Denials before a real PostgreSQL: at each position a denied statement and one that fails by itself give the same
 * messages and leave the same state; and what the proxy keeps of a session never differs from what the server has.
 */
import t, { type Test } from "tap";
import { CONVERSATION_SCHEMA, conversations, type Turn } from "../helpers/conversations.js";
import { RawClient, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import {
	bind,
	close,
	copyData,
	copyDone,
	describe,
	errorFields,
	execute,
	flush,
	functionCall,
	type Message,
	outline,
	parse,
	query,
	rowValues,
	sync,
} from "../helpers/wire.js";
import { RelayedClient } from "./relay-bench.js";
import type { HostOptions } from "./relay-host.js";

const SCHEMA = `${CONVERSATION_SCHEMA}
	CREATE TABLE log (n int);
	CREATE SCHEMA other;
	CREATE TABLE other.items (id int, name text);
	INSERT INTO other.items VALUES (100, 'other');
`;

let url = "";
t.before(async () => {
	url = await createDatabase(t, testServers().pg15, SCHEMA);
});

async function relayed(t: Test, options: HostOptions = {}): Promise<RelayedClient> {
	const client = await RelayedClient.open(url, options);
	t.teardown(() => client.close());
	return client;
}

/** Error codes aside, for those are meant to differ. */
const shape = (messages: readonly Message[]): string => outline(messages).replace(/E:\w+/g, "E");

const series = (sql: string): Buffer[] => [parse(sql), bind(), describe("P"), execute()];
const turn = (until: string, ...send: readonly Buffer[]): Turn => ({ send, until });

/** Each with a statement in the place of which one is denied, and one that the server itself refuses. */
const positions: Readonly<Record<string, (bad: string) => readonly Turn[]>> = {
	alone: (bad) => [turn("Z", query(bad))],
	"first of a string": (bad) => [turn("Z", query(`${bad}; SELECT 1`))],
	"in a block": (bad) => [
		turn("Z", query("BEGIN")),
		turn("Z", query(bad)),
		turn("Z", query("SELECT 1")),
		turn("Z", query("COMMIT")),
	],
	"in an aborted block": (bad) => [
		turn("Z", query("BEGIN")),
		turn("Z", query("SELECT 1/0")),
		turn("Z", query(bad)),
		turn("Z", ...series(bad), sync),
		turn("Z", query("ROLLBACK")),
	],
	"between pipelined queries": (bad) => [turn("ZZZ", query("SELECT 1"), query(bad), query("SELECT 3"))],
	"first of a series": (bad) => [turn("Z", ...series(bad), ...series("SELECT 2"), sync), turn("Z", query("SELECT 3"))],
	"middle of a series": (bad) => [
		turn("Z", ...series("INSERT INTO log VALUES (1)"), ...series(bad), ...series("SELECT 2"), sync),
		turn("Z", query("SELECT count(*) FROM log")),
	],
	"last of a series": (bad) => [
		turn("Z", ...series("INSERT INTO log VALUES (1)"), ...series(bad), sync),
		turn("Z", query("SELECT count(*) FROM log")),
	],
	"middle of three series": (bad) => [
		turn("ZZZ", ...series("SELECT 1"), sync, ...series(bad), sync, ...series("SELECT 3"), sync),
	],
	"a series in a block": (bad) => [
		turn("Z", query("BEGIN")),
		turn("Z", ...series(bad), sync),
		turn("Z", ...series("SELECT 1"), sync),
		turn("Z", query("ROLLBACK")),
	],
	"with Flush and no Sync": (bad) => [
		turn("E", ...series("SELECT 1"), ...series(bad), flush),
		turn("Z", ...series("SELECT 2"), query("SELECT 3"), sync),
	],
	"a query skipped up to Sync": (bad) => [turn("Z", ...series(bad), query("SELECT 1"), query("SELECT 2"), sync)],
	"COPY of it": (bad) => [turn("Z", query(bad)), turn("Z", copyData("1\tx\n"), copyDone, query("SELECT 1"))],
	"COPY of it in a series": (bad) => [turn("Z", ...series(bad), copyData("1\tx\n"), copyDone, sync)],
};

interface Speaker {
	send(...messages: readonly Buffer[]): void;
	until(type: string): Promise<Message[]>;
}

async function play(speaker: Speaker, turns: readonly Turn[]): Promise<string[]> {
	const shapes: string[] = [];
	for (const { send, until } of turns) {
		speaker.send(...send);
		const got: Message[] = [];
		for (const type of until) got.push(...(await speaker.until(type)));
		shapes.push(shape(got));
	}
	return shapes;
}

t.test("a denial is an error of the server's own, at each position", async (t) => {
	for (const [name, position] of Object.entries(positions)) {
		for (const isSlow of [false, true]) {
			const native = await RawClient.login(rawOptions(url));
			const client = await relayed(t, { denied: /denied/, isSlow });
			await native.query("TRUNCATE log, copied");
			const expected = await play(native, position("SELECT * FROM not_there"));
			await native.query("TRUNCATE log, copied");
			const denied = await play(client, position("SELECT * FROM denied"));
			t.same(denied, expected, `${name}${isSlow ? ", judged slowly" : ""}`);
			t.notOk(
				client.sent.some((frame) => frame.includes("denied;") || frame.includes("FROM denied")),
				"nothing of it went up",
			);
			t.same(client.left(), [], "nothing more comes");
			native.destroy();
			client.close();
		}
	}
});

t.test("a message that has no place in COPY ends the session", async (t) => {
	for (const start of [[query("COPY copied FROM STDIN")], [...series("COPY copied FROM STDIN"), sync]]) {
		const native = await RawClient.login(rawOptions(url));
		const client = await relayed(t);
		for (const speaker of [native, client]) {
			speaker.send(...start);
			await speaker.until("G");
			speaker.send(copyData("1\tx\n"), query("SELECT 'unjudged'"), sync);
		}
		const expected = await native.untilEnd();
		const got = [...(await client.until("E")), ...(await client.until("E"))];
		t.same(
			got.map(errorFields).map(({ S, C, M }) => [S, C, M]),
			expected.map(errorFields).map(({ S, C, M }) => [S, C, M]),
		);
		t.notOk(client.sent.some((frame) => frame.includes("unjudged")));
		t.ok(client.host.ended);
	}
	const client = await relayed(t);
	client.send(query("COPY copied FROM STDIN"));
	await client.until("G");
	// The COPY has failed by itself before, so what follows runs.
	client.send(copyData("no number\tx\n".repeat(9000)));
	await new Promise((resolve) => setTimeout(resolve, 100));
	client.send(query("SELECT 1"));
	t.equal(outline([...(await client.until("Z")), ...(await client.until("Z"))]), "E:22P02 Z:I T D C:SELECT 1 Z:I");
});

t.test("what the client is told", async (t) => {
	const client = await relayed(t, { denied: /denied/ });
	const [error] = await client.query("SELECT denied");
	t.match(errorFields(error as Message), { S: "ERROR", C: "42501", M: "not permitted", D: "a term", H: "ask" });
	t.equal(client.host.runs.at(-1)?.denied, true);
	t.match(client.host.runs.at(-1)?.outcome, { command: null, error: { code: "42501" } });
	await client.query("BEGIN");
	await client.query("SELECT 1/0");
	const [aborted] = await client.query("SELECT denied");
	t.equal(errorFields(aborted as Message).C, "25P02", "in an aborted block the server speaks first");
	await client.query("ROLLBACK");
	const call = await client.ask(functionCall(1, []));
	t.equal(outline(call), "E:42501 Z:I", "function calls are refused");
	t.equal(client.host.incidents.length, 1);
});

t.test("recorded conversations, live", async (t) => {
	for (const [name, turns] of Object.entries(conversations)) {
		const native = await RawClient.login(rawOptions(url));
		const client = await relayed(t, { isSlow: name.length % 2 === 0, sampleRows: name.length % 3 });
		const expected = await play(native, turns);
		t.same(await play(client, turns), expected, name);
		native.destroy();
		client.close();
	}
});

const rows = (messages: readonly Message[]): unknown[] =>
	messages.filter((each) => each.type === "D").map((each) => rowValues(each).join("|"));

t.test("names of statements, as the server has them", async (t) => {
	const same = async (title: string, turns: readonly Turn[]) => {
		const native = await RawClient.login(rawOptions(url));
		const client = await relayed(t);
		t.same(await play(client, turns), await play(native, turns), title);
		native.destroy();
		client.close();
	};
	const begun = turn("Z", query("BEGIN"));
	await same("unknown names", [
		turn("Z", bind({ statement: "nobody" }), execute(), sync),
		turn("Z", execute("nobody"), sync),
		turn("Z", query("EXECUTE nobody")),
		turn("Z", query("FETCH 1 FROM nobody")),
		turn("Z", close("S", "nobody"), close("P", "nobody"), sync),
	]);
	await same("SQL PREPARE, protocol Bind, and the other way round", [
		turn("Z", query("PREPARE s AS SELECT 1")),
		turn("Z", bind({ statement: "s" }), execute(), sync),
		turn("Z", parse("SELECT 2", "p"), sync),
		turn("Z", query("EXECUTE p")),
		turn("Z", parse("SELECT 3", "p"), sync),
		turn("Z", query("DEALLOCATE p")),
		turn("Z", bind({ statement: "p" }), execute(), sync),
		turn("Z", query("DEALLOCATE ALL")),
		turn("Z", bind({ statement: "s" }), execute(), sync),
	]);
	await same("PREPARE survives ROLLBACK", [
		begun,
		turn("Z", query("PREPARE s AS SELECT 1")),
		turn("Z", query("ROLLBACK")),
		turn("Z", query("EXECUTE s")),
		turn("Z", query("DISCARD ALL")),
		turn("Z", query("EXECUTE s")),
	]);
	await same("a skipped Close or Parse has not happened", [
		turn("Z", parse("SELECT 1", "s"), sync),
		turn("Z", ...series("SELECT 1/0"), close("S", "s"), parse("SELECT 2", "t"), sync),
		turn("Z", bind({ statement: "s" }), execute(), sync),
		turn("Z", bind({ statement: "t" }), execute(), sync),
	]);
	await same("DECLARE and protocol Execute, portals and FETCH", [
		begun,
		turn("Z", query("DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id")),
		turn("Z", execute("c", 2), sync),
		turn("Z", query("FETCH 2 FROM c")),
		turn("Z", parse("SELECT 1"), bind({ portal: "p" }), sync),
		turn("Z", query("FETCH 1 FROM p")),
		turn("Z", query("CLOSE c")),
		turn("Z", execute("c"), sync),
		turn("Z", query("ROLLBACK")),
	]);
	await same("the unnamed statement after a query string", [
		turn("Z", parse("SELECT 1"), sync),
		turn("Z", bind(), execute(), sync),
		turn("Z", query("SELECT 2")),
		turn("Z", bind(), execute(), sync),
	]);
	await same("portals end with their transaction, and those sent since do not", [
		turn("Z", parse("SELECT 1", "s"), bind({ portal: "p", statement: "s" }), sync),
		turn("Z", execute("p"), sync),
		turn(
			"ZZ",
			bind({ portal: "p", statement: "s" }),
			execute("p"),
			sync,
			bind({ portal: "p", statement: "s" }),
			execute("p"),
			sync,
		),
	]);
	await same("a DISCARD ALL or DEALLOCATE ALL by the unnamed statement leaves that one", [
		turn("Z", parse("DEALLOCATE ALL"), bind(), execute(), bind(), execute(), sync),
	]);
});

t.test("what runs is what was judged, whatever was skipped before", async (t) => {
	const client = await relayed(t);
	const run = () => client.host.runs.at(-1)?.verdict.facts.tag;
	await client.ask(parse("SELECT 'old'", "s"), sync);
	// All in one chunk: the Parse fails, since the name is taken, and the Bind behind the Sync finds the old statement.
	client.send(parse("SELECT 'new'", "s"), sync, bind({ statement: "s" }), execute(), sync);
	const taken = [...(await client.until("Z")), ...(await client.until("Z"))];
	t.same(rows(taken), ["old"]);
	t.equal(run(), "SELECT 'old'");
	// Close and Parse are skipped.
	client.send(
		...series("SELECT 1/0"),
		close("S", "s"),
		parse("SELECT 'new'", "s"),
		sync,
		bind({ statement: "s" }),
		execute(),
		sync,
	);
	const skipped = [...(await client.until("Z")), ...(await client.until("Z"))];
	t.same(rows(skipped), ["old"]);
	t.equal(run(), "SELECT 'old'");
	// A later Parse of the same name outlives an earlier one that was skipped.
	client.send(...series("SELECT 1/0"), parse("SELECT 'first'"), sync, parse("SELECT 'second'"), sync);
	await client.until("Z");
	await client.until("Z");
	t.same(rows(await client.ask(bind(), execute(), sync)), ["second"]);
	t.equal(run(), "SELECT 'second'");
});

t.test("a judgement that was waited for is for its own text", async (t) => {
	const client = await relayed(t, { denied: /denied/, isSlow: true });
	client.host.isSlow = false;
	client.send(...series("SELECT 1/0"));
	client.host.isSlow = true;
	// It is being thought about when the error arrives, and is then skipped with its series.
	client.send(parse("SELECT 'harmless'"), sync);
	await client.until("Z");
	t.equal(outline(await client.query("SELECT * FROM denied")), "E:42501 Z:I");
});

t.test("the search path is the server's", async (t) => {
	const client = await relayed(t);
	const path = () => client.host.judged.at(-1)?.path.join(",");
	await client.query("SELECT name FROM items WHERE id = 100");
	t.equal(path(), "$user,public");
	await client.ask(parse("SELECT count(*) FROM items WHERE id = 100", "s"), sync);
	await client.query("SET search_path = other");
	t.same(rows(await client.ask(bind({ statement: "s" }), execute(), sync)), ["1"], "the server reads it anew");
	t.equal(path(), "other", "and so do we");
	// A ROLLBACK takes a path back; pipelined, so that nothing has been answered yet.
	client.send(
		query("BEGIN"),
		query("SET search_path = public"),
		query("ROLLBACK"),
		query("SELECT count(*) FROM items WHERE id = 100"),
	);
	for (let answers = 0; answers < 3; answers++) await client.until("Z");
	t.same(rows(await client.until("Z")), ["1"]);
	t.equal(path(), "other");
	client.send(query("SET search_path = public; SELECT 1/0"), query("SELECT count(*) FROM items WHERE id = 100"));
	await client.until("Z");
	t.same(rows(await client.until("Z")), ["1"], "so does an error");
	t.equal(path(), "other");
	const moved = await client.query("SET search_path = public; SELECT name FROM items");
	t.equal(outline(moved), "E:42501 Z:I", "a string cannot be read by two paths");
	// Bound under one path, to be executed under another.
	const copy = [parse("COPY items TO STDOUT", "c"), bind({ statement: "c", portal: "c" })];
	client.send(...copy, parse("SET search_path = public"), bind(), execute(), execute("c"), sync);
	t.match(outline(await client.until("Z")), /E:42501 Z:I$/);
	// In an aborted block the path cannot be asked for.
	await client.query("BEGIN");
	await client.query("SET search_path = public");
	await client.query("SELECT 1/0");
	t.equal(outline(await client.query("ROLLBACK; SELECT name FROM items")), "E:25P02 Z:E");
	t.equal(outline(await client.query("ROLLBACK")), "C:ROLLBACK Z:I");
	t.same(rows(await client.query("SELECT count(*) FROM items WHERE id = 100")), ["1"]);
});

t.test("the end of the server", async (t) => {
	const client = await relayed(t);
	await client.query("SELECT 1");
	client.send(query("SELECT pg_terminate_backend(pg_backend_pid())"));
	const [error] = (await client.until("E")).slice(-1);
	t.match(errorFields(error as Message), { S: "FATAL", C: "57P01" });
	await new Promise((resolve) => setTimeout(resolve, 50));
	t.equal(client.host.ended, "the database ended the session");
	t.ok(
		client.host.runs.every((run) => run.outcome !== undefined),
		"all is finished, once",
	);
	client.relay.terminate("upstream", "lost", undefined);
	t.same(client.left(), [], "and nothing is said after it");
});

t.test("masked statements keep their texts", async (t) => {
	const client = await relayed(t, { reduceErrors: true });
	const [error] = await client.query("SELECT 'secret'::int");
	t.match(errorFields(error as Message), { C: "22P02", M: /withheld/ });
	const deferred = await relayed(t, { reduceErrors: true });
	await deferred.query("CREATE TEMPORARY TABLE d (id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)");
	await deferred.query("BEGIN");
	await deferred.query("INSERT INTO d VALUES (4711)");
	await deferred.query("INSERT INTO d VALUES (4711)");
	const commit = await deferred.query("COMMIT");
	t.match(outline(commit), /E:23505|E:42501/);
	t.notMatch(JSON.stringify(commit.map((each) => each.body.toString())), /4711/);
});
