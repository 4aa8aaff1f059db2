/**
 * What a license says to a text and why, without a session and without running it: facts, decision, obligations, and for
 * a denial the smallest change of the license that would allow it.
 */
import { decideStatement } from "../licensing/decide.js";
import type { License } from "../licensing/license.js";
import { type Change, remedy } from "../licensing/remedy.js";
import type { CatalogView } from "../sql/catalog-view.js";
import type { StatementFacts, TextFacts } from "../sql/facts.js";
import { Policy, unreadFacts } from "./policy.js";

export interface ExplainedStatement {
	readonly sql: string;
	readonly facts: StatementFacts;
	readonly decision: {
		readonly effect: "allow" | "deny";
		readonly reasons: readonly { readonly term: string | null; readonly message: string }[];
		/** For a denial: what the person can do. */
		readonly hint: string | null;
		/** Under `enforcement: observe`: it would have been denied. */
		readonly observed: boolean;
	};
	readonly obligations: {
		readonly masks: readonly { readonly column: string; readonly mask: string; readonly term: string }[];
		readonly rows: { readonly max: number; readonly then: string; readonly term: string } | null;
		readonly bytes: { readonly max: number; readonly then: string; readonly term: string } | null;
		readonly statementTimeoutMs: number | null;
		/** Error texts are reduced to their code. */
		readonly reducesErrors: boolean;
	};
	/** Null: allowed as it is. Empty: no change of terms helps. */
	readonly changes: readonly Change[] | null;
}

export function explainText(
	license: License,
	catalog: CatalogView,
	text: string,
	read: TextFacts,
): readonly ExplainedStatement[] {
	const policy = new Policy(license, catalog, 0);
	const statements = read.refusal === undefined ? read.statements : [unreadFacts(read, text.length)];
	return statements.map((facts) => explain(policy, catalog, text, facts));
}

function explain(policy: Policy, catalog: CatalogView, text: string, facts: StatementFacts): ExplainedStatement {
	const { decision, record } = policy.verdict(facts);
	const obligations = decision.effect === "allow" ? decision.obligations : undefined;
	return {
		sql: text.slice(facts.start, facts.end),
		facts,
		decision: {
			effect: record.effect,
			reasons: record.reasons,
			hint: decision.effect === "deny" ? decision.hint : null,
			observed: record.observed === "deny",
		},
		obligations: {
			masks: record.masks,
			rows: obligations?.rows ?? null,
			bytes: obligations?.bytes ?? null,
			statementTimeoutMs: obligations?.statementTimeoutMs ?? null,
			reducesErrors: obligations?.touchesMasked ?? false,
		},
		changes: remedy(policy.license, facts, decideStatement, catalog.ancestry) ?? null,
	};
}
