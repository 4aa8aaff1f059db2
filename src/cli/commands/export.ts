/** `licet export SESSION`: a session in a format for other programs, from the recording itself. */
import { existsSync, readdirSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readDocument } from "../../config/file.js";
import { type License, parseLicense } from "../../licensing/license.js";
import { bundle } from "../../recorder/bundle.js";
import type { LoggedEntry } from "../../recorder/entry.js";
import { asciicastLines } from "../../recorder/export/asciicast.js";
import { csvLines } from "../../recorder/export/csv.js";
import { ocsfLines } from "../../recorder/export/ocsf.js";
import { sqlLines } from "../../recorder/export/sql.js";
import { isSealed } from "../../recorder/unseal.js";
import { configuration } from "../admin-client.js";
import { CommandFailure } from "../failure.js";
import { logFolder } from "../paths.js";
import { indexedStart, recordedSession } from "../recorded-session.js";
import { version } from "../version.js";
import { readCheckpoint } from "./verify.js";

export interface ExportOptions {
	readonly config: string;
	readonly format?: string;
	readonly json?: boolean;
	readonly output?: string;
	/** The auditor's private key, for a session whose literals are sealed. */
	readonly key?: string;
	/** A file with a checkpoint that was kept elsewhere, which a bundle proves to be extended. */
	readonly checkpoint?: string;
}

const BUNDLE = "bundle";

type Write = (text: string) => Promise<void>;

interface Format {
	/** What a line ends with. */
	readonly newline: string;
	readonly lines: (entries: AsyncIterable<LoggedEntry>) => AsyncIterable<string>;
}

const FORMATS: ReadonlyMap<string, Format> = new Map([
	["jsonl", { newline: "\n", lines: jsonLines }],
	["sql", { newline: "\n", lines: (entries) => sqlLines(readable(entries)) }],
	["asciicast", { newline: "\n", lines: asciicastLines }],
	["ocsf", { newline: "\n", lines: (entries) => ocsfLines(entries, { version: version() }) }],
	["csv", { newline: "\r\n", lines: csvLines }],
]);

/** Lines are handed on together: a write for each would cost more than making it. */
const WRITE_CHARACTERS = 64 << 10;

export async function exportSession(session: string, options: ExportOptions, write: Write): Promise<void> {
	const { lines, newline } = linesOf(session, formatOf(options), options);
	const send = (to: Write) => writeLines(lines, newline, to);
	if (options.output === undefined) await send(write);
	else await intoFile(options.output, send);
}

function formatOf({ format, json }: ExportOptions): string {
	const known = `expected one of ${[BUNDLE, ...FORMATS.keys()].join(", ")}`;
	if (json === true && format !== undefined && format !== "jsonl")
		throw new CommandFailure(`--json means --format jsonl, and --format is ${format}: expected one of the two`, 2);
	if (json === true) return "jsonl";
	if (format === undefined) throw new CommandFailure(`--format is missing; ${known}`, 2);
	if (format !== BUNDLE && !FORMATS.has(format)) throw new CommandFailure(`--format ${format}: ${known}`, 2);
	return format;
}

function linesOf(
	session: string,
	name: string,
	options: ExportOptions,
): { lines: AsyncIterable<string>; newline: string } {
	const format = FORMATS.get(name);
	if (format === undefined) return { lines: bundleLines(session, options), newline: "\n" };
	if (options.checkpoint !== undefined)
		throw new CommandFailure("--checkpoint: only a bundle (--format bundle) proves anything from it", 2);
	return { lines: format.lines(recordedSession(options.config, session, options.key)), newline: format.newline };
}

/** With its proofs: what `licet verify FILE --key KEY` checks anywhere. */
async function* bundleLines(session: string, options: ExportOptions): AsyncGenerator<string> {
	const config = configuration(options.config, false);
	const kept = options.checkpoint === undefined ? undefined : readCheckpoint(options.checkpoint);
	const folder = logFolder(config);
	if (!existsSync(folder)) throw new CommandFailure(`${folder}: there is no recording`, 1);
	const documentOf = (license: string, digest: string) => {
		const found = licenseOnShelf(config.licenses, license);
		return found?.digest === digest ? found.document : undefined;
	};
	yield* bundle({ folder, session, documentOf, kept, start: await indexedStart(config, session) });
}

function licenseOnShelf(folder: string, id: string): License | undefined {
	if (!existsSync(folder)) return undefined;
	for (const name of readdirSync(folder).filter((name) => /\.(ya?ml|json)$/i.test(name))) {
		const read = readDocument(join(folder, name));
		const result = "problems" in read ? read : parseLicense(read.text, name);
		if ("license" in result && result.license.id === id) return result.license;
	}
	return undefined;
}

/** Entries as they stand in the log, long ones in one piece. */
async function* jsonLines(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<string> {
	for await (const entry of entries) yield JSON.stringify(entry);
}

/** Shapes are no statements: there is no script of them. */
async function* readable(entries: AsyncIterable<LoggedEntry>): AsyncGenerator<LoggedEntry> {
	for await (const entry of entries) {
		if (entry.type === "statement" && isSealed(entry)) {
			throw new CommandFailure("the session's literals are sealed: --key FILE opens them with the auditor's key", 1);
		}
		yield entry;
	}
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
