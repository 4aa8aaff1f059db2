/**
 * Permits and denies of relations and commands. Every relation that a statement uses must be permitted the command that
 * uses it, and every command without a relation must be permitted by itself.
 */
import type { ColumnUse, Command, RelationName, RelationUse, StatementFacts } from "../sql/facts.js";
import { type Ancestry, family } from "./ancestry.js";
import { masksOnRelation } from "./columns.js";
import { GROUPS, type RelationCommand } from "./commands.js";
import { covering, denyReaches, namedCatalog, namedExactly, sweeping, sweepingWanted, uncovered } from "./coverage.js";
import { type Finding, forbidden, missing, unproven } from "./finding.js";
import type { License } from "./license.js";
import { movedIntoReach } from "./moves.js";
import { formatRelation, namesAll, namesRelation, type RelationPattern } from "./patterns.js";

/** Terms that permitted something, with what it was: the reasons of an allowed statement. */
export type Grounds = Map<string, string>;

const READING: ReadonlySet<RelationCommand> = new Set(["select", "copyTo", "explain", "show", "shareLock"]);

export function isReading(use: RelationUse): boolean {
	return READING.has(ownCommand(use));
}

function ownCommand(use: RelationUse): RelationCommand {
	return use.command === "lock" && use.shareLock === true ? "shareLock" : use.command;
}

/** The use's own command, and those around it that need rights on the same relation: EXPLAIN, COPY (query) TO. */
function commandsOf(use: RelationUse, facts: StatementFacts): readonly RelationCommand[] {
	const commands = new Set<RelationCommand>([ownCommand(use)]);
	if (facts.commands.includes("explain")) commands.add("explain");
	if (facts.commands.includes("copyTo") && use.command === "select") commands.add("copyTo");
	return [...commands];
}

/** No value of the column is read for it. */
export function isWritten(kind: ColumnUse["kind"]): boolean {
	return kind === "assign" || kind === "probe" || kind === "tell";
}

export function deniedRelations(license: License, facts: StatementFacts, ancestry: Ancestry): Finding[] {
	const findings: Finding[] = [];
	for (const deny of license.denies) {
		const because = deny.reason === undefined ? "" : `: ${deny.reason}`;
		for (const use of facts.relations) {
			const command = commandsOf(use, facts).find((candidate) => denyReaches(deny, use, candidate, ancestry));
			if (command === undefined) continue;
			findings.push(forbidden(deny.term, `${spoken(command)} on ${formatRelation(use)} is denied${because}`));
		}
		// Columns are looked at by themselves too, so that no way of reading one depends on the list of relations alone.
		for (const use of facts.columns) {
			const reached = { ...use, columns: [use.column], sort: sortOf(use, facts) };
			if (isWritten(use.kind) || !denyReaches(deny, reached, "select", ancestry)) continue;
			findings.push(forbidden(deny.term, `select on ${formatRelation(use)} is denied${because}`));
		}
		for (const command of commandsAlone(facts)) {
			if (!deny.commands.has(command) || !deny.on.some(namesAll)) continue;
			findings.push(forbidden(deny.term, `${spoken(command)} is denied${because}`));
		}
	}
	return findings;
}

function sortOf(relation: RelationName, facts: StatementFacts): RelationUse["sort"] {
	const use = facts.relations.find(({ schema, name }) => schema === relation.schema && name === relation.name);
	return use?.sort ?? "data";
}

export function unpermittedRelations(
	license: License,
	facts: StatementFacts,
	ancestry: Ancestry,
	grounds: Grounds,
): Finding[] {
	const findings: Finding[] = [];
	for (const use of facts.relations) {
		for (const command of commandsOf(use, facts)) {
			const finding = unpermitted(license, use, command, ancestry, grounds);
			if (finding !== undefined) findings.push(finding);
		}
	}
	for (const command of commandsAlone(facts)) {
		const terms = permittingAlone(license, command);
		if (terms.length === 0) findings.push(missing(spoken(command)));
		else if (command === "execute" && !sweeping(license, command)) {
			// Anonymous code can do whatever code can.
			findings.push(
				unproven(undefined, `${facts.tag} runs code that cannot be seen through; ${sweepingWanted(command)}`),
			);
		} else for (const term of terms) grounds.set(term, `${spoken(command)} is permitted`);
	}
	return findings;
}

function unpermitted(
	license: License,
	use: RelationUse,
	command: RelationCommand,
	ancestry: Ancestry,
	grounds: Grounds,
): Finding | undefined {
	// EXPLAIN needs its own permit on what the statement names; what a view reaches is the view's affair.
	if (command === "explain" && (use.sort !== "data" || use.through.length > 0)) return undefined;
	const wanted = `${spoken(command)} on ${formatRelation(use)}`;
	const terms = permitting(license, use, command, ancestry);
	if (terms !== undefined) {
		for (const term of terms) if (!grounds.has(term)) grounds.set(term, `${wanted} is permitted`);
		return undefined;
	}
	const columns = use.sort === "data" ? uncovered(license, use, command, ancestry) : undefined;
	if (columns === undefined) return missing(wanted);
	return missing(
		`${spoken(command)} on ${columns.length === 1 ? "column" : "columns"} ${listed(columns)} of ${formatRelation(use)}`,
		"columnNotPermitted",
	);
}

/** Terms that permit the use; undefined: none does. An empty list: it needs no permit. */
function permitting(
	license: License,
	use: RelationUse,
	command: RelationCommand,
	ancestry: Ancestry,
): readonly string[] | undefined {
	// A view that a permit names itself is readable with all that is beneath it: the author had its definition in mind.
	const views = use.through.flatMap((view) => namedExactly(license, view, command));
	if (views.length > 0) return views;
	switch (use.sort) {
		case "catalog":
		case "guarded":
		case "sensitive": {
			const free = use.sort !== "sensitive" || license.catalog === "full";
			if (free && READING.has(command)) return [];
			const named = namedCatalog(license, use, command);
			return named.length > 0 ? named : undefined;
		}
		case "created":
			return covering(license, use, "create", "all", ancestry);
		case "data":
			return covering(license, use, command, use.columns, ancestry);
		default:
			return use.sort satisfies never;
	}
}

/** Commands that no relation use stands for, but those that are always allowed without one. */
function commandsAlone(facts: StatementFacts): readonly Command[] {
	const judged = new Set<Command>(["select", "explain", "show", "copyTo"]);
	for (const use of facts.relations) judged.add(use.sort === "created" ? "create" : use.command);
	// PREPARE and DECLARE repeat the commands of the statement inside, which is judged by itself.
	const { effect } = facts;
	if (effect?.kind === "prepare" || effect?.kind === "declare") {
		for (const command of effect.statement.commands) judged.add(command);
	}
	if (facts.functions.some(({ form }) => form === "procedure")) judged.add("call");
	return facts.commands.filter((command) => !judged.has(command));
}

/** Terms that permit a command without a relation. One that concerns all of a database must be permitted on all of it. */
function permittingAlone(license: License, command: Command): readonly string[] {
	if (license.permits === "all") return ["permits"];
	const everywhere = command !== "set" && command !== "listen" && command !== "notify";
	return license.permits
		.filter((permit) => permit.commands.has(command) && (!everywhere || permit.on.some(namesAll)))
		.map(({ term }) => term);
}

/** Statements that define code. */
const DEFINES_CODE =
	/^(CREATE|ALTER)( OR REPLACE)?( CONSTRAINT)? (FUNCTION|PROCEDURE|ROUTINE|TRIGGER|EVENT|LIBRARY|RULE|EXTENSION|LANGUAGE|OPERATOR|CAST|CONVERSION|AGGREGATE|TRANSFORM|ACCESS METHOD)\b/;
/**
 * Statements by which rows come from elsewhere: from files and programs of the server, or from a server that this one
 * calls, which may be itself. What they hold is not known, nor whose it is. Settings of the whole server are commands, too.
 */
const REACHES_ELSEWHERE =
	/^(CREATE|ALTER|IMPORT) (FOREIGN TABLE|FOREIGN DATA WRAPPER|FOREIGN SCHEMA|SERVER|USER MAPPING|SUBSCRIPTION|SYSTEM)\b/;
/** Statements that open a way to the data past this license. */
const OPENS_A_WAY = /^(CREATE|ALTER) (ROLE|PUBLICATION)\b/;
/** Statements that move whole schemas, and with them tables out of reach of terms that name them. */
const MOVES_SCHEMAS = /^ALTER (SCHEMA|DATABASE|EXTENSION)\b/;

/**
 * Definitions that would undo the license: code runs with rights that no permit was judged for, and a table, column or
 * schema that is renamed is no longer named by the mask or deny that was written for it.
 */
export function evasions(license: License, facts: StatementFacts, ancestry: Ancestry): Finding[] {
	const findings: Finding[] = [];
	if (DEFINES_CODE.test(facts.tag)) {
		const command = facts.tag.startsWith("ALTER") ? "alter" : "create";
		if (!sweeping(license, command)) {
			const message = `${facts.tag} defines code that cannot be seen through; ${sweepingWanted(command)}`;
			findings.push(unproven(undefined, message));
		}
	}
	if (REACHES_ELSEWHERE.test(facts.tag) && !sweeping(license, "create")) {
		const message = `${facts.tag} reaches data that cannot be told from what is denied or masked; ${sweepingWanted("create")}`;
		findings.push(unproven(undefined, message));
	}
	if (OPENS_A_WAY.test(facts.tag)) findings.push(...ways(license, facts));
	findings.push(...movedIntoReach(license, facts));
	const twoPhases = aboutPrepared(facts);
	if (twoPhases !== undefined && !permitsWriting(license)) {
		findings.push(unproven(undefined, `${facts.tag} ${twoPhases}; permit a command that writes`));
	}
	for (const use of facts.relations) {
		if (use.command !== "alter") continue;
		const term = escapable(license, use, facts.tag, ancestry);
		if (term === undefined) continue;
		findings.push(
			forbidden(term, `alter on ${formatRelation(use)} is denied: it could take it out of reach of ${term}`),
		);
	}
	return findings;
}

const WRITES: readonly RelationCommand[] = [...GROUPS.write, ...GROUPS.ddl];

function permitsWriting({ permits }: License): boolean {
	return permits === "all" || permits.some(({ commands }) => WRITES.some((command) => commands.has(command)));
}

/** Why two-phase transactions are not for those who only read: they are anybody's, and hold their locks beyond all sessions. */
function aboutPrepared({ effect }: StatementFacts): string | undefined {
	if (effect?.kind !== "transaction") return undefined;
	if (effect.op === "prepareTransaction") return "leaves a transaction behind that holds its locks after the session";
	const isEnd = effect.op === "commitPrepared" || effect.op === "rollbackPrepared";
	return isEnd ? "ends a transaction that may be another session's" : undefined;
}

/** Who logs in at the server itself, or is sent its changes, passes no license. */
function ways(license: License, { tag }: StatementFacts): Finding[] {
	const guarding = license.denies[0] ?? license.masks[0];
	if (guarding !== undefined) {
		return [forbidden(guarding.term, `${tag} is denied: it opens a way to the data past ${guarding.term}`)];
	}
	const { permits } = license;
	const readsAll =
		permits === "all" ||
		permits.some(({ on, commands, columns }) => columns === undefined && commands.has("select") && on.some(namesAll));
	if (readsAll) return [];
	const message = `${tag} opens a way to data that the license does not permit; it takes one that permits select on *.*`;
	return [unproven(undefined, message)];
}

/** A term from whose reach altering the relation could take something. */
function escapable(license: License, use: RelationUse, tag: string, ancestry: Ancestry): string | undefined {
	const { denies, masks } = license;
	// CASCADE, and whatever else reaches many: a column of a typed table may get another name, of whatever schema it is.
	if (use.schema === "" && use.name === "*") return [...denies, ...masks][0]?.term;
	if (use.schema === "" || use.name === "" || MOVES_SCHEMAS.test(tag)) {
		const named = (patterns: readonly RelationPattern[]) => patterns.some(({ schema }) => schema !== undefined);
		return [...denies.filter(({ on }) => named(on)), ...masks.filter(({ columns }) => named(columns))][0]?.term;
	}
	const mask = masksOnRelation(license, use, ancestry).find(
		({ pattern }) => !namesAll(pattern) || pattern.column !== undefined,
	);
	if (mask !== undefined) return mask.term;
	const members = family(use, ancestry);
	return denies.find(({ on, columns }) =>
		on.some(
			(pattern) =>
				(!namesAll(pattern) || columns !== undefined) && members.some((member) => namesRelation(pattern, member)),
		),
	)?.term;
}

function spoken(command: RelationCommand): string {
	return command === "shareLock" ? "lock in access share mode" : command;
}

/** Enough columns to understand it, however wide the table. */
function listed(columns: readonly string[]): string {
	return columns.length <= 5 ? columns.join(", ") : `${columns.slice(0, 5).join(", ")} and ${columns.length - 5} more`;
}
