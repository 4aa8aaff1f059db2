/**
 * Verification of a whole log, from its files and a public key alone: every entry is a leaf of the tree, in its place,
 * and the roots are the ones that were signed. What has been removed or put aside is accounted for in the log itself.
 *
 * It reads the log once, in order, in bounded memory, whether it is being written or not.
 */
import { existsSync } from "node:fs";
import { type Checkpoint, originOf, type TreeHead } from "./checkpoint.js";
import { type Finding, finding } from "./finding.js";
import { readNodeName } from "./log-folder.js";
import { isSignedBy, type VerifierKey } from "./note.js";
import { RANGES, readRanges } from "./ranges.js";
import { listSegments, sealedPath } from "./segments.js";
import { CompactRange } from "./tree.js";
import { type CheckedChain, checkChain } from "./verify-checkpoints.js";
import { checkSeals, checkTorn, checkTrims } from "./verify-files.js";
import { LogWalk } from "./verify-walk.js";

export interface VerifyOptions {
	/** data/log */
	readonly folder: string;
	/** A key that must have signed. Without it the log's own word is taken for who signs. */
	readonly key?: VerifierKey | undefined;
	/** A checkpoint that was kept elsewhere: the log must extend it. */
	readonly checkpoint?: Checkpoint | undefined;
	/** What the end may hold that no checkpoint covers: nothing, or what is younger than this moment, or anything. */
	readonly openEnd: "none" | { readonly since: number } | "any";
}

export interface LogReport {
	readonly ok: boolean;
	readonly node: string | null;
	/** Verifier keys that have signed, oldest first. */
	readonly keys: readonly string[];
	readonly checkpoints: number;
	/** Number of the first entry that is still there, and of the one after the last. */
	readonly from: number;
	readonly to: number;
	/** Entries under a checkpoint. */
	readonly covered: number;
	readonly segments: number;
	readonly sealed: number;
	/** The last checkpoint; `note`: all of it, signatures included, as `licet checkpoint` prints it. */
	readonly last: { readonly at: string; readonly size: number; readonly note: string } | null;
	readonly findings: readonly Finding[];
}

export async function verifyLog(options: VerifyOptions): Promise<LogReport> {
	const { folder } = options;
	const findings: Finding[] = [];
	const node = nodeOf(folder, findings);
	/* In this order, for the log may be written: a seal is under a checkpoint before its file is there, a range is there before the checkpoint. */
	const sealed = listSegments(folder).filter((first) => existsSync(sealedPath(folder, first)));
	const chain = checkChain(folder, node === undefined ? undefined : originOf(node), options.key);
	findings.push(...chain.findings, ...checkKept(options.checkpoint, chain));
	const stored = readRanges(folder);
	if (!stored.sound) findings.push(finding("it is damaged", { file: RANGES }));
	const segments = listSegments(folder);
	const first = segments[0] ?? 0;
	const start = new CompactRange(0);
	for (const range of stored.ranges) if (range.end <= first) start.extend(range);
	const { last } = chain;
	const walk = new LogWalk(folder, start, chain.heads, options.checkpoint);
	let isWhole = walk.begin();
	for (const [index, segment] of segments.entries()) {
		if (!isWhole) break;
		isWhole = await walk.segment(segment, index === segments.length - 1);
	}
	findings.push(...walk.findings);
	if (isWhole) {
		walk.rest();
		findings.push(
			...checkEnd(walk, chain.heads, options),
			...checkRanges(walk, stored.ranges, segments, sealed, last?.size ?? 0),
			...checkSeals(folder, sealed, walk.ledger),
			...checkTrims(first, walk.boundaries, walk.ledger),
			...checkTorn(folder, first, walk.ledger),
			...walk.ledger.checkKeys(chain.introductions, first),
		);
	}
	return {
		ok: findings.length === 0,
		node: node ?? null,
		keys: chain.introductions.map(({ key }) => key.text),
		checkpoints: chain.heads.length,
		from: first,
		to: walk.tree.end,
		covered: Math.min(last?.size ?? 0, walk.tree.end),
		segments: segments.length,
		sealed: sealed.length,
		last: last === undefined ? null : { at: last.at, size: last.size, note: last.note.signed },
		findings,
	};
}

function nodeOf(folder: string, findings: Finding[]): string | undefined {
	try {
		const node = readNodeName(folder);
		if (node === undefined) findings.push(finding("it is missing", { file: "node" }));
		return node;
	} catch {
		findings.push(finding("it does not hold a node's name", { file: "node" }));
		return undefined;
	}
}

/** What can be said of a checkpoint kept elsewhere before the entries are read. */
function checkKept(kept: Checkpoint | undefined, { first, introductions }: CheckedChain): Finding[] {
	if (kept === undefined) return [];
	const isSigned = introductions.some(({ key }) => isSignedBy(kept.note, key));
	const findings: Finding[] = [];
	if (kept.origin !== (first?.origin ?? kept.origin))
		findings.push(finding(`the checkpoint kept elsewhere is of another log, ${kept.origin}`));
	else if (!isSigned) findings.push(finding("the checkpoint kept elsewhere is not signed by a key of this log"));
	return findings;
}

function checkEnd(walk: LogWalk, heads: readonly TreeHead[], options: VerifyOptions): Finding[] {
	const last = heads.at(-1);
	const { end } = walk.tree;
	const findings: Finding[] = [];
	if (last !== undefined && last.size > end) {
		findings.push(
			finding(
				`the log ends before entry ${end}, and its last checkpoint covers ${last.size}: its end has been cut off`,
				{ seq: end },
			),
		);
	}
	const { checkpoint: kept, openEnd } = options;
	if (kept !== undefined && kept.size > end) {
		findings.push(
			finding(
				`the log has ${end} entries and the checkpoint kept elsewhere covers ${kept.size}: it has been set back`,
				{ seq: end },
			),
		);
	} else if (kept !== undefined && kept.size < (walk.boundaries.keys().next().value ?? 0)) {
		const isKnown = heads.some(({ size, root }) => size === kept.size && root === kept.root);
		if (!isKnown)
			findings.push(
				finding(
					"the checkpoint kept elsewhere covers only entries that have been removed, and is not among the log's own",
				),
			);
	}
	const uncovered = end - Math.min(last?.size ?? 0, end);
	if (openEnd === "any" || (uncovered === 0 && walk.tornBytes === 0)) return findings;
	const isYoung =
		openEnd !== "none" && (walk.firstUncoveredAt === undefined || Date.parse(walk.firstUncoveredAt) >= openEnd.since);
	if (isYoung) return findings;
	const what =
		uncovered === 0
			? `${walk.tornBytes} bytes at the end are no entry`
			: `${uncovered} entries at the end are under no checkpoint`;
	findings.push(
		finding(`${what}: the proxy has ended without closing the log, or a checkpoint is missing`, {
			seq: end - uncovered,
		}),
	);
	return findings;
}

/** `ranges` tells of each finished segment under a checkpoint what the entries say. */
function checkRanges(
	walk: LogWalk,
	ranges: readonly CompactRange[],
	segments: readonly number[],
	sealed: readonly number[],
	covered: number,
): Finding[] {
	const findings: Finding[] = [];
	const known = new Map(ranges.map((range) => [range.begin, range]));
	for (const [index, first] of segments.entries()) {
		const range = known.get(first);
		const end = segments[index + 1];
		if (range === undefined) {
			if ((end !== undefined && end <= covered) || sealed.includes(first))
				findings.push(finding(`the segment of entry ${first} is missing`, { file: RANGES }));
			continue;
		}
		if (range.end !== (end ?? walk.tree.end))
			findings.push(finding(`the segment of entry ${first} ends elsewhere`, { file: RANGES }));
	}
	const whole = new CompactRange(0);
	for (const range of ranges) {
		whole.extend(range);
		const expected = walk.boundaries.get(whole.end) ?? (whole.end === walk.tree.end ? walk.tree.hashes : undefined);
		if (expected === undefined || range.end <= (segments[0] ?? 0)) continue;
		if (expected.join() !== whole.hashes.join()) {
			findings.push(finding(`the segment of entry ${range.begin} has other hashes`, { file: RANGES }));
			break;
		}
	}
	return findings;
}
