/**
 * How PostgreSQL resolves names, and what its functions, operators, types and casts mean, for one search path.
 *
 * A name that may be several things (overloads in several schemas) is all of them: the strictest then counts. A function
 * or operator of an extension is left out only where the server has one of that name and the extension's is for types of
 * its own, since then it cannot be chosen for others.
 */
import type { CatalogFunction, CatalogOperator, CatalogRelation } from "../catalog.js";
import type { CatalogIndex } from "../catalog-index.js";
import type { CallMeaning, CallResult, Dialect, FoundRelation } from "../dialect.js";
import type { ColumnName, FunctionUse, RelationUse } from "../facts.js";
import { classifyBuiltinFunction } from "../functions/postgres.js";
import { catalogRelationSort } from "../functions/postgres-catalogs.js";
import { guardedColumns, guardedFunction, isSecretSetting } from "../functions/postgres-guards.js";
import { isBuiltinOperator, isBuiltinType, isInformationSchemaType } from "../functions/postgres-names.js";
import { builtinResult } from "../functions/postgres-results.js";
import { implicitUse, isCode } from "../implicit.js";
import type { CallExpression, Expression, ObjectPath, Query, RelationPath, TypePath } from "../query.js";
import { unresolved, unsupported } from "../unreadable.js";
import type { Guards } from "./guards.js";
import { sequenceArgument } from "./sequences.js";
import { PostgresTranslator } from "./translate.js";
import { bodyOf, list } from "./tree.js";

const CATALOG = "pg_catalog";
const INFORMATION = "information_schema";
const SYSTEM_COLUMNS = new Set(["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"]);

/** Settings whose value can be read without harm have plain names; dotted ones are stores of an application's own. */
/** Methods of TABLESAMPLE: handlers that no expression can call. */
const SAMPLING_METHODS = new Set(["bernoulli", "system"]);

const PLAIN_SETTING = /^[a-z_]+$/i;

/**
 * Words that became syntax lately, by the version that brought them: before it they are names of columns and functions.
 */
const SYNTAX_SINCE: ReadonlyMap<string, number> = new Map([
	["SYSTEM_USER", 160000],
	["JSON_OBJECT", 160000],
	["JSON_ARRAY", 160000],
	["JSON_OBJECTAGG", 160000],
	["JSON_ARRAYAGG", 160000],
	["JSON", 170000],
	["JSON_SCALAR", 170000],
	["JSON function", 170000],
	["MERGE_ACTION", 170000],
]);

export interface DialectOptions {
	readonly index: CatalogIndex;
	readonly context: { readonly searchPath: readonly string[]; readonly user: string; readonly database: string };
	/** False once the text itself has made the search path unknown: unqualified names are then refused. */
	readonly pathKnown?: boolean;
	/** Calls of set_config that the statement's analysis has judged and taken over as its effect. */
	readonly judgedCalls?: ReadonlySet<CallExpression>;
	/** Told of what can be wrapped; without it (definitions of views) what would have to be is sensitive. */
	readonly guards?: Guards;
}

export class PostgresDialect implements Dialect {
	readonly index: CatalogIndex;
	readonly database: string;
	readonly returnsOldAndNew: boolean;
	readonly functionalNotation = true;
	readonly havingLooksPast = false;
	readonly ordersByParameter = false;
	readonly ordersSetsByExpression = false;
	readonly mergesInTableOrder = false;
	readonly aliasKeepsSchema = false;
	readonly countsChanges = false;
	readonly recursionLooksAhead = true;
	readonly copiesCommonTables = false;
	readonly insertedName = "excluded";
	readonly readsInserted = true;
	readonly insertSeesTarget = false;
	readonly labelsInClauses = false;
	/** Schemas of unqualified names in order, pg_catalog included. */
	readonly path: readonly string[];
	readonly #pathKnown: boolean;
	readonly #judged: ReadonlySet<CallExpression>;
	readonly #guards: Guards | undefined;

	constructor(options: DialectOptions) {
		this.index = options.index;
		this.database = options.index.catalog.database;
		this.returnsOldAndNew = options.index.catalog.version >= 180000;
		this.path = effectivePath(options.index, options.context);
		// What stands in temporary and TOAST schemas is not in the snapshot.
		const isHidden = options.context.searchPath.some((name) => /^pg_(temp|toast)/.test(name));
		this.#pathKnown = (options.pathKnown ?? true) && !isHidden;
		this.#judged = options.judgedCalls ?? new Set();
		this.#guards = options.guards;
	}

	knowsSyntax(what: string): boolean {
		const since = SYNTAX_SINCE.get(what);
		return since === undefined || this.index.catalog.version >= since;
	}

	valuesColumn(index: number): string {
		return `column${index + 1}`;
	}

	setting(name: string): readonly FunctionUse[] {
		throw unsupported(`@@${name} has no meaning here`);
	}

	foldCommonTable(name: string): string {
		return name;
	}

	isSystemColumn(name: string): boolean {
		return SYSTEM_COLUMNS.has(name);
	}

	/** The schemas that a name may be in. */
	schemas(path: ObjectPath): readonly string[] {
		if (path.schema !== undefined) return [path.schema];
		if (!this.#pathKnown) {
			throw unsupported(`the search path is not known here, so ${path.name} cannot be resolved`, path.position);
		}
		return this.path;
	}

	// ---- relations ----

	systemSort({ schema, name, columns, command, through }: RelationUse): RelationUse["sort"] {
		const sort = catalogRelationSort(schema, name, columns);
		if (sort !== "catalog" || !touchesGuarded(schema, name, columns)) return sort;
		// Only what the text itself names can be wrapped.
		return command === "select" && through.length === 0 && this.#guards !== undefined ? "guarded" : "sensitive";
	}

	named({ relation, sort }: FoundRelation, path: RelationPath, hasAlias: boolean): void {
		if (sort === "data") return;
		const { position, called } = path;
		const written = { name: called?.name ?? relation.name, isCall: called !== undefined };
		const columns = relation.columns.map(({ name }) => name);
		this.#guards?.source(relation, { columns, written, hasAlias: called?.isAliased ?? hasAlias }, position);
	}

	relation(path: RelationPath): FoundRelation {
		const found = this.findRelation(path);
		if (found === undefined) throw unresolved(`relation "${dotted(path)}" does not exist`, path.position);
		if (found.relation.kind === "composite" || found.relation.kind === "index") {
			throw unsupported(`"${dotted(path)}" is a ${found.relation.kind}`, path.position);
		}
		return found;
	}

	findRelation(path: RelationPath): FoundRelation | undefined {
		if (path.database !== undefined && path.database !== this.database) {
			throw unsupported(`relation of another database: ${dotted(path)}`, path.position);
		}
		for (const schema of this.schemas(path)) {
			const relation = this.index.relation(schema, path.name);
			if (relation !== undefined) return { relation, sort: sortOf(relation) };
		}
		if (path.schema !== undefined && /^pg_(temp|toast)/.test(path.schema)) {
			throw unsupported(`schema ${path.schema} is not read`, path.position);
		}
		return undefined;
	}

	definition(relation: CatalogRelation): { readonly query: Query; readonly dialect: Dialect } | undefined {
		if (relation.definition === undefined) return undefined;
		const tree = bodyOf(this.index.parse(relation.definition), "the parser's tree");
		const [statement, ...others] = list(tree.stmts);
		if (statement === undefined || others.length > 0) throw unsupported("its definition is not one statement");
		const query = new PostgresTranslator().query(bodyOf(statement, "statement").stmt);
		// The server writes definitions with every name qualified that is not of pg_catalog.
		const context = { searchPath: [], user: "", database: this.database };
		return { query, dialect: new PostgresDialect({ index: this.index, context }) };
	}

	// ---- functions ----

	knowsFunction(path: ObjectPath): boolean {
		return this.#isBuiltin(path) || this.#functions(path).length > 0 || this.#isTypeName(path);
	}

	#isBuiltin(path: ObjectPath): boolean {
		if (path.schema === INFORMATION) return path.name.startsWith("_pg_");
		return (path.schema === undefined || path.schema === CATALOG) && this.index.isBuiltinFunction(path.name);
	}

	/** Functions that are not the server's own and that a call of this name may mean. */
	#functions(path: ObjectPath): readonly CatalogFunction[] {
		const all = this.index.functionsNamed(path.name);
		if (all.length === 0) return all;
		const schemas = this.schemas(path);
		const builtin = this.#isBuiltin(path);
		return all.filter((entry) => schemas.includes(entry.schema) && !(builtin && isForOwnTypes(entry)));
	}

	functionNamed(path: ObjectPath): readonly FunctionUse[] {
		const uses: FunctionUse[] = this.#functions(path).map((entry) => ({
			schema: entry.schema,
			name: entry.name,
			form: entry.kind === "window" ? "function" : entry.kind,
			sort: "user",
		}));
		if (this.#isBuiltin(path)) uses.push(builtinUse(path));
		if (SAMPLING_METHODS.has(path.name)) return uses.filter((use) => use.sort === "user");
		if (uses.length > 0) return uses;
		// `typename(value)` is a cast.
		if (this.#isTypeName(path)) return this.cast({ ...path, array: false }, { kind: "default" }).functions;
		throw unresolved(`function ${dotted(path)} does not exist`, path.position);
	}

	call(call: CallExpression): CallMeaning {
		const { name } = call;
		const own = this.#functions(name);
		if (this.#isBuiltin(name)) {
			const special = this.#specialCall(call, own.length > 0);
			if (special !== undefined) return special;
		}
		const builtin = this.#isBuiltin(name) ? classifyBuiltinFunction(name.name) : undefined;
		const isGuarded = builtin !== undefined && this.#guards !== undefined && guardedFunction(name.name) !== undefined;
		if (isGuarded) {
			if (own.length > 0) throw unsupported(`${name.name} may be another function`, name.position);
			this.#guards?.call(name.name, name.position);
		}
		const functions = isGuarded ? [guardedUse(name)] : this.functionNamed(name);
		return {
			functions,
			counts: builtin !== undefined && own.length === 0 && name.name === "count",
			collects: builtin !== undefined && collects(builtin.collects, call),
			// Whether a fraction is a number or an array decides whether many values are collected.
			literalSensitive:
				isGuarded || (builtin !== undefined && (builtin.literalSensitive || builtin.collects === "arrayArgument")),
		};
	}

	/** Functions whose constant arguments decide what they touch. */
	#specialCall(call: CallExpression, shadowed: boolean): CallMeaning | undefined {
		const plain = { functions: [], counts: false, collects: false, literalSensitive: true };
		switch (call.name.name) {
			case "nextval":
			case "setval":
			// What this session's own nextval has answered before: nothing that it did not know.
			case "currval": {
				if (shadowed) throw unsupported(`${call.name.name} may be another function`, call.name.position);
				const found = this.#sequence(sequenceArgument(call));
				if (found?.relation.kind !== "sequence")
					throw unresolved(`${call.name.name}: not a sequence`, call.name.position);
				return { ...plain, sequence: found };
			}
			case "set_config":
				if (this.#judged.has(call) && !shadowed) return plain;
				throw unsupported("set_config is read only with constants in a plain SELECT list", call.name.position);
			case "current_setting": {
				const [name] = call.arguments;
				if (shadowed) throw unsupported("current_setting may be another function", call.name.position);
				if (name?.kind !== "constant") return undefined;
				if (!PLAIN_SETTING.test(name.value)) {
					throw unsupported("current_setting of a setting that is not the server's own", call.name.position);
				}
				// Unlike others, a constant can be judged here.
				return { ...plain, functions: [isSecretSetting(name.value) ? builtinUse(call.name) : guardedUse(call.name)] };
			}
			case "enum_first":
			case "enum_last":
			case "enum_range":
				return { ...plain, literalSensitive: false, functions: this.#enumUses(call) };
			default:
				return undefined;
		}
	}

	/** They show an enum's labels, so the text has to say which enum it is. */
	#enumUses({ name, arguments: values }: CallExpression): readonly FunctionUse[] {
		const types = values.flatMap((value) =>
			value.kind === "cast" && value.operand.kind === "constant" && !value.type.array ? [value.type] : [],
		);
		const untold = values.some((value) => value.kind !== "cast" && value.kind !== "constant");
		if (types.length === 0 || untold) {
			const why = "it shows the labels of an enum, and which one cannot be told";
			return [{ schema: CATALOG, name: name.name, form: "function", sort: "restricted", why }];
		}
		return types.map((type) => {
			const own = this.#ownType(type);
			if (own === undefined) throw unresolved(`type "${dotted(type)}" does not exist`, type.position);
			return { schema: own.schema, name: type.name, form: "enum", sort: "user" };
		});
	}

	#sequence(meant: ReturnType<typeof sequenceArgument>): FoundRelation | undefined {
		if ("id" in meant) return this.#relationById(meant.id);
		if (!("table" in meant)) return this.relation(meant);
		if (this.#functions(meant.by).length > 0 || !this.#isBuiltin(meant.by)) {
			throw unsupported(`${meant.by.name} may be another function`, meant.by.position);
		}
		const { relation } = this.relation(meant.table);
		const column = this.index.column(relation, meant.column)?.number;
		const all = this.index.catalog.relations.filter(
			({ numbers }) => numbers !== undefined && numbers.relation === relation.id && numbers.column === column,
		);
		// Of several the server takes the one that it comes upon first.
		return all.length === 1 && all[0] !== undefined ? { relation: all[0], sort: sortOf(all[0]) } : undefined;
	}

	#relationById(id: number): FoundRelation | undefined {
		const relation = this.index.relationById(id);
		return relation === undefined ? undefined : { relation, sort: sortOf(relation) };
	}

	result(expression: Expression): CallResult {
		if (expression.kind === "construct") return { kind: "scalar" };
		if (expression.kind !== "call") return { kind: "unknown" };
		const { name } = expression;
		if (!this.#isBuiltin(name) || this.#functions(name).length > 0) return { kind: "unknown" };
		const result = builtinResult(name.name);
		if (result === "unknown" && name.name === "unnest" && expression.arguments.every(isScalarArray)) {
			return expression.arguments.length === 1 ? { kind: "scalar" } : { kind: "unknown" };
		}
		if (result === "scalar" || result === "unknown") return { kind: result };
		return { kind: "columns", names: result };
	}

	// ---- operators ----

	operator(path: ObjectPath): readonly FunctionUse[] {
		const builtin = isBuiltinOperator(path.name) && (path.schema === undefined || path.schema === CATALOG);
		const all = this.index.operatorsNamed(path.name);
		if (all.length === 0 && builtin) return [];
		const schemas = this.schemas(path);
		const own = all.filter((entry) => schemas.includes(entry.schema));
		if (own.length === 0 && !builtin) throw unresolved(`operator ${dotted(path)} does not exist`, path.position);
		return own.filter((entry) => !(builtin && isOperatorForOwnTypes(entry))).map(operatorUse);
	}

	// ---- types ----

	#isTypeName(path: ObjectPath): boolean {
		if ((path.schema === undefined || path.schema === CATALOG) && isBuiltinType(path.name)) return true;
		return this.#ownType(path) !== undefined;
	}

	/** Schema and sort of a type that is not built in; relations have a row type of their name. */
	#ownType(path: ObjectPath): { readonly schema: string; readonly isCode: boolean } | undefined {
		for (const schema of this.schemas(path)) {
			const type = this.index.type(schema, path.name);
			if (type !== undefined) return { schema, isCode: isCode(type) };
			if (schema === INFORMATION && isInformationSchemaType(path.name)) return { schema, isCode: false };
			if (this.index.relation(schema, path.name.replace(/^_/, "")) !== undefined) return { schema, isCode: false };
		}
		return undefined;
	}

	type(path: TypePath): readonly FunctionUse[] {
		const builtin = (path.schema === undefined || path.schema === CATALOG) && isBuiltinType(path.name);
		if (builtin && (path.schema !== undefined || this.path[0] === CATALOG)) return [];
		const own = this.#ownType(path);
		if (own === undefined && builtin) return [];
		if (own === undefined) throw unresolved(`type "${dotted(path)}" does not exist`, path.position);
		const implicit = this.#implicitOf(own.schema, path.name);
		return own.isCode ? [{ schema: own.schema, name: path.name, form: "type", sort: "user" }, ...implicit] : implicit;
	}

	/** What runs unsaid when the text itself makes values of a type: its checks, and what compares and converts them. */
	#implicitOf(schema: string, name: string): readonly FunctionUse[] {
		const type = this.index.type(schema, name);
		return type === undefined ? [] : this.index.implicitOf(type.id).map(implicitUse);
	}

	/** Likewise when values of a column are used; what checks what is written into it is the table's own. */
	implicitOfColumn({ schema, name, column }: ColumnName): readonly FunctionUse[] {
		const relation = this.index.relation(schema, name);
		const found = relation === undefined ? undefined : this.index.column(relation, column);
		if (found === undefined) return [];
		return this.index
			.implicitOf(found.type)
			.filter(({ how }) => how !== "check")
			.map(implicitUse);
	}

	cast(path: TypePath, operand: Expression): { readonly functions: readonly FunctionUse[]; readonly literal: boolean } {
		const functions = [...this.type(path)];
		const builtin = (path.schema === undefined || path.schema === CATALOG) && isBuiltinType(path.name);
		const schema = builtin ? CATALOG : (this.#ownType(path)?.schema ?? CATALOG);
		for (const cast of this.index.castsTo(`${schema}.${path.name}`)) {
			const { functionSchema, functionName } = cast;
			if (functionSchema === undefined || functionName === undefined || functionSchema === CATALOG) continue;
			if (this.#ofExtension(cast.source) || this.#ofExtension(cast.target)) continue;
			functions.push({ schema: functionSchema, name: functionName, form: "cast", sort: "user" });
		}
		const literal = path.name.startsWith("reg") && operand.kind === "constant";
		return { functions, literal };
	}

	/** `name` is `schema.type`. */
	#ofExtension(name: string): boolean {
		const dot = name.indexOf(".");
		return this.index.type(name.slice(0, dot), name.slice(dot + 1))?.extension !== undefined;
	}
}

function effectivePath(index: CatalogIndex, context: DialectOptions["context"]): readonly string[] {
	const listed: string[] = [];
	for (const entry of context.searchPath) {
		const name = entry === "$user" ? context.user : entry;
		if (index.hasSchema(name) && !listed.includes(name)) listed.push(name);
	}
	return listed.includes(CATALOG) ? listed : [CATALOG, ...listed];
}

export function sortOf(relation: CatalogRelation): RelationUse["sort"] {
	if (relation.schema === CATALOG || relation.schema === INFORMATION) {
		return catalogRelationSort(relation.schema, relation.name);
	}
	return relation.kind === "toast" || relation.schema.startsWith("pg_toast") ? "sensitive" : "data";
}

export function dotted(path: RelationPath): string {
	return [path.database, path.schema, path.name].filter((part) => part !== undefined).join(".");
}

function touchesGuarded(schema: string, name: string, columns: readonly string[] | "all"): boolean {
	const guards = guardedColumns(schema, name);
	return guards !== undefined && (columns === "all" || columns.some((column) => guards.has(column)));
}

/** A call that is wrapped. */
function guardedUse(path: ObjectPath): FunctionUse {
	return { schema: path.schema ?? CATALOG, name: path.name, form: "function", sort: "compute" };
}

function builtinUse(path: ObjectPath): FunctionUse {
	const { sort, why } = classifyBuiltinFunction(path.name);
	const use = { schema: path.schema ?? CATALOG, name: path.name, form: "function" } as const;
	const guard = guardedFunction(path.name);
	if (guard !== undefined) return { ...use, sort: "restricted", why: `it shows ${guard.why}` };
	return sort === "compute" ? { ...use, sort } : { ...use, sort, why };
}

function operatorUse(entry: CatalogOperator): FunctionUse {
	return { schema: entry.functionSchema, name: entry.functionName, form: "operator", sort: "user" };
}

function isForOwnTypes(entry: CatalogFunction): boolean {
	return entry.extension !== undefined && entry.arguments.some((type) => !type.startsWith(`${CATALOG}.`));
}

function isOperatorForOwnTypes(entry: CatalogOperator): boolean {
	return entry.extension !== undefined && !entry.builtinOperands;
}

/** An array of plain values, as far as the expression itself shows: its elements have no columns. */
function isScalarArray(expression: Expression): boolean {
	switch (expression.kind) {
		case "cast": {
			const { schema, name, array } = expression.type;
			const builtin = (schema === undefined || schema === CATALOG) && isBuiltinType(name);
			return builtin && name !== "record" && name !== "_record" && (array || name.startsWith("_"));
		}
		case "construct":
			return expression.what === "ARRAY" && expression.operands.every(isScalarOrArray);
		default:
			return false;
	}
}

function isScalarOrArray(expression: Expression): boolean {
	return expression.kind === "constant" || expression.kind === "parameter" || isScalarArray(expression);
}

/** `arrayArgument`: it answers with as many values as it is asked for, which only a plain number shows to be one. */
function collects(how: "never" | "arrayArgument" | "always", call: CallExpression): boolean {
	if (how !== "arrayArgument") return how === "always";
	return !call.arguments.every((argument) => argument.kind === "constant" && argument.sort === "number");
}
