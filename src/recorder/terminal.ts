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
/** Marks that stand on the character before them (the spacing ones, category Mc, take a column), and letters that join it. */
const MARK = /^[\p{Mn}\p{Me}\u{1161}-\u{11ff}\u{d7b0}-\u{d7ff}]$/u;
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

/** The beginning of a printable text that takes no more than a number of columns. */
export function startOf(text: string, columns: number): string {
	if (ASCII.test(text)) return text.slice(0, Math.max(columns, 0));
	let kept = "";
	let width = 0;
	for (const character of text) {
		width += columnsOf(character);
		if (width > columns) break;
		kept += character;
	}
	return kept;
}

/** A printable text in pieces that take no more than a number of columns each (one character may be wider than that). */
export function wrapped(text: string, columns: number): string[] {
	const pieces: string[] = [];
	let rest = text;
	while (rest !== "" && displayWidth(rest) > columns) {
		const piece = startOf(rest, columns) || String.fromCodePoint(rest.codePointAt(0) ?? 0);
		pieces.push(piece);
		rest = rest.slice(piece.length);
	}
	return rest === "" && pieces.length > 0 ? pieces : [...pieces, rest];
}

/** A printable text cut to a number of columns, saying how much is not shown. */
function clip(text: string, columns: number): string {
	if (displayWidth(text) <= columns) return text;
	const kept = startOf(text, columns);
	return `${kept}… (+${text.length - kept.length})`;
}

/** The same with what it says within the columns, as far as there is room. */
function clipWithin(text: string, columns: number): string {
	if (displayWidth(text) <= columns) return text;
	const count = `… (+${text.length})`.length;
	return columns >= 2 * count ? clip(text, columns - count) : `${startOf(text, columns - 1)}…`;
}

function pad(text: string, columns: number): string {
	return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** NULL is told from the text "NULL", which gets quotes. */
function cell(value: string | null | undefined): string {
	if (value === null || value === undefined) return "NULL";
	return value === "NULL" ? '"NULL"' : printable(value);
}

/** Borders and spaces that a table's column has besides its text; one border more closes the line. */
const FRAME_COLUMNS = 3;
/** A column narrower than this says too little: the table is then shown upright. */
const NARROW_COLUMNS = 6;

/**
 * A table with drawn borders, as lines. `cellColumns`: what one cell may take at most; `columns`: what a line may take. A
 * table that is too wide for it even with narrow cells is shown upright, a line for each value.
 */
export function table(
	head: readonly string[],
	rows: readonly (readonly (string | null)[])[],
	cellColumns: number,
	columns = Number.POSITIVE_INFINITY,
): string[] {
	const titles = head.map((title) => clip(printable(title), cellColumns));
	const cells = rows.map((row) => head.map((_, column) => clip(cell(row[column]), cellColumns)));
	const natural = titles.map((title, column) =>
		cells.reduce((most, row) => Math.max(most, displayWidth(row[column] ?? "")), displayWidth(title)),
	);
	const widths = fitted(natural, columns);
	if (widths === undefined) return upright(head, rows, columns);
	const rule = (left: string, middle: string, right: string) =>
		left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
	const line = (texts: readonly string[]) =>
		`│${texts.map((text, column) => ` ${pad(clipWithin(text, widths[column] ?? 0), widths[column] ?? 0)} `).join("│")}│`;
	return [rule("┌", "┬", "┐"), line(titles), rule("├", "┼", "┤"), ...cells.map(line), rule("└", "┴", "┘")];
}

/** Widths that fit: the widest columns give. Undefined when the narrowest ones do not fit either. */
function fitted(natural: readonly number[], columns: number): readonly number[] | undefined {
	const room = columns - FRAME_COLUMNS * natural.length - 1;
	const total = (cap: number) => natural.reduce((sum, width) => sum + Math.min(width, cap), 0);
	let cap = natural.reduce((most, width) => Math.max(most, width), 0);
	if (total(cap) <= room) return natural;
	if (total(NARROW_COLUMNS) > room) return undefined;
	while (total(cap) > room) cap -= 1;
	return natural.map((width) => Math.min(width, cap));
}

/** Each value on a line of its own, behind its column's name; long ones go on below. */
function upright(head: readonly string[], rows: readonly (readonly (string | null)[])[], columns: number): string[] {
	const names = head.map((title) => clipWithin(printable(title), Math.max(Math.floor(columns / 3), 1)));
	const nameWidth = names.reduce((most, name) => Math.max(most, displayWidth(name)), 0);
	const valueWidth = Math.max(columns - nameWidth - FRAME_COLUMNS, 1);
	const value = (name: string, text: string) =>
		wrapped(text, valueWidth).map((piece, index) =>
			startOf(`${pad(index === 0 ? name : "", nameWidth)} │ ${piece}`, columns),
		);
	return rows.flatMap((row, number) => [
		startOf(`─── row ${number + 1} ${"─".repeat(Math.max(columns, 0))}`, columns),
		...names.flatMap((name, column) => value(name, cell(row[column]))),
	]);
}
