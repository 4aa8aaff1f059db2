/** The server's own catalogs by engine: which databases or schemas are its own, and which of their relations are safe. */
import type { Catalog } from "../catalog.js";
import type { RelationName, RelationUse } from "../facts.js";
import { isMysqlSystemSchema, mysqlCatalogSort } from "./mysql-catalogs.js";
import { catalogRelationSort, isPostgresSystemSchema } from "./postgres-catalogs.js";

export interface SystemCatalogs {
	isSystemSchema(schema: string): boolean;
	/** What sort of relation it is to permits, as far as these columns are concerned. */
	sort(relation: RelationName, columns: readonly string[] | "all"): RelationUse["sort"];
}

export const SYSTEM_CATALOGS: Readonly<Record<Catalog["engine"], SystemCatalogs>> = {
	postgres: {
		isSystemSchema: isPostgresSystemSchema,
		sort: ({ schema, name }, columns) => catalogRelationSort(schema, name, columns),
	},
	mysql: {
		isSystemSchema: isMysqlSystemSchema,
		sort: ({ schema, name }) => mysqlCatalogSort(schema, name),
	},
};
