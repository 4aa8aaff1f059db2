/** Masked COPY under caps, with long rows and with clients. */
import t from "tap";
import { testServers } from "../../helpers/servers.js";
import { copiesOfClients } from "./suite.js";

t.setTimeout(290_000);
await copiesOfClients(t, testServers().pg15, 15);
