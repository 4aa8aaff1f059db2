/**
 * A client that writes packets as it likes and sees the server's as they came: the login is the product's own door, what
 * follows is the test's.
 */
import { connect, type Socket } from "node:net";
import type { UpstreamAction } from "../../../src/protocols/engine.js";
import { mysql } from "../../../src/protocols/mysql/engine.js";

/** One packet. */
export function packet(sequence: number, ...parts: (Buffer | string | number)[]): Buffer {
	const body = Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));
	return Buffer.concat([Buffer.of(body.length & 255, (body.length >> 8) & 255, body.length >> 16, sequence), body]);
}

export const int16 = (value: number): Buffer => Buffer.of(value & 255, value >> 8);
export const int32 = (value: number): Buffer => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value >>> 0);
	return bytes;
};

export interface Packet {
	readonly sequence: number;
	readonly body: Buffer;
}

/** Whole packets of a stream, and what is left. */
export function packetsOf(bytes: Buffer): { readonly packets: Packet[]; readonly rest: Buffer } {
	const packets: Packet[] = [];
	let at = 0;
	while (bytes.length - at >= 4) {
		const end = at + 4 + bytes.readUIntLE(at, 3);
		if (end > bytes.length) break;
		packets.push({ sequence: bytes[at + 3] ?? 0, body: bytes.subarray(at + 4, end) });
		at = end;
	}
	return { packets, rest: bytes.subarray(at) };
}

export interface RawLogin {
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	readonly database: string;
	/** Capability flags beyond the door's own. */
	readonly flags: number;
	/** Begins with what sessions of the proxy begin with. */
	readonly pinned?: boolean;
}

const TIMEOUT_MS = 8000;

export class RawMysql {
	readonly #socket: Socket;
	#rest: Buffer = Buffer.alloc(0);
	#packets: Packet[] = [];
	#wake: () => void = () => {};
	/** Everything that came since the login. */
	received: Buffer[] = [];
	closed = false;

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (chunk: Buffer) => {
			this.received.push(chunk);
			const { packets, rest } = packetsOf(Buffer.concat([this.#rest, chunk]));
			this.#rest = Buffer.from(rest);
			this.#packets.push(...packets.map((each) => ({ ...each, body: Buffer.from(each.body) })));
			this.#wake();
		});
		socket.on("close", () => {
			this.closed = true;
			this.#wake();
		});
		socket.on("error", () => {});
	}

	static async login({ host, port, user, password, database, flags, pinned }: RawLogin): Promise<RawMysql> {
		const door = mysql.upstreamDoor({
			username: user,
			password,
			database,
			settings: new Map([["flags", String(flags)], ...(pinned === true ? mysql.pinnedSettings : [])]),
			tls: "disable",
			nonce: "a-nonce-of-this-test-alone",
			isLocal: true,
		});
		const socket = connect({ host, port });
		await new Promise<void>((resolve, reject) => {
			const act = (actions: readonly UpstreamAction[]): void => {
				for (const action of actions) {
					if (action.kind === "send") socket.write(action.bytes);
					if (action.kind === "failed") reject(new Error(action.message));
					if (action.kind === "ready") {
						socket.off("data", onData);
						resolve();
					}
				}
			};
			const onData = (chunk: Buffer) => act(door.receive(chunk));
			socket.on("data", onData);
			socket.on("error", reject);
			act(door.start());
		});
		return new RawMysql(socket);
	}

	send(...bytes: Buffer[]): void {
		this.#socket.write(Buffer.concat(bytes));
	}

	/** The next packets, up to the one of which `isLast` is true. */
	async until(isLast: (packet: Packet, index: number) => boolean): Promise<Packet[]> {
		const taken: Packet[] = [];
		for (;;) {
			const next = this.#packets.shift();
			if (next !== undefined) {
				taken.push(next);
				if (isLast(next, taken.length - 1)) return taken;
				continue;
			}
			if (this.closed) throw new Error(`closed after ${taken.length} packets`);
			await new Promise<void>((resolve, reject) => {
				const timer = setTimeout(() => reject(new Error(`nothing more after ${taken.length} packets`)), TIMEOUT_MS);
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}

	/** The next `count` packets. */
	take(count: number): Promise<Packet[]> {
		return this.until((_, index) => index === count - 1);
	}

	destroy(): void {
		this.#socket.destroy();
	}
}
