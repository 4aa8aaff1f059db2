/**
 * Whether a license is in force at a moment and from an address: `validity`, `hours`, `regions`. Unlike the decision on
 * a text this changes with time, so it is asked at every execution; the verdict says how long it may be kept.
 */
import { type Cidr, cidrHolds, parseIp } from "./cidr.js";
import type { Reason } from "./decision.js";
import { withinHours } from "./hours.js";
import type { License } from "./license.js";

export interface MomentVerdict {
	/** Why it is not in force. */
	readonly reason?: Reason;
	/** Under `enforcement: observe`: why it would not be in force (hours, regions). Validity always holds. */
	readonly observed?: Reason;
	/** The verdict holds for this address until then, exclusive (milliseconds since the epoch; Infinity: for ever). */
	readonly validUntilMs: number;
}

const MINUTE_MS = 60_000;

export function momentVerdict(license: License, now: Date, address: string): MomentVerdict {
	const nowMs = now.getTime();
	const { fromMs, untilMs } = license.validity;
	if (Number.isNaN(nowMs)) return { reason: outside("validity", "the time is not known"), validUntilMs: nowMs };
	if (fromMs !== undefined && nowMs < fromMs) {
		return { reason: outside("validity.from", "the license is not in force yet"), validUntilMs: fromMs };
	}
	if (untilMs !== undefined && nowMs > untilMs) {
		return { reason: outside("validity.until", "the license has expired"), validUntilMs: Number.POSITIVE_INFINITY };
	}
	// Hours begin and end on whole minutes in every zone in use, so within a UTC minute nothing changes, and no daylight
	// saving time has to be reckoned with.
	const minuteEndMs =
		license.hours === undefined ? Number.POSITIVE_INFINITY : Math.floor(nowMs / MINUTE_MS + 1) * MINUTE_MS;
	const validUntilMs = Math.min(untilMs === undefined ? Number.POSITIVE_INFINITY : untilMs + 1, minuteEndMs);
	const reason = regionReason(license.regions, address) ?? hoursReason(license, now);
	if (reason === undefined) return { validUntilMs };
	return license.observe ? { observed: reason, validUntilMs } : { reason, validUntilMs };
}

export function checkMoment(
	license: License,
	moment: { readonly now: Date; readonly address: string },
): Reason | undefined {
	return momentVerdict(license, moment.now, moment.address).reason;
}

function regionReason(regions: readonly Cidr[] | undefined, address: string): Reason | undefined {
	if (regions === undefined) return undefined;
	const bits = parseIp(address);
	if (bits === undefined) return outside("regions", "the client's address is not known");
	if (regions.some((range) => cidrHolds(range, bits))) return undefined;
	return outside("regions", "the client's address is outside the regions allowed");
}

function hoursReason(license: License, now: Date): Reason | undefined {
	const { hours } = license;
	if (hours === undefined || withinHours(hours.spans, hours.clock(now))) return undefined;
	return outside("hours", `it is outside the hours allowed (${hours.timezone})`);
}

function outside(term: string, message: string): Reason {
	return { term, message };
}
