/** What `npm test` makes of tap's stream: no failure may get lost on the way to the last line. */
import fc from "fast-check";
import t from "tap";
import { type Counts, TapReport } from "../helpers/tap-report.js";

const PASSED = `TAP version 14
1..1
# Subtest: a.test.js
    # Subtest: one
        ok 1 - fine
    hello
    ok 1 - one # time=1ms
    1..1
ok 1 - a.test.js # time=2ms

# { total: 1, pass: 1 }
# time=3ms
`;

const FAILED = `TAP version 14
1..2
# Subtest: a.test.js
    # Subtest: one
        ok 1 - fine
        not ok 2 - values differ
          ---
          diff: |
            -1
            +2
          ...
    not ok 1 - one # time=1ms
    1..1
not ok 1 - a.test.js # time=2ms
  ---
  exitCode: 1
  ...
# Subtest: b.test.js
    1..0 # no tests found
not ok 2 - b.test.js # time=2ms

# { total: 4, pass: 1, fail: 2, skip: 1 }
`;

function report(chunks: readonly string[]): { counts: Counts; lines: string[] } {
	const lines: string[] = [];
	const reader = new TapReport((line) => lines.push(line));
	for (const chunk of chunks) reader.write(chunk);
	return { counts: reader.end(), lines };
}

t.test("a file that passed is one line", async (t) => {
	t.same(report([PASSED]), { counts: { passed: 1, failed: 0 }, lines: ["passed  a.test.js # time=2ms"] });
});

t.test("a file that failed is shown with all that failed in it", async (t) => {
	const { counts, lines } = report([FAILED]);
	t.same(counts, { passed: 1, failed: 2 });
	const shown = lines.join("\n");
	for (const part of ["not ok 2 - values differ", "-1", "+2", "FAILED  a.test.js", "FAILED  b.test.js"]) {
		t.ok(shown.includes(part), part);
	}
	t.notOk(shown.includes("fine"), "what passed is left out");
});

t.test("a file without a failing assertion still counts", async (t) => {
	t.same(report([PASSED.replace(/^ok 1 - a/m, "not ok 1 - a")]).counts, { passed: 1, failed: 1 });
});

t.test("a stream that breaks off is a failure", async (t) => {
	const cut = PASSED.slice(0, PASSED.indexOf("    1..1"));
	const { counts, lines } = report([cut]);
	t.same(counts, { passed: 0, failed: 1 });
	t.ok(
		lines.some((line) => line.includes("fine")),
		"what there was is shown",
	);
	t.same(report([]).counts, { passed: 0, failed: 1 });
});

t.test("chunks may end anywhere", async (t) => {
	const whole = report([FAILED]);
	fc.assert(
		fc.property(fc.array(fc.nat(FAILED.length), { maxLength: 8 }), (cuts) => {
			const at = [0, ...cuts.sort((a, b) => a - b), FAILED.length];
			const chunks = at.slice(1).map((end, index) => FAILED.slice(at[index], end));
			return JSON.stringify(report(chunks)) === JSON.stringify(whole);
		}),
	);
	t.pass("the same report");
});
