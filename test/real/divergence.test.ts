/**
 * What happens to a session when something behind the proxy's back changes a setting by which text is read: a function
 * that a license permits, or the settings that a database gives each role. The analyser's idea of the session and the
 * server's must never differ, so the session ends, and what was sent in the same breath is not
 * answered.
 */
import t, { type Test } from "tap";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `
CREATE SCHEMA app; CREATE SCHEMA hr;
CREATE TABLE app.words (word text); INSERT INTO app.words VALUES ('public');
CREATE TABLE app.marks (id int);
CREATE TABLE hr.words (word text); INSERT INTO hr.words VALUES ('zqcanary');
CREATE FUNCTION app.turn(name text, value text) RETURNS int LANGUAGE plpgsql AS
	'BEGIN PERFORM set_config(name, value, false); RETURN 1; END';
CREATE FUNCTION app.turn_early(name text, value text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
	'BEGIN PERFORM set_config(name, value, false); RETURN 1; END';
CREATE FUNCTION app.turn_strings() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN SET standard_conforming_strings = off; RETURN NEW; END';
CREATE TRIGGER turn BEFORE INSERT ON app.marks FOR EACH ROW EXECUTE FUNCTION app.turn_strings();
`;

const url = await createDatabase(t, testServers().pg15, SCHEMA);
const database = new URL(url).pathname.slice(1);
const licet = await startLicet(t, {
	targets: { shop: targetOf(url) },
	licenses: {
		narrow: license("narrow", {
			permits: [{ on: ["app.*"], commands: ["read", "write"] }, { functions: ["app.turn", "app.turn_early"] }],
		}),
	},
});
const grant = await licet.grant({ license: "narrow", target: "shop" });

async function login(t: Test): Promise<RawClient> {
	const client = await RawClient.login(rawGrant(grant));
	t.teardown(() => client.destroy());
	return client;
}

/** In a server that takes backslashes for escapes, the first string ends where the analyser's second one does. */
const SMUGGLED = "SELECT '\\' AS a, ' UNION ALL SELECT word FROM hr.words --'";

async function endsAt(t: Test, client: RawClient, what: string): Promise<void> {
	const messages = await client.untilEnd(20_000);
	const fatal = messages.filter(({ type }) => type === "E").map((error) => wire.errorFields(error));
	t.match(fatal.at(-1), { S: "FATAL" }, `${what}: the session ends with an error`);
	t.match(JSON.stringify(fatal), /pinned/, `${what}: which says why`);
	const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
	t.notMatch(bytes, /zqcanary/, `${what}: nothing that was sent behind it is answered`);
}

t.test("a function that a license permits", async (t) => {
	for (const [name, value] of [
		["standard_conforming_strings", "off"],
		["client_encoding", "SJIS"],
		["client_encoding", "LATIN1"],
	]) {
		const client = await login(t);
		client.send(wire.query(`SELECT app.turn('${name}', '${value}')`), wire.query(SMUGGLED));
		await endsAt(t, client, `${name} = ${value}`);
	}
});

t.test("in one series of messages, where the server tells of it only at the end", async (t) => {
	const turn = "SELECT app.turn('standard_conforming_strings', 'off')";
	const run = (sql: string) => [wire.parse(sql), wire.bind({}), wire.execute()];
	const unread = async (what: string, ...messages: Buffer[]) => {
		const client = await login(t);
		client.send(...messages, wire.query(SMUGGLED));
		const errors = (await client.until("Z")).filter(({ type }) => type === "E");
		t.match(wire.errorFields(errors[0] as wire.Message), { C: "42501", M: /how strings are read/ }, what);
		await client.until("Z");
		const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
		t.notMatch(bytes, /zqcanary/, `${what}: no row of another table`);
	};
	await unread("a statement behind it", ...run(turn), ...run(SMUGGLED), wire.sync);
	await unread("a statement behind what was planned", wire.parse(turn), wire.bind({}), wire.parse(SMUGGLED), wire.sync);
	const client = await login(t);
	client.send(...run(turn), wire.sync, ...run(SMUGGLED), wire.sync);
	await endsAt(t, client, "the series behind it");
	const other = await login(t);
	other.send(...run(turn), ...run("SELECT word FROM app.words"), wire.sync);
	await endsAt(t, other, "what can be read in one way only");
});

t.test("a search path that a function sets while its call is planned", async (t) => {
	const turn = "SELECT app.turn_early('search_path', 'hr, app')";
	const planned = [wire.parse(turn), wire.bind({})];
	const words = "SELECT word || '' FROM words";
	const begin = async () => {
		const client = await login(t);
		await client.query("SET search_path = app");
		return client;
	};
	const denied = async (what: string, client: RawClient) => {
		const error = (await client.until("Z")).find(({ type }) => type === "E");
		t.match(
			error && wire.errorFields(error),
			{ C: "42501", M: /hr\.words/ },
			`${what}: read where the server reads it`,
		);
		const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
		t.notMatch(bytes, /zqcanary/, `${what}: no row of another table`);
	};
	const parsed = await begin();
	parsed.send(...planned, wire.parse(words, "w"), wire.bind({ statement: "w" }), wire.execute(), wire.sync);
	await denied("parsed behind it", parsed);
	const bound = await begin();
	await bound.ask(wire.parse(words, "w"), wire.sync);
	bound.send(...planned, wire.bind({ statement: "w" }), wire.execute(), wire.sync);
	await denied("bound behind it", bound);
	const named = await begin();
	await named.ask(wire.parse(words, "w"), wire.parse("EXECUTE w", "e"), wire.sync);
	named.send(wire.bind({ statement: "e", portal: "e" }), ...planned, wire.execute("e"), wire.sync);
	await denied("executed by name behind it", named);
	const prepared = await begin();
	await prepared.query(`PREPARE p AS ${turn}`);
	prepared.send(wire.bind({ statement: "p" }), wire.parse(words), wire.bind({}), wire.execute(), wire.sync);
	await denied("behind a statement of SQL's PREPARE", prepared);
	const asked = await begin();
	asked.send(...planned, wire.query(words));
	await denied("a query behind it", asked);
	const next = await begin();
	await next.ask(...planned, wire.sync);
	next.send(wire.query(words));
	await denied("in the next series", next);
});

t.test("a search path that a function sets, on a server that reports it when it is ready", async (t) => {
	const newest = await createDatabase(t, testServers().pg18, SCHEMA);
	const proxy = await startLicet(t, {
		targets: { shop: targetOf(newest) },
		licenses: {
			narrow: license("narrow", {
				permits: [{ on: ["app.*"], commands: ["read", "write"] }, { functions: ["app.turn", "app.turn_early"] }],
			}),
		},
	});
	const issued = await proxy.grant({ license: "narrow", target: "shop" });
	const run = (sql: string) => [wire.parse(sql), wire.bind({}), wire.execute()];
	const words = "SELECT word || '' FROM words";
	for (const call of ["turn", "turn_early"]) {
		const turn = `SELECT app.${call}('search_path', 'hr, app')`;
		for (const [what, messages] of [
			["queries sent at once", [wire.query(turn), wire.query(words)]],
			["one series", [...run(turn), ...run(words), wire.sync]],
			["planned in one series", [wire.parse(turn), wire.bind({}), wire.execute(), ...run(words), wire.sync]],
			["a query behind a series", [...run(turn), wire.sync, wire.query(words)]],
			["a query string", [wire.query(`${turn}; ${words}`)]],
			["by name", [wire.query(`PREPARE p AS ${turn}`), wire.query("EXECUTE p"), wire.query(words)]],
			["by name in a string", [wire.query(`PREPARE p AS ${turn}`), wire.query(`EXECUTE p; ${words}`)]],
		] as const) {
			const client = await RawClient.login(rawGrant(issued));
			t.teardown(() => client.destroy());
			await client.query("SET search_path = app");
			client.send(...messages);
			const ends = messages.filter(({ 0: type }) => type === 0x51 || type === 0x53).length;
			for (let end = 0; end < ends; end++) await client.until("Z");
			const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
			t.match(bytes, /42501/, `${call}, ${what}: denied`);
			t.notMatch(bytes, /zqcanary/, `${call}, ${what}: no row of another table`);
			await client.query("SET search_path = app");
			const rows = (await client.query("SELECT word FROM words")).filter(({ type }) => type === "D");
			t.equal(rows.length, 1, `${call}, ${what}: the session goes on`);
		}
	}
});

t.test("a query string in a series", async (t) => {
	const client = await login(t);
	client.send(wire.parse("SELECT app.turn('client_encoding', 'SJIS')"), wire.bind({}), wire.execute());
	client.send(wire.query(SMUGGLED));
	await client.until("Z");
	const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
	t.match(bytes, /how strings are read/);
	t.notMatch(bytes, /zqcanary/);
});

t.test("a trigger", async (t) => {
	const client = await login(t);
	client.send(wire.query("INSERT INTO app.marks VALUES (1)"), wire.query(SMUGGLED));
	await endsAt(t, client, "a trigger");
});

t.test("settings of a role, and of a role in a database", async (t) => {
	const { username } = new URL(url);
	for (const whose of [`ROLE ${username}`, `ROLE ${username} IN DATABASE ${database}`, `DATABASE ${database}`]) {
		const set = (what: string) => withClient(url, (client) => client.query(`ALTER ${whose} ${what}`));
		try {
			await set("SET standard_conforming_strings = off");
			const client = await RawClient.login(rawGrant(grant)).catch(() => undefined);
			if (client !== undefined) {
				t.teardown(() => client.destroy());
				t.equal(client.reported.get("standard_conforming_strings"), "on", `${whose}: strings are read as they were`);
				await client.query(SMUGGLED);
				const bytes = Buffer.concat(client.received.map(({ body }) => body)).toString("latin1");
				t.notMatch(bytes, /zqcanary/, `${whose}: no row of another table`);
			}
			await set("RESET standard_conforming_strings");
			await set("SET search_path = hr");
			const other = await login(t);
			await other.query("SELECT word || '' FROM words");
			const told = Buffer.concat(other.received.map(({ body }) => body)).toString("latin1");
			t.notMatch(told, /zqcanary/, `${whose}: names are found where the server finds them`);
			t.match(told, /hr\.words/, `${whose}: which is denied`);
		} finally {
			await set("RESET ALL");
		}
	}
});
