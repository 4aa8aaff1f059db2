/** Column types, as definitions and JSON_TABLE name them. MySQL: manual, "Data Types"; MariaDB: "Data Types". */
import { charsetOf, lengthOf } from "./calls.js";
import type { Cursor } from "./cursor.js";
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
