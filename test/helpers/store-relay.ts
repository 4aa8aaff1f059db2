/**
 * Between a client and a store: it notes each request, and can flip a byte of what passes, or let nothing through any
 * more. Requests of the client under test come one after the other on a connection, each beginning with a chunk.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RelayedRequest {
	readonly method: string;
	/** Path and query. */
	readonly path: string;
}

/** Answers true when a byte of the request's body (or of what is answered to it) is to be flipped. */
type Wish = (request: RelayedRequest) => boolean;

export class StoreRelay {
	readonly requests: RelayedRequest[] = [];
	flipRequest: Wish = () => false;
	flipAnswer: Wish = () => false;
	/** Called before a request is passed on; it is held back until the answer resolves. */
	before: (request: RelayedRequest) => Promise<void> | void = () => {};
	readonly #server = createServer((client) => this.#relay(client));
	readonly #sockets = new Set<Socket>();
	readonly #upstream: number;

	private constructor(upstream: number) {
		this.#upstream = upstream;
	}

	/** `port`: where it listens; any free one by default. */
	static async open(upstream: number, port = 0): Promise<StoreRelay> {
		const relay = new StoreRelay(upstream);
		relay.#server.listen(port, "127.0.0.1");
		await once(relay.#server, "listening");
		return relay;
	}

	get endpoint(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	#relay(client: Socket): void {
		const server = connect({ host: "127.0.0.1", port: this.#upstream });
		let request: RelayedRequest | undefined;
		let flips = { request: false, answer: false };
		let passing = Promise.resolve();
		for (const socket of [client, server]) {
			this.#sockets.add(socket);
			socket.on("error", () => socket.destroy());
			socket.on("close", () => {
				this.#sockets.delete(socket);
				(socket === client ? server : client).destroy();
			});
		}
		client.on("data", (chunk) => {
			const [, method, path] =
				/^(GET|PUT|POST|DELETE) (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString("latin1", 0, 4096)) ?? [];
			let body = 0;
			if (method !== undefined && path !== undefined) {
				const current = { method, path };
				request = current;
				this.requests.push(current);
				flips = { request: this.flipRequest(current), answer: this.flipAnswer(current) };
				body = chunk.indexOf("\r\n\r\n") + 4;
				passing = passing.then(() => this.before(current));
			}
			if (request !== undefined && flips.request && chunk.length > body) {
				chunk[chunk.length - 1] = (chunk.at(-1) ?? 0) ^ 1;
				flips.request = false;
			}
			passing = passing.then(() => void server.write(chunk));
		});
		server.on("data", (chunk) => {
			const body = chunk.toString("latin1", 0, 9) === "HTTP/1.1 " ? chunk.indexOf("\r\n\r\n") + 4 : 0;
			if (flips.answer && chunk.length > body) {
				chunk[chunk.length - 1] = (chunk.at(-1) ?? 0) ^ 1;
				flips.answer = false;
			}
			client.write(chunk);
		});
	}

	/** Requests since the last call. */
	take(): RelayedRequest[] {
		return this.requests.splice(0);
	}

	async close(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, "close");
	}
}
