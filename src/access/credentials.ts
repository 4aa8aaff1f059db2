/**
 * Credentials of a grant: a login name and a password that are random, and what is kept of the password.
 *
 * Kept is a verifier a mechanism, as JSON: RFC 5802's for SCRAM, and for MySQL's two mechanisms the twice hashed password
 * that their challenges are checked against. Those mechanisms salt nothing, so what is kept of them is sealed (AES-256-GCM,
 * a random nonce each) under the store's secret for logins; passwords of 140 random bits leave nothing to guess besides.
 * The salt is derived from the login name: a name that does not exist, one that does and one whose grant has ended all
 * show the same salt for ever, and nobody learns from it which is which.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from "node:crypto";
import type { PasswordVerifier } from "../protocols/engine.js";
import { formatVerifier, makeVerifier, mockVerifier, parseVerifier } from "../protocols/postgres/scram.js";

/** Bytes from a cryptographic source. */
export type Random = (bytes: number) => Buffer;

/** 32 symbols, none mistaken for another, none that a URL, a shell or a double click would trip over. */
const SYMBOLS = "abcdefghijkmnpqrstuvwxyz23456789";
/** 5 bits a symbol: ids 60 bits, names 80 bits, passwords 140 bits. */
const ID_SYMBOLS = 12;
const NAME_SYMBOLS = 16;
const PASSWORD_SYMBOLS = 28;
const USERNAME = /^lic_[a-km-np-z2-9]{16}$/;
const SCRAM = "SCRAM-SHA-256";
const MYSQL = "mysql";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SHA1_BYTES = 20;
const SHA256_BYTES = 32;

function symbols(count: number, random: Random): string {
	let text = "";
	for (const byte of random(count)) text += SYMBOLS[byte & 31];
	return text;
}

export interface Credentials {
	readonly username: string;
	readonly password: string;
}

export function makeGrantId(random: Random): string {
	return `g_${symbols(ID_SYMBOLS, random)}`;
}

export function makeCredentials(random: Random): Credentials {
	return { username: `lic_${symbols(NAME_SYMBOLS, random)}`, password: symbols(PASSWORD_SYMBOLS, random) };
}

/** Whether it can be a login name of ours at all; what it looks like is no secret. */
export function isUsername(text: string): boolean {
	return USERNAME.test(text);
}

/** What is kept of a password. `secret` is the store's for logins. */
export function keepPassword(credentials: Credentials, secret: Buffer, random: Random): string {
	const { salt } = mockVerifier(credentials.username, secret);
	const twice = Buffer.concat([
		hashed("sha1", hashed("sha1", credentials.password)),
		hashed("sha256", hashed("sha256", credentials.password)),
	]);
	return JSON.stringify({
		[SCRAM]: formatVerifier(makeVerifier(credentials.password, salt)),
		[MYSQL]: seal(twice, credentials.username, secret, random(NONCE_BYTES)),
	});
}

/** What stands in for it where there is none: no password fits. */
export function nothingKept(username: string, secret: Buffer): PasswordVerifier {
	const mock = createHmac("sha512", secret).update(`mysql ${username}`).digest();
	return {
		scramSha256: mockVerifier(username, secret),
		sha1Twice: mock.subarray(0, SHA1_BYTES),
		sha256Twice: mock.subarray(0, SHA256_BYTES),
	};
}

/** Undefined when what was kept is damaged. */
export function verifierOf(kept: string, username: string, secret: Buffer): PasswordVerifier | undefined {
	const verifiers: unknown = JSON.parse(kept);
	if (typeof verifiers !== "object" || verifiers === null || !(SCRAM in verifiers)) return undefined;
	const text = verifiers[SCRAM];
	const scramSha256 = typeof text === "string" ? parseVerifier(text) : undefined;
	if (scramSha256 === undefined) return undefined;
	// Grants from before MySQL was served have no such verifier: no password of theirs fits there.
	if (!(MYSQL in verifiers)) return { ...nothingKept(username, secret), scramSha256 };
	const sealed = verifiers[MYSQL];
	const twice = typeof sealed === "string" ? unseal(sealed, username, secret) : undefined;
	if (twice?.length !== SHA1_BYTES + SHA256_BYTES) return undefined;
	return { scramSha256, sha1Twice: twice.subarray(0, SHA1_BYTES), sha256Twice: twice.subarray(SHA1_BYTES) };
}

function hashed(algorithm: "sha1" | "sha256", data: string | Buffer): Buffer {
	return createHash(algorithm).update(data).digest();
}

function sealingKey(secret: Buffer): Buffer {
	return Buffer.from(hkdfSync("sha256", secret, "", "licet mysql verifiers", 32));
}

/** The login name is authenticated with it: a verifier cannot be moved to another grant. */
function seal(data: Buffer, username: string, secret: Buffer, nonce: Buffer): string {
	const cipher = createCipheriv("aes-256-gcm", sealingKey(secret), nonce).setAAD(Buffer.from(username));
	return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]).toString("base64");
}

function unseal(text: string, username: string, secret: Buffer): Buffer | undefined {
	const sealed = Buffer.from(text, "base64");
	if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
	const decipher = createDecipheriv("aes-256-gcm", sealingKey(secret), sealed.subarray(0, NONCE_BYTES));
	decipher.setAAD(Buffer.from(username)).setAuthTag(sealed.subarray(-TAG_BYTES));
	try {
		return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
	} catch {
		return undefined;
	}
}
