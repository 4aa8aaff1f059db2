/**
 * Reading the log: entries in order, in bounded memory, while it is being written or not. What is at the end and not
 * whole is about to be written (or torn, which the writer finds out at its next start): reading ends before it.
 */
import type { LoggedEntry } from "./entry.js";
import { JournalError } from "./errors.js";
import type { Position } from "./journal.js";
import { LineSplitter } from "./lines.js";
import { joinParts } from "./parts.js";
import { openSegment, type SegmentSource } from "./segment-source.js";
import { LINE_BYTES, listSegments, parseLine, segmentName } from "./segments.js";

const GAP = Buffer.from('"type":"gap"');
const BOUND = Buffer.from('"type":"session.');
const STATEMENT = Buffer.from('"type":"statement"');
const TRIM = Buffer.from('"type":"trim"');
const SESSION = Buffer.from('"session":');
const START: Position = { segment: 0, offset: 0 };

export interface Located {
	readonly entry: LoggedEntry;
	readonly position: Position;
}

interface Line {
	readonly bytes: Buffer;
	readonly position: Position;
}

/** Tells from a line's bytes whether it is worth parsing. */
type Sieve = (line: Buffer) => boolean;

export class LogReader {
	readonly #folder: string;

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** All entries from a position on, long values put together again. */
	entries(from: Position = START): AsyncGenerator<Located> {
		return this.#read(from, () => true);
	}

	/** Starts and ends of sessions from a position on. */
	bounds(from: Position = START): AsyncGenerator<Located> {
		return this.#read(from, (line) => line.includes(BOUND));
	}

	/** What a search needs, from a position on: statements, bounds of sessions, and what retention removed. */
	searchable(from: Position = START): AsyncGenerator<Located> {
		return this.#read(from, (line) => line.includes(STATEMENT) || line.includes(BOUND) || line.includes(TRIM));
	}

	/** Entries of some sessions from a position on. */
	async *ofSessions(ids: ReadonlySet<string>, from: Position = START): AsyncGenerator<LoggedEntry> {
		for await (const { entry } of this.#read(from, (line) => line.includes(SESSION))) {
			if ("session" in entry && ids.has(entry.session)) yield entry;
		}
	}

	/**
	 * The entries of one session from its start to its end (or to the end of the log), and the gaps between them. Gives
	 * nothing when the session does not start at or after `from`.
	 */
	async *session(id: string, from: Position = START): AsyncGenerator<LoggedEntry> {
		const needle = Buffer.from(`"session":${JSON.stringify(id)}`);
		let started = false;
		for await (const { entry } of this.#read(from, (line) => line.includes(needle) || line.includes(GAP))) {
			if (entry.type === "gap" ? !started : !("session" in entry) || entry.session !== id) continue;
			if (entry.type === "session.start") started = true;
			if (!started) continue;
			yield entry;
			if (entry.type === "session.end") return;
		}
	}

	/**
	 * Where a session starts. `hint`: where an index says it does, which is looked at first; if that is not so, the whole
	 * log is looked through. Undefined: it starts nowhere.
	 */
	async startOf(id: string, hint?: Position): Promise<Position | undefined> {
		const isStart = ({ entry }: Located) => entry.type === "session.start" && entry.session === id;
		if (hint !== undefined) {
			const first = await this.#firstBound(hint);
			if (first !== undefined && isStart(first)) return first.position;
		}
		for await (const bound of this.bounds()) if (isStart(bound)) return bound.position;
		return undefined;
	}

	async #firstBound(from: Position): Promise<Located | undefined> {
		try {
			for await (const bound of this.bounds(from)) return bound;
		} catch (error) {
			/* A wrong position can lie in the middle of an entry. */
			if (!(error instanceof JournalError)) throw error;
		}
		return undefined;
	}

	async *#read(from: Position, sieve: Sieve): AsyncGenerator<Located> {
		let head: Located | undefined;
		let parts: LoggedEntry[] = [];
		for await (const lines of this.#lines(from)) {
			for (const line of lines) {
				if (head === undefined && !sieve(line.bytes)) continue;
				const entry = parseAt(line);
				if (head === undefined) {
					/* A part here is one whose entry the sieve has held back. */
					if (entry.type === "part") continue;
					if (entry.parts === undefined) yield { entry, position: line.position };
					else head = { entry, position: line.position };
					continue;
				}
				parts.push(entry);
				if (parts.length < (head.entry.parts ?? 0)) continue;
				const whole = joinParts(head.entry, parts);
				if (whole === undefined) throw damaged(head.position, "its parts do not belong together");
				yield { entry: whole, position: head.position };
				head = undefined;
				parts = [];
			}
		}
	}

	/** Whole lines, a chunk's at a time. */
	async *#lines(from: Position): AsyncGenerator<readonly Line[]> {
		let segment = this.#segmentAt(from.segment);
		while (segment !== undefined) {
			const source = await openSegment(this.#folder, segment);
			try {
				segment = yield* this.#segmentLines(source, segment, segment === from.segment ? from.offset : 0);
			} finally {
				await source.close();
			}
		}
	}

	/** Gives a segment's whole lines and tells the segment after it. */
	async *#segmentLines(
		source: SegmentSource,
		segment: number,
		offset: number,
	): AsyncGenerator<readonly Line[], number | undefined> {
		let position = offset;
		for (;;) {
			/* Asked before reading: a segment that has a successor then is finished, and read to its true end. */
			const next = this.#segmentAt(segment + 1);
			const { end, rest } = yield* wholeLines(source, segment, position);
			if (next !== undefined) {
				/* Only the last segment may end in the middle of an entry. */
				if (rest > 0) throw damaged({ segment, offset: end }, "it ends in the middle of an entry");
				return next;
			}
			if (this.#segmentAt(segment + 1) === undefined) return undefined;
			position = end;
		}
	}

	/** The first segment that starts at or after an entry's number. */
	#segmentAt(least: number): number | undefined {
		return listSegments(this.#folder).find((first) => first >= least);
	}
}

/** Gives a segment's whole lines; tells where the last of them ended and how many bytes came after it. */
async function* wholeLines(
	source: SegmentSource,
	segment: number,
	offset: number,
): AsyncGenerator<readonly Line[], { readonly end: number; readonly rest: number }> {
	const splitter = new LineSplitter();
	/** Where the next line starts. */
	let position = offset;
	for await (const chunk of source.chunks(offset)) {
		const lines: Line[] = [];
		for (const bytes of splitter.take(chunk)) {
			lines.push({ bytes, position: { segment, offset: position } });
			position += bytes.length + 1;
		}
		if (splitter.restBytes > LINE_BYTES) {
			throw damaged({ segment, offset: position }, "a line is longer than any entry");
		}
		if (lines.length > 0) yield lines;
	}
	return { end: position, rest: splitter.restBytes };
}

function parseAt(line: Line): LoggedEntry {
	const entry = parseLine(line.bytes);
	if (entry === undefined) throw damaged(line.position, "this is no entry");
	return entry;
}

function damaged(position: Position, what: string): JournalError {
	return new JournalError("corrupt", `${segmentName(position.segment)}, byte ${position.offset}: ${what}`);
}
