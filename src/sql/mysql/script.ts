/**
 * A recorded session of MySQL or MariaDB as a script for mysql (manual: "String Literals", "mysql Client Commands").
 *
 * The client takes what begins with one of its words (`source`, `system`, `delimiter`, …) for a command of its own, so a
 * statement must begin with one of SQL's, and one that holds semicolons gets a delimiter of its own.
 */
import { isUtf8 } from "node:buffer";
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
/** Words that statements begin with. USE is the client's word too, and means the same. */
const VERBS = new Set(
	(
		"SELECT INSERT UPDATE DELETE REPLACE WITH TABLE VALUES CALL DO CREATE ALTER DROP TRUNCATE RENAME SET SHOW DESCRIBE DESC EXPLAIN " +
		"ANALYZE ANALYSE OPTIMIZE CHECK CHECKSUM REPAIR FLUSH RESET KILL USE BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE XA LOCK " +
		"UNLOCK GRANT REVOKE LOAD HANDLER PREPARE EXECUTE DEALLOCATE SIGNAL RESIGNAL GET INSTALL UNINSTALL CACHE PURGE"
	).split(" "),
);
const LEADING = /^(?:\s|#.*|--\s.*|\/\*[\s\S]*?\*\/)*/;
/** What changes the character set in which the server reads what follows. */
const CHARACTER_SET = /names|charset|character/i;
const NAMES = "SET NAMES utf8mb4;";

const EXECUTABLE = /\/\*M?!/;
const BYTES = /^\\x((?:[0-9a-f]{2})*)$/;
/** The places that take no string. */
const COUNT_CHARACTERS = 64;
const COUNT = /\b(?:limit|offset)\s+(?:\d+\s*,\s*)?$/i;

/** Reads the same under every sql_mode. Bytes that are no text stand in the recording as \x and hexadecimal digits. */
function literal(value: string | null, before: string): string {
	if (value === null) return "NULL";
	if (/^\d+$/.test(value) && COUNT.test(before.slice(-COUNT_CHARACTERS))) return value;
	const bytes = BYTES.exec(value)?.[1];
	if (bytes !== undefined && !isUtf8(Buffer.from(bytes, "hex"))) return `X'${bytes}'`;
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
	const code = text.replace(LEADING, "");
	const verb = /^\(*\s*([A-Za-z]*)/.exec(code)?.[1]?.toUpperCase() ?? "";
	if (!VERBS.has(verb)) return { kind: "withheld", why: "it does not begin as a statement" };
	if (SENDS_FILE.test(code)) {
		return { kind: "withheld", why: "the file that the client sent with it is not recorded" };
	}
	const after = verb === "SET" && CHARACTER_SET.test(code) ? `\n${NAMES}` : "";
	if (!text.includes(";")) return { kind: "code", text: `${text}\n;${after}` };
	const delimiter = unusedDelimiter(text);
	return { kind: "code", text: `DELIMITER ${delimiter}\n${text}\n${delimiter}\nDELIMITER ;${after}` };
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
	opening: (database) =>
		database === "" || /[\p{Cc}\\]/u.test(database) ? [NAMES] : [NAMES, `USE ${quoted(database)};`],
	code,
};
