/**
 * The keys of sealed sessions, wrapped for the auditor (hpke.ts), beside the log and never in it: what the log proves holds
 * without them, and destroying one erases what its session's entries have sealed.
 *
 * A file holds lines of JSON of one length, a session each, so that a line can be overwritten where it stands: keys are
 * destroyed in place, not left behind in a file that is written anew. A new file is begun after FILE_LINES.
 */
import { type KeyObject, randomBytes } from "node:crypto";
import {
	closeSync,
	constants,
	fstatSync,
	fsyncSync,
	ftruncateSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { keyId } from "./auditor-key.js";
import { dataSynced, syncPath } from "./disk.js";
import { JournalError } from "./errors.js";
import { type Context, unwrap, wrap } from "./hpke.js";

/** 320: a line holds 32 bytes of ephemeral key and 48 of wrapped key in base64, two names and the punctuation. */
const LINE_BYTES = 320;
/** 5 MB a file: read in milliseconds when a session is looked for. */
const FILE_LINES = 16_384;
const KEY_BYTES = 32;
const NAME = /^(\d{6})\.keys$/;
const SESSION = /^[A-Za-z0-9_]{1,64}$/;
const OF_SESSION = /"session":"([A-Za-z0-9_]{1,64})"/;
/** Of a session that retention has removed. */
const EMPTY_LINE = Buffer.from(`${" ".repeat(LINE_BYTES - 1)}\n`);
const INFO = Buffer.from("licet/v1 session key");

export type SessionKey =
	| {
			readonly state: "kept";
			readonly session: string;
			/** Id of the auditor's key that it is wrapped for. */
			readonly recipient: string;
			readonly encapsulated: string;
			readonly wrapped: string;
	  }
	| { readonly state: "destroyed"; readonly session: string; readonly recipient: string; readonly at: string };

interface Place {
	readonly file: string;
	readonly offset: number;
}

function contextOf(session: string): Context {
	return { info: INFO, additional: Buffer.from(session) };
}

function lineOf(key: SessionKey): Buffer {
	const text = JSON.stringify(key);
	if (text.length >= LINE_BYTES) throw new JournalError("failed", "the key of a session does not fit its line");
	return Buffer.from(`${text.padEnd(LINE_BYTES - 1)}\n`, "latin1");
}

function fileName(number: number): string {
	return `${String(number).padStart(6, "0")}.keys`;
}

function filesIn(folder: string): string[] {
	try {
		return readdirSync(folder)
			.filter((name) => NAME.test(name))
			.sort();
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
		throw error;
	}
}

/** Finding and opening keys: for whoever has the folder, and to open them, the auditor's private key. */
export class SessionKeyReader {
	constructor(protected readonly folder: string) {}

	find(session: string): SessionKey | undefined {
		return this.locate(session)?.key;
	}

	protected locate(session: string): { readonly key: SessionKey; readonly place: Place } | undefined {
		if (!SESSION.test(session)) return undefined;
		const needle = `"session":"${session}"`;
		for (const name of filesIn(this.folder).reverse()) {
			const file = join(this.folder, name);
			const bytes = readFileSync(file);
			for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
				const offset = at - (at % LINE_BYTES);
				const key = parsed(bytes.subarray(offset, offset + LINE_BYTES));
				if (key?.session === session) return { key, place: { file, offset } };
			}
		}
		return undefined;
	}

	/** The key itself. Throws JournalError, which says why it cannot be had. */
	open(session: string, auditor: KeyObject): Buffer {
		const found = this.find(session);
		if (found === undefined)
			throw new JournalError("unknown", `there is no key of session ${session} in ${this.folder}`);
		if (found.state === "destroyed") {
			throw new JournalError(
				"unknown",
				`the key of session ${session} was destroyed at ${found.at}: it cannot be opened`,
			);
		}
		const id = keyId(auditor);
		if (found.recipient !== id) {
			const message = `session ${session} is sealed for the auditor's key ${found.recipient}, and this is ${id}`;
			throw new JournalError("unknown", message);
		}
		const wrapped = {
			encapsulated: Buffer.from(found.encapsulated, "base64"),
			ciphertext: Buffer.from(found.wrapped, "base64"),
		};
		const key = unwrap(wrapped, auditor, contextOf(session));
		if (key?.length !== KEY_BYTES) throw new JournalError("corrupt", `the key of session ${session} is damaged`);
		return key;
	}
}

function parsed(line: Buffer): SessionKey | undefined {
	try {
		return JSON.parse(line.toString("latin1")) as SessionKey;
	} catch {
		return undefined;
	}
}

/** Making and destroying keys: for the one process that writes the log. */
export class SessionKeys extends SessionKeyReader {
	#fd: number | undefined;
	#number = 0;
	#lines = 0;

	/** Makes a key, and keeps it wrapped before it is used. `durable`: on the disk. Rejects with JournalError. */
	async create(session: string, auditor: KeyObject, durable: boolean): Promise<Buffer> {
		if (!SESSION.test(session)) throw new JournalError("failed", `${session} is no name of a session`);
		const key = randomBytes(KEY_BYTES);
		const { encapsulated, ciphertext } = wrap(key, auditor, contextOf(session));
		const line = lineOf({
			state: "kept",
			session,
			recipient: keyId(auditor),
			encapsulated: encapsulated.toString("base64"),
			wrapped: ciphertext.toString("base64"),
		});
		try {
			const fd = this.#last();
			writeWhole(fd, line, this.#lines * LINE_BYTES);
			this.#lines += 1;
			if (durable) await dataSynced(fd);
		} catch (error) {
			throw new JournalError("failed", `the key of a session cannot be kept: ${String(error)}`, { cause: error });
		}
		return key;
	}

	/** The file that is written, with a line free in it. A line that a crash has cut is overwritten: its session never began. */
	#last(): number {
		if (this.#fd !== undefined && this.#lines < FILE_LINES) return this.#fd;
		mkdirSync(this.folder, { recursive: true, mode: 0o700 });
		if (this.#fd === undefined) this.#number = Number(filesIn(this.folder).at(-1)?.slice(0, 6) ?? 0);
		this.close();
		for (;;) {
			/* Not to append: lines are written where they belong. */
			const path = join(this.folder, fileName(this.#number));
			const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
			this.#lines = Math.floor(fstatSync(fd).size / LINE_BYTES);
			if (this.#lines < FILE_LINES) {
				ftruncateSync(fd, this.#lines * LINE_BYTES);
				syncPath(this.folder);
				this.#fd = fd;
				return fd;
			}
			closeSync(fd);
			this.#number += 1;
		}
	}

	/** Overwrites a session's key where it stands, on the disk. False: there is none, or it is destroyed already. */
	destroy(session: string, at: string): boolean {
		const found = this.locate(session);
		if (found === undefined || found.key.state === "destroyed") return false;
		const { recipient } = found.key;
		const fd = openSync(found.place.file, "r+");
		try {
			writeWhole(fd, lineOf({ state: "destroyed", session, recipient, at }), found.place.offset);
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
		return true;
	}

	/**
	 * Takes out the keys of sessions that are no longer in the log: their lines become empty, on the disk, and a file that
	 * has no other goes. Answers how many there were.
	 */
	async remove(sessions: ReadonlySet<string>): Promise<number> {
		if (sessions.size === 0) return 0;
		let removed = 0;
		const files = filesIn(this.folder);
		for (const name of files) {
			const path = join(this.folder, name);
			const { offsets, isEmpty } = linesOf(await readFile(path), sessions);
			if (offsets.length > 0) emptyLines(path, offsets);
			removed += offsets.length;
			/* The last one is written to, and its number leads on. */
			if (isEmpty && name !== files.at(-1)) rmSync(path);
		}
		if (removed > 0) syncPath(this.folder);
		return removed;
	}

	close(): void {
		if (this.#fd !== undefined) closeSync(this.#fd);
		this.#fd = undefined;
	}
}

/** Where lines of some sessions stand, and whether the file holds none of others. */
function linesOf(bytes: Buffer, sessions: ReadonlySet<string>): { offsets: number[]; isEmpty: boolean } {
	const offsets: number[] = [];
	let isEmpty = true;
	for (let offset = 0; offset < bytes.length; offset += LINE_BYTES) {
		const line = bytes.toString("latin1", offset, offset + LINE_BYTES);
		const session = OF_SESSION.exec(line)?.[1];
		if (session !== undefined && sessions.has(session)) offsets.push(offset);
		else if (line.trim() !== "") isEmpty = false;
	}
	return { offsets, isEmpty };
}

function emptyLines(path: string, offsets: readonly number[]): void {
	const fd = openSync(path, "r+");
	try {
		for (const offset of offsets) writeWhole(fd, EMPTY_LINE, offset);
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
}

function writeWhole(fd: number, bytes: Buffer, position: number): void {
	let done = 0;
	while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
