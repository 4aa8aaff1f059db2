/**
 * What a license says of a single column: its mask, and whether it may be read. The decision on a text asks this for
 * the columns that analysis found; the origin wall asks it for those that the server itself names.
 */
import type { ColumnName, RelationName, RelationUse } from "../sql/facts.js";
import { type Ancestry, family, NO_ANCESTRY } from "./ancestry.js";
import { covering, denyReaches, namedCatalog } from "./coverage.js";
import type { ColumnMask } from "./decision.js";
import type { License, MaskTerm } from "./license.js";
import { type ColumnPattern, isSystemSchema, namesColumn, namesRelation } from "./patterns.js";
import { strictest } from "./strictness.js";

/**
 * The mask in force on a column: the strictest of all that name it, its namesakes in the tables that it inherits from,
 * or those in the tables that inherit from it. A column generated from a masked one gives nothing but NULL: a partial
 * mask of what is computed from a value may show what the mask of the value hides.
 */
export function columnMaskFor(
	license: License,
	column: ColumnName,
	ancestry: Ancestry = NO_ANCESTRY,
): ColumnMask | undefined {
	if (license.masks.length === 0) return undefined;
	let mask = ownMask(license, column, ancestry);
	for (const source of ancestry.generatedFrom?.(column) ?? []) {
		const inherited = ownMask(license, { ...column, column: source }, ancestry);
		if (inherited === undefined) continue;
		const whole = hiddenWhole(inherited);
		mask = mask === undefined ? whole : strictest(mask, whole);
	}
	return mask;
}

/** The mask of what derives from a masked value: NULL, since even whether an expression is NULL can tell the value. */
export function hiddenWhole(mask: ColumnMask): ColumnMask {
	return { ...mask, mask: { kind: "null" } };
}

function ownMask(license: License, column: ColumnName, ancestry: Ancestry): ColumnMask | undefined {
	let mask: ColumnMask | undefined;
	for (const member of family(column, ancestry)) {
		const name = { schema: member.schema, name: member.name, column: column.column };
		for (const term of license.masks) {
			if (!term.columns.some((pattern) => reaches(pattern, member, ancestry) && namesColumn(pattern, name))) continue;
			const found = maskOfTerm(license, term);
			mask = mask === undefined ? found : strictest(mask, found);
		}
	}
	return mask;
}

function maskOfTerm(license: License, { term, mask, use }: MaskTerm): ColumnMask {
	return { mask, term, use, key: mask.kind === "hash" ? license.maskKey : NO_KEY };
}

const NO_KEY = new Uint8Array(0);

/** See isSystemSchema: `*` for the schema means schemas of the database's own. */
function reaches(pattern: ColumnPattern, { schema }: RelationName, ancestry: Ancestry): boolean {
	return pattern.schema !== undefined || !(ancestry.isSystemSchema?.(schema) ?? isSystemSchema(schema));
}

/**
 * Patterns of masks that may name columns of a relation, with their terms. Where the relation's columns are known, only
 * those that do name one.
 */
export function masksOnRelation(
	license: License,
	relation: RelationName,
	ancestry: Ancestry,
): readonly { readonly term: string; readonly pattern: ColumnPattern }[] {
	const columns = ancestry.columns?.(relation);
	const members = family(relation, ancestry);
	return license.masks.flatMap((mask) =>
		mask.columns
			.filter((pattern) =>
				members.some((member) => reaches(pattern, member, ancestry) && namesRelation(pattern, member)),
			)
			.filter(({ column }) => column === undefined || columns === undefined || columns.includes(column))
			.map((pattern) => ({ term: mask.term, pattern })),
	);
}

/** Whether a column may be read, by SELECT or COPY. `sort` is what the analyser says of the relation. */
export function mayReadColumn(
	license: License,
	column: ColumnName,
	ancestry: Ancestry = NO_ANCESTRY,
	sort: RelationUse["sort"] = "data",
): boolean {
	if (license.unrestricted || license.observe) return true;
	const names = [column.column];
	if (license.denies.some((deny) => denyReaches(deny, { ...column, columns: names, sort }, "select", ancestry))) {
		return false;
	}
	if (sort === "catalog" || sort === "guarded") return true;
	if (sort === "sensitive") return license.catalog === "full" || namedCatalog(license, column, "select").length > 0;
	return (["select", "copyTo"] as const).some(
		(command) => covering(license, column, command, names, ancestry) !== undefined,
	);
}
