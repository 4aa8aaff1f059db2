/**
 * The folder of a log as a writer finds it: locked, recovered, and with a name for its node.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFolder } from "../store/process-lock.js";
import { JournalError } from "./errors.js";
import { type Recovered, recover } from "./recovery.js";

export interface LogFolder extends Recovered {
	readonly node: string;
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

const NODE = "node";

/** The name of the log's node; undefined when nobody has written to the folder yet. */
export function readNodeName(folder: string): string | undefined {
	const file = join(folder, NODE);
	if (!existsSync(file)) return undefined;
	const text = readFileSync(file, "utf8");
	if (!/^n_[0-9a-f]{16}\n$/.test(text)) throw new JournalError("corrupt", `${file} does not hold a node's name`);
	return text.trimEnd();
}

function nodeName(folder: string): string {
	const known = readNodeName(folder);
	if (known !== undefined) return known;
	const made = `n_${randomBytes(8).toString("hex")}`;
	writeFileSync(join(folder, NODE), `${made}\n`, { mode: 0o600, flush: true });
	return made;
}
