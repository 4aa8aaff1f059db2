/**
 * A bundle: one session out of the log with everything that proves it, for whoever has nothing but the public key. One
 * JSON object a line: a header with the checkpoint, then each entry as it stands in the log with its audit path to that
 * checkpoint's root.
 */
import { existsSync } from "node:fs";
import { type ChainedCheckpoint, originOf, parseChained } from "./checkpoint.js";
import { eachNote } from "./checkpoint-file.js";
import type { LoggedEntry } from "./entry.js";
import { JournalError } from "./errors.js";
import { readNodeName } from "./log-folder.js";
import { inclusionProof, KnownNodes } from "./proofs.js";
import { readRanges } from "./ranges.js";
import { segmentLines } from "./segment-lines.js";
import { listSegments, parseLine } from "./segments.js";
import { CompactRange, hashToBase64, leafHash } from "./tree.js";

export const BUNDLE_FORMAT = "licet/bundle/v1";

/** The bundle's first line. */
export interface BundleHeader {
	readonly format: typeof BUNDLE_FORMAT;
	readonly session: string;
	/** How many entries follow. */
	readonly entries: number;
	/** The signed note whose root the proofs lead to. */
	readonly checkpoint: string;
	/** Checkpoints in which a key hands over to the next, oldest first; the first one introduces the first key. */
	readonly handovers: readonly string[];
	/** The license that was in force, when it could be found: the document with the digest that the session names. */
	readonly license: unknown;
}

/** The lines after it. */
export interface BundledEntry {
	readonly index: number;
	/** As it stands in the log, without its newline. */
	readonly line: string;
	readonly proof: readonly string[];
}

const GAP = Buffer.from('"type":"gap"');
/** A checkpoint without it introduces no key, and need not be parsed. */
const KEY_LINE = "\nkey ";
const LOAD = Buffer.from('"type":"license.load"');

interface Found {
	readonly index: number;
	readonly line: Buffer;
}

interface Kept {
	readonly found: readonly Found[];
	readonly start: LoggedEntry & { type: "session.start" };
	readonly nodes: KnownNodes;
	/** The license that was in force, when the log holds it. */
	readonly document: unknown;
}

/** `documentOf` finds a license that the log does not hold. Rejects with JournalError when the session is not there. */
export async function* bundle(
	folder: string,
	session: string,
	documentOf: (license: string, digest: string) => unknown,
): AsyncGenerator<string> {
	const { checkpoint, handovers } = checkpointsOf(folder);
	const { found, start, nodes, document } = await collect(folder, session, checkpoint.size);
	const header: BundleHeader = {
		format: BUNDLE_FORMAT,
		session,
		entries: found.length,
		checkpoint: checkpoint.text,
		handovers,
		license: document ?? documentOf(start.license, start.licenseDigest) ?? null,
	};
	yield JSON.stringify(header);
	for (const { index, line } of found) {
		const proof = inclusionProof(index, checkpoint.size, nodes.at).map(hashToBase64);
		yield JSON.stringify({ index, line: line.toString("utf8"), proof } satisfies BundledEntry);
	}
}

function checkpointsOf(folder: string): { checkpoint: ChainedCheckpoint & { text: string }; handovers: string[] } {
	const node = existsSync(folder) ? readNodeName(folder) : undefined;
	const handovers: string[] = [];
	let text: string | undefined;
	for (const note of eachNote(folder)) {
		if (note.includes(KEY_LINE) && parseChained(note)?.key !== undefined) handovers.push(note);
		text = note;
	}
	const checkpoint = text === undefined ? undefined : parseChained(text);
	if (node === undefined || text === undefined || checkpoint === undefined || checkpoint.origin !== originOf(node)) {
		throw new JournalError("corrupt", `${folder} has no checkpoint that a bundle could rest on`);
	}
	return { checkpoint: { ...checkpoint, text }, handovers };
}

/** Reads the log up to the checkpoint, and keeps the hashes of those segments that the session is in. */
async function collect(folder: string, session: string, size: number): Promise<Kept> {
	const nodes = new KnownNodes();
	const found: Found[] = [];
	const segments = listSegments(folder);
	const ranges = new Map(readRanges(folder).ranges.map((range) => [range.begin, range]));
	for (const range of ranges.values()) if (range.end <= (segments[0] ?? 0)) nodes.addRange(range);
	const needle = Buffer.from(`"session":${JSON.stringify(session)}`);
	const documents = new Map<string, unknown>();
	let start: Kept["start"] | undefined;
	let hasEnded = false;
	for (const first of segments.filter((first) => first < size)) {
		const known = ranges.get(first);
		/* Before its start is found, every segment may hold it; after its end, none does. */
		if (hasEnded && known !== undefined && known.end <= size) {
			nodes.addRange(known);
			continue;
		}
		const range = new CompactRange(first);
		const leaves: string[] = [];
		const before = found.length;
		let partsLeft = 0;
		for await (const line of segmentLines(folder, first)) {
			const index = range.end;
			if (index >= size) break;
			const leaf = leafHash(line);
			range.append(leaf);
			leaves.push(leaf);
			const isWanted =
				partsLeft > 0 || line.includes(needle) || line.includes(GAP) || (start === undefined && line.includes(LOAD));
			if (hasEnded || !isWanted) continue;
			const entry = parseLine(line);
			if (entry?.type === "license.load" && entry.document !== undefined)
				documents.set(entry.licenseDigest, entry.document);
			if (partsLeft > 0) partsLeft--;
			else if (entry === undefined || !isOf(entry, session, start !== undefined)) continue;
			else partsLeft = entry.parts ?? 0;
			if (entry?.type === "session.start") start = entry;
			if (entry?.type === "session.end") hasEnded = true;
			found.push({ index, line });
		}
		if (found.length === before) nodes.addRange(range);
		else for (const [place, leaf] of leaves.entries()) nodes.addLeaf(first + place, leaf);
	}
	if (found.length === 0)
		throw new JournalError("unknown", `there is no session ${session} under a checkpoint of the recording`);
	if (start === undefined)
		throw new JournalError("unknown", `the start of session ${session} is no longer in the recording`);
	return { found, start, nodes, document: documents.get(start.licenseDigest) };
}

/** Entries of the session, and gaps in its time. */
function isOf(entry: LoggedEntry, session: string, hasStarted: boolean): boolean {
	return entry.type === "gap" ? hasStarted : "session" in entry && entry.session === session;
}
