/**
 * The channel binding data of a TLS server: a hash of its certificate, with the hash function of the certificate's own
 * signature. Node does not tell which that is, so a few fields are read from the DER here; whatever is not understood
 * gives no hash, and channel binding is then not offered.
 * Specification: RFC 5929 chapter 4.1 (tls-server-end-point), RFC 5280 chapter 4.1 (Certificate), X.690 (DER).
 */
import { createHash } from "node:crypto";

/** A DER element: its tag and the offsets of its content. */
interface Element {
	readonly tag: number;
	readonly start: number;
	readonly end: number;
}

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const CONTEXT_0 = 0xa0;

/** Hash functions by object identifier: of signature algorithms, and of the plain hashes that RSA-PSS names. */
const hashes: ReadonlyMap<string, string> = new Map([
	["1.2.840.113549.1.1.4", "md5"],
	["1.2.840.113549.1.1.5", "sha1"],
	["1.2.840.113549.1.1.14", "sha224"],
	["1.2.840.113549.1.1.11", "sha256"],
	["1.2.840.113549.1.1.12", "sha384"],
	["1.2.840.113549.1.1.13", "sha512"],
	["1.2.840.10040.4.3", "sha1"],
	["2.16.840.1.101.3.4.3.1", "sha224"],
	["2.16.840.1.101.3.4.3.2", "sha256"],
	["1.2.840.10045.4.1", "sha1"],
	["1.2.840.10045.4.3.1", "sha224"],
	["1.2.840.10045.4.3.2", "sha256"],
	["1.2.840.10045.4.3.3", "sha384"],
	["1.2.840.10045.4.3.4", "sha512"],
	["1.3.14.3.2.26", "sha1"],
	["2.16.840.1.101.3.4.2.4", "sha224"],
	["2.16.840.1.101.3.4.2.1", "sha256"],
	["2.16.840.1.101.3.4.2.2", "sha384"],
	["2.16.840.1.101.3.4.2.3", "sha512"],
]);

const RSA_PSS = "1.2.840.113549.1.1.10";

/**
 * The tls-server-end-point data of a certificate. Undefined when its signature has no single hash function (Ed25519), or
 * one that we do not know, or when the DER is not a certificate's.
 */
export function certificateHash(der: Buffer): Buffer | undefined {
	const name = signatureHash(der);
	if (name === undefined) return undefined;
	// RFC 5929: what is no longer safe is replaced by SHA-256.
	return createHash(name === "md5" || name === "sha1" ? "sha256" : name)
		.update(der)
		.digest();
}

function signatureHash(der: Buffer): string | undefined {
	const certificate = element(der, 0, der.length, SEQUENCE);
	if (certificate === undefined || certificate.end !== der.length) return undefined;
	const signed = element(der, certificate.start, certificate.end, SEQUENCE);
	const algorithm = signed && element(der, signed.end, certificate.end, SEQUENCE);
	const identifier = algorithm && element(der, algorithm.start, algorithm.end, OBJECT_IDENTIFIER);
	if (algorithm === undefined || identifier === undefined) return undefined;
	const name = objectIdentifier(der, identifier);
	return name === RSA_PSS ? pssHash(der, identifier.end, algorithm.end) : hashes.get(name);
}

/** RSASSA-PSS-params: the hash is the optional field [0], SHA-1 by default (RFC 4055 chapter 3.1). */
function pssHash(der: Buffer, start: number, end: number): string | undefined {
	const parameters = element(der, start, end, SEQUENCE);
	if (parameters === undefined) return undefined;
	if (parameters.start === parameters.end || der[parameters.start] !== CONTEXT_0) return "sha1";
	const field = element(der, parameters.start, parameters.end, CONTEXT_0);
	const algorithm = field && element(der, field.start, field.end, SEQUENCE);
	const identifier = algorithm && element(der, algorithm.start, algorithm.end, OBJECT_IDENTIFIER);
	return identifier && hashes.get(objectIdentifier(der, identifier));
}

/** The element at `at`, if it has that tag and lies wholly before `end`. */
function element(der: Buffer, at: number, end: number, tag: number): Element | undefined {
	if (at + 2 > end || der[at] !== tag) return undefined;
	const first = der[at + 1] ?? 0;
	if (first < 0x80) return at + 2 + first <= end ? { tag, start: at + 2, end: at + 2 + first } : undefined;
	const lengthBytes = first & 0x7f;
	const start = at + 2 + lengthBytes;
	// No length in bytes (indefinite form) is not DER; more than four bytes is no certificate.
	if (lengthBytes < 1 || lengthBytes > 4 || start > end) return undefined;
	const length = der.readUIntBE(at + 2, lengthBytes);
	return start + length <= end ? { tag, start, end: start + length } : undefined;
}

/** Dotted form; empty when it is cut short. */
function objectIdentifier(der: Buffer, { start, end }: Element): string {
	const arcs: number[] = [];
	let arc = 0;
	for (let at = start; at < end; at++) {
		const byte = der[at] ?? 0;
		arc = arc * 128 + (byte & 0x7f);
		if (byte & 0x80) continue;
		if (arcs.length > 0) arcs.push(arc);
		else {
			const root = Math.min(Math.floor(arc / 40), 2);
			arcs.push(root, arc - root * 40);
		}
		arc = 0;
	}
	return ((der[end - 1] ?? 0x80) & 0x80) === 0 ? arcs.join(".") : "";
}
