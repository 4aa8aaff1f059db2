/**
 * The node's signing key: Ed25519, made at the first start, or a file that the configuration names. The public half is
 * kept beside it as a verifier key, for whoever checks the recording.
 *
 * Another key takes over with one checkpoint that both sign, so the old one has to be there that once.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { JournalError } from "./errors.js";
import { type Signer, type VerifierKey, verifierKey } from "./note.js";

const NODE_KEY = "node.key";
/** Made by `licet key rotate`; takes over at the next start. */
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
	/** The key that has signed so far, when another takes over. */
	readonly handingOver: Signer | undefined;
	/** Once the first checkpoint of the new key is on the disk: files take their lasting places. */
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
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const next = join(folder, NEXT_KEY);
	if (existsSync(next)) throw new JournalError("key", `${next} is there already; it takes over when serve starts`);
	writeKey(next);
}

/** `current`: the key that the log's last checkpoint is signed by; undefined before the first. */
export function openKeys(options: KeyOptions, current: VerifierKey | undefined): NodeKeys {
	const { folder, name, external, previous } = options;
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const [own, next] = [join(folder, NODE_KEY), join(folder, NEXT_KEY)];
	if (external === undefined && !existsSync(own)) {
		if (current !== undefined && previous === undefined) {
			throw new JournalError("key", `${own} is missing; expected the key ${current.id}, which signed the log so far`);
		}
		writeKey(own);
	}
	const isRotating = external === undefined && existsSync(next);
	const signer = readKey(external ?? (isRotating ? next : own), name);
	const settle = () => {
		if (isRotating) renameSync(next, own);
		writeFileSync(join(folder, PUBLIC_KEY), `${signer.verifier.text}\n`, { mode: 0o644, flush: true });
	};
	if (current === undefined || current.text === signer.verifier.text) return { signer, handingOver: undefined, settle };
	const candidates = [own, ...(previous === undefined ? [] : [previous])].filter((file) => existsSync(file));
	const handingOver = candidates
		.map((file) => readKey(file, name))
		.find(({ verifier }) => verifier.text === current.text);
	if (handingOver === undefined) {
		throw new JournalError(
			"key",
			`the log was signed with the key ${current.id} so far, and now ${signer.verifier.id} is to take over; expected the former one's file in recording.previousKey, as both must sign once`,
		);
	}
	return { signer, handingOver, settle };
}
