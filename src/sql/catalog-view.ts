/**
 * A catalog snapshot as sessions look at it: by object id and attribute number, as result descriptions name columns.
 */
import type { Catalog, CatalogRelation } from "./catalog.js";
import type { ColumnName, FunctionUse, RelationName, RelationUse } from "./facts.js";
import { SYSTEM_CATALOGS } from "./functions/system-catalogs.js";
import { nameKey } from "./guarded.js";
import { ImplicitFunctions } from "./implicit.js";

/** Names of PostgreSQL's system columns by attribute number (pg_attribute of any table). */
const SYSTEM_COLUMNS: Readonly<Record<number, string>> = {
	[-1]: "ctid",
	[-2]: "xmin",
	[-3]: "cmin",
	[-4]: "xmax",
	[-5]: "cmax",
	[-6]: "tableoid",
};

export class CatalogView {
	readonly catalog: Catalog;
	readonly #byId = new Map<number, CatalogRelation>();
	readonly #byName = new Map<string, CatalogRelation>();
	readonly #children = new Map<number, RelationName[]>();
	#implicit: ImplicitFunctions | undefined;

	constructor(catalog: Catalog) {
		this.catalog = catalog;
		for (const relation of catalog.relations) {
			this.#byId.set(relation.id, relation);
			this.#byName.set(key(relation), relation);
			for (const parent of relation.parents) {
				const children = this.#children.get(parent);
				if (children === undefined) this.#children.set(parent, [relation]);
				else children.push(relation);
			}
		}
	}

	relation(id: number): RelationName | undefined {
		return this.#byId.get(id);
	}

	column(relation: number, column: number): ColumnName | undefined {
		const found = this.#byId.get(relation);
		if (found === undefined) return undefined;
		const name = SYSTEM_COLUMNS[column] ?? found.columns.find((candidate) => candidate.number === column)?.name;
		return name === undefined ? undefined : { schema: found.schema, name: found.name, column: name };
	}

	/** The server's kind, as OpenTelemetry's conventions name it (`db.system.name`). */
	get system(): "postgresql" | "mysql" | "mariadb" {
		return this.catalog.engine === "postgres" ? "postgresql" : (this.catalog.flavour ?? "mysql");
	}

	/** How the engine compares names. */
	get folding(): { readonly columns: boolean; readonly relations: boolean } {
		const { engine, lowerCaseNames = 0 } = this.catalog;
		return { columns: engine === "mysql", relations: lowerCaseNames !== 0 };
	}

	/** A column by its name as the server shows it. */
	columnNamed(schema: string, relation: string, column: string): ColumnName | undefined {
		const { columns, relations } = this.folding;
		const fold = (name: string) => (relations ? name.toLowerCase() : name);
		const name = columns ? column.toLowerCase() : column;
		const found = this.#byName.get(key({ schema: fold(schema), name: fold(relation) }));
		if (found?.columns.some((candidate) => candidate.name === name) !== true) return undefined;
		return { schema: found.schema, name: found.name, column: name };
	}

	/** What sort of relation a column belongs to, as far as that column alone is concerned. */
	sort(column: ColumnName): RelationUse["sort"] {
		return SYSTEM_CATALOGS[this.catalog.engine].sort(column, [column.column]);
	}

	/** What making a value of a type uses; undefined: the snapshot does not hold it. */
	usesOfType(type: number): readonly FunctionUse[] | undefined {
		this.#implicit ??= new ImplicitFunctions(this.catalog);
		return this.#implicit.usesOf(type);
	}

	/** What an object is known by in the conditions of a guarded text: its OID, or its name where the engine has none. */
	identity({ id, schema, name }: RelationName & { readonly id?: number }): number | string | undefined {
		return this.catalog.engine === "mysql" ? nameKey(schema, name) : id;
	}

	schemaIdentity(schema: string): string {
		return this.catalog.engine === "mysql" ? nameKey(schema) : schema;
	}

	/** What a license has to know of a relation beyond its name. */
	readonly ancestry = {
		parents: (relation: RelationName): RelationName[] =>
			(this.#byName.get(key(relation))?.parents ?? []).flatMap((id) => {
				const parent = this.#byId.get(id);
				return parent === undefined ? [] : [parent];
			}),
		children: (relation: RelationName): RelationName[] => {
			const found = this.#byName.get(key(relation));
			return found === undefined ? [] : (this.#children.get(found.id) ?? []);
		},
		columns: (relation: RelationName): string[] | undefined =>
			this.#byName.get(key(relation))?.columns.map((column) => column.name),
		isSystemSchema: (schema: string): boolean => SYSTEM_CATALOGS[this.catalog.engine].isSystemSchema(schema),
		generatedFrom: (column: ColumnName): readonly string[] =>
			this.#byName.get(key(column))?.columns.find((candidate) => candidate.name === column.column)?.generatedFrom ?? [],
	};
}

function key(relation: RelationName): string {
	return `${relation.schema}\0${relation.name}`;
}
