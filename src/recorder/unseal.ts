/**
 * Opening sealed sessions for a reader of the log: with the auditor's private key, entries are given as they would have
 * been without sealing; without it they are given as they stand.
 */
import { loadPrivateKey } from "./auditor-key.js";
import type { LoggedEntry } from "./entry.js";
import { unsealed } from "./seal.js";
import { SessionKeyReader } from "./session-keys.js";

export interface Unsealer {
	/** Throws JournalError where the key of the entry's session cannot be had, or does not fit. */
	open(entry: LoggedEntry): LoggedEntry;
}

/** `keyFile`: the auditor's private key; `folder`: where the keys of sessions are. Throws AuditorKeyError. */
export function openUnsealer(keyFile: string, folder: string): Unsealer {
	const auditor = loadPrivateKey(keyFile);
	const reader = new SessionKeyReader(folder);
	const keys = new Map<string, Buffer>();
	return {
		open(entry) {
			if (!("sealed" in entry) || entry.sealed === undefined) return entry;
			let key = keys.get(entry.session);
			if (key === undefined) {
				key = reader.open(entry.session, auditor);
				keys.set(entry.session, key);
			}
			return unsealed(entry, key);
		},
	};
}

/** Whether there is something in an entry that only a key shows. */
export function isSealed(entry: LoggedEntry): boolean {
	return "sealed" in entry && entry.sealed !== undefined;
}

export async function* opened(entries: AsyncIterable<LoggedEntry>, unsealer: Unsealer): AsyncGenerator<LoggedEntry> {
	for await (const entry of entries) yield unsealer.open(entry);
}
