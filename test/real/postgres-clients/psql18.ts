/** The programs of PostgreSQL 18's client, which test/psql18/prepare.sh brings into a folder of their own. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../../helpers/project.js";
import { type ClientProgram, program } from "./suite.js";

const ROOT = process.env.LICET_PSQL18_ROOT ?? join(tmpdir(), "licet-psql18");

/** `with` runs a program of the machine's own with this libpq. */
export const psql18Program = (name: "psql" | "pg_dump" | "with"): string => join(ROOT, "bin", name);

export const newestPsql: ClientProgram = {
	name: "psql 18",
	packages: [],
	prepare: [join(PROJECT, "test", "psql18", "prepare.sh")],
	present: [psql18Program("psql"), "--version"],
	run: () => ["sh", program("psql18.sh")],
	environment: { PSQL: psql18Program("psql"), PG_DUMP: psql18Program("pg_dump") },
};
