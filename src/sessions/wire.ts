/**
 * One side's socket: chunks in, one write a turn out, with back-pressure told as it happens.
 */
import type { Socket } from "node:net";
import { adopt, Blocks } from "./read-buffer.js";

export interface WireEvents {
	/** `chunk` stays as it is until `release`. */
	data(chunk: Buffer): void;
	/** What was written has left: the other side may be read again. */
	drained(): void;
	/** The peer ended or the connection failed; said once. */
	closed(reason: string): void;
}

/** A peer that is gone without a word is noticed after about this long without traffic. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Work on what one side sent before other sockets have their turn: at once the kernel hands over up to 2 MiB, which is
 * passed on in two milliseconds, but may take two hundred where each value is masked.
 */
const TURN_MS = 2;

/** How long a peer may take to receive what was said to it last, before its connection is cut. */
const LINGER_MS = 2000;

export class Wire {
	#socket: Socket;
	#events: WireEvents | undefined;
	#closed = false;
	#attached = false;
	/** By who is attached: the other side has to catch up. */
	#paused = false;
	/** Other sockets have their turn. */
	#yielding = false;
	/** Since it last yielded, in milliseconds. */
	#worked = 0;
	readonly #blocks = new Blocks();

	constructor(socket: Socket) {
		this.#socket = socket;
		this.#watch(socket);
	}

	#watch(socket: Socket): void {
		socket.setNoDelay(true);
		socket.setKeepAlive(true, KEEP_ALIVE_MS);
		socket.on("error", (error) => this.#close(error.message));
		socket.on("end", () => this.#close("end of stream"));
		socket.on("close", () => this.#close("closed"));
	}

	/** Begins to read; who was told before is told no more. */
	attach(events: WireEvents): void {
		this.#events = events;
		if (!this.#attached) this.#open();
		this.resume();
		if (this.#closed) queueMicrotask(() => events.closed("closed"));
	}

	#open(): void {
		this.#attached = true;
		const adopted = adopt(this.#socket, (bytes) => this.#receive(this.#blocks.copy(bytes)));
		if (adopted === undefined) {
			this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
		} else {
			this.#socket = adopted;
			this.#watch(adopted);
		}
		this.#socket.on("drain", () => this.#events?.drained());
	}

	#receive(chunk: Buffer): void {
		const begun = performance.now();
		this.#events?.data(chunk);
		this.#worked += performance.now() - begun;
		if (this.#worked < TURN_MS || this.#closed) return;
		this.#worked = 0;
		this.#yielding = true;
		this.#socket.pause();
		setImmediate(() => {
			this.#yielding = false;
			if (!this.#paused && !this.#closed) this.#socket.resume();
		});
	}

	get socket(): Socket {
		return this.#socket;
	}

	/** False: no more should come before `drained`. */
	write(chunks: readonly Buffer[]): boolean {
		if (this.isOver) return true;
		if (chunks.length === 1) return this.#socket.write(chunks[0] as Buffer);
		const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
		// Copying a little is cheaper than one system call a piece; large pieces go out as they are, in one gathered write.
		if (bytes <= 16_384) return this.#socket.write(Buffer.concat(chunks, bytes));
		this.#socket.cork();
		let room = true;
		for (const chunk of chunks) room = this.#socket.write(chunk);
		this.#socket.uncork();
		return room;
	}

	/** Nothing that is written reaches the peer any more. */
	get isOver(): boolean {
		return this.#closed || !this.#socket.writable;
	}

	/** Everything that was written has left. */
	get isEmpty(): boolean {
		return this.#socket.writableLength === 0;
	}

	/** What was read so far is not referred to any more: its memory serves again. */
	release(): void {
		this.#blocks.giveBack();
	}

	get backedUp(): boolean {
		return this.#socket.writableNeedDrain;
	}

	pause(): void {
		this.#paused = true;
		this.#socket.pause();
	}

	resume(): void {
		this.#paused = false;
		if (!this.#closed && !this.#yielding) this.#socket.resume();
	}

	/** Says what is left to say and closes; a peer that does not take it is cut off. */
	end(): void {
		this.#events = undefined;
		if (this.#socket.destroyed) return;
		this.#socket.resume();
		this.#socket.end();
		const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
		this.#socket.once("close", () => clearTimeout(timer));
	}

	destroy(): void {
		this.#events = undefined;
		this.#socket.destroy();
	}

	#close(reason: string): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#events?.closed(reason);
	}
}
