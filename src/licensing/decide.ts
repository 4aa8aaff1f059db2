/**
 * What a license says to a statement: facts in, decision out. Pure, and dependent on the text alone (and the catalog it
 * was read against), so that a decision can be kept with the facts; what depends on the moment is in moment.ts.
 *
 * The order: what could not be read is denied; then denies, then permits (closed by default), then masks. All findings
 * are told at once, so that a person learns in one go what a statement would need.
 */
import type { FunctionUse, StatementFacts } from "../sql/facts.js";
import { type Ancestry, NO_ANCESTRY } from "./ancestry.js";
import type { Cap, ColumnMask, Decision, Obligations, Reason, RowCap } from "./decision.js";
import { type Finding, forbidden, unproven } from "./finding.js";
import { deniedFunctions, unpermittedFunctions } from "./functions.js";
import type { License } from "./license.js";
import { judgeMasks, type Masking } from "./masking.js";
import { formatRelation, namesExactly } from "./patterns.js";
import { deniedRelations, evasions, type Grounds, isReading, unpermittedRelations } from "./relations.js";

export type { Ancestry } from "./ancestry.js";

import { mayReadColumn } from "./columns.js";

export { columnMaskFor, mayReadColumn } from "./columns.js";
export { checkMoment, type MomentVerdict, momentVerdict } from "./moment.js";
export { subjectMatches, targetMatches } from "./parties.js";

/** More reasons than this say nothing new. */
const MAX_REASONS = 8;

const NO_MASKING: Masking = { findings: [], masks: new Map(), touchesMasked: false };

export function decideStatement(license: License, facts: StatementFacts, ancestry: Ancestry = NO_ANCESTRY): Decision {
	const { findings, masking, grounds } = judge(license, facts, ancestry);
	const denial = findings.length === 0 ? undefined : denialOf(license, findings);
	if (license.observe) return observed(denial);
	if (denial !== undefined) return denial;
	const reasons = [...grounds].map(([term, message]): Reason => ({ term, message }));
	return {
		effect: "allow",
		reasons: reasons.slice(0, MAX_REASONS),
		obligations: obligationsOf(license, facts, masking, ancestry),
	};
}

interface Judgement {
	readonly findings: readonly Finding[];
	readonly masking: Masking;
	readonly grounds: Grounds;
}

function judge(license: License, facts: StatementFacts, ancestry: Ancestry): Judgement {
	const grounds: Grounds = new Map();
	if (license.unrestricted) {
		grounds.set("permits", "everything is permitted");
		return { findings: collections(license, facts), masking: NO_MASKING, grounds };
	}
	if (facts.refusal !== undefined) {
		const finding = unproven(undefined, `the statement cannot be judged: ${facts.refusal.message}`);
		return { findings: [finding], masking: NO_MASKING, grounds };
	}
	const masking = judgeMasks(license, facts, ancestry);
	const findings = [
		...deniedRelations(license, facts, ancestry),
		...deniedFunctions(license, facts),
		...unpermittedRelations(license, facts, ancestry, grounds),
		...unpermittedFunctions(license, facts, grounds),
		...evasions(license, facts, ancestry),
		...masking.findings,
		...opacity(license, facts),
		...collections(license, facts),
		...inner(license, facts, ancestry),
	];
	return { findings, masking, grounds };
}

/**
 * Rows of unknown lineage. EXECUTE and FETCH deliver rows of a statement that the session knows and has judged; what a
 * procedure delivers, its permit answers for, as long as there is nothing that would have to be masked in it.
 */
function opacity({ masks }: License, facts: StatementFacts): Finding[] {
	const known = facts.effect?.kind === "execute" || facts.effect?.kind === "fetch";
	const isPermittedCall = masks.length === 0 && facts.functions.some(({ form }) => form === "procedure");
	if (!facts.opaqueResult || known || isPermittedCall) return [];
	return [unproven(undefined, "it cannot be told from which columns the result comes")];
}

/** A row cap bounds source rows; an aggregate that collects them into one row would carry them past it. */
function collections(license: License, facts: StatementFacts): Finding[] {
	const { rowsPerStatement } = license.limits;
	if (rowsPerStatement === undefined) return [];
	const collecting = new Set([...facts.collects, ...unknownAggregates(license, facts)]);
	const carried = facts.rowsPerLine ?? 1;
	if (collecting.size === 0 && carried > rowsPerStatement.max) {
		const message = `a line of the result is made of up to ${carried} rows of one table, past the cap of ${rowsPerStatement.max} rows`;
		return [forbidden(rowsPerStatement.term, message)];
	}
	if (collecting.size === 0) return [];
	const names = [...collecting].join(", ");
	const message = `${names} collects rows into one, past the cap of ${rowsPerStatement.max} rows; ask for the rows themselves`;
	return [forbidden(rowsPerStatement.term, message)];
}

/** An aggregate of a user's own may collect too, unless a permit names that very one. */
function unknownAggregates(license: License, facts: StatementFacts): string[] {
	return facts.functions
		.filter(({ form, sort }) => form === "aggregate" && sort === "user")
		.filter((use) => !isNamed(license, use))
		.map(formatRelation);
}

function isNamed({ permits }: License, use: FunctionUse): boolean {
	if (permits === "all") return false;
	return permits.some((permit) => permit.functions.some((pattern) => namesExactly(pattern, use)));
}

/** PREPARE and DECLARE: what is inside will run, so it must be permitted now already. */
function inner(license: License, facts: StatementFacts, ancestry: Ancestry): readonly Finding[] {
	const { effect } = facts;
	if (effect?.kind !== "prepare" && effect?.kind !== "declare") return [];
	return judge(license, effect.statement, ancestry).findings;
}

function obligationsOf(license: License, facts: StatementFacts, masking: Masking, ancestry: Ancestry): Obligations {
	// Text that was not read may deliver anything, and so may a function that needs a permit: they are capped.
	const capped = facts.deliversRows || facts.opaqueResult || facts.refusal !== undefined || callsPermitted(facts);
	const { rowsPerStatement, bytesPerStatement, statementTimeoutMs } = license.limits;
	return {
		masks: masking.masks,
		touchesMasked: masking.touchesMasked || writesUnreadable(license, facts, ancestry),
		rows: capped ? linesOf(rowsPerStatement, facts) : undefined,
		bytes: capped ? bytesPerStatement : undefined,
		statementTimeoutMs,
	};
}

/** A cap bounds source rows: where a line carries several of one table, so many fewer lines are delivered. */
function linesOf(cap: Cap | undefined, { rowsPerLine = 1 }: StatementFacts): RowCap | undefined {
	return cap && { ...cap, lines: Math.floor(cap.max / rowsPerLine), rowsPerLine };
}

/** Functions of a user's own, and the server's that read files, large objects and the like. */
function callsPermitted({ functions }: StatementFacts): boolean {
	return functions.some(({ sort }) => sort === "user" || sort === "restricted");
}

/** An error of a change shows the whole row ("Failing row contains …"), columns among them that may not be read. */
function writesUnreadable(license: License, facts: StatementFacts, ancestry: Ancestry): boolean {
	if (license.unrestricted) return false;
	return facts.relations.some((use) => {
		if (use.sort !== "data" || isReading(use)) return false;
		const columns = ancestry.columns?.(use);
		return columns === undefined || !columns.every((column) => mayReadColumn(license, { ...use, column }, ancestry));
	});
}

const NO_OBLIGATIONS: Obligations = {
	masks: new Map<number, ColumnMask>(),
	touchesMasked: false,
	rows: undefined,
	bytes: undefined,
	statementTimeoutMs: undefined,
};

/** `enforcement: observe`: it passes unchanged, and what would have been decided is kept. */
function observed(denial: Denial | undefined): Decision {
	const reasons: Reason[] = [{ term: "enforcement", message: "the license observes and lets all pass" }];
	const allow = { effect: "allow", reasons, obligations: NO_OBLIGATIONS } as const;
	return denial === undefined ? allow : { ...allow, observed: { case: denial.case, reasons: denial.reasons } };
}

type Denial = Extract<Decision, { effect: "deny" }>;

function denialOf(license: License, findings: readonly Finding[]): Denial {
	const reasons = new Map(findings.map(({ reason }) => [`${reason.term ?? ""}\0${reason.message}`, reason]));
	// The first that forbids is what the client is told first.
	const forbids = findings.find((finding) => finding.case !== "unreadable");
	return {
		effect: "deny",
		case: forbids?.case ?? "unreadable",
		reasons: [...reasons.values()].slice(0, MAX_REASONS),
		hint: hintOf(license, findings),
	};
}

function hintOf(license: License, findings: readonly Finding[]): string {
	const wanted = [...new Set(findings.flatMap((finding) => finding.wanted ?? []))].slice(0, MAX_REASONS);
	if (wanted.length > 0 && findings.every((finding) => finding.wanted !== undefined)) {
		return `Ask an administrator for a grant under a license that permits ${wanted.join("; ")}.`;
	}
	if (findings.every((finding) => finding.case === "unreadable")) {
		return "What cannot be read or proven harmless is denied. Write the statement more simply, or ask an administrator for a license that permits all.";
	}
	return `If you need this, ask an administrator about the terms named of the license ${license.id}.`;
}
