/**
 * A second pair of eyes on queries and writes: another parser, whose tables have to be among those that we found. It
 * reads less than we do, so that it does not read a text means nothing; that it sees a table which we do not means that
 * one of the two is wrong, and the text is refused.
 *
 * `node-sql-parser` takes milliseconds and can be slow on deep nesting: it sees short, flat texts alone, each once.
 */
import { createRequire } from "node:module";
import type { RelationUse, StatementFacts } from "../facts.js";
import type { QueryStatement } from "./ast.js";
import { foldTable, type Server } from "./flavour.js";

interface OtherParser {
	tableList(sql: string, options: { readonly database: string }): readonly string[];
}

const require = createRequire(import.meta.url);
const parsers = new Map<Server["flavour"], OtherParser>();

/** Longer texts are lists of values for the most part, of which it makes a tree of objects. */
const MAX_CHARACTERS = 4096;
/** Its grammar tries alternatives over and over inside brackets. */
const MAX_DEPTH = 12;

function parserOf(flavour: Server["flavour"]): OtherParser {
	let parser = parsers.get(flavour);
	if (parser === undefined) {
		const module = require(`node-sql-parser/build/${flavour}.js`) as { readonly Parser: new () => OtherParser };
		parser = new module.Parser();
		parsers.set(flavour, parser);
	}
	return parser;
}

function depthOf(text: string): number {
	let depth = 0;
	let deepest = 0;
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === 0x28) deepest = Math.max(deepest, ++depth);
		else if (code === 0x29) depth -= 1;
	}
	return deepest;
}

/** A table that the other parser sees and the facts do not hold; undefined: there is none, or it does not read the text. */
export function unseenTable(
	text: string,
	tree: QueryStatement,
	facts: StatementFacts,
	server: Server,
): string | undefined {
	if (text.length > MAX_CHARACTERS || depthOf(text) > MAX_DEPTH) return undefined;
	let tables: readonly string[];
	try {
		tables = parserOf(server.flavour).tableList(text, { database: server.flavour === "mysql" ? "MySQL" : "MariaDB" });
	} catch {
		return undefined;
	}
	const own = ownNames(tree);
	// MariaDB compares common tables without case, and so are those of the other reader asked for below.
	const folded = server.flavour === "mariadb" ? own.map((name) => name.toLowerCase()) : [];
	const known = new Set<string>([...facts.relations.flatMap(namesOf), ...own, ...folded]);
	return tables.find((entry) => !isKnown(entry, known, server));
}

function namesOf({ schema, name }: RelationUse): string[] {
	return [name, `${schema}.${name}`];
}

/** `select::db::table`; "null" for no database. */
function isKnown(entry: string, known: ReadonlySet<string>, server: Server): boolean {
	const [, schema = "null", ...rest] = entry.split("::");
	const name = foldTable(server, rest.join("::"));
	// A word that no table can have for a name without quotes: it has taken an option for a table (UPDATE IGNORE t).
	if (name === "" || name.toLowerCase() === "dual" || name.toLowerCase() === "ignore") return true;
	const path = schema === "null" ? name : `${foldTable(server, schema)}.${name}`;
	// Names of information_schema compare without case.
	return known.has(path) || known.has(path.toLowerCase());
}

/** What the text itself gives names to: common tables, and aliases, which joined writes are told by. */
function ownNames(tree: QueryStatement): string[] {
	const names: string[] = [];
	const visit = (node: unknown): void => {
		if (typeof node !== "object" || node === null) return;
		if (Array.isArray(node)) {
			for (const item of node) visit(item);
			return;
		}
		if ("name" in node && "query" in node && typeof node.name === "string") names.push(node.name);
		const isJoinedWrite = "kind" in node && (node.kind === "joinedDelete" || node.kind === "joinedUpdate");
		if (isJoinedWrite && "from" in node) names.push(...aliases(node.from));
		for (const value of Object.values(node)) visit(value);
	};
	visit(tree.query);
	return names;
}

function aliases(sources: unknown): string[] {
	if (Array.isArray(sources)) return sources.flatMap(aliases);
	if (typeof sources !== "object" || sources === null) return [];
	const own = "alias" in sources ? (sources.alias as { readonly name?: string } | undefined)?.name : undefined;
	const inner = "left" in sources && "right" in sources ? aliases([sources.left, sources.right]) : [];
	return own === undefined ? inner : [own, ...inner];
}
