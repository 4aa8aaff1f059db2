/** Bundles: a session with its proofs, which verifies anywhere and does not once anything in it is changed or missing. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { bundle } from "../../src/recorder/bundle.js";
import { prepareRotation } from "../../src/recorder/keys.js";
import { parseVerifierKey, type VerifierKey } from "../../src/recorder/note.js";
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
	const running = await collect(bundle(folder, "s_1", () => undefined));
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
	const lines = await collect(bundle(folder, "s_1", () => undefined));
	const expected = { ok: true, findings: [], ended: true, statements: 20, license: true, licenseDigest: DIGEST };
	t.match(await verifyBundle(each(lines), { key: keyNow(), digestOf }), expected);
	t.match(await verifyBundle(each(lines), { key: firstKey, digestOf }), expected, "by the key that handed over");
	t.match(
		await verifyBundle(each(await collect(bundle(folder, "s_after", () => document))), { key: firstKey, digestOf }),
		{
			ok: false,
			findings: [{ message: /license document is not the one/ }],
		},
	);
	await t.rejects(collect(bundle(folder, "s_none", () => undefined)), { code: "unknown" });

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
