/**
 * From the judgement of a text to its run: which statements it really runs (EXECUTE and FETCH stand for others), whether
 * the state of the session forbids one, and, when all may run, their entries in the recording.
 *
 * Every statement of a string is judged before any is sent; one denied statement denies the string.
 */
import type { StatementFacts } from "../../sql/facts.js";
import type { Execution, Judgement, Verdict } from "../engine.js";
import type { RelayCore } from "./core.js";
import { denialFrame, errorFrame } from "./denials.js";
import { type Counter, type Portal, type PreparedStatement, samePath } from "./model.js";
import type { Effect } from "./namespace.js";
import type { DenialFrame } from "./operations.js";
import { Before, failsOnCap, portalRefusal, type Refused, refusal, type Step } from "./string-rules.js";

export interface Run {
	readonly executions: Execution[];
	readonly effects: (Effect | undefined)[];
	readonly counters: Counter[] | undefined;
	/** The outcome decides whether what follows may run. */
	readonly isCapped: boolean;
	/** A text that was not understood: nothing may follow before it is over. */
	readonly isUnread: boolean;
	readonly copiesIn: boolean;
	readonly writes: boolean;
	readonly returnsRows: boolean;
	/** Rows of the result are kept in the recording. */
	readonly samples: boolean;
}

export type RunAnswer =
	| { readonly kind: "run"; readonly run: Run }
	| { readonly kind: "denied"; readonly frame: DenialFrame; readonly execution: Execution | undefined }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> }
	/** It depends on what has not been answered yet. */
	| { readonly kind: "drain" };

type Resolved =
	| { readonly kind: "step"; readonly step: Step }
	| { readonly kind: "error"; readonly frame: DenialFrame }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> }
	| { readonly kind: "drain" };

/** EXECUTE may name a statement that is an EXECUTE itself (made by Parse): so far it is followed. */
const MAX_REFERENCES = 8;

/** `portal`: the portal that is executed; without one the text is a query string. */
export function judgeRun(core: RelayCore, judgement: Judgement, sql: string, portal?: Portal): RunAnswer {
	if (core.definitions === "unseen" && copiesUnseen(core, judgement)) {
		return { kind: "wait", promise: core.freshDefinitions() };
	}
	const answer = judgeSteps(core, judgement, sql, portal);
	if (answer.kind === "run" || answer.kind === "denied") core.definitions = "unseen";
	return answer;
}

/**
 * COPY … TO STDOUT of data: its rows say nothing of where they come from, so the definitions by which it was read must be
 * the server's of now, not those of up to half a minute ago.
 */
function copiesUnseen({ host }: RelayCore, { verdicts }: Judgement): boolean {
	return host.checksOrigin && verdicts.some(({ facts, denied }) => !denied && copiesOut(facts));
}

function judgeSteps(core: RelayCore, judgement: Judgement, sql: string, portal?: Portal): RunAnswer {
	const { model, host } = core;
	const steps: Step[] = [];
	const before = new Before();
	const effects: (Effect | undefined)[] = [];
	const takeBack = () => {
		for (let index = effects.length - 1; index >= 0; index--) effects[index]?.revert();
	};
	const path = model.searchPath;
	for (const judged of judgement.verdicts) {
		const verdict = portal?.isCursor === true ? host.verdictFor(judged.facts) : judged;
		const own = judgement.verdicts.length === 1 ? sql : sql.slice(verdict.facts.start, verdict.facts.end);
		const resolved = resolve(core, verdict, own, portal);
		if (resolved.kind === "wait" || resolved.kind === "drain") {
			takeBack();
			return resolved;
		}
		// What is missing, or stands for something that is, may be told otherwise by what the server has not answered yet.
		if (resolved.kind === "error" && !core.queue.drained) {
			takeBack();
			return { kind: "drain" };
		}
		const refused: Refused | undefined =
			resolved.kind === "error"
				? resolved.frame
				: (refusal(core, resolved.step, before, judgement.verdicts.length, path) ??
					(portal === undefined ? undefined : portalRefusal(core, resolved.step, portal)));
		const subject = resolved.kind === "error" ? verdict : resolved.step.verdict;
		if (refused !== undefined || subject.denied) {
			takeBack();
			return refuse(core, subject, refused, sql, portal);
		}
		const again = portal?.isStarted === true;
		effects.push(model.apply(verdict, own, judgement, again));
		if (subject !== verdict) effects[effects.length - 1] ??= model.apply(subject, own, judgement, again);
		before.add(subject);
		steps.push((resolved as Extract<Resolved, { kind: "step" }>).step);
	}
	return begin(core, steps, effects, takeBack, portal);
}

function refuse(
	core: RelayCore,
	verdict: Verdict,
	refused: Refused | undefined,
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
	effects: (Effect | undefined)[],
	takeBack: () => void,
	portal: Portal | undefined,
): RunAnswer {
	const run = {
		executions: [] as Execution[],
		effects,
		counters: steps.some((step) => step.counter !== undefined)
			? steps.map((step) => step.counter ?? { rows: 0, bytes: 0, exhausted: false })
			: undefined,
		isCapped: false,
		isUnread: false,
		copiesIn: false,
		writes: false,
		returnsRows: false,
		samples: false,
	};
	for (const { verdict, sql, prepared } of steps) {
		const name = prepared ?? (portal?.statement?.name || undefined);
		const execution = core.host.begin(verdict, sql, portal?.parameters ?? NONE, name, false, undefined);
		if (execution.denial !== undefined) {
			core.finishUnrun(run.executions, 0, null);
			takeBack();
			return { kind: "denied", frame: denialFrame(execution.denial), execution };
		}
		run.executions.push(execution);
		const { facts, plan } = verdict;
		run.isCapped ||= failsOnCap(verdict);
		run.isUnread ||= facts.refusal !== undefined;
		run.copiesIn ||= facts.copy?.direction === "in";
		run.writes ||= facts.writes;
		run.returnsRows ||= facts.outputs !== undefined || facts.opaqueResult;
		run.samples ||= plan.sampleRows > 0;
		if (plan.reduceErrors) core.touchedMasked = true;
	}
	if (portal !== undefined) portal.isStarted = true;
	return { kind: "run", run };
}

export function copiesOut({ copy, relations }: StatementFacts): boolean {
	return copy?.direction === "out" && relations.length > 0;
}

const NONE: readonly string[] = [];

/**
 * What a license covers of the catalogs was written into the text that went upstream, and has changed since. Drivers know
 * this error of the server's and prepare the statement again.
 */
export const OUTDATED = errorFrame("0A000", "cached plan must not change result type");

/** Likewise of a portal or cursor, whose text is not judged again. */
export function isOutdated(core: RelayCore, { judgement }: Portal): boolean {
	return judgement.canonical !== undefined && judgement.epoch !== core.host.epoch() && !core.host.unrestricted;
}

/** EXECUTE stands for the statement that was prepared, FETCH for the cursor's query; both are judged as they are now. */
function resolve(core: RelayCore, verdict: Verdict, sql: string, portal: Portal | undefined): Resolved {
	let step: Step = { verdict, sql, counter: portal, prepared: undefined };
	for (let references = 0; references <= MAX_REFERENCES; references++) {
		const effect = step.verdict.facts.effect;
		if (step.verdict.denied || effect === undefined) return { kind: "step", step };
		let resolved: Resolved;
		if (effect.kind === "execute") resolved = resolveExecute(core, step, effect.name);
		else if (effect.kind === "fetch") resolved = resolveFetch(core, step, effect.name);
		else {
			if (effect.kind === "prepare" && core.model.holdsTooMany) return TOO_MANY;
			return { kind: "step", step };
		}
		if (resolved.kind !== "step" || resolved.step === step) return resolved;
		step = resolved.step;
	}
	return { kind: "error", frame: errorFrame("54001", "EXECUTE is nested too deeply") };
}

const TOO_MANY: Resolved = {
	kind: "error",
	frame: errorFrame("53400", "too many prepared statements are open in this session"),
};

function resolveExecute(core: RelayCore, step: Step, name: string): Resolved {
	const { statements, series } = core.model;
	if (statements.isUnsure(name, series)) return { kind: "drain" };
	const statement = statements.get(name);
	if (statement !== undefined) return resolvePrepared(core, step, statement);
	// Nothing is forbidden, so it may come of a text that was not understood.
	if (core.host.unrestricted) return { kind: "step", step };
	return { kind: "error", frame: errorFrame("26000", `prepared statement "${name}" does not exist`) };
}

/** One statement over all its fetches: its rows are counted against the cursor. */
function resolveFetch(core: RelayCore, step: Step, name: string): Resolved {
	const { portals, series } = core.model;
	if (portals.isUnsure(name, series)) return { kind: "drain" };
	const cursor = portals.get(name);
	const facts = cursor?.judgement.verdicts[0]?.facts;
	if (cursor !== undefined && isOutdated(core, cursor)) return { kind: "error", frame: OUTDATED };
	if (cursor !== undefined && facts !== undefined) {
		const verdict = core.host.verdictFor(facts);
		return { kind: "step", step: { verdict, sql: step.sql, counter: cursor, prepared: name } };
	}
	if (core.host.unrestricted) return { kind: "step", step };
	return { kind: "error", frame: errorFrame("34000", `cursor "${name}" does not exist`) };
}

function resolvePrepared(core: RelayCore, step: Step, statement: PreparedStatement): Resolved {
	const pending = renewed(core, statement);
	if (pending !== undefined) return { kind: "wait", promise: pending };
	if (statement.isOutdated && !core.host.unrestricted) return { kind: "error", frame: OUTDATED };
	const outer = statement.verdict;
	if (outer === undefined) return { kind: "error", frame: errorFrame("26000", "the prepared statement is empty") };
	const prepared = statement.name;
	if (!statement.sqlLevel || outer.denied) {
		return { kind: "step", step: { verdict: outer, sql: step.sql, counter: step.counter, prepared } };
	}
	const effect = outer.facts.effect;
	if (effect?.kind !== "prepare") {
		return { kind: "error", frame: errorFrame("26000", `prepared statement "${prepared}" cannot be read`) };
	}
	const verdict = core.host.verdictFor(effect.statement);
	return { kind: "step", step: { verdict, sql: step.sql, counter: step.counter, prepared } };
}

/** The server reads a prepared text anew when definitions or the search path have changed: so do we. */
export function isStale(core: RelayCore, statement: PreparedStatement): boolean {
	if (statement.judgement.epoch !== core.host.epoch()) return true;
	const { host, model } = core;
	return !host.unrestricted && (model.isPathUnsure || !samePath(statement.path, model.searchPath));
}

/** Judges a prepared text anew when it is stale. A promise: it is being judged. */
export function renewed(core: RelayCore, statement: PreparedStatement): Promise<void> | undefined {
	if (!isStale(core, statement)) return undefined;
	const path = core.model.searchPath;
	// In an aborted transaction nothing is planned, and its path cannot be asked for.
	if (path === undefined && !core.host.unrestricted) return undefined;
	const answer = core.host.judge(statement.text, path ?? NONE);
	if (answer instanceof Promise) return answer.then((judgement) => statement.rejudge(judgement, path));
	statement.rejudge(answer, path);
	return undefined;
}
