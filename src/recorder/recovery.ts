/**
 * How a writer finds its log: the tree's state up to the end, checked against the last checkpoint, and whatever a crash
 * left that is not whole, put aside.
 *
 * What a checkpoint covers was on the disk before it was signed. So if that is not there any more, or is different, no
 * crash has done it, and the log is left as it is: nobody writes to it until a person has looked.
 */
import {
	closeSync,
	existsSync,
	fsyncSync,
	ftruncateSync,
	openSync,
	readdirSync,
	readSync,
	renameSync,
	statSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { parseChained, type TreeHead } from "./checkpoint.js";
import { readLastNote } from "./checkpoint-file.js";
import { digestOfFile, syncPath } from "./disk.js";
import { JournalError } from "./errors.js";
import { readRanges, writeRanges } from "./ranges.js";
import { inspectSegment, isOpen, listSegments, segmentPath, tornPath, tornSegment } from "./segments.js";
import { CompactRange, type Hash, leafHash } from "./tree.js";

const COPY_BYTES = 1 << 20;

export interface Torn {
	readonly keptAs: string;
	readonly bytes: number;
	readonly sha256: string;
}

export interface Recovered {
	readonly segment: number;
	readonly bytes: number;
	readonly nextSeq: number;
	/** The tree up to the last segment, and in it. */
	readonly before: CompactRange;
	readonly within: CompactRange;
	/** Hashes of the last segment's entries. */
	readonly leaves: readonly Hash[];
	/** Torn ends that no gap entry tells of yet. */
	readonly torn: readonly Torn[];
}

interface Walked {
	readonly first: number;
	readonly goodBytes: number;
	readonly range: CompactRange;
	readonly leaves: readonly Hash[];
	readonly told: ReadonlySet<string>;
	readonly isTorn: boolean;
}

interface Found {
	/** Of finished segments, which nothing is added to. */
	readonly ranges: readonly CompactRange[];
	readonly walked: readonly Walked[];
}

export function recover(folder: string): Recovered {
	const segments = listSegments(folder);
	const head = lastHead(folder);
	const stored = readRanges(folder);
	/* A segment whose range is covered by a checkpoint may be sealed, and is finished. */
	const covered = stored.ranges.filter(({ end }) => end <= (head?.size ?? 0));
	const found = walk(folder, segments, covered, head) ?? readAll(folder, segments, covered, head);
	if (found === undefined) throw new JournalError("corrupt", damaged(folder, head?.size ?? 0));
	const last = found.walked.at(-1);
	const active = last !== undefined && isOpen(folder, last.first) ? last : undefined;
	const finished = found.walked.filter((one) => one !== active).map(({ range }) => range);
	const ranges = [...found.ranges, ...finished];
	const before = new CompactRange(0);
	for (const range of ranges) before.extend(range);
	const [segment, bytes] = [before.end, active?.goodBytes ?? 0];
	if (active?.isTorn === true) putAside(segmentPath(folder, segment), bytes, unusedName(folder, segment, bytes));
	/* What follows something torn has lost its connection: its entries never counted as being on the disk. */
	for (const first of segments.filter((first) => first > segment)) {
		renameSync(segmentPath(folder, first), unusedName(folder, segment, bytes));
	}
	for (const { first } of found.walked) if (isOpen(folder, first)) syncPath(segmentPath(folder, first));
	if (!stored.sound || stored.ranges.length !== ranges.length || finished.length > 0) writeRanges(folder, ranges);
	const within = active?.range ?? new CompactRange(segment);
	return {
		segment,
		bytes,
		nextSeq: within.end,
		before,
		within,
		leaves: active?.leaves ?? [],
		torn: untold(folder, segment, active?.told ?? new Set()),
	};
}

/** When `ranges` is wrong: from the first segment that is there. What a checkpoint covers to its end may be sealed. */
function readAll(
	folder: string,
	segments: readonly number[],
	covered: readonly CompactRange[],
	head: TreeHead | undefined,
): Found | undefined {
	const found = walk(folder, segments, removed(covered, segments), head);
	const last = found?.walked.at(-1);
	if (found === undefined || last === undefined || last.range.end > (head?.size ?? 0) || last.isTorn) return found;
	return { ranges: [...found.ranges, ...found.walked.map(({ range }) => range)], walked: [] };
}

/** Ranges of segments that are no longer there, which cannot be made anew. */
function removed(ranges: readonly CompactRange[], segments: readonly number[]): CompactRange[] {
	return ranges.filter(({ end }) => end <= (segments[0] ?? 0));
}

function damaged(folder: string, size: number): string {
	return `${folder} does not hold the ${size} entries that its last checkpoint covers, as they were: it has been cut, changed or restored from an older copy. Find out with \`licet verify\`; to begin a new log, move this folder away`;
}

function lastHead(folder: string): TreeHead | undefined {
	const { note } = readLastNote(folder);
	if (note === undefined) return undefined;
	const checkpoint = parseChained(note);
	if (checkpoint === undefined) throw new JournalError("corrupt", `the last of the checkpoints in ${folder} is none`);
	return checkpoint;
}

/**
 * Reads the segments that `ranges` does not cover, as far as they follow each other. Undefined when they do not lead to
 * the head.
 */
function walk(
	folder: string,
	segments: readonly number[],
	ranges: readonly CompactRange[],
	head: TreeHead | undefined,
): Found | undefined {
	const tree = new CompactRange(0);
	for (const range of ranges) tree.extend(range);
	let isProven = head === undefined || (head.size === tree.end && head.root === tree.root());
	const walked: Walked[] = [];
	for (const first of segments.filter((first) => first >= tree.end)) {
		if (first !== tree.end || walked.at(-1)?.isTorn === true) break;
		const range = new CompactRange(first);
		const leaf = (hash: Hash) => {
			range.append(hash);
			tree.append(hash);
			if (tree.end === head?.size) isProven = head.root === tree.root();
		};
		walked.push(walkSegment(folder, first, range, leaf));
	}
	return isProven && segments.filter((first) => first < (ranges.at(-1)?.end ?? 0)).every(inRanges(ranges))
		? { ranges, walked }
		: undefined;
}

/** Every segment that is passed over must be one that its range stands for. */
function inRanges(ranges: readonly CompactRange[]): (first: number) => boolean {
	const begins = new Set(ranges.map(({ begin }) => begin));
	return (first) => begins.has(first);
}

function walkSegment(folder: string, first: number, range: CompactRange, leaf: (hash: Hash) => void): Walked {
	const leaves: Hash[] = [];
	const held: Hash[] = [];
	const { goodBytes, told, isTorn } = inspectSegment(folder, first, {
		line: (line) => held.push(leafHash(line)),
		/* Lines of an entry whose parts are not all there are torn with it. */
		whole: () => {
			for (const hash of held.splice(0)) {
				leaves.push(hash);
				leaf(hash);
			}
		},
	});
	return { first, goodBytes, range, leaves, told, isTorn };
}

function unusedName(folder: string, segment: number, bytes: number): string {
	for (let count = 1; ; count++) {
		const path = tornPath(folder, segment, bytes, count);
		if (!existsSync(path)) return path;
	}
}

/** Copies the end of a file from `from` on to another, and then cuts it off: at no moment is it in neither. */
function putAside(file: string, from: number, aside: string): void {
	const source = openSync(file, "r+");
	const target = openSync(aside, "wx", 0o600);
	try {
		const chunk = Buffer.allocUnsafe(COPY_BYTES);
		for (let position = from; ; ) {
			const read = readSync(source, chunk, 0, chunk.length, position);
			if (read === 0) break;
			for (let done = 0; done < read; ) done += writeSync(target, chunk, done, read - done);
			position += read;
		}
		fsyncSync(target);
		ftruncateSync(source, from);
		fsyncSync(source);
	} finally {
		closeSync(target);
		closeSync(source);
	}
}

/** What was put aside from this segment and is told by no gap entry: now, or before a crash right after doing so. */
function untold(folder: string, segment: number, told: ReadonlySet<string>): Torn[] {
	const torn: Torn[] = [];
	for (const name of readdirSync(folder)) {
		if (tornSegment(name) !== segment || told.has(name)) continue;
		const file = join(folder, name);
		torn.push({ keptAs: name, bytes: statSync(file).size, sha256: digestOfFile(file) });
	}
	return torn;
}
