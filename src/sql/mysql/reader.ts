/** MySQL's and MariaDB's reader: our own lexer and grammar, and the analysis of what they yield. */
import type { ReadingContext } from "../analyser.js";
import type { Catalog } from "../catalog.js";
import { CatalogIndex } from "../catalog-index.js";
import type { Query } from "../query.js";
import { type Answer, type Reader, type ReaderBounds, tooLong } from "../reader.js";
import { type Unreadable, unsupported } from "../unreadable.js";
import { analyseText, asRefusal } from "./analyse.js";
import type { Server } from "./flavour.js";
import { parseText } from "./parse.js";
import { parseReading, readingOf } from "./reading.js";

export const mysqlReader: Reader = {
	load: () => Promise.resolve(),
	index(catalog: Catalog): CatalogIndex {
		const { flavour = "mysql", version, lowerCaseNames = 0 } = catalog;
		const server = { flavour, version, lowerCaseNames };
		return new CatalogIndex(catalog, (sql) => parseDefinition(sql, server));
	},
	analyse(text: Uint8Array, context: ReadingContext, index: CatalogIndex, bounds: ReaderBounds): Answer {
		if (text.length > bounds.statementBytes) return { facts: tooLong(text.length, bounds) };
		return analyseText(text, context, index);
	},
};

/** Definitions of views are written by the server, in one form whatever the session's settings were. */
const DEFINITION = parseReading(readingOf({ database: undefined, modes: "", multi: false, charset: "utf8mb4" }));

function parseDefinition(sql: string, server: Server): Query | Unreadable {
	try {
		const { statements } = parseText(Buffer.from(sql, "utf8").toString("latin1"), server, DEFINITION);
		const [only] = statements;
		if (statements.length !== 1 || only?.statement.kind !== "query" || only.statement.into !== undefined) {
			return unsupported("its definition is not one query");
		}
		return only.statement.query;
	} catch (error) {
		return asRefusal(error);
	}
}
