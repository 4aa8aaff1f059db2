/**
 * What of a log is to be in the archive: each sealed segment with the files beside it, and then a head (state.ts): the
 * beginning of the segment that is being written, and the checkpoints up to one that ends exactly there. The seals of the
 * segments before it stand in it, under that checkpoint; so what is in the store up to a head is a whole log.
 */
import { existsSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { parseChained } from "../checkpoint.js";
import { CHECKPOINTS, readLastNote } from "../checkpoint-file.js";
import type { LoggedEntry } from "../entry.js";
import { parseRange, RANGES } from "../ranges.js";
import { segmentLines } from "../segment-lines.js";
import { isOpen, leavesPath, listSegments, parseLine, sealedPath } from "../segments.js";
import { headObject, leavesObject, NODE, parseObject, pieceObject, sealedObject } from "./objects.js";
import { fileSource, segmentSource } from "./source.js";
import type { Head } from "./state.js";
import { ArchiveError } from "./store.js";
import type { Upload } from "./upload.js";

type Seal = Extract<LoggedEntry, { type: "seal" }>;

/** Finished for ever: sealed, and the lines gone. */
export function sealedSegments(folder: string): number[] {
	return listSegments(folder).filter((first) => existsSync(sealedPath(folder, first)) && !isOpen(folder, first));
}

/** A sealed segment and what stands beside it, by name. */
export function segmentObjects(folder: string, first: number): string[] {
	const leaves = existsSync(leavesPath(folder, first)) ? [leavesObject(first)] : [];
	return [sealedObject(first), ...leaves, ...tornFiles(folder, first, Number.POSITIVE_INFINITY)];
}

export async function segmentUploads(folder: string, first: number): Promise<Upload[]> {
	const seals = await sealsOf(folder, first);
	if (seals.length === 0) throw new ArchiveError("local", `no entry tells that ${sealedObject(first)} was sealed`);
	const recorded = new Map([
		[sealedObject(first), new Set(seals.map(({ sha256 }) => sha256))],
		[leavesObject(first), new Set(seals.map(({ leavesSha256 }) => leavesSha256))],
	]);
	return segmentObjects(folder, first).map((object) => ({
		object,
		source: fileSource(join(folder, object)),
		recorded: recorded.get(object),
	}));
}

/** What was kept aside of a segment before one of its bytes. */
function tornFiles(folder: string, first: number, bytes: number): string[] {
	return readdirSync(folder).filter((name) => {
		const parsed = parseObject(name);
		return parsed?.kind === "torn" && parsed.first === first && parsed.byte < bytes;
	});
}

const SEAL = Buffer.from('"type":"seal"');

/** The entries that tell of a segment's sealing. The first is soon after its end; a second only follows a crash. */
async function sealsOf(folder: string, segment: number): Promise<Seal[]> {
	const seals: Seal[] = [];
	for (const first of listSegments(folder)) {
		if (first <= segment) continue;
		for await (const line of segmentLines(folder, first)) {
			if (!line.includes(SEAL)) continue;
			const entry = parseLine(line);
			if (entry?.type === "seal" && entry.segment === segment) seals.push(entry);
		}
		if (seals.length > 0) return seals;
	}
	return seals;
}

/** The next head; undefined while there is nothing new that one could end. */
export async function planHead(folder: string, committed: Head | undefined): Promise<Head | undefined> {
	const segments = listSegments(folder);
	const segment = segments.at(-1);
	if (segment === undefined || segment === 0 || segment <= (committed?.segment ?? 0)) return undefined;
	if (segments.some((first) => (first === segment) !== isOpen(folder, first))) return undefined;
	const checkpoints = newCheckpoints(folder, committed?.checkpoints.to ?? 0);
	if (checkpoints === undefined || checkpoints.size <= segment) return undefined;
	const bytes = await bytesOf(folder, segment, checkpoints.size - segment);
	const ranges = await newRanges(folder, committed?.ranges.to ?? 0, segment);
	return bytes === undefined ? undefined : { segment, bytes, size: checkpoints.size, ranges, checkpoints };
}

/** In this order: the last of them makes the rest count. */
export function headUploads(folder: string, { segment, bytes, ranges, checkpoints }: Head): Upload[] {
	return [
		{ object: NODE, source: fileSource(join(folder, NODE)) },
		...tornFiles(folder, segment, bytes).map((object) => ({ object, source: fileSource(join(folder, object)) })),
		{ object: headObject(segment), source: segmentSource(folder, segment, bytes) },
		...(ranges.to === ranges.from
			? []
			: [
					{
						object: pieceObject(RANGES, ranges.from),
						source: fileSource(join(folder, RANGES), ranges.from, ranges.to),
					},
				]),
		{
			object: pieceObject(CHECKPOINTS, checkpoints.from),
			source: fileSource(join(folder, CHECKPOINTS), checkpoints.from, checkpoints.to),
		},
	];
}

/** The checkpoints since a byte of their file, and the size of the last; undefined when there is none. */
function newCheckpoints(folder: string, from: number): (Head["checkpoints"] & { readonly size: number }) | undefined {
	const { note, bytes } = readLastNote(folder);
	const size = note === undefined ? undefined : parseChained(note)?.size;
	return size === undefined || bytes <= from ? undefined : { from, to: bytes, size };
}

/** Of the segments before one. */
async function newRanges(folder: string, from: number, segment: number): Promise<Head["ranges"]> {
	const text = (await readFrom(join(folder, RANGES), from)).toString("utf8");
	let to = from;
	for (const line of text.split("\n").slice(0, -1)) {
		const range = parseRange(line);
		if (range === undefined || range.end > segment) break;
		to += Buffer.byteLength(line) + 1;
	}
	return { from, to };
}

/** Bytes of a segment's first entries; undefined when it has fewer. */
async function bytesOf(folder: string, segment: number, entries: number): Promise<number | undefined> {
	let bytes = 0;
	let left = entries;
	for await (const line of segmentLines(folder, segment)) {
		bytes += line.length + 1;
		left--;
		if (left === 0) return bytes;
	}
	return undefined;
}

async function readFrom(path: string, from: number): Promise<Buffer> {
	const file = await open(path, "r");
	try {
		const { size } = await file.stat();
		const content = Buffer.alloc(Math.max(0, size - from));
		const { bytesRead } = await file.read(content, 0, content.length, from);
		return content.subarray(0, bytesRead);
	} finally {
		await file.close();
	}
}
