/**
 * The file `checkpoints`: all checkpoints of a log, oldest first, each followed by an empty line.
 *
 * None is ever taken out of it: each names the one before it, and one that was kept elsewhere may cover only entries that
 * retention has removed since, so that this file alone can tell of it. So it grows, on a busy node by 3 MB a day, and is
 * never held in memory: who goes on with it reads its end, who checks it reads one checkpoint after the other.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

export const CHECKPOINTS = "checkpoints";

const CHUNK_BYTES = 256 << 10;
/** A note with two signatures has 500 bytes; 64 KiB leaves room for 32 signatures and names of any length. */
const NOTE_BYTES = 64 << 10;
/** Ends a note's text, and behind its signatures the note. */
const EMPTY_LINE = "\n\n";
/** What a line of a signature begins with, and no line of a checkpoint's text. */
const SIGNATURE = Buffer.from("— ");

function openFile(folder: string): number | undefined {
	try {
		return openSync(join(folder, CHECKPOINTS), "r");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/** Gives the notes, oldest first; tells how many bytes come after the last whole one. Nothing when there is no file. */
export function* eachNote(folder: string): Generator<string, number> {
	const fd = openFile(folder);
	if (fd === undefined) return 0;
	try {
		let held: Buffer = Buffer.alloc(0);
		let position = 0;
		for (;;) {
			const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
			const read = readSync(fd, chunk, 0, chunk.length, position);
			if (read === 0) return held.length;
			position += read;
			held = Buffer.concat([held, chunk.subarray(0, read)]);
			let start = 0;
			for (let end = noteEnd(held, start); end !== -1; end = noteEnd(held, start)) {
				/* Latin-1 would keep every byte apart; UTF-8 that is none becomes U+FFFD and then no checkpoint. */
				yield held.toString("utf8", start, end - 1);
				start = end;
			}
			held = held.subarray(start);
			if (held.length > NOTE_BYTES) return fstatSync(fd).size - position + held.length;
		}
	} finally {
		closeSync(fd);
	}
}

/** Where the note that starts there ends, its empty line included; -1 when it does not. */
function noteEnd(bytes: Buffer, start: number): number {
	const text = bytes.indexOf(EMPTY_LINE, start);
	const end = text === -1 ? -1 : bytes.indexOf(EMPTY_LINE, text + EMPTY_LINE.length);
	return end === -1 ? -1 : end + EMPTY_LINE.length;
}

export interface LastNote {
	readonly note: string | undefined;
	/** Bytes of the file up to its end. What follows is torn. */
	readonly bytes: number;
}

/** The last whole note, from the file's end alone. Whether the rest is right is for the verifier to say. */
export function readLastNote(folder: string): LastNote {
	const fd = openFile(folder);
	if (fd === undefined) return { note: undefined, bytes: 0 };
	let tail: Buffer;
	let from: number;
	try {
		const { size } = fstatSync(fd);
		from = Math.max(0, size - 2 * NOTE_BYTES);
		tail = Buffer.alloc(size - from);
		for (let done = 0; done < tail.length; ) {
			const read = readSync(fd, tail, done, tail.length - done, from + done);
			if (read === 0) throw new Error(`${join(folder, CHECKPOINTS)} has become shorter while it was read`);
			done += read;
		}
	} finally {
		closeSync(fd);
	}
	return lastIn(tail, from) ?? (from === 0 ? { note: undefined, bytes: 0 } : lastOfAll(folder));
}

/** From the end of the file backwards: an empty line with signatures before it, and before these a text. */
function lastIn(tail: Buffer, from: number): LastNote | undefined {
	const before = (at: number) => (at < EMPTY_LINE.length ? -1 : tail.lastIndexOf(EMPTY_LINE, at - EMPTY_LINE.length));
	for (let end = tail.lastIndexOf(EMPTY_LINE); end !== -1; end = before(end)) {
		const textEnd = before(end);
		if (textEnd === -1) return undefined;
		const signatures = textEnd + EMPTY_LINE.length;
		if (!tail.subarray(signatures, signatures + SIGNATURE.length).equals(SIGNATURE)) continue;
		const previous = before(textEnd);
		if (previous === -1 && from > 0) return undefined;
		const start = previous === -1 ? 0 : previous + EMPTY_LINE.length;
		return { note: tail.toString("utf8", start, end + 1), bytes: from + end + EMPTY_LINE.length };
	}
	return undefined;
}

/** Where so much is torn that the end holds no note. */
function lastOfAll(folder: string): LastNote {
	const { size } = statSync(join(folder, CHECKPOINTS));
	const notes = eachNote(folder);
	let note: string | undefined;
	let next = notes.next();
	for (; next.done !== true; next = notes.next()) note = next.value;
	return { note, bytes: size - next.value };
}
