/**
 * A relay between a client that is a test and a real PostgreSQL: the sockets are here, everything else is the relay's.
 */
import { connect, type Socket } from "node:net";
import type { UpstreamReady } from "../../src/protocols/engine.js";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import { PostgresUpstreamDoor } from "../../src/protocols/postgres/upstream-door.js";
import { rawOptions } from "../helpers/raw-client.js";
import { framesOf } from "../helpers/traces.js";
import { type Message, query, split, terminate } from "../helpers/wire.js";
import { type HostOptions, TestHost } from "./relay-host.js";

const TIMEOUT_MS = 8000;

export class RelayedClient {
	readonly host: TestHost;
	/** Frames that went upstream, in order. */
	readonly sent: Buffer[] = [];
	readonly relay: PostgresRelay;
	readonly #socket: Socket;
	#rest: Buffer = Buffer.alloc(0);
	#received: Message[] = [];
	#wake: () => void = () => {};

	private constructor(
		socket: Socket,
		ready: UpstreamReady,
		address: { host: string; port: number },
		options: HostOptions,
	) {
		this.#socket = socket;
		this.host = new TestHost({
			cancel: () => cancel(address, ready.cancelRequest?.kind === "message" ? ready.cancelRequest.bytes : undefined),
			...options,
		});
		this.host.onUpstream = (bytes) => {
			this.sent.push(...framesOf(bytes));
			socket.write(bytes);
		};
		this.host.onEnd = () => socket.end();
		this.relay = new PostgresRelay(this.host, { messageBytes: 1 << 24, reported: ready.reported });
		socket.on("data", (chunk: Buffer) => {
			this.relay.fromUpstream(chunk);
			this.#take();
		});
		socket.on("error", () => {});
	}

	static async open(url: string, options: HostOptions = {}): Promise<RelayedClient> {
		const { host = "127.0.0.1", port, user = "", password, database = "" } = rawOptions(url);
		const socket = connect({ host, port });
		const door = new PostgresUpstreamDoor({
			username: user,
			password,
			database,
			settings: new Map(),
			tls: "disable",
			nonce: "a-nonce-of-this-test-alone",
			isLocal: true,
		});
		const ready = await new Promise<UpstreamReady>((resolve, reject) => {
			const act = (actions: ReturnType<typeof door.start>) => {
				for (const action of actions) {
					if (action.kind === "send") socket.write(action.bytes);
					else if (action.kind === "ready") resolve(action.upstream);
					else if (action.kind === "failed") reject(new Error(action.message));
				}
			};
			socket.once("connect", () => act(door.start()));
			socket.on("data", (chunk: Buffer) => act(door.receive(chunk)));
			socket.once("error", reject);
		});
		socket.removeAllListeners();
		return new RelayedClient(socket, ready, { host, port }, options);
	}

	send(...messages: readonly Buffer[]): void {
		this.relay.fromClient(Buffer.concat(messages));
		this.#take();
	}

	/** All messages up to and with the first of this type. */
	async until(type: string): Promise<Message[]> {
		const deadline = Date.now() + TIMEOUT_MS;
		for (;;) {
			this.#take();
			const index = this.#received.findIndex((each) => each.type === type);
			if (index >= 0) return this.#received.splice(0, index + 1);
			if (Date.now() > deadline) {
				const got = this.#received.map((each) => each.type).join(" ");
				throw new Error(`waiting for ${type}, got ${got}; ended: ${this.host.ended}`);
			}
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, 50);
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}

	async ask(...messages: readonly Buffer[]): Promise<Message[]> {
		this.send(...messages);
		return this.until("Z");
	}

	query(sql: string): Promise<Message[]> {
		return this.ask(query(sql));
	}

	/** What has come and was not asked for. */
	left(): Message[] {
		this.#take();
		return this.#received.splice(0);
	}

	close(): void {
		if (this.host.ended === undefined) this.relay.fromClient(terminate);
		this.#socket.destroy();
	}

	#take(): void {
		const { messages, rest } = split(Buffer.concat([this.#rest, this.host.takeClient()]));
		this.#rest = rest;
		this.#received.push(...messages);
		this.#wake();
	}
}

function cancel(address: { host: string; port: number }, request: Buffer | undefined): Promise<void> {
	return new Promise((resolve) => {
		const socket = connect(address, () => socket.write(request ?? Buffer.alloc(0)));
		socket.on("close", () => resolve()).on("error", () => resolve());
		socket.resume();
	});
}
