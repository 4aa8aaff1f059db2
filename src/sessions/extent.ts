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
import type { CatalogRelation } from "../sql/catalog.js";
import type { CatalogView } from "../sql/catalog-view.js";
import type { Extent } from "../sql/guarded.js";

export function extentOf(license: License, view: CatalogView): Extent {
	const { catalog, ancestry } = view;
	const relations = catalog.relations.filter((relation) => coversRelation(license, relation, ancestry));
	const hides = (relation: CatalogRelation, columns: readonly string[]) =>
		hidesColumns(license, relation, columns, ancestry);
	const plain = relations.filter((relation) => {
		const { columns } = relation;
		return !hides(
			relation,
			columns.map(({ name }) => name),
		);
	});
	// The bounds of a partition are values of the keys of all that it is a part of; without such, of the table's own key.
	const byId = new Map(catalog.relations.map((relation) => [relation.id, relation]));
	const untold = relations.filter((relation) => {
		const above = relation.parents.map((id) => byId.get(id));
		const telling = above.length === 0 ? [relation] : above;
		return telling.every((each) => each !== undefined && !hides(each, each.toldColumns ?? []));
	});
	const keys = (objects: readonly CatalogRelation[]) => objects.flatMap((object) => view.identity(object) ?? []);
	if (coversAll(license)) {
		const isPlain = license.masks.length === 0;
		return {
			relations: "all",
			plain: isPlain ? "all" : keys(plain),
			untold: isPlain ? "all" : keys(untold),
			functions: "all",
			types: "all",
			schemas: "all",
			wholeSchemas: "all",
		};
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
	const isWhole = (schema: string) => coversObject(license, { schema, name: "" }, ancestry);
	return {
		relations: keys(relations),
		plain: keys(plain),
		untold: keys(untold),
		functions: functions.flatMap((name) => view.identity(name) ?? []),
		types: [...types],
		schemas: catalog.schemas.filter((schema) => coversSchema(license, schema)).map((name) => view.schemaIdentity(name)),
		wholeSchemas: catalog.schemas.filter(isWhole).map((name) => view.schemaIdentity(name)),
	};
}
