/**
 * What a view's columns are made of, worked out once a catalog snapshot: the view's body is resolved like a query of
 * its own, with the uses of each result column kept apart, so that reading one column uses only what that one needs.
 */
import type { CatalogRelation } from "./catalog.js";
import type { Resolver } from "./resolver.js";
import type { ScopeColumn } from "./scope.js";
import { NOTHING, type Value } from "./taint.js";
import { Unreadable, unsupported } from "./unreadable.js";
import type { Uses } from "./uses.js";
import { TooMuchWork } from "./work.js";

/** Views within views: deeper than anyone builds, shallow enough for the stack. */
const DEPTH_MAX = 32;

export interface ViewColumn {
	readonly value: Value;
	/** What reading this column uses. */
	readonly uses: Uses;
}

export interface ViewLineage {
	readonly columns: readonly ViewColumn[];
	/** What reading any of it uses. */
	readonly uses: Uses;
}

export function viewLineage(r: Resolver, view: CatalogRelation): ViewLineage {
	const { memo } = r.dialect.index;
	const known = memo.get(view);
	if (known instanceof Unreadable) throw known;
	if (known !== undefined) return known as ViewLineage;
	const name = `${view.schema}.${view.name}`;
	if (r.expanding.includes(name)) throw unsupported(`view ${name} refers to itself`);
	if (r.expanding.length >= DEPTH_MAX) throw unsupported(`views are nested more than ${DEPTH_MAX} deep`);
	try {
		const lineage = expand(r, view, name);
		memo.set(view, lineage);
		return lineage;
	} catch (error) {
		if (!(error instanceof Unreadable) || error instanceof TooMuchWork) throw error;
		const refusal = new Unreadable(error.kind, `view ${name} cannot be read: ${error.message}`);
		// A cycle or depth depends on where one came from, so only the plain failure is kept.
		if (r.expanding.length === 0) memo.set(view, refusal);
		throw refusal;
	}
}

function expand(r: Resolver, view: CatalogRelation, name: string): ViewLineage {
	const definition = r.dialect.definition(view);
	if (definition === undefined) throw unsupported("its definition is not known");
	const inner = r.within(definition.dialect, name);
	const result = inner.query(definition.query, undefined, { lazy: true });
	if (result.open !== undefined || result.columns.length !== view.columns.length) {
		throw unsupported("its columns cannot be told apart");
	}
	const columns = result.columns.map((column) => lineageOf(inner, column));
	return { columns, uses: inner.uses };
}

function lineageOf(inner: Resolver, column: ScopeColumn): ViewColumn {
	const { uses } = inner.apart(() => column.read?.());
	return { value: column.value ?? NOTHING, uses };
}
