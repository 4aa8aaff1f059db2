/**
 * What the log says of its own files: which were sealed, removed or put aside, and by which keys it was signed; and
 * whether the files are so.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { digestOfFile } from "./disk.js";
import type { LoggedEntry } from "./entry.js";
import { type Finding, finding } from "./finding.js";
import { leavesPath, sealedPath, segmentName, tornSegment } from "./segments.js";
import { type Hash, hashToBase64 } from "./tree.js";
import type { Introduction } from "./verify-checkpoints.js";

type Seal = Extract<LoggedEntry, { type: "seal" }>;
type Trim = Extract<LoggedEntry, { type: "trim" }>;
type Gap = Extract<LoggedEntry, { type: "gap" }>;

const LEAVES = /^(\d{12,16})\.leaves$/;

/** Entries that tell of the log itself. */
export class Ledger {
	readonly seals = new Map<number, Seal[]>();
	readonly trims: Trim[] = [];
	readonly gaps: Gap[] = [];
	readonly #keys = new Set<string>();

	/** `isCovered`: a checkpoint says so too. */
	take(entry: LoggedEntry | undefined, isCovered: boolean): void {
		if (entry?.type === "gap") this.gaps.push(entry);
		if (!isCovered) return;
		if (entry?.type === "trim") this.trims.push(entry);
		if (entry?.type === "key") this.#keys.add(entry.key);
		if (entry?.type === "seal") this.seals.set(entry.segment, [...(this.seals.get(entry.segment) ?? []), entry]);
	}

	/** Each key that a checkpoint introduces is told in an entry under it, and no entry tells of another. */
	checkKeys(introductions: readonly Introduction[], from: number): Finding[] {
		const findings: Finding[] = [];
		for (const { key, size } of introductions) {
			if (size > from && !this.#keys.has(key.text)) {
				findings.push(finding(`the key ${key.text} signs, and no entry tells of it`));
			}
		}
		for (const told of this.#keys) {
			if (!introductions.some(({ key }) => key.text === told))
				findings.push(finding(`an entry tells of the key ${told}, which never signed`));
		}
		return findings;
	}
}

/** Sealed segments are, byte for byte, what an entry said of them before they took their places. */
export function checkSeals(folder: string, sealed: readonly number[], ledger: Ledger): Finding[] {
	const findings: Finding[] = [];
	for (const first of sealed) {
		const seals = ledger.seals.get(first) ?? [];
		const file = `${segmentName(first)}.gz`;
		const hash = digestOfFile(sealedPath(folder, first));
		if (seals.length === 0) findings.push(finding("no entry tells that it was sealed", { file }));
		else if (!seals.some(({ sha256 }) => sha256 === hash))
			findings.push(finding("its bytes are not those that were sealed", { file }));
		const leaves = leavesPath(folder, first);
		const name = segmentName(first).replace("jsonl", "leaves");
		if (
			seals.length > 0 &&
			existsSync(leaves) &&
			!seals.some(({ leavesSha256 }) => leavesSha256 === digestOfFile(leaves))
		) {
			findings.push(finding("its bytes are not those that were sealed", { file: name }));
		}
	}
	return findings;
}

/** Entries that are no longer there were removed by retention, which kept what stands for them. */
export function checkTrims(first: number, boundaries: ReadonlyMap<number, readonly Hash[]>, ledger: Ledger): Finding[] {
	const findings: Finding[] = [];
	for (const trim of ledger.trims) {
		const hashes = boundaries.get(trim.through);
		if (hashes !== undefined && hashes.map(hashToBase64).join() !== trim.hashes.join()) {
			findings.push(finding(`what was removed before entry ${trim.through} was something else`, { seq: trim.seq }));
		}
	}
	if (first > 0 && !ledger.trims.some(({ through }) => through >= first)) {
		findings.push(
			finding(`entries 0 to ${first - 1} are missing, and no entry tells that they were removed`, { seq: 0 }),
		);
	}
	return findings;
}

/** What a crash left torn is kept beside the log, as a gap entry tells. */
export function checkTorn(folder: string, first: number, ledger: Ledger): Finding[] {
	const findings: Finding[] = [];
	const told = new Map(ledger.gaps.filter(({ keptAs }) => keptAs !== "").map((gap) => [gap.keptAs, gap]));
	for (const [name, gap] of told) {
		const file = join(folder, name);
		if (tornSegment(name) === undefined || !existsSync(file))
			findings.push(finding("it was kept aside and is missing", { file: name }));
		else if (gap.sha256 !== undefined && digestOfFile(file) !== gap.sha256)
			findings.push(finding("it is not what was kept aside", { file: name }));
	}
	for (const name of readdirSync(folder)) {
		const torn = tornSegment(name);
		if (torn !== undefined && torn >= first && !told.has(name))
			findings.push(finding("no entry tells of it", { file: name }));
		const [, segment] = LEAVES.exec(name) ?? [];
		const isLost =
			segment !== undefined &&
			!existsSync(join(folder, segmentName(Number(segment)))) &&
			!existsSync(sealedPath(folder, Number(segment)));
		if (isLost && Number(segment) >= first) findings.push(finding("there is no segment of it", { file: name }));
	}
	return findings;
}
