/**
 * The reader's thread: parses and resolves, one text at a time, against the catalogs it was given. A text that breaks
 * the parser ends the thread; the pool starts another.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { ReadingContext } from "./analyser.js";
import type { Catalog } from "./catalog.js";
import { CatalogIndex } from "./catalog-index.js";
import type { TextFacts } from "./facts.js";
import { analyseParsed } from "./postgres/analyse.js";
import { loadParser, parseBytes, parseText } from "./postgres/parser.js";

export interface WorkerSettings {
	readonly statementBytes: number;
}

export type ToWorker =
	| { readonly kind: "catalog"; readonly target: string; readonly catalog: Catalog }
	| { readonly kind: "analyse"; readonly id: number; readonly text: Uint8Array; readonly context: ReadingContext };

export type FromWorker =
	| { readonly kind: "ready" }
	/** A catalog was laid out; what was asked after it is being read now. */
	| { readonly kind: "loaded" }
	| { readonly kind: "facts"; readonly id: number; readonly facts: TextFacts }
	/** The text broke the reader; the thread ends after this. */
	| { readonly kind: "broken"; readonly id: number; readonly message: string };

const { statementBytes } = workerData as WorkerSettings;
const indexes = new Map<string, CatalogIndex>();
const port = parentPort;

function say(message: FromWorker): void {
	port?.postMessage(message);
}

function key(target: string, database: string): string {
	return `${target}\0${database}`;
}

function analyse(text: Uint8Array, context: ReadingContext): TextFacts {
	const parsed = parseBytes(text, statementBytes);
	if ("refusal" in parsed) return { statements: [], refusal: parsed.refusal };
	const index = indexes.get(key(context.target, context.database));
	if (index === undefined) {
		return { statements: [], refusal: { kind: "unresolved", message: "the catalog has not been read yet" } };
	}
	return analyseParsed(parsed.tree, parsed.text, index, { ...context, searchPath: context.reading });
}

/** A snapshot that cannot be laid out leaves its database without one: everything there is refused. */
function load(target: string, catalog: Catalog): void {
	const name = key(target, catalog.database);
	indexes.delete(name);
	try {
		indexes.set(name, new CatalogIndex(catalog, parseDefinition));
	} catch {
		indexes.delete(name);
	}
}

/** Definitions of views come from the server and are read by the same parser. */
function parseDefinition(sql: string): unknown {
	const parsed = parseText(sql);
	return "tree" in parsed ? parsed.tree : undefined;
}

await loadParser();
port?.on("message", (message: ToWorker) => {
	if (message.kind === "catalog") {
		load(message.target, message.catalog);
		say({ kind: "loaded" });
		return;
	}
	try {
		say({ kind: "facts", id: message.id, facts: analyse(message.text, message.context) });
	} catch (error) {
		say({ kind: "broken", id: message.id, message: error instanceof Error ? error.message : String(error) });
		port?.close();
	}
});
say({ kind: "ready" });
