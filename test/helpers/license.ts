/** License documents of the tests, written as JSON, which YAML contains. */
import type { Json } from "./licet.js";

/** A license for alice on every test target. Terms given here come in addition or instead. */
export function license(id: string, terms: Readonly<Record<string, Json>>): string {
	const document = {
		apiVersion: "licet/v1",
		kind: "License",
		metadata: { id, licensee: "tests", version: 1 },
		subjects: [{ user: "alice" }],
		targets: [{ environment: "test" }],
		access: { approvals: 0, maxDuration: "1d" },
		...terms,
	};
	return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Documents by file name, as the helper of a Licet takes them. */
export function licenses(documents: Readonly<Record<string, Readonly<Record<string, Json>>>>): Record<string, string> {
	return Object.fromEntries(Object.entries(documents).map(([id, terms]) => [id, license(id, terms)]));
}

/** A cap on a statement. Written as text: an object with a `then` of its own looks like a promise. */
export function cap(max: number | string, consequence: "error" | "truncate"): Json {
	return JSON.parse(`{ "max": ${JSON.stringify(max)}, "then": "${consequence}" }`) as Json;
}
