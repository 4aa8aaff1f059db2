/**
 * A listening port: every connection is led through its engine's door (TLS, startup, login) under a time limit, and
 * then handed to the gateway.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Address, TlsConfig } from "../config/document.js";
import type { ClientDoor } from "../protocols/engine.js";
import { Login, type LoginLine, type LoginOptions } from "./login.js";
import { certificateFault } from "./peer-certificate.js";
import { Wire } from "./wire.js";

/** First byte of a TLS record that holds a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Connections that have not logged in yet; beyond it new ones are closed at once. */
const MAX_LOGINS = 512;

export interface ServerTls {
	readonly context: SecureContext;
	/** tls-server-end-point data of the certificate (RFC 5929); undefined: it has none. */
	readonly channelBinding: Buffer | undefined;
	readonly required: boolean;
	readonly clientCa: boolean;
}

/** Throws when a file cannot be read or is no certificate or key. */
export function loadTls(
	tls: TlsConfig,
	bindingOf: (der: Buffer) => Buffer | undefined,
	derOf: (pem: Buffer) => Buffer,
): ServerTls {
	const cert = readFileSync(tls.certificate);
	const context = createSecureContext({
		cert,
		key: readFileSync(tls.key),
		minVersion: "TLSv1.2",
		...(tls.clientCa === undefined ? {} : { ca: readFileSync(tls.clientCa) }),
	});
	return {
		context,
		channelBinding: bindingOf(derOf(cert)),
		required: tls.required,
		clientCa: tls.clientCa !== undefined,
	};
}

export interface ListenerOptions extends LoginOptions {
	readonly address: Address;
	readonly tls: ServerTls | undefined;
}

export class Listener {
	readonly #options: ListenerOptions;
	readonly #server: Server;
	readonly #arrivals = new Set<Arrival>();

	private constructor(options: ListenerOptions) {
		this.#options = options;
		this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
	}

	/** Rejects when the address cannot be listened on. */
	static open(options: ListenerOptions): Promise<Listener> {
		const listener = new Listener(options);
		return new Promise((resolve, reject) => {
			listener.#server.once("error", reject);
			listener.#server.listen(options.address.port, options.address.host, () => {
				listener.#server.removeListener("error", reject);
				listener.#server.on("error", (error) => options.log.error({ err: error.message }, "listener"));
				resolve(listener);
			});
		});
	}

	#accept(socket: Socket): void {
		if (this.#arrivals.size >= MAX_LOGINS) {
			socket.destroy();
			return;
		}
		const arrival = new Arrival(socket, this.#options, () => this.#arrivals.delete(arrival));
		this.#arrivals.add(arrival);
	}

	/** The one that the system chose, where none was named. */
	get port(): number {
		const address = this.#server.address();
		return address !== null && typeof address === "object" ? address.port : this.#options.address.port;
	}

	/** Takes nobody in any more. Sessions that came in here go on until the gateway ends them. */
	close(): void {
		this.#server.close();
		for (const arrival of this.#arrivals) arrival.abandon();
	}
}

/** One connection from its first byte to the end of its login. */
class Arrival implements LoginLine {
	readonly #options: ListenerOptions;
	readonly #done: () => void;
	readonly address: string;
	readonly #connectionId: number;
	#socket: Socket;
	#door: ClientDoor | undefined;
	#login: Login | undefined;
	#over = false;
	#first = true;
	secured = false;

	constructor(socket: Socket, options: ListenerOptions, done: () => void) {
		this.#options = options;
		this.#done = done;
		this.#socket = socket;
		this.address = plainAddress(socket.remoteAddress ?? "");
		this.#connectionId = options.gateway.nextConnectionId();
		socket.on("error", this.#onGone);
		socket.on("close", this.#onGone);
		if (options.engine.greetsFirst) this.#greet().catch((error: unknown) => this.#cannotGreet(error));
		else this.#begin(undefined);
	}

	async #greet(): Promise<void> {
		const { gateway, engine, target } = this.#options;
		const server = await gateway.identity(engine, target);
		if (!this.#over) this.#begin(server);
	}

	#cannotGreet(error: unknown): void {
		if (this.#over) return;
		this.#begin(undefined);
		this.#login?.fail(error);
	}

	#begin(server: ReadonlyMap<string, string> | undefined): void {
		const { engine, tls } = this.#options;
		const door = engine.clientDoor({
			tls: tls === undefined ? "none" : tls.required ? "required" : "offered",
			isSecured: false,
			server,
			connectionId: this.#connectionId,
			random: randomBytes(32),
		});
		this.#door = door;
		this.#login = new Login(this.#options, this, door, this.#connectionId, () => this.#finished());
		this.#socket.on("data", this.#onData);
		if (!engine.greetsFirst || server !== undefined) this.#login.act(door.start());
	}

	readonly #onData = (chunk: Buffer) => {
		if (this.#first) {
			this.#first = false;
			// TLS without asking first, as libpq does with sslnegotiation=direct.
			if (chunk[0] === TLS_HANDSHAKE && this.#options.tls !== undefined && this.#options.engine.alpn !== undefined) {
				this.#secure(chunk, true);
				return;
			}
		}
		this.#login?.receive(chunk);
	};
	readonly #onGone = () => {
		this.#login?.finish("the client went away during the login");
		this.#finished();
	};

	#listen(socket: Socket): void {
		socket.on("data", this.#onData);
		socket.on("error", this.#onGone);
		socket.on("close", this.#onGone);
	}

	#unlisten(socket: Socket): void {
		socket.removeListener("data", this.#onData);
		socket.removeListener("error", this.#onGone);
		socket.removeListener("close", this.#onGone);
	}

	startTls(received: Buffer | undefined): void {
		this.#secure(received, false);
	}

	#secure(already: Buffer | undefined, isDirect: boolean): void {
		const { tls, engine } = this.#options;
		if (tls === undefined) return;
		const plain = this.#socket;
		this.#unlisten(plain);
		plain.on("error", this.#onGone);
		plain.pause();
		if (already !== undefined) plain.unshift(already);
		const alpn = engine.alpn;
		const socket = new TLSSocket(plain, {
			isServer: true,
			secureContext: tls.context,
			requestCert: tls.clientCa,
			rejectUnauthorized: tls.clientCa,
			...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
		});
		this.#socket = socket;
		this.#listen(socket);
		socket.once("secure", () => {
			if (isDirect && socket.alpnProtocol !== alpn) {
				this.#login?.refuse(undefined, "direct TLS without the protocol's ALPN name");
				return;
			}
			const fault = tls.clientCa ? certificateFault(socket) : undefined;
			if (fault !== undefined) {
				this.#login?.refuse(undefined, `client certificate: ${fault}`);
				return;
			}
			this.secured = true;
			this.#door?.secured(tls.channelBinding);
		});
	}

	write(bytes: Buffer): void {
		this.#socket.write(bytes);
	}

	hold(): Wire {
		this.#socket.pause();
		return new Wire(this.#socket);
	}

	handedOver(): void {
		this.#unlisten(this.#socket);
	}

	end(bytes: Buffer | undefined): void {
		const socket = this.#socket;
		this.#unlisten(socket);
		socket.on("error", () => undefined);
		if (bytes !== undefined) socket.write(bytes);
		socket.resume();
		socket.end();
		setTimeout(() => socket.destroy(), 1000).unref();
	}

	#finished(): void {
		if (this.#over) return;
		this.#over = true;
		this.#done();
	}

	abandon(): void {
		if (this.#login === undefined) {
			this.end(undefined);
			this.#finished();
		} else this.#login.refuse(undefined, "the proxy is shutting down");
	}
}

/** IPv4 addresses that a dual-stack socket shows in IPv6 form, as what they are. */
function plainAddress(address: string): string {
	return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
