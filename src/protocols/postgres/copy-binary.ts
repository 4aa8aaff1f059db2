/**
 * COPY's binary format: a signature and flags, then rows as counted cells, then a trailer.
 * Specification: PostgreSQL documentation, chapter "COPY", "Binary Format".
 */

import type { RowBuffer } from "../row-buffer.js";
import type { CopyRows } from "./copy-format.js";
import { appendMasked, type MaskedColumn } from "./rows.js";

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** Signature, flags, length of the header's extension. */
const fixedHeaderBytes = signature.length + 8;
/** A count of −1 in place of a row's. */
const TRAILER = 0xffff;

export class BinaryRows implements CopyRows {
	private phase: "header" | "rows" | "over" = "header";
	/** Cells of the unfinished row that were passed, and the offset after them from the row's start. */
	private cells = 0;
	private passed = 0;

	constructor(
		private readonly columns: readonly MaskedColumn[],
		private readonly count: number,
	) {}

	rowEnd(bytes: Buffer, start: number, end: number): number {
		if (this.phase === "header") {
			if (end - start < fixedHeaderBytes) return -1;
			const headerEnd = start + fixedHeaderBytes + bytes.readUInt32BE(start + signature.length + 4);
			return headerEnd <= end ? headerEnd : -1;
		}
		// Nothing may follow the trailer; `rewrite` refuses it.
		if (this.phase === "over") return end;
		if (end - start < 2) return -1;
		const cells = bytes.readUInt16BE(start);
		if (cells === TRAILER) return start + 2;
		let at = start + Math.max(this.passed, 2);
		for (; this.cells < cells; this.cells++) {
			if (at + 4 > end) break;
			const cellEnd = at + 4 + Math.max(bytes.readInt32BE(at), 0);
			if (cellEnd > end) break;
			at = cellEnd;
		}
		const whole = this.cells === cells;
		this.passed = whole ? 0 : at - start;
		if (whole) this.cells = 0;
		return whole ? at : -1;
	}

	rewrite(bytes: Buffer, start: number, end: number, target: RowBuffer): "row" | "other" | undefined {
		if (this.phase === "over") return undefined;
		if (this.phase === "header") {
			// No flag is set that would change how rows are read (row OIDs, of old servers).
			const flags = bytes.readUInt32BE(start + signature.length);
			if (bytes.compare(signature, 0, signature.length, start, start + signature.length) !== 0 || flags !== 0) {
				return undefined;
			}
			this.phase = "rows";
			target.append(bytes, start, end);
			return "other";
		}
		const cells = bytes.readUInt16BE(start);
		if (cells === TRAILER) {
			this.phase = "over";
			target.append(bytes, start, end);
			return "other";
		}
		return cells === this.count && this.rewriteCells(bytes, start, end, target) ? "row" : undefined;
	}

	/** The row is whole: `rowEnd` has passed over its cells. */
	private rewriteCells(bytes: Buffer, start: number, end: number, target: RowBuffer): boolean {
		let next = 0;
		let copied = start;
		let at = start + 2;
		for (let cell = 0; cell < this.count; cell++) {
			const length = bytes.readInt32BE(at);
			if (length < -1) return false;
			const cellEnd = at + 4 + Math.max(length, 0);
			const column = this.columns[next];
			if (column?.index === cell) {
				next++;
				if (length >= 0) {
					target.append(bytes, copied, at);
					appendMasked(column, bytes, at + 4, cellEnd, target);
					copied = cellEnd;
				}
			}
			at = cellEnd;
		}
		target.append(bytes, copied, end);
		return at === end && next === this.columns.length;
	}

	mayEnd(): boolean {
		return this.phase === "over";
	}
}
