/**
 * The tables of the search index.
 *
 * Statements repeat: the same text a thousand times, from programs that bind their values. So a text is kept once for
 * many statements (`docs`), within a block of statements that follow each other in the log. Blocks make time run through the
 * index: a search goes through them from the newest and stops when it has enough, and what retention takes from the log
 * goes a block at a time.
 */
import { openSearchFile, removeSearchFile, type SearchFile } from "../../store/search-file.js";

/** To be raised with every change of these tables or of what stands in them: the index is then made anew. */
const VERSION = 1;

/*
 * detail=none and content='': for each trigram the texts that hold it, and nothing else; a third of the size with
 * positions (docs/decisions/011). Texts are folded before they come here, so that the tokenizer folds nothing.
 */
const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, license TEXT NOT NULL, target TEXT NOT NULL,
	ended INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE blocks (
	id INTEGER PRIMARY KEY, first_doc INTEGER NOT NULL, last_doc INTEGER NOT NULL,
	first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL
);
CREATE TABLE docs (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE statements (
	seq INTEGER PRIMARY KEY, session INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
	denied INTEGER NOT NULL, parse_only INTEGER NOT NULL, sql INTEGER NOT NULL, parameters INTEGER
);
CREATE INDEX statements_sql ON statements (sql);
CREATE INDEX statements_parameters ON statements (parameters) WHERE parameters IS NOT NULL;
CREATE INDEX statements_session ON statements (session);
CREATE INDEX statements_denied ON statements (seq) WHERE denied = 1;
CREATE VIRTUAL TABLE found USING fts5 (
	text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
`;

/** Opens the index of a node's log; what is there of another version or another log is thrown away. */
export function openSearchIndex(folder: string, node: string): SearchFile {
	let file: SearchFile | undefined;
	try {
		file = openSearchFile(folder);
		if (belongs(file, node)) return file;
	} catch (error) {
		if (!isDamage(error)) throw error;
	}
	file?.close();
	removeSearchFile(folder);
	const made = openSearchFile(folder);
	made.exec(`BEGIN; ${TABLES} COMMIT`);
	made.prepare("INSERT INTO meta (key, value) VALUES ('node', ?)").run(node);
	made.exec(`PRAGMA user_version = ${VERSION}`);
	return made;
}

/** Nothing is lost with a damaged index. */
export function isDamage(error: unknown): boolean {
	return error instanceof Error && "code" in error && /^SQLITE_(?:NOTADB|CORRUPT)/.test(String(error.code));
}

function belongs(file: SearchFile, node: string): boolean {
	const version = file.prepare("PRAGMA user_version").get() as { user_version?: number } | undefined;
	if (version?.user_version !== VERSION) return false;
	const row = file.prepare("SELECT value FROM meta WHERE key = 'node'").get() as { value?: string } | undefined;
	return row?.value === node;
}
