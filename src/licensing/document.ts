/**
 * The form of a license document: each term, its type and what it is for. Terms that this build
 * does not enforce are described here too, so that they are checked and completed; unsupported.ts then refuses them.
 */
import { z } from "zod";
import { flag, list, read, section, text, whole, word } from "../config/schema.js";
import { BYTES_EXPECTED, DURATION_EXPECTED, parseBytes, parseDuration } from "../config/units.js";
import { parseCidr } from "./cidr.js";
import { COMMAND_WORDS, unlimitableWords } from "./commands.js";
import { HOURS_EXPECTED, parseHours, ZONE_EXPECTED, zoneClock } from "./hours.js";
import { maskForm } from "./maskform.js";
import {
	COLUMN_EXPECTED,
	FUNCTION_EXPECTED,
	NAME_EXPECTED,
	parseColumnPattern,
	parseFunctionPattern,
	parseName,
	parseRelationPattern,
	RELATION_EXPECTED,
} from "./patterns.js";
import { meter, pricing } from "./pricing.js";

const relations = () => list(read(RELATION_EXPECTED, parseRelationPattern, ["app.*"]), "patterns", { min: 1 });
const functions = () =>
	list(read(FUNCTION_EXPECTED, parseFunctionPattern, ["app.order_total"]), "patterns", { min: 1 });
const commands = () => list(word(COMMAND_WORDS), "commands", { min: 1 });
const columns = () => list(read(NAME_EXPECTED, parseName, ["status"]), "column names", { min: 1 });
const duration = () => read(DURATION_EXPECTED, parseDuration, ["30s"]);
const who = () => text("a name (exact: * is no pattern here)", /^[^*\s](?:[^*]*[^*\s])?$/);

const subject = z.union([section({ user: who() }), section({ group: who() }), section({ service: who() })], {
	error: () => "one of { user: NAME }, { group: NAME }, { service: NAME }",
});

const target = section({
	name: who().optional(),
	environment: who().optional(),
	region: who().optional(),
	engine: word(["postgres", "mysql"]).optional(),
})
	.meta({ minProperties: 1 })
	.superRefine((given, context) => {
		if (Object.values(given).some((value) => value !== undefined)) return;
		context.addIssue({ code: "custom", message: "is empty; expected name, environment, region or engine" });
	});

/** RFC 3339 with an offset. A time without one would mean another moment on another machine. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:\d{2})$/;
const instant = () => read("a time with its offset (2026-01-01T00:00:00Z)", parseInstant, ["2026-01-01T00:00:00Z"]);

function parseInstant(given: string): number | undefined {
	if (!INSTANT.test(given)) return undefined;
	const moment = Date.parse(given);
	if (Number.isNaN(moment)) return undefined;
	// Date.parse takes 31 February for 3 March.
	const day = Date.parse(`${given.slice(0, 10)}T00:00:00Z`);
	return new Date(day).toISOString().startsWith(given.slice(0, 10)) ? moment : undefined;
}

const validity = section({ from: instant().optional(), until: instant().optional() }).superRefine((given, context) => {
	if (given.from === undefined || given.until === undefined || given.from < given.until) return;
	context.addIssue({ code: "custom", path: ["until"], message: "is not after `from`; expected a later time" });
});

const access = section({
	approvals: whole(0, 10).optional().describe("How many approvers must agree; 0 = standing access. Default: 1."),
	approvers: list(subject, "subjects").optional().describe("Who may approve."),
	maxDuration: duration().optional().describe("The longest a grant may last. Default: 8h."),
	requireReason: flag().optional().describe("Whether a grant needs a reason. Default: false."),
});

/** What permits and denies have in common: relations with commands, functions, or both. */
const clause = {
	on: relations().optional().describe("Relations, as patterns schema.table."),
	commands: commands().optional().describe("What may be done with them: commands or groups of them."),
	columns: columns().optional().describe("Only these columns of them."),
	functions: functions()
		.optional()
		.describe("Functions, operators' functions and procedures, as patterns schema.name."),
};

interface Clause {
	readonly on?: unknown;
	readonly commands?: unknown;
	readonly columns?: unknown;
	readonly functions?: unknown;
}

function checkClause(given: Clause, problem: (message: string) => void): void {
	if (given.on === undefined && given.functions === undefined) {
		problem("names nothing; expected `on` with `commands`, or `functions`, or both");
	} else if ((given.on === undefined) !== (given.commands === undefined)) {
		problem(
			given.on === undefined
				? 'has `commands` without `on`; expected both (`on: ["*.*"]` for any relation)'
				: "has `on` without `commands`; expected both (`commands: [all]` for any)",
		);
	} else if (given.on === undefined && given.columns !== undefined) {
		problem("has `columns` without `on`; expected both");
	}
}

const permit = section(clause).superRefine((given, context) => {
	checkClause(given, (message) => context.addIssue({ code: "custom", message }));
	const words = given.columns === undefined ? [] : unlimitableWords(given.commands ?? []);
	if (words.length === 0) return;
	const message = `cannot limit ${words.join(", ")}; expected only commands that act on columns (read, select, copyTo, insert, update, merge, copyFrom) beside it`;
	context.addIssue({ code: "custom", path: ["columns"], message });
});

const deny = section({
	...clause,
	reason: text("why it is denied, for the person who meets it").optional(),
}).superRefine((given, context) => checkClause(given, (message) => context.addIssue({ code: "custom", message })));

const permits = z.union([word(["all"]), list(permit, "permits")], { error: () => "`all`, or a list of permits" });

const mask = section({
	columns: list(read(COLUMN_EXPECTED, parseColumnPattern, ["app.users.email"]), "patterns", { min: 1 }),
	with: maskForm.describe("null, redact, email, hash, { partial: … }, { redact: … } or { truncate: … }"),
	use: word(["project", "filter", "derive"])
		.optional()
		.describe("What may be done with the column beside showing it masked. Default: project (nothing)."),
});

/** The key, apart from its use: an object literal with a `then` of its own looks like a promise to the linter. */
const THEN = "then";
const consequence = () =>
	word(["error", "truncate"]).describe("When it is exceeded: end with an error, or cut with a warning.");

const byteCount = z.union([whole(1, Number.MAX_SAFE_INTEGER), read(BYTES_EXPECTED, parseBytes, ["64MiB"])], {
	error: () => BYTES_EXPECTED,
});

const limits = section({
	rowsPerStatement: section({ max: whole(1, 1e12), [THEN]: consequence() })
		.optional()
		.describe("Source rows of one statement."),
	bytesPerStatement: section({ max: byteCount, [THEN]: consequence() })
		.optional()
		.describe("Bytes of one statement's answer."),
	budgets: list(
		section({ meter: meter(), per: word(["minute", "hour", "day", "week", "month"]), max: whole(1, 1e15) }),
		"budgets",
	).optional(),
	rate: section({
		statements: text("a rate such as 50/s", /^[1-9]\d{0,8}\/(s|m|h)$/),
		burst: whole(1, 1e9).optional(),
	}).optional(),
	sessions: whole(1, 1_000_000).optional().describe("Sessions at a time."),
	statementTimeout: duration().optional(),
	idleTimeout: duration().optional(),
});

const hours = section({
	timezone: read(ZONE_EXPECTED, (given) => (zoneClock(given) === undefined ? undefined : given), ["Europe/Berlin"]),
	allow: list(read(HOURS_EXPECTED, parseHours, ["Mon-Fri 08:00-18:00"]), "hours", { min: 1 }),
});

export const REGION_EXPECTED = "a CIDR range such as 10.0.0.0/8 (no bits set after the prefix), or country:XX";
const COUNTRY = /^country:[A-Z]{2}$/;
const regions = section({
	allow: list(
		read(REGION_EXPECTED, (given) => (COUNTRY.test(given) ? given : parseCidr(given)), ["10.0.0.0/8"]),
		"regions",
		{ min: 1 },
	),
});

export const LICENSE_SCHEMA = section({
	apiVersion: word(["licet/v1"]),
	kind: word(["License"]),
	metadata: section({
		id: text(
			"a name of at most 63 letters, digits, _ . - that starts with a letter or digit",
			/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
		),
		licensee: text("who the license is given to"),
		tier: text("a word such as standard").optional(),
		version: whole(1, Number.MAX_SAFE_INTEGER),
	}),
	subjects: list(subject, "subjects", { min: 1 }).describe("Who may hold grants under this license."),
	targets: list(target, "targets", { min: 1 }).describe("Where it holds; of one entry all keys must fit."),
	validity: validity.optional().describe("From when until when, both inclusive."),
	enforcement: word(["enforce", "observe"])
		.optional()
		.describe("observe: decide, record and count, but let all pass. Default: enforce."),
	access: access.optional(),
	permits: permits.describe("What may be done. What no permit names is denied."),
	denies: list(deny, "denies").optional().describe("What may not be done, whatever is permitted."),
	masks: list(mask, "masks").optional().describe("Columns that are shown masked."),
	catalog: word(["safe", "full"])
		.optional()
		.describe("full: system catalogs that hold data or secrets may be read too. Default: safe."),
	limits: limits.optional(),
	hours: hours.optional(),
	regions: regions.optional(),
	recording: section({
		results: whole(0, 10_000).optional().describe("Rows of each result kept, as the client saw them. Default: 0."),
		literals: word(["clear", "sealed"])
			.optional()
			.describe(
				"sealed: values in statements, parameters, results and errors are encrypted for the auditor. Default: clear.",
			),
	}).optional(),
	pricing: pricing.optional(),
});

export type ParsedLicense = z.output<typeof LICENSE_SCHEMA>;
