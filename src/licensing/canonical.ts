/**
 * Canonical JSON (RFC 8785) and the digest over it: the same document, however it is laid out and whether it is written
 * in YAML or JSON, has the same digest. Invoices, recordings and signatures name a license by it.
 */
import { createHash } from "node:crypto";
import type { Plain } from "../config/yaml.js";

/** Throws on a lone surrogate, which has no UTF-8 form (RFC 8785, 3.2.2.2). */
export function canonicalJson(value: Plain): string {
	if (value === null || typeof value === "boolean") return String(value);
	// ECMAScript's own number and string forms are the ones that RFC 8785 prescribes.
	if (typeof value === "number") return JSON.stringify(value);
	if (typeof value === "string") return canonicalString(value);
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
	const mapping = value as { readonly [key: string]: Plain };
	// The default sort compares UTF-16 code units, as RFC 8785, 3.2.3 wants.
	const members = Object.keys(mapping)
		.sort()
		.map((key) => `${canonicalString(key)}:${canonicalJson(mapping[key] ?? null)}`);
	return `{${members.join(",")}}`;
}

function canonicalString(text: string): string {
	if (hasLoneSurrogate(text)) throw new TypeError("a lone surrogate has no canonical form");
	return JSON.stringify(text);
}

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

export function hasLoneSurrogate(text: string): boolean {
	return LONE_SURROGATE.test(text);
}

/** "sha256:<hex>". */
export function digestOf(value: Plain): string {
	return `sha256:${createHash("sha256").update(canonicalJson(value), "utf8").digest("hex")}`;
}
