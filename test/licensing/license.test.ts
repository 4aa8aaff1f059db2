/** License documents: what loads and to what; every problem with its line; digest, moment, parties, schema. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { formatProblem } from "../../src/config/problem.js";
import type { Plain } from "../../src/config/yaml.js";
import { canonicalJson } from "../../src/licensing/canonical.js";
import { cidrHolds, parseCidr, parseIp } from "../../src/licensing/cidr.js";
import { checkMoment, momentVerdict, subjectMatches, targetMatches } from "../../src/licensing/decide.js";
import { parseHours, withinHours, zoneClock } from "../../src/licensing/hours.js";
import { type License, parseLicense } from "../../src/licensing/license.js";
import { isNamed } from "../../src/licensing/parties.js";
import {
	formatColumn,
	namesRelation,
	parseColumnPattern,
	parseName,
	parseRelationPattern,
} from "../../src/licensing/patterns.js";
import { jsonSchemas } from "../../src/licensing/schema.js";
import { UNENFORCED_TERMS } from "../../src/licensing/unsupported.js";

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/licenses/${name}`, import.meta.url), "utf8");

const HEAD = `apiVersion: licet/v1
kind: License
metadata: { id: test, licensee: acme, version: 1 }
subjects: [ { user: alice } ]
targets: [ { name: shop } ]
`;

function load(text: string): License {
	const result = parseLicense(text, "l.yaml");
	if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
	return result.license;
}

function problems(text: string): string[] {
	const result = parseLicense(text, "l.yaml");
	return "problems" in result ? result.problems.map(formatProblem) : [];
}

/** Problems of HEAD and more terms, from line 6 on. */
const wrong = (terms: string) => problems(HEAD + terms).join("\n");

t.test("the license of the contract", (t) => {
	const l = load(fixture("acme-analytics.yaml"));
	t.match(l, {
		id: "acme-analytics",
		version: 3,
		licensee: "acme",
		tier: "standard",
		observe: false,
		unrestricted: false,
	});
	t.match(l.digest, /^sha256:[0-9a-f]{64}$/);
	t.same(l.subjects, [
		{ kind: "user", name: "alice" },
		{ kind: "group", name: "analysts" },
		{ kind: "service", name: "nightly-etl" },
	]);
	t.same(l.validity, { fromMs: Date.UTC(2026, 0, 1), untilMs: Date.UTC(2026, 11, 31, 23, 59, 59) });
	t.same(l.access, {
		approvals: 1,
		approvers: [{ kind: "group", name: "dba" }],
		maxDurationMs: 14_400_000,
		requireReason: true,
	});
	t.same(l.limits.rowsPerStatement, JSON.parse('{ "max": 100, "then": "error", "term": "limits.rowsPerStatement" }'));
	t.match(l.limits, {
		sessions: 5,
		statementTimeoutMs: 30_000,
		idleTimeoutMs: 600_000,
		bytesPerStatement: { max: 64 * 1024 ** 2 },
	});
	t.equal(l.recordResults, 50);
	if (l.permits === "all") throw new Error("not all");
	t.same([...(l.permits[0]?.commands ?? [])].sort(), ["copyTo", "explain", "select", "shareLock", "show"]);
	t.same([...(l.permits[1]?.columns ?? [])], ["id", "status"]);
	t.match(l.denies[0], { term: "denies[0]", reason: "held for legal" });
	t.match(l.masks[0], { term: "masks[0]", use: "project", mask: { kind: "partial", keepFirst: 0, keepLast: 4 } });
	t.equal(l.maskKey.length, 0);
	t.end();
});

t.test("a small license and what it leaves out", (t) => {
	const l = load(fixture("permissive.yaml"));
	t.match(l, {
		unrestricted: true,
		catalog: "full",
		recordResults: 0,
		hours: undefined,
		regions: undefined,
		tier: undefined,
	});
	t.equal(l.access.maxDurationMs, 86_400_000);
	const small = load(`${HEAD}permits: []\n`);
	t.match(small, {
		unrestricted: false,
		catalog: "safe",
		access: { approvals: 1, maxDurationMs: 28_800_000, requireReason: false },
	});
	t.match(small.validity, { fromMs: undefined, untilMs: undefined });
	t.notOk(load(`${HEAD}permits: all\ncatalog: safe\n`).unrestricted);
	t.end();
});

t.test("every problem at once, with its line and what was expected", (t) => {
	const found = problems(fixture("broken-form.yaml"));
	const expected: [number, string][] = [
		[2, "apiVersion: is not as expected; expected licet/v1"],
		[4, "metadata.licensee: is missing"],
		[4, "metadata.id: is not as expected; expected a name"],
		[4, "metadata.version: is a string; expected a whole number"],
		[5, "subjects: has too few entries"],
		[6, "targets[0]: is empty; expected name, environment, region or engine"],
		[6, "targets[1].nam: is no known key; expected one of name, environment, region, engine"],
		[7, "validity.until: is not after `from`"],
		[8, "enforcement: is not as expected; expected one of enforce, observe"],
		[9, "access.maxDuration: is not as expected; expected a duration"],
		[9, "access.requireReason: is a string; expected true or false"],
		[11, "permits[0]: has `on` without `commands`"],
		[12, "permits[1]: names nothing"],
		[13, "permits[2].on[0]: has a * inside a part, and * stands for a whole part"],
		[13, "permits[2].commands[0]: is not as expected; expected one of select,"],
		[14, "permits[3].on[0]: has upper-case letters outside double quotes"],
		[15, "permits[4]: names nothing"],
		[17, "masks[0].columns[0]: has 2 parts, not 3"],
		[18, "masks[1].with.partial: keeps nothing"],
		[19, "masks[2].with: is a string; expected one of null, redact"],
		[20, "masks[3].with: is not one mask"],
		[21, "masks[4].with: is missing"],
		[23, "limits.rowsPerStatement.max: is out of range; expected a whole number from 1"],
		[23, "limits.rowsPerStatement.then: is not as expected; expected one of error, truncate"],
		[24, "limits.bytesPerStatement.max: is not as expected; expected a size"],
		[25, "hours.timezone: is not as expected; expected an IANA time zone"],
		[25, "hours.allow[0]: is not as expected; expected hours"],
		[26, "regions.allow[0]: is not as expected; expected a CIDR range"],
		[27, "extra: is no known key; expected one of apiVersion, kind,"],
	];
	for (const [line, part] of expected) {
		t.ok(
			found.some((problem) => problem.startsWith(`l.yaml:${line}:`) && problem.includes(part)),
			`${line}: ${part}`,
			{ found },
		);
	}
	t.end();
});

t.test("terms one by one", (t) => {
	t.equal(wrong('permits: [ { on: ["a.b"], commands: [select] } ]\n'), "");
	t.match(wrong("permits: some\n"), /^l\.yaml:6:1: permits: .*expected `all`, or a list of permits/);
	t.match(wrong("permits: { on: [a.b] }\n"), /permits: is a mapping; expected `all`, or a list/);
	t.match(wrong(""), /permits: is missing/);
	t.match(wrong('permits: [ { functions: ["a.b"], columns: [x] } ]\n'), /permits\[0\]: has `columns` without `on`/);
	t.match(wrong('permits: [ { functions: ["a.b"], commands: [read] } ]\n'), /has `commands` without `on`/);
	t.match(
		wrong('permits: [ { on: ["a.b"], commands: [write, read], columns: [x] } ]\n'),
		/permits\[0\]\.columns: cannot limit write; expected/,
	);
	t.match(wrong('permits: [ { on: ["a.b"], commands: [read], columns: ["*"] } ]\n'), /stands for all columns/);
	t.match(wrong("permits: [ { on: [], commands: [read] } ]\n"), /permits\[0\]\.on: has too few entries/);
	t.match(wrong("permits: []\nsubjects: []\n"), /l\.yaml:7:1: subjects: is given twice/);
	t.match(wrong("permits: []\nhours: { timezone: Europe/Berlin, allow: [] }\n"), /hours\.allow: has too few/);
	t.match(wrong("permits: []\nvalidity: { from: 2026-01-01 }\n"), /validity\.from: .*with its offset/);
	t.match(wrong("permits: []\nvalidity: { from: 2026-02-30T00:00:00Z }\n"), /validity\.from/);
	t.match(wrong("permits: []\nvalidity: { from: 2026-01-01T00:00:00 }\n"), /validity\.from/);
	t.match(wrong("permits: []\nlimits: { sessions: 1.5 }\n"), /limits\.sessions: .*expected a whole number/);
	t.match(
		wrong('permits: []\nmasks: [ { columns: ["a.b.c"], with: { truncate: { to: week } } } ]\n'),
		/truncate.*expected year, month, day, hour/,
	);
	t.match(
		wrong('permits: []\nmasks: [ { columns: ["a.b.c"], with: { blur: 1 } } ]\n'),
		/blur: is no known key; expected one of partial, redact, truncate/,
	);
	t.match(problems(HEAD.replace("user: alice", 'user: "*"')).join(), /\* is no pattern here/);
	t.match(problems(HEAD.replace("user: alice", "usr: alice")).join(), /one of \{ user: NAME \}/);
	t.match(
		wrong('permits: []\nmasks: [ { columns: ["a.b.c"], with: { redact: { text: "\\ud800" } } } ]\n'),
		/surrogate/,
	);
	t.match(problems("- a").join(), /is a list; expected a mapping with the keys apiVersion/);
	for (const short of ["null", '"null"', "redact", "email", "hash"]) {
		const l = load(`${HEAD}permits: []\nmasks: [ { columns: ["a.b.c"], with: ${short} } ]\n`);
		t.equal(l.masks[0]?.mask.kind, short.replaceAll('"', ""));
	}
	t.end();
});

t.test("warnings", (t) => {
	const warned = (terms: string) => {
		const result = parseLicense(HEAD + terms, "l.yaml");
		return "license" in result ? result.warnings.map(formatProblem).join("\n") : "does not load";
	};
	t.equal(warned("permits: all\n"), "");
	t.match(warned("permits: all\nenforcement: observe\n"), /^l\.yaml:7:1: enforcement: lets everything pass/);
	t.match(
		warned('permits: all\ndenies: [ { on: ["a.b"], commands: [all] } ]\n'),
		/permits: with masks or denies does not cover/,
	);
	t.match(
		warned(
			'permits: [ { on: ["a.b"], commands: [all] } ]\ncatalog: full\nmasks: [ { columns: ["a.b.c"], with: null } ]\n',
		),
		/catalog: .*pg_stats/,
	);
	t.match(warned("permits: []\n"), /only system catalogs/);
	t.end();
});

t.test("terms that this build does not enforce refuse the license", (t) => {
	const found = problems(fixture("unenforced.yaml"));
	t.equal(found.length, UNENFORCED_TERMS.length);
	for (const term of UNENFORCED_TERMS) {
		const text = `${term} is not enforced by this build, so the license is refused rather than loaded without it`;
		t.ok(
			found.some((problem) => problem.endsWith(text)),
			term,
		);
	}
	t.match(found.join("\n"), /^l\.yaml:9:3: limits\.budgets: /);
	const wrongToo = fixture("unenforced.yaml").replace("per: day", "per: fortnight").replace('"1.5"', "1.5");
	t.match(
		problems(wrongToo).join("\n"),
		/budgets\[0\]\.per: .*expected one of minute, hour[\s\S]*multiply: is a number/,
		"and are checked",
	);
	t.equal(wrong("permits: []\nrecording: { literals: clear }\n"), "");
	t.match(wrong("permits: []\nrecording: { literals: plain }\n"), /expected one of clear, sealed/);
	t.equal(wrong("permits: []\nrecording: { literals: sealed }\n"), "");
	t.end();
});

t.test("digest: RFC 8785", (t) => {
	const yaml = load(`${HEAD}permits: [ { on: ["a.b"], commands: [read] } ]\n`);
	const json = load(
		JSON.stringify({
			permits: [{ commands: ["read"], on: ["a.b"] }],
			targets: [{ name: "shop" }],
			subjects: [{ user: "alice" }],
			metadata: { version: 1, licensee: "acme", id: "test" },
			kind: "License",
			apiVersion: "licet/v1",
		}),
	);
	t.equal(yaml.digest, json.digest, "YAML and JSON, in any order");
	t.not(yaml.digest, load(`${HEAD}permits: [ { on: ["a.c"], commands: [read] } ]\n`).digest);
	// The example of RFC 8785, 3.2.2 and 3.2.3.
	const example = JSON.parse(
		'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
	) as Plain;
	t.equal(
		canonicalJson(example),
		'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
	);
	const keys = canonicalJson({ "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7 });
	t.equal(keys, '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
	t.throws(() => canonicalJson("\ud800"));
	fc.assert(
		fc.property(fc.jsonValue(), (value) => {
			const plain = JSON.parse(JSON.stringify(value)) as Plain;
			let text: string;
			try {
				text = canonicalJson(plain);
			} catch {
				return true;
			}
			return (
				canonicalJson(JSON.parse(text) as Plain) === text &&
				JSON.stringify(sorted(JSON.parse(text) as Plain)) === JSON.stringify(sorted(plain))
			);
		}),
		{ numRuns: 200 },
	);
	t.end();
});

function sorted(value: Plain): Plain {
	if (value === null || typeof value !== "object") return value;
	if (Array.isArray(value)) return value.map(sorted);
	return Object.entries(value as Record<string, Plain>)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, inner]) => [key, sorted(inner)]);
}

t.test("patterns", (t) => {
	t.same(parseRelationPattern("app.users"), { schema: "app", name: "users" });
	t.same(parseRelationPattern("*.*"), { schema: undefined, name: undefined });
	t.same(parseRelationPattern('"A.B"."say ""hi"""'), { schema: "A.B", name: 'say "hi"' });
	t.same(parseRelationPattern('"*".x'), { schema: "*", name: "x" }, "a quoted * is a name");
	t.same(parseRelationPattern("схема.táblé$1"), { schema: "схема", name: "táblé$1" });
	t.same(parseColumnPattern("*.*.card"), { schema: undefined, name: undefined, column: "card" });
	t.equal(parseName("id"), "id");
	const bad: [string, RegExp][] = [
		["app", /has 1 part, not 2;/],
		["a.b.c", /has 3 parts, not 2;/],
		["", /is no pattern/],
		["a.", /is no pattern/],
		[".a", /is no pattern/],
		["a..b", /is no pattern/],
		["app.us*", /\* inside a part/],
		["app.**", /\* inside/],
		["*x.y", /\* inside/],
		['a."x', /is no pattern/],
		['a."x"y', /is no pattern/],
		["a.b c", /needs double quotes/],
		["a.1b", /needs double quotes/],
		["a.b-c", /needs double quotes/],
		["App.b", /upper-case/],
		[`a.$${"{X}"}`, /needs double quotes/],
		['a.""', /is no pattern/],
		["a.É", /upper-case/],
	];
	for (const [text, like] of bad) {
		const parsed = parseRelationPattern(text);
		t.match(parsed instanceof Error ? parsed.message : "parsed", like, text);
	}
	const star = parseRelationPattern("*.users");
	if (star instanceof Error) throw star;
	t.ok(namesRelation(star, { schema: "x", name: "users" }));
	t.notOk(namesRelation(star, { schema: "", name: "users" }), "an object of no schema is named by *.* alone");
	fc.assert(
		fc.property(
			fc.array(fc.string({ minLength: 1 }), { minLength: 3, maxLength: 3 }),
			([schema = "", name = "", column = ""]) => {
				const quoted = [schema, name, column].map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
				const parsed = parseColumnPattern(quoted);
				const shown = parseColumnPattern(formatColumn({ schema, name, column }));
				return [parsed, shown].every(
					(p) => !(p instanceof Error) && p.schema === schema && p.name === name && p.column === column,
				);
			},
		),
	);
	t.end();
});

t.test("addresses and ranges", (t) => {
	const inside: [string, string, boolean][] = [
		["10.0.0.0/8", "10.255.1.2", true],
		["10.0.0.0/8", "11.0.0.0", false],
		["10.0.0.0/8", "::ffff:10.1.1.1", true],
		["192.168.1.7", "192.168.1.7", true],
		["192.168.1.7", "192.168.1.8", false],
		["0.0.0.0/0", "8.8.8.8", true],
		["0.0.0.0/0", "2001:db8::1", false],
		["2001:db8::/32", "2001:db8:ffff::", true],
		["2001:db8::/32", "2001:db9::", false],
		["::/0", "1.2.3.4", true],
		["::1", "::1", true],
		["fe80::/10", "fe80::1%eth0", true],
		["::ffff:10.0.0.0/104", "10.2.3.4", true],
	];
	for (const [range, address, held] of inside) {
		const cidr = parseCidr(range);
		const bits = parseIp(address);
		t.equal(cidr !== undefined && bits !== undefined && cidrHolds(cidr, bits), held, `${address} in ${range}`);
	}
	for (const text of [
		"10.1.0.0/8",
		"10.0.0.0/33",
		"::/129",
		"10.0.0/8",
		"010.0.0.0/8",
		"256.0.0.0/8",
		"a/8",
		"",
		"1.2.3.4/",
		"fe80::1%eth0",
		"1::2::3/64",
		":1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
	]) {
		t.equal(parseCidr(text), undefined, text);
	}
	for (const text of [
		"",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.04",
		":::",
		"12345::",
		"1:2:3:4:5:6:7",
		"1::2:3:4:5:6:7:8",
		"::1.2.3",
		"1.2.3.4::",
		"unix",
	]) {
		t.equal(parseIp(text), undefined, text);
	}
	fc.assert(
		fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, length, other) => {
			const number = (ip: string) => ip.split(".").reduce((bits, part) => bits * 256 + Number(part), 0);
			const block = 2 ** (32 - length);
			const start = Math.floor(number(base) / block) * block;
			const network = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".");
			const cidr = parseCidr(`${network}/${length}`);
			const bits = parseIp(other);
			if (cidr === undefined || bits === undefined) return false;
			return cidrHolds(cidr, bits) === (number(other) >= start && number(other) < start + block);
		}),
		{ numRuns: 300 },
	);
	fc.assert(
		fc.property(
			fc.ipV6(),
			(text) =>
				parseIp(text) !== undefined && cidrHolds(parseCidr(text) ?? { bits: 0n, prefix: 0 }, parseIp(text) ?? -1n),
		),
		{ numRuns: 300 },
	);
	fc.assert(
		fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (bits) => {
			const hex = bits.toString(16).padStart(32, "0");
			return parseIp((hex.match(/.{4}/g) ?? []).join(":")) === bits;
		}),
		{ numRuns: 200 },
	);
	t.end();
});

t.test("hours", (t) => {
	const at = (day: number, hour: number, minute = 0) => day * 1440 + hour * 60 + minute;
	const cases: [string, number, boolean][] = [
		["Mon-Fri 08:00-18:00", at(0, 8), true],
		["Mon-Fri 08:00-18:00", at(4, 17, 59), true],
		["Mon-Fri 08:00-18:00", at(4, 18), false],
		["Mon-Fri 08:00-18:00", at(5, 12), false],
		["Mon-Fri 08:00-18:00", at(0, 7, 59), false],
		["22:00-06:00", at(2, 23), true],
		["22:00-06:00", at(0, 3), true],
		["22:00-06:00", at(0, 6), false],
		["Fri 22:00-06:00", at(5, 3), true],
		["Fri 22:00-06:00", at(4, 3), false],
		["Sun 22:00-06:00", at(0, 5, 59), true],
		["Sun 22:00-06:00", at(6, 21), false],
		["Sat,Sun 10:00-14:00", at(6, 13), true],
		["Fri-Mon 00:00-24:00", at(0, 23, 59), true],
		["Fri-Mon 00:00-24:00", at(1, 0), false],
		["Mon,Wed-Thu 01:00-02:00", at(3, 1), true],
		["Mon,Wed-Thu 01:00-02:00", at(1, 1), false],
	];
	for (const [text, minute, open] of cases)
		t.equal(withinHours(parseHours(text) ?? [], minute), open, `${text} at ${minute}`);
	for (const text of [
		"Mon-Fri",
		"8:00-18:00",
		"Mon 08:00-08:00",
		"24:00-06:00",
		"Mon 08:00-24:30",
		"Mon-Tue-Wed 08:00-09:00",
		"Foo 08:00-09:00",
		"mon 08:00-09:00",
		"Mon  08:00-09:00",
		"Mon 08:60-09:00",
		"Mon 25:00-26:00",
		"",
		"Mon 08:00-09:00 ",
	]) {
		t.equal(parseHours(text), undefined, text);
	}
	t.equal(zoneClock("Nowhere/City"), undefined);
	t.equal(zoneClock("+02:00"), undefined);
	const berlin = zoneClock("Europe/Berlin");
	t.equal(berlin?.(new Date("2026-01-05T07:00:00Z")), at(0, 8), "winter");
	t.equal(berlin?.(new Date("2026-07-06T07:00:00Z")), at(0, 9), "summer");
	t.equal(berlin?.(new Date("2026-07-05T22:30:00Z")), at(0, 0, 30), "the next day");
	t.equal(zoneClock("Asia/Kathmandu")?.(new Date("2026-01-05T00:00:30Z")), at(0, 5, 45), "quarter hours");
	t.end();
});

t.test("the moment: validity, hours, regions", (t) => {
	const l = load(fixture("acme-analytics.yaml"));
	const monday = new Date("2026-03-02T09:00:30Z");
	const reason = (now: string, address = "10.1.2.3") => checkMoment(l, { now: new Date(now), address })?.term;
	t.equal(checkMoment(l, { now: monday, address: "10.1.2.3" }), undefined);
	t.equal(momentVerdict(l, monday, "10.1.2.3").validUntilMs, Date.parse("2026-03-02T09:01:00Z"));
	t.equal(reason("2025-12-31T23:59:59Z"), "validity.from");
	t.equal(momentVerdict(l, new Date(0), "10.1.2.3").validUntilMs, Date.UTC(2026, 0, 1));
	t.equal(reason("2027-01-01T00:00:00Z"), "validity.until");
	t.equal(reason("2026-12-31T23:59:59.000Z"), "hours", "until is inclusive");
	t.equal(reason("2026-03-02T06:59:59Z"), "hours");
	t.equal(reason("2026-03-02T07:00:00Z"), undefined, "08:00 in Berlin in winter");
	t.equal(reason("2026-07-06T06:00:00Z"), undefined, "08:00 in Berlin in summer");
	t.equal(reason("2026-07-06T16:00:00Z"), "hours", "18:00");
	t.equal(reason("2026-03-02T09:00:00Z", "11.0.0.1"), "regions");
	t.equal(reason("2026-03-02T09:00:00Z", "2001:db8::5"), undefined);
	t.equal(reason("2026-03-02T09:00:00Z", ""), "regions", "an address that is not known is outside");
	t.equal(reason("nonsense"), "validity");
	const plain = load(`${HEAD}permits: all\n`);
	t.same(momentVerdict(plain, monday, "anything"), { validUntilMs: Number.POSITIVE_INFINITY });
	const watching = load(
		`${HEAD}permits: all\nenforcement: observe\nregions: { allow: ["10.0.0.0/8"] }\nvalidity: { until: 2026-06-01T00:00:00+02:00 }\n`,
	);
	const verdict = momentVerdict(watching, monday, "11.0.0.1");
	t.equal(verdict.reason, undefined);
	t.equal(verdict.observed?.term, "regions");
	t.equal(verdict.validUntilMs, Date.parse("2026-05-31T22:00:00.001Z"));
	t.equal(
		momentVerdict(watching, new Date("2026-06-02T00:00:00Z"), "10.0.0.1").reason?.term,
		"validity.until",
		"validity holds under observe",
	);
	t.end();
});

t.test("a kept verdict is what asking again would give, until it ends", (t) => {
	const l = load(
		`${HEAD}permits: all\nhours: { timezone: Europe/Berlin, allow: ["Mon-Fri 08:00-18:00", "Sat 22:30-02:15"] }\n`,
	);
	fc.assert(
		fc.property(
			fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
			fc.integer({ min: 0, max: 59_999 }),
			(at, later) => {
				const verdict = momentVerdict(l, new Date(at), "::1");
				const then = Math.min(at + later, verdict.validUntilMs - 1);
				return (
					verdict.validUntilMs > at && momentVerdict(l, new Date(then), "::1").reason?.term === verdict.reason?.term
				);
			},
		),
		{ numRuns: 300 },
	);
	t.end();
});

t.test("parties", (t) => {
	const l = load(fixture("acme-analytics.yaml"));
	const subject = (kind: "user" | "service", name: string, ...groups: string[]) => ({ kind, name, groups });
	t.ok(subjectMatches(l, subject("user", "alice")));
	t.ok(subjectMatches(l, subject("user", "bob", "x", "analysts")));
	t.ok(subjectMatches(l, subject("service", "nightly-etl")));
	for (const other of [
		subject("service", "alice"),
		subject("user", "analysts"),
		subject("user", "Alice"),
		subject("user", "bob", "dba"),
	]) {
		t.notOk(subjectMatches(l, other));
	}
	t.ok(isNamed(l.access.approvers[0] ?? { kind: "user", name: "" }, subject("user", "bob", "dba")));
	t.ok(targetMatches(l, { name: "shop", engine: "postgres" }));
	t.ok(targetMatches(l, { name: "x", engine: "postgres", environment: "staging" }));
	t.notOk(targetMatches(l, { name: "x", engine: "postgres", environment: "production" }));
	const both = load(
		`${HEAD.replace("{ name: shop }", "{ environment: staging, region: eu, engine: postgres }")}permits: []\n`,
	);
	t.ok(targetMatches(both, { name: "x", engine: "postgres", environment: "staging", region: "eu" }));
	t.notOk(targetMatches(both, { name: "x", engine: "postgres", environment: "staging", region: "us" }));
	t.notOk(targetMatches(both, { name: "x", engine: "postgres", environment: "staging" }));
	t.end();
});

t.test("the JSON Schema", (t) => {
	const { license } = jsonSchemas();
	t.match(license, {
		$schema: "https://json-schema.org/draft/2020-12/schema",
		additionalProperties: false,
		required: ["apiVersion", "kind", "metadata", "subjects", "targets", "permits"],
	});
	t.match(license, { properties: { permits: { anyOf: [{ enum: ["all"] }, { type: "array" }] } } });
	t.match(license, {
		properties: {
			masks: {
				items: { properties: { with: { anyOf: [{ type: "null" }] }, use: { enum: ["project", "filter", "derive"] } } },
			},
		},
	});
	t.match(license, {
		properties: { targets: { items: { minProperties: 1 } }, pricing: { properties: { currency: {} } } },
	});
	t.match(license, { properties: { access: { properties: { maxDuration: { type: "string", examples: ["30s"] } } } } });
	t.end();
});
