/** `licet export SESSION`: a session in a format for other programs, from the recording itself. */
import { open, rename, rm } from "node:fs/promises";
import type { LoggedEntry } from "../../recorder/entry.js";
import { asciicastLines } from "../../recorder/export/asciicast.js";
import { csvLines } from "../../recorder/export/csv.js";
import { ocsfLines } from "../../recorder/export/ocsf.js";
import { sqlLines } from "../../recorder/export/sql.js";
import { CommandFailure } from "../failure.js";
import { recordedSession } from "../recorded-session.js";
import { version } from "../version.js";

export interface ExportOptions {
	readonly config: string;
	readonly format?: string;
	readonly output?: string;
}

type Write = (text: string) => Promise<void>;

interface Format {
	/** What a line ends with. */
	readonly newline: string;
	readonly lines: (entries: AsyncIterable<LoggedEntry>) => AsyncIterable<string>;
}

const FORMATS: ReadonlyMap<string, Format> = new Map([
	["jsonl", { newline: "\n", lines: jsonLines }],
	["sql", { newline: "\n", lines: sqlLines }],
	["asciicast", { newline: "\n", lines: asciicastLines }],
	["ocsf", { newline: "\n", lines: (entries) => ocsfLines(entries, { version: version() }) }],
	["csv", { newline: "\r\n", lines: csvLines }],
]);

/** Lines are handed on together: a write for each would cost more than making it. */
const WRITE_CHARACTERS = 64 << 10;

export async function exportSession(session: string, options: ExportOptions, write: Write): Promise<void> {
	const format = FORMATS.get(options.format ?? "");
	if (format === undefined) {
		throw new CommandFailure(`--format ${options.format ?? ""}: expected one of ${[...FORMATS.keys()].join(", ")}`, 2);
	}
	const lines = format.lines(recordedSession(options.config, session));
	const send = (to: Write) => writeLines(lines, format.newline, to);
	if (options.output === undefined) await send(write);
	else await intoFile(options.output, send);
}

/** Entries as they stand in the log, long ones in one piece. */
async function* jsonLines(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<string> {
	for await (const entry of entries) yield JSON.stringify(entry);
}

async function writeLines(lines: AsyncIterable<string>, newline: string, write: Write): Promise<void> {
	let gathered = "";
	for await (const line of lines) {
		gathered += line + newline;
		if (gathered.length < WRITE_CHARACTERS) continue;
		await write(gathered);
		gathered = "";
	}
	if (gathered !== "") await write(gathered);
}

/** Under another name until it is whole; for its owner alone, as the recording is. */
async function intoFile(file: string, send: (write: Write) => Promise<void>): Promise<void> {
	const unfinished = `${file}.unfinished`;
	const handle = await open(unfinished, "w", 0o600);
	try {
		await send(async (text) => {
			await handle.write(text);
		});
		await handle.sync();
		await handle.close();
		await rename(unfinished, file);
	} catch (error) {
		await handle.close();
		await rm(unfinished, { force: true });
		throw error;
	}
}
