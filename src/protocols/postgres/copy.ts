/**
 * COPY … TO STDOUT with masked columns: the CopyData frames are read as rows and written again, one frame a row, with
 * masked cells replaced. Rows may be split over frames anywhere. What is not exactly the server's own output form ends the
 * session, for a row that is read otherwise than it was written could show what it should hide.
 * Specification: PostgreSQL documentation, chapter "COPY" (file formats); the server's CopyAttributeOutText and
 * CopyAttributeOutCSV.
 */

import type { RowBuffer } from "../row-buffer.js";
import { COPY_ROW_BYTES } from "./bounds.js";
import { BinaryRows } from "./copy-binary.js";
import type { CopyFormat, CopyRows } from "./copy-format.js";
import { CsvRows, TextRows } from "./copy-text.js";
import type { MaskedColumn } from "./rows.js";

export type { CopyFormat } from "./copy-format.js";

const COPY_DATA = 0x64;
const headerBytes = 5;

function rowsOf(format: CopyFormat, columns: readonly MaskedColumn[], count: number): CopyRows {
	const sorted = [...columns].sort((left, right) => left.index - right.index);
	switch (format.format) {
		case "text":
			return new TextRows(format, sorted, count);
		case "csv":
			return new CsvRows(format, sorted, count);
		case "binary":
			return new BinaryRows(sorted, count);
	}
}

export class CopyMasker {
	private readonly format: CopyRows;
	private readonly maxRowBytes: number;
	private rowCount = 0;
	/** The start of a row whose end has not come yet: [0, heldBytes) of a buffer that grows by doubling. */
	private held: Buffer = Buffer.alloc(0);
	private heldBytes = 0;
	private broken = false;

	/** `count`: columns copied. The columns' `format` is that of the COPY, whatever they say. */
	constructor(
		format: CopyFormat,
		columns: readonly MaskedColumn[],
		count: number,
		maxRowBytes: number = COPY_ROW_BYTES,
	) {
		const code = format.format === "binary" ? 1 : 0;
		this.format = rowsOf(
			format,
			columns.map((column) => ({ ...column, format: code })),
			count,
		);
		this.maxRowBytes = maxRowBytes;
	}

	/** Rows completed so far. */
	get rows(): number {
		return this.rowCount;
	}

	/** What has come so far ends inside a row. */
	get isWithinRow(): boolean {
		return this.heldBytes > 0;
	}

	/** `start`, `end`: a whole CopyData frame. False: malformed or too long a row; the caller ends the session. */
	rewrite(source: Buffer, start: number, end: number, target: RowBuffer): boolean {
		const whole = end - start >= headerBytes && end <= source.length && source[start] === COPY_DATA;
		if (this.broken || !whole || source.readUInt32BE(start + 1) !== end - start - 1) return this.fail();
		if (this.heldBytes === 0) return this.rewriteRows(source, start + headerBytes, end, target);
		this.hold(source, start + headerBytes, end);
		const { held, heldBytes } = this;
		this.heldBytes = 0;
		return this.rewriteRows(held, 0, heldBytes, target);
	}

	private rewriteRows(bytes: Buffer, start: number, end: number, target: RowBuffer): boolean {
		let row = start;
		while (row < end) {
			const rowEnd = this.format.rowEnd(bytes, row, end);
			if (rowEnd === -1) break;
			const frame = target.length;
			target.reserve(headerBytes);
			target.bytes[target.at] = COPY_DATA;
			target.at += headerBytes;
			const written = this.format.rewrite(bytes, row, rowEnd, target);
			if (written === undefined) {
				target.truncate(frame);
				return this.fail();
			}
			target.patchInt32(frame + 1, target.length - frame - 1);
			if (written === "row") this.rowCount++;
			row = rowEnd;
		}
		if (end - row > this.maxRowBytes) return this.fail();
		this.hold(bytes, row, end);
		return true;
	}

	/** Adds to the unfinished row. `bytes` may be the held buffer itself, whose rest then moves to its front. */
	private hold(bytes: Buffer, start: number, end: number): void {
		const least = this.heldBytes + end - start;
		if (least === 0) {
			// A long row is not remembered by the memory that it took.
			if (this.held.length > 0) this.held = Buffer.alloc(0);
			return;
		}
		if (this.held.length < least) {
			const larger = Buffer.allocUnsafeSlow(2 * least);
			this.held.copy(larger, 0, 0, this.heldBytes);
			this.held = larger;
		}
		bytes.copy(this.held, this.heldBytes, start, end);
		this.heldBytes = least;
	}

	private fail(): false {
		this.broken = true;
		this.held = Buffer.alloc(0);
		this.heldBytes = 0;
		return false;
	}

	/** At CopyDone: false when the data ended inside a row. */
	finish(): boolean {
		return !this.broken && this.heldBytes === 0 && this.format.mayEnd();
	}
}
