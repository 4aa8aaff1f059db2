/**
 * What the proxy knows of a session: the database, sql_mode and character set that its text is read by, and its prepared
 * statements. It moves when the server has confirmed a change, and to what the server says that it changed to
 * (SESSION_TRACK); a change that nothing foresaw ends the session.
 */

import type { StatementFacts } from "../../sql/facts.js";
import { readingOf } from "../../sql/mysql/reading.js";
import type { Judgement, Verdict } from "../engine.js";
import type { ParameterType } from "./parameters.js";
import type { RowPlan } from "./row-plan.js";

/** Bounds of the model: beyond them the client is refused, since nothing here may grow without end. */
const MAX_STATEMENTS = 20_000;
const MAX_SAVED = 1000;
/** Likewise of the texts of prepared statements and of their long data, in bytes. */
const MAX_STATEMENTS_BYTES = 64 * 1024 * 1024;
export const MAX_LONG_DATA_BYTES = 128 * 1024 * 1024;

/** Rows and bytes delivered for one statement, over all its fetches. */
export interface Counter {
	rows: number;
	bytes: number;
	/** All that the license allows was delivered (`then: truncate`). */
	exhausted: boolean;
}

/** A parameter that comes in pieces. Many small ones cost no more than a few large ones. */
export class LongData {
	#bytes: Buffer = Buffer.alloc(0);
	#length = 0;

	append(piece: Buffer): void {
		const length = this.#length + piece.length;
		if (length > this.#bytes.length) {
			const larger = Buffer.allocUnsafeSlow(2 * length);
			this.bytes.copy(larger);
			this.#bytes = larger;
		}
		piece.copy(this.#bytes, this.#length);
		this.#length = length;
	}

	get bytes(): Buffer {
		return this.#bytes.subarray(0, this.#length);
	}
}

/** A statement of COM_STMT_PREPARE. */
export class PreparedStatement {
	types: readonly ParameterType[] | undefined;
	readonly longData = new Map<number, LongData>();
	/** The cursor that its last execution opened: what it counts against, how its rows are read, and what they answer to. */
	cursor:
		| { readonly counter: Counter; readonly plan: RowPlan | undefined; readonly parameters: readonly (string | null)[] }
		| undefined;
	#sql: string | undefined;

	constructor(
		readonly id: number,
		/** What the client sent. */
		readonly text: Buffer,
		readonly parameterCount: number,
		public judgement: Judgement,
		/** What it was read by when it was prepared. */
		readonly reading: readonly string[],
	) {}

	get sql(): string {
		this.#sql ??= this.text.toString(textEncoding(this.reading));
		return this.#sql;
	}

	/** Undefined for an empty text. */
	get verdict(): Verdict | undefined {
		return this.judgement.verdicts[0];
	}

	get isAscii(): boolean {
		return this.text.every((byte) => byte < 0x80);
	}
}

/** A statement of SQL's PREPARE, kept with the text that made it. */
export interface NamedStatement {
	readonly facts: StatementFacts;
	readonly text: string;
	readonly reading: readonly string[];
	readonly epoch: number;
}

/** Settings by which text is read, as the server names them: the last is that of literals, which may hold text themselves. */
export const TRACKED = ["sql_mode", "character_set_client", "character_set_connection"] as const;
export type Tracked = (typeof TRACKED)[number];

export function isTracked(name: string): name is Tracked {
	return TRACKED.some((tracked) => tracked === name);
}

/** How text is turned into characters, so that positions in facts are those of the string. */
export function textEncoding(reading: readonly string[]): "utf8" | "latin1" {
	return reading[2]?.startsWith("utf8") === true ? "utf8" : "latin1";
}

export class SessionModel {
	readonly statements = new Map<number, PreparedStatement>();
	/** By name in lower case, as the servers compare them. */
	readonly named = new Map<string, NamedStatement>();
	/** What MariaDB means by statement −1; undefined: the last PREPARE failed. */
	lastPrepared: number | undefined;
	/** Values of settings that were saved in user variables, by their names in lower case. */
	readonly saved = new Map<string, { readonly setting: string; readonly value: string }>();
	/** Messages that the server keeps of a statement may show what is masked. */
	diagnosticsHide = false;
	/** Warning of ours about the statement before, of which the server does not know: its result was cut. */
	cut: string | undefined;
	/** Definitions were changed by this session and the snapshot does not hold them yet. */
	catalogDirty = false;
	/** What was set and has not been reported by the server: it has to be asked. */
	readonly unsure = new Set<Tracked>();
	/** Status flags as the server last told them. */
	status = 0;
	#database: string;
	#modes: string;
	#multi: boolean;
	#charset: string;
	#connection: string;
	#reading: readonly string[] | undefined;
	#textBytes = 0;

	constructor(start: {
		readonly database: string;
		readonly modes: string;
		readonly multi: boolean;
		readonly charset: string;
		readonly connection: string;
	}) {
		this.#database = start.database;
		this.#modes = start.modes;
		this.#multi = start.multi;
		this.#charset = start.charset;
		this.#connection = start.connection;
	}

	/** The same array as long as nothing changes. */
	get reading(): readonly string[] {
		this.#reading ??= readingOf({
			database: this.#database,
			modes: this.#modes,
			multi: this.#multi,
			charset: this.#charset,
			connection: this.#connection,
		});
		return this.#reading;
	}

	/** How a text is read that was prepared in another database: names in it mean what they meant there. */
	readingIn(database: string): readonly string[] {
		const [, modes = "", charset = ""] = this.reading;
		return [database, modes, charset];
	}

	get database(): string {
		return this.#database;
	}

	get modes(): string {
		return this.#modes;
	}

	get charset(): string {
		return this.#charset;
	}

	setDatabase(name: string): void {
		this.#database = name;
		this.#reading = undefined;
	}

	setMulti(on: boolean): void {
		this.#multi = on;
		this.#reading = undefined;
	}

	value(setting: Tracked): string {
		if (setting === "sql_mode") return this.#modes;
		return setting === "character_set_client" ? this.#charset : this.#connection;
	}

	set(setting: Tracked, value: string): void {
		if (setting === "sql_mode") this.#modes = value;
		else if (setting === "character_set_client") this.#charset = value;
		else this.#connection = value;
		this.unsure.delete(setting);
		this.#reading = undefined;
	}

	save(variable: string, setting: string): void {
		const name = variable.toLowerCase();
		if (isTracked(setting.toLowerCase()) && (this.saved.has(name) || this.saved.size < MAX_SAVED)) {
			this.saved.set(name, { setting: setting.toLowerCase(), value: this.value(setting.toLowerCase() as Tracked) });
		} else this.saved.delete(name);
	}

	get holdsTooMany(): boolean {
		return this.statements.size + this.named.size >= MAX_STATEMENTS || this.#textBytes > MAX_STATEMENTS_BYTES;
	}

	add(statement: PreparedStatement): void {
		this.close(statement.id);
		this.statements.set(statement.id, statement);
		this.#textBytes += statement.text.length;
		this.lastPrepared = statement.id;
	}

	close(id: number): boolean {
		const statement = this.statements.get(id);
		if (statement === undefined) return false;
		this.#textBytes -= statement.text.length;
		return this.statements.delete(id);
	}

	/** COM_RESET_CONNECTION: nothing of what the session had made is left. */
	reset(): void {
		this.statements.clear();
		this.named.clear();
		this.saved.clear();
		this.#textBytes = 0;
		this.lastPrepared = undefined;
		this.diagnosticsHide = false;
		this.cut = undefined;
		for (const setting of TRACKED) this.unsure.add(setting);
	}
}
