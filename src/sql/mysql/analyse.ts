/**
 * From a text to its facts: each statement is analysed by itself, over what those before it in the same text leave
 * behind (current database, changed definitions). Pure: the same text over the same catalog gives the same facts.
 */
import type { ReadingContext } from "../analyser.js";
import type { CatalogIndex } from "../catalog-index.js";
import type { SessionEffect, StatementFacts, TextFacts } from "../facts.js";
import type { GuardedText } from "../guarded.js";
import type { Answer } from "../reader.js";
import { Unreadable, unsupported } from "../unreadable.js";
import type { Into, MysqlStatement, QueryStatement } from "./ast.js";
import { characterOffsets, utf8Text } from "./characters.js";
import type { Environment } from "./environment.js";
import type { Server } from "./flavour.js";
import { Guards, wrapped } from "./guards.js";
import { analyseUtility } from "./meaning.js";
import { type ParsedStatement, parseText } from "./parse.js";
import { parseReading } from "./reading.js";
import { unseenTable } from "./second-reader.js";
import { type Draft, type Place, Statement } from "./statement.js";

/** What the statements of a text leave to those behind them. */
interface Before {
	readonly database: string | undefined;
	readonly definitionsChanged: boolean;
	/** The text has changed how text is read: what follows was read by the old way and is not trusted. */
	readonly readingChanged: boolean;
}

export function serverOf(index: CatalogIndex): Server {
	const { flavour = "mysql", version, lowerCaseNames = 0 } = index.catalog;
	return { flavour, version, lowerCaseNames };
}

/** `bytes` is the text as it stands on the wire. Never throws for what a text holds: that becomes a refusal. */
export function analyseText(bytes: Uint8Array, context: ReadingContext, index: CatalogIndex): Answer {
	const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
	try {
		const reading = parseReading(context.reading);
		const environment = { index, server: serverOf(index), reading };
		const { statements, canonical } = parseText(text, environment.server, reading);
		const position = reading.encoding === "utf8" ? characterOffsets(text) : (at: number) => at;
		const read = readGuarded(statements, canonical, text, environment, position);
		return confirmed(read, statements, canonical ?? text, environment);
	} catch (error) {
		const { kind, message, position } = asRefusal(error);
		return { facts: { statements: [], refusal: { kind, message, ...(position === undefined ? {} : { position }) } } };
	}
}

/** Facts of the text, and what takes its place where it uses guarded columns. */
function readGuarded(
	statements: readonly ParsedStatement[],
	canonical: string | undefined,
	text: string,
	environment: Environment,
	position: (at: number) => number,
): TextFacts {
	const { server, reading } = environment;
	const guards = new Guards(server);
	const facts = analyseAll(statements, { ...environment, guards }, position);
	const read: TextFacts = { statements: facts, ...(canonical === undefined ? {} : { canonical }) };
	if (!facts.some(({ relations }) => relations.some(({ sort }) => sort === "guarded"))) return read;
	const parse = (sql: string): readonly ParsedStatement[] => {
		const again = parseText(sql, server, reading);
		if (again.canonical !== undefined) throw unsupported("the text can be read in two ways");
		return again.statements;
	};
	const outcome =
		canonical === undefined
			? wrapped({ text, parsed: statements, statements: facts, guards, server, parse })
			: wrappedCanonical(canonical, environment, parse);
	if (outcome === undefined || outcome === "impossible") return { ...read, statements: facts.map(unwrapped) };
	return { ...read, guarded: outcome };
}

/** Places are those of the text that goes upstream, which is read for them once more. */
function wrappedCanonical(
	text: string,
	environment: Environment,
	parse: (sql: string) => readonly ParsedStatement[],
): GuardedText | "impossible" | undefined {
	const { server } = environment;
	const guards = new Guards(server);
	try {
		const parsed = parse(text);
		const statements = analyseAll(parsed, { ...environment, guards }, (at) => at);
		return wrapped({ text, parsed, statements, guards, server, parse });
	} catch (error) {
		asRefusal(error);
		return "impossible";
	}
}

/** What could not be wrapped is what it would be without. */
function unwrapped(facts: StatementFacts): StatementFacts {
	const relations = facts.relations.map((use) =>
		use.sort === "guarded" ? { ...use, sort: "sensitive" as const } : use,
	);
	return { ...facts, relations };
}

/** The second reader has seen no table that the facts do not hold. It knows one way of writing strings and names. */
function confirmed(
	read: TextFacts,
	statements: readonly ParsedStatement[],
	text: string,
	{ reading, server }: Environment,
): Answer {
	const [only] = statements;
	const [facts] = read.statements;
	const plain = !reading.ansiQuotes && !reading.noBackslashEscapes && statements.length === 1;
	if (!plain || only?.statement.kind !== "query" || facts === undefined || facts.refusal !== undefined)
		return { facts: read };
	const decoded = reading.encoding === "utf8" ? utf8Text(text) : text;
	const unseen = unseenTable(decoded, only.statement, facts, server);
	if (unseen === undefined) return { facts: read };
	const refusal = { kind: "unsupported", message: "two readers of the statement disagree on its tables" } as const;
	return { facts: { ...read, statements: [{ ...facts, refusal }] }, disagrees: true };
}

export function asRefusal(error: unknown): Unreadable {
	if (error instanceof Unreadable) return error;
	// The stack ran out: the text nests deeper than this reader goes.
	if (error instanceof RangeError) return new Unreadable("limit", "the statement nests too deep");
	throw error;
}

function analyseAll(
	statements: readonly ParsedStatement[],
	environment: Environment,
	position: (at: number) => number,
): StatementFacts[] {
	let before: Before = { database: environment.reading.database, definitionsChanged: false, readingChanged: false };
	return statements.map(({ start, end, statement }) => {
		const place = { start: position(start), end: position(end), position };
		const facts = analyseStatement(statement, place, environment, before);
		before = after(before, facts);
		return facts;
	});
}

function analyseStatement(
	tree: MysqlStatement,
	place: Place,
	environment: Environment,
	before: Before,
): StatementFacts {
	const { index } = environment;
	const { guards, ...outside } = environment;
	const nested = (inner: MysqlStatement) => analyseStatement(inner, place, environment, before);
	const quoted = (inner: MysqlStatement) => analyseStatement(inner, place, outside, before);
	const statement = new Statement<MysqlStatement>({ index, database: before.database, guards }, nested, quoted);
	let draft: Draft = { tag: tree.kind === "query" ? tree.tag : tree.kind.toUpperCase() };
	let refusal: Unreadable | undefined;
	try {
		if (before.readingChanged) throw unsupported("an earlier statement of the text changes how text is read");
		draft = tree.kind === "query" ? analyseQuery(statement, tree) : analyseUtility(statement, tree, environment);
		if (before.definitionsChanged && draft.resolvesData === true && touchesData(statement)) {
			throw unsupported("definitions are changed earlier in the same text");
		}
	} catch (error) {
		refusal = asRefusal(error);
	}
	return statement.facts(place, draft, refusal);
}

function touchesData(statement: Statement<MysqlStatement>): boolean {
	return (
		statement.uses.relations().some((use) => use.sort === "data") ||
		statement.uses.functions().some((use) => use.sort === "user")
	);
}

function analyseQuery(statement: Statement<MysqlStatement>, { tag, query, into }: QueryStatement): Draft {
	if (into === undefined) return { tag, ...statement.deliver(query) };
	return { tag: `${tag} INTO`, ...intoSomething(statement, query, into) };
}

/** What goes into a file leaves the reach of the license; what goes into a variable must carry no data. */
function intoSomething(
	statement: Statement<MysqlStatement>,
	query: QueryStatement["query"],
	into: Into,
): Omit<Draft, "tag"> {
	if (into.kind === "file") {
		statement.copyInto(query, `INTO ${into.what}`);
		throw unsupported(`INTO ${into.what} writes a file on the server`, into.position);
	}
	const result = statement.resolver.query(query, undefined);
	for (const [index, column] of result.columns.entries()) {
		column.read?.();
		statement.keep(column.value, into.names[index] ?? "", into.position);
	}
	if (result.open !== undefined) statement.keep(result.open, into.names[0] ?? "", into.position);
	return { resolvesData: true };
}

// ---- what statements leave behind ---------------------------------------------------------------------------------

/** Settings that change how text is read, and the one by which the server tells that they did. */
const READING_SETTINGS = new Set([
	"sql_mode",
	"character_set_client",
	"character_set_connection",
	"collation_connection",
	"session_track_system_variables",
]);

function after(before: Before, facts: StatementFacts): Before {
	const next = facts.changesCatalog ? { ...before, definitionsChanged: true } : before;
	return effectsOf(facts.effect).reduce(afterEffect, next);
}

export function effectsOf(effect: SessionEffect | undefined): readonly SessionEffect[] {
	if (effect === undefined) return [];
	return effect.kind === "several" ? effect.effects.flatMap(effectsOf) : [effect];
}

function afterEffect(before: Before, effect: SessionEffect): Before {
	if (effect.kind === "database") return { ...before, database: effect.name };
	if (effect.kind === "set" && READING_SETTINGS.has(effect.name)) return { ...before, readingChanged: true };
	if (effect.kind === "restore") return { ...before, readingChanged: true };
	return before;
}
