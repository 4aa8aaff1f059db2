/**
 * The names of objects, below `PREFIX/NODE/`. Each is written once and never again with other content (docs/recording-format.md,
 * *An archive*): files that grow are there in pieces, each named by the byte that it begins with.
 */
import type { CHECKPOINTS } from "../checkpoint-file.js";
import type { RANGES } from "../ranges.js";
import { segmentName } from "../segments.js";

const SEGMENT = /^(\d{12,16})\.(jsonl\.gz|leaves|head)$/;
const PIECE = /^(checkpoints|ranges)\.(\d{15})$/;
const TORN = /^torn-(\d+)-(\d+)-\d+$/;
const OFFSET_DIGITS = 15;

export const NODE = "node";

export function sealedObject(first: number): string {
	return `${segmentName(first)}.gz`;
}

export function leavesObject(first: number): string {
	return segmentName(first).replace("jsonl", "leaves");
}

/** The beginning of a segment that was still being written. */
export function headObject(first: number): string {
	return segmentName(first).replace("jsonl", "head");
}

export function pieceObject(file: typeof CHECKPOINTS | typeof RANGES, offset: number): string {
	return `${file}.${String(offset).padStart(OFFSET_DIGITS, "0")}`;
}

export type ArchivedObject =
	| { readonly kind: "node" }
	| { readonly kind: "sealed" | "leaves" | "head"; readonly first: number }
	| { readonly kind: "piece"; readonly file: string; readonly offset: number }
	/** What a crash left, behind that byte of the segment. */
	| { readonly kind: "torn"; readonly first: number; readonly byte: number };

/** undefined: no object of an archive. */
export function parseObject(name: string): ArchivedObject | undefined {
	if (name === NODE) return { kind: "node" };
	const [, digits, form] = SEGMENT.exec(name) ?? [];
	if (digits !== undefined)
		return { kind: form === "jsonl.gz" ? "sealed" : (form as "leaves" | "head"), first: Number(digits) };
	const [, file, offset] = PIECE.exec(name) ?? [];
	if (file !== undefined) return { kind: "piece", file, offset: Number(offset) };
	const [, first, byte] = TORN.exec(name) ?? [];
	return first === undefined ? undefined : { kind: "torn", first: Number(first), byte: Number(byte) };
}
