/**
 * What tools send, read by the analyser against a real server's catalog: every statement that the server's parser takes
 * is read, and every one that only reads catalogs is allowed by a license that lets one schema be read. Which those are
 * is the server's word: its plan names the relations. The corpora are no part of the project; without them this skips.
 */
import pg from "pg";
import t, { type Test } from "tap";
import { decideStatement } from "../../src/licensing/decide.js";
import { type License, parseLicense } from "../../src/licensing/license.js";
import type { ReadingContext } from "../../src/sql/analyser.js";
import { createAnalyser } from "../../src/sql/analyser-pool.js";
import { CatalogView } from "../../src/sql/catalog-view.js";
import { readCatalog } from "../../src/sql/postgres/catalog.js";
import { license } from "../helpers/license.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import { type CorpusRow, corpus } from "../sql/corpus.js";

/**
 * What holds data or secrets, or does more than compute: a statement that touches one of them may be denied although it
 * reads only catalogs.
 */
const SENSITIVE =
	/\b(pg_stats|pg_authid|pg_stat_activity|pg_stat_replication|pg_locks|pg_prepared_xacts|subconninfo|pg_user_mappings|pg_read_file|pg_stat_file|pg_current_logfile|pg_get_sequence_data)\b/;

function parsed(text: string): License {
	const result = parseLicense(text, "reader.yaml");
	if ("problems" in result) throw new Error(JSON.stringify(result.problems));
	return result.license;
}

const reader = parsed(license("reader", { permits: [{ on: ["app.*"], commands: ["read"] }] }));

/** Schemas of the relations in a plan, as the server tells them. */
function planSchemas(node: unknown, found: Set<string> = new Set()): Set<string> {
	if (Array.isArray(node)) for (const each of node) planSchemas(each, found);
	else if (typeof node === "object" && node !== null) {
		for (const [key, value] of Object.entries(node)) {
			if (key === "Schema" && typeof value === "string" && "Relation Name" in node) found.add(value);
			else planSchemas(value, found);
		}
	}
	return found;
}

/** Whether the server, which plans it, says that it reads catalogs and nothing else. Undefined: it cannot plan it. */
async function readsOnlyCatalogs(client: pg.Client, sql: string): Promise<boolean | undefined> {
	if (/^\s*show\b/i.test(sql)) return true;
	if (!/^[\s(]*(--.*\n\s*|\/\*.*?\*\/\s*)*(select|with|table|values)\b/i.test(sql)) return undefined;
	const parameters = [...sql.matchAll(/\$(\d+)/g)].map(([, digits]) => Number(digits));
	const values = Array.from({ length: Math.max(0, ...parameters) }, () => null);
	try {
		await client.query("BEGIN READ ONLY");
		const { rows } = await client.query(`EXPLAIN (VERBOSE, FORMAT JSON) ${sql}`, values);
		return [...planSchemas(rows)].every((schema) => schema === "pg_catalog" || schema === "information_schema");
	} catch {
		return undefined;
	} finally {
		await client.query("ROLLBACK");
	}
}

async function judgeAll(t: Test, server: string, rows: readonly CorpusRow[]): Promise<void> {
	const url = await createDatabase(t, server, "CREATE SCHEMA app");
	const analyser = createAnalyser({ statementBytes: 256 * 1024, cacheBytes: 1 << 20, timeoutMs: 5_000 });
	t.teardown(() => analyser.close());
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	t.teardown(() => client.end());
	// Tables that the corpora make and then ask about.
	for (const { sql } of rows.filter(({ sql }) => /^create (schema|table|view|or replace view|type)/i.test(sql))) {
		await client.query(sql).catch(() => undefined);
	}
	const database = new URL(url).pathname.slice(1);
	const types = { getTypeParser: () => (value: string) => value };
	const catalog = await withClient(url, (own) => {
		const run = async (text: string) => (await own.query<(string | null)[]>({ text, rowMode: "array", types })).rows;
		return readCatalog(run, database, 1);
	});
	analyser.useCatalog("shop", catalog);
	const view = new CatalogView(catalog);
	const context: ReadingContext = { target: "shop", database, reading: ["public"], user: "postgres" };
	let read = 0;
	let allowed = 0;
	const unread: string[] = [];
	const denied: string[] = [];
	for (const { sql } of rows) {
		const facts = await analyser.analyse(Buffer.from(sql), context);
		const refusals = [facts.refusal, ...facts.statements.map(({ refusal }) => refusal)];
		const bad = refusals.find((refusal) => refusal?.kind === "syntax" || refusal?.kind === "limit");
		if (bad === undefined) read += 1;
		else unread.push(`${bad.kind}: ${bad.message}: ${sql}`);
		if ((await readsOnlyCatalogs(client, sql)) !== true) continue;
		const decisions = facts.statements.map((statement) => decideStatement(reader, statement, view.ancestry));
		const no = decisions.find(({ effect }) => effect === "deny");
		if (no === undefined && facts.refusal === undefined) allowed += 1;
		else if (!SENSITIVE.test(sql)) {
			const why = no?.effect === "deny" ? no.reasons.map(({ message }) => message).join("; ") : "";
			denied.push(`${facts.refusal?.message ?? why}: ${sql}`);
		}
	}
	t.same(unread, [], `every statement is read (${read})`);
	t.same(denied, [], `every one that only reads catalogs is allowed (${allowed})`);
	t.ok(allowed > 150, `${allowed} of them`);
}

const corpora = ["postgres-tools", "postgres-pgadmin"].flatMap((name) => corpus(name) ?? []);
const skip = corpora.length > 0 ? false : "the corpora are not at hand";

for (const [name, server, version] of [
	["PostgreSQL of the system", testServers().pg15, "pg15"],
	["PostgreSQL 18", testServers().pg18, "pg18"],
] as const) {
	t.test(name, { skip }, (t) =>
		judgeAll(
			t,
			server,
			corpora.filter((row) => row[version] === 1),
		),
	);
}
