/** Which permits cover the use of a relation, and which denies reach it. */
import type { RelationName, RelationUse } from "../sql/facts.js";
import { type Ancestry, family } from "./ancestry.js";
import { limitedByColumns, type RelationCommand } from "./commands.js";
import type { DenyTerm, License, PermitTerm } from "./license.js";
import { namesAll, namesExactly, namesRelation } from "./patterns.js";

type Columns = readonly string[] | "all";

/**
 * Terms of permits that together cover a command on a relation's columns, as the server's own column privileges add up:
 * each column must be covered, "all" needs a permit without `columns` or one for each, and a use of no column in
 * particular (count(*)) needs a permit for at least one. Undefined: not covered. A permit on a parent is none on its
 * children, as in the server.
 */
export function covering(
	license: License,
	relation: RelationName,
	command: RelationCommand,
	columns: Columns,
	ancestry: Ancestry,
): readonly string[] | undefined {
	if (license.permits === "all") return ["permits"];
	const naming = license.permits.filter(
		(permit) => permit.commands.has(command) && permit.on.some((pattern) => namesRelation(pattern, relation)),
	);
	const whole = naming.find((permit) => permit.columns === undefined);
	if (whole !== undefined) return [whole.term];
	if (naming.length === 0 || !limitedByColumns(command)) return undefined;
	// EXPLAIN and a share lock deliver nothing of a column; what they explain is judged by itself.
	if (command === "explain" || command === "shareLock" || command === "show") return naming.map(({ term }) => term);
	return coveringEach(naming, columns === "all" ? ancestry.columns?.(relation) : columns);
}

function coveringEach(naming: readonly PermitTerm[], columns: readonly string[] | undefined) {
	const first = naming[0];
	if (columns === undefined || first === undefined) return undefined;
	if (columns.length === 0) return [first.term];
	const terms = new Set<string>();
	for (const column of columns) {
		const permit = naming.find((candidate) => candidate.columns?.has(column));
		if (permit === undefined) return undefined;
		terms.add(permit.term);
	}
	return [...terms];
}

/** The columns that no permit covers, for the message; undefined when that is not the reason. */
export function uncovered(license: License, use: RelationUse, command: RelationCommand, ancestry: Ancestry) {
	const columns = use.columns === "all" ? ancestry.columns?.(use) : use.columns;
	if (columns === undefined || !limitedByColumns(command)) return undefined;
	const shut = columns.filter((column) => covering(license, use, command, [column], ancestry) === undefined);
	return shut.length > 0 && (shut.length < columns.length || covers(license, use, command)) ? shut : undefined;
}

/** Whether any permit is of some of it. */
function covers({ permits }: License, relation: RelationName, command: RelationCommand): boolean {
	if (permits === "all") return true;
	return permits.some(
		(permit) => permit.commands.has(command) && permit.on.some((pattern) => namesRelation(pattern, relation)),
	);
}

/** Permits that name a relation itself, without `*` in the relation part. */
export function namedExactly(license: License, relation: RelationName, command: RelationCommand): readonly string[] {
	if (license.permits === "all") return [];
	return license.permits
		.filter((permit) => permit.commands.has(command) && permit.on.some((pattern) => namesExactly(pattern, relation)))
		.map(({ term }) => term);
}

/** Permits that name a system catalog by schema and name: no `*` is taken to mean one. */
export function namedCatalog(license: License, relation: RelationName, command: RelationCommand): readonly string[] {
	if (license.permits === "all") return [];
	return license.permits
		.filter(
			(permit) =>
				permit.columns === undefined &&
				permit.commands.has(command) &&
				permit.on.some(({ schema, name }) => schema === relation.schema && name === relation.name && schema !== ""),
		)
		.map(({ term }) => term);
}

/**
 * Whether the license sets no limit at all to a command: it is permitted everywhere, and nothing is denied, masked or
 * kept secret. Needed by what cannot be seen through (DO, CREATE FUNCTION): the code inside could do anything.
 */
export function sweeping(license: License, command: RelationCommand): boolean {
	if (license.denies.length > 0 || license.masks.length > 0 || license.catalog !== "full") return false;
	if (license.permits === "all") return true;
	return license.permits.some(
		(permit) => permit.columns === undefined && permit.commands.has(command) && permit.on.some(namesAll),
	);
}

/** What a license must be like to be sweeping, for messages. */
export function sweepingWanted(command: RelationCommand): string {
	return `it takes a license that permits ${command} on *.*, denies and masks nothing, and has \`catalog: full\``;
}

interface Reached extends RelationName {
	readonly columns: Columns;
	readonly sort: RelationUse["sort"];
}

/**
 * Whether a deny reaches the use of a relation: one named on a parent reaches its children, and one named on a child
 * reaches who uses the parent, whose rows include the child's. A deny of some columns also reaches commands that act on
 * whole rows or on the table. `*` for the schema does not reach catalogs that are safe to read: it means data.
 */
export function denyReaches(deny: DenyTerm, use: Reached, command: RelationCommand, ancestry: Ancestry): boolean {
	if (!deny.commands.has(command)) return false;
	const { columns } = use;
	const denied = deny.columns;
	if (denied !== undefined && columns !== "all" && limitedByColumns(command)) {
		if (!columns.some((column) => denied.has(column))) return false;
	}
	const members = family(use, ancestry);
	return deny.on.some(
		(pattern) =>
			(pattern.schema !== undefined || (use.sort !== "catalog" && use.sort !== "guarded")) &&
			members.some((member) => namesRelation(pattern, member)),
	);
}
