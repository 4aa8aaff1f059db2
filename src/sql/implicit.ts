/**
 * What the server runs by itself for values of a type (docs/decisions/014): asked by the analyser, for types that a text
 * names and columns that it uses, and by sessions, for types that a client declares its parameters to be of.
 */
import type { Catalog, CatalogImplicit, CatalogType } from "./catalog.js";
import type { FunctionUse } from "./facts.js";

const NONE: readonly never[] = [];

export class ImplicitFunctions {
	readonly #byType = new Map<number, CatalogImplicit[]>();
	readonly #types: ReadonlyMap<number, CatalogType>;
	/** Types of the columns of composite types, by schema and name of their relations. */
	readonly #rows = new Map<string, readonly number[]>();

	constructor({ implicit = [], types, relations }: Catalog) {
		for (const entry of implicit) {
			const known = this.#byType.get(entry.type);
			if (known === undefined) this.#byType.set(entry.type, [entry]);
			else known.push(entry);
		}
		this.#types = new Map(types.map((type) => [type.id, type]));
		if (implicit.length === 0) return;
		for (const { schema, name, columns } of relations) {
			this.#rows.set(
				`${schema}\0${name}`,
				columns.map(({ type }) => type),
			);
		}
	}

	/** For a type, and for those that it is made of. */
	of(type: number): readonly CatalogImplicit[] {
		if (this.#byType.size === 0) return NONE;
		const found: CatalogImplicit[] = [];
		const seen = new Set<number>();
		const waiting = [type];
		for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
			if (seen.has(id)) continue;
			seen.add(id);
			found.push(...(this.#byType.get(id) ?? NONE));
			const known = this.#types.get(id);
			if (known === undefined) continue;
			waiting.push(...(known.of ?? NONE));
			// A row's type has the name of its relation.
			if (known.kind === "composite") waiting.push(...(this.#rows.get(`${known.schema}\0${known.name}`) ?? NONE));
		}
		return found;
	}

	/** What making a value of a type uses; undefined: the snapshot does not hold it. */
	usesOf(type: number): readonly FunctionUse[] | undefined {
		const known = this.#types.get(type);
		if (known === undefined) return undefined;
		const implicit = this.of(type).map(implicitUse);
		return isCode(known)
			? [{ schema: known.schema, name: known.name, form: "type", sort: "user" }, ...implicit]
			: implicit;
	}
}

/** Its values are read and written by code that did not come with an extension. */
export function isCode({ kind, extension }: CatalogType): boolean {
	return kind === "base" && extension === undefined;
}

export function implicitUse({ schema, name, how }: CatalogImplicit): FunctionUse {
	const form = how === "cast" ? "cast" : how === "compare" ? "operator" : "type";
	return { schema, name, form, sort: "user" };
}
