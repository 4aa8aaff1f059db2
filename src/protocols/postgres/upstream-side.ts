/**
 * The framing of the upstream's half of a PostgreSQL relay: passes on runs of untouched frames as slices, has rows
 * counted and masked, and exchanges or leaves out what the license demands. What answers mean is answers.ts.
 *
 * Specification: PostgreSQL documentation, "Message Formats".
 */
import { Answers } from "./answers.js";
import { COPY_ROW_BYTES } from "./bounds.js";
import { BACK, frameBytes, HEADER_BYTES } from "./codes.js";
import { isCopyRow } from "./copy-frames.js";
import type { RelayCore } from "./core.js";
import { Gathering } from "./gathering.js";
import type { Result } from "./result.js";
import { Results } from "./results.js";
import { RowBuffer } from "./rows.js";

/** The frame passes as it is, is left out, is rewritten as a row, or is exchanged for these bytes. */
type Answer = boolean | typeof REWRITTEN | Buffer;
const PASS = true;
const DROP = false;
const REWRITTEN = Symbol("rewritten");

export class UpstreamSide {
	#rest: Buffer | undefined;
	/** Rows that were rewritten and not handed over yet. One a session: what a broken stream leaves in it reaches nobody. */
	readonly #rewritten = new RowBuffer();
	readonly #gathering = new Gathering();
	/** Bytes of a frame that are still to come, and whether they pass. */
	#streaming = 0;
	#streamingPasses = false;
	/** Why the session ends, once what came before is passed on. */
	#failure: string | undefined;
	readonly #core: RelayCore;
	readonly #results: Results;
	readonly #answers: Answers;
	readonly #messageBytes: number;

	constructor(core: RelayCore, messageBytes: number) {
		this.#core = core;
		this.#messageBytes = messageBytes;
		const broken = (reason: string) => {
			this.#failure ??= reason;
		};
		this.#results = new Results(core, broken);
		this.#answers = new Answers(core, this.#results, broken);
		core.atBoundary = () => !(this.#streaming > 0 && this.#streamingPasses);
	}

	/** What was handed to the client has left. */
	release(): void {
		this.#rewritten.release();
	}

	receive(chunk: Buffer): void {
		if (this.#core.ended) return;
		let data = chunk;
		const { missing } = this.#gathering;
		if (missing > 0) {
			// Only the frame's own bytes are joined to it: the rest of the chunk stays where it is.
			const whole = this.#gathering.add(chunk.subarray(0, missing));
			if (whole === undefined) return;
			this.#take(whole);
			data = chunk.subarray(missing);
		} else if (this.#rest !== undefined) {
			data = Buffer.concat([this.#rest, chunk]);
			this.#rest = undefined;
		}
		if (data.length > 0 && !this.#core.ended) this.#take(data);
		this.#release();
	}

	#take(data: Buffer): void {
		try {
			this.#process(data);
		} finally {
			if (this.#rewritten.length > 0) this.#rewritten.truncate(0);
		}
	}

	#process(data: Buffer): void {
		const core = this.#core;
		let position = Math.min(this.#streaming, data.length);
		this.#streaming -= position;
		let run = this.#streamingPasses ? 0 : position;
		const { length } = data;
		while (length - position >= HEADER_BYTES) {
			const bytes = frameBytes(data, position);
			if (bytes < 0) {
				this.#failure = "the server sent an invalid message length";
				break;
			}
			const type = data[position] as number;
			const end = position + bytes;
			if (end > length) {
				const passes = this.#startStream(type, bytes, data, position);
				if (this.#failure !== undefined || passes === undefined) break;
				if (!passes) {
					this.#emit(data, run, position);
					run = length;
				} else if (this.#rewritten.length > 0) core.host.toClient(this.#rewritten.take());
				position = length;
				break;
			}
			const answer = this.#meaning(type, data, position, end);
			if (this.#failure !== undefined) break;
			if (answer !== PASS) {
				if (position > run) this.#emit(data, run, position);
				run = end;
				if (answer === REWRITTEN) {
					this.#rewrite(data, position, end);
					if (this.#failure !== undefined) break;
				} else if (answer !== DROP) this.#say(answer);
			} else if (this.#rewritten.length > 0) core.host.toClient(this.#rewritten.take());
			position = end;
			if (this.#answers.farewell !== undefined) break;
		}
		this.#emit(data, Math.min(run, position), position);
		if (this.#failure !== undefined) this.#break(this.#failure);
		else if (this.#answers.farewell !== undefined) core.leave(this.#answers.farewell, "57P01");
		else if (position < length) this.#keep(data, position);
	}

	/** Sends what was rewritten and then the run of untouched frames. */
	#emit(data: Buffer, run: number, position: number): void {
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		if (position > run) this.#core.host.toClient(data.subarray(run, position));
	}

	#say(bytes: Buffer): void {
		if (this.#rewritten.length > 0) this.#core.host.toClient(this.#rewritten.take());
		if (bytes.length > 0) this.#core.host.toClient(bytes);
	}

	#keep(data: Buffer, position: number): void {
		const left = data.subarray(position);
		const bytes = left.length >= HEADER_BYTES ? frameBytes(left, 0) : 0;
		if (bytes > this.#messageBytes) this.#break(`the server sent a message of ${bytes} bytes`);
		else if (bytes > left.length) this.#gathering.begin(left, bytes);
		else this.#rest = Buffer.from(left);
	}

	/** Long frames of which only the size matters are not waited for. True: passes; false: left out; undefined: wait. */
	#startStream(type: number, bytes: number, data: Buffer, position: number): boolean | undefined {
		if (type !== BACK.dataRow && type !== BACK.copyData) return undefined;
		// Short ones are: so the client stands between two frames nearly always, where it can be told why a session ends.
		if (bytes <= WAITED_FRAME_BYTES) return undefined;
		const core = this.#core;
		const result = this.#results.active();
		if (result === undefined || core.muted) return undefined;
		let passes: boolean;
		if (result.copyPlan?.masker !== undefined && !result.isCut) {
			if (bytes <= COPY_ROW_BYTES) return undefined;
			this.#results.tooLong(result, bytes);
		}
		if (type === BACK.dataRow) {
			if (!result.countsOnly && result.stopped === undefined && result.truncated === undefined) return undefined;
			passes = this.#results.admitRow(result, bytes);
		} else {
			// No trailer is as long as this, so its end need not be seen.
			const isRow = isCopyRow(result, data, position, position + bytes);
			passes = isRow ? this.#results.admit(result, bytes) : result.stopped === undefined;
		}
		this.#streaming = bytes - (data.length - position);
		this.#streamingPasses = passes;
		return passes;
	}

	#meaning(type: number, data: Buffer, start: number, end: number): Answer {
		if (this.#core.queue.head?.own !== undefined) return this.#answers.own(type, data, start, end);
		return type === BACK.dataRow ? this.#row(data, start, end) : this.#answer(type, data, start, end);
	}

	#row(data: Buffer, start: number, end: number): Answer {
		const core = this.#core;
		if (core.queue.head?.asksPath === true) return this.#answers.learnPath(data, start, end);
		const result = this.#results.active();
		if (result === undefined) return this.#answers.unexpected(BACK.dataRow);
		if (!this.#results.admitRow(result, end - start) || core.muted) return DROP;
		if (result.showsApplication) return this.#applicationRow(result, data, start, end);
		return result.countsOnly ? PASS : REWRITTEN;
	}

	#applicationRow(result: Result, data: Buffer, start: number, end: number): Answer {
		const row = this.#core.application?.row(data, start, end) ?? Buffer.from(data.subarray(start, end));
		if (!result.keepRewritten(row)) this.#failure = MALFORMED_ROW;
		return row;
	}

	#answer(type: number, data: Buffer, start: number, end: number): Answer {
		if (type !== BACK.copyData) return this.#answers.frame(type, data, start, end);
		const result = this.#results.active();
		if (result === undefined) return this.#answers.unexpected(type);
		const passes = isCopyRow(result, data, start, end)
			? this.#results.admit(result, end - start)
			: result.stopped === undefined;
		if (!passes || this.#core.muted) return DROP;
		if (this.#core.host.checksOrigin && result.copyPlan === undefined) return this.#answers.unexpected(type);
		return result.copyPlan?.masker === undefined ? PASS : REWRITTEN;
	}

	/** An admitted row that has to be looked at: masked, sampled, or both. */
	#rewrite(data: Buffer, start: number, end: number): void {
		const result = this.#results.active() as Result;
		if (data[start] === BACK.copyData) {
			if (!result.copyFrame(data, start, end, this.#rewritten)) this.#failure = MALFORMED_ROW;
			return;
		}
		if (result.plan?.masker === undefined) {
			if (result.row(data, start, end, this.#rewritten) === "malformed") this.#failure = MALFORMED_ROW;
			else this.#say(data.subarray(start, end));
			return;
		}
		if (result.samples) this.#say(EMPTY);
		if (result.row(data, start, end, this.#rewritten) === "malformed") {
			this.#failure = MALFORMED_ROW;
			return;
		}
		if (result.samples) {
			const frame = this.#rewritten.take();
			result.keepRewritten(frame);
			this.#core.host.toClient(frame);
		}
	}

	/** What the client's side waited for may have happened. */
	#release(): void {
		const core = this.#core;
		if (core.ended) return;
		switch (core.waiting) {
			case "drain":
				if (core.queue.drained) core.waiting = "nothing";
				break;
			case "copy":
				if (core.copyIn || !core.queue.executes()) core.waiting = "nothing";
				break;
			case "result":
				if (!core.queue.executes()) core.waiting = "nothing";
				break;
			case "series":
				if (!core.queue.executes()) core.endOwnSeries();
				break;
			case "nothing":
			case "promise":
				break;
		}
		core.resume();
	}

	#break(reason: string): void {
		this.#core.fatal("08006", "the connection to the database broke the protocol", reason, reason);
	}
}

const EMPTY = Buffer.alloc(0);
/** A chunk's worth: what is longer is passed on as it comes, and cannot be waited for in memory. */
const WAITED_FRAME_BYTES = 64 * 1024;
const MALFORMED_ROW = "the server sent a malformed row";
