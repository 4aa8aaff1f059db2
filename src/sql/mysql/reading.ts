/**
 * What of a session changes how its text is read: the database that names without one belong to, flags of sql_mode, and
 * the character set that the server takes the text to be in. It travels as strings (`ReadingContext.reading`).
 */
import { unsupported } from "../unreadable.js";

/** Flags of sql_mode that the reader knows, in the order in which they are written down. */
export const READING_MODES = [
	"ANSI_QUOTES",
	"HIGH_NOT_PRECEDENCE",
	"IGNORE_SPACE",
	"NO_BACKSLASH_ESCAPES",
	"PIPES_AS_CONCAT",
] as const;

/** Flags of sql_mode that make the server read another language; a session in one of them is not read at all. */
export const FOREIGN_MODES = ["ORACLE", "MSSQL"] as const;

/** Begins the flag of a character_set_connection that is not read. */
const CONNECTION = "CONNECTION:";

/** Stands among the flags where several statements a text are on (CLIENT_MULTI_STATEMENTS). */
export const MULTI = "MULTI";

export interface Reading {
	/** Undefined where none is selected. */
	readonly database: string | undefined;
	readonly ansiQuotes: boolean;
	readonly highNotPrecedence: boolean;
	readonly ignoreSpace: boolean;
	readonly noBackslashEscapes: boolean;
	readonly pipesAsConcat: boolean;
	readonly multi: boolean;
	/** How bytes beyond ASCII are read: `bytes` is a single-byte character set, of which names are not read. */
	readonly encoding: "utf8" | "bytes";
}

const UTF8 = new Set(["utf8mb4", "utf8mb3", "utf8"]);

/** Single-byte character sets that hold ASCII as it is. Others may hide a quote or a backslash in a character. */
const SINGLE_BYTE = new Set(
	"latin1 ascii binary latin2 latin5 latin7 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 greek hebrew koi8r koi8u macce macroman armscii8 dec8 hp8 geostd8 keybcs2 tis620".split(
		" ",
	),
);

/** Whether text in this character_set_client can be read at all. */
export function isReadableCharset(charset: string): boolean {
	const name = charset.toLowerCase();
	return UTF8.has(name) || SINGLE_BYTE.has(name);
}

/**
 * `[database, flags, character_set_client]`; `modes` is sql_mode as the server shows it. `connection` is
 * character_set_connection: literals are turned into it, so a text in a literal (PREPARE) or a condition of ours that it
 * cannot hold would be another one to the server (swe7 has no backslash, quote of names or bar).
 */
export function readingOf(options: {
	readonly database: string | undefined;
	readonly modes: string;
	readonly multi: boolean;
	readonly charset: string;
	readonly connection?: string;
}): readonly string[] {
	const known: readonly string[] = [...READING_MODES, ...FOREIGN_MODES];
	const flags = options.modes
		.split(",")
		.map((flag) => flag.trim().toUpperCase())
		.filter((flag) => known.includes(flag));
	if (options.multi) flags.push(MULTI);
	const { connection } = options;
	if (connection !== undefined && !isReadableCharset(connection))
		flags.push(`${CONNECTION}${connection.toLowerCase()}`);
	return [options.database ?? "", [...new Set(flags)].sort().join(","), options.charset.toLowerCase()];
}

/** Throws `Unreadable` where text of such a session cannot be read. */
export function parseReading(reading: readonly string[]): Reading {
	const [database, joined, charset] = reading;
	if (database === undefined || joined === undefined || charset === undefined || reading.length > 3) {
		throw unsupported("the session's settings are not known");
	}
	if (!isReadableCharset(charset)) throw unsupported(`text in the character set ${charset} is not read`);
	const flags = new Set(joined === "" ? [] : joined.split(","));
	const known: readonly string[] = [...READING_MODES, MULTI];
	for (const flag of flags) {
		if (flag.startsWith(CONNECTION)) {
			throw unsupported(`text whose literals are in the character set ${flag.slice(CONNECTION.length)} is not read`);
		}
	}
	for (const flag of flags) if (!known.includes(flag)) throw unsupported(`text under sql_mode ${flag} is not read`);
	return {
		database: database === "" ? undefined : database,
		ansiQuotes: flags.has("ANSI_QUOTES"),
		highNotPrecedence: flags.has("HIGH_NOT_PRECEDENCE"),
		ignoreSpace: flags.has("IGNORE_SPACE"),
		noBackslashEscapes: flags.has("NO_BACKSLASH_ESCAPES"),
		pipesAsConcat: flags.has("PIPES_AS_CONCAT"),
		multi: flags.has(MULTI),
		encoding: UTF8.has(charset) ? "utf8" : "bytes",
	};
}
