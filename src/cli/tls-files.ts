/**
 * The TLS files that licet.yaml names, looked into at the start: what is said of them later names no file, and authorities
 * that cannot be read are passed over without a word.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Config } from "../config/document.js";
import { reasonOf } from "../config/file.js";
import { CommandFailure } from "./failure.js";

/** Throws CommandFailure. */
export function checkTlsFiles({ tls, targets }: Pick<Config, "tls" | "targets">): void {
	if (tls !== undefined) {
		const certificate = parsed("tls.certificate", tls.certificate, "a certificate", (pem) => new X509Certificate(pem));
		const key = parsed("tls.key", tls.key, "a private key without a passphrase", (pem) => createPrivateKey(pem));
		if (!certificate.checkPrivateKey(key))
			throw new CommandFailure(`tls.key: ${tls.key} is the key of another certificate than ${tls.certificate}`, 1);
		if (tls.clientCa !== undefined) authority("tls.clientCa", tls.clientCa);
	}
	for (const { name, ca } of targets.values()) {
		if (ca !== undefined) authority(`targets.${name}.ca`, ca);
	}
}

function authority(key: string, file: string): void {
	parsed(key, file, "an authority's certificate", (pem) => new X509Certificate(pem));
}

function parsed<T>(key: string, file: string, what: string, parse: (pem: Buffer) => T): T {
	let pem: Buffer;
	try {
		pem = readFileSync(file);
	} catch (error) {
		throw new CommandFailure(`${key}: ${file} cannot be read: ${reasonOf(error)}`, 1);
	}
	try {
		return parse(pem);
	} catch {
		throw new CommandFailure(`${key}: ${file} cannot be used; expected a PEM file with ${what}`, 1);
	}
}
