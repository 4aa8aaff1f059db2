/**
 * The resolver put together: one query in the common form, over one dialect, to result columns and uses.
 */
import type { Dialect } from "./dialect.js";
import type { Expression, Query } from "./query.js";
import { resolveValue } from "./resolve-expressions.js";
import { resolveQuery } from "./resolve-queries.js";
import { resolveWrite } from "./resolve-writes.js";
import { type QueryOptions, Resolver } from "./resolver.js";
import type { ResolvedColumns, Scope } from "./scope.js";
import type { Value } from "./taint.js";
import { spend } from "./work.js";

/** What a query and an expression take by themselves, beside the columns that they look at. */
const QUERY_UNITS = 500;
const VALUE_UNITS = 10;

export class StatementResolver extends Resolver {
	override query(query: Query, parent: Scope | undefined, options: QueryOptions = {}): ResolvedColumns {
		spend(QUERY_UNITS);
		return resolveQuery(this, query, parent, options, resolveWrite);
	}

	override value(expression: Expression, scope: Scope): Value {
		spend(VALUE_UNITS);
		return resolveValue(this, expression, scope);
	}

	override within(dialect: Dialect, view: string): Resolver {
		return new StatementResolver(dialect, [...this.expanding, view]);
	}
}

/** A scope that shows nothing: for expressions outside queries (arguments of EXECUTE, CALL). */
export function emptyScope(): Scope {
	return { parent: undefined, items: [], commonTables: new Map() };
}
