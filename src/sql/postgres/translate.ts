/**
 * PostgreSQL's parse tree into the common query form: the parts put together.
 *
 * Trees are as deep as their text nests; the depth is capped well below what the stack holds.
 */
import type { Expression, Query, Source } from "../query.js";
import { Unreadable, unsupported } from "../unreadable.js";
import { translateExpression } from "./translate-expression.js";
import { translateSelect } from "./translate-query.js";
import { translateSource } from "./translate-source.js";
import { translateWrite } from "./translate-write.js";
import type { Translator } from "./translator.js";
import { nodeOf, position } from "./tree.js";

/** Nested expressions, sources and queries of one statement. Chains of AND and OR are flat in the tree. */
const DEPTH_MAX = 1000;

export class PostgresTranslator implements Translator {
	readonly #queries = new Map<unknown, Query>();
	#depth = 0;

	expression(node: unknown): Expression {
		return this.#deeper(() => translateExpression(this, node));
	}

	source(node: unknown): Source {
		return this.#deeper(() => translateSource(this, node));
	}

	/** One query a node: what refers to a subselect by identity finds it again. */
	query(node: unknown): Query {
		const known = this.#queries.get(node);
		if (known !== undefined) return known;
		const query = this.#deeper(() => this.#translate(node));
		this.#queries.set(node, query);
		return query;
	}

	translated(node: unknown): Query | undefined {
		return this.#queries.get(node);
	}

	#translate(node: unknown): Query {
		const { tag, body } = nodeOf(node);
		if (tag === "SelectStmt") return translateSelect(this, body);
		const write = translateWrite(this, tag, body);
		if (write === undefined) throw unsupported(`${tag} stands where a query is expected`, position(body));
		return write;
	}

	#deeper<Result>(run: () => Result): Result {
		if (++this.#depth > DEPTH_MAX) throw new Unreadable("limit", `the statement nests more than ${DEPTH_MAX} deep`);
		try {
			return run();
		} finally {
			this.#depth--;
		}
	}
}
