/**
 * Subjects by name: how a person writes them on a command line, and how the recording and the lists show them.
 */
import type { Subject } from "../licensing/license.js";
import { AccessError } from "./errors.js";

export type { Subject };

/**
 * Letters, digits and what stands in mail addresses and paths; no colon, which separates the kind, and nothing that a
 * terminal or a list could misread.
 */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}._@/+-]{0,127}$/u;
const EXPECTED = "expected letters, digits and . _ @ / + -, at most 128";

function checkName(what: string, name: string): string {
	if (!NAME.test(name)) throw new AccessError("invalid", `the ${what} is not a name; ${EXPECTED}`);
	return name;
}

/** "alice", "user:alice" or "service:nightly-etl". Throws AccessError. */
export function parseSubject(text: string, groups: readonly string[] = []): Subject {
	const colon = text.indexOf(":");
	const kind = colon === -1 ? "user" : text.slice(0, colon);
	if (kind !== "user" && kind !== "service") {
		throw new AccessError("invalid", "the subject is of an unknown kind; expected NAME, user:NAME or service:NAME");
	}
	const name = checkName("subject", text.slice(colon + 1));
	return { kind, name, groups: [...new Set(groups.map((group) => checkName("group", group)))] };
}

/** "alice" or "service:nightly-etl". */
export function formatSubject(subject: Subject): string {
	return subject.kind === "user" ? subject.name : `${subject.kind}:${subject.name}`;
}
