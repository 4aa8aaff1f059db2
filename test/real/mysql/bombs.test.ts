/** Bombs over MySQL's protocol, and another session beside them. What only PostgreSQL knows is a mistake here. */
import t from "tap";
import { type Bomber, bombBeside } from "../../helpers/bombing.js";
import { RawMysqlClient, type RawMysqlOptions } from "../../helpers/mysql-raw.js";
import { type MysqlServer, mysqlServers } from "../../helpers/mysql-servers.js";
import { FLAG } from "../../helpers/mysql-wire.js";
import { PART_TIMEOUT_MS } from "../../helpers/patience.js";
import { SteadyClient } from "../../helpers/steady-client.js";
import { prepareGround, rawMysqlGrant } from "./ground.js";

const SCHEMA = `CREATE TABLE users (id int PRIMARY KEY, name varchar(40), email varchar(40));
CREATE TABLE orders (id int, user_id int, total int, note text);
INSERT INTO users WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, concat('n', i), concat('e', i) FROM n;`;

const LICENSES = {
	shop: {
		permits: [{ on: ["$DB.*"], commands: ["read", "write"] }],
		masks: [{ columns: ["$DB.users.email"], with: "email" }],
	},
};

/** Numbers of the server's errors, and of denials. */
const ENDS = /^(answered|\d+)$/;

async function bomber(grant: RawMysqlOptions, flavour: MysqlServer["flavour"]): Promise<Bomber> {
	const client = await RawMysqlClient.login({ ...grant, flags: FLAG.multiStatements });
	// What the license and the server let pass may keep the server busy, which is not the proxy's to prevent.
	const limit = flavour === "mariadb" ? "max_statement_time = 0.3" : "max_execution_time = 300";
	const [answer] = await client.query(`SET SESSION ${limit}`);
	if (answer?.kind !== "ok") throw new Error(JSON.stringify(answer));
	return {
		send: async (sql) => {
			const last = (await client.query(sql)).at(-1);
			if (last?.kind === "error") return String(last.errno);
			return last?.kind === "rows" && last.error !== undefined ? String(last.error.errno) : "answered";
		},
		destroy: () => client.destroy(),
	};
}

for (const server of mysqlServers()) {
	t.test(`bombs on ${server.name}`, { timeout: PART_TIMEOUT_MS }, async (t) => {
		const ground = await prepareGround(t, server, { schema: SCHEMA, licenses: LICENSES });
		const grant = rawMysqlGrant(await ground.grant("shop"));
		const steady = new SteadyClient(t, { engine: "mysql", table: "users", options: grant });
		await bombBeside(t, { steady, login: () => bomber(grant, server.flavour), schema: "", ends: ENDS });
	});
}
