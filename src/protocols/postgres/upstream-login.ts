/**
 * Our own login at an upstream server, from the startup packet to the first ReadyForQuery, as a machine. It answers
 * trust, cleartext (where the caller allows it), MD5 and SCRAM; with SCRAM the server must prove itself as well.
 * Specification: PostgreSQL documentation, chapters "Start-up" and "SASL Authentication".
 */
import { createHash } from "node:crypto";
import { LOGIN_MESSAGE_BYTES } from "./bounds.js";
import { type ErrorFields, readErrorFields } from "./errors.js";
import {
	passwordMessage,
	readBackendKeyData,
	readParameterStatus,
	readReadyForQuery,
	startupMessage,
	terminated,
} from "./messages.js";
import { ScramClient } from "./scram.js";

export interface UpstreamLoginOptions {
	readonly username: string;
	/** Undefined: only servers that ask for none are entered. */
	readonly password: string | undefined;
	readonly database: string;
	/** Further startup parameters (client_encoding, options, …). */
	readonly parameters: ReadonlyMap<string, string>;
	/** For SCRAM: printable ASCII without commas. */
	readonly nonce: string;
	/** tls-server-end-point data of the server's certificate, where there is TLS. */
	readonly channelBinding?: Buffer | undefined;
	/** Whether the password itself may be sent: over TLS or to this very machine. */
	readonly allowCleartext: boolean;
}

/** After `ready`, `error` and `protocol` nothing more comes. */
export type UpstreamLoginEvent =
	| { readonly kind: "send"; readonly bytes: Buffer }
	| { readonly kind: "parameterStatus"; readonly name: string; readonly value: string }
	| { readonly kind: "notice"; readonly frame: Buffer }
	| { readonly kind: "backendKey"; readonly processId: number; readonly secret: Buffer }
	/** `rest`: the bytes after ReadyForQuery. */
	| { readonly kind: "ready"; readonly status: number; readonly rest: Buffer }
	/** The server refuses. */
	| { readonly kind: "error"; readonly fields: ErrorFields; readonly frame: Buffer }
	/** What the server says is not the protocol, or asks for what we do not do. */
	| { readonly kind: "protocol"; readonly message: string };

/** Authentication codes that we know and do not answer. */
const refusedMethods: ReadonlyMap<number, string> = new Map([
	[2, "Kerberos V5"],
	[6, "SCM credentials"],
	[7, "GSSAPI"],
	[8, "GSSAPI"],
	[9, "SSPI"],
]);

function protocol(message: string): UpstreamLoginEvent {
	return { kind: "protocol", message };
}

const malformed = protocol("the upstream sent a malformed message during login");
const outOfOrder = protocol("the upstream sent a message out of order during login");

export class UpstreamLogin {
	private readonly options: UpstreamLoginOptions;
	private state: "asked" | "answered" | "scramFirst" | "scramFinal" | "entered" | "over" = "asked";
	private scram: ScramClient | undefined;
	private pending: Buffer = Buffer.alloc(0);

	constructor(options: UpstreamLoginOptions) {
		this.options = options;
	}

	/** StartupMessage 3.0. */
	start(): Buffer {
		const { username, database, parameters } = this.options;
		return startupMessage(new Map([...parameters, ["user", username], ["database", database]]));
	}

	receive(chunk: Buffer): UpstreamLoginEvent[] {
		const events: UpstreamLoginEvent[] = [];
		if (this.state === "over") return events;
		let bytes = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
		while (bytes.length >= 5) {
			const end = 1 + bytes.readUInt32BE(1);
			if (end < 5 || end > LOGIN_MESSAGE_BYTES) events.push(this.finish(malformed));
			else if (bytes.length < end) break;
			else events.push(...this.frame(bytes.subarray(0, end), bytes.subarray(end)));
			if (this.isOver()) return events;
			bytes = bytes.subarray(end);
		}
		// Copied, since the caller may reuse the chunk.
		this.pending = Buffer.from(bytes);
		return events;
	}

	private isOver(): boolean {
		return this.state === "over";
	}

	private finish(event: UpstreamLoginEvent): UpstreamLoginEvent {
		this.state = "over";
		this.pending = Buffer.alloc(0);
		return event;
	}

	private frame(frame: Buffer, rest: Buffer): UpstreamLoginEvent[] {
		const type = String.fromCharCode(frame[0] ?? 0);
		if (type === "E") {
			const copy = Buffer.from(frame);
			return [this.finish({ kind: "error", fields: readErrorFields(copy), frame: copy })];
		}
		if (type === "N") return [{ kind: "notice", frame: Buffer.from(frame) }];
		if (this.state === "entered") return [this.session(type, frame, rest)];
		if (type === "v") return [this.finish(protocol("the upstream does not speak protocol 3.0"))];
		return type === "R" ? this.authentication(frame) : [this.finish(outOfOrder)];
	}

	/** What comes between AuthenticationOk and ReadyForQuery. */
	private session(type: string, frame: Buffer, rest: Buffer): UpstreamLoginEvent {
		if (type === "S") {
			const status = readParameterStatus(frame, 0, frame.length);
			return status === undefined ? this.finish(malformed) : { kind: "parameterStatus", ...status };
		}
		if (type === "K") {
			const key = readBackendKeyData(frame, 0, frame.length);
			return key === undefined ? this.finish(malformed) : { kind: "backendKey", ...key };
		}
		if (type !== "Z") return this.finish(outOfOrder);
		const status = readReadyForQuery(frame, 0, frame.length);
		if (status === undefined) return this.finish(malformed);
		return this.finish({ kind: "ready", status, rest: Buffer.from(rest) });
	}

	private authentication(frame: Buffer): UpstreamLoginEvent[] {
		if (frame.length < 9) return [this.finish(malformed)];
		const code = frame.readUInt32BE(5);
		const data = frame.subarray(9);
		switch (code) {
			case 0:
				return this.entered(data);
			case 3:
				return this.cleartext(data);
			case 5:
				return this.md5(data);
			case 10:
				return this.sasl(data);
			case 11:
				return this.saslContinue(data);
			case 12:
				return this.saslFinal(data);
			default: {
				const method = refusedMethods.get(code) ?? `authentication method ${code}`;
				return [this.finish(protocol(`the upstream asks for ${method}, which is not supported`))];
			}
		}
	}

	/** In the midst of SCRAM the server has not yet shown that it knows the password, so it cannot let us in. */
	private entered(data: Buffer): UpstreamLoginEvent[] {
		if (data.length !== 0) return [this.finish(malformed)];
		if (this.state !== "asked" && this.state !== "answered") return [this.finish(outOfOrder)];
		this.state = "entered";
		return [];
	}

	/** The password for a server that asks for one, once. */
	private answer(respond: (password: string) => Buffer | UpstreamLoginEvent): UpstreamLoginEvent[] {
		if (this.state !== "asked") return [this.finish(outOfOrder)];
		const { password } = this.options;
		if (password === undefined)
			return [this.finish(protocol("the upstream asks for a password and none is configured"))];
		if (password.includes("\0")) return [this.finish(protocol("the configured password holds a NUL"))];
		const response = respond(password);
		if (!Buffer.isBuffer(response)) return [this.finish(response)];
		this.state = "answered";
		return [{ kind: "send", bytes: response }];
	}

	private cleartext(data: Buffer): UpstreamLoginEvent[] {
		return this.answer((password) => {
			if (data.length !== 0) return malformed;
			if (this.options.allowCleartext) return passwordMessage(terminated(password));
			return protocol("the upstream asks for the password in clear text over a connection that others can read");
		});
	}

	/** "md5" and the hex MD5 of (the hex MD5 of password and user name) and salt. */
	private md5(salt: Buffer): UpstreamLoginEvent[] {
		return this.answer((password) => {
			if (salt.length !== 4) return malformed;
			try {
				const inner = createHash("md5").update(password).update(this.options.username).digest("hex");
				const outer = createHash("md5").update(inner).update(salt).digest("hex");
				return passwordMessage(terminated(`md5${outer}`));
			} catch {
				return protocol("the upstream asks for MD5, which this machine's cryptography does not allow");
			}
		});
	}

	private sasl(data: Buffer): UpstreamLoginEvent[] {
		const sent = this.answer((password) => {
			// Terminated strings, then an empty one: the text ends in two terminators.
			if (data.length < 2 || data[data.length - 1] !== 0 || data[data.length - 2] !== 0) return malformed;
			const offered = data.toString("latin1", 0, data.length - 2).split("\0");
			const { nonce, channelBinding } = this.options;
			const scram = new ScramClient({ password, nonce, channelBinding, offered });
			if (scram.mechanism === undefined) {
				return protocol("the upstream offers no SASL mechanism that is supported (SCRAM-SHA-256)");
			}
			this.scram = scram;
			const first = scram.first();
			const length = Buffer.alloc(4);
			length.writeInt32BE(first.length);
			return passwordMessage(Buffer.concat([terminated(scram.mechanism), length, first]));
		});
		if (this.scram !== undefined && this.state === "answered") this.state = "scramFirst";
		return sent;
	}

	private saslContinue(data: Buffer): UpstreamLoginEvent[] {
		if (this.state !== "scramFirst" || this.scram === undefined) return [this.finish(outOfOrder)];
		const step = this.scram.respond(data);
		if (step.kind === "failed") return [this.finish(protocol(`SCRAM login at the upstream: ${step.reason}`))];
		this.state = "scramFinal";
		return [{ kind: "send", bytes: passwordMessage(step.message) }];
	}

	private saslFinal(data: Buffer): UpstreamLoginEvent[] {
		if (this.state !== "scramFinal" || this.scram === undefined) return [this.finish(outOfOrder)];
		const wrong = this.scram.verify(data);
		if (wrong !== undefined) return [this.finish(protocol(`SCRAM login at the upstream: ${wrong}`))];
		this.state = "answered";
		return [];
	}
}
