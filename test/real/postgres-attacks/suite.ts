/**
 * The attacker's table against real servers. Each attack runs over two databases that differ in nothing but what is
 * masked or not licensed: no secret may be among the bytes that come back, in whatever shape, and the bytes must be the
 * same over both, since what differs is what an attacker can tell them apart by (rows, counts, order, errors).
 */
import type { Test } from "tap";
import { type Attack, attackSchema, attackSecrets, attacks, talk } from "../../helpers/attacks.js";
import { found, type Needle, textNeedles } from "../../helpers/canaries.js";
import { cap, license } from "../../helpers/license.js";
import { type Json, rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { NIGHTLY } from "../../helpers/patience.js";
import { RawClient, type RawOptions, ServerError } from "../../helpers/raw-client.js";
import { createDatabase, testServers, withClient } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";

interface Secrets {
	readonly email: readonly [string, string];
	readonly nick: readonly [string, string, string];
	readonly salary: readonly [number, number];
	readonly born: readonly [string, string];
	readonly seen: readonly [string, string];
	readonly note: readonly [string, string];
	readonly span: string;
	readonly row: readonly [string, string];
}

const SECRETS = attackSecrets<Secrets>("postgres");

/** Puts them into a database of the schema. */
function secretsScript({ email, nick, salary, born, seen, note, span, row }: Secrets): string {
	const user = (index: 0 | 1, more: string) => `UPDATE app.users SET email = '${email[index]}', nick = '${nick[index]}',
		salary = ${salary[index]}, born = '${born[index]}', seen = '${seen[index]}', note = '${note[index]}'${more}
		WHERE id = ${index + 1};`;
	return `
		${user(0, `, span = '${span}'`)}
		${user(1, "")}
		UPDATE app.users SET nick = '${nick[2]}' WHERE id = 3;
		UPDATE app.tickets SET hidden = '${row[0]}', b = '${row[1]}';
		INSERT INTO hr.things VALUES (1, '${row[0]}'), (2, '${row[1]}'), (3, repeat('${row[0]}', 400));
		INSERT INTO hr.files VALUES (1, 1, '${row[0]}');
		INSERT INTO hr.derived VALUES (1, 'p', '${row[0]}');
		INSERT INTO app.denied VALUES (1, '${row[0]}');
		REFRESH MATERIALIZED VIEW app.frozen;
		ANALYZE;`;
}

const TABLES = [
	"users",
	"words",
	"sizes",
	"things",
	"orders",
	"base",
	"parts",
	"denied",
	"contacts",
	"loud_contacts",
	"tones",
	"cells",
	"cells_1",
	"cells_1_a",
	"spans",
	"spans_1",
];

const PERMITS: Json = [
	{ on: [...TABLES, "frozen"].map((name) => `app.${name}`), commands: ["read", "write"] },
	{ on: ["app.tickets"], commands: ["read", "insert", "update", "merge"], columns: ["id", "status", "a"] },
	{ on: ["sandbox.*"], commands: ["read", "write", "ddl", "lock", "comment"] },
	{ on: ["app.users"], commands: ["vacuum"] },
	{ functions: ["sandbox.*", "app.words_of"] },
];

const MASKS: Json = [
	{ columns: ["app.cells.code", "app.spans.code"], with: null },
	{ columns: ["app.users.email"], with: "email" },
	{ columns: ["app.users.nick"], with: "redact" },
	{ columns: ["app.users.salary", "app.users.span"], with: null },
	{ columns: ["app.users.born"], with: { truncate: { to: "year" } } },
	{ columns: ["app.users.seen"], with: { truncate: { to: "day" } } },
	{ columns: ["app.users.note"], with: { partial: { keepLast: 2 } } },
];

const DENIES: Json = [{ on: ["app.denied"], commands: ["all"] }];
const TERMS = { permits: PERMITS, denies: DENIES };

const LICENSES = {
	project: license("project", { ...TERMS, masks: MASKS }),
	capped: license("capped", { ...TERMS, limits: { rowsPerStatement: cap(2, "error") } }),
};

/** Pieces of every secret: long enough to stand for nothing else, short enough to be found in a part of it. */
const NEEDLES: readonly Needle[] = SECRETS.flatMap(({ email, nick, salary, born, seen, note, row }) => [
	...[...email, ...nick, ...note.map((text) => text.slice(0, -2)), ...row].flatMap((whole) =>
		whole
			.split(/[.@]/)
			.filter((piece) => piece.length > 5 && piece !== "example")
			.flatMap((piece) => textNeedles(piece, whole)),
	),
	...[...salary.filter((value) => value > 1000).map(String), ...born, ...seen.map((at) => at.slice(11, 16))].flatMap(
		(value) => textNeedles(value).slice(0, 2),
	),
]);

type Name = keyof typeof LICENSES;

/** Licenses by name, for one of the two databases. */
type Door = Readonly<Record<Name, RawOptions>>;

async function openDoors(t: Test, server: string): Promise<readonly Door[]> {
	const first = await createDatabase(t, server, attackSchema("postgres"));
	const second = new URL(`${first}_b`).href;
	const name = new URL(second).pathname.slice(1);
	// A copy, so that the objects have the same identifiers.
	await withClient(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${name.slice(0, -2)}`));
	t.teardown(() => withClient(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)));
	const urls = [first, second];
	for (const [index, secrets] of SECRETS.entries()) {
		await withClient(urls[index] ?? "", (client) => client.query(secretsScript(secrets)));
	}
	const targets = Object.fromEntries(urls.map((url, index) => [`shop${index}`, targetOf(url)]));
	const licet = await startLicet(t, { targets, licenses: LICENSES });
	const grants = async (index: number): Promise<Door> => {
		const of = async (name: Name) => rawGrant(await licet.grant({ license: name, target: `shop${index}` }));
		return { project: await of("project"), capped: await of("capped") };
	};
	return [await grants(0), await grants(1)];
}

const extended = (sql: string): Buffer[] => [
	wire.parse(sql),
	wire.bind({ resultFormats: [1] }),
	wire.describe("P"),
	wire.execute(),
	wire.sync,
];

type Way = "simple" | "extended";

interface Told {
	/** What came after the login. */
	readonly messages: readonly wire.Message[];
	readonly failure: string | undefined;
	/** The login was refused, with these words. */
	readonly refusal?: string;
}

async function attempt(door: Door, attack: Attack, way: Way): Promise<Told> {
	// The third is MySQL's.
	const options = door[attack.license === "capped" ? "capped" : "project"];
	const login = { ...options, parameters: { TimeZone: "UTC", ...attack.parameters } };
	let client: RawClient;
	try {
		client = await RawClient.login(login);
	} catch (error) {
		if (!(error instanceof ServerError)) throw error;
		return { messages: [], failure: undefined, refusal: JSON.stringify(error.fields) };
	}
	const before = client.received.length;
	let failure: string | undefined;
	try {
		if (attack.talk !== undefined) await talk(client, attack.talk);
		for (const sql of attack.sql) await (way === "simple" ? client.query(sql) : client.ask(...extended(sql)));
	} catch (error) {
		failure = String(error);
	}
	client.destroy();
	return { messages: client.received.slice(before), failure };
}

/** Decisions are numbered by session. */
const spoken = ({ messages }: Told): string =>
	messages
		.map(({ type, body }) => `${type} ${body.toString("latin1")}`)
		.join("\n")
		.replace(/d_[\w-]+\.\d+/g, "d_");

const DENIALS: ReadonlySet<string> = new Set(["42501", "54000"]);

function outcome({ messages, refusal }: Told): string {
	if (refusal !== undefined) return "refused";
	const codes = messages.filter(({ type }) => type === "E").map((error) => wire.errorFields(error).C ?? "");
	if (codes.some((code) => DENIALS.has(code))) return "denied";
	if (codes.length > 0) return "native";
	return messages.some(({ type }) => type === "D" || type === "d") ? "masked" : "nothing";
}

async function judge(t: Test, doors: readonly Door[], attack: Attack, way: Way): Promise<void> {
	const name = `${attack.name} (${way})`;
	const told = await Promise.all(doors.map((door) => attempt(door, attack, way)));
	const [one, other] = told as [Told, Told];
	t.same([one.failure, other.failure], [undefined, undefined], `${name}: it comes to an end`);
	for (const { messages, refusal = "" } of told) {
		t.same(
			found(NEEDLES, Buffer.concat([Buffer.from(refusal), ...messages.map(({ body }) => body)])),
			[],
			`${name}: no secret shows`,
		);
	}
	t.equal(spoken(one), spoken(other), `${name}: other secrets make no difference`);
	if (attack.expect !== "any") t.equal(outcome(one), attack.expect, `${name}: what becomes of it`);
}

/** The servers, and the way in which each is asked what both know; a night's run asks each in both ways. */
const SERVERS = {
	system: { url: testServers().pg15, version: 15, way: "simple" },
	newest: { url: testServers().pg18, version: 18, way: "extended" },
} as const;

/** Some thousand conversations. */
export async function attackServer(t: Test, name: keyof typeof SERVERS): Promise<void> {
	const { url, version, way: own } = SERVERS[name];
	const doors = await openDoors(t, url);
	for (const attack of attacks("postgres")) {
		const { since = 0 } = attack;
		if (since > version) continue;
		const isSql = attack.talk === undefined && !attack.sql.some((sql) => sql.includes("; "));
		const both: readonly Way[] = isSql ? ["simple", "extended"] : ["simple"];
		const isElsewhereToo = since <= SERVERS.system.version && isSql && !NIGHTLY;
		for (const way of isElsewhereToo ? [own] : both) await judge(t, doors, attack, way);
	}
}
