/**
 * Texts made to keep the parser busy, sent by some sessions, end in a denial or an answer, and another session's work
 * goes on meanwhile: what is known, what is new, and what is prepared. Timed against the same work without bombs, since
 * machines differ; the figures are printed.
 */
import t from "tap";
import { BOMBS, SHORT_BOMBS } from "../helpers/bombs.js";
import { print } from "../helpers/figures.js";
import { license } from "../helpers/license.js";
import { rawGrant, startLicet, targetOf } from "../helpers/licet.js";
import { PART_TIMEOUT_MS } from "../helpers/patience.js";
import { RawClient, type RawOptions } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA = `CREATE SCHEMA app;
CREATE TABLE app.users (id int PRIMARY KEY, name text, email text);
CREATE TABLE app.orders (id int, user_id int, total int, note text);
INSERT INTO app.users SELECT n, 'n' || n, 'e' || n FROM generate_series(1, 1000) n;`;

const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read", "write"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
};

const SAMPLES = 150;
/** Sessions that bomb at once. */
const BOMBERS = 3;
/** Before a bomb counts as without an end: its second, on a machine that is ten times slower. */
const END_MS = 20_000;

interface Figures {
	readonly median: number;
	readonly p99: number;
	readonly most: number;
}

const figures = (times: readonly number[]): Figures => {
	const sorted = [...times].sort((one, other) => one - other);
	const [median = 0, p99 = 0, most = 0] = [0.5, 0.99, 1].map((part) => sorted[Math.ceil(part * sorted.length) - 1]);
	return { median, p99, most };
};

const told = ({ median, p99, most }: Figures): string =>
	`median ${median.toFixed(1)}, p99 ${p99.toFixed(1)}, most ${most.toFixed(1)} ms`;

/** Point selects one after the other: known texts and new ones in turn. */
async function work(client: RawClient, round: number): Promise<{ known: Figures; fresh: Figures }> {
	const known: number[] = [];
	const fresh: number[] = [];
	for (let index = 0; index < SAMPLES; index++) {
		// Another alias makes another template.
		for (const [times, sql] of [
			[known, "SELECT name FROM app.users WHERE id = 7"],
			[fresh, `SELECT name FROM app.users u${round}_${index} WHERE id = ${index + 1}`],
		] as const) {
			const asked = performance.now();
			const answers = await client.query(sql);
			times.push(performance.now() - asked);
			if (wire.outline(answers) !== "T D C:SELECT 1 Z:I") throw new Error(wire.outline(answers));
			await new Promise((resolve) => setTimeout(resolve, 3));
		}
	}
	return { known: figures(known), fresh: figures(fresh) };
}

t.test("bombs, and another session beside them", { timeout: PART_TIMEOUT_MS }, async (t) => {
	const url = await createDatabase(t, testServers().pg18, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { shop: license("shop", TERMS) } });
	const grant: RawOptions = { ...rawGrant(await licet.grant({ license: "shop", target: "shop" })), timeoutMs: END_MS };
	const worker = await RawClient.login(grant);
	const before = await work(worker, 0);
	print(t, `alone: known ${told(before.known)}; new ${told(before.fresh)}`);

	// What the license and the server let pass may keep the server busy, which is not the proxy's to prevent: its own
	// timeout does.
	const bombs = Object.entries({ ...SHORT_BOMBS, ...BOMBS });
	let running = true;
	let sent = 0;
	const slow: string[] = [];
	const ends = new Map<string, string>();
	const bomb = async (offset: number): Promise<void> => {
		let client = await RawClient.login(grant);
		await client.query("SET statement_timeout = '300ms'");
		for (let index = offset; running || index < bombs.length; index += BOMBERS) {
			const [name, sql] = bombs[index % bombs.length] as [string, string];
			if (index >= bombs.length && !running) break;
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
			sent += 1;
			const took = performance.now() - asked;
			if (took > END_MS) slow.push(`${name}: ${took.toFixed(0)} ms`);
		}
		client.destroy();
	};
	const bombers = Array.from({ length: BOMBERS }, (_, index) => bomb(index));
	const meanwhile = await work(worker, 1);
	running = false;
	await Promise.all(bombers);
	print(t, `beside ${sent} bombs: known ${told(meanwhile.known)}; new ${told(meanwhile.fresh)}`);
	t.same(slow, [], "each bomb comes to its end");
	t.equal(ends.size, bombs.length, "each was sent");
	for (const [name, end] of ends)
		t.match(end, /^(answered|21000|42501|42601|54\w{3}|57014|53\w{3}|42\w{3})$/, `${name}: ${end}`);
	for (const kind of ["known", "fresh"] as const) {
		const bound = Math.max(50, 20 * before[kind].p99);
		t.ok(meanwhile[kind].p99 < bound, `${kind}: p99 ${meanwhile[kind].p99.toFixed(1)} ms of ${bound.toFixed(0)} ms`);
	}
	t.same((await worker.query("SELECT 1")).map(({ type }) => type).join(""), "TDCZ", "and the session goes on");
	worker.destroy();
});
