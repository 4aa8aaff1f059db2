/**
 * A session's account: its entries in the recording, sealed where its license says so, and the counts that go with them.
 * What cannot be recorded must not run: the first entry that fails says so, once.
 */
import type { Denial, Execution, Outcome } from "../protocols/engine.js";
import type { Entry } from "../recorder/entry.js";
import { SEALED_TEXT, type Sealing, type SessionSeal } from "../recorder/seal.js";
import type { StatementFacts } from "../sql/facts.js";
import type { PolicyVerdict } from "./policy.js";

export interface AccountOptions {
	/** Of the session. */
	readonly id: string;
	/** Undefined: it is recorded in the clear. */
	readonly seal: SessionSeal | undefined;
	readonly record: (entry: Entry) => void;
	/** Called within what records. */
	readonly onFailure: (error: unknown) => void;
}

export class Account {
	statements = 0;
	denied = 0;
	rowsOut = 0;
	bytesOut = 0;
	bytesIn = 0;
	readonly #options: AccountOptions;
	/** What the ids of its decisions begin with. */
	readonly #decisions: string;
	/** Statement entries so far: their numbers. A text that was only parsed has one too. */
	#entries = 0;
	#failed = false;

	constructor(options: AccountOptions) {
		this.#options = options;
		this.#decisions = options.id.replace("s_", "d_");
	}

	/** `denialOf`: what is said of it under the decision's id. */
	begin(
		verdict: PolicyVerdict,
		text: string,
		parameters: readonly (string | null)[],
		prepared: string | undefined,
		parseOnly: boolean,
		denialOf: (id: string) => Denial | undefined,
	): Execution {
		const { id: session, seal } = this.#options;
		this.#entries += 1;
		if (!parseOnly) this.statements += 1;
		const statement = this.#entries;
		const id = `${this.#decisions}.${statement}`;
		const denial = denialOf(id);
		if (denial !== undefined) this.denied += 1;
		const decision =
			denial === undefined || verdict.decision.effect === "deny"
				? { id, ...verdict.record }
				: { id, effect: "deny" as const, reasons: [{ term: denial.term ?? null, message: denial.message }], masks: [] };
		const entry = {
			type: "statement" as const,
			session,
			statement,
			sql: text,
			parameters,
			...(prepared === undefined ? {} : { prepared }),
			...(parseOnly ? { parseOnly } : {}),
			decision,
		};
		this.#record(() => (seal === undefined ? entry : seal.statement(entry, sealingOf(verdict.facts))));
		return { statement, decision: id, denial, verdict, beganAt: performance.now() };
	}

	/** `now`: host's clock, milliseconds. */
	finish(execution: Execution, outcome: Outcome, now: number): void {
		const { id: session, seal } = this.#options;
		const { statement, verdict, beganAt } = execution;
		// The engine may hold more of an error than is recorded of it.
		const { error } = outcome;
		this.rowsOut += outcome.rows;
		const entry = {
			type: "result" as const,
			session,
			statement,
			command: outcome.command,
			rows: outcome.rows,
			bytes: outcome.bytes,
			durationMs: Math.round((now - beganAt) * 1000) / 1000,
			error: error === null ? null : { code: error.code, message: error.message },
			masked: outcome.masked,
			sample: outcome.sample,
		};
		this.#record(() => (seal === undefined ? entry : seal.result(entry, sealingOf(verdict.facts))));
	}

	/** Answers what of the message may be told outside the recording. `statement` 0: none. */
	incident(statement: number, message: string): string {
		const { id: session, seal } = this.#options;
		const entry = { type: "incident" as const, session, statement, message };
		this.#record(() => (seal === undefined ? entry : seal.incident(entry)));
		return seal === undefined ? message : SEALED_TEXT;
	}

	end(reason: string): void {
		const { id: session, seal } = this.#options;
		const { statements, denied, rowsOut, bytesOut, bytesIn } = this;
		this.#record(() => ({
			type: "session.end",
			session,
			reason,
			statements,
			denied,
			rowsOut,
			bytesOut,
			bytesIn,
		}));
		seal?.end();
	}

	#record(entry: () => Entry): void {
		try {
			this.#options.record(entry());
		} catch (error) {
			if (this.#failed) return;
			this.#failed = true;
			this.#options.onFailure(error);
		}
	}
}

/** What of a statement's entries may be shown although its literals are sealed. */
function sealingOf(facts: StatementFacts): Sealing {
	return {
		isUnderstood: facts.refusal === undefined,
		isColumn: (name) => facts.columns.some(({ column }) => column.toLowerCase() === name.toLowerCase()),
	};
}
