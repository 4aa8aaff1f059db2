/**
 * From a parsed text to its facts: each statement is analysed by itself, over what those before it in the same text
 * leave behind (search path, changed definitions). Pure: the same tree over the same catalog gives the same facts.
 */
import type { ReadingContext } from "../analyser.js";
import type { CatalogIndex } from "../catalog-index.js";
import type { StatementFacts, TextFacts } from "../facts.js";
import { Unreadable, unsupported } from "../unreadable.js";
import { Guards, unwrappedUse, wrapped } from "./guards.js";
import { type Draft, type Place, Statement } from "./statement.js";
import { bodyOf, count, fields, known, list, nodeOf } from "./tree.js";
import { analyseNode } from "./utility.js";

const PARSE_RESULT = fields("version stmts");
const RAW = fields("stmt stmt_location stmt_len");

/** How a session reads: what its settings make of names. */
export interface PostgresReading extends Omit<ReadingContext, "reading"> {
	readonly searchPath: readonly string[];
}

/** What the statements of a text leave to those behind them. */
interface Before {
	readonly searchPath: readonly string[];
	readonly pathKnown: boolean;
	/** The path was changed in this text, so the end of a transaction may undo that. */
	readonly pathChanged: boolean;
	readonly definitionsChanged: boolean;
}

/** `tree` is libpg-query's answer for `text`. Never throws for what a statement holds: that becomes a refusal. */
export function analyseParsed(tree: unknown, text: string, index: CatalogIndex, context: PostgresReading): TextFacts {
	const offsets = characterOffsets(text);
	const guards = new Guards();
	const statements: StatementFacts[] = [];
	let before: Before = {
		searchPath: context.searchPath,
		pathKnown: true,
		pathChanged: false,
		definitionsChanged: false,
	};
	try {
		const root = bodyOf(tree, "the parser's tree");
		known("ParseResult", root, PARSE_RESULT);
		for (const item of list(root.stmts)) {
			const raw = bodyOf(item, "statement");
			known("RawStmt", raw, RAW);
			const place = placeOf(raw, text, offsets);
			const facts = analyseStatement(raw.stmt, place, index, context, before, guards);
			statements.push(facts);
			before = after(before, facts);
		}
	} catch (error) {
		// The tree itself is not what it should be.
		const { kind, message } = asRefusal(error);
		return { statements: [], refusal: { kind, message } };
	}
	const { parse } = index;
	const guarded = wrapped({ text, tree, statements, guards, position: offsets, parse });
	if (guarded === undefined) return { statements };
	return guarded === "impossible" ? { statements: statements.map(unwrapped) } : { statements, guarded };
}

/** What could not be wrapped is what it would be without. */
function unwrapped(facts: StatementFacts): StatementFacts {
	const { effect } = facts;
	return {
		...facts,
		relations: facts.relations.map((use) => (use.sort === "guarded" ? { ...use, sort: "sensitive" } : use)),
		functions: facts.functions.map(unwrappedUse),
		...(effect?.kind === "prepare" || effect?.kind === "declare"
			? { effect: { ...effect, statement: unwrapped(effect.statement) } }
			: {}),
	};
}

function asRefusal(error: unknown): Unreadable {
	if (error instanceof Unreadable) return error;
	// The stack ran out: the text nests deeper than this reader goes.
	if (error instanceof RangeError) return new Unreadable("limit", "the statement nests too deep");
	throw error;
}

function analyseStatement(
	node: unknown,
	place: Place,
	index: CatalogIndex,
	context: PostgresReading,
	before: Before,
	guards: Guards,
): StatementFacts {
	const options = {
		guards,
		index,
		context: { ...context, searchPath: before.searchPath },
		pathKnown: before.pathKnown,
	};
	const nested = (inner: unknown) => analyseStatement(inner, place, index, context, before, guards);
	const statement = new Statement(options, nested);
	let draft: Draft = { tag: "unread" };
	let refusal: Unreadable | undefined;
	try {
		const { tag, body } = nodeOf(node);
		draft = { tag: tag.replace(/Stmt$/, "").toUpperCase() };
		draft = analyseNode(statement, tag, body);
		if (before.definitionsChanged && draft.resolvesData === true && touchesData(statement)) {
			throw unsupported("definitions are changed earlier in the same text");
		}
	} catch (error) {
		refusal = asRefusal(error);
	}
	return statement.facts(place, draft, refusal);
}

function touchesData(statement: Statement): boolean {
	return (
		statement.uses.relations().some((use) => use.sort === "data") ||
		statement.uses.functions().some((use) => use.sort === "user")
	);
}

function after(before: Before, facts: StatementFacts): Before {
	const next = facts.changesCatalog ? { ...before, definitionsChanged: true } : before;
	const { effect } = facts;
	switch (effect?.kind) {
		case "set":
			if (effect.name !== "search_path") return next;
			if (effect.values === undefined) return { ...next, pathKnown: false, pathChanged: true };
			return { ...next, searchPath: effect.values, pathKnown: true, pathChanged: true };
		case "resetAll":
			return { ...next, pathKnown: false, pathChanged: true };
		case "discard":
			return effect.what === "all" ? { ...next, pathKnown: false, pathChanged: true } : next;
		case "transaction":
			// Its end takes back what was set in it, or what was set LOCAL.
			return next.pathChanged && effect.op !== "savepoint" && effect.op !== "begin"
				? { ...next, pathKnown: false }
				: next;
		default:
			return next;
	}
}

// ---- positions ----------------------------------------------------------------------------------------------------

/** The parser counts bytes of UTF-8, facts count characters of the text. */
function characterOffsets(text: string): (bytes: number) => number {
	if (!/[^\p{ASCII}]/u.test(text)) return (bytes) => bytes;
	let table: number[] | undefined;
	return (bytes) => {
		table ??= byteTable(text);
		return table[bytes] ?? text.length;
	};
}

/** For each byte of the text's UTF-8 form, the character that it belongs to. */
function byteTable(text: string): number[] {
	const table: number[] = [];
	let index = 0;
	for (const character of text) {
		const code = character.codePointAt(0) ?? 0;
		const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		for (let byte = 0; byte < bytes; byte++) table.push(index);
		index += character.length;
	}
	table.push(index);
	return table;
}

function placeOf(raw: Readonly<Record<string, unknown>>, text: string, position: (bytes: number) => number): Place {
	const start = count(raw.stmt_location);
	const length = count(raw.stmt_len);
	return { start: position(start), end: length === 0 ? text.length : position(start + length), position };
}
