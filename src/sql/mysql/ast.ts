/**
 * What the grammar yields: queries and writes in the common form, all else by what it does by name, with its expressions
 * and queries in the common form.
 *
 * Most statements that are neither queries nor writes (definitions, upkeep, rights, server administration) mean no more
 * than the sum of what they do to things that they name: those are one kind, `deeds`. The others have a kind of their own.
 */
import type { Command, TransactionOp } from "../facts.js";
import type { Expression, Query, RelationPath } from "../query.js";

export type MysqlStatement = QueryStatement | UtilityStatement | { readonly kind: "empty" };

/** Where the rows of a query go, when it is not to the client. */
export type Into =
	| { readonly kind: "file"; readonly what: "OUTFILE" | "DUMPFILE"; readonly position: number }
	| { readonly kind: "variables"; readonly names: readonly string[]; readonly position: number };

export interface QueryStatement {
	readonly kind: "query";
	/** The first word that counts: "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH" … */
	readonly tag: string;
	readonly query: Query;
	readonly into?: Into;
}

export type UtilityStatement =
	| DeedsStatement
	| SetStatement
	| ShowStatement
	| ExplainStatement
	| { readonly kind: "use"; readonly database: string }
	| TransactionStatement
	| LockStatement
	| KillStatement
	| PrepareStatement
	| { readonly kind: "execute"; readonly name: string; readonly using: readonly Expression[] }
	| { readonly kind: "executeImmediate"; readonly text: Expression; readonly using: readonly Expression[] }
	| { readonly kind: "deallocate"; readonly name: string }
	| { readonly kind: "do"; readonly expressions: readonly Expression[] }
	| { readonly kind: "call"; readonly procedure: RelationPath; readonly arguments: readonly Expression[] }
	| DiagnosticsStatement
	| LoadStatement;

// ---- deeds --------------------------------------------------------------------------------------------------------

/** One thing that a statement does to something that it names. */
export type Deed =
	/** To a table or view that exists; `ifExists`: or may not. */
	| {
			readonly kind: "relation";
			readonly command: Command;
			readonly path: RelationPath;
			readonly ifExists?: boolean;
			readonly columns?: readonly string[] | "all";
	  }
	/** Something that comes into being in a database. `replaces`: in the place of what may be there. */
	| { readonly kind: "created"; readonly path: RelationPath; readonly replaces?: boolean }
	/** To something in a database that is no relation: a routine, trigger, event, sequence. */
	| { readonly kind: "named"; readonly command: Command; readonly path: RelationPath }
	/** To a database and all in it; without a name the current one. */
	| { readonly kind: "database"; readonly command: Command; readonly name?: string }
	/** To something that belongs to no database: a user, server, tablespace; "*" for the whole server. */
	| { readonly kind: "global"; readonly command: Command; readonly name: string }
	/** An expression in a definition, over the relation that is defined where that exists already. */
	| {
			readonly kind: "expression";
			readonly expression: Expression;
			readonly over?: RelationPath;
			readonly use: "copy" | "derive";
	  }
	/** Rows of one relation are another's from then on; of the same, where a column gets another name. */
	| { readonly kind: "moved"; readonly from: RelationPath; readonly to: RelationPath }
	/** Rows of a query go into what is made. */
	| { readonly kind: "copies"; readonly query: Query }
	/** All values of a relation go into what the statement answers or makes. */
	| { readonly kind: "reads"; readonly path: RelationPath }
	/** Something that no facts can describe. */
	| { readonly kind: "refused"; readonly why: string };

export interface DeedsStatement {
	readonly kind: "deeds";
	readonly tag: string;
	/** What the statement asks for as a whole. Commands of deeds count by themselves. */
	readonly command?: Command;
	readonly deeds: readonly Deed[];
	/** It changes data, definitions or the server. */
	readonly writes: boolean;
	readonly changesCatalog: boolean;
	/** Names of the columns of its answer, where it has one. */
	readonly answers?: readonly string[];
}

// ---- SET ----------------------------------------------------------------------------------------------------------

export type VariableScope = "session" | "global" | "persist";

export type Assigned =
	| { readonly kind: "variable"; readonly name: string; readonly value: Expression }
	/** `name` as written, lower-cased, with the name of a component or key cache before it: `hot.key_buffer_size`. */
	| {
			readonly kind: "setting";
			readonly name: string;
			readonly scope: VariableScope;
			readonly value: SettingValue;
	  }
	/** Columns of stored programs: `SET NEW.a = 1`. */
	| { readonly kind: "local"; readonly value: Expression }
	/** Undefined: DEFAULT. */
	| { readonly kind: "names"; readonly charset: string | undefined; readonly collation?: string }
	| { readonly kind: "characterSet"; readonly charset: string | undefined }
	| { readonly kind: "transaction"; readonly scope: VariableScope; readonly readOnly?: boolean }
	| { readonly kind: "rights"; readonly what: string }
	| { readonly kind: "role" };

export type SettingValue =
	| { readonly kind: "default" }
	/** A bare word: ON, OFF, a name of a character set, a mode. */
	| { readonly kind: "word"; readonly text: string }
	| { readonly kind: "expression"; readonly expression: Expression };

export interface SetStatement {
	readonly kind: "set";
	readonly assigned: readonly Assigned[];
	/** SET STATEMENT … FOR (MariaDB): the settings hold while it runs. */
	readonly during?: MysqlStatement;
}

// ---- SHOW and EXPLAIN ---------------------------------------------------------------------------------------------

/** What a SHOW tells about. */
export type Shown =
	/** Names and properties that anyone may know. */
	| { readonly kind: "open" }
	/** A relation: its columns, indexes, definition. */
	| { readonly kind: "relation"; readonly path: RelationPath }
	/** A database: MariaDB's have comments. */
	| { readonly kind: "database"; readonly name: string }
	/** Source of something that is no relation. */
	| { readonly kind: "source"; readonly path: RelationPath }
	/** What is listed with more than its name: tables and triggers of a database, routines, settings. */
	| { readonly kind: "listing"; readonly of: "tables" | "triggers"; readonly database: string | undefined }
	| { readonly kind: "listing"; readonly of: "routines" | "variables" }
	/** What holds data or secrets of others: a system relation that says as much. */
	| { readonly kind: "sensitive"; readonly schema: string; readonly name: string }
	/** Rights, password hashes. */
	| { readonly kind: "rights" }
	/** Data itself, of which nobody can tell whose. */
	| { readonly kind: "opaque"; readonly why: string };

/** Where the pattern or condition of a SHOW stands in the text; where there is none, both are where it would. */
export interface ShowPlace {
	readonly start: number;
	readonly end: number;
	/** Where the condition behind WHERE begins. */
	readonly where?: number;
	readonly like?: string;
}

export interface ShowStatement {
	readonly kind: "show";
	readonly tag: string;
	readonly shown: Shown;
	readonly place?: ShowPlace;
	/** Over columns of the answer; what stands in its subqueries counts. */
	readonly where?: Expression;
}

export interface ExplainStatement {
	readonly kind: "explain";
	readonly statement: MysqlStatement;
	/** It runs the statement: EXPLAIN ANALYZE, ANALYZE (MariaDB). */
	readonly runs: boolean;
	/** The plan shows conditions, and with them values that were read while planning. */
	readonly tellsValues: boolean;
	readonly tag: "EXPLAIN" | "ANALYZE";
}

// ---- the session --------------------------------------------------------------------------------------------------

export interface TransactionStatement {
	readonly kind: "transaction";
	readonly tag: string;
	readonly op: TransactionOp;
	readonly name?: string;
	readonly readOnly?: boolean;
	/** AND CHAIN: another begins at once. */
	readonly chain?: boolean;
}

export interface LockStatement {
	readonly kind: "lock";
	readonly tables: readonly { readonly path: RelationPath; readonly alias?: string; readonly shared: boolean }[];
}

export interface KillStatement {
	readonly kind: "kill";
	readonly what: "query" | "connection";
	/** Undefined: named by something else than the number of a connection. */
	readonly connection: number | undefined;
}

export interface PrepareStatement {
	readonly kind: "prepare";
	readonly name: string;
	/** A text, or a variable that holds one. */
	readonly text: Expression;
}

/** GET DIAGNOSTICS: `items` are the names of what is read, lower-cased. */
export interface DiagnosticsStatement {
	readonly kind: "diagnostics";
	readonly items: readonly string[];
	readonly expressions: readonly Expression[];
}

export interface LoadStatement {
	readonly kind: "load";
	readonly format: "data" | "xml";
	readonly local: boolean;
	readonly target: RelationPath;
	readonly onDuplicate: "error" | "replace" | "ignore";
	/** The columns and variables that a line's fields go to; undefined: all columns in order. */
	readonly columns: readonly string[] | undefined;
	readonly assignments: readonly { readonly column: string; readonly value: Expression }[];
	/** IGNORE n LINES. */
	readonly ignoredLines: number;
}
