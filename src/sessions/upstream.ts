/**
 * Connects to a target: TCP, TLS as the target says, login. What comes out is a connection that is ready for a relay.
 */
import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { TargetConfig } from "../config/document.js";
import type { Engine, UpstreamAction, UpstreamReady } from "../protocols/engine.js";

export interface Upstream {
	readonly socket: Socket;
	readonly ready: UpstreamReady;
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
	readonly nonce: string;
	readonly timeoutMs: number;
}

export function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Rejects with UpstreamError. */
export function connectUpstream(options: UpstreamOptions): Promise<Upstream> {
	const { engine, target, database, password, settings, nonce } = options;
	const door = engine.upstreamDoor({
		username: target.credentials.username,
		password,
		database,
		settings,
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
						resolve({ socket, ready: action.upstream, secured });
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

/** Sends a cancel request over a connection of its own; resolves when the server has closed it, so that it cannot come late. */
export function sendCancel(target: TargetConfig, request: Buffer, timeoutMs: number): Promise<void> {
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
