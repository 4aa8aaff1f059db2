/**
 * Who does ordinary work never meets a denial: each statement of the benign corpus and each query of TPC-H and TPC-DS,
 * straight at the server and through Licet over a copy of the database, as a query and prepared. Compared are columns,
 * rows (in order where the statement orders them) and what writes report.
 */
import { type Connection, createConnection, type FieldPacket, type ResultSetHeader } from "mysql2/promise";
import t, { type Test } from "tap";
import { type Benign, benchmarkQuery, benignCases, benignSchema, tpcScript } from "../../helpers/benign.js";
import { cap, license } from "../../helpers/license.js";
import { type IssuedGrant, type Json, startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, type MysqlServer, mysqlOptions, mysqlServers } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { corpus } from "../../sql/corpus.js";

function terms(databases: readonly string[]): Readonly<Record<string, Json>> {
	return {
		permits: [{ on: databases.map((name) => `${name}.*`), commands: ["read", "write"] }],
		masks: [
			{ columns: ["*.customers.email"], with: "email", use: "filter" },
			{ columns: ["*.*.card_number", "*.store.s_geography_class"], with: { partial: { keepLast: 4 } }, use: "project" },
		],
	};
}

type Way = "query" | "execute";

interface Answer {
	readonly columns: readonly (readonly [name: string, type: number | undefined])[];
	readonly rows: readonly (readonly unknown[])[];
	readonly report: string;
	readonly error: string | undefined;
}

async function run(client: Connection, sql: string, way: Way, parameters: readonly string[]): Promise<Answer> {
	try {
		const options = { sql, rowsAsArray: true };
		const [result, fields] =
			way === "query" ? await client.query(options) : await client.execute(options, [...parameters]);
		if (!Array.isArray(result)) {
			const { affectedRows, insertId, warningStatus } = result as ResultSetHeader;
			return {
				columns: [],
				rows: [],
				report: JSON.stringify({ affectedRows, insertId, warningStatus }),
				error: undefined,
			};
		}
		const columns = (fields as FieldPacket[]).map(({ name, columnType }) => [name, columnType] as const);
		return { columns, rows: result as unknown[][], report: "rows", error: undefined };
	} catch (error) {
		return { columns: [], rows: [], report: "", error: (error as Error).message };
	}
}

const isOrdered = (sql: string): boolean => /\border by\b(?![\s\S]*\))/i.test(sql);

/** Rows without the masked columns, in one order where the statement says none; the databases differ by name. */
function visible({ rows, columns }: Answer, sql: string, masked: readonly string[]): string[] {
	const kept = rows.map((row) =>
		JSON.stringify(row.filter((_, index) => !masked.includes(columns[index]?.[0] ?? ""))).replace(
			/test_[0-9a-f]+/g,
			"db",
		),
	);
	return isOrdered(sql) ? kept : kept.sort();
}

function shown({ rows, columns }: Answer, masked: readonly string[]): unknown[] {
	return rows.flatMap((row) => row.filter((_, index) => masked.includes(columns[index]?.[0] ?? "")));
}

type Side = Readonly<Record<Benign["license"], Connection>>;

/** The server has no way to prepare it, or Licet judges it by its text. */
const isTextOnly = (sql: string): boolean => /^\s*(savepoint|rollback|set|show|describe|use)\b/i.test(sql);

async function compare(t: Test, [direct, proxied]: readonly [Side, Side], each: Benign, way: Way): Promise<boolean> {
	let isEqual = false;
	const [one, other] = [direct[each.license], proxied[each.license]];
	for (const client of [one, other]) await client.query("START TRANSACTION");
	for (const sql of each.sql) {
		const how = isTextOnly(sql) ? "query" : way;
		const [wanted, got] = await Promise.all([one, other].map((client) => run(client, sql, how, each.parameters)));
		if (wanted === undefined || got === undefined) throw new Error("two answers were expected");
		const name = `${how}: ${sql.replace(/\s+/g, " ").slice(0, 160)}`;
		if (wanted.error !== undefined && each.mayFail) {
			t.ok(got.error, `${name}: the server itself says ${wanted.error}`);
			break;
		}
		t.same([got.error, wanted.error], [undefined, undefined], `${name}: passes`);
		if (got.error !== undefined || wanted.error !== undefined) break;
		isEqual = t.same(
			[described(got, sql), visible(got, sql, each.masked), got.report],
			[described(wanted, sql), visible(wanted, sql, each.masked), wanted.report],
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

/** MEDIUMTEXT, LONGTEXT, TEXT: what a catalog shows by a condition may be called by another, which drivers do not tell apart. */
const TEXTS: readonly unknown[] = [250, 251, 252];
const READS_CATALOGS = /\binformation_schema\b|\bperformance_schema\b|^\s*show\b/i;

const described = ({ columns }: Answer, sql: string): string[] =>
	columns.map(([name, type]) => {
		const kind = READS_CATALOGS.test(sql) && TEXTS.includes(type) ? "text" : type;
		return `${name} ${kind}`.replace(/test_[0-9a-f]+/g, "db");
	});

async function through({ host, port, username: user, password, database }: IssuedGrant): Promise<Connection> {
	return createConnection({ host, port, user, password, database });
}

async function openSides(t: Test, server: MysqlServer, script: string): Promise<readonly [Side, Side]> {
	const urls = [await createMysqlDatabase(t, server, script), await createMysqlDatabase(t, server, script)] as const;
	const databases = urls.map((url) => new URL(url).pathname.slice(1));
	const licet = await startLicet(t, {
		targets: { shop: targetOf(urls[1]) },
		licenses: {
			capped: license("capped", { ...terms(databases), limits: { rowsPerStatement: cap(5_000, "error") } }),
			uncapped: license("uncapped", terms(databases)),
		},
	});
	const straight = await createConnection(mysqlOptions(urls[0]));
	const proxied = {
		capped: await through(await licet.grant({ license: "capped", target: "shop" })),
		uncapped: await through(await licet.grant({ license: "uncapped", target: "shop" })),
	};
	t.teardown(() => {
		for (const client of [straight, ...Object.values(proxied)]) client.destroy();
	});
	return [{ capped: straight, uncapped: straight }, proxied];
}

t.setTimeout(PART_TIMEOUT_MS);

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const sides = await openSides(t, server, benignSchema("mysql"));
		const cases = benignCases("mysql").filter(({ only }) => only === undefined || only === server.flavour);
		for (const each of cases) {
			if (each.parameters.length === 0) await compare(t, sides, each, "query");
			await compare(t, sides, each, "execute");
		}
		t.comment(`${cases.length} cases`);
	});

	for (const benchmark of ["tpch", "tpcds"] as const) {
		const verdict = server.flavour === "mariadb" ? "mdb" : "my97";
		const queries = (corpus("mysql-tpc") ?? []).filter(
			(row) =>
				row[verdict] === 1 &&
				/tpcds/.test(row.source) === (benchmark === "tpcds") &&
				/^\s*(--.*\n\s*)*(select|with)\b/i.test(row.sql),
		);
		const skip = queries.length > 0 ? false : "the corpora are not at hand";
		t.test(`${server.name}: ${benchmark}`, { skip, timeout: PART_TIMEOUT_MS }, async (t) => {
			const sides = await openSides(t, server, tpcScript(benchmark));
			let equal = 0;
			for (const { sql } of queries) if (await compare(t, sides, benchmarkQuery(sql), "query")) equal += 1;
			t.ok(equal > queries.length * 0.9, `${equal} of ${queries.length} queries, which the server itself answers`);
		});
	}
}
