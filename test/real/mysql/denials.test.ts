/**
 * A denial leaves a MySQL session exactly where the server's own permission error would have. The same conversation is
 * held twice, packet for packet: straight with the server, by a user without rights on table `vault`, and through Licet,
 * whose upstream may do everything and whose license does not name it.
 * Number and SQLSTATE of errors, shape of results, warnings, status flags, sequence numbers and what the session says of
 * itself afterwards must be equal.
 */
import t, { type Test } from "tap";
import { outline, RawMysqlClient, type RawMysqlOptions } from "../../helpers/mysql-raw.js";
import { type MysqlServer, mysqlServers, withMysql } from "../../helpers/mysql-servers.js";
import { COM, command, FLAG, int16, int32 } from "../../helpers/mysql-wire.js";
import { createUser, direct, type Ground, prepareGround, rawMysqlGrant, replay } from "./ground.js";

const CANARY = "cnry7f3a91";

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY AUTO_INCREMENT, name varchar(40));
INSERT INTO items VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE TABLE vault (id int, word text);
INSERT INTO vault VALUES (1, '${CANARY}');
CREATE TABLE ledger (id int, word text);
CREATE TABLE narrow (id int, word text, note text);
CREATE PROCEDURE wipe() DELETE FROM vault;
CREATE FUNCTION worth(n int) RETURNS int DETERMINISTIC RETURN (SELECT count(*) FROM vault) + n;
`;

const LICENSES = {
	half: {
		permits: [
			{ on: ["$DB.items"], commands: ["read", "write"] },
			{ on: ["$DB.narrow"], commands: ["read"], columns: ["id"] },
		],
		denies: [{ on: ["$DB.ledger"], commands: ["all"], reason: "held for audit" }],
	},
};

/** Statements that fail for want of rights, each of another kind. */
const DENIED: Readonly<Record<string, string>> = {
	select: "SELECT id, word FROM vault",
	insert: "INSERT INTO vault VALUES (2, 'x')",
	update: "UPDATE vault SET word = 'x'",
	delete: "DELETE FROM vault",
	replace: "REPLACE INTO vault VALUES (1, 'x')",
	"insert from it": "INSERT INTO items (name) SELECT word FROM vault",
	"a join": "SELECT items.id FROM items JOIN vault ON items.id = vault.id",
	"a subquery": "SELECT id FROM items WHERE name IN (SELECT word FROM vault)",
	"multi-table update": "UPDATE items JOIN vault ON items.id = vault.id SET items.name = vault.word",
	explain: "EXPLAIN SELECT id FROM vault",
};

/** The servers commit what is open before they look whether such a statement may run. A denial never does. */
const DENIED_DDL: Readonly<Record<string, string>> = {
	truncate: "TRUNCATE TABLE vault",
	drop: "DROP TABLE vault",
	create: "CREATE TABLE other (id int)",
	alter: "ALTER TABLE vault ADD COLUMN more int",
	"create index": "CREATE INDEX by_id ON vault (id)",
};

const NO = DENIED.select as string;
const OK = "SELECT name FROM items WHERE id = 1";
const WRITE = "INSERT INTO items (name) VALUES ('new'), ('newer')";
/** What a session says of itself. */
const STATE = "SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@warning_count, @@error_count, @@autocommit";
/** Fails on both sides alike. */
const BROKEN = "INSERT INTO items (id, name) VALUES (1, 'again')";
const COUNT = "SELECT count(*) FROM items";

interface Step {
	readonly name: string;
	run(client: RawMysqlClient): Promise<unknown>;
}

/** A text; the values of its rows count where they are few. */
const q = (sql: string): Step => ({
	name: sql,
	run: async (client) => {
		const answers = await client.query(sql);
		const [first] = answers;
		return [outline(answers), first?.kind === "rows" ? first.rows.slice(0, 3) : undefined];
	},
});

/** Prepared, executed and closed. */
const p = (sql: string): Step => ({
	name: `prepared: ${sql}`,
	run: async (client) => {
		const { id, error } = await client.prepare(sql);
		if (error !== undefined) return `E${error.errno} ${error.state}`;
		const said = outline(await client.execute(id));
		client.send(command(COM.close, int32(id)));
		return said;
	},
});

const c = (name: string, code: number, ...parts: (Buffer | string)[]): Step => ({
	name,
	run: async (client) => outline([await client.simple(code, ...parts)]),
});

/** Where in a conversation the denied statement stands. */
const SCENES: Readonly<Record<string, readonly Step[]>> = {
	"a text of its own": [q(NO), q(STATE), q(OK), q(STATE)],
	prepared: [p(NO), q(STATE), p(OK), q(STATE)],
	"text and prepared in turn": [q(NO), p(OK), p(NO), q(OK), p(NO), q(NO), p(OK), q(STATE)],
	"after a write": [q(WRITE), q(STATE), q(NO), q(STATE), q(COUNT)],
	"before a write": [q(NO), q(WRITE), q(STATE), q(COUNT)],
	"inside a transaction": [q("BEGIN"), q(WRITE), q(NO), q(COUNT), p(NO), q(COUNT), q("ROLLBACK"), q(COUNT)],
	"a transaction that is committed": [q("START TRANSACTION"), q(WRITE), q(NO), q("COMMIT"), q(COUNT)],
	"with autocommit off": [q("SET autocommit = 0"), q(WRITE), q(NO), q(STATE), q("ROLLBACK"), q(COUNT)],
	"after a savepoint": [
		q("BEGIN"),
		q("SAVEPOINT a"),
		q(WRITE),
		q(NO),
		q("ROLLBACK TO SAVEPOINT a"),
		q("COMMIT"),
		q(COUNT),
	],
	"after an error": [q(BROKEN), q(STATE), q(NO), q(STATE), q(BROKEN), q(OK), q(STATE)],
	"after warnings": [q("SELECT CAST('x' AS signed)"), q(NO), q(STATE), q(OK), q(STATE)],
	"among commands": [q(NO), c("ping", COM.ping), q(NO), c("use", COM.setOption, int16(0)), q(NO), q(OK)],
	"twice and twice": [q(NO), q(NO), p(NO), p(NO), q(OK)],
};

async function speak(options: RawMysqlOptions, steps: readonly Step[]): Promise<unknown[]> {
	const client = await RawMysqlClient.login(options);
	const said: unknown[] = [];
	try {
		// FOUND_ROWS() of a session that has asked for nothing yet is that of the proxy's own questions.
		await client.query(OK);
		for (const { name, run } of steps) said.push([name, await run(client)]);
		await client.during(20);
		said.push(client.misnumbered);
	} finally {
		client.destroy();
	}
	return said;
}

interface Sides {
	readonly ground: Ground;
	readonly direct: RawMysqlOptions;
	readonly through: RawMysqlOptions;
}

async function prepare(t: Test, server: MysqlServer): Promise<Sides> {
	const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
	const rights = [`SELECT, INSERT, UPDATE, DELETE ON ${ground.database}.items`];
	return {
		ground,
		direct: await createUser(t, ground, rights),
		through: rawMysqlGrant(await ground.grant("half")),
	};
}

/** The same to begin with, numbers that are given out included. */
const reset = ({ ground }: Sides) =>
	withMysql(ground.url, (client) =>
		client.query("DELETE FROM items WHERE id > 3; ALTER TABLE items AUTO_INCREMENT = 4"),
	);

async function compare(t: Test, sides: Sides, name: string, steps: readonly Step[]): Promise<void> {
	for (const deprecateEof of [true, false]) {
		await reset(sides);
		const expected = await speak({ ...sides.direct, deprecateEof }, steps);
		await reset(sides);
		const found = await speak({ ...sides.through, deprecateEof }, steps).catch((error: unknown) => [String(error)]);
		t.same(found, expected, deprecateEof ? name : `${name}, with EOF packets`);
	}
}

const words = ({ ground }: Sides) => direct(ground, "SELECT word FROM vault");

async function severalStatements(t: Test, sides: Sides): Promise<void> {
	await reset(sides);
	const client = await RawMysqlClient.login({ ...sides.through, flags: FLAG.multiStatements });
	t.teardown(() => client.destroy());
	for (const sql of [`${OK}; ${NO}`, `${NO}; ${OK}`, `${WRITE}; ${NO}; ${WRITE}`, `BEGIN; ${WRITE}; ${NO}; COMMIT`]) {
		t.equal(outline(await client.query(sql)), "E1142 42000", `one error for all of it: ${sql}`);
		t.match(await client.query(COUNT), [{ rows: [["3"]] }], "and nothing of it has run");
	}
	t.match(outline(await client.query(`${OK}; ${OK}`)), /^1c 1r s10 w0 \| 1c 1r s2 w0$/, "others go on");
	t.equal(outline([await client.simple(COM.setOption, int16(1))]), "ok 0 s2 w0");
	t.match(outline(await client.query(`${OK}; ${OK}`)), /^E(1064|1142) 42000$/, "several statements, once they are off");
}

async function otherWays(t: Test, sides: Sides): Promise<void> {
	const client = await RawMysqlClient.login(sides.through);
	t.teardown(() => client.destroy());
	for (const [errno, name, sql] of [
		[1370, "a procedure", "CALL wipe()"],
		[1370, "a function", "SELECT worth(1)"],
		[1142, "SQL's PREPARE", `PREPARE p FROM '${NO}'`],
		[1142, "a view", "CREATE VIEW seen AS SELECT * FROM vault"],
		[1142, "rights", "GRANT SELECT ON vault TO CURRENT_USER()"],
		[1370, "a file", "SELECT LOAD_FILE('/etc/passwd')"],
		[1142, "out to a file", "SELECT name INTO OUTFILE '/tmp/licet-never' FROM items"],
		[1142, "HANDLER", "HANDLER vault OPEN"],
		[1142, "unread", "SELEC 1"],
		[1370, "a function of the server's", "SELECT SLEEP(1)"],
		[1142, "accounts", "SELECT * FROM mysql.user"],
		[1142, "a global setting", "SET GLOBAL max_connections = 1"],
		[1143, "a column", "SELECT word FROM narrow"],
		[1143, "a column among others", "SELECT id, note FROM narrow"],
	] as const) {
		t.equal(outline(await client.query(sql)), `E${errno} 42000`, name);
		t.equal(outline(await client.query(OK)), "1c 1r s2 w0", `${name}: the session goes on`);
	}
	t.equal(outline(await client.query("EXECUTE p")), "E1243 HY000", "what was not prepared is not there");
	const unknown = await client.execute(77);
	t.equal(outline(unknown), "E1243 HY000", "nor is a statement that was denied");
	t.same(await words(sides), [[CANARY]], "nothing denied has run");
}

async function whatItSays(t: Test, { ground, through }: Sides): Promise<void> {
	const client = await RawMysqlClient.login(through);
	t.teardown(() => client.destroy());
	const ids: string[] = [];
	for (const sql of [
		`SELECT word FROM vault WHERE word = '${CANARY}'`,
		`INSERT INTO vault VALUES (9, '${CANARY}')`,
		`SELECT worth(1) -- ${CANARY}`,
		`SELECT * FROM ledger WHERE word = '${CANARY}'`,
		`SELEKT '${CANARY}'`,
		`SELECT LOAD_FILE('${CANARY}')`,
	]) {
		const [answer] = await client.query(sql);
		const prepared = await client.prepare(sql);
		for (const error of [answer, prepared.error]) {
			const { state = "", message = "" } = { ...(error as { state?: string; message?: string }) };
			t.equal(state, "42000", sql);
			t.match(message, /\(License "half".*decision d_\w+\.\d+/);
			t.notMatch(message, new RegExp(CANARY), "no value is repeated");
			t.notMatch(message, /\n/, "one line");
			ids.push(/decision (d_\w+\.\d+)/.exec(message)?.[1] ?? "none");
		}
	}
	t.equal(new Set(ids).size, ids.length, "each decision has an id of its own");
	const [held] = await client.query("SELECT id FROM ledger");
	t.match(
		held,
		{ kind: "error", message: /ledger.*held for audit.*denies\[0\]/ },
		"names the term, its reason and the object",
	);
	t.match(await client.query("SHOW ERRORS"), [{ kind: "rows" }], "what the server keeps of it can be asked for");
	const recorded = (await replay(ground.licet))
		.map(({ decision }) => decision as { id: string; effect: string } | undefined)
		.filter((decision) => decision?.effect === "deny")
		.map((decision) => decision?.id);
	t.same(recorded.slice(0, ids.length), ids, "the recording has the decisions that the client was told");
}

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const sides = await prepare(t, server);
		await t.test("every position, as the server's own error", async (t) => {
			for (const [name, steps] of Object.entries(SCENES)) await compare(t, sides, name, steps);
		});
		await t.test("every kind of statement, as the server's own error", async (t) => {
			for (const [kind, sql] of Object.entries(DENIED)) {
				const steps = [q("BEGIN"), q(WRITE), q(sql), q(COUNT), p(sql), q(COUNT), q("ROLLBACK"), q(STATE)];
				await compare(t, sides, kind, steps);
			}
			for (const [kind, sql] of Object.entries(DENIED_DDL)) {
				await compare(t, sides, kind, [q(WRITE), q(sql), q(STATE), p(sql), q(STATE), q(OK)]);
				const client = await sides.ground.login(t, "half");
				const said = [];
				for (const text of ["BEGIN", "DELETE FROM items", sql, "ROLLBACK"]) said.push(await client.query(text));
				t.match(said.map(outline), [/s3 w0/, /s3 w0/, "E1142 42000", /s2 w0/], `${kind}: a transaction stays open`);
				t.not((await direct(sides.ground, COUNT))[0]?.[0], 0, "and can be rolled back");
			}
			t.same(await words(sides), [[CANARY]], "nothing denied has run");
		});
		await t.test("several statements in one text", (t) => severalStatements(t, sides));
		await t.test("other ways to it", (t) => otherWays(t, sides));
		await t.test("what the error says", (t) => whatItSays(t, sides));
	});
}
