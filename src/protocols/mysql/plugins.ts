/**
 * The proofs of a password, of either side: `mysql_native_password` (SHA-1) and `caching_sha2_password` (SHA-256) answer
 * a challenge; where that is not enough the password itself follows, inside TLS or under the server's RSA key.
 * Specification: MySQL Internals, "Authentication Methods"; MySQL Source Code Documentation, "Caching_sha2_password information".
 */
import {
	constants,
	createHash,
	createPublicKey,
	generateKeyPairSync,
	type KeyObject,
	privateDecrypt,
	publicEncrypt,
	timingSafeEqual,
} from "node:crypto";
import type { PasswordVerifier } from "../engine.js";
import { makeVerifier } from "../postgres/scram.js";
import { PASSWORD_BYTES, PUBLIC_KEY_BYTES } from "./bounds.js";

export const NATIVE = "mysql_native_password";
export const CACHING = "caching_sha2_password";
export const SHA256 = "sha256_password";
export const CLEAR = "mysql_clear_password";
export const ED25519 = "client_ed25519";

/** What is said during caching_sha2_password, after a 0x01 of the server's or alone. */
export const CACHING_STEP = { requestKey: 2, fastOk: 3, full: 4 } as const;
/** By which sha256_password asks for the public key. */
export const SHA256_REQUEST_KEY = 1;

const NOTHING = Buffer.alloc(0);

function sha(algorithm: "sha1" | "sha256", ...parts: readonly (Buffer | string)[]): Buffer {
	const hash = createHash(algorithm);
	for (const part of parts) hash.update(part);
	return hash.digest();
}

/** `a` under a mask that repeats. */
function xor(a: Buffer, mask: Buffer): Buffer {
	const result = Buffer.from(a);
	for (let at = 0; at < result.length; at++) result[at] = (a[at] as number) ^ (mask[at % mask.length] as number);
	return result;
}

/** SHA1(p) xor SHA1(scramble, SHA1(SHA1(p))); nothing for no password. */
export function nativeProof(password: string, scramble: Buffer): Buffer {
	if (password === "") return NOTHING;
	const once = sha("sha1", password);
	return xor(once, sha("sha1", scramble, sha("sha1", once)));
}

/** SHA256(p) xor SHA256(SHA256(SHA256(p)), scramble); nothing for no password. */
export function cachingProof(password: string, scramble: Buffer): Buffer {
	if (password === "") return NOTHING;
	const once = sha("sha256", password);
	return xor(once, sha("sha256", sha("sha256", once), scramble));
}

export function checksNative(proof: Buffer, scramble: Buffer, twice: Buffer): boolean {
	if (proof.length !== twice.length) return false;
	return timingSafeEqual(sha("sha1", xor(proof, sha("sha1", scramble, twice))), twice);
}

export function checksCaching(proof: Buffer, scramble: Buffer, twice: Buffer): boolean {
	if (proof.length !== twice.length) return false;
	return timingSafeEqual(sha("sha256", xor(proof, sha("sha256", twice, scramble))), twice);
}

/** The password itself: by what is kept for this protocol or, for grants from before it was served, by SCRAM's. */
export function checksPassword(password: Buffer, verifier: PasswordVerifier): boolean {
	if (password.length === 0 || password.length > PASSWORD_BYTES) return false;
	if (timingSafeEqual(sha("sha256", sha("sha256", password)), verifier.sha256Twice)) return true;
	const { salt, iterations, storedKey } = verifier.scramSha256;
	try {
		return timingSafeEqual(makeVerifier(password.toString("utf8"), salt, iterations).storedKey, storedKey);
	} catch {
		// Not a text that SCRAM prepares: no password of ours is such.
		return false;
	}
}

// ---- the password under RSA

let keys: { readonly publicPem: Buffer; readonly privateKey: KeyObject } | undefined;

/**
 * The process's key pair, made when the first client asks: it takes a tenth of a second, and most never ask. Nobody can
 * tell whose key it is (as with a server's own); it keeps out those who only listen.
 */
function keyPair(): { readonly publicPem: Buffer; readonly privateKey: KeyObject } {
	if (keys === undefined) {
		const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
		keys = { publicPem: Buffer.from(publicKey.export({ type: "spki", format: "pem" })), privateKey };
	}
	return keys;
}

export function publicKeyPem(): Buffer {
	return keyPair().publicPem;
}

/** The NUL that ends it is part of what is hidden. Undefined: it is not under our key. */
export function decryptedPassword(encrypted: Buffer, scramble: Buffer): Buffer | undefined {
	try {
		const padding = constants.RSA_PKCS1_OAEP_PADDING;
		return withoutNul(xor(privateDecrypt({ key: keyPair().privateKey, padding }, encrypted), scramble));
	} catch {
		return undefined;
	}
}

/** A password as it goes in clear: ended by a NUL. Undefined: it is not. */
export function withoutNul(bytes: Buffer): Buffer | undefined {
	return bytes.length > 0 && bytes.at(-1) === 0 ? bytes.subarray(0, -1) : undefined;
}

export function clearPassword(password: string): Buffer {
	return Buffer.concat([Buffer.from(password, "utf8"), Buffer.alloc(1)]);
}

/** Undefined: the server's key is none, or too small for the password. */
export function encryptedPassword(password: string, scramble: Buffer, pem: Buffer): Buffer | undefined {
	if (pem.length > PUBLIC_KEY_BYTES) return undefined;
	try {
		const key = createPublicKey(pem);
		if (key.asymmetricKeyType !== "rsa") return undefined;
		return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, xor(clearPassword(password), scramble));
	} catch {
		return undefined;
	}
}
