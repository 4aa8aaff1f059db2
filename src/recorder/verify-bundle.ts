/**
 * Verification of a bundle, anywhere, with nothing but the bundle and a public key: the checkpoint is signed, each entry
 * is in its tree, and together the entries are the whole session.
 */
import { BUNDLE_FORMAT, type BundleHeader } from "./bundle.js";
import { type ChainedCheckpoint, type Checkpoint, parseChained } from "./checkpoint.js";
import type { LoggedEntry } from "./entry.js";
import { type Finding, finding } from "./finding.js";
import { isSignedBy, type VerifierKey } from "./note.js";
import { joinParts } from "./parts.js";
import { isConsistent, rootFromInclusion } from "./proofs.js";
import { parseLine } from "./segments.js";
import { type Hash, hashFromBase64, leafHash } from "./tree.js";

export interface BundleReport {
	readonly ok: boolean;
	readonly session: string | null;
	readonly origin: string | null;
	readonly at: string | null;
	readonly entries: number;
	readonly statements: number;
	/** Whether the session had ended when the checkpoint was made. */
	readonly ended: boolean;
	readonly licenseDigest: string | null;
	/** Whether the license document is in the bundle and has that digest. */
	readonly license: boolean;
	/** How many entries the checkpoint kept elsewhere covers, when the log is proven to extend it. */
	readonly extends: number | null;
	readonly findings: readonly Finding[];
}

export interface BundleOptions {
	/** A key that must have signed, or have handed over to the one that did. */
	readonly key: VerifierKey;
	/** The digest of a license document. */
	readonly digestOf: (document: unknown) => string;
	/** Whether the session need not have ended. Then it cannot be told whether entries are missing at its end. */
	readonly openEnd?: boolean | undefined;
	/** A checkpoint that was kept elsewhere: the bundle's must extend it. */
	readonly kept?: Checkpoint | undefined;
}

export async function verifyBundle(lines: AsyncIterable<string>, options: BundleOptions): Promise<BundleReport> {
	const { key: trusted, digestOf, kept } = options;
	const findings: Finding[] = [];
	const iterator = lines[Symbol.asyncIterator]();
	const head = await iterator.next();
	const header = head.done === true ? undefined : parseHeader(head.value);
	const checkpoint = header === undefined ? undefined : parseChained(header.checkpoint);
	if (header === undefined || checkpoint === undefined) {
		findings.push(finding(`it does not begin with the header of a bundle (${BUNDLE_FORMAT})`));
		return report(findings, undefined, undefined, new SessionCheck(""), { license: false, extends: null });
	}
	const keys = signingKeys(header, checkpoint.origin, trusted);
	const key = keys.at(-1);
	if (key === undefined) findings.push(finding("no key that the given one vouches for has signed its checkpoint"));
	else if (checkpoint.note.signatures.length > 2 || !isSignedBy(checkpoint.note, key))
		findings.push(finding("its checkpoint is not signed by the key"));
	if (kept !== undefined) findings.push(...checkKept(kept, checkpoint, keys, header.consistency));
	const session = new SessionCheck(header.session);
	let count = 0;
	for (;;) {
		const next = await iterator.next();
		if (next.done === true) break;
		count++;
		const wrong = checkEntry(next.value, checkpoint.size, checkpoint.root, session);
		if (wrong === undefined) continue;
		findings.push(wrong);
		break;
	}
	if (findings.length === 0) {
		if (count !== header.entries) findings.push(finding(`it has ${count} entries; its header says ${header.entries}`));
		else findings.push(...session.atEnd(options.openEnd ?? false));
	}
	const start = session.start;
	const isLicense = header.license !== null;
	if (isLicense && start !== undefined && digestOf(header.license) !== start.licenseDigest) {
		findings.push(finding(`its license document is not the one of the session, ${start.licenseDigest}`));
	}
	const extended = kept !== undefined && findings.length === 0 ? kept.size : null;
	return report(findings, header, checkpoint, session, { license: isLicense, extends: extended });
}

/** That the bundle's checkpoint extends one that was kept elsewhere. */
function checkKept(
	kept: Checkpoint,
	checkpoint: ChainedCheckpoint,
	keys: readonly VerifierKey[],
	consistency: BundleHeader["consistency"],
): Finding[] {
	const which = "the checkpoint kept elsewhere";
	if (kept.origin !== checkpoint.origin) return [finding(`${which} is of another log, ${kept.origin}`)];
	if (!keys.some((key) => isSignedBy(kept.note, key)))
		return [finding(`${which} is not signed by a key of the bundle's log`)];
	if (kept.size > checkpoint.size)
		return [
			finding(`${which} is newer than the bundle's: it covers ${kept.size} entries, and this ${checkpoint.size}`),
		];
	if (consistency === undefined && kept.size !== checkpoint.size)
		return [finding(`nothing in it proves that its log extends ${which}: export it with --checkpoint FILE`)];
	if (consistency !== undefined && consistency.size !== kept.size) {
		return [finding(`its proof leads on from ${consistency.size} entries, and ${which} covers ${kept.size}`)];
	}
	const proof = (consistency?.proof ?? []).map(hashFromBase64).filter((hash) => hash !== undefined);
	const isWhole = proof.length === (consistency?.proof ?? []).length;
	return isWhole && isConsistent(kept, checkpoint, proof) ? [] : [finding(`its log does not extend ${which}`)];
}

function report(
	findings: readonly Finding[],
	header: BundleHeader | undefined,
	checkpoint: { readonly origin: string; readonly at: string } | undefined,
	session: SessionCheck,
	proven: Pick<BundleReport, "license" | "extends">,
): BundleReport {
	return {
		ok: findings.length === 0,
		session: header?.session ?? null,
		origin: checkpoint?.origin ?? null,
		at: checkpoint?.at ?? null,
		entries: session.entries,
		statements: session.statements,
		ended: session.ended,
		licenseDigest: session.start?.licenseDigest ?? null,
		...proven,
		findings,
	};
}

function parseObject(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null && !Array.isArray(value)
			? (value as Record<string, unknown>)
			: undefined;
	} catch {
		return undefined;
	}
}

function parseHeader(text: string): BundleHeader | undefined {
	const value = parseObject(text);
	if (value === undefined || value.format !== BUNDLE_FORMAT) return undefined;
	const { session, entries, checkpoint, handovers, license } = value;
	if (typeof session !== "string" || typeof entries !== "number" || typeof checkpoint !== "string") return undefined;
	if (!Array.isArray(handovers) || !handovers.every((note) => typeof note === "string")) return undefined;
	const consistency = parseConsistency(value.consistency);
	if (consistency === "wrong") return undefined;
	const rest = consistency === undefined ? {} : { consistency };
	return { format: BUNDLE_FORMAT, session, entries, checkpoint, handovers, license: license ?? null, ...rest };
}

function parseConsistency(value: unknown): BundleHeader["consistency"] | "wrong" {
	if (value === undefined) return undefined;
	if (typeof value !== "object" || value === null) return "wrong";
	const { size, proof } = value as { readonly size?: unknown; readonly proof?: unknown };
	if (!Number.isSafeInteger(size) || !Array.isArray(proof) || !proof.every((hash) => typeof hash === "string"))
		return "wrong";
	return { size: size as number, proof };
}

/** The keys, when each was handed over to by the one before it and the trusted one is among them; the last one signs. */
function signingKeys(header: BundleHeader, origin: string, trusted: VerifierKey): readonly VerifierKey[] {
	const keys: VerifierKey[] = [];
	for (const text of header.handovers) {
		const handover = parseChained(text);
		const next = handover?.key;
		if (handover === undefined || next === undefined || handover.origin !== origin) return [];
		const signers = [...keys.slice(-1), next];
		if (handover.note.signatures.length !== signers.length) return [];
		if (!signers.every((signer) => signer.name === origin && isSignedBy(handover.note, signer))) return [];
		keys.push(next);
	}
	return keys.some(({ text }) => text === trusted.text) ? keys : [];
}

function checkEntry(text: string, size: number, root: Hash, session: SessionCheck): Finding | undefined {
	const value = parseObject(text);
	const { index, line, proof } = value ?? {};
	if (typeof index !== "number" || !Number.isSafeInteger(index) || typeof line !== "string" || !Array.isArray(proof)) {
		return finding("a line is no entry of a bundle");
	}
	const hashes = proof.map(hashFromBase64).filter((hash) => hash !== undefined);
	const bytes = Buffer.from(line, "utf8");
	const isProven = hashes.length === proof.length && rootFromInclusion(leafHash(bytes), index, size, hashes) === root;
	if (!isProven) return finding("it is not in the tree that was signed", { seq: index, session: session.id });
	const entry = parseLine(bytes);
	if (entry === undefined || entry.seq !== index) return finding("it is no entry", { seq: index });
	const wrong = session.take(entry);
	return wrong === undefined ? undefined : finding(wrong, { seq: index, session: session.id });
}

/** That entries are those of one session, all of them and in order. */
class SessionCheck {
	readonly id: string;
	entries = 0;
	statements = 0;
	ended = false;
	start: (LoggedEntry & { type: "session.start" }) | undefined;
	#last = -1;
	#ran = 0;
	#denied = 0;
	#rows = 0;
	/** Statements without a result so far. */
	readonly #open = new Set<number>();
	#head: LoggedEntry | undefined;
	#parts: LoggedEntry[] = [];
	/** The log failed during the session: a statement that was then refused has its number, and no entry. */
	#hasFailed = false;
	#end: (LoggedEntry & { type: "session.end" }) | undefined;

	constructor(id: string) {
		this.id = id;
	}

	take(entry: LoggedEntry): string | undefined {
		this.entries++;
		const follows = this.#last;
		this.#last = entry.seq;
		if (entry.seq <= follows) return "it does not come after the one before it";
		if (this.#head !== undefined) return this.#part(this.#head, entry, follows);
		if (entry.type === "gap") {
			this.#hasFailed ||= entry.keptAs === "";
			return this.start === undefined ? "the session does not begin here" : undefined;
		}
		if (!("session" in entry) || entry.session !== this.id) return "it is of another session";
		if (this.start === undefined && entry.type !== "session.start") return "the session does not begin here";
		if (this.ended) return "the session has ended before it";
		if ((entry.parts ?? 0) > 0) {
			this.#head = entry;
			return undefined;
		}
		return this.#whole(entry);
	}

	#part(head: LoggedEntry, entry: LoggedEntry, follows: number): string | undefined {
		if (entry.seq !== follows + 1) return "a part is missing before it";
		this.#parts.push(entry);
		if (this.#parts.length < (head.parts ?? 0)) return undefined;
		const whole = joinParts(head, this.#parts);
		this.#head = undefined;
		this.#parts = [];
		return whole === undefined ? "its parts do not belong together" : this.#whole(whole);
	}

	#whole(entry: LoggedEntry): string | undefined {
		switch (entry.type) {
			case "session.start":
				if (this.start !== undefined) return "the session begins twice";
				this.start = entry;
				return undefined;
			case "statement":
				if (entry.statement !== this.statements + 1) return `statement ${this.statements + 1} is missing before it`;
				this.statements = entry.statement;
				this.#open.add(entry.statement);
				if (entry.parseOnly !== true) this.#ran++;
				if (entry.decision.effect === "deny") this.#denied++;
				return undefined;
			case "result":
				if (!this.#open.delete(entry.statement)) return `statement ${entry.statement} is missing before its result`;
				this.#rows += entry.rows;
				return undefined;
			case "session.end":
				this.ended = true;
				this.#end = entry;
				return undefined;
			default:
				return undefined;
		}
	}

	/** What only the end tells. */
	atEnd(isOpen: boolean): Finding[] {
		const found = (message: string) => [finding(message, { session: this.id })];
		if (this.start === undefined) return found("it has no beginning");
		if (this.#head !== undefined) return found("its last entry's parts are missing");
		const end = this.#end;
		if (end === undefined) {
			return isOpen ? [] : found("its end is not here: entries are missing, or it was still running at the checkpoint");
		}
		if (this.#hasFailed) return [];
		const [ran, denied, rows] = [this.#ran, this.#denied, this.#rows];
		if (end.statements !== ran || end.denied !== denied || end.rowsOut !== rows) {
			return found(
				`it has ${ran} statements, ${denied} denied, and ${rows} rows; its end says ${end.statements}, ${end.denied} and ${end.rowsOut}`,
			);
		}
		return [];
	}
}
