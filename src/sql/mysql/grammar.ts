/**
 * The grammar's parts know one another through this: expressions hold queries, queries hold expressions. `parse.ts` puts
 * them together.
 */
import type { Expression, Query, SelectItem, SortItem, Source } from "../query.js";
import type { Into, MysqlStatement } from "./ast.js";
import type { Cursor } from "./cursor.js";

export interface Grammar {
	readonly cursor: Cursor;
	/** Where the rows of the statement go, once INTO was read. */
	into: Into | undefined;
	expression(): Expression;
	/** An expression without AND, OR, NOT, comparisons: what BETWEEN and LIKE take. */
	bitExpression(): Expression;
	/** `INTERVAL n unit` */
	interval(): Expression;
	/** A whole query expression: WITH, set operations, ORDER BY, LIMIT; no brackets around it taken. */
	query(): Query;
	/** `( query )`; the opening bracket is next. */
	subquery(): Query;
	sources(): Source[];
	sortItems(): SortItem[];
	selectItems(): SelectItem[];
	statement(): MysqlStatement;
}

/** Reads one family of statements; the word that it is found by is next. */
export type Family = (g: Grammar) => MysqlStatement;
