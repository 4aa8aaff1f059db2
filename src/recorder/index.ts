/**
 * The index of sessions: a table in the store with a line a session, kept by the running node as sessions start and end,
 * and made again from the log whenever wanted. It may lag or be lost; the log alone is the truth.
 *
 * Writing is put off and batched, so that a client that connects a thousand times a second costs no thousand syncs.
 */
import type { Transaction } from "kysely";
import type { Schema, SessionRow } from "../store/schema.js";
import type { Store } from "../store/store.js";
import type { Logger } from "../telemetry/log.js";
import type { Position } from "./journal.js";
import type { LogReader } from "./reader.js";
import type { SessionFilter } from "./session-filter.js";
import {
	endedRow,
	type IndexedSession,
	indexed,
	isIn,
	newestFirst,
	type SessionEnd,
	type SessionStart,
	type SessionSummary,
	selected,
	startedRow,
} from "./session-rows.js";

const WRITE_DELAY_MS = 250;
const RETRY_DELAY_MS = 2000;
/** Sessions in one transaction when the log is read in bulk. */
const BATCH_SESSIONS = 500;
/** With this many unwritten ones and a store that does not answer, the rest is left to the next start, which reads the log. */
const WAITING_SESSIONS = 50_000;

export class SessionIndex {
	readonly #store: Store;
	readonly #node: string;
	readonly #log: Logger;
	/**
	 * How far the log has been written: with what waits here, the index is complete up to there. Writes the log first, so
	 * that the index never knows of a session that the log does not.
	 */
	readonly #written: () => Position;
	/** This node's sessions that have not ended. */
	readonly #running = new Map<string, SessionRow>();
	readonly #waiting = new Map<string, SessionRow>();
	#behind = false;
	/** While the log is being read, only the reading itself may say how far the index has come. */
	#catchingUp = false;
	#timer: NodeJS.Timeout | undefined;
	#writing: Promise<void> = Promise.resolve();

	constructor(options: { store: Store; node: string; log: Logger; written: () => Position }) {
		this.#store = options.store;
		this.#node = options.node;
		this.#log = options.log;
		this.#written = options.written;
	}

	started(entry: SessionStart, position: Position): void {
		const row = startedRow(this.#node, entry, position);
		this.#running.set(row.id, row);
		this.#wait(row);
	}

	ended(entry: SessionEnd): void {
		const row = this.#running.get(entry.session);
		if (row === undefined) return;
		this.#running.delete(row.id);
		this.#wait(endedRow(row, entry));
	}

	/** Identifiers of this node's sessions that have not ended. */
	running(): string[] {
		return [...this.#running.keys()];
	}

	/** Where the oldest running session starts. */
	oldestRunning(): Position | undefined {
		let oldest: SessionRow | undefined;
		for (const row of this.#running.values()) {
			if (oldest === undefined || isBefore(row, oldest)) oldest = row;
		}
		return oldest === undefined ? undefined : { segment: oldest.segment, offset: oldest.segment_offset };
	}

	#wait(row: SessionRow): void {
		if (this.#waiting.size >= WAITING_SESSIONS && !this.#waiting.has(row.id)) {
			this.#behind = true;
			return;
		}
		this.#waiting.set(row.id, row);
		this.#schedule(WRITE_DELAY_MS);
	}

	#schedule(delayMs: number): void {
		if (this.#timer !== undefined || this.#catchingUp) return;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.settle().catch((error: unknown) => {
				this.#log.warn({ err: error }, "the index of sessions could not be written; it will be tried again");
				this.#schedule(RETRY_DELAY_MS);
			});
		}, delayMs);
		this.#timer.unref();
	}

	/** Writes what waits. Rejects when the store does not take it; it then goes on waiting. */
	settle(): Promise<void> {
		const written = this.#writing.then(() => this.#writeWaiting(this.#written()));
		this.#writing = written.catch(() => undefined);
		return written;
	}

	async #writeWaiting(through: Position): Promise<void> {
		const rows = [...this.#waiting.values()];
		if (rows.length === 0) return;
		await this.#store.db.transaction().execute(async (transaction) => {
			for (const row of rows) await upsert(transaction, row);
			if (!this.#behind) await this.#mark(transaction, through);
		});
		/* A newer state of the same session may have come to wait meanwhile, and goes on waiting. */
		for (const row of rows) {
			if (this.#waiting.get(row.id) === row) this.#waiting.delete(row.id);
		}
	}

	async #mark(transaction: Transaction<Schema>, through: Position): Promise<void> {
		const values = { segment: through.segment, segment_offset: through.offset };
		await transaction
			.insertInto("licet_indexed")
			.values({ node: this.#node, ...values })
			.onConflict((conflict) => conflict.column("node").doUpdateSet(values))
			.execute();
	}

	/** Reads what the log holds beyond the index. To be called before the node writes to the log. */
	async catchUp(reader: LogReader): Promise<void> {
		const db = this.#store.db;
		const open = db
			.selectFrom("licet_sessions")
			.selectAll()
			.where("node", "=", this.#node)
			.where("ended_at", "is", null);
		for (const row of await open.execute()) this.#running.set(row.id, row);
		const mark = await db.selectFrom("licet_indexed").selectAll().where("node", "=", this.#node).executeTakeFirst();
		const from = mark === undefined ? undefined : { segment: mark.segment, offset: mark.segment_offset };
		this.#catchingUp = true;
		try {
			for await (const { entry, position } of reader.bounds(from)) {
				if (entry.type === "session.start") this.started(entry, position);
				else if (entry.type === "session.end") this.ended(entry);
				if (this.#waiting.size >= BATCH_SESSIONS) await this.#writeWaiting(position);
			}
		} finally {
			this.#catchingUp = false;
		}
		await this.settle();
	}

	/** Forgets this node's part of the index and reads the whole log anew. */
	async rebuild(reader: LogReader): Promise<void> {
		await this.settle();
		this.#running.clear();
		await this.#store.db.transaction().execute(async (transaction) => {
			await transaction.deleteFrom("licet_sessions").where("node", "=", this.#node).execute();
			await transaction.deleteFrom("licet_indexed").where("node", "=", this.#node).execute();
		});
		this.#behind = false;
		await this.catchUp(reader);
	}

	/** Newest first. What waits to be written is taken into account. */
	async list(filter: SessionFilter & { readonly limit: number }): Promise<SessionSummary[]> {
		if (filter.ids?.size === 0) return [];
		/* Rows that have changed meanwhile may drop out below, and must not take another's place. */
		const limit = filter.limit + this.#waiting.size;
		const rows = await selected(this.#store.db, filter)
			.orderBy("started_at", "desc")
			.orderBy("id")
			.limit(limit)
			.execute();
		const newest = new Map([...rows.map((row) => [row.id, row] as const), ...this.#waiting]);
		return [...newest.values()]
			.filter((row) => isIn(row, filter))
			.map((row) => indexed(row).summary)
			.sort(newestFirst)
			.slice(0, filter.limit);
	}

	async get(id: string): Promise<IndexedSession | undefined> {
		const waiting = this.#waiting.get(id);
		if (waiting !== undefined) return indexed(waiting);
		const row = await this.#store.db.selectFrom("licet_sessions").selectAll().where("id", "=", id).executeTakeFirst();
		return row === undefined ? undefined : indexed(row);
	}

	async close(): Promise<void> {
		clearTimeout(this.#timer);
		await this.settle();
	}
}

function isBefore(a: SessionRow, b: SessionRow): boolean {
	return a.segment < b.segment || (a.segment === b.segment && a.segment_offset < b.segment_offset);
}

async function upsert(transaction: Transaction<Schema>, row: SessionRow): Promise<void> {
	await transaction
		.insertInto("licet_sessions")
		.values(row)
		.onConflict((conflict) => conflict.column("id").doUpdateSet(row))
		.execute();
}
