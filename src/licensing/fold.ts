/**
 * A license's names as an engine compares them. Documents say names as they are stored; where the engine compares them
 * without case, a term must not be passed by for its capitals.
 */
import type { DenyTerm, License, MaskTerm, PermitTerm } from "./license.js";
import type { RelationPattern } from "./patterns.js";

export interface NameFolding {
	/** Columns compare without case. */
	readonly columns: boolean;
	/** Schemas and relations compare without case; names of functions do wherever columns do. */
	readonly relations: boolean;
}

export function foldLicense(license: License, folding: NameFolding): License {
	if (!folding.columns && !folding.relations) return license;
	const column = (name: string) => (folding.columns ? name.toLowerCase() : name);
	const relation = <Pattern extends RelationPattern>(pattern: Pattern): Pattern =>
		folding.relations
			? { ...pattern, schema: pattern.schema?.toLowerCase(), name: pattern.name?.toLowerCase() }
			: pattern;
	const clause = <Term extends PermitTerm | DenyTerm>(term: Term): Term => ({
		...term,
		on: term.on.map(relation),
		functions: term.functions.map((name) => ({ ...relation(name), name: name.name?.toLowerCase() })),
		columns: term.columns && new Set([...term.columns].map(column)),
	});
	const mask = (term: MaskTerm): MaskTerm => ({
		...term,
		columns: term.columns.map((pattern) => ({
			...relation(pattern),
			column: pattern.column === undefined ? undefined : column(pattern.column),
		})),
	});
	return {
		...license,
		permits: license.permits === "all" ? "all" : license.permits.map(clause),
		denies: license.denies.map(clause),
		masks: license.masks.map(mask),
	};
}
