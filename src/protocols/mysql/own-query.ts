/**
 * A query of the proxy's own (catalog snapshots, what a session begins with): its rows as text, or the server's error.
 *
 * Whether DEPRECATE_EOF was agreed on shows by itself: an EOF has five bytes, an OK in its place has seven or more, and
 * a row that begins with the same byte is longer than sixteen million.
 * Specification: MySQL Internals, "COM_QUERY Response", "Text Resultset".
 */
import type { OwnQuery } from "../engine.js";
import { OWN_ROW_BYTES } from "./bounds.js";
import { ANSWER, COM, hasFlag, STATUS } from "./codes.js";
import { readError } from "./errors.js";
import { isEof, isFinalOk, readEof, readOk } from "./ok.js";
import { framed, PayloadGatherer } from "./packets.js";
import { Reader } from "./reader.js";

type Rows = (string | null)[][];
type Answer = { readonly rows: Rows } | { readonly error: string };

const MALFORMED: Answer = { error: "the server sent a malformed answer" };

export class MysqlOwnQuery implements OwnQuery {
	readonly bytes: Buffer;
	readonly #gatherer = new PayloadGatherer(OWN_ROW_BYTES, 1);
	#state: "answer" | "columns" | "afterColumns" | "rows" = "answer";
	#columns = 0;
	#columnsLeft = 0;
	#rows: Rows = [];

	constructor(sql: string) {
		this.bytes = framed(Buffer.concat([Buffer.from([COM.query]), Buffer.from(sql, "utf8")]), 0);
	}

	receive(chunk: Buffer): Answer | undefined {
		this.#gatherer.feed(chunk);
		for (;;) {
			const gathered = this.#gatherer.next();
			if (gathered.kind === "incomplete") return undefined;
			if (gathered.kind !== "payload") return MALFORMED;
			const answer = this.#read(gathered.payload);
			if (answer === undefined) continue;
			return this.#gatherer.isIdle ? answer : { error: "the server said more than it was asked for" };
		}
	}

	#read(payload: Buffer): Answer | undefined {
		if (payload[0] === ANSWER.error && this.#state !== "columns") return { error: errorText(payload) };
		switch (this.#state) {
			case "answer":
				return this.#begin(payload);
			case "columns":
				this.#columnsLeft -= 1;
				if (this.#columnsLeft === 0) this.#state = "afterColumns";
				return undefined;
			case "afterColumns":
				this.#state = "rows";
				return isEof(payload) ? undefined : this.#row(payload);
			case "rows":
				return this.#row(payload);
		}
	}

	#begin(payload: Buffer): Answer | undefined {
		if (payload[0] === ANSWER.ok) return this.#over(readOk(payload, { sessionTrack: false })?.status);
		// Of a file nobody asked for: a server that does is not one to be talked to.
		if (payload[0] === ANSWER.localInfile) return { error: "the server asked for a file of ours" };
		const reader = new Reader(payload);
		this.#columns = reader.lenenc();
		if (reader.failed || reader.left > 0 || this.#columns === 0) return MALFORMED;
		this.#columnsLeft = this.#columns;
		this.#state = "columns";
		return undefined;
	}

	#row(payload: Buffer): Answer | undefined {
		if (isEof(payload)) return this.#over(readEof(payload)?.status);
		if (isFinalOk(payload)) return this.#over(readOk(payload, { sessionTrack: false })?.status);
		const row: (string | null)[] = [];
		const reader = new Reader(payload);
		// So long as there is something: the number of columns was the server's word alone.
		while (row.length < this.#columns && reader.left > 0) row.push(reader.lenencOrNull()?.toString("utf8") ?? null);
		if (reader.failed || reader.left > 0 || row.length !== this.#columns) return MALFORMED;
		this.#rows.push(row);
		return undefined;
	}

	/** The end of one result; a procedure's may be followed by more, of which the last counts. */
	#over(status: number | undefined): Answer | undefined {
		if (status === undefined) return MALFORMED;
		if (!hasFlag(status, STATUS.moreResults)) return { rows: this.#rows };
		this.#rows = [];
		this.#state = "answer";
		return undefined;
	}
}

function errorText(payload: Buffer): string {
	const { errno, state, message } = readError(payload);
	return `${message} (${errno}, ${state})`;
}
