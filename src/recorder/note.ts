/**
 * Signed notes and the keys that sign them: https://c2sp.org/signed-note, Ed25519 only.
 *
 * A note is a text, an empty line, and lines of signatures over the text: "— <name> <base64 of key id and signature>".
 * A verifier key is "<name>+<key id in hex>+<base64 of 0x01 and the public key>".
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

const ED25519 = 1;
const KEY_BYTES = 32;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410, section 4). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const NAME = /^[^\s+]+$/u;
const SIGNATURE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;
/** A note has one signature, or two when the key changes; witnesses may add theirs. */
const SIGNATURES = 32;

export interface VerifierKey {
	readonly name: string;
	readonly id: string;
	readonly key: KeyObject;
	/** As it is written. */
	readonly text: string;
}

export interface Signer {
	readonly verifier: VerifierKey;
	readonly key: KeyObject;
}

function keyId(name: string, publicKey: Buffer): string {
	return createHash("sha256")
		.update(`${name}\n`, "utf8")
		.update(Buffer.of(ED25519))
		.update(publicKey)
		.digest("hex")
		.slice(0, 2 * ID_BYTES);
}

/** The verifier key of a private or public Ed25519 key under a name. */
export function verifierKey(name: string, key: KeyObject): VerifierKey {
	const publicKey = key.type === "private" ? createPublicKey(key) : key;
	const bytes = publicKey.export({ type: "spki", format: "der" }).subarray(SPKI_HEAD.length);
	const id = keyId(name, bytes);
	const text = `${name}+${id}+${Buffer.concat([Buffer.of(ED25519), bytes]).toString("base64")}`;
	return { name, id, key: publicKey, text };
}

/** Undefined when the text is no verifier key, or its key id is not that of its key. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
	const [name = "", id, ...rest] = text.trim().split("+");
	/* Base64 has the separator among its characters. */
	const encoded = rest.join("+");
	const bytes = Buffer.from(encoded, "base64");
	if (!NAME.test(name) || bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519) return undefined;
	if (bytes.toString("base64") !== encoded) return undefined;
	const spki = Buffer.concat([SPKI_HEAD, bytes.subarray(1)]);
	const parsed = verifierKey(name, createPublicKey({ key: spki, format: "der", type: "spki" }));
	return parsed.id === id ? parsed : undefined;
}

export interface NoteSignature {
	readonly name: string;
	readonly id: string;
	readonly signature: Buffer;
}

export interface Note {
	/** With its last newline: what is signed. */
	readonly text: string;
	readonly signatures: readonly NoteSignature[];
	/** All of it, signatures included. */
	readonly signed: string;
}

/** The note of a text that ends with a newline. */
export function signNote(text: string, signers: readonly Signer[]): string {
	const lines = signers.map(({ verifier, key }) => {
		const signature = Buffer.concat([Buffer.from(verifier.id, "hex"), sign(null, Buffer.from(text, "utf8"), key)]);
		return `— ${verifier.name} ${signature.toString("base64")}\n`;
	});
	return `${text}\n${lines.join("")}`;
}

/** Undefined when it is not exactly a note. */
export function parseNote(note: string): Note | undefined {
	const end = note.lastIndexOf("\n\n");
	if (end <= 0 || !note.endsWith("\n")) return undefined;
	const lines = note.slice(end + 2, -1).split("\n");
	if (lines.length > SIGNATURES) return undefined;
	const signatures: NoteSignature[] = [];
	for (const line of lines) {
		const [, name, encoded] = SIGNATURE.exec(line) ?? [];
		if (name === undefined || encoded === undefined) return undefined;
		const bytes = Buffer.from(encoded, "base64");
		if (bytes.length <= ID_BYTES || bytes.toString("base64") !== encoded) return undefined;
		signatures.push({ name, id: bytes.toString("hex", 0, ID_BYTES), signature: bytes.subarray(ID_BYTES) });
	}
	return { text: note.slice(0, end + 1), signatures, signed: note };
}

/** Whether the key has signed the note. A wrong signature that names the key counts against it, whatever follows. */
export function isSignedBy(note: Note, verifier: VerifierKey): boolean {
	const own = note.signatures.filter(({ name, id }) => name === verifier.name && id === verifier.id);
	return (
		own.length > 0 &&
		own.every(
			({ signature }) =>
				signature.length === SIGNATURE_BYTES && verify(null, Buffer.from(note.text, "utf8"), verifier.key, signature),
		)
	);
}
