/** Formats and lineage of masked COPY on PostgreSQL 18. */
import t from "tap";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { testServers } from "../../helpers/servers.js";
import { copies } from "./suite.js";

t.setTimeout(PART_TIMEOUT_MS);
await copies(t, testServers().pg18, 18);
