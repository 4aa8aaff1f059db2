/** `licet replay SESSION`: a session as it was, from the recording itself; no `serve` needs to run. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoggedEntry } from "../../recorder/entry.js";
import { LogReader } from "../../recorder/reader.js";
import { replayJson, replayText } from "../../recorder/replay.js";
import { configuration } from "../admin-client.js";
import { CommandFailure } from "../failure.js";
import { logFolder } from "../paths.js";

/** A pause of the person at the keyboard is told, not waited for. */
const LONGEST_PAUSE_MS = 3000;

export interface ReplayOptions {
	readonly config: string;
	readonly json?: boolean;
	/** Times as fast as it was; 0: without pauses. */
	readonly speed?: string;
}

export async function replay(
	session: string,
	options: ReplayOptions,
	write: (text: string) => Promise<void>,
): Promise<void> {
	const speed = speedOf(options.speed);
	const folder = logFolder(configuration(options.config, false));
	if (!existsSync(folder)) throw new CommandFailure(`${folder}: there is no recording`, 1);
	const entries = found(new LogReader(folder).session(session), session);
	if (options.json === true) {
		for await (const line of replayJson(entries)) await write(`${JSON.stringify(line)}\n`);
		return;
	}
	for await (const { delayMs, text } of replayText(entries, { colour: process.stdout.isTTY === true })) {
		if (speed > 0) await sleep(Math.min(delayMs, LONGEST_PAUSE_MS) / speed);
		await write(text);
	}
}

function speedOf(text: string | undefined): number {
	// For people: as it was. For pipes: at once.
	if (text === undefined) return process.stdout.isTTY === true ? 1 : 0;
	const speed = Number(text);
	if (text.trim() === "" || !Number.isFinite(speed) || speed < 0) {
		throw new CommandFailure(`--speed ${text}: expected a number, 0 or more (0: without pauses)`, 2);
	}
	return speed;
}

async function* found(entries: AsyncIterable<LoggedEntry>, session: string): AsyncGenerator<LoggedEntry> {
	let any = false;
	for await (const entry of entries) {
		any = true;
		yield entry;
	}
	if (!any) throw new CommandFailure(`there is no session ${session} in the recording`, 1);
}
