/** A session out of the recording itself; no `serve` needs to run. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/document.js";
import type { LoggedEntry } from "../recorder/entry.js";
import type { Position } from "../recorder/journal.js";
import { readNodeName } from "../recorder/log-folder.js";
import { LogReader } from "../recorder/reader.js";
import { sessionPlace } from "../store/session-place.js";
import { AdminClient, configuration } from "./admin-client.js";
import { CommandFailure } from "./failure.js";
import { logFolder, storeLocation } from "./paths.js";
import { unsealing } from "./unsealing.js";

/**
 * Its entries; what is sealed is opened with the auditor's key in the file `key`. Rejects with CommandFailure when there is
 * no such session.
 */
export function recordedSession(config: string, session: string, key?: string): AsyncGenerator<LoggedEntry> {
	return unsealing(found(config, session), config, key);
}

/** Throws CommandFailure when there is no recording. */
export function openLog(config: string): LogReader {
	const folder = logFolder(configuration(config, false));
	if (!existsSync(folder)) throw new CommandFailure(`${folder}: there is no recording`, 1);
	return new LogReader(folder);
}

async function* found(config: string, session: string): AsyncGenerator<LoggedEntry> {
	const log = openLog(config);
	yield* log.session(session, await startOf(log, config, session));
}

/** Where the index of this node's sessions says that one starts, so that a long log need not be looked through. */
export async function indexedStart(config: Config, session: string): Promise<Position | undefined> {
	const place = await sessionPlace(storeLocation(config), session);
	return place?.node === readNodeName(logFolder(config)) ? place : undefined;
}

/** How soon what was recorded is seen. */
const FOLLOW_MS = 500;

/** The same, going on with what is being recorded until the session ends. */
export function followedSession(config: string, session: string, key?: string): AsyncGenerator<LoggedEntry> {
	return unsealing(following(config, session), config, key);
}

async function* following(config: string, session: string): AsyncGenerator<LoggedEntry> {
	const log = openLog(config);
	let from = await startOf(log, config, session);
	let last = -1;
	for (;;) {
		for await (const { entry, position } of log.entries(from)) {
			if (entry.seq <= last) continue;
			last = entry.seq;
			from = position;
			if (entry.type !== "gap" && !("session" in entry && entry.session === session)) continue;
			yield entry;
			if (entry.type === "session.end") return;
		}
		await sleep(FOLLOW_MS);
	}
}

async function startOf(log: LogReader, config: string, session: string): Promise<Position> {
	const start = await log.startOf(session, await indexedStart(configuration(config, false), session));
	if (start === undefined) throw new CommandFailure(`there is no session ${session} in the recording`, 1);
	return start;
}

/** What can be said of a session that has no end in the recording. */
export async function withoutEnd(config: string, session: string): Promise<string> {
	try {
		const query = "/v1/sessions?live=true&limit=10000";
		const live = (await new AdminClient(configuration(config, false)).get(query)) as { readonly session: string }[];
		return live.some((one) => one.session === session)
			? "the session is still running; --follow goes on with it"
			: "the recording holds no end of this session";
	} catch (error) {
		if (!(error instanceof CommandFailure)) throw error;
		return "the recording holds no end of this session, and no `licet serve` runs that could tell whether it goes on";
	}
}
