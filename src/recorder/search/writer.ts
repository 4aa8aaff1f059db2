/**
 * Takes entries of the log into the search index, in transactions that also say how far they go: whatever ends the
 * process, an entry is in it once or not yet. Another process may have gone on meanwhile; its work is taken as it is.
 */
import type { SearchFile } from "../../store/search-file.js";
import { microseconds } from "../clock.js";
import type { LoggedEntry } from "../entry.js";
import type { Position } from "../journal.js";
import type { Located, LogReader } from "../reader.js";
import { fold, foldValues } from "./terms.js";

/** Entries of one transaction: some 50 ms, in which a search waits. */
const BATCH_ENTRIES = 1000;
/** A block's end: a search looks through one at a time, and the texts of the open one are in memory. */
const BLOCK_STATEMENTS = 50_000;
const BLOCK_CHARACTERS = 16 << 20;
/** Of a statement's parameters so much can be found: a file that was sent as a value is not a text to search in. */
const PARAMETER_CHARACTERS = 64 << 10;

type Statement = Extract<LoggedEntry, { type: "statement" }>;

interface Mark {
	readonly seq: number;
	readonly position: Position;
}

/** The statements that follow each other and share their texts. */
interface Block {
	readonly id: number;
	readonly firstDoc: number;
	/** Documents by their text. */
	readonly docs: Map<string, number>;
	characters: number;
	statements: number;
	nextDoc: number;
	firstSeq: number;
	since: number;
}

export class SearchWriter {
	readonly #file: SearchFile;
	readonly #insert;
	readonly #sessions = new Map<string, number>();
	readonly #blockStatements: number;
	#block: Block | undefined;
	#mark: Mark | undefined;

	constructor(file: SearchFile, blockStatements = BLOCK_STATEMENTS) {
		this.#file = file;
		this.#blockStatements = blockStatements;
		this.#mark = this.#storedMark();
		this.#insert = {
			session: file.prepare(
				"INSERT INTO sessions (name, subject, license, target) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
			),
			end: file.prepare("UPDATE sessions SET ended = 1 WHERE name = ?"),
			doc: file.prepare("INSERT INTO docs (id, text) VALUES (?, ?)"),
			found: file.prepare("INSERT INTO found (rowid, text) VALUES (?, ?)"),
			statement: file.prepare("INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
			block: file.prepare("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)"),
			mark: file.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('mark', ?)"),
		};
	}

	/** Reads on in the log. True when its end is reached; false when the time is over before. */
	async catchUp(reader: LogReader, untilMs: number): Promise<boolean> {
		for (;;) {
			const outcome = await this.#readOn(reader, untilMs);
			if (outcome !== "moved") return outcome === "end";
			this.#mark = this.#storedMark();
			this.#block = undefined;
			this.#sessions.clear();
		}
	}

	async #readOn(reader: LogReader, untilMs: number): Promise<"end" | "late" | "moved"> {
		let batch: Located[] = [];
		for await (const located of reader.searchable(this.#mark?.position)) {
			if (located.entry.seq <= (this.#mark?.seq ?? -1)) continue;
			batch.push(located);
			if (batch.length < BATCH_ENTRIES) continue;
			if (!this.#write(batch)) return "moved";
			batch = [];
			if (Date.now() >= untilMs) return "late";
		}
		return batch.length === 0 || this.#write(batch) ? "end" : "moved";
	}

	#storedMark(): Mark | undefined {
		const row = this.#file.prepare("SELECT value FROM meta WHERE key = 'mark'").get() as { value: string } | undefined;
		return row === undefined ? undefined : (JSON.parse(row.value) as Mark);
	}

	/** False when somebody else has written. */
	#write(batch: readonly Located[]): boolean {
		const last = batch.at(-1);
		if (last === undefined) return true;
		this.#file.exec("BEGIN IMMEDIATE");
		try {
			if (this.#storedMark()?.seq !== this.#mark?.seq) {
				this.#file.exec("ROLLBACK");
				return false;
			}
			for (const { entry } of batch) this.#take(entry);
			const mark: Mark = { seq: last.entry.seq, position: last.position };
			this.#insert.mark.run(JSON.stringify(mark));
			this.#file.exec("COMMIT");
			this.#mark = mark;
			return true;
		} catch (error) {
			this.#block = undefined;
			this.#sessions.clear();
			if (this.#file.inTransaction) this.#file.exec("ROLLBACK");
			throw error;
		}
	}

	#take(entry: LoggedEntry): void {
		switch (entry.type) {
			case "session.start":
				this.#insert.session.run(entry.session, entry.subject, entry.license, entry.target);
				break;
			case "session.end":
				this.#sessions.delete(entry.session);
				this.#insert.end.run(entry.session);
				break;
			case "statement":
				this.#statement(entry);
				break;
			case "trim":
				this.#forget(entry.through);
				break;
			default:
		}
	}

	#statement(entry: Statement): void {
		const at = microseconds(entry.at);
		const block = this.#openBlock(entry.seq, at);
		const sql = this.#doc(block, entry.sql, fold(entry.sql));
		const values = kept(entry.parameters);
		const parameters = values.length === 0 ? null : this.#doc(block, JSON.stringify(values), foldValues(values));
		const denied = entry.decision.effect === "deny" ? 1 : 0;
		const only = entry.parseOnly === true ? 1 : 0;
		const session = this.#session(entry.session);
		this.#insert.statement.run(entry.seq, session, entry.statement, at, denied, only, sql, parameters);
		block.statements += 1;
		this.#insert.block.run(block.id, block.firstDoc, block.nextDoc - 1, block.firstSeq, entry.seq, block.since, at);
		if (block.statements >= this.#blockStatements || block.characters >= BLOCK_CHARACTERS) this.#block = undefined;
	}

	#openBlock(seq: number, at: number): Block {
		if (this.#block !== undefined) return this.#block;
		const top = (table: string) =>
			(this.#file.prepare(`SELECT coalesce(max(id), 0) AS top FROM ${table}`).get() as { top: number }).top;
		/* Numbers are never used again, not even those of documents that retention has removed. */
		const lastDoc = (
			this.#file.prepare("SELECT coalesce(max(last_doc), 0) AS top FROM blocks").get() as { top: number }
		).top;
		const firstDoc = Math.max(top("docs"), lastDoc) + 1;
		this.#block = {
			id: top("blocks") + 1,
			firstDoc,
			nextDoc: firstDoc,
			docs: new Map(),
			characters: 0,
			statements: 0,
			firstSeq: seq,
			since: at,
		};
		return this.#block;
	}

	#doc(block: Block, text: string, folded: string): number {
		const known = block.docs.get(text);
		if (known !== undefined) return known;
		const id = block.nextDoc;
		block.nextDoc += 1;
		this.#insert.doc.run(id, text);
		this.#insert.found.run(id, folded);
		block.docs.set(text, id);
		block.characters += text.length;
		return id;
	}

	#session(name: string): number {
		const known = this.#sessions.get(name);
		if (known !== undefined) return known;
		const find = () =>
			this.#file.prepare("SELECT id FROM sessions WHERE name = ?").get(name) as { id: number } | undefined;
		/* A session whose start retention has taken is known by its name alone. */
		if (find() === undefined) this.#insert.session.run(name, "", "", "");
		const id = find()?.id ?? 0;
		this.#sessions.set(name, id);
		return id;
	}

	/** Removes what the log no longer holds: everything before an entry. */
	#forget(through: number): void {
		this.#file.prepare("DELETE FROM statements WHERE seq < ?").run(through);
		const blocks = this.#file
			.prepare("SELECT id, first_doc, last_doc, last_seq FROM blocks WHERE first_seq < ?")
			.all(through) as { id: number; first_doc: number; last_doc: number; last_seq: number }[];
		for (const block of blocks) {
			const unused = "AND NOT EXISTS (SELECT 1 FROM statements WHERE sql = docs.id OR parameters = docs.id)";
			const gone = this.#file
				.prepare(`SELECT id FROM docs WHERE id BETWEEN ? AND ? ${unused}`)
				.all(block.first_doc, block.last_doc) as { id: number }[];
			for (const { id } of gone) {
				this.#file.prepare("DELETE FROM docs WHERE id = ?").run(id);
				this.#file.prepare("DELETE FROM found WHERE rowid = ?").run(id);
			}
			if (block.last_seq < through) this.#file.prepare("DELETE FROM blocks WHERE id = ?").run(block.id);
			else this.#file.prepare("UPDATE blocks SET first_seq = max(first_seq, ?) WHERE id = ?").run(through, block.id);
		}
		/* The texts of the open block may be among them. */
		this.#block = undefined;
		const unused = "NOT EXISTS (SELECT 1 FROM statements WHERE session = sessions.id)";
		this.#file.prepare(`DELETE FROM sessions WHERE ended = 1 AND ${unused}`).run();
		this.#sessions.clear();
	}
}

/** The parameters as far as they can be found. */
function kept(parameters: readonly (string | null)[]): readonly (string | null)[] {
	let left = PARAMETER_CHARACTERS;
	const values: (string | null)[] = [];
	for (const value of parameters) {
		if (left <= 0) break;
		values.push(value === null ? null : value.slice(0, left));
		left -= Math.max(value?.length ?? 0, 1);
	}
	return values;
}
