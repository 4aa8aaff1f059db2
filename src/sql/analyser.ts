/**
 * The analyser's face to the rest of the house: text in, facts out.
 * Behind it: an exact-text cache, a template cache, and for what both miss a worker thread that parses and resolves.
 */
import type { Catalog } from "./catalog.js";
import type { TextFacts } from "./facts.js";

/** Everything beside the text that changes how a statement is read. Equal keys read alike. */
export interface ReadingContext {
	/** Identifies the catalog that `Analyser.useCatalog` was given. */
	readonly target: string;
	/** "" where a snapshot spans the server. */
	readonly database: string;
	/**
	 * What the session's settings make of names and text; each engine's reader says what stands where. PostgreSQL: the
	 * schemas of the search path in order, without implicit ones (pg_catalog, pg_temp). MySQL: sql/mysql/reading.ts.
	 */
	readonly reading: readonly string[];
	/** The user that "$user" and CURRENT_USER mean. */
	readonly user: string;
}

export interface Analyser {
	/** Takes a new snapshot into use for a target's database; texts analysed afterwards resolve against it. */
	useCatalog(target: string, catalog: Catalog): void;
	/** Does away with a snapshot that nobody asks for any more. */
	forgetCatalog(target: string, database: string): void;
	/** The snapshot in use, if any. */
	catalog(target: string, database: string): Catalog | undefined;
	/**
	 * Facts of a text. Synchronous when cached (the hot path), else a promise. Never throws and never rejects: what goes
	 * wrong is a `refusal` in the facts. `text` is the statement's bytes as they stand on the wire, without terminator;
	 * they may be reused by the caller after the call returns (the analyser copies what it keeps).
	 */
	analyse(text: Uint8Array, context: ReadingContext): TextFacts | Promise<TextFacts>;
	close(): Promise<void>;
}
