/**
 * Large results of MySQL and slow clients: results are never collected, a client that does not read stops the server, and
 * files of the client are read only where the license says so. Memory is read from /proc.
 */
import { existsSync, readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { type Answer, outline, type RawMysqlClient } from "../../helpers/mysql-raw.js";
import { mysqlServers } from "../../helpers/mysql-servers.js";
import { FLAG, packet, query } from "../../helpers/mysql-wire.js";
import { direct, type Ground, pause, prepareGround } from "./ground.js";

const LIMIT_MB = 260;

const SCHEMA = `
CREATE TABLE seed (n int PRIMARY KEY, word varchar(1000), secret varchar(40));
INSERT INTO seed WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT i, repeat('x', 400), concat('secret', i) FROM s;
CREATE TABLE lines_ (a varchar(200));
`;

const LICENSES = {
	plain: { permits: [{ on: ["$DB.*"], commands: ["read", "insert", "update", "delete"] }] },
	masked: {
		permits: [{ on: ["$DB.*"], commands: ["read"] }],
		masks: [{ columns: ["$DB.seed.secret"], with: { partial: { keepLast: 2 } } }],
		recording: { results: 10 },
	},
	files: { permits: [{ on: ["$DB.*"], commands: ["read", "insert", "copyFrom"] }] },
	everything: { permits: "all" },
};

/** Peak of the proxy's resident memory, in MB. */
function peakMb({ licet }: Ground): number {
	return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${licet.pid}/status`, "utf8"))?.[1]) / 1024;
}

const errorOf = (answers: readonly Answer[]) => answers.find(({ kind }) => kind === "error");

/** A result of `rows` rows to a client that does not read at first. */
async function stream(t: Test, ground: Ground, license: string, rows: number, megabytes: number): Promise<void> {
	const client = await ground.login(t, license, { dropRows: true });
	const sql = `SELECT a.n, a.word, a.secret FROM seed a, seed b WHERE b.n <= ${rows / 1000}`;
	client.say(query(sql));
	client.hold(true);
	await pause(800);
	t.same(await direct(ground, WRITING), [[1]], `${license}: the server waits for the client`);
	client.hold(false);
	const answers = await client.answers();
	t.equal(outline(answers), `3c ${rows}r s2 w0`, `${license}: all rows came`);
	t.ok(client.bytesReceived > megabytes * 1e6, `${Math.round(client.bytesReceived / 1e6)} MB`);
	t.ok(peakMb(ground) < LIMIT_MB, `${license}: the proxy took ${Math.round(peakMb(ground))} MB at most`);
	t.same(client.misnumbered, []);
	client.destroy();
}

/** Connections of the server whose client does not take what it says. */
const WRITING =
	"SELECT count(*) FROM information_schema.PROCESSLIST WHERE (STATE LIKE 'Writing to net%' OR STATE LIKE 'Sending to client%') AND INFO LIKE '%seed b%'";

async function localFiles(t: Test, ground: Ground): Promise<void> {
	const sql = "LOAD DATA LOCAL INFILE 'a-file' INTO TABLE lines_";
	const file = async (client: RawMysqlClient, name: string): Promise<void> => {
		client.say(query(sql));
		const request = await client.next();
		t.equal(request.toString("latin1"), "\u00fba-file", `${name}: the file is asked for`);
		const pieces = [Buffer.from("one\ntwo\n"), Buffer.alloc(100_000, "three\n"), Buffer.alloc(0)];
		pieces.forEach((piece, index) => {
			client.send(packet(2 + index, piece));
		});
		client.say(Buffer.alloc(0), 4);
		t.match(outline(await client.answers()), /^ok 1666[89] s2 w0$/, `${name}: and read`);
		t.equal(outline(await client.query("SELECT 1")), "1c 1r s2 w0");
		t.same(client.misnumbered, []);
	};
	for (const name of ["files", "everything"]) await file(await ground.login(t, name, { flags: FLAG.localFiles }), name);
	const refused = await ground.login(t, "plain", { flags: FLAG.localFiles });
	t.match(errorOf(await refused.query(sql)), { errno: 1142, state: "42000" }, "where the license has no copyFrom");
	t.equal(outline(await refused.query("SELECT 1")), "1c 1r s2 w0", "and the session goes on");
	const without = await ground.login(t, "files");
	t.ok(errorOf(await without.query(sql)), "a client that offers no files is asked for none");
	t.match(
		errorOf(await refused.query("LOAD DATA INFILE '/etc/passwd' INTO TABLE lines_")),
		{ errno: 1142 },
		"the server's own",
	);
}

for (const server of mysqlServers()) {
	t.test(server.name, { skip: existsSync("/proc/self/status") ? false : "memory is read from /proc" }, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		await t.test("a large result and a slow client", async (t) => {
			await stream(t, ground, "plain", 1_000_000, 400);
			await stream(t, ground, "masked", 100_000, 40);
			await stream(t, ground, "everything", 100_000, 40);
		});
		await t.test("files of the client", (t) => localFiles(t, ground));
	});
}
