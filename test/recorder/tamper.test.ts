/**
 * Tampering: bytes, entries, segments, checkpoints and the files beside them are changed, cut, swapped, inserted and
 * deleted at random, and each time the verification says so, and so does the second verifier. `LICET_NIGHTLY=1` tries ten
 * thousand cases, `LICET_TEST_TAMPERS` as many as it says; `LICET_TEST_SEED` repeats a run.
 */
import { randomInt } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import t from "tap";
import { prepareRotation } from "../../src/recorder/keys.js";
import { parseVerifierKey } from "../../src/recorder/note.js";
import { verifyLog } from "../../src/recorder/verify-log.js";
import { NIGHTLY, PART_TIMEOUT_MS } from "../helpers/patience.js";
import { statement } from "./entries.js";
import { openLog, TestClock } from "./evidence-log.js";
import { secondVerifier } from "./second-verifier.js";

const CASES = Number(process.env.LICET_TEST_TAMPERS ?? (NIGHTLY ? 10_000 : 1000));
const SEED = Number(process.env.LICET_TEST_SEED ?? randomInt(2 ** 31));

/** xorshift32: enough to choose by, and the same everywhere. */
class Chance {
	#state: number;

	constructor(seed: number) {
		this.#state = seed | 1;
	}

	below(bound: number): number {
		this.#state ^= this.#state << 13;
		this.#state ^= this.#state >>> 17;
		this.#state ^= this.#state << 5;
		return (this.#state >>> 0) % bound;
	}

	of<Item>(items: readonly Item[]): Item {
		const item = items[this.below(items.length)];
		if (item === undefined) throw new RangeError("nothing to choose from");
		return item;
	}

	bytes(count: number): Buffer {
		return Buffer.from(Array.from({ length: count }, () => this.below(256)));
	}
}

type Files = Map<string, Buffer>;

/** Files of the log but those of its lock. */
function read(folder: string): Files {
	const names = readdirSync(folder).filter((name) => !name.startsWith("lock"));
	return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

function write(folder: string, from: Files, to: Files): void {
	for (const name of from.keys()) if (!to.has(name)) rmSync(join(folder, name));
	for (const [name, content] of to) if (from.get(name) !== content) writeFileSync(join(folder, name), content);
}

type Tamper = (files: Files, chance: Chance) => void;

const any = (files: Files, chance: Chance): [string, Buffer] =>
	chance.of([...files].filter(([, { length }]) => length > 0));

/** Changes one file's pieces: lines of an open segment or of `ranges`, or checkpoints. */
function inPieces(change: (pieces: string[], chance: Chance) => void): Tamper {
	return (files, chance) => {
		const [name, content] = chance.of([...files].filter(([name]) => /jsonl|ranges|checkpoints/.test(name)));
		const isSealed = name.endsWith(".gz");
		const text = (isSealed ? gunzipSync(content) : content).toString("latin1");
		const pieces = name === "checkpoints" ? notesOf(text) : text.split(/(?<=\n)/);
		change(pieces, chance);
		const changed = Buffer.from(pieces.join(""), "latin1");
		files.set(name, isSealed ? gzipSync(changed) : changed);
	};
}

function notesOf(text: string): string[] {
	const halves = text.split(/(?<=\n\n)/);
	return halves.flatMap((half, index) => (index % 2 === 0 ? [half + (halves[index + 1] ?? "")] : []));
}

const TAMPERS: Readonly<Record<string, Tamper>> = {
	"a bit flipped": (files, chance) => {
		const [name, content] = any(files, chance);
		const changed = Buffer.from(content);
		const at = chance.below(changed.length);
		changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
		files.set(name, changed);
	},
	"bytes written over": (files, chance) => {
		const [name, content] = any(files, chance);
		const changed = Buffer.from(content);
		chance.bytes(1 + chance.below(40)).copy(changed, chance.below(changed.length));
		files.set(name, changed);
	},
	"the end cut off": (files, chance) => {
		const [name, content] = any(files, chance);
		files.set(name, content.subarray(0, chance.below(content.length)));
	},
	"bytes deleted": (files, chance) => {
		const [name, content] = any(files, chance);
		const at = chance.below(content.length);
		files.set(name, Buffer.concat([content.subarray(0, at), content.subarray(at + 1 + chance.below(300))]));
	},
	"bytes inserted": (files, chance) => {
		const [name, content] = any(files, chance);
		const at = chance.below(content.length + 1);
		files.set(
			name,
			Buffer.concat([content.subarray(0, at), chance.bytes(1 + chance.below(300)), content.subarray(at)]),
		);
	},
	"bytes moved from another file": (files, chance) => {
		const [name, content] = any(files, chance);
		const [, other] = any(files, chance);
		const at = chance.below(content.length);
		const from = chance.below(other.length);
		files.set(name, Buffer.concat([content.subarray(0, at), other.subarray(from, from + 500), content.subarray(at)]));
	},
	"a file deleted": (files, chance) => {
		files.delete(any(files, chance)[0]);
	},
	"a file in another's place": (files, chance) => {
		files.set(any(files, chance)[0], any(files, chance)[1]);
	},
	"two files swapped": (files, chance) => {
		const [[one, its], [other, others]] = [any(files, chance), any(files, chance)];
		files.set(one, others).set(other, its);
	},
	"a segment twice": (files, chance) => {
		const [name, content] = chance.of([...files].filter(([name]) => /jsonl/.test(name)));
		const isSealed = name.endsWith(".gz");
		const number = String(chance.below(400)).padStart(12, "0");
		files.set(`${number}.jsonl${isSealed ? ".gz" : ""}`, content);
	},
	"a segment compressed anew": (files, chance) => {
		const [name, content] = chance.of([...files].filter(([name]) => name.endsWith(".gz")));
		files.set(name, gzipSync(gunzipSync(content), { level: 1 + chance.below(5) }));
	},
	"a piece deleted": inPieces((pieces, chance) => pieces.splice(chance.below(pieces.length), 1)),
	"pieces deleted to the end": inPieces((pieces, chance) => pieces.splice(chance.below(pieces.length))),
	"a piece twice": inPieces((pieces, chance) => pieces.splice(chance.below(pieces.length), 0, chance.of(pieces))),
	"two pieces swapped": inPieces((pieces, chance) => {
		const [one, other] = [chance.below(pieces.length), chance.below(pieces.length)];
		[pieces[one], pieces[other]] = [pieces[other] ?? "", pieces[one] ?? ""];
	}),
	"a word of an entry": inPieces((pieces, chance) => {
		const at = chance.below(pieces.length);
		pieces[at] = (pieces[at] ?? "").replace(/select|alice|allow|true|\d/, (word) => (word === "allow" ? "deny" : "7"));
	}),
};

t.setTimeout(PART_TIMEOUT_MS);

t.test("tampering is seen", async (t) => {
	t.setTimeout(PART_TIMEOUT_MS);
	const base = t.testdir({ log: {}, keys: {} });
	const [folder, keys] = [join(base, "log"), join(base, "keys")];
	const clock = new TestClock();
	const log = await openLog(folder, keys, { clock });
	await log.session("s_1", 12);
	await log.close();
	/* A torn end, another key, and old segments removed: all that a log can have. */
	mkdirSync(keys, { recursive: true });
	prepareRotation(keys);
	const open =
		readdirSync(folder)
			.filter((name) => name.endsWith(".jsonl"))
			.sort()
			.at(-1) ?? "";
	writeFileSync(join(folder, open), Buffer.concat([readFileSync(join(folder, open)), Buffer.from('{"v":1')]));
	clock.ms += 10 * 86_400_000;
	const again = await openLog(folder, keys, { clock, retention: { ms: 5 * 86_400_000 } });
	await again.session("s_2", 30);
	again.journal.append(statement("s_2", 31, "x".repeat(70_000)));
	await again.sealed();
	await again.session("s_3", 4);
	await again.sealed();
	await again.close();
	const key = parseVerifierKey(readFileSync(join(keys, "node.pub"), "utf8"));
	const original = read(folder);
	t.match(await verifyLog({ folder, key, openEnd: "none" }), { ok: true, findings: [] });
	t.equal(secondVerifier(folder, key?.text ?? ""), undefined, "and by the second verifier");
	t.comment(`${CASES} cases, LICET_TEST_SEED=${SEED}, ${[...original.keys()].join(" ")}`);
	const chance = new Chance(SEED);
	const counts = new Map<string, number>();
	for (let number = 0; number < CASES; number++) {
		const what = chance.of(Object.keys(TAMPERS));
		const files: Files = new Map(original);
		TAMPERS[what]?.(files, chance);
		const changed = [...new Set([...original.keys(), ...files.keys()])].filter((name) => {
			const [one, other] = [original.get(name), files.get(name)];
			return one === undefined || other === undefined || !one.equals(other);
		});
		if (changed.length === 0) continue;
		write(folder, original, files);
		const report = await verifyLog({ folder, key, openEnd: "none" });
		if (report.ok) t.fail(`not seen: ${what} in ${changed.join(", ")} (case ${number})`);
		if (secondVerifier(folder, key?.text ?? "") === undefined)
			t.fail(`the second verifier does not see: ${what} in ${changed.join(", ")} (case ${number})`);
		write(folder, files, original);
		counts.set(what, (counts.get(what) ?? 0) + 1);
	}
	t.comment([...counts].map(([what, count]) => `${what}: ${count}`).join("; "));
	t.equal(
		[...counts.values()].reduce((sum, count) => sum + count, 0) > CASES * 0.8,
		true,
		"cases that changed something",
	);
	t.match(await verifyLog({ folder, key, openEnd: "none" }), { ok: true }, "and all is as it was");
});
