/**
 * Checkpoints: the tree's size and root at a moment, signed (https://c2sp.org/tlog-checkpoint). Three lines of our own
 * follow the root: when it was made, the key from here on where that changes, and the hash of the checkpoint before it,
 * so that none can be taken away from among the others.
 */
import { type Note, parseNote, parseVerifierKey, type Signer, signNote, type VerifierKey } from "./note.js";
import { type Hash, hashFromBase64, hashToBase64, sha256 } from "./tree.js";

/** What the first checkpoint says of the one before it. */
const NONE = "none";
const SIZE = /^(0|[1-9]\d{0,15})$/;
const AT = /^at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)$/;

export interface TreeHead {
	readonly size: number;
	readonly root: Hash;
}

export interface Checkpoint extends TreeHead {
	readonly origin: string;
	readonly note: Note;
	/** The extension lines, as they are. */
	readonly extensions: readonly string[];
}

/** A checkpoint as this program writes it. */
export interface ChainedCheckpoint extends Checkpoint {
	readonly at: string;
	readonly key: VerifierKey | undefined;
	readonly previous: Hash | undefined;
	/** What the next one names it by. */
	readonly hash: Hash;
}

export function originOf(node: string): string {
	return `licet/${node}`;
}

export interface CheckpointFacts extends TreeHead {
	readonly origin: string;
	readonly at: string;
	readonly key: VerifierKey | undefined;
	readonly previous: Hash | undefined;
}

export function signCheckpoint(facts: CheckpointFacts, signers: readonly Signer[]): string {
	const lines = [
		facts.origin,
		String(facts.size),
		hashToBase64(facts.root),
		`at ${facts.at}`,
		...(facts.key === undefined ? [] : [`key ${facts.key.text}`]),
		`previous ${facts.previous === undefined ? NONE : hashToBase64(facts.previous)}`,
	];
	return signNote(`${lines.join("\n")}\n`, signers);
}

/** Any log's checkpoint; undefined when it is none. Signatures are not looked at. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
	const note = parseNote(text);
	if (note === undefined) return undefined;
	const [origin, size, encodedRoot, ...extensions] = note.text.slice(0, -1).split("\n");
	const root = hashFromBase64(encodedRoot);
	if (origin === undefined || origin === "" || size === undefined || !SIZE.test(size) || root === undefined)
		return undefined;
	if (extensions.includes("") || !Number.isSafeInteger(Number(size))) return undefined;
	return { origin, size: Number(size), root, note, extensions };
}

/** One of this program's; undefined when it is not exactly of that form. */
export function parseChained(text: string): ChainedCheckpoint | undefined {
	const checkpoint = parseCheckpoint(text);
	if (checkpoint === undefined) return undefined;
	const rest = [...checkpoint.extensions];
	const at = AT.exec(rest.shift() ?? "")?.[1];
	const key = rest.length === 2 ? keyLine(rest.shift() ?? "") : undefined;
	const [previousLine, ...more] = rest;
	if (at === undefined || previousLine === undefined || more.length > 0) return undefined;
	if (checkpoint.extensions.length === 3 && key === undefined) return undefined;
	const named = previousLine.startsWith("previous ") ? previousLine.slice("previous ".length) : "";
	const previous = named === NONE ? undefined : hashFromBase64(named);
	if (previous === undefined && named !== NONE) return undefined;
	return { ...checkpoint, at, key, previous, hash: sha256(Buffer.from(text, "utf8")) };
}

function keyLine(line: string): VerifierKey | undefined {
	const text = line.startsWith("key ") ? line.slice("key ".length) : "";
	const key = parseVerifierKey(text);
	return key?.text === text ? key : undefined;
}
