/**
 * Connects to a target: TCP, TLS as the target says, login. What comes out is a connection that is ready for a relay.
 */
import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { TargetConfig } from "../config/document.js";
import type { CancelRequest, Engine, UpstreamAction, UpstreamReady } from "../protocols/engine.js";

export interface Upstream {
	readonly socket: Socket;
	readonly ready: UpstreamReady;
	/** The database that it was opened on; "" for none. */
	readonly database: string;
	readonly secured: boolean;
}

/** `code`: the server's own, if it gave one. The message is for the log: it may name the upstream's user. */
export class UpstreamError extends Error {
	constructor(
		message: string,
		readonly code: string | undefined,
	) {
		super(message);
	}
}

export interface UpstreamOptions {
	readonly engine: Engine;
	readonly target: TargetConfig;
	readonly database: string;
	readonly password: string | undefined;
	readonly settings: ReadonlyMap<string, string>;
	/** For whom; undefined: a connection of the proxy's own. */
	readonly subject?: string | undefined;
	readonly nonce: string;
	readonly timeoutMs: number;
}

export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Rejects with UpstreamError. */
export function connectUpstream(options: UpstreamOptions): Promise<Upstream> {
	const { engine, target, database, password, settings, subject, nonce } = options;
	const door = engine.upstreamDoor({
		username: target.credentials.username,
		password,
		database,
		settings,
		subject,
		tls: target.tls,
		nonce,
		isLocal: isLoopback(target.address.host),
	});
	return new Promise((resolve, reject) => {
		let socket: Socket = connectTcp({ host: target.address.host, port: target.address.port, noDelay: true });
		let secured = false;
		const timer = setTimeout(() => fail("the login took too long"), options.timeoutMs);
		const fail = (message: string, code?: string) => {
			clearTimeout(timer);
			socket.destroy();
			reject(new UpstreamError(message, code));
		};
		const onError = (error: Error) => fail(error.message, (error as NodeJS.ErrnoException).code);
		const onEnd = () => fail("the server closed the connection during the login");
		const onData = (chunk: Buffer) => act(door.receive(chunk));
		const listen = (to: Socket) => {
			to.on("error", onError);
			to.on("end", onEnd);
			to.on("data", onData);
		};
		const forget = (from: Socket) => {
			from.removeListener("error", onError);
			from.removeListener("end", onEnd);
			from.removeListener("data", onData);
		};
		const act = (actions: readonly UpstreamAction[]) => {
			for (const action of actions) {
				switch (action.kind) {
					case "send":
						socket.write(action.bytes);
						break;
					case "startTls":
						forget(socket);
						socket = startTls(socket, target, (tls) => {
							secured = true;
							act(door.secured(tls.getPeerCertificate(true).raw));
						});
						listen(socket);
						break;
					case "ready":
						clearTimeout(timer);
						socket.pause();
						forget(socket);
						resolve({ socket, ready: action.upstream, database, secured });
						return;
					case "failed":
						fail(action.message, action.code);
						return;
				}
			}
		};
		listen(socket);
		socket.once("connect", () => act(door.start()));
	});
}

function startTls(socket: Socket, target: TargetConfig, done: (tls: TLSSocket) => void): TLSSocket {
	const { host } = target.address;
	const verifies = target.tls === "verify-full";
	const tls = connectTls({
		socket,
		// Only verify-full knows whom it talks to; require and prefer keep out those who only listen (as libpq's).
		rejectUnauthorized: verifies,
		...(isIP(host) === 0 ? { servername: host } : {}),
		...(target.ca === undefined ? {} : { ca: readFileSync(target.ca) }),
		minVersion: "TLSv1.2",
	});
	tls.once("secureConnect", () => done(tls));
	return tls;
}

/**
 * Stops what runs on a connection, over one of its own; resolves when that has been done or has failed, so that it
 * cannot come late.
 */
export async function sendCancel(options: UpstreamOptions, request: CancelRequest): Promise<void> {
	if (request.kind === "message") return sendMessage(options, request.bytes);
	const upstream = await connectUpstream(options);
	upstream.socket.on("error", () => undefined);
	try {
		// What it was to stop may be over: an error tells nothing.
		await askUpstream(upstream.socket, options.engine, request.sql, options.timeoutMs).catch(() => undefined);
	} finally {
		upstream.socket.end(options.engine.goodbye);
	}
}

function sendMessage({ target, timeoutMs }: UpstreamOptions, request: Buffer): Promise<void> {
	return new Promise((resolve) => {
		const socket = connectTcp({ host: target.address.host, port: target.address.port });
		const done = () => {
			clearTimeout(timer);
			socket.destroy();
			resolve();
		};
		const timer = setTimeout(done, timeoutMs);
		socket.on("error", done);
		socket.on("close", done);
		socket.on("end", done);
		socket.resume();
		socket.once("connect", () => socket.write(request));
	});
}

/** Runs one query on a connection of the proxy's own. Rejects with the server's error; a broken connection is destroyed. */
export function askUpstream(
	socket: Socket,
	engine: Engine,
	sql: string,
	timeoutMs: number,
): Promise<(string | null)[][]> {
	const query = engine.query(sql);
	return new Promise((resolve, reject) => {
		const finish = (done: () => void) => {
			clearTimeout(timer);
			socket.removeListener("data", onData);
			socket.removeListener("close", onClose);
			done();
		};
		const fail = (message: string) => {
			socket.destroy();
			finish(() => reject(new Error(message)));
		};
		const timer = setTimeout(() => fail("the query took too long"), timeoutMs);
		const onClose = () => fail("the connection was closed");
		const onData = (chunk: Buffer) => {
			const answer = query.receive(chunk);
			if (answer === undefined) return;
			if ("error" in answer) finish(() => reject(new Error(answer.error)));
			else finish(() => resolve(answer.rows));
		};
		socket.on("data", onData);
		socket.once("close", onClose);
		socket.resume();
		socket.write(query.bytes);
	});
}
