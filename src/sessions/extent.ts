/** The objects of a catalog snapshot that a license covers, by their identity: whose definitions it shows. */
import {
	coversAll,
	coversFunction,
	coversObject,
	coversRelation,
	coversSchema,
	hidesColumns,
} from "../licensing/extent.js";
import type { License } from "../licensing/license.js";
import type { CatalogView } from "../sql/catalog-view.js";
import type { Extent } from "../sql/guarded.js";

export function extentOf(license: License, { catalog, ancestry }: CatalogView): Extent {
	const relations = catalog.relations.filter((relation) => coversRelation(license, relation, ancestry));
	const plain = relations.filter((relation) => !hidesColumns(license, relation, ancestry)).map(({ id }) => id);
	if (coversAll(license)) {
		const isPlain = license.masks.length === 0;
		return { relations: "all", plain: isPlain ? "all" : plain, functions: "all", types: "all", schemas: "all" };
	}
	const functions = catalog.functions.filter((name) => coversFunction(license, name, ancestry));
	const types = new Set(catalog.types.filter((name) => coversObject(license, name, ancestry)).map(({ id }) => id));
	// The types of a relation's columns are part of its definition, and so is what they are made of.
	const made = new Map(catalog.types.map(({ id, of = [] }) => [id, of]));
	const waiting = relations.flatMap(({ columns }) => columns.map(({ type }) => type));
	for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
		const parts = made.get(type);
		if (parts === undefined || types.has(type)) continue;
		types.add(type);
		waiting.push(...parts);
	}
	return {
		relations: relations.map(({ id }) => id),
		plain,
		functions: functions.flatMap(({ id }) => id ?? []),
		types: [...types],
		schemas: catalog.schemas.filter((schema) => coversSchema(license, schema)),
	};
}
