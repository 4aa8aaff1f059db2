/**
 * The administration of a running node over HTTP: on the admin socket (a Unix socket in the data folder that only its
 * owner can open, which is the authentication) everything, on the API's port only what says that the node is alive.
 */
import { chmodSync, existsSync, rmSync } from "node:fs";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { z } from "zod";
import type { Address } from "../config/document.js";
import type { Logger } from "../telemetry/log.js";
import {
	type ExplainInput,
	endInput,
	explainInput,
	type GrantInput,
	grantInput,
	INCOMPLETE_HEADER,
	type Listed,
	ROTATE_PATH,
	SEARCH_PATH,
	type SearchInput,
	type SessionsInput,
	searchInput,
	sessionsInput,
} from "./requests.js";

/** What an administrator may do. Methods reject with errors whose message is for the person. */
export interface Control {
	issueGrant(request: GrantInput): Promise<unknown>;
	grants(activeOnly: boolean): Promise<readonly unknown[]>;
	revoke(grant: string, by: string, reason: string): Promise<unknown>;
	sessions(request: SessionsInput): Promise<Listed>;
	search(request: SearchInput): Promise<Listed>;
	kill(session: string, by: string, reason: string): boolean;
	/** Destroys the key of a sealed session that has ended. */
	forget(session: string, by: string, reason: string): Promise<unknown>;
	/** Has a new key sign the recording from now on. */
	rotateKey(): Promise<unknown>;
	/** What a license says to a text on a target, without running it. */
	explain(request: ExplainInput): Promise<unknown>;
	/** Undefined: healthy. */
	trouble(): string | undefined;
}

/** 64 KiB: no request of an administrator is longer. */
const BODY_BYTES = 64 * 1024;
/** A statement at its longest, with what JSON adds to it. */
const EXPLAIN_BYTES = 4 * 1024 * 1024;

function server(control: Control, log: Logger): FastifyInstance {
	const app = Fastify({ bodyLimit: BODY_BYTES, forceCloseConnections: true });
	app.setErrorHandler((error, _request, reply) => {
		const status = statusOf(error);
		if (status >= 500)
			log.error({ err: error instanceof Error ? error.stack : String(error) }, "administration request failed");
		const message =
			error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : String(error);
		return reply.code(status).send({ error: message });
	});
	app.get("/health", (_request, reply) => {
		const trouble = control.trouble();
		return reply
			.code(trouble === undefined ? 200 : 503)
			.send(trouble === undefined ? { status: "ok" } : { status: "failing", trouble });
	});
	return app;
}

/** Codes of JournalError that tell of what was asked, not of the recording's state. */
const CALLERS_FAULT: ReadonlySet<unknown> = new Set(["unknown", "key"]);

function statusOf(error: unknown): number {
	if (error instanceof z.ZodError) return 400;
	if (error instanceof Error && (error.name === "AccessError" || error.name === "LoginRefusal")) return 422;
	if (error instanceof Error && error.name === "JournalError" && "code" in error && CALLERS_FAULT.has(error.code))
		return 422;
	if (error instanceof Error && "statusCode" in error && typeof error.statusCode === "number") return error.statusCode;
	return 500;
}

export interface Running {
	close(): Promise<void>;
}

/** Opens the admin socket. A socket left over by a process that died is taken over. */
export async function openAdminSocket(path: string, control: Control, log: Logger): Promise<Running> {
	const app = server(control, log);
	app.post("/v1/grants", (request) => control.issueGrant(grantInput.parse(request.body)));
	app.get<{ Querystring: { active?: string } }>("/v1/grants", (request) =>
		control.grants(request.query.active === "true"),
	);
	app.post<{ Params: { id: string } }>("/v1/grants/:id/revoke", (request) => {
		const { by, reason } = endInput.parse(request.body);
		return control.revoke(request.params.id, by, reason);
	});
	const listed = (reply: FastifyReply, { list, incomplete }: Listed) => {
		if (incomplete !== null) reply.header(INCOMPLETE_HEADER, incomplete);
		return list;
	};
	app.get("/v1/sessions", async (request, reply) =>
		listed(reply, await control.sessions(sessionsInput.parse(request.query))),
	);
	app.get(SEARCH_PATH, async (request, reply) => listed(reply, await control.search(searchInput.parse(request.query))));
	app.post<{ Params: { id: string } }>("/v1/sessions/:id/kill", (request, reply) => {
		const { by, reason } = endInput.parse(request.body);
		if (control.kill(request.params.id, by, reason)) return { session: request.params.id };
		return reply.code(422).send({ error: `there is no running session ${request.params.id}` });
	});
	app.post<{ Params: { id: string } }>("/v1/sessions/:id/forget", (request) => {
		const { by, reason } = endInput.parse(request.body);
		return control.forget(request.params.id, by, reason);
	});
	app.post(ROTATE_PATH, () => control.rotateKey());
	app.post("/v1/explain", { bodyLimit: EXPLAIN_BYTES }, (request) => control.explain(explainInput.parse(request.body)));
	if (existsSync(path)) rmSync(path);
	const before = process.umask(0o177);
	try {
		await app.listen({ path });
	} finally {
		process.umask(before);
	}
	chmodSync(path, 0o600);
	return { close: () => app.close() };
}

/** Opens the API's port. */
export async function openApi(address: Address, control: Control, log: Logger): Promise<Running> {
	const app = server(control, log);
	await app.listen({ host: address.host, port: address.port });
	return { close: () => app.close() };
}
