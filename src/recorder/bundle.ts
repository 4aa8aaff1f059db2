/**
 * A bundle: one session out of the log with everything that proves it, for whoever has nothing but the public key. One
 * JSON object a line: a header with the checkpoint, then each entry as it stands in the log with its audit path to that
 * checkpoint's root.
 */
import { existsSync } from "node:fs";
import { type ChainedCheckpoint, type Checkpoint, originOf, parseChained, type TreeHead } from "./checkpoint.js";
import { eachNote } from "./checkpoint-file.js";
import type { LoggedEntry } from "./entry.js";
import { JournalError } from "./errors.js";
import type { Position } from "./journal.js";
import { readNodeName } from "./log-folder.js";
import { consistencyProof, inclusionProof, isConsistent, KnownNodes } from "./proofs.js";
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
	/** That the tree of `checkpoint` begins with that of its first `size` entries (RFC 6962, section 2.1.2), when asked for. */
	readonly consistency?: { readonly size: number; readonly proof: readonly string[] };
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

export interface BundleOptions {
	/** data/log */
	readonly folder: string;
	readonly session: string;
	/** Finds a license that the log does not hold. */
	readonly documentOf: (license: string, digest: string) => unknown;
	/** Where an index says that the session starts; if that is not so, the whole log is looked through. */
	readonly start?: Position | undefined;
	/** A checkpoint that was kept elsewhere: the bundle proves that the log extends it. */
	readonly kept?: Checkpoint | undefined;
}

interface Found {
	readonly index: number;
	readonly line: Buffer;
}

interface Kept {
	readonly found: readonly Found[];
	readonly start: LoggedEntry & { type: "session.start" };
	readonly nodes: KnownNodes;
	/** License documents that the log holds between its beginning, or where it was begun to read, and the session's start. */
	readonly documents: ReadonlyMap<string, unknown>;
}

/** Rejects with JournalError when the session is not there, or the log does not extend the checkpoint kept elsewhere. */
export async function* bundle(options: BundleOptions): AsyncGenerator<string> {
	const { folder, session, kept } = options;
	const { checkpoint, handovers } = checkpointsOf(folder);
	if (kept !== undefined) checkKept(kept, checkpoint, folder);
	const place: Place = { session, size: checkpoint.size, keptSize: kept?.size };
	const { found, start, nodes, documents } =
		(options.start === undefined ? undefined : await collect(folder, place, options.start.segment)) ??
		(await collect(folder, place, 0)) ??
		missing(session);
	const consistency = kept === undefined ? undefined : proofFrom(kept, checkpoint, nodes);
	const header: BundleHeader = {
		format: BUNDLE_FORMAT,
		session,
		entries: found.length,
		checkpoint: checkpoint.text,
		handovers,
		license: await licenseOf(start, documents, options),
		...(consistency === undefined ? {} : { consistency }),
	};
	yield JSON.stringify(header);
	for (const { index, line } of found) {
		const proof = inclusionProof(index, checkpoint.size, nodes.at).map(hashToBase64);
		yield JSON.stringify({ index, line: line.toString("utf8"), proof } satisfies BundledEntry);
	}
}

function missing(session: string): never {
	throw new JournalError("unknown", `there is no session ${session} under a checkpoint of the recording`);
}

/** What of a checkpoint kept elsewhere can be told before the log is read. */
function checkKept(kept: Checkpoint, checkpoint: ChainedCheckpoint, folder: string): void {
	if (kept.origin !== checkpoint.origin)
		throw new JournalError("corrupt", `the checkpoint kept elsewhere is of another log, ${kept.origin}`);
	if (kept.size > checkpoint.size) {
		throw new JournalError(
			"corrupt",
			`the checkpoint kept elsewhere covers ${kept.size} entries, and the last one of the log ${checkpoint.size}: it has been set back`,
		);
	}
	const [first = 0] = listSegments(folder);
	if (kept.size < first && !readRanges(folder).ranges.some(({ end }) => end === kept.size)) {
		throw new JournalError(
			"unknown",
			`the checkpoint kept elsewhere covers ${kept.size} entries, of which the last have been removed: no proof leads on from it`,
		);
	}
}

function proofFrom(kept: Checkpoint, checkpoint: TreeHead, nodes: KnownNodes): BundleHeader["consistency"] {
	const proof = consistencyProof(kept.size, checkpoint.size, nodes.at);
	if (!isConsistent(kept, checkpoint, proof))
		throw new JournalError("corrupt", "the log does not extend the checkpoint kept elsewhere: it has been changed");
	return { size: kept.size, proof: proof.map(hashToBase64) };
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

interface Place {
	readonly session: string;
	/** Of the tree. */
	readonly size: number;
	/** Of one that it extends, which takes the hashes on both sides of its end. */
	readonly keptSize: number | undefined;
}

/**
 * Reads the log up to the checkpoint, and keeps the hashes of those segments that the session is in. Segments before
 * `from` are not looked into where `ranges` tells of them. Undefined: the session does not start there.
 */
async function collect(folder: string, place: Place, from: number): Promise<Kept | undefined> {
	const { session, size, keptSize = 0 } = place;
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
		const isSplit = first < keptSize && keptSize < (known?.end ?? size);
		/* Before its start is found, every segment from the hint on may hold it; after its end, none does. */
		if ((hasEnded || first < from) && known !== undefined && known.end <= size && !isSplit) {
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
		if (found.length === before && !isSplit) nodes.addRange(range);
		else for (const [place, leaf] of leaves.entries()) nodes.addLeaf(first + place, leaf);
	}
	if (start !== undefined) return { found, start, nodes, documents };
	if (found.length === 0 || from > 0) return undefined;
	throw new JournalError("unknown", `the start of session ${session} is no longer in the recording`);
}

/** The document that the session names: out of what has been read, from its shelf, or from further back in the log. */
async function licenseOf(
	{ license, licenseDigest, seq }: Kept["start"],
	documents: ReadonlyMap<string, unknown>,
	{ folder, documentOf }: BundleOptions,
): Promise<unknown> {
	const near = documents.get(licenseDigest) ?? documentOf(license, licenseDigest);
	if (near !== undefined) return near;
	for (const first of listSegments(folder)
		.filter((first) => first <= seq)
		.reverse()) {
		for await (const line of segmentLines(folder, first)) {
			const entry = line.includes(LOAD) && line.includes(licenseDigest) ? parseLine(line) : undefined;
			if (entry?.type === "license.load" && entry.licenseDigest === licenseDigest && entry.document !== undefined)
				return entry.document;
		}
	}
	return null;
}

/** Entries of the session, and gaps in its time. */
function isOf(entry: LoggedEntry, session: string, hasStarted: boolean): boolean {
	return entry.type === "gap" ? hasStarted : "session" in entry && entry.session === session;
}
