/**
 * Wraps the guarded columns of a text (functions/mysql-guards.ts): a system relation with guarded columns in use becomes a
 * derived table that shows them by a condition, and a SHOW that would tell the same gets a condition more.
 *
 * As PostgreSQL's (postgres/guards.ts) it only inserts, and the outcome is read again: its tree has to be the original's but
 * for the places that were to be exchanged. What cannot be wrapped is not, and is then sensitive.
 */
import type { RelationName, StatementFacts } from "../facts.js";
import { isMysqlSystemSchema } from "../functions/mysql-catalogs.js";
import { mysqlGuardedColumns, settingShown } from "../functions/mysql-guards.js";
import { type ExtentTest, filled, type GuardedText, NOTHING_COVERED, nameKey } from "../guarded.js";
import type { RelationPath } from "../query.js";
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
import type { ShowPlace } from "./ast.js";
import type { Server } from "./flavour.js";
import type { ParsedStatement } from "./parse.js";

interface GuardedSource extends RelationName {
	readonly end: number;
	/** All columns, in order. */
	readonly columns: readonly string[];
	/** As the text names it, where it gives it no other name. */
	readonly bareName: string | undefined;
}

interface GuardedShow {
	readonly place: ShowPlace;
	readonly column: string;
	readonly pieces: readonly Piece[];
	/** What it would tell, as messages name it. */
	readonly what: string;
}

/** What a SHOW lists that tells more than names. */
export type ShowListing =
	| { readonly of: "tables" | "triggers"; readonly schema: string }
	| { readonly of: "routines" }
	| { readonly of: "variables" };

/** The catalogs that tell the same: what facts hold of a SHOW. */
export const LISTED_COLUMN: Readonly<Record<ShowListing["of"], readonly [relation: string, column: string]>> = {
	tables: ["tables", "table_comment"],
	triggers: ["triggers", "action_statement"],
	routines: ["routines", "routine_comment"],
	variables: ["session_variables", "variable_value"],
};

/** System relations and SHOWs of one text, by where they stand in it (in bytes). */
export class Guards {
	readonly sources = new Map<number, GuardedSource>();
	readonly shows = new Map<number, GuardedShow>();
	readonly #server: Server;
	/** Something guarded stands where its place is not known. */
	isLost = false;

	constructor(server: Server) {
		this.#server = server;
	}

	source({ schema, name }: RelationName, columns: readonly string[], path: RelationPath, hasAlias: boolean): void {
		if (mysqlGuardedColumns(this.#server.flavour, schema, name) === undefined) return;
		const { position, end } = path;
		if (position === undefined || end === undefined) this.isLost = true;
		else this.sources.set(position, { schema, name, end, columns, bareName: hasAlias ? undefined : path.name });
	}

	show(listing: ShowListing, place: ShowPlace): void {
		const [relation, column] = LISTED_COLUMN[listing.of];
		const what = `information_schema.${relation}.${column}`;
		this.shows.set(place.start, { place, ...showCondition(listing, this.#server), what });
	}
}

export interface WrapOptions {
	/** What the positions of `parsed` and `guards` are places of. */
	readonly text: string;
	readonly parsed: readonly ParsedStatement[];
	readonly statements: readonly StatementFacts[];
	readonly guards: Guards;
	readonly server: Server;
	/** Reads a text as `text` was read; throws where it cannot be read, or would have to be written otherwise. */
	readonly parse: (text: string) => readonly ParsedStatement[];
}

/** The wrapped text; undefined where there is nothing to wrap; `impossible` where it cannot be done. */
export function wrapped(options: WrapOptions): GuardedText | "impossible" | undefined {
	const { text, guards, server } = options;
	const used = usedColumns(options.statements);
	if (used.size === 0) return undefined;
	const sources = [...guards.sources].filter(([, { schema, name }]) => used.has(`${schema}.${name}`));
	if (guards.isLost || (sources.length === 0 && guards.shows.size === 0)) return "impossible";
	const insertions: Insertion[] = [];
	const names = new Set<string>();
	let always = false;
	const spelled = spellings(options);
	for (const [at, source] of sources) {
		const columns = used.get(`${source.schema}.${source.name}`) ?? [];
		const { pieces, guarded, hides } = derivedTable(source, columns, spelled, server);
		always ||= hides;
		insertions.push({ at, pieces });
		const alias = source.bareName === undefined ? "" : ` AS \`${source.bareName.replaceAll("`", "``")}\``;
		insertions.push({ at: source.end, pieces: [` AS x)${alias}`] });
		for (const column of guarded) names.add(`${source.schema}.${source.name}.${column}`);
	}
	for (const { place, column, pieces, what } of guards.shows.values()) {
		insertions.push(...showInsertions(place, column, pieces));
		always ||= isConstant(pieces);
		names.add(what);
	}
	const guarded: GuardedText = { engine: "mysql", pieces: inserted(text, insertions), guards: [...names], always };
	return isFaithful(options, guarded, new Set(sources.map(([at]) => at))) ? guarded : "impossible";
}

/** Columns in use of the system relations that have guarded ones in use. */
function usedColumns(statements: readonly StatementFacts[]): UsedColumns {
	const used: UsedColumns = new Map();
	const relations = statements.flatMap((statement) => statement.relations);
	for (const use of relations) if (use.sort === "guarded") addUsed(used, use);
	// Of the same relation a use without guarded columns counts too: it may be another place in the text.
	for (const use of relations) if (use.sort === "catalog" && used.has(`${use.schema}.${use.name}`)) addUsed(used, use);
	return used;
}

/** The last part of a name; what is written otherwise is not found, and then it is called as the server calls it. */
const PATH = /(?:(?:`\w+`|\w+)\s*\.\s*)*`?(\w+)`?/y;

/**
 * How the text writes the names of columns, by their names in lower case. MariaDB heads a result with the name that a derived
 * table gives to a column, and with the text's own where a table has it. MySQL's catalogs are views, whose names it shows.
 */
function spellings({ text, parsed, server }: WrapOptions): ReadonlyMap<string, string> {
	const found = new Map<string, { readonly name: string; readonly position: number }>();
	let hasStar = false;
	const walk = (node: unknown): void => {
		if (Array.isArray(node)) for (const item of node) walk(item);
		if (!isFields(node)) return;
		const { kind, star, position } = node;
		if (kind === "name" && typeof position === "number") {
			hasStar ||= star === true;
			PATH.lastIndex = position;
			const name = PATH.exec(text)?.[1] ?? "";
			const known = found.get(name.toLowerCase());
			if (known === undefined || position < known.position) found.set(name.toLowerCase(), { name, position });
		}
		for (const field of Object.values(node)) walk(field);
	};
	walk(parsed.map(({ statement }) => statement));
	if (server.flavour === "mysql" || hasStar) return new Map();
	return new Map([...found].map(([folded, { name }]) => [folded, name]));
}

// ---- relations ----------------------------------------------------------------------------------------------------

/** Columns that are not used are left out: MariaDB opens each table for some of them. */
function derivedTable(
	{ schema, name, columns }: GuardedSource,
	used: readonly string[] | "all",
	spelled: ReadonlyMap<string, string>,
	server: Server,
): { readonly pieces: readonly Piece[]; readonly guarded: readonly string[]; readonly hides: boolean } {
	const guards = mysqlGuardedColumns(server.flavour, schema, name);
	const kept = columns.filter((column) => used === "all" || used.includes(column));
	const guarded = kept.filter((column) => guards?.has(column) === true);
	const items = kept.map((column): Piece[] => {
		const guard = guards?.get(column);
		// The servers' own names are in capitals.
		const quoted = `\`${column.toUpperCase()}\``;
		const named = ` AS \`${spelled.get(column) ?? column.toUpperCase()}\``;
		if (guard === undefined) return [`x.${quoted}${named}`];
		const shown: Piece[] = ["CASE WHEN ", ...condition(guard.shown, server), ` THEN x.${quoted} END`];
		// Of what is never NULL the result says so too: MariaDB takes the condition to be NULL, perhaps.
		if (guard.otherwise === undefined) return [...shown, named];
		return ["COALESCE(", ...shown, `, ${guard.otherwise})${named}`];
	});
	const list = items.flatMap((pieces, index) => (index === 0 ? pieces : [", ", ...pieces]));
	const hides = guarded.some((column) => isConstant(condition(guards?.get(column)?.shown ?? NEVER, server)));
	return { pieces: ["(SELECT ", ...list, " FROM "], guarded, hides };
}

/** A condition that asks for nothing of what is covered: it hides the same from all. */
function isConstant(pieces: readonly Piece[]): boolean {
	return pieces.every((piece) => typeof piece === "string");
}

const NEVER = "0";
const TEST = /\$([RPBFNO])\(([\w.]+)(?:, ([\w.]+))?\)/g;
const AMONG = {
	R: "relations",
	P: "plain",
	B: "untold",
	F: "functions",
	N: "schemas",
	O: "wholeSchemas",
} as const;

const SYSTEM_SCHEMAS = ["information_schema", "mysql", "performance_schema", "sys"]
	.map((name) => `'${nameKey(name)}'`)
	.join(",");

function condition(shown: string, server: Server): Piece[] {
	return conditionPieces(shown, TEST, ([, letter, schema = "", name]) => {
		const among = AMONG[letter as keyof typeof AMONG];
		return test(among, column(schema), name === undefined ? undefined : column(name), server);
	});
}

function column(name: string): string {
	return name.includes(".") ? name : `x.\`${name}\``;
}

/** Whether something is the server's own, or covered. */
function test(among: ExtentTest["among"], schema: string, name: string | undefined, server: Server): Piece[] {
	const fold = (text: string, always = false) => (always || server.lowerCaseNames !== 0 ? `LOWER(${text})` : text);
	const key = `HEX(${fold(schema)})`;
	const of = name === undefined ? key : `CONCAT(${key}, '.', HEX(${fold(name, among === "functions")}))`;
	return [`(HEX(${schema}) IN (${SYSTEM_SCHEMAS}) OR `, { of, among }, ")"];
}

// ---- SHOW ---------------------------------------------------------------------------------------------------------

function showCondition(listing: ShowListing, server: Server): Pick<GuardedShow, "column" | "pieces"> {
	const fold = (text: string) => (server.lowerCaseNames === 0 ? text : `LOWER(${text})`);
	switch (listing.of) {
		case "tables": {
			const of = `CONCAT('${nameKey(listing.schema)}.', HEX(${fold("`Name`")}))`;
			const plain: Piece[] = [" AND (`Checksum` IS NULL OR ", { of, among: "plain" }, ")"];
			const untold: Piece[] = [" AND (`Auto_increment` IS NULL OR ", { of, among: "untold" }, ")"];
			return { column: "`Name`", pieces: [{ of, among: "relations" }, ...plain, ...untold] };
		}
		case "triggers": {
			const of = `CONCAT('${nameKey(listing.schema)}.', HEX(${fold("`Table`")}))`;
			return { column: "`Table`", pieces: [{ of, among: "relations" }] };
		}
		case "routines":
			return { column: "`Name`", pieces: ["`Comment` = '' OR ", ...test("functions", "`Db`", "`Name`", server)] };
		case "variables":
			return { column: "`Variable_name`", pieces: [settingShown("`Variable_name`")] };
		default:
			return listing satisfies never;
	}
}

/** A listing of the server's own things is nobody's secret. */
export function isListingGuarded(listing: ShowListing): boolean {
	return !("schema" in listing) || !isMysqlSystemSchema(listing.schema);
}

function showInsertions(place: ShowPlace, column: string, pieces: readonly Piece[]): Insertion[] {
	const { start, end, where, like } = place;
	const also: Piece[] = ["(", ...pieces, ")"];
	if (where !== undefined) {
		return [
			{ at: where, pieces: [...also, " AND ("] },
			{ at: end, pieces: [")"] },
		];
	}
	if (like !== undefined) return [{ at: start, pieces: ["WHERE ", ...also, ` AND ${column} `] }];
	return [{ at: end, pieces: [" WHERE ", ...also] }];
}

// ---- proof --------------------------------------------------------------------------------------------------------

/** The wrapped text's trees are the original's but for what was to be exchanged, and all of that was. */
function isFaithful(
	{ parsed, parse, guards }: WrapOptions,
	guarded: GuardedText,
	sources: ReadonlySet<number>,
): boolean {
	let outcome: readonly ParsedStatement[];
	try {
		outcome = parse(filled(guarded, NOTHING_COVERED));
	} catch {
		return false;
	}
	const proof = new MysqlProof(sources, guards.shows);
	const trees = (statements: readonly ParsedStatement[]) => statements.map(({ statement }) => statement);
	return proof.alike(trees(parsed), trees(outcome)) && proof.exchanged === sources.size + guards.shows.size;
}

/** Where a node stands is all that insertions may change of it. */
const PLACES: ReadonlySet<string> = new Set(["position", "end", "start", "place"]);

class MysqlProof extends Proof {
	constructor(
		readonly sources: ReadonlySet<number>,
		readonly shows: ReadonlyMap<number, GuardedShow>,
	) {
		super(PLACES);
	}

	protected override exchange(one: Fields, other: Fields): boolean | undefined {
		if (one.kind === "relation" && this.sources.has(fieldsOf(one.relation).position as number)) {
			return this.#isWrapped(one, other);
		}
		const show = one.kind === "show" ? this.shows.get(fieldsOf(one.place).start as number) : undefined;
		return show === undefined ? undefined : this.#isFiltered(one, other, show);
	}

	/** `relation alias` has become `(SELECT … FROM relation AS x) alias`. */
	#isWrapped(one: Fields, other: Fields): boolean {
		const { relation, alias } = one;
		const [inner, ...more] = listOf(fieldsOf(fieldsOf(other.query).body).from);
		if (other.kind !== "derived" || other.lateral !== false || more.length > 0 || !isFields(inner)) return false;
		this.exchanged += 1;
		const expected = alias ?? { name: fieldsOf(relation).name, columns: [] };
		return (
			inner.kind === "relation" &&
			this.alike({ name: "x", columns: [] }, inner.alias) &&
			this.bodiesAlike(fieldsOf(relation), fieldsOf(inner.relation)) &&
			this.bodiesAlike(one, inner, ["relation", "alias"]) &&
			this.alike(expected, other.alias)
		);
	}

	/** `SHOW … [LIKE pattern | WHERE condition]` has become `SHOW … WHERE (…) AND …`. */
	#isFiltered(one: Fields, other: Fields, { place }: GuardedShow): boolean {
		this.exchanged += 1;
		if (!this.bodiesAlike(one, other, ["where"])) return false;
		const { where, like } = place;
		if (where === undefined && like === undefined) return isFields(other.where);
		const { kind, op, operands } = fieldsOf(other.where);
		const both = listOf(operands);
		if (kind !== "logic" || op !== "and" || both.length !== 2) return false;
		if (where !== undefined) return this.alike(one.where, both[1]);
		const compared = listOf(fieldsOf(both[1]).operands);
		return compared.length === 2 && fieldsOf(compared[1]).value === like;
	}
}
