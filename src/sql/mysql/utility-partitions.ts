/**
 * How a table is partitioned. MySQL: manual, "CREATE TABLE Statement", "Table Partitioning"; MariaDB: "Partitioning
 * Overview".
 */
import type { Grammar } from "./grammar.js";
import { columnList, equals, ifNotExists, integer, keep, nameOrText, type Seen, tried } from "./utility-parts.js";
import { tableOption } from "./utility-table-options.js";

/** `PARTITION BY …` */
export function partitionBy(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	cursor.expect("PARTITION", "BY");
	const by = method(g, seen);
	count(g, "PARTITIONS");
	let isSub = false;
	if (cursor.take("SUBPARTITION", "BY")) {
		isSub = true;
		if (cursor.isAnyWord("RANGE", "LIST", "SYSTEM_TIME")) throw cursor.fail();
		method(g, seen);
		count(g, "SUBPARTITIONS");
	}
	if (cursor.isSymbol("(")) partitionList(g, seen, { by, isSub });
}

/** How a table is partitioned, as far as its partitions must agree with it. */
interface Partitioning {
	readonly by: { readonly kind: "values"; readonly columns: number } | { readonly kind: "other" };
	readonly isSub: boolean;
}

function count(g: Grammar, word: string): void {
	if (g.cursor.take(word)) integer(g.cursor);
}

function method(g: Grammar, seen: Seen): Partitioning["by"] {
	const { cursor } = g;
	const linear = cursor.take("LINEAR");
	if (cursor.take("HASH")) {
		partitionFunction(g, seen);
		return OTHER;
	}
	if (cursor.take("KEY")) {
		if (cursor.take("ALGORITHM")) {
			equals(cursor);
			integer(cursor);
		}
		for (const name of columnList(g)) tried(seen, name);
		return OTHER;
	}
	if (linear) throw cursor.fail();
	if (cursor.isMariaDb && cursor.take("SYSTEM_TIME")) {
		systemTime(g, seen);
		return OTHER;
	}
	if (cursor.takeAny("RANGE", "LIST") === undefined) throw cursor.fail();
	if (cursor.take("COLUMNS")) {
		const names = columnList(g);
		for (const name of names) tried(seen, name);
		return { kind: "values", columns: names.length };
	}
	partitionFunction(g, seen);
	return { kind: "values", columns: 1 };
}

const OTHER = { kind: "other" } as const;

/** `(expression)`, of columns and functions that give the same whenever they are asked. */
function partitionFunction(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	const from = cursor.at;
	keep(
		seen,
		cursor.inBrackets(() => g.expression()),
	);
	for (let at = from; at < cursor.at; at++) {
		if (cursor.isAnyWordAt(at - cursor.at, "SELECT", "RAND", "CURTIME", "NOW"))
			throw cursor.fail(undefined, at - cursor.at);
	}
}

function systemTime(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isWord("INTERVAL")) {
		keep(seen, g.interval());
		if (cursor.take("STARTS")) keep(seen, g.expression());
		cursor.take("AUTO");
	} else if (cursor.take("LIMIT")) {
		integer(cursor);
		cursor.take("AUTO");
	}
}

/** `how`: undefined where the table has been partitioned before. */
export function partitionList(g: Grammar, seen: Seen, how?: Partitioning): void {
	const { cursor } = g;
	const counts = new Set(cursor.inBrackets(() => cursor.list(() => partition(g, seen, how))));
	if (counts.size > 1) throw cursor.fail("partitions differ in the number of their subpartitions", -1);
}

/** The number of its subpartitions. */
function partition(g: Grammar, seen: Seen, how: Partitioning | undefined): number {
	const { cursor } = g;
	cursor.expect("PARTITION");
	ifNotExists(cursor);
	cursor.name();
	if (cursor.take("VALUES")) {
		if (cursor.take("LESS", "THAN")) {
			const given = cursor.take("MAXVALUE") ? 1 : partitionValues(g, seen, true);
			if (how?.by.kind === "values" && how.by.columns > given) throw cursor.fail(undefined, -1);
		} else {
			cursor.expect("IN");
			partitionValues(g, seen, false);
		}
	} else if (cursor.isMariaDb) cursor.takeAny("HISTORY", "CURRENT", "DEFAULT");
	else if (how?.by.kind === "values") throw cursor.fail();
	partitionOptions(g, seen);
	if (!cursor.isSymbol("(")) return 0;
	const parts = cursor.inBrackets(() =>
		cursor.list(() => {
			cursor.expect("SUBPARTITION");
			nameOrText(cursor);
			partitionOptions(g, seen);
		}),
	);
	return parts.length;
}

/** `(1, MAXVALUE, (2, 3))` */
function partitionValues(g: Grammar, seen: Seen, isRange: boolean): number {
	const { cursor } = g;
	const values = cursor.inBrackets(() =>
		cursor.list(() => {
			if (cursor.takeAny(isRange ? "MAXVALUE" : "DEFAULT") !== undefined) return;
			if (cursor.isSymbol("(")) {
				const at = cursor.at;
				try {
					partitionValues(g, seen, isRange);
					if (cursor.isSymbol(",") || cursor.isSymbol(")")) return;
				} catch {
					// Not a list of values: an expression that begins with a bracket.
				}
				cursor.at = at;
			}
			keep(seen, g.expression());
		}),
	);
	return values.length;
}

function partitionOptions(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	for (;;) {
		if (cursor.isWord("STORAGE") && cursor.isWord("ENGINE", 1)) cursor.at += 1;
		if (!tableOption(g, seen)) return;
	}
}
