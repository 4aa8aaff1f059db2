/**
 * A recorded session of MySQL or MariaDB as a script for mysql (manual: "String Literals", "mysql Client Commands").
 *
 * The client takes a line that begins with one of its words (`source`, `system`, `delimiter`, …) for a command of its
 * own, so each statement begins with a comment, and one that holds semicolons gets a delimiter of its own.
 */
import {
	type Parameters,
	type ScanRules,
	type ScriptCode,
	type ScriptDialect,
	scan,
	UNCLEAR,
	UNTERMINATED,
	withLiterals,
} from "../script.js";

const PLAIN: ScanRules = { backslash: "'\"", quotes: "'\"`", isPostgres: false };
/** sql_mode with NO_BACKSLASH_ESCAPES; with ANSI_QUOTES. */
const OTHERS: readonly ScanRules[] = [
	{ ...PLAIN, backslash: "" },
	{ ...PLAIN, backslash: "'" },
];

const SENDS_FILE = /^load\s+(?:data|xml)\b[\s\S]*\blocal\b/i;
const EXECUTABLE = /\/\*M?!/;
const BYTES = /^\\x((?:[0-9a-f]{2})*)$/;
/** The places that take no string. */
const COUNT_CHARACTERS = 64;
const COUNT = /\b(?:limit|offset)\s+(?:\d+\s*,\s*)?$/i;

/** Reads the same under every sql_mode. Bytes that are not text stand in the recording as \x and hexadecimal digits. */
function literal(value: string | null, before: string): string {
	if (value === null) return "NULL";
	if (/^\d+$/.test(value) && COUNT.test(before.slice(-COUNT_CHARACTERS))) return value;
	const bytes = BYTES.exec(value)?.[1];
	if (bytes !== undefined) return `X'${bytes}'`;
	if (value.includes("\\")) return `_utf8mb4 X'${Buffer.from(value, "utf8").toString("hex")}'`;
	return `'${value.replaceAll("'", "''")}'`;
}

function code(sql: string, parameters: Parameters): ScriptCode {
	const plain = scan(sql, PLAIN);
	if (plain.isOpen) return { kind: "withheld", why: UNTERMINATED };
	/* What an executable comment holds is code to some servers and to their client. */
	if (EXECUTABLE.test(sql) && sql.includes("\\")) return { kind: "withheld", why: UNCLEAR };
	if (plain.hasBackslash || OTHERS.some((rules) => scan(sql, rules).hasBackslash)) {
		return { kind: "withheld", why: UNCLEAR };
	}
	const text = withLiterals(sql, plain, parameters, literal);
	if (typeof text === "number") return { kind: "withheld", why: `the value of its parameter ${text} is not recorded` };
	if (SENDS_FILE.test(text.replace(/^(?:\s|#.*|--\s.*|\/\*[\s\S]*?\*\/)*/, ""))) {
		return { kind: "withheld", why: "the file that the client sent with it is not recorded" };
	}
	if (!text.includes(";")) return { kind: "code", text: `/**/ ${text}\n;` };
	const delimiter = unusedDelimiter(text);
	return { kind: "code", text: `DELIMITER ${delimiter}\n/**/ ${text}\n${delimiter}\nDELIMITER ;` };
}

function unusedDelimiter(text: string): string {
	for (let count = 1; ; count++) {
		const delimiter = `$licet${count}$`;
		if (!text.includes(delimiter)) return delimiter;
	}
}

function quoted(name: string): string {
	return `\`${name.replaceAll("`", "``")}\``;
}

export const MYSQL_SCRIPT: ScriptDialect = {
	run: "mysql --binary-mode --force < FILE",
	/* A name that could hold more than a name of a database is left out. */
	opening: (database) => (database === "" || /[\p{Cc}\\]/u.test(database) ? [] : [`/**/ USE ${quoted(database)};`]),
	code,
};
