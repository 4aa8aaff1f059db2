/**
 * What has been sent upstream and is not answered yet, in order: the server answers strictly in turn
 * (PostgreSQL documentation, "Message Flow", "Pipelining"), so the head of this queue says what the next answer means.
 */
import type { Execution } from "../engine.js";
import type { Portal, PreparedStatement } from "./model.js";

export type OperationKind =
	| "query"
	| "parse"
	| "bind"
	| "describeStatement"
	| "describePortal"
	| "execute"
	| "close"
	| "sync";

export class Operation {
	/** Answers are the proxy's own business and are not shown to the client. */
	hidden = false;
	/**
	 * The operation was replaced by one that fails: this is what the client is told in place of the server's error.
	 * `frame` is the whole ErrorResponse.
	 */
	denialFrame: Buffer | undefined;
	denialCode = "";
	denialMessage = "";
	/** Runs of the statements of a query string, in order; one for an execute. */
	executions: Execution[] = NO_EXECUTIONS;
	/** The execution of `executions` that runs now. */
	current = 0;
	/** Takes back what this operation did to the model of the session, for when the server skipped or refused it. */
	undo: (() => void) | undefined;
	/** For each statement of a query string: likewise, so that those after a failed one are taken back. */
	undos: ((() => void) | undefined)[] | undefined;
	/** What rows are counted against, for each execution: the portal or the cursor that it fetches from. */
	counters: Counter[] | undefined;
	portal: Portal | undefined;
	statement: PreparedStatement | undefined;
	/**
	 * A Sync sent while the server read COPY data: it is ignored there, unless the copy had failed already. Its answer may
	 * never come, and it is dropped when another answer comes first.
	 */
	conditional = false;
	/** A hidden question for the search path. */
	asksPath = false;
	/** A prepared statement that has been recorded as parsed only. */
	parsed: Execution | undefined;

	constructor(readonly kind: OperationKind) {}
}

/** Rows and bytes delivered for one statement, over all its fetches. */
export interface Counter {
	rows: number;
	bytes: number;
	/** All that the license allows was delivered (`then: truncate`). */
	exhausted: boolean;
}

const NO_EXECUTIONS: Execution[] = [];

/** A denial as sent to the client, with what the recording needs of it. */
export interface DenialFrame {
	readonly frame: Buffer;
	readonly code: string;
	readonly message: string;
}

/** A queue that does not move its elements: pops advance a head index and the array is cut now and then. */
export class OperationQueue {
	#items: Operation[] = [];
	#head = 0;

	get length(): number {
		return this.#items.length - this.#head;
	}

	get head(): Operation | undefined {
		return this.#items[this.#head];
	}

	push(operation: Operation): void {
		this.#items.push(operation);
	}

	shift(): Operation | undefined {
		const item = this.#items[this.#head];
		if (item === undefined) return undefined;
		this.#head += 1;
		if (this.#head === this.#items.length) {
			this.#items.length = 0;
			this.#head = 0;
		} else if (this.#head > 1024) {
			this.#items = this.#items.slice(this.#head);
			this.#head = 0;
		}
		return item;
	}

	/** From the head to the tail. */
	*[Symbol.iterator](): Iterator<Operation> {
		for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as Operation;
	}

	/** True when a Sync that will surely be answered, or a query string, is under way. */
	awaitsReady(): boolean {
		for (let index = this.#head; index < this.#items.length; index++) {
			const item = this.#items[index] as Operation;
			if ((item.kind === "sync" && !item.conditional) || item.kind === "query") return true;
		}
		return false;
	}

	/** Nothing is under way but Syncs that the server may have ignored. */
	get drained(): boolean {
		for (let index = this.#head; index < this.#items.length; index++) {
			if (!(this.#items[index] as Operation).conditional) return false;
		}
		return true;
	}
}
