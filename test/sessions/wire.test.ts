/** Wires over real sockets: whose turn it is while one peer has much to say. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import t, { type Test } from "tap";
import { Wire } from "../../src/sessions/wire.js";

const SENT_BYTES = 4 * 1024 * 1024;
/** More than a wire's turn. */
const WORK_MS = 3;

/** A wire and its peer. */
async function pair(t: Test): Promise<{ readonly wire: Wire; readonly peer: Socket }> {
	const server = createServer();
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const accepted = once(server, "connection");
	const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
	const [socket] = (await accepted) as [Socket];
	t.teardown(() => {
		peer.destroy();
		server.close();
	});
	const wire = new Wire(socket);
	t.teardown(() => wire.destroy());
	return { wire, peer };
}

function work(): void {
	const end = performance.now() + WORK_MS;
	while (performance.now() < end);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

t.test("others have their turn between the chunks of one that takes much work", async (t) => {
	const { wire, peer } = await pair(t);
	let bytes = 0;
	let inOneTurn = 0;
	let most = 0;
	let closed = "";
	wire.attach({
		data: (chunk) => {
			bytes += chunk.length;
			inOneTurn += 1;
			most = Math.max(most, inOneTurn);
			work();
			wire.release();
		},
		drained: () => undefined,
		closed: (reason) => {
			closed = reason;
		},
	});
	peer.end(Buffer.alloc(SENT_BYTES, "x"));
	while (closed === "") {
		await turn();
		inOneTurn = 0;
	}
	t.equal(bytes, SENT_BYTES, "all of it came");
	t.equal(closed, "end of stream");
	t.ok(most <= 1, `${most} chunks in one turn`);
});

t.test("who paused a wire in its turn hears nothing until it resumes", async (t) => {
	const { wire, peer } = await pair(t);
	let bytes = 0;
	let isPaused = false;
	const early: number[] = [];
	wire.attach({
		data: (chunk) => {
			if (isPaused) early.push(chunk.length);
			bytes += chunk.length;
			work();
			if (bytes === chunk.length) {
				isPaused = true;
				wire.pause();
			}
		},
		drained: () => undefined,
		closed: () => undefined,
	});
	peer.write(Buffer.alloc(SENT_BYTES, "x"));
	while (!isPaused) await turn();
	await pause(50);
	t.same(early, []);
	isPaused = false;
	wire.resume();
	while (bytes < SENT_BYTES) await turn();
	t.equal(bytes, SENT_BYTES);
});
