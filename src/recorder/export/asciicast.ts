/**
 * A session as a terminal recording (asciicast v3, docs.asciinema.org/manual/asciicast/v3): the replay with its timing
 * for any asciinema player. Each statement is a marker, so that a player can jump to it.
 */

import { milliseconds } from "../clock.js";
import type { LoggedEntry } from "../entry.js";
import { replayText } from "../replay.js";

/** A terminal that most screens have room for. */
const TERM = { cols: 120, rows: 36, type: "xterm-256color" } as const;
/** Longer pauses are shown shortened by players; the real ones stay in the file. */
const IDLE_SECONDS = 3;

export async function* asciicastLines(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<string> {
	let isFirst = true;
	for await (const { delayMs, text, entry } of replayText(entries, { colour: true, columns: TERM.cols })) {
		if (isFirst) yield header(entry);
		isFirst = false;
		const seconds = Math.round(delayMs * 1000) / 1_000_000;
		const marker = markerOf(entry);
		if (marker !== undefined) yield JSON.stringify([seconds, "m", marker]);
		yield JSON.stringify([marker === undefined ? seconds : 0, "o", text.replaceAll("\n", "\r\n")]);
	}
}

function header(entry: LoggedEntry | undefined): string {
	const start = entry?.type === "session.start" ? entry : undefined;
	return JSON.stringify({
		version: 3,
		term: TERM,
		...(start === undefined ? {} : { timestamp: Math.floor(milliseconds(start.at) / 1000) }),
		idle_time_limit: IDLE_SECONDS,
		...(start === undefined ? {} : { title: `${start.session}: ${start.subject} on ${start.target}` }),
	});
}

function markerOf(entry: LoggedEntry | undefined): string | undefined {
	if (entry?.type !== "statement") return undefined;
	return entry.decision.effect === "deny" ? `#${entry.statement} denied` : `#${entry.statement}`;
}
