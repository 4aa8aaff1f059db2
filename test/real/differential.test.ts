/**
 * Random statements under a role and under a license of the same rights, column by column; and the benign corpus, changed
 * at random, over tables whose secrets must not show (fast-check; a failure names its seed, and its statement shrinks).
 * `LICET_NIGHTLY=1` tries thirty times as many under a seed of its own.
 */
import t from "tap";
import { benignCases, benignSchema } from "../helpers/benign.js";
import { found, textNeedles } from "../helpers/canaries.js";
import { compareRights, mutateAll, type Outcome } from "../helpers/differential.js";
import { cap, license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { GRANTS, PERMITS, TABLE_SCRIPT } from "../helpers/random-sql.js";
import { RawClient, type RawOptions, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const RUNS = 1500;
const MUTATIONS = 1000;

/** One statement in a transaction that is rolled back. */
async function tried(client: RawClient, sql: string): Promise<wire.Message[]> {
	client.send(wire.query("BEGIN"), wire.query(sql), wire.query("ROLLBACK"));
	const answers: wire.Message[][] = [];
	for (let index = 0; index < 3; index++) answers.push(await client.until("Z"));
	return answers[1] ?? [];
}

function outcomeOf(answers: readonly wire.Message[]): Outcome {
	const error = answers.find(({ type }) => type === "E");
	if (error !== undefined) {
		const { C = "", M = "" } = wire.errorFields(error);
		return C === "42501" ? { kind: "denied", why: M } : { kind: "error", why: C };
	}
	const of = (type: string) => answers.filter((message) => message.type === type);
	const rows = of("D").map((row) => JSON.stringify(wire.rowValues(row)));
	const tags = of("C").map(wire.commandTag);
	const names = of("T").flatMap((description) =>
		wire.rowColumns(description).map(({ name, type }) => `${name} ${type}`),
	);
	return { kind: "done", result: [names.join(","), ...rows.sort(), ...tags].join("\n") };
}

t.setTimeout(PART_TIMEOUT_MS);

t.test("a role and a license of the same rights", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const script = `CREATE SCHEMA app; ${TABLE_SCRIPT("app.")} ANALYZE;`;
	const url = await createDatabase(t, testServers().pg18, script);
	const role = new URL(url).pathname.slice(1);
	await withClient(url, async (client) => {
		for (const sql of [`CREATE ROLE ${role}`, `GRANT USAGE ON SCHEMA app TO ${role}`, ...GRANTS("app.", role)])
			await client.query(sql);
	});
	t.teardown(() => withClient(url, (client) => client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)));
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: { equal: license("equal", { permits: PERMITS("app") }) },
	});
	const direct = await RawClient.login(rawOptions(url));
	await direct.query(`SET ROLE ${role}`);
	const proxied = await RawClient.login(rawGrant(await licet.grant({ license: "equal", target: "shop" })));
	const sides = {
		direct: async (sql: string) => outcomeOf(await tried(direct, sql)),
		proxied: async (sql: string) => outcomeOf(await tried(proxied, sql)),
	};
	await compareRights(t, sides, { engine: "postgres", prefix: "app." }, RUNS, 0.03);
	for (const client of [direct, proxied]) client.destroy();
});

t.test("the benign corpus, changed", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const url = await createDatabase(
		t,
		testServers().pg18,
		`${benignSchema("postgres")}
		CREATE SCHEMA hr; CREATE TABLE hr.hidden (id int, secret text); INSERT INTO hr.hidden SELECT n, 'zqcanaryplover' || n FROM generate_series(1, 50) n;
		UPDATE app.customers SET email = 'a.zqcanarykestrel' || id || '@mail.example', card_number = 'zqcanaryosprey' || 1000 + id; ANALYZE;`,
	);
	const licet = await startLicet(t, {
		targets: { shop: targetOf(url) },
		licenses: {
			masked: license("masked", {
				permits: [{ on: ["app.*"], commands: ["read", "write"] }],
				masks: [
					{ columns: ["app.customers.email"], with: "email", use: "filter" },
					{ columns: ["*.*.card_number"], with: { partial: { keepLast: 4 } }, use: "project" },
				],
				limits: { rowsPerStatement: cap(5_000, "error") },
			}),
		},
	});
	const grant: RawOptions = { ...rawGrant(await licet.grant({ license: "masked", target: "shop" })), timeoutMs: 5_000 };
	let client: RawClient | undefined;
	let asked = 0;
	const needles = ["zqcanarykestrel", "zqcanaryosprey", "zqcanaryplover"].flatMap((word) => textNeedles(word));
	const statements = benignCases("postgres").flatMap(({ sql }) => sql);
	const secrets = [
		"email",
		"card_number",
		"hr.hidden",
		"secret",
		"c.email",
		"app.customers",
		"c",
		"*",
		"c.*",
		"app.customers.card_number",
		"hr",
		"hidden",
	];
	const leaks = async (sql: string): Promise<readonly string[]> => {
		if (client === undefined || client.ended) {
			client = await RawClient.login(grant);
			await client.query("SET statement_timeout = '500ms'");
		}
		const before = client.received.length;
		try {
			await tried(client, sql);
		} catch (error) {
			// A statement that starts a COPY, or one that ends the session: the rest is not answered.
			client.destroy();
			if (!/closed the connection|nothing arrived/.test(String(error))) throw error;
		}
		const hay = Buffer.concat(client.received.slice(before).map(({ body }) => body));
		asked += 1;
		// What was received is kept by the client: now and then a new one.
		if (client.ended || /\bcopy\b/i.test(sql) || asked % 200 === 0) {
			client.destroy();
			client = undefined;
		}
		return found(needles, hay);
	};
	t.teardown(() => client?.destroy());
	await mutateAll(t, statements, secrets, leaks, MUTATIONS);
});
