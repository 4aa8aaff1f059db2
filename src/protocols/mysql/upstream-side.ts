/**
 * The framing of the upstream's half of a MySQL relay: what each packet of an answer is, runs of untouched packets passed
 * on as slices, rows counted and masked. What results and errors mean is answers.ts.
 *
 * Specification: MySQL Internals, "COM_QUERY Response", "COM_STMT_PREPARE Response", "Binary Protocol Resultset".
 */
import { RowBuffer } from "../row-buffer.js";
import { type Answer, Answers, DROP, PASS } from "./answers.js";
import { ANSWER } from "./codes.js";
import { headEnd, MAX_COLUMNS } from "./columns.js";
import type { Command, RelayCore } from "./core.js";
import { ERROR } from "./errors.js";
import { Intake } from "./intake.js";
import { FULL_PACKET_BYTES, framed, HEADER_BYTES, packetsOf, payloadBytes } from "./packets.js";
import type { Result } from "./result.js";

/** What comes next of an answer. `definitions`: those of a PREPARE; `fields`: those of COM_FIELD_LIST. */
type Phase = "start" | "rows" | "definitions" | "fields";

/** A chunk's worth: what is longer is passed on as it comes, and cannot be waited for in memory. */
const WAITED_BYTES = 64 * 1024;
/** Longest head of a result: names of 4096 columns, and the tables and aliases that they come from. */
const HEAD_BYTES = 16 * 1024 * 1024;
const EOF_BYTES = 5;

export class UpstreamSide {
	readonly #intake = new Intake();
	/** Rows that were rewritten and not handed over yet. */
	readonly #rewritten = new RowBuffer();
	readonly #core: RelayCore;
	readonly #answers: Answers;
	readonly #messageBytes: number;
	#phase: Phase = "start";
	#command: Command | undefined;
	/** Packets of a PREPARE that are to come. */
	#definitions = 0;
	/** Bytes of a row's packet that are still to come, and whether they pass. */
	#owed = 0;
	#owedPasses = false;
	/** The next packet goes on with a row that began before. */
	#continues = false;
	/** From here on the data has not been handed over. */
	#run = 0;
	#failure: string | undefined;
	#isOver = false;
	/** Where the packet that was read last begins. */
	#lastAt = 0;

	constructor(core: RelayCore, messageBytes: number) {
		this.#core = core;
		this.#messageBytes = messageBytes;
		this.#answers = new Answers(core, (reason) => {
			this.#failure ??= reason;
		});
		core.atBoundary = () => !((this.#owed > 0 || this.#continues) && this.#owedPasses);
	}

	/** What was handed to the client has left. */
	release(): void {
		this.#rewritten.release();
	}

	receive(chunk: Buffer): void {
		if (this.#core.ended) return;
		try {
			this.#process(this.#intake.with(chunk));
		} finally {
			if (this.#rewritten.length > 0) this.#rewritten.truncate(0);
		}
	}

	#process(data: Buffer): void {
		const core = this.#core;
		let at = this.#stream(data);
		const { length } = data;
		while (length - at > HEADER_BYTES || (length - at === HEADER_BYTES && payloadBytes(data, at) === 0)) {
			const command = core.inflight;
			if (command === undefined) {
				this.#failure = "the server spoke before it was asked";
				break;
			}
			if (command !== this.#command) this.#begin(command);
			this.#lastAt = at;
			const next = this.#phase === "rows" ? this.#row(data, at) : this.#packet(data, at);
			if (this.#failure !== undefined || next === at) break;
			if (!command.isTold) core.nextSequence = ((data[this.#lastAt + 3] as number) + command.shift + 1) & 0xff;
			at = next;
			if (this.#isOver) this.#settle(data, at);
			if (core.ended) return;
		}
		if (core.ended) return;
		this.#emit(data, at);
		if (this.#failure !== undefined) {
			core.fatal(ERROR.serverShutdown, "the connection to the database broke the protocol", undefined, this.#failure);
			return;
		}
		this.#intake.keep(data, at);
	}

	#begin(command: Command): void {
		this.#command = command;
		this.#phase = command.kind === "fetch" && command.denial === undefined ? "rows" : "start";
		if (command.kind === "fields" && command.denial === undefined) this.#phase = "fields";
		this.#continues = false;
		if (this.#phase === "rows") this.#answers.fetches(command);
	}

	/** Takes what has come of a row's packet that was begun before; answers how many bytes of `data` it was. */
	#stream(data: Buffer): number {
		const taken = Math.min(this.#owed, data.length);
		this.#owed -= taken;
		this.#run = this.#owedPasses ? 0 : taken;
		// A piece without a header: nothing in it is renumbered.
		if (this.#run < taken && this.#command?.shift !== 0) {
			this.#core.host.toClient(data.subarray(0, taken));
			this.#run = taken;
		}
		return taken;
	}

	/** A packet that is no row. Answers where the next one begins; `at`: it is not there yet. */
	#packet(data: Buffer, at: number): number {
		const command = this.#command as Command;
		const end = at + HEADER_BYTES + payloadBytes(data, at);
		const first = data[at + HEADER_BYTES];
		if (payloadBytes(data, at) === 0) return this.#fail("the server sent an empty packet", at);
		if (end - at > this.#messageBytes) return this.#fail("the server sent a packet that is too long", at);
		if (this.#isHead(command, first)) return this.#head(data, at, command);
		if (end > data.length) return at;
		const payload = data.subarray(at + HEADER_BYTES, end);
		let answer: Answer;
		if (this.#phase === "definitions") {
			answer = this.#answers.shows(command) ? PASS : DROP;
			this.#definitions -= 1;
			if (this.#definitions === 0) {
				this.#put(answer, data, at, end);
				this.#isOver = true;
				return end;
			}
		} else if (first === ANSWER.error) {
			this.#put(this.#answers.error(command, payload), data, at, end);
			this.#isOver = true;
			return end;
		} else if (this.#phase === "fields") {
			if (first !== ANSWER.eof) answer = PASS;
			else return this.#last(this.#answers.ended(command, payload), data, at, end);
		} else return this.#start(command, payload, data, at, end);
		this.#put(answer, data, at, end);
		return end;
	}

	#isHead(command: Command, first: number | undefined): boolean {
		if (this.#phase !== "start" || (command.kind !== "query" && command.kind !== "execute")) return false;
		return first !== ANSWER.ok && first !== ANSWER.error && first !== ANSWER.localInfile;
	}

	#start(command: Command, payload: Buffer, data: Buffer, at: number, end: number): number {
		if (command.denial !== undefined) return this.#fail("the server did not refuse what had to fail", at);
		switch (command.kind) {
			case "query":
			case "execute":
				if (payload[0] === ANSWER.localInfile) return this.#infile(command, data, at, end);
				return this.#last(this.#answers.ok(command, payload), data, at, end);
			case "simple":
				return this.#last(this.#answers.ended(command, payload), data, at, end);
			case "statistics":
				return this.#last(this.#answers.said(command), data, at, end);
			case "prepare":
				return this.#prepared(command, payload, data, at, end);
			case "fetch":
			case "fields":
				return this.#fail("the server sent an answer of another kind", at);
		}
	}

	/** The end of a result, and of the command where no more are to come. */
	#last(answer: Answer, data: Buffer, at: number, end: number): number {
		this.#put(answer, data, at, end);
		this.#isOver = this.#answers.isOver;
		this.#phase = "start";
		return end;
	}

	#prepared(command: Command, payload: Buffer, data: Buffer, at: number, end: number): number {
		if (payload[0] !== ANSWER.ok || payload.length < 12)
			return this.#fail("the server sent a malformed answer to a PREPARE", at);
		const columns = payload.readUInt16LE(5);
		const parameters = payload.readUInt16LE(7);
		const eof = this.#core.legs.deprecateEof ? 0 : 1;
		if (columns > MAX_COLUMNS) return this.#fail("the server sent a malformed answer to a PREPARE", at);
		this.#definitions = (columns > 0 ? columns + eof : 0) + (parameters > 0 ? parameters + eof : 0);
		this.#put(this.#answers.prepared(command, payload.readUInt32LE(1), parameters), data, at, end);
		if (this.#definitions === 0) this.#isOver = true;
		else this.#phase = "definitions";
		return end;
	}

	/** The server wants a file: of a statement that was permitted to have one read, or it gets an empty one. */
	#infile(command: Command, data: Buffer, at: number, end: number): number {
		const core = this.#core;
		const number = data[at + 3] as number;
		if (this.#answers.readsFile(command)) {
			this.#put(PASS, data, at, end);
			this.#emit(data, end);
			core.infile = true;
			core.nextSequence = (number + command.shift + 1) & 0xff;
			core.host.holdClient(false);
			core.resume();
		} else {
			this.#put(DROP, data, at, end);
			core.host.toUpstream(framed(EMPTY, number + 1));
			// Request and file are two packets that the client does not see.
			command.shift -= 2;
		}
		return end;
	}

	/** Count of columns and their definitions, taken whole. */
	#head(data: Buffer, at: number, command: Command): number {
		const head = headEnd(data, at, !this.#core.legs.deprecateEof);
		if (head.kind === "malformed") return this.#fail("the server sent malformed column definitions", at);
		if (head.kind === "incomplete") {
			return data.length - at > HEAD_BYTES ? this.#fail("the server sent too many column definitions", at) : at;
		}
		const { end, count } = head;
		if (command.denial !== undefined) return this.#fail("the server did not refuse what had to fail", at);
		const answer = this.#answers.head(command, data.subarray(at, end), count);
		if (this.#failure !== undefined) return at;
		this.#answers.endOfHead(command, data.subarray(end - EOF_BYTES, end));
		this.#put(answer, data, at, end);
		this.#phase = "rows";
		if (!this.#core.legs.deprecateEof && this.#answers.isCursor) {
			// What is delivered is fetched.
			this.#isOver = this.#answers.isOver;
			this.#phase = "start";
		}
		return end;
	}

	#row(data: Buffer, at: number): number {
		const bytes = payloadBytes(data, at);
		const end = at + HEADER_BYTES + bytes;
		if (this.#continues) return this.#more(data, at, end, bytes);
		const first = data[at + HEADER_BYTES] as number;
		const command = this.#command as Command;
		if (bytes === 0) return this.#fail("the server sent an empty packet", at);
		if (first === ANSWER.error) {
			if (end > data.length)
				return bytes > WAITED_BYTES ? this.#fail("the server sent an error that is too long", at) : at;
			this.#put(this.#answers.error(command, data.subarray(at + HEADER_BYTES, end)), data, at, end);
			this.#isOver = true;
			return end;
		}
		const isEnd =
			first === ANSWER.eof && (this.#core.legs.deprecateEof ? bytes < FULL_PACKET_BYTES : bytes === EOF_BYTES);
		if (isEnd) {
			if (end > data.length) return at;
			return this.#last(this.#answers.endOfRows(command, data.subarray(at + HEADER_BYTES, end)), data, at, end);
		}
		const result = this.#answers.active(command);
		if (result === undefined) return this.#hiddenRow(command, data, at, end);
		if (result.countsOnly && result.delivers && !command.isTold) {
			const next = this.#countedRows(result, data, at);
			if (next > at) return next;
		}
		if (this.#needsWhole(result)) return this.#wholeRow(result, data, at);
		return this.#countedRow(result, data, at, end, bytes);
	}

	#hiddenRow(command: Command, data: Buffer, at: number, end: number): number {
		if (command.hidden === undefined) return this.#fail("the server sent rows of no statement", at);
		if (end > data.length) return at;
		this.#answers.ownRow(command.hidden, data.subarray(at + HEADER_BYTES, end));
		this.#put(DROP, data, at, end);
		return end;
	}

	/** Bytes of a row of several packets are known when it is there. */
	#needsWhole(result: Result): boolean {
		if (this.#command?.isTold === true || result.stopped !== undefined || result.isTruncated) return false;
		return !result.countsOnly || result.execution.verdict.plan.bytes !== undefined;
	}

	/** Rows that only have to be counted, as far as they are there whole: the hot path of every long result. */
	#countedRows(result: Result, data: Buffer, from: number): number {
		const { length } = data;
		const { hasCaps } = result;
		let at = from;
		let rows = 0;
		let last = from;
		while (length - at > HEADER_BYTES) {
			const bytes = payloadBytes(data, at);
			const end = at + HEADER_BYTES + bytes;
			// What is no short row is looked at again, by itself.
			if (end > length || bytes === 0 || bytes === FULL_PACKET_BYTES) break;
			if ((data[at + HEADER_BYTES] as number) >= ANSWER.eof) break;
			if (hasCaps && !result.fits(rows + 1, end - from)) break;
			rows += 1;
			last = at;
			at = end;
		}
		if (rows > 0) {
			result.count(rows, at - from);
			this.#lastAt = last;
		}
		return at;
	}

	#countedRow(result: Result, data: Buffer, at: number, end: number, bytes: number): number {
		const isWhole = end <= data.length;
		if (!isWhole && bytes <= WAITED_BYTES) return at;
		const passes = this.#admit(result, end - at, data, at);
		this.#continues = bytes === FULL_PACKET_BYTES;
		this.#owedPasses = passes;
		if (!passes) this.#skipRow(data, at, Math.min(end, data.length), 1);
		if (isWhole) return end;
		this.#owed = end - data.length;
		return data.length;
	}

	/** A further packet of a row that is not looked into. */
	#more(data: Buffer, at: number, end: number, bytes: number): number {
		this.#continues = bytes === FULL_PACKET_BYTES;
		if (!this.#owedPasses) this.#skipRow(data, at, Math.min(end, data.length), 1);
		if (this.#owedPasses) this.#answers.active(this.#command as Command)?.grow(end - at);
		if (end <= data.length) return end;
		this.#owed = end - data.length;
		return data.length;
	}

	/** A row that is masked, sampled, or whose bytes are bounded. */
	#wholeRow(result: Result, data: Buffer, at: number): number {
		let end = at;
		let packets = 0;
		let bytes: number;
		do {
			if (data.length - end < HEADER_BYTES) return at;
			bytes = payloadBytes(data, end);
			end += HEADER_BYTES + bytes;
			packets += 1;
			if (end - at > this.#messageBytes) return this.#fail("the server sent a row beyond bounds.messageBytes", at);
		} while (bytes === FULL_PACKET_BYTES);
		if (end > data.length) return at;
		if (!this.#admit(result, end - at, data, at)) {
			this.#skipRow(data, at, end, packets);
			return end;
		}
		if (result.countsOnly) return end;
		if (packets > 1) return this.#longRow(result, data, at, end, packets);
		const start = at + HEADER_BYTES;
		if (result.plan?.masker === undefined) {
			if (!result.keep(data, start, end)) return this.#fail(MALFORMED_ROW, at);
			return end;
		}
		this.#handOver(data, at);
		const target = this.#rewritten;
		const before = target.length;
		target.appendInt32(0);
		if (!result.rewrite(data, start, end, target)) return this.#fail(MALFORMED_ROW, at);
		const written = target.length - before - HEADER_BYTES;
		const number = (data[at + 3] as number) + (this.#command as Command).shift;
		if (written >= FULL_PACKET_BYTES) return this.#fail("a masked row is too long", at);
		target.patchInt32(before, headerWord(written, number));
		if (result.samples) {
			const row = target.since(before + HEADER_BYTES);
			result.keep(row, 0, row.length);
		}
		this.#run = end;
		return end;
	}

	/** The same of a row in several packets. */
	#longRow(result: Result, data: Buffer, at: number, end: number, packets: number): number {
		const payload = joined(data, at, end);
		const command = this.#command as Command;
		if (result.plan?.masker === undefined) {
			if (!result.keep(payload, 0, payload.length)) return this.#fail(MALFORMED_ROW, at);
			return end;
		}
		const target = new RowBuffer();
		if (!result.rewrite(payload, 0, payload.length, target)) return this.#fail(MALFORMED_ROW, at);
		const row = target.take();
		result.keep(row, 0, row.length);
		this.#emit(data, at);
		this.#core.host.toClient(framed(row, (data[at + 3] as number) + command.shift));
		command.shift += packetsOf(row.length) - packets;
		this.#run = end;
		return end;
	}

	/** False: the row is left out; an error of ours may stand in its place. */
	#admit(result: Result, bytes: number, data: Buffer, at: number): boolean {
		if (this.#command?.isTold === true) return false;
		const answer = result.admit(bytes);
		if (answer === "pass") return true;
		if (answer === "exceeds") {
			const command = this.#command as Command;
			const error = this.#answers.exceeded(command, result);
			if (error !== undefined) this.#say(error, data, at);
		}
		return false;
	}

	// ---- what the client gets

	/** What becomes of the packets data[at, end). */
	#put(answer: Answer, data: Buffer, at: number, end: number): void {
		if (answer === PASS) return;
		if (answer === DROP) {
			this.#skip(data, at, end);
			return;
		}
		if (answer.isFramed) {
			this.#emit(data, at);
			this.#core.host.toClient(renumbered(answer.bytes, (this.#command as Command).shift));
		} else this.#say(answer.bytes, data, at);
		this.#run = end;
	}

	/** A packet of ours in place of the one at `at`. */
	#say(payload: Buffer, data: Buffer, at: number): void {
		this.#emit(data, at);
		const number = ((data[at + 3] as number) + (this.#command as Command).shift) & 0xff;
		this.#core.host.toClient(framed(payload, number));
	}

	/** Leaves data[at, end) out. */
	#skip(data: Buffer, at: number, end: number): void {
		if (this.#run < at) this.#emit(data, at);
		this.#run = end;
	}

	/** Leaves a row, or a part of one, out: what comes behind it takes its number. */
	#skipRow(data: Buffer, at: number, end: number, packets: number): void {
		this.#skip(data, at, end);
		(this.#command as Command).shift -= packets;
	}

	/** Hands over what is before `to`, rewritten rows first. */
	#emit(data: Buffer, to: number): void {
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		this.#handOver(data, to);
	}

	/** Untouched packets go out as a slice. */
	#handOver(data: Buffer, to: number): void {
		if (to <= this.#run) return;
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		const slice = data.subarray(this.#run, to);
		const shift = this.#command?.shift ?? 0;
		this.#core.host.toClient(renumbered(slice, shift));
		this.#run = to;
	}

	/** The command is answered: its last bytes are handed over before the next one may begin. */
	#settle(data: Buffer, to: number): void {
		this.#isOver = false;
		this.#emit(data, to);
		this.#command = undefined;
		this.#core.next();
	}

	#fail(reason: string, at: number): number {
		this.#failure = reason;
		return at;
	}
}

const EMPTY = Buffer.alloc(0);
const MALFORMED_ROW = "the server sent a malformed row";

/** A header as the big-endian word that writes it. */
function headerWord(bytes: number, number: number): number {
	return ((bytes & 0xff) << 24) | (((bytes >> 8) & 0xff) << 16) | (((bytes >> 16) & 0xff) << 8) | (number & 0xff);
}

/** A copy with other numbers. */
function renumbered(packets: Buffer, shift: number): Buffer {
	if (shift === 0) return packets;
	const copy = Buffer.from(packets);
	for (let at = 0; copy.length - at >= HEADER_BYTES; at += HEADER_BYTES + payloadBytes(copy, at)) {
		copy[at + 3] = ((copy[at + 3] as number) + shift) & 0xff;
	}
	return copy;
}

function joined(data: Buffer, from: number, end: number): Buffer {
	const pieces: Buffer[] = [];
	for (let at = from; at < end; at += HEADER_BYTES + payloadBytes(data, at)) {
		pieces.push(data.subarray(at + HEADER_BYTES, at + HEADER_BYTES + payloadBytes(data, at)));
	}
	return Buffer.concat(pieces);
}
