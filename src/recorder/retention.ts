/**
 * Retention: removes the oldest sealed segments, by age and by size. Before that an entry tells what goes and keeps what
 * stands for it in the tree, so that the rest still verifies and nothing is gone without account. Checkpoints stay.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "./entry.js";
import { readRanges } from "./ranges.js";
import { segmentLines } from "./segment-lines.js";
import { isOpen, leavesPath, listSegments, parseLine, sealedPath, tornSegment } from "./segments.js";
import { CompactRange, hashToBase64 } from "./tree.js";

export interface RetentionTerms {
	/** Segments whose last entry is older go. */
	readonly ms?: number | undefined;
	/** While the log's files take more than this, the oldest go. */
	readonly bytes?: number | undefined;
}

export interface RetentionOptions {
	/** data/log */
	readonly folder: string;
	readonly terms: RetentionTerms;
	readonly now: () => number;
	readonly append: (entry: Entry) => void;
	/** Resolves when what has been appended is under a checkpoint. */
	readonly checkpoint: () => Promise<void>;
	/** Whether a segment may go now: it may be needed elsewhere first. */
	readonly mayRemove?: (first: number) => boolean;
	/** Takes out the keys of sessions that have ended in what is about to go; when absent, they are kept. */
	readonly removeKeys?: (sessions: ReadonlySet<string>) => Promise<unknown>;
}

/** What a segment's entries tell of it. */
interface Content {
	readonly firstAt: string;
	readonly lastAt: string;
	/** Sessions that ended in it: no entry of theirs comes after it. */
	readonly ended: readonly string[];
}

interface Segment extends Content {
	readonly range: CompactRange;
	readonly bytes: number;
}

const END = Buffer.from('"type":"session.end"');

export class Retention {
	readonly #options: RetentionOptions;
	/** By a segment's first entry: sealed segments do not change. */
	readonly #contents = new Map<number, Content>();

	constructor(options: RetentionOptions) {
		this.#options = options;
	}

	/** Removes what is due. Answers how many segments went. */
	async apply(): Promise<number> {
		const { folder, append, checkpoint, removeKeys } = this.#options;
		const due = await this.#due();
		const last = due.at(-1);
		if (last === undefined) return 0;
		append(account(readRanges(folder).ranges, due, this.#reason()));
		await checkpoint();
		/* Before the segments: what a crash leaves of them is due again at the next start, and with it the keys. */
		await removeKeys?.(new Set(due.flatMap(({ ended }) => ended)));
		for (const { range } of due) {
			await rm(sealedPath(folder, range.begin), { force: true });
			await rm(leavesPath(folder, range.begin), { force: true });
			this.#contents.delete(range.begin);
		}
		/* What was put aside from a segment goes with it. */
		for (const name of readdirSync(folder)) {
			const segment = tornSegment(name);
			if (due.some(({ range }) => range.begin === segment)) await rm(join(folder, name), { force: true });
		}
		return due.length;
	}

	/** From the oldest on, as long as each is sealed and due. */
	async #due(): Promise<Segment[]> {
		const { folder, terms, now, mayRemove } = this.#options;
		const segments = listSegments(folder);
		const ranges = new Map(readRanges(folder).ranges.map((range) => [range.begin, range]));
		let total = segments.reduce((sum, first) => sum + sizeOf(folder, first), 0);
		const due: Segment[] = [];
		for (const first of segments) {
			const range = ranges.get(first);
			if (range === undefined || isOpen(folder, first) || mayRemove?.(first) === false) break;
			const bytes = sizeOf(folder, first);
			const content = await this.#contentOf(first);
			const isOld = terms.ms !== undefined && Date.parse(content.lastAt) < now() - terms.ms;
			if (!isOld && (terms.bytes === undefined || total <= terms.bytes)) break;
			due.push({ range, bytes, ...content });
			total -= bytes;
		}
		return due;
	}

	async #contentOf(first: number): Promise<Content> {
		const known = this.#contents.get(first) ?? (await readContent(this.#options.folder, first));
		this.#contents.set(first, known);
		return known;
	}

	#reason(): string {
		const { ms, bytes } = this.#options.terms;
		const terms = [
			...(ms === undefined ? [] : [`older than ${ms / 86_400_000} days`]),
			...(bytes === undefined ? [] : [`beyond ${bytes} bytes`]),
		];
		return `recording.retention: ${terms.join(" or ")}`;
	}
}

function sizeOf(folder: string, first: number): number {
	return [sealedPath(folder, first), leavesPath(folder, first)]
		.filter((path) => existsSync(path))
		.reduce((sum, path) => sum + statSync(path).size, 0);
}

function account(ranges: readonly CompactRange[], due: readonly Segment[], reason: string): Entry {
	const through = due.at(-1)?.range.end ?? 0;
	const removed = new CompactRange(0);
	for (const range of ranges) if (range.end <= through) removed.extend(range);
	return {
		type: "trim",
		through,
		hashes: removed.hashes.map(hashToBase64),
		segments: due.map(({ range }) => range.begin),
		entries: due.reduce((sum, { range }) => sum + range.end - range.begin, 0),
		bytes: due.reduce((sum, { bytes }) => sum + bytes, 0),
		firstAt: due[0]?.firstAt ?? "",
		lastAt: due.at(-1)?.lastAt ?? "",
		reason,
	};
}

async function readContent(folder: string, first: number): Promise<Content> {
	const ended: string[] = [];
	let one: Buffer | undefined;
	let other: Buffer | undefined;
	for await (const line of segmentLines(folder, first)) {
		one ??= line;
		other = line;
		const end = line.includes(END) ? parseLine(line) : undefined;
		if (end?.type === "session.end") ended.push(end.session);
	}
	const at = (line: Buffer | undefined) => (line === undefined ? undefined : parseLine(line)?.at) ?? "";
	return { firstAt: at(one), lastAt: at(other), ended };
}
