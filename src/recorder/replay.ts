/**
 * Replay: a session's entries as an auditor reads them: objects for machines, or text
 * with its timing for a terminal.
 */
import { milliseconds } from "./clock.js";
import type { LoggedEntry } from "./entry.js";
import { colouredText, type Line, plainText, Transcript, type TranscriptOptions } from "./transcript.js";
import { Unanswered } from "./unanswered.js";

/** One object of `licet replay --json`: "at" and "type" first, then the entry's own fields. */
export async function* replayJson(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<Record<string, unknown>> {
	for await (const entry of entries) {
		const { v: _, at, type, parts: __, ...fields } = entry;
		yield { at, type, ...fields };
	}
}

export interface ReplayStep {
	/** Milliseconds after the step before, as it was live. */
	readonly delayMs: number;
	/** Ends with a newline. Holds no control characters but newlines, and colours if asked for. */
	readonly text: string;
	/** What it shows; undefined: what the recording does not hold. */
	readonly entry: LoggedEntry | undefined;
}

export interface ReplayOptions extends TranscriptOptions {
	readonly colour?: boolean;
	/** What is said of a session that has no end in the recording. */
	readonly withoutEnd?: () => Promise<string>;
}

const NO_END = "the recording holds no end of this session";

export async function* replayText(
	entries: AsyncIterable<LoggedEntry>,
	options: ReplayOptions = {},
): AsyncGenerator<ReplayStep> {
	const transcript = new Transcript(options);
	const unanswered = new Unanswered();
	const said = options.colour === true ? colouredText : plainText;
	const text = (lines: readonly Line[]) => lines.map((line) => `${said(line)}\n`).join("");
	const missing = () => (unanswered.message === undefined ? [] : transcript.note("red", unanswered.message));
	let startMs: number | undefined;
	let lastMs = 0;
	let ended = false;
	for await (const entry of entries) {
		const atMs = milliseconds(entry.at);
		startMs ??= atMs;
		/* A clock that was set back meanwhile must not make the replay wait backwards. */
		const delayMs = lastMs === 0 ? 0 : Math.max(0, atMs - lastMs);
		lastMs = atMs;
		unanswered.take(entry);
		const lines = transcript.lines(entry, atMs - startMs);
		ended = entry.type === "session.end";
		if (lines.length > 0) yield { delayMs, text: text(ended ? [...missing(), ...lines] : lines), entry };
	}
	if (ended || startMs === undefined) return;
	const end = (await options.withoutEnd?.()) ?? NO_END;
	yield { delayMs: 0, text: text([...missing(), [], ...transcript.note("yellow", end)]), entry: undefined };
}
