/**
 * Speaks to the `serve` that runs on a configuration, over its admin socket.
 */
import { request } from "node:http";
import { userInfo } from "node:os";
import { INCOMPLETE_HEADER } from "../api/requests.js";
import { type Config, loadConfig } from "../config/document.js";
import { formatProblem } from "../config/problem.js";
import { CommandFailure } from "./failure.js";
import { adminSocket } from "./paths.js";

/** The configuration that a command works on. `isOwner`: it will serve it, so that everything it names must exist. */
export function configuration(file: string, isOwner: boolean): Config {
	const result = loadConfig(file, process.env, { references: isOwner ? "check" : "skip" });
	if ("config" in result) return result.config;
	throw new CommandFailure(result.problems.map(formatProblem).join("\n"), 1);
}

/** Who asks, for the recording. */
export function operator(): string {
	return userInfo().username;
}

/** Nobody listens on the admin socket. */
export class ServeAbsent extends CommandFailure {
	constructor(socket: string) {
		super(`${socket}: no \`licet serve\` is running on this configuration`, 1);
	}
}

export class AdminClient {
	readonly #socket: string;

	constructor(config: Config) {
		this.#socket = adminSocket(config);
	}

	get(path: string): Promise<unknown> {
		return this.#ask("GET", path, undefined);
	}

	/** A list; `tell` hears why there may be more, if there may. */
	list(path: string, tell: (why: string) => void): Promise<unknown> {
		return this.#ask("GET", path, undefined, tell);
	}

	post(path: string, body: unknown): Promise<unknown> {
		return this.#ask("POST", path, JSON.stringify(body));
	}

	#ask(method: string, path: string, body: string | undefined, tell?: (why: string) => void): Promise<unknown> {
		return new Promise((resolve, reject) => {
			const headers = body === undefined ? {} : { "content-type": "application/json" };
			const asked = request({ socketPath: this.#socket, method, path, headers }, (response) => {
				let text = "";
				response.setEncoding("utf8");
				response.on("data", (chunk: string) => {
					text += chunk;
				});
				response.on("end", () => {
					const answer: unknown = parseAnswer(text);
					const incomplete = response.headers[INCOMPLETE_HEADER];
					if (typeof incomplete === "string") tell?.(incomplete);
					if (response.statusCode === 200) resolve(answer);
					else reject(new CommandFailure(errorOf(answer) ?? `the server answered ${response.statusCode}`, 1));
				});
			});
			asked.on("error", (error: NodeJS.ErrnoException) => {
				const absent = error.code === "ENOENT" || error.code === "ECONNREFUSED";
				reject(absent ? new ServeAbsent(this.#socket) : new CommandFailure(`${this.#socket}: ${error.message}`, 1));
			});
			asked.end(body);
		});
	}
}

function parseAnswer(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function errorOf(answer: unknown): string | undefined {
	if (typeof answer !== "object" || answer === null || !("error" in answer)) return undefined;
	return typeof answer.error === "string" ? answer.error : undefined;
}
