/**
 * A license, read and made ready to decide with: patterns compiled, durations and sizes in numbers,
 * commands expanded, each term with its path. Everything that a decision needs is here; deciding looks nothing up.
 */
import type { Problem } from "../config/problem.js";
import { sortProblems } from "../config/problem.js";
import { check } from "../config/schema.js";
import { valueAt } from "../config/soundness.js";
import { type Plain, readYaml, type Source } from "../config/yaml.js";
import { digestOf, hasLoneSurrogate } from "./canonical.js";
import type { Cidr } from "./cidr.js";
import { deniedCommands, permittedCommands, type RelationCommand } from "./commands.js";
import type { Cap, ColumnMask, Mask } from "./decision.js";
import { LICENSE_SCHEMA, type ParsedLicense } from "./document.js";
import { type Span, type ZoneClock, zoneClock } from "./hours.js";
import { maskOf } from "./maskform.js";
import { deriveMaskKey } from "./masks.js";
import type { ColumnPattern, RelationPattern } from "./patterns.js";
import { unenforcedTerms } from "./unsupported.js";

export interface License {
	readonly id: string;
	readonly version: number;
	readonly licensee: string;
	readonly tier: string | undefined;
	/** "sha256:<hex>" over the RFC 8785 canonical JSON of the document as written. */
	readonly digest: string;
	/** The document as written (plain JSON). */
	readonly document: Plain;
	readonly file: string;
	readonly subjects: readonly SubjectTerm[];
	readonly targets: readonly TargetTerm[];
	/** Milliseconds since the epoch, both inclusive; undefined: open. */
	readonly validity: { readonly fromMs: number | undefined; readonly untilMs: number | undefined };
	/** `enforcement: observe`. */
	readonly observe: boolean;
	readonly access: AccessTerm;
	readonly permits: "all" | readonly PermitTerm[];
	readonly denies: readonly DenyTerm[];
	readonly masks: readonly MaskTerm[];
	readonly catalog: "safe" | "full";
	readonly limits: Limits;
	readonly hours: HoursTerm | undefined;
	readonly regions: readonly Cidr[] | undefined;
	/** Rows of each result kept in the recording. */
	readonly recordResults: number;
	/** Literals, parameters, rows and messages of its sessions are recorded encrypted. */
	readonly sealsLiterals: boolean;
	/** `permits: all`, nothing denied, nothing masked, catalogs not restricted: whatever it is, it passes. */
	readonly unrestricted: boolean;
	/** Key of the `hash` masks; empty until withMaskKey. */
	readonly maskKey: Uint8Array;
}

export interface SubjectTerm {
	readonly kind: "user" | "group" | "service";
	readonly name: string;
}

/** All that is given must hold. */
export interface TargetTerm {
	readonly name: string | undefined;
	readonly environment: string | undefined;
	readonly region: string | undefined;
	readonly engine: string | undefined;
}

export interface AccessTerm {
	readonly approvals: number;
	readonly approvers: readonly SubjectTerm[];
	readonly maxDurationMs: number;
	readonly requireReason: boolean;
}

export interface PermitTerm {
	/** "permits[0]" */
	readonly term: string;
	readonly on: readonly RelationPattern[];
	readonly commands: ReadonlySet<RelationCommand>;
	/** Undefined: all columns. */
	readonly columns: ReadonlySet<string> | undefined;
	readonly functions: readonly RelationPattern[];
}

export interface DenyTerm extends PermitTerm {
	readonly reason: string | undefined;
}

export interface MaskTerm {
	readonly term: string;
	readonly columns: readonly ColumnPattern[];
	readonly mask: Mask;
	readonly use: ColumnMask["use"];
}

export interface Limits {
	readonly rowsPerStatement: Cap | undefined;
	readonly bytesPerStatement: Cap | undefined;
	/** Sessions at a time under this license. */
	readonly sessions: number | undefined;
	readonly statementTimeoutMs: number | undefined;
	readonly idleTimeoutMs: number | undefined;
}

export interface HoursTerm {
	readonly timezone: string;
	readonly spans: readonly Span[];
	readonly clock: ZoneClock;
}

/** Who acts, as licenses see it. */
export interface Subject {
	readonly kind: "user" | "service";
	readonly name: string;
	readonly groups: readonly string[];
}

export interface TargetDescription {
	readonly name: string;
	readonly engine: string;
	readonly environment?: string | undefined;
	readonly region?: string | undefined;
}

export type LicenseResult =
	| { readonly license: License; readonly warnings: readonly Problem[] }
	| { readonly problems: readonly Problem[] };

/** Longest grant where a license says nothing: a working day, so that a forgotten grant does not see the night. */
const DEFAULT_MAX_DURATION_MS = 8 * 3_600_000;

/** What a license may ask for that not every installation can do. */
export interface Installation {
	/** `recording.auditorKey` is configured. */
	readonly canSeal: boolean;
}

/**
 * Reads a license: ready to decide with, or every problem of the document. `file` is for messages only; without an
 * installation the document alone is checked.
 */
export function parseLicense(text: string, file: string, installation?: Installation): LicenseResult {
	// No environment: a license means the same on every machine, and its digest must say what it means.
	const read = readYaml(text, file);
	if ("problems" in read) return read;
	const { source } = read;
	const { value, problems } = check(LICENSE_SCHEMA, source);
	problems.push(...unenforcedTerms(source));
	const literals = ["recording", "literals"];
	if (installation?.canSeal === false && valueAt(source.value, literals) === "sealed") {
		problems.push(
			source.problem(literals, "seals for an auditor, and none is known; expected recording.auditorKey in licet.yaml"),
		);
	}
	if (hasLoneSurrogate(text) || hasLoneSurrogateWithin(source.value)) {
		problems.push(source.problem([], "has half of a surrogate pair in a string; expected Unicode text"));
	}
	if (value === undefined || problems.length > 0) return { problems: sortProblems(problems) };
	return { license: licenseOf(value, source), warnings: sortProblems(warningsOf(value, source)) };
}

/** The license with the key that its `hash` masks use, derived from the node's secret. Without it they give NULL. */
export function withMaskKey(license: License, nodeSecret: Uint8Array): License {
	return { ...license, maskKey: deriveMaskKey(nodeSecret, license.id) };
}

function hasLoneSurrogateWithin(value: Plain): boolean {
	if (typeof value === "string") return hasLoneSurrogate(value);
	if (value === null || typeof value !== "object") return false;
	return Object.entries(value).some(([key, inner]) => hasLoneSurrogate(key) || hasLoneSurrogateWithin(inner as Plain));
}

function licenseOf(parsed: ParsedLicense, source: Source): License {
	const { metadata, access, limits } = parsed;
	const permits = parsed.permits === "all" ? "all" : parsed.permits.map((permit, i) => permitOf(permit, i));
	const denies = (parsed.denies ?? []).map((deny, index) => denyOf(deny, index));
	const masks = (parsed.masks ?? []).map((mask, index) => ({
		term: `masks[${index}]`,
		columns: mask.columns,
		mask: maskOf(mask.with),
		use: mask.use ?? "project",
	}));
	const open = permits === "all" && denies.length === 0 && masks.length === 0;
	// `permits: all` forbids nothing; but catalogs hold samples of masked values, and `catalog: safe` may be asked for.
	const catalog = parsed.catalog ?? (open ? "full" : "safe");
	return {
		id: metadata.id,
		version: metadata.version,
		licensee: metadata.licensee,
		tier: metadata.tier,
		digest: digestOf(source.value),
		document: source.value,
		file: source.file,
		subjects: parsed.subjects.map(subjectOf),
		targets: parsed.targets.map(({ name, environment, region, engine }) => ({ name, environment, region, engine })),
		validity: { fromMs: parsed.validity?.from, untilMs: parsed.validity?.until },
		observe: parsed.enforcement === "observe",
		access: {
			approvals: access?.approvals ?? 1,
			approvers: (access?.approvers ?? []).map(subjectOf),
			maxDurationMs: access?.maxDuration ?? DEFAULT_MAX_DURATION_MS,
			requireReason: access?.requireReason ?? false,
		},
		permits,
		denies,
		masks,
		catalog,
		limits: {
			rowsPerStatement: limits?.rowsPerStatement && { ...limits.rowsPerStatement, term: "limits.rowsPerStatement" },
			bytesPerStatement: limits?.bytesPerStatement && { ...limits.bytesPerStatement, term: "limits.bytesPerStatement" },
			sessions: limits?.sessions,
			statementTimeoutMs: limits?.statementTimeout,
			idleTimeoutMs: limits?.idleTimeout,
		},
		hours: parsed.hours && hoursOf(parsed.hours),
		// Countries are refused by unsupported.ts; were one left it would simply allow no address.
		regions: parsed.regions?.allow.filter((region) => typeof region !== "string"),
		recordResults: parsed.recording?.results ?? 0,
		sealsLiterals: parsed.recording?.literals === "sealed",
		unrestricted: open && catalog === "full",
		maskKey: new Uint8Array(0),
	};
}

function hoursOf(parsed: NonNullable<ParsedLicense["hours"]>): HoursTerm | undefined {
	const clock = zoneClock(parsed.timezone);
	if (clock === undefined) throw new Error(`the time zone ${parsed.timezone} was accepted and is not there`);
	return { timezone: parsed.timezone, spans: parsed.allow.flat(), clock };
}

function subjectOf(parsed: ParsedLicense["subjects"][number]): SubjectTerm {
	if ("user" in parsed) return { kind: "user", name: parsed.user };
	if ("group" in parsed) return { kind: "group", name: parsed.group };
	return { kind: "service", name: parsed.service };
}

type ParsedPermit = Exclude<ParsedLicense["permits"], "all">[number];
type ParsedDeny = NonNullable<ParsedLicense["denies"]>[number];

function permitOf(parsed: ParsedPermit, index: number): PermitTerm {
	return {
		term: `permits[${index}]`,
		on: parsed.on ?? [],
		commands: permittedCommands(parsed.commands ?? []),
		columns: parsed.columns && new Set(parsed.columns),
		functions: parsed.functions ?? [],
	};
}

function denyOf(parsed: ParsedDeny, index: number): DenyTerm {
	return {
		term: `denies[${index}]`,
		on: parsed.on ?? [],
		commands: deniedCommands(parsed.commands ?? []),
		columns: parsed.columns && new Set(parsed.columns),
		functions: parsed.functions ?? [],
		reason: parsed.reason,
	};
}

/** What is allowed and probably not meant. A license with warnings loads. */
function warningsOf(parsed: ParsedLicense, source: Source): Problem[] {
	const warnings: Problem[] = [];
	const masks = (parsed.masks ?? []).length > 0;
	if (parsed.enforcement === "observe") {
		warnings.push(source.problem(["enforcement"], "lets everything pass: nothing is denied, masked or cut"));
	}
	if (parsed.catalog === "full" && masks) {
		warnings.push(
			source.problem(["catalog"], "lets pg_stats and the like be read, which hold samples of masked columns"),
		);
	}
	if (parsed.permits === "all" && (masks || (parsed.denies ?? []).length > 0)) {
		const message =
			"with masks or denies does not cover what cannot be seen through: code, functions that are not the server's own, statements that cannot be read";
		warnings.push(source.problem(["permits"], message));
	}
	if (Array.isArray(parsed.permits) && parsed.permits.length === 0) {
		warnings.push(source.problem(["permits"], "is an empty list: only system catalogs can be read"));
	}
	return warnings;
}
