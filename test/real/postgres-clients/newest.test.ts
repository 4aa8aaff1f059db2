/**
 * psql, pg_dump and libpq of PostgreSQL 18: their work with the servers of both versions, and how this libpq connects,
 * straight at the newest server and through Licet before either.
 */
import { spawn } from "node:child_process";
import { createHmac, pbkdf2Sync } from "node:crypto";
import t from "tap";
import { type CommandResult, outcome } from "../../helpers/command.js";
import { license } from "../../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../../helpers/licet.js";
import { libpqEnvironment } from "../../helpers/programs.js";
import { fixture } from "../../helpers/project.js";
import { RawClient, type RawOptions, rawOptions } from "../../helpers/raw-client.js";
import { createDatabase, testServers } from "../../helpers/servers.js";
import * as wire from "../../helpers/wire.js";
import { newestPsql, psql18Program } from "./psql18.js";
import { compareClients, whatIsMissing } from "./suite.js";

for (const server of ["pg15", "pg18"] as const) {
	await t.test(server, (t) => compareClients(t, [newestPsql], server));
}

const missing = (await whatIsMissing([newestPsql])).get(newestPsql);
const CA = fixture("tls", "ca.crt");

/** Settings of libpq, each alone. What they come to must be the same on all ways. */
const SETTINGS: readonly string[] = [
	"sslmode=disable",
	"sslmode=prefer",
	"sslmode=require",
	`sslmode=verify-full sslrootcert=${CA}`,
	"sslmode=require sslnegotiation=direct",
	`sslmode=verify-full sslrootcert=${CA} sslnegotiation=direct`,
	`sslmode=verify-full sslrootcert=${fixture("tls", "other-ca.crt")} sslnegotiation=direct`,
	// Refused by libpq itself: no server could say that it has no TLS.
	"sslmode=prefer sslnegotiation=direct",
	"sslmode=require ssl_max_protocol_version=TLSv1.2",
	"sslmode=require ssl_min_protocol_version=TLSv1.3 sslnegotiation=direct",
	"sslmode=require sslcertmode=require",
	"sslmode=require channel_binding=require",
	"sslmode=require sslnegotiation=direct channel_binding=require",
	"sslmode=disable channel_binding=require",
	"min_protocol_version=3.0 max_protocol_version=3.0",
	"max_protocol_version=3.2",
	"max_protocol_version=latest",
	"min_protocol_version=3.2 max_protocol_version=3.2",
	"min_protocol_version=3.2 max_protocol_version=3.2 sslmode=require sslnegotiation=direct channel_binding=require",
	"require_auth=scram-sha-256",
	"require_auth=!scram-sha-256",
	"require_auth=none",
	"require_auth=md5,password",
	"password=wrong",
	"password=wrong sslmode=require channel_binding=require max_protocol_version=3.2",
	"target_session_attrs=read-write",
	"target_session_attrs=read-only",
	"target_session_attrs=primary",
	"target_session_attrs=standby",
	"target_session_attrs=prefer-standby",
	"gssencmode=prefer",
	"load_balance_hosts=random host=127.0.0.1,localhost",
	"options='-c statement_timeout=12345' application_name=newest",
	"client_encoding=UTF8",
];

await t.test("how libpq 18 connects", { skip: missing ?? false }, async (t) => {
	const servers = testServers();
	const urls = { pg15: await createDatabase(t, servers.pg15), pg18: await createDatabase(t, servers.pg18) };
	const licet = await startLicet(t, {
		targets: { pg15: targetOf(urls.pg15), pg18: targetOf(urls.pg18) },
		licenses: { everything: license("everything", { permits: "all" }) },
		config: { tls: { certificate: fixture("tls", "server.crt"), key: fixture("tls", "server.key") } },
	});
	const direct = rawOptions(urls.pg18);
	const through = {
		pg15: rawGrant(await licet.grant({ license: "everything", target: "pg15" })),
		pg18: rawGrant(await licet.grant({ license: "everything", target: "pg18" })),
	};
	await t.test("settings", async (t) => {
		for (const settings of SETTINGS) {
			const expected = await connected(direct, settings);
			for (const [server, login] of Object.entries(through)) {
				t.equal(await connected(login, settings), expected, `${server}: ${settings}`);
			}
		}
		const newest = await connected(through.pg15, "max_protocol_version=3.2 sslmode=require sslnegotiation=direct");
		t.match(newest, /^0\n.*Protocol Version\|3\.2\n.*ALPN\|postgresql\n/s);
	});
	await t.test("Ctrl-C, by a cancel key of either length", async (t) => {
		for (const version of ["3.0", "3.2"]) {
			for (const login of [direct, through.pg15, through.pg18]) {
				const { code, stderr } = await interrupted(login, `max_protocol_version=${version}`);
				t.match(stderr, /canceling statement due to user request/, `${version}: ${code}`);
			}
		}
	});
	await t.test("the keys that SCRAM derives of a password, in place of it", async (t) => {
		for (const login of [direct, through.pg15, through.pg18]) {
			const keys = await scramKeys(login);
			const { password, ...bare } = login;
			t.match(await connected(bare, keys.good), /^0\n.*Protocol Version/s);
			t.match(await connected(bare, keys.wrong), /^2\n.*password authentication failed/s);
			// The server's signature is checked by its key.
			t.match(await connected(bare, keys.otherServer), /^2\n.*incorrect server signature/s);
		}
	});
});

/** What psql tells of a connection that is made so: its end, the table of \conninfo, its errors. */
async function connected(login: RawOptions, settings: string): Promise<string> {
	const { code, stdout, stderr } = await outcome(
		psql(login, settings, ["-c", "\\conninfo", "-c", "SHOW application_name"]),
	);
	const own = /^(Client User|Database|Host|Host Address|Server Port|Backend PID)\|.*\n/gm;
	const place = /(at|to server at) "[^"]*"( \([^)]*\))?, port \d+/g;
	return `${code}\n${stdout.replace(own, "")}${stderr.replace(place, "at …").replace(/user "[^"]*"/g, "user …")}`;
}

function psql(login: RawOptions, settings: string, words: readonly string[]) {
	const { PGSSLMODE, PGGSSENCMODE, ...env } = libpqEnvironment(login);
	if (login.password === undefined) delete env.PGPASSWORD;
	return spawn(psql18Program("psql"), ["-X", "-A", "-t", "-w", ...words, settings], { env });
}

async function interrupted(login: RawOptions, settings: string): Promise<CommandResult> {
	const child = psql(login, settings, ["-c", "\\echo begun", "-c", "SELECT pg_sleep(20)"]);
	child.stdout.once("data", () => setTimeout(() => child.kill("SIGINT"), 700));
	return outcome(child);
}

/** From the salt that the server shows to whoever begins to log in (RFC 5802, 3). */
async function scramKeys(login: RawOptions): Promise<Record<"good" | "wrong" | "otherServer", string>> {
	const client = await RawClient.open(login);
	client.send(wire.startup({ user: login.user ?? "", database: login.database ?? "" }));
	await client.until("R");
	const first = Buffer.from("n,,n=,r=anything");
	client.send(wire.message("p", wire.text("SCRAM-SHA-256"), wire.int32(first.length), first));
	const [asked] = await client.until("R");
	client.destroy();
	const told = new Map(
		asked?.body
			.toString("latin1", 4)
			.split(",")
			.map((part) => [part[0], part.slice(2)]),
	);
	const salt = Buffer.from(told.get("s") ?? "", "base64");
	const salted = pbkdf2Sync(login.password ?? "", salt, Number(told.get("i")), 32, "sha256");
	const key = (name: string) => createHmac("sha256", salted).update(name).digest("base64");
	const keys = (own: string, server: string) => `scram_client_key=${own} scram_server_key=${server}`;
	const wrong = Buffer.alloc(32, 7).toString("base64");
	return {
		good: keys(key("Client Key"), key("Server Key")),
		wrong: keys(wrong, key("Server Key")),
		otherServer: keys(key("Client Key"), wrong),
	};
}
