/** Cells of the rows that the recording keeps, as far as they are kept. */

/** Cells longer than this are kept as their beginning, marked: a sample is to be looked at. */
const SAMPLE_CELL_CHARACTERS = 8192;

export function shortened(cell: string | null): string | null {
	if (cell === null || cell.length <= SAMPLE_CELL_CHARACTERS) return cell;
	return `${cell.slice(0, SAMPLE_CELL_CHARACTERS)}… (${cell.length} characters)`;
}
