/** The attacker's table against the PostgreSQL of the system: a file of its own, since it takes minutes. */
import t from "tap";
import { testServers } from "../../helpers/servers.js";
import { attackServer } from "./suite.js";

t.setTimeout(290_000);
await t.test("attacks", { timeout: 290_000 }, (t) => attackServer(t, testServers().pg15, 15));
