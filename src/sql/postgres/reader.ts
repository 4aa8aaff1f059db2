/** PostgreSQL's reader: the server's own parser, and the analysis of its tree. */
import type { ReadingContext } from "../analyser.js";
import type { Catalog } from "../catalog.js";
import { CatalogIndex } from "../catalog-index.js";
import { type Answer, type Reader, type ReaderBounds, tooLong } from "../reader.js";
import { analyseParsed } from "./analyse.js";
import { loadParser, parseBytes, parseText } from "./parser.js";

export const postgresReader: Reader = {
	load: loadParser,
	index: (catalog: Catalog) => new CatalogIndex(catalog, parseDefinition),
	analyse(text: Uint8Array, context: ReadingContext, index: CatalogIndex, bounds: ReaderBounds): Answer {
		if (text.length > bounds.statementBytes) return { facts: tooLong(text.length, bounds) };
		const parsed = parseBytes(text);
		if ("refusal" in parsed) return { facts: { statements: [], refusal: parsed.refusal } };
		return { facts: analyseParsed(parsed.tree, parsed.text, index, { ...context, searchPath: context.reading }) };
	},
};

/** Definitions of views come from the server and are read by the same parser. */
function parseDefinition(sql: string): unknown {
	const parsed = parseText(sql);
	return "tree" in parsed ? parsed.tree : undefined;
}
