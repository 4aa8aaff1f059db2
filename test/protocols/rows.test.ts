/** Values in text and binary form, DataRows rebuilt with masks, and COPY … TO STDOUT with masks. */
import fc from "fast-check";
import t from "tap";
import { type CopyFormat, CopyMasker } from "../../src/protocols/postgres/copy.js";
import { type MaskedColumn, RowBuffer, RowMasker, sampleRow } from "../../src/protocols/postgres/rows.js";
import { decodeText, encodeText, recordedValue, valueKind } from "../../src/protocols/postgres/values.js";
import { copyData, int16, int32, message, rowBytes, split } from "../helpers/wire.js";

const TYPES = {
	bool: 16,
	char: 18,
	name: 19,
	int8: 20,
	int2: 21,
	int4: 23,
	text: 25,
	json: 114,
	float4: 700,
	float8: 701,
	bpchar: 1042,
	varchar: 1043,
	date: 1082,
	timestamp: 1114,
	timestamptz: 1184,
	numeric: 1700,
	uuid: 2950,
	jsonb: 3802,
	inet: 869,
} as const;

/** Binary forms as a server sent them (`SELECT …` with result format 1). */
const serverForms: readonly (readonly [keyof typeof TYPES, string, string])[] = [
	["bool", "t", "01"],
	["int2", "-2", "fffe"],
	["int4", "2147483647", "7fffffff"],
	["int8", "-9223372036854775808", "8000000000000000"],
	["text", "zoë", "7a6fc3ab"],
	["float4", "1.5", "3fc00000"],
	["float4", "0.1", "3dcccccd"],
	["float4", "1e+06", "49742400"],
	["float8", "-0.1", "bfb999999999999a"],
	["float8", "100000000000000", "42d6bcc41e900000"],
	["float8", "1e+15", "430c6bf526340000"],
	["float8", "-Infinity", "fff0000000000000"],
	["float8", "NaN", "7ff8000000000000"],
	["numeric", "0", "0000000000000000"],
	["numeric", "0.00", "0000000000000002"],
	["numeric", "-12345.6789", "0003000140000004000109291a85"],
	["numeric", "10000", "00010001000000000001"],
	["numeric", "0.00001", "0001fffe0000000503e8"],
	["numeric", "NaN", "00000000c0000000"],
	["numeric", "-Infinity", "00000000f0000020"],
	["date", "2000-01-01", "00000000"],
	["date", "2026-11-23", "0000265f"],
	["date", "1999-12-31", "ffffffff"],
	["date", "4714-11-24 BC", "ffda97a7"],
	["date", "infinity", "7fffffff"],
	["timestamp", "2000-01-01 00:00:00", "0000000000000000"],
	["timestamp", "1999-12-31 23:59:59.999999", "ffffffffffffffff"],
	["timestamp", "-infinity", "8000000000000000"],
	["timestamptz", "2000-01-01 00:00:01.5+00", "000000000016e360"],
	["uuid", "0f0e0d0c-0b0a-0908-0706-050403020100", "0f0e0d0c0b0a09080706050403020100"],
	["json", '{"a": 1}', "7b2261223a20317d"],
	["jsonb", '{"a": 1}', "017b2261223a20317d"],
];

t.test("values as the server sends them, and back", async (t) => {
	for (const [type, text, hex] of serverForms) {
		t.equal(decodeText(TYPES[type], 1, Buffer.from(hex, "hex")), text, `${type} ${text}`);
		t.equal(encodeText(TYPES[type], 1, text)?.toString("hex"), hex, `${type} ${text} back`);
		t.equal(encodeText(TYPES[type], 0, text)?.toString("utf8"), text, `${type} ${text} as text`);
		t.equal(decodeText(TYPES[type], 0, Buffer.from(text)), text);
	}
	t.same(
		Object.entries(TYPES)
			.map(([name, oid]) => `${name}:${valueKind(oid)}`)
			.join(" "),
		"bool:other char:text name:text int8:integer int2:integer int4:integer text:text json:json float4:decimal " +
			"float8:decimal bpchar:text varchar:text date:date timestamp:timestamp timestamptz:timestamp numeric:decimal uuid:uuid jsonb:json inet:other",
	);
});

t.test("masked texts that a type cannot hold become NULL", async (t) => {
	const refused: readonly (readonly [keyof typeof TYPES, string, number?])[] = [
		["int2", "32768"],
		["int4", "***"],
		["int4", "1.5"],
		["int8", "9223372036854775808"],
		["float8", "1e999"],
		["float4", "1e39"],
		["float8", "0x10"],
		["float8", ""],
		["numeric", ""],
		["numeric", "1e5"],
		["numeric", "1000", ((3 << 16) | 0) + 4],
		["numeric", "1.25", ((5 << 16) | 1) + 4],
		["numeric", "Infinity", ((5 << 16) | 1) + 4],
		["date", "2026-02-30"],
		["date", "23/11/2026"],
		["date", "0000-01-01"],
		["date", "5874898-01-01"],
		["timestamp", "2026-01-01 24:00:00"],
		["timestamp", "2026-01-01 00:00:00+00"],
		["timestamptz", "2026-01-01 00:00:00"],
		["timestamp", "294277-01-01 00:00:00"],
		["uuid", "xyz"],
		["json", "{"],
		["jsonb", "***"],
		["bool", "maybe"],
		["char", "ab"],
		["text", "a\0b"],
		["inet", "***"],
	];
	for (const [type, text, typeModifier] of refused) {
		for (const format of [0, 1])
			t.equal(encodeText(TYPES[type], format, text, typeModifier), undefined, `${type} ${text}`);
	}
	t.equal(encodeText(999999, 0, "x"), undefined, "a type that is not known");
});

t.test("masked texts keep to the declared length, scale and padding", async (t) => {
	const fitted: readonly (readonly [keyof typeof TYPES, string, number, string])[] = [
		["varchar", "masked", 4 + 3, "mas"],
		["varchar", "mäßked", 4 + 3, "mäß"],
		["varchar", "😀😀😀", 4 + 2, "😀😀"],
		["varchar", "masked", -1, "masked"],
		["bpchar", "ab", 4 + 4, "ab  "],
		["bpchar", "abcdef", 4 + 4, "abcd"],
		["bpchar", "😀", 4 + 2, "😀 "],
		["name", "é".repeat(40), -1, "é".repeat(31)],
		["numeric", "12000", ((10 << 16) | 2) + 4, "12000.00"],
		["numeric", "-0", ((10 << 16) | 2) + 4, "0.00"],
		["numeric", "0.001", ((2 << 16) | 3) + 4, "0.001"],
		["numeric", "12000", ((2 << 16) | (-3 & 0x7ff)) + 4, "12000"],
		["numeric", "+007", -1, "7"],
		["int4", "007", -1, "7"],
		["timestamp", "2026-11-23", -1, "2026-11-23 00:00:00"],
		["timestamptz", "2026-11-23+01", -1, "2026-11-23 00:00:00+01"],
		["timestamptz", "2026-11-23 10:30+05:30", -1, "2026-11-23 10:30+05:30"],
		["uuid", "0F0E0D0C-0B0A-0908-0706-050403020100", -1, "0f0e0d0c-0b0a-0908-0706-050403020100"],
	];
	for (const [type, text, typeModifier, expected] of fitted) {
		t.equal(encodeText(TYPES[type], 0, text, typeModifier)?.toString("utf8"), expected, `${type} ${text}`);
	}
	const offset = encodeText(TYPES.timestamptz, 1, "2000-01-01 05:30:00+05:30");
	t.equal(offset?.toString("hex"), "0000000000000000", "a time with an offset travels in UTC");
});

t.test("binary values survive their text", async () => {
	const survives = (type: number, bytes: Buffer) => {
		const text = decodeText(type, 1, bytes);
		if (text === undefined) throw new Error(`not read: ${bytes.toString("hex")}`);
		const back = encodeText(type, 1, text);
		if (back === undefined || !back.equals(bytes))
			throw new Error(`${bytes.toString("hex")} → ${text} → ${back?.toString("hex")}`);
	};
	const float8 = fc.double({ noNaN: true }).map((value) => {
		const bytes = Buffer.alloc(8);
		bytes.writeDoubleBE(value);
		return bytes;
	});
	const float4 = fc.float({ noNaN: true }).map((value) => {
		const bytes = Buffer.alloc(4);
		bytes.writeFloatBE(value);
		return bytes;
	});
	const days = fc.integer({ min: -2451545, max: 2145031948 }).map(int32);
	const micros = fc.bigInt({ min: -211813488000000000n, max: 9223371331199999999n }).map((value) => {
		const bytes = Buffer.alloc(8);
		bytes.writeBigInt64BE(value);
		return bytes;
	});
	fc.assert(fc.property(float8, (bytes) => survives(TYPES.float8, bytes)));
	fc.assert(fc.property(float4, (bytes) => survives(TYPES.float4, bytes)));
	fc.assert(fc.property(days, (bytes) => survives(TYPES.date, bytes)));
	fc.assert(fc.property(micros, (bytes) => survives(TYPES.timestamp, bytes)));
	fc.assert(fc.property(micros, (bytes) => survives(TYPES.timestamptz, bytes)));
	// Within four-digit years JavaScript's own calendar is the judge.
	fc.assert(
		fc.property(fc.integer({ min: -730000, max: 2900000 }), (day) => {
			const iso = new Date((day + 10957) * 86_400_000).toISOString().slice(0, 10);
			if (decodeText(TYPES.date, 1, int32(day)) !== iso) throw new Error(iso);
		}),
	);
	const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?$/);
	fc.assert(
		fc.property(digits, fc.boolean(), (magnitude, negative) => {
			const text = negative && /[1-9]/.test(magnitude) ? `-${magnitude}` : magnitude;
			const bytes = encodeText(TYPES.numeric, 1, text);
			if (bytes === undefined || decodeText(TYPES.numeric, 1, bytes) !== text) throw new Error(text);
		}),
	);
});

t.test("no bytes make a decoder throw", async (t) => {
	fc.assert(
		fc.property(
			fc.constantFrom(...Object.values(TYPES), 0, 12345),
			fc.nat(2),
			fc.uint8Array({ maxLength: 24 }),
			(type, format, bytes) => {
				decodeText(type, format, Buffer.from(bytes));
				recordedValue(type, format, Buffer.from(bytes));
			},
		),
		{ numRuns: 3000 },
	);
	fc.assert(
		fc.property(
			fc.constantFrom(...Object.values(TYPES)),
			fc.nat(1),
			fc.string({ unit: "binary" }),
			fc.integer(),
			(type, format, text, modifier) => {
				encodeText(type, format, text, modifier);
			},
		),
		{ numRuns: 3000 },
	);
	t.equal(recordedValue(TYPES.int4, 1, int32(7)), "7");
	t.equal(recordedValue(TYPES.text, 1, Buffer.from([0xff])), "\\xff");
	t.equal(recordedValue(0, 0, Buffer.from([0xff, 0])), "\\xff00");
	t.equal(recordedValue(TYPES.inet, 1, Buffer.from([1, 2])), "\\x0102");
	t.equal(recordedValue(TYPES.int4, 1, Buffer.from([1])), "\\x01", "not an integer's length");
});

function row(...cells: readonly (Buffer | string | null)[]): Buffer {
	const parts = cells.map((cell) => {
		if (cell === null) return int32(-1);
		const bytes = Buffer.from(cell);
		return Buffer.concat([int32(bytes.length), bytes]);
	});
	return message("D", int16(cells.length), ...parts);
}

function column(index: number, mask: MaskedColumn["mask"], more: Partial<MaskedColumn> = {}): MaskedColumn {
	return { index, mask, type: TYPES.text, format: 0, typeModifier: -1, ...more };
}

const stars = (value: string) => "*".repeat(value.length);

/** Rewrites one row amid other bytes; undefined when it was refused. */
function rewrite(masker: RowMasker, frame: Buffer, target = new RowBuffer(64)): (string | null)[] | undefined {
	const around = Buffer.concat([Buffer.alloc(9, 1), frame, Buffer.alloc(3, 1)]);
	if (!masker.rewrite(around, 9, 9 + frame.length, target)) return undefined;
	const { messages, rest } = split(target.take());
	const [only] = messages;
	if (messages.length !== 1 || rest.length > 0 || only?.type !== "D") throw new Error("not one DataRow");
	return rowBytes(only).map((bytes) => bytes?.toString("utf8") ?? null);
}

t.test("masked cells of a row", async (t) => {
	const frame = row("1", "alice@example.com", null, "", "äöü");
	const at = (...indexes: number[]) =>
		new RowMasker(
			indexes.map((index) => column(index, stars)),
			5,
		);
	t.same(rewrite(at(1), frame), ["1", "*".repeat(17), null, "", "äöü"]);
	t.same(rewrite(at(4, 0), frame), ["*", "alice@example.com", null, "", "***"], "in any order");
	t.same(rewrite(at(2), frame), ["1", "alice@example.com", null, "", "äöü"], "NULL stays NULL");
	t.same(rewrite(at(0, 1, 2, 3, 4), frame), ["*", "*".repeat(17), null, "", "***"]);
	t.same(rewrite(new RowMasker([column(1, () => null)], 5), frame), ["1", null, null, "", "äöü"]);
	t.same(rewrite(new RowMasker([column(1, () => "x", { type: TYPES.int4 })], 5), frame), ["1", null, null, "", "äöü"]);
	t.same(rewrite(new RowMasker([column(1, () => "x", { type: 999999 })], 5), frame), ["1", null, null, "", "äöü"]);
	t.same(rewrite(new RowMasker([column(1, (value) => value.repeat(9))], 5), frame)?.[1]?.length, 153);
	const padded = new RowMasker([column(0, (value) => `${value}!`, { type: TYPES.bpchar, typeModifier: 4 + 5 })], 1);
	t.same(rewrite(padded, row("ab   ")), ["ab!  "], "padding is not part of the value");
	const binary = new RowMasker([column(0, (value) => `${value}0`, { type: TYPES.int4, format: 1 })], 1);
	const target = new RowBuffer();
	const seven = row(int32(7));
	t.ok(binary.rewrite(seven, 0, seven.length, target));
	t.same(target.take(), row(int32(70)));
	const short = row(Buffer.of(7));
	t.ok(binary.rewrite(short, 0, short.length, target));
	t.same(target.take(), row(null), "what is not a value of its type becomes NULL");
});

t.test("rows are what they were where nothing is masked, and malformed ones are refused", async (t) => {
	const cell = fc.option(
		fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
		{ nil: null },
	);
	fc.assert(
		fc.property(
			fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 8 }),
			fc.integer({ min: 1, max: 300 }),
			(rows, slab) => {
				const target = new RowBuffer(slab);
				const frames = rows.map((cells) => row(...cells));
				const source = Buffer.concat(frames);
				let at = 0;
				for (const [index, frame] of frames.entries()) {
					const count = rows[index]?.length ?? 0;
					// The identity over binary text is exact for bytes that are UTF-8; NULL is for the others.
					const masks = count === 0 ? [] : [column(count - 1, () => "masked")];
					if (!new RowMasker(masks, count).rewrite(source, at, at + frame.length, target)) throw new Error("refused");
					at += frame.length;
				}
				const expected = rows.map((cells) =>
					row(
						...cells.map((each, index) => (each !== null && index === cells.length - 1 ? Buffer.from("masked") : each)),
					),
				);
				if (!target.take().equals(Buffer.concat(expected))) throw new Error("not the same");
			},
		),
	);
	const masker = new RowMasker([column(1, stars)], 3);
	const frame = row("a", "bc", "d");
	const target = new RowBuffer();
	target.append(Buffer.from("before"), 0, 6);
	for (let length = 0; length < frame.length - 5; length++) {
		const cut = message("D", frame.subarray(5, 5 + length));
		if (masker.rewrite(cut, 0, cut.length, target)) t.fail(`cut to ${length}`);
	}
	const refused: Readonly<Record<string, Buffer>> = {
		"a byte more": message("D", frame.subarray(5), "x"),
		"another count": row("a", "bc"),
		"a count that lies": message("D", int16(3), row("a", "bc").subarray(7)),
		"a length below −1": message("D", int16(3), int32(-2), int32(-1), int32(-1)),
		"a length beyond the frame": message("D", int16(3), int32(0x7fffffff), int32(-1), int32(-1)),
		"another message": message("d", frame.subarray(5)),
	};
	for (const [name, bytes] of Object.entries(refused)) t.notOk(masker.rewrite(bytes, 0, bytes.length, target), name);
	t.equal(target.take().toString(), "before", "nothing of a refused row was written");
	const beyond = new RowMasker([column(3, stars)], 3);
	t.notOk(beyond.rewrite(frame, 0, frame.length, target), "a mask on a column that is not there");
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(4), (body, count) => {
			const bytes = message("D", int16(count), Buffer.from(body));
			new RowMasker(count > 0 ? [column(0, stars)] : [], count).rewrite(bytes, 0, bytes.length, target);
			sampleRow(bytes, 0, bytes.length, new Array(count).fill({ type: TYPES.int4, format: 1 }));
		}),
		{ numRuns: 2000 },
	);
});

t.test("taken bytes are never written to again", async (t) => {
	const target = new RowBuffer(32);
	const taken: Buffer[] = [];
	for (let index = 0; index < 100; index++) {
		const bytes = Buffer.alloc(index % 13, index);
		target.append(bytes, 0, bytes.length);
		t.equal(target.since(0).length, target.length);
		if (index % 3 === 0) taken.push(target.take());
	}
	taken.push(target.take());
	const expected = Buffer.concat(Array.from({ length: 100 }, (_, index) => Buffer.alloc(index % 13, index)));
	t.same(Buffer.concat(taken), expected);
});

t.test("what one session wrote never goes to another", async (t) => {
	type Step = readonly [session: number, count: number, then: "goes on" | "takes" | "is released"];
	const play = (slabBytes: number | undefined, steps: readonly Step[]) => {
		const buffers = [0, 1, 2].map(() => new RowBuffer(slabBytes));
		const written = ["", "", ""];
		const taken: (readonly [Buffer, string])[][] = [[], [], []];
		for (const [session, count, then] of steps) {
			const buffer = buffers[session] as RowBuffer;
			const onItsWay = taken[session] as (readonly [Buffer, string])[];
			const bytes = Buffer.alloc(count, "abc"[session]);
			buffer.append(bytes, 0, count);
			written[session] += bytes.toString();
			if (then === "takes") {
				onItsWay.push([buffer.take(), written[session] ?? ""]);
				written[session] = "";
			}
			// Looked at last: nothing that was taken has changed since.
			if (then === "goes on" || (then === "is released" && written[session] !== "")) continue;
			for (const [bytes, expected] of onItsWay) {
				if (bytes.toString() !== expected) throw new Error(`${bytes.toString()}, not ${expected}`);
			}
			if (then !== "is released") continue;
			onItsWay.length = 0;
			buffer.release();
		}
		for (const [bytes, expected] of taken.flat()) {
			if (bytes.toString() !== expected) throw new Error(`${bytes.toString()}, not ${expected}`);
		}
	};
	const steps = (most: number) =>
		fc.array(fc.tuple(fc.nat(2), fc.nat(most), fc.constantFrom("goes on", "takes", "is released")), { maxLength: 60 });
	fc.assert(
		fc.property(steps(40), (each) => play(64, each as Step[])),
		{ numRuns: 500 },
	);
	/* Slabs of the usual size are shared. */
	fc.assert(
		fc.property(steps(40_000), (each) => play(undefined, each as Step[])),
		{ numRuns: 200 },
	);
	const broken = new RowBuffer();
	broken.append(Buffer.from("of a session that broke off"), 0, 27);
	t.equal(new RowBuffer().take().length, 0);
});

t.test("a stream of any length runs over the same memory", async (t) => {
	const target = new RowBuffer();
	const row = Buffer.alloc(20_000, "x");
	const memory = new Set<ArrayBufferLike>();
	for (let chunk = 0; chunk < 100; chunk++) {
		for (let count = 0; count < 10; count++) {
			target.append(row, 0, row.length);
			memory.add(target.take().buffer);
		}
		target.release();
	}
	t.equal(memory.size, 2);
	t.equal(target.bytes.length, 0, "and holds nothing in between");
});

t.test("a sample of a row", async (t) => {
	const columns = [TYPES.int4, TYPES.text, TYPES.inet].map((type) => ({ type, format: 1 }));
	const frame = row(int32(7), "äh", Buffer.of(1, 2));
	t.same(sampleRow(frame, 0, frame.length, columns), ["7", "äh", "\\x0102"]);
	t.same(sampleRow(frame, 0, frame.length, columns.slice(1)), undefined);
	const nulls = row(null, null, null);
	t.same(sampleRow(nulls, 0, nulls.length, columns), [null, null, null]);
});

interface Copied {
	readonly frames: string[];
	readonly rows: number;
}

/** Runs a COPY's bytes through a masker in chunks of a size; undefined when it was refused. */
function copy(
	format: CopyFormat,
	masks: readonly MaskedColumn[],
	count: number,
	data: Buffer,
	chunkBytes: number,
): Copied | undefined {
	const masker = new CopyMasker(format, masks, count);
	const target = new RowBuffer(128);
	for (let at = 0; at < data.length; at += chunkBytes) {
		const frame = copyData(data.subarray(at, at + chunkBytes));
		if (!masker.rewrite(frame, 0, frame.length, target)) return undefined;
	}
	if (!masker.finish()) return undefined;
	const { messages } = split(target.take());
	return { frames: messages.map((each) => each.body.toString("latin1")), rows: masker.rows };
}

/** The same at every chunk size; the text that came out and the rows counted. */
function copied(format: CopyFormat, masks: readonly MaskedColumn[], count: number, data: string): string {
	const bytes = Buffer.from(data, "utf8");
	const whole = copy(format, masks, count, bytes, Math.max(bytes.length, 1));
	for (let size = 1; size < bytes.length; size++) {
		const parts = copy(format, masks, count, bytes, size);
		if (JSON.stringify(parts) !== JSON.stringify(whole)) return `differs in chunks of ${size}`;
	}
	if (whole === undefined) return "refused";
	return `${Buffer.from(whole.frames.join(""), "latin1").toString("utf8")}|${whole.rows}/${whole.frames.length}`;
}

t.test("COPY in text format", async (t) => {
	const text: CopyFormat = { format: "text" };
	const masks = [column(1, stars)];
	t.equal(copied(text, masks, 2, "1\talice\n2\tb\\tb\n"), "1\t*****\n2\t***\n|2/2");
	t.equal(copied(text, masks, 2, "1\t\\N\n2\t\n"), "1\t\\N\n2\t\n|2/2", "NULL and the empty text");
	t.equal(copied(text, masks, 2, "\\\\a\\nb\tx\\\\\\ty\n"), "\\\\a\\nb\t****\n|1/1", "other cells as they were");
	t.equal(copied(text, [column(1, () => null)], 2, "1\ta\n"), "1\t\\N\n|1/1");
	const guess: CopyFormat = { format: "text", null: "alice" };
	t.equal(copied(guess, masks, 2, "1\talice\n2\tbob\n"), "1\t*****\n2\t***\n|2/2", "a NULL text that guesses a value");
	t.equal(copied(text, [column(0, () => "a\tb\\c\nd\re")], 1, "x\n"), "a\\tb\\\\c\\nd\\re\n|1/1");
	t.equal(copied(text, [column(0, (value) => `<${value}>`)], 1, "zoë\\b\\f\\v\n"), "<zoë\\b\\f\\v>\n|1/1");
	t.equal(copied(text, [column(0, () => "\\N")], 1, "x\n"), "\\\\N\n|1/1", "a masked text that looks like NULL");
	const custom: CopyFormat = { format: "text", delimiter: "|", null: "NULL", header: true };
	t.equal(
		copied(custom, masks, 2, "id|email\n1|a\\|b\n2|NULL\n"),
		"id|email\n1|***\n2|****\n|2/3",
		"a NULL text that could be a value",
	);
	t.equal(copied({ ...custom, null: "\\N" }, masks, 2, "h|h\n1|\\N\n"), "h|h\n1|\\N\n|1/2");
	t.equal(copied(custom, [column(1, () => "x|y")], 2, "h|h\n1|a\n"), "h|h\n1|x\\|y\n|1/2");
	t.equal(copied(text, [column(0, stars), column(2, stars)], 3, "a\tb\tc\n"), "*\tb\t*\n|1/1");
	t.equal(copied(text, masks, 2, ""), "|0/0");
	for (const bad of ["1\ta", "1\ta\tb\n", "1\n", "1\ta\\\n"])
		t.equal(copied(text, masks, 2, bad), "refused", JSON.stringify(bad));
	t.equal(copied({ ...text, header: true }, masks, 2, ""), "refused", "a header that never came");
});

t.test("COPY in CSV format", async (t) => {
	const csv: CopyFormat = { format: "csv" };
	const masks = [column(1, stars)];
	t.equal(copied(csv, masks, 2, '1,alice\n2,\n3,""\n'), '1,*****\n2,\n3,""\n|3/3', "NULL and the empty text");
	t.equal(copied(csv, masks, 2, '1,"a""b\n,c"\n'), "1,******\n|1/1", "a newline in quotes, which do not show");
	t.equal(copied(csv, [column(1, stars, { quoted: true })], 2, "1,a\n2,\n"), '1,"*"\n2,\n|2/2', "FORCE_QUOTE");
	t.equal(copied(csv, [column(1, (value) => value)], 2, '1,"a""b\n,c"\n2,x\n'), '1,"a""b\n,c"\n2,x\n|2/2');
	t.equal(copied(csv, [column(0, () => 'a"b')], 2, "x,y\n"), '"a""b",y\n|1/1');
	t.equal(copied(csv, [column(0, () => "a,b")], 2, "x,y\n"), '"a,b",y\n|1/1');
	t.equal(copied(csv, [column(0, () => "")], 2, "x,y\n"), '"",y\n|1/1', "empty is not NULL");
	t.equal(copied(csv, [column(0, () => null)], 2, '"x",y\n'), ",y\n|1/1");
	t.equal(copied(csv, [column(0, () => "\\.")], 1, "x\n"), '"\\."\n|1/1');
	const custom: CopyFormat = { format: "csv", delimiter: ";", quote: "'", escape: "\\", null: "-", header: true };
	t.equal(
		copied(custom, [column(1, (value) => `${value}!`)], 2, "a;b\n-;'it\\'s \\\\ \n'\n1;-\n"),
		"a;b\n-;'it\\'s \\\\ \n!'\n1;-\n|2/3",
	);
	t.equal(copied(custom, [column(0, () => "it's")], 1, "h\nx\n"), "h\n'it\\'s'\n|1/2");
	for (const bad of ['1,"a\n', '1,a"b"\n', '1,"a"b\n', "1\n", "1,2,3\n", "1,2"]) {
		t.equal(copied(csv, masks, 2, bad), "refused", JSON.stringify(bad));
	}
});

const binaryHeader = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), int32(0), int32(0)]);
const trailer = int16(0xffff);

function binaryRow(...cells: readonly (Buffer | null)[]): Buffer {
	return Buffer.concat([int16(cells.length), row(...cells).subarray(7)]);
}

t.test("COPY in binary format", async (t) => {
	const binary: CopyFormat = { format: "binary" };
	const masks = [column(1, (value) => `${value}0`, { type: TYPES.int4 })];
	const run = (data: Buffer) => {
		const results = [1, 2, 3, 5, 1000].map((size) => copy(binary, masks, 2, data, size));
		for (const result of results) t.same(result, results[0], "in any chunks");
		const [result] = results;
		return result && { data: Buffer.from(result.frames.join(""), "latin1"), rows: result.rows };
	};
	const rows = (value: Buffer | null) => Buffer.concat([binaryRow(Buffer.from("a"), value), binaryRow(null, null)]);
	const good = Buffer.concat([binaryHeader, rows(int32(7)), trailer]);
	t.same(run(good), { data: Buffer.concat([binaryHeader, rows(int32(70)), trailer]), rows: 2 });
	const extended = Buffer.concat([binaryHeader.subarray(0, 15), int32(3), Buffer.from("ext")]);
	t.same(run(Buffer.concat([extended, trailer])), { data: Buffer.concat([extended, trailer]), rows: 0 });
	const bad: Readonly<Record<string, Buffer>> = {
		"no trailer": good.subarray(0, -2),
		"bytes after the trailer": Buffer.concat([good, Buffer.of(1)]),
		"another signature": Buffer.concat([Buffer.from("PGCOPX"), good.subarray(6)]),
		"row OIDs": Buffer.concat([binaryHeader.subarray(0, 11), int32(1 << 16), int32(0), trailer]),
		"another count": Buffer.concat([binaryHeader, binaryRow(null), trailer]),
		"a length below −1": Buffer.concat([binaryHeader, int16(2), int32(-5), int32(-1), trailer]),
	};
	for (const [name, data] of Object.entries(bad)) t.equal(run(data), undefined, name);
});

t.test("COPY: bounds, frames and generated bytes", async (t) => {
	const masker = new CopyMasker({ format: "text" }, [column(0, stars)], 1, 100);
	const target = new RowBuffer();
	const half = copyData("x".repeat(60));
	t.ok(masker.rewrite(half, 0, half.length, target));
	t.notOk(masker.rewrite(half, 0, half.length, target), "a row longer than its bound");
	const end = copyData("\n");
	t.notOk(masker.rewrite(end, 0, end.length, target), "and nothing after it");
	t.notOk(masker.finish());
	const other = new CopyMasker({ format: "text" }, [], 1);
	const notData = message("D", "x\n");
	t.notOk(other.rewrite(notData, 0, notData.length, target), "another message");
	const beyond = new CopyMasker({ format: "text" }, [column(2, stars)], 2);
	const line = copyData("a\tb\n");
	t.notOk(beyond.rewrite(line, 0, line.length, target), "a mask on a column that is not there");
	t.throws(() => new CopyMasker({ format: "csv", quote: "''" }, [], 1), RangeError);
	const bytes = fc.oneof(
		fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value)),
		fc
			.array(fc.constantFrom("a", "\t", ",", "\n", '"', "\\", "\\N", '""'), { maxLength: 20 })
			.map((parts) => Buffer.from(parts.join(""))),
	);
	fc.assert(
		fc.property(
			fc.constantFrom("text", "csv", "binary" as const),
			bytes,
			fc.boolean(),
			fc.integer({ min: 1, max: 9 }),
			(format, data, headed, size) => {
				const whole = headed && format === "binary" ? Buffer.concat([binaryHeader, data]) : data;
				const parts = copy({ format } as CopyFormat, [column(0, stars)], 2, whole, size);
				const once = copy({ format } as CopyFormat, [column(0, stars)], 2, whole, 1000);
				if (JSON.stringify(parts) !== JSON.stringify(once)) throw new Error("chunks matter");
			},
		),
		{ numRuns: 3000 },
	);
});
