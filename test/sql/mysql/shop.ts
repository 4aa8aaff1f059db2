/** The small shop as a snapshot of a MySQL or MariaDB server, and statements read over it. */
import type { ReadingContext } from "../../../src/sql/analyser.js";
import type { Catalog, CatalogRelation, RelationKind } from "../../../src/sql/catalog.js";
import type { CatalogIndex } from "../../../src/sql/catalog-index.js";
import type { StatementFacts, TextFacts } from "../../../src/sql/facts.js";
import { mysqlReader } from "../../../src/sql/mysql/reader.js";
import { readingOf } from "../../../src/sql/mysql/reading.js";

export { short } from "../reading.js";

export type Flavour = "mysql" | "mariadb";

let ids = 0;

function relation(name: string, columns: string, more: Partial<CatalogRelation> = {}): CatalogRelation {
	const [schema = "", plain = ""] = name.split(".");
	const listed = columns.split(" ").map((column, index) => ({
		number: index + 1,
		name: column.replace("!", ""),
		type: 0,
		...(column.startsWith("!") ? { hidden: true } : {}),
	}));
	return { id: ++ids, schema, name: plain, kind: "table" as RelationKind, columns: listed, parents: [], ...more };
}

function view(name: string, columns: string, definition: string): CatalogRelation {
	return relation(name, columns, { kind: "view", definition });
}

const PEOPLE = "select `app`.`users`.`id` AS `id`,`app`.`users`.`email` AS `mail` from `app`.`users`";

/** `app.users.email` is what the tests guard; `hr.salaries` is what nobody permits. */
export function shop(flavour: Flavour, lowerCaseNames: 0 | 1 = 0): Catalog {
	return {
		engine: "mysql",
		flavour,
		lowerCaseNames,
		version: flavour === "mariadb" ? 101119 : 90704,
		database: "",
		epoch: 1,
		schemas: ["app", "hr", "information_schema", "mysql", "performance_schema", "sys"],
		relations: [
			relation("app.users", "id name email"),
			relation("app.orders", "id user_id total note"),
			relation("app.notes", "id text !secret"),
			relation("app.kept", "id copied"),
			relation("hr.salaries", "id user_id amount"),
			view("app.people", "id mail", PEOPLE),
			view(
				"app.loud",
				"id shout",
				"select `app`.`users`.`id` AS `id`,upper(`app`.`users`.`email`) AS `shout` from `app`.`users`",
			),
			view(
				"app.paid",
				"id amount",
				"select `hr`.`salaries`.`id` AS `id`,`hr`.`salaries`.`amount` AS `amount` from `hr`.`salaries`",
			),
			relation("information_schema.tables", "table_schema table_name table_comment"),
			relation("information_schema.columns", "table_schema table_name column_name column_default"),
			relation("information_schema.routines", "routine_schema routine_name routine_definition"),
			relation("information_schema.views", "table_schema table_name view_definition"),
			relation("information_schema.processlist", "id user info"),
			relation("information_schema.column_statistics", "schema_name histogram"),
			relation("information_schema.innodb_trx", "trx_id trx_query"),
			relation("mysql.user", "host user authentication_string"),
			relation("mysql.column_stats", "db_name table_name min_value max_value"),
			relation("mysql.general_log", "event_time argument"),
			relation("mysql.time_zone_name", "name time_zone_id"),
			relation("performance_schema.events_statements_history", "thread_id sql_text"),
			relation("performance_schema.global_variables", "variable_name variable_value"),
			relation("performance_schema.threads", "thread_id processlist_info"),
			relation("sys.processlist", "thd_id current_statement"),
		],
		functions: [
			{ schema: "app", name: "peek", kind: "function", arguments: [] },
			{ schema: "app", name: "work", kind: "procedure", arguments: [] },
		],
		builtinFunctions: [],
		operators: [],
		types: [],
		casts: [],
	};
}

export interface ReadOptions {
	readonly flavour?: Flavour;
	readonly database?: string | undefined;
	readonly modes?: string;
	readonly multi?: boolean;
	readonly catalog?: Catalog;
}

const indexes = new Map<Catalog, CatalogIndex>();
const shops: Readonly<Record<Flavour, Catalog>> = { mysql: shop("mysql"), mariadb: shop("mariadb") };

export function readText(sql: string | Uint8Array, options: ReadOptions = {}): TextFacts {
	const { flavour = "mysql", modes = "", multi = false } = options;
	const database = "database" in options ? options.database : "app";
	const catalog = options.catalog ?? shops[flavour];
	let index = indexes.get(catalog);
	if (index === undefined) {
		index = mysqlReader.index(catalog);
		indexes.set(catalog, index);
	}
	const reading = readingOf({ database, modes, multi, charset: "utf8mb4" });
	const context: ReadingContext = { target: "shop", database: "", reading, user: "alice" };
	const text = typeof sql === "string" ? Buffer.from(sql) : sql;
	return mysqlReader.analyse(text, context, index, { statementBytes: 1024 * 1024 }).facts;
}

/** The facts of a text that is one statement. One that cannot be read at all is a statement with that refusal. */
export function read(sql: string, options: ReadOptions = {}): StatementFacts {
	const { statements, refusal } = readText(sql, options);
	const [statement] = statements;
	if (statement === undefined || statements.length > 1) {
		throw new Error(`${refusal?.message ?? "not one statement"}: ${sql}`);
	}
	return statement;
}
