/** The tests' own ground: the MariaDB and MySQL are the real ones, and every way to log in works, with TLS and without. */
import { readFileSync } from "node:fs";
import { createConnection as createMariadb } from "mariadb";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import t from "tap";
import {
	createMysqlDatabase,
	MYSQL_LOGIN_PASSWORD,
	mysqlOptions,
	mysqlServers,
	withMysql,
} from "../../helpers/mysql-servers.js";
import { fixture } from "../../helpers/project.js";

const ca = readFileSync(fixture("tls", "ca.crt"));

for (const server of mysqlServers()) {
	t.test(server.name, async (t) => {
		const url = await createMysqlDatabase(
			t,
			server,
			"CREATE TABLE pair (id int PRIMARY KEY, word text); INSERT INTO pair VALUES (1, 'a');",
		);

		t.test("version and database", async (t) => {
			const [[row]] = await withMysql(url, (client) =>
				client.query<RowDataPacket[]>("SELECT version() AS version, (SELECT word FROM pair) AS word"),
			);
			t.match(row, { version: server.flavour === "mariadb" ? /MariaDB/ : /^9\./, word: "a" });
		});

		t.test("every way to log in", async (t) => {
			const { host, port } = mysqlOptions(url);
			for (const [plugin, user] of Object.entries(server.users)) {
				const password = plugin === "empty" ? "" : MYSQL_LOGIN_PASSWORD;
				for (const ssl of [undefined, { ca, servername: "localhost" }]) {
					// mysql2 does not know MariaDB's own plugin, which needs no TLS; MySQL's sends a password over TLS alone.
					const client = await createMariadb({
						host,
						port,
						user,
						password,
						...(ssl ? { ssl } : {}),
						allowPublicKeyRetrieval: true,
					});
					const rows: unknown = await client.query("SELECT current_user() AS user");
					t.match(rows, [{ user: `${user}@%` }], `${plugin}${ssl ? ", TLS" : ""}`);
					await client.end();
				}
			}
			await t.rejects(
				createConnection({ ...mysqlOptions(url), password: "wrong" }),
				{ code: "ER_ACCESS_DENIED_ERROR", errno: 1045, sqlState: "28000" },
				"a wrong password",
			);
		});

		t.test("TLS", async (t) => {
			const client = await createConnection({ ...mysqlOptions(url), ssl: { ca } });
			const [rows] = await client.query("SHOW STATUS LIKE 'Ssl_version'");
			t.match(rows, [{ Value: /^TLSv1\.[23]$/ }]);
			await client.end();
			const stranger = readFileSync(fixture("tls", "other-ca.crt"));
			await t.rejects(createConnection({ ...mysqlOptions(url), ssl: { ca: stranger } }), "another authority");
		});
	});
}
