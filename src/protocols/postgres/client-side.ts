/**
 * The framing of the client's half of a PostgreSQL relay: takes frames out of what the client sends, holds those that
 * have to wait, and passes on, in runs of untouched bytes, what may pass. What a frame means is client-messages.ts.
 *
 * Specification: PostgreSQL documentation, "Message Formats". Only the message types listed here are spoken; any other
 * ends the session.
 */
import { COPY_MESSAGE_BYTES, RECORDED_MESSAGE_BYTES, SMALL_MESSAGE_BYTES } from "./bounds.js";
import { type Breach, ClientMessages } from "./client-messages.js";
import { FRONT, frameBytes, HEADER_BYTES } from "./codes.js";
import { MAX_UNANSWERED, type RelayCore } from "./core.js";
import { Gathering } from "./gathering.js";

export class ClientSide {
	/** Bytes that do not make a whole frame yet, or that wait. */
	#rest: Buffer | undefined;
	/** A frame larger than a chunk. */
	readonly #gathering = new Gathering();
	/** Bytes of a CopyData frame that are still to come, and whether they pass (outside COPY they are ignored). */
	#streaming = 0;
	#streamingPasses = true;
	/** Where the run of untouched frames begins that is sent as one slice. */
	#run = 0;
	readonly #core: RelayCore;
	readonly #messages: ClientMessages;
	readonly #messageBytes: number;

	constructor(core: RelayCore, messageBytes: number) {
		this.#core = core;
		this.#messageBytes = messageBytes;
		this.#messages = new ClientMessages(core, (data, start) => this.#send(data, start));
		core.resume = () => this.#resume();
	}

	receive(chunk: Buffer): void {
		if (this.#core.ended) return;
		if (this.#gathering.missing > 0) {
			const whole = this.#gathering.add(chunk);
			if (whole !== undefined) this.#process(whole, true);
		} else if (this.#rest === undefined) this.#process(chunk, false);
		else this.#process(Buffer.concat([this.#rest, chunk]), true);
	}

	#resume(): void {
		const core = this.#core;
		if (core.ended || core.cancelling || (core.waiting !== "nothing" && !this.#readsCopy)) return;
		core.host.holdClient(false);
		const rest = this.#rest;
		if (rest !== undefined && this.#gathering.missing === 0) this.#process(rest, true);
	}

	/** The server reads nothing else than COPY's data now, whatever else is waited for. */
	get #readsCopy(): boolean {
		return this.#core.copyIn && this.#core.waiting !== "promise";
	}

	/** `owned`: the bytes are our own copy already, so that what is left of them need not be copied again. */
	#process(data: Buffer, owned: boolean): void {
		const core = this.#core;
		this.#rest = undefined;
		this.#run = 0;
		let position = this.#stream(data);
		while (!core.ended && position < data.length) {
			const type = data[position] as number;
			const bytes = data.length - position < HEADER_BYTES ? undefined : frameBytes(data, position);
			// What cannot begin a message is not waited for.
			if (this.#messages.endsCopy(type, data, position)) break;
			const breach = this.#breach(type, bytes);
			if (breach !== undefined) this.#messages.breaks(breach, data, position);
			if (breach !== undefined || bytes === undefined) break;
			if (!this.#mayPass(type)) break;
			const end = position + bytes;
			if (end > data.length) {
				if (type === FRONT.copyData) position = this.#startStream(data, position, bytes);
				break;
			}
			const disposition = this.#messages.frame(type, data, position, end);
			if (disposition === "hold") break;
			if (disposition === "drop") {
				this.#send(data, position);
				this.#run = end;
			}
			position = end;
			if (core.queue.length >= MAX_UNANSWERED && core.waiting === "nothing" && !core.copyIn) core.wait("drain");
		}
		// Also what came before the end of the session: it was judged, and its entries stand in the recording.
		this.#send(data, position);
		this.#messages.endOfChunk();
		if (core.ended) return;
		if (core.waiting !== "nothing" && !core.copyIn) core.host.holdClient(true);
		core.flushIfWaiting();
		this.#keep(data, position, owned);
	}

	/** A CopyData frame that has not arrived whole is not waited for. */
	#startStream(data: Buffer, position: number, bytes: number): number {
		const taken = data.length - position;
		this.#streaming = bytes - taken;
		this.#streamingPasses = this.#core.copyIn && !this.#core.skipping;
		if (!this.#streamingPasses) {
			this.#send(data, position);
			this.#run = data.length;
		}
		return data.length;
	}

	/** Takes what has arrived of a CopyData frame begun earlier; answers how many bytes of `data` it was. */
	#stream(data: Buffer): number {
		const taken = Math.min(this.#streaming, data.length);
		this.#streaming -= taken;
		if (!this.#streamingPasses) this.#run = taken;
		return taken;
	}

	/** Sends the run of untouched frames before `start`. */
	#send(data: Buffer, start: number): void {
		if (start > this.#run) this.#core.host.toUpstream(data.subarray(this.#run, start));
		this.#run = start;
	}

	#keep(data: Buffer, position: number, owned: boolean): void {
		if (position === data.length) return;
		const left = data.subarray(position);
		const bytes = left.length >= HEADER_BYTES ? frameBytes(left, 0) : 0;
		if (bytes > left.length && this.#core.waiting === "nothing" && !this.#core.cancelling) {
			this.#gathering.begin(left, bytes);
		} else {
			// What waits may stand in a read buffer that is used again.
			this.#rest = owned ? left : Buffer.from(left);
		}
	}

	/** What of a frame's header breaks the protocol. `bytes` undefined: its length has not arrived. */
	#breach(type: number, bytes: number | undefined): Breach | undefined {
		if (!FRONT_TYPES.has(type)) return broken(`invalid frontend message type ${type}`);
		if (bytes === undefined) return undefined;
		if (bytes < 0) return broken("invalid message length");
		const own = ownBound(type);
		const bound = type === FRONT.copyData ? own : Math.min(own, this.#messageBytes);
		if (bytes <= bound) return undefined;
		const isRecorded = bound === RECORDED_MESSAGE_BYTES;
		const isConfigured = bound === this.#messageBytes;
		const why = isRecorded
			? ": statements and parameters are recorded whole"
			: isConfigured
				? ": bounds.messageBytes"
				: "";
		const detail = `The message has ${bytes} bytes; the bound is ${bound}${why}.`;
		return { message: "message is too long", detail, reason: "client sent a message that is too long" };
	}

	/** Whether a message of this type may be taken now. */
	#mayPass(type: number): boolean {
		const core = this.#core;
		if (type === FRONT.terminate) return true;
		if (core.cancelling) return false;
		if (this.#readsCopy) return true;
		switch (core.waiting) {
			case "nothing":
				return true;
			case "result":
				// Behind a Sync the series is committed, so it has to wait where there is something to commit.
				return type === FRONT.flush || (type === FRONT.sync && !core.seriesWrites);
			case "drain":
			case "series":
			case "copy":
			case "promise":
				return false;
		}
	}
}

/** Why the session ends, as it is told to the client and to the log. */
const broken = (message: string): Breach => ({
	message,
	detail: undefined,
	reason: `client broke the protocol: ${message}`,
});

const RECORDED: ReadonlySet<number> = new Set([FRONT.query, FRONT.parse, FRONT.bind, FRONT.functionCall]);

/** Messages that hold a name or nothing. */
const SMALL: ReadonlySet<number> = new Set([
	FRONT.describe,
	FRONT.execute,
	FRONT.close,
	FRONT.flush,
	FRONT.sync,
	FRONT.copyDone,
	FRONT.copyFail,
	FRONT.terminate,
]);

/** A bound on messages of this type that no configuration widens, in bytes. */
function ownBound(type: number): number {
	if (type === FRONT.copyData) return COPY_MESSAGE_BYTES;
	if (SMALL.has(type)) return SMALL_MESSAGE_BYTES;
	return RECORDED.has(type) ? RECORDED_MESSAGE_BYTES : Number.POSITIVE_INFINITY;
}

/** `password` is a message of the login alone. */
const FRONT_TYPES: ReadonlySet<number> = new Set(Object.values(FRONT).filter((type) => type !== FRONT.password));
