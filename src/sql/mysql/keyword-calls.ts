/** Expressions that a word begins: functions that are reserved words, literals such as DATE '…', CASE. */
import type { Expression } from "../query.js";
import { call } from "./calls.js";
import type { Grammar } from "./grammar.js";
import { matchCall, SPECIAL, sequenceCall } from "./special-calls.js";
import { collation, constant, construct, named, plainCall } from "./terms.js";
import { KIND } from "./tokens.js";
import { castType } from "./types.js";

/** An expression that a word begins; undefined: the word is a name. */
export function keywordCall(g: Grammar): Expression | undefined {
	const { cursor } = g;
	const word = cursor.word();
	const position = cursor.position();
	if (cursor.isSymbol(".", 1)) return undefined;
	if (word === "CASE") return caseExpression(g);
	if (word === "MATCH" && cursor.isReserved(word) && !cursor.isSymbol("(", 1)) {
		cursor.at += 1;
		return matchCall(g);
	}
	if (!cursor.isSymbol("(", 1)) return bareWord(g, word, position);
	if (cursor.isMariaDb && DYNAMIC_COLUMNS.has(word)) {
		cursor.at += 1;
		return dynamicColumns(g, word.toLowerCase(), position);
	}
	const special = SPECIAL.get(word);
	if (special !== undefined) {
		if (!cursor.touches()) {
			// Apart from its bracket the word is no function of the server's own.
			if (cursor.isReserved(word)) throw cursor.fail();
			return undefined;
		}
		cursor.at += 1;
		return special(g, position);
	}
	if (!cursor.isReserved(word)) return undefined;
	if (!RESERVED_FUNCTIONS.has(word)) return undefined;
	cursor.at += 1;
	return call(g, { name: word.toLowerCase(), position });
}

const DYNAMIC_COLUMNS: ReadonlySet<string> = new Set(["COLUMN_CREATE", "COLUMN_ADD", "COLUMN_GET"]);

/** COLUMN_CREATE(n, v AS type, …) and its kin (MariaDB). */
function dynamicColumns(g: Grammar, name: string, position: number): Expression {
	const { cursor } = g;
	return cursor.inBrackets(() => {
		const args = cursor.list(() => {
			const arg = g.expression();
			if (cursor.take("AS")) {
				castType(cursor);
				if (cursor.take("COLLATE")) collation(cursor);
			}
			return arg;
		});
		if (args.length % 2 !== (name === "column_create" ? 0 : 1) && name !== "column_get") throw cursor.fail();
		return named(name, args, position);
	});
}

/** Reserved words that are functions with an ordinary list of arguments. */
const RESERVED_FUNCTIONS: ReadonlySet<string> = new Set(
	`IF LEFT RIGHT REPLACE INSERT REPEAT MOD DATABASE SCHEMA CURRENT_USER CURRENT_ROLE CURRENT_DATE CURRENT_TIME
	CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME UTC_TIMESTAMP GROUPING ROW_NUMBER RANK DENSE_RANK CUME_DIST
	PERCENT_RANK NTILE LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE UNIQUE`.split(/\s+/),
);

/** Words that mean a value without any bracket. */
const BARE_CALLS: ReadonlySet<string> = new Set(
	`CURRENT_USER CURRENT_ROLE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME
	UTC_TIMESTAMP`.split(/\s+/),
);

function bareWord(g: Grammar, word: string, position: number): Expression | undefined {
	const { cursor } = g;
	switch (word) {
		case "NULL":
			cursor.at += 1;
			return constant("null", "");
		case "TRUE":
		case "FALSE":
			cursor.at += 1;
			return constant("boolean", word.toLowerCase());
		case "DEFAULT":
			cursor.at += 1;
			return { kind: "default" };
		case "INTERVAL":
			return g.interval();
		case "DATE":
		case "TIME":
		case "TIMESTAMP":
			if (cursor.kind(1) !== KIND.text) return undefined;
			cursor.at += 1;
			return constant("text", cursor.string(true));
		case "UUID":
		case "INET6":
		case "INET4":
			return undefined;
		case "NEXT":
		case "PREVIOUS":
			// NEXT VALUE FOR s (MariaDB).
			if (!(cursor.isMariaDb && cursor.isWord("VALUE", 1) && cursor.isWord("FOR", 2))) return undefined;
			cursor.at += 3;
			return sequenceCall(g, word === "NEXT" ? "nextval" : "lastval", position);
		default:
			if (!BARE_CALLS.has(word) || !cursor.isReserved(word)) return undefined;
			cursor.at += 1;
			return plainCall({ name: word.toLowerCase(), position }, []);
	}
}

// ---- CASE ---------------------------------------------------------------------------------------------------------

function caseExpression(g: Grammar): Expression {
	const { cursor } = g;
	cursor.expect("CASE");
	const operands: Expression[] = [];
	if (!cursor.isWord("WHEN")) operands.push(g.expression());
	if (!cursor.isWord("WHEN")) throw cursor.fail();
	while (cursor.take("WHEN")) {
		operands.push(g.expression());
		cursor.expect("THEN");
		operands.push(g.expression());
	}
	if (cursor.take("ELSE")) operands.push(g.expression());
	cursor.expect("END");
	return construct("CASE", operands);
}
