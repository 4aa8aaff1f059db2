/**
 * A document's file → its text: bounded, and UTF-8 or refused. A byte that is not UTF-8 would silently become another
 * character, and a deny of `app.café` that was saved as Latin-1 would then name no table at all.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { DOCUMENT_BYTES } from "./bounds.js";
import type { Problem } from "./problem.js";

export type TextResult = { readonly text: string } | { readonly problems: readonly Problem[] };

/** One byte more than a document may have tells that it is too long, also of a device that never ends. */
const READ_BYTES = DOCUMENT_BYTES + 1;

/** A file that a person named: it may be a pipe (`licet license validate <(…)`). */
export function readDocument(file: string): TextResult {
	try {
		const descriptor = openSync(file, "r");
		try {
			const bytes = Buffer.alloc(READ_BYTES);
			let used = 0;
			for (let got = -1; got !== 0 && used < READ_BYTES; used += got)
				got = readSync(descriptor, bytes, used, READ_BYTES - used, null);
			return textOf(bytes.subarray(0, used), file);
		} finally {
			closeSync(descriptor);
		}
	} catch (error) {
		return unreadable(file, reasonOf(error));
	}
}

/** A file that was found in a folder: a pipe there would wait for ever for somebody who writes. */
export async function readRegularDocument(file: string): Promise<TextResult> {
	try {
		const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
		try {
			const status = await handle.stat();
			if (!status.isFile()) return unreadable(file, status.isDirectory() ? IS_FOLDER : "it is no regular file");
			const bytes = Buffer.alloc(Math.min(status.size + 1, READ_BYTES));
			let used = 0;
			for (let got = -1; got !== 0 && used < bytes.length; used += got) {
				got = (await handle.read(bytes, used, bytes.length - used)).bytesRead;
			}
			return textOf(bytes.subarray(0, used), file);
		} finally {
			await handle.close();
		}
	} catch (error) {
		return unreadable(file, reasonOf(error));
	}
}

function textOf(bytes: Buffer, file: string): TextResult {
	if (bytes.length > DOCUMENT_BYTES) {
		return problemAt(file, 1, 1, `is too long; expected a document of at most ${DOCUMENT_BYTES} bytes`);
	}
	try {
		return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
	} catch {
		if (isUtf16(bytes)) return problemAt(file, 1, 1, "is UTF-16 text; expected UTF-8");
		const { line, column } = firstFault(bytes);
		return problemAt(file, line, column, "is not UTF-8 text from here on; expected a document in UTF-8");
	}
}

function isUtf16(bytes: Buffer): boolean {
	return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}

const REPLACEMENT = "\ufffd";
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);

/** Where the first byte stands that belongs to no character. Read leniently, it is a replacement character that nobody wrote. */
function firstFault(bytes: Buffer): { readonly line: number; readonly column: number } {
	const text = bytes.toString("utf8");
	let offset = 0;
	let at = 0;
	for (let from = 0; ; from = at + 1) {
		at = text.indexOf(REPLACEMENT, from);
		/* There is one: the text was refused. */
		if (at === -1) return { line: 1, column: 1 };
		offset += Buffer.byteLength(text.slice(from, at));
		if (!bytes.subarray(offset, offset + REPLACEMENT_BYTES.length).equals(REPLACEMENT_BYTES)) break;
		offset += REPLACEMENT_BYTES.length;
	}
	const before = text.slice(0, at);
	return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

const IS_FOLDER = "it is a folder";

/** Why a file could not be opened or read, in words. */
export function reasonOf(error: unknown): string {
	const code = error instanceof Error && "code" in error ? error.code : undefined;
	switch (code) {
		case "ENOENT":
			return "there is no such file";
		case "ENOTDIR":
			return "a part of its path is no folder";
		case "EISDIR":
			return IS_FOLDER;
		case "EACCES":
		case "EPERM":
			return "this user may not read it";
		case "ELOOP":
			return "its symbolic links lead in a circle";
		default:
			return error instanceof Error ? error.message : String(error);
	}
}

function unreadable(file: string, reason: string): TextResult {
	return problemAt(file, 1, 1, `cannot be read: ${reason}`);
}

function problemAt(file: string, line: number, column: number, message: string): TextResult {
	return { problems: [{ file, line, column, path: "", message }] };
}
