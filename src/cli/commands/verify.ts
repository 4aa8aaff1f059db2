/**
 * `licet verify`: that the recording is what was signed. It needs the files and the public key, and no `serve`.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { reasonOf } from "../../config/file.js";
import { digestOf } from "../../licensing/canonical.js";
import { type AssembledCopy, assembleCopy, isArchiveCopy } from "../../recorder/archive/copy.js";
import { bundle } from "../../recorder/bundle.js";
import { type Checkpoint, parseChained, parseCheckpoint } from "../../recorder/checkpoint.js";
import { eachNote } from "../../recorder/checkpoint-file.js";
import { JournalError } from "../../recorder/errors.js";
import { describeFinding } from "../../recorder/finding.js";
import { parseVerifierKey, type VerifierKey } from "../../recorder/note.js";
import { type BundleReport, verifyBundle } from "../../recorder/verify-bundle.js";
import { type LogReport, verifyLog } from "../../recorder/verify-log.js";
import { isFolderLocked } from "../../store/process-lock.js";
import { configuration } from "../admin-client.js";
import { CommandFailure } from "../failure.js";
import { logFolder } from "../paths.js";
import { indexedStart } from "../recorded-session.js";

export interface VerifyCommandOptions {
	readonly config: string;
	/** The log's folder, or a copy of an archive, when there is no configuration. */
	readonly log?: string;
	/** A verifier key, or a file that holds one. */
	readonly key?: string;
	/** A file with a checkpoint that was kept elsewhere. */
	readonly checkpoint?: string;
	readonly openEnd?: boolean;
	readonly json?: boolean;
}

const SESSION = /^s_[A-Za-z0-9_-]+$/;
/** While the log is written, this much may be under no checkpoint yet: six times what there should be. */
const YOUNG_MS = 60_000;

/** What of one's own the recording is held against. */
interface Given {
	readonly key: VerifierKey | undefined;
	readonly kept: Checkpoint | undefined;
}

/** Prints the report; answers the exit code. `what`: a session, or a bundle's file; all of the log when absent. */
export async function verify(
	what: string | undefined,
	options: VerifyCommandOptions,
	now: () => number,
	say: (text: string) => void,
): Promise<0 | 1> {
	const given: Given = {
		key: options.key === undefined ? undefined : readVerifierKey(options.key),
		kept: options.checkpoint === undefined ? undefined : readCheckpoint(options.checkpoint),
	};
	if (what !== undefined && !SESSION.test(what)) return verifyFile(what, given, options, say);
	const folder = options.log ?? logFolder(configuration(options.config, false));
	if (!existsSync(folder)) throw new CommandFailure(`${folder}: there is no recording`, 1);
	if (!isArchiveCopy(folder)) return verifyFolder(folder, what, given, options, now, say);
	const copy = assembled(folder);
	try {
		return await verifyFolder(copy.folder, what, given, options, now, say);
	} finally {
		copy.remove();
	}
}

function assembled(folder: string): AssembledCopy {
	try {
		return assembleCopy(folder);
	} catch (error) {
		if (!(error instanceof JournalError)) throw error;
		throw new CommandFailure(`NOT VERIFIED: ${folder} is no whole copy of an archive: ${error.message}`, 1);
	}
}

async function verifyFolder(
	folder: string,
	what: string | undefined,
	{ key, kept }: Given,
	options: VerifyCommandOptions,
	now: () => number,
	say: (text: string) => void,
): Promise<0 | 1> {
	if (what !== undefined) {
		const start =
			options.log === undefined ? await indexedStart(configuration(options.config, false), what) : undefined;
		const lines = bundle({ folder, session: what, documentOf: () => undefined, start, kept });
		/* The log is at hand, so what it holds of the session is all there is. */
		const report = await verifyBundle(lines, {
			key: key ?? firstKey(folder),
			digestOf: digestOfDocument,
			openEnd: true,
			kept,
		});
		return sayBundle(report, key !== undefined, options, say);
	}
	const isRunning = isFolderLocked(folder);
	const openEnd = options.openEnd === true ? "any" : isRunning ? { since: now() - YOUNG_MS } : "none";
	const verified = () => verifyLog({ folder, key, checkpoint: kept, openEnd });
	let report = await verified();
	/* Files may have come and gone while they were read. What is really wrong is so the second time, too. */
	if (!report.ok && isRunning) report = await verified();
	say(options.json === true ? JSON.stringify(report) : describe(report, key !== undefined));
	return report.ok ? 0 : 1;
}

async function verifyFile(
	file: string,
	{ key, kept }: Given,
	options: VerifyCommandOptions,
	say: (text: string) => void,
): Promise<0 | 1> {
	if (!existsSync(file)) throw new CommandFailure(`${file}: expected a session's id (s_…), or a file with a bundle`, 2);
	if (key === undefined) throw new CommandFailure("a bundle proves nothing by itself: name the key with --key", 2);
	const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
	const { openEnd } = options;
	return sayBundle(await verifyBundle(lines, { key, digestOf: digestOfDocument, openEnd, kept }), true, options, say);
}

function sayBundle(
	report: BundleReport,
	isKeyGiven: boolean,
	options: VerifyCommandOptions,
	say: (text: string) => void,
): 0 | 1 {
	say(options.json === true ? JSON.stringify(report) : describeBundle(report, isKeyGiven));
	return report.ok ? 0 : 1;
}

function digestOfDocument(document: unknown): string {
	return digestOf(document as Parameters<typeof digestOf>[0]);
}

/** The key that the log itself begins with. */
function firstKey(folder: string): VerifierKey {
	const [first] = eachNote(folder);
	const key = first === undefined ? undefined : parseChained(first)?.key;
	if (key === undefined) throw new CommandFailure(`${folder}: there is no checkpoint that tells its key`, 1);
	return key;
}

export function readVerifierKey(given: string): VerifierKey {
	const text = existsSync(given) ? readFileSync(given, "utf8") : given;
	const key = parseVerifierKey(text);
	if (key === undefined) {
		throw new CommandFailure(`--key ${given}: expected a verifier key (name+id+base64), or a file that holds one`, 2);
	}
	return key;
}

export function readCheckpoint(file: string): Checkpoint {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		throw new CommandFailure(`--checkpoint ${file}: cannot be read: ${reasonOf(error)}`, 2);
	}
	/* As it was printed, or cut out of the file of checkpoints with the empty line after it. */
	const checkpoint = parseCheckpoint(text) ?? parseCheckpoint(text.replace(/\n+$/, "\n"));
	if (checkpoint === undefined)
		throw new CommandFailure(`--checkpoint ${file}: expected a checkpoint (a signed note)`, 2);
	return checkpoint;
}

function describe(report: LogReport, isKeyGiven: boolean): string {
	const { keys, last } = report;
	const lines = [
		`log of ${report.node ?? "an unknown node"}`,
		...keys.map((key, index) => `  ${index === 0 ? "signed by" : "and then"}   ${key}`),
		`  entries     ${report.to - report.from}${report.to > report.from ? ` (${report.from} to ${report.to - 1})` : ""}${report.from > 0 ? `; ${report.from} before them were removed by retention` : ""}`,
		`  segments    ${report.segments}, ${report.sealed} of them sealed`,
		`  checkpoints ${report.checkpoints}${last === null ? "" : `, the last of ${last.at} over ${last.size} entries`}`,
	];
	if (report.to > report.covered)
		lines.push(`  under no checkpoint yet: ${report.to - report.covered} entries at the end`);
	if (!isKeyGiven) lines.push("  no --key was given: who signed is the log's own word");
	lines.push(report.ok ? "verified: nothing was changed, moved, inserted or removed" : "NOT VERIFIED");
	return [...lines, ...report.findings.map((one) => `  ✗ ${describeFinding(one)}`)].join("\n");
}

function describeBundle(report: BundleReport, isKeyGiven: boolean): string {
	const lines = [
		`session ${report.session ?? "unknown"} of ${report.origin ?? "an unknown log"}`,
		`  entries     ${report.entries}, with ${report.statements} statements${report.ended ? "" : "; the session had not ended"}`,
		`  checkpoint  ${report.at ?? "none"}`,
		`  license     ${report.licenseDigest ?? "unknown"}${report.license ? ", with its document" : ""}`,
	];
	if (report.extends !== null) lines.push(`  extends     the checkpoint kept elsewhere, of ${report.extends} entries`);
	if (!isKeyGiven) lines.push("  no --key was given: who signed is the log's own word");
	lines.push(report.ok ? "verified: these entries are the session as it was recorded" : "NOT VERIFIED");
	return [...lines, ...report.findings.map((one) => `  ✗ ${describeFinding(one)}`)].join("\n");
}
