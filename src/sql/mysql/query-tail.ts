/**
 * What stands behind a query: ORDER BY, LIMIT, INTO, locks on its rows. MySQL: manual, "SELECT Statement", "Locking Reads";
 * MariaDB: "SELECT", "WAIT and NOWAIT".
 */
import type { Expression, Locking, RelationPath, SortItem } from "../query.js";
import { expression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { into } from "./into.js";
import { relationPath } from "./sources.js";
import { KIND } from "./tokens.js";

interface Tail {
	readonly orderBy: readonly SortItem[];
	readonly limits: readonly Expression[];
	readonly locking: readonly Locking[];
}

export function queryTail(g: Grammar): Tail {
	const { cursor } = g;
	const orderBy = cursor.take("ORDER", "BY") ? sortItems(g) : [];
	const limits = limitClause(g);
	const locking: Locking[] = [];
	for (;;) {
		if (into(g)) continue;
		const lock = lockingClause(g);
		if (lock === undefined) break;
		if (lock !== "share") locking.push(lock);
	}
	return { orderBy, limits, locking };
}

export function sortItems(g: Grammar): SortItem[] {
	const { cursor } = g;
	const items = cursor.list(() => {
		const item = { expression: expression(g) };
		cursor.takeAny("ASC", "DESC");
		return item;
	});
	cursor.take("WITH", "ROLLUP");
	return items;
}

/** LIMIT of UPDATE and DELETE. */
export function writeLimit(g: Grammar): Expression[] {
	return g.cursor.take("LIMIT") ? [limitValue(g)] : [];
}

export function limitClause(g: Grammar): Expression[] {
	const { cursor } = g;
	const limits: Expression[] = [];
	if (cursor.take("LIMIT")) {
		if (cursor.take("ROWS", "EXAMINED")) limits.push(limitValue(g));
		else {
			limits.push(limitValue(g));
			if (cursor.takeSymbol(",") || cursor.take("OFFSET")) limits.push(limitValue(g));
			if (cursor.isMariaDb && cursor.take("ROWS", "EXAMINED")) limits.push(limitValue(g));
		}
		return limits;
	}
	if (!cursor.isMariaDb) return limits;
	if (cursor.take("OFFSET")) {
		limits.push(limitValue(g));
		cursor.takeAny("ROW", "ROWS");
	}
	if (cursor.isWord("FETCH") && cursor.isAnyWordAt(1, "FIRST", "NEXT")) {
		cursor.at += 2;
		if (!cursor.isAnyWord("ROW", "ROWS")) limits.push(limitValue(g));
		if (cursor.takeAny("ROW", "ROWS") === undefined) throw cursor.fail();
		if (!cursor.take("ONLY")) cursor.expect("WITH", "TIES");
	}
	return limits;
}

/** A number, a parameter, or in stored programs a variable. */
function limitValue(g: Grammar): Expression {
	const { cursor } = g;
	const kind = cursor.kind();
	if (kind === KIND.integer || kind === KIND.parameter || kind === KIND.bits) {
		cursor.at += 1;
		return kind === KIND.parameter
			? { kind: "parameter" }
			: { kind: "constant", sort: "number", value: cursor.raw(-1) };
	}
	const position = cursor.position();
	return { kind: "name", parts: [cursor.columnName()], star: false, position };
}

/** FOR UPDATE asks for the right to write; FOR SHARE for none beyond reading. */
function lockingClause(g: Grammar): Locking | "share" | undefined {
	const { cursor } = g;
	if (cursor.take("LOCK", "IN", "SHARE", "MODE")) {
		rowLockWait(g);
		return "share";
	}
	if (!cursor.isWord("FOR") || !(cursor.isWord("UPDATE", 1) || (cursor.isWord("SHARE", 1) && !cursor.isMariaDb))) {
		return undefined;
	}
	cursor.at += 2;
	const isShare = cursor.word(-1) === "SHARE";
	const relations: RelationPath[] = cursor.take("OF") ? cursor.list(() => relationPath(cursor)) : [];
	rowLockWait(g);
	return isShare ? "share" : { relations };
}

function rowLockWait(g: Grammar): void {
	const { cursor } = g;
	if (cursor.take("NOWAIT") || cursor.take("SKIP", "LOCKED")) return;
	if (cursor.isMariaDb && cursor.take("WAIT")) limitValue(g);
}
