/**
 * What the resolver asks of an engine: how its names resolve and what its functions, operators and types mean.
 * One implementation an engine, for one statement in one session context.
 */

import type { CatalogRelation } from "./catalog.js";
import type { CatalogIndex } from "./catalog-index.js";
import type { FunctionUse, RelationUse } from "./facts.js";
import type { CallExpression, Expression, ObjectPath, Query, RelationPath, TypePath } from "./query.js";

export interface FoundRelation {
	readonly relation: CatalogRelation;
	readonly sort: RelationUse["sort"];
}

/** What a call means beside computing something from its arguments. */
export interface CallMeaning {
	readonly functions: readonly FunctionUse[];
	/** It only counts its arguments. */
	readonly counts: boolean;
	/** It gathers the values of many rows into one. */
	readonly collects: boolean;
	/** What it does depends on the value of a constant argument. */
	readonly literalSensitive: boolean;
	/** A sequence that it advances or sets. */
	readonly sequence?: FoundRelation;
}

/** What a call in FROM delivers: columns by name, one unnamed value, or columns that are not known. */
export type CallResult =
	| { readonly kind: "columns"; readonly names: readonly string[] }
	| { readonly kind: "scalar" }
	| { readonly kind: "unknown" };

export interface Dialect {
	readonly index: CatalogIndex;
	/** The name of the current database. */
	readonly database: string;
	/** Whether RETURNING may name the row before and after. */
	readonly returnsOldAndNew: boolean;
	/** Whether `name(row)` and `row.name` may both mean a field or a function (PostgreSQL). */
	readonly functionalNotation: boolean;
	/** Whether the server's version reads this syntax as the parser, which may be newer, does. */
	knowsSyntax(what: string): boolean;
	/** What VALUES calls the row that was to be inserted, where no alias does. */
	readonly insertedName: string;
	/** Whether naming a column of that row takes the right to read it (PostgreSQL: triggers may have made its value). */
	readonly readsInserted: boolean;
	/** Whether values of INSERT may name columns of the row that they make (MySQL). */
	readonly insertSeesTarget: boolean;
	/** Whether HAVING, GROUP BY and ORDER BY may name result columns anywhere in their expressions (MySQL). */
	readonly labelsInClauses: boolean;
	/** Whether HAVING names result columns or columns of outer queries rather than those of its own sources (MySQL). */
	readonly havingLooksPast: boolean;
	/** Whether a parameter in ORDER BY may be a position (MariaDB). */
	readonly ordersByParameter: boolean;
	/** Whether ORDER BY of a set operation takes any expression over its result (MySQL). */
	readonly ordersSetsByExpression: boolean;
	/**
	 * Whether columns that USING and NATURAL merge stand in the order of the first table, and such a right join as the
	 * left join that it is from the other side (MySQL).
	 */
	readonly mergesInTableOrder: boolean;
	/** Whether the server says how many of the written rows hold something else than before (MySQL). */
	readonly countsChanges: boolean;
	/** Whether `schema.alias.column` names a relation that has an alias (MySQL). */
	readonly aliasKeepsSchema: boolean;
	/** Whether tables of WITH RECURSIVE may name those behind them. */
	readonly recursionLooksAhead: boolean;
	/** Whether the server reads a common table's query anew for each use of it (MySQL), and plans what it reads from so often. */
	readonly copiesCommonTables: boolean;
	/** How names of common tables compare. */
	foldCommonTable(name: string): string;
	/** What VALUES calls its column at this index; undefined: something that is not known. */
	valuesColumn(index: number): string | undefined;
	/** What reading a system variable means; throws where there is no such syntax. */
	setting(name: string, scope: "session" | "global"): readonly FunctionUse[];
	/** Columns that every table has beyond those of its definition. */
	isSystemColumn(name: string): boolean;
	/** What sort a relation of the server's own is, as far as this use is concerned; `data` for all others. */
	systemSort(use: RelationUse): RelationUse["sort"];
	/** Told of each relation that the text itself names as a source, and where. */
	named?(found: FoundRelation, path: RelationPath, hasAlias: boolean): void;
	/** Throws `Unreadable` where there is none. */
	relation(path: RelationPath): FoundRelation;
	/** The reading of a view's definition, and how names in it resolve; undefined when the catalog holds none. */
	definition(relation: CatalogRelation): { readonly query: Query; readonly dialect: Dialect } | undefined;
	knowsFunction(path: ObjectPath): boolean;
	call(call: CallExpression): CallMeaning;
	/** What a function that is named outside a call means (TABLESAMPLE method, attribute notation). */
	functionNamed(path: ObjectPath): readonly FunctionUse[];
	operator(path: ObjectPath): readonly FunctionUse[];
	type(path: TypePath): readonly FunctionUse[];
	/** `value` is the constant that is cast, if it is one. */
	cast(type: TypePath, operand: Expression): { readonly functions: readonly FunctionUse[]; readonly literal: boolean };
	result(expression: Expression): CallResult;
}
