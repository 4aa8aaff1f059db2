/**
 * Wraps the guarded columns and functions of a text (functions/postgres-guards.ts): a system relation with guarded
 * columns in use becomes a subquery that shows them by a condition, and the first argument of a guarded function becomes
 * NULL for what is not covered.
 *
 * Only insertions are made, and never on the word of a lexer alone: the outcome is parsed again, and its tree has to be
 * the original's but for the places that were to be exchanged. What cannot be wrapped is not, and is then sensitive.
 */
import type { FunctionUse, RelationName, StatementFacts } from "../facts.js";
import { type GuardedFunction, guardedColumns, guardedFunction } from "../functions/postgres-guards.js";
import { filled, type GuardedText, NOTHING_COVERED } from "../guarded.js";
import {
	addUsed,
	conditionPieces,
	type Fields,
	fieldsOf,
	type Insertion,
	inserted,
	isFields,
	listOf,
	type Piece,
	Proof,
	type UsedColumns,
} from "../wrapping.js";
import { argumentEnd } from "./arguments.js";

interface GuardedSource {
	readonly schema: string;
	readonly name: string;
	/** All columns, in order. */
	readonly columns: readonly string[];
	readonly hasAlias: boolean;
	/** As the text names it: a function without arguments may deliver its rows. */
	readonly written: { readonly name: string; readonly isCall: boolean };
}

/** System relations and guarded functions of one text, by where the parser saw them (in bytes). */
export class Guards {
	readonly sources = new Map<number, GuardedSource>();
	readonly calls = new Map<number, GuardedFunction>();
	/** Something guarded stands where its place is not known. */
	isLost = false;

	source(
		{ schema, name }: RelationName,
		source: Omit<GuardedSource, "schema" | "name">,
		position: number | undefined,
	): void {
		if (guardedColumns(schema, name) === undefined) return;
		if (position === undefined) this.isLost = true;
		else this.sources.set(position, { schema, name, ...source });
	}

	call(name: string, position: number | undefined): void {
		const guard = guardedFunction(name);
		if (guard === undefined) return;
		if (position === undefined) this.isLost = true;
		else this.calls.set(position, guard);
	}
}

/** A call that was to be wrapped and is not. */
export function unwrappedUse(use: FunctionUse): FunctionUse {
	const guard = use.schema === "pg_catalog" && use.form === "function" ? guardedFunction(use.name) : undefined;
	return guard === undefined ? use : { ...use, sort: "restricted", why: `it shows ${guard.why}` };
}

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"]);

export interface WrapOptions {
	readonly text: string;
	readonly tree: unknown;
	readonly statements: readonly StatementFacts[];
	readonly guards: Guards;
	/** Turns the parser's positions into characters of the text. */
	readonly position: (bytes: number) => number;
	readonly parse: (text: string) => unknown;
}

/** The wrapped text; undefined where there is nothing to wrap; `impossible` where it cannot be done. */
export function wrapped(options: WrapOptions): GuardedText | "impossible" | undefined {
	const { text, guards, position } = options;
	const used = usedColumns(options.statements);
	const sources = [...guards.sources].filter(([, { schema, name }]) => used.has(`${schema}.${name}`));
	if (guards.isLost) return "impossible";
	if (sources.length === 0 && guards.calls.size === 0) return used.size === 0 ? undefined : "impossible";
	const insertions: Insertion[] = [];
	const names = new Set<string>();
	const key = unusedName(text);
	const hasStar = JSON.stringify(options.tree).includes('"A_Star"');
	for (const [at, source] of sources) {
		const columns = used.get(`${source.schema}.${source.name}`) ?? [];
		const made = wrapSource(text, position(at), source, columns, hasStar);
		if (made === undefined) return "impossible";
		insertions.push(...made);
		for (const column of guardedOf(source, columns)) names.add(`${source.schema}.${source.name}.${column}`);
	}
	for (const [at, guard] of guards.calls) {
		const made = wrapArgument(text, position(at), guard, key);
		if (made === undefined) return "impossible";
		insertions.push(...made.insertions);
		names.add(`pg_catalog.${made.name}`);
	}
	const guarded = { engine: "postgres" as const, pieces: inserted(text, insertions), guards: [...names] };
	const places = { sources: new Set(sources.map(([at]) => at)), calls: guards.calls };
	return isFaithful(options, guarded, places) ? guarded : "impossible";
}

/** Columns in use of the system relations that have guarded ones in use. */
function usedColumns(statements: readonly StatementFacts[]): UsedColumns {
	const used: UsedColumns = new Map();
	const add = ({ relations, effect }: StatementFacts): void => {
		for (const use of relations) if (use.sort === "guarded") addUsed(used, use);
		if (effect?.kind === "prepare" || effect?.kind === "declare") add(effect.statement);
	};
	statements.forEach(add);
	return used;
}

function guardedOf({ schema, name, columns }: GuardedSource, used: readonly string[] | "all"): string[] {
	const guards = guardedColumns(schema, name);
	return columns.filter((column) => guards?.has(column) === true && (used === "all" || used.includes(column)));
}

/** A name that stands nowhere in the text, so that nothing in it can mean what is inserted. */
function unusedName(text: string): string {
	for (let number = 0; ; number++) {
		const name = `licet_${number}`;
		if (!text.includes(name)) return name;
	}
}

// ---- relations ----------------------------------------------------------------------------------------------------

/** Up to three parts of a name as PostgreSQL writes them; what is written otherwise is not wrapped. */
const NAME = /(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")(?:\s*\.\s*(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"))*/y;

const NO_ARGUMENTS = /\s*\(\s*\)/y;

function wrapSource(
	text: string,
	at: number,
	source: GuardedSource,
	used: readonly string[] | "all",
	hasStar: boolean,
): readonly Insertion[] | undefined {
	NAME.lastIndex = at;
	const [written = ""] = NAME.exec(text) ?? [];
	const last = written.split(".").at(-1)?.trim() ?? "";
	if ((last.startsWith('"') ? last.slice(1, -1) : last.toLowerCase()) !== source.written.name) return undefined;
	const nameEnd = at + written.length;
	NO_ARGUMENTS.lastIndex = nameEnd;
	const [parentheses = ""] = source.written.isCall ? (NO_ARGUMENTS.exec(text) ?? []) : [];
	if (source.written.isCall && parentheses === "") return undefined;
	const end = nameEnd + parentheses.length;
	// ONLY and TABLE take a name and nothing else; a comment may hide either.
	if (/(?:\bonly\s*\(?|\btable|\*\/|--[^\n\r]*[\n\r])\s*$/i.test(text.slice(0, at))) return undefined;
	if (/^\s*\*/.test(text.slice(end))) return undefined;
	const system = used === "all" ? [] : used.filter((column) => SYSTEM_COLUMNS.has(column));
	// A column more would show in `*`.
	if (system.length > 0 && hasStar) return undefined;
	const guards = guardedColumns(source.schema, source.name);
	const columns = source.columns.map((column): Piece[] => {
		const guard = guards?.get(column);
		const name = `"${column}"`;
		if (guard === undefined) return [`x.${name}`];
		return ["CASE WHEN ", ...shownPieces(guard.shown), ` THEN x.${name} END AS ${name}`];
	});
	for (const column of new Set(system)) columns.push([`x.${column}`]);
	const list = columns.flatMap((pieces, index) => (index === 0 ? pieces : [", ", ...pieces]));
	const alias = source.hasAlias ? "" : ` AS "${source.written.name}"`;
	return [
		{ at, pieces: ["(SELECT ", ...list, " FROM "] },
		{ at: end, pieces: [` AS x)${alias}`] },
	];
}

const TEST = /\$([RBFTN])\(([a-z_.]+)\)/g;
const AMONG = { R: "relations", B: "untold", F: "functions", T: "types", N: "schemas" } as const;

function shownPieces(condition: string): Piece[] {
	return conditionPieces(condition, TEST, (match) => [
		{ of: match[2] ?? "", among: AMONG[match[1] as keyof typeof AMONG] },
	]);
}

// ---- functions ----------------------------------------------------------------------------------------------------

const CALL = new RegExp(`${NAME.source}\\s*\\(`, "y");

function wrapArgument(
	text: string,
	at: number,
	{ keys, argument }: GuardedFunction,
	key: string,
): { readonly insertions: readonly Insertion[]; readonly name: string } | undefined {
	CALL.lastIndex = at;
	const [written] = CALL.exec(text) ?? [];
	if (written === undefined) return undefined;
	const start = at + written.length;
	const end = argumentEnd(text, start);
	if (end === undefined) return undefined;
	const cast = argument === "regclass" ? "::pg_catalog.regclass::pg_catalog.oid" : `::pg_catalog.${argument}`;
	const before: Piece[] = [
		`(SELECT ${key} FROM (`,
		...shownPieces(keys),
		`) AS ${key}_keys(${key}) WHERE ${key} OPERATOR(pg_catalog.=) (`,
	];
	const insertions = [
		{ at: start, pieces: before },
		// On a line of its own, for the argument may end with a comment.
		{ at: end, pieces: [`\n)${cast} LIMIT 1)`] },
	];
	const name = written.slice(0, -1).split(".").at(-1)?.trim().replaceAll('"', "").toLowerCase() ?? "";
	return { insertions, name };
}

// ---- proof --------------------------------------------------------------------------------------------------------

interface Places {
	readonly sources: ReadonlySet<number>;
	readonly calls: ReadonlyMap<number, GuardedFunction>;
}

/** The wrapped text's tree is the original's but for what was to be exchanged, and all of that was. */
function isFaithful({ tree, parse }: WrapOptions, guarded: GuardedText, places: Places): boolean {
	const outcome = parse(filled(guarded, NOTHING_COVERED));
	const proof = new PostgresProof(places);
	return proof.alike(tree, outcome) && proof.exchanged === places.sources.size + places.calls.size;
}

/** Where a node stands is all that insertions may change of it. */
const PLACES: ReadonlySet<string> = new Set(
	"location stmt_location stmt_len list_start list_end rexpr_list_start rexpr_list_end".split(" "),
);

class PostgresProof extends Proof {
	constructor(readonly places: Places) {
		super(PLACES);
	}

	protected override exchange(one: Fields, other: Fields): boolean | undefined {
		if (isFields(one.RangeVar) && this.places.sources.has(one.RangeVar.location as number)) {
			return this.#isWrapped("RangeVar", one.RangeVar, one.RangeVar.relname, other);
		}
		const called = isFields(one.RangeFunction) ? soleCall(one.RangeFunction) : undefined;
		if (called !== undefined && this.places.sources.has(called.location as number)) {
			return this.#isWrapped("RangeFunction", fieldsOf(one.RangeFunction), calledName(called), other);
		}
		const call = isFields(one.FuncCall) ? one.FuncCall : undefined;
		if (call === undefined || !this.places.calls.has(call.location as number)) return undefined;
		return this.#isGuardedCall(call, other);
	}

	/** `source alias` has become `(SELECT … FROM source AS x) alias`. */
	#isWrapped(tag: "RangeVar" | "RangeFunction", source: Fields, name: unknown, other: Fields): boolean {
		const { subquery, alias } = fieldsOf(other.RangeSubselect);
		const [inner, ...more] = listOf(fieldsOf(fieldsOf(subquery).SelectStmt).fromClause);
		if (more.length > 0 || !isFields(inner)) return false;
		const { alias: _x, ...rest } = fieldsOf(inner[tag]);
		const { alias: own, ...bare } = source;
		this.exchanged += 1;
		return this.bodiesAlike(bare, rest) && this.alike(own ?? { aliasname: name }, alias);
	}

	/** Its first argument has become a subquery that compares it with keys. */
	#isGuardedCall(call: Fields, other: Fields): boolean {
		const { args, ...rest } = call;
		const { args: otherArgs, ...otherRest } = fieldsOf(other.FuncCall);
		const [first, ...behind] = listOf(args);
		const [wrappedFirst, ...otherBehind] = listOf(otherArgs);
		const select = fieldsOf(fieldsOf(fieldsOf(fieldsOf(wrappedFirst).SubLink).subselect).SelectStmt);
		let compared: unknown = fieldsOf(fieldsOf(select.whereClause).A_Expr).rexpr;
		const casts = this.places.calls.get(call.location as number)?.argument === "regclass" ? 2 : 1;
		for (let cast = 0; cast < casts; cast++) compared = fieldsOf(fieldsOf(compared).TypeCast).arg;
		this.exchanged += 1;
		return this.bodiesAlike(rest, otherRest) && this.alike(behind, otherBehind) && this.alike(first, compared);
	}
}

/** The call of a source that is one function. */
function soleCall(source: Fields): Fields | undefined {
	const [entry, ...more] = listOf(source.functions);
	const [call] = listOf(fieldsOf(fieldsOf(entry).List).items);
	return more.length > 0 ? undefined : fieldsOf(fieldsOf(call).FuncCall);
}

function calledName(call: Fields): unknown {
	return fieldsOf(fieldsOf(listOf(call.funcname).at(-1)).String).sval;
}
