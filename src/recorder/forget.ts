/**
 * Forgetting a session: its key is destroyed, which erases what its entries have sealed, and the log says so.
 *
 * In an order that a crash cannot break: what is to be done is written down beside the keys, then told in the log, then
 * done, then struck out. What is found written down at the start is finished. So no key is ever missing of which the log
 * does not say that it was destroyed, and none is left of which it does.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { syncPath } from "./disk.js";
import type { Entry } from "./entry.js";
import { JournalError } from "./errors.js";
import type { SessionKeys } from "./session-keys.js";

type Forgotten = Extract<Entry, { type: "session.forget" }>;

export interface ForgetterOptions {
	/** data/keys/sessions */
	readonly folder: string;
	readonly keys: SessionKeys;
	/** RFC 3339. */
	readonly now: () => string;
	/** Resolves when the entry is on the disk. */
	readonly record: (entry: Forgotten) => Promise<void>;
	/** Whether the log holds such an entry for a session. */
	readonly isTold: (session: string) => Promise<boolean>;
}

const PENDING = "forgetting.json";

export class Forgetter {
	readonly #options: ForgetterOptions;
	#queue: Promise<void> = Promise.resolve();

	constructor(options: ForgetterOptions) {
		this.#options = options;
	}

	/** Finishes what a crash has interrupted. */
	async resume(): Promise<void> {
		const pending = this.#pending();
		if (pending === undefined) return;
		if (!(await this.#options.isTold(pending.session))) await this.#options.record(pending);
		this.#destroy(pending.session);
	}

	/** One at a time. Rejects with JournalError: "unknown" where there is no key to destroy. */
	forget(session: string, by: string, reason: string): Promise<void> {
		const done = this.#queue.then(() => this.#forget({ type: "session.forget", session, by, reason }));
		this.#queue = done.catch(() => undefined);
		return done;
	}

	async #forget(entry: Forgotten): Promise<void> {
		const { session } = entry;
		await this.resume();
		const found = this.#options.keys.find(session);
		if (found === undefined) {
			throw new JournalError(
				"unknown",
				`session ${session} has no key here: its literals were not sealed by this node`,
			);
		}
		if (found.state === "destroyed") {
			throw new JournalError("unknown", `session ${session} is forgotten already, since ${found.at}`);
		}
		this.#writeDown(entry);
		try {
			await this.#options.record(entry);
		} catch (error) {
			// It may be in the log or not: what is written down stays, and is finished as soon as that can be told.
			throw new JournalError("failed", `session ${session} will be forgotten when the recording can be written again`, {
				cause: error,
			});
		}
		this.#destroy(session);
	}

	#destroy(session: string): void {
		this.#options.keys.destroy(session, this.#options.now());
		rmSync(join(this.#options.folder, PENDING), { force: true });
		syncPath(this.#options.folder);
	}

	#pending(): Forgotten | undefined {
		let text: string;
		try {
			text = readFileSync(join(this.#options.folder, PENDING), "utf8");
		} catch (error) {
			if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
			throw error;
		}
		return JSON.parse(text) as Forgotten;
	}

	/** Whole or not at all. */
	#writeDown(entry: Forgotten): void {
		const { folder } = this.#options;
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const path = join(folder, PENDING);
		const fd = openSync(`${path}.new`, "w", 0o600);
		try {
			writeSync(fd, JSON.stringify(entry));
			fsyncSync(fd);
		} finally {
			closeSync(fd);
		}
		renameSync(`${path}.new`, path);
		syncPath(folder);
	}
}
