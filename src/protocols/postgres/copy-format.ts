/**
 * What COPY's formats have in common: the options that shape them, and the interface by which rows are told apart and
 * rewritten.
 */
import type { RowBuffer } from "../row-buffer.js";

/** The options of the COPY statement that shape its output. */
export interface CopyFormat {
	readonly format: "text" | "csv" | "binary";
	/** One byte each; by default the server's for the format. */
	readonly delimiter?: string;
	readonly quote?: string;
	readonly escape?: string;
	readonly null?: string;
	/** HEADER: the first line holds names. */
	readonly header?: boolean;
}

/** How the rows of one format are told apart and rewritten. */
export interface CopyRows {
	/**
	 * Offset after the row that starts at `start`, as far as bytes[start, end) shows it; −1 when more is needed. It is
	 * called again for the same row with more bytes, and goes on where it stopped.
	 */
	rowEnd(bytes: Buffer, start: number, end: number): number;
	/** Appends a whole row, masked. "row" counts; "other" (headers, trailers) does not. Undefined: malformed. */
	rewrite(bytes: Buffer, start: number, end: number, target: RowBuffer): "row" | "other" | undefined;
	/** Whether the data may end here, between rows. */
	mayEnd(): boolean;
}
