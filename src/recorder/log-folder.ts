/**
 * The folder of a log as a writer finds it: locked, its last segment inspected, what a crash left torn put aside.
 */
import { randomBytes } from "node:crypto";
import {
	closeSync,
	existsSync,
	fsyncSync,
	ftruncateSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	statSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { lockFolder } from "../store/process-lock.js";
import { JournalError } from "./errors.js";
import { inspectSegment, listSegments, segmentPath } from "./segments.js";

const COPY_BYTES = 1 << 20;
/** torn-<segment>-<byte>-<count>: never written over, for the end may be torn more than once at the same byte. */
const TORN = /^torn-(\d+)-\d+-\d+$/;

interface Torn {
	readonly keptAs: string;
	readonly bytes: number;
}

export interface LogFolder {
	readonly node: string;
	readonly segment: number;
	readonly bytes: number;
	readonly nextSeq: number;
	/** Torn ends that no gap entry tells of yet. */
	readonly torn: readonly Torn[];
	readonly release: () => void;
}

export function openLogFolder(folder: string): LogFolder {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const lock = lockFolder(folder);
	if ("holder" in lock) {
		throw new JournalError("locked", `another process (${lock.holder}) is writing the log in ${folder}`);
	}
	try {
		return { ...recover(folder), node: nodeName(folder), release: () => lock.release() };
	} catch (error) {
		lock.release();
		throw error;
	}
}

function nodeName(folder: string): string {
	const file = join(folder, "node");
	if (!existsSync(file)) writeFileSync(file, `n_${randomBytes(8).toString("hex")}\n`, { mode: 0o600, flush: true });
	const name = readFileSync(file, "utf8").trim();
	if (!/^n_[0-9a-f]{16}$/.test(name)) throw new JournalError("corrupt", `${file} does not hold a node's name`);
	return name;
}

function recover(folder: string): Omit<LogFolder, "node" | "release"> {
	const segment = listSegments(folder).at(-1) ?? 0;
	const file = segmentPath(folder, segment);
	if (!existsSync(file)) return { segment, bytes: 0, nextSeq: 0, torn: [] };
	const { goodBytes, nextSeq, told } = inspectSegment(folder, segment);
	if (statSync(file).size > goodBytes) {
		putAside(file, goodBytes, unusedName(join(folder, `torn-${segment}-${goodBytes}`)));
	}
	return { segment, bytes: goodBytes, nextSeq, torn: untold(folder, segment, told) };
}

function unusedName(stem: string): string {
	for (let count = 1; ; count++) {
		if (!existsSync(`${stem}-${count}`)) return `${stem}-${count}`;
	}
}

/** Copies the end of a file from `from` on to another, and then cuts it off: at no moment is it in neither. */
function putAside(file: string, from: number, aside: string): void {
	const source = openSync(file, "r+");
	const target = openSync(aside, "wx", 0o600);
	try {
		const chunk = Buffer.allocUnsafe(COPY_BYTES);
		for (let position = from; ; ) {
			const read = readSync(source, chunk, 0, chunk.length, position);
			if (read === 0) break;
			for (let done = 0; done < read; ) done += writeSync(target, chunk, done, read - done);
			position += read;
		}
		fsyncSync(target);
		ftruncateSync(source, from);
		fsyncSync(source);
	} finally {
		closeSync(target);
		closeSync(source);
	}
}

/** What was put aside from this segment and is told by no gap entry: now, or before a crash right after doing so. */
function untold(folder: string, segment: number, told: ReadonlySet<string>): Torn[] {
	const torn: Torn[] = [];
	for (const name of readdirSync(folder)) {
		if (Number(TORN.exec(name)?.[1]) !== segment || told.has(name)) continue;
		torn.push({ keptAs: name, bytes: statSync(join(folder, name)).size });
	}
	return torn;
}
