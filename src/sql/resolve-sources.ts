/**
 * FROM: sources to scope items. Each source sees the outer query; functions and LATERAL subqueries also see the sources
 * to their left, and nothing else does.
 */
import type { CatalogRelation } from "./catalog.js";
import type { FoundRelation } from "./dialect.js";
import type { Command, RelationName } from "./facts.js";
import type { Alias, FunctionItem, JoinSource, RelationPath, Source } from "./query.js";
import { compute, condition, useOperator, useType } from "./resolve-expressions.js";
import type { Resolver } from "./resolver.js";
import { readAgain } from "./rows.js";
import {
	commonTable,
	type Item,
	type ResolvedColumns,
	readColumn,
	type Scope,
	type ScopeColumn,
	withItems,
} from "./scope.js";
import { columnValue, derived, NO_ROWS, NOTHING, passedBy, type SourceRow, type Value } from "./taint.js";
import { Unreadable, unresolved, unsupported } from "./unreadable.js";
import type { RelationAccess } from "./uses.js";
import { type ViewLineage, viewLineage } from "./views.js";
import { spend } from "./work.js";

const EQUALS = { name: "=" } as const;

/** The items of a FROM list. `outer` is the query's own scope (its common tables, no items yet). */
export function resolveSources(r: Resolver, sources: readonly Source[], outer: Scope): Item[] {
	const items: Item[] = [];
	for (const source of sources) items.push(...resolveSource(r, source, outer, items));
	return items;
}

/**
 * Of one statement, subqueries included. PostgreSQL plans the join of 8000 tables for more than 20 seconds, in which
 * nothing interrupts it, no timeout of its own either; MySQL's servers take 61 tables a join, but read a common table anew
 * for each use, so that fourteen that double each other keep a MariaDB for 27 seconds, past its timeout.
 */
const MAX_SOURCES = 1000;

function countPlaces(r: Resolver, places: number): void {
	r.sources += places;
	if (r.sources > MAX_SOURCES) throw new Unreadable("limit", `a statement reads from more than ${MAX_SOURCES} places`);
}

export function resolveSource(r: Resolver, source: Source, outer: Scope, left: readonly Item[]): Item[] {
	if (source.kind !== "join") countPlaces(r, 1);
	switch (source.kind) {
		case "relation":
			return [relationSource(r, source, outer, left)];
		case "derived": {
			const result = r.query(source.query, withItems(outer, source.lateral ? left : []));
			return [aliased(source.alias?.name, result, source.alias)];
		}
		case "functions":
			return [functionSource(r, source, withItems(outer, left))];
		case "computed": {
			const scope = withItems(outer, left);
			for (const type of source.types) useType(r, type);
			const value = compute(
				r,
				source.inputs.map((input) => r.value(input, scope)),
				source.what,
			);
			const columns = source.columns.map((name) => ({ name, value }));
			return [aliased(source.alias?.name ?? source.what.toLowerCase(), { columns }, source.alias)];
		}
		case "join":
			return joinSource(r, source, outer, left);
		default:
			return never(source);
	}
}

function never(source: never): never {
	throw unsupported(`source ${String(source)} is not known`);
}

/** An item whose first columns are renamed as the alias says. */
export function aliased(name: string | undefined, result: ResolvedColumns, alias: Alias | undefined): Item {
	spend(result.columns.length);
	const columns = result.columns.map((column, index) => renamed(column, alias?.columns[index]));
	for (const extra of alias?.columns.slice(columns.length) ?? []) {
		if (result.open !== undefined) columns.push({ name: extra, value: result.open });
	}
	const openAt = columns.length > result.columns.length ? columns.length : result.openAt;
	return {
		name,
		nameVisible: name !== undefined,
		columnsVisible: true,
		...result,
		columns,
		...(openAt === undefined ? {} : { openAt }),
	};
}

function renamed(column: ScopeColumn, name: string | undefined): ScopeColumn {
	if (name === undefined || name === column.name) return column;
	// The value stays a getter's business where it is one: a spread would compute it.
	return {
		name,
		get value() {
			return column.value;
		},
		...(column.read === undefined ? {} : { read: column.read }),
	};
}

// ---- relations ----------------------------------------------------------------------------------------------------

function relationSource(
	r: Resolver,
	source: Extract<Source, { kind: "relation" }>,
	outer: Scope,
	left: readonly Item[],
): Item {
	const { relation: path, alias, sample, asOf = [] } = source;
	for (const bound of asOf) compute(r, [r.value(bound, withItems(outer, left))], "FOR SYSTEM_TIME");
	if (sample !== undefined) {
		for (const use of r.dialect.functionNamed(sample.method)) r.uses.call(use);
		const scope = withItems(outer, left);
		compute(
			r,
			sample.arguments.map((argument) => r.value(argument, scope)),
			"TABLESAMPLE",
		);
	}
	const entry = path.schema === undefined ? commonTable(outer, r.dialect.foldCommonTable(path.name)) : undefined;
	if (entry !== undefined) {
		const columns = readAgain(entry.columns());
		if (r.dialect.copiesCommonTables) countPlaces(r, entry.places());
		return aliased(alias?.name ?? path.name, columns, alias);
	}
	const found = r.dialect.relation(path);
	r.dialect.named?.(found, path, alias !== undefined);
	partitionUses(r, found, path);
	return relationItem(r, found, alias, "select", true);
}

/** Which rows a partition holds tells what their key is. */
export function partitionUses(r: Resolver, { relation, sort }: FoundRelation, { partitions }: RelationPath): void {
	if (partitions !== true) return;
	const { schema, name, partitionKey = [] } = relation;
	for (const column of partitionKey) {
		r.uses.touch({ relation, command: "select", sort }, column);
		r.uses.column({ schema, name, column }, "derive", "PARTITION");
	}
}

/** A column of a stored relation; its value is made when first asked for. */
class RelationColumn implements ScopeColumn {
	readonly name: string;
	readonly read: () => void;
	readonly #column: string;
	readonly #access: RelationAccess;
	readonly #rows: ReadonlySet<SourceRow>;
	#value: Value | undefined;

	/** `rows`: the row of the relation that it is a column of. */
	constructor(r: Resolver, access: RelationAccess, rows: ReadonlySet<SourceRow>, column: string, name: string) {
		this.name = name;
		this.#column = column;
		this.#access = access;
		this.#rows = rows;
		this.read = () => r.uses.touch(access, column);
	}

	get value(): Value {
		const { schema, name } = this.#access.relation;
		this.#value ??= columnValue({ schema, name, column: this.#column }, this.#access.sort === "data", this.#rows);
		return this.#value;
	}
}

/**
 * A relation as an item. `named`: it is read because the text names it as a source, so it is used even if no column is;
 * the target of a write is read only where a column of it is.
 */
export function relationItem(
	r: Resolver,
	found: FoundRelation,
	alias: Alias | undefined,
	command: Command,
	named: boolean,
): Item {
	const { relation, sort } = found;
	const access: RelationAccess = { relation, command, sort };
	if (named) r.uses.relation(access);
	const rows = sort === "data" ? new Set([{ relation: `${relation.schema}\0${relation.name}` }]) : NO_ROWS;
	const columns = isExpanded(found)
		? viewColumns(r, access, rows, relation, viewLineage(r, relation))
		: relation.columns
				.filter((column) => column.hidden !== true)
				.map((column) => new RelationColumn(r, access, rows, column.name, column.name));
	const item = aliased(alias?.name ?? relation.name, { columns }, alias);
	const isHidden = (name: string) => r.dialect.index.column(relation, name)?.hidden === true;
	const system = (name: string): ScopeColumn | undefined =>
		relation.kind !== "view" && (isHidden(name) || r.dialect.isSystemColumn(name))
			? new RelationColumn(r, access, rows, name, name)
			: undefined;
	const hasSchema = alias === undefined || r.dialect.aliasKeepsSchema;
	return { ...item, system, ...(hasSchema ? { schema: relation.schema } : {}) };
}

/** Views of the server's own catalogs are taken as they are. */
export function isExpanded(found: FoundRelation): boolean {
	return found.sort === "data" && (found.relation.kind === "view" || found.relation.kind === "matview");
}

function viewColumns(
	r: Resolver,
	access: RelationAccess,
	rows: ReadonlySet<SourceRow>,
	view: CatalogRelation,
	lineage: ViewLineage,
): ScopeColumn[] {
	const through: RelationName[] = [{ schema: view.schema, name: view.name }];
	// A materialized view holds rows: its functions ran when it was filled.
	const runs = view.kind === "view";
	r.uses.merge(lineage.uses, through, runs);
	const read = readAgain({ columns: lineage.columns.map(({ value }) => ({ name: "", value })) });
	return view.columns.map((column, index) => {
		const beneath = lineage.columns[index];
		const own = { schema: view.schema, name: view.name, column: column.name };
		const value = passedBy(own, read.columns[index]?.value ?? NOTHING);
		return {
			name: column.name,
			// Rows of a materialized view are its own.
			value: runs ? value : { ...value, rows },
			read: () => {
				r.uses.touch(access, column.name);
				if (beneath !== undefined) r.uses.merge(beneath.uses, through, runs);
			},
		};
	});
}

// ---- functions ----------------------------------------------------------------------------------------------------

function functionSource(r: Resolver, source: Extract<Source, { kind: "functions" }>, scope: Scope): Item {
	const columns: ScopeColumn[] = [];
	const opens: Value[] = [];
	const single = source.items.length === 1;
	let scalar = single && !source.ordinality;
	for (const item of source.items) {
		const value = compute(r, [r.value(item.expression, scope)], `function ${item.label}`);
		const names = functionColumns(r, item, single ? source.alias?.name : undefined);
		if (names.kind !== "scalar") scalar = false;
		if (names.kind === "unknown") opens.push(value);
		for (const name of names.names) columns.push({ name, value });
	}
	if (source.ordinality) columns.push({ name: "ordinality", value: NOTHING });
	if (opens.length > 0 && columns.length > 0) {
		// Among others, columns that are not known leave no place certain.
		opens.push(...columns.splice(0).map((column) => column.value));
	}
	const open = opens.length === 0 ? undefined : derived(opens, "function result");
	const result = { columns, ...(open === undefined ? {} : { open, openAt: columns.length }) };
	return { ...aliased(source.alias?.name ?? source.items[0]?.label, result, source.alias), scalar };
}

function functionColumns(
	r: Resolver,
	item: FunctionItem,
	alias: string | undefined,
): { readonly kind: "columns" | "scalar" | "unknown"; readonly names: readonly string[] } {
	if (item.columns.length > 0) {
		for (const column of item.columns) useType(r, column.type);
		return { kind: "columns", names: item.columns.map((column) => column.name) };
	}
	const result = r.dialect.result(item.expression);
	switch (result.kind) {
		case "columns":
			return result;
		case "scalar":
			return { kind: "scalar", names: [alias ?? item.label] };
		case "unknown":
			return { kind: "unknown", names: [] };
		default:
			return never(result);
	}
}

// ---- joins --------------------------------------------------------------------------------------------------------

function visibleColumns(items: readonly Item[]): ScopeColumn[] {
	return items.flatMap((item) => {
		spend(1 + item.columns.length);
		return item.columnsVisible ? item.columns : [];
	});
}

function openOf(items: readonly Item[]): Value | undefined {
	const opens = items.flatMap((item) => (item.columnsVisible && item.open !== undefined ? [item.open] : []));
	return opens.length === 0 ? undefined : derived(opens, "function result");
}

function joinSource(r: Resolver, join: JoinSource, outer: Scope, left: readonly Item[]): Item[] {
	const leftItems = resolveSource(r, join.left, outer, left);
	const rightItems = resolveSource(r, join.right, outer, [...left, ...leftItems]);
	// Without merged columns a right join stands as it is written.
	const isMerging = join.natural || join.using.length > 0;
	const turned = r.dialect.mergesInTableOrder && join.type === "right" && isMerging;
	const [first, second] = turned ? [rightItems, leftItems] : [leftItems, rightItems];
	const names = mergedNames(r, join, first, second);
	const merged = names.map((name) => mergedColumn(r, name, leftItems, rightItems));
	if (join.on !== undefined) condition(r, join.on, withItems(outer, [...leftItems, ...rightItems]), "JOIN ON");
	const rest = [...visibleColumns(first), ...visibleColumns(second)].filter((column) => !names.includes(column.name));
	const open = openOf([...leftItems, ...rightItems]);
	const columns = [...merged, ...rest];
	const openAt = openOf(leftItems) === undefined && !turned ? columns.length : 0;
	const result: ResolvedColumns = { columns, ...(open === undefined ? {} : { open, openAt }) };
	if (join.alias !== undefined) return [aliased(join.alias.name, result, join.alias)];
	const hidden = [...leftItems, ...rightItems].map((item) => ({ ...item, columnsVisible: false }));
	const items = [...hidden, aliased(undefined, result, undefined)];
	if (join.usingAlias !== undefined) {
		items.push({ ...aliased(join.usingAlias, { columns: merged }, undefined), columnsVisible: false });
	}
	return items;
}

function mergedNames(r: Resolver, join: JoinSource, left: readonly Item[], right: readonly Item[]): readonly string[] {
	if (!join.natural) {
		if (!r.dialect.mergesInTableOrder) return join.using;
		const order = visibleColumns(left).map((column) => column.name);
		return [...join.using].sort((one, other) => order.indexOf(one) - order.indexOf(other));
	}
	if (openOf([...left, ...right]) !== undefined) {
		throw unsupported("NATURAL JOIN with a source whose columns are not known");
	}
	if ([...visibleColumns(left), ...visibleColumns(right)].some((column) => column.guessed === true)) {
		throw unsupported("NATURAL JOIN with result columns that were given no name");
	}
	const others = new Set(visibleColumns(right).map((column) => column.name));
	return visibleColumns(left)
		.map((column) => column.name)
		.filter((name) => others.has(name));
}

/** A column of both sides: the server may deliver either, so both flow into it. */
function mergedColumn(r: Resolver, name: string, left: readonly Item[], right: readonly Item[]): ScopeColumn {
	useOperator(r, EQUALS);
	const sides = [left, right].map((items) => {
		const matches = visibleColumns(items).filter((column) => column.name === name && column.guessed !== true);
		if (matches.length > 1) throw unresolved(`column name "${name}" appears more than once in a join`);
		const value = matches[0] === undefined ? openOf(items) : readColumn(matches[0]);
		if (value === undefined) throw unresolved(`column "${name}" of USING does not exist on both sides`);
		return value;
	});
	return { name, value: compute(r, sides, "JOIN USING") };
}
