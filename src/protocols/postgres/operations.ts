/**
 * What has been sent upstream and is not answered yet, in order: the server answers strictly in turn
 * (PostgreSQL documentation, "Message Flow", "Pipelining"), so the head of this queue says what the next answer means.
 */
import type { Execution } from "../engine.js";
import type { Counter, Portal, PreparedStatement } from "./model.js";
import type { Effect } from "./namespace.js";

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
	/** Answers are the proxy's own business and are not shown to the client; errors are, unless `silent`. */
	hidden = false;
	silent = false;
	/** A statement of the proxy's own, of which the client hears nothing, whatever comes of it. */
	isOwn = false;
	/** Of a Describe on behalf of a query string: only rows are described there. */
	hidesNoData = false;
	/**
	 * The operation was replaced by one that fails: this is what the client is told in place of the server's error.
	 * `frame` is the whole ErrorResponse.
	 */
	denial: DenialFrame | undefined;
	/** SQLSTATE by which the error of what replaced it is known. */
	failsWith = "";
	/** Runs of the statements of a query string, in order; one for an execute. */
	executions: Execution[] = NO_EXECUTIONS;
	/** The execution of `executions` that runs now. */
	current = 0;
	/** A function call by protocol message: its one result is a value, not rows. */
	isCall = false;
	/** The text was not understood: the last of `executions` stands for all results to come. */
	isOpen = false;
	/** Tag of the last result of an open execution. */
	lastTag: string | null = null;
	/** What this operation did to the model of the session, to be settled or taken back. */
	effect: Effect | undefined;
	/** For each statement of a query string: likewise, so that those after a failed one are taken back. */
	effects: (Effect | undefined)[] | undefined;
	/** What rows are counted against, for each execution: the portal or the cursor that it fetches from. */
	counters: Counter[] | undefined;
	portal: Portal | undefined;
	statement: PreparedStatement | undefined;
	/** A hidden question for the search path. */
	asksPath = false;
	/** A hidden query of our own: who gets its answer, frame by frame. True: that was all of it. */
	own: ((frame: Buffer) => boolean) | undefined;
	/** A prepared statement that has been recorded as parsed only. */
	parsed: Execution | undefined;

	constructor(readonly kind: OperationKind) {}

	/** The server never came to it: nothing of it has happened. */
	revert(): void {
		const { effects } = this;
		if (effects !== undefined) {
			for (let index = effects.length - 1; index >= this.current; index--) effects[index]?.revert();
		}
		this.effect?.revert();
	}
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

	clear(): void {
		this.#items = [];
		this.#head = 0;
	}

	/** From the head to the tail. */
	*[Symbol.iterator](): Iterator<Operation> {
		for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as Operation;
	}

	/** True when a Sync or a query string is under way. */
	awaitsReady(): boolean {
		return this.#some("sync", "query");
	}

	/** True when something is under way that runs statements. */
	executes(): boolean {
		return this.#some("execute", "query");
	}

	#some(kind: OperationKind, other: OperationKind): boolean {
		for (let index = this.#head; index < this.#items.length; index++) {
			const item = this.#items[index] as Operation;
			if (item.kind === kind || item.kind === other) return true;
		}
		return false;
	}

	get drained(): boolean {
		return this.#items.length === this.#head;
	}
}
