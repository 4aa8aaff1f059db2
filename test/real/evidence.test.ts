/**
 * The recording's evidence by the commands: a running node verifies, a session goes out as a bundle that verifies with the
 * key alone, and what was changed is named, with exit codes that a cron job understands.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { license } from "../helpers/license.js";
import { rawGrant, runLicet, startLicet, targetOf } from "../helpers/licet.js";
import { RawClient } from "../helpers/raw-client.js";
import { createDatabase, testServers } from "../helpers/servers.js";
import * as wire from "../helpers/wire.js";

const SCHEMA =
	"CREATE SCHEMA app; CREATE TABLE app.users (id int, email text); INSERT INTO app.users VALUES (1, 'a@b.example')";
const TERMS = {
	permits: [{ on: ["app.*"], commands: ["read"] }],
	masks: [{ columns: ["app.users.email"], with: "email" }],
	recording: { results: 2 },
};

await t.test("licet verify, key, checkpoint and bundles", async (t) => {
	const url = await createDatabase(t, testServers().pg15, SCHEMA);
	const licet = await startLicet(t, { targets: { shop: targetOf(url) }, licenses: { terms: license("terms", TERMS) } });
	const out = t.testdir();
	const grant = await licet.grant({ license: "terms", target: "shop" });
	const client = await RawClient.login(rawGrant(grant));
	for (let number = 1; number <= 5; number++)
		await client.query(`SELECT id, email FROM app.users WHERE id = ${number}`);
	await client.query("SELECT secret FROM hr.salaries");
	client.send(wire.terminate);
	await client.untilEnd();
	const running = await licet.cli("verify");
	t.match(running, { code: 0, stdout: /verified: nothing was changed/ }, "while it runs");
	t.match(running.stdout, /no --key was given/);
	const key = (await licet.cli("key")).stdout.trim();
	t.match(key, /^licet\/n_[0-9a-f]{16}\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/);
	t.match(licet.log(), new RegExp(key.replaceAll("+", "\\+")), "it is told at the start");
	await licet.stop();
	const kept = join(out, "checkpoint");
	writeFileSync(kept, (await licet.cli("checkpoint")).stdout);
	t.match(await licet.json("verify", "--key", key, "--checkpoint", kept), { ok: true, findings: [] });
	const { last } = (await licet.json("verify")) as { last: { note: string } };
	t.equal(last.note, readFileSync(kept, "utf8"), "what verify tells of the last checkpoint can be kept as well");

	const folder = join(licet.folder, "data", "log");
	const [line = ""] = readFileSync(join(folder, "000000000000.jsonl"), "utf8")
		.split("\n")
		.filter((one) => one.includes('"session.start"'));
	const { session } = JSON.parse(line) as { session: string };
	t.match(await licet.json("verify", session, "--key", key), {
		ok: true,
		session,
		statements: 6,
		ended: true,
		license: true,
	});
	const file = join(out, "bundle.jsonl");
	t.match(await licet.cli("export", session, "--format", "bundle", "--output", file), { code: 0 });
	const alone = await runLicet(["verify", file, "--key", key]);
	t.match(
		alone,
		{ code: 0, stdout: /these entries are the session as it was recorded/ },
		"needs neither configuration nor data",
	);
	/* From a checkpoint kept elsewhere: the log's first one, before the session began. */
	const early = join(out, "early");
	writeFileSync(early, `${readFileSync(join(folder, "checkpoints"), "utf8").split("\n\n").slice(0, 2).join("\n\n")}\n`);
	const from = ["--checkpoint", early] as const;
	t.match(await runLicet(["verify", file, "--key", key, ...from]), { code: 1, stdout: /export it with --checkpoint/ });
	t.match(await licet.json("verify", session, "--key", key, ...from), { ok: true, extends: /^[1-9]\d*$/ });
	t.match(await licet.cli("export", session, "--format", "csv", ...from), { code: 2, stderr: /--format bundle/ });
	t.match(await licet.cli("export", session, "--format", "bundle", "--output", file, ...from), { code: 0 });
	t.match(await runLicet(["verify", file, "--key", key, ...from]), { code: 0, stdout: /extends {5}the checkpoint/ });
	writeFileSync(file, readFileSync(file, "utf8").replace("id = 3", "id = 8"));
	t.match(await runLicet(["verify", file, "--key", key]), {
		code: 1,
		stdout: /entry \d+, session s_\S+: it is not in the tree that was signed/,
	});
	t.match(await runLicet(["verify", file]), { code: 2, stderr: /name the key with --key/ });
	t.match(await runLicet(["verify", join(out, "none"), "--key", key]), { code: 2 });
	t.match(await licet.cli("verify", "--key", "no key"), { code: 2, stderr: /expected a verifier key/ });
	t.match(await licet.cli("verify", "--checkpoint", file), { code: 2, stderr: /expected a checkpoint/ });
	t.match(await licet.cli("verify", "s_none"), { code: 1, stderr: /no session s_none/ });

	const copy = join(out, "copy");
	mkdirSync(copy);
	cpSync(folder, copy, { recursive: true });
	const path = join(copy, "000000000000.jsonl");
	const log = readFileSync(path, "utf8");
	writeFileSync(path, log.replace("WHERE id = 2", "WHERE id = 9"));
	const changed = await runLicet(["verify", "--log", copy, "--key", key]);
	t.match(changed, { code: 1, stdout: /NOT VERIFIED/ });
	t.match(
		changed.stdout,
		new RegExp(`000000000000\\.jsonl, entry \\d+, session ${session}: it is not what was signed`),
	);
	writeFileSync(path, log);
	t.match(await runLicet(["verify", "--log", copy, "--key", key]), { code: 0 });
	/* An older state, put back. */
	await licet.start();
	await licet.stop();
	writeFileSync(kept, (await licet.cli("checkpoint")).stdout);
	t.match(await runLicet(["verify", "--log", copy, "--key", key, "--checkpoint", kept]), {
		code: 1,
		stdout: /it has been set back/,
	});
	t.match(await licet.cli("verify", "--key", key, "--checkpoint", kept), { code: 0 });

	t.match(await licet.cli("key", "rotate"), { code: 0, stdout: /takes over when/ });
	t.match(await licet.cli("key", "rotate"), { code: 1, stderr: /there already/ });
	await licet.start();
	await licet.stop();
	const waited = (await licet.cli("key")).stdout.trim();
	t.not(waited, key);
	/* While it runs, at once. */
	await licet.start();
	const { key: next } = (await licet.json("key", "rotate")) as { readonly key: string };
	t.equal((await licet.cli("key")).stdout.trim(), next);
	t.not(next, waited);
	t.match(await licet.cli("verify", "--key", key), { code: 0, stdout: /and then/ });
	await licet.stop();
	for (const either of [key, waited, next]) t.match(await licet.cli("verify", "--key", either), { code: 0 });
	t.match(await licet.cli("export", session, "--format", "bundle", "--output", file), { code: 0 });
	for (const either of [key, next]) t.match(await runLicet(["verify", file, "--key", either]), { code: 0 });

	/* A log that lost what it had signed is not written to. */
	rmSync(join(folder, "000000000000.jsonl"));
	await t.rejects(licet.start(), /has been cut, changed or restored/);
	t.notOk(readdirSync(folder).includes("000000000000.jsonl"));
});
