/**
 * Types: of columns, as definitions and JSON_TABLE name them, and those that CAST takes. MySQL: manual, "Data Types", "Cast
 * Functions and Operators"; MariaDB: "Data Types".
 */
import type { Cursor } from "./cursor.js";
import { collation } from "./terms.js";
import { KIND } from "./tokens.js";

const NUMBERS = new Set(
	`TINYINT SMALLINT MEDIUMINT MIDDLEINT INT INTEGER BIGINT INT1 INT2 INT3 INT4 INT8 DECIMAL DEC NUMERIC FIXED NUMBER FLOAT
	FLOAT4 FLOAT8 DOUBLE REAL BIT BOOL BOOLEAN SERIAL`.split(/\s+/),
);
const TIMES = new Set(["DATE", "TIME", "DATETIME", "TIMESTAMP", "YEAR"]);
const TEXTS = new Set(
	"CHAR CHARACTER VARCHAR VARCHARACTER TEXT TINYTEXT MEDIUMTEXT LONGTEXT NCHAR NVARCHAR VARCHAR2 CLOB".split(" "),
);
const BYTES = new Set("BINARY VARBINARY BLOB TINYBLOB MEDIUMBLOB LONGBLOB RAW".split(" "));
const OTHERS = new Set(
	`JSON GEOMETRY POINT LINESTRING POLYGON MULTIPOINT MULTILINESTRING MULTIPOLYGON GEOMETRYCOLLECTION GEOMCOLLECTION UUID
	INET4 INET6 VECTOR XMLTYPE`.split(/\s+/),
);

export function columnType(cursor: Cursor): void {
	if (cursor.kind() !== KIND.word) throw cursor.fail();
	const word = cursor.word();
	cursor.at += 1;
	if (NUMBERS.has(word)) {
		if (word === "DOUBLE") cursor.take("PRECISION");
		lengthOf(cursor);
		while (cursor.takeAny("UNSIGNED", "SIGNED", "ZEROFILL") !== undefined);
	} else if (TIMES.has(word) || OTHERS.has(word)) lengthOf(cursor);
	else if (word === "ENUM" || word === "SET") {
		cursor.inBrackets(() => cursor.list(() => literalText(cursor)));
		charsetOf(cursor);
	} else if (word === "NATIONAL") {
		if (cursor.takeAny("CHAR", "CHARACTER", "VARCHAR", "VARCHARACTER") === undefined) throw cursor.fail();
		cursor.take("VARYING");
		lengthOf(cursor);
		charsetOf(cursor);
	} else if (word === "LONG") {
		if (cursor.takeAny("VARCHAR", "VARCHARACTER", "VARBINARY") === undefined) cursor.take("CHAR", "VARYING");
		charsetOf(cursor);
	} else if (TEXTS.has(word)) {
		cursor.takeAny("VARYING", "VARCHAR", "VARCHARACTER");
		lengthOf(cursor);
		charsetOf(cursor);
	} else if (BYTES.has(word)) lengthOf(cursor);
	else throw cursor.fail(undefined, -1);
}

function literalText(cursor: Cursor): void {
	if (cursor.kind() === KIND.charset) cursor.at += 1;
	if (cursor.kind() === KIND.bits) cursor.at += 1;
	else cursor.string();
}

/** The target of CAST and CONVERT. */
export function castType(cursor: Cursor): string {
	const word = cursor.word();
	if (cursor.kind() !== KIND.word) throw cursor.fail();
	cursor.at += 1;
	switch (word) {
		case "SIGNED":
		case "UNSIGNED":
			cursor.takeAny("INTEGER", "INT");
			return word.toLowerCase();
		case "NATIONAL":
			cursor.expect("CHAR");
			lengthOf(cursor);
			return "char";
		case "DOUBLE":
			cursor.take("PRECISION");
			if (cursor.isMariaDb) lengthOf(cursor);
			return "double";
		case "CHAR":
		case "CHARACTER":
		case "VARCHAR":
		case "NCHAR":
			lengthOf(cursor);
			charsetOf(cursor);
			return "char";
		case "INTERVAL":
			if (!cursor.isMariaDb) break;
			cursor.take("DAY_SECOND");
			lengthOf(cursor);
			return "interval";
		case "REAL":
		case "JSON":
		case "YEAR":
			if (cursor.isMariaDb) break;
			return word.toLowerCase();
		case "DATE":
			return "date";
		case "BINARY":
		case "DATETIME":
		case "TIME":
		case "DECIMAL":
		case "DEC":
		case "FLOAT":
		case "INTEGER":
		case "INT":
		case "VECTOR":
		case "POINT":
		case "LINESTRING":
		case "POLYGON":
		case "MULTIPOINT":
		case "MULTILINESTRING":
		case "MULTIPOLYGON":
		case "GEOMETRYCOLLECTION":
		case "GEOMCOLLECTION":
		case "UUID":
		case "INET4":
		case "INET6":
			lengthOf(cursor);
			return word.toLowerCase();
	}
	throw cursor.fail(undefined, -1);
}

/** `(10)`, `(10, 2)` */
export function lengthOf(cursor: Cursor): void {
	if (!cursor.takeSymbol("(")) return;
	do {
		if (cursor.kind() !== KIND.integer) throw cursor.fail();
		cursor.at += 1;
	} while (cursor.takeSymbol(","));
	cursor.expectSymbol(")");
}

/** What may follow a character type: a character set, BINARY, ASCII, UNICODE, a collation. */
export function charsetOf(cursor: Cursor): void {
	for (;;) {
		if (cursor.take("CHARACTER", "SET") || cursor.take("CHARSET") || cursor.take("CHAR", "SET")) collation(cursor);
		else if (cursor.takeAny("BINARY", "ASCII", "UNICODE", "BYTE") === undefined) return;
	}
}
