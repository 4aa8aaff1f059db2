/**
 * The embedded store: one SQLite file through `libsql`, which has the interface of better-sqlite3 that Kysely's SQLite
 * dialect is written for.
 *
 * Prepared statements are kept and used again: a statement's native memory (some 14 KB) is only given back when both the
 * garbage collector and the event loop get to it, and preparing is most of a short query's cost.
 */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import Database from "libsql";

/** How long a statement waits for a lock that another connection (a backup, say) holds. */
const BUSY_TIMEOUT_MS = 5000;
/** The queries of this program are some dozens. */
const KEPT_STATEMENTS = 128;

export function embeddedFile(folder: string): string {
	return join(folder, "licet.db");
}

/**
 * Opens the file, made with mode 0600 before SQLite sees it; its -wal and -shm companions inherit the mode.
 *
 * WAL, so that readers and backups never block the writer; synchronous FULL, so that a grant that was revoked is still
 * revoked after power loss.
 */
function openFile(folder: string): Database.Database {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const file = embeddedFile(folder);
	closeSync(openSync(file, "a", 0o600));
	chmodSync(file, 0o600);
	const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
	database.exec("PRAGMA journal_mode = WAL");
	database.exec("PRAGMA synchronous = FULL");
	database.exec("PRAGMA foreign_keys = ON");
	return database;
}

/** Keeps the statements that were used last. */
function keepingStatements(database: Database.Database): SqliteDatabase {
	const kept = new Map<string, SqliteStatement>();
	return {
		close() {
			kept.clear();
			database.close();
		},
		prepare(sql) {
			const statement = kept.get(sql) ?? database.prepare(sql);
			kept.delete(sql);
			kept.set(sql, statement);
			const [oldest] = kept.keys();
			if (kept.size > KEPT_STATEMENTS && oldest !== undefined) kept.delete(oldest);
			return statement;
		},
	};
}

export function embeddedDialect(folder: string): Dialect {
	return new SqliteDialect({ database: keepingStatements(openFile(folder)) });
}
