/**
 * A listening port: every connection is led through its engine's door (TLS, startup, login) under a time limit, and
 * then handed to the gateway.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Address, TlsConfig } from "../config/document.js";
import type { ClientDoor, DoorAction, Engine, PasswordVerifier } from "../protocols/engine.js";
import type { Logger } from "../telemetry/log.js";
import { type Gateway, type LoginMatter, LoginRefusal, makeNonce } from "./gateway.js";
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

export interface ListenerOptions {
	readonly address: Address;
	readonly engine: Engine;
	readonly gateway: Gateway;
	readonly verifierFor: (username: string) => Promise<PasswordVerifier>;
	readonly tls: ServerTls | undefined;
	readonly loginTimeoutMs: number;
	/** A port of one target's own. */
	readonly target: string | undefined;
	readonly log: Logger;
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

	/** Takes nobody in any more. Sessions that came in here go on until the gateway ends them. */
	close(): void {
		this.#server.close();
		for (const arrival of this.#arrivals) arrival.abandon();
	}
}

/** One connection from its first byte to the end of its login. */
class Arrival {
	readonly #options: ListenerOptions;
	readonly #done: () => void;
	readonly #address: string;
	readonly #timer: NodeJS.Timeout;
	#socket: Socket;
	#door: ClientDoor;
	#matter: LoginMatter | undefined;
	#over = false;
	#first = true;
	#secured = false;

	constructor(socket: Socket, options: ListenerOptions, done: () => void) {
		this.#options = options;
		this.#done = done;
		this.#socket = socket;
		this.#address = plainAddress(socket.remoteAddress ?? "");
		this.#door = this.#makeDoor();
		this.#timer = setTimeout(() => this.#tooLate(), options.loginTimeoutMs);
		this.#listen(socket);
	}

	#makeDoor(): ClientDoor {
		const { engine, tls } = this.#options;
		const offer = tls === undefined ? "none" : tls.required ? "required" : "offered";
		return engine.clientDoor({ tls: offer, isSecured: this.#secured });
	}

	readonly #onData = (chunk: Buffer) => {
		if (this.#first) {
			this.#first = false;
			// TLS without asking first, as libpq does with sslnegotiation=direct.
			if (chunk[0] === TLS_HANDSHAKE && this.#options.tls !== undefined && this.#options.engine.alpn !== undefined) {
				this.#startTls(chunk, true);
				return;
			}
		}
		this.#act(this.#door.receive(chunk));
	};
	readonly #onGone = () => this.#finish("the client went away during the login");

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

	#act(actions: readonly DoorAction[]): void {
		for (const action of actions) {
			if (this.#over) return;
			switch (action.kind) {
				case "send":
					this.#socket.write(action.bytes);
					break;
				case "startTls":
					this.#startTls(undefined, false);
					break;
				case "cancel":
					this.#cancel(action.key);
					break;
				case "identify":
					this.#identify(action.login).catch((error: unknown) => this.#fail(error));
					break;
				case "authenticated":
					this.#enter().catch((error: unknown) => this.#fail(error));
					break;
				case "refuse":
					this.#refuse(action.bytes, action.reason);
					break;
			}
		}
	}

	#startTls(already: Buffer | undefined, isDirect: boolean): void {
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
				this.#refuse(undefined, "direct TLS without the protocol's ALPN name");
				return;
			}
			if (tls.clientCa && socket.authorizationError !== undefined && socket.authorizationError !== null) {
				this.#refuse(undefined, `client certificate: ${String(socket.authorizationError)}`);
				return;
			}
			this.#secured = true;
			this.#door.secured(tls.channelBinding);
		});
	}

	#cancel(key: string): void {
		this.#options.gateway.cancel(key).then(
			() => this.#refuse(undefined, undefined),
			() => this.#refuse(undefined, undefined),
		);
	}

	async #identify(login: LoginMatter["request"]): Promise<void> {
		const { gateway, verifierFor } = this.#options;
		const [matter, verifier] = await Promise.all([gateway.lookUp(login), verifierFor(login.username)]);
		if (this.#over) return;
		this.#matter = matter;
		this.#act(this.#door.verify(verifier, makeNonce()));
	}

	async #enter(): Promise<void> {
		const { gateway, engine, target } = this.#options;
		const matter = this.#matter as LoginMatter;
		this.#socket.pause();
		const wire = new Wire(this.#socket);
		await gateway.open(matter, engine, this.#door, wire, { address: this.#address, tls: this.#secured, target });
		this.#unlisten(this.#socket);
		this.#finish(undefined);
	}

	#fail(error: unknown): void {
		if (error instanceof LoginRefusal) {
			this.#refuse(this.#door.refusal(error.kind, error.message, error.detail), error.message);
			return;
		}
		this.#options.log.error({ err: error instanceof Error ? error.stack : String(error) }, "a login failed");
		this.#refuse(this.#door.refusal("upstream", "the login failed inside the proxy"), "internal error");
	}

	#tooLate(): void {
		this.#refuse(undefined, "the login took too long");
	}

	#refuse(bytes: Buffer | undefined, reason: string | undefined): void {
		if (this.#over) return;
		const socket = this.#socket;
		this.#unlisten(socket);
		socket.on("error", () => undefined);
		if (bytes !== undefined) socket.write(bytes);
		socket.resume();
		socket.end();
		setTimeout(() => socket.destroy(), 1000).unref();
		this.#finish(reason);
	}

	#finish(reason: string | undefined): void {
		if (this.#over) return;
		this.#over = true;
		clearTimeout(this.#timer);
		if (reason !== undefined) {
			const user = this.#matter?.request.username;
			this.#options.log.info({ client: this.#address, user, reason }, "login refused");
		}
		this.#done();
	}

	abandon(): void {
		this.#refuse(undefined, "the proxy is shutting down");
	}
}

/** IPv4 addresses that a dual-stack socket shows in IPv6 form, as what they are. */
function plainAddress(address: string): string {
	return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
