/**
 * Properties of the relay, with a server in memory on its other side: whatever the client says, cut at any byte, whatever
 * comes first of what both sides have said, and however the host thinks, the client gets what the server says, byte for
 * byte, and the server runs what it would have run.
 *
 * LICET_NIGHTLY=1 runs 100,000 conversations of each kind.
 */
import fc from "fast-check";
import t from "tap";
import { PostgresRelay } from "../../src/protocols/postgres/relay.js";
import { NIGHTLY, PART_TIMEOUT_MS } from "../helpers/patience.js";
import {
	bind,
	close,
	copyData,
	copyDone,
	copyFail,
	describe,
	errorFields,
	execute,
	flush,
	int32,
	message,
	outline,
	parse,
	query,
	split,
	sync,
} from "../helpers/wire.js";
import { TestHost } from "./relay-host.js";
import { ScriptedServer } from "./scripted-server.js";

const RUNS = NIGHTLY ? 100_000 : 1500;
t.setTimeout(PART_TIMEOUT_MS);

const name = fc.constantFrom("", "s", "t");
const portal = fc.constantFrom("", "p", "q");
const sql = fc.oneof(
	fc.integer({ min: 0, max: 9 }).map((rows) => `SELECT ${rows}`),
	fc.constantFrom(
		"BEGIN",
		"COMMIT",
		"ROLLBACK",
		"FAIL",
		"BAD",
		"NOTICE",
		"INSERT INTO log VALUES (1)",
		"",
		"COPY log TO STDOUT",
	),
);
const copySql = "COPY log FROM STDIN";
/** COPY data arrives in frames that are cut anywhere. */
const copied = fc
	.array(fc.constantFrom("1\n", "2", "\n", "", "345\n6"), { maxLength: 4 })
	.map((parts) => parts.map(copyData));
const copyEnd = fc.constantFrom(copyDone, copyDone, copyFail("no"));
/** In COPY nothing but its data may come, so it stands by itself, under names that nothing else uses. */
const copyIn = fc.oneof(
	fc.tuple(copied, copyEnd).map(([data, end]) => [sync, query("ROLLBACK"), query(copySql), ...data, end]),
	fc
		.tuple(copied, copyEnd)
		.map(([data, end]) => [
			sync,
			query("ROLLBACK"),
			close("S", "k"),
			parse(copySql, "k"),
			bind({ statement: "k", portal: "k" }),
			execute("k"),
			...data,
			end,
			sync,
		]),
);
const parameters = fc.array(fc.constantFrom("1", "", null, "long ".repeat(60)), { maxLength: 3 });
const part = fc.oneof(
	{ weight: 3, arbitrary: fc.array(sql, { maxLength: 3 }).map((all) => [query(all.join(";"))]) },
	{ weight: 2, arbitrary: fc.tuple(sql, name).map(([each, as]) => [parse(each, as)]) },
	{
		weight: 3,
		arbitrary: fc
			.tuple(sql, name, portal, parameters)
			.map(([each, as, to, values]) => [parse(each, as), bind({ statement: as, portal: to, values }), execute(to)]),
	},
	{ weight: 2, arbitrary: fc.tuple(name, portal).map(([statement, to]) => [bind({ statement, portal: to })]) },
	{ weight: 2, arbitrary: fc.tuple(portal, fc.integer({ min: 0, max: 4 })).map(([of, rows]) => [execute(of, rows)]) },
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, of]) => [describe(kind, of)]),
	fc.tuple(fc.constantFrom("S" as const, "P" as const), name).map(([kind, of]) => [close(kind, of)]),
	{ weight: 4, arbitrary: fc.constant([sync]) },
	fc.constant([flush]),
	copyIn,
);

/** The choices of one schedule: who is next, and how much of what it has said is handed over. */
const schedule = fc.array(fc.nat({ max: 0xffff }), { minLength: 1, maxLength: 40 });
const options = fc.record({
	isSlow: fc.boolean(),
	unrestricted: fc.boolean(),
	sampleRows: fc.constantFrom(0, 2),
	ignoresHold: fc.boolean(),
});

interface Played {
	readonly client: Buffer;
	readonly host: TestHost;
	readonly server: ScriptedServer;
	readonly relay: PostgresRelay;
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
/** Read buffers are used again: whoever keeps a slice of one is found out. */
const scratch = Buffer.alloc(1 << 16);

async function play(
	bytes: Buffer,
	choices: readonly number[],
	how: { isSlow: boolean; unrestricted: boolean; sampleRows: number; ignoresHold: boolean },
): Promise<Played> {
	const host = new TestHost(how);
	const relay = new PostgresRelay(host, { messageBytes: 1 << 20, reported: new Map([["search_path", "public"]]) });
	const server = new ScriptedServer();
	let fromClient = bytes;
	let toServer: Buffer = Buffer.alloc(0);
	let fromServer: Buffer = Buffer.alloc(0);
	host.onUpstream = (sent) => {
		toServer = Buffer.concat([toServer, sent]);
	};
	const handOver = (piece: Buffer, to: (chunk: Buffer) => void): void => {
		to(scratch.subarray(0, piece.copy(scratch)));
		scratch.fill(0xaa, 0, piece.length);
	};
	let idle = 0;
	for (let step = 0; idle < 8 && host.ended === undefined; step++) {
		const choice = choices[step % choices.length] ?? 0;
		const size = 1 + (choice >> 4) * (choice & 8 ? 1 : 0) + ((choice >> 4) % 7);
		const who = choice % 3;
		const isHeld = host.held && !how.ignoresHold;
		const clientSpeaks = fromClient.length > 0 && !isHeld;
		idle = clientSpeaks || toServer.length > 0 || fromServer.length > 0 ? 0 : idle + 1;
		if (idle > 0 || (how.isSlow && choice % 5 === 0)) await tick();
		if (who === 0 && clientSpeaks) {
			handOver(fromClient.subarray(0, size), (chunk) => relay.fromClient(chunk));
			fromClient = fromClient.subarray(size);
		} else if (who === 1 && toServer.length > 0) {
			const taken = toServer.subarray(0, size);
			toServer = toServer.subarray(size);
			fromServer = Buffer.concat([fromServer, server.receive(taken)]);
		} else if (who === 2 && fromServer.length > 0) {
			handOver(fromServer.subarray(0, size), (chunk) => relay.fromUpstream(chunk));
			fromServer = fromServer.subarray(size);
		} else if (choices.length < 3 || step % 64 === 63) {
			// These choices alone would never come to everybody.
			if (fromServer.length > 0) {
				handOver(fromServer, (chunk) => relay.fromUpstream(chunk));
				fromServer = Buffer.alloc(0);
			} else if (toServer.length > 0) {
				fromServer = server.receive(toServer);
				toServer = Buffer.alloc(0);
			} else if (clientSpeaks) {
				handOver(fromClient, (chunk) => relay.fromClient(chunk));
				fromClient = Buffer.alloc(0);
			}
		}
	}
	return { client: host.takeClient(), host, server, relay };
}

/** What the server says to the client without a relay between them. */
function direct(bytes: Buffer): { client: Buffer; server: ScriptedServer } {
	const server = new ScriptedServer();
	return { client: server.receive(bytes), server };
}

/** Why a session ends whose client has said goodbye: what it still runs is stopped at once, where a server goes on. */
const GOODBYE = "client terminated";

function unfinished({ host, relay }: Played): string | undefined {
	if (relay.busy) return "still busy";
	const open = host.runs.filter((run) => run.outcome === undefined);
	return open.length === 0 ? undefined : `never finished: ${open.map((run) => run.text).join(", ")}`;
}

t.test("conversations cut at any byte, in any order of what both sides say", async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(part, { minLength: 1, maxLength: 10 }),
			schedule,
			options,
			async (parts, choices, how) => {
				const bytes = Buffer.concat([...parts.flat(), sync, query("ROLLBACK")]);
				const expected = direct(bytes);
				const got = await play(bytes, choices, how);
				if (got.host.ended !== undefined) throw new Error(`the session ended: ${got.host.ended}`);
				if (!withoutTexts(got.client).equals(withoutTexts(expected.client))) {
					throw new Error(`direct:  ${said(expected.client)}\nthrough: ${said(got.client)}`);
				}
				const [wanted, ran] = [expected.server, got.server].map((each) =>
					each.ran.filter((text) => !/_licet/.test(text)).join("; "),
				);
				if (wanted !== ran) throw new Error(`the server would run ${wanted}, and ran ${ran}`);
				const wrong = unfinished(got);
				if (wrong !== undefined) throw new Error(wrong);
			},
		),
		{ numRuns: RUNS },
	);
	t.pass(`${RUNS} conversations`);
});

/** Frames that no client should send, some of which look like those that it may. */
const invalid = fc.oneof(
	fc
		.tuple(fc.constantFrom(..."QPBDECSHdcfX"), fc.uint8Array({ maxLength: 24 }))
		.map(([type, body]) => message(type, Buffer.from(body))),
	fc
		.tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 8 }))
		.map(([type, body]) => message(String.fromCharCode(type), Buffer.from(body))),
	fc
		.tuple(fc.constantFrom(..."QPBDECSHdcf"), fc.constantFrom(0, 1, 3, -1, 0x7fffffff, -0x80000000))
		.map(([type, length]) => Buffer.concat([Buffer.from(type, "latin1"), int32(length)])),
	part.chain((frames) => {
		const bytes = Buffer.concat(frames);
		return fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })).map(([at, value]) => {
			const changed = Buffer.from(bytes);
			changed[at] = value;
			return changed;
		});
	}),
	fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);

t.test("messages of any kind", async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(
				fc.oneof(
					part.map((frames) => Buffer.concat(frames)),
					invalid,
				),
				{ minLength: 1, maxLength: 8 },
			),
			schedule,
			options,
			async (parts, choices, how) => {
				const bytes = Buffer.concat([...parts, sync]);
				const got = await play(bytes, choices, how);
				const expected = direct(bytes).client;
				const [heard, toHear] = [withoutTexts(got.client), withoutTexts(expected)];
				if (!heard.equals(got.host.ended === GOODBYE ? toHear.subarray(0, heard.length) : toHear)) {
					throw new Error(`direct:  ${said(expected)}\nthrough: ${said(got.client)}, ended: ${got.host.ended}`);
				}
				if (got.host.ended === undefined) return;
				// Nothing stays open in the recording.
				const open = got.host.runs.filter((run) => run.outcome === undefined);
				if (open.length > 0) throw new Error(`never finished: ${open.map((run) => run.text).join(", ")}`);
			},
		),
		{ numRuns: RUNS },
	);
	t.pass(`${RUNS} streams`);
});

t.test("the same bytes, cut otherwise", async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(
				fc.oneof(
					part.map((frames) => Buffer.concat(frames)),
					invalid,
				),
				{ minLength: 1, maxLength: 6 },
			),
			fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
			fc.boolean(),
			async (parts, sizes, unrestricted) => {
				const bytes = Buffer.concat([...parts, sync]);
				const how = { isSlow: false, unrestricted, sampleRows: 0, ignoresHold: false };
				const [whole, cut] = [[bytes.length], sizes].map((each) => answered(bytes, each, how)) as [Answered, Answered];
				// Who says goodbye is not answered any more: what came before depends on the cuts.
				const end = whole.ended === GOODBYE ? whole.client.length : undefined;
				if (!whole.client.equals(cut.client.subarray(0, end)) || whole.ended !== cut.ended) {
					throw new Error(`whole: ${said(whole.client)}\ncut:   ${said(cut.client)}`);
				}
			},
		),
		{ numRuns: RUNS },
	);
	t.pass(`${RUNS} streams`);
});

interface Answered {
	readonly client: Buffer;
	readonly ended: string | undefined;
}

/** The client speaks in pieces, and the server answers each at once, before the next. */
function answered(bytes: Buffer, sizes: readonly number[], how: { unrestricted: boolean }): Answered {
	const host = new TestHost(how);
	const relay = new PostgresRelay(host, { messageBytes: 1 << 20, reported: new Map([["search_path", "public"]]) });
	const server = new ScriptedServer();
	const settle = () => {
		for (let sent = host.takeUpstream(); sent.length > 0 && host.ended === undefined; sent = host.takeUpstream()) {
			relay.fromUpstream(server.receive(sent));
		}
	};
	for (let at = 0, turn = 0; at < bytes.length && host.ended === undefined; turn++) {
		const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1));
		relay.fromClient(Buffer.from(bytes.subarray(at, end)));
		at = end;
		settle();
	}
	return { client: host.takeClient(), ended: host.ended };
}

/** Errors by their code: texts of those that the relay tells itself are the real server's, not this one's. */
const withoutTexts = (bytes: Buffer): Buffer => {
	const { messages, rest } = split(bytes);
	const frames = messages.map(({ type, body }) => {
		const fields = type === "E" ? errorFields({ type, body }) : undefined;
		return message(type, fields === undefined ? body : `${fields.S} ${fields.C}`);
	});
	return Buffer.concat([...frames, rest]);
};

const said = (bytes: Buffer): string => outline(split(bytes).messages);
