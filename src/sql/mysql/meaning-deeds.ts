/** What statements mean that are the sum of what they do to things that they name. */
import type { Move } from "../facts.js";
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import type { RelationPath } from "../query.js";
import { emptyScope } from "../resolve.js";
import { relationItem } from "../resolve-sources.js";
import { type Item, itemColumn, type Scope } from "../scope.js";
import { NOTHING } from "../taint.js";
import { unresolved, unsupported } from "../unreadable.js";
import type { Deed, DeedsStatement, MysqlStatement } from "./ast.js";
import { dotted } from "./dialect.js";
import type { Draft, Statement } from "./statement.js";

type Target = Statement<MysqlStatement>;

export function deedsMeaning(s: Target, tree: DeedsStatement): Draft {
	if (tree.command !== undefined) s.command(tree.command);
	if (tree.writes) s.uses.writes = true;
	for (const deed of tree.deeds) run(s, tree, deed);
	const outputs = tree.answers?.map((name) => ({ name, sources: [], direct: false }));
	return {
		tag: tree.tag,
		changesCatalog: tree.changesCatalog,
		moves: tree.deeds.flatMap((deed) => (deed.kind === "moved" ? [moved(s, deed)] : [])),
		...(outputs === undefined ? {} : { outputs }),
		resolvesData: tree.deeds.some((deed) => deed.kind === "copies" || deed.kind === "reads"),
	};
}

function run(s: Target, tree: DeedsStatement, deed: Deed): void {
	switch (deed.kind) {
		case "relation":
			relation(s, deed);
			if (tree.tag === "CREATE TABLE" && deed.command === "select") takesDefinition(s, deed.path, tree.tag);
			return;
		case "created":
			if (deed.replaces === true && s.dialect.findRelation(deed.path) !== undefined) s.relation(deed.path, "drop");
			s.created(deed.path);
			return;
		case "named":
			named(s, deed.path, deed.command);
			return;
		case "database":
			database(s, deed);
			return;
		case "global":
			s.global(deed.name, deed.command);
			return;
		case "expression": {
			const scope = deed.over === undefined ? definitionScope() : definitionScope(s, deed.over);
			s.uses.value(s.value(deed.expression, scope), deed.use, tree.tag);
			return;
		}
		case "moved":
			// Told as a whole, in the draft.
			return;
		case "copies":
			s.copyInto(deed.query, tree.tag);
			return;
		case "reads":
			reads(s, deed.path, tree.tag);
			return;
		case "refused":
			throw unsupported(`${tree.tag}: ${deed.why}`);
		default:
			deed satisfies never;
			return;
	}
}

function relation(s: Target, { path, command, ifExists, columns }: Extract<Deed, { kind: "relation" }>): void {
	const found = s.dialect.findRelation(path);
	if (found === undefined) {
		if (ifExists !== true) throw unresolved(`table "${dotted(path)}" does not exist`, path.position);
		named(s, path, command);
	} else if (command === "show" || command === "select") {
		s.touch({ schema: found.relation.schema, name: found.relation.name }, command, columns, found.sort);
	} else s.relation(path, command, columns);
}

function moved(s: Target, { from, to }: Extract<Deed, { kind: "moved" }>): Move {
	const isView = s.dialect.findRelation(from)?.relation.kind === "view";
	return { kind: isView ? "view" : "relation", from: s.dialect.nameOf(from), to: s.dialect.nameOf(to) };
}

/** LIKE takes the bounds of partitions over, into a table that no mask may name. */
function takesDefinition(s: Target, path: RelationPath, where: string): void {
	const found = s.dialect.findRelation(path);
	for (const column of found?.relation.toldColumns ?? []) {
		const { schema = "", name = "" } = found?.relation ?? {};
		s.uses.column({ schema, name, column }, "copy", `${where} … LIKE`);
	}
}

/** Something that the snapshot may not hold, by its name. */
function named(s: Target, path: RelationPath, command: Extract<Deed, { kind: "named" }>["command"]): void {
	const name = s.dialect.nameOf(path);
	if (isMysqlSystemSchema(name.schema)) throw unsupported(`${name.schema} is the server's own`, path.position);
	s.touch(name, command);
}

/** Whatever is done to a database is done to all that is in it, and to what the snapshot does not show. */
function database(s: Target, { name, command }: Extract<Deed, { kind: "database" }>): void {
	const { schema } = s.dialect.nameOf(name === undefined ? { name: "*" } : { schema: name, name: "*" });
	if (isMysqlSystemSchema(schema)) throw unsupported(`database ${schema} is the server's own`);
	s.touch({ schema, name: "*" }, command);
	if (command === "create") return;
	for (const relation of s.dialect.index.catalog.relations) {
		if (relation.schema === schema) s.touch({ schema, name: relation.name }, command);
	}
}

/** Names of what is only now being defined carry nothing; those of a table that is there are its columns. */
function definitionScope(s?: Target, over?: RelationPath): Scope {
	const unknown: Item = { name: undefined, columns: [], open: NOTHING, nameVisible: false, columnsVisible: true };
	const items: Item[] = [unknown];
	const found = s === undefined || over === undefined ? undefined : s.dialect.findRelation(over);
	if (s !== undefined && found !== undefined) items.push(relationItem(s.resolver, found, undefined, "select", false));
	return { ...emptyScope(), items };
}

/** Every value of a relation goes into what is answered. */
function reads(s: Target, path: RelationPath, where: string): void {
	const found = s.dialect.relation(path);
	const item = relationItem(s.resolver, found, undefined, "select", true);
	for (const { name } of found.relation.columns) {
		// The answer has no column that a mask could be laid on.
		s.uses.value(itemColumn(item, name) ?? NOTHING, "copy", where);
	}
}
