/**
 * Secrets for upstreams: read when they are needed and not kept, so that a rotated password is used at the next
 * connection. No message holds what was found, only where it was looked for.
 */
import { open } from "node:fs/promises";
import type { Secret } from "../config/document.js";
import { AccessError } from "./errors.js";

/** A secret's file. 64 KiB: far beyond any password or token, and no accident (a log, a device) fills the memory. */
const SECRET_BYTES = 64 << 10;

export async function resolveSecret(
	secret: Secret,
	env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
	switch (secret.kind) {
		case "value":
			return secret.value;
		case "env": {
			const value = env[secret.name];
			if (value === undefined || value === "") {
				throw new AccessError(
					"unknown",
					`the environment variable ${secret.name}, which is to hold a secret, is not set`,
				);
			}
			return value;
		}
		case "file":
			return readSecretFile(secret.path);
		default:
			secret satisfies never;
			throw new AccessError("invalid", "a secret is of a kind that this version does not know");
	}
}

async function readSecretFile(path: string): Promise<string> {
	const text = await readBounded(path).catch((error: unknown) => {
		const code = error instanceof Error && "code" in error ? String(error.code) : "it cannot be read";
		throw new AccessError("unknown", `the file ${path}, which is to hold a secret, could not be read (${code})`);
	});
	if (text === undefined) throw new AccessError("invalid", `the file ${path} is too long for a secret (64 KiB)`);
	/* Editors and `echo` end a file with a newline that nobody means. */
	const secret = text.replace(/\r?\n$/, "");
	if (secret === "") throw new AccessError("unknown", `the file ${path}, which is to hold a secret, is empty`);
	return secret;
}

async function readBounded(path: string): Promise<string | undefined> {
	const file = await open(path, "r");
	try {
		const buffer = Buffer.alloc(SECRET_BYTES + 1);
		let used = 0;
		while (used < buffer.length) {
			const { bytesRead } = await file.read(buffer, used, buffer.length - used);
			if (bytesRead === 0) return buffer.toString("utf8", 0, used);
			used += bytesRead;
		}
		return undefined;
	} finally {
		await file.close();
	}
}
