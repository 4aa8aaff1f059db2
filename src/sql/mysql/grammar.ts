/**
 * The grammar's parts know one another through this: expressions hold queries, queries hold expressions. `parse.ts` puts
 * them together.
 */
import type { Expression, Query, SelectItem, SortItem, Source } from "../query.js";
import type { Into, MysqlStatement } from "./ast.js";
import type { Cursor } from "./cursor.js";

/** What became of a bracketed query, so that it is not read again after a wrong guess about the bracket around it. */
export type Guessed = { readonly query: Query; readonly end: number } | { readonly error: unknown };

export interface Grammar {
	readonly cursor: Cursor;
	/** Above 0 while a guess is tried that may be taken back. */
	guesses: number;
	/** Bracketed queries that were read under a guess, by their first token. */
	readonly guessed: Map<number, Guessed>;
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
	/** Tries a reading; undefined: it is none, and nothing was taken. */
	guess<Result>(reading: () => Result): Result | undefined;
	sources(): Source[];
	sortItems(): SortItem[];
	selectItems(): SelectItem[];
	statement(): MysqlStatement;
}

/** Reads one family of statements; the word that it is found by is next. */
export type Family = (g: Grammar) => MysqlStatement;

/** Reads a function with a syntax of its own; its name, which stands at `position`, was taken and its bracket is next. */
export type Special = (g: Grammar, position: number) => Expression;
