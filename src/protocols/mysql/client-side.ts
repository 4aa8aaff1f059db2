/**
 * The framing of the client's half of a MySQL relay: whole commands in order, one at a time, and the packets of a file
 * that the server reads (LOCAL INFILE). What is sent ahead waits.
 *
 * Specification: MySQL Internals, "MySQL Packets", "LOCAL INFILE Request".
 */
import type { RelayOptions } from "../engine.js";
import { RECORDED_MESSAGE_BYTES } from "./bounds.js";
import { type ClientCommand, Commands } from "./commands.js";
import type { RelayCore } from "./core.js";
import { ERROR } from "./errors.js";
import { Intake } from "./intake.js";
import { FULL_PACKET_BYTES, HEADER_BYTES, payloadBytes } from "./packets.js";

/** Sent ahead beyond this, the client is not read any more. */
const AHEAD_BYTES = 64 * 1024;

export class ClientSide {
	readonly #intake = new Intake();
	readonly #core: RelayCore;
	readonly #commands: Commands;
	readonly #maxBytes: number;
	#isProcessing = false;
	/** Bytes of a packet of the file that are still to come, and its number. */
	#owed = 0;

	constructor(core: RelayCore, options: RelayOptions) {
		this.#core = core;
		this.#commands = new Commands(core, options);
		this.#maxBytes = Math.min(options.messageBytes, RECORDED_MESSAGE_BYTES);
		core.resume = () => this.#resume();
	}

	receive(chunk: Buffer): void {
		if (!this.#core.ended) this.#process(this.#intake.with(chunk));
	}

	#resume(): void {
		if (this.#isProcessing || this.#core.ended) return;
		this.#core.host.holdClient(false);
		if (this.#intake.length > 0) this.#process(this.#intake.view);
	}

	#process(data: Buffer): void {
		const core = this.#core;
		this.#isProcessing = true;
		let at = 0;
		while (!core.ended) {
			if (core.infile) {
				at = this.#file(data, at);
				if (core.infile) break;
			}
			if (core.isBlocked) break;
			const command = this.#next(data, at);
			if (command === undefined || this.#commands.take(command) === "hold") break;
			at += command.raw.length;
		}
		this.#isProcessing = false;
		this.#intake.keep(data, at);
		if (core.isBlocked && !core.infile && !core.ended && this.#intake.length > AHEAD_BYTES) core.host.holdClient(true);
	}

	/** The command at `at`, if it is there whole. */
	#next(data: Buffer, at: number): ClientCommand | undefined {
		let end = at;
		let sequence = -1;
		let bytes = 0;
		for (;;) {
			if (data.length - end < HEADER_BYTES) return undefined;
			const length = payloadBytes(data, end);
			sequence += 1;
			bytes += length;
			if (data[end + 3] !== (sequence & 0xff)) return this.#broken(ERROR.packetsOutOfOrder, "Got packets out of order");
			if (bytes > this.#maxBytes) {
				return this.#broken(ERROR.packetTooLarge, "Got a packet bigger than 'max_allowed_packet' bytes");
			}
			end += HEADER_BYTES + length;
			if (length < FULL_PACKET_BYTES) break;
		}
		if (end > data.length) return undefined;
		const raw = data.subarray(at, end);
		const payload = sequence === 0 ? data.subarray(at + HEADER_BYTES, end) : joined(raw, bytes);
		return { raw, payload, sequence: sequence & 0xff, following: data.subarray(end) };
	}

	#broken(code: { readonly errno: number; readonly state: string }, message: string): undefined {
		// The answer's number follows that of the packet that is answered.
		this.#core.fatal(code, message, undefined, `client broke the protocol: ${message}`);
		return undefined;
	}

	/** Passes on what has come of a file; its last packet is empty. Answers how far. */
	#file(data: Buffer, from: number): number {
		const core = this.#core;
		const shift = core.inflight?.shift ?? 0;
		const headers: number[] = [];
		let at = from;
		for (;;) {
			const taken = Math.min(this.#owed, data.length - at);
			at += taken;
			this.#owed -= taken;
			core.infileBytes += taken;
			if (this.#owed > 0 || data.length - at < HEADER_BYTES) break;
			if (data[at + 3] !== core.nextSequence) {
				this.#broken(ERROR.packetsOutOfOrder, "Got packets out of order");
				return at;
			}
			core.nextSequence = (core.nextSequence + 1) & 0xff;
			this.#owed = payloadBytes(data, at);
			if (shift !== 0) headers.push(at - from);
			at += HEADER_BYTES;
			if (this.#owed === 0) {
				core.infile = false;
				break;
			}
		}
		if (at > from) {
			const passed = shift === 0 ? data.subarray(from, at) : Buffer.from(data.subarray(from, at));
			for (const header of headers) passed[header + 3] = ((passed[header + 3] as number) - shift) & 0xff;
			core.host.toUpstream(passed);
		}
		return at;
	}
}

/** The payload of packets that belong together. */
function joined(raw: Buffer, bytes: number): Buffer {
	const payload = Buffer.allocUnsafeSlow(bytes);
	let to = 0;
	for (let at = 0; at < raw.length; ) {
		const length = payloadBytes(raw, at);
		raw.copy(payload, to, at + HEADER_BYTES, at + HEADER_BYTES + length);
		to += length;
		at += HEADER_BYTES + length;
	}
	return payload;
}
