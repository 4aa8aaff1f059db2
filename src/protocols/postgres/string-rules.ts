/**
 * Why a statement that its license permits may still not run here and now: what the session is in, and what stands
 * beside it in its query string. Each rule closes a case in which the server could do other than what was judged.
 */
import type { Denial, Verdict } from "../engine.js";
import type { RelayCore } from "./core.js";
import { errorFrame } from "./denials.js";
import { type Counter, type Portal, samePath } from "./model.js";
import type { DenialFrame } from "./operations.js";

/** One statement as it will run. */
export interface Step {
	readonly verdict: Verdict;
	readonly sql: string;
	readonly counter: Counter | undefined;
	readonly prepared: string | undefined;
}

export type Refused = Denial | DenialFrame;

/** What stands before a statement in its string, as far as rules ask: a string may have thousands. */
export class Before {
	isEmpty = true;
	writes = false;
	failsOnCap = false;

	add(verdict: Verdict): void {
		this.isEmpty = false;
		this.writes ||= verdict.facts.writes;
		this.failsOnCap ||= failsOnCap(verdict);
	}
}

/** `before`: what stands before it in its string of `count`; `path`: the search path that the string was read by. */
export function refusal(
	core: RelayCore,
	step: Step,
	before: Before,
	count: number,
	path: readonly string[] | undefined,
): Denial | undefined {
	const { verdict } = step;
	const { host, model } = core;
	if (!host.unrestricted) {
		if (model.catalogDirty && touchesData(verdict)) return UNCOMMITTED_DEFINITIONS;
		if (core.definitions === "unreadable" && verdict.facts.copy !== undefined) return UNREADABLE_DEFINITIONS;
		const pathMoves = path === undefined || !samePath(path, model.searchPath);
		if (!before.isEmpty && pathMoves && resolvesNames(verdict)) return PATH_CHANGES;
	}
	return count === 1 ? undefined : capRule(verdict, before);
}

/**
 * Whether a text is read the same way whatever standard_conforming_strings and client_encoding are: it has no backslash,
 * and no byte of which another encoding could make one.
 */
export function isReadOneWay(text: Buffer): boolean {
	return text.every((byte) => byte !== 0x5c && byte < 0x80);
}

/** Code that ran may have changed both, and the server has not said so yet. */
export const UNKNOWN_READING = errorFrame(
	"42501",
	"a function ran earlier in the series and may have changed how strings are read, which the server tells only behind Sync",
);

/** Utility statements (COPY, CREATE VIEW) resolve their names when they are executed, others when they are bound. */
export function portalRefusal(core: RelayCore, step: Step, portal: Portal): Denial | undefined {
	if (core.host.unrestricted || portal.isStarted || portal.isCursor || !resolvesNames(step.verdict)) return undefined;
	return samePath(portal.path, core.model.searchPath) ? undefined : PATH_MOVED;
}

/**
 * A cap is exceeded when the statement has run already and the server goes on with the string: what stands before it
 * would be committed, and what stands behind it would run, though the client was told that it failed.
 */
function capRule(verdict: Verdict, before: Before): Denial | undefined {
	const { facts } = verdict;
	if (before.failsOnCap && (facts.writes || facts.effect !== undefined || facts.copy)) return CAP_IN_STRING;
	if (failsOnCap(verdict) && (facts.writes || before.writes)) return CAP_IN_STRING;
	return undefined;
}

/** A cap that ends the statement with an error. */
export function failsOnCap(verdict: Verdict): boolean {
	return verdict.plan.rows?.onExceed === "error" || verdict.plan.bytes?.onExceed === "error";
}

/**
 * Definitions that were changed and not committed are seen by nobody else, so they are not in the catalog snapshot:
 * what they may mean is not known, and nothing that touches data is permitted until the transaction ends.
 */
function touchesData(verdict: Verdict): boolean {
	const { relations, functions } = verdict.facts;
	return relations.some((use) => use.sort === "data") || functions.some((use) => use.sort === "user");
}

function resolvesNames(verdict: Verdict): boolean {
	const { relations, functions, effect } = verdict.facts;
	return relations.length > 0 || functions.length > 0 || effect?.kind === "prepare" || effect?.kind === "declare";
}

const UNCOMMITTED_DEFINITIONS: Denial = {
	case: "unreadable",
	message: "definitions were changed in this transaction, so the statement cannot be resolved",
	detail: "Names are resolved against committed definitions",
	hint: "Commit the change of definitions first.",
};

const UNREADABLE_DEFINITIONS: Denial = {
	case: "unreadable",
	message: "the database's definitions cannot be read now, so it cannot be told what would be copied",
	detail: "Rows of a COPY do not say where they come from",
	hint: "Try again, or select the rows instead.",
};

const PATH_CHANGES: Denial = {
	case: "unreadable",
	message: "the search path may change within the query string, so its names cannot be resolved",
	detail: "The whole string is read before any of it runs",
	hint: "Send the statements one by one.",
};

const PATH_MOVED: Denial = {
	case: "unreadable",
	message: "the search path has changed since the statement was bound, so its names cannot be resolved",
	detail: "Some statements look names up when they are bound, others when they are executed",
	hint: "Bind it again.",
};

const CAP_IN_STRING: Denial = {
	case: "capExceeded",
	message: "a statement with a row or byte cap stands in one query string with others that it must not be parted from",
	detail: "Were the cap exceeded, what the others do could not be taken back",
	hint: "Send the statements one by one.",
};
