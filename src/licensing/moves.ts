/**
 * Definitions that bring rows into the reach of a permit that was written for others: by a new name or schema, or as a
 * child or partition of a table that may be read. Who may change definitions everywhere and read here would else read
 * everywhere.
 */
import type { Move, RelationName, StatementFacts } from "../sql/facts.js";
import type { RelationCommand } from "./commands.js";
import { covering, namedExactly } from "./coverage.js";
import { type Finding, forbidden } from "./finding.js";
import type { License, PermitTerm } from "./license.js";
import { formatRelation, namesExactly, namesRelation, type RelationPattern } from "./patterns.js";

/** What can be done with rows, and with the relation that holds them. */
const DEEDS: readonly RelationCommand[] = [
	"select",
	"copyTo",
	"insert",
	"update",
	"delete",
	"merge",
	"copyFrom",
	"truncate",
	"drop",
	"grant",
];

export function movedIntoReach(license: License, { moves = [] }: StatementFacts): Finding[] {
	const { permits } = license;
	if (permits === "all") return [];
	return moves.flatMap((move) => {
		const permit = permits.find((candidate) =>
			move.kind === "schema" ? opensSchema(candidate, move) : opens(license, candidate, move),
		);
		if (permit === undefined) return [];
		const what = move.kind === "schema" ? `schema ${move.from.schema}` : formatRelation(move.from);
		return [forbidden(permit.term, `alter on ${what} is denied: it would come into reach of ${permit.term}`)];
	});
}

const deedsOf = ({ commands }: PermitTerm): readonly RelationCommand[] =>
	DEEDS.filter((command) => commands.has(command));

/** Columns of a permit are named too: under another name a column may be one of them. */
function opens(license: License, permit: PermitTerm, { kind, from, to }: Move): boolean {
	if (!permit.on.some((pattern) => namesRelation(pattern, to))) return false;
	// Beneath a view that a permit names itself everything is open.
	const isOpened = kind === "view" && permit.on.some((pattern) => namesExactly(pattern, to));
	return deedsOf(permit).some(
		(command) =>
			covering(license, from, command, "all", UNKNOWN_COLUMNS) === undefined ||
			(isOpened && namedExactly(license, from, command).length === 0),
	);
}

const UNKNOWN_COLUMNS = { parents: (): readonly RelationName[] => [] };

/** A permit that names the new schema has to name the old one in the same way. */
function opensSchema(permit: PermitTerm, { from, to }: Move): boolean {
	const alike = (one: RelationPattern, other: RelationPattern) =>
		other.name === one.name && (other.schema === undefined || other.schema === from.schema);
	const naming = permit.on.filter(({ schema }) => schema === to.schema);
	return deedsOf(permit).length > 0 && naming.some((pattern) => !permit.on.some((other) => alike(pattern, other)));
}
