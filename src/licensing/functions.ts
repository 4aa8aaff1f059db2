/**
 * Permits and denies of functions, operators, casts and procedures, by resolved identity. What is
 * built in and only computes needs no permit; all else must be named by one.
 */
import type { FunctionUse, StatementFacts } from "../sql/facts.js";
import { type Finding, forbidden, missing, unproven } from "./finding.js";
import type { License } from "./license.js";
import { formatRelation, namesExactly, namesRelation, type RelationPattern } from "./patterns.js";
import type { Grounds } from "./relations.js";

export function deniedFunctions(license: License, facts: StatementFacts): Finding[] {
	return license.denies.flatMap((deny) => {
		const because = deny.reason === undefined ? "" : `: ${deny.reason}`;
		return facts.functions
			.filter((use) => {
				// `*` for the schema does not reach the operators and functions that every statement is made of.
				const reached = (pattern: RelationPattern) =>
					(use.sort !== "compute" || pattern.schema !== undefined) && namesRelation(pattern, use);
				const called = use.form === "procedure" && deny.commands.has("call");
				return deny.functions.some(reached) || (called && deny.on.some(reached));
			})
			.map((use) => forbidden(deny.term, `${named(use)} is denied${because}`, "functionNotPermitted"));
	});
}

export function unpermittedFunctions(license: License, facts: StatementFacts, grounds: Grounds): Finding[] {
	const findings: Finding[] = [];
	for (const use of facts.functions) {
		if (use.sort === "compute") continue;
		if (license.permits === "all") {
			// Unrestricted licenses never get here: there is something to guard, and this could go round it.
			const message = `${named(use)} could go round the masks and denies of a license that permits all; it takes a list of permits that names it`;
			findings.push(unproven("permits", message));
			continue;
		}
		const terms = license.permits.filter((permit) => permits(permit, use)).map(({ term }) => term);
		if (terms.length === 0) findings.push(missing(named(use), "functionNotPermitted"));
		for (const term of terms) if (!grounds.has(term)) grounds.set(term, `${named(use)} is permitted`);
	}
	return findings;
}

function permits(permit: Exclude<License["permits"], "all">[number], use: FunctionUse): boolean {
	// What is restricted must be named itself: `pg_catalog.*` was not written with pg_read_file in mind.
	if (use.sort === "restricted") return permit.functions.some((pattern) => namesExactly(pattern, use));
	if (permit.functions.some((pattern) => namesRelation(pattern, use))) return true;
	// Labels are definitions: they are shown with all of their schema.
	if (use.form === "enum" && permit.commands.has("select")) {
		return permit.on.some((pattern) => pattern.name === undefined && namesRelation(pattern, use));
	}
	return (
		use.form === "procedure" && permit.commands.has("call") && permit.on.some((pattern) => namesRelation(pattern, use))
	);
}

function named(use: FunctionUse): string {
	const why = use.why === undefined ? "" : ` (${use.why})`;
	return `${use.form} ${formatRelation(use)}${why}`;
}
