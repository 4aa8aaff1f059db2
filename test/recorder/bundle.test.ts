/** Bundles: a session with its proofs, which verifies anywhere and does not once anything in it is changed or missing. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type BundleOptions, bundle } from "../../src/recorder/bundle.js";
import { type Checkpoint, parseCheckpoint } from "../../src/recorder/checkpoint.js";
import { eachNote } from "../../src/recorder/checkpoint-file.js";
import { prepareRotation } from "../../src/recorder/keys.js";
import { parseVerifierKey, type VerifierKey } from "../../src/recorder/note.js";
import { LogReader } from "../../src/recorder/reader.js";
import { verifyBundle } from "../../src/recorder/verify-bundle.js";
import { result, sessionEnd, sessionStart, statement } from "./entries.js";
import { openLog } from "./evidence-log.js";

const DIGEST = "sha256:aa";
const document = { kind: "License", metadata: { id: "acme" } };
const digestOf = (given: unknown) => (JSON.stringify(given) === JSON.stringify(document) ? DIGEST : "sha256:bb");

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
	const all: string[] = [];
	for await (const line of lines) all.push(line);
	return all;
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
	yield* lines;
}

t.test("bundles", async (t) => {
	const base = t.testdir({ log: {}, keys: {} });
	const [folder, keys] = [join(base, "log"), join(base, "keys")];
	mkdirSync(keys, { recursive: true });
	const keyNow = () => parseVerifierKey(readFileSync(join(keys, "node.pub"), "utf8")) as VerifierKey;
	const bundleOf = (session: string, options: Partial<BundleOptions> = {}) =>
		bundle({ folder, session, documentOf: () => undefined, ...options });
	let log = await openLog(folder, keys);
	const firstKey = keyNow();
	const fails = async (what: string, changed: readonly string[], key = firstKey) => {
		const report = await verifyBundle(each(changed), { key, digestOf });
		if (report.ok) t.fail(`not seen: ${what}`);
	};
	const load = { type: "license.load", license: "acme", licenseDigest: DIGEST, message: "version 1" } as const;
	log.journal.append({ ...load, document });
	await log.session("s_before", 10);
	log.journal.append(sessionStart("s_1", { licenseDigest: DIGEST }));
	for (let number = 1; number <= 20; number++) {
		log.journal.append(statement("s_1", number, number === 7 ? "x".repeat(200_000) : `select ${number}`));
		log.journal.append(statement("s_other", number));
		log.journal.append(result("s_1", number));
		log.journal.flush();
	}
	log.journal.append(result("s_other", 1));
	await log.evidence.checkpoint();
	const running = await collect(bundleOf("s_1"));
	t.match(await verifyBundle(each(running), { key: firstKey, digestOf, openEnd: true }), {
		ok: true,
		ended: false,
		statements: 20,
		license: true,
	});
	await fails("no end", running);
	log.journal.append({ ...sessionEnd("s_1", 20), rowsOut: 20 } as ReturnType<typeof sessionEnd>);
	await log.close();
	prepareRotation(keys);
	log = await openLog(folder, keys);
	await log.session("s_after", 30);
	await log.sealed();
	await log.close();
	const lines = await collect(bundleOf("s_1"));
	const expected = { ok: true, findings: [], ended: true, statements: 20, license: true, licenseDigest: DIGEST };
	t.match(await verifyBundle(each(lines), { key: keyNow(), digestOf }), expected);
	t.match(await verifyBundle(each(lines), { key: firstKey, digestOf }), expected, "by the key that handed over");
	t.match(
		await verifyBundle(each(await collect(bundleOf("s_after", { documentOf: () => document }))), {
			key: firstKey,
			digestOf,
		}),
		{
			ok: false,
			findings: [{ message: /license document is not the one/ }],
		},
	);
	await t.rejects(collect(bundleOf("s_none")), { code: "unknown" });

	/* Where the index says that it starts, or says wrongly. */
	const reader = new LogReader(folder);
	const start = await reader.startOf("s_1");
	t.ok((start?.segment ?? 0) > 0);
	for (const position of [
		start,
		await reader.startOf("s_before"),
		await reader.startOf("s_after"),
		{ segment: 3, offset: 7 },
	])
		t.same(await collect(bundleOf("s_1", { start: position })), lines);

	for (let index = 1; index < lines.length; index++) {
		await fails(`line ${index} deleted`, lines.toSpliced(index, 1));
		await fails(`line ${index} twice`, lines.toSpliced(index, 0, lines[index] ?? ""));
		await fails(`cut before line ${index}`, lines.slice(0, index));
		await fails(`lines ${index} and ${index + 1} swapped`, [
			...lines.slice(0, index),
			lines[index + 1] ?? "",
			lines[index] ?? "",
			...lines.slice(index + 2),
		]);
		/* With a header that says so. */
		const header = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
		const fewer = JSON.stringify({ ...header, entries: lines.length - 2 });
		await fails(`line ${index} deleted, and the header tells fewer`, [
			fewer,
			...lines.slice(1).toSpliced(index - 1, 1),
		]);
	}
	for (const [index, line] of lines.entries()) {
		for (let at = 0; at < line.length; at += Math.max(1, Math.floor(line.length / 50))) {
			const flipped = line.slice(0, at) + String.fromCharCode(line.charCodeAt(at) ^ 1) + line.slice(at + 1);
			const report = await verifyBundle(each(lines.toSpliced(index, 1, flipped)), { key: firstKey, digestOf });
			/* Names of members that are not looked at, and the license's document, which the digest covers. */
			if (report.ok)
				t.fail(`not seen: line ${index}, character ${at}: ${flipped.slice(Math.max(0, at - 20), at + 20)}`);
		}
	}
	const other = t.testdir({ other: {} });
	await (await openLog(join(other, "log"), join(other, "keys"))).close();
	await fails(
		"another key",
		lines,
		parseVerifierKey(readFileSync(join(other, "keys", "node.pub"), "utf8")) as VerifierKey,
	);
});

t.test("a bundle that leads on from a checkpoint kept elsewhere", async (t) => {
	const base = t.testdir({});
	const [folder, keys] = [join(base, "log"), join(base, "keys")];
	const log = await openLog(folder, keys);
	await log.session("s_1", 25);
	await log.session("s_2", 25);
	await log.evidence.rotateKey();
	await log.session("s_3", 20);
	await log.close();
	const key = parseVerifierKey(readFileSync(join(keys, "node.pub"), "utf8")) as VerifierKey;
	const notes = [...eachNote(folder)];
	const keptOf = (note: string | undefined) => parseCheckpoint(note ?? "") as Checkpoint;
	const bundleOf = (session: string, kept: Checkpoint | undefined, from = folder) =>
		collect(bundle({ folder: from, session, documentOf: () => undefined, kept }));
	const verify = (lines: readonly string[], kept: Checkpoint) => verifyBundle(each(lines), { key, digestOf, kept });
	for (const note of notes) {
		const kept = keptOf(note);
		for (const session of ["s_1", "s_3"]) {
			const report = await verify(await bundleOf(session, kept), kept);
			if (!report.ok || report.extends !== kept.size) t.fail(`${session} from ${kept.size}: ${JSON.stringify(report)}`);
		}
	}
	const kept = keptOf(notes[3]);
	const lines = await bundleOf("s_2", kept);
	const plain = await bundleOf("s_2", undefined);
	t.match(await verifyBundle(each(lines), { key, digestOf }), { ok: true, extends: null }, "nobody need ask for it");
	t.match(await verify(plain, kept), { ok: false, extends: null, findings: [{ message: /nothing in it proves/ }] });
	t.match(await verify(plain, keptOf(notes.at(-1))), { ok: true }, "but its own checkpoint needs no proof");
	t.match(await verify(lines, keptOf(notes[4])), { ok: false, findings: [{ message: /leads on from/ }] });
	/* Each hash of the proof counts, and so does their number. */
	const header = JSON.parse(lines[0] ?? "") as { consistency: { size: number; proof: string[] } };
	const { size, proof } = header.consistency;
	t.ok(proof.length > 2);
	const changed = (consistency: unknown) => [JSON.stringify({ ...header, consistency }), ...lines.slice(1)];
	for (const [at, hash] of proof.entries()) {
		const other = Buffer.from(hash, "base64");
		other[7] = (other[7] as number) ^ 1;
		for (const wrong of [
			proof.with(at, other.toString("base64")),
			proof.toSpliced(at, 1),
			proof.toSpliced(at, 0, hash),
			proof.with(at, ""),
		])
			if ((await verify(changed({ size, proof: wrong }), kept)).ok) t.fail(`not seen: hash ${at} of the proof`);
	}
	for (const wrong of [null, {}, { size }, { size: `${size}`, proof }, { size, proof: [7] }, { size: size - 1, proof }])
		if ((await verify(changed(wrong), kept)).ok) t.fail(`not seen: ${JSON.stringify(wrong)}`);
	/* A history that went another way, by one who has the key. */
	const [one, two, theirKeys] = [join(base, "one"), join(base, "two"), join(base, "their-keys")];
	const honest = await openLog(one, theirKeys);
	await honest.session("s_1", 25);
	cpSync(one, two, { recursive: true, filter: (name) => !name.includes("lock") });
	await honest.session("s_2", 25);
	await honest.close();
	const forked = await openLog(two, theirKeys);
	await forked.session("s_2", 26);
	await forked.session("s_3", 20);
	await forked.close();
	const theirs = parseVerifierKey(readFileSync(join(theirKeys, "node.pub"), "utf8")) as VerifierKey;
	const newest = keptOf([...eachNote(one)].at(-1));
	await t.rejects(bundleOf("s_3", newest, two), { code: "corrupt", message: /does not extend/ });
	const fork = await bundleOf("s_3", undefined, two);
	const forkHeader = JSON.parse(fork[0] ?? "") as object;
	const claimed = [JSON.stringify({ ...forkHeader, consistency: { size: newest.size, proof } }), ...fork.slice(1)];
	t.match(await verifyBundle(each(fork), { key: theirs, digestOf }), { ok: true }, "it is sound by itself");
	t.match(await verifyBundle(each(claimed), { key: theirs, digestOf, kept: newest }), {
		ok: false,
		findings: [{ message: /does not extend/ }],
	});
	t.match(await verify(lines, newest), { ok: false, findings: [{ message: /of another log/ }] });
	await t.rejects(bundleOf("s_1", newest), { code: "corrupt", message: /of another log/ });
	const ahead = keptOf([...eachNote(two)].at(-1));
	await t.rejects(bundleOf("s_2", ahead, one), { code: "corrupt", message: /set back/ });
	const unsigned = { ...kept, note: { ...kept.note, signatures: [] } };
	t.match(await verify(lines, unsigned), { ok: false, findings: [{ message: /not signed by a key/ }] });
});
