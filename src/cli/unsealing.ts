/** `--key FILE`: what the commands that read the recording open with it. */
import type { LoggedEntry } from "../recorder/entry.js";
import { opened, openUnsealer } from "../recorder/unseal.js";
import { configuration } from "./admin-client.js";
import { sessionKeysFolder } from "./paths.js";

/** Entries as they stand without a key, opened with one. */
export function unsealing(
	entries: AsyncGenerator<LoggedEntry>,
	config: string,
	keyFile: string | undefined,
): AsyncGenerator<LoggedEntry> {
	if (keyFile === undefined) return entries;
	return opened(entries, openUnsealer(keyFile, sessionKeysFolder(configuration(config, false))));
}
