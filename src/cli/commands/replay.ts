/** `licet replay SESSION`: a session as it was, from the recording itself; no `serve` needs to run. */
import { setTimeout as sleep } from "node:timers/promises";
import { replayJson, replayText } from "../../recorder/replay.js";
import { CommandFailure } from "../failure.js";
import { LONGEST_PAUSE_MS } from "../player/player.js";
import { play } from "../player/run.js";
import { followedSession, recordedSession, withoutEnd } from "../recorded-session.js";

export interface ReplayOptions {
	readonly config: string;
	readonly json?: boolean;
	readonly plain?: boolean;
	readonly follow?: boolean;
	/** Times as fast as it was; 0: without pauses. */
	readonly speed?: string;
	/** The auditor's private key, for a session whose literals are sealed. */
	readonly key?: string;
}

export async function replay(
	session: string,
	options: ReplayOptions,
	write: (text: string) => Promise<void>,
): Promise<void> {
	const { config, follow = false } = options;
	const speed = speedOf(options.speed);
	const entries = follow
		? followedSession(config, session, options.key)
		: recordedSession(config, session, options.key);
	if (options.json === true) {
		for await (const line of replayJson(entries)) await write(`${JSON.stringify(line)}\n`);
		return;
	}
	const { stdin, stdout } = process;
	const isPlain = options.plain === true || !stdin.isTTY || !stdout.isTTY || process.env.TERM === "dumb" || speed === 0;
	if (!isPlain) return play(entries, { input: stdin, output: stdout, speed: speed ?? 1, follows: follow });
	const steps = replayText(entries, {
		colour: stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "",
		withoutEnd: () => withoutEnd(config, session),
	});
	for await (const { delayMs, text } of steps) {
		if (speed !== undefined && speed > 0) await sleep(Math.min(delayMs, LONGEST_PAUSE_MS) / speed);
		await write(text);
	}
}

/** Undefined: as is usual, which is at once in plain text. */
function speedOf(text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const speed = Number(text);
	if (text.trim() === "" || !Number.isFinite(speed) || speed < 0) {
		throw new CommandFailure(`--speed ${text}: expected a number, 0 or more (0: without pauses)`, 2);
	}
	return speed;
}
