/**
 * Hybrid public key encryption (RFC 9180), base mode, one message a key: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
 * AES-GCM. With it a session's key is wrapped for the auditor, so that who wraps it cannot unwrap it again.
 *
 * Only what node:crypto does not bring is here: the labels and the schedule of the standard.
 */
import {
	createCipheriv,
	createDecipheriv,
	createHmac,
	createPrivateKey,
	createPublicKey,
	diffieHellman,
	generateKeyPairSync,
	type KeyObject,
} from "node:crypto";

const HASH = "sha256";
const HASH_BYTES = 32;
const PUBLIC_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const EMPTY = Buffer.alloc(0);
const VERSION = Buffer.from("HPKE-v1");

/** RFC 9180, 7.1 to 7.3: identifiers of the key encapsulation, the key derivation and the encryptions. */
const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const AEADS = {
	"aes-128-gcm": { id: 0x0001, keyBytes: 16 },
	"aes-256-gcm": { id: 0x0002, keyBytes: 32 },
} as const;
export type Aead = keyof typeof AEADS;

/** What a message was encrypted to (the ephemeral public key), and the message. */
export interface Wrapped {
	readonly encapsulated: Buffer;
	/** With the tag behind it. */
	readonly ciphertext: Buffer;
}

export interface Context {
	readonly info: Buffer;
	readonly additional: Buffer;
	/** By default AES-256-GCM. */
	readonly aead?: Aead;
}

function be16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeUInt16BE(value);
	return bytes;
}

const KEM_SUITE = Buffer.concat([Buffer.from("KEM"), be16(KEM_ID)]);

function suiteOf(aead: Aead): Buffer {
	return Buffer.concat([Buffer.from("HPKE"), be16(KEM_ID), be16(KDF_ID), be16(AEADS[aead].id)]);
}

/** RFC 5869, 2.2. */
function extract(salt: Buffer, input: Buffer): Buffer {
	return createHmac(HASH, salt.length === 0 ? Buffer.alloc(HASH_BYTES) : salt)
		.update(input)
		.digest();
}

/** RFC 5869, 2.3; never more than one block is asked for. */
function expand(key: Buffer, info: Buffer, bytes: number): Buffer {
	return createHmac(HASH, key)
		.update(info)
		.update(Buffer.from([1]))
		.digest()
		.subarray(0, bytes);
}

/** RFC 9180, 4: LabeledExtract and LabeledExpand. */
function labeledExtract(suite: Buffer, salt: Buffer, label: string, input: Buffer): Buffer {
	return extract(salt, Buffer.concat([VERSION, suite, Buffer.from(label), input]));
}

function labeledExpand(suite: Buffer, key: Buffer, label: string, info: Buffer, bytes: number): Buffer {
	return expand(key, Buffer.concat([be16(bytes), VERSION, suite, Buffer.from(label), info]), bytes);
}

/** A public key's 32 bytes. */
export function rawPublicKey(key: KeyObject): Buffer {
	const { x } = createPublicKey(key.type === "private" ? key : key.export({ format: "pem", type: "spki" })).export({
		format: "jwk",
	});
	return Buffer.from(x ?? "", "base64url");
}

function publicKeyOf(raw: Buffer): KeyObject {
	return createPublicKey({ key: { kty: "OKP", crv: "X25519", x: raw.toString("base64url") }, format: "jwk" });
}

/** A key pair of its 32 + 32 bytes. */
export function privateKeyOf(secret: Buffer, publicBytes: Buffer): KeyObject {
	const [d, x] = [secret.toString("base64url"), publicBytes.toString("base64url")];
	return createPrivateKey({ key: { kty: "OKP", crv: "X25519", d, x }, format: "jwk" });
}

/** RFC 9180, 4.1: the secret that both sides come to. Throws when the other key is of small order (RFC 7748, 6.1). */
function sharedSecret(own: KeyObject, other: KeyObject, encapsulated: Buffer, recipient: Buffer): Buffer {
	const exchanged = diffieHellman({ privateKey: own, publicKey: other });
	const extracted = labeledExtract(KEM_SUITE, EMPTY, "eae_prk", exchanged);
	return labeledExpand(KEM_SUITE, extracted, "shared_secret", Buffer.concat([encapsulated, recipient]), HASH_BYTES);
}

/** RFC 9180, 5.1, base mode: key and nonce of the one message. */
function schedule(secret: Buffer, info: Buffer, aead: Aead): { readonly key: Buffer; readonly nonce: Buffer } {
	const suite = suiteOf(aead);
	const context = Buffer.concat([
		Buffer.from([0]),
		labeledExtract(suite, EMPTY, "psk_id_hash", EMPTY),
		labeledExtract(suite, EMPTY, "info_hash", info),
	]);
	const extracted = labeledExtract(suite, secret, "secret", EMPTY);
	return {
		key: labeledExpand(suite, extracted, "key", context, AEADS[aead].keyBytes),
		nonce: labeledExpand(suite, extracted, "base_nonce", context, NONCE_BYTES),
	};
}

/** `ephemeral` is for tests alone: a key pair is used once. */
export function wrap(message: Buffer, recipient: KeyObject, context: Context, ephemeral = newKeyPair()): Wrapped {
	const { info, additional, aead = "aes-256-gcm" } = context;
	const encapsulated = rawPublicKey(ephemeral);
	const secret = sharedSecret(ephemeral, recipient, encapsulated, rawPublicKey(recipient));
	const { key, nonce } = schedule(secret, info, aead);
	const cipher = createCipheriv(aead, key, nonce, { authTagLength: TAG_BYTES }).setAAD(additional);
	const ciphertext = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
	return { encapsulated, ciphertext };
}

/** Undefined: it is not for this key, or not whole. */
export function unwrap(wrapped: Wrapped, recipient: KeyObject, context: Context): Buffer | undefined {
	const { info, additional, aead = "aes-256-gcm" } = context;
	const { encapsulated, ciphertext } = wrapped;
	if (encapsulated.length !== PUBLIC_BYTES || ciphertext.length < TAG_BYTES) return undefined;
	try {
		const secret = sharedSecret(recipient, publicKeyOf(encapsulated), encapsulated, rawPublicKey(recipient));
		const { key, nonce } = schedule(secret, info, aead);
		const end = ciphertext.length - TAG_BYTES;
		const decipher = createDecipheriv(aead, key, nonce, { authTagLength: TAG_BYTES })
			.setAAD(additional)
			.setAuthTag(ciphertext.subarray(end));
		return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
	} catch {
		return undefined;
	}
}

export function newKeyPair(): KeyObject {
	return generateKeyPairSync("x25519").privateKey;
}
