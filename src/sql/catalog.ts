/**
 * A snapshot of a database's definitions, as plain data: what the analyser resolves names against.
 * Each engine's reader (postgres/catalog.ts, mysql/catalog.ts) builds one from rows that the session layer fetched.
 */

/** PostgreSQL's FirstNormalObjectId: what the server came with has lower OIDs. */
export const FIRST_USER_OID = 16_384;

/**
 * The same in SQL: a constant of the operators' own type, so that no operator of a user's, on a nearer match of types, can
 * be chosen instead.
 */
export const FIRST_USER_OID_SQL = `'${FIRST_USER_OID}'::pg_catalog.oid`;

export type RelationKind =
	| "table"
	| "partitioned"
	| "foreign"
	| "view"
	| "matview"
	| "sequence"
	| "index"
	| "composite"
	| "toast";

export interface CatalogColumn {
	/** PostgreSQL attribute number, or ordinal position. */
	readonly number: number;
	readonly name: string;
	/** PostgreSQL type OID; 0 where the engine has none. */
	readonly type: number;
	/** PostgreSQL type modifier, where one is declared (the 40 of varchar(40), in the server's own terms). */
	readonly typeModifier?: number;
	/** GENERATED: nobody writes it, and COPY of the whole table leaves it out. */
	readonly generated?: boolean;
	/** Columns of the same relation that a GENERATED column is computed from. */
	readonly generatedFrom?: readonly string[];
	/** Columns of the same row that its default is computed from, which SET … = DEFAULT works out over the row that is there (MySQL). */
	readonly defaultFrom?: readonly string[];
	/** Whoever inserts a row is told the number that the server gives it (AUTO_INCREMENT). */
	readonly counter?: boolean;
	/** It has to be named to be read: `*` leaves it out (MySQL). */
	readonly hidden?: boolean;
}

/** What the server compares a written row with. */
export interface CatalogConstraint {
	readonly kind: "unique" | "exclusion" | "check" | "reference" | "partition" | "order";
	/** Columns of the relation that take part, those of expressions and predicates among them. */
	readonly columns: readonly string[];
	/** What a foreign key points to, and whether it refuses that this is changed or deleted. */
	readonly target?: {
		/** OID. */
		readonly relation: number;
		readonly columns: readonly string[];
		readonly refusesUpdate: boolean;
		readonly refusesDelete: boolean;
	};
}

export interface CatalogRelation {
	/** PostgreSQL OID; where the engine has none, a number made up for this snapshot. */
	readonly id: number;
	readonly schema: string;
	readonly name: string;
	readonly kind: RelationKind;
	/** Live columns in order (dropped ones absent). System columns are not listed. */
	readonly columns: readonly CatalogColumn[];
	/** Definition text of a view or materialized view. */
	readonly definition?: string;
	readonly constraints?: readonly CatalogConstraint[];
	/**
	 * Columns of whose values the definition tells: those of the partition key, by the bounds, and a counter (MySQL), by its
	 * next value.
	 */
	readonly toldColumns?: readonly string[];
	/** Columns by which rows are in one partition or another, where a text may ask for partitions by name (MySQL). */
	readonly partitionKey?: readonly string[];
	/** OIDs of the tables it inherits from or is a partition of, nearest first. */
	readonly parents: readonly number[];
	/** Of a sequence: the column that it numbers, by the OID of its table and its place among all that the table ever had. */
	readonly numbers?: { readonly relation: number; readonly column: number };
	/**
	 * Functions that are not the server's own run when it is written (triggers, rules, defaults, constraints, indexes), or
	 * whenever it is used (policies).
	 */
	readonly runsCode?: "written" | "used";
}

/** A function, aggregate or procedure that is not the server's own. */
export interface CatalogFunction {
	/** OID, where the engine has one. */
	readonly id?: number;
	readonly schema: string;
	readonly name: string;
	readonly kind: "function" | "aggregate" | "window" | "procedure";
	/** Names of argument types, schema-qualified. */
	readonly arguments: readonly string[];
	/** The extension that owns it, if any. */
	readonly extension?: string;
}

/** An operator that is not the server's own. */
export interface CatalogOperator {
	readonly schema: string;
	readonly name: string;
	/** Schema and name of the function behind it. */
	readonly functionSchema: string;
	readonly functionName: string;
	/** True when both operand types are the server's own, so that it can be chosen over a built-in operator. */
	readonly builtinOperands: boolean;
	readonly extension?: string;
}

/** A type that is not the server's own (enums, domains, composites, ranges, base types of extensions). */
export interface CatalogType {
	readonly id: number;
	readonly schema: string;
	readonly name: string;
	readonly kind: "base" | "composite" | "domain" | "enum" | "range" | "multirange" | "pseudo" | "array";
	/** OIDs of the types that it is made of: elements of an array, base of a domain. */
	readonly of?: readonly number[];
	/** Of a domain: OID and modifier of the type that it is over, which may be a domain too. */
	readonly over?: { readonly type: number; readonly typeModifier: number };
	readonly extension?: string;
}

/** A cast that runs a function that is not the server's own, or that involves a type that is not. */
export interface CatalogCast {
	/** Qualified type names. */
	readonly source: string;
	readonly target: string;
	/** Absent for binary-coercible and I/O casts. */
	readonly functionSchema?: string;
	readonly functionName?: string;
}

/**
 * A function of a user's that the server runs for values of a type without being told to: to cast them where another type
 * is wanted, to compare them (ORDER BY, DISTINCT, UNION …), to check what becomes one.
 */
export interface CatalogImplicit {
	/** OID of the type. */
	readonly type: number;
	readonly how: "cast" | "compare" | "check";
	readonly schema: string;
	readonly name: string;
}

export interface Catalog {
	readonly engine: "postgres" | "mysql";
	/** Server version: PostgreSQL's server_version_num (150018), MySQL's likewise (100611, 90700). */
	readonly version: number;
	/** Of the engine "mysql": whose server it is. */
	readonly flavour?: "mysql" | "mariadb";
	/** MySQL's lower_case_table_names: 0 as written, 1 stored in lower case, 2 compared in lower case. */
	readonly lowerCaseNames?: 0 | 1 | 2;
	/** "" where the snapshot spans the server. */
	readonly database: string;
	/** Grows by one with every snapshot in which something changed; part of every cache key. */
	readonly epoch: number;
	readonly schemas: readonly string[];
	readonly relations: readonly CatalogRelation[];
	readonly functions: readonly CatalogFunction[];
	/** Names of the server's own functions, procedures and aggregates, to tell built-in calls from unknown ones. */
	readonly builtinFunctions: readonly string[];
	readonly operators: readonly CatalogOperator[];
	readonly types: readonly CatalogType[];
	readonly casts: readonly CatalogCast[];
	readonly implicit?: readonly CatalogImplicit[];
}
