/** Formats and lineage of masked COPY on the PostgreSQL of the system. */
import t from "tap";
import { testServers } from "../../helpers/servers.js";
import { copies } from "./suite.js";

t.setTimeout(290_000);
await copies(t, testServers().pg15, 15);
