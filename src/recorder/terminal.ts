/**
 * Recorded text on an auditor's terminal. What was recorded came from others and may hold anything: escape sequences
 * that clear the screen or answer for the person, bidirectional controls that turn a line around. All of it is shown as
 * what it is, and nothing of it reaches the terminal as a control.
 *
 * Widths follow Unicode Standard Annex #11 (East Asian Width) as far as columns of a table need it.
 */

/**
 * C0 and C1 controls, DEL, line and paragraph separators, bidirectional and invisible formatting characters, the byte
 * order mark, tag characters, and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{115f}\u{1160}\u{3164}\u{ffa0}]/gu;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOne(character: string): string {
	const named = NAMED[character];
	if (named !== undefined) return named;
	const code = character.codePointAt(0) ?? 0;
	return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** One line of printable text. */
export function printable(text: string): string {
	return text.replace(UNSAFE, escapeOne);
}

/** Printable text that keeps its line breaks, as an array of lines. Tabs become spaces. */
export function printableLines(text: string): string[] {
	return text.split(/\r?\n/).map((line) => printable(line.replaceAll("\t", "    ")));
}

/** Code points that take two columns: first and last of each range (Unicode 15.1, width W and F, emoji included). */
const WIDE: readonly (readonly [number, number])[] = [
	[0x1100, 0x115f],
	[0x231a, 0x231b],
	[0x2329, 0x232a],
	[0x23e9, 0x23ec],
	[0x25fd, 0x25fe],
	[0x2614, 0x2615],
	[0x2648, 0x2653],
	[0x26a1, 0x26a1],
	[0x2705, 0x2705],
	[0x274c, 0x274c],
	[0x2753, 0x2755],
	[0x2795, 0x2797],
	[0x2b1b, 0x2b1c],
	[0x2e80, 0x303e],
	[0x3041, 0x33ff],
	[0x3400, 0x4dbf],
	[0x4e00, 0x9fff],
	[0xa000, 0xa4cf],
	[0xa960, 0xa97f],
	[0xac00, 0xd7a3],
	[0xf900, 0xfaff],
	[0xfe30, 0xfe6f],
	[0xff01, 0xff60],
	[0xffe0, 0xffe6],
	[0x16fe0, 0x18d08],
	[0x1b000, 0x1b2ff],
	[0x1f300, 0x1f64f],
	[0x1f680, 0x1f6ff],
	[0x1f900, 0x1f9ff],
	[0x1fa70, 0x1faff],
	[0x20000, 0x3fffd],
];
const MARK = /^\p{M}$/u;
const ASCII = /^[ -~]*$/;

function columnsOf(character: string): number {
	const code = character.codePointAt(0) ?? 0;
	if (MARK.test(character)) return 0;
	return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** Columns that a printable text takes. */
export function displayWidth(text: string): number {
	if (ASCII.test(text)) return text.length;
	let columns = 0;
	for (const character of text) columns += columnsOf(character);
	return columns;
}

/** A printable text cut to a number of columns, saying how much is not shown. */
function clip(text: string, columns: number): string {
	if (displayWidth(text) <= columns) return text;
	let kept = "";
	let width = 0;
	for (const character of text) {
		width += columnsOf(character);
		if (width > columns) break;
		kept += character;
	}
	return `${kept}… (+${text.length - kept.length})`;
}

function pad(text: string, columns: number): string {
	return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** NULL is told from the text "NULL", which gets quotes. */
function cell(value: string | null | undefined, columns: number): string {
	if (value === null || value === undefined) return "NULL";
	return value === "NULL" ? '"NULL"' : clip(printable(value), columns);
}

/** A table with drawn borders, as lines. `cellColumns`: what one cell may take at most. */
export function table(
	head: readonly string[],
	rows: readonly (readonly (string | null)[])[],
	cellColumns: number,
): string[] {
	const titles = head.map((title) => clip(printable(title), cellColumns));
	const cells = rows.map((row) => head.map((_, column) => cell(row[column], cellColumns)));
	const widths = titles.map((title, column) =>
		cells.reduce((most, row) => Math.max(most, displayWidth(row[column] ?? "")), displayWidth(title)),
	);
	const rule = (left: string, middle: string, right: string) =>
		left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
	const line = (texts: readonly string[]) =>
		`│${texts.map((text, column) => ` ${pad(text, widths[column] ?? 0)} `).join("│")}│`;
	return [rule("┌", "┬", "┐"), line(titles), rule("├", "┼", "┤"), ...cells.map(line), rule("└", "┴", "┘")];
}
