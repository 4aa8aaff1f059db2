/** What `npm test` makes of what the files say: no failure may get lost on the way to the last line. */
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import fc from "fast-check";
import t from "tap";
import { PROJECT } from "../helpers/project.js";
import { type Counts, TapReport } from "../helpers/tap-report.js";
import { TestFiles } from "../helpers/test-files.js";

const PASSED = `TAP version 14
# Subtest: one
    ok 1 - fine
    hello
    1..1
ok 1 - one # time=1ms

1..1
# { total: 1, pass: 1 }
# time=3ms
`;

const FAILED = `TAP version 14
# Subtest: one
    ok 1 - fine
    not ok 2 - values differ
      ---
      diff: |
        -1
        +2
      ...
    1..2
not ok 1 - one # time=1ms

# Subtest: two
    # Subtest: inner
        not ok 1 - also this
        1..1
    not ok 1 - inner # time=1ms
    1..1
not ok 2 - two # time=1ms

1..2
# failed 2 of 2 tests
# { total: 4, pass: 1, fail: 2, skip: 1 }
`;

function report(chunks: readonly string[], fault?: string): { counts: Counts; lines: string[] } {
	const lines: string[] = [];
	const reader = new TapReport("a.test.js");
	for (const chunk of chunks) reader.write(chunk);
	return { counts: reader.end(2, fault, (line) => lines.push(line)), lines };
}

t.test("a file that passed is one line", async (t) => {
	t.same(report([PASSED]), { counts: { passed: 1, failed: 0 }, lines: ["passed  a.test.js # time=2ms"] });
});

t.test("a file that failed is shown with all that failed in it", async (t) => {
	const { counts, lines } = report([FAILED], "ended with 1");
	t.same(counts, { passed: 1, failed: 2 });
	const shown = lines.join("\n");
	for (const part of ["not ok 2 - values differ", "-1", "+2", "not ok 1 - also this", "FAILED  a.test.js"]) {
		t.ok(shown.includes(part), part);
	}
	t.notOk(shown.includes("fine"), "what passed is left out");
	t.same(report([FAILED]).counts, { passed: 1, failed: 2 }, "whatever the process says");
});

t.test("a file without a failing assertion still counts", async (t) => {
	t.same(report([PASSED], "ended with SIGKILL").counts, { passed: 1, failed: 1 });
	t.same(report(["TAP version 14\n1..0 # no tests found\n# { total: 0 }\n"]).counts, { passed: 0, failed: 1 });
});

t.test("a file that breaks off is a failure, wherever it does", async (t) => {
	const isWhole = (end: number) => end >= PASSED.indexOf("# { total") + "# { total: 1, pass: 1 }".length;
	for (let end = 0; end < PASSED.length; end++) {
		const { counts } = report([PASSED.slice(0, end)]);
		if (!isWhole(end)) t.equal(counts.failed, 1, `the first ${end} characters`);
		else t.same(counts, { passed: 1, failed: 0 });
	}
	t.equal(report([PASSED.replace(/^1\.\.1$/m, "")]).counts.failed, 1, "no plan");
	const cut = report([PASSED.slice(0, PASSED.indexOf("    1..1"))]);
	t.ok(
		cut.lines.some((line) => line.includes("hello")),
		"what there was is shown",
	);
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

/** Files that end in each way, run for real. */
const FILES: readonly (readonly [name: string, source: string, counts: Counts])[] = [
	["good", `t.test("a", async (t) => { t.ok(true); t.equal(1, 1); });`, { passed: 2, failed: 0 }],
	["bad", `t.test("a", async (t) => { t.ok(true); t.equal(1, 2); });`, { passed: 1, failed: 1 }],
	["throws", `t.test("a", async (t) => { t.ok(true); throw new Error("in between"); });`, { passed: 1, failed: 1 }],
	["leaves", `t.test("a", async (t) => { t.ok(true); process.exit(0); });`, { passed: 1, failed: 1 }],
	[
		"killed",
		`t.test("a", async (t) => { t.ok(true); process.kill(process.pid, "SIGKILL"); });`,
		{ passed: 0, failed: 1 },
	],
	[
		"late",
		`t.test("a", async (t) => { t.ok(true); }); t.teardown(() => { throw new Error("late"); });`,
		{ passed: 1, failed: 1 },
	],
	["hangs", `t.test("a", async () => { await new Promise(() => undefined); });`, { passed: 0, failed: 1 }],
	["broken", `t.test("a", async (t) => {`, { passed: 0, failed: 1 }],
	["empty", "", { passed: 0, failed: 1 }],
	["skips", `t.test("a", { skip: "no server" }, async () => undefined);`, { passed: 0, failed: 0 }],
];

t.test("real files", async (t) => {
	const folder = t.testdir();
	const environment = { ...process.env };
	// What tap's own command line tells its files.
	delete environment.TAP_CHILD_ID;
	let lines: string[] = [];
	const tests = new TestFiles(environment, (line) => lines.push(line));
	for (const [name, source, counts] of FILES) {
		const file = join(folder, `${name}.mjs`);
		writeFileSync(file, `import t from "tap";\n${source}\n`);
		lines = [];
		t.same(await tests.run([file], 1), counts, name);
		t.match(lines.at(-1), `${counts.failed === 0 ? "passed" : "FAILED"}  ${relative(PROJECT, file)}`);
		if (name === "broken") t.match(lines[0], /SyntaxError/, "what it wrote beside its report is shown");
	}
});
