/** Tables for people: columns as wide as their widest cell, control characters made visible. */

export interface Column {
	readonly title: string;
	readonly key: string;
	readonly align?: "left" | "right";
}

export function table(columns: readonly Column[], rows: readonly Readonly<Record<string, unknown>>[]): string {
	const cells = rows.map((row) => columns.map(({ key }) => visible(row[key])));
	const widths = columns.map(({ title }, index) =>
		Math.max(title.length, ...cells.map((line) => (line[index] ?? "").length)),
	);
	const line = (values: readonly string[]) =>
		values
			.map((value, index) => {
				const width = widths[index] ?? 0;
				return columns[index]?.align === "right" ? value.padStart(width) : value.padEnd(width);
			})
			.join("  ")
			.trimEnd();
	return [
		line(columns.map(({ title }) => title)),
		line(widths.map((width) => "-".repeat(width))),
		...cells.map(line),
	].join("\n");
}

/** What a database or a client named must not drive the terminal: controls and changes of direction are shown as escapes. */
function visible(value: unknown): string {
	if (value === null || value === undefined) return "";
	return String(value).replace(/\p{Cc}|\p{Bidi_Control}/gu, (character) => {
		return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
}
