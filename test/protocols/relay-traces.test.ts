/**
 * Golden conversations through a relay whose host allows everything: both streams come out as they went in, wherever
 * they are cut and however the host thinks. Expectations are the captured bytes themselves.
 */
import fc from "fast-check";
import t from "tap";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import { framesOf, type Trace, traces, turns } from "../helpers/traces.js";
import { TestHost } from "./relay-host.js";

type Cut = (bytes: Buffer, turn: number) => Buffer[];

/** What the server is sent: Flushes of the relay's own aside, and without the Syncs that it ignores within COPY. */
function comparable(name: string, bytes: Buffer): string {
	if (!name.startsWith("copy-in-extended")) return bytes.toString("hex");
	let copies = false;
	const kept = framesOf(bytes).filter((frame) => {
		const type = String.fromCharCode(frame[0] ?? 0);
		if (type === "E") copies = true;
		if (type === "c") copies = false;
		return type !== "H" && !(type === "S" && copies);
	});
	return Buffer.concat(kept).toString("hex");
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** Plays a trace; answers what came out on both sides. */
async function play(trace: Trace, cut: Cut, isSlow: boolean): Promise<{ upstream: Buffer; client: Buffer }> {
	const host = new TestHost({ isSlow });
	const relay = new PostgresRelay(host, { messageBytes: 1 << 24, reported: new Map([["search_path", "public"]]) });
	const scratch = Buffer.alloc(1 << 16);
	for (const [index, { from, bytes }] of turns(trace).entries()) {
		for (const piece of cut(bytes, index)) {
			// A read buffer that is used again: whoever keeps a slice of it is found out.
			const chunk = scratch.subarray(0, piece.copy(scratch));
			if (from === "client") relay.fromClient(chunk);
			else relay.fromUpstream(chunk);
			scratch.fill(0xaa);
			if (isSlow && from === "client") await tick();
		}
		// Judgements of one turn are waited for one after the other.
		for (let waits = 0; isSlow ? waits < 12 : host.held && waits < 2; waits++) await tick();
	}
	if (host.ended !== undefined) throw new Error(`${trace.name}: the session ended: ${host.ended}`);
	const open = host.runs.filter((run) => run.outcome === undefined);
	if (open.length > 0) throw new Error(`${trace.name}: never finished: ${open.map((run) => run.text).join(", ")}`);
	if (relay.busy) throw new Error(`${trace.name}: still busy`);
	return { upstream: host.takeUpstream(), client: host.takeClient() };
}

async function differs(trace: Trace, cut: Cut, isSlow: boolean): Promise<string | undefined> {
	const { upstream, client } = await play(trace, cut, isSlow);
	const of = (from: string) => Buffer.concat(trace.frames.filter((f) => f.from === from).map((f) => f.bytes));
	if (!client.equals(of("server"))) return `${trace.name}: the client got other bytes`;
	const sent = comparable(trace.name, upstream);
	return sent === comparable(trace.name, of("client")) ? undefined : `${trace.name}: the server got other bytes`;
}

const whole: Cut = (bytes) => [bytes];
const bytewise: Cut = (bytes) => [...bytes].map((byte) => Buffer.from([byte]));
const pieces: (size: number) => Cut = (size) => (bytes) => {
	const all: Buffer[] = [];
	for (let at = 0; at < bytes.length; at += size) all.push(bytes.subarray(at, at + size));
	return all;
};

/** Longer conversations are cut at random points, shorter ones at each. */
const SHORT_BYTES = 900;

for (const trace of traces()) {
	t.test(trace.name, async (t) => {
		for (const isSlow of [false, true]) {
			t.equal(await differs(trace, whole, isSlow), undefined, `whole, slow: ${isSlow}`);
			t.equal(await differs(trace, isSlow ? pieces(97) : bytewise, isSlow), undefined, `in pieces, slow: ${isSlow}`);
		}
		const parts = turns(trace);
		const total = parts.reduce((sum, part) => sum + part.bytes.length, 0);
		if (total <= SHORT_BYTES) {
			for (const [index, part] of parts.entries()) {
				for (let at = 1; at < part.bytes.length; at++) {
					const once: Cut = (bytes, turn) => (turn === index ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes]);
					const wrong = await differs(trace, once, false);
					if (wrong !== undefined) t.fail(`${wrong}, cut at ${at} of turn ${index}`);
				}
			}
		}
		await fc.assert(
			fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
				const random: Cut = (bytes) => {
					const all: Buffer[] = [];
					for (let at = 0, next = 0; at < bytes.length; next++) {
						const size = sizes[next % sizes.length] ?? 1;
						all.push(bytes.subarray(at, at + size));
						at += size;
					}
					return all;
				};
				const wrong = await differs(trace, random, false);
				if (wrong !== undefined) throw new Error(wrong);
			}),
			{ numRuns: 40 },
		);
	});
}
