/** `licet license explain` and `licet explain DECISION`: what a license says, why, and what would have to change. */
import t from "tap";
import { parseLicense } from "../../src/licensing/license.js";
import type { Change } from "../../src/licensing/remedy.js";
import type { ExplainedStatement } from "../../src/sessions/explain.js";
import { cap, license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";

const url = await createDatabase(
	t,
	testServers().pg15,
	`CREATE SCHEMA app; CREATE SCHEMA hr;
	CREATE TABLE app.users (id int PRIMARY KEY, name text, email text);
	CREATE TABLE hr.salaries (id int, amount numeric);
	CREATE TABLE app.held (id int);
	CREATE VIEW app.names AS SELECT id, name FROM app.users;
	CREATE FUNCTION app.total(int) RETURNS int LANGUAGE sql AS 'SELECT $1';`,
);

const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read"] }],
	denies: [{ on: ["app.held"], commands: ["all"], reason: "held for legal" }],
	masks: [{ columns: ["app.users.email"], with: "email", use: "project" }],
	limits: { rowsPerStatement: cap(10, "error") },
};

const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: { reader: license("reader", TERMS) },
});

async function explain(sql: string): Promise<ExplainedStatement> {
	const answer = (await licet.json("license", "explain", "--license", "reader", "--target", "shop", "--json", sql)) as {
		statements: ExplainedStatement[];
	};
	t.equal(answer.statements.length, 1, sql);
	return answer.statements[0] as ExplainedStatement;
}

/** Statement → the changes that would allow it; null: it is allowed. */
const CASES: readonly (readonly [string, readonly Change[] | null])[] = [
	["SELECT name FROM app.users", null],
	["SELECT email FROM app.users", null],
	["SELECT amount FROM hr.salaries", [{ kind: "permit", on: ["hr.salaries"], commands: ["select"] }]],
	["DELETE FROM app.users", [{ kind: "permit", on: ["app.users"], commands: ["delete"] }]],
	["SELECT id FROM app.held", [{ kind: "remove", term: "denies[0]" }]],
	["SELECT id FROM app.users WHERE email = 'a'", [{ kind: "maskUse", term: "masks[0]", use: "filter" }]],
	["SELECT lower(email) FROM app.users", [{ kind: "maskUse", term: "masks[0]", use: "derive" }]],
	["SELECT array_agg(name) FROM app.users", [{ kind: "remove", term: "limits.rowsPerStatement" }]],
	["SELECT app.total(1)", [{ kind: "permitFunctions", functions: ["app.total"] }]],
	["SELECT * FROM pg_stats", [{ kind: "permit", on: ["pg_catalog.pg_stats"], commands: ["select"] }]],
	["SET work_mem = '1GB'", null],
];

await t.test("the smallest change", async (t) => {
	for (const [sql, changes] of CASES) t.same((await explain(sql)).changes, changes, sql);
});

await t.test("what is proposed does what it says", async (t) => {
	const { changes } = await explain("SELECT id FROM app.users u JOIN hr.salaries s USING (id) WHERE email = 'a'");
	const added = (changes ?? []).flatMap((change) =>
		change.kind === "permit" ? [{ on: change.on, commands: change.commands }] : [],
	);
	t.ok(added.length > 0);
	const text = license("reader", {
		...TERMS,
		permits: [...TERMS.permits, ...added],
		masks: [{ ...TERMS.masks[0], use: "filter" }],
	});
	t.ok("license" in parseLicense(text, "reader.yaml"), "it is a license as people write it");
	licet.writeLicense("reader", text);
	await new Promise((resolve) => setTimeout(resolve, 1500));
	const again = await explain("SELECT id FROM app.users u JOIN hr.salaries s USING (id) WHERE email = 'a'");
	t.equal(again.decision.effect, "allow");
	licet.writeLicense("reader", license("reader", TERMS));
	await new Promise((resolve) => setTimeout(resolve, 1500));
});

await t.test("facts and obligations", async (t) => {
	const one = await explain("SELECT email, name FROM app.users");
	t.same(one.obligations.masks, [{ column: "email", mask: "email", term: "masks[0]" }]);
	t.match(one.obligations.rows, { max: 10, term: "limits.rowsPerStatement" });
	t.match(one.facts.relations, [{ schema: "app", name: "users", command: "select" }]);
	const broken = await explain("SELEC 1");
	t.equal(broken.decision.effect, "deny");
});

await t.test("for people, and for who asks wrongly", async (t) => {
	const words = ["license", "explain", "--license", "reader", "--target", "shop"];
	const text = await licet.cli(...words, "SELECT amount FROM hr.salaries");
	t.match(text.stdout, /DENIED[\s\S]*select on hr\.salaries is not permitted[\s\S]*add \{ on: \["hr\.salaries"\]/);
	const unknown = await licet.cli("license", "explain", "--license", "other", "--target", "shop", "SELECT 1");
	t.equal(unknown.code, 1);
	t.match(unknown.stderr, /there is no license "other"/);
	t.equal((await licet.cli("explain", "nonsense")).code, 2);
	t.equal((await licet.cli("explain", "d_aaaaaaaaaaaa.1")).code, 1);
});

await t.test("a denial by its id", async (t) => {
	const client = await RawClient.login(rawGrant(await licet.grant({ license: "reader", target: "shop" })));
	const [error] = (await client.query("SELECT amount FROM hr.salaries")).filter(({ type }) => type === "E");
	client.destroy();
	const id = /decision (d_\w+\.\d+)/.exec(error?.body.toString("utf8") ?? "")?.[1] ?? "";
	const told = (await licet.json("explain", id, "--json")) as Record<string, unknown>;
	t.match(told, { license: "reader", target: "shop", sql: "SELECT amount FROM hr.salaries" });
	t.match(told.decision, { id, effect: "deny" });
	t.match(told.now, { statements: [{ changes: [{ kind: "permit", on: ["hr.salaries"] }] }] });
	t.match((await licet.cli("explain", id)).stdout, /denied[\s\S]*As the license is now/);
});
