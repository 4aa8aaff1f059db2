/**
 * Of several masks the strictest wins. This is the order, and the meet of two masks of a kind.
 *
 * By what is left of a value: `null` leaves nothing, not even whether there was one. `redact` leaves that there was
 * one. `hash` leaves which rows share a value, but no character of it. `truncate` leaves a coarse value, the same for
 * many rows; `partial` leaves characters, and with them often a single row; `email` leaves a first letter and a domain's
 * ending and is shaped for reading, so it gives way to any mask that an author also thought necessary.
 * Of two masks of one kind the result keeps only what both keep, so it is as strict as either.
 */
import type { ColumnMask, Mask, TruncateTo } from "./decision.js";

const STRICTEST_FIRST: readonly Mask["kind"][] = ["null", "redact", "hash", "truncate", "partial", "email"];
/** `project` forbids every other use; `derive` none. */
const STRICTEST_USE_FIRST: readonly ColumnMask["use"][] = ["project", "filter", "derive"];

export function stricterUse(a: ColumnMask["use"], b: ColumnMask["use"]): ColumnMask["use"] {
	return STRICTEST_USE_FIRST.indexOf(a) <= STRICTEST_USE_FIRST.indexOf(b) ? a : b;
}

/** The mask to apply where both hold. The term named is the one that decided; on a draw the first. */
export function strictest(a: ColumnMask, b: ColumnMask): ColumnMask {
	const use = stricterUse(a.use, b.use);
	if (a.mask.kind === b.mask.kind) return { ...a, mask: meet(a.mask, b.mask), use };
	const first = STRICTEST_FIRST.indexOf(a.mask.kind) < STRICTEST_FIRST.indexOf(b.mask.kind) ? a : b;
	return { ...first, use };
}

/** Two masks of the same kind. */
function meet(a: Mask, b: Mask): Mask {
	if (a.kind === "partial" && b.kind === "partial") {
		return {
			kind: "partial",
			keepFirst: Math.min(a.keepFirst, b.keepFirst),
			keepLast: Math.min(a.keepLast, b.keepLast),
		};
	}
	if (a.kind === "truncate" && b.kind === "truncate") {
		const to = coarser(a.to, b.to);
		return to === undefined ? { kind: "null" } : { kind: "truncate", to };
	}
	return a;
}

const COARSEST_FIRST = ["year", "month", "day", "hour"] as const;

/** Undefined when one cuts dates and the other numbers: whatever the column's type, one of them makes it NULL. */
function coarser(a: TruncateTo, b: TruncateTo): TruncateTo | undefined {
	if (typeof a === "object" && typeof b === "object") {
		// Multiples of both; where neither divides the other, cutting to one would leave what the other hides.
		const [small, large] = a.number <= b.number ? [a, b] : [b, a];
		return large.number % small.number === 0 ? large : undefined;
	}
	if (typeof a === "object" || typeof b === "object") return undefined;
	return COARSEST_FIRST.indexOf(a) <= COARSEST_FIRST.indexOf(b) ? a : b;
}
