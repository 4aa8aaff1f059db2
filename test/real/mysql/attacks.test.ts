/**
 * The attacker's table against real servers. Each attack runs over two databases that differ in nothing but what is
 * masked or not licensed: no secret may be among the bytes that come back, in whatever shape, and what comes back must
 * be the same over both, since what differs is what an attacker can tell them apart by.
 */
import { connect } from "node:net";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import t, { type Test } from "tap";
import { type Attack, attackSchema, attackSecrets, attacks, type Step } from "../../helpers/attacks.js";
import { found, type Needle, textNeedles } from "../../helpers/canaries.js";
import { license } from "../../helpers/license.js";
import { type IssuedGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { createMysqlDatabase, type MysqlServer, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";

interface Secrets {
	readonly email: readonly [string, string];
	readonly nick: readonly [string, string];
	readonly salary: readonly [number, number];
	readonly row: readonly [string, string];
}

const SECRETS = attackSecrets<Secrets>("mysql");
const ATTACKS = attacks("mysql").filter(({ reads }) => reads === undefined);

function secretsScript({ email, nick, salary, row }: Secrets): string {
	return `UPDATE users SET email = '${email[0]}', nick = '${nick[0]}', salary = ${salary[0]} WHERE id = 1;
		UPDATE users SET email = '${email[1]}', nick = '${nick[1]}', salary = ${salary[1]} WHERE id = 2;
		UPDATE tickets SET hidden = '${row[0]}';
		INSERT INTO hidden VALUES (1, '${row[0]}'), (2, '${row[1]}');
		INSERT INTO denied VALUES (1, '${row[0]}');
		INSERT INTO levels VALUES (1, ${salary[0]}), (2, ${salary[1]});
		INSERT INTO sums (id, salary) VALUES (1, ${salary[0]}), (2, ${salary[1]});
		INSERT INTO earned (id, salary, kept) VALUES (1, ${salary[0]}, 0), (2, ${salary[1]}, 0);
		INSERT INTO placed VALUES (1, ${salary[0]}), (2, ${salary[1]});
		INSERT INTO plain_copy VALUES (1, '${row[0]}');
		INSERT INTO ordered VALUES (1, '${nick[0]}'), (2, '${nick[1]}');
		INSERT INTO children VALUES (1, '${nick[0]}'), (2, '${nick[1]}');
		ANALYZE TABLE users, words, copies, earned, ordered, parents, children, placed, parted, plain_copy;`;
}

const TABLES = [
	"users",
	"words",
	"copies",
	"contacts",
	"loud_contacts",
	"cells",
	"counted",
	"levels",
	"sums",
	"opened",
	"earned",
	"earning",
	"ordered",
	"parents",
	"children",
];

const USES = ["project", "derive"] as const;

/** What else may be done with the masked columns is all that the licenses differ in. */
function terms(database: string, use: (typeof USES)[number]): Parameters<typeof license>[1] {
	return {
		permits: [
			{ on: TABLES.map((name) => `${database}.${name}`), commands: ["read", "write"] },
			{ on: [`${database}.tickets`, `${database}.placed`], commands: ["select"], columns: ["id", "status"] },
		],
		denies: [{ on: [`${database}.denied`], commands: ["all"] }],
		masks: [
			{ columns: [`${database}.users.email`], with: "email", use },
			{ columns: ["*.*.nick"], with: "redact", use },
			{ columns: [`${database}.*.salary`], with: null, use },
		],
	};
}

/** Definitions may be changed everywhere, and little may be read. */
function moving(database: string): Parameters<typeof license>[1] {
	return {
		permits: [
			{ on: [`${database}.*`], commands: ["ddl"] },
			{ on: [`${database}.words`, `${database}.contacts`], commands: ["read"] },
			{ on: [`${database}.tickets`, `${database}.placed`], commands: ["select"], columns: ["id", "status"] },
		],
	};
}

const NEEDLES: readonly Needle[] = SECRETS.flatMap(({ email, nick, salary, row }) => [
	...[...email, ...nick, ...row].flatMap((whole) =>
		whole
			.split(/[.@]/)
			.filter((piece) => piece.length > 5 && piece !== "example")
			.flatMap((piece) => textNeedles(piece, whole)),
	),
	...salary.filter((value) => value > 1000).flatMap((value) => textNeedles(String(value)).slice(0, 2)),
]);

/** Where the server keeps its data: no business of anybody's who asks through us. */
async function placeNeedles({ url }: MysqlServer): Promise<readonly Needle[]> {
	const [[row]] = await withMysql(url, (client) => client.query<RowDataPacket[]>("SELECT @@datadir AS place"));
	return textNeedles(String(row?.place)).slice(0, 2);
}

interface Door {
	readonly grants: ReadonlyMap<string, IssuedGrant>;
	readonly database: string;
}

interface Told {
	readonly bytes: Buffer;
	/** What each statement came to, in words that do not depend on the session. */
	readonly outcomes: readonly string[];
	readonly effects: readonly ("rows" | "denied" | "native" | "done")[];
}

async function openDoors(t: Test, server: MysqlServer): Promise<Door[]> {
	const doors: Door[] = [];
	const urls: string[] = [];
	for (const secrets of SECRETS)
		urls.push(await createMysqlDatabase(t, server, attackSchema("mysql") + secretsScript(secrets)));
	const databases = urls.map((url) => new URL(url).pathname.slice(1));
	const licet = await startLicet(t, {
		targets: Object.fromEntries(urls.map((url, index) => [`shop${index}`, targetOf(url)])),
		licenses: Object.fromEntries(
			databases.flatMap((database, index) => [
				...USES.map((use) => [`${use}${index}`, license(`${use}${index}`, terms(database, use))] as const),
				[`moving${index}`, license(`moving${index}`, moving(database))] as const,
			]),
		),
	});
	for (const [index, database] of databases.entries()) {
		const grants = new Map<string, IssuedGrant>();
		for (const use of [...USES, "moving"]) {
			grants.set(use, await licet.grant({ license: `${use}${index}`, target: `shop${index}` }));
		}
		doors.push({ grants, database });
	}
	return doors;
}

interface Failure {
	readonly errno: number;
	readonly sqlState: string;
	readonly message: string;
}

type Login = Readonly<Record<"user" | "password" | "database", string>>;

async function take(client: Connection, step: Step, way: "query" | "execute", login: Login): Promise<unknown> {
	if ("query" in step) return (way === "query" ? await client.query(step.query) : await client.execute(step.query))[0];
	if ("reset" in step) return client.reset();
	if ("changeUser" in step) return client.changeUser({ ...login, database: step.changeUser || login.database });
	throw new Error("a step of PostgreSQL's");
}

async function attempt(door: Door, attack: Attack, way: "query" | "execute"): Promise<Told> {
	const grant = door.grants.get(attack.license ?? "project") as IssuedGrant;
	const { host, port, username: user, password, database } = grant;
	const chunks: Buffer[] = [];
	const socket = connect({ host, port });
	socket.on("data", (chunk: Buffer) => chunks.push(chunk));
	const client: Connection = await createConnection({ user, password, database, stream: socket, rowsAsArray: true });
	// What came before says nothing of data.
	chunks.length = 0;
	const outcomes: string[] = [];
	const effects: Told["effects"][number][] = [];
	for (const step of attack.talk ?? attack.sql.map((query): Step => ({ query }))) {
		try {
			const rows = await take(client, step, way, { user, password, database });
			outcomes.push(JSON.stringify(rows) ?? "done");
			effects.push(Array.isArray(rows) ? "rows" : "done");
		} catch (error) {
			const { errno, sqlState, message } = error as Failure;
			outcomes.push(`${errno} ${sqlState} ${message}`);
			effects.push(/License "/.test(message) ? "denied" : "native");
		}
	}
	client.destroy();
	const spoken = outcomes.map((text) =>
		text
			.replace(/d_[\w-]+\.\d+/g, "d_")
			// The two databases were made one after the other.
			.replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, "then")
			.replaceAll(door.database, "db")
			.replaceAll(Buffer.from(door.database).toString("hex").toUpperCase(), "db")
			.replace(/(project|derive|moving|shop)\d/g, "$1")
			// A long message may end within a name.
			.replace(/(\btest_\w*|\bdb[.\w]*)…/, "…"),
	);
	return { bytes: Buffer.concat(chunks), outcomes: spoken, effects };
}

function outcome({ effects }: Told): string {
	if (effects.includes("denied")) return "denied";
	if (effects.includes("native")) return "native";
	return effects.includes("rows") ? "masked" : "nothing";
}

interface Ground {
	readonly doors: readonly Door[];
	readonly needles: readonly Needle[];
}

async function judge(t: Test, ground: Ground, attack: Attack, way: "query" | "execute"): Promise<void> {
	const { doors, needles } = ground;
	const name = `${attack.name} (${way})`;
	const told = await Promise.all(doors.map((door) => attempt(door, attack, way)));
	const [one, other] = told as [Told, Told];
	for (const { bytes } of told) t.same(found(needles, bytes), [], `${name}: no secret shows`);
	t.same(one.outcomes, other.outcomes, `${name}: other secrets make no difference`);
	if (attack.expect !== "any")
		t.equal(outcome(one), attack.expect, `${name}: ${one.outcomes.join(" | ").slice(0, 200)}`);
}

for (const server of mysqlServers()) {
	t.test(server.name, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const doors = await openDoors(t, server);
		const ground = { doors, needles: [...NEEDLES, ...(await placeNeedles(server))] };
		for (const attack of ATTACKS) {
			if (attack.only !== undefined && attack.only !== server.flavour) continue;
			await judge(t, ground, attack, "query");
			if (attack.text !== true && attack.sql.length === 1) await judge(t, ground, attack, "execute");
		}
		for (const { database } of doors) {
			const url = new URL(server.url);
			url.pathname = `/${database}`;
			const [rows] = await withMysql(url.href, (client) => client.query("SELECT plain FROM users ORDER BY id"));
			t.same(rows, [{ plain: "p1" }, { plain: "p2" }, { plain: "p3" }], "nothing was written");
		}
	});
}
