/**
 * The player as a pure machine: keys, ticks of the clock and changes of the window's size in, a state out. What it looks
 * like is screen.ts, what the keys do is told by its help.
 */
import { contains } from "./find.js";
import { groupHeight, view, viewRows } from "./layout.js";
import { below, type Tape } from "./tape.js";

export type Mode =
	| { readonly kind: "play" }
	| { readonly kind: "help" }
	| { readonly kind: "prompt"; readonly asks: "search" | "seek"; readonly text: string };

export interface Player {
	readonly columns: number;
	readonly rows: number;
	/** Entries that are shown: those before this place. */
	readonly cursor: number;
	/** Time that has passed since the last of them, as it is replayed. */
	readonly heldMs: number;
	readonly playing: boolean;
	readonly speed: number;
	/** Lines that are scrolled up from the end of what is shown. */
	readonly scroll: number;
	readonly mode: Mode;
	/** What was searched for last. */
	readonly search: string;
	readonly message: string;
	/** At the end it waits for more (a session that still runs). */
	readonly follows: boolean;
	readonly quit: boolean;
}

export type Input =
	| { readonly kind: "key"; readonly key: string }
	| { readonly kind: "tick"; readonly ms: number }
	| { readonly kind: "resize"; readonly columns: number; readonly rows: number };

/** A pause of the person at the keyboard is shown shortened to this. */
export const LONGEST_PAUSE_MS = 3000;
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64] as const;
/** A term longer than this is not typed by a person. */
const PROMPT_CHARACTERS = 200;

export function newPlayer(options: Pick<Player, "columns" | "rows" | "follows"> & { readonly speed?: number }): Player {
	return {
		...options,
		cursor: 0,
		heldMs: 0,
		playing: true,
		speed: options.speed ?? 1,
		scroll: 0,
		mode: { kind: "play" },
		search: "",
		message: "",
		quit: false,
	};
}

/** How long the entry at a place is waited for. */
export function delayMs(tape: Tape, place: number): number {
	return place === 0 ? 0 : Math.min(tape.sinceMs(place) - tape.sinceMs(place - 1), LONGEST_PAUSE_MS);
}

export function step(player: Player, tape: Tape, input: Input): Player {
	switch (input.kind) {
		case "tick":
			return ticked(player, tape, input.ms);
		case "resize":
			return { ...player, columns: input.columns, rows: input.rows, scroll: 0 };
		case "key":
			return keyed({ ...player, message: "" }, tape, input.key);
		default:
			input satisfies never;
			return player;
	}
}

function ticked(player: Player, tape: Tape, ms: number): Player {
	if (!player.playing || player.mode.kind !== "play") return player;
	let { cursor } = player;
	let heldMs = player.heldMs + ms * player.speed;
	while (cursor < tape.length && heldMs >= delayMs(tape, cursor)) {
		heldMs -= delayMs(tape, cursor);
		cursor += 1;
	}
	const moved = cursor === player.cursor ? player : { ...player, cursor, scroll: 0 };
	if (cursor < tape.length) return { ...moved, heldMs };
	const isOver = tape.isEnded || (tape.isLoaded && !player.follows);
	return { ...moved, heldMs: 0, playing: !isOver };
}

function keyed(player: Player, tape: Tape, key: string): Player {
	if (key === "ctrl-c") return { ...player, quit: true };
	switch (player.mode.kind) {
		case "help":
			return { ...player, mode: { kind: "play" } };
		case "prompt":
			return prompted(player, tape, player.mode, key);
		case "play":
			return commanded(player, tape, key);
		default:
			player.mode satisfies never;
			return player;
	}
}

function prompted(player: Player, tape: Tape, mode: Extract<Mode, { kind: "prompt" }>, key: string): Player {
	const typed = (text: string): Player => ({ ...player, mode: { ...mode, text } });
	switch (key) {
		case "escape":
			return { ...player, mode: { kind: "play" } };
		case "backspace":
			return mode.text === "" ? { ...player, mode: { kind: "play" } } : typed([...mode.text].slice(0, -1).join(""));
		case "ctrl-u":
			return typed("");
		case "enter": {
			const done: Player = { ...player, mode: { kind: "play" } };
			if (mode.asks === "seek") return sought(done, tape, mode.text);
			const search = mode.text === "" ? player.search : mode.text;
			return found({ ...done, search }, tape, 1, true);
		}
		default:
			return [...key].length === 1 && mode.text.length < PROMPT_CHARACTERS ? typed(mode.text + key) : player;
	}
}

function commanded(player: Player, tape: Tape, key: string): Player {
	const ask = (asks: "search" | "seek", text = ""): Player => ({ ...player, mode: { kind: "prompt", asks, text } });
	switch (key) {
		case "q":
			return { ...player, quit: true };
		case " ":
			return toggled(player, tape);
		case "+":
		case "]":
			return faster(player, 1);
		case "-":
		case "[":
			return faster(player, -1);
		case "right":
		case "l":
		case "enter":
			return stepped(player, tape, 1);
		case "left":
		case "h":
			return stepped(player, tape, -1);
		case "home":
		case "g":
			return shown(player, tape, -1);
		case "end":
		case "G":
			return { ...player, cursor: tape.length, heldMs: 0, scroll: 0, playing: player.follows && !tape.isEnded };
		case "d":
			return nextDenied(player, tape, 1);
		case "D":
			return nextDenied(player, tape, -1);
		case "up":
		case "k":
			return scrolled(player, tape, 1);
		case "down":
		case "j":
			return scrolled(player, tape, -1);
		case "page-up":
		case "b":
			return scrolled(player, tape, viewRows(player.rows) - 1);
		case "page-down":
		case "f":
			return scrolled(player, tape, 1 - viewRows(player.rows));
		case "/":
			return ask("search");
		case "n":
			return found(player, tape, 1, false);
		case "N":
			return found(player, tape, -1, false);
		case ":":
		case "#":
			return ask("seek");
		case "?":
			return { ...player, mode: { kind: "help" } };
		default:
			return /^\d$/.test(key) ? ask("seek", key) : player;
	}
}

function toggled(player: Player, tape: Tape): Player {
	const isAtEnd = player.cursor >= tape.length && (tape.isEnded || !player.follows) && tape.isLoaded;
	/* Played again from the start, as any player does. */
	if (!player.playing && isAtEnd) return { ...player, cursor: 0, heldMs: 0, scroll: 0, playing: true };
	return { ...player, playing: !player.playing, scroll: 0 };
}

function faster(player: Player, by: 1 | -1): Player {
	const slower = SPEEDS.filter((speed) => speed < player.speed).at(-1) ?? SPEEDS[0];
	const quicker = SPEEDS.find((speed) => speed > player.speed) ?? SPEEDS[SPEEDS.length - 1] ?? 1;
	return { ...player, speed: by === 1 ? quicker : slower };
}

/** Lines upwards, no further than there are any. */
function scrolled(player: Player, tape: Tape, lines: number): Player {
	const wanted = Math.max(0, player.scroll + lines);
	const { scroll } = view(tape, player.cursor, player.columns, viewRows(player.rows), wanted);
	return { ...player, playing: false, scroll };
}

/** The order of the statement that is being shown; -1: none is yet. */
function current(player: Player, tape: Tape): number {
	return tape.statementsBefore(player.cursor) - 1;
}

function stepped(player: Player, tape: Tape, by: 1 | -1): Player {
	const order = current(player, tape);
	/* Forward, what is left of the statement comes before the next one. */
	if (by === 1 && player.cursor < tape.endOf(order)) return shown(player, tape, order);
	if (by === 1 && order === tape.statements.length - 1)
		return { ...shown(player, tape, order), message: "this is the last statement" };
	return shown(player, tape, order + by);
}

/** Stops behind a statement and all that belongs to it, with its beginning in view. -1: before the first. */
function shown(player: Player, tape: Tape, order: number): Player {
	const last = tape.statements.length - 1;
	const which = Math.max(-1, Math.min(order, last));
	const cursor = which === -1 ? (tape.statements[0] ?? tape.length) : tape.endOf(which);
	const height = which === -1 ? 0 : groupHeight(tape, which, player.columns);
	return { ...player, cursor, heldMs: 0, playing: false, scroll: Math.max(0, height - viewRows(player.rows)) };
}

function sought(player: Player, tape: Tape, text: string): Player {
	const number = /^\s*#?(\d{1,15})\s*$/.exec(text)?.[1];
	if (number === undefined) return { ...player, message: text === "" ? "" : "expected the number of a statement" };
	const order = tape.orderOf(Number(number));
	if (order === undefined) return { ...player, message: `there is no statement #${number}` };
	return shown(player, tape, order);
}

function nextDenied(player: Player, tape: Tape, by: 1 | -1): Player {
	const here = tape.statements[current(player, tape)] ?? -1;
	const index = by === 1 ? below(tape.denied, here + 1) : below(tape.denied, here) - 1;
	const place = tape.denied[index];
	if (place === undefined)
		return {
			...player,
			message: by === 1 ? "no statement after this one was denied" : "no statement before this one was denied",
		};
	return shown(player, tape, tape.statementsBefore(place));
}

/** The next statement that holds what was searched for, in its text, parameters, rows or errors; round the end. */
function found(player: Player, tape: Tape, by: 1 | -1, includeThis: boolean): Player {
	const { search } = player;
	if (search === "") return { ...player, message: "nothing was searched for yet: /" };
	const total = tape.statements.length;
	const here = current(player, tape);
	const from = includeThis ? Math.max(here, 0) : here + by;
	for (let tried = 0; tried < total; tried++) {
		const order = (((from + tried * by) % total) + total) % total;
		if (!contains(tape, order, search)) continue;
		const isRound = by === 1 ? order < from : order > from;
		return { ...shown(player, tape, order), message: isRound ? `"${search}": went on at the other end` : "" };
	}
	return { ...player, message: `"${search}" is nowhere in the session` };
}
