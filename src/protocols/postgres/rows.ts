/**
 * DataRow frames: rebuilding them with masked cells, and reading them for the recording's sample.
 *
 * A frame is the hot path of a masked result: cells that are not masked are copied in runs and never looked into.
 * Specification: PostgreSQL documentation, chapter "Message Formats" (DataRow).
 */
import type { RowBuffer } from "../row-buffer.js";
import { decodeText, encodeText, fitText, recordedValue, withoutPadding } from "./values.js";

export { RowBuffer } from "../row-buffer.js";

export interface MaskedColumn {
	/** 0-based position in the row. */
	readonly index: number;
	readonly mask: (value: string) => string | null;
	readonly type: number;
	readonly format: number;
	readonly typeModifier: number;
	/** Of COPY in CSV: quoted where it need not be (FORCE_QUOTE). */
	readonly quoted?: boolean;
}

const DATA_ROW = 0x44;
/** Type, length, count of cells. */
const rowHeaderBytes = 7;

/** Whether a whole frame is a DataRow of `count` cells whose length is its own. */
function isRow(source: Buffer, start: number, end: number, count: number): boolean {
	return (
		end - start >= rowHeaderBytes &&
		end <= source.length &&
		source[start] === DATA_ROW &&
		source.readUInt32BE(start + 1) === end - start - 1 &&
		source.readUInt16BE(start + 5) === count
	);
}

/** As readInt32BE, without its checks: a row's cells are read by the million, and each offset was just compared. */
function int32At(source: Buffer, at: number): number {
	const high = ((source[at] as number) << 24) | ((source[at + 1] as number) << 16);
	return high | ((source[at + 2] as number) << 8) | (source[at + 3] as number);
}

export class RowMasker {
	private readonly columns: readonly MaskedColumn[];
	private readonly count: number;

	/** `count`: columns of the RowDescription. */
	constructor(columns: readonly MaskedColumn[], count: number) {
		this.columns = [...columns].sort((left, right) => left.index - right.index);
		this.count = count;
	}

	/** `start`, `end`: the whole DataRow frame. False: malformed, and nothing was written. */
	rewrite(source: Buffer, start: number, end: number, target: RowBuffer): boolean {
		if (!isRow(source, start, end, this.count)) return false;
		const frame = target.length;
		const { columns, count } = this;
		let next = 0;
		// Everything before `copied` is in the target; untouched cells wait behind it to be copied in one run.
		let copied = start;
		let at = start + rowHeaderBytes;
		for (let cell = 0; cell < count; cell++) {
			const length = at + 4 <= end ? int32At(source, at) : -2;
			const cellEnd = at + 4 + Math.max(length, 0);
			if (length < -1 || cellEnd > end) return this.abandon(target, frame);
			const column = columns[next];
			if (column?.index === cell) {
				next++;
				if (length >= 0) {
					target.append(source, copied, at);
					appendMasked(column, source, at + 4, cellEnd, target);
					copied = cellEnd;
				}
			}
			at = cellEnd;
		}
		// A mask beyond the last column means that the row is not the one that was planned for.
		if (at !== end || next !== columns.length) return this.abandon(target, frame);
		target.append(source, copied, end);
		target.patchInt32(frame + 1, target.length - frame - 1);
		return true;
	}

	private abandon(target: RowBuffer, frame: number): false {
		target.truncate(frame);
		return false;
	}
}

const NULL_LENGTH = -1;

/** Appends a cell, its length first, with the masked value of source[start, end). What cannot be expressed is NULL. */
export function appendMasked(
	column: MaskedColumn,
	source: Buffer,
	start: number,
	end: number,
	target: RowBuffer,
): void {
	const { type, format, typeModifier } = column;
	if (format === 0) {
		const masked = column.mask(withoutPadding(type, source.toString("utf8", start, end)));
		const fitted = masked === null ? undefined : fitText(type, masked, typeModifier);
		const position = target.length;
		target.appendInt32(NULL_LENGTH);
		if (fitted !== undefined) target.patchInt32(position, target.appendText(fitted));
		return;
	}
	const value = decodeText(type, format, source.subarray(start, end));
	const masked = value === undefined ? null : column.mask(withoutPadding(type, value));
	const bytes = masked === null ? undefined : encodeText(type, format, masked, typeModifier);
	target.appendInt32(bytes?.length ?? NULL_LENGTH);
	if (bytes !== undefined) target.append(bytes, 0, bytes.length);
}

/** Cells of a whole DataRow frame as the recording keeps them; undefined when malformed. */
export function sampleRow(
	source: Buffer,
	start: number,
	end: number,
	columns: readonly { readonly type: number; readonly format: number }[],
): (string | null)[] | undefined {
	if (!isRow(source, start, end, columns.length)) return undefined;
	const cells: (string | null)[] = [];
	let at = start + rowHeaderBytes;
	for (const { type, format } of columns) {
		const length = at + 4 <= end ? int32At(source, at) : -2;
		const cellEnd = at + 4 + Math.max(length, 0);
		if (length < -1 || cellEnd > end) return undefined;
		cells.push(length === -1 ? null : recordedValue(type, format, source.subarray(at + 4, cellEnd)));
		at = cellEnd;
	}
	return at === end ? cells : undefined;
}
