/**
 * What the two sides of a PostgreSQL relay share: the queue of unanswered operations, the model of the session, and
 * why the client's input has to wait at the moment.
 */
import type { Denial, Execution, Outcome, RelayHost } from "../engine.js";
import type { ApplicationName } from "./application-name.js";
import { IDLE } from "./codes.js";
import { denialFrame, FAILING_CODE, FAILING_PARSE, FAILING_QUERY, REFUSED_PLAN, type Substitute } from "./denials.js";
import { encodeError } from "./errors.js";
import { bind, close, execute, flush, parse, query, sync } from "./messages.js";
import { SessionModel } from "./model.js";
import { type DenialFrame, Operation, OperationQueue } from "./operations.js";
import { PostgresOwnQuery } from "./own-query.js";
import type { Result } from "./result.js";

/**
 * Why no further message of the client is taken:
 * `drain`: everything that was sent has to be answered first; `result`: the outcome of a capped execution decides whether
 * what follows runs; `series`: likewise, and the Sync behind it is ours; `copy`: the server has to say whether it takes
 * COPY data now; `promise`: the host is thinking.
 */
export type Waiting = "nothing" | "drain" | "result" | "series" | "copy" | "promise";

/** A message that broke COPY off, and what the server would have said of it. */
export interface CopyBreach {
	readonly code: string;
	readonly message: string;
	/** The COPY ended by it; false as long as it may have ended by itself before. */
	isCause: boolean;
}

/** Unanswered operations beyond which no more are taken: a client that never reads may not fill our memory. */
export const MAX_UNANSWERED = 10_000;

/** A savepoint of the client's of this name would only be covered while ours stands. */
const OWN_SAVEPOINT = "_licet_definitions";

/** Name of the hidden statement and portal by which the search path is asked for. */
const pathQuestion = "_licet_path";

const notRun: Outcome = { command: null, rows: 0, bytes: 0, error: null, masked: [], sample: null };

export class RelayCore {
	readonly queue = new OperationQueue();
	readonly model = new SessionModel();
	/** Status byte of the last ReadyForQuery. */
	transaction: number = IDLE;
	/** Messages of an extended-query series were sent since the last Sync: an implicit transaction may be open. */
	inSeries = false;
	/** Something in the series may have changed data. */
	seriesWrites = false;
	/** The server skips the client's messages up to Sync, and so do we. */
	skipping = false;
	/** A result was ended by us after the server had finished it: nothing more is shown until ReadyForQuery. */
	muted = false;
	/** The server reads COPY data from the client. */
	copyIn = false;
	copyBreach: CopyBreach | undefined;
	/** Masked columns were touched in this transaction: texts of later errors (at COMMIT) may carry their values. */
	touchedMasked = false;
	/** A cancel request is on its way and may still arrive. */
	cancelling = false;
	/** The client has cancelled the statement that is being thought about. */
	interrupted = false;
	/** What the client is told when the server reports that it was cancelled. */
	timeoutFrame: DenialFrame | undefined;
	waiting: Waiting = "nothing";
	ended = false;
	/** The session ended while the server was at work, which then has to be stopped. */
	leftBusy = false;
	/** Called when what was waited for may have happened. */
	resume: () => void = () => {};
	/** False while the client is in the middle of a frame, where nothing of ours may be said. */
	atBoundary: () => boolean = () => true;
	/** The changed definitions could not be read: the next message is judged without them, and the one behind it tries again. */
	refreshFailed = false;
	/** Whether the definitions were looked at for the message at hand, which nobody else checks the result of. */
	definitions: "unseen" | "fresh" | "unreadable" = "unseen";
	/** Hands over the result that streams at the moment, for its end. */
	takeResult: () => Result | undefined = () => undefined;

	constructor(
		readonly host: RelayHost,
		readonly application: ApplicationName | undefined,
	) {}

	/** Replaces a message of an extended series by one that fails. */
	denyInSeries(denied: DenialFrame, execution: Execution | undefined, by: Substitute = REFUSED_PLAN): void {
		const operation = new Operation("parse");
		setDenial(operation, denied, execution, by.code);
		this.queue.push(operation);
		this.host.toUpstream(by.bytes);
		this.inSeries = true;
		this.skipping = true;
	}

	/** Replaces a query string, or a function call, by one that fails. */
	denyQuery(denied: DenialFrame, execution: Execution | undefined): Operation {
		const operation = new Operation("query");
		setDenial(operation, denied, execution, FAILING_CODE);
		this.queue.push(operation);
		this.host.toUpstream(FAILING_QUERY);
		this.endSeries();
		return operation;
	}

	/** A Sync or a query string was sent: what was sent before it succeeds or fails by itself. */
	endSeries(): void {
		this.model.series += 1;
		// Outside a block the transaction ends here, and may fail: the path that was set in it goes with it.
		if (this.transaction === IDLE) this.model.doubtPath();
		this.inSeries = false;
		this.seriesWrites = false;
	}

	/** Brings the server's transaction to the failed state, after a result that we failed and it did not. */
	failTransaction(): void {
		const operation = new Operation("query");
		operation.hidden = true;
		operation.silent = true;
		this.queue.push(operation);
		this.host.toUpstream(FAILING_QUERY);
	}

	/** Has the server show whose session it is, after the client has named its application anew. */
	signApplication(): void {
		const signing = this.application?.takeSigning();
		if (signing === undefined) return;
		const operation = new Operation("query");
		operation.hidden = true;
		operation.isOwn = true;
		this.queue.push(operation);
		this.host.toUpstream(query(signing));
	}

	/** Likewise within a series whose Sync has not been sent. */
	failSeries(): void {
		const operation = new Operation("parse");
		operation.hidden = true;
		operation.silent = true;
		this.queue.push(operation);
		this.host.toUpstream(FAILING_PARSE);
		this.skipping = true;
	}

	/** Ends the series in which a query string was sent. */
	endOwnSeries(): void {
		this.host.toUpstream(sync());
		this.queue.push(new Operation("sync"));
		this.skipping = false;
		this.endSeries();
		this.waiting = "drain";
	}

	/** Asks the server for its search path, by a series of its own or within the client's. */
	askPath(): void {
		const ask = (kind: Operation["kind"]) => {
			const operation = new Operation(kind);
			operation.hidden = true;
			operation.silent = !this.inSeries;
			operation.asksPath = true;
			this.queue.push(operation);
		};
		this.host.toUpstream(
			Buffer.concat([
				parse(pathQuestion, "SHOW search_path"),
				bind(pathQuestion, pathQuestion, []),
				execute(pathQuestion),
				close("portal", pathQuestion),
				close("statement", pathQuestion),
				this.inSeries ? flush() : sync(),
			]),
		);
		for (const kind of ["parse", "bind", "execute", "close", "close"] as const) ask(kind);
		if (!this.inSeries) ask("sync");
		this.wait("drain");
	}

	wait(reason: Waiting): void {
		this.waiting = reason;
		this.host.holdClient(true);
	}

	/** Without a Sync the server keeps its answers to itself until it is asked for them. */
	flushIfWaiting(): void {
		if (this.waiting === "nothing" || this.waiting === "promise") return;
		if (this.inSeries && !this.copyIn && !this.queue.drained) this.host.toUpstream(FLUSH);
	}

	/**
	 * Definitions that this session changed are committed: they are read at once, not when its client speaks next, since
	 * until then the statements of other sessions are read by the old ones.
	 */
	refreshCatalog(): void {
		const { model, host } = this;
		if (!model.catalogDirty) return;
		model.catalogDirty = false;
		const refreshed = host.refreshCatalog().catch(() => {
			// What the new definitions are is not known: nothing that touches data passes until they are.
			model.catalogDirty = true;
			this.refreshFailed = true;
		});
		if (!host.unrestricted) this.waitFor(refreshed);
	}

	/**
	 * Definitions that this session changed and has not committed are read on its own connection. What the reading sets
	 * (the search path) and locks ends with a savepoint of ours.
	 */
	readOwnDefinitions(): void {
		const { model } = this;
		model.catalogDirty = false;
		model.ownDefinitions = true;
		const read = this.#readOwnDefinitions().catch(() => {
			// What the definitions are is not known: what touches data is denied.
			model.catalogDirty = true;
			this.refreshFailed = true;
		});
		this.waitFor(read);
	}

	async #readOwnDefinitions(): Promise<void> {
		await this.#ask(`SAVEPOINT ${OWN_SAVEPOINT}`);
		try {
			await this.host.readOwnDefinitions((sql) => this.#ask(sql));
		} finally {
			await this.#ask(`ROLLBACK TO SAVEPOINT ${OWN_SAVEPOINT}`).catch((error: unknown) => {
				this.fatal("XX000", "the session cannot go on", String(error), "a savepoint of the proxy's own is gone");
			});
			if (!this.ended) await this.#ask(`RELEASE SAVEPOINT ${OWN_SAVEPOINT}`);
		}
	}

	/** Runs a query of our own between the client's statements. */
	#ask(sql: string): Promise<(string | null)[][]> {
		return new Promise((resolve, reject) => {
			const question = new PostgresOwnQuery(sql);
			const operation = new Operation("query");
			operation.hidden = true;
			operation.silent = true;
			operation.own = (frame) => {
				const answer = question.receive(frame);
				if (answer === undefined) return false;
				if ("error" in answer) reject(new Error(answer.error));
				else resolve(answer.rows);
				return true;
			};
			this.queue.push(operation);
			this.host.toUpstream(question.bytes);
		});
	}

	/** Has the definitions looked at before a message runs; what was found stands in `definitions` then. */
	freshDefinitions(): Promise<void> {
		return this.host.refreshCatalog().then(
			() => {
				this.definitions = "fresh";
			},
			() => {
				this.definitions = "unreadable";
			},
		);
	}

	/** Waits for the host; then goes on with the same message. */
	waitFor(promise: Promise<unknown>): void {
		this.wait("promise");
		const done = () => {
			if (this.ended || this.waiting !== "promise") return;
			this.waiting = "nothing";
			this.resume();
		};
		promise.then(done, done);
	}

	/** A statement that the host is thinking about is not upstream: it is the one that fails, once the host has answered. */
	interrupt(): boolean {
		if (this.waiting !== "promise" || !this.queue.drained) return false;
		this.interrupted = true;
		return true;
	}

	/** Stops the server's work on the present result. What comes behind must not be hit, so it is not sent meanwhile. */
	cancel(): void {
		if (this.cancelling) return;
		this.cancelling = true;
		this.host.holdClient(true);
		const done = () => {
			this.cancelling = false;
			if (!this.ended) this.resume();
		};
		this.host.cancelUpstream().then(done, done);
	}

	denial(execution: Execution): DenialFrame {
		return denialFrame(execution.denial as Denial);
	}

	/** Executions that the server never came to. */
	finishUnrun(executions: readonly Execution[], from: number, error: { code: string; message: string } | null): void {
		for (let index = from; index < executions.length; index++) {
			this.host.finish(executions[index] as Execution, error === null ? notRun : { ...notRun, error });
		}
	}

	/** The session is over: what is under way has ended here, with what it has delivered. */
	finishAll(code: string, message: string): void {
		this.leftBusy = !this.queue.drained;
		const error = { code, message };
		const result = this.takeResult();
		if (result !== undefined) this.host.finish(result.execution, result.outcome(null, error));
		for (const operation of this.queue) {
			const isBegun = result !== undefined && operation.executions[operation.current] === result.execution;
			this.finishUnrun(operation.executions, operation.current + (isBegun ? 1 : 0), error);
			if (operation.parsed !== undefined) this.host.finish(operation.parsed, { ...notRun, error });
		}
		this.queue.clear();
	}

	/** The session ends without a further word to the client. `code`: of the statements that it leaves unfinished. */
	leave(reason: string, code: string): void {
		if (this.ended) return;
		this.ended = true;
		this.finishAll(code, reason);
		this.host.end(reason);
	}

	/** The session cannot go on: the client is told in the protocol's own words, where the stream allows. */
	fatal(code: string, message: string, detail: string | undefined, reason: string): void {
		if (this.ended) return;
		this.ended = true;
		if (this.atBoundary()) {
			const fields = { severity: "FATAL" as const, code, message };
			this.host.toClient(encodeError(detail === undefined ? fields : { ...fields, detail }));
		}
		this.finishAll(code, message);
		this.host.end(reason);
	}
}

const FLUSH = flush();

function setDenial(
	operation: Operation,
	denied: DenialFrame,
	execution: Execution | undefined,
	failsWith: string,
): void {
	operation.denial = denied;
	operation.failsWith = failsWith;
	if (execution !== undefined) operation.executions = [execution];
}
