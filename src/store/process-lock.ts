/**
 * A lock that one process holds on a folder, by way of SQLite's file lock: the kernel drops it the moment the process
 * ends, however it ends. A file with a process id would go stale, and in containers, where every process has the same
 * id, could not be told from a live one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

export interface ProcessLock {
	release(): void;
}

/** Undefined when another process (or this one) holds it; `holder` then tells its process id as far as it is known. */
export function lockFolder(folder: string): ProcessLock | { readonly holder: string } {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const database = new Database(join(folder, "lock"), { timeout: 0 });
	const holderFile = join(folder, "lock.pid");
	try {
		database.exec("BEGIN EXCLUSIVE");
	} catch (error) {
		database.close();
		if (!(error instanceof Error && "code" in error && error.code === "SQLITE_BUSY")) throw error;
		return { holder: existsSync(holderFile) ? readFileSync(holderFile, "utf8").trim() : "unknown" };
	}
	writeFileSync(holderFile, `${process.pid}\n`, { mode: 0o600 });
	return {
		release() {
			database.close();
		},
	};
}

/** Whether some process holds it, as far as can be told without taking it. */
export function isFolderLocked(folder: string): boolean {
	const file = join(folder, "lock");
	if (!existsSync(file)) return false;
	const database = new Database(file, { timeout: 0, readonly: true });
	try {
		database.prepare("SELECT count(*) FROM sqlite_schema").get();
		return false;
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "SQLITE_BUSY") return true;
		throw error;
	} finally {
		database.close();
	}
}
