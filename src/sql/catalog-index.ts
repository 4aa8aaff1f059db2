/**
 * A catalog snapshot laid out for the analyser's questions: every lookup is a map access. Built once a snapshot.
 *
 * `parse` reads the definitions of views (the analyser itself is pure and holds no parser). What is worked out about a
 * view is kept here, in `memo`, so that it lives exactly as long as the snapshot that it holds for.
 */
import type {
	Catalog,
	CatalogCast,
	CatalogColumn,
	CatalogConstraint,
	CatalogFunction,
	CatalogImplicit,
	CatalogOperator,
	CatalogRelation,
	CatalogType,
} from "./catalog.js";
import { ImplicitFunctions } from "./implicit.js";

const NONE: readonly never[] = [];

/** Schema and name in one key; NUL occurs in no identifier. */
function key(schema: string, name: string): string {
	return `${schema}\0${name}`;
}

function groupBy<Entry>(
	entries: readonly Entry[],
	by: (entry: Entry) => string,
): ReadonlyMap<string, readonly Entry[]> {
	const groups = new Map<string, Entry[]>();
	for (const entry of entries) {
		const group = groups.get(by(entry));
		if (group === undefined) groups.set(by(entry), [entry]);
		else group.push(entry);
	}
	return groups;
}

function add<Key, Entry>(groups: Map<Key, Entry[]>, by: Key, entry: Entry): void {
	const group = groups.get(by);
	if (group === undefined) groups.set(by, [entry]);
	else group.push(entry);
}

/** PostgreSQL's type OID and type modifier of a value; 0 and −1: not known. */
export interface ValueType {
	readonly type: number;
	readonly typeModifier: number;
}

export const UNKNOWN_TYPE: ValueType = { type: 0, typeModifier: -1 };

/** A foreign key, and the relation that has it. */
export interface Reference {
	readonly from: CatalogRelation;
	readonly constraint: CatalogConstraint;
}

export class CatalogIndex {
	readonly catalog: Catalog;
	readonly parse: (sql: string) => unknown;
	/** Kept by readers of definitions, by relation. */
	readonly memo = new WeakMap<CatalogRelation, unknown>();
	readonly #schemas: ReadonlySet<string>;
	readonly #relations = new Map<string, CatalogRelation>();
	readonly #relationsById = new Map<number, CatalogRelation>();
	readonly #columns = new Map<CatalogRelation, ReadonlyMap<string, CatalogColumn>>();
	/** Constraints of a relation and of all that inherit from it, by OID. */
	readonly #constraints = new Map<number, CatalogConstraint[]>();
	/** Foreign keys by the OID of what they point to. */
	readonly #references = new Map<number, Reference[]>();
	readonly #functions: ReadonlyMap<string, readonly CatalogFunction[]>;
	readonly #builtins: ReadonlySet<string>;
	readonly #operators: ReadonlyMap<string, readonly CatalogOperator[]>;
	readonly #types = new Map<string, CatalogType>();
	readonly #typesById = new Map<number, CatalogType>();
	readonly #casts: ReadonlyMap<string, readonly CatalogCast[]>;
	readonly #implicit: ImplicitFunctions;

	constructor(catalog: Catalog, parse: (sql: string) => unknown) {
		this.catalog = catalog;
		this.parse = parse;
		this.#schemas = new Set(catalog.schemas);
		for (const relation of catalog.relations) {
			this.#relations.set(key(relation.schema, relation.name), relation);
			if (relation.id !== 0) this.#relationsById.set(relation.id, relation);
			this.#addConstraints(relation);
		}
		for (const type of catalog.types) {
			this.#types.set(key(type.schema, type.name), type);
			this.#typesById.set(type.id, type);
		}
		this.#implicit = new ImplicitFunctions(catalog);
		this.#functions = groupBy(catalog.functions, (entry) => entry.name);
		this.#builtins = new Set(catalog.builtinFunctions);
		this.#operators = groupBy(catalog.operators, (entry) => entry.name);
		this.#casts = groupBy(catalog.casts, (entry) => entry.target);
	}

	#addConstraints(relation: CatalogRelation): void {
		for (const constraint of relation.constraints ?? []) {
			// Rows that are written through a parent meet what its children demand.
			for (const id of [relation.id, ...relation.parents]) add(this.#constraints, id, constraint);
			const { target } = constraint;
			if (target !== undefined) add(this.#references, target.relation, { from: relation, constraint });
		}
	}

	constraintsOf(relation: CatalogRelation): readonly CatalogConstraint[] {
		return this.#constraints.get(relation.id) ?? NONE;
	}

	/** Foreign keys that point to a relation. */
	referencesTo(relation: CatalogRelation): readonly Reference[] {
		return this.#references.get(relation.id) ?? NONE;
	}

	hasSchema(name: string): boolean {
		return this.#schemas.has(name);
	}

	relation(schema: string, name: string): CatalogRelation | undefined {
		return this.#relations.get(key(schema, name));
	}

	relationById(id: number): CatalogRelation | undefined {
		return this.#relationsById.get(id);
	}

	column(relation: CatalogRelation, name: string): CatalogColumn | undefined {
		let columns = this.#columns.get(relation);
		if (columns === undefined) {
			columns = new Map(relation.columns.map((column) => [column.name, column]));
			this.#columns.set(relation, columns);
		}
		return columns.get(name);
	}

	/** Functions of that name that are not the server's own, in any schema. */
	functionsNamed(name: string): readonly CatalogFunction[] {
		return this.#functions.get(name) ?? NONE;
	}

	/** True when the server has a function, aggregate or procedure of its own of that name. */
	isBuiltinFunction(name: string): boolean {
		return this.#builtins.has(name);
	}

	/** Operators of that name that are not the server's own, in any schema. */
	operatorsNamed(name: string): readonly CatalogOperator[] {
		return this.#operators.get(name) ?? NONE;
	}

	/** A type that is not the server's own. */
	type(schema: string, name: string): CatalogType | undefined {
		return this.#types.get(key(schema, name));
	}

	/** Columns whose values are of a type, or made of values of it. */
	columnsOfType(type: number): readonly { readonly relation: CatalogRelation; readonly column: string }[] {
		const types = new Set([type]);
		// A type is made of such as were there before it, and a row of its columns: a few rounds find all.
		for (let before = 0; before < types.size; ) {
			before = types.size;
			for (const { id, of = NONE } of this.#typesById.values()) if (of.some((part) => types.has(part))) types.add(id);
			for (const { schema, name, columns } of this.catalog.relations) {
				const row = this.#types.get(key(schema, name));
				if (row !== undefined && columns.some((column) => types.has(column.type))) types.add(row.id);
			}
		}
		return this.catalog.relations
			.filter(({ kind }) => kind !== "composite")
			.flatMap((relation) =>
				relation.columns.filter((column) => types.has(column.type)).map(({ name }) => ({ relation, column: name })),
			);
	}

	/** What the server runs by itself for values of a type, and of those that it is made of. */
	implicitOf(type: number): readonly CatalogImplicit[] {
		return this.#implicit.of(type);
	}

	/** The type of a column as the server describes it in a result: of a domain, the type that it is over. */
	typeOf(column: CatalogColumn): ValueType {
		let found: ValueType = { type: column.type, typeModifier: column.typeModifier ?? -1 };
		// Domains over domains end, for each was made over one that was there.
		for (let depth = 0; depth <= this.#typesById.size; depth++) {
			const over = this.#typesById.get(found.type)?.over;
			if (over === undefined) return found;
			found = over;
		}
		return UNKNOWN_TYPE;
	}

	/** Casts to a type, by its qualified name. */
	castsTo(target: string): readonly CatalogCast[] {
		return this.#casts.get(target) ?? NONE;
	}
}
