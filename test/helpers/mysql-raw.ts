/**
 * A MySQL client for tests that shares no code with the product: it says what bytes it is told to say, in the order it is
 * told to, and sees every packet with its number. Its vocabulary is mysql-wire.ts.
 */
import { constants, publicEncrypt } from "node:crypto";
import { connect, type Socket } from "node:net";
import { TLSSocket, connect as tlsConnect } from "node:tls";
import * as wire from "./mysql-wire.js";

const TIMEOUT_MS = 60_000;
const UTF8MB4 = 45;

export interface RawMysqlOptions {
	readonly host?: string;
	readonly port: number;
	readonly user?: string;
	readonly password?: string;
	readonly database?: string;
	/** Flags beyond the usual ones, or those in their place by `only`. */
	readonly flags?: number;
	/** False: EOF packets stand where newer clients ask for none. */
	readonly deprecateEof?: boolean;
	readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
	/** Rows are counted and thrown away. */
	readonly dropRows?: boolean;
}

/** An answer of the server's, or a part of one. */
export type Answer =
	| { readonly kind: "ok"; readonly affected: number; readonly status: number; readonly warnings: number }
	| ({ readonly kind: "error" } & wire.ServerErrorFields)
	| {
			readonly kind: "rows";
			readonly columns: readonly wire.ColumnDefinition[];
			readonly rows: readonly (readonly (string | null)[])[];
			readonly count: number;
			readonly status: number;
			readonly warnings: number;
			/** The error that ended it in the middle. */
			readonly error?: wire.ServerErrorFields;
	  };

/** The server's error, thrown by a login that fails. */
export class MysqlRefusal extends Error {
	constructor(readonly fields: wire.ServerErrorFields) {
		super(`${fields.errno} (${fields.state}) ${fields.message}`);
		this.name = "MysqlRefusal";
	}
}

export class RawMysqlClient {
	greeting: wire.Greeting | undefined;
	flags = 0;
	ended = false;
	bytesReceived = 0;
	rowsDropped = 0;
	/** Packets whose number was not the next one. */
	readonly misnumbered: string[] = [];
	#socket: Socket | TLSSocket;
	#chunks: Buffer[] = [];
	#length = 0;
	#sequence = 0;
	#wake: () => void = () => {};
	readonly #dropRows: boolean;

	private constructor(socket: Socket, dropRows: boolean) {
		this.#socket = socket;
		this.#dropRows = dropRows;
		this.#listen();
	}

	#listen(): void {
		const socket = this.#socket;
		socket.on("data", (chunk: Buffer) => {
			this.#chunks.push(chunk);
			this.#length += chunk.length;
			this.bytesReceived += chunk.length;
			this.#wake();
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			this.ended = true;
			this.#wake();
		});
	}

	/** Connects and reads nothing yet. */
	static async open({ host = "127.0.0.1", port, dropRows = false }: RawMysqlOptions): Promise<RawMysqlClient> {
		const socket = connect({ host, port });
		socket.setNoDelay(true);
		await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
		return new RawMysqlClient(socket, dropRows);
	}

	/** Logs in; throws MysqlRefusal with the server's own words. */
	static async login(options: RawMysqlOptions): Promise<RawMysqlClient> {
		const client = await RawMysqlClient.open(options);
		try {
			await client.greet();
			if (options.tls !== undefined) await client.#secure(options);
			client.send(wire.packet(client.#sequence++, client.response(options)));
			await client.#authenticate(options.password ?? "");
		} catch (error) {
			client.destroy();
			throw error;
		}
		client.#sequence = 0;
		return client;
	}

	async greet(): Promise<wire.Greeting> {
		const payload = await this.next();
		if (payload[0] === 0xff) throw new MysqlRefusal(wire.readError(payload));
		this.greeting = wire.readGreeting(payload);
		return this.greeting;
	}

	#asked(options: RawMysqlOptions): number {
		const { FLAG } = wire;
		const usual = FLAG.protocol41 | FLAG.transactions | FLAG.secureConnection | FLAG.pluginAuth | FLAG.multiResults;
		const eof = options.deprecateEof === false ? 0 : FLAG.deprecateEof;
		const database = options.database === undefined ? 0 : FLAG.connectWithDb;
		const long = (this.greeting?.flags ?? 0) & FLAG.longPassword;
		return usual | FLAG.psMultiResults | eof | database | long | (options.flags ?? 0);
	}

	/** A HandshakeResponse41 for a greeting that was read. */
	response(options: RawMysqlOptions): Buffer {
		const greeting = this.greeting as wire.Greeting;
		this.flags = this.#asked(options) & greeting.flags;
		const proof = wire.proof(greeting.plugin, options.password ?? "", greeting.scramble);
		return Buffer.concat([
			wire.int32(this.flags | (options.tls === undefined ? 0 : wire.FLAG.ssl)),
			wire.int32(0x4000_0000),
			Buffer.of(UTF8MB4),
			Buffer.alloc(23),
			Buffer.from(`${options.user ?? ""}\0`),
			Buffer.of(proof.length),
			proof,
			Buffer.from(options.database === undefined ? "" : `${options.database}\0`),
			Buffer.from(`${greeting.plugin}\0`),
		]);
	}

	async #secure(options: RawMysqlOptions): Promise<void> {
		const flags = (this.#asked(options) | wire.FLAG.ssl) >>> 0;
		const request = Buffer.concat([wire.int32(flags), wire.int32(0x4000_0000), Buffer.of(UTF8MB4), Buffer.alloc(23)]);
		this.send(wire.packet(this.#sequence++, request));
		const plain = this.#socket;
		plain.removeAllListeners("data");
		const secured = tlsConnect({ socket: plain, checkServerIdentity: () => undefined, ...options.tls });
		await new Promise<void>((resolve, reject) => {
			secured
				.once("secureConnect", resolve)
				.once("error", reject)
				.once("close", () => reject(new Error("closed in TLS")));
		});
		this.#socket = secured;
		this.#listen();
	}

	async #authenticate(password: string): Promise<void> {
		for (;;) {
			const payload = await this.next();
			if (payload[0] === 0) return;
			if (payload[0] === 0xff) throw new MysqlRefusal(wire.readError(payload));
			if (payload[0] === 0xfe) {
				const end = payload.indexOf(0, 1);
				const plugin = payload.toString("latin1", 1, end);
				const scramble = payload.subarray(end + 1, end + 21);
				this.greeting = { ...(this.greeting as wire.Greeting), scramble };
				const proof = wire.proof(plugin, password, scramble);
				this.send(wire.packet(this.#sequence++, proof));
			} else if (payload[0] === 1 && payload[1] === 4) await this.#sayPassword(password);
		}
	}

	/** caching_sha2_password where the proof was not enough: the password itself, inside TLS or under the server's key. */
	async #sayPassword(password: string): Promise<void> {
		const clear = Buffer.from(`${password}\0`);
		if (this.#socket instanceof TLSSocket) {
			this.send(wire.packet(this.#sequence++, clear));
			return;
		}
		this.send(wire.packet(this.#sequence++, Buffer.of(2)));
		const key = (await this.next()).subarray(1);
		const { scramble } = this.greeting as wire.Greeting;
		const hidden = Buffer.from(clear.map((byte, at) => byte ^ (scramble[at % scramble.length] as number)));
		this.send(wire.packet(this.#sequence++, publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, hidden)));
	}

	/** Answers what is asked during COM_CHANGE_USER; a command's numbers begin anew. */
	async changeUser(user: string, password: string, database: string): Promise<Answer> {
		const { plugin } = this.greeting as wire.Greeting;
		const tail = Buffer.concat([Buffer.from([UTF8MB4, 0]), Buffer.from(`${plugin}\0`)]);
		// A proof for no challenge: the server asks anew.
		const nothing = Buffer.concat([Buffer.of(20), Buffer.alloc(20, 1)]);
		this.send(wire.command(wire.COM.changeUser, `${user}\0`, nothing, `${database}\0`, tail));
		this.#sequence = 1;
		try {
			await this.#authenticate(password);
			return { kind: "ok", affected: 0, status: 0, warnings: 0 };
		} catch (error) {
			if (error instanceof MysqlRefusal) return { kind: "error", ...error.fields };
			throw error;
		} finally {
			this.#sequence = 0;
		}
	}

	send(...bytes: Buffer[]): void {
		this.#socket.write(Buffer.concat(bytes));
	}

	/** Stops and goes on reading. */
	hold(held: boolean): void {
		if (held) this.#socket.pause();
		else this.#socket.resume();
	}

	destroy(): void {
		this.#socket.destroy();
	}

	end(): void {
		this.#socket.end();
	}

	async during(milliseconds: number): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, milliseconds));
	}

	/** Everything that comes until the connection ends, as payloads. */
	async untilEnd(limitMs = TIMEOUT_MS): Promise<Buffer[]> {
		const seen: Buffer[] = [];
		for (;;) {
			const payload = await this.#payload(limitMs);
			if (payload === undefined) return seen;
			seen.push(payload);
		}
	}

	/** The last words of a session that the server ends. */
	async lastError(limitMs = TIMEOUT_MS): Promise<wire.ServerErrorFields | undefined> {
		const payload = (await this.untilEnd(limitMs)).filter((each) => each[0] === 0xff).at(-1);
		return payload === undefined ? undefined : wire.readError(payload);
	}

	/** The next payload. Throws when the connection ends instead, or nothing comes. */
	async next(limitMs = TIMEOUT_MS): Promise<Buffer> {
		const payload = await this.#payload(limitMs);
		if (payload === undefined) throw new Error("the connection ended");
		return payload;
	}

	async #payload(limitMs: number): Promise<Buffer | undefined> {
		const pieces: Buffer[] = [];
		for (;;) {
			const header = await this.#bytes(4, limitMs);
			if (header === undefined) return undefined;
			const length = header.readUIntLE(0, 3);
			const number = header[3] as number;
			if (number !== this.#sequence) this.misnumbered.push(`${number} for ${this.#sequence}`);
			this.#sequence = (number + 1) & 0xff;
			const body = await this.#bytes(length, limitMs);
			if (body === undefined) throw new Error("the connection ended inside a packet");
			pieces.push(body);
			if (length < wire.FULL) return pieces.length === 1 ? body : Buffer.concat(pieces);
		}
	}

	async #bytes(count: number, limitMs: number): Promise<Buffer | undefined> {
		while (this.#length < count) {
			if (this.ended) return undefined;
			await this.#more(limitMs);
		}
		if (count === 0) return Buffer.alloc(0);
		const first = this.#chunks[0] as Buffer;
		const whole = first.length >= count ? first : Buffer.concat(this.#chunks);
		if (whole !== first) this.#chunks = [whole];
		this.#length -= count;
		if (whole.length === count) this.#chunks.shift();
		else this.#chunks[0] = whole.subarray(count);
		return whole.subarray(0, count);
	}

	#more(limitMs: number): Promise<void> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`nothing came for ${limitMs} ms`)), limitMs);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	// ---- commands and their answers

	/** Says a command, whose answer's numbers go on behind its own. */
	say(bytes: Buffer, lastSequence = 0): void {
		this.#sequence = (lastSequence + 1) & 0xff;
		this.send(bytes);
	}

	/** All results of a text. */
	async query(sql: string): Promise<Answer[]> {
		this.say(wire.query(sql), Math.floor((sql.length + 1) / wire.FULL));
		return this.answers();
	}

	/** Results until one says that no more are to come. `binary`: those of an execution. */
	async answers(binary = false): Promise<Answer[]> {
		const all: Answer[] = [];
		for (;;) {
			const answer = await this.answer(binary);
			all.push(answer);
			if (answer.kind === "error" || (answer.status & wire.STATUS.moreResults) === 0) return all;
			if (answer.kind === "rows" && answer.error !== undefined) return all;
		}
	}

	async answer(binary = false): Promise<Answer> {
		const first = await this.next();
		if (first[0] === 0xff) return { kind: "error", ...wire.readError(first) };
		if (first[0] === 0 || first[0] === 0xfe) return this.ok(first);
		const columns: wire.ColumnDefinition[] = [];
		for (let left = new wire.Fields(first).lenenc(); left > 0; left--) columns.push(wire.readColumn(await this.next()));
		if (!this.#deprecates) {
			const eof = await this.next();
			const status = eof.readUInt16LE(3);
			// What is delivered is fetched.
			if ((status & wire.STATUS.cursorExists) !== 0) {
				return { kind: "rows", columns, rows: [], count: 0, status, warnings: eof.readUInt16LE(1) };
			}
		}
		return this.rows(columns, binary);
	}

	get #deprecates(): boolean {
		return (this.flags & wire.FLAG.deprecateEof) !== 0;
	}

	async rows(columns: readonly wire.ColumnDefinition[], binary: boolean): Promise<Answer> {
		const rows: (string | null)[][] = [];
		let count = 0;
		for (;;) {
			const payload = await this.next();
			if (payload[0] === 0xff) {
				const error = wire.readError(payload);
				return { kind: "rows", columns, rows, count, status: 0, warnings: 0, error };
			}
			if (payload[0] === 0xfe && payload.length < (this.#deprecates ? wire.FULL : 9)) {
				const { status, warnings } = this.#deprecates ? this.ok(payload) : eofOf(payload);
				return { kind: "rows", columns, rows, count, status, warnings };
			}
			count += 1;
			if (this.#dropRows) this.rowsDropped += 1;
			else rows.push(binary ? wire.binaryRow(payload, columns) : wire.textRow(payload));
		}
	}

	ok(payload: Buffer): Extract<Answer, { kind: "ok" }> {
		// COM_SET_OPTION is answered by an EOF whatever was agreed on.
		if (payload[0] === 0xfe && payload.length === 5) return { kind: "ok", affected: 0, ...eofOf(payload) };
		const fields = new wire.Fields(payload, 1);
		const affected = fields.lenenc();
		fields.lenenc();
		return { kind: "ok", affected, status: fields.int(2), warnings: fields.int(2) };
	}

	async prepare(sql: string): Promise<{ readonly id: number; readonly error?: wire.ServerErrorFields }> {
		this.say(wire.command(wire.COM.prepare, sql));
		const first = await this.next();
		if (first[0] === 0xff) return { id: 0, error: wire.readError(first) };
		const [columns, parameters] = [first.readUInt16LE(5), first.readUInt16LE(7)];
		const eof = this.#deprecates ? 0 : 1;
		const more = (columns > 0 ? columns + eof : 0) + (parameters > 0 ? parameters + eof : 0);
		for (let left = more; left > 0; left--) await this.next();
		return { id: first.readUInt32LE(1) };
	}

	async execute(id: number, options: wire.ExecuteOptions = {}): Promise<Answer[]> {
		this.say(wire.execute(id, options));
		return this.answers(true);
	}

	async fetch(id: number, count: number, columns: readonly wire.ColumnDefinition[]): Promise<Answer> {
		this.say(wire.command(wire.COM.fetch, wire.int32(id), wire.int32(count)));
		return this.rows(columns, true);
	}

	/** A command that is answered by one OK, EOF or error. */
	async simple(code: number, ...parts: readonly (Buffer | string)[]): Promise<Answer> {
		this.say(wire.command(code, ...parts));
		const payload = await this.next();
		return payload[0] === 0xff ? { kind: "error", ...wire.readError(payload) } : this.ok(payload);
	}
}

const eofOf = (payload: Buffer) => ({ warnings: payload.readUInt16LE(1), status: payload.readUInt16LE(3) });

/** Answers in one line, for comparing: "ok 1 s2", "2c 3r s2 w1", "E1142 42000". */
export function outline(answers: readonly Answer[]): string {
	return answers.map(outlineOne).join(" | ");
}

function outlineOne(answer: Answer): string {
	if (answer.kind === "error") return `E${answer.errno} ${answer.state}`;
	const { status, warnings } = answer;
	const end = `s${status & (wire.STATUS.inTransaction | wire.STATUS.autocommit | wire.STATUS.moreResults)} w${warnings}`;
	if (answer.kind === "ok") return `ok ${answer.affected} ${end}`;
	const cut = answer.error === undefined ? end : `E${answer.error.errno} ${answer.error.state}`;
	return `${answer.columns.length}c ${answer.count}r ${cut}`;
}
