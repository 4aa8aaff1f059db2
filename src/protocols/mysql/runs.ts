/**
 * From a judged text to runs: follows EXECUTE to what it stands for, applies the rules that depend on the session, and
 * records each statement before any of the text goes upstream.
 */
import type { SessionEffect } from "../../sql/facts.js";
import type { Denial, Execution, Judgement, Verdict } from "../engine.js";
import type { RelayCore } from "./core.js";
import { denied, type Told, told } from "./denials.js";
import { ERROR } from "./errors.js";
import { isTracked, type NamedStatement, type SessionModel, TRACKED, type Tracked, textEncoding } from "./model.js";
import { trackingStatement } from "./pins.js";

export type RunAnswer =
	| {
			readonly kind: "run";
			readonly executions: readonly Execution[];
			readonly effects: readonly (SessionEffect | undefined)[];
			/** Their texts, where an effect needs them. */
			readonly texts: readonly string[];
			/** A text that was not understood, and passes because nothing is forbidden. */
			readonly isOpen: boolean;
	  }
	| { readonly kind: "denied"; readonly told: Told; readonly executions: readonly Execution[] }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> };

interface Step {
	readonly verdict: Verdict;
	readonly sql: string;
	/** The statement of SQL's PREPARE that it executes. */
	readonly prepared: string | undefined;
}

type Resolved =
	| { readonly kind: "step"; readonly step: Step }
	| { readonly kind: "told"; readonly told: Told }
	| { readonly kind: "wait"; readonly promise: Promise<unknown> };

/** What an earlier statement of the text prepares or forgets; undefined: forgotten. */
type Pending = Map<string, NamedStatement | undefined>;

export interface RunOptions {
	readonly parameters: readonly (string | null)[];
	/** Name under which it is prepared, for the recording. */
	readonly prepared: string | undefined;
}

export function judgeRun(core: RelayCore, judgement: Judgement, sql: string, options: RunOptions): RunAnswer {
	const steps: Step[] = [];
	const effects: (SessionEffect | undefined)[] = [];
	const pending: Pending = new Map();
	const { verdicts } = judgement;
	const hiding = verdicts.findIndex(({ plan }) => plan.reduceErrors);
	for (const [index, verdict] of verdicts.entries()) {
		const own = verdicts.length === 1 ? sql : sql.slice(verdict.facts.start, verdict.facts.end);
		const resolved = resolve(core, verdict, own, pending);
		if (resolved.kind === "wait") return resolved;
		const subject = resolved.kind === "told" ? verdict : resolved.step.verdict;
		const refused =
			resolved.kind === "told" ? resolved.told : refusal(core, subject, own, { count: verdicts.length, index, hiding });
		if (refused !== undefined || subject.denied) return refuse(core, subject, refused, sql, options);
		note(core, verdict, own, pending);
		// EXECUTE does what was prepared.
		effects.push(subject.facts.effect);
		steps.push((resolved as Extract<Resolved, { kind: "step" }>).step);
	}
	return begin(core, steps, effects, options);
}

function refuse(
	core: RelayCore,
	verdict: Verdict,
	refused: Told | Denial | undefined,
	sql: string,
	options: RunOptions,
): RunAnswer {
	const overruling = refused !== undefined && "case" in refused ? refused : undefined;
	const native = refused !== undefined && "payload" in refused ? refused : undefined;
	const { parameters, prepared } = options;
	const execution = core.host.begin(verdict, sql, parameters, prepared, false, overruling);
	// What the server would say itself needs no decision of the license: it runs, and fails.
	const said = execution.denial === undefined ? (native as Told) : denied(execution.denial);
	return { kind: "denied", told: said, executions: [execution] };
}

function begin(
	core: RelayCore,
	steps: readonly Step[],
	effects: readonly (SessionEffect | undefined)[],
	options: RunOptions,
): RunAnswer {
	const executions: Execution[] = [];
	for (const { verdict, sql, prepared } of steps) {
		const name = prepared ?? options.prepared;
		const execution = core.host.begin(verdict, sql, options.parameters, name, false, undefined);
		executions.push(execution);
		// The others have been recorded; they end as not run with the one that may not.
		if (execution.denial !== undefined) {
			return { kind: "denied", told: denied(execution.denial), executions: [execution, ...executions.slice(0, -1)] };
		}
	}
	const isOpen = steps.some(({ verdict }) => verdict.facts.refusal !== undefined);
	const texts = effects.some((effect) => effect?.kind === "prepare") ? steps.map(({ sql }) => sql) : NO_TEXTS;
	return { kind: "run", executions, effects, texts, isOpen };
}

const NO_TEXTS: readonly string[] = [];

function resolve(core: RelayCore, verdict: Verdict, sql: string, pending: Pending): Resolved {
	const step: Step = { verdict, sql, prepared: undefined };
	const { effect } = verdict.facts;
	if (verdict.denied || effect?.kind !== "execute") return { kind: "step", step };
	const name = effect.name.toLowerCase();
	const statement = pending.has(name) ? pending.get(name) : core.model.named.get(name);
	if (statement === undefined) {
		// Nothing is forbidden, so it may come of a text that was not understood.
		if (core.host.unrestricted) return { kind: "step", step };
		const message = `Unknown prepared statement handler (${effect.name}) given to EXECUTE`;
		return { kind: "told", told: told(ERROR.unknownStatement, message) };
	}
	return resolvePrepared(core, step, effect.name, statement);
}

function resolvePrepared(core: RelayCore, step: Step, name: string, statement: NamedStatement): Resolved {
	if (readsOtherwise(core, statement.reading, statement.text)) return { kind: "told", told: denied(READ_OTHERWISE) };
	if (statement.epoch === core.host.epoch()) {
		const verdict = core.host.verdictFor(statement.facts);
		return { kind: "step", step: { ...step, verdict, prepared: name } };
	}
	const text = Buffer.from(statement.text, textEncoding(statement.reading));
	const answer = core.host.judge(text, statement.reading);
	const key = name.toLowerCase();
	if (answer instanceof Promise) {
		const promise = answer.then((judgement) => {
			const renewed = namedOf(judgement, statement);
			if (renewed !== undefined && core.model.named.get(key) === statement) core.model.named.set(key, renewed);
		});
		return { kind: "wait", promise };
	}
	const renewed = namedOf(answer, statement);
	if (renewed === undefined) return { kind: "step", step: { ...step, verdict: answer.verdicts[0] ?? step.verdict } };
	if (core.model.named.get(key) === statement) core.model.named.set(key, renewed);
	const verdict = core.host.verdictFor(renewed.facts);
	return { kind: "step", step: { ...step, verdict, prepared: name } };
}

/** Undefined: the text that prepares it is not understood any more. */
function namedOf({ verdicts, epoch }: Judgement, { text, reading }: NamedStatement): NamedStatement | undefined {
	const effect = verdicts[0]?.facts.effect;
	return effect?.kind === "prepare" ? { facts: effect.statement, text, reading, epoch } : undefined;
}

/**
 * A server may read a prepared text anew whenever definitions change, by the sql_mode and character set of that moment: so
 * these have to be what they were when it was judged.
 */
export function readsOtherwise({ host, model }: RelayCore, reading: readonly string[], text: string | Buffer): boolean {
	const now = model.reading;
	if (host.unrestricted || now === reading) return false;
	if (withoutMulti(now[1]) !== withoutMulti(reading[1])) return true;
	if (now[2] === reading[2]) return false;
	// Character sets that are read at all agree on ASCII.
	return Buffer.from(text).some((byte) => byte > 0x7f);
}

function withoutMulti(flags: string | undefined): string {
	return (flags ?? "")
		.split(",")
		.filter((flag) => flag !== "MULTI")
		.join(",");
}

const unread = (message: string, hint: string): Denial => ({
	case: "unreadable",
	message,
	detail: "The text cannot be judged as the server would read it",
	hint,
});

export const READ_OTHERWISE = unread(
	"sql_mode or character set were changed since the statement was prepared",
	"Prepare it again.",
);
const SWITCHES = unread(
	"a statement that changes how text is read has others behind it",
	"Send what follows USE or SET of sql_mode and character sets as a text of its own.",
);
const KILLS = unread("KILL has other statements beside it", "Send it alone.");
const NOT_SAVED = unread("the variable holds no setting that was saved in this session", "Set the value itself.");
const NOT_REFRESHED = unread("definitions have changed and could not be read again", "Try again.");
const HIDDEN_MESSAGES: Denial = {
	case: "notPermitted",
	message: "messages of the statement before are withheld, because they may show what is masked",
	detail: "They are about masked columns",
	hint: "Their number may be asked for.",
};
const TOO_MANY = told(
	{ errno: 1461, state: "42000" },
	"Can't create more prepared statements: too many are open in this session",
);

/** Where a statement stands among the `count` of its text. */
interface Place {
	readonly count: number;
	readonly index: number;
	/** Index of the first whose messages may show what is masked; -1: none. */
	readonly hiding: number;
}

/** Rules that depend on the session, and on what else is in the text. */
function refusal(core: RelayCore, subject: Verdict, sql: string, place: Place): Told | Denial | undefined {
	const { host, model } = core;
	const { effect } = subject.facts;
	if (effect?.kind === "prepare" && model.holdsTooMany) return TOO_MANY;
	if (effect?.kind === "kill" && place.count > 1) return KILLS;
	if (host.unrestricted) return undefined;
	if (place.index < place.count - 1 && effect !== undefined && changesReading(effect)) return SWITCHES;
	if (effect !== undefined && !restoresSaved(model, effect)) return NOT_SAVED;
	if (core.refreshFailed && model.catalogDirty && subject.facts.relations.length > 0) return NOT_REFRESHED;
	const hides = model.diagnosticsHide || (place.hiding !== -1 && place.hiding < place.index);
	return hides && readsDiagnostics(subject, sql) ? HIDDEN_MESSAGES : undefined;
}

/** The statement that asks for the messages of the one before it, as facts call it. */
export const SHOW_WARNINGS = "SHOW WARNINGS";

const DIAGNOSTICS = /^\W*(show|get)\b[\s\S]*\b(warnings|errors|diagnostics)\b/i;

function readsDiagnostics({ facts }: Verdict, sql: string): boolean {
	if (/\bCOUNT\b/i.test(facts.tag)) return false;
	return DIAGNOSTICS.test(facts.tag) || DIAGNOSTICS.test(sql);
}

/** Settings by which text is read, in lower case, with what is tracked of them. */
const READING_SETTINGS: ReadonlyMap<string, readonly Tracked[]> = new Map([
	["sql_mode", ["sql_mode"]],
	["names", ["character_set_client", "character_set_connection"]],
	["character_set_client", ["character_set_client"]],
	["character_set_connection", ["character_set_connection"]],
	// Of a collation that is set the server tells nothing under the name that we know it by.
	["collation_connection", ["character_set_connection"]],
]);
/** The one by which the server tells that they were changed. */
const TRACKING = "session_track_system_variables";

export function changesReading(effect: SessionEffect): boolean {
	switch (effect.kind) {
		case "database":
		case "resetAll":
			return true;
		case "set":
			return READING_SETTINGS.has(effect.name.toLowerCase()) || effect.name === TRACKING;
		case "restore":
			return READING_SETTINGS.has(effect.setting.toLowerCase());
		case "several":
			return effect.effects.some(changesReading);
		default:
			return false;
	}
}

function restoresSaved(model: SessionModel, effect: SessionEffect): boolean {
	if (effect.kind === "several") return effect.effects.every((each) => restoresSaved(model, each));
	if (effect.kind !== "restore" || !isTracked(effect.setting.toLowerCase())) return true;
	return model.saved.get(effect.variable.toLowerCase())?.setting === effect.setting.toLowerCase();
}

/** What a statement of a text prepares is there for those behind it. */
function note(core: RelayCore, verdict: Verdict, text: string, pending: Pending): void {
	const { effect } = verdict.facts;
	if (effect?.kind === "prepare") {
		const { reading } = core.model;
		pending.set(effect.name.toLowerCase(), { facts: effect.statement, text, reading, epoch: core.host.epoch() });
	} else if (effect?.kind === "deallocate" && effect.name !== undefined) {
		pending.set(effect.name.toLowerCase(), undefined);
	}
}

/** The server has confirmed a statement: the model moves. */
export function applyEffect(core: RelayCore, effect: SessionEffect, text: string): void {
	const { model } = core;
	switch (effect.kind) {
		case "several":
			// What is saved is what was there before any of them is set.
			for (const each of effect.effects) if (each.kind === "save") applyEffect(core, each, text);
			for (const each of effect.effects) if (each.kind !== "save") applyEffect(core, each, text);
			return;
		case "database":
			model.setDatabase(effect.name);
			return;
		case "save":
			model.save(effect.variable, effect.setting);
			return;
		case "set":
			// A variable that is set otherwise holds what was saved no longer.
			model.saved.delete(effect.name.toLowerCase());
			if (effect.name === TRACKING && !core.host.unrestricted) trackAgain(core, effect.values?.[0] ?? "");
			else doubt(model, effect.name);
			return;
		case "restore":
			doubt(model, effect.setting);
			return;
		case "resetAll":
			doubt(model, "sql_mode");
			doubt(model, "names");
			return;
		case "prepare":
			model.named.set(effect.name.toLowerCase(), {
				facts: effect.statement,
				text,
				reading: model.reading,
				epoch: core.host.epoch(),
			});
			return;
		case "deallocate":
			if (effect.name === undefined) model.named.clear();
			else model.named.delete(effect.name.toLowerCase());
			return;
		case "transaction":
		case "execute":
		case "declare":
		case "fetch":
		case "closeCursor":
		case "discard":
		case "kill":
			return;
	}
}

/** The client has said what it wants to be told: we have to be told more, and what was changed meanwhile is asked for. */
function trackAgain(core: RelayCore, names: string): void {
	core.ask(trackingStatement(names), (_rows, error) => {
		if (error === undefined) return;
		const reason = `settings could not be tracked: ${error.message}`;
		core.fatal(ERROR.serverShutdown, "the state of the session is not known any more", undefined, reason);
	});
	for (const setting of TRACKED) core.model.unsure.add(setting);
}

/** The server says what it was set to, or is asked. */
function doubt(model: SessionModel, setting: string): void {
	for (const tracked of READING_SETTINGS.get(setting.toLowerCase()) ?? []) model.unsure.add(tracked);
}
