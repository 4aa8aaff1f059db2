/**
 * The resolver's parts know one another through this: queries hold expressions, expressions hold queries, and both
 * write down what they use. `resolve.ts` puts the parts together.
 */
import type { Dialect } from "./dialect.js";
import type { Expression, Query } from "./query.js";
import type { ResolvedColumns, Scope } from "./scope.js";
import type { Value } from "./taint.js";
import { Uses } from "./uses.js";

/** Told about the two sides of a set operation as they are resolved: how recursive queries find their own columns. */
export interface SideWatcher {
	readonly left: (columns: ResolvedColumns) => void;
	readonly right: (columns: ResolvedColumns) => void;
}

export interface QueryOptions {
	/** Uses of each result column are kept apart and count only once the column is read (bodies of views). */
	readonly lazy?: boolean;
	readonly watcher?: SideWatcher;
}

export abstract class Resolver {
	/** Where uses are written down just now. */
	uses = new Uses();
	/** Names of first result columns, for labels taken from scalar subqueries. */
	readonly labels = new WeakMap<Query, string>();
	/** Views being expanded around this resolution: their number bounds the depth, their presence shows a cycle. */
	readonly expanding: readonly string[];
	readonly dialect: Dialect;
	/** Items of FROM so far, of the whole statement. */
	sources = 0;

	constructor(dialect: Dialect, expanding: readonly string[]) {
		this.dialect = dialect;
		this.expanding = expanding;
	}

	abstract query(query: Query, parent: Scope | undefined, options?: QueryOptions): ResolvedColumns;
	abstract value(expression: Expression, scope: Scope): Value;
	/** A resolver for the body of a view. */
	abstract within(dialect: Dialect, view: string): Resolver;

	/** Runs something with uses of its own. */
	apart<Result>(run: () => Result): { readonly result: Result; readonly uses: Uses } {
		const outer = this.uses;
		const uses = new Uses();
		this.uses = uses;
		try {
			return { result: run(), uses };
		} finally {
			this.uses = outer;
			outer.literalSensitive ||= uses.literalSensitive;
			outer.writes ||= uses.writes;
			for (const command of uses.commands) outer.commands.add(command);
		}
	}
}
