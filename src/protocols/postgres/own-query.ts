/**
 * A query string of the proxy's own (catalog snapshots): its rows as text, or the server's error.
 * Specification: PostgreSQL documentation, "Simple Query".
 */
import type { OwnQuery } from "../engine.js";
import { BACK, frameBytes, HEADER_BYTES } from "./codes.js";
import { readErrorFields } from "./errors.js";
import { query, type RowColumn, readRowDescription } from "./messages.js";
import { sampleRow } from "./rows.js";

type Rows = (string | null)[][];

export class PostgresOwnQuery implements OwnQuery {
	readonly bytes: Buffer;
	#pieces: Buffer[] = [];
	#size = 0;
	/** Bytes that have to be there before it is worth looking again. */
	#wanted = HEADER_BYTES;
	readonly #rows: Rows = [];
	#columns: readonly RowColumn[] = [];
	#error: string | undefined;

	constructor(sql: string) {
		this.bytes = query(sql);
	}

	receive(chunk: Buffer): { readonly rows: Rows } | { readonly error: string } | undefined {
		this.#pieces.push(Buffer.from(chunk));
		this.#size += chunk.length;
		if (this.#size < this.#wanted) return undefined;
		const data = Buffer.concat(this.#pieces);
		let position = 0;
		this.#wanted = HEADER_BYTES;
		while (data.length - position >= HEADER_BYTES) {
			const bytes = frameBytes(data, position);
			if (bytes < 0) return { error: "the server sent an invalid message length" };
			if (data.length - position < bytes) {
				this.#wanted = bytes;
				break;
			}
			const type = data[position];
			if (type === BACK.dataRow) {
				const row = sampleRow(data, position, position + bytes, this.#columns);
				if (row === undefined) return { error: "the server sent a malformed row" };
				this.#rows.push(row);
			} else if (type === BACK.rowDescription) {
				this.#columns = readRowDescription(data, position, position + bytes) ?? [];
			} else if (type === BACK.error) {
				const { severity, message } = readErrorFields(data.subarray(position, position + bytes));
				this.#error ??= message;
				// No ReadyForQuery follows.
				if (severity === "FATAL" || severity === "PANIC") return { error: message };
			} else if (type === BACK.readyForQuery) {
				return this.#error === undefined ? { rows: this.#rows } : { error: this.#error };
			}
			position += bytes;
		}
		const rest = data.subarray(position);
		this.#pieces = [rest];
		this.#size = rest.length;
		return undefined;
	}
}
