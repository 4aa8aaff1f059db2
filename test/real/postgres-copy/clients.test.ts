/** Masked COPY under caps, with long rows and with clients. */
import t from "tap";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { testServers } from "../../helpers/servers.js";
import { copiesOfClients } from "./suite.js";

t.setTimeout(PART_TIMEOUT_MS);
await copiesOfClients(t, testServers().pg15, 15);
