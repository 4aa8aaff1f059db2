/**
 * The node's signing key: Ed25519, made at the first start, or a file that the configuration names. The public half is
 * kept beside it as a verifier key, for whoever checks the recording.
 *
 * Another key takes over with one checkpoint that both sign, so the old one has to be there that once.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChainedCheckpoint } from "./checkpoint.js";
import { JournalError } from "./errors.js";
import { isSignedBy, type Signer, type VerifierKey, verifierKey } from "./note.js";

const NODE_KEY = "node.key";
/** Made by `licet key rotate`; takes over at once where `serve` runs, and otherwise at its start. */
const NEXT_KEY = "next.key";
export const PUBLIC_KEY = "node.pub";

export interface KeyOptions {
	/** data/keys; made when missing. */
	readonly folder: string;
	/** The name that it signs under: the log's origin. */
	readonly name: string;
	/** A PEM file (PKCS #8) of a key to be used in place of the node's own. */
	readonly external?: string | undefined;
	/** The same for the key that signed until now, when it is neither of the two. */
	readonly previous?: string | undefined;
}

export interface NodeKeys {
	readonly signer: Signer;
	/** No checkpoint tells of it yet. */
	readonly isNew: boolean;
	/** The key that has signed so far, when another takes over. */
	readonly handingOver: Signer | undefined;
	/** Once the first checkpoint of the new key is on the disk: files take their lasting places. Can be called again. */
	settle(): void;
}

function readKey(file: string, name: string): Signer {
	let key: KeyObject;
	try {
		key = createPrivateKey(readFileSync(file));
	} catch (error) {
		throw new JournalError(
			"key",
			`${file} cannot be read as a private key (PEM, PKCS #8): ${(error as Error).message}`,
		);
	}
	if (key.asymmetricKeyType !== "ed25519") {
		throw new JournalError("key", `${file} holds a key of type ${key.asymmetricKeyType}; expected ed25519`);
	}
	return { key, verifier: verifierKey(name, key) };
}

function writeKey(file: string): void {
	const { privateKey } = generateKeyPairSync("ed25519");
	const pem = privateKey.export({ type: "pkcs8", format: "pem" });
	writeFileSync(`${file}.tmp`, pem, { mode: 0o600, flush: true });
	chmodSync(`${file}.tmp`, 0o600);
	renameSync(`${file}.tmp`, file);
}

/** Makes the key that takes over at the next start. */
export function prepareRotation(folder: string): void {
	if (isPrepared(folder)) {
		throw new JournalError("key", `${join(folder, NEXT_KEY)} is there already; it takes over when serve starts`);
	}
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	writeKey(join(folder, NEXT_KEY));
}

/** Whether a key waits to take over. */
export function isPrepared(folder: string): boolean {
	return existsSync(join(folder, NEXT_KEY));
}

/** `last`: the log's last checkpoint; undefined before the first. */
export function openKeys(options: KeyOptions, last: ChainedCheckpoint | undefined): NodeKeys {
	const { folder, name, external, previous } = options;
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const [own, next] = [join(folder, NODE_KEY), join(folder, NEXT_KEY)];
	if (external === undefined && !existsSync(own)) {
		if (last !== undefined && previous === undefined) {
			throw new JournalError(
				"key",
				`${own} is missing; expected the key ${signersOf(last)}, which signed the log so far`,
			);
		}
		writeKey(own);
	}
	const isRotating = external === undefined && existsSync(next);
	const signer = readKey(external ?? (isRotating ? next : own), name);
	let isMoved = !isRotating;
	const settle = () => {
		if (!isMoved) renameSync(next, own);
		isMoved = true;
		writeFileSync(join(folder, PUBLIC_KEY), `${signer.verifier.text}\n`, { mode: 0o644, flush: true });
	};
	if (last === undefined) return { signer, isNew: true, handingOver: undefined, settle };
	if (hasSigned(last, signer)) return { signer, isNew: false, handingOver: undefined, settle };
	const former = [own, ...(previous === undefined ? [] : [previous])].filter((file) => existsSync(file));
	const signers = former.map((file) => readKey(file, name));
	const handingOver = signers.find((one) => hasSigned(last, one));
	if (handingOver !== undefined) return { signer, isNew: true, handingOver, settle };
	if ([signer, ...signers].some(({ verifier }) => isNamed(last, verifier))) throw notSigned();
	throw new JournalError(
		"key",
		`the log was signed with the key ${signersOf(last)} so far, and now ${signer.verifier.id} is to take over; expected the former one's file in recording.previousKey, as both must sign once`,
	);
}

/**
 * Whether a checkpoint is signed by a key as the one that signs from there on. So the checkpoint that introduced the key,
 * which may be years back, need not be looked for.
 */
function hasSigned({ note, key }: ChainedCheckpoint, { verifier }: Signer): boolean {
	return (key === undefined || key.text === verifier.text) && isSignedBy(note, verifier);
}

function isNamed({ note, key }: ChainedCheckpoint, verifier: VerifierKey): boolean {
	return key === undefined
		? note.signatures.some(({ name, id }) => name === verifier.name && id === verifier.id)
		: key.text === verifier.text;
}

function signersOf({ note, key }: ChainedCheckpoint): string {
	return key?.id ?? note.signatures.map(({ id }) => id).join(", ");
}

export function notSigned(): JournalError {
	return new JournalError(
		"corrupt",
		"the last checkpoint is not one that this log's key has signed: `licet verify` tells more",
	);
}
