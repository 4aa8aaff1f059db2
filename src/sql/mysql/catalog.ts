/**
 * The catalog snapshot of a MySQL or MariaDB server: all databases that the target serves, and those of the server's own.
 * Read from information_schema, where a user sees what he has a right to.
 */
import type {
	Catalog,
	CatalogColumn,
	CatalogConstraint,
	CatalogFunction,
	CatalogRelation,
	RelationKind,
} from "../catalog.js";
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import { foldName, foldTable, type Server, serverNamed } from "./flavour.js";

type Row = readonly (string | null)[];
export type RunQuery = (sql: string) => Promise<(string | null)[][]>;

const OWN = "('information_schema', 'mysql', 'performance_schema', 'sys')";

/** Changes when definitions do; one row. */
export const CATALOG_FINGERPRINT_QUERY = [
	fingerprint(
		"COLUMNS",
		"TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, COALESCE(GENERATION_EXPRESSION, ''), COALESCE(COLUMN_DEFAULT, ''), EXTRA",
		"TABLE_SCHEMA",
	),
	fingerprint("VIEWS", "TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION, SECURITY_TYPE", "TABLE_SCHEMA"),
	fingerprint("ROUTINES", "ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, LAST_ALTERED", "ROUTINE_SCHEMA"),
	fingerprint(
		"STATISTICS",
		"TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COALESCE(COLUMN_NAME, ''), NON_UNIQUE, INDEX_TYPE",
		"TABLE_SCHEMA",
	),
	fingerprint(
		"REFERENTIAL_CONSTRAINTS",
		"CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_NAME, REFERENCED_TABLE_NAME",
		"CONSTRAINT_SCHEMA",
	),
	fingerprint("TABLE_CONSTRAINTS", "TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE", "TABLE_SCHEMA"),
	fingerprint(
		"PARTITIONS",
		"TABLE_SCHEMA, TABLE_NAME, PARTITION_METHOD, PARTITION_EXPRESSION, COALESCE(SUBPARTITION_EXPRESSION, '')",
		"PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA",
	),
	fingerprint("SCHEMATA", "SCHEMA_NAME", "SCHEMA_NAME"),
].reduce((sql, part) => `${sql}${sql === "" ? "SELECT " : ", "}(${part})`, "");

function fingerprint(table: string, columns: string, schema: string): string {
	return `SELECT CONCAT(COUNT(*), ':', COALESCE(SUM(CRC32(CONCAT_WS('|', ${columns}))), 0)) FROM information_schema.${table} WHERE ${schema} NOT IN ${OWN}`;
}

export async function readCatalog(
	run: RunQuery,
	scope: { readonly serves: (database: string) => boolean },
	epoch: number,
): Promise<Catalog> {
	const [[version, lowerCase] = []] = await run("SELECT VERSION(), @@lower_case_table_names");
	const server = serverNamed(version ?? "", lowerCase === "1" ? 1 : lowerCase === "2" ? 2 : 0);
	if (server === undefined) throw new Error("the server does not tell its version");
	const served = (database: string | null) =>
		database !== null && (isMysqlSystemSchema(database) || scope.serves(database));
	const builder = new Builder(server, served);
	await builder.read(run);
	return {
		engine: "mysql",
		flavour: server.flavour,
		version: server.version,
		lowerCaseNames: server.lowerCaseNames,
		database: "",
		epoch,
		schemas: [...builder.schemas],
		relations: builder.relations(),
		functions: builder.functions,
		builtinFunctions: [],
		operators: [],
		types: [],
		casts: [],
	};
}

interface Draft {
	readonly id: number;
	readonly schema: string;
	readonly name: string;
	readonly kind: RelationKind;
	readonly columns: CatalogColumn[];
	readonly constraints: CatalogConstraint[];
	readonly toldColumns: Set<string>;
	readonly partitionKey: Set<string>;
	definition: string | undefined;
}

class Builder {
	readonly schemas = new Set<string>();
	readonly functions: CatalogFunction[] = [];
	readonly #server: Server;
	readonly #serves: (database: string | null) => boolean;
	readonly #drafts = new Map<string, Draft>();

	constructor(server: Server, serves: (database: string | null) => boolean) {
		this.#server = server;
		this.#serves = serves;
	}

	async read(run: RunQuery): Promise<void> {
		for (const [schema] of await run("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")) {
			if (schema != null && this.#serves(schema)) this.schemas.add(this.#schema(schema));
		}
		for (const row of await run("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES")) {
			this.#addTable(row);
		}
		const columns = await run(
			"SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, GENERATION_EXPRESSION, EXTRA, COLUMN_DEFAULT FROM information_schema.COLUMNS ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
		);
		for (const row of columns) this.#addColumn(row);
		const views = `SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ${OWN}`;
		for (const [schema, name, definition] of await run(views)) {
			const draft = this.#find(schema, name);
			if (draft !== undefined && definition) draft.definition = definition;
		}
		await this.#readKeys(run);
		await this.#readReferences(run);
		await this.#readChecks(run);
		await this.#readPartitionKeys(run);
		const routines = "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES";
		for (const [schema, name, type] of await run(routines)) {
			if (schema == null || name == null || !this.#serves(schema)) continue;
			const kind = type === "PROCEDURE" ? "procedure" : "function";
			this.functions.push({ schema: this.#schema(schema), name: foldName(name), kind, arguments: [] });
		}
	}

	/** information_schema's own names are shown in capitals by some servers, and compare without case by all. */
	#schema(schema: string): string {
		return schema.toLowerCase() === "information_schema" ? "information_schema" : foldTable(this.#server, schema);
	}

	#table(schema: string, name: string): string {
		return this.#schema(schema) === "information_schema" ? name.toLowerCase() : foldTable(this.#server, name);
	}

	#find(schema: string | null | undefined, name: string | null | undefined): Draft | undefined {
		if (schema == null || name == null) return undefined;
		return this.#drafts.get(`${this.#schema(schema)}\0${this.#table(schema, name)}`);
	}

	#addTable([schema, name, type]: Row): void {
		if (schema == null || name == null || !this.#serves(schema)) return;
		const draft: Draft = {
			id: this.#drafts.size + 1,
			schema: this.#schema(schema),
			name: this.#table(schema, name),
			kind: this.#kindOf(schema, type ?? ""),
			columns: [],
			constraints: [],
			toldColumns: new Set(),
			partitionKey: new Set(),
			definition: undefined,
		};
		this.#drafts.set(`${draft.schema}\0${draft.name}`, draft);
	}

	/** Views of the server's own are what they show: nothing beneath them is anybody's data. */
	#kindOf(schema: string, type: string): RelationKind {
		if (type === "SEQUENCE") return "sequence";
		return type === "VIEW" && !isMysqlSystemSchema(schema) ? "view" : "table";
	}

	#addColumn([schema, table, column, position, generation, extra, preset]: Row): void {
		const draft = this.#find(schema, table);
		if (draft === undefined || column == null) return;
		const generatedFrom = generation ? namesIn(generation) : [];
		const counter = /\bauto_increment\b/i.test(extra ?? "");
		if (counter) draft.toldColumns.add(foldName(column));
		// A literal has no names, unless it holds what looks like one.
		const defaultFrom = generation ? [] : namesIn(preset ?? "");
		draft.columns.push({
			number: Number(position),
			name: foldName(column),
			type: 0,
			...(generatedFrom.length === 0 ? {} : { generatedFrom }),
			...(defaultFrom.length === 0 ? {} : { defaultFrom }),
			...(counter ? { counter } : {}),
			...(/\bINVISIBLE\b/i.test(extra ?? "") ? { hidden: true } : {}),
		});
	}

	async #readKeys(run: RunQuery): Promise<void> {
		const keys = new Map<string, { draft: Draft; kind: "unique" | "order"; columns: string[] }>();
		const sql = `SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE FROM information_schema.STATISTICS WHERE (NON_UNIQUE = 0 OR INDEX_TYPE = 'BTREE') AND TABLE_SCHEMA NOT IN ${OWN} ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`;
		for (const [schema, table, index, column, isOrder] of await run(sql)) {
			const draft = this.#find(schema, table);
			if (draft === undefined) continue;
			const name = `${draft.id} ${index}`;
			const key = keys.get(name) ?? { draft, kind: isOrder === "0" ? "unique" : "order", columns: [] };
			keys.set(name, key);
			// A key over an expression: it may look at any column.
			if (column == null) key.columns.push(...draft.columns.map((known) => known.name));
			else key.columns.push(foldName(column));
		}
		for (const { draft, kind, columns } of keys.values()) draft.constraints.push({ kind, columns });
	}

	async #readReferences(run: RunQuery): Promise<void> {
		const rules = new Map<string, Row>();
		const sql =
			"SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS";
		for (const row of await run(sql)) rules.set(row.slice(0, 3).join("\0"), row);
		const found = new Map<string, { from: Draft; to: Draft; columns: string[]; targets: string[]; rule: Row }>();
		const usage =
			"SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL ORDER BY ORDINAL_POSITION";
		for (const [schema, table, name, column, toSchema, toTable, toColumn] of await run(usage)) {
			const from = this.#find(schema, table);
			const to = this.#find(toSchema, toTable);
			if (from === undefined || to === undefined || column == null || toColumn == null) continue;
			const key = [schema, table, name].join("\0");
			const reference = found.get(key) ?? { from, to, columns: [], targets: [], rule: rules.get(key) ?? [] };
			found.set(key, reference);
			reference.columns.push(foldName(column));
			reference.targets.push(foldName(toColumn));
		}
		for (const { from, to, columns, targets, rule } of found.values()) {
			from.constraints.push({
				kind: "reference",
				columns,
				target: {
					relation: to.id,
					columns: targets,
					refusesUpdate: refuses(rule[3]),
					refusesDelete: refuses(rule[4]),
				},
			});
		}
	}

	async #readChecks(run: RunQuery): Promise<void> {
		const isMaria = this.#server.flavour === "mariadb";
		if (!isMaria && this.#server.version < 80016) return;
		const sql = isMaria
			? "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS"
			: "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME AND t.CONSTRAINT_TYPE = 'CHECK'";
		for (const [schema, table, clause] of await run(sql)) {
			const draft = this.#find(schema, table);
			if (draft === undefined) continue;
			const named = new Set(namesIn(clause ?? ""));
			const columns = draft.columns.map(({ name }) => name).filter((name) => named.has(name));
			draft.constraints.push({ kind: "check", columns });
		}
	}

	/** Of a key without names (HASH of an expression over none, KEY of the primary key) it is not known what it looks at. */
	async #readPartitionKeys(run: RunQuery): Promise<void> {
		const sql = `SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, PARTITION_EXPRESSION, SUBPARTITION_EXPRESSION, PARTITION_METHOD FROM information_schema.PARTITIONS WHERE PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA NOT IN ${OWN}`;
		for (const [schema, table, expression, subexpression, method] of await run(sql)) {
			const draft = this.#find(schema, table);
			if (draft === undefined || method === "SYSTEM_TIME") continue;
			const named = new Set([...namesIn(expression ?? ""), ...namesIn(subexpression ?? "")]);
			const all = draft.columns.map(({ name }) => name);
			const known = all.filter((name) => named.has(name));
			const key = known.length === 0 ? all : known;
			for (const name of key) {
				draft.toldColumns.add(name);
				draft.partitionKey.add(name);
			}
			// By a hash every row has its place.
			if (/^(RANGE|LIST)/.test(method ?? "")) draft.constraints.push({ kind: "partition", columns: key });
		}
	}

	relations(): CatalogRelation[] {
		return [...this.#drafts.values()].map(
			({ definition, constraints, columns, toldColumns, partitionKey, ...draft }) => {
				const sources = sourcesOf(columns);
				// Whoever writes a column writes those that are generated from it.
				const whole = (names: readonly string[]) => [
					...new Set(names.flatMap((name) => [name, ...(sources.get(name) ?? [])])),
				];
				return {
					...draft,
					columns: columns.map((column) => {
						const generatedFrom = sources.get(column.name);
						return generatedFrom === undefined ? column : { ...column, generatedFrom };
					}),
					...(definition === undefined ? {} : { definition }),
					...(toldColumns.size === 0 ? {} : { toldColumns: [...toldColumns] }),
					...(partitionKey.size === 0 ? {} : { partitionKey: whole([...partitionKey]) }),
					...(constraints.length === 0
						? {}
						: { constraints: constraints.map((each) => ({ ...each, columns: whole(each.columns) })) }),
					parents: [],
				};
			},
		);
	}
}

/** What generated columns are computed from, by way of other generated columns too. */
function sourcesOf(columns: readonly CatalogColumn[]): ReadonlyMap<string, readonly string[]> {
	const direct = new Map(columns.map(({ name, generatedFrom = [] }) => [name, generatedFrom]));
	const sources = new Map<string, readonly string[]>();
	for (const { name, generatedFrom } of columns) {
		if (generatedFrom === undefined) continue;
		const all = new Set(generatedFrom);
		// What is added while the set is walked is walked too.
		for (const source of all) for (const further of direct.get(source) ?? []) all.add(further);
		all.delete(name);
		sources.set(name, [...all]);
	}
	return sources;
}

function refuses(rule: string | null | undefined): boolean {
	return rule !== "CASCADE" && rule !== "SET NULL";
}

/** Every name in quotes in an expression of the server's own writing: at least the columns that it uses. */
function namesIn(expression: string): string[] {
	return [...expression.matchAll(/`((?:[^`]|``)+)`/g)].map((match) => foldName((match[1] ?? "").replaceAll("``", "`")));
}
