/**
 * `with` of a mask, in its short and long forms:
 *
 *     with: null                                  # or "null"
 *     with: redact                                # "***"
 *     with: { redact: { text: "withheld" } }
 *     with: { partial: { keepFirst: 1, keepLast: 4 } }
 *     with: email
 *     with: hash
 *     with: { truncate: { to: month } }           # year, month, day, hour
 *     with: { truncate: { to: 1000 } }            # a number: multiples of it
 */
import { z } from "zod";
import { section, whole, word } from "../config/schema.js";
import type { Mask } from "./decision.js";
import { HIDDEN_TEXT } from "./masks.js";

const SHORT = ["null", "redact", "email", "hash"] as const;
const EXPECTED =
	"one of null, redact, email, hash, { partial: { keepFirst, keepLast } }, { redact: { text } }, { truncate: { to } }";
/** A mask that keeps more than this hides nothing worth hiding. */
const MAX_KEPT = 100;

const partial = section({ keepFirst: whole(0, MAX_KEPT).optional(), keepLast: whole(0, MAX_KEPT).optional() })
	.meta({ minProperties: 1 })
	.superRefine((given, context) => {
		if ((given.keepFirst ?? 0) + (given.keepLast ?? 0) > 0) return;
		context.addIssue({ code: "custom", message: "keeps nothing; expected keepFirst or keepLast (or `with: redact`)" });
	});

const truncate = section({
	to: z.union([word(["year", "month", "day", "hour"]), whole(2, Number.MAX_SAFE_INTEGER)], {
		error: () => "year, month, day, hour, or a whole number from 2 (multiples of it are kept)",
	}),
});

const redact = section({
	text: z.string({ error: () => "the text to show instead" }).max(1000, { error: () => "at most 1000 characters" }),
});

const long = section({ partial: partial.optional(), redact: redact.optional(), truncate: truncate.optional() })
	.meta({ minProperties: 1, maxProperties: 1 })
	.superRefine((given, context) => {
		if (Object.values(given).filter((value) => value !== undefined).length === 1) return;
		context.addIssue({ code: "custom", message: `is not one mask; expected ${EXPECTED}` });
	});

export const maskForm = z.union([z.null(), word(SHORT), long], { error: () => EXPECTED });

/** The mask that a form means. */
export function maskOf(form: z.output<typeof maskForm>): Mask {
	if (form === null || form === "null") return { kind: "null" };
	if (form === "redact") return { kind: "redact", text: HIDDEN_TEXT };
	if (typeof form === "string") return { kind: form };
	if (form.redact !== undefined) return { kind: "redact", text: form.redact.text };
	if (form.partial !== undefined) {
		return { kind: "partial", keepFirst: form.partial.keepFirst ?? 0, keepLast: form.partial.keepLast ?? 0 };
	}
	const to = form.truncate?.to;
	// The schema lets through one of the three only; what is left over would be shown nothing of.
	if (to === undefined) return { kind: "null" };
	return { kind: "truncate", to: typeof to === "number" ? { number: to } : to };
}
