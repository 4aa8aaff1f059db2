/**
 * The databases' own clients as programs: how each is opened with a grant. Passwords go by environment where we start a
 * client ourselves: on the command line every user of the machine would see them.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A grant as it was issued. */
export interface IssuedGrant {
	readonly engine: string;
	readonly host: string;
	readonly port: string | number;
	readonly database: string;
	readonly username: string;
	readonly password: string;
	readonly url: string;
}

export interface ClientProgram {
	readonly program: string;
	readonly words: readonly string[];
	readonly env: Readonly<Record<string, string>>;
}

/** Names of programs that open an engine's databases, the preferred one first. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = { postgres: ["psql"], mysql: ["mariadb", "mysql"] };

export const ENGINE_NAMES: Readonly<Record<string, string>> = { postgres: "PostgreSQL", mysql: "MySQL or MariaDB" };

export function programsOf(engine: string): readonly string[] {
	return PROGRAMS[engine] ?? [];
}

/** The first of an engine's programs that is on the path, with what opens the grant; undefined: there is none. */
export function clientProgram(issued: IssuedGrant, path: string | undefined): ClientProgram | undefined {
	const folders = (path ?? "").split(delimiter).filter((folder) => folder !== "");
	const program = programsOf(issued.engine).find((name) => folders.some((folder) => existsSync(join(folder, name))));
	if (program === undefined) return undefined;
	const { host, port, database, username, password } = issued;
	if (issued.engine === "postgres") {
		const env = { PGHOST: host, PGPORT: String(port), PGDATABASE: database, PGUSER: username, PGPASSWORD: password };
		return { program, words: [], env };
	}
	return { program, words: mysqlWords(issued), env: { MYSQL_PWD: password } };
}

/** Over TCP always: a name such as localhost would else mean a socket of the machine's own server. */
function mysqlWords({ host, port, database, username }: IssuedGrant): string[] {
	return ["--protocol=tcp", `--host=${host}`, `--port=${port}`, `--user=${username}`, `--database=${database}`];
}

/** A line for a shell that opens the grant as it stands. */
export function shellLine(issued: IssuedGrant, program = programsOf(issued.engine).at(-1) ?? ""): string {
	if (issued.engine === "postgres") return `${program} '${issued.url}'`;
	const words = mysqlWords(issued).map((word) =>
		/^[\w.=:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
	);
	return `MYSQL_PWD=${issued.password} ${program} ${words.join(" ")}`;
}
