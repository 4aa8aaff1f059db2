/**
 * The command line: parses words, runs one command, maps how it ended to an exit code (0; 1 failed; 2 wrong use).
 * Each command is loaded when it is asked for: a small one starts fast, and `serve` holds nothing that it does not use.
 */
import { setFlagsFromString } from "node:v8";
import { Command, CommanderError } from "commander";
import { AccessError } from "../access/errors.js";
import { CommandFailure } from "./failure.js";
import { version } from "./version.js";

const CONFIG = ["--config <file>", "the configuration", "./licet.yaml"] as const;
const KEY = ["--key <file>", "the auditor's private key, for what is sealed"] as const;
const JSON_FLAG = ["--json", "for machines"] as const;

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}

/** Waits for a slow reader of a long output. */
function write(text: string): Promise<void> {
	return new Promise((resolve, reject) => {
		process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
	});
}

function program(): Command {
	const licet = new Command("licet")
		.description("A database access proxy that enforces a license.")
		.version(version(), "--version")
		.exitOverride()
		.showHelpAfterError("(licet --help, or --help behind a command, tells what there is)")
		.configureOutput({
			writeOut: (text) => process.stdout.write(text),
			outputError: (text, write) => write(text.replace(/^error: /, "licet: ")),
		});
	licet
		.command("serve")
		.description("run the proxy; its log is JSON, a line an event")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (options) => {
			keepYoungGenerationSmall();
			await (await import("./commands/serve.js")).serve(options);
		});
	licet
		.command("demo")
		.description("a licensed database to try, with everything it needs")
		.option(...JSON_FLAG)
		.action(async (options) => {
			keepYoungGenerationSmall();
			await (await import("./commands/demo.js")).demo(options, say);
		});
	addGrantCommands(licet);
	addSessionCommands(licet);
	addExportCommand(licet);
	addEvidenceCommands(licet);
	addExplainCommand(licet);
	addLicenseCommands(licet);
	return licet;
}

/**
 * What a proxy allocates dies with its statement, so a young generation of a few megabytes serves it as well as one of
 * 48, to which V8 lets it grow while the program loads: 30 MB less of memory, no difference in processor time was measured.
 * Without effect on what has grown already, so it is said before the rest is loaded.
 */
function keepYoungGenerationSmall(): void {
	setFlagsFromString("--semi-space-growth-factor=1");
}

function addGrantCommands(licet: Command): void {
	licet
		.command("grant")
		.description("issue a grant at once and print its credentials")
		.requiredOption("--license <id>", "the license it is under")
		.requiredOption("--target <name>", "the target it opens")
		.requiredOption("--subject <name>", "who acts: alice, service:nightly-etl")
		.option("--group <name...>", "groups that the subject is in, where the license names groups")
		.option("--database <name>", "a database of the target, by default its first")
		.option("--duration <time>", "how long: 30m, 1h, 1d", "1h")
		.option("--reason <text>", "why")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (options) => say(await (await import("./commands/grants.js")).grant(options)));
	licet
		.command("grants")
		.description("list grants, newest first")
		.option("--active", "only those that still open something")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (options) => say(await (await import("./commands/grants.js")).grants(options)));
	licet
		.command("revoke <grant>")
		.description("end a grant and its sessions")
		.option("--reason <text>", "why")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (id: string, options) => say(await (await import("./commands/grants.js")).revoke(id, options)));
	licet
		.command("connect <target> [words...]")
		.description("open psql, mariadb or mysql on a target with a grant for yourself")
		.option("--license <id>", "the license; may be left out when only one is in use on the target")
		.option("--database <name>", "a database of the target, by default its first")
		.option("--subject <name>", "who acts, by default your user name here")
		.option("--duration <time>", "how long: 30m, 1h, 1d", "1h")
		.option("--reason <text>", "why")
		.option(...CONFIG)
		.option("--json", "print the grant in place of opening a client")
		.action(async (target: string, words: string[], options) => {
			process.exitCode = await (await import("./commands/connect.js")).connect(target, words, options, say);
		});
}

function addSessionCommands(licet: Command): void {
	licet
		.command("sessions")
		.description("list sessions, newest first")
		.option("--live", "only those that run now")
		.option("--subject <name>", "of this subject: alice, service:nightly-etl")
		.option("--license <id>", "under this license")
		.option("--target <name>", "on this target")
		.option("--since <time>", "that ran at or after it: 2026-01-31, 2026-01-31T12:00Z, or how long ago: 2h")
		.option("--until <time>", "that ran before it")
		.option("--denied", "with a denied statement")
		.option("--text <text>", "with a statement that holds it, as `licet search` finds it")
		.option("--limit <number>", "as many of the newest (by default 1000)")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (options) => say(await (await import("./commands/sessions.js")).sessions(options)));
	licet
		.command("search <text...>")
		.description("find statements by their text or parameters, newest first; several texts: all in one statement")
		.option("--subject <name>", "of this subject")
		.option("--license <id>", "under this license")
		.option("--target <name>", "on this target")
		.option("--since <time>", "taken at or after it: 2026-01-31, 2026-01-31T12:00Z, or how long ago: 2h")
		.option("--until <time>", "taken before it")
		.option("--denied", "only those that were denied")
		.option("--limit <number>", "as many of the newest (by default 100)")
		.option(...KEY)
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (texts: string[], options) =>
			write(`${await (await import("./commands/search.js")).search(texts, options)}\n`),
		);
	licet
		.command("kill <session>")
		.description("end a session")
		.option("--reason <text>", "why")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (id: string, options) => say(await (await import("./commands/sessions.js")).kill(id, options)));
	licet
		.command("forget <session>")
		.description(
			"destroy the key of a sealed session: what it has sealed is erased, and the recording still proves the rest",
		)
		.option("--reason <text>", "why")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (id: string, options) => say(await (await import("./commands/sessions.js")).forget(id, options)));
	licet
		.command("replay <session>")
		.description("show a session as it was")
		.option("--plain", "as text, not in the player: what a pipe gets anyway")
		.option("--speed <factor>", "times as fast as it was; 0: without pauses")
		.option("--follow", "go on with a session that still runs")
		.option(...KEY)
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (id: string, options) => (await import("./commands/replay.js")).replay(id, options, write));
}

function addExportCommand(licet: Command): void {
	licet
		.command("export <session>")
		.description("write a session in a format for other programs")
		.option("--format <format>", "bundle, jsonl, sql, asciicast, ocsf or csv")
		.option("--json", "the same as --format jsonl")
		.option("--output <file>", "into this file, readable for its owner alone")
		.option("--checkpoint <file>", "in a bundle: prove that the log extends a checkpoint that was kept elsewhere")
		.option(...KEY)
		.option(...CONFIG)
		.action(async (id: string, options) => (await import("./commands/export.js")).exportSession(id, options, write));
}

function addEvidenceCommands(licet: Command): void {
	licet
		.command("verify [what]")
		.description("prove that the recording is what was signed: all of it, a session, or a bundle file")
		.option("--key <key>", "the verifier key that must have signed, or a file that holds it")
		.option("--checkpoint <file>", "a checkpoint that was kept elsewhere, which the log must extend")
		.option("--log <folder>", "the recording's folder, where there is no configuration")
		.option("--open-end", "report what no checkpoint covers at the end, without failing: for a copy of a running log")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (what: string | undefined, options) => {
			const { verify } = await import("./commands/verify.js");
			process.exitCode = await verify(what, options, Date.now, say);
		});
	licet
		.command("key [action] [file]")
		.description(
			"print the verifier key that the recording is signed with; `key rotate`: make a new one; `key auditor FILE`: make the key pair that seals literals (FILE.pub) and opens them (FILE)",
		)
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (action: string | undefined, file: string | undefined, options) => {
			const { auditorKey, key, rotateKey } = await import("./commands/key.js");
			if (action === "auditor" && file !== undefined) say(auditorKey(file, options));
			else if (action === undefined) say(key(options));
			else if (action === "rotate" && file === undefined) say(await rotateKey(options));
			else throw new CommandFailure("key: expected nothing, rotate, or auditor FILE", 2);
		});
	licet
		.command("checkpoint")
		.description("print the recording's newest checkpoint, to be kept elsewhere")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (options) => write((await import("./commands/key.js")).checkpoint(options)));
}

function addExplainCommand(licet: Command): void {
	licet
		.command("explain <decision>")
		.description("why a statement was allowed or denied, by the decision's id")
		.option(...KEY)
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (id: string, options) =>
			write(`${await (await import("./commands/explain.js")).explainDecision(id, options)}\n`),
		);
}

function addLicenseCommands(licet: Command): void {
	const license = licet.command("license").description("license documents");
	license
		.command("validate <file...>")
		.description("check license documents; every error at once")
		.option(...JSON_FLAG)
		.action(async (files: string[], options) => (await import("./commands/license.js")).validate(files, options, say));
	license
		.command("explain <sql>")
		.description("what a license says to a statement, and why; nothing is run")
		.requiredOption("--license <id>", "the license")
		.requiredOption("--target <name>", "the target")
		.option("--database <name>", "a database of the target, by default its first")
		.option(...CONFIG)
		.option(...JSON_FLAG)
		.action(async (sql: string, options) =>
			write(`${await (await import("./commands/explain.js")).explainStatement(sql, options)}\n`),
		);
	license
		.command("schema")
		.description("print the JSON Schema of a license")
		.option("--of <document>", "license, or config for licet.yaml", "license")
		.option("--json", "as it is anyway")
		.action(async (options: { of: string }) => {
			const schemas = (await import("../licensing/schema.js")).jsonSchemas();
			if (options.of !== "license" && options.of !== "config") {
				throw new CommandFailure(`--of ${options.of}: expected license or config`, 2);
			}
			say(JSON.stringify(schemas[options.of], undefined, 2));
		});
}

async function main(): Promise<void> {
	// Who reads the output has seen enough (`licet replay … | head`): that is no failure.
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
		process.exit(0);
	});
	try {
		await program().parseAsync();
	} catch (error) {
		process.exitCode = exitCode(error);
	}
}

function exitCode(error: unknown): number {
	// commander has said what was wrong; help and version are no failures.
	if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
	if (error instanceof CommandFailure) {
		if (error.message !== "") process.stderr.write(`licet: ${error.message}\n`);
		return error.exitCode;
	}
	const isOurs =
		error instanceof AccessError || (error instanceof Error && ("code" in error || error.name === "StoreError"));
	process.stderr.write(
		`licet: ${error instanceof Error ? (isOurs ? error.message : (error.stack ?? error.message)) : String(error)}\n`,
	);
	return 1;
}

await main();
