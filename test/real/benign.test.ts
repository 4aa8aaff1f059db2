/**
 * Who does ordinary work never meets a denial: each statement of the benign corpus and each query of TPC-H and TPC-DS,
 * straight at the server and through Licet over a copy of the database, by the simple protocol as text and by the
 * extended one in binary. Compared are descriptions, rows (in order where the statement orders them) and command tags.
 */
import t, { type Test } from "tap";
import { GUARDED_COLUMNS } from "../../src/sql/functions/postgres-guards.js";
import { type Benign, benchmarkQuery, benignCases, benignSchema, tpcScript } from "../helpers/benign.js";
import { cap, license } from "../helpers/license.js";
import { type Json, rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { RawClient, rawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";
import { corpus } from "../sql/corpus.js";

const TERMS: Readonly<Record<string, Json>> = {
	permits: [{ on: ["app.*", "tpch.*", "tpcds.*"], commands: ["read", "write"] }],
	masks: [
		{ columns: ["app.customers.email"], with: "email", use: "filter" },
		{
			columns: ["*.*.card_number", "tpcds.store.s_geography_class"],
			with: { partial: { keepLast: 4 } },
			use: "project",
		},
	],
};
const LICENSES = {
	capped: license("capped", { ...TERMS, limits: { rowsPerStatement: cap(5_000, "error") } }),
	uncapped: license("uncapped", TERMS),
};

/** One side: sessions by license, straight at the server one and the same. */
type Side = Readonly<Record<Benign["license"], RawClient>>;

interface Answer {
	readonly description: readonly wire.RowColumn[];
	readonly rows: readonly (readonly (string | null)[])[];
	readonly tags: string;
	readonly error: string | undefined;
}

type Way = "simple" | "extended";

const GUARDED: ReadonlySet<string> = new Set(GUARDED_COLUMNS.flatMap(({ columns }) => columns.trim().split(/\s+/)));

async function run(client: RawClient, sql: string, way: Way, parameters: readonly string[]): Promise<Answer> {
	const messages =
		way === "simple"
			? await client.query(sql)
			: await client.ask(
					wire.parse(sql),
					wire.bind({ values: parameters, resultFormats: parameters.length > 0 ? [0] : [1] }),
					wire.describe("P"),
					wire.execute(),
					wire.sync,
				);
	const of = (type: string) => messages.filter((message) => message.type === type);
	const error = of("E")[0];
	const fields = error === undefined ? undefined : wire.errorFields(error);
	return {
		description: of("T").flatMap(wire.rowColumns),
		rows: of("D").map((row) => wire.rowBytes(row).map((value) => value?.toString("latin1") ?? null)),
		tags: of("C").map(wire.commandTag).join(" "),
		error: fields === undefined ? undefined : `${fields.C} ${fields.M}`,
	};
}

const isOrdered = (sql: string): boolean => /\border by\b(?![\s\S]*\))/i.test(sql) || /^\s*(fetch|move)/i.test(sql);

/** Rows without the masked columns, in one order where the statement says none. */
function visible({ rows, description }: Answer, sql: string, masked: readonly string[]): string[] {
	const kept = rows.map((row) =>
		JSON.stringify(row.filter((_, index) => !masked.includes(description[index]?.name ?? ""))),
	);
	return isOrdered(sql) ? kept : kept.sort();
}

function shown({ rows, description }: Answer, masked: readonly string[]): (string | null)[] {
	return rows.flatMap((row) => row.filter((_, index) => masked.includes(description[index]?.name ?? "")));
}

async function compare(t: Test, [direct, proxied]: readonly [Side, Side], each: Benign, way: Way): Promise<boolean> {
	let isEqual = false;
	const [one, other] = [direct[each.license], proxied[each.license]];
	for (const client of [one, other]) await client.query("BEGIN");
	for (const sql of each.sql) {
		const [wanted, got] = await Promise.all([one, other].map((client) => run(client, sql, way, each.parameters)));
		if (wanted === undefined || got === undefined) throw new Error("two answers were expected");
		const name = `${way}: ${sql.replace(/\s+/g, " ").slice(0, 160)}`;
		if (wanted.error !== undefined && each.mayFail) {
			t.ok(got.error, `${name}: the server itself says ${wanted.error}`);
			break;
		}
		t.same([got.error, wanted.error], [undefined, undefined], `${name}: passes`);
		if (got.error !== undefined || wanted.error !== undefined) break;
		// A guarded column of a catalog comes of an expression that the server names no origin for.
		const described = wanted.description.map((column, index) =>
			got.description[index]?.relation === 0 && GUARDED.has(column.name)
				? { ...column, relation: 0, column: 0 }
				: column,
		);
		isEqual = t.same(
			[got.description, visible(got, sql, each.masked), got.tags],
			[described, visible(wanted, sql, each.masked), wanted.tags],
			name,
		);
		if (each.masked.length === 0) continue;
		const secrets = new Set<unknown>(shown(wanted, each.masked).filter((value) => value !== null));
		t.ok(secrets.size > 0, `${name}: there is something to mask`);
		t.same(
			shown(got, each.masked).filter((value) => secrets.has(value)),
			[],
			`${name}: it is masked`,
		);
	}
	for (const client of [one, other]) await client.query("ROLLBACK");
	return isEqual;
}

/** A schema for each benchmark, and our own. */
const SCRIPT = `${benignSchema("postgres")}
CREATE SCHEMA tpch; SET search_path = tpch; ${tpcScript("tpch")}
CREATE SCHEMA tpcds; SET search_path = tpcds; ${tpcScript("tpcds")} RESET search_path;`;

async function openSides(t: Test, server: string): Promise<readonly [Side, Side]> {
	const url = await createDatabase(t, server, SCRIPT);
	const copy = new URL(`${url}_b`);
	const name = copy.pathname.slice(1);
	await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${name.slice(0, -2)}`));
	t.teardown(() => withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)));
	const licet = await startLicet(t, { targets: { shop: targetOf(copy.href) }, licenses: LICENSES });
	const parameters = { TimeZone: "UTC" };
	const straight = await RawClient.login({ ...rawOptions(url), parameters, timeoutMs: 60_000 });
	const through = async (license: Benign["license"]) =>
		RawClient.login({ ...rawGrant(await licet.grant({ license, target: "shop" })), parameters, timeoutMs: 60_000 });
	const proxied = { capped: await through("capped"), uncapped: await through("uncapped") };
	t.teardown(() => {
		for (const client of [straight, ...Object.values(proxied)]) client.destroy();
	});
	return [{ capped: straight, uncapped: straight }, proxied];
}

const isQuery = (sql: string): boolean => /^\s*(--.*\n\s*)*(select|with)\b/i.test(sql);

/** What of the corpora reads one of the two benchmarks. */
function benchmarkQueries(): readonly (readonly [schema: "tpch" | "tpcds", sql: string])[] {
	return (corpus("postgres-tpc") ?? [])
		.filter(({ sql, source }) => isQuery(sql) && /queries|variants/.test(source))
		.map(({ sql, source }) => [/tpcds/.test(source) ? "tpcds" : "tpch", sql] as const);
}

t.setTimeout(PART_TIMEOUT_MS);

for (const [name, server, version] of [
	["PostgreSQL of the system", testServers().pg15, 15],
	["PostgreSQL 18", testServers().pg18, 18],
] as const) {
	t.test(name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const sides = await openSides(t, server);
		const cases = benignCases("postgres").filter(({ since }) => since <= version);
		for (const each of cases) {
			if (each.parameters.length === 0) await compare(t, sides, each, "simple");
			await compare(t, sides, each, "extended");
		}
		t.comment(`${cases.length} cases`);
		// The two servers read alike; one of them is enough for what takes long.
		let equal = 0;
		const queries = version === 18 ? benchmarkQueries() : [];
		for (const [schema, sql] of queries) {
			for (const side of sides)
				for (const client of [side.capped, side.uncapped]) await client.query(`SET search_path = ${schema}`);
			if (await compare(t, sides, benchmarkQuery(sql), "simple")) equal += 1;
		}
		if (queries.length === 0) return;
		t.ok(
			equal > queries.length * 0.9,
			`${equal} of ${queries.length} queries of TPC-H and TPC-DS, which the server itself answers`,
		);
	});
}
