/**
 * Reading the parser's tree (libpg-query 18: PostgreSQL's own raw parse tree as JSON, protobuf naming).
 *
 * A node is an object with one key, its tag, over a body. Every reader lists the fields that it knows of a body: a field
 * outside the list is refused, so a newer parser can never carry an expression past this code unseen. Fields that are
 * zero, false or empty are absent from the JSON.
 *
 * Specification: PostgreSQL src/include/nodes/parsenodes.h and primnodes.h; libpg_query protobuf/pg_query.proto.
 */
import { unsupported } from "../unreadable.js";
import { type Fields, isFields } from "../wrapping.js";

export type Body = Fields;

export interface Node {
	readonly tag: string;
	readonly body: Body;
}

export const isBody: (value: unknown) => value is Body = isFields;

export function nodeOf(value: unknown): Node {
	if (!isBody(value)) throw unsupported("the parser's tree holds something that is not a node");
	const [tag, ...others] = Object.keys(value);
	if (tag === undefined || others.length > 0) throw unsupported("the parser's tree holds an untagged node");
	const body = value[tag];
	if (!isBody(body)) throw unsupported(`node ${tag} has no body`);
	return { tag, body };
}

/** Refuses fields that the caller does not know. */
export function known(tag: string, body: Body, fields: ReadonlySet<string>): void {
	for (const field in body) {
		if (!fields.has(field)) throw unsupported(`${tag}.${field} is not known`, position(body));
	}
}

/** Field names, as written in one string. */
export function fields(names: string): ReadonlySet<string> {
	return new Set(names.split(" "));
}

export function list(value: unknown): readonly unknown[] {
	if (value === undefined) return [];
	if (!Array.isArray(value)) throw unsupported("the parser's tree holds something that is not a list");
	return value;
}

export function text(value: unknown): string | undefined {
	if (value === undefined) return undefined;
	if (typeof value !== "string") throw unsupported("the parser's tree holds something that is not a text");
	return value;
}

export function required(value: unknown, what: string): string {
	const found = text(value);
	if (found === undefined) throw unsupported(`${what} is missing`);
	return found;
}

export function flag(value: unknown): boolean {
	return value === true;
}

export function count(value: unknown): number {
	return typeof value === "number" ? value : 0;
}

/** A body that stands without a tag (fields of a fixed node type). */
export function bodyOf(value: unknown, what: string): Body {
	if (!isBody(value)) throw unsupported(`${what} is missing`);
	return value;
}

/** Where a node stands, in bytes of the text. */
export function position(body: Body): number | undefined {
	return typeof body.location === "number" && body.location >= 0 ? body.location : undefined;
}

export function at(body: Body): { readonly position?: number } {
	const found = position(body);
	return found === undefined ? {} : { position: found };
}

/** The text of a String node. */
export function stringOf(value: unknown): string {
	const node = nodeOf(value);
	if (node.tag !== "String") throw unsupported(`${node.tag} stands where a name is expected`);
	return text(node.body.sval) ?? "";
}

export function strings(value: unknown): string[] {
	return list(value).map(stringOf);
}

/** The items of a List node. */
export function itemsOf(value: unknown): readonly unknown[] {
	const node = nodeOf(value);
	if (node.tag !== "List") throw unsupported(`${node.tag} stands where a list is expected`);
	return list(node.body.items);
}

/** The value of an option (DefElem) as the server takes it for a text; "" where it is a list or another structure. */
export function optionText(value: unknown): string {
	const { tag, body } = nodeOf(value);
	if (tag === "String") return text(body.sval) ?? "";
	if (tag === "Integer") return String(body.ival ?? 0);
	if (tag === "Float") return text(body.fval) ?? "";
	if (tag === "Boolean") return String(flag(body.boolval));
	return "";
}
