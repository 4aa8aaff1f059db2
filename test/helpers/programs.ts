/** PostgreSQL's own programs as clients: psql, pgbench, pg_dump, logged in by environment. */
import { spawn } from "node:child_process";
import { type CommandResult, outcome } from "./command.js";
import type { RawOptions } from "./raw-client.js";
import { testServers } from "./servers.js";

/** What makes libpq log in like this, and nothing of the person's own settings. */
export function libpqEnvironment(login: RawOptions): NodeJS.ProcessEnv {
	const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
	const { host = "127.0.0.1", port, user = "postgres", database = user, password = "" } = login;
	return {
		...Object.fromEntries(kept),
		PGHOST: host,
		PGPORT: String(port),
		PGUSER: user,
		PGDATABASE: database,
		PGPASSWORD: password,
		PGSSLMODE: login.tls ? "require" : "disable",
		PGGSSENCMODE: "disable",
		PGCONNECT_TIMEOUT: "10",
		// No ~/.psqlrc, no pager, messages in English.
		PSQLRC: "/dev/null",
		PAGER: "cat",
		LC_ALL: "C.UTF-8",
	};
}

/** Runs one of them to its end; `input` is what it reads. */
export function runProgram(
	program: "psql" | "pgbench" | "pgDump",
	login: RawOptions,
	words: readonly string[],
	input = "",
): Promise<CommandResult> {
	const child = spawn(testServers()[program], words, { env: libpqEnvironment(login) });
	// A program that ends before it has read its input is no failure of ours.
	child.stdin.on("error", () => {}).end(input);
	return outcome(child);
}

/** psql with a script on its standard input: rows bare, fields separated by |, errors with SQLSTATE, DETAIL and HINT. */
export function psql(login: RawOptions, script: string, ...flags: readonly string[]): Promise<CommandResult> {
	return runProgram("psql", login, ["-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose", ...flags, "-f", "-"], script);
}
