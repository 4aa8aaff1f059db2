/**
 * The auditor's key pair: X25519 (RFC 7748) in PEM (RFC 8410). The proxy holds the public half alone, so that it can seal
 * and never open; the private half opens what was sealed, wherever the auditor keeps it.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { newKeyPair, rawPublicKey } from "./hpke.js";

const KEY_ID_DIGITS = 16;

/** An auditor's key that cannot be used. The message is for the person, and names the file. */
export class AuditorKeyError extends Error {
	override readonly name = "AuditorKeyError";
	readonly code = "auditorKey";
}

/** What names a key pair: the beginning of its public half's SHA-256. */
export function keyId(key: KeyObject): string {
	return createHash("sha256").update(rawPublicKey(key)).digest("hex").slice(0, KEY_ID_DIGITS);
}

export interface MadeKey {
	readonly id: string;
	readonly privateFile: string;
	readonly publicFile: string;
}

/** Writes a new key pair to FILE (mode 0600) and FILE.pub. Nothing that is there is overwritten. */
export function makeAuditorKey(file: string): MadeKey {
	const publicFile = `${file}.pub`;
	for (const path of [file, publicFile]) {
		if (existsSync(path)) throw new AuditorKeyError(`${path} is there already, and a key is never overwritten`);
	}
	const pair = newKeyPair();
	write(file, pair.export({ format: "pem", type: "pkcs8" }) as string, 0o600);
	write(publicFile, createPublicKey(pair).export({ format: "pem", type: "spki" }) as string, 0o644);
	return { id: keyId(pair), privateFile: file, publicFile };
}

function write(path: string, text: string, mode: number): void {
	try {
		writeFileSync(path, text, { mode, flag: "wx", flush: true });
	} catch (error) {
		throw new AuditorKeyError(`${path} cannot be written: ${messageOf(error)}`);
	}
}

/** The public half, as `recording.auditorKey` names it. */
export function loadPublicKey(file: string): KeyObject {
	const pem = read(file);
	if (pem.includes("PRIVATE KEY")) {
		throw new AuditorKeyError(
			`${file} holds a private key; expected the public one (${file}.pub): the proxy must not be able to open what it seals`,
		);
	}
	return checked(file, "public", () => createPublicKey(pem));
}

/** The private half, as `--key` names it. */
export function loadPrivateKey(file: string): KeyObject {
	const pem = read(file);
	if (pem.includes("PUBLIC KEY")) {
		throw new AuditorKeyError(`${file} holds a public key; expected the auditor's private key`);
	}
	return checked(file, "private", () => createPrivateKey(pem));
}

function read(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		throw new AuditorKeyError(`the auditor's key cannot be read: ${messageOf(error)}`);
	}
}

function checked(file: string, half: string, load: () => KeyObject): KeyObject {
	const expected = `expected a PEM file with an X25519 ${half} key, as \`licet key auditor\` makes it`;
	let key: KeyObject;
	try {
		key = load();
	} catch {
		throw new AuditorKeyError(`${file} holds no key; ${expected}`);
	}
	if (key.asymmetricKeyType === "x25519") return key;
	throw new AuditorKeyError(`${file} holds a key of type ${key.asymmetricKeyType ?? "unknown"}; ${expected}`);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
