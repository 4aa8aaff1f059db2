/** MySQL's and MariaDB's reader: our own lexer and grammar, and the analysis of what they yield. */
import type { Catalog } from "../catalog.js";
import { CatalogIndex } from "../catalog-index.js";
import type { Reader } from "../reader.js";

export const mysqlReader: Reader = {
	load: () => Promise.resolve(),
	index: (catalog: Catalog) => new CatalogIndex(catalog, () => undefined),
	analyse: () => ({
		facts: { statements: [], refusal: { kind: "unsupported", message: "this build does not read MySQL yet" } },
	}),
};
