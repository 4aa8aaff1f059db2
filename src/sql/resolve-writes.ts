/**
 * INSERT, UPDATE, DELETE and MERGE: what they write, what they read on the way, and what RETURNING delivers.
 *
 * As in the server's own privilege check, the target is written under the statement's command and read (under select)
 * only where a column of it is read. What flows into a written column is a `copy`.
 */
import type { CatalogRelation } from "./catalog.js";
import { constraintUses, counterUses, replacementUses } from "./constraints.js";
import type { FoundRelation } from "./dialect.js";
import type { Command } from "./facts.js";
import type {
	Alias,
	AssignedColumn,
	Assignment,
	Delete,
	Expression,
	Insert,
	JoinedDelete,
	JoinedUpdate,
	Merge,
	MergeClause,
	Query,
	Returning,
	Source,
	Target,
	Update,
} from "./query.js";
import { compute, condition, consume } from "./resolve-expressions.js";
import { expandList, selectList } from "./resolve-select.js";
import { isExpanded, partitionUses, relationItem, resolveSource, resolveSources } from "./resolve-sources.js";
import { registerCommonTables } from "./resolve-with.js";
import type { Resolver } from "./resolver.js";
import { commonTable, type Item, type ResolvedColumns, readColumn, type Scope, withItems } from "./scope.js";
import { NOTHING, type Value } from "./taint.js";
import { unresolved, unsupported } from "./unreadable.js";
import { viewLineage } from "./views.js";

interface Written {
	readonly found: FoundRelation;
	readonly relation: CatalogRelation;
	/** The target as a source of values. */
	readonly item: Item;
}

export function resolveWrite(r: Resolver, query: Query, scope: Scope): ResolvedColumns | undefined {
	const { body } = query;
	r.uses.writes = true;
	switch (body.kind) {
		case "insert":
			return insert(r, body, scope);
		case "update":
			return update(r, body, scope);
		case "delete":
			return remove(r, body, scope);
		case "merge":
			return merge(r, body, scope);
		case "joinedUpdate":
			return joinedUpdate(r, body, scope);
		case "joinedDelete":
			return joinedDelete(r, body, scope);
		default:
			throw unsupported(`${body.kind} is not a write`);
	}
}

// ---- targets and assignments --------------------------------------------------------------------------------------

function openTarget(r: Resolver, target: Target, command: Command): Written {
	const found = r.dialect.relation(target.relation);
	const { relation, sort } = found;
	if (sort !== "data") throw unsupported(`a system catalog is written: ${relation.name}`, target.relation.position);
	if (!["table", "partitioned", "foreign", "view"].includes(relation.kind)) {
		throw unsupported(`${relation.kind} ${relation.name} cannot be written`, target.relation.position);
	}
	const alias = target.alias === undefined ? undefined : { name: target.alias, columns: [] };
	const item = relationItem(r, found, alias, "select", false);
	r.uses.commands.add(command);
	partitionUses(r, found, target.relation);
	writes(r, found, command, []);
	return { found, relation, item };
}

/** Puts a write on record; through a view it reaches what the view's columns are made of. */
function writes(r: Resolver, found: FoundRelation, command: Command, columns: readonly string[]): void {
	const { relation, sort } = found;
	const access = { relation, command, sort };
	r.uses.relation(access);
	for (const column of columns) {
		r.uses.touch(access, column);
		r.uses.column({ schema: relation.schema, name: relation.name, column }, "assign", command.toUpperCase());
	}
	if (!isExpanded(found)) return;
	const lineage = viewLineage(r, relation);
	const through = [{ schema: relation.schema, name: relation.name }];
	r.uses.merge(lineage.uses, through);
	for (const beneath of lineage.uses.relations()) {
		r.uses.relation({ ...beneath, relation: beneath, command, through: [...through, ...beneath.through] });
	}
	for (const column of columns) {
		const index = relation.columns.findIndex((candidate) => candidate.name === column);
		for (const { column: base } of lineage.columns[index]?.value.flows.values() ?? []) {
			r.uses.touch({ relation: base, command, sort: "data", through }, base.column);
			r.uses.column(base, "assign", command.toUpperCase());
		}
	}
}

/** What the constraints tell of a write; `columns` undefined: rows are deleted. */
function tells(r: Resolver, found: FoundRelation, command: Command, columns: readonly string[] | undefined): void {
	for (const [base, written] of basesOf(r, found, columns ?? [])) {
		constraintUses(r, base, command, columns && written);
		if (command === "insert") counterUses(r, base);
	}
}

function checkColumn(r: Resolver, relation: CatalogRelation, column: AssignedColumn): string {
	if (r.dialect.index.column(relation, column.column) === undefined) {
		throw unresolved(`column "${column.column}" of "${relation.name}" does not exist`, column.position);
	}
	return column.column;
}

function copied(r: Resolver, value: Value, where: string): void {
	r.uses.value(value, "copy", where);
}

function assign(r: Resolver, written: Written, command: Command, list: readonly Assignment[], scope: Scope): void {
	for (const item of list) {
		writes(r, written.found, command, [checkColumn(r, written.relation, item)]);
		copied(r, r.value(item.value, scope), "SET");
		if (mayBeDefault(item.value)) defaulted(r, written.found, item.column);
		indexes(r, item, scope);
	}
	tells(
		r,
		written.found,
		command,
		list.map((item) => item.column),
	);
}

/** A parameter may be given as DEFAULT when it runs (MariaDB). */
function mayBeDefault({ kind }: Expression): boolean {
	return kind === "default" || kind === "parameter";
}

/** What a column's default is computed from is read in the row that is there, and kept in another column. */
function defaulted(r: Resolver, found: FoundRelation, column: string): void {
	for (const [relation, names] of basesOf(r, found, [column])) {
		const { schema, name } = relation;
		for (const { name: own, defaultFrom = [] } of relation.columns) {
			if (!names.includes(own)) continue;
			for (const source of defaultFrom) {
				r.uses.touch({ relation, command: "select", sort: "data" }, source);
				r.uses.column({ schema, name, column: source }, "copy", "DEFAULT");
			}
		}
	}
}

/** The tables that a write reaches, with those of their columns that these are: the target, or what is beneath a view. */
function basesOf(
	r: Resolver,
	found: FoundRelation,
	columns: readonly string[],
): ReadonlyMap<CatalogRelation, readonly string[]> {
	const { relation } = found;
	if (!isExpanded(found)) return new Map([[relation, columns]]);
	const { index } = r.dialect;
	const lineage = viewLineage(r, relation);
	const bases = new Map<CatalogRelation, string[]>();
	for (const { schema, name } of lineage.uses.relations()) {
		const base = index.relation(schema, name);
		if (base !== undefined) bases.set(base, []);
	}
	for (const column of columns) {
		const at = relation.columns.findIndex((candidate) => candidate.name === column);
		for (const { column: own } of lineage.columns[at]?.value.flows.values() ?? []) {
			const base = index.relation(own.schema, own.name);
			if (base !== undefined) bases.get(base)?.push(own.column);
		}
	}
	return bases;
}

function indexes(r: Resolver, column: AssignedColumn, scope: Scope): void {
	compute(
		r,
		column.indexes.map((index) => r.value(index, scope)),
		"subscript",
	);
}

function scopeOf(scope: Scope, items: readonly Item[]): Scope {
	return { ...withItems(scope, items), parent: scope.parent };
}

// ---- statements ---------------------------------------------------------------------------------------------------

function insert(r: Resolver, body: Insert, scope: Scope): ResolvedColumns | undefined {
	const written = openTarget(r, body.target, "insert");
	const seesTarget = r.dialect.insertSeesTarget && body.source?.body.kind === "values";
	const sourceScope = seesTarget ? scopeOf(scope, [written.item]) : scope;
	const source = body.source === undefined ? undefined : r.query(body.source, sourceScope);
	const columns = insertColumns(r, written, body.columns, widthOf(source));
	writes(r, written.found, "insert", columns);
	tells(r, written.found, "insert", columns);
	if (body.replaces === true) {
		r.uses.commands.add("delete");
		writes(r, written.found, "delete", []);
		tells(r, written.found, "delete", undefined);
		for (const base of basesOf(r, written.found, []).keys()) replacementUses(r, base);
	}
	for (const column of body.columns ?? []) indexes(r, column, scopeOf(scope, []));
	const given = source?.columns.map(readColumn) ?? [];
	for (const value of given) copied(r, value, "INSERT");
	if (source?.open !== undefined) copied(r, source.open, "INSERT");
	if (body.conflict !== undefined) conflict(r, written, body.conflict, columns, given, scope, body.source);
	return returning(r, body.returning, written, [written.item], scope);
}

/** A source whose columns are not all known may fill any. */
function widthOf(source: ResolvedColumns | undefined): number | undefined {
	return source?.open === undefined ? source?.columns.length : Number.POSITIVE_INFINITY;
}

function insertColumns(
	r: Resolver,
	written: Written,
	listed: readonly AssignedColumn[] | undefined,
	width: number | undefined,
): string[] {
	if (listed !== undefined) return listed.map((column) => checkColumn(r, written.relation, column));
	return written.relation.columns
		.filter((column) => column.hidden !== true)
		.slice(0, width ?? 0)
		.map((column) => column.name);
}

function conflict(
	r: Resolver,
	written: Written,
	clause: NonNullable<Insert["conflict"]>,
	columns: readonly string[],
	given: readonly Value[],
	scope: Scope,
	source: Query | undefined,
): void {
	const own = scopeOf(scope, [written.item]);
	for (const expression of clause.arbiter) consume(r, r.value(expression, own), "filter", "ON CONFLICT");
	// The row that was to be inserted: it is made of what was given for it.
	const inserted: Item = {
		name: r.dialect.insertedName,
		nameVisible: true,
		columnsVisible: true,
		columns: written.relation.columns.map((column) => ({
			name: column.name,
			value: given[columns.indexOf(column.name)] ?? NOTHING,
			// The server asks for the right to read the column, since triggers and defaults may have made the value.
			...(r.dialect.readsInserted
				? { read: () => r.uses.touch({ relation: written.relation, command: "select", sort: "data" }, column.name) }
				: {}),
		})),
	};
	const items: Item[] = [written.item, { ...inserted, columnsVisible: false }];
	if (clause.excluded !== undefined) {
		// Its own names for the columns can stand alone; those of the table mean the table's.
		const columnsVisible = clause.excluded.columns.length > 0;
		items.push({ ...insertedAs(inserted, clause.excluded, columns), columnsVisible });
	}
	if (clause.sees !== undefined) {
		// As the query itself saw them: with its own common tables, which may have the names of others.
		const seeing: Scope = { parent: scope, items: [], commonTables: new Map() };
		if (source?.with !== undefined) registerCommonTables(r, source.with, seeing);
		items.push(...resolveSources(r, clause.sees, seeing));
	}
	const both = scopeOf(scope, items);
	if (clause.assignments.length > 0) r.uses.commands.add("update");
	assign(r, written, "update", clause.assignments, both);
	if (clause.where !== undefined) condition(r, clause.where, both, "WHERE");
}

/** The inserted row under an alias of its own, whose column names stand for the inserted columns in order. */
function insertedAs(inserted: Item, alias: Alias, columns: readonly string[]): Item {
	if (alias.columns.length === 0) return { ...inserted, name: alias.name };
	const renamed = alias.columns.map((name, index) => {
		const column = inserted.columns.find((candidate) => candidate.name === columns[index]);
		if (column === undefined) throw unresolved(`column "${name}" of ${alias.name} stands for no inserted column`);
		return { ...column, name };
	});
	return { ...inserted, name: alias.name, columns: renamed };
}

function update(r: Resolver, body: Update, scope: Scope): ResolvedColumns | undefined {
	const written = openTarget(r, body.target, "update");
	const items = [written.item, ...resolveSources(r, body.from, scope)];
	const inner = scopeOf(scope, items);
	assign(r, written, "update", body.assignments, inner);
	if (body.where !== undefined) condition(r, body.where, inner, "WHERE");
	return returning(r, body.returning, written, items, scope);
}

function remove(r: Resolver, body: Delete, scope: Scope): ResolvedColumns | undefined {
	const written = openTarget(r, body.target, "delete");
	tells(r, written.found, "delete", undefined);
	const items = [written.item, ...resolveSources(r, body.using, scope)];
	if (body.where !== undefined) condition(r, body.where, scopeOf(scope, items), "WHERE");
	return returning(r, body.returning, written, items, scope);
}

// ---- writes of joins ----------------------------------------------------------------------------------------------

/** Relations of FROM by what they are called there: those that a joined write can be about. */
function namedRelations(r: Resolver, sources: readonly Source[], scope: Scope, into = new Map<string, Target>()) {
	for (const source of sources) {
		if (source.kind === "join") namedRelations(r, [source.left, source.right], scope, into);
		if (source.kind !== "relation") continue;
		const { relation, alias } = source;
		if (relation.schema === undefined && commonTable(scope, r.dialect.foldCommonTable(relation.name)) !== undefined) {
			continue;
		}
		const target = { relation, ...(alias === undefined ? {} : { alias: alias.name }) };
		const name = alias?.name ?? relation.name;
		// Of two databases: which of them a name means depends on more than is looked at here.
		if (into.has(name)) throw unsupported(`two tables are called "${name}"`, relation.position);
		into.set(name, target);
	}
	return into;
}

function joinedUpdate(r: Resolver, body: JoinedUpdate, scope: Scope): undefined {
	const items = resolveSources(r, body.from, scope);
	const inner = scopeOf(scope, items);
	const targets = namedRelations(r, body.from, scope);
	const assigned = new Map<string, Assignment[]>();
	for (const { column, value } of body.assignments) {
		const name = column.parts.at(-1) ?? "";
		const owner = column.parts.length > 1 ? column.parts.at(-2) : ownerOf(targets, r, name, column.position);
		if (owner === undefined || !targets.has(owner)) {
			throw unresolved(`column "${column.parts.join(".")}" is of no table that can be updated`, column.position);
		}
		const list = assigned.get(owner) ?? [];
		assigned.set(owner, list);
		list.push({
			column: name,
			indexes: [],
			value,
			...(column.position === undefined ? {} : { position: column.position }),
		});
	}
	for (const [owner, list] of assigned)
		assign(r, openTarget(r, targets.get(owner) as Target, "update"), "update", list, inner);
	if (body.where !== undefined) condition(r, body.where, inner, "WHERE");
	return undefined;
}

/** The one table that has a column of that name. */
function ownerOf(targets: ReadonlyMap<string, Target>, r: Resolver, column: string, position?: number) {
	const owners = [...targets].filter(([, { relation }]) =>
		r.dialect.relation(relation).relation.columns.some(({ name }) => name === column),
	);
	if (owners.length > 1) throw unresolved(`column reference "${column}" is ambiguous`, position);
	return owners[0]?.[0];
}

function joinedDelete(r: Resolver, body: JoinedDelete, scope: Scope): undefined {
	const items = resolveSources(r, body.from, scope);
	const targets = namedRelations(r, body.from, scope);
	for (const path of body.targets) {
		const target = targets.get(path.name);
		if (target === undefined)
			throw unresolved(`table "${path.name}" of DELETE is not among its sources`, path.position);
		const written = openTarget(r, target, "delete");
		tells(r, written.found, "delete", undefined);
	}
	if (body.where !== undefined) condition(r, body.where, scopeOf(scope, items), "WHERE");
	return undefined;
}

function merge(r: Resolver, body: Merge, scope: Scope): ResolvedColumns | undefined {
	const written = openTarget(r, body.target, "merge");
	const sources = resolveSource(r, body.source, scope, []);
	const scopes = {
		both: scopeOf(scope, [written.item, ...sources]),
		source: scopeOf(scope, sources),
		target: scopeOf(scope, [written.item]),
	};
	condition(r, body.on, scopes.both, "JOIN ON");
	for (const clause of body.clauses) mergeClause(r, written, clause, scopes[clause.sees]);
	return returning(r, body.returning, written, [...sources, written.item], scope);
}

function mergeClause(r: Resolver, written: Written, clause: MergeClause, scope: Scope): void {
	if (clause.condition !== undefined) condition(r, clause.condition, scope, "WHEN");
	if (clause.command === "nothing") return;
	r.uses.commands.add(clause.command);
	writes(r, written.found, clause.command, []);
	if (clause.command === "delete") tells(r, written.found, "delete", undefined);
	if (clause.command === "update") assign(r, written, "update", clause.assignments, scope);
	if (clause.command !== "insert") return;
	const values = expandList(r, clause.values ?? [], scope);
	const columns = insertColumns(r, written, clause.columns, values.length);
	writes(r, written.found, "insert", columns);
	tells(r, written.found, "insert", columns);
	for (const column of clause.columns ?? []) indexes(r, column, scope);
	for (const value of values) copied(r, value, "INSERT");
}

function returning(
	r: Resolver,
	clause: Returning | undefined,
	written: Written,
	items: readonly Item[],
	scope: Scope,
): ResolvedColumns | undefined {
	if (clause === undefined) return undefined;
	const visible = [...items];
	if (r.dialect.returnsOldAndNew) {
		for (const name of [clause.old, clause.new]) {
			if (items.some((item) => item.name === name)) continue;
			visible.push({
				...relationItem(r, written.found, { name, columns: [] }, "select", false),
				columnsVisible: false,
			});
		}
	}
	return selectList(r, clause.items, scopeOf(scope, visible));
}
