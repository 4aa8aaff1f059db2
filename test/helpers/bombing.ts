/**
 * Bombs from some sessions, and how long another session waits meanwhile. Timed against the same work without bombs,
 * since machines differ; the figures are printed.
 */
import { setPriority } from "node:os";
import type { Test } from "tap";
import { BOMBS, SHORT_BOMBS } from "./bombs.js";
import { print } from "./figures.js";
import type { SteadyClient } from "./steady-client.js";

/** A session that bombs. */
export interface Bomber {
	/** Answers "answered", or the error's code. Rejects when the session is gone. */
	send(sql: string): Promise<string>;
	destroy(): void;
}

export interface Bombing {
	/** The session beside them. */
	readonly steady: SteadyClient;
	readonly login: () => Promise<Bomber>;
	/** The schema's name in the bombs as the engine has it. */
	readonly schema: string;
	/** How each bomb ends. */
	readonly ends: RegExp;
}

/** Sessions that bomb at once. */
const BOMBERS = 3;
const BOMBERS_NICENESS = 10;
/** Before a bomb counts as without an end: its second, on a machine that is ten times slower. */
export const END_MS = 20_000;
/** What no single statement of another session waits for, on two processors that all share: one bomb's second is more. */
const MOST_MS = 500;

interface Figures {
	readonly median: number;
	readonly p99: number;
	readonly most: number;
	readonly count: number;
}

interface Measured {
	readonly known: Figures;
	readonly fresh: Figures;
}

const KINDS = ["known", "fresh"] as const;

function figures(times: readonly number[]): Figures {
	const sorted = [...times].sort((one, other) => one - other);
	const [median = 0, p99 = 0, most = 0] = [0.5, 0.99, 1].map((part) => sorted[Math.ceil(part * sorted.length) - 1]);
	return { median, p99, most, count: sorted.length };
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
	const parts = KINDS.map((kind) => {
		const { median, p99, most, count } = measured[kind];
		return `${kind} median ${median.toFixed(1)}, p99 ${p99.toFixed(1)}, most ${most.toFixed(1)} ms of ${count}`;
	});
	return parts.join("; ");
}

/** Sends each bomb once. Answers how they ended, by name, and what went wrong. */
async function sendAll({ login, schema }: Bombing): Promise<{ ends: Map<string, string>; wrong: string[] }> {
	const bombs = Object.entries({ ...SHORT_BOMBS, ...BOMBS });
	const ends = new Map<string, string>();
	const wrong: string[] = [];
	const bomb = async (offset: number): Promise<void> => {
		let client = await login();
		for (let index = offset; index < bombs.length; index += BOMBERS) {
			const [name, sql] = bombs[index] as [string, string];
			const asked = performance.now();
			try {
				ends.set(name, await client.send(sql.replaceAll("app.", schema)));
			} catch (error) {
				wrong.push(`${name}: ${String(error)}`);
				client.destroy();
				client = await login();
			}
			const took = performance.now() - asked;
			if (took > END_MS) wrong.push(`${name}: ${took.toFixed(0)} ms`);
		}
		client.destroy();
	};
	await Promise.all(Array.from({ length: BOMBERS }, (_, index) => bomb(index)));
	if (ends.size !== bombs.length) wrong.push(`${ends.size} of ${bombs.length} bombs came to an end`);
	return { ends, wrong };
}

export async function bombBeside(t: Test, bombing: Bombing): Promise<void> {
	const { steady } = bombing;
	const before = await measure(steady);
	print(t, `alone: ${told(before)}`);
	// Who bombs is on machines of its own: it takes no processor from the proxy.
	setPriority(BOMBERS_NICENESS);
	let isOver = false;
	const sending = sendAll(bombing).finally(() => {
		isOver = true;
	});
	const meanwhile = await measure(steady, () => !isOver);
	const { ends, wrong } = await sending;
	print(t, `beside ${ends.size} bombs: ${told(meanwhile)}`);
	t.same(wrong, [], "each bomb comes to its end");
	for (const [name, end] of ends) t.match(end, bombing.ends, `${name}: ${end}`);
	for (const kind of KINDS) {
		const { p99, most } = meanwhile[kind];
		const bound = Math.max(50, 20 * before[kind].p99);
		t.ok(p99 < bound, `${kind}: p99 ${p99.toFixed(1)} ms of ${bound.toFixed(0)} ms`);
		const bad = Math.max(MOST_MS, 5 * before[kind].most);
		t.ok(most < bad, `${kind}: ${most.toFixed(1)} ms at most, of ${bad.toFixed(0)} ms`);
	}
	print(t, `and afterwards: ${told(await measure(steady))}`);
}
