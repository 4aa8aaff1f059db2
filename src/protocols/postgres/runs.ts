/**
 * From the judgement of a text to its run: which statements it really runs (EXECUTE and FETCH stand for others), whether
 * the state of the session forbids one, and, when all may run, their entries in the recording.
 *
 * Every statement of a string is judged before any is sent; one denied statement denies the string.
 */
import type { Denial, Execution, Judgement, Verdict } from "../engine.js";
import type { RelayCore } from "./core.js";
import { denialFrame, errorFrame } from "./denials.js";
import type { Portal, PreparedStatement, Undo } from "./model.js";
import type { Counter, DenialFrame } from "./operations.js";

export interface Run {
	readonly executions: Execution[];
	readonly undos: Undo[];
	readonly counters: Counter[] | undefined;
	/** The outcome decides whether what follows may run. */
	readonly isCapped: boolean;
	/** Nothing may follow before it is over: capped, or not understood. */
	readonly isBarrier: boolean;
	readonly copiesIn: boolean;
	readonly writes: boolean;
	readonly returnsRows: boolean;
	/** Rows of the result are kept in the recording. */
	readonly samples: boolean;
}

export type RunAnswer =
	| { readonly kind: "run"; readonly run: Run }
	| { readonly kind: "denied"; readonly frame: DenialFrame; readonly execution: Execution | undefined }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> };

/** One statement as it will run. */
interface Step {
	readonly verdict: Verdict;
	readonly sql: string;
	readonly counter: Counter | undefined;
	readonly prepared: string | undefined;
}

type Resolved =
	| {
			readonly kind: "step";
			readonly verdict: Verdict;
			readonly counter: Counter | undefined;
			readonly prepared?: string;
	  }
	| { readonly kind: "error"; readonly frame: DenialFrame }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> };

/** `portal`: the portal that is executed; without one the text is a query string. */
export function judgeRun(core: RelayCore, judgement: Judgement, text: Buffer, portal?: Portal): RunAnswer {
	const { model } = core;
	const sql = text.toString("utf8");
	const steps: Step[] = [];
	const undos: Undo[] = [];
	const takeBack = () => {
		for (const undo of undos.reverse()) undo?.();
	};
	const verdicts = portal?.facts === undefined ? judgement.verdicts : [core.host.verdictFor(portal.facts)];
	for (const verdict of verdicts) {
		const own = verdicts.length === 1 ? sql : sql.slice(verdict.facts.start, verdict.facts.end);
		const resolved = resolve(core, verdict);
		if (resolved.kind === "wait") {
			takeBack();
			return resolved;
		}
		const refused =
			resolved.kind === "error"
				? resolved.frame
				: (stateForbids(core, resolved.verdict) ?? stringForbids(steps, resolved.verdict));
		const subject = resolved.kind === "error" ? verdict : resolved.verdict;
		if (refused !== undefined || subject.denied) {
			takeBack();
			return refuse(core, subject, refused, sql, portal);
		}
		undos.push(model.apply(verdict, own, judgement.epoch));
		const { counter, prepared } = resolved as Extract<Resolved, { kind: "step" }>;
		steps.push({ verdict: subject, sql: own, counter: counter ?? portal, prepared });
	}
	return begin(core, steps, undos, takeBack, portal);
}

function refuse(
	core: RelayCore,
	verdict: Verdict,
	refused: DenialFrame | Denial | undefined,
	sql: string,
	portal: Portal | undefined,
): RunAnswer {
	const parameters = portal?.parameters ?? [];
	const prepared = portal?.statement?.name || undefined;
	const overruling = refused !== undefined && "case" in refused ? refused : undefined;
	const native = refused !== undefined && "frame" in refused ? refused : undefined;
	const execution = core.host.begin(verdict, sql, parameters, prepared, false, overruling);
	// What the server would say itself needs no decision of the license: it runs, and fails.
	const frame = execution.denial === undefined ? (native as DenialFrame) : denialFrame(execution.denial);
	return { kind: "denied", frame, execution };
}

function begin(
	core: RelayCore,
	steps: readonly Step[],
	undos: Undo[],
	takeBack: () => void,
	portal: Portal | undefined,
): RunAnswer {
	const executions: Execution[] = [];
	for (const step of steps) {
		const prepared = step.prepared ?? (portal?.statement?.name || undefined);
		const execution = core.host.begin(step.verdict, step.sql, portal?.parameters ?? [], prepared, false, undefined);
		if (execution.denial !== undefined) {
			core.finishUnrun(executions, 0, null);
			takeBack();
			return { kind: "denied", frame: denialFrame(execution.denial), execution };
		}
		executions.push(execution);
	}
	const some = (test: (verdict: Verdict) => boolean) => steps.some((step) => test(step.verdict));
	const isCapped = some(capped);
	const run: Run = {
		executions,
		undos,
		counters: steps.some((step) => step.counter !== undefined)
			? steps.map((step) => step.counter ?? { rows: 0, bytes: 0, exhausted: false })
			: undefined,
		isCapped,
		isBarrier: isCapped || some((verdict) => verdict.facts.refusal !== undefined),
		copiesIn: some((verdict) => verdict.facts.copy?.direction === "in"),
		writes: some((verdict) => verdict.facts.writes),
		returnsRows: some((verdict) => verdict.facts.outputs !== undefined || verdict.facts.opaqueResult),
		samples: some((verdict) => verdict.plan.sampleRows > 0),
	};
	return { kind: "run", run };
}

function capped(verdict: Verdict): boolean {
	return verdict.plan.rows?.onExceed === "error" || verdict.plan.bytes?.onExceed === "error";
}

/** EXECUTE stands for the statement that was prepared, FETCH for the cursor's query; both are judged as they are now. */
function resolve(core: RelayCore, verdict: Verdict): Resolved {
	const effect = verdict.facts.effect;
	if (verdict.denied || effect === undefined) return { kind: "step", verdict, counter: undefined };
	if (effect.kind === "execute") {
		const statement = core.model.statements.get(effect.name);
		if (statement === undefined) {
			return { kind: "error", frame: errorFrame("26000", `prepared statement "${effect.name}" does not exist`) };
		}
		return resolvePrepared(core, statement);
	}
	if (effect.kind === "fetch") {
		const cursor = core.model.portals.get(effect.name);
		if (cursor === undefined) {
			if (core.host.unrestricted) return { kind: "step", verdict, counter: undefined };
			return { kind: "error", frame: errorFrame("34000", `cursor "${effect.name}" does not exist`) };
		}
		const facts = cursor.facts ?? cursor.statement?.verdict?.facts;
		if (facts === undefined)
			return { kind: "error", frame: errorFrame("34000", `cursor "${effect.name}" cannot be read`) };
		return { kind: "step", verdict: core.host.verdictFor(facts), counter: cursor, prepared: effect.name };
	}
	return { kind: "step", verdict, counter: undefined };
}

function resolvePrepared(core: RelayCore, statement: PreparedStatement): Resolved {
	if (statement.judgement.epoch !== core.host.epoch()) {
		const answer = core.host.judge(statement.text, core.model.searchPath ?? []);
		if (answer instanceof Promise) {
			return {
				kind: "wait",
				promise: answer.then((judgement) => {
					statement.judgement = judgement;
				}),
			};
		}
		statement.judgement = answer;
	}
	const verdict = statement.verdict;
	if (verdict === undefined) return { kind: "error", frame: errorFrame("26000", "the prepared statement is empty") };
	if (!statement.sqlLevel || verdict.denied)
		return { kind: "step", verdict, counter: undefined, prepared: statement.name };
	const effect = verdict.facts.effect;
	if (effect?.kind !== "prepare") {
		return { kind: "error", frame: errorFrame("26000", `prepared statement "${statement.name}" cannot be read`) };
	}
	return {
		kind: "step",
		verdict: core.host.verdictFor(effect.statement),
		counter: undefined,
		prepared: statement.name,
	};
}

/**
 * Definitions that were changed and not committed are seen by nobody else, so they are not in the catalog snapshot:
 * what they may mean is not known, and nothing that touches data is permitted until the transaction ends.
 */
function stateForbids(core: RelayCore, verdict: Verdict): Denial | undefined {
	if (!core.model.catalogDirty || core.host.unrestricted || !touchesData(verdict)) return undefined;
	return {
		case: "unreadable",
		message: "definitions were changed in this transaction, so the statement cannot be resolved",
		detail: "Names are resolved against committed definitions.",
		hint: "Commit the change of definitions first.",
	};
}

function touchesData(verdict: Verdict): boolean {
	return (
		verdict.facts.relations.some((use) => use.sort === "data") ||
		verdict.facts.functions.some((use) => use.sort === "user")
	);
}

/** The cap of one statement of a string cannot stop those behind it in time, so nothing that writes may follow it. */
function stringForbids(before: readonly Step[], verdict: Verdict): Denial | undefined {
	if (!verdict.facts.writes || !before.some((step) => capped(step.verdict))) return undefined;
	return {
		case: "capExceeded",
		message: "a statement that writes follows one with a row or byte cap in the same query string",
		detail: "Were the cap exceeded, the write could not be taken back.",
		hint: "Send the statements one by one.",
	};
}
