/**
 * The form of `pricing`. This build prices nothing (unsupported.ts refuses the term); its form is checked all the same,
 * so that a document written for a later build is known to be well-formed. Money is decimal strings, never numbers.
 */
import { list, read, section, text, whole, word } from "../config/schema.js";
import { HOURS_EXPECTED, parseHours } from "./hours.js";

const METERS = ["statements", "rows", "bytesOut", "bytesIn", "sessionSeconds", "upstreamMs", "denials"] as const;

/** What is counted. */
export const meter = () => word(METERS);

const decimal = () => text('a decimal number as a string ("0.0020")', /^\d{1,12}(\.\d{1,12})?$/);
const count = () => whole(1, Number.MAX_SAFE_INTEGER);

const rate = section({
	meter: meter(),
	unit: count().describe("How much of the meter one price is for."),
	included: whole(0, Number.MAX_SAFE_INTEGER).optional().describe("What is free in each period."),
	price: decimal().optional().describe("The price of one unit."),
	tiers: list(section({ upTo: count().optional(), price: decimal() }), "tiers", { min: 1 })
		.optional()
		.describe("Graduated prices; the last tier has no upTo."),
	peak: section({
		hours: list(read(HOURS_EXPECTED, parseHours, ["Mon-Fri 09:00-17:00"]), "hours", { min: 1 }),
		multiply: decimal(),
	}).optional(),
}).superRefine((given, context) => {
	if ((given.price === undefined) === (given.tiers === undefined)) {
		context.addIssue({ code: "custom", message: "has both or neither of price and tiers; expected one of them" });
	}
});

export const pricing = section({
	currency: text("an ISO 4217 code (EUR)", /^[A-Z]{3}$/),
	rates: list(rate, "rates", { min: 1 }),
});
