/**
 * What the parts of the grammar share below expressions: calls and constants as they are put
 * together, units, collations, what a bracket holds.
 */
import type { CallExpression, Expression, ObjectPath, SortItem } from "../query.js";
import type { Cursor } from "./cursor.js";
import { KIND } from "./tokens.js";

export function construct(what: string, operands: readonly Expression[]): Expression {
	return { kind: "construct", what, operands, operators: [], types: [], collects: false };
}

/** The name of a collation or character set: a word, a name or a text. */
export function collation(cursor: Cursor): string {
	if (cursor.kind() === KIND.text) return cursor.string().toLowerCase();
	if (cursor.takeAny("BINARY", "DEFAULT") !== undefined) return cursor.word(-1).toLowerCase();
	return cursor.columnName();
}

export const UNITS: ReadonlySet<string> = new Set(
	`MICROSECOND SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR SECOND_MICROSECOND MINUTE_MICROSECOND MINUTE_SECOND
	HOUR_MICROSECOND HOUR_SECOND HOUR_MINUTE DAY_MICROSECOND DAY_SECOND DAY_MINUTE DAY_HOUR YEAR_MONTH SQL_TSI_SECOND
	SQL_TSI_MINUTE SQL_TSI_HOUR SQL_TSI_DAY SQL_TSI_WEEK SQL_TSI_MONTH SQL_TSI_QUARTER SQL_TSI_YEAR`.split(/\s+/),
);

/** The grammar goes no deeper, so there is no need to look further. */
const BRACKETS_MAX = 500;

/** Whether a bracket that is next holds a query. */
export function startsQuery(cursor: Cursor): boolean {
	let ahead = 0;
	while (ahead < BRACKETS_MAX && cursor.isSymbol("(", ahead)) ahead += 1;
	if (ahead === 0 || cursor.kind(ahead) !== KIND.word) return false;
	const word = cursor.word(ahead);
	if (word === "SELECT" || word === "WITH") return true;
	// In MySQL 8 VALUES ROW(…) and TABLE t are queries of their own; VALUES (…) is MariaDB's.
	if (word === "TABLE") return !cursor.isMariaDb;
	return word === "VALUES" && (cursor.isWord("ROW", ahead + 1) || cursor.isMariaDb);
}

export const NONE: readonly SortItem[] = [];

export function plainCall(name: ObjectPath, args: readonly Expression[]): CallExpression {
	return { kind: "call", name, arguments: args, star: false, distinct: false, orderBy: NONE };
}

export function named(name: string, args: readonly Expression[], position: number): Expression {
	return plainCall({ name, position }, args);
}

export function constant(sort: "null" | "boolean" | "number" | "text", value: string): Expression {
	return { kind: "constant", sort, value };
}
