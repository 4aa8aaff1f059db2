/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both roles, as machines: messages in, messages out. Nonces are passed in.
 *
 * The server role tells nobody whether a user exists: it runs the same steps on a mock verifier and fails at the end.
 * Message bytes are handled as latin1 strings, so that what is signed is byte for byte what was on the wire.
 * Specification: RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 5929 (channel binding); PostgreSQL documentation, chapter
 * "SASL Authentication".
 */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { saslprep } from "@mongodb-js/saslprep";
import { SCRAM_ITERATIONS_MAX } from "./bounds.js";

export { certificateHash } from "./certificate.js";

export const SCRAM = "SCRAM-SHA-256";
export const SCRAM_PLUS = "SCRAM-SHA-256-PLUS";

/** Rounds for verifiers that we make: the server's own default. Our passwords are random, so more would buy nothing. */
const defaultIterations = 4096;
const keyBytes = 32;

/** What a password is kept as: enough to check it, not enough to log in elsewhere. */
export interface ScramVerifier {
	readonly iterations: number;
	readonly salt: Buffer;
	readonly storedKey: Buffer;
	readonly serverKey: Buffer;
}

export type ScramStep =
	| { readonly kind: "message"; readonly message: Buffer }
	| { readonly kind: "failed"; readonly reason: string };

function failed(reason: string): ScramStep {
	return { kind: "failed", reason };
}

function message(text: string): ScramStep {
	return { kind: "message", message: Buffer.from(text, "latin1") };
}

function hmac(key: Buffer, data: string): Buffer {
	return createHmac("sha256", key).update(data, "latin1").digest();
}

function sha256(data: Buffer): Buffer {
	return createHash("sha256").update(data).digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
	return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

/** Strict base64: what does not encode back to the same text is refused. */
function base64(text: string | undefined): Buffer | undefined {
	if (text === undefined) return undefined;
	const bytes = Buffer.from(text, "base64");
	return bytes.toString("base64") === text ? bytes : undefined;
}

/** The value of attribute `name` in `part` ("r=…"). */
function attribute(part: string | undefined, name: string): string | undefined {
	return part?.startsWith(`${name}=`) ? part.slice(2) : undefined;
}

/** RFC 5802's `printable`, which nonces are made of. */
function isNonce(text: string | undefined): text is string {
	return text !== undefined && /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

/** SASLprep, or the password as it is where that fails: the server and libpq do the same, so both sides agree. */
function preparePassword(password: string): string {
	// Printable or not, ASCII is left alone.
	if (/^[^\u0080-\uffff]*$/.test(password)) return password;
	try {
		return saslprep(password) || password;
	} catch {
		return password;
	}
}

function saltPassword(password: string, salt: Buffer, iterations: number): Buffer {
	return pbkdf2Sync(preparePassword(password), salt, iterations, keyBytes, "sha256");
}

export function makeVerifier(password: string, salt: Buffer, iterations: number = defaultIterations): ScramVerifier {
	const salted = saltPassword(password, salt, iterations);
	const storedKey = sha256(hmac(salted, "Client Key"));
	return { iterations, salt, storedKey, serverKey: hmac(salted, "Server Key") };
}

/**
 * A verifier that no password fits, for a user who does not exist. The same user and secret give the same salt every
 * time, as a real user's would be; `secret` is random and stays for as long as verifiers do.
 */
export function mockVerifier(username: string, secret: Buffer, iterations: number = defaultIterations): ScramVerifier {
	const derive = (use: string) => createHmac("sha256", secret).update(`${use}\0${username}`, "utf8").digest();
	const salt = derive("salt").subarray(0, 16);
	return { iterations, salt, storedKey: derive("stored key"), serverKey: derive("server key") };
}

/** The text form that PostgreSQL keeps in pg_authid. */
export function formatVerifier(verifier: ScramVerifier): string {
	const [salt, stored, server] = [verifier.salt, verifier.storedKey, verifier.serverKey].map((bytes) =>
		bytes.toString("base64"),
	);
	return `${SCRAM}$${verifier.iterations}:${salt}$${stored}:${server}`;
}

export function parseVerifier(text: string): ScramVerifier | undefined {
	const found = /^SCRAM-SHA-256\$([1-9][0-9]{0,8}):([^$:]+)\$([^$:]+):([^$:]+)$/.exec(text);
	const [salt, storedKey, serverKey] = [found?.[2], found?.[3], found?.[4]].map(base64);
	if (salt === undefined || storedKey?.length !== keyBytes || serverKey?.length !== keyBytes) return undefined;
	return { iterations: Number(found?.[1]), salt, storedKey, serverKey };
}

export interface ScramServerOptions {
	readonly verifier: ScramVerifier;
	/** Our part of the nonce: printable ASCII without commas, at least 18 random bytes in base64. */
	readonly nonce: string;
	/** tls-server-end-point data of our certificate. With it, PLUS is offered. */
	readonly channelBinding?: Buffer | undefined;
}

/** The server role: `first` takes the client's first message, `final` its second. */
export class ScramServer {
	private readonly verifier: ScramVerifier;
	private readonly channelBinding: Buffer | undefined;
	private readonly ownNonce: string;
	/** What `final` checks against; set by `first`. */
	private exchange: { nonce: string; binding: string; signed: string } | undefined;

	constructor({ verifier, nonce, channelBinding }: ScramServerOptions) {
		if (!isNonce(nonce)) throw new RangeError("a nonce is printable ASCII without commas");
		this.verifier = verifier;
		this.channelBinding = channelBinding;
		this.ownNonce = nonce;
	}

	/** The mechanisms to offer, the stronger first. */
	get mechanisms(): readonly string[] {
		return this.channelBinding === undefined ? [SCRAM] : [SCRAM_PLUS, SCRAM];
	}

	first(mechanism: string, clientFirst: Buffer): ScramStep {
		if (!this.mechanisms.includes(mechanism)) return failed("the client chose a mechanism that was not offered");
		const [flag = "", identity = "", ...bare] = clientFirst.toString("latin1").split(",");
		const wrongFlag = this.checkFlag(flag, mechanism === SCRAM_PLUS);
		if (wrongFlag !== undefined) return failed(wrongFlag);
		if (identity !== "") return failed("the client asks for an authorization identity");
		const clientNonce = attribute(bare[1], "r");
		if (attribute(bare[0], "n") === undefined || !isNonce(clientNonce)) return failed("malformed SCRAM message");
		const nonce = clientNonce + this.ownNonce;
		const { salt, iterations } = this.verifier;
		const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`;
		const data = mechanism === SCRAM_PLUS ? this.channelBinding : undefined;
		const binding = Buffer.concat([Buffer.from(`${flag},,`, "latin1"), data ?? Buffer.alloc(0)]);
		this.exchange = { nonce, binding: binding.toString("base64"), signed: `${bare.join(",")},${serverFirst}` };
		return message(serverFirst);
	}

	/** The channel binding flag of the GS2 header must fit what was offered, or someone between us changed the offer. */
	private checkFlag(flag: string, plus: boolean): string | undefined {
		if (plus) return flag === "p=tls-server-end-point" ? undefined : "the client's channel binding does not fit";
		if (flag === "n") return undefined;
		if (flag !== "y") return "malformed SCRAM message";
		return this.channelBinding === undefined
			? undefined
			: "the client supports channel binding but believes that the server does not";
	}

	final(clientFinal: Buffer): ScramStep {
		const exchange = this.exchange;
		this.exchange = undefined;
		if (exchange === undefined) return failed("SCRAM message out of order");
		const text = clientFinal.toString("latin1");
		const proofAt = text.lastIndexOf(",p=");
		const proof = base64(text.slice(proofAt + 3));
		const [binding, nonce] = text.slice(0, Math.max(proofAt, 0)).split(",");
		if (proof?.length !== keyBytes) return failed("malformed SCRAM message");
		if (attribute(binding, "c") !== exchange.binding) return failed("the client's channel binding does not fit");
		if (attribute(nonce, "r") !== exchange.nonce) return failed("the client's nonce does not fit");
		const signed = `${exchange.signed},${text.slice(0, proofAt)}`;
		const clientKey = xor(proof, hmac(this.verifier.storedKey, signed));
		if (!timingSafeEqual(sha256(clientKey), this.verifier.storedKey)) return failed("wrong password");
		return message(`v=${hmac(this.verifier.serverKey, signed).toString("base64")}`);
	}
}

export interface ScramClientOptions {
	readonly password: string;
	/** Printable ASCII without commas. */
	readonly nonce: string;
	/** tls-server-end-point data of the server's certificate, where there is TLS and it has one. */
	readonly channelBinding?: Buffer | undefined;
	/** Mechanisms that the server offers. */
	readonly offered: readonly string[];
}

/** The client role: `first` opens, `respond` answers the server's first message, `verify` checks its last. */
export class ScramClient {
	/** Undefined when none of the offered mechanisms can be used. */
	readonly mechanism: string | undefined;
	private readonly password: string;
	private readonly bare: string;
	private readonly nonce: string;
	private readonly header: string;
	private readonly channelBinding: Buffer;
	private serverSignature: Buffer | undefined;

	constructor({ password, nonce, channelBinding, offered }: ScramClientOptions) {
		if (!isNonce(nonce)) throw new RangeError("a nonce is printable ASCII without commas");
		const plus = channelBinding !== undefined && offered.includes(SCRAM_PLUS);
		if (plus) this.mechanism = SCRAM_PLUS;
		else this.mechanism = offered.includes(SCRAM) ? SCRAM : undefined;
		this.password = password;
		this.nonce = nonce;
		// The server takes the name from the startup message and ignores this one, so libpq leaves it empty, and so do we.
		this.bare = `n=,r=${nonce}`;
		if (plus) this.header = "p=tls-server-end-point,,";
		else this.header = channelBinding === undefined ? "n,," : "y,,";
		this.channelBinding = plus ? channelBinding : Buffer.alloc(0);
	}

	first(): Buffer {
		return Buffer.from(this.header + this.bare, "latin1");
	}

	respond(serverFirst: Buffer): ScramStep {
		const text = serverFirst.toString("latin1");
		const parts = text.split(",");
		const nonce = attribute(parts[0], "r");
		const salt = base64(attribute(parts[1], "s"));
		const count = attribute(parts[2], "i");
		if (!isNonce(nonce) || salt === undefined || salt.length === 0 || !/^[1-9][0-9]{0,9}$/.test(count ?? "")) {
			return failed("malformed SCRAM message");
		}
		// A server that adds nothing of its own could replay an old exchange.
		if (!nonce.startsWith(this.nonce) || nonce.length === this.nonce.length)
			return failed("the server's nonce does not fit");
		const iterations = Number(count);
		if (iterations > SCRAM_ITERATIONS_MAX) return failed("the server asks for too many SCRAM iterations");
		const salted = saltPassword(this.password, salt, iterations);
		const clientKey = hmac(salted, "Client Key");
		const binding = Buffer.concat([Buffer.from(this.header, "latin1"), this.channelBinding]).toString("base64");
		const withoutProof = `c=${binding},r=${nonce}`;
		const signed = `${this.bare},${text},${withoutProof}`;
		const proof = xor(clientKey, hmac(sha256(clientKey), signed)).toString("base64");
		this.serverSignature = hmac(hmac(salted, "Server Key"), signed);
		return message(`${withoutProof},p=${proof}`);
	}

	/** Undefined when the server has shown that it knows the password too; else why not. */
	verify(serverFinal: Buffer): string | undefined {
		const expected = this.serverSignature;
		this.serverSignature = undefined;
		const [part] = serverFinal.toString("latin1").split(",");
		const error = attribute(part, "e");
		if (error !== undefined) return `the server refuses: ${error}`;
		const signature = base64(attribute(part, "v"));
		if (expected === undefined || signature?.length !== keyBytes) return "malformed SCRAM message";
		return timingSafeEqual(signature, expected) ? undefined : "the server's signature is wrong";
	}
}
