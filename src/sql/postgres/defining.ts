/** What statements that define, change and drop objects have in common. */
import type { Command } from "../facts.js";
import type { RelationPath } from "../query.js";
import { definitionUses } from "./definitions.js";
import { relationPath } from "./names.js";
import { relationUse } from "./objects.js";
import type { Draft, Statement } from "./statement.js";
import { type Body, bodyOf, list, nodeOf, text } from "./tree.js";

export type Handler = (s: Statement, body: Body) => Draft;

/** A statement that changes definitions under one command. `told`: what else is known of it. */
export function defines(
	tag: string,
	command: Command,
	run: (s: Statement, body: Body) => void,
	told: (s: Statement, body: Body) => Partial<Draft> = () => ({}),
): Handler {
	return (s, body) => {
		s.command(command);
		s.uses.writes = true;
		s.uses.literalSensitive = true;
		run(s, body);
		cascades(s, body, command);
		return { tag, changesCatalog: true, ...told(s, body) };
	};
}

/** CASCADE reaches objects that are not named: only a permit for everything covers it. */
export function cascades(s: Statement, body: Body, command: Command): void {
	const parts = [body, ...list(body.cmds).map((item) => nodeOf(item).body)];
	if (parts.some((part) => part.behavior === "DROP_CASCADE")) s.global("*", command);
}

export function own(body: Body): Body {
	return bodyOf(body.relation, "relation");
}

/** A foreign key asks something of the table that it points to. */
export function referencedTables(s: Statement, part: Body): void {
	for (const constraint of [part, ...list(part.constraints).map((item) => nodeOf(item).body)]) {
		if (constraint.pktable === undefined) continue;
		relationUse(s, "alter", relationPath(bodyOf(constraint.pktable, "referenced table")), true);
	}
}

export const UNIQUE = "a unique index, which tells whether a value is there twice";

/** Columns by name; expressions among them are found by `definitionUses`. */
export function indexedColumns(elements: unknown): string[] {
	return list(elements).flatMap((item) => text(nodeOf(item).body.name) ?? []);
}

/** The server tries something on the values that are there, and tells by its outcome what they are like. */
export function triedOn(s: Statement, path: RelationPath, columns: readonly string[], where: string): void {
	for (const name of columns) {
		const column = { ColumnRef: { fields: [{ String: { sval: name } }] } };
		definitionUses(s, [column], path, "probe", where);
	}
}
