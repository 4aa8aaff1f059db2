/**
 * The checkpoints of a log: each one signed by the key of its time, each one naming the one before it, and each new key
 * introduced by the one that it follows.
 */
import { CHECKPOINTS, type ChainedCheckpoint, parseChained, readNotes } from "./checkpoint.js";
import { type Finding, finding } from "./finding.js";
import { isSignedBy, type VerifierKey } from "./note.js";
import { hashToBase64 } from "./tree.js";

export interface CheckedChain {
	readonly checkpoints: readonly ChainedCheckpoint[];
	/** The keys that have signed, oldest first. */
	readonly keys: readonly VerifierKey[];
	readonly findings: readonly Finding[];
}

export function checkChain(folder: string, origin: string | undefined, trusted: VerifierKey | undefined): CheckedChain {
	const { notes, torn } = readNotes(folder);
	const checkpoints: ChainedCheckpoint[] = [];
	const keys: VerifierKey[] = [];
	const findings: Finding[] = [];
	const report = (message: string) => findings.push(finding(message, { file: CHECKPOINTS }));
	for (const [index, note] of notes.entries()) {
		const checkpoint = parseChained(note);
		if (checkpoint === undefined) {
			report(`what stands at place ${index + 1} is no checkpoint`);
			break;
		}
		const wrong = problemOf(checkpoint, checkpoints.at(-1), keys.at(-1), origin);
		if (wrong !== undefined) {
			report(`the checkpoint of ${checkpoint.size} entries, at place ${index + 1}, ${wrong}`);
			break;
		}
		checkpoints.push(checkpoint);
		if (checkpoint.key !== undefined) keys.push(checkpoint.key);
	}
	if (torn > 0 && findings.length === 0) report(`${torn} bytes at the end are no checkpoint`);
	if (notes.length === 0 && torn === 0) report("there are no checkpoints");
	if (trusted !== undefined && keys.length > 0 && !keys.some(({ text }) => text === trusted.text)) {
		report(`signed by ${keys.map(({ text }) => text).join(", then ")}, and never by the key given`);
	}
	return { checkpoints, keys, findings };
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
