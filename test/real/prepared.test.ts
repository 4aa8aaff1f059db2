/**
 * A statement that SQL's PREPARE made and the protocol's Bind runs (psql's \bind_named, libpq's PQsendQueryPrepared): it is
 * judged, masked, capped and recorded as what it runs, and to run it prepares nothing again.
 */
import t, { type Test } from "tap";
import { cap, license } from "../helpers/license.js";
import { type Licet, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const url = await createDatabase(
	t,
	testServers().pg15,
	`CREATE SCHEMA app; CREATE TABLE app.people (id int, email text);
	INSERT INTO app.people SELECT n, 'p' || n || '@mail.example' FROM generate_series(1, 9) n;`,
);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		narrow: license("narrow", {
			permits: [{ on: ["app.*"], commands: ["read", "insert", "delete"] }],
			masks: [{ columns: ["app.people.email"], with: "null" }],
			limits: { rowsPerStatement: cap(5, "error") },
		}),
	},
});
const grant = rawGrant(await licet.grant({ license: "narrow", target: "shop" }));

async function login(t: Test): Promise<RawClient> {
	const client = await RawClient.login(grant);
	t.teardown(() => client.destroy());
	return client;
}

const values = (messages: readonly wire.Message[]) => messages.filter(({ type }) => type === "D").map(wire.rowValues);

t.test("what it delivers: rows, masked, described or not", async (t) => {
	const client = await login(t);
	await client.query("PREPARE by_id (int) AS SELECT id, email FROM app.people WHERE id = $1");
	const bind = wire.bind({ statement: "by_id", values: ["3"] });
	for (const [told, ...described] of [["2 D C:SELECT 1 Z:I"], ["2 T D C:SELECT 1 Z:I", wire.describe("P")]] as const) {
		const answer = await client.ask(bind, ...described, wire.execute(), wire.sync);
		t.equal(wire.outline(answer), told);
		t.same(values(answer), [["3", null]]);
	}
	const answer = await client.ask(wire.describe("S", "by_id"), bind, wire.execute(), wire.sync);
	t.equal(wire.outline(answer), "t T 2 D C:SELECT 1 Z:I");
	t.same(values(answer), [["3", null]]);
	// One statement over all its fetches.
	await client.query("PREPARE all_of_them AS SELECT id FROM app.people");
	const all = wire.bind({ portal: "p", statement: "all_of_them" });
	const fetched = await client.ask(all, wire.execute("p", 4), wire.execute("p", 4), wire.sync);
	t.equal(values(fetched).length, 5, "the cap holds");
	t.match(wire.outline(fetched), /E:54000/);
});

t.test("its name is given to another text before the portal runs", async (t) => {
	const client = await login(t);
	await client.query("PREPARE shift AS INSERT INTO app.people VALUES (100, 'x')");
	const answer = await client.ask(
		wire.bind({ portal: "old", statement: "shift" }),
		wire.close("S", "shift"),
		wire.parse("DELETE FROM app.people WHERE id = 100", "shift"),
		wire.execute("old"),
		wire.bind({ statement: "shift" }),
		wire.execute(),
		wire.sync,
	);
	t.equal(wire.outline(answer), "2 3 1 C:INSERT 0 1 2 C:DELETE 1 Z:I");
	client.send(wire.terminate);
	await client.untilEnd();
	const ran = (await statements(licet)).filter(({ sql }) => sql.includes("100"));
	t.match(ran.at(-1)?.sql, /^DELETE/, "the recording tells what the server ran");
	t.match(ran.at(-2)?.sql, /INSERT/);
});

t.test("what it may not read is denied as it is prepared", async (t) => {
	const client = await login(t);
	const prepared = await client.query(
		"PREPARE other AS SELECT count(*) FROM app.people WHERE email = 'p1@mail.example'",
	);
	t.equal(wire.outline(prepared), "E:42501 Z:I");
	t.equal(wire.outline(await client.ask(wire.bind({ statement: "other" }), wire.sync)), "E:26000 Z:I");
});

async function statements({ cli, json }: Licet): Promise<{ sql: string }[]> {
	const [newest] = (await json("sessions")) as { session: string }[];
	const { stdout } = await cli("replay", newest?.session ?? "", "--json");
	const lines = stdout.trim().split("\n");
	return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "statement");
}
