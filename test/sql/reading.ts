/**
 * A small shop as a catalog snapshot, statements read over it, and facts written so short that tables of them can be
 * compared: `select app.users(email)`, `derive app.users.email @WHERE`, `project app.users.email >0`.
 */
import type { Catalog, CatalogRelation, RelationKind } from "../../src/sql/catalog.js";
import { CatalogIndex } from "../../src/sql/catalog-index.js";
import type { ColumnUse, FunctionUse, RelationUse, StatementFacts, TextFacts } from "../../src/sql/facts.js";
import { COMPUTING_FAMILIES } from "../../src/sql/functions/postgres-compute.js";
import { analyseParsed, type PostgresReading } from "../../src/sql/postgres/analyse.js";
import { parseText } from "../../src/sql/postgres/parser.js";

let ids = 20000;

function relation(
	name: string,
	columns: string,
	kind: RelationKind = "table",
	more: Partial<CatalogRelation> = {},
): CatalogRelation {
	const [schema = "", plain = ""] = name.split(".");
	const listed = columns.split(" ").filter((column) => column !== "");
	const typed = listed.map((column, index) => ({ number: index + 1, name: column, type: 25 }));
	return { id: ++ids, schema, name: plain, kind, columns: typed, parents: [], ...more };
}

function view(name: string, columns: string, definition: string, kind: RelationKind = "view"): CatalogRelation {
	return relation(name, columns, kind, { definition });
}

const RESTRICTED = "set_config current_setting nextval setval currval pg_sleep query_to_xml pg_read_file";

export const SHOP: Catalog = {
	engine: "postgres",
	version: 180000,
	database: "shop",
	epoch: 1,
	schemas: ["app", "hr", "other", "alice", "pg_catalog", "information_schema"],
	relations: [
		relation("app.users", "id name email"),
		relation("app.orders", "id user_id total note"),
		relation("app.events", "id at what", "partitioned"),
		relation("app.users_id_seq", "last_value log_cnt is_called", "sequence"),
		relation("other.users", "id secret"),
		relation("alice.mine", "id"),
		relation("hr.salaries", "id user_id amount"),
		view("app.people", "id email", "SELECT users.id, users.email FROM app.users;"),
		view("app.loud", "id shout", "SELECT id, upper(email) AS shout FROM app.users WHERE name IS NOT NULL;"),
		view(
			"app.twice",
			"id email shout",
			"SELECT p.id, p.email, l.shout FROM (app.people p JOIN app.loud l USING (id));",
		),
		view("app.merged", "id email", "SELECT id, email FROM app.users UNION ALL SELECT id, secret FROM other.users;"),
		view("app.kept", "id email", "SELECT id, app.scramble(email) AS email FROM app.users;", "matview"),
		view("app.circle", "a", "SELECT a FROM app.circle;"),
		view("app.broken", "a", "SELECT a FROM app.nothing;"),
		relation("app.pair", "a b", "composite"),
		relation("pg_catalog.pg_class", "oid relname relnamespace relkind"),
		relation("pg_catalog.pg_namespace", "oid nspname"),
		relation("pg_catalog.pg_settings", "name setting"),
		relation("pg_catalog.pg_stats", "schemaname tablename most_common_vals", "view"),
	],
	functions: [
		{ schema: "app", name: "scramble", kind: "function", arguments: ["pg_catalog.text"] },
		{ schema: "app", name: "lower", kind: "function", arguments: ["app.mood"] },
		{ schema: "other", name: "hidden", kind: "function", arguments: [] },
		{ schema: "app", name: "replace", kind: "function", arguments: ["app.citext"], extension: "citext" },
		{ schema: "app", name: "close_month", kind: "procedure", arguments: [] },
	],
	builtinFunctions: [
		...COMPUTING_FAMILIES.flatMap((family) => family.names.trim().split(/\s+/)),
		...RESTRICTED.split(" "),
	],
	operators: [
		operator("app", "==>", true),
		operator("app", "+", true),
		operator("app", "||", false, "citext"),
		operator("other", "=", true),
	],
	types: [
		{ id: 30001, schema: "app", name: "mood", kind: "enum" },
		{ id: 30002, schema: "app", name: "citext", kind: "base", extension: "citext" },
		{ id: 30003, schema: "app", name: "odd", kind: "base" },
	],
	casts: [
		{ source: "pg_catalog.text", target: "app.mood", functionSchema: "app", functionName: "to_mood" },
		{ source: "app.citext", target: "pg_catalog.bpchar", functionSchema: "app", functionName: "bpchar" },
	],
};

function operator(schema: string, name: string, builtinOperands: boolean, extension?: string) {
	const base = { schema, name, functionSchema: schema, functionName: "op_fn", builtinOperands };
	return extension === undefined ? base : { ...base, extension };
}

export const CONTEXT: PostgresReading = {
	target: "shop",
	database: "shop",
	searchPath: ["$user", "app"],
	user: "alice",
};

export function parseTree(sql: string): unknown {
	const parsed = parseText(sql);
	if ("refusal" in parsed) throw new Error(`${parsed.refusal.message}: ${sql}`);
	return parsed.tree;
}

export function indexOf(catalog: Catalog): CatalogIndex {
	return new CatalogIndex(catalog, parseTree);
}

const SHOP_INDEX = indexOf(SHOP);

export function readText(sql: string, context: Partial<PostgresReading> = {}, index = SHOP_INDEX): TextFacts {
	return analyseParsed(parseTree(sql), sql, index, { ...CONTEXT, ...context });
}

/** The facts of a text that is one statement. */
export function read(sql: string, context: Partial<PostgresReading> = {}, index = SHOP_INDEX): StatementFacts {
	const { statements, refusal } = readText(sql, context, index);
	const [statement] = statements;
	if (statement === undefined || statements.length > 1)
		throw new Error(`${refusal?.message ?? "not one statement"}: ${sql}`);
	return statement;
}

function relationText(use: RelationUse): string {
	const columns = use.columns === "all" ? "*" : use.columns.join(",");
	const through = use.through.map((name) => ` via ${name.schema}.${name.name}`).join("");
	const sort = use.sort === "data" ? "" : ` ${use.sort}`;
	return `${use.command} ${use.schema}.${use.name}(${columns})${through}${sort}${use.shareLock === true ? " share" : ""}`;
}

function columnText(use: ColumnUse): string {
	const outputs = use.outputs.length === 0 ? "" : ` >${use.outputs.join(",")}`;
	const where = use.where === "result" ? "" : ` @${use.where}`;
	return `${use.kind} ${use.schema}.${use.name}.${use.column}${where}${outputs}`;
}

function functionText(use: FunctionUse): string {
	return `${use.sort} ${use.form} ${use.schema}.${use.name}`;
}

/** Everything that the facts say about relations, columns and functions, sorted. */
export const short = {
	relations: (facts: StatementFacts): string[] => facts.relations.map(relationText).sort(),
	columns: (facts: StatementFacts): string[] => facts.columns.map(columnText).sort(),
	/** Without those that only compute. */
	functions: (facts: StatementFacts): string[] =>
		facts.functions
			.filter((use) => use.sort !== "compute")
			.map(functionText)
			.sort(),
	outputs: (facts: StatementFacts): string[] | undefined =>
		facts.outputs?.map((output) => {
			const sources = output.sources.map((source) => `${source.schema}.${source.name}.${source.column}`).sort();
			return `${output.name}${output.direct ? " =" : ""}${sources.length === 0 ? "" : ` ${sources.join(" ")}`}`;
		}),
};
