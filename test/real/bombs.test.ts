/**
 * Texts made to keep the parser busy, sent by some sessions, end in a denial or an answer, and another session's work
 * goes on meanwhile: what is known, what is new, and what is prepared. Timed against the same work without bombs, since
 * machines differ; the figures are printed.
 */
import { setPriority } from "node:os";
import t from "tap";
import { BOMBS, SHORT_BOMBS } from "../helpers/bombs.js";
import { print } from "../helpers/figures.js";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { RawClient, type RawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import { SteadyClient } from "../helpers/steady-client.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `CREATE SCHEMA app;
CREATE TABLE app.users (id int PRIMARY KEY, name text, email text);
CREATE TABLE app.orders (id int, user_id int, total int, note text);
INSERT INTO app.users SELECT n, 'n' || n, 'e' || n FROM generate_series(1, 1000) n;`;

const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read", "write"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
};

/** Sessions that bomb at once. */
const BOMBERS = 3;
const BOMBERS_NICENESS = 10;
/** Before a bomb counts as without an end: its second, on a machine that is ten times slower. */
const END_MS = 20_000;

interface Figures {
	readonly median: number;
	readonly p99: number;
	readonly most: number;
	readonly count: number;
}

const figures = (times: readonly number[]): Figures => {
	const sorted = [...times].sort((one, other) => one - other);
	const [median = 0, p99 = 0, most = 0] = [0.5, 0.99, 1].map((part) => sorted[Math.ceil(part * sorted.length) - 1]);
	return { median, p99, most, count: sorted.length };
};

interface Measured {
	readonly known: Figures;
	readonly fresh: Figures;
}

/** One round of a session's work, or as many as it takes until `goesOn` says no. */
async function measure(client: SteadyClient, goesOn: () => boolean = () => false): Promise<Measured> {
	const known: number[] = [];
	const fresh: number[] = [];
	do {
		const round = await client.round();
		known.push(...round.known);
		fresh.push(...round.fresh);
	} while (goesOn());
	return { known: figures(known), fresh: figures(fresh) };
}

function told(measured: Measured): string {
	const parts = (["known", "fresh"] as const).map((kind) => {
		const { median, p99, most, count } = measured[kind];
		return `${kind} median ${median.toFixed(1)}, p99 ${p99.toFixed(1)}, most ${most.toFixed(1)} ms of ${count}`;
	});
	return parts.join("; ");
}

t.test("bombs, and another session beside them", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const url = await createDatabase(t, testServers().pg18, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { shop: license("shop", TERMS) } });
	const grant: RawOptions = { ...rawGrant(await licet.grant({ license: "shop", target: "shop" })), timeoutMs: END_MS };
	const other = new SteadyClient(t, grant);
	// Who bombs is on machines of its own: it takes no processor from the proxy.
	setPriority(BOMBERS_NICENESS);
	const before = await measure(other);
	print(t, `alone: ${told(before)}`);

	// What the license and the server let pass may keep the server busy, which is not the proxy's to prevent: its own
	// timeout does.
	const bombs = Object.entries({ ...SHORT_BOMBS, ...BOMBS });
	const slow: string[] = [];
	const ends = new Map<string, string>();
	const bomb = async (offset: number): Promise<void> => {
		let client = await RawClient.login(grant);
		await client.query("SET statement_timeout = '300ms'");
		for (let index = offset; index < bombs.length; index += BOMBERS) {
			const [name, sql] = bombs[index] as [string, string];
			const asked = performance.now();
			try {
				const answers = await client.query(sql);
				const error = answers.find(({ type }) => type === "E");
				ends.set(name, error === undefined ? "answered" : (wire.errorFields(error).C ?? ""));
			} catch (error) {
				slow.push(`${name}: ${String(error)}`);
				client.destroy();
				client = await RawClient.login(grant);
			}
			const took = performance.now() - asked;
			if (took > END_MS) slow.push(`${name}: ${took.toFixed(0)} ms`);
		}
		client.destroy();
	};
	let bombing = true;
	const bombers = Promise.all(Array.from({ length: BOMBERS }, (_, index) => bomb(index))).then(() => {
		bombing = false;
	});
	const meanwhile = await measure(other, () => bombing);
	await bombers;
	print(t, `beside ${ends.size} bombs: ${told(meanwhile)}`);
	t.same(slow, [], "each bomb comes to its end");
	t.equal(ends.size, bombs.length, "each was sent");
	for (const [name, end] of ends)
		t.match(end, /^(answered|21000|42501|42601|54\w{3}|57014|53\w{3}|42\w{3})$/, `${name}: ${end}`);
	for (const kind of ["known", "fresh"] as const) {
		const bound = Math.max(50, 20 * before[kind].p99);
		t.ok(meanwhile[kind].p99 < bound, `${kind}: p99 ${meanwhile[kind].p99.toFixed(1)} ms of ${bound.toFixed(0)} ms`);
	}
	print(t, `and afterwards: ${told(await measure(other))}`);
});
