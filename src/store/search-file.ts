/**
 * The file of the search index: SQLite beside the embedded store, but a file of its own. Its writer is another thread, and
 * what it writes must never hold up a grant or a revocation; and it may be lost at any time, since the log has it all.
 */
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

export type SearchFile = Database.Database;
export type SearchStatement = Database.Statement<unknown[]>;

/** How long a statement waits for another process that writes (a command that runs while no `serve` does). */
const BUSY_TIMEOUT_MS = 5000;
const NAME = "search.db";

/**
 * Opens it, made with mode 0600 before SQLite sees it.
 *
 * synchronous NORMAL: in WAL mode power loss can take the last transactions, which are then read from the log again, and
 * never damages the file. secure_delete: what retention removed from the log is not left behind here.
 */
export function openSearchFile(folder: string): SearchFile {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const file = join(folder, NAME);
	closeSync(openSync(file, "a", 0o600));
	chmodSync(file, 0o600);
	const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
	database.exec("PRAGMA journal_mode = WAL");
	database.exec("PRAGMA synchronous = NORMAL");
	database.exec("PRAGMA secure_delete = ON");
	return database;
}

export function removeSearchFile(folder: string): void {
	for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, NAME + suffix), { force: true });
}
