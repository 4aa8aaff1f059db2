/** The clients that need no build: psql and the drivers of Python, Perl, PHP and Node. */
import t from "tap";
import { type ClientProgram, compareClients, program } from "./suite.js";

/** Debian's Python, which has Debian's modules; another may come first on the PATH. */
const PYTHON = "/usr/bin/python3";

const python = (name: string, module: string, file: string, ...packages: readonly string[]): ClientProgram => ({
	name,
	packages: ["python3", ...packages],
	present: [PYTHON, "-c", `import ${module}`],
	run: () => [PYTHON, program(file)],
});

await compareClients(t, [
	{
		name: "psql",
		packages: ["postgresql-client"],
		present: ["psql", "--version"],
		run: () => ["sh", program("psql.sh")],
	},
	python("psycopg2", "psycopg2", "psycopg2_client.py", "python3-psycopg2"),
	python("psycopg3", "psycopg", "psycopg3.py", "python3-psycopg"),
	python("asyncpg", "asyncpg", "asyncpg_client.py", "python3-asyncpg"),
	python("sqlalchemy", "sqlalchemy, psycopg2", "sqlalchemy_client.py", "python3-sqlalchemy", "python3-psycopg2"),
	{
		name: "dbd-pg",
		packages: ["libdbd-pg-perl"],
		present: ["perl", "-MDBD::Pg", "-e", "1"],
		run: () => ["perl", program("dbd-pg.pl")],
	},
	{
		name: "pdo",
		packages: ["php-cli", "php-pgsql"],
		present: ["php", "-r", "exit(extension_loaded('pdo_pgsql') && extension_loaded('pgsql') ? 0 : 1);"],
		run: () => ["php", program("pdo.php")],
	},
	{
		name: "odbc",
		packages: ["python3", "python3-pyodbc", "unixodbc", "odbc-postgresql"],
		present: [PYTHON, "-c", `import os, pyodbc; os.stat("/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so")`],
		run: () => [PYTHON, program("odbc.py")],
	},
]);
