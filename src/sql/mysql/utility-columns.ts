/**
 * Columns inside CREATE TABLE and ALTER TABLE. What a definition holds that means something (expressions, tables that are
 * referred to) is gathered as deeds. MySQL: manual, "CREATE TABLE Statement"; MariaDB: "CREATE TABLE".
 */
import { simpleExpression } from "./expressions.js";
import type { Grammar } from "./grammar.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";
import { charsetOf, columnType } from "./types.js";
import { checkConstraint, references, tableConstraint } from "./utility-keys.js";
import { engineOption, equals, integer, keep, nameOrText, number, type Seen } from "./utility-parts.js";

/** `name type attribute …` */
export function column(g: Grammar, seen: Seen): string {
	const name = columnName(g);
	columnBody(g, seen);
	return name;
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

/** Where ALTER TABLE puts a column. */
export function position(g: Grammar): void {
	if (g.cursor.take("FIRST")) return;
	if (g.cursor.take("AFTER")) g.cursor.name();
}

/** What stands between the brackets of CREATE TABLE, and of ADD. */
export function element(g: Grammar, seen: Seen): void {
	const { cursor } = g;
	if (cursor.isMariaDb && cursor.take("PERIOD", "FOR")) {
		cursor.name();
		cursor.inBrackets(() => cursor.list(() => cursor.name()));
		return;
	}
	if (!tableConstraint(g, seen)) column(g, seen);
}
