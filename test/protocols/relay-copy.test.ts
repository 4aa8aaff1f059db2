/**
 * Masked COPY … TO STDOUT between two sides that the test plays: what no server of today sends must not show a value, and
 * rows split anywhere must come out the same.
 */
import fc from "fast-check";
import t from "tap";
import { COPY_ROW_BYTES } from "../../src/protocols/postgres/bounds.js";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import type { CopyFacts } from "../../src/sql/facts.js";
import { unknownStatement } from "../../src/sql/facts.js";
import {
	copyData,
	copyDone,
	int16,
	int32,
	type Message,
	message,
	outline,
	query,
	split,
	text,
} from "../helpers/wire.js";
import { cap, type HostOptions, TestHost } from "./relay-host.js";

const SECRET = "zqcanary";
const masked = { name: "redact", term: "masks[0]", apply: () => "***" };
const ready = message("Z", "I");
const complete = (tag: string) => message("C", text(tag));
const copyOut = (columns: number, format = 0) =>
	message("H", Buffer.of(format), int16(columns), ...Array.from({ length: columns }, () => int16(format)));

const source = { schema: "app", name: "t", column: "b" };

/** COPY of two columns, the second masked. */
function options(copy: Partial<CopyFacts> = {}, more: HostOptions = {}): HostOptions {
	const columns = [0, 1].map(() => ({ type: 25, typeModifier: -1 }));
	return {
		masks: new Map([[1, masked]]),
		origin: () => undefined,
		facts: (sql) => [
			{
				...unknownStatement("COPY", sql.length),
				relations: [{ command: "copyTo", schema: "app", name: "t", columns: "all", through: [], sort: "data" }],
				outputs: [
					{ name: "a", sources: [], direct: false },
					{ name: "b", sources: [source], direct: true },
				],
				opaqueResult: false,
				writes: false,
				changesCatalog: false,
				copy: { direction: "out", format: "text", columns, ...copy },
			},
		],
		...more,
	};
}

async function started(given: HostOptions): Promise<{ host: TestHost; relay: PostgresRelay }> {
	const host = new TestHost(given);
	const relay = new PostgresRelay(host, { messageBytes: 1 << 20, reported: new Map([["search_path", "public"]]) });
	relay.fromClient(query("COPY t TO STDOUT"));
	// Definitions are looked at first.
	while (host.upstreamBytes.length === 0) await new Promise(setImmediate);
	return { host, relay };
}

const told = (host: TestHost): readonly Message[] => split(host.takeClient()).messages;

const dataOf = (messages: readonly Message[]): string =>
	messages
		.filter(({ type }) => type === "d")
		.map(({ body }) => body.toString("latin1"))
		.join("");

t.test("rows are masked, and definitions looked at before", async (t) => {
	const { host, relay } = await started(options());
	t.equal(host.epochNow, 2);
	const rows = [copyData(`1\t${SECRET}\n`), copyData("2\t\\N\n")];
	relay.fromUpstream(Buffer.concat([copyOut(2), ...rows, copyDone, complete("COPY 2"), ready]));
	const messages = told(host);
	t.equal(outline(messages), "H d d c C:COPY 2 Z:I");
	t.equal(dataOf(messages), "1\t***\n2\t\\N\n");
	t.match(host.runs[0]?.outcome, { rows: 2, masked: ["b"] });
});

t.test("definitions that cannot be read", async (t) => {
	const host = new TestHost(options());
	host.refreshCatalog = () => Promise.reject(new Error("unreachable"));
	const relay = new PostgresRelay(host, { messageBytes: 1 << 20, reported: new Map([["search_path", "public"]]) });
	relay.fromClient(query("COPY t TO STDOUT"));
	while (host.upstreamBytes.length === 0) await new Promise(setImmediate);
	relay.fromUpstream(Buffer.concat([message("E", "SERROR\0", "C42601\0", "Mx\0", "\0"), ready]));
	t.match(host.runs[0], { denied: true });
	t.notMatch(host.takeUpstream().toString("latin1"), "COPY");
});

/** What the server answers, and what the client is told of it. None holds the secret. */
const STRANGE: Readonly<Record<string, [copy: Partial<CopyFacts>, answer: Buffer[], outline: RegExp]>> = {
	"another number of columns": [{}, [copyOut(3), copyData(`1\t${SECRET}\tx\n`)], /^E:42501 Z:I$/],
	"another format": [{}, [copyOut(2, 1), copyData(`1\t${SECRET}\n`)], /^E:42501 Z:I$/],
	"an option that was not read": [{ unread: "x" }, [copyOut(2), copyData(`1\t${SECRET}\n`)], /^E:42501 Z:I$/],
	"no types": [{ columns: [] }, [copyOut(2), copyData(`1\t${SECRET}\n`)], /^E:42501 Z:I$/],
	"no COPY was foreseen": [{ direction: "in" }, [copyOut(2), copyData(`1\t${SECRET}\n`)], /^E:42501 Z:I$/],
	"rows without a response": [{}, [copyData(`1\t${SECRET}\n`)], /^E:08006$/],
	"two rows in a frame": [{}, [copyOut(2), copyData(`1\tx\n2\t${SECRET}\n`)], /^H E:08006$/],
	"half a row in a frame": [{}, [copyOut(2), copyData(`1\t${SECRET}`)], /^H E:08006$/],
	"a row of more cells": [{}, [copyOut(2), copyData(`1\tx\t${SECRET}\n`)], /^H E:08006$/],
	"a row of fewer": [{}, [copyOut(2), copyData(`${SECRET}\n`)], /^H E:08006$/],
	"an end inside the header": [{ header: true }, [copyOut(2), copyDone], /^H E:08006$/],
	"binary without its trailer": [
		{ format: "binary" },
		[copyOut(2, 1), copyData(Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")), copyDone],
		/^H d E:08006$/,
	],
	"binary that is text": [{ format: "binary" }, [copyOut(2, 1), copyData(`1\t${SECRET}\n`.repeat(9))], /^H E:08006$/],
	"a type that is not known": [
		{ columns: [0, 1].map(() => ({ type: 0, typeModifier: -1 })) },
		[copyOut(2), copyData(`1\t${SECRET}\n`), copyDone],
		/^H d c C:COPY 1 Z:I$/,
	],
};

for (const [name, [copy, answer, expected]] of Object.entries(STRANGE)) {
	t.test(name, async (t) => {
		const { host, relay } = await started(options(copy));
		relay.fromUpstream(Buffer.concat([...answer, complete("COPY 1"), ready]));
		const messages = told(host);
		t.match(outline(messages), expected);
		t.notMatch(Buffer.concat(messages.map(({ body }) => body)).toString("latin1"), SECRET);
	});
}

t.test("a row longer than what is held", async (t) => {
	const { host, relay } = await started(options());
	const frame = Buffer.concat([Buffer.from("d"), int32(COPY_ROW_BYTES + 4), Buffer.from(`1\t${SECRET}`)]);
	relay.fromUpstream(Buffer.concat([copyOut(2), frame]));
	const chunk = Buffer.alloc(1 << 20, 0x78);
	const before = process.memoryUsage().arrayBuffers;
	for (let left = COPY_ROW_BYTES - SECRET.length - 2; left > 0; left -= chunk.length) {
		relay.fromUpstream(chunk.subarray(0, Math.min(left, chunk.length)));
	}
	t.ok(process.memoryUsage().arrayBuffers - before < 8 << 20, "nothing of it is held");
	relay.fromUpstream(Buffer.concat([copyDone, complete("COPY 1"), ready]));
	const messages = told(host);
	t.equal(outline(messages), "H E:54000 Z:I");
	t.equal(host.cancels, 1);
	t.notMatch(Buffer.concat(messages.map(({ body }) => body)).toString("latin1"), SECRET);
});

/** Bytes of an answer, cut anywhere, and rows of it beyond the cap left out. */
t.test("cut at any byte, under a cap", async () => {
	const cell = fc.array(fc.constantFrom("a", "\\t", "\\n", "\\\\", "*", "é", "\\N"), { maxLength: 6 });
	await fc.assert(
		fc.asyncProperty(
			fc.array(cell, { maxLength: 6 }),
			fc.array(fc.nat(400), { maxLength: 8 }),
			fc.constantFrom("error", "truncate" as const),
			async (cells, cuts, then) => {
				const rows = cells.map((parts, index) => copyData(`${index}\t${SECRET}${parts.join("")}\n`));
				const answer = Buffer.concat([copyOut(2), ...rows, copyDone, complete(`COPY ${rows.length}`), ready]);
				const { host, relay } = await started(options({}, { rows: cap(3, then) }));
				let at = 0;
				for (const cut of [...new Set(cuts)].sort((a, b) => a - b)) {
					if (cut <= at || cut >= answer.length) continue;
					relay.fromUpstream(Buffer.from(answer.subarray(at, cut)));
					at = cut;
				}
				relay.fromUpstream(Buffer.from(answer.subarray(at)));
				const messages = told(host);
				const shown = rows.slice(0, 3).map((_, index) => `${index}\t***\n`);
				if (dataOf(messages) !== shown.join("")) throw new Error(`delivered ${dataOf(messages)}`);
				const fails = rows.length > 3 && then === "error";
				if (/E:54000/.test(outline(messages)) !== fails) throw new Error(outline(messages));
			},
		),
		{ numRuns: 300 },
	);
});
