/** Names in the parser's tree: of relations, functions, operators and types. */
import type { Alias, ObjectPath, RelationPath, TypePath } from "../query.js";
import { unsupported } from "../unreadable.js";
import { at, type Body, bodyOf, fields, flag, known, list, nodeOf, position, required, strings, text } from "./tree.js";

const RANGE_VAR = fields("catalogname schemaname relname inh relpersistence alias location");
const TYPE_NAME = fields("names typeOid setof pct_type typmods typemod arrayBounds location");
const ALIAS = fields("aliasname colnames");

/** `name` or `schema.name`, as a list of String nodes. */
export function objectPath(parts: unknown, where: { readonly position?: number } = {}): ObjectPath {
	return pathOf(strings(parts), where);
}

export function pathOf(names: readonly string[], where: { readonly position?: number } = {}): ObjectPath {
	const [first, second] = names;
	if (first === undefined || names.length > 2) {
		throw unsupported(`name ${names.join(".")} has ${names.length} parts`, where.position);
	}
	return second === undefined ? { name: first, ...where } : { schema: first, name: second, ...where };
}

/** Names of relations that stand as lists of String nodes (DROP, COMMENT): up to `database.schema.name`. */
export function relationPathOf(names: readonly string[], where: { readonly position?: number } = {}): RelationPath {
	const [database, ...rest] = names;
	if (database === undefined || names.length < 3) return pathOf(names, where);
	return { ...pathOf(rest, where), database };
}

export function relationPath(body: Body): RelationPath {
	known("RangeVar", body, RANGE_VAR);
	const database = text(body.catalogname);
	const schema = text(body.schemaname);
	return {
		name: required(body.relname, "relation name"),
		...(schema === undefined ? {} : { schema }),
		...(database === undefined ? {} : { database }),
		...at(body),
	};
}

export function isTemporary(body: Body): boolean {
	return body.relpersistence === "t" || /^pg_temp/.test(text(body.schemaname) ?? "");
}

export function aliasOf(value: unknown): Alias | undefined {
	if (value === undefined) return undefined;
	const body = bodyOf(value, "alias");
	known("Alias", body, ALIAS);
	return { name: required(body.aliasname, "alias"), columns: strings(body.colnames) };
}

/** A type's name. Type modifiers are constants or bare words by grammar and hold no reference. */
export function typePath(value: unknown): TypePath {
	const body = bodyOf(value, "type name");
	known("TypeName", body, TYPE_NAME);
	if (flag(body.pct_type)) throw unsupported("%TYPE", position(body));
	return { ...objectPath(body.names, at(body)), array: list(body.arrayBounds).length > 0 };
}

/** The operator of an expression: `+`, or OPERATOR(schema.+). */
export function operatorPath(parts: unknown, body: Body): ObjectPath {
	return objectPath(parts, at(body));
}

/** A RangeVar that stands with its tag. */
export function rangeVar(value: unknown): Body {
	const node = nodeOf(value);
	if (node.tag !== "RangeVar") throw unsupported(`${node.tag} stands where a relation is expected`);
	return node.body;
}
