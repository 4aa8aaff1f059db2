/**
 * A PostgreSQL server in memory for properties of the relay: it frames what it is sent, keeps statements, portals and the
 * transaction as a server does, and answers in the protocol's order, at once. What it runs is a language of a few words
 * (below). That it answers as a real server does is what relay-random.test.ts shows of the same conversations.
 *
 * Specification: PostgreSQL documentation, "Message Flow". Written apart from the code under test.
 */
import { int16, int32, message, split, text } from "../helpers/wire.js";

interface BoundPortal {
	readonly sql: string;
	/** Rows delivered so far. */
	sent: number;
	done: boolean;
}

/** A COPY that reads the client's data. */
interface CopyIn {
	readonly isSimple: boolean;
	rows: number;
	/** Statements of its string that come behind it. */
	readonly later: readonly string[];
}

class Failure extends Error {
	constructor(
		readonly code: string,
		message: string,
	) {
		super(message);
	}
}

/** As long as messages may be: those that hold a name or nothing, CopyData, and all others (the bound of the relays here). */
const SMALL_BYTES = 10_000;
const COPY_BYTES = 0x3fff_fffe;
const LARGE_BYTES = 1 << 20;

const PARSE_COMPLETE = message("1");
const BIND_COMPLETE = message("2");
const CLOSE_COMPLETE = message("3");
const NO_DATA = message("n");
const EMPTY_QUERY = message("I");
const SUSPENDED = message("s");
const COPY_DONE = message("c");
const TEXT_OID = 25;

const row = (value: string): Buffer => message("D", int16(1), int32(Buffer.byteLength(value)), Buffer.from(value));
const complete = (tag: string): Buffer => message("C", text(tag));
const described = message(
	"T",
	int16(1),
	text("c"),
	int32(0),
	int16(0),
	int32(TEXT_OID),
	int16(0xffff),
	int32(-1),
	int16(0),
);
const copyResponse = (type: "G" | "H"): Buffer => message(type, Buffer.of(0), int16(1), int16(0));

/** What ends a transaction block runs in an aborted one too. */
const ENDS_BLOCK = /^(commit|rollback)\b/i;

export class ScriptedServer {
	#rest: Buffer = Buffer.alloc(0);
	#out: Buffer[] = [];
	#status: "I" | "T" | "E" = "I";
	#skipping = false;
	#ended = false;
	#copy: CopyIn | undefined;
	readonly #statements = new Map<string, string>();
	readonly #portals = new Map<string, BoundPortal>();
	/** Texts that ran, in order. */
	readonly ran: string[] = [];

	/** Takes bytes of the client, cut anywhere; answers what it says to them. */
	receive(bytes: Buffer): Buffer {
		this.#rest = Buffer.concat([this.#rest, bytes]);
		while (!this.#ended && this.#rest.length >= 1) {
			const type = this.#rest.toString("latin1", 0, 1);
			if (this.#rejects(type) || this.#rest.length < 5) break;
			const length = this.#rest.readInt32BE(1);
			const bound = "DECHScfX".includes(type) ? SMALL_BYTES : type === "d" ? COPY_BYTES : LARGE_BYTES;
			if (length < 4 || length > bound) {
				if (this.#copy !== undefined)
					this.#lost("08006", "unexpected EOF on client connection with an open transaction");
				else this.#fatal("invalid message length");
				break;
			}
			if (this.#rest.length < length + 1) break;
			const { messages, rest } = split(this.#rest.subarray(0, length + 1));
			if (rest.length > 0) throw new Error("the frame was not whole");
			this.#rest = this.#rest.subarray(length + 1);
			for (const { type, body } of messages) this.#take(type, body);
		}
		const out = Buffer.concat(this.#out);
		this.#out = [];
		return out;
	}

	get ended(): boolean {
		return this.#ended;
	}

	#say(...frames: readonly Buffer[]): void {
		this.#out.push(...frames);
	}

	#fatal(why: string): void {
		this.#say(errorMessage("FATAL", "08P01", why));
		this.#ended = true;
	}

	/** A type byte that ends the session, before anything else of its message is read. */
	#rejects(type: string): boolean {
		if (this.#copy !== undefined && !"dcfHS".includes(type)) {
			const code = type.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
			this.#lost("08P01", `unexpected message type 0x${code} during COPY from stdin`);
		} else if (!"QPBDECSHdcfFX".includes(type)) this.#fatal(`invalid frontend message type ${type.charCodeAt(0)}`);
		return this.#ended;
	}

	/** A COPY that fails where no next message can be found. */
	#lost(code: string, why: string): void {
		this.#say(errorMessage("ERROR", code, why));
		this.#fatal("terminating connection because protocol synchronization was lost");
	}

	#take(type: string, body: Buffer): void {
		if (type === "X") this.#ended = true;
		else if (this.#copy !== undefined) this.#inCopy(this.#copy, type, body);
		else if (this.#skipping && type !== "S") return;
		else if (type === "Q") this.#query(body);
		else if (type === "S") this.#sync(body);
		else if (type === "F") this.#functionCall(new Fields(body));
		else if ("PBDECH".includes(type)) this.#guarded(() => this.#extended(type, new Fields(body)));
	}

	/** There is no function that its user may call so. */
	#functionCall(fields: Fields): void {
		try {
			if (this.#status === "E") throw new Failure("25P02", "the transaction is aborted");
			fields.int32();
			throw new Failure("42501", "permission denied");
		} catch (error) {
			this.#failed(error);
		}
		this.#ready();
	}

	#guarded(work: () => void): void {
		try {
			work();
		} catch (error) {
			this.#failed(error);
			this.#skipping = true;
		}
	}

	#failed(error: unknown): void {
		if (!(error instanceof Failure)) throw error;
		this.#say(errorMessage("ERROR", error.code, error.message));
		if (this.#status === "T") this.#status = "E";
		else if (this.#status === "I") this.#portals.clear();
	}

	#ready(): void {
		if (this.#status === "I") this.#portals.clear();
		this.#say(message("Z", this.#status));
	}

	#sync(body: Buffer): void {
		this.#skipping = false;
		if (body.length > 0) this.#failed(new Failure("08P01", "invalid message format"));
		this.#ready();
	}

	#query(body: Buffer): void {
		try {
			const fields = new Fields(body);
			const sql = fields.text();
			fields.end();
			this.#statements.delete("");
			this.#portals.delete("");
			const all = sql.split(";").map((each) => each.trim());
			const statements = all.filter((each) => each !== "");
			for (const each of statements) this.#check(each);
			if (statements.length === 0) this.#say(EMPTY_QUERY);
			this.#runAll(statements);
		} catch (error) {
			this.#failed(error);
			this.#ready();
		}
	}

	#runAll(statements: readonly string[]): void {
		for (const [index, sql] of statements.entries()) {
			this.#allow(sql);
			if (/^copy .* from stdin/i.test(sql)) {
				this.#copy = { isSimple: true, rows: 0, later: statements.slice(index + 1) };
				this.#say(copyResponse("G"));
				return;
			}
			if (/^select/i.test(sql)) this.#say(described);
			this.#run(sql, { sql, sent: 0, done: false }, 0);
		}
		this.#ready();
	}

	#inCopy(copy: CopyIn, type: string, body: Buffer): void {
		if (type === "d") copy.rows += body.toString("latin1").split("\n").length - 1;
		if (type === "d" || type === "H" || type === "S") return;
		this.#copy = undefined;
		if (type === "c") {
			this.#say(complete(`COPY ${copy.rows}`));
			if (copy.isSimple) this.#resume(copy.later);
			return;
		}
		// Of a text without its end the server says something else.
		const reason = body.at(-1) === 0 ? body.toString("utf8", 0, body.indexOf(0)) : undefined;
		const isWhole = reason !== undefined && body.indexOf(0) === body.length - 1;
		this.#failed(isWhole ? new Failure("57014", `COPY from stdin failed: ${reason}`) : new Failure("08P01", "invalid"));
		if (copy.isSimple) this.#ready();
		else this.#skipping = true;
	}

	#resume(statements: readonly string[]): void {
		try {
			this.#runAll(statements);
		} catch (error) {
			this.#failed(error);
			this.#ready();
		}
	}

	/** What the server's parser says of a text. */
	#check(sql: string): void {
		if (/pg_catalog\._licet_denied\(\)/.test(sql)) throw new Failure("42883", "no such function");
		if (/^bad/i.test(sql)) throw new Failure("42601", `syntax error in ${sql}`);
	}

	#allow(sql: string): void {
		if (this.#status === "E" && !ENDS_BLOCK.test(sql)) throw new Failure("25P02", "the transaction is aborted");
	}

	#extended(type: string, fields: Fields): void {
		switch (type) {
			case "P":
				this.#parse(fields);
				break;
			case "B":
				this.#bind(fields);
				break;
			case "D":
				this.#describe(fields);
				break;
			case "E":
				this.#execute(fields);
				break;
			case "H":
				fields.end();
				break;
			default: {
				const isStatement = fields.kind();
				const name = fields.name();
				fields.end();
				if (isStatement) this.#statements.delete(name);
				else this.#portals.delete(name);
				this.#say(CLOSE_COMPLETE);
			}
		}
	}

	#parse(fields: Fields): void {
		const name = fields.name();
		const sql = fields.text().trim();
		for (let left = fields.int16(); left > 0; left--) fields.bytes(4);
		fields.end();
		if (name === "") this.#statements.delete("");
		this.#check(sql);
		if (sql !== "") this.#allow(sql);
		if (sql.split(";").filter((each) => each.trim() !== "").length > 1) throw new Failure("42601", "several commands");
		if (name !== "" && this.#statements.has(name)) throw new Failure("42P05", `prepared statement "${name}" exists`);
		this.#statements.set(name, sql);
		this.#say(PARSE_COMPLETE);
	}

	/** In the server's order: what is missing, or forbidden by the transaction, is told before the values are read. */
	#bind(fields: Fields): void {
		const portal = fields.name();
		const statement = fields.name();
		const sql = this.#statements.get(statement);
		if (sql === undefined) throw missingStatement(statement);
		const formats = formatCodes(fields);
		const count = fields.int16();
		if (formats.length > 1 && formats.length !== count) throw new Failure("08P01", "formats and values differ");
		const wanted = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
		if (count !== wanted)
			throw new Failure("08P01", `bind message supplies ${count} parameters, but requires ${wanted}`);
		this.#allow(sql);
		for (let index = 0; index < count; index++) {
			const length = fields.int32();
			if (length !== -1) fields.bytes(length);
			checkFormat(formats.length > 1 ? formats[index] : formats[0]);
		}
		const results = formatCodes(fields);
		fields.end();
		results.forEach(checkFormat);
		if (portal !== "" && this.#portals.has(portal)) throw new Failure("42P03", `portal "${portal}" exists`);
		this.#portals.set(portal, { sql, sent: 0, done: false });
		this.#say(BIND_COMPLETE);
	}

	#describe(fields: Fields): void {
		const isStatement = fields.kind();
		const name = fields.name();
		fields.end();
		const sql = isStatement ? this.#statements.get(name) : this.#portals.get(name)?.sql;
		if (sql === undefined) throw isStatement ? missingStatement(name) : missingPortal(name);
		if (isStatement) this.#say(message("t", int16(0)));
		this.#say(/^select/i.test(sql) ? described : NO_DATA);
	}

	#execute(fields: Fields): void {
		const name = fields.name();
		const limit = fields.int32();
		fields.end();
		const portal = this.#portals.get(name);
		if (portal === undefined) throw missingPortal(name);
		const { sql } = portal;
		if (sql === "") {
			this.#say(EMPTY_QUERY);
			return;
		}
		this.#allow(sql);
		if (/^copy .* from stdin/i.test(sql)) {
			this.#copy = { isSimple: false, rows: 0, later: [] };
			this.#say(copyResponse("G"));
			return;
		}
		this.#run(sql, portal, Math.max(0, limit));
	}

	/** The words: SELECT n (n rows), FAIL, NOTICE, COPY t TO STDOUT, BEGIN, COMMIT, ROLLBACK; all else only completes. */
	#run(sql: string, portal: BoundPortal, limit: number): void {
		this.ran.push(sql);
		const word = (/^\w+/.exec(sql)?.[0] ?? "").toUpperCase();
		switch (word) {
			case "SELECT":
				this.#select(Number(/\d+/.exec(sql)?.[0] ?? 0), portal, limit);
				return;
			case "FAIL":
				throw new Failure("22012", `failed: ${sql}`);
			case "NOTICE":
				this.#say(message("N", text("SNOTICE"), text("C00000"), text(`M${sql}`), Buffer.of(0)));
				break;
			case "COPY":
				this.#say(copyResponse("H"), message("d", "a\n"), message("d", "b\n"), COPY_DONE, complete("COPY 2"));
				return;
			case "BEGIN":
				if (this.#status === "I") this.#status = "T";
				break;
			case "COMMIT":
			case "ROLLBACK": {
				const tag = this.#status === "E" ? "ROLLBACK" : word;
				this.#status = "I";
				this.#portals.clear();
				this.#say(complete(tag));
				return;
			}
		}
		this.#say(complete(word));
	}

	#select(rows: number, portal: BoundPortal, limit: number): void {
		const upTo = limit === 0 ? rows : Math.min(rows, portal.sent + limit);
		let count = 0;
		for (; portal.sent < upTo; portal.sent++, count++) this.#say(row(`row ${portal.sent} of ${portal.sql}`));
		// A limit that is met exactly suspends: the server does not know yet that there is no more.
		if (limit > 0 && count === limit) this.#say(SUSPENDED);
		else this.#say(complete(`SELECT ${count}`));
	}
}

// In the server's own words: the relay tells some of these itself.
function missingStatement(name: string): Failure {
	const what = name === "" ? "unnamed prepared statement" : `prepared statement "${name}"`;
	return new Failure("26000", `${what} does not exist`);
}

const missingPortal = (name: string): Failure => new Failure("34000", `portal "${name}" does not exist`);

/** Reads a body as strictly as the server: too short, too long or unterminated is a protocol violation. */
class Fields {
	#at = 0;
	constructor(readonly body: Buffer) {}

	text(): string {
		const end = this.body.indexOf(0, this.#at);
		if (end < 0) throw new Failure("08P01", "invalid string in message");
		const value = this.body.toString("utf8", this.#at, end);
		this.#at = end + 1;
		return value;
	}

	/** A name, which the relay takes in UTF-8 only; servers of that encoding refuse others by 22021. */
	name(): string {
		const value = this.text();
		if (value.includes("\ufffd")) throw new Failure("08P01", "invalid byte sequence");
		return value;
	}

	bytes(count: number): Buffer {
		if (count < 0 || this.#at + count > this.body.length)
			throw new Failure("08P01", "insufficient data left in message");
		this.#at += count;
		return this.body.subarray(this.#at - count, this.#at);
	}

	int16(): number {
		return this.bytes(2).readUInt16BE();
	}

	int32(): number {
		return this.bytes(4).readInt32BE();
	}

	/** True for a statement. */
	kind(): boolean {
		const kind = String.fromCharCode(this.bytes(1)[0] ?? 0);
		if (kind !== "S" && kind !== "P") throw new Failure("08P01", "invalid subtype");
		return kind === "S";
	}

	end(): void {
		if (this.#at !== this.body.length) throw new Failure("08P01", "invalid message format");
	}
}

function errorMessage(severity: string, code: string, why: string): Buffer {
	return message("E", text(`S${severity}`), text(`V${severity}`), text(`C${code}`), text(`M${why}`), Buffer.of(0));
}

function formatCodes(fields: Fields): number[] {
	return Array.from({ length: fields.int16() }, () => fields.bytes(2).readUInt16BE());
}

function checkFormat(code: number | undefined): void {
	if (code !== undefined && code > 1) throw new Failure("22023", `unsupported format code: ${code}`);
}
