/**
 * Definitions inside CREATE TABLE and ALTER TABLE: columns, keys, constraints, partitions, options. What they hold that
 * means something (expressions, tables that are referred to, engines that reach beyond the server) is gathered as deeds.
 * MySQL: manual, "CREATE TABLE Statement"; MariaDB: "CREATE TABLE".
 */
import type { Expression, RelationPath } from "../query.js";
import type { Deed } from "./ast.js";
import { simpleExpression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { relationPath } from "./sources.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";
import { charsetOf, columnType } from "./types.js";
import { defaultCharset, equals, ifNotExists, integer, nameOrText, number, onRelation, size } from "./utility-parts.js";

/** What a definition was seen to do. */
export interface Seen {
	readonly deeds: Deed[];
	/** The table that is defined, where it exists already. */
	readonly over?: RelationPath;
}

function keep(seen: Seen, expression: Expression, use: "copy" | "derive" = "derive"): void {
	const { over } = seen;
	seen.deeds.push({ kind: "expression", expression, use, ...(over === undefined ? {} : { over }) });
}

// ---- columns ------------------------------------------------------------------------------------------------------

/** `name type attribute …` */
export function column(g: Grammar, seen: Seen): void {
	columnName(g);
	columnBody(g, seen);
}

export function columnName(g: Grammar): string {
	const { cursor } = g;
	let name = cursor.columnName();
	while (cursor.isMariaDb && cursor.takeSymbol(".")) name = cursor.columnName(true);
	return name;
}

export function columnBody(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	const type = cursor.word();
	columnType(cursor);
	if (cursor.isWord("UNSIGNED", -1) && cursor.isWord("SIGNED", -2)) throw cursor.fail(undefined, -1);
	if (cursor.isMariaDb && COMPRESSIBLE.has(type)) compressed(g);
	if (type === "SERIAL" && cursor.isAnyWord("AS", "GENERATED")) throw cursor.fail();
	let collations = 0;
	for (;;) {
		if (cursor.isWord("COLLATE")) collations += 1;
		if (collations > 1 && !cursor.isMariaDb) throw cursor.fail();
		if (!attribute(g, seen)) return;
	}
}

const COMPRESSIBLE = new Set(
	"VARCHAR VARBINARY TINYBLOB BLOB MEDIUMBLOB LONGBLOB TINYTEXT TEXT MEDIUMTEXT LONGTEXT NVARCHAR JSON VARCHAR2".split(
		" ",
	),
);

/** COMPRESSED [= method], with what else may follow a type of text. */
function compressed(g: Grammar): void {
	if (!g.cursor.take("COMPRESSED")) return;
	if (g.cursor.takeSymbol("=")) nameOrText(g.cursor);
	charsetOf(g.cursor);
}

function attribute(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	const word = cursor.kind() === KIND.word ? cursor.word() : "";
	switch (word) {
		case "NOT":
			cursor.at += 1;
			if (cursor.takeAny("NULL", ...(cursor.isMariaDb ? ["INVISIBLE"] : ["SECONDARY"])) === undefined)
				throw cursor.fail();
			return true;
		case "NULL":
		case "AUTO_INCREMENT":
		case "VISIBLE":
		case "INVISIBLE":
		case "KEY":
		case "VIRTUAL":
		case "STORED":
		case "PERSISTENT":
			cursor.at += 1;
			return true;
		case "DEFAULT":
			cursor.at += 1;
			defaultValue(g, seen);
			return true;
		case "ON":
			cursor.expect("ON", "UPDATE");
			now(g);
			return true;
		case "UNIQUE":
			cursor.at += 1;
			cursor.take("KEY");
			return true;
		case "PRIMARY":
			cursor.at += 1;
			cursor.take("KEY");
			return true;
		case "COMMENT":
			cursor.at += 1;
			cursor.string();
			return true;
		case "COLLATE":
			cursor.at += 1;
			collation(cursor);
			return true;
		case "COLUMN_FORMAT":
		case "STORAGE":
			cursor.at += 1;
			if (cursor.takeAny("FIXED", "DYNAMIC", "DEFAULT", "DISK", "MEMORY") === undefined) throw cursor.fail();
			return true;
		case "ENGINE_ATTRIBUTE":
		case "SECONDARY_ENGINE_ATTRIBUTE":
			cursor.at += 1;
			equals(cursor);
			cursor.string();
			return true;
		case "SRID":
			cursor.at += 1;
			integer(cursor);
			return true;
		case "REF_SYSTEM_ID":
			cursor.at += 1;
			equals(cursor);
			integer(cursor);
			return true;
		case "SERIAL":
			cursor.expect("SERIAL", "DEFAULT", "VALUE");
			return true;
		case "GENERATED":
			cursor.at += 1;
			cursor.expect("ALWAYS", "AS");
			generated(g, seen);
			return true;
		case "AS":
			cursor.at += 1;
			generated(g, seen);
			return true;
		case "REFERENCES":
			references(g, seen);
			return true;
		case "CONSTRAINT":
		case "CHECK":
			return checkConstraint(g, seen);
		case "WITH":
		case "WITHOUT":
			if (!cursor.isMariaDb) return false;
			cursor.at += 1;
			cursor.expect("SYSTEM", "VERSIONING");
			return true;
		case "FIRST":
		case "AFTER":
			return false;
		default:
			return cursor.isMariaDb && engineOption(g);
	}
}

/** MariaDB's engines have options of their own: `name = value`. */
function engineOption(g: Grammar): boolean {
	const { cursor } = g;
	if (!cursor.isName() || !cursor.isSymbol("=", 1)) return false;
	cursor.at += 2;
	if (cursor.kind() === KIND.decimal) throw cursor.fail();
	optionValue(g);
	return true;
}

function optionValue(g: Grammar): void {
	const { cursor } = g;
	if (cursor.kind() === KIND.text) cursor.string();
	else if (cursor.isNameOrWord()) cursor.at += 1;
	else number(cursor);
}

function generated(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("ROW")) {
		if (cursor.takeAny("START", "END") === undefined) throw cursor.fail();
		return;
	}
	keep(
		seen,
		cursor.inBrackets(() => g.expression()),
		"copy",
	);
	const isKept = cursor.takeAny("VIRTUAL", "STORED", ...(cursor.isMariaDb ? ["PERSISTENT"] : [])) !== undefined;
	if (isKept && cursor.isAnyWord("WITH", "WITHOUT")) throw cursor.fail();
}

export function defaultValue(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isSymbol("(")) {
		keep(
			seen,
			cursor.inBrackets(() => g.expression()),
		);
	} else if (cursor.isSymbol("-") || cursor.isSymbol("+")) number(cursor);
	else keep(seen, simpleExpression(g));
}

function now(g: Grammar): void {
	const { cursor } = g;
	if (cursor.takeAny("NOW", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP") === undefined) throw cursor.fail();
	if (cursor.takeSymbol("(") && !cursor.takeSymbol(")")) {
		integer(cursor);
		cursor.expectSymbol(")");
	}
}

function checkConstraint(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (cursor.take("CONSTRAINT") && !cursor.isWord("CHECK")) cursor.name();
	cursor.expect("CHECK");
	keep(
		seen,
		cursor.inBrackets(() => g.expression()),
	);
	enforcement(g);
	return true;
}

function enforcement(g: Grammar): void {
	if (g.cursor.isMariaDb) return;
	if (!g.cursor.take("ENFORCED")) g.cursor.take("NOT", "ENFORCED");
}

// ---- keys ---------------------------------------------------------------------------------------------------------

/** `REFERENCES t [(columns)] [MATCH …] [ON …]` */
function references(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	cursor.expect("REFERENCES");
	const path = relationPath(cursor);
	if (cursor.isSymbol("(")) cursor.inBrackets(() => cursor.list(() => cursor.name()));
	if (cursor.take("MATCH") && cursor.takeAny("FULL", "PARTIAL", "SIMPLE") === undefined) throw cursor.fail();
	const events = new Set<string>();
	while (cursor.take("ON")) {
		const event = cursor.takeAny("DELETE", "UPDATE");
		if (event === undefined || events.has(event)) throw cursor.fail();
		events.add(event);
		const known =
			cursor.takeAny("RESTRICT", "CASCADE") !== undefined ||
			cursor.take("SET", "NULL") ||
			cursor.take("SET", "DEFAULT") ||
			cursor.take("NO", "ACTION");
		if (!known) throw cursor.fail();
	}
	seen.deeds.push(onRelation("alter", path, true));
}

/** A key or constraint of a table; false when none is next. */
export function tableConstraint(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	const at = cursor.at;
	if (cursor.take("CONSTRAINT")) {
		ifNotExists(cursor);
		if (!cursor.isAnyWord("PRIMARY", "UNIQUE", "FOREIGN", "CHECK")) cursor.name();
	}
	const hasConstraint = cursor.at > at;
	if (cursor.take("PRIMARY", "KEY")) {
		indexNameAndType(g);
		keyParts(g, seen, true);
		indexOptions(g);
		return true;
	}
	if (cursor.take("UNIQUE")) {
		cursor.takeAny("INDEX", "KEY");
		indexNameAndType(g);
		keyParts(g, seen, true);
		indexOptions(g);
		return true;
	}
	if (cursor.take("FOREIGN", "KEY")) {
		ifNotExists(cursor);
		if (cursor.isName()) cursor.name();
		cursor.inBrackets(() => cursor.list(() => cursor.name()));
		references(g, seen);
		return true;
	}
	if (cursor.isWord("CHECK")) return checkConstraint(g, seen);
	if (hasConstraint) throw cursor.fail();
	return plainKey(g, seen);
}

function plainKey(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (
		cursor.isAnyWord("FULLTEXT", "SPATIAL", "VECTOR") &&
		!(cursor.isWord("VECTOR") && !cursor.isAnyWordAt(1, "INDEX", "KEY"))
	) {
		const isTyped = cursor.isWord("VECTOR");
		cursor.at += 1;
		cursor.takeAny("INDEX", "KEY");
		if (!isTyped) {
			ifNotExists(cursor);
			if (cursor.isName()) cursor.name();
			keyParts(g, seen);
			indexOptions(g);
			return true;
		}
	} else if (cursor.takeAny("INDEX", "KEY") === undefined) return false;
	indexNameAndType(g);
	keyParts(g, seen);
	indexOptions(g);
	return true;
}

/** `[IF NOT EXISTS] [name] [USING type]` */
function indexNameAndType(g: Grammar): void {
	const { cursor } = g;
	ifNotExists(cursor);
	if (cursor.isName()) cursor.name();
	indexType(g);
}

export function indexType(g: Grammar): boolean {
	const { cursor } = g;
	if (cursor.takeAny("USING", "TYPE") === undefined) return false;
	if (cursor.takeAny("BTREE", "HASH", "RTREE") === undefined) throw cursor.fail();
	return true;
}

/** `(column [(length)] [ASC | DESC] | (expression) …)` */
export function keyParts(g: Grammar, seen: Seen, isUnique = false): void {
	const { cursor } = g;
	cursor.inBrackets(() =>
		cursor.list(() => {
			if (!cursor.isMariaDb && cursor.isSymbol("("))
				keep(
					seen,
					cursor.inBrackets(() => g.expression()),
				);
			else {
				const name = cursor.name();
				// Whether it can be made tells whether a value is there twice, and the error says which.
				if (isUnique && seen.over !== undefined) keep(seen, { kind: "name", parts: [name], star: false });
				if (cursor.isSymbol("(")) cursor.inBrackets(() => integer(cursor));
				if (cursor.isMariaDb && isUnique && cursor.take("WITHOUT", "OVERLAPS")) {
					// It stands last.
					if (!cursor.isSymbol(")")) throw cursor.fail();
				}
			}
			cursor.takeAny("ASC", "DESC");
		}),
	);
}

export function indexOptions(g: Grammar): void {
	const { cursor } = g;
	for (;;) {
		if (indexType(g)) continue;
		if (cursor.take("KEY_BLOCK_SIZE")) {
			equals(cursor);
			integer(cursor);
		} else if (cursor.take("COMMENT")) cursor.string();
		else if (cursor.take("WITH", "PARSER")) cursor.name();
		else if (cursor.takeAny("ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE") !== undefined) {
			equals(cursor);
			cursor.string();
		} else if (!cursor.isMariaDb && cursor.takeAny("VISIBLE", "INVISIBLE") !== undefined) continue;
		else if (cursor.isMariaDb && (cursor.take("IGNORED") || cursor.take("NOT", "IGNORED"))) continue;
		else if (!(cursor.isMariaDb && engineOption(g))) return;
	}
}

// ---- options of tables --------------------------------------------------------------------------------------------

/** Engines that keep their rows in the server itself. Others reach files, other servers or other tables. */
const OWN_ENGINES = new Set(
	`innodb myisam memory heap aria maria archive blackhole csv ndb ndbcluster rocksdb tokudb performance_schema
	columnstore mroonga example innobase`.split(/\s+/),
);

/** Options whose value is a word, a text or a number. */
const PLAIN = new Set(
	`AUTO_INCREMENT AVG_ROW_LENGTH CHECKSUM COMPRESSION DELAY_KEY_WRITE ENCRYPTION ENCRYPTED ENCRYPTION_KEY_ID IETF_QUOTES
	INSERT_METHOD KEY_BLOCK_SIZE MAX_ROWS MIN_ROWS PACK_KEYS PAGE_CHECKSUM PAGE_COMPRESSED PAGE_COMPRESSION_LEVEL PASSWORD
	ROW_FORMAT STATS_AUTO_RECALC STATS_PERSISTENT STATS_SAMPLE_PAGES TABLE_CHECKSUM TRANSACTIONAL AUTOEXTEND_SIZE COMMENT
	ENGINE_ATTRIBUTE SECONDARY_ENGINE_ATTRIBUTE SECONDARY_ENGINE NODEGROUP SEQUENCE`.split(/\s+/),
);

const KEY_BLOCK_SIZE_MAX = 65_535;

/** One option; false when none is next. */
export function tableOption(g: Grammar, seen: Seen): boolean {
	const { cursor } = g;
	if (defaultCharset(cursor)) return true;
	if (cursor.kind() !== KIND.word && cursor.kind() !== KIND.name) return false;
	const word = cursor.word();
	switch (word) {
		case "ENGINE":
		case "TYPE":
			if (word === "TYPE" && !cursor.isMariaDb) return false;
			cursor.at += 1;
			equals(cursor);
			engine(seen, nameOrText(cursor));
			return true;
		case "DATA":
		case "INDEX":
			if (!cursor.isWord("DIRECTORY", 1)) return false;
			cursor.at += 2;
			equals(cursor);
			cursor.string();
			seen.deeds.push({ kind: "refused", why: "a table in a folder of its own" });
			return true;
		case "CONNECTION":
			cursor.at += 1;
			equals(cursor);
			cursor.string();
			seen.deeds.push({ kind: "refused", why: "a table of another server" });
			return true;
		case "UNION":
			if (!cursor.isSymbol("=", 1) && !(cursor.isSymbol("(", 1) && !cursor.isWord("SELECT", 2))) return false;
			cursor.at += 1;
			equals(cursor);
			cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => relationPath(cursor))));
			seen.deeds.push({ kind: "refused", why: "a table that is made of others" });
			return true;
		case "TABLESPACE":
			cursor.at += 1;
			equals(cursor);
			nameOrText(cursor);
			return true;
		case "STORAGE":
			cursor.at += 1;
			if (cursor.takeAny("DISK", "MEMORY", "DEFAULT") === undefined) throw cursor.fail();
			return true;
		case "START":
			if (cursor.isMariaDb) return false;
			cursor.expect("START", "TRANSACTION");
			return true;
		case "WITH":
			if (!cursor.isMariaDb || !cursor.isWord("SYSTEM", 1)) return false;
			cursor.expect("WITH", "SYSTEM", "VERSIONING");
			return true;
		default:
			if (PLAIN.has(word)) {
				cursor.at += 1;
				equals(cursor);
				if (word === "PACK_KEYS" && !cursor.isWord("DEFAULT") && Number(cursor.raw()) > 1) throw cursor.fail();
				if (word === "KEY_BLOCK_SIZE" && Number(cursor.raw()) > KEY_BLOCK_SIZE_MAX) throw cursor.fail();
				plainValue(g);
				return true;
			}
			return cursor.isMariaDb && tableEngineOption(g, seen);
	}
}

function plainValue(g: Grammar): void {
	const { cursor } = g;
	if (cursor.kind() === KIND.text) cursor.string();
	else if (cursor.isNameOrWord() && !/^[0-9]/.test(cursor.raw())) cursor.at += 1;
	else if (/^[0-9]+[KMG]$/i.test(cursor.raw())) size(cursor);
	else if (cursor.isSymbol("-")) throw cursor.fail();
	else number(cursor);
}

/** Options of engines may name files and servers. */
function tableEngineOption(g: Grammar, seen: Seen): boolean {
	if (!engineOption(g)) return false;
	seen.deeds.push({ kind: "refused", why: "options of a storage engine" });
	return true;
}

function engine(seen: Seen, name: string): void {
	if (OWN_ENGINES.has(name.toLowerCase())) return;
	seen.deeds.push({ kind: "refused", why: `the storage engine ${name} may reach beyond the server` });
}

/** Options with or without commas between them. */
export function tableOptions(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	while (tableOption(g, seen)) {
		if (cursor.isSymbol(",")) {
			cursor.at += 1;
			if (!tableOption(g, seen)) throw cursor.fail();
			if (cursor.isSymbol(",")) continue;
		}
	}
}

// ---- partitions ---------------------------------------------------------------------------------------------------

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
		columnList(g);
		return OTHER;
	}
	if (linear) throw cursor.fail();
	if (cursor.isMariaDb && cursor.take("SYSTEM_TIME")) {
		systemTime(g, seen);
		return OTHER;
	}
	if (cursor.takeAny("RANGE", "LIST") === undefined) throw cursor.fail();
	if (cursor.take("COLUMNS")) return { kind: "values", columns: columnList(g) };
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

function columnList(g: Grammar): number {
	const { cursor } = g;
	return cursor.inBrackets(() => (cursor.isSymbol(")") ? [] : cursor.list(() => cursor.name()))).length;
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

// ---- changes ------------------------------------------------------------------------------------------------------

export function position(g: Grammar): void {
	if (g.cursor.take("FIRST")) return;
	if (g.cursor.take("AFTER")) g.cursor.name();
}
