/**
 * How MySQL and MariaDB resolve names, and what their functions mean, for one current database.
 *
 * Their operators, types and casts are all their own and only compute. Functions are looked up as the server does:
 * native ones first, then loadable ones, then the stored ones of the current database.
 */
import type { CatalogFunction, CatalogRelation } from "../catalog.js";
import type { CatalogIndex } from "../catalog-index.js";
import type { CallMeaning, CallResult, Dialect, FoundRelation } from "../dialect.js";
import type { FunctionUse, RelationName, RelationUse } from "../facts.js";
import { classifyMysqlFunction, SEQUENCE_FUNCTIONS } from "../functions/mysql.js";
import { isMysqlSystemSchema, mysqlCatalogSort } from "../functions/mysql-catalogs.js";
import { mysqlGuardedColumns, secretSetting } from "../functions/mysql-guards.js";
import type { CallExpression, Expression, ObjectPath, Query, RelationPath, TypePath } from "../query.js";
import { Unreadable, unresolved, unsupported } from "../unreadable.js";
import type { Guards } from "./guards.js";

export interface MysqlDialectOptions {
	readonly index: CatalogIndex;
	/** Undefined where none is selected. */
	readonly database: string | undefined;
	/** Where guarded columns of the text are noted, so that they can be wrapped. Without, they are sensitive. */
	readonly guards?: Guards | undefined;
	/** False once the text itself has changed the database in a way that is not known here. */
	readonly databaseKnown?: boolean;
}

/** The schema under which the server's own functions stand in facts and licenses. */
export const BUILTIN_SCHEMA = "mysql";

const INFORMATION = "information_schema";

export class MysqlDialect implements Dialect {
	readonly index: CatalogIndex;
	readonly returnsOldAndNew = false;
	readonly functionalNotation = false;
	/** No table can have this name. */
	readonly insertedName = "\0inserted";
	readonly readsInserted = false;
	readonly insertSeesTarget = true;
	readonly labelsInClauses = true;
	readonly havingLooksPast = true;
	readonly ordersByParameter = true;
	readonly ordersSetsByExpression = true;
	readonly mergesInTableOrder = true;
	readonly aliasKeepsSchema = true;
	readonly countsChanges = true;
	readonly guards: Guards | undefined;
	readonly #database: string | undefined;
	readonly #databaseKnown: boolean;

	constructor(options: MysqlDialectOptions) {
		this.index = options.index;
		this.guards = options.guards;
		this.#database = options.database === undefined ? undefined : this.foldTable(options.database);
		this.#databaseKnown = options.databaseKnown ?? true;
	}

	/** The current database; "" where none is selected. */
	get database(): string {
		return this.#database ?? "";
	}

	get isMariaDb(): boolean {
		return this.index.catalog.flavour === "mariadb";
	}

	/** Names of databases and tables as the server compares them. */
	foldTable(name: string): string {
		return (this.index.catalog.lowerCaseNames ?? 0) === 0 ? name : name.toLowerCase();
	}

	/** MariaDB works DEFAULT(c) out over the row at hand, of columns that only the definition names. */
	knowsSyntax(what: string): boolean {
		return !(this.isMariaDb && what === "DEFAULT");
	}

	/** MariaDB calls them by the text of the first row. */
	valuesColumn(index: number): string | undefined {
		return this.isMariaDb ? undefined : `column_${index}`;
	}

	get recursionLooksAhead(): boolean {
		return this.isMariaDb;
	}

	readonly copiesCommonTables = true;

	/** MariaDB compares them without case, whatever lower_case_table_names says. */
	foldCommonTable(name: string): string {
		return this.isMariaDb ? name.toLowerCase() : this.foldTable(name);
	}

	/** What anyone may know of the server; the rest needs a permit. */
	setting(name: string): readonly FunctionUse[] {
		const why = secretSetting(name);
		if (why === undefined) return [];
		return [{ schema: BUILTIN_SCHEMA, name: `@@${name}`, form: "function", sort: "restricted", why }];
	}

	/** _rowid is another name of the primary key's column where that is a number. */
	isSystemColumn(name: string): boolean {
		if (name === "_rowid") throw unsupported("_rowid stands for a column that is not named");
		return false;
	}

	// ---- relations ----

	systemSort({ schema, name, columns, command, through }: RelationUse): RelationUse["sort"] {
		const sort = mysqlCatalogSort(schema, name);
		if (sort !== "catalog" || !this.#touchesGuarded(schema, name, columns)) return sort;
		// Only what the text itself names can be wrapped. Commands other than these do not show columns, or more than these.
		const isNamed = (command === "select" || command === "show") && through.length === 0;
		return isNamed && this.guards !== undefined ? "guarded" : "sensitive";
	}

	#touchesGuarded(schema: string, name: string, columns: readonly string[] | "all"): boolean {
		const guards = mysqlGuardedColumns(this.isMariaDb ? "mariadb" : "mysql", schema, name);
		return guards !== undefined && (columns === "all" || columns.some((column) => guards.has(column)));
	}

	named({ relation, sort }: FoundRelation, path: RelationPath, hasAlias: boolean): void {
		if (sort === "data") return;
		const columns = relation.columns.map(({ name }) => name);
		this.guards?.source(relation, columns, path, hasAlias);
	}

	/** The database that a name is in; throws where it names none and none is selected. */
	schemaOf(path: ObjectPath): string {
		if (path.schema !== undefined) {
			const folded = path.schema.toLowerCase();
			return folded === INFORMATION ? folded : this.foldTable(path.schema);
		}
		if (!this.#databaseKnown) {
			throw unsupported(`the current database is not known here, so ${path.name} cannot be resolved`, path.position);
		}
		if (this.#database === undefined) throw unresolved("no database is selected", path.position);
		return this.#database;
	}

	/** The name of something of a database, whether or not it is there. */
	nameOf(path: RelationPath): RelationName {
		if (path.database !== undefined) throw unsupported(`name ${dotted(path)} has three parts`, path.position);
		const schema = this.schemaOf(path);
		return { schema, name: schema === INFORMATION ? path.name.toLowerCase() : this.foldTable(path.name) };
	}

	relation(path: RelationPath): FoundRelation {
		const found = this.findRelation(path);
		if (found === undefined) throw unresolved(`table "${dotted(path)}" does not exist`, path.position);
		return found;
	}

	findRelation(path: RelationPath): FoundRelation | undefined {
		const { schema, name } = this.nameOf(path);
		const relation = this.index.relation(schema, name);
		return relation === undefined ? undefined : { relation, sort: mysqlCatalogSort(schema, name) };
	}

	definition(relation: CatalogRelation): { readonly query: Query; readonly dialect: Dialect } | undefined {
		if (relation.definition === undefined) return undefined;
		const query = this.index.parse(relation.definition) as Query | Unreadable;
		if (query instanceof Unreadable) throw query;
		// The server writes definitions with every name qualified.
		return { query, dialect: new MysqlDialect({ index: this.index, database: undefined }) };
	}

	// ---- functions ----

	knowsFunction(path: ObjectPath): boolean {
		return this.#isBuiltin(path) || this.#stored(path).length > 0;
	}

	#isBuiltin(path: ObjectPath): boolean {
		return path.schema === undefined && classifyMysqlFunction(path.name.toLowerCase()) !== undefined;
	}

	/** Functions that are not the server's own and that a call of this name may mean. */
	#stored(path: ObjectPath): readonly CatalogFunction[] {
		const all = this.index.functionsNamed(path.name.toLowerCase());
		if (all.length === 0) return all;
		if (path.schema !== undefined) {
			const schema = this.schemaOf(path);
			return all.filter((entry) => entry.schema === schema && entry.kind !== "procedure");
		}
		// A loadable function belongs to no database.
		return all.filter(
			(entry) => (entry.schema === "" || entry.schema === this.#database) && entry.kind !== "procedure",
		);
	}

	functionNamed(path: ObjectPath): readonly FunctionUse[] {
		const name = path.name.toLowerCase();
		// One that is native here may not be in the server's version, which would then take the stored one.
		const uses: FunctionUse[] = this.#stored(path).map((entry) => ({
			schema: entry.schema,
			name,
			form: entry.kind === "aggregate" ? "aggregate" : "function",
			sort: "user",
		}));
		const builtin = path.schema === undefined ? classifyMysqlFunction(name) : undefined;
		if (builtin !== undefined) {
			const use = { schema: BUILTIN_SCHEMA, name, form: "function" } as const;
			uses.push(
				builtin.sort === "compute" ? { ...use, sort: "compute" } : { ...use, sort: "restricted", why: builtin.why },
			);
		}
		if (uses.length > 0) return uses;
		throw unresolved(`function ${dotted(path)} does not exist`, path.position);
	}

	/** The procedure that CALL names. */
	procedure(path: ObjectPath): FunctionUse {
		const schema = this.schemaOf(path);
		const name = path.name.toLowerCase();
		const found = this.index
			.functionsNamed(name)
			.some((entry) => entry.kind === "procedure" && entry.schema === schema);
		if (found) return { schema, name, form: "procedure", sort: "user" };
		if (isMysqlSystemSchema(schema)) {
			return { schema, name, form: "procedure", sort: "restricted", why: "it is a procedure of the server's own" };
		}
		throw unresolved(`procedure ${dotted(path)} does not exist`, path.position);
	}

	call(call: CallExpression): CallMeaning {
		const { name } = call;
		const sequence = this.#sequenceCall(call);
		if (sequence !== undefined) return sequence;
		// With an argument it keeps that for later calls; without one it tells of the session's own last INSERT.
		if (name.name === "last_insert_id" && name.schema === undefined && call.arguments.length === 0) {
			return { functions: [], counts: false, collects: false, literalSensitive: false };
		}
		const functions = this.functionNamed(name);
		const builtin = this.#isBuiltin(name) ? classifyMysqlFunction(name.name.toLowerCase()) : undefined;
		const stored = this.#stored(name).length > 0;
		return {
			functions,
			counts: builtin?.counts === true && !stored,
			collects: builtin?.collects === true,
			literalSensitive: builtin?.literalSensitive === true,
		};
	}

	/** NEXTVAL(s), SETVAL(s, n), LASTVAL(s): the grammar puts the sequence's name first. */
	#sequenceCall({ name, arguments: [first] }: CallExpression): CallMeaning | undefined {
		if (!this.isMariaDb || !SEQUENCE_FUNCTIONS.has(name.name) || name.schema !== undefined) return undefined;
		if (first?.kind !== "name") throw unsupported(`${name.name} without the name of a sequence`, name.position);
		const [schema, table] = first.parts.length === 2 ? first.parts : [undefined, first.parts[0]];
		const path = { name: table ?? "", ...(schema === undefined ? {} : { schema }) };
		const found = this.relation(path);
		if (found.relation.kind !== "sequence") throw unresolved(`"${dotted(path)}" is not a sequence`, name.position);
		return { functions: [], counts: false, collects: false, literalSensitive: true, sequence: found };
	}

	result(_expression: Expression): CallResult {
		return { kind: "unknown" };
	}

	// ---- operators and types: all the server's own ----

	operator(_path: ObjectPath): readonly FunctionUse[] {
		return [];
	}

	type(_path: TypePath): readonly FunctionUse[] {
		return [];
	}

	cast(): { readonly functions: readonly FunctionUse[]; readonly literal: boolean } {
		return { functions: [], literal: false };
	}
}

export function dotted(path: RelationPath): string {
	return [path.database, path.schema, path.name].filter((part) => part !== undefined).join(".");
}
