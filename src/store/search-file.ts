/**
 * The file of the search index: SQLite beside the embedded store, but a file of its own. Its writer is another thread, and
 * what it writes must never hold up a grant or a revocation; and it may be lost at any time, since the log has it all.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type Database from "libsql";
import { openSqliteFile, type SqliteFile } from "./sqlite-file.js";

export type SearchFile = SqliteFile;
export type SearchStatement = Database.Statement<unknown[]>;

const NAME = "search.db";

/**
 * synchronous NORMAL: in WAL mode power loss can take the last transactions, which are then read from the log again, and
 * never damages the file. secure_delete: what retention removed from the log is not left behind here.
 */
export function openSearchFile(folder: string): SearchFile {
	return openSqliteFile(folder, NAME, ["synchronous = NORMAL", "secure_delete = ON"]);
}

export function removeSearchFile(folder: string): void {
	for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, NAME + suffix), { force: true });
}
