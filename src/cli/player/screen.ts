/** What the player looks like: as many lines as the window has rows, none wider than it. */

import { displayWidth, printable, startOf } from "../../recorder/terminal.js";
import { clock, colouredText, type Line, type Span } from "../../recorder/transcript.js";
import { view, viewRows } from "./layout.js";
import { delayMs, LONGEST_PAUSE_MS, type Player } from "./player.js";
import type { Tape } from "./tape.js";

const HELP: readonly (readonly [string, string])[] = [
	["space", "play, pause; at the end: again from the start"],
	["+ -", "faster, slower"],
	["→ ←", "next statement, statement before"],
	["number, Enter", "to that statement"],
	["g G", "to the start, to the end"],
	["d D", "next denied statement, denied one before"],
	["/ n N", "search; next hit, hit before"],
	["↑ ↓ PgUp PgDn", "scroll"],
	["q", "quit"],
];

/** Lines with their colours, to be written as they are. */
export function screen(player: Player, tape: Tape): string[] {
	const { columns, rows } = player;
	const height = viewRows(rows);
	const content =
		player.mode.kind === "help"
			? help(columns)
			: view(tape, player.cursor, columns, height, player.scroll).lines.map((line) => marked(line, player.search));
	const body = Array.from({ length: height }, (_, row) => colouredText(cut(content[row] ?? [], columns)));
	const frame = rows < 3 ? [] : [bar(title(tape), columns)];
	return [...frame, ...body, bar(state(player, tape), columns)].slice(-rows);
}

function help(columns: number): Line[] {
	return [
		[],
		...HELP.map(
			([keys, what]): Line => [
				{ text: `  ${keys.padEnd(15)}`, style: "bold" },
				{ text: what, style: "plain" },
			],
		),
		[],
		[{ text: startOf("  Any key goes back. Pauses of more than 3 s are shortened.", columns), style: "dim" }],
	];
}

function bar(text: string, columns: number): string {
	const shown = startOf(text, columns);
	return `\u001b[7m${shown}${" ".repeat(Math.max(0, columns - displayWidth(shown)))}\u001b[0m`;
}

function title(tape: Tape): string {
	const first = tape.length === 0 ? undefined : tape.entry(0);
	if (first?.type !== "session.start") return " …";
	return ` ${printable(`${first.session}  ${first.subject} → ${first.target}/${first.database} (${first.engine})  license ${first.license}`)}`;
}

function state(player: Player, tape: Tape): string {
	if (player.mode.kind === "prompt") {
		const asked = player.mode.asks === "search" ? "/" : "statement #";
		return ` ${asked}${printable(player.mode.text)}▏`;
	}
	const isOver = player.cursor >= tape.length;
	const order = tape.statementsBefore(player.cursor);
	const now = clock(tape.sinceMs(Math.max(0, player.cursor - 1)));
	const total = `${clock(tape.sinceMs(Math.max(0, tape.length - 1)))}${tape.isLoaded || tape.isEnded ? "" : "+"}`;
	const parts = [
		`${player.playing ? "▶" : "⏸"} ${player.speed}×`,
		`${order}/${tape.statements.length}`,
		`${now} / ${total}`,
		...(player.message === ""
			? [progress(tape.length === 0 ? 0 : player.cursor / tape.length), hint(player, tape, isOver)]
			: [printable(player.message)]),
	];
	return ` ${parts.filter((part) => part !== "").join("  ")}`;
}

function hint(player: Player, tape: Tape, isOver: boolean): string {
	if (!isOver) {
		const pauseMs = tape.sinceMs(player.cursor) - tape.sinceMs(Math.max(0, player.cursor - 1));
		const isLong =
			player.playing &&
			player.cursor > 0 &&
			delayMs(tape, player.cursor) === LONGEST_PAUSE_MS &&
			pauseMs > LONGEST_PAUSE_MS;
		return isLong ? `${clock(pauseMs).slice(0, -4)} pause, shortened` : "? help  q quit";
	}
	if (tape.isFull) return "the session is longer than the player holds: see --plain";
	if (tape.isEnded) return "the end  ? help  q quit";
	if (!tape.isLoaded && !player.follows) return "loading";
	return player.follows ? "waiting for more  q quit" : "no end is recorded  q quit";
}

const PROGRESS_COLUMNS = 16;

function progress(share: number): string {
	const done = Math.round(Math.max(0, Math.min(1, share)) * PROGRESS_COLUMNS);
	return "━".repeat(done) + "─".repeat(PROGRESS_COLUMNS - done);
}

function cut(line: Line, columns: number): Line {
	const kept: Span[] = [];
	let left = columns;
	for (const { text, style } of line) {
		const shown = startOf(text, left);
		kept.push({ text: shown, style });
		left -= displayWidth(shown);
		if (shown.length < text.length) break;
	}
	return kept;
}

/** A line with what was searched for marked, as far as it stands in one piece. */
function marked(line: Line, search: string): Line {
	if (search === "") return line;
	const needle = search.toLowerCase();
	return line.flatMap(({ text, style }): Span[] => {
		const folded = text.toLowerCase();
		/* Where folding changes lengths, places in the one are not places in the other. */
		if (folded.length !== text.length) return [{ text, style }];
		const spans: Span[] = [];
		let position = 0;
		for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, position)) {
			spans.push({ text: text.slice(position, at), style }, { text: text.slice(at, at + needle.length), style: "hit" });
			position = at + needle.length;
		}
		spans.push({ text: text.slice(position), style });
		return spans;
	});
}
