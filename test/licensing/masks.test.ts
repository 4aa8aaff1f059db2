/** The masks: what each shows, what it gives for what it cannot express, and that none shows more than it says. */
import fc from "fast-check";
import t from "tap";
import { columnMaskFor } from "../../src/licensing/decide.js";
import type { ColumnMask, Mask } from "../../src/licensing/decision.js";
import { parseLicense, withMaskKey } from "../../src/licensing/license.js";
import { deriveMaskKey, maskValue } from "../../src/licensing/masks.js";
import type { ValueKind } from "../../src/protocols/values.js";

const SECRET = new Uint8Array(32).fill(7);
const KEY = deriveMaskKey(SECRET, "l");
const KINDS: readonly ValueKind[] = ["text", "integer", "decimal", "date", "timestamp", "uuid", "json", "other"];

function apply(mask: Mask, value: string, kind: ValueKind = "text", key = KEY): string | null {
	const column: ColumnMask = { mask, term: "masks[0]", use: "project", key };
	return maskValue(column, value, kind);
}

const partial = (keepFirst: number, keepLast: number): Mask => ({ kind: "partial", keepFirst, keepLast });
const to = (unit: "year" | "month" | "day" | "hour" | { number: number }): Mask => ({ kind: "truncate", to: unit });

t.test("on text", (t) => {
	t.equal(apply({ kind: "null" }, "x"), null);
	t.equal(apply({ kind: "redact", text: "withheld" }, "x"), "withheld");
	t.equal(apply({ kind: "redact", text: "***" }, ""), "***");
	t.equal(apply(partial(0, 4), "4111111111111111"), "************1111");
	t.equal(apply(partial(2, 1), "abcdef"), "ab***f");
	t.equal(apply(partial(0, 4), "1234"), "****", "not longer than what is kept: hidden whole");
	t.equal(apply(partial(2, 2), "abc"), "***");
	t.equal(apply(partial(2, 2), ""), "");
	t.equal(apply(partial(1, 1), "😀é漢字😀"), "😀***😀", "code points, not halves of them");
	const emails: [string, string][] = [
		["alice@example.com", "a***@***.com"],
		["alice@mail.example.co", "a***@***.co"],
		["a@example.com", "***@***.com"],
		["😀x@example.org", "😀***@***.org"],
		["not an address", "***"],
		["a@b", "***"],
		["a@@b.com", "***"],
		["a@b..com", "***"],
		["a@b.com x", "***"],
		["a@b.c0m", "***"],
		["", "***"],
	];
	for (const [value, shown] of emails) t.equal(apply({ kind: "email" }, value), shown, value);
	t.end();
});

t.test("on types that a mask cannot express: NULL", (t) => {
	for (const kind of KINDS.filter((kind) => kind !== "text")) {
		for (const mask of [{ kind: "redact", text: "x" }, partial(1, 1), { kind: "email" }] satisfies Mask[]) {
			t.equal(apply(mask, "123456", kind), null, `${mask.kind} on ${kind}`);
		}
		if (kind !== "uuid") t.equal(apply({ kind: "hash" }, "123456", kind), null, `hash on ${kind}`);
	}
	for (const kind of ["text", "uuid", "json", "other"] as const) {
		t.equal(apply(to("month"), "2024-05-17", kind), null, `truncate on ${kind}`);
		t.equal(apply(to({ number: 10 }), "17", kind), null, `multiples on ${kind}`);
	}
	for (const kind of ["date", "timestamp"] as const) t.equal(apply(to({ number: 10 }), "2024-05-17", kind), null);
	for (const kind of ["integer", "decimal"] as const) t.equal(apply(to("year"), "2024", kind), null);
	t.end();
});

t.test("truncate", (t) => {
	const dates: [string, "year" | "month" | "day" | "hour", string | null][] = [
		["2024-05-17", "year", "2024-01-01"],
		["2024-05-17", "month", "2024-05-01"],
		["2024-05-17", "day", "2024-05-17"],
		["12024-05-17", "year", "12024-01-01"],
		["0044-03-15 BC", "year", null],
		["infinity", "year", null],
		["-infinity", "day", null],
		["17/05/2024", "year", null],
		["05-17-2024", "year", null],
		["2024-05-17x", "day", null],
	];
	for (const [value, unit, shown] of dates) t.equal(apply(to(unit), value, "date"), shown, `${value} to ${unit}`);
	const times: [string, "year" | "month" | "day" | "hour", string | null][] = [
		["2024-05-17 13:45:12.123456", "year", "2024-01-01 00:00:00"],
		["2024-05-17 13:45:12", "month", "2024-05-01 00:00:00"],
		["2024-05-17 13:45:12+02", "day", "2024-05-17 00:00:00+00"],
		["2024-05-17 13:45:12.5-03:30", "hour", "2024-05-17 17:00:00+00"],
		["2024-05-17T13:45:12Z", "hour", "2024-05-17 13:00:00+00"],
		["2024-05-17 01:45:12+02", "day", "2024-05-16 00:00:00+00"],
		["2024-01-03 20:00:00+167:59:59", "year", "2023-01-01 00:00:00+00"],
		["0001-01-01 00:00:00+02", "day", null],
		["12024-05-17 13:45:12+02", "hour", "12024-05-17 11:00:00+00"],
		["294276-12-31 13:45:12+02", "hour", null],
		["2024-05-17 13:45:12 BC", "hour", null],
		["infinity", "hour", null],
		["Fri May 17 13:45:12 2024 CEST", "day", null],
		["2024-05-17 13:45:12 CEST", "day", null],
	];
	for (const [value, unit, shown] of times) t.equal(apply(to(unit), value, "timestamp"), shown, `${value} to ${unit}`);
	const numbers: [string, number, string | null][] = [
		["1234", 1000, "1000"],
		["-1234", 1000, "-1000"],
		["999", 1000, "0"],
		["-999", 1000, "0"],
		["1234.99", 100, "1200"],
		["0.5", 10, "0"],
		["123456789012345678901234567890.5", 1000, "123456789012345678901234567000"],
		["1e+20", 7, "99999999999999999998"],
		["1.5e3", 100, "1500"],
		["1.5e-07", 10, "0"],
		["12345e-2", 10, "120"],
		["NaN", 10, null],
		["Infinity", 10, null],
		["1e999", 10, null],
		["$5.00", 10, null],
		["", 10, null],
		["0x10", 10, null],
	];
	for (const [value, number, shown] of numbers)
		t.equal(apply(to({ number }), value, "decimal"), shown, `${value} to ${number}`);
	fc.assert(
		fc.property(fc.bigInt(), fc.integer({ min: 2, max: 1_000_000 }), (value, number) => {
			const shown = apply(to({ number }), value.toString(), "integer");
			return (
				shown !== null && BigInt(shown) % BigInt(number) === 0n && BigInt(shown) === value - (value % BigInt(number))
			);
		}),
	);
	t.end();
});

t.test("hash", (t) => {
	const first = apply({ kind: "hash" }, "alice@example.com");
	t.match(first, /^[0-9a-f]{32}$/);
	t.equal(apply({ kind: "hash" }, "alice@example.com"), first, "same input, same pseudonym");
	t.not(apply({ kind: "hash" }, "bob@example.com"), first);
	t.not(
		apply({ kind: "hash" }, "alice@example.com", "text", deriveMaskKey(SECRET, "other")),
		first,
		"another license, another",
	);
	t.equal(apply({ kind: "hash" }, "alice@example.com", "text", new Uint8Array(0)), null, "never without a key");
	t.match(
		apply({ kind: "hash" }, "6f2b1f0e-1c7e-4a43-9d0c-6a6b1c1c9d11", "uuid"),
		/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
		"a uuid stays one",
	);
	t.equal(KEY.length, 32);
	t.throws(() => deriveMaskKey(new Uint8Array(8), "l"), "a short secret is no secret");
	const parsed = parseLicense(
		`apiVersion: licet/v1
kind: License
metadata: { id: l, licensee: acme, version: 1 }
subjects: [ { user: a } ]
targets: [ { name: t } ]
permits: all
masks: [ { columns: ["a.b.c"], with: hash }, { columns: ["a.b.d"], with: email } ]
`,
		"l.yaml",
	);
	if ("problems" in parsed) throw new Error("does not load");
	const column = { schema: "a", name: "b", column: "c" };
	t.equal(columnMaskFor(parsed.license, column)?.key.length, 0);
	t.same(columnMaskFor(withMaskKey(parsed.license, SECRET), column)?.key, KEY);
	t.equal(
		columnMaskFor(withMaskKey(parsed.license, SECRET), { ...column, column: "d" })?.key.length,
		0,
		"no key for what needs none",
	);
	t.end();
});

t.test("no mask shows more than it says", (t) => {
	const text = fc.string({ unit: "binary", maxLength: 40 });
	const kept = fc.integer({ min: 0, max: 8 });
	fc.assert(
		fc.property(text, kept, kept, (value, keepFirst, keepLast) => {
			const points = Array.from(value);
			const shown = Array.from(apply(partial(keepFirst, keepLast), value) ?? "");
			if (shown.length !== points.length) return false;
			const hides = points.length - keepFirst - keepLast;
			return shown.every((point, index) => {
				const isKept = hides > 0 && (index < keepFirst || index >= points.length - keepLast);
				return point === (isKept ? points[index] : "*");
			});
		}),
		{ numRuns: 500 },
	);
	// Two values that agree in what a mask keeps look alike; so nothing else of them shows.
	fc.assert(
		fc.property(text, text, (a, b) => {
			const shown = [a, b].map((part) => apply({ kind: "email" }, `x${part.replace(/[\s@]/gu, "y")}z@example.com`));
			return shown[0] === shown[1];
		}),
		{ numRuns: 200 },
	);
	fc.assert(
		fc.property(
			text,
			text,
			(a, b) => apply({ kind: "redact", text: "r" }, a) === apply({ kind: "redact", text: "r" }, b),
		),
		{ numRuns: 50 },
	);
	const anyMask = fc.constantFrom<Mask>(
		{ kind: "null" },
		{ kind: "redact", text: "r" },
		partial(1, 1),
		{ kind: "email" },
		{ kind: "hash" },
		to("month"),
		to({ number: 10 }),
	);
	fc.assert(
		fc.property(anyMask, text, fc.constantFrom(...KINDS), (mask, value, kind) => {
			const shown = apply(mask, value, kind);
			return shown === null || typeof shown === "string";
		}),
		{ numRuns: 500 },
	);
	t.end();
});
