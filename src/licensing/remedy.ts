/**
 * The smallest change of a license under which a denied statement would be allowed: everything that could stand in its
 * way is put right at first, and then each change that is not needed is taken back. What comes out was decided by the
 * same code that denies, so it is never a guess.
 */
import type { ColumnUse, RelationUse, StatementFacts } from "../sql/facts.js";
import { type Ancestry, NO_ANCESTRY } from "./ancestry.js";
import { type CommandWord, limitedByColumns, permittedCommands, type RelationCommand } from "./commands.js";
import type { Decision } from "./decision.js";
import type { License, MaskTerm, PermitTerm } from "./license.js";
import { formatRelation, parseRelationPattern } from "./patterns.js";

export type Change =
	/** A permit is added. `on` and `functions` are patterns as a license writes them. */
	| {
			readonly kind: "permit";
			readonly on: readonly string[];
			readonly commands: readonly CommandWord[];
			readonly columns?: readonly string[];
	  }
	| { readonly kind: "permitFunctions"; readonly functions: readonly string[] }
	/** A term is taken out. */
	| { readonly kind: "remove"; readonly term: string }
	/** A mask allows more uses of its columns. */
	| { readonly kind: "maskUse"; readonly term: string; readonly use: MaskTerm["use"] }
	| { readonly kind: "catalog"; readonly catalog: "full" }
	| { readonly kind: "permitAll" };

/** The pattern that names any relation. */
const EVERYTHING = "*.*";

/** Says what a license decides on a statement. */
export type Decide = (license: License, facts: StatementFacts, ancestry: Ancestry) => Decision;

/** Undefined: allowed as it is. Empty: no change of terms helps. */
export function remedy(
	license: License,
	facts: StatementFacts,
	decide: Decide,
	ancestry: Ancestry = NO_ANCESTRY,
): readonly Change[] | undefined {
	const allows = (changes: readonly Change[]) =>
		decide(opened(changes.reduce(changed, license)), facts, ancestry).effect === "allow";
	if (allows([])) return undefined;
	// A license that forbids nothing lets it pass, and the server refuses it: that is no remedy.
	if (facts.refusal?.kind === "syntax" || facts.refusal?.kind === "unresolved") return [];
	let changes = candidates(license, facts).find(allows);
	if (changes === undefined) return [];
	for (const change of [...changes]) {
		const without: readonly Change[] = changes.filter((other) => other !== change);
		if (allows(without)) changes = without;
	}
	return changes;
}

/** Sets of changes, the mildest first. */
function candidates(license: License, facts: StatementFacts): (readonly Change[])[] {
	const permits = [...relationPermits(license, facts), ...functionPermits(facts)];
	const denies = license.denies.map(({ term }): Change => ({ kind: "remove", term }));
	const uses = (use: MaskTerm["use"]) =>
		license.masks.map(({ term, use: now }): Change => ({ kind: "maskUse", term, use: wider(now, use) }));
	const limits: Change[] =
		license.limits.rowsPerStatement === undefined ? [] : [{ kind: "remove", term: "limits.rowsPerStatement" }];
	const mild = [...denies, ...limits, ...permits];
	const catalog: Change = { kind: "catalog", catalog: "full" };
	const masks = license.masks.map(({ term }): Change => ({ kind: "remove", term }));
	return [
		mild,
		[...uses("filter"), ...mild],
		[...uses("derive"), ...mild],
		[catalog, ...uses("derive"), ...mild],
		[...masks, ...mild],
		[catalog, ...masks, ...mild],
		[{ kind: "permitAll" }, catalog, ...masks, ...denies, ...limits],
	];
}

function wider(one: MaskTerm["use"], other: MaskTerm["use"]): MaskTerm["use"] {
	const order = ["project", "filter", "derive"] as const;
	return order.indexOf(one) >= order.indexOf(other) ? one : other;
}

/** Permits for all that the statement does; which of them are needed shows when they are taken back. */
function relationPermits(license: License, facts: StatementFacts): Change[] {
	const around = facts.commands.filter((command) => command === "explain" || command === "copyTo");
	const uses = facts.relations.flatMap((use) =>
		[...new Set<RelationCommand>([commandOf(use), ...around])].map((command): Change => {
			const columns = columnsFor(license, use, command, facts.columns);
			const on = [named(use)];
			return { kind: "permit", on, commands: [word(command)], ...(columns === undefined ? {} : { columns }) };
		}),
	);
	const alone = facts.commands.map((command): Change => ({ kind: "permit", on: [EVERYTHING], commands: [command] }));
	const all = new Map([...alone, ...uses].map((change) => [JSON.stringify(change), change]));
	return [...all.values()];
}

/** What has no schema (roles, settings, the server itself) is named by no narrower pattern. */
function named(use: RelationUse): string {
	return use.schema === "" || use.name === "" ? EVERYTHING : formatRelation(use);
}

/** A share lock has no word of its own: it belongs to reading. */
function word(command: RelationCommand): CommandWord {
	return command === "shareLock" ? "read" : command;
}

function commandOf(use: RelationUse): RelationCommand {
	if (use.sort === "created") return "create";
	return use.command === "lock" && use.shareLock === true ? "shareLock" : use.command;
}

/** By columns only where the license speaks of columns already; a catalog is opened whole or not at all. */
function columnsFor(
	license: License,
	use: RelationUse,
	command: RelationCommand,
	uses: readonly ColumnUse[],
): readonly string[] | undefined {
	if (use.sort !== "data" || use.columns === "all" || use.columns.length === 0 || !limitedByColumns(command))
		return undefined;
	const speaks =
		license.permits !== "all" && license.permits.some(({ columns, on }) => columns !== undefined && on.length > 0);
	return speaks && uses.length > 0 ? use.columns : undefined;
}

function functionPermits(facts: StatementFacts): Change[] {
	return facts.functions
		.filter(({ sort }) => sort !== "compute")
		.map((use): Change => ({ kind: "permitFunctions", functions: [formatRelation(use)] }));
}

// ---- a license with a change -------------------------------------------------------------------------------------

function changed(license: License, change: Change): License {
	switch (change.kind) {
		case "permit":
			return withPermit(license, {
				...NO_PERMIT,
				on: change.on.map(pattern),
				commands: permittedCommands(change.commands),
				columns: change.columns && new Set(change.columns),
			});
		case "permitFunctions":
			return withPermit(license, { ...NO_PERMIT, functions: change.functions.map(pattern) });
		case "remove":
			return {
				...license,
				denies: license.denies.filter(({ term }) => term !== change.term),
				masks: license.masks.filter(({ term }) => term !== change.term),
				limits:
					change.term === "limits.rowsPerStatement"
						? { ...license.limits, rowsPerStatement: undefined }
						: license.limits,
			};
		case "maskUse":
			return {
				...license,
				masks: license.masks.map((mask) => (mask.term === change.term ? { ...mask, use: change.use } : mask)),
			};
		case "catalog":
			return { ...license, catalog: change.catalog };
		case "permitAll":
			return { ...license, permits: "all" };
	}
}

/** Whether anything is forbidden depends on all changes together. */
function opened(license: License): License {
	const { permits, denies, masks, catalog } = license;
	const isOpen = permits === "all" && denies.length === 0 && masks.length === 0 && catalog === "full";
	return { ...license, unrestricted: isOpen };
}

const NO_PERMIT: PermitTerm = { term: "added", on: [], commands: new Set(), columns: undefined, functions: [] };

function withPermit(license: License, permit: PermitTerm): License {
	if (license.permits === "all") return license;
	return { ...license, permits: [...license.permits, permit] };
}

function pattern(text: string) {
	const parsed = parseRelationPattern(text);
	if (parsed instanceof Error) throw parsed;
	return parsed;
}
