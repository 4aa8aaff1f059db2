/**
 * The checkpoints of a log: each one signed by the key of its time, each one naming the one before it, and each new key
 * introduced by the one that it follows.
 */
import { type ChainedCheckpoint, parseChained, type TreeHead } from "./checkpoint.js";
import { CHECKPOINTS, eachNote } from "./checkpoint-file.js";
import { type Finding, finding } from "./finding.js";
import { isSignedBy, type VerifierKey } from "./note.js";
import { hashToBase64 } from "./tree.js";

/** A key, and the number of entries under the checkpoint that introduces it. */
export interface Introduction {
	readonly key: VerifierKey;
	readonly size: number;
}

export interface CheckedChain {
	/** What was signed, in order: of each checkpoint no more than the walk through the entries needs. */
	readonly heads: readonly TreeHead[];
	readonly first: ChainedCheckpoint | undefined;
	readonly last: ChainedCheckpoint | undefined;
	/** The keys that have signed, oldest first. */
	readonly introductions: readonly Introduction[];
	readonly findings: readonly Finding[];
}

export function checkChain(folder: string, origin: string | undefined, trusted: VerifierKey | undefined): CheckedChain {
	const heads: TreeHead[] = [];
	const introductions: Introduction[] = [];
	const findings: Finding[] = [];
	const report = (message: string) => findings.push(finding(message, { file: CHECKPOINTS }));
	let first: ChainedCheckpoint | undefined;
	let last: ChainedCheckpoint | undefined;
	const notes = eachNote(folder);
	let next = notes.next();
	for (; next.done !== true; next = notes.next()) {
		const place = heads.length + 1;
		const checkpoint = parseChained(next.value);
		if (checkpoint === undefined) {
			report(`what stands at place ${place} is no checkpoint`);
			break;
		}
		const wrong = problemOf(checkpoint, last, introductions.at(-1)?.key, origin);
		if (wrong !== undefined) {
			report(`the checkpoint of ${checkpoint.size} entries, at place ${place}, ${wrong}`);
			break;
		}
		first ??= checkpoint;
		last = checkpoint;
		const { size, root, key } = checkpoint;
		heads.push({ size, root });
		if (key !== undefined) introductions.push({ key, size });
	}
	if (next.done === true && next.value > 0) report(`${next.value} bytes at the end are no checkpoint`);
	else if (last === undefined && findings.length === 0) report("there are no checkpoints");
	const keys = introductions.map(({ key }) => key.text);
	if (trusted !== undefined && keys.length > 0 && !keys.includes(trusted.text)) {
		report(`signed by ${keys.join(", then ")}, and never by the key given`);
	}
	notes.return(0);
	return { heads, first, last, introductions, findings };
}

function problemOf(
	checkpoint: ChainedCheckpoint,
	before: ChainedCheckpoint | undefined,
	key: VerifierKey | undefined,
	origin: string | undefined,
): string | undefined {
	if (origin !== undefined && checkpoint.origin !== origin) return `is of another log, ${checkpoint.origin}`;
	if (checkpoint.previous !== before?.hash) {
		const named = checkpoint.previous === undefined ? "none" : hashToBase64(checkpoint.previous);
		return before === undefined
			? `follows another one (${named}), which is missing`
			: `does not follow the one before it: it names ${named}`;
	}
	if (before !== undefined && checkpoint.size <= before.size) return `is not larger than the one before it`;
	const signers = [...(key === undefined ? [] : [key]), ...(checkpoint.key === undefined ? [] : [checkpoint.key])];
	if (signers.length === 0) return "does not tell the key that signs";
	if (signers.some(({ name }) => name !== checkpoint.origin)) return "introduces a key of another name";
	if (checkpoint.note.signatures.length !== signers.length) {
		return `has ${checkpoint.note.signatures.length} signatures; expected ${signers.length}`;
	}
	const missing = signers.find((signer) => !isSignedBy(checkpoint.note, signer));
	return missing === undefined ? undefined : `is not signed by the key ${missing.text}`;
}
