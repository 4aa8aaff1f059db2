/**
 * What the analyser knows about a statement. Facts are engine-neutral, plain data (they cross a worker
 * boundary) and say nothing about any license: the same text over the same catalog gives the same facts.
 */

import type { GuardedText } from "./guarded.js";

/** The commands a license can permit. */
export const COMMANDS = [
	"select",
	"insert",
	"update",
	"delete",
	"merge",
	"copyTo",
	"copyFrom",
	"call",
	"execute",
	"explain",
	"show",
	"set",
	"lock",
	"truncate",
	"create",
	"alter",
	"drop",
	"comment",
	"grant",
	"vacuum",
	"listen",
	"notify",
] as const;
export type Command = (typeof COMMANDS)[number];

/** A relation as the server would resolve it, after folding. In MySQL `schema` is the database. */
export interface RelationName {
	readonly schema: string;
	readonly name: string;
}

/** A column of a resolved relation. */
export interface ColumnName extends RelationName {
	readonly column: string;
}

/**
 * One use of one relation by one command.
 *
 * `through` lists the views, outermost first, by which the relation was reached; empty when the statement names it
 * itself. A partition or child reached only because its parent was named is not listed: its rows belong to the parent.
 */
export interface RelationUse extends RelationName {
	readonly command: Command;
	/** Columns read or written; "all" when the whole row is concerned or the columns cannot be told apart. */
	readonly columns: readonly string[] | "all";
	readonly through: readonly RelationName[];
	/**
	 * What sort of relation it is, as far as permits are concerned: `data` needs a permit; `catalog` is a system
	 * catalog or information_schema relation that is safe to read; `guarded` is one of which the text shows some columns
	 * only for what the license covers (`TextFacts.guarded`); `sensitive` is one that holds data or secrets; `created` is
	 * one that this statement itself brings into being (CREATE TABLE, SELECT INTO).
	 */
	readonly sort: "data" | "catalog" | "guarded" | "sensitive" | "created";
	/** True for LOCK … IN ACCESS SHARE MODE, which dump tools take and `read` covers. */
	readonly shareLock?: boolean;
}

/** How a value of a column is used, from the weakest use to the strongest. */
export type ColumnUseKind =
	/** It is, unchanged, the value of result columns (`outputs`). */
	| "project"
	/** count(column) or count(*): the value itself never leaves. */
	| "count"
	/** An equality with a constant or parameter, in WHERE or ON. */
	| "filter"
	/** Anything else that computes from it: expressions, order, grouping, joins, casts, whole rows. */
	| "derive"
	/** It is written into another relation, variable or file. */
	| "copy"
	/** A write compares with it for equality, and tells by its outcome: unique keys, foreign keys. */
	| "probe"
	/** The server tells its value beside any result: the number that it gives to a new row (MySQL). */
	| "tell"
	/** It is itself assigned to (INSERT, UPDATE SET target). No value is read. */
	| "assign";

export interface ColumnUse extends ColumnName {
	readonly kind: ColumnUseKind;
	/** Result columns (0-based) into which the value flows, whole or derived. */
	readonly outputs: readonly number[];
	/** What in the text made the use, for messages: "WHERE", "ORDER BY", "function lower", … */
	readonly where: string;
}

/** A function, operator, cast or procedure by resolved identity. */
export interface FunctionUse {
	readonly schema: string;
	readonly name: string;
	/**
	 * What it is in the text; operators and casts are named by the function behind them where it is known. `enum`: a type
	 * whose labels are shown.
	 */
	readonly form: "function" | "aggregate" | "operator" | "cast" | "procedure" | "type" | "enum";
	/**
	 * `compute`: built in and only computes. `restricted`: built in, but reads files, hides SQL in a string, sleeps,
	 * signals, changes settings, reads other sessions…  `user`: anything that is not the server's own.
	 */
	readonly sort: "compute" | "restricted" | "user";
	/** For `restricted`: why, in a few words that a person understands. */
	readonly why?: string;
}

/** What a result column is made of. */
export interface Output {
	readonly name: string;
	/** Every column whose value flows into it. */
	readonly sources: readonly ColumnName[];
	/** True when it is exactly one column's value, unchanged (type coercions count as a change). */
	readonly direct: boolean;
}

/** What a statement does to its session; the session applies it once the server has confirmed it. */
export type SessionEffect =
	/** `readOnly` is set where the statement itself says READ ONLY or READ WRITE. */
	| {
			readonly kind: "transaction";
			readonly op: TransactionOp;
			readonly name?: string;
			readonly readOnly?: boolean;
	  }
	/** `value` is undefined for DEFAULT / RESET. `values` are the list items as text, in order. */
	| {
			readonly kind: "set";
			readonly name: string;
			readonly values: readonly string[] | undefined;
			readonly local: boolean;
	  }
	| { readonly kind: "resetAll" }
	| { readonly kind: "prepare"; readonly name: string; readonly statement: StatementFacts }
	| { readonly kind: "execute"; readonly name: string }
	| { readonly kind: "deallocate"; readonly name: string | undefined }
	/** DECLARE CURSOR. */
	| { readonly kind: "declare"; readonly name: string; readonly statement: StatementFacts }
	/** FETCH (`moves` true: MOVE, which delivers nothing). */
	| { readonly kind: "fetch"; readonly name: string; readonly moves: boolean }
	| { readonly kind: "closeCursor"; readonly name: string | undefined }
	| { readonly kind: "discard"; readonly what: "all" | "plans" | "sequences" | "temporary" }
	/** USE (MySQL). */
	| { readonly kind: "database"; readonly name: string }
	/** KILL (MySQL): of a connection by its number. */
	| { readonly kind: "kill"; readonly connection: number; readonly what: "query" | "connection" }
	/**
	 * SET @variable = @@setting (MySQL), of a setting that the session keeps track of: the variable holds its value from
	 * then on. Dump tools save so what they are about to change.
	 */
	| { readonly kind: "save"; readonly variable: string; readonly setting: string }
	/**
	 * SET setting = @variable (MySQL), of a setting that the session keeps track of: it takes back what was saved. Code
	 * that nobody has read may have changed the variable since, so the session has the server's report confirm it; where
	 * nothing was saved, or the server reports no settings, it cannot be told how text would be read, and it is denied.
	 */
	| { readonly kind: "restore"; readonly setting: string; readonly variable: string }
	/**
	 * One statement, several effects (MySQL: SET a = 1, b = 2). The server works out all new values before it sets any, so
	 * what is saved is what was there before the statement.
	 */
	| { readonly kind: "several"; readonly effects: readonly SessionEffect[] };

export type TransactionOp =
	| "begin"
	| "commit"
	| "rollback"
	| "savepoint"
	| "release"
	| "rollbackTo"
	| "prepareTransaction"
	| "commitPrepared"
	| "rollbackPrepared"
	| "setCharacteristics";

/** Why a statement could not be read or resolved. It is then denied, unless nothing at all is forbidden. */
export interface Refusal {
	/**
	 * `syntax`: the server would reject the text itself. `unresolved`: a name is not in the catalog snapshot.
	 * `unsupported`: understood by the server, not provable by this analyser. `limit`: too long, too deep, too slow.
	 */
	readonly kind: "syntax" | "unresolved" | "unsupported" | "limit";
	readonly message: string;
	/** 0-based offset in characters into the text, where known. */
	readonly position?: number;
}

/**
 * What a definition shows under another name from then on: by a new name or schema, or among the rows of a table that it
 * becomes a child or partition of. Of a column that gets another name, both are its relation.
 */
export interface Move {
	/** A view shows what is beneath it to whom a permit names it exactly. Of a schema the names are "". */
	readonly kind: "relation" | "view" | "schema";
	readonly from: RelationName;
	readonly to: RelationName;
}

/** Facts about one statement of a text. */
export interface StatementFacts {
	/** Character offsets of the statement in the text: [start, end). */
	readonly start: number;
	readonly end: number;
	/** The command that names the statement for people and telemetry: "SELECT", "CREATE TABLE", "BEGIN", … */
	readonly tag: string;
	/** Every command it performs, the outermost first. Empty for transaction control and the like, which are always allowed. */
	readonly commands: readonly Command[];
	readonly relations: readonly RelationUse[];
	readonly columns: readonly ColumnUse[];
	readonly functions: readonly FunctionUse[];
	/**
	 * Lineage of each result column. Undefined: it returns no rows, or (with `opaqueResult`) rows whose lineage is not known.
	 * For EXPLAIN, SHOW and other utility results: outputs without sources.
	 */
	readonly outputs: readonly Output[] | undefined;
	/** Rows may come whose lineage is unknown: refused when masks could matter. */
	readonly opaqueResult: boolean;
	/** It may change data or definitions. */
	readonly writes: boolean;
	/** It delivers rows of `data` relations, so row caps apply to its result. */
	readonly deliversRows: boolean;
	/** Names of aggregates that collect values of `data` relations into one (array_agg …) with unbounded input. */
	readonly collects: readonly string[];
	/** The most source rows of one relation that a line of the result carries, where it may be more than one. */
	readonly rowsPerLine?: number;
	/** COPY … FROM STDIN / TO STDOUT; the relation is in `relations`. */
	readonly copy?: CopyFacts;
	readonly effect?: SessionEffect;
	readonly moves?: readonly Move[];
	/** Functions of a user's run: called by the text, or attached to a table that it uses. They may change settings. */
	readonly runsCode?: "called" | "attached";
	/** Definitions change when it runs: the catalog snapshot must be read again afterwards. */
	readonly changesCatalog: boolean;
	/** Some fact depends on the value of a literal, so the facts hold for this very text only (never for its template). */
	readonly literalSensitive: boolean;
	/** Settings written or read by function (set_config, current_setting) with constant arguments appear as `effect`s here. */
	readonly refusal?: Refusal;
}

/** COPY's stream of rows: the options that shape it. */
export interface CopyFacts {
	readonly direction: "in" | "out";
	readonly format: "text" | "csv" | "binary";
	/** HEADER: the first line holds names and is no row. */
	readonly header?: boolean;
	/** One byte each; by default the server's for the format. */
	readonly delimiter?: string;
	readonly quote?: string;
	readonly escape?: string;
	/** What stands for NULL. */
	readonly null?: string;
	/** An option of which it is not known what it does to the rows: they can be passed on, but not read. */
	readonly unread?: string;
	/**
	 * Of COPY TO: types of the `outputs`, for unlike a query's result the stream does not say them. Type and modifier in
	 * the engine's own terms, 0 and −1 where they are not known.
	 */
	readonly columns?: readonly CopiedColumn[];
}

export interface CopiedColumn {
	readonly type: number;
	readonly typeModifier: number;
	/** FORCE_QUOTE names it. */
	readonly quoted?: boolean;
}

/** Facts about a whole text: a simple-query string may hold several statements, or none. */
export interface TextFacts {
	readonly statements: readonly StatementFacts[];
	/**
	 * What was analysed, where that is not the text itself: it must be what the server gets. One byte a character, whatever
	 * the text's character set is. Positions are the text's.
	 */
	readonly canonical?: string;
	/**
	 * The text with its uses of guarded catalog columns and functions wrapped: it must be what the server gets, filled in
	 * for the license, unless that shows catalogs in full.
	 */
	readonly guarded?: GuardedText;
	/** Set when the text as a whole could not be read; `statements` is then empty. */
	readonly refusal?: Refusal;
}

/** What declaring the types of its parameters adds to a statement. */
export function declarationFacts(functions: readonly FunctionUse[], refusal?: Refusal): StatementFacts {
	return {
		...unknownStatement("PARSE", 0),
		functions,
		...(functions.length === 0 ? {} : { runsCode: "called" as const }),
		opaqueResult: false,
		writes: false,
		deliversRows: false,
		changesCatalog: false,
		...(refusal === undefined ? {} : { refusal }),
	};
}

/** What is known of a statement of which nothing is known: it may do and deliver anything. */
export function unknownStatement(tag: string, end: number): StatementFacts {
	return {
		start: 0,
		end,
		tag,
		commands: [],
		relations: [],
		columns: [],
		functions: [],
		outputs: undefined,
		opaqueResult: true,
		writes: true,
		deliversRows: true,
		collects: [],
		changesCatalog: true,
		literalSensitive: true,
	};
}
