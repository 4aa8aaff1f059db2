/**
 * The embedded store: one SQLite file, by the interface of better-sqlite3 that Kysely's SQLite dialect is written for.
 *
 * Prepared statements are kept and used again: a statement's native memory (some 14 KB) is only given back when both the
 * garbage collector and the event loop get to it, and preparing is most of a short query's cost.
 */
import { join } from "node:path";
import { type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { openSqliteFile, type SqliteFile } from "./sqlite-file.js";

const NAME = "licet.db";
/** The queries of this program are some dozens. */
const KEPT_STATEMENTS = 128;

export function embeddedFile(folder: string): string {
	return join(folder, NAME);
}

/** Keeps the statements that were used last. */
function keepingStatements(database: SqliteFile): SqliteDatabase {
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

/** synchronous FULL, so that a grant that was revoked is still revoked after power loss. */
export function embeddedDialect(folder: string): Dialect {
	const file = openSqliteFile(folder, NAME, ["synchronous = FULL", "foreign_keys = ON"]);
	return new SqliteDialect({ database: keepingStatements(file) });
}
