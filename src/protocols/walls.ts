/**
 * The second wall, whatever the engine: what the server says of a result, held against what the analysis foresaw.
 * Each engine's row plan asks for every result, and adds how it names where a column comes from.
 */
import type { OriginVerdict, ValueMask, Verdict } from "./engine.js";

/** Why nothing of a result may pass, and what has to be told of it. The first of each counts. */
export interface Findings {
	forbidden?: string;
	incident?: string;
}

/** A result of another width than the analysis foresaw was read differently by the server: nothing of it may pass. */
export function checkShape(width: number, { facts }: Verdict, findings: Findings): void {
	const { outputs, opaqueResult } = facts;
	if (outputs === undefined && !opaqueResult && width > 0) {
		findings.forbidden = "the server delivers rows where the analysis foresaw none";
		findings.incident = `analysis foresaw no result, the server describes ${width} columns`;
	}
	if (outputs === undefined || !outputs.some((output) => output.sources.length > 0)) return;
	if (outputs.length === width) return;
	findings.forbidden = "the server describes the result otherwise than the analysis did";
	findings.incident = `analysis foresaw ${outputs.length} result columns, the server describes ${width}`;
}

/** Judges the known origin of a result column: forbidden, or masked though the analysis foresaw no mask. */
export function checkKnownOrigin(
	index: number,
	origin: OriginVerdict,
	masks: Map<number, ValueMask>,
	findings: Findings,
): void {
	if (!origin.permitted) {
		findings.forbidden ??= `result column ${index + 1} comes from ${origin.name}, which is not permitted`;
		findings.incident ??= `the server says that result column ${index + 1} is ${origin.name}, which the analysis did not see as forbidden`;
		return;
	}
	if (origin.mask !== undefined && !masks.has(index)) {
		masks.set(index, origin.mask);
		findings.incident ??= `the server says that result column ${index + 1} is ${origin.name}, whose mask the analysis did not foresee`;
	}
}
