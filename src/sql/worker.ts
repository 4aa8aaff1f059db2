/**
 * The reader's thread: parses and resolves, one text at a time, against the catalogs it was given. A text that breaks
 * the parser ends the thread; the pool starts another.
 */
import { deserialize, serialize } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import type { ReadingContext } from "./analyser.js";
import type { Catalog } from "./catalog.js";
import type { CatalogIndex } from "./catalog-index.js";
import { mysqlReader } from "./mysql/reader.js";
import { postgresReader } from "./postgres/reader.js";
import type { Answer, Reader, ReaderBounds } from "./reader.js";
import { withinWork } from "./work.js";

export interface WorkerSettings extends ReaderBounds {
	/** How much work one text may be (work.ts). */
	readonly workUnits: number;
}

export interface SharedCatalog {
	readonly target: string;
	/** The catalog as `v8.serialize` writes it. */
	readonly bytes: SharedArrayBuffer;
}

export type ToWorker =
	| ({ readonly kind: "catalog" } & SharedCatalog)
	| { readonly kind: "forget"; readonly target: string; readonly database: string }
	| { readonly kind: "analyse"; readonly id: number; readonly text: Uint8Array; readonly context: ReadingContext };

export type FromWorker =
	| { readonly kind: "ready" }
	/** A catalog was laid out; what was asked after it is being read now. */
	| { readonly kind: "loaded" }
	| { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
	/** Its statements apart, some at a time as `v8.serialize` writes them: who serves everybody lays them out in turns. */
	| {
			readonly kind: "longAnswer";
			readonly id: number;
			readonly answer: Answer;
			readonly statements: readonly Uint8Array[];
	  }
	/** The text broke the reader; the thread ends after this. */
	| { readonly kind: "broken"; readonly id: number; readonly message: string };

/** Of one text: facts travel to the other thread, which serves everybody, and are judged there one by one. */
const MAX_STATEMENTS = 2000;
const TOO_MANY = { kind: "limit", message: `a text of more than ${MAX_STATEMENTS} statements is not read` } as const;

const bounds = workerData as WorkerSettings;
const readers: Readonly<Record<Catalog["engine"], Reader>> = { postgres: postgresReader, mysql: mysqlReader };
const indexes = new Map<string, CatalogIndex>();
const port = parentPort;

function say(message: FromWorker): void {
	port?.postMessage(message);
}

function key(target: string, database: string): string {
	return `${target}\0${database}`;
}

function analyse(text: Uint8Array, context: ReadingContext): Answer {
	const index = indexes.get(key(context.target, context.database));
	if (index === undefined) {
		const refusal = { kind: "unresolved", message: "the catalog has not been read yet" } as const;
		return { facts: { statements: [], refusal } };
	}
	const reader = readers[index.catalog.engine];
	const { result, exceeded } = withinWork(bounds.workUnits, () => reader.analyse(text, context, index, bounds));
	if (exceeded) return { ...result, exceeded };
	return result.facts.statements.length <= MAX_STATEMENTS ? result : { facts: { statements: [], refusal: TOO_MANY } };
}

/** A snapshot that cannot be laid out leaves its database without one: everything there is refused. */
function load({ target, bytes }: SharedCatalog): void {
	const catalog = deserialize(Buffer.from(bytes)) as Catalog;
	const name = key(target, catalog.database);
	indexes.delete(name);
	try {
		const index = readers[catalog.engine].index(catalog);
		indexes.set(name, index);
		warmUp({ target, database: catalog.database, reading: [], user: "" }, index);
	} catch {
		indexes.delete(name);
	}
}

const WARM_UP: Readonly<Record<Catalog["engine"], string>> = {
	postgres:
		"SELECT c.relname AS a, count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid WHERE c.oid = 1 GROUP BY 1 ORDER BY 2",
	mysql:
		"SELECT c.table_name AS a, count(*) FROM information_schema.tables c JOIN information_schema.columns n ON c.table_name = n.table_name WHERE c.table_rows = 1 GROUP BY 1 ORDER BY 2",
};
const warm = new Set<Catalog["engine"]>();

/** What a reader does first takes it fifty milliseconds: not while somebody waits. */
function warmUp(context: ReadingContext, index: CatalogIndex): void {
	const { engine } = index.catalog;
	if (warm.has(engine)) return;
	warm.add(engine);
	withinWork(bounds.workUnits, () => readers[engine].analyse(Buffer.from(WARM_UP[engine]), context, index, bounds));
}

/** Facts of so many statements are laid out in a few milliseconds. */
const PART_STATEMENTS = 50;

function sayAnswer(id: number, answer: Answer): void {
	const { statements } = answer.facts;
	if (statements.length <= PART_STATEMENTS) {
		say({ kind: "answer", id, answer });
		return;
	}
	const parts: Uint8Array[] = [];
	for (let from = 0; from < statements.length; from += PART_STATEMENTS) {
		parts.push(serialize(statements.slice(from, from + PART_STATEMENTS)));
	}
	say({ kind: "longAnswer", id, answer: { ...answer, facts: { ...answer.facts, statements: [] } }, statements: parts });
}

for (const reader of Object.values(readers)) await reader.load();
port?.on("message", (message: ToWorker) => {
	if (message.kind === "catalog") {
		load(message);
		say({ kind: "loaded" });
		return;
	}
	if (message.kind === "forget") {
		indexes.delete(key(message.target, message.database));
		return;
	}
	try {
		sayAnswer(message.id, analyse(message.text, message.context));
	} catch (error) {
		say({ kind: "broken", id: message.id, message: error instanceof Error ? error.message : String(error) });
		port?.close();
	}
});
say({ kind: "ready" });
