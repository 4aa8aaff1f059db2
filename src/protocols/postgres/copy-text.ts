/**
 * COPY's two line formats: text (backslash escapes) and CSV (quotes). Cells that are not masked are copied in runs.
 * Specification: PostgreSQL documentation, chapter "COPY", "Text Format" and "CSV Format".
 */

import type { RowBuffer } from "../row-buffer.js";
import type { CopyFormat, CopyRows } from "./copy-format.js";
import type { MaskedColumn } from "./rows.js";
import { fitText, withoutPadding } from "./values.js";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BACKSLASH = 0x5c;
const CAPITAL_N = 0x4e;

/** A format's option that is one byte. The caller read it from a statement that the server accepted. */
function oneByte(text: string): number {
	const bytes = Buffer.from(text, "utf8");
	if (bytes.length !== 1) throw new RangeError("a COPY option is not one byte");
	return bytes[0] as number;
}

/** What the two formats share: lines, a header line, cells parted by a delimiter, a NULL text. */
abstract class LineRows implements CopyRows {
	protected readonly delimiter: number;
	protected readonly nullText: Buffer;
	private headerAwaited: boolean;

	constructor(
		format: CopyFormat,
		private readonly columns: readonly MaskedColumn[],
		protected readonly count: number,
		defaults: { readonly delimiter: string; readonly null: string },
	) {
		this.delimiter = oneByte(format.delimiter ?? defaults.delimiter);
		this.nullText = Buffer.from(format.null ?? defaults.null, "utf8");
		this.headerAwaited = format.header ?? false;
	}

	abstract rowEnd(bytes: Buffer, start: number, end: number): number;

	/** Offset of the delimiter after the cell at `start`, or `end` where the cell is the last; −1: malformed. */
	protected abstract cellEnd(bytes: Buffer, start: number, end: number): number;

	/** True when the cell is NULL for certain; what may as well be a value is masked like one. */
	protected abstract isNull(cell: Buffer): boolean;

	/** The value of a cell that is not NULL; undefined: malformed. */
	protected abstract read(cell: Buffer): string | undefined;

	/** The masked value as a cell. Nothing of the cell that it replaces may show, such as whether that was quoted. */
	protected abstract write(value: string, column: MaskedColumn): Buffer;

	rewrite(bytes: Buffer, start: number, end: number, target: RowBuffer): "row" | "other" | undefined {
		if (this.headerAwaited) {
			this.headerAwaited = false;
			target.append(bytes, start, end);
			return "other";
		}
		return this.rewriteCells(bytes, start, end - 1, target) ? "row" : undefined;
	}

	/** `end`: the offset of the line's newline. */
	private rewriteCells(bytes: Buffer, start: number, end: number, target: RowBuffer): boolean {
		let next = 0;
		let copied = start;
		let at = start;
		for (let cell = 0; cell < this.count; cell++) {
			const cellEnd = this.cellEnd(bytes, at, end);
			// Only the last cell ends with the line.
			if (cellEnd === -1 || (cellEnd === end) !== (cell === this.count - 1)) return false;
			const column = this.columns[next];
			if (column?.index === cell) {
				next++;
				const masked = this.mask(column, bytes.subarray(at, cellEnd));
				if (masked === undefined) return false;
				target.append(bytes, copied, at);
				target.append(masked, 0, masked.length);
				copied = cellEnd;
			}
			at = cellEnd + 1;
		}
		target.append(bytes, copied, end + 1);
		return next === this.columns.length;
	}

	private mask(column: MaskedColumn, cell: Buffer): Buffer | undefined {
		if (this.isNull(cell)) return cell;
		const value = this.read(cell);
		if (value === undefined) return undefined;
		const masked = column.mask(withoutPadding(column.type, value));
		const fitted = masked === null ? undefined : fitText(column.type, masked, column.typeModifier);
		return fitted === undefined ? this.nullText : this.write(fitted, column);
	}

	mayEnd(): boolean {
		return !this.headerAwaited;
	}
}

const letterEscapes: ReadonlyMap<string, string> = new Map([
	["b", "\b"],
	["f", "\f"],
	["n", "\n"],
	["r", "\r"],
	["t", "\t"],
	["v", "\v"],
]);
const escapeLetters = new Map([...letterEscapes].map(([letter, character]) => [character, letter]));

/** The text format: a newline always ends a row, for in data it stands as "\n". */
export class TextRows extends LineRows {
	/** Bytes of the unfinished row that hold no newline. */
	private searched = 0;

	constructor(format: CopyFormat, columns: readonly MaskedColumn[], count: number) {
		super(format, columns, count, { delimiter: "\t", null: "\\N" });
	}

	rowEnd(bytes: Buffer, start: number, end: number): number {
		const from = start + this.searched;
		const newline = bytes.subarray(from, end).indexOf(NEWLINE);
		this.searched = newline === -1 ? end - start : 0;
		return newline === -1 ? -1 : from + newline + 1;
	}

	protected cellEnd(bytes: Buffer, start: number, end: number): number {
		for (let at = start; at < end; at++) {
			const byte = bytes[at];
			if (byte === BACKSLASH) {
				at++;
				// A backslash before the newline would make it data; the server never writes one.
				if (at === end) return -1;
			} else if (byte === this.delimiter) return at;
		}
		return end;
	}

	/**
	 * No value reads "\N": a backslash in it would be doubled, and N is the letter of no escape. But one may read like
	 * another NULL text of the statement's own choice ("\n": a newline), and passing such cells would tell who guesses a
	 * value where it stands.
	 */
	protected isNull(cell: Buffer): boolean {
		return cell.length === 2 && cell[0] === BACKSLASH && cell[1] === CAPITAL_N && cell.equals(this.nullText);
	}

	protected read(cell: Buffer): string | undefined {
		if (!cell.includes(BACKSLASH)) return cell.toString("utf8");
		const plain = cell
			.toString("latin1")
			.replace(/\\([\s\S])/g, (_, escaped: string) => letterEscapes.get(escaped) ?? escaped);
		return Buffer.from(plain, "latin1").toString("utf8");
	}

	protected write(value: string): Buffer {
		const bytes = Buffer.from(value, "utf8");
		const delimiter = String.fromCharCode(this.delimiter);
		const escaped = bytes
			.toString("latin1")
			.replace(/[\\\b\f\n\r\t\v]/g, (character) => `\\${escapeLetters.get(character) ?? character}`);
		// The delimiter is neither a backslash nor a letter, so it is not part of an escape made above.
		const parted = escapeLetters.has(delimiter) ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`);
		return Buffer.from(parted, "latin1");
	}
}

/** The CSV format: newlines within quotes are data. */
export class CsvRows extends LineRows {
	private readonly quote: number;
	private readonly escape: number;
	/** State after the `searched` bytes of the unfinished row. */
	private searched = 0;
	private quoted = false;
	private escaped = false;

	constructor(format: CopyFormat, columns: readonly MaskedColumn[], count: number) {
		super(format, columns, count, { delimiter: ",", null: "" });
		this.quote = oneByte(format.quote ?? '"');
		this.escape = oneByte(format.escape ?? format.quote ?? '"');
	}

	rowEnd(bytes: Buffer, start: number, end: number): number {
		for (let at = start + this.searched; at < end; at++) {
			const byte = bytes[at];
			if (this.escaped) this.escaped = false;
			// Where escape and quote are one, a doubled quote ends the quotes and begins them again.
			else if (this.quoted && byte === this.escape && this.escape !== this.quote) this.escaped = true;
			else if (byte === this.quote) this.quoted = !this.quoted;
			else if (byte === NEWLINE && !this.quoted) {
				this.searched = 0;
				return at + 1;
			}
		}
		this.searched = end - start;
		return -1;
	}

	protected cellEnd(bytes: Buffer, start: number, end: number): number {
		if (start < end && bytes[start] === this.quote) {
			const after = this.closingQuote(bytes, start + 1, end) + 1;
			return after > 0 && (after === end || bytes[after] === this.delimiter) ? after : -1;
		}
		for (let at = start; at < end; at++) {
			if (bytes[at] === this.delimiter) return at;
			// Quotes begin a cell or are not there: the server quotes whole cells.
			if (bytes[at] === this.quote) return -1;
		}
		return end;
	}

	/** Offset of the quote that ends a quoted cell, −1 when there is none. */
	private closingQuote(bytes: Buffer, start: number, end: number): number {
		for (let at = start; at < end; at++) {
			const byte = bytes[at];
			const following = at + 1 < end ? bytes[at + 1] : undefined;
			if (byte === this.escape && (following === this.quote || following === this.escape)) at++;
			else if (byte === this.quote) return at;
		}
		return -1;
	}

	/** A value that reads like the NULL text is quoted. */
	protected isNull(cell: Buffer): boolean {
		return cell.equals(this.nullText);
	}

	protected read(cell: Buffer): string | undefined {
		if (cell[0] !== this.quote) return cell.toString("utf8");
		const plain: number[] = [];
		for (let at = 1; at < cell.length - 1; at++) {
			const following = cell[at + 1];
			const escapes = cell[at] === this.escape && (following === this.quote || following === this.escape);
			if (escapes) at++;
			plain.push(cell[at] as number);
		}
		return Buffer.from(plain).toString("utf8");
	}

	protected write(value: string, column: MaskedColumn): Buffer {
		const bytes = Buffer.from(value, "utf8");
		const special = [this.delimiter, this.quote, NEWLINE, CARRIAGE_RETURN];
		const mustQuote =
			column.quoted === true ||
			bytes.equals(this.nullText) ||
			(this.count === 1 && value === "\\.") ||
			special.some((byte) => bytes.includes(byte));
		if (!mustQuote) return bytes;
		const written: number[] = [this.quote];
		for (const byte of bytes) {
			if (byte === this.quote || byte === this.escape) written.push(this.escape);
			written.push(byte);
		}
		written.push(this.quote);
		return Buffer.from(written);
	}
}
