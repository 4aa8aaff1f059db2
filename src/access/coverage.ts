/**
 * Whether a license covers a subject on a target's database, and for how long: asked when a grant is issued, and again
 * whenever it is used, against the license as it is then.
 */
import { servesDatabase, type TargetConfig } from "../config/document.js";
import type { License, Subject } from "../licensing/license.js";
import { subjectMatches, targetMatches } from "../licensing/parties.js";
import { AccessError } from "./errors.js";
import { formatSubject } from "./subjects.js";

export interface Claim {
	readonly license: string;
	readonly target: string;
	readonly database: string;
	readonly subject: Subject;
}

export interface Shelves {
	readonly licenses: { get(id: string): License | undefined };
	readonly targets: { get(name: string): TargetConfig | undefined };
}

/** Throws AccessError when the license or the target does not exist or the one does not cover the other. */
export function checkCoverage(claim: Claim, { licenses, targets }: Shelves): License {
	const license = licenses.get(claim.license);
	if (license === undefined) throw new AccessError("unknown", `there is no license "${claim.license}" in force`);
	const target = targets.get(claim.target);
	if (target === undefined) throw new AccessError("unknown", `there is no target "${claim.target}"`);
	if (!subjectMatches(license, claim.subject)) {
		throw new AccessError(
			"refused",
			`license "${license.id}" does not cover ${formatSubject(claim.subject)} (subjects)`,
		);
	}
	if (!targetMatches(license, target)) {
		throw new AccessError("refused", `license "${license.id}" does not cover target "${target.name}" (targets)`);
	}
	if (!servesDatabase(target, claim.database)) {
		throw new AccessError("refused", `target "${target.name}" does not serve database "${claim.database}"`);
	}
	return license;
}

/** Checks duration, reason and validity, and tells when the grant ends. Throws AccessError. */
export function checkTerms(
	license: License,
	request: { readonly durationMs: number; readonly reason: string },
	now: number,
): number {
	const { maxDurationMs, requireReason } = license.access;
	if (!Number.isSafeInteger(request.durationMs) || request.durationMs < 1) {
		throw new AccessError("invalid", "the duration is not a whole number of milliseconds above 0");
	}
	if (request.durationMs > maxDurationMs) {
		throw new AccessError(
			"refused",
			`license "${license.id}" grants at most ${duration(maxDurationMs)} at a time (access.maxDuration)`,
		);
	}
	if (requireReason && request.reason === "") {
		throw new AccessError("refused", `license "${license.id}" requires a reason (access.requireReason)`);
	}
	const { fromMs, untilMs } = license.validity;
	if (fromMs !== undefined && now < fromMs) {
		throw new AccessError("refused", `license "${license.id}" is valid from ${iso(fromMs)} only (validity.from)`);
	}
	if (untilMs !== undefined && now >= untilMs) {
		throw new AccessError("refused", `license "${license.id}" was valid until ${iso(untilMs)} (validity.until)`);
	}
	/* No grant outlives its license: it is shortened, and the answer says when it ends. */
	return Math.min(now + request.durationMs, untilMs ?? Number.POSITIVE_INFINITY);
}

function iso(ms: number): string {
	return new Date(ms).toISOString();
}

const UNITS = [
	["d", 86_400_000],
	["h", 3_600_000],
	["m", 60_000],
	["s", 1000],
] as const;

function duration(ms: number): string {
	for (const [unit, size] of UNITS) {
		if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
	}
	return `${ms}ms`;
}
