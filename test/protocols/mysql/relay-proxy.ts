/**
 * A relay between real clients and a real server, with the doors on both sides and a host that a test has made: the
 * sockets are here, everything else is the product's.
 */
import { createHash, randomBytes } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import type {
	ClientLoginRequest,
	DoorAction,
	PasswordVerifier,
	UpstreamAction,
	UpstreamReady,
} from "../../../src/protocols/engine.js";
import { mysql } from "../../../src/protocols/mysql/engine.js";
import { MysqlRelay } from "../../../src/protocols/mysql/relay.js";
import { makeVerifier } from "../../../src/protocols/postgres/scram.js";
import { mysqlOptions } from "../../helpers/mysql-servers.js";
import { type HostOptions, TestHost } from "../relay-host.js";
import { mysqlFacts } from "./facts.js";

const digest = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest();
export const PROXY_PASSWORD = "a-password";
const verifier: PasswordVerifier = {
	scramSha256: makeVerifier(PROXY_PASSWORD, Buffer.alloc(16, 7)),
	sha1Twice: digest("sha1", digest("sha1", Buffer.from(PROXY_PASSWORD))),
	sha256Twice: digest("sha256", digest("sha256", Buffer.from(PROXY_PASSWORD))),
};

export interface Proxied {
	readonly host: TestHost;
	readonly relay: MysqlRelay;
}

export class RelayProxy {
	/** The sessions so far, in the order in which they began. */
	readonly sessions: Proxied[] = [];
	readonly #server: Server;
	readonly #url: string;
	readonly #options: HostOptions;
	readonly #sockets = new Set<Socket>();
	#connections = 0;
	/** What the server says of itself. */
	#reported: ReadonlyMap<string, string> = new Map();

	private constructor(url: string, options: HostOptions) {
		this.#url = url;
		this.#options = options;
		this.#server = createServer((socket) => this.#serve(socket));
	}

	static async open(url: string, options: HostOptions = {}): Promise<RelayProxy> {
		const proxy = new RelayProxy(url, options);
		const { ready, socket } = await proxy.#logIn({
			username: "",
			database: undefined,
			application: undefined,
			settings: new Map(),
		});
		proxy.#reported = ready.reported;
		socket.destroy();
		await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
		return proxy;
	}

	get port(): number {
		const address = this.#server.address();
		return typeof address === "object" && address !== null ? address.port : 0;
	}

	close(): void {
		this.#server.close();
		for (const socket of this.#sockets) socket.destroy();
	}

	#serve(socket: Socket): void {
		this.#sockets.add(socket);
		socket.setNoDelay(true);
		const connectionId = ++this.#connections;
		const door = mysql.clientDoor({
			tls: "none",
			isSecured: false,
			server: this.#reported,
			connectionId,
			random: randomBytes(32),
		});
		let login: ClientLoginRequest | undefined;
		let relay: MysqlRelay | undefined;
		const act = (actions: readonly DoorAction[]): void => {
			for (const action of actions) {
				if (action.kind === "send" || action.kind === "refuse") socket.write(action.bytes);
				if (action.kind === "refuse") socket.end();
				if (action.kind === "identify") {
					login = action.login;
					act(door.verify(verifier, randomBytes(16).toString("hex")));
				}
				if (action.kind === "authenticated" && login !== undefined) {
					const request = login;
					this.#logIn(request).then(
						({ ready, socket: upstream }) => {
							socket.write(door.welcome(ready, { processId: connectionId, secret: Buffer.alloc(4) }));
							relay = this.#join(socket, upstream, ready, request, connectionId);
							const left = door.leftover();
							if (left.length > 0) relay.fromClient(left);
						},
						() => socket.destroy(),
					);
				}
			}
		};
		socket.on("data", (chunk: Buffer) => {
			if (relay === undefined) act(door.receive(chunk));
			else relay.fromClient(chunk);
		});
		socket.on("error", () => {});
		act(door.start());
	}

	#join(
		client: Socket,
		upstream: Socket,
		ready: UpstreamReady,
		login: ClientLoginRequest,
		connectionId: number,
	): MysqlRelay {
		const host = new TestHost({ facts: mysqlFacts, cancel: () => this.#cancel(ready), ...this.#options });
		const relay = new MysqlRelay(host, {
			messageBytes: 1 << 28,
			upstream: ready,
			login,
			database: login.database ?? "",
			connectionId,
			subject: "alice",
		});
		this.sessions.push({ host, relay });
		host.onUpstream = (bytes) => upstream.write(bytes);
		host.onClient = (bytes) => client.write(bytes);
		host.onEnd = () => {
			client.end();
			upstream.end();
		};
		upstream.on("data", (chunk: Buffer) => relay.fromUpstream(chunk));
		upstream.on("close", () => relay.terminate("upstream", "lost", undefined));
		client.on("close", () => relay.abandon("the client is gone"));
		return relay;
	}

	async #cancel({ cancelRequest }: UpstreamReady): Promise<void> {
		if (cancelRequest?.kind !== "statement") return;
		const { socket } = await this.#logIn({
			username: "",
			database: undefined,
			application: undefined,
			settings: new Map(),
		});
		const query = mysql.query(cancelRequest.sql);
		await new Promise<void>((resolve) => {
			socket.on("data", (chunk: Buffer) => {
				if (query.receive(chunk) !== undefined) resolve();
			});
			socket.on("close", resolve);
			socket.write(query.bytes);
		});
		socket.destroy();
	}

	#logIn(login: ClientLoginRequest): Promise<{ readonly ready: UpstreamReady; readonly socket: Socket }> {
		const { host, port, user, password, database } = mysqlOptions(this.#url);
		const door = mysql.upstreamDoor({
			username: user,
			password,
			database: login.database ?? database ?? "",
			settings: new Map([...login.settings, ...mysql.pinnedSettings]),
			tls: "disable",
			nonce: "a-nonce-of-this-test-alone",
			isLocal: true,
		});
		const socket = connect({ host, port });
		this.#sockets.add(socket);
		return new Promise((resolve, reject) => {
			const act = (actions: readonly UpstreamAction[]): void => {
				for (const action of actions) {
					if (action.kind === "send") socket.write(action.bytes);
					if (action.kind === "failed") reject(new Error(action.message));
					if (action.kind === "ready") {
						socket.off("data", onData);
						resolve({ ready: action.upstream, socket });
					}
				}
			};
			const onData = (chunk: Buffer) => act(door.receive(chunk));
			socket.on("data", onData);
			socket.on("error", reject);
			act(door.start());
		});
	}
}
