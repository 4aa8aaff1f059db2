/**
 * Texts made to keep the parser busy, sent by some sessions, end in a denial or an answer, and another session's work
 * goes on meanwhile: what is known, and what is new.
 */
import t from "tap";
import { type Bomber, bombBeside, END_MS } from "../helpers/bombing.js";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { RawClient, type RawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import { SteadyClient } from "../helpers/steady-client.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `CREATE SCHEMA app;
CREATE TABLE app.users (id int PRIMARY KEY, name text, email text);
CREATE TABLE app.orders (id int, user_id int, total int, note text);
INSERT INTO app.users SELECT n, 'n' || n, 'e' || n FROM generate_series(1, 1000) n;`;

const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read", "write"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
};

const ENDS = /^(answered|21000|42501|42601|54\w{3}|57014|53\w{3}|42\w{3})$/;

async function bomber(grant: RawOptions): Promise<Bomber> {
	const client = await RawClient.login(grant);
	// What the license and the server let pass may keep the server busy, which is not the proxy's to prevent.
	await client.query("SET statement_timeout = '300ms'");
	return {
		send: async (sql) => {
			const error = (await client.query(sql)).find(({ type }) => type === "E");
			return error === undefined ? "answered" : (wire.errorFields(error).C ?? "");
		},
		destroy: () => client.destroy(),
	};
}

t.test("bombs, and another session beside them", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const url = await createDatabase(t, testServers().pg18, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { shop: license("shop", TERMS) } });
	const grant: RawOptions = { ...rawGrant(await licet.grant({ license: "shop", target: "shop" })), timeoutMs: END_MS };
	const steady = new SteadyClient(t, { engine: "postgres", table: "app.users", options: grant });
	await bombBeside(t, { steady, login: () => bomber(grant), schema: "app.", ends: ENDS });
});
