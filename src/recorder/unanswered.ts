/**
 * Statements whose results are not in the recording: the proxy or the log stopped in between. Numbers are told, not
 * kept without bound.
 */
import type { LoggedEntry } from "./entry.js";

/** Numbers that one message names. */
const NAMED = 20;

export class Unanswered {
	readonly #open = new Set<number>();

	take(entry: LoggedEntry): void {
		if (entry.type === "statement" && entry.parseOnly !== true) this.#open.add(entry.statement);
		else if (entry.type === "result") this.#open.delete(entry.statement);
	}

	has(statement: number): boolean {
		return this.#open.has(statement);
	}

	/** Undefined when nothing is missing. */
	get message(): string | undefined {
		if (this.#open.size === 0) return undefined;
		const numbers = [...this.#open].slice(0, NAMED).map((number) => `#${number}`);
		const more = this.#open.size > NAMED ? ` and ${this.#open.size - NAMED} more` : "";
		return `no result is recorded of ${numbers.join(", ")}${more}`;
	}
}
