/** The options that pick sessions and statements: what they ask of the server, and what is said to wrong ones. */
import t from "tap";
import { CommandFailure } from "../../src/cli/failure.js";
import { type SessionOptions, sessionQuery } from "../../src/cli/session-query.js";

const NOW_MS = Date.parse("2026-03-01T12:00:00Z");

const ASKED: readonly (readonly [SessionOptions, Readonly<Record<string, string>>])[] = [
	[{}, {}],
	[
		{ live: true, denied: true, limit: "5" },
		{ live: "true", denied: "true", limit: "5" },
	],
	[{ subject: "user:alice" }, { subject: "alice" }],
	[{ subject: "service:etl & co" }, { subject: "service:etl & co" }],
	[
		{ license: "a", target: "b" },
		{ license: "a", target: "b" },
	],
	[{ since: "2026-01-31" }, { since: "2026-01-31T00:00:00.000Z" }],
	[{ since: "2026-01-31T12:00" }, { since: "2026-01-31T12:00:00.000Z" }],
	[{ since: "2026-01-31 12:00:01.5Z" }, { since: "2026-01-31T12:00:01.500Z" }],
	[{ until: "2026-01-31T12:00+02:00" }, { until: "2026-01-31T10:00:00.000Z" }],
	[{ since: "2024-02-29" }, { since: "2024-02-29T00:00:00.000Z" }],
	[
		{ since: "2h", until: "30m" },
		{ since: "2026-03-01T10:00:00.000Z", until: "2026-03-01T11:30:00.000Z" },
	],
];

const WRONG: readonly (readonly [SessionOptions, RegExp])[] = [
	[{ since: "yesterday" }, /^--since yesterday: expected a time .*how long ago/],
	[{ since: "2026-02-29" }, /^--since/],
	[{ since: "2026-13-01" }, /^--since/],
	[{ until: "2026-01-01T25:00" }, /^--until/],
	[{ until: "" }, /^--until/],
	[{ until: "2026-01-01T10:00:00Z; DROP" }, /^--until/],
	[{ since: "1h", until: "2h" }, /--since 1h is not before --until 2h/],
	[{ since: "2026-01-01", until: "2026-01-01" }, /is not before/],
	[{ limit: "0" }, /^--limit 0: expected a whole number from 1 to 10000/],
	[{ limit: "10001" }, /^--limit/],
	[{ limit: "1e3" }, /^--limit/],
	[{ limit: "-1" }, /^--limit/],
	[{ subject: " " }, /^--subject: expected a name/],
	[{ license: "" }, /^--license: expected a name/],
	[{ target: "" }, /^--target: expected a name/],
];

for (const [options, expected] of ASKED) {
	const asked = Object.fromEntries(new URLSearchParams(sessionQuery(options, NOW_MS)));
	t.same(asked, expected, JSON.stringify(options));
}
for (const [options, message] of WRONG) {
	const expected = Object.assign(new CommandFailure("", 2), { message });
	t.throws(() => sessionQuery(options, NOW_MS), expected, JSON.stringify(options));
}
