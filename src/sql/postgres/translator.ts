/** The translator's parts know one another through this: expressions hold queries, and queries expressions. */
import type { Expression, Query, Source } from "../query.js";

export interface Translator {
	expression(node: unknown): Expression;
	query(node: unknown): Query;
	source(node: unknown): Source;
	/** The query of a subselect node that was translated before (labels refer to it by identity). */
	translated(node: unknown): Query | undefined;
}

/** An expression that may be absent. */
export function maybe(t: Translator, node: unknown): Expression | undefined {
	return node === undefined ? undefined : t.expression(node);
}
