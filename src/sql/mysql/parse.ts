/**
 * A text to its statements: lexed once, read by the grammar, each with where it stands. What was read is the canonical
 * text, where that differs from what came.
 */
import type { Expression, Query, SelectItem, SortItem, Source } from "../query.js";
import { Unreadable } from "../unreadable.js";
import type { Into, MysqlStatement } from "./ast.js";
import { Cursor } from "./cursor.js";
import { bitExpression, expression, interval } from "./expressions.js";
import type { Server } from "./flavour.js";
import type { Grammar, Guessed } from "./grammar.js";
import { lex } from "./lexer.js";
import { guess, query, subquery } from "./queries.js";
import { sortItems } from "./query-tail.js";
import type { Reading } from "./reading.js";
import { selectItems } from "./select-items.js";
import { sources } from "./sources.js";
import { statement } from "./statements.js";
import { canonicalText } from "./tokens.js";

class Reader implements Grammar {
	readonly cursor: Cursor;
	readonly guessed = new Map<number, Guessed>();
	guesses = 0;
	into: Into | undefined;

	constructor(cursor: Cursor) {
		this.cursor = cursor;
	}

	expression(): Expression {
		return expression(this);
	}

	bitExpression(): Expression {
		return bitExpression(this);
	}

	interval(): Expression {
		return interval(this);
	}

	query(): Query {
		return query(this);
	}

	subquery(): Query {
		return subquery(this);
	}

	guess<Result>(reading: () => Result): Result | undefined {
		return guess(this, reading);
	}

	sources(): Source[] {
		return sources(this);
	}

	sortItems(): SortItem[] {
		return sortItems(this);
	}

	selectItems(): SelectItem[] {
		return selectItems(this);
	}

	statement(): MysqlStatement {
		return statement(this);
	}
}

export interface ParsedStatement {
	/** Offsets in the text, in bytes: [start, end). */
	readonly start: number;
	readonly end: number;
	readonly statement: MysqlStatement;
}

export interface ParsedText {
	readonly statements: readonly ParsedStatement[];
	/** One byte a character; undefined: the text as it came. */
	readonly canonical: string | undefined;
}

/** `text` holds one byte a character. Throws `Unreadable`, whose position is a byte of the text. */
export function parseText(text: string, server: Server, reading: Reading): ParsedText {
	const tokens = lex(text, server, reading);
	const cursor = new Cursor(text, tokens, server, reading);
	const statements: ParsedStatement[] = [];
	for (;;) {
		const g = new Reader(cursor);
		const start = cursor.position();
		const read = guarded(g);
		if (!cursor.isEnd) throw cursor.fail();
		const end = Math.max(start, cursor.endBefore);
		if (read.kind !== "empty") statements.push({ start, end, statement: read });
		if (!cursor.isSymbol(";")) break;
		if (tokens.isInComment(cursor.position())) throw cursor.fail("a statement ends inside a comment");
		if (read.kind === "empty" && !reading.multi) throw cursor.fail();
		cursor.at += 1;
		if (cursor.isEnd && !cursor.isSymbol(";")) break;
		if (!reading.multi) throw cursor.fail("several statements in one text are off in this session");
	}
	return { statements, canonical: canonicalText(text, tokens.edits) };
}

function guarded(g: Grammar): MysqlStatement {
	try {
		return g.statement();
	} catch (error) {
		if (error instanceof RangeError) throw new Unreadable("limit", "the statement nests too deep");
		throw error;
	}
}
