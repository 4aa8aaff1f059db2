/**
 * Random conversations with a real PostgreSQL, each sent at once so that nothing has been answered when the relay has to
 * decide: the client gets what it gets without the relay, and what ran is what was judged, name by name and path by path.
 */
import fc from "fast-check";
import t from "tap";
import { NIGHTLY } from "../helpers/patience.js";
import { RawClient, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import {
	bind,
	close,
	copyData,
	copyDone,
	describe,
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

const SCHEMA = `
	CREATE TABLE items (id int, name text);
	INSERT INTO items VALUES (1, 'public');
	CREATE TABLE log (n int);
	CREATE SCHEMA other;
	CREATE TABLE other.items (id int, name text);
	INSERT INTO other.items VALUES (1, 'other');
`;

let url = "";
t.before(async () => {
	url = await createDatabase(t, testServers().pg15, SCHEMA);
});

/** Says which text it is, and from which schema it reads. */
const select = (label: number) => `SELECT 'L${label}', name FROM items`;
const label = fc.integer({ min: 1, max: 999 });
const name = fc.constantFrom("", "s", "t");
const cursor = fc.constantFrom("", "c", "p");
const control = fc.constantFrom(
	"BEGIN",
	"COMMIT",
	"ROLLBACK",
	"SAVEPOINT a",
	"ROLLBACK TO a",
	"SELECT 1/0",
	"SET search_path = other",
	"SET LOCAL search_path = public",
	"SET search_path = public",
	"DEALLOCATE ALL",
	"DEALLOCATE s",
	"CLOSE c",
	"CLOSE ALL",
	"EXECUTE s",
	"EXECUTE t",
	"FETCH 1 FROM c",
	"FETCH 1 FROM p",
	"INSERT INTO log VALUES (1)",
);
const sql = fc.oneof(
	label.map(select),
	control,
	label.map((n) => `PREPARE s AS ${select(n)}`),
	label.map((n) => `DECLARE c CURSOR FOR ${select(n)}`),
);
const part = fc.oneof(
	sql.map((each) => [query(each)]),
	fc.tuple(sql, name).map(([each, as]) => [parse(each, as)]),
	fc
		.tuple(sql, name, cursor)
		.map(([each, as, portal]) => [parse(each, as), bind({ statement: as, portal }), execute(portal)]),
	fc.tuple(name, cursor).map(([statement, portal]) => [bind({ statement, portal })]),
	fc.tuple(name, cursor).map(([statement, portal]) => [bind({ statement, portal }), execute(portal)]),
	cursor.map((portal) => [execute(portal, 1)]),
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, of]) => [describe(kind, of)]),
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, of]) => [close(kind, of)]),
	fc.constantFrom([sync], [sync], [sync], [flush]),
	fc.constantFrom([query("COPY log FROM STDIN"), copyData("1\n"), copyDone]),
	fc.constantFrom([
		// Under names that nothing else executes: a message that has no place in COPY would end the session.
		close("S", "k"),
		parse("COPY log FROM STDIN", "k"),
		bind({ statement: "k", portal: "k" }),
		execute("k"),
		copyData("1\n"),
		copyDone,
		sync,
	]),
);

const said = (messages: readonly Message[]): string =>
	// A portal that fetches from itself is told otherwise.
	`${outline(messages).replaceAll("E:54001", "E:55000")} ${messages.filter((each) => each.type === "D").map((each) => rowValues(each).join("|"))}`;

const END = "SELECT 'over'";

async function untilOver(speaker: { until(type: string): Promise<Message[]> }): Promise<Message[]> {
	const all: Message[] = [];
	for (;;) {
		const messages = await speaker.until("Z");
		all.push(...messages);
		if (messages.some((each) => each.type === "D" && rowValues(each)[0] === "over")) return all;
	}
}

/** Each row that came out of a run names the text and the schema that the run was judged by. */
function misjudged(client: RelayedClient): string | undefined {
	for (const { verdict, outcome } of client.host.runs) {
		const [first, schema] = outcome?.sample?.rows[0] ?? [];
		if (typeof first !== "string" || !/^L\d+$/.test(first)) continue;
		const { tag } = verdict.facts;
		if (!tag.includes(`'${first}'`) || !tag.endsWith(`@${schema}`)) return `${first} of ${schema} ran as ${tag}`;
	}
	return undefined;
}

t.test("random conversations", async (t) => {
	const runs = Number(process.env.LICET_TEST_RUNS ?? (NIGHTLY ? 3000 : 120));
	let refused = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.array(part, { minLength: 1, maxLength: 14 }),
			fc.boolean(),
			fc.boolean(),
			async (parts, isSlow, inPieces) => {
				// An aborted block ends before the last word, which is then always heard.
				const messages = [...parts.flat(), sync, query("ROLLBACK"), query(END)];
				const native = await RawClient.login(rawOptions(url));
				const client = await RelayedClient.open(url, { isSlow, sampleRows: 1 });
				client.host.tagsPath = true;
				try {
					native.send(...messages);
					if (inPieces) for (const each of messages) client.send(each);
					else client.send(...messages);
					const [expected, got] = [said(await untilOver(native)), said(await untilOver(client))];
					// What is bound under one search path and executed under another is refused by a rule of ours.
					const isRefused = got.includes("E:42501");
					if (isRefused) refused++;
					if (got !== expected && !isRefused) throw new Error(`direct:  ${expected}\nthrough: ${got}`);
					const wrong = misjudged(client);
					if (wrong !== undefined) throw new Error(wrong);
					if (client.relay.busy) throw new Error("still busy");
					const open = client.host.runs.filter((run) => run.outcome === undefined);
					if (open.length > 0) throw new Error(`never finished: ${open.map((run) => run.text)}`);
				} finally {
					native.destroy();
					client.close();
				}
			},
		),
		{ numRuns: runs },
	);
	t.ok(refused < runs / 4, `${refused} of ${runs} hold something that is refused`);
});
