/**
 * Patterns: `schema.table` and `schema.table.column`, `*` standing for one whole part.
 *
 * Names are compared as the engine stores them. A part without quotes is what PostgreSQL folds an unquoted name to, so
 * it must be lower-case already: were `app.Secrets` silently folded, or silently not, one of the two ways that authors
 * read it would leave a deny without effect. Other names are written in double quotes, as in SQL: `app."Secrets"`.
 */
import type { ColumnName, RelationName } from "../sql/facts.js";

/** A name, or undefined for `*`. */
export type Part = string | undefined;

export interface RelationPattern {
	readonly schema: Part;
	readonly name: Part;
}

export interface ColumnPattern extends RelationPattern {
	readonly column: Part;
}

export const RELATION_EXPECTED = "a pattern schema.table, * for any part (app.*, app.users, *.*)";
export const COLUMN_EXPECTED = "a pattern schema.table.column, * for any part (app.users.email, *.*.card_number)";
export const FUNCTION_EXPECTED = "a pattern schema.function, * for any part (app.order_total, pg_catalog.pg_sleep)";
export const NAME_EXPECTED = "a column's name, without schema and table (status)";

export function parseRelationPattern(text: string): RelationPattern | Error {
	const parts = partsOf(text, 2, RELATION_EXPECTED);
	return parts instanceof Error ? parts : { schema: parts[0], name: parts[1] };
}

export function parseFunctionPattern(text: string): RelationPattern | Error {
	const parts = partsOf(text, 2, FUNCTION_EXPECTED);
	return parts instanceof Error ? parts : { schema: parts[0], name: parts[1] };
}

export function parseColumnPattern(text: string): ColumnPattern | Error {
	const parts = partsOf(text, 3, COLUMN_EXPECTED);
	return parts instanceof Error ? parts : { schema: parts[0], name: parts[1], column: parts[2] };
}

/** A single column's name; `*` is not one. */
export function parseName(text: string): string | Error {
	const parts = partsOf(text, 1, NAME_EXPECTED);
	if (parts instanceof Error) return parts;
	return parts[0] ?? new Error("stands for all columns; leave `columns` out to mean all");
}

/** A part in quotes (doubled inside), a lone `*`, or a plain word; then a dot or the end. */
const PART = /"((?:[^"]|"")+)"|(\*)|([^."]+)/y;
const PLAIN_WORD = /^[\p{L}_][\p{L}\p{M}\p{N}_$]*$/u;

function partsOf(text: string, count: number, expected: string): readonly Part[] | Error {
	const parts: Part[] = [];
	let at = 0;
	for (;;) {
		PART.lastIndex = at;
		const match = PART.exec(text);
		if (match === null) return new Error(`is no pattern; expected ${expected}`);
		at = PART.lastIndex;
		if (match[1] !== undefined) parts.push(match[1].replaceAll('""', '"'));
		else if (match[2] !== undefined) parts.push(undefined);
		else {
			const problem = wordProblem(match[3] ?? "");
			if (problem !== undefined) return new Error(`${problem}; expected ${expected}`);
			parts.push(match[3]);
		}
		if (at === text.length) break;
		if (text[at] !== ".") {
			const inside = text[at] === "*" || match[2] !== undefined;
			return new Error(`${inside ? STAR_INSIDE : "is no pattern"}; expected ${expected}`);
		}
		at++;
	}
	if (parts.length === count) return parts;
	const given = `${parts.length} ${parts.length === 1 ? "part" : "parts"}`;
	return new Error(`has ${given}, not ${count}; expected ${expected}`);
}

const STAR_INSIDE = "has a * inside a part, and * stands for a whole part";

function wordProblem(word: string): string | undefined {
	if (word.includes("*")) return STAR_INSIDE;
	if (!PLAIN_WORD.test(word)) return "has a part that needs double quotes";
	if (word !== word.toLowerCase()) {
		return "has upper-case letters outside double quotes (write the name as it is stored)";
	}
	return undefined;
}

/**
 * Whether a pattern names a relation. Objects of no schema (roles, databases, extensions: schema "") are named by `*.*`
 * alone, because no narrower pattern can have meant them.
 */
export function namesRelation(pattern: RelationPattern, relation: RelationName): boolean {
	if (relation.schema === "" || relation.name === "") return namesAll(pattern);
	return (
		(pattern.schema === undefined || pattern.schema === relation.schema) &&
		(pattern.name === undefined || pattern.name === relation.name)
	);
}

export function namesColumn(pattern: ColumnPattern, column: ColumnName): boolean {
	return namesRelation(pattern, column) && (pattern.column === undefined || pattern.column === column.column);
}

/** `*.*` */
export function namesAll(pattern: RelationPattern): boolean {
	return pattern.schema === undefined && pattern.name === undefined;
}

/** No `*` in the relation part: the author had this very relation in mind. */
export function namesExactly(pattern: RelationPattern, relation: RelationName): boolean {
	return pattern.name !== undefined && namesRelation(pattern, relation);
}

/**
 * Schemas that hold the server's own catalogs. A `*` for the schema does not reach them: "any table" means the tables
 * of the database, and a mask on `*.*.name` must not mask every tool's catalog queries. No ordinary schema can have
 * these names: PostgreSQL reserves `pg_` and MySQL both.
 */
export function isSystemSchema(schema: string): boolean {
	return schema === "pg_catalog" || schema === "information_schema";
}

/** A name as messages show it: quoted where SQL would need it. */
export function formatRelation(relation: RelationName): string {
	return relation.schema === "" ? quoted(relation.name) : `${quoted(relation.schema)}.${quoted(relation.name)}`;
}

export function formatColumn(column: ColumnName): string {
	return `${formatRelation(column)}.${quoted(column.column)}`;
}

function quoted(name: string): string {
	return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
