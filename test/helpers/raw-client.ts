/**
 * A PostgreSQL client that sends whatever it is told to and keeps whatever it gets, for tests that compare the proxy
 * with a server byte by byte or send what no driver would. Logs in with trust, cleartext, MD5, SCRAM-SHA-256 and
 * SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 5929 tls-server-end-point).
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import {
	errorFields,
	int32,
	type Message,
	message,
	password,
	query,
	split,
	sslRequest,
	startup,
	text,
} from "./wire.js";

const DEFAULT_TIMEOUT_MS = 10_000;

export interface RawOptions {
	readonly host?: string;
	readonly port: number;
	readonly user?: string;
	readonly password?: string;
	readonly database?: string;
	/** Startup parameters beyond user and database. */
	readonly parameters?: Readonly<Record<string, string>>;
	readonly protocol?: number;
	/** `request`: SSLRequest first. `direct`: TLS at once, with ALPN `postgresql`. */
	readonly tls?: "request" | "direct";
	/** Authority to verify the server with; without it any certificate is taken. */
	readonly ca?: string | Buffer;
	/** Take SCRAM-SHA-256-PLUS when it is offered. */
	readonly channelBinding?: boolean;
	readonly timeoutMs?: number;
	/** Count DataRow and CopyData instead of keeping them: for results larger than memory. */
	readonly dropRows?: boolean;
	/** Sees all that arrives, as it does. */
	readonly watch?: (chunk: Buffer) => void;
}

/** Options out of a postgres:// URL. */
export function rawOptions(url: string): RawOptions {
	const { hostname, port, username, password: secret, pathname } = new URL(url);
	return {
		host: hostname,
		port: Number(port),
		user: decodeURIComponent(username),
		password: decodeURIComponent(secret),
		database: decodeURIComponent(pathname.slice(1)),
	};
}

/** An ErrorResponse where none was asked for. */
export class ServerError extends Error {
	readonly fields: Readonly<Record<string, string>>;
	constructor(error: Message) {
		const fields = errorFields(error);
		super(`${fields.S} ${fields.C}: ${fields.M}`);
		this.fields = fields;
	}
}

export class RawClient {
	/** All messages so far, in order. */
	readonly received: Message[] = [];
	/** Parameters reported by the server. */
	readonly reported = new Map<string, string>();
	/** The SASL mechanism that was used, if any. */
	mechanism: string | undefined;
	/** Rows that were counted and not kept (`dropRows`), and all bytes. */
	rowsDropped = 0;
	bytesReceived = 0;
	pid = 0;
	secret: Buffer = Buffer.alloc(0);
	ended = false;
	readonly #options: RawOptions;
	#socket: Socket;
	#bytes: Buffer = Buffer.alloc(0);
	/** Bytes that are still to come of a row that is not kept. */
	#skipping = 0;
	/** Messages that `until` and `next` have handed out. */
	#taken = 0;
	#wake: () => void = () => {};

	private constructor(socket: Socket, options: RawOptions) {
		this.#socket = socket;
		this.#options = options;
		socket.setNoDelay(true);
	}

	/** Connects (and starts TLS when asked to), without logging in. */
	static async open(options: RawOptions): Promise<RawClient> {
		const host = options.host ?? "127.0.0.1";
		const plain = connect({ host, port: options.port });
		await once(plain, "connect");
		const client = new RawClient(plain, options);
		if (options.tls === "request") {
			plain.write(sslRequest);
			const answer = await new Promise<Buffer>((resolve) => plain.once("data", resolve));
			plain.pause();
			if (answer.toString("latin1") !== "S") throw new Error(`TLS was refused: ${answer.toString("latin1")}`);
		}
		if (options.tls) await client.#secure(plain, options.tls === "direct");
		client.#listen();
		return client;
	}

	/** Connects and logs in; the client is then at the first ReadyForQuery. */
	static async login(options: RawOptions): Promise<RawClient> {
		const client = await RawClient.open(options);
		const user = options.user ?? "postgres";
		const database = options.database ?? user;
		client.send(startup({ user, database, ...options.parameters }, options.protocol));
		try {
			await client.authenticate();
		} catch (error) {
			client.destroy();
			throw error;
		}
		return client;
	}

	send(...messages: readonly Buffer[]): void {
		this.#socket.write(Buffer.concat(messages));
	}

	/** Sends and answers all messages up to and with ReadyForQuery. */
	async ask(...messages: readonly Buffer[]): Promise<Message[]> {
		this.send(...messages);
		return this.until("Z");
	}

	/** A simple query. */
	query(sql: string): Promise<Message[]> {
		return this.ask(query(sql));
	}

	/** The next message. */
	async next(timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS): Promise<Message> {
		const deadline = Date.now() + timeoutMs;
		for (;;) {
			const message = this.received[this.#taken];
			if (message) {
				this.#taken++;
				return message;
			}
			if (this.ended) throw new Error("the server closed the connection");
			if (Date.now() >= deadline) throw new Error(`nothing arrived for ${timeoutMs} ms`);
			await this.#arrival(deadline - Date.now());
		}
	}

	/** All messages up to and with the first of this type. */
	async until(type: string, timeoutMs?: number): Promise<Message[]> {
		const messages: Message[] = [];
		try {
			for (;;) {
				const message = await this.next(timeoutMs);
				messages.push(message);
				if (message.type === type) return messages;
			}
		} catch (error) {
			const got = messages.map((each) => each.type).join(" ") || "nothing";
			throw new Error(`waiting for ${type}, got ${got}: ${(error as Error).message}`);
		}
	}

	/** Messages that come within a time: to show that there are none. */
	async during(milliseconds: number): Promise<Message[]> {
		await new Promise((resolve) => setTimeout(resolve, milliseconds));
		const messages = this.received.slice(this.#taken);
		this.#taken = this.received.length;
		return messages;
	}

	/** All that still comes until the server ends the connection. */
	async untilEnd(timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS): Promise<Message[]> {
		const deadline = Date.now() + timeoutMs;
		while (!this.ended) {
			if (Date.now() >= deadline) throw new Error(`the connection was still open after ${timeoutMs} ms`);
			await this.#arrival(deadline - Date.now());
		}
		const messages = this.received.slice(this.#taken);
		this.#taken = this.received.length;
		return messages;
	}

	/** Stop or go on reading, to be a slow client. */
	hold(held: boolean): void {
		if (held) this.#socket.pause();
		else this.#socket.resume();
	}

	/** Ends our side and keeps reading. */
	half(): void {
		this.#socket.end();
	}

	destroy(): void {
		this.#socket.destroy();
	}

	/** Answers the server's authentication requests up to ReadyForQuery. */
	async authenticate(): Promise<void> {
		let scram: Scram | undefined;
		for (;;) {
			const message = await this.next();
			if (message.type === "E") throw new ServerError(message);
			if (message.type === "S") this.#report(message);
			if (message.type === "K") {
				this.pid = message.body.readInt32BE(0);
				this.secret = message.body.subarray(4);
			}
			if (message.type === "Z") return;
			if (message.type !== "R") continue;
			const kind = message.body.readInt32BE(0);
			const data = message.body.subarray(4);
			if (kind === 3) this.send(password(this.#options.password ?? ""));
			else if (kind === 5) this.send(password(this.#md5(data)));
			else if (kind === 10) {
				scram = this.#scram(data.toString("latin1").split("\0"));
				this.send(scram.first());
			} else if (kind === 11) this.send(expectScram(scram).final(data.toString("latin1")));
			else if (kind === 12) expectScram(scram).check(data.toString("latin1"));
			else if (kind !== 0) throw new Error(`authentication request ${kind} is not known`);
		}
	}

	#md5(salt: Buffer): string {
		const inner = md5(Buffer.from(`${this.#options.password ?? ""}${this.#options.user ?? "postgres"}`));
		return `md5${md5(Buffer.concat([Buffer.from(inner), salt]))}`;
	}

	#scram(offered: readonly string[]): Scram {
		const plus = this.#options.channelBinding === true && offered.includes("SCRAM-SHA-256-PLUS");
		this.mechanism = plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
		if (!offered.includes(this.mechanism)) throw new Error(`${this.mechanism} is not offered: ${offered.join(" ")}`);
		const certificate = plus ? (this.#socket as TLSSocket).getPeerCertificate().raw : undefined;
		return new Scram(this.#options.password ?? "", this.mechanism, certificate);
	}

	#report(message: Message): void {
		const [name = "", value = ""] = message.body.toString("utf8").split("\0");
		this.reported.set(name, value);
	}

	async #secure(plain: Socket, direct: boolean): Promise<void> {
		const { ca } = this.#options;
		const secure = tlsConnect({
			socket: plain,
			host: this.#options.host ?? "127.0.0.1",
			rejectUnauthorized: ca !== undefined,
			...(ca === undefined ? {} : { ca }),
			...(direct ? { ALPNProtocols: ["postgresql"] } : {}),
		});
		await once(secure, "secureConnect");
		this.#socket = secure;
	}

	#listen(): void {
		const dropped = this.#options.dropRows ? "Dd" : "";
		this.#socket.on("data", (chunk: Buffer) => {
			this.#options.watch?.(chunk);
			const left = chunk.subarray(Math.min(this.#skipping, chunk.length));
			this.#skipping -= chunk.length - left.length;
			const bytes = this.#bytes.length === 0 ? left : Buffer.concat([this.#bytes, left]);
			const { messages, skipped, rest } = split(bytes, dropped);
			this.#bytes = rest;
			if (rest.length >= 5 && dropped.includes(rest.toString("latin1", 0, 1))) {
				this.#skipping = 1 + rest.readUInt32BE(1) - rest.length;
				this.#bytes = Buffer.alloc(0);
				this.rowsDropped++;
			}
			this.bytesReceived += chunk.length;
			this.rowsDropped += skipped;
			this.received.push(...messages);
			this.#wake();
		});
		const end = () => {
			this.ended = true;
			this.#wake();
		};
		this.#socket.on("end", end).on("close", end).on("error", end);
	}

	#arrival(timeoutMs: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, Math.max(1, timeoutMs));
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}
}

/** The client's half of one SCRAM exchange. */
class Scram {
	readonly #password: string;
	readonly #mechanism: string;
	readonly #binding: Buffer;
	readonly #nonce = randomBytes(18).toString("base64");
	#serverSignature = "";

	constructor(secret: string, mechanism: string, certificate: Buffer | undefined) {
		this.#password = secret;
		this.#mechanism = mechanism;
		this.#binding = certificate
			? Buffer.concat([Buffer.from("p=tls-server-end-point,,"), certificateHash(certificate)])
			: Buffer.from("n,,");
	}

	get #gs2(): string {
		return this.#mechanism.endsWith("PLUS") ? "p=tls-server-end-point,," : "n,,";
	}

	first(): Buffer {
		const initial = Buffer.from(`${this.#gs2}n=,r=${this.#nonce}`);
		return message("p", text(this.#mechanism), int32(initial.length), initial);
	}

	final(serverFirst: string): Buffer {
		const given = new Map(serverFirst.split(",").map((part) => [part[0], part.slice(2)]));
		const nonce = given.get("r") ?? "";
		if (!nonce.startsWith(this.#nonce)) throw new Error("SCRAM: the server changed our nonce");
		const salt = Buffer.from(given.get("s") ?? "", "base64");
		const salted = pbkdf2Sync(this.#password.normalize("NFKC"), salt, Number(given.get("i")), 32, "sha256");
		const clientKey = hmac(salted, "Client Key");
		const withoutProof = `c=${this.#binding.toString("base64")},r=${nonce}`;
		const exchange = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
		const signature = hmac(createHash("sha256").update(clientKey).digest(), exchange);
		const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
		this.#serverSignature = hmac(hmac(salted, "Server Key"), exchange).toString("base64");
		return message("p", `${withoutProof},p=${proof.toString("base64")}`);
	}

	check(serverFinal: string): void {
		if (serverFinal !== `v=${this.#serverSignature}`) throw new Error("SCRAM: the server does not know the password");
	}
}

function expectScram(scram: Scram | undefined): Scram {
	if (!scram) throw new Error("SCRAM: the server goes on with what it did not begin");
	return scram;
}

/** The certificate's digest by its own signature's hash (RFC 5929, 4.1): SHA-256 for all in fixtures/tls. */
function certificateHash(raw: Buffer): Buffer {
	return createHash("sha256").update(raw).digest();
}

const md5 = (bytes: Buffer): string => createHash("md5").update(bytes).digest("hex");
const hmac = (key: Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();

function once(socket: Socket, event: string): Promise<void> {
	return new Promise((resolve, reject) => {
		socket.once("error", reject);
		socket.once(event, () => {
			socket.removeListener("error", reject);
			resolve();
		});
	});
}
