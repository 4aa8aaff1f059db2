/**
 * Which CopyData frames of a COPY … TO STDOUT are rows. The server sends one frame a row; beside them, a line of names
 * under HEADER, and in binary format the signature (in one frame with the first row) and a trailer.
 * Specification: PostgreSQL documentation, chapter "COPY" (file formats).
 */
import type { Result } from "./result.js";

const headerBytes = 5;
/** Signature, flags and length of the header's extension. */
const signatureBytes = 19;
const trailerBytes = 2;

export const COPY_DONE: Buffer = Buffer.from([0x63, 0, 0, 0, 4]);

export function copyTrailer(): Buffer {
	return Buffer.from([0x64, 0, 0, 0, 6, 0xff, 0xff]);
}

/** `end`: of the frame, as far as it has arrived; all of it when it is short. */
export function isCopyRow(result: Result, data: Buffer, start: number, end: number): boolean {
	const { copy } = result.execution.verdict.facts;
	const isFirst = result.copyFrames === 0;
	result.copyFrames += 1;
	if (copy?.format !== "binary") return !(isFirst && copy?.header === true);
	const body = end - start - headerBytes;
	const isTrailer = body === trailerBytes || (isFirst && body === signatureBytes + trailerBytes);
	return !(isTrailer && data[end - 2] === 0xff && data[end - 1] === 0xff);
}
