/**
 * The recorder of one node: its journal, the index of its sessions and the reader of its log as one thing.
 */
import type { KeyObject } from "node:crypto";
import { dirname, join } from "node:path";
import type { Store } from "../store/store.js";
import type { Logger } from "../telemetry/log.js";
import { Archive, type ArchiveTerms } from "./archive/archive.js";
import { keyId } from "./auditor-key.js";
import { wallClock } from "./clock.js";
import type { Entry, LoggedEntry } from "./entry.js";
import { JournalError } from "./errors.js";
import { Evidence } from "./evidence.js";
import { Forgetter } from "./forget.js";
import { SessionIndex } from "./index.js";
import { Journal } from "./journal.js";
import type { KeyOptions } from "./keys.js";
import { LogReader } from "./reader.js";
import type { RetentionTerms } from "./retention.js";
import { SessionSeal } from "./seal.js";
import type { SearchAnswer, SearchQuery } from "./search/query.js";
import { Search } from "./search/search.js";
import type { SessionFilter } from "./session-filter.js";
import { SessionKeys } from "./session-keys.js";
import type { SessionSummary } from "./session-rows.js";
import { type FoundSessions, type LiveCounters, Sessions } from "./sessions.js";

export interface RecorderOptions {
	/** data/log */
	readonly folder: string;
	readonly store: Store;
	readonly log: Logger;
	/** Milliseconds since the epoch with fractions; the wall clock with microseconds when absent. */
	readonly now?: () => number;
	readonly segmentBytes?: number;
	/** The keys that sign; in the folder `keys` beside the log's when absent. */
	readonly keys?: Omit<KeyOptions, "name">;
	readonly retention?: RetentionTerms;
	/** Where sealed segments go to, and what retention then waits for. */
	readonly archive?: ArchiveTerms | undefined;
	/** Milliseconds between checkpoints while entries are written. */
	readonly checkpointMs?: number;
	/** Where the search index is kept; there is no search when absent. */
	readonly search?: { readonly folder: string };
	/** Where the keys of sealed sessions are kept, data/keys/sessions; by default beside the log. */
	readonly sessionKeysFolder?: string;
	/** The auditor's public key; without it nothing is sealed. */
	readonly auditorKey?: KeyObject | undefined;
	/** The keys of sessions are on the disk before they are used (`durability: strict`). */
	readonly durableKeys?: boolean;
}

/** How often writing is tried again while the log has failed: space that returned is used within a second. */
const REOPEN_MS = 1000;

export class Recorder {
	readonly journal: Journal;
	readonly reader: LogReader;
	readonly index: SessionIndex;
	/** Where the numbers of a running session come from. The gateway sets it. */
	countersOf: (session: string) => LiveCounters | undefined = () => undefined;
	readonly #options: RecorderOptions;
	readonly #now: () => number;
	readonly #log: Logger;
	#evidence: Evidence | undefined;
	#archive: Archive | undefined;
	readonly #search: Search | undefined;
	readonly #sessions: Sessions;
	readonly #sessionKeys: SessionKeys;
	readonly #forgetter: Forgetter;
	readonly #failureListeners = new Set<(error: JournalError) => void>();
	#reopening: NodeJS.Timeout | undefined;
	#isProbing = false;

	private constructor(options: RecorderOptions) {
		const { folder } = options;
		this.#options = options;
		this.#log = options.log;
		this.#now = options.now ?? wallClock();
		this.journal = Journal.open({
			folder,
			now: this.#now,
			...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
		});
		this.reader = new LogReader(folder);
		this.index = new SessionIndex({
			store: options.store,
			node: this.journal.node,
			log: options.log,
			written: () => {
				this.journal.flush();
				return this.journal.writtenPosition;
			},
		});
		this.#search = this.#openSearch(options);
		this.#sessions = new Sessions(this.index, this.#search, (session) => this.countersOf(session));
		const sessionKeysFolder = options.sessionKeysFolder ?? join(folder, "..", "keys", "sessions");
		this.#sessionKeys = new SessionKeys(sessionKeysFolder);
		this.#forgetter = new Forgetter({
			folder: sessionKeysFolder,
			keys: this.#sessionKeys,
			now: () => new Date((options.now ?? Date.now)()).toISOString(),
			record: async (entry) => {
				this.append(entry);
				await this.flushDurably();
			},
			isTold: (session) => this.#isForgotten(session),
		});
	}

	#openSearch({ search, folder, log }: RecorderOptions): Search | undefined {
		if (search === undefined) return undefined;
		const { node } = this.journal;
		return new Search({ folder: search.folder, logFolder: folder, node, log, nextSeq: () => this.journal.nextSeq });
	}

	async #isForgotten(session: string): Promise<boolean> {
		for await (const { entry } of this.reader.bounds()) {
			if (entry.type === "session.forget" && entry.session === session) return true;
		}
		return false;
	}

	/**
	 * What seals the entries of a session that is about to begin; its key is kept, wrapped for the auditor, when this
	 * resolves. Rejects with JournalError. `shapeOf`: see SessionSeal.
	 */
	async seal(session: string, shapeOf: (text: string) => string | undefined): Promise<SessionSeal> {
		const { auditorKey, durableKeys = false } = this.#options;
		if (auditorKey === undefined) throw new JournalError("failed", "nothing can be sealed without an auditor's key");
		return new SessionSeal(
			session,
			keyId(auditorKey),
			await this.#sessionKeys.create(session, auditorKey, durableKeys),
			shapeOf,
		);
	}

	/** Destroys the key of a session that has ended. Rejects with JournalError: "unknown" where there is none to destroy. */
	async forget(session: string, by: string, reason: string): Promise<void> {
		if (this.index.running().includes(session)) {
			throw new JournalError("unknown", `session ${session} is running; end it first (licet kill ${session})`);
		}
		await this.#forgetter.forget(session, by, reason);
	}

	/** Opens the log, brings the index up to it and ends the sessions that a crash left open. */
	static async open(options: RecorderOptions): Promise<Recorder> {
		const recorder = new Recorder(options);
		try {
			await recorder.index.catchUp(recorder.reader);
			await recorder.#endLostSessions();
			await recorder.#openEvidence();
			await recorder.#forgetter.resume();
		} catch (error) {
			recorder.journal.close();
			throw error;
		}
		return recorder;
	}

	async #openEvidence(): Promise<void> {
		const { folder, keys, retention, log, checkpointMs } = this.#options;
		const archive = this.#openArchive();
		this.#evidence = await Evidence.open({
			folder,
			journal: this.journal,
			now: this.#now,
			keys: keys ?? { folder: join(dirname(folder), "keys") },
			retention: retention ?? {},
			log,
			onFailure: (error) => this.#failed(error),
			removeKeys: (sessions) => this.#sessionKeys.remove(sessions),
			...(checkpointMs === undefined ? {} : { intervalMs: checkpointMs }),
			...(archive && { onSealed: () => archive.look(), mayRemove: (first: number) => archive.has(first) }),
		});
		archive?.start();
	}

	#openArchive(): Archive | undefined {
		const { folder, log, archive } = this.#options;
		if (archive === undefined) return undefined;
		const onCommitted = () => this.#evidence?.retain();
		this.#archive = new Archive({ ...archive, folder, node: this.journal.node, log, onCommitted });
		return this.#archive;
	}

	/** What signs the log. */
	get evidence(): Evidence {
		if (this.#evidence === undefined) throw new JournalError("failed", "the recording is not open yet");
		return this.#evidence;
	}

	async #endLostSessions(): Promise<void> {
		const from = this.index.oldestRunning();
		if (from === undefined) return;
		const totals = new Map(
			this.index.running().map((id) => [id, { statements: 0, denied: 0, rowsOut: 0, bytesOut: 0, bytesIn: 0 }]),
		);
		for await (const entry of this.reader.ofSessions(new Set(totals.keys()), from)) {
			const total = "session" in entry ? totals.get(entry.session) : undefined;
			if (total === undefined) continue;
			if (entry.type === "statement") {
				if (entry.parseOnly !== true) total.statements++;
				if (entry.decision.effect === "deny") total.denied++;
			} else if (entry.type === "result") {
				total.rowsOut += entry.rows;
				total.bytesOut += entry.bytes;
			}
		}
		for (const [session, total] of totals) {
			this.append({ type: "session.end", session, reason: "lost: the proxy stopped before its end", ...total });
		}
		this.flush();
	}

	/** Takes an entry into memory (the hot path). It must be flushed before what it tells of happens. See Journal.append. */
	append(entry: Entry): number {
		if (entry.type !== "session.start" && entry.type !== "session.end") return this.journal.append(entry);
		const position = this.journal.position;
		const seq = this.journal.append(entry);
		const at = this.journal.lastAt;
		if (entry.type === "session.start") this.index.started({ v: 1, seq, at, ...entry }, position);
		else this.index.ended({ v: 1, seq, at, ...entry });
		return seq;
	}

	/** Hands everything taken to the kernel. Throws JournalError: then nothing may go on. */
	flush(): void {
		try {
			this.journal.flush();
		} catch (error) {
			this.#failed(error);
			throw error;
		}
	}

	/** flush, then resolves when the disk has it (`durability: strict`). Rejects with JournalError. */
	async flushDurably(): Promise<void> {
		try {
			await this.journal.flushDurably();
		} catch (error) {
			this.#failed(error);
			throw error;
		}
	}

	/** Takes an entry and hands it over at once: for what is rare (grants, licenses, administration). */
	record(entry: Entry): number {
		const seq = this.append(entry);
		this.flush();
		return seq;
	}

	/** Calls back once each time the log begins to fail: all sessions must end. */
	onFailure(listener: (error: JournalError) => void): () => void {
		this.#failureListeners.add(listener);
		return () => this.#failureListeners.delete(listener);
	}

	#failed(error: unknown): void {
		if (!(error instanceof JournalError) || this.#reopening !== undefined) return;
		this.#log.error({ err: error }, "the recording cannot be written; sessions stop until it can");
		this.#reopening = setInterval(() => void this.#reopen(), REOPEN_MS);
		this.#reopening.unref();
		for (const listener of this.#failureListeners) listener(error);
	}

	async #reopen(): Promise<void> {
		if (this.#isProbing) return;
		this.#isProbing = true;
		try {
			/* Sessions may come as soon as the journal is open again, so the rest must work before. */
			await this.#evidence?.probe();
			this.journal.reopen();
		} catch {
			return;
		} finally {
			this.#isProbing = false;
		}
		clearInterval(this.#reopening);
		this.#reopening = undefined;
		this.#log.info("the recording is written again");
	}

	/** Newest first, running ones with their numbers as they are now. */
	sessions(filter: SessionFilter & { readonly limit?: number } = {}): Promise<SessionSummary[]> {
		return this.#sessions.list(filter);
	}

	session(id: string): Promise<SessionSummary | undefined> {
		return this.#sessions.one(id);
	}

	/** Sessions with a statement that holds a text. */
	sessionsWith(text: string, filter: SessionFilter & { readonly limit?: number }): Promise<FoundSessions> {
		return this.#sessions.holding(text, filter);
	}

	/** Statements by their text, newest first. Rejects with JournalError. */
	search(query: SearchQuery): Promise<SearchAnswer> {
		return this.#sessions.search(query);
	}

	/**
	 * The entries of a session, from its start. The index says where that is; if it is wrong, or has lost the session,
	 * the whole log is searched. Throws JournalError ("unknown") when there is no such session in this node's log.
	 */
	async *replay(session: string): AsyncGenerator<LoggedEntry> {
		const found = await this.index.get(session);
		if (found !== undefined && found.node !== this.journal.node) {
			throw new JournalError("unknown", `session ${session} is in the log of another node (${found.node})`);
		}
		const from = await this.reader.startOf(session, found?.position);
		if (from === undefined) throw new JournalError("unknown", `there is no session ${session} in the recording`);
		yield* this.reader.session(session, from);
	}

	async close(): Promise<void> {
		clearInterval(this.#reopening);
		try {
			await this.#search?.close();
			await this.index.close();
			await this.#archive?.close();
			await this.#evidence?.close();
		} finally {
			this.#sessionKeys.close();
			this.journal.close();
		}
	}
}
