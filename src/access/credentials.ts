/**
 * Credentials of a grant: a login name and a password that are random, and what is kept of the password.
 *
 * Kept is a verifier a mechanism (RFC 5802 for SCRAM), as JSON, so that further engines' mechanisms can stand beside it.
 * The salt is derived from the login name: a name that does not exist, one that does and one whose grant has ended all
 * show the same salt for ever, and nobody learns from it which is which.
 */
import {
	formatVerifier,
	makeVerifier,
	mockVerifier,
	parseVerifier,
	type ScramVerifier,
} from "../protocols/postgres/scram.js";

export type { ScramVerifier };

/** Bytes from a cryptographic source. */
export type Random = (bytes: number) => Buffer;

/** 32 symbols, none mistaken for another, none that a URL, a shell or a double click would trip over. */
const SYMBOLS = "abcdefghijkmnpqrstuvwxyz23456789";
/** 5 bits a symbol: ids 60 bits, names 80 bits, passwords 140 bits. */
const ID_SYMBOLS = 12;
const NAME_SYMBOLS = 16;
const PASSWORD_SYMBOLS = 28;
const USERNAME = /^lic_[a-km-np-z2-9]{16}$/;
const MECHANISM = "SCRAM-SHA-256";

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
export function keepPassword(credentials: Credentials, secret: Buffer): string {
	const { salt } = mockVerifier(credentials.username, secret);
	return encode(makeVerifier(credentials.password, salt));
}

/** What stands in for it where there is none: no password fits. */
export function keepNothing(username: string, secret: Buffer): string {
	return encode(mockVerifier(username, secret));
}

function encode(verifier: ScramVerifier): string {
	return JSON.stringify({ [MECHANISM]: formatVerifier(verifier) });
}

/** Undefined when what was kept is damaged. */
export function scramVerifierOf(kept: string): ScramVerifier | undefined {
	const verifiers: unknown = JSON.parse(kept);
	if (typeof verifiers !== "object" || verifiers === null || !(MECHANISM in verifiers)) return undefined;
	const text = verifiers[MECHANISM];
	return typeof text === "string" ? parseVerifier(text) : undefined;
}
