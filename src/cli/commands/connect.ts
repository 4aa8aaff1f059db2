/** `licet connect TARGET`: a grant for yourself, and the database's own client opened with it. */
import { spawn } from "node:child_process";
import { AdminClient, configuration, operator } from "../admin-client.js";
import { clientProgram, ENGINE_NAMES, type IssuedGrant, programsOf } from "../client-programs.js";
import { CommandFailure } from "../failure.js";
import { type GrantOptions, grant } from "./grants.js";

export interface ConnectOptions {
	readonly config: string;
	readonly license?: string;
	readonly database?: string;
	readonly subject?: string;
	readonly duration: string;
	readonly reason?: string;
	readonly json?: boolean;
}

/** Resolves with the client's exit code. `words`: what is passed on to it. */
export async function connect(
	target: string,
	words: readonly string[],
	options: ConnectOptions,
	say: (text: string) => void,
): Promise<number> {
	const { targets } = configuration(options.config, false);
	if (!targets.has(target))
		throw new CommandFailure(`there is no target "${target}"; expected one of ${[...targets.keys()].join(", ")}`, 1);
	const license = options.license ?? (await onlyLicense(target, options));
	const request: GrantOptions = {
		config: options.config,
		license,
		target,
		...(options.database === undefined ? {} : { database: options.database }),
		subject: options.subject ?? operator(),
		duration: options.duration,
		reason: options.reason ?? "licet connect",
		json: true,
	};
	const printed = await grant(request);
	if (options.json === true) {
		say(printed);
		return 0;
	}
	const issued = JSON.parse(printed) as IssuedGrant;
	const names = programsOf(issued.engine).join(" or ");
	const instead = `any ${ENGINE_NAMES[issued.engine]} client connects with ${issued.url}`;
	const opening = clientProgram(issued, process.env.PATH);
	if (opening === undefined) throw new CommandFailure(`${names} cannot be run here; ${instead}`, 1);
	const env = { ...process.env, ...opening.env };
	return new Promise((resolve, reject) => {
		const client = spawn(opening.program, [...opening.words, ...words], { env, stdio: "inherit" });
		client.once("error", () => {
			reject(new CommandFailure(`${opening.program} cannot be run here; ${instead}`, 1));
		});
		client.once("close", (code) => resolve(code ?? 1));
	});
}

/** Without --license: the one that the newest active grants on the target name, if it is only one. */
async function onlyLicense(target: string, options: ConnectOptions): Promise<string> {
	const grants = (await new AdminClient(configuration(options.config, false)).get("/v1/grants?active=true")) as Record<
		string,
		string
	>[];
	const names = [...new Set(grants.filter((one) => one.target === target).map((one) => one.license))];
	const [only] = names;
	if (only === undefined || names.length > 1) {
		const why =
			names.length > 1
				? `several licenses are in use on ${target} (${names.join(", ")})`
				: `no license is in use on ${target}`;
		throw new CommandFailure(`${why}: name one with --license`, 2);
	}
	return only;
}
