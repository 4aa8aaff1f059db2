/**
 * What of a database a license covers, as far as definitions are concerned: whoever may read a relation may read how it
 * is defined, and whoever may use or read all of a schema may read the source of what is in it. Told from terms alone.
 */
import type { RelationName } from "../sql/facts.js";
import type { Ancestry } from "./ancestry.js";
import { columnMaskFor, mayReadColumn } from "./columns.js";
import { denyReaches } from "./coverage.js";
import type { License, PermitTerm } from "./license.js";
import { namesAll, namesRelation } from "./patterns.js";

/** Whether some of a relation's rows or columns may be read, and none of it is denied as a whole. */
export function coversRelation(license: License, relation: RelationName, ancestry: Ancestry): boolean {
	if (isDenied(license, relation, ancestry)) return false;
	return (
		license.permits === "all" || readers(license.permits).some(({ on }) => on.some((p) => namesRelation(p, relation)))
	);
}

/** Whether a mask reaches one of these columns of it, or no permit shows one. */
export function hidesColumns(
	license: License,
	{ schema, name }: RelationName,
	columns: readonly string[],
	ancestry: Ancestry,
): boolean {
	return columns.some((column) => {
		const named = { schema, name, column };
		return columnMaskFor(license, named, ancestry) !== undefined || !mayReadColumn(license, named, ancestry);
	});
}

/** Whether a function may be called, or what is in its schema be read. */
export function coversFunction(license: License, name: RelationName, ancestry: Ancestry): boolean {
	if (license.denies.some(({ functions }) => functions.some((pattern) => namesRelation(pattern, name)))) return false;
	if (coversObject(license, name, ancestry)) return true;
	return (
		license.permits !== "all" &&
		license.permits.some(({ functions }) => functions.some((pattern) => namesRelation(pattern, name)))
	);
}

/** Whether something else in a schema is covered: a type, say. Only patterns for all of a schema mean it. */
export function coversObject(license: License, name: RelationName, ancestry: Ancestry): boolean {
	if (isDenied(license, name, ancestry)) return false;
	if (license.permits === "all") return true;
	return readers(license.permits).some(({ on }) =>
		on.some((pattern) => pattern.name === undefined && namesRelation(pattern, name)),
	);
}

/** Whether anything in a schema may be read. */
export function coversSchema({ permits }: License, schema: string): boolean {
	return (
		permits === "all" ||
		readers(permits).some(({ on }) => on.some((p) => p.schema === undefined || p.schema === schema))
	);
}

/** Whether there is nothing that it does not cover, what is not there yet included. */
export function coversAll({ permits, denies }: License): boolean {
	if (denies.length > 0) return false;
	return permits === "all" || readers(permits).some(({ on }) => on.some(namesAll));
}

function readers(permits: readonly PermitTerm[]): readonly PermitTerm[] {
	return permits.filter(({ commands }) => commands.has("select") || commands.has("copyTo"));
}

function isDenied(license: License, relation: RelationName, ancestry: Ancestry): boolean {
	const use = { schema: relation.schema, name: relation.name, columns: "all" as const, sort: "data" as const };
	return license.denies.some((deny) => deny.columns === undefined && denyReaches(deny, use, "select", ancestry));
}
