/** psql, pg_dump and libpq of PostgreSQL 18 with the servers of both versions. */
import t from "tap";
import { newestPsql } from "./psql18.js";
import { compareClients } from "./suite.js";

for (const server of ["pg15", "pg18"] as const) {
	await t.test(server, (t) => compareClients(t, [newestPsql], server));
}
