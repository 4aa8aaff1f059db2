/**
 * What an engine brings for the reading of its SQL: the analyser's thread holds one reader an engine and asks the one of
 * the catalog that a text is read over. Nothing else in this folder knows that there are several engines.
 */
import type { ReadingContext } from "./analyser.js";
import type { Catalog } from "./catalog.js";
import type { CatalogIndex } from "./catalog-index.js";
import type { TextFacts } from "./facts.js";

export interface ReaderBounds {
	/** Longer texts are refused. */
	readonly statementBytes: number;
}

/** Facts of a text that is not read for its length. */
export function tooLong(bytes: number, { statementBytes }: ReaderBounds): TextFacts {
	const message = `the statement has ${bytes} bytes; at most ${statementBytes} are read (bounds.statementBytes)`;
	return { statements: [], refusal: { kind: "limit", message } };
}

export interface Answer {
	readonly facts: TextFacts;
	/** A second reader saw other tables in the text than the facts hold: it is refused, and counted. */
	readonly disagrees?: boolean;
	/** It was given up because it is more work, or took more time, than this reader may spend on it. */
	readonly exceeded?: boolean;
}

export interface Reader {
	/** Makes it ready, once a thread. */
	load(): Promise<void>;
	/** Lays a snapshot out. `Catalog.engine` is the reader's own. */
	index(catalog: Catalog): CatalogIndex;
	/**
	 * Never throws for what a text holds: that becomes a refusal. What it throws says that the reader itself can no longer
	 * be trusted.
	 */
	analyse(text: Uint8Array, context: ReadingContext, index: CatalogIndex, bounds: ReaderBounds): Answer;
}

/**
 * The key that a text shares with all texts which differ from it by literals alone, and whose facts are therefore the
 * same; undefined: it has none. `reading` is that of `ReadingContext`. Runs outside the reader's thread, for every text
 * that is not known.
 */
export type TemplateOf = (text: Uint8Array, reading: readonly string[]) => string | undefined;
