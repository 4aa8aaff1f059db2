/**
 * A recorded session of PostgreSQL as a script for psql (PostgreSQL documentation, "Lexical Structure" and "psql").
 *
 * Parameters become literals without a type, which take the type of their place much as parameters do.
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

const STANDARD: ScanRules = { backslash: "", quotes: "'\"", isPostgres: true };
/** standard_conforming_strings = off, which a session without terms may have set. */
const OLD: ScanRules = { ...STANDARD, backslash: "'" };

const COPIES_FROM_CLIENT = /^copy\b[\s\S]*\bfrom\s+stdin\b/i;

/** In which the script is written. */
const ENCODING = "SET client_encoding = 'UTF8';";

/** A value as a literal that reads the same whatever standard_conforming_strings says. */
function literal(value: string | null): string {
	if (value === null) return "NULL";
	const quoted = `'${value.replaceAll("'", "''")}'`;
	return value.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

function code(sql: string, parameters: Parameters): ScriptCode {
	const standard = scan(sql, STANDARD);
	const old = scan(sql, OLD);
	if (standard.isOpen) return { kind: "withheld", why: UNTERMINATED };
	if (standard.hasBackslash || old.hasBackslash) return { kind: "withheld", why: UNCLEAR };
	const text = withLiterals(sql, standard, parameters, literal);
	if (typeof text === "number") return { kind: "withheld", why: `the value of its parameter ${text} is not recorded` };
	if (COPIES_FROM_CLIENT.test(text.replace(/^(?:\s|--.*|\/\*[\s\S]*?\*\/)*/, ""))) {
		return { kind: "withheld", why: "the data that the client sent with it is not recorded" };
	}
	return { kind: "code", text: /client_encoding|names/i.test(text) ? `${text}\n;\n${ENCODING}` : `${text}\n;` };
}

export const POSTGRES_SCRIPT: ScriptDialect = {
	run: "psql -X -d DATABASE -f FILE",
	opening: () => [ENCODING],
	code,
};
