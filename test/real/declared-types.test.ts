/**
 * Types that a client declares for its parameters, in Parse by their OIDs and in PREPARE by name. Making a value of a type
 * may run code of a user's (a domain's check), though no text names it: it must be permitted as if a cast named the type.
 */
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `
CREATE SCHEMA app; CREATE SCHEMA hr;
CREATE TABLE hr.things (secret text); INSERT INTO hr.things VALUES ('zqcanary');
CREATE FUNCTION app.tell(text) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''%'', (SELECT max(secret) FROM hr.things); END';
CREATE DOMAIN app.checked AS text CHECK (app.tell(VALUE));
CREATE TYPE app.pair AS (one int, two app.checked);
CREATE FUNCTION app.wander(text) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN PERFORM set_config(''search_path'', ''hr'', false); RETURN true; END';
CREATE DOMAIN app.wandering AS text CHECK (app.wander(VALUE));
CREATE TYPE app.mood AS ENUM ('low', 'high');
CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 9);
CREATE TABLE app.things (secret text); INSERT INTO app.things VALUES ('public');
`;

for (const server of ["pg15", "pg18"] as const) {
	t.test(server, async (t) => {
		const url = await createDatabase(t, testServers()[server], SCHEMA);
		const licet = await startLicet(t, {
			targets: { shop: targetOf(url) },
			licenses: {
				narrow: license("narrow", {
					permits: [{ on: ["app.*"], commands: ["read", "ddl"] }, { functions: ["app.wander"] }],
				}),
			},
		});
		const grant = await licet.grant({ license: "narrow", target: "shop" });
		const login = async (t: Test) => {
			const client = await RawClient.login(rawGrant(grant));
			t.teardown(() => client.destroy());
			return client;
		};
		const oid = async (name: string) =>
			withClient(url, async (client) => {
				const { rows } = await client.query("SELECT $1::text::regtype::oid AS oid", [name]);
				return Number((rows[0] as { oid: number }).oid);
			});
		/** What becomes of a parameter of the type: the code of the error, or the value. */
		const declared = async (client: RawClient, type: number, value: string) => {
			const messages = await client.ask(
				wire.parse("SELECT $1", "", [type]),
				wire.bind({ values: [value] }),
				wire.execute(),
				wire.sync,
			);
			const error = messages.find((message) => message.type === "E");
			const row = messages.find((message) => message.type === "D");
			return error === undefined ? row && wire.rowValues(row)[0] : wire.errorFields(error).C;
		};

		t.test("code that is not permitted does not run", async (t) => {
			const client = await login(t);
			for (const [name, value] of [
				["app.checked", "x"],
				["app.checked[]", "{x}"],
				["app.pair", "(1,x)"],
				["app.pair[]", '{"(1,x)"}'],
			] as const) {
				t.equal(await declared(client, await oid(name), value), "42501", name);
			}
			t.equal(await declared(client, 2_000_000_000, "x"), "42501", "a type that is not there");
			const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
			t.notMatch(bytes, /zqcanary/);
		});

		t.test("types without code pass", async (t) => {
			const client = await login(t);
			t.equal(await declared(client, await oid("app.mood"), "low"), "low", "an enum");
			t.equal(await declared(client, await oid("app.short"), "word"), "word", "a domain that the server checks itself");
			t.equal(await declared(client, await oid("app.things"), "(word)"), "(word)", "a row");
			// A missed name is looked for once a second at most.
			await new Promise((resolve) => setTimeout(resolve, 1100));
			await withClient(url, (direct) => direct.query("CREATE TYPE app.newer AS ENUM ('new')"));
			t.equal(await declared(client, await oid("app.newer"), "new"), "new", "one that is newer than the snapshot");
			await client.query("BEGIN");
			await client.query("CREATE TYPE app.own AS ENUM ('mine')");
			const [row] = (await client.query("SELECT 'app.own'::regtype::oid")).filter(({ type }) => type === "D");
			t.equal(
				await declared(client, Number(row && wire.rowValues(row)[0]), "mine"),
				"mine",
				"one of this transaction's",
			);
			await client.query("ROLLBACK");
		});

		t.test("code that is permitted may change the search path", async (t) => {
			const client = await login(t);
			await client.query("SET search_path = app");
			client.send(
				wire.parse("SELECT $1", "s", [await oid("app.wandering")]),
				wire.bind({ statement: "s", values: ["x"] }),
				wire.execute(),
				wire.sync,
				wire.query("SELECT secret || '' FROM things"),
			);
			await client.until("Z");
			const error = (await client.until("Z")).find(({ type }) => type === "E");
			t.match(
				error && wire.errorFields(error),
				{ C: "42501", M: /hr\.things/ },
				"it is read where the server reads it",
			);
			const other = await login(t);
			await other.query("SET search_path = app");
			await other.query("PREPARE p (app.wandering) AS SELECT 1");
			await other.query("EXECUTE p ('x')");
			const after = (await other.query("SELECT secret || '' FROM things")).find(({ type }) => type === "E");
			t.match(after && wire.errorFields(after), { C: "42501", M: /hr\.things/ }, "by EXECUTE");
		});
	});
}
