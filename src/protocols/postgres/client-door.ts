/**
 * The door at which a PostgreSQL client knocks: encryption requests, cancel requests, startup, SCRAM.
 *
 * Specification: PostgreSQL documentation, "Start-up", "SSL Session Encryption", "GSSAPI Session Encryption",
 * "Canceling Requests in Progress". Nothing is read past a message that changes the meaning of what follows it: bytes
 * that came in the clear behind an SSLRequest are refused (CVE-2021-23222).
 */
import type {
	ClientDoor,
	ClientDoorOptions,
	ClientLoginRequest,
	DenialCase,
	DoorAction,
	PasswordVerifier,
	UpstreamReady,
} from "../engine.js";
import { LOGIN_MESSAGE_BYTES } from "./bounds.js";
import { ClientLogin } from "./client-login.js";
import { HEADER_BYTES } from "./codes.js";
import { encodeError } from "./errors.js";
import { backendKeyData, parameterStatus, readyForQuery } from "./messages.js";
import { negotiateVersion, PROTOCOL_OPTION_PREFIX, parseOptions, readStartup, type StartupPacket } from "./startup.js";

type Startup = Extract<StartupPacket, { kind: "startup" }>;

const YES = Buffer.from("S");
const NO = Buffer.from("N");
const EMPTY = Buffer.alloc(0);

/** Secrets of protocol 3.2 may be up to 256 bytes; 32 cannot be guessed. */
const LONG_SECRET_BYTES = 32;
const SHORT_SECRET_BYTES = 4;

/** SQLSTATEs by which a login or a fresh session ends. */
const refusalCodes = {
	notPermitted: "42501",
	columnNotPermitted: "42501",
	functionNotPermitted: "42501",
	unreadable: "42501",
	capExceeded: "54000",
	exhausted: "53400",
	outside: "28000",
	tooManySessions: "53300",
	password: "28P01",
	database: "3D000",
	setting: "42501",
	upstream: "08001",
	recording: "53100",
} as const;

export class PostgresClientDoor implements ClientDoor {
	#buffer: Buffer = EMPTY;
	#state: "startup" | "securing" | "identifying" | "proving" | "done" | "closed" = "startup";
	#secured: boolean;
	#binding: Buffer | undefined;
	#askedTls = false;
	#askedGss = false;
	#minor = 0;
	#login: ClientLogin | undefined;
	#username = "";
	readonly #tls: "none" | "offered" | "required";

	constructor(options: Pick<ClientDoorOptions, "tls" | "isSecured">) {
		this.#tls = options.tls;
		this.#secured = options.isSecured;
	}

	start(): readonly DoorAction[] {
		return [];
	}

	get secretBytes(): number {
		return this.#minor >= 2 ? LONG_SECRET_BYTES : SHORT_SECRET_BYTES;
	}

	leftover(): Buffer {
		return this.#buffer;
	}

	secured(channelBinding: Buffer | undefined): void {
		this.#secured = true;
		this.#binding = channelBinding;
		if (this.#state === "securing") this.#state = "startup";
	}

	receive(chunk: Buffer): readonly DoorAction[] {
		if (this.#state === "closed") return [];
		this.#buffer = this.#buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffer, chunk]);
		switch (this.#state) {
			case "startup":
				return this.#startup();
			case "proving":
				return this.#prove();
			case "identifying":
			case "securing":
			case "done":
				return this.#buffer.length > LOGIN_MESSAGE_BYTES ? [this.#broken("too many bytes before the login")] : [];
		}
	}

	#startup(): readonly DoorAction[] {
		const actions: DoorAction[] = [];
		for (;;) {
			const packet = readStartup(this.#buffer, LOGIN_MESSAGE_BYTES);
			if (packet.kind === "incomplete") return actions;
			if (packet.kind === "malformed") return [...actions, this.#broken(packet.message)];
			this.#buffer = this.#buffer.subarray(packet.bytes);
			switch (packet.kind) {
				case "gss":
					if (this.#askedGss || this.#secured) return [...actions, this.#broken("unexpected GSSENCRequest")];
					this.#askedGss = true;
					if (this.#buffer.length > 0)
						return [...actions, this.#broken("received unencrypted data after GSSAPI encryption request")];
					actions.push({ kind: "send", bytes: NO });
					break;
				case "ssl":
					if (this.#askedTls || this.#secured) return [...actions, this.#broken("unexpected SSLRequest")];
					this.#askedTls = true;
					// As the server does, whatever the answer: nobody may speak before it was given.
					if (this.#buffer.length > 0) return [...actions, this.#broken("received unencrypted data after SSL request")];
					if (this.#tls !== "none") return [...actions, ...this.#beginTls()];
					actions.push({ kind: "send", bytes: NO });
					break;
				case "cancel":
					this.#state = "closed";
					return [...actions, { kind: "cancel", key: this.cancelKey(packet.processId, packet.secret) }];
				case "startup":
					return [...actions, ...this.#identify(packet)];
			}
		}
	}

	#beginTls(): readonly DoorAction[] {
		this.#state = "securing";
		return [{ kind: "send", bytes: YES }, { kind: "startTls" }];
	}

	#identify(packet: Startup): readonly DoorAction[] {
		if (packet.major !== 3) {
			const version = `${packet.major}.${packet.minor}`;
			const text = `unsupported frontend protocol ${version}: server supports 3.0 to 3.2`;
			return [this.#refuse("0A000", text, `unsupported protocol ${version}`)];
		}
		if (this.#tls === "required" && !this.#secured) {
			return [this.#refuse("28000", "this server accepts TLS connections only (sslmode=require)", "no TLS")];
		}
		if (this.#buffer.length > 0) return [this.#broken("received data before the login was asked for")];
		const username = packet.parameters.get("user") ?? "";
		if (username === "") {
			return [this.#refuse("28000", "no PostgreSQL user name specified in startup packet", "no user name")];
		}
		const replication = packet.parameters.get("replication");
		if (replication !== undefined && !/^(false|off|no|0|)$/i.test(replication)) {
			return [this.#refuse("0A000", "replication connections are not served by this proxy", "replication")];
		}
		const settings = settingsOf(packet.parameters);
		if (typeof settings === "string") return [this.#refuse("42601", settings, "malformed options")];
		this.#username = username;
		this.#minor = Math.min(packet.minor, 2);
		this.#state = "identifying";
		const login: ClientLoginRequest = {
			username,
			database: packet.parameters.get("database") || undefined,
			application: settings.get("application_name"),
			settings,
		};
		const unknown = [...packet.parameters.keys()].filter((name) => name.startsWith(PROTOCOL_OPTION_PREFIX));
		const negotiation = negotiateVersion(packet.minor, unknown);
		const actions: DoorAction[] = [{ kind: "identify", login }];
		return negotiation === undefined ? actions : [{ kind: "send", bytes: negotiation }, ...actions];
	}

	verify(verifier: PasswordVerifier, nonce: string): readonly DoorAction[] {
		this.#login = new ClientLogin({ verifier: verifier.scramSha256, nonce, channelBinding: this.#binding });
		this.#state = "proving";
		return [{ kind: "send", bytes: this.#login.start() }, ...this.#prove()];
	}

	#prove(): readonly DoorAction[] {
		if (this.#buffer.length < HEADER_BYTES) return [];
		const bytes = this.#buffer.readInt32BE(1) + 1;
		if (bytes < HEADER_BYTES || bytes > LOGIN_MESSAGE_BYTES) return [this.#broken("invalid message length")];
		if (this.#buffer.length < bytes) return [];
		const body = this.#buffer.subarray(HEADER_BYTES, bytes);
		const type = this.#buffer[0] as number;
		this.#buffer = this.#buffer.subarray(bytes);
		const step = (this.#login as ClientLogin).receive(type, body);
		switch (step.kind) {
			case "send":
				return [{ kind: "send", bytes: step.bytes }, ...this.#prove()];
			case "authenticated":
				this.#state = "done";
				return [{ kind: "send", bytes: step.bytes }, { kind: "authenticated" }];
			case "failed": {
				const text = `password authentication failed for user "${this.#username}"`;
				return [this.#refuse("28P01", text, step.reason)];
			}
		}
	}

	refusal(cause: keyof typeof refusalCodes | DenialCase, message: string, detail?: string, code?: string): Buffer {
		const fields = { severity: "FATAL" as const, code: code ?? refusalCodes[cause], message };
		return encodeError(detail === undefined ? fields : { ...fields, detail });
	}

	welcome(upstream: UpstreamReady, key: { readonly processId: number; readonly secret: Buffer }): Buffer {
		const frames: Buffer[] = [];
		for (const [name, value] of upstream.reported) frames.push(parameterStatus(name, value));
		frames.push(...upstream.frames, backendKeyData(key.processId, key.secret), readyForQuery(upstream.status));
		return Buffer.concat(frames);
	}

	cancelKey(processId: number, secret: Buffer): string {
		return `${processId >>> 0}:${secret.toString("hex")}`;
	}

	#refuse(code: string, message: string, reason: string): DoorAction {
		this.#state = "closed";
		this.#buffer = EMPTY;
		return { kind: "refuse", bytes: encodeError({ severity: "FATAL", code, message }), reason };
	}

	#broken(message: string): DoorAction {
		return this.#refuse("08P01", message, message);
	}
}

/** Parameters that are the protocol's own; the rest are settings, those of `options` (-c) first, as the server takes them. */
function settingsOf(parameters: ReadonlyMap<string, string>): Map<string, string> | string {
	const settings = new Map<string, string>();
	const options = parameters.get("options");
	if (options !== undefined) {
		const parsed = parseOptions(options);
		if (parsed.kind === "malformed") return parsed.message;
		for (const [name, value] of parsed.options) settings.set(name, value);
	}
	for (const [name, value] of parameters) {
		if (PROTOCOL_PARAMETERS.has(name) || name.startsWith(PROTOCOL_OPTION_PREFIX)) continue;
		settings.set(name.toLowerCase(), value);
	}
	return settings;
}

const PROTOCOL_PARAMETERS: ReadonlySet<string> = new Set(["user", "database", "options", "replication"]);
