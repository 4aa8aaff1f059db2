/**
 * What the player plays: a session's entries in memory, each as the bytes of its JSON, with their times and the places of
 * the statements beside them. An hour of a busy client is some ten thousand entries; what is beyond the bound is left out
 * and said.
 */

import { milliseconds } from "../../recorder/clock.js";
import type { LoggedEntry } from "../../recorder/entry.js";

/** 256 MiB: about a million statements. */
const TAPE_BYTES = 256 << 20;
/** Entries kept as objects: more than a screen shows. */
const READY_ENTRIES = 512;

export class Tape {
	readonly #bytes: Buffer[] = [];
	readonly #atMs: number[] = [];
	/** Places of the statements, by their order; and which of them are denied. */
	readonly #statements: number[] = [];
	readonly #denied: number[] = [];
	readonly #ready = new Map<number, LoggedEntry>();
	readonly #limit: number;
	#size = 0;
	#isFull = false;
	#isEnded = false;
	#isLoaded = false;

	constructor(limitBytes = TAPE_BYTES) {
		this.#limit = limitBytes;
	}

	/** False when there is no more room. */
	append(entry: LoggedEntry): boolean {
		const bytes = Buffer.from(JSON.stringify(entry));
		if (this.#size + bytes.length > this.#limit) {
			this.#isFull = true;
			return false;
		}
		const place = this.#bytes.push(bytes) - 1;
		this.#size += bytes.length;
		/* A clock that was set back must not make time run backwards. */
		this.#atMs.push(Math.max(milliseconds(entry.at), this.#atMs.at(-1) ?? 0));
		if (entry.type === "statement") {
			this.#statements.push(place);
			if (entry.decision.effect === "deny") this.#denied.push(place);
		}
		if (entry.type === "session.end") this.#isEnded = true;
		return true;
	}

	/** No more will come. */
	finish(): void {
		this.#isLoaded = true;
	}

	get length(): number {
		return this.#bytes.length;
	}

	/** The session's end is on it. */
	get isEnded(): boolean {
		return this.#isEnded;
	}

	get isFull(): boolean {
		return this.#isFull;
	}

	get isLoaded(): boolean {
		return this.#isLoaded;
	}

	get statements(): readonly number[] {
		return this.#statements;
	}

	get denied(): readonly number[] {
		return this.#denied;
	}

	/** Milliseconds from the first entry to one. */
	sinceMs(place: number): number {
		return (this.#atMs[place] ?? 0) - (this.#atMs[0] ?? 0);
	}

	entry(place: number): LoggedEntry {
		const ready = this.#ready.get(place);
		if (ready !== undefined) return ready;
		const bytes = this.#bytes[place];
		if (bytes === undefined) throw new RangeError(`the tape has no entry ${place}`);
		const entry = JSON.parse(bytes.toString("utf8")) as LoggedEntry;
		this.#ready.set(place, entry);
		const [oldest] = this.#ready.keys();
		if (this.#ready.size > READY_ENTRIES && oldest !== undefined) this.#ready.delete(oldest);
		return entry;
	}

	/** How many statements begin before a place: the number, by order, of the one that it belongs to. */
	statementsBefore(place: number): number {
		return below(this.#statements, place);
	}

	/** Where what belongs to a statement ends: at the next one. */
	endOf(order: number): number {
		return this.#statements[order + 1] ?? this.length;
	}

	/** The order of the statement with a number of the recording's; undefined: it is not there. */
	orderOf(statement: number): number | undefined {
		let low = 0;
		let high = this.#statements.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.#numberAt(middle) < statement) low = middle + 1;
			else high = middle;
		}
		return low < this.#statements.length && this.#numberAt(low) === statement ? low : undefined;
	}

	#numberAt(order: number): number {
		const entry = this.entry(this.#statements[order] ?? 0);
		return entry.type === "statement" ? entry.statement : 0;
	}
}

/** How many of a sorted list are less than a value. */
export function below(sorted: readonly number[], value: number): number {
	let low = 0;
	let high = sorted.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((sorted[middle] ?? 0) < value) low = middle + 1;
		else high = middle;
	}
	return low;
}
