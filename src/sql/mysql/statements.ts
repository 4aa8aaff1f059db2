/** Which part of the grammar a statement belongs to, by its first words. */
import type { MysqlStatement } from "./ast.js";
import type { Grammar } from "./grammar.js";
import { queryAfterWith, withClause } from "./queries.js";
import { UTILITY } from "./utility.js";
import { insert, remove, update } from "./writes.js";

export function statement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	if (cursor.isEnd) return { kind: "empty" };
	const word = cursor.word();
	if (cursor.isSymbol("(") || word === "SELECT" || word === "VALUES" || (word === "TABLE" && !cursor.isMariaDb)) {
		return queryStatement(g, "SELECT");
	}
	switch (word) {
		case "WITH":
			return withStatement(g);
		case "INSERT":
		case "REPLACE":
			cursor.at += 1;
			return { kind: "query", tag: word, query: insert(g, word === "REPLACE") };
		case "UPDATE":
			cursor.at += 1;
			return { kind: "query", tag: word, query: update(g, undefined) };
		case "DELETE":
			cursor.at += 1;
			return { kind: "query", tag: word, query: remove(g, undefined) };
	}
	const family = UTILITY.get(word);
	if (family === undefined) throw cursor.fail();
	return family(g);
}

function queryStatement(g: Grammar, tag: string): MysqlStatement {
	const query = g.query();
	return { kind: "query", tag, query, ...(g.into === undefined ? {} : { into: g.into }) };
}

function withStatement(g: Grammar): MysqlStatement {
	const { cursor } = g;
	const clause = withClause(g);
	if (cursor.take("UPDATE")) return { kind: "query", tag: "UPDATE", query: update(g, clause) };
	if (cursor.take("DELETE")) return { kind: "query", tag: "DELETE", query: remove(g, clause) };
	const query = queryAfterWith(g, clause);
	return { kind: "query", tag: "SELECT", query, ...(g.into === undefined ? {} : { into: g.into }) };
}
