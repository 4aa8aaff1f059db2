/** A cancel request that comes while the host still thinks about the statement. */
import t from "tap";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import { bind, execute, outline, parse, query, split, sync } from "../helpers/wire.js";
import { TestHost } from "./relay-host.js";
import { ScriptedServer } from "./scripted-server.js";

const tick = () => new Promise((resolve) => setImmediate(resolve));

function session() {
	const host = new TestHost({ isSlow: true });
	const relay = new PostgresRelay(host, { messageBytes: 1 << 20, reported: new Map([["search_path", "public"]]) });
	const server = new ScriptedServer();
	const settle = async () => {
		for (let turn = 0; turn < 12; turn++) {
			const sent = host.takeUpstream();
			if (sent.length > 0) relay.fromUpstream(server.receive(sent));
			await tick();
		}
	};
	return { host, relay, server, settle, told: () => outline(split(host.takeClient()).messages) };
}

t.test("a query that is being judged", async (t) => {
	const { relay, server, settle, told } = session();
	relay.fromClient(Buffer.concat([query("SELECT 1"), query("SELECT 2")]));
	t.equal(relay.interrupt(), true);
	await settle();
	t.equal(told(), "E:57014 Z:I T D D C:SELECT 2 Z:I", "it fails, and what comes behind it does not");
	t.notOk(server.ran.includes("SELECT 1"));
});

t.test("in a series, and within a transaction", async (t) => {
	const { relay, settle, told, host } = session();
	relay.fromClient(query("BEGIN"));
	await settle();
	relay.fromClient(Buffer.concat([parse("SELECT 1"), bind(), execute(), sync]));
	t.equal(relay.interrupt(), true);
	await settle();
	t.equal(told(), "C:BEGIN Z:T E:57014 Z:E");
	t.same(
		host.runs.filter((run) => run.outcome === undefined),
		[],
	);
});

t.test("nothing is held: it is the server's to stop", async (t) => {
	const { relay, settle, told } = session();
	t.equal(relay.interrupt(), false);
	relay.fromClient(query("SELECT 1"));
	await tick();
	await tick();
	t.equal(relay.interrupt(), false, "it is upstream already");
	await settle();
	t.equal(told(), "T D C:SELECT 1 Z:I");
});
