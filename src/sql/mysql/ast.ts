/** What the grammar yields: queries and writes in the common form, all else by what it does. */
import type { Query } from "../query.js";
import type { UtilityStatement } from "./utility-ast.js";

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
