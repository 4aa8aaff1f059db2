/** Formats and lineage of masked COPY on the PostgreSQL of the system. */
import t from "tap";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { testServers } from "../../helpers/servers.js";
import { copies } from "./suite.js";

t.setTimeout(PART_TIMEOUT_MS);
await copies(t, testServers().pg15, 15);
