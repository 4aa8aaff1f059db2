/**
 * What is done to the rows of a COPY … TO STDOUT.
 *
 * The server describes them by their number and format alone: there is no second wall here, so what the analysis foresaw
 * must be what comes, and what it did not read exactly is not delivered (docs/decisions/017).
 */
import { UNKNOWN_TYPE } from "../../sql/catalog-index.js";
import type { CopiedColumn } from "../../sql/facts.js";
import type { Verdict } from "../engine.js";
import { checkShape, type Findings } from "../walls.js";
import { CopyMasker } from "./copy.js";
import type { CopyResponse } from "./readers.js";
import { valueKind } from "./values.js";

export interface CopyPlan {
	readonly masker: CopyMasker | undefined;
	/** Names of the masked columns. */
	readonly masked: readonly string[];
	/** Why no row of it may be delivered. */
	readonly forbidden: string | undefined;
	/** What the server and the analysis disagree about. */
	readonly incident: string | undefined;
}

export function planCopy(response: CopyResponse, verdict: Verdict): CopyPlan {
	const findings: Findings = {};
	const { copy, outputs } = verdict.facts;
	const count = response.columnFormats.length;
	if (copy?.direction !== "out") disagree(findings, "the server copies out where the analysis foresaw no COPY");
	else if ([response.format, ...response.columnFormats].some((code) => code !== (copy.format === "binary" ? 1 : 0))) {
		disagree(findings, "the server copies in another format than the statement names");
	} else checkShape(count, verdict, findings);
	const { masks } = verdict.plan;
	if (copy === undefined || masks.size === 0 || findings.forbidden !== undefined) {
		return { masker: undefined, masked: [], forbidden: findings.forbidden, incident: findings.incident };
	}
	if (copy.unread !== undefined || copy.columns?.length !== count) {
		disagree(findings, "its rows cannot be read, and some of its columns are masked");
		return { masker: undefined, masked: [], forbidden: findings.forbidden, incident: findings.incident };
	}
	const columns = [...masks].map(([index, mask]) => {
		const { type, typeModifier, quoted = false } = copy.columns?.[index] ?? UNREAD;
		const kind = valueKind(type);
		const apply = (value: string) => mask.apply(value, kind);
		return { index, mask: apply, type, typeModifier, quoted, format: response.format };
	});
	return {
		masker: new CopyMasker(copy, columns, count),
		masked: columns
			.map(({ index }) => index)
			.sort((a, b) => a - b)
			.map((index) => outputs?.[index]?.name ?? String(index + 1)),
		forbidden: undefined,
		incident: undefined,
	};
}

const UNREAD: CopiedColumn = UNKNOWN_TYPE;

function disagree(findings: Findings, what: string): void {
	findings.forbidden ??= what;
	findings.incident ??= what;
}
