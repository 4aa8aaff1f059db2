/** What of a statement's text goes into the recording (docs/decisions/022). */
import { createHash } from "node:crypto";
import type { Judgement } from "./engine.js";

/** A text that was refused for its length is recorded whole up to so many bytes: more would hold up everybody else. */
const REFUSED_BYTES = 1024 * 1024;
/** Of a longer one: so much of its beginning. */
const HEAD_BYTES = 64 * 1024;

/** What runs is recorded whole; of a text too long to be read at all, its head and its digest. */
export function recordedText(text: Buffer, { verdicts }: Judgement, encoding: BufferEncoding): string {
	const [only] = verdicts;
	const isTooLong = verdicts.length === 1 && only?.denied === true && only.facts.refusal?.kind === "limit";
	if (!isTooLong || text.length <= REFUSED_BYTES) return text.toString(encoding);
	const digest = createHash("sha256").update(text).digest("hex");
	return `${text.toString(encoding, 0, HEAD_BYTES)} … (${text.length} bytes, SHA-256 ${digest})`;
}
