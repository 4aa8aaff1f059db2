/** The attacker's table against PostgreSQL 18: a file of its own, since it takes minutes. */
import t from "tap";
import { ATTACKS_TIMEOUT_MS, attackServer } from "./suite.js";

t.setTimeout(ATTACKS_TIMEOUT_MS);
await t.test("attacks", { timeout: ATTACKS_TIMEOUT_MS }, (t) => attackServer(t, "newest"));
