/**
 * What a session must be for its texts to be read as the server reads them, checked where a login asks for it and where
 * an upstream reports it.
 *
 * Character sets: statements are read as bytes of which those below 0x80 are ASCII wherever they stand. In GBK, SJIS, BIG5
 * and their like a character's second byte may be a backslash or a quote; UCS-2 and its like are not ASCII at all.
 */

/**
 * Collation ids of character sets that cannot be read: big5, sjis, euckr, gb2312, gbk, ujis, ucs2, cp932, eucjpms, utf16,
 * utf16le, utf32, gb18030, swe7. Ranges are of the servers' lists; what neither has falls back to the server's default,
 * which is reported.
 */
const UNREADABLE_COLLATIONS: readonly (readonly [first: number, last: number])[] = [
	[1, 1],
	[10, 10],
	[12, 13],
	[19, 19],
	[24, 24],
	[28, 28],
	[35, 35],
	[54, 56],
	[60, 62],
	[82, 82],
	[84, 88],
	[90, 91],
	[95, 98],
	[101, 124],
	[128, 151],
	[159, 183],
	[248, 250],
];

export function isReadableCollation(id: number): boolean {
	return !UNREADABLE_COLLATIONS.some(([first, last]) => id >= first && id <= last);
}

/** Variables of which the server tells each change: those that statements are read by, and the servers' own list. */
const TRACKED_LIST =
	"autocommit,character_set_client,character_set_connection,character_set_results,sql_mode,time_zone";

/**
 * What every restricted session is begun with, as the right sides of SET SESSION: the server tells each change of what
 * statements are read by. COM_RESET_CONNECTION undoes them, so that they have to be set again behind it.
 */
export const PINNED_VARIABLES: ReadonlyMap<string, string> = new Map([
	["session_track_system_variables", `'${TRACKED_LIST}'`],
	["session_track_schema", "ON"],
]);

/** The statement that sets them. */
export const PINNING_STATEMENT = `SET ${[...PINNED_VARIABLES].map(([name, value]) => `SESSION ${name} = ${value}`).join(", ")}`;

/** After the client has set the list of what it wants to be told to `names`: with them, all that we have to be told. */
export function trackingStatement(names: string): string {
	const more = names.split(/[, ]+/).filter((name) => /^[a-z0-9_]+$/i.test(name));
	return `SET SESSION session_track_system_variables = '${[TRACKED_LIST, ...more].join(",")}'`;
}
