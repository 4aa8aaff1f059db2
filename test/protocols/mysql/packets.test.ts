/** Framing, fields, and the packets that end an answer. */
import fc from "fast-check";
import t from "tap";
import { STATUS } from "../../../src/protocols/mysql/codes.js";
import { encodeError, errorPayload, readError } from "../../../src/protocols/mysql/errors.js";
import {
	eofPayload,
	isEof,
	isFinalOk,
	okPayload,
	readChanges,
	readEof,
	readOk,
} from "../../../src/protocols/mysql/ok.js";
import { FULL_PACKET_BYTES, framed, PacketScanner, PayloadGatherer } from "../../../src/protocols/mysql/packets.js";
import { Reader } from "../../../src/protocols/mysql/reader.js";
import { lenencInt, Writer } from "../../../src/protocols/mysql/writer.js";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** Packets as a scanner finds them in chunks. */
function scanned(chunks: readonly Buffer[], streams = false): string[] {
	const scanner = new PacketScanner();
	const found: string[] = [];
	const tell = () => {
		const kind = scanner.isLater ? "+" : `${scanner.sequence}:`;
		found.push(`${kind}${scanner.data.toString("latin1", scanner.start, scanner.end)}${scanner.isWhole ? "" : "…"}`);
	};
	for (const chunk of chunks) {
		scanner.feed(chunk);
		while (scanner.next()) tell();
		if (streams && scanner.stream()) tell();
	}
	return found;
}

t.test("packets, cut at every place", async (t) => {
	const stream = Buffer.concat([
		hex("03 00 00 00"),
		Buffer.from("abc"),
		hex("00 00 00 01"),
		hex("01 00 00 ff"),
		Buffer.from("z"),
	]);
	const whole = ["0:abc", "1:", "255:z"];
	t.same(scanned([stream]), whole);
	for (let at = 0; at <= stream.length; at++) {
		t.same(scanned([stream.subarray(0, at), stream.subarray(at)]), whole, `cut at ${at}`);
	}
	t.same(scanned([...stream].map((byte) => Buffer.from([byte]))), whole, "byte by byte");
	t.same(scanned([stream.subarray(0, 5), stream.subarray(5, 6), stream.subarray(6)], true), [
		"0:a…",
		"+b…",
		"+c",
		"1:",
		"255:z",
	]);
	t.same(scanned([stream.subarray(0, 3), stream.subarray(3)], true), whole, "no header, no piece");
});

t.test("a payload of 16 MiB and more, and its empty tail", async (t) => {
	for (const [bytes, packets] of [
		[FULL_PACKET_BYTES - 1, 1],
		[FULL_PACKET_BYTES, 2],
		[FULL_PACKET_BYTES + 5, 2],
	] as const) {
		const payload = Buffer.alloc(bytes, 7);
		const wire = framed(payload, 255);
		t.equal(wire.length, bytes + packets * 4);
		const gatherer = new PayloadGatherer(1 << 25, 255);
		gatherer.feed(wire.subarray(0, 1000));
		t.equal(gatherer.next().kind, "incomplete");
		gatherer.feed(wire.subarray(1000));
		const gathered = gatherer.next();
		t.equal(gathered.kind === "payload" && gathered.payload.equals(payload), true);
		t.equal(gathered.kind === "payload" && gathered.sequence, packets === 1 ? 255 : 0);
		t.equal(gatherer.isIdle, true);
	}
	const bounded = new PayloadGatherer(FULL_PACKET_BYTES + 4, 0);
	bounded.feed(framed(Buffer.alloc(FULL_PACKET_BYTES + 5), 0));
	t.equal(bounded.next().kind, "tooLong");
	const early = new PayloadGatherer(100, 0);
	early.feed(hex("65 00 00 00"));
	t.equal(early.next().kind, "tooLong", "by its header alone");
	const disordered = new PayloadGatherer(100, 0);
	disordered.feed(hex("01 00 00 01 00"));
	t.equal(disordered.next().kind, "outOfOrder");
});

t.test("fields, and lengths that lie", async (t) => {
	for (const value of [0, 250, 251, 0xffff, 0x10000, 0xffffff, 0x1000000, Number.MAX_SAFE_INTEGER]) {
		t.equal(new Reader(lenencInt(value)).lenenc(), value);
		t.equal(new Reader(lenencInt(value)).lenencBig(), BigInt(value));
		for (let cut = 0; cut < lenencInt(value).length; cut++) {
			const reader = new Reader(lenencInt(value).subarray(0, cut));
			reader.lenenc();
			t.equal(reader.failed, true);
		}
	}
	t.equal(new Reader(hex("fe ff ff ff ff ff ff ff ff")).lenencBig(), 2n ** 64n - 1n);
	for (const bad of ["fb", "ff", "fe ff ff ff ff ff ff ff ff", "05 61", "fd ff ff ff"]) {
		const reader = new Reader(hex(bad));
		reader.lenencBytes();
		t.equal(reader.failed, true, bad);
		t.same(reader.rest(), Buffer.alloc(0), "nothing after a failure");
	}
	const reader = new Reader(Buffer.from("ab\0cd"));
	t.equal(reader.terminated().toString(), "ab");
	reader.terminated();
	t.equal(reader.failed, true, "no NUL");
	const within = new Reader(Buffer.from("abc\0"), 0, 3);
	within.terminated();
	t.equal(within.failed, true, "a NUL behind the end is not ours");
	t.same(new Writer().terminated("a\0b").payload(), Buffer.from("a\ufffdb\0"), "no NUL within");
});

t.test("OK, EOF and ERR", async (t) => {
	const tracked = { sessionTrack: true };
	const plain = { sessionTrack: false };
	const changes = hex("00 0b 08 73 71 6c 5f 6d 6f 64 65 01 58 01 03 02 64 62 02 02 01 31");
	const fields = {
		affectedRows: 3n,
		lastInsertId: 2n ** 64n - 1n,
		status: 2,
		warnings: 1,
		info: Buffer.from("i"),
		changes,
	};
	const told = readOk(okPayload(fields, tracked), tracked);
	t.match(told, { ...fields, status: 2 | STATUS.sessionStateChanged });
	t.same(told && readChanges(told.changes), [
		{ kind: "variable", name: "sql_mode", value: "X" },
		{ kind: "schema", name: "db" },
		{ kind: "other", type: 2 },
	]);
	const untold = readOk(okPayload({ ...fields, status: 2 | STATUS.sessionStateChanged }, plain), plain);
	t.match(untold, { status: 2, info: Buffer.from("i"), changes: Buffer.alloc(0) }, "no bit without its field");
	t.same(okPayload({ status: 2 }, tracked), hex("00 00 00 02 00 00 00"));
	const text = { status: 2, info: Buffer.from("ab") };
	t.same(okPayload(text, plain), hex("00 00 00 02 00 00 00 02 61 62"), "a text has its length, tracked or not");
	t.match(readOk(hex("00 00 00 02 00 00 00 02 61 62"), plain), text);
	t.equal(readOk(hex("00 00 00 02 00 00"), plain), undefined);
	t.equal(readOk(hex("00 00 00 02 40 00 00 00 05 00"), tracked), undefined, "changes that are not there");
	t.same(readChanges(hex("00 06 01 61 01 62 01 63")), undefined, "a name without a value");
	t.same(readChanges(hex("00 08 01 61 01 62 01 63 01 64")), [
		{ kind: "variable", name: "a", value: "b" },
		{ kind: "variable", name: "c", value: "d" },
	]);
	t.same(readChanges(hex("01 05 04 64")), undefined);
	const eof = eofPayload({ status: 0x4022, warnings: 7 });
	t.same(eof, hex("fe 07 00 22 00"));
	t.equal(isEof(eof) && isFinalOk(eof), true);
	t.same(readEof(eof), { status: 0x22, warnings: 7 });
	const final = okPayload({ status: 2 }, plain, 0xfe);
	t.equal(isEof(final), false);
	t.equal(isFinalOk(final), true);
	const error = { errno: 1142, state: "42000", message: "no" };
	t.same(readError(errorPayload(error)), error);
	t.same(errorPayload({ ...error, state: "" }), hex("ff 76 04 6e 6f"));
	t.match(readError(hex("ff 10 04 54 6f 6f")), { errno: 1040, state: "HY000", message: "Too" });
	t.match(readError(hex("ff 10")), { errno: 2000 });
	t.same(
		encodeError(error, "a\nb", 300),
		Buffer.concat([hex("0c 00 00 2c"), errorPayload({ ...error, message: "a b" })]),
	);
});

t.test("any bytes at all", async (t) => {
	fc.assert(
		fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), fc.boolean(), (chunks, streams) => {
			const scanner = new PacketScanner(64);
			for (const chunk of chunks) {
				scanner.feed(Buffer.from(chunk));
				while (scanner.next());
				if (streams) scanner.stream();
			}
		}),
	);
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			const payload = Buffer.from(bytes);
			readChanges(payload);
			readOk(payload, { sessionTrack: true });
			readOk(payload, { sessionTrack: false });
			readError(payload);
			readEof(payload);
		}),
	);
	t.pass("none is too much");
});
