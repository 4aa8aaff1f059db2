/** The attacker's table against the PostgreSQL of the system: a file of its own, since it takes minutes. */
import t from "tap";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { attackServer } from "./suite.js";

t.setTimeout(PART_TIMEOUT_MS);
await t.test("attacks", { timeout: PART_TIMEOUT_MS }, (t) => attackServer(t, "system"));
