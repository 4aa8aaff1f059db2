/**
 * Segments: the files of a log, each named by the number of its first entry, and what a crash can leave at their end.
 * A segment is open (`.jsonl`) until it is sealed: compressed whole (`.jsonl.gz`), never to change again.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LoggedEntry } from "./entry.js";
import { JournalError } from "./errors.js";
import { LineSplitter } from "./lines.js";

const NAME = /^(\d{12,16})\.jsonl(?:\.gz)?$/;
const TORN = /^torn-(\d+)-\d+-\d+$/;
const NAME_DIGITS = 12;
const CHUNK_BYTES = 1 << 20;

/**
 * The longest line that is taken for an entry: 64 MiB, as the writer puts at most 64 Ki characters into a value, and
 * many short values into an entry. A longer one is damage, and must not fill the memory.
 */
export const LINE_BYTES = 64 << 20;

export function segmentName(first: number): string {
	return `${String(first).padStart(NAME_DIGITS, "0")}.jsonl`;
}

export function segmentPath(folder: string, first: number): string {
	return join(folder, segmentName(first));
}

export function sealedPath(folder: string, first: number): string {
	return `${segmentPath(folder, first)}.gz`;
}

/** The first four bytes of each entry's leaf hash, one after the other: they tell which entry of a segment is not as it was. */
export function leavesPath(folder: string, first: number): string {
	return join(folder, `${String(first).padStart(NAME_DIGITS, "0")}.leaves`);
}

/** What a crash left behind a byte of a segment. Never written over: the end may be torn more than once at the same byte. */
export function tornPath(folder: string, first: number, byte: number, count: number): string {
	return join(folder, `torn-${first}-${byte}-${count}`);
}

/** The segment that a file of that name was torn from; undefined when it is none. */
export function tornSegment(name: string): number | undefined {
	const digits = TORN.exec(name)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

/** Whether the segment's lines stand in a file as they are; otherwise it is sealed. */
export function isOpen(folder: string, first: number): boolean {
	return existsSync(segmentPath(folder, first));
}

/** The numbers of the first entries of a log's segments, in order. */
export function listSegments(folder: string): number[] {
	const firsts = new Set<number>();
	for (const name of readdirSync(folder)) {
		const digits = NAME.exec(name)?.[1];
		if (digits !== undefined) firsts.add(Number(digits));
	}
	return [...firsts].sort((a, b) => a - b);
}

/** The entry in a line; undefined when it is none, or not of this format. */
export function parseLine(line: Buffer): LoggedEntry | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line.toString("utf8"));
	} catch {
		return undefined;
	}
	return isEntry(value) ? value : undefined;
}

/** Shape enough to go on with: the writer is this program, and what guards against others is the evidence, not this. */
function isEntry(value: unknown): value is LoggedEntry {
	if (typeof value !== "object" || value === null || !("v" in value) || !("seq" in value)) return false;
	if (typeof value.v === "number" && value.v > 1) {
		throw new JournalError("corrupt", `the log was written by a newer version (format ${value.v})`);
	}
	return value.v === 1 && typeof value.seq === "number" && "type" in value && typeof value.type === "string";
}

type EachLine = (line: Buffer, end: number) => boolean;

/** Calls `each` with the complete lines of a file and where they end, until it answers false. */
function eachLineOf(file: string, each: EachLine): void {
	const fd = openSync(file, "r");
	try {
		const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
		const lines = new LineSplitter();
		let end = 0;
		for (let position = 0; ; ) {
			const read = readSync(fd, chunk, 0, chunk.length, position);
			if (read === 0 || lines.restBytes > LINE_BYTES) return;
			for (const line of lines.take(chunk.subarray(0, read))) {
				end += line.length + 1;
				if (!each(line, end)) return;
			}
			position += read;
		}
	} finally {
		closeSync(fd);
	}
}

function eachLineIn(content: Buffer, each: EachLine): void {
	let end = 0;
	for (const line of new LineSplitter().take(content)) {
		end += line.length + 1;
		if (!each(line, end)) return;
	}
}

export interface Inspection {
	/** Bytes up to the end of the last entry that is whole, its parts included. What follows is torn. */
	readonly goodBytes: number;
	/** The number of the entry after it. */
	readonly nextSeq: number;
	/** Files that gap entries of this segment tell of. */
	readonly told: ReadonlySet<string>;
	readonly isTorn: boolean;
}

export interface InspectionOptions {
	/** Where the lines stand, when not in the segment's place. */
	readonly path?: string;
	/** Called with each line that is an entry in its place. */
	readonly line?: (line: Buffer) => void;
	/** Called when the lines since the last call are whole entries. */
	readonly whole?: () => void;
}

/** Reads a segment as a writer finds it: how far it is whole. */
export function inspectSegment(folder: string, first: number, options: InspectionOptions = {}): Inspection {
	let goodBytes = 0;
	let nextSeq = first;
	let seq = first;
	let partsLeft = 0;
	const told = new Set<string>();
	const each: EachLine = (line, end) => {
		const entry = parseLine(line);
		if (entry === undefined || entry.seq !== seq || partsLeft > 0 !== (entry.type === "part")) return false;
		if (entry.type === "gap") told.add(entry.keptAs);
		options.line?.(line);
		partsLeft = partsLeft > 0 ? partsLeft - 1 : (entry.parts ?? 0);
		seq++;
		if (partsLeft === 0) {
			goodBytes = end;
			nextSeq = seq;
			options.whole?.();
		}
		return true;
	};
	const path = options.path ?? segmentPath(folder, first);
	if (options.path !== undefined || isOpen(folder, first)) {
		eachLineOf(path, each);
		return { goodBytes, nextSeq, told, isTorn: statSync(path).size > goodBytes };
	}
	const content = gunzipSync(readFileSync(sealedPath(folder, first)));
	eachLineIn(content, each);
	return { goodBytes, nextSeq, told, isTorn: content.length > goodBytes };
}
