/** What of the tape stands on which lines of the screen. */
import type { LoggedEntry } from "../../recorder/entry.js";
import { type Line, Transcript } from "../../recorder/transcript.js";
import { Unanswered } from "../../recorder/unanswered.js";
import type { Tape } from "./tape.js";

/** The title above, the state below. */
const FRAME_ROWS = 2;

export function viewRows(rows: number): number {
	return Math.max(1, rows - FRAME_ROWS);
}

/** Lines by entry, for the width that they were made for. */
const made = new WeakMap<LoggedEntry, { readonly columns: number; readonly lines: readonly Line[] }>();

export function entryLines(tape: Tape, place: number, columns: number): readonly Line[] {
	const entry = tape.entry(place);
	const known = made.get(entry);
	if (known?.columns === columns) return known.lines;
	const transcript = new Transcript({ columns });
	const lines = [...missingBefore(tape, place, transcript), ...transcript.lines(entry, tape.sinceMs(place))];
	made.set(entry, { columns, lines });
	return lines;
}

/** Before a session's end: what has no result. Looked for only there, and only then. */
function missingBefore(tape: Tape, place: number, transcript: Transcript): readonly Line[] {
	if (tape.entry(place).type !== "session.end") return [];
	const unanswered = new Unanswered();
	for (let before = 0; before < place; before++) unanswered.take(tape.entry(before));
	return unanswered.message === undefined ? [] : transcript.note("red", unanswered.message);
}

/** Lines of a statement with all that belongs to it. */
export function groupHeight(tape: Tape, order: number, columns: number): number {
	let height = 0;
	const start = tape.statements[order] ?? tape.length;
	for (let place = start; place < tape.endOf(order); place++) height += entryLines(tape, place, columns).length;
	return height;
}

export interface View {
	readonly lines: readonly Line[];
	/** Scrolled up by so much, as far as there is something. */
	readonly scroll: number;
}

/** The last lines before a place, scrolled up; no more entries are looked at than that needs. */
export function view(tape: Tape, cursor: number, columns: number, rows: number, scroll: number): View {
	const gathered: (readonly Line[])[] = [];
	let height = 0;
	for (let place = cursor - 1; place >= 0 && height < rows + scroll; place--) {
		const lines = entryLines(tape, place, columns);
		gathered.push(lines);
		height += lines.length;
	}
	const all = gathered.reverse().flat();
	const most = Math.max(0, Math.min(scroll, all.length - rows));
	const end = all.length - most;
	return { lines: all.slice(Math.max(0, end - rows), end), scroll: most };
}
