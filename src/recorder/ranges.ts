/**
 * The file `ranges`: for each finished segment the compact range of its entries, one JSON object a line. With it a start
 * and a proof read one segment, not all; and it stands for segments that were removed. It is never trusted: wrong hashes
 * do not lead to the root of a signed checkpoint.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CompactRange, hashFromBase64, hashToBase64 } from "./tree.js";

export const RANGES = "ranges";

/** The line of a range, with its newline. */
export function encodeRange(range: CompactRange): string {
	return `${JSON.stringify({ begin: range.begin, end: range.end, hashes: range.hashes.map(hashToBase64) })}\n`;
}

export function parseRange(line: string): CompactRange | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		return undefined;
	}
	if (typeof value !== "object" || value === null) return undefined;
	const { begin, end, hashes, ...rest } = value as { begin?: unknown; end?: unknown; hashes?: unknown };
	if (!isCount(begin) || !isCount(end) || begin >= end || !Array.isArray(hashes) || Object.keys(rest).length > 0) {
		return undefined;
	}
	const decoded = hashes.map(hashFromBase64).filter((hash) => hash !== undefined);
	const range = decoded.length === hashes.length ? CompactRange.of(begin, end, decoded) : undefined;
	return range !== undefined && encodeRange(range) === `${line}\n` ? range : undefined;
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export interface StoredRanges {
	/** One after the other from the log's beginning, up to the first that does not follow or is none. */
	readonly ranges: readonly CompactRange[];
	/** Whether that is all there is. */
	readonly sound: boolean;
}

export function readRanges(folder: string): StoredRanges {
	let text: string;
	try {
		text = readFileSync(join(folder, RANGES), "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return { ranges: [], sound: true };
		throw error;
	}
	const ranges: CompactRange[] = [];
	const lines = text.split("\n");
	const rest = lines.pop();
	for (const line of lines) {
		const range = parseRange(line);
		if (range === undefined || range.begin !== (ranges.at(-1)?.end ?? 0)) return { ranges, sound: false };
		ranges.push(range);
	}
	return { ranges, sound: rest === "" };
}

export function writeRanges(folder: string, ranges: readonly CompactRange[]): void {
	const file = join(folder, RANGES);
	writeFileSync(`${file}.tmp`, ranges.map(encodeRange).join(""), { mode: 0o600, flush: true });
	renameSync(`${file}.tmp`, file);
}
