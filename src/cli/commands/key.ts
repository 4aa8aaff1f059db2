/** `licet key`, `licet key rotate`, `licet key auditor`, `licet checkpoint`: what somebody who checks the recording keeps elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROTATE_PATH } from "../../api/requests.js";
import { makeAuditorKey } from "../../recorder/auditor-key.js";
import { parseChained } from "../../recorder/checkpoint.js";
import { readLastNote } from "../../recorder/checkpoint-file.js";
import { PUBLIC_KEY, prepareRotation } from "../../recorder/keys.js";
import { hashToBase64 } from "../../recorder/tree.js";
import { AdminClient, configuration, ServeAbsent } from "../admin-client.js";
import { CommandFailure } from "../failure.js";
import { keyFolder, logFolder } from "../paths.js";

export interface KeyCommandOptions {
	readonly config: string;
	readonly json?: boolean;
}

/** The verifier key that signs now. */
export function key(options: KeyCommandOptions): string {
	const file = join(keyFolder(configuration(options.config, false)), PUBLIC_KEY);
	if (!existsSync(file))
		throw new CommandFailure(`${file}: there is no key yet; \`licet serve\` makes it at its first start`, 1);
	const text = readFileSync(file, "utf8").trim();
	return options.json === true ? JSON.stringify({ key: text }) : text;
}

/** By the `serve` that runs, at once; otherwise its next start takes it up. */
export async function rotateKey(options: KeyCommandOptions): Promise<string> {
	const config = configuration(options.config, false);
	if (config.recording.key !== undefined) {
		throw new CommandFailure(
			"recording.key names a key of yours: change it there, and name the former one in recording.previousKey",
			2,
		);
	}
	const made = await rotatedBy(new AdminClient(config));
	if (made === undefined) prepareRotation(keyFolder(config));
	if (options.json === true) return JSON.stringify({ key: made ?? null });
	if (made === undefined) return "a new key is made; it takes over when `licet serve` starts";
	return `${made}\nsigns the recording from now on; the key before it has handed over to it`;
}

/** The verifier key that has taken over; undefined when no `serve` runs. */
async function rotatedBy(serve: AdminClient): Promise<string | undefined> {
	try {
		const { key } = (await serve.post(ROTATE_PATH, {})) as { readonly key: string };
		return key;
	} catch (error) {
		if (error instanceof ServeAbsent) return undefined;
		throw error;
	}
}

/** The newest checkpoint, as it is signed. */
export function checkpoint(options: KeyCommandOptions): string {
	const folder = logFolder(configuration(options.config, false));
	const note = existsSync(folder) ? readLastNote(folder).note : undefined;
	const parsed = note === undefined ? undefined : parseChained(note);
	if (note === undefined || parsed === undefined) throw new CommandFailure(`${folder}: there is no checkpoint`, 1);
	if (options.json !== true) return note;
	return `${JSON.stringify({ origin: parsed.origin, size: parsed.size, root: hashToBase64(parsed.root), at: parsed.at, note })}\n`;
}

/** The key pair for which literals are sealed. */
export function auditorKey(file: string, options: { readonly json?: boolean }): string {
	const { id, privateFile, publicFile } = makeAuditorKey(file);
	if (options.json === true) return JSON.stringify({ id, private: privateFile, public: publicFile });
	return [
		`Key ${id}`,
		`  ${privateFile}  opens sealed recordings. Give it to the auditor, and keep no copy where the proxy runs.`,
		`  ${publicFile}  seals them: recording: { auditorKey: ${publicFile} } in licet.yaml.`,
		"Whoever loses the private key loses what was sealed for it.",
	].join("\n");
}
