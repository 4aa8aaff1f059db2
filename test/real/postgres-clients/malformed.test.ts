/**
 * Messages that cannot be read: cut at each byte, with something behind their end, with counts and codes that cannot be.
 * The server's own error must come, wherever the message is met: outside a transaction, within one, in one that is aborted.
 */
import t, { type Test } from "tap";
import { license } from "../../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { RawClient, type RawOptions, rawOptions } from "../../helpers/raw-client.js";
import { createDatabase, testServers } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

const servers = testServers();
const LICENSES = {
	everything: license("everything", { permits: "all" }),
	narrow: license("narrow", { permits: [{ on: ["compat.*"], commands: ["all"] }] }),
};

const INT4 = 23;
/** A statement of two parameters, which is there, and its Bind. */
const STATEMENT = wire.parse("SELECT $1 + $2", "sum", [INT4, INT4]);
const values = ["1", "22"];
const bound = wire.bind({ portal: "p", statement: "sum", values, valueFormats: [0, 0], resultFormats: [1] });

const WHOLE: Readonly<Record<string, Buffer>> = {
	parse: wire.parse("SELECT 1", "name", [INT4, 25]),
	bind: bound,
	"bind, one format": wire.bind({ statement: "sum", values: [wire.int32(1), null], valueFormats: [1] }),
	"bind of what is not there": wire.bind({ statement: "none", values }),
	describe: wire.describe("S", "sum"),
	execute: wire.execute("none", 7),
	close: wire.close("P", "some"),
	// What is behind the function's id is not read where it may not be called.
	"function call": wire.message("F", wire.int32(1598)),
	"call of lo_open": wire.functionCall(952, [wire.int32(1), wire.int32(262144)], 1),
};

const counts = (...numbers: readonly number[]) => Buffer.concat(numbers.map(wire.int16));
const names = Buffer.concat([wire.text(""), wire.text("sum")]);

const ODD: Readonly<Record<string, Buffer>> = {
	"three formats for two values": wire.bind({ statement: "sum", values, valueFormats: [0, 0, 0] }),
	"a format that is none": wire.bind({ statement: "sum", values, valueFormats: [0, 7] }),
	"a format below zero": wire.bind({ statement: "sum", values, valueFormats: [0xffff] }),
	"more values than there are": wire.message("B", names, counts(0, 2), wire.int32(1), "1"),
	"a length of -2": wire.message("B", names, counts(0, 2), wire.int32(-2), wire.int32(-1), counts(0)),
	"a length of 2 GB": wire.message("B", names, counts(0, 2), wire.int32(0x7fffffff), "1"),
	"65535 formats": wire.message("B", names, counts(0xffff)),
	"65535 result formats": wire.message("B", names, counts(0, 2), wire.int32(-1), wire.int32(-1), counts(0xffff)),
	"65535 types": wire.message("P", wire.text(""), wire.text("SELECT 1"), counts(0xffff)),
	"a kind that is none, described": wire.message("D", "X", wire.text("sum")),
	"a kind that is none, closed": wire.message("C", Buffer.of(0), wire.text("sum")),
	"a kind that is none, and something behind it": wire.message("D", "X", wire.text("sum"), "!"),
	"a Flush with something in it": wire.message("H", "x"),
	"a call with too many formats": wire.message("F", wire.int32(953), counts(2, 0, 0, 1), wire.int32(1), "1", counts(0)),
	"a call with a length of -2": wire.message("F", wire.int32(953), counts(0, 1), wire.int32(-2), counts(0)),
	"a call with a format that is none": wire.message(
		"F",
		wire.int32(953),
		counts(1, 7, 1),
		wire.int32(1),
		"1",
		counts(0),
	),
};

/** Each with its body cut to each length, and one byte too long. */
function* malformed(): Generator<readonly [string, Buffer]> {
	for (const [name, whole] of Object.entries(WHOLE)) {
		const type = whole.toString("latin1", 0, 1);
		const body = whole.subarray(5);
		for (let length = 0; length < body.length; length++) {
			yield [`${name}, ${length} of ${body.length} bytes`, wire.message(type, body.subarray(0, length))];
		}
		if (name !== "function call") yield [`${name}, and a byte`, wire.message(type, body, "\0")];
	}
	yield* Object.entries(ODD);
}

const PLACES = { outside: [], within: ["BEGIN"], aborted: ["BEGIN", "SELECT 1 / 0"] } as const;

/** What is answered to each message in each place. */
async function answers(t: Test, login: RawOptions): Promise<ReadonlyMap<string, string>> {
	const client = await RawClient.login(login);
	t.teardown(() => client.destroy());
	await client.ask(STATEMENT, wire.sync);
	const told = new Map<string, string>();
	for (const [place, before] of Object.entries(PLACES)) {
		for (const [name, message] of malformed()) {
			for (const sql of before) await client.query(sql);
			// A function call is ready by itself, as a query is.
			const alone = message[0] === "F".charCodeAt(0);
			const said = await (alone ? client.ask(message) : client.ask(message, wire.sync));
			told.set(`${place}: ${name}`, said.map(shown).join(" "));
			if (before.length > 0) await client.query("ROLLBACK");
		}
	}
	const after = await client.ask(wire.bind({ statement: "sum", values }), wire.execute(), wire.sync);
	t.equal(wire.outline(after), "2 D C:SELECT 1 Z:I", "the session goes on");
	return told;
}

function shown(message: wire.Message): string {
	if (message.type !== "E") return wire.outline([message]);
	const { R, F, L, P, ...fields } = wire.errorFields(message);
	return JSON.stringify(fields);
}

for (const server of ["pg15", "pg18"] as const) {
	await t.test(server, async (t) => {
		const url = await createDatabase(t, servers[server], "CREATE SCHEMA compat;");
		const licet = await startLicet(t, { targets: { compat: targetOf(url) }, licenses: LICENSES });
		const expected = await answers(t, rawOptions(url));
		const refused = [...expected].filter(([, said]) => said.includes("08P01"));
		t.ok(refused.length > 200, `the server refuses ${refused.length} of ${expected.size}`);
		for (const name of ["everything", "narrow"] as const) {
			const got = await answers(t, rawGrant(await licet.grant({ license: name, target: "compat" })));
			for (const [title, said] of expected) t.equal(got.get(title), said, `${name}: ${title}`);
		}
	});
}
