/** What the parts of a decision find against a statement. One finding suffices to deny it; all are told. */
import type { DenialCase, Reason } from "./decision.js";

/** What is not permitted. */
type Lacking = Extract<DenialCase, "notPermitted" | "columnNotPermitted" | "functionNotPermitted">;

export interface Finding {
	readonly case: Lacking | "unreadable";
	readonly reason: Reason;
	/** What a license would have to permit: "select on app.users"; undefined when no permit would help. */
	readonly wanted?: string;
}

/** Nothing permits it. */
export function missing(wanted: string, lacking: Lacking = "notPermitted"): Finding {
	return { case: lacking, reason: { term: undefined, message: `${wanted} is not permitted` }, wanted };
}

/** A term forbids it. */
export function forbidden(term: string, message: string, lacking: Lacking = "notPermitted"): Finding {
	return { case: lacking, reason: { term, message } };
}

/** The facts do not suffice to say that it is allowed. */
export function unproven(term: string | undefined, message: string): Finding {
	return { case: "unreadable", reason: { term, message } };
}
