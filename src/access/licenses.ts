/**
 * The shelf: the licenses in force, kept in step with their folder.
 *
 * It fails closed. A license whose file is gone, no longer parses, or declares an id that another file declares too is
 * withdrawn, whatever was in force before: what stands in the folder is what the people in charge mean, and a license
 * that they cannot read there must not go on permitting things. Because an editor may be half-way through writing, a
 * change that would withdraw a license is looked at a second time before it counts.
 */
import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readRegularDocument, reasonOf } from "../config/file.js";
import { formatProblem, type Problem } from "../config/problem.js";
import { type Installation, type License, parseLicense, withMaskKey } from "../licensing/license.js";
import type { Entry } from "../recorder/entry.js";
import type { Logger } from "../telemetry/log.js";

export interface LicenseShelfOptions {
	readonly folder: string;
	/** The secret that hash masks are keyed with: `store.secret("masks")`. */
	readonly maskSecret: Uint8Array;
	readonly installation?: Installation;
	/** Writes an entry to the recording; throws when it cannot be written. */
	readonly record: (entry: Entry) => void;
	readonly log: Logger;
	/** How often the folder is looked at, for where the system does not tell of changes (network file systems). */
	readonly pollMs?: number;
}

export type LicenseListener = (id: string) => void;

const EXTENSION = /\.(ya?ml|json)$/i;
const POLL_MS = 2000;
/** Quiet time after the last sign of a change. */
const SETTLE_MS = 100;
const SETTLE_LIMIT_MS = 500;
/** How much later a change that would withdraw a license is looked at again. */
const CONFIRM_MS = 250;

interface Reading {
	readonly licenses: ReadonlyMap<string, License>;
	readonly problems: readonly Problem[];
	/** Says whether anything in the folder has changed since. */
	readonly signature: string;
}

export class LicenseShelf {
	readonly #options: LicenseShelfOptions;
	readonly #listeners = new Set<LicenseListener>();
	#reading: Reading = { licenses: new Map(), problems: [], signature: "" };
	#watcher: FSWatcher | undefined;
	#poll: NodeJS.Timeout | undefined;
	#settling: NodeJS.Timeout | undefined;
	#firstSign = 0;
	#loading: Promise<void> = Promise.resolve();
	#closed = false;

	private constructor(options: LicenseShelfOptions) {
		this.#options = options;
	}

	/** Loads the folder. Problems do not reject: what is sound is in force, and `problems` tells the rest. */
	static async open(options: LicenseShelfOptions): Promise<LicenseShelf> {
		const shelf = new LicenseShelf(options);
		await shelf.reload();
		shelf.#watch();
		return shelf;
	}

	get(id: string): License | undefined {
		return this.#reading.licenses.get(id);
	}

	all(): License[] {
		return [...this.#reading.licenses.values()];
	}

	problems(): readonly Problem[] {
		return this.#reading.problems;
	}

	/** Called with a license's id when it came, changed (get gives the new one) or was withdrawn (get gives undefined). */
	onChange(listener: LicenseListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Looks at the folder now. */
	reload(): Promise<void> {
		this.#loading = this.#loading.then(() => this.#load());
		return this.#loading;
	}

	close(): void {
		this.#closed = true;
		this.#watcher?.close();
		clearInterval(this.#poll);
		clearTimeout(this.#settling);
	}

	#watch(): void {
		const { folder, log } = this.#options;
		this.#poll = setInterval(() => void this.#pollFolder(), this.#options.pollMs ?? POLL_MS);
		this.#poll.unref();
		try {
			this.#watcher = watch(folder, { persistent: false }, () => this.#settle());
			this.#watcher.on("error", (error) =>
				log.warn({ err: error }, "the folder of licenses is only polled from now on"),
			);
		} catch (error) {
			log.warn({ err: error }, "the system does not tell of changes to the folder of licenses; it is polled");
		}
	}

	/** Waits for quiet, but not for ever: a folder in which something changes all the time is looked at too. */
	#settle(): void {
		if (this.#settling === undefined) this.#firstSign = performance.now();
		else if (performance.now() - this.#firstSign > SETTLE_LIMIT_MS) return;
		clearTimeout(this.#settling);
		this.#settling = setTimeout(() => {
			this.#settling = undefined;
			void this.reload();
		}, SETTLE_MS);
		this.#settling.unref();
	}

	async #pollFolder(): Promise<void> {
		if (this.#settling !== undefined) return;
		const signature = await signatureOf(this.#options.folder);
		if (!this.#closed && signature !== this.#reading.signature) this.#settle();
	}

	async #load(): Promise<void> {
		if (this.#closed) return;
		let reading = await this.#read();
		if (withdraws(this.#reading, reading)) {
			await new Promise((resolve) => setTimeout(resolve, CONFIRM_MS));
			reading = await this.#read();
		}
		if (this.#closed) return;
		const before = this.#reading;
		this.#reading = reading;
		this.#tellProblems(before, reading);
		this.#tellChanges(before, reading);
	}

	async #read(): Promise<Reading> {
		const { folder, maskSecret, installation } = this.#options;
		const signature = await signatureOf(folder);
		const problems: Problem[] = [];
		const byId = new Map<string, License[]>();
		for (const file of await licenseFiles(folder, problems)) {
			const result = await readLicense(file, installation);
			if ("problems" in result) {
				problems.push(...result.problems);
				continue;
			}
			const license = withMaskKey(result.license, maskSecret);
			byId.set(license.id, [...(byId.get(license.id) ?? []), license]);
		}
		const licenses = new Map<string, License>();
		for (const [id, same] of byId) {
			const [only] = same;
			if (only !== undefined && same.length === 1) licenses.set(id, only);
			else problems.push(...same.map((license) => duplicate(license, same)));
		}
		return { licenses, problems, signature };
	}

	#tellProblems(before: Reading, after: Reading): void {
		const known = new Set(before.problems.map(formatProblem));
		for (const problem of after.problems) {
			const message = formatProblem(problem);
			if (known.has(message)) continue;
			this.#options.log.error(
				{ file: problem.file, line: problem.line, key: problem.path },
				`license refused: ${message}`,
			);
			const was = [...before.licenses.values()].find((license) => license.file === problem.file);
			this.#record({ type: "license.reject", license: was?.id ?? "", licenseDigest: was?.digest ?? "", message });
		}
	}

	#tellChanges(before: Reading, after: Reading): void {
		const changed: string[] = [];
		for (const [id, license] of after.licenses) {
			if (before.licenses.get(id)?.digest === license.digest) continue;
			changed.push(id);
			this.#options.log.info({ license: id, version: license.version, digest: license.digest }, "license in force");
			this.#record(entryOf("license.load", license, `version ${license.version} from ${license.file}`));
		}
		for (const [id, license] of before.licenses) {
			if (after.licenses.has(id)) continue;
			changed.push(id);
			this.#options.log.warn({ license: id }, "license withdrawn");
			this.#record(entryOf("license.unload", license, "withdrawn: no sound file declares it"));
		}
		for (const id of changed) this.#tell(id);
	}

	#tell(id: string): void {
		for (const listener of this.#listeners) {
			try {
				listener(id);
			} catch (error) {
				this.#options.log.error({ err: error, license: id }, "a license's change could not be told to all");
			}
		}
	}

	/** What is in force follows the folder even when that cannot be recorded: withdrawing must never fail. */
	#record(entry: Entry): void {
		try {
			this.#options.record(entry);
		} catch (error) {
			this.#options.log.error({ err: error, entry: entry.type }, "a license's change could not be recorded");
		}
	}
}

function withdraws(before: Reading, after: Reading): boolean {
	return [...before.licenses.keys()].some((id) => !after.licenses.has(id));
}

function duplicate(license: License, same: readonly License[]): Problem {
	const others = same.filter((other) => other !== license).map((other) => other.file);
	const message = `"${license.id}" is declared in ${others.join(", ")} too; neither is in force until one is renamed`;
	return { file: license.file, line: 1, column: 1, path: "metadata.id", message };
}

function problemOf(file: string, message: string): Problem {
	return { file, line: 1, column: 1, path: "", message };
}

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** Names are sorted, so that messages and entries come in the same order everywhere. Hidden files are nobody's license. */
async function namesIn(folder: string): Promise<string[]> {
	const names = await readdir(folder);
	return names.filter((name) => EXTENSION.test(name) && !name.startsWith(".")).sort();
}

async function licenseFiles(folder: string, problems: Problem[]): Promise<string[]> {
	try {
		return (await namesIn(folder)).map((name) => join(folder, name));
	} catch (error) {
		problems.push(problemOf(folder, `the folder of licenses cannot be read: ${reasonOf(error)}`));
		return [];
	}
}

async function readLicense(
	file: string,
	installation: Installation | undefined,
): Promise<ReturnType<typeof parseLicense>> {
	const read = await readRegularDocument(file);
	return "problems" in read ? read : parseLicense(read.text, file, installation);
}

/** Changes whenever a file comes, goes or is written. */
async function signatureOf(folder: string): Promise<string> {
	try {
		const names = await namesIn(folder);
		const states = names.map(async (name) => {
			try {
				const { mtimeMs, ctimeMs, size, ino } = await stat(join(folder, name));
				return `${name}:${mtimeMs}:${ctimeMs}:${size}:${ino}`;
			} catch (error) {
				return `${name}:${codeOf(error)}`;
			}
		});
		return (await Promise.all(states)).join("\n");
	} catch (error) {
		return codeOf(error);
	}
}

function entryOf(type: "license.load" | "license.unload", license: License, message: string): Entry {
	const entry = { type, license: license.id, licenseDigest: license.digest, message };
	/* What is in force is in the recording itself, for whoever judges a session by it. */
	return type === "license.load" ? { ...entry, document: license.document } : entry;
}
