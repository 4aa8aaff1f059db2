/**
 * How the text of a result column is encoded, from the collation id in its definition, as far as masks need it.
 *
 * Specification: information_schema.COLLATIONS of both servers. MariaDB's NO PAD collations are the padded ones' ids plus
 * 1024; its UCA 14.0.0 ones begin at 2048, 256 ids a character set, in the order utf8mb3, utf8mb4, ucs2, utf16, utf32.
 */

/** `bytes`: any byte is a character, ASCII where it is below 0x80; `other`: not read here, so its masked values are NULL. */
export type Encoding = "utf8" | "bytes" | "binary" | "other";

const BINARY = 63;
const NO_PAD = 1024;
const UCA_1400 = 2048;

/** First and last id, inclusive. */
type Range = readonly [number, number];

const utf8: readonly Range[] = [
	[33, 33],
	[45, 46],
	[76, 76],
	[83, 83],
	[192, 247],
	[255, 323],
	[576, 578],
	[608, 610],
	[UCA_1400, UCA_1400 + 511],
];

/** Of several bytes a character, or not ASCII: big5, ujis, sjis, gb2312, euckr, gbk, ucs2, cp932, eucjpms, utf16, utf32, gb18030. */
const other: readonly Range[] = [
	[1, 1],
	[12, 13],
	[19, 19],
	[24, 24],
	[28, 28],
	[35, 35],
	[54, 56],
	[60, 62],
	[84, 91],
	[95, 98],
	[101, 191],
	[248, 254],
	[324, 575],
	[579, 607],
	[611, NO_PAD - 1],
];

const isIn = (ranges: readonly Range[], id: number): boolean => ranges.some(([from, to]) => id >= from && id <= to);

/** What each id seen so far came to: it is asked for each masked value. */
const known: Encoding[] = [];

export function encodingOf(collation: number): Encoding {
	known[collation] ??= findEncoding(collation);
	return known[collation];
}

function findEncoding(collation: number): Encoding {
	if (collation === BINARY) return "binary";
	if (isIn(utf8, collation)) return "utf8";
	if (collation >= UCA_1400) return "other";
	if (collation > NO_PAD) return encodingOf(collation - NO_PAD);
	return collation === 0 || isIn(other, collation) ? "other" : "bytes";
}

/** Bytes that a character takes at most, by which a column's length in bytes says how many characters it holds. */
export function characterBytes(collation: number): number {
	if (encodingOf(collation) !== "utf8") return 1;
	const isMb3 = collation === 33 || collation === 76 || collation === 83 || (collation >= 192 && collation <= 223);
	return isMb3 ? 3 : 4;
}
