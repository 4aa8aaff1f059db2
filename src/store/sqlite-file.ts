/** A SQLite file of ours, through `libsql`, which has the interface of better-sqlite3. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

export type SqliteFile = Database.Database;

/** How long a statement waits for a lock that another connection (a backup, a command) holds. */
const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens it, made with mode 0600 before SQLite sees it; its -wal and -shm companions inherit the mode.
 *
 * WAL, so that readers and backups never block the writer; `pragmas` beside that ("name = value").
 */
export function openSqliteFile(folder: string, name: string, pragmas: readonly string[]): SqliteFile {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const file = join(folder, name);
	closeSync(openSync(file, "a", 0o600));
	chmodSync(file, 0o600);
	const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
	for (const pragma of ["journal_mode = WAL", ...pragmas]) database.exec(`PRAGMA ${pragma}`);
	return database;
}
