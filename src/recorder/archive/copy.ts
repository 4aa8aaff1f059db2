/**
 * A copy of an archive, as it was downloaded into a folder, made into a log's folder that everything here can read: links
 * to what is there as it is, the pieces of files put together, and of the last segment the beginning that the last
 * checkpoint covers. What came after that (an upload that was interrupted, or goes on) is left out.
 *
 * It judges nothing: a copy in which something is missing or wrong becomes a log that does not verify.
 */
import {
	appendFileSync,
	closeSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseChained } from "../checkpoint.js";
import { CHECKPOINTS, readLastNote } from "../checkpoint-file.js";
import { JournalError } from "../errors.js";
import { LineSplitter } from "../lines.js";
import { LEAF_PREFIX_BYTES } from "../notary.js";
import { parseRange, RANGES } from "../ranges.js";
import { leavesPath, segmentName } from "../segments.js";
import { leafHash } from "../tree.js";
import { type ArchivedObject, headObject, parseObject, pieceObject } from "./objects.js";

/** Whether a folder is such a copy, and no log's own. */
export function isArchiveCopy(folder: string): boolean {
	const names = readdirSync(folder);
	return !names.includes(CHECKPOINTS) && names.some((name) => parseObject(name)?.kind === "piece");
}

export interface AssembledCopy {
	readonly folder: string;
	remove(): void;
}

/** Throws JournalError ("corrupt") when there is nothing that could be a log. */
export function assembleCopy(copy: string): AssembledCopy {
	const folder = mkdtempSync(join(tmpdir(), "licet-archive-"));
	const remove = () => rmSync(folder, { recursive: true, force: true });
	try {
		assemble(resolve(copy), folder);
		return { folder, remove };
	} catch (error) {
		remove();
		throw error;
	}
}

function assemble(copy: string, folder: string): void {
	const objects = new Map<string, ArchivedObject>();
	for (const name of readdirSync(copy)) {
		const object = parseObject(name);
		if (object !== undefined) objects.set(name, object);
	}
	for (const file of [CHECKPOINTS, RANGES] as const) joinPieces(copy, folder, file, objects);
	const { note } = readLastNote(folder);
	const size = note === undefined ? undefined : parseChained(note)?.size;
	if (size === undefined) throw new JournalError("corrupt", "the copy's last checkpoint is none");
	const heads = [...objects.values()].flatMap((one) => (one.kind === "head" && one.first < size ? [one.first] : []));
	if (heads.length === 0) {
		throw new JournalError(
			"corrupt",
			`the beginning of the segment that ends with entry ${size - 1} is missing (….head)`,
		);
	}
	const end = Math.max(...heads);
	const headBytes = statSync(join(copy, headObject(end))).size;
	for (const [name, object] of objects) {
		if (belongs(object, end, headBytes)) symlinkSync(join(copy, name), join(folder, name));
	}
	cutRanges(folder, end);
	symlinkSync(join(copy, headObject(end)), join(folder, segmentName(end)));
	writeFileSync(leavesPath(folder, end), leavesOf(readFileSync(join(copy, headObject(end)))), { mode: 0o600 });
}

/** A piece of ranges comes before the checkpoints that it goes with: what tells of later segments is not yet part of the log. */
function cutRanges(folder: string, end: number): void {
	const path = join(folder, RANGES);
	const lines = readFileSync(path, "latin1").split("\n");
	const later = lines.findIndex((line) => (parseRange(line)?.begin ?? -1) >= end);
	if (later !== -1)
		writeFileSync(
			path,
			lines
				.slice(0, later)
				.map((line) => `${line}\n`)
				.join(""),
			"latin1",
		);
}

/** They only help to name an entry that was changed, so they need not have been kept. */
function leavesOf(lines: Buffer): Buffer {
	const leaves = [...new LineSplitter().take(lines)].map((line) => leafHash(line).slice(0, LEAF_PREFIX_BYTES));
	return Buffer.from(leaves.join(""), "latin1");
}

/** Whether an object is, as it is, a file of the log that ends with that head. */
function belongs(object: ArchivedObject, end: number, headBytes: number): boolean {
	switch (object.kind) {
		case "node":
			return true;
		case "sealed":
		case "leaves":
			return object.first < end;
		case "torn":
			return object.first < end || (object.first === end && object.byte < headBytes);
		case "head":
		case "piece":
			return false;
		default:
			object satisfies never;
			return false;
	}
}

/** One behind the other; where one is missing, what follows is of no use. */
function joinPieces(
	copy: string,
	folder: string,
	file: typeof CHECKPOINTS | typeof RANGES,
	objects: ReadonlyMap<string, ArchivedObject>,
): void {
	let pieces = 0;
	for (const object of objects.values()) if (object.kind === "piece" && object.file === file) pieces++;
	const fd = openSync(join(folder, file), "wx", 0o600);
	try {
		let bytes = 0;
		for (let joined = 0; joined < pieces; joined++) {
			const name = pieceObject(file, bytes);
			if (!objects.has(name))
				throw new JournalError("corrupt", `a piece of the file ${file} is missing: expected ${name}`);
			const content = readFileSync(join(copy, name));
			if (content.length === 0) throw new JournalError("corrupt", `${name} is empty`);
			appendFileSync(fd, content);
			bytes += content.length;
		}
	} finally {
		closeSync(fd);
	}
}
