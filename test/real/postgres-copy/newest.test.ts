/** Formats and lineage of masked COPY on PostgreSQL 18. */
import t from "tap";
import { testServers } from "../../helpers/servers.js";
import { copies } from "./suite.js";

t.setTimeout(290_000);
await copies(t, testServers().pg18, 18);
