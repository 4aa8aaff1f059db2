/** Which sessions a filter finds: from the store, and from what waits to be written to it. */
import { join } from "node:path";
import t from "tap";
import { timestamp } from "../../src/recorder/clock.js";
import { Recorder } from "../../src/recorder/recorder.js";
import type { SessionFilter } from "../../src/recorder/session-filter.js";
import { openStore } from "../../src/store/store.js";
import { silentLog } from "../../src/telemetry/log.js";
import { withStores } from "../store/stores.js";
import { sessionEnd, sessionStart } from "./entries.js";

const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-03-01T12:00:00Z");

/** Name, subject, license, target, started and ended (minutes; null: it runs), denied. */
const SESSIONS = [
	["s_a", "alice", "acme", "shop", 0, 10, 0],
	["s_b", "bob", "acme", "shop", 5, 25, 2],
	["s_c", "alice", "beta", "shop", 20, 30, 1],
	["s_d", "service:etl", "beta", "stock", 40, null, 0],
	["s_e", "alice", "acme", "stock", 45, null, 3],
] as const;

const at = (minute: number) => timestamp((START_MS + minute * MINUTE_MS) * 1000);

const CASES: readonly (readonly [SessionFilter & { limit?: number }, string])[] = [
	[{}, "edcba"],
	[{ limit: 2 }, "ed"],
	[{ live: true }, "ed"],
	[{ live: false }, "cba"],
	[{ subject: "alice" }, "eca"],
	[{ subject: "Alice" }, ""],
	[{ subject: "service:etl" }, "d"],
	[{ license: "beta" }, "dc"],
	[{ target: "stock" }, "ed"],
	[{ subject: "alice", license: "acme", target: "stock" }, "e"],
	[{ denied: true }, "ecb"],
	[{ denied: true, live: true }, "e"],
	[{ denied: true, live: false }, "cb"],
	[{ denied: true, limit: 1 }, "e"],
	[{ denied: true, limit: 2 }, "ec"],
	[{ denied: true, subject: "bob" }, "b"],
	[{ since: at(25) }, "edcb"],
	[{ since: at(26) }, "edc"],
	[{ until: at(20) }, "ba"],
	[{ until: at(21) }, "cba"],
	[{ since: at(11), until: at(20) }, "b"],
	[{ since: at(31), until: at(40) }, ""],
	[{ since: at(1000) }, "ed"],
	[{ subject: "' OR 1=1 --" }, ""],
];

await withStores(t, async (t, location) => {
	const folder = join(t.testdir({ data: {} }), "data", "log");
	const store = await openStore(location);
	let minute = 0;
	const recorder = await Recorder.open({
		folder,
		store,
		log: silentLog,
		now: () => START_MS + minute * MINUTE_MS,
	});
	const events = SESSIONS.flatMap(([session, subject, license, target, start, end, denied]) => [
		{ minute: start, entry: sessionStart(session, { subject, license, target }) },
		...(end === null ? [] : [{ minute: end, entry: { ...sessionEnd(session), denied } }]),
	]);
	const counters = new Map(SESSIONS.map(([session, , , , , , denied]) => [session as string, denied]));
	recorder.countersOf = (session) => ({
		statements: 9,
		denied: counters.get(session) ?? 0,
		rowsOut: 0,
		bytesOut: 0,
	});
	for (const event of events.sort((a, b) => a.minute - b.minute)) {
		minute = event.minute;
		recorder.append(event.entry);
	}
	recorder.flush();
	for (const where of ["waiting to be written", "in the store"]) {
		for (const [filter, expected] of CASES) {
			const found = (await recorder.sessions(filter)).map(({ session }) => session.slice(2)).join("");
			t.equal(found, expected, `${where}: ${JSON.stringify(filter)}`);
		}
		await recorder.index.settle();
	}
	await recorder.close();
	await store.close();
});
