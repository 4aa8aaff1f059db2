/**
 * The door at which a MySQL client knocks: our greeting, TLS, the proof of a password.
 *
 * The greeting shows the version of the server behind, since clients act on it. Nothing is read past a message that
 * changes the meaning of what follows it: what comes behind a request for TLS goes into TLS, so that nothing that came
 * in the clear can be taken for what came inside (as in PostgreSQL's CVE-2021-23222). Every sequence number is checked.
 * Specification: MySQL Internals, "Connection Phase", "Authentication Methods".
 */
import type {
	ClientDoor,
	ClientDoorOptions,
	ClientLoginRequest,
	DoorAction,
	PasswordVerifier,
	UpstreamReady,
} from "../engine.js";
import { LOGIN_PACKET_BYTES } from "./bounds.js";
import { agreed, offered, offeredExtended } from "./capabilities.js";
import { ANSWER, CAPABILITY, hasFlag, STATUS } from "./codes.js";
import { denialText, ERROR, type ErrorCode, errorPayload, refusalCodes } from "./errors.js";
import {
	authSwitchPayload,
	greetingPayload,
	type HandshakeResponse,
	readChangeUser,
	readResponse,
	SCRAMBLE_BYTES,
} from "./handshake.js";
import { isMariaDb, LOGIN, numberOf, REPORTED } from "./login-settings.js";
import { okPayload } from "./ok.js";
import { framed, HEADER_BYTES, payloadBytes } from "./packets.js";
import {
	CACHING,
	CACHING_STEP,
	checksCaching,
	checksNative,
	checksPassword,
	decryptedPassword,
	NATIVE,
	publicKeyPem,
	withoutNul,
} from "./plugins.js";

const EMPTY = Buffer.alloc(0);
/** What a client names itself by in its attributes. */
const APPLICATION = "program_name";

type Login = Omit<HandshakeResponse, "maxPacket">;

export class MysqlClientDoor implements ClientDoor {
	readonly secretBytes = 4;
	#buffer: Buffer = EMPTY;
	#state: "greeting" | "response" | "securing" | "identifying" | "switching" | "full" | "done" | "closed" = "greeting";
	/** Number of the packet that comes next, from whichever side. */
	#sequence = 0;
	#secured: boolean;
	#login: Login | undefined;
	#verifier: PasswordVerifier | undefined;
	/** How the proof is made that is being waited for. */
	#plugin = "";
	#scramble: Buffer;
	#flags = 0;
	readonly #tls: "none" | "offered" | "required";
	readonly #server: ReadonlyMap<string, string> | undefined;
	readonly #connectionId: number;
	/** Asks for the proof anew in any case: the challenge that it answers is not ours. */
	#switches = false;

	constructor(options: ClientDoorOptions) {
		this.#tls = options.tls;
		this.#secured = options.isSecured;
		this.#server = options.server;
		this.#connectionId = options.connectionId;
		this.#scramble = scrambleOf(options.random);
	}

	/**
	 * A door out of a COM_CHANGE_USER on a connection that stands. `sequence`: of that packet; `following`: what came
	 * behind it. Undefined: it is malformed.
	 */
	static changingUser(
		payload: Buffer,
		sequence: number,
		following: Buffer,
		login: ClientLoginRequest,
		server: ReadonlyMap<string, string>,
		connectionId: number,
	): { readonly door: MysqlClientDoor; readonly actions: readonly DoorAction[] } | undefined {
		const flags = numberOf(login.settings, LOGIN.flags);
		const read = readChangeUser(payload, flags);
		// Without plugins there is no way to ask for a proof that answers a new challenge.
		if (read === undefined || !hasFlag(flags, CAPABILITY.pluginAuth)) return undefined;
		const isSecured = login.settings.get(LOGIN.secured) === "1";
		const random = Buffer.alloc(SCRAMBLE_BYTES, 1);
		const door = new MysqlClientDoor({ tls: "none", isSecured, server, connectionId, random });
		door.#switches = true;
		door.#sequence = (sequence + 1) & 0xff;
		door.#flags = flags;
		door.#buffer = Buffer.from(following);
		const charset = read.charset === 0 ? numberOf(login.settings, LOGIN.charset) : read.charset & 0xff;
		const extended = numberOf(login.settings, LOGIN.extended);
		return { door, actions: door.#identify({ ...read, charset, extended }) };
	}

	start(): readonly DoorAction[] {
		this.#state = "response";
		const server = this.#server ?? new Map<string, string>();
		const greeting = greetingPayload({
			version: server.get(REPORTED.greeting) ?? "",
			connectionId: this.#connectionId,
			scramble: this.#scramble,
			capabilities: this.#offer(),
			extended: this.#offerExtended(),
			charset: numberOf(server, REPORTED.charset),
			status: STATUS.autocommit,
			plugin: this.#defaultPlugin(),
		});
		return [this.#say(greeting)];
	}

	/** What the server behind would ask of an account by default: some clients act on it before they answer. */
	#defaultPlugin(): string {
		return isMariaDb(this.#server) ? NATIVE : CACHING;
	}

	#offer(): number {
		const can = numberOf(this.#server ?? new Map(), REPORTED.capabilities);
		return offered(can, isMariaDb(this.#server), this.#tls !== "none");
	}

	#offerExtended(): number {
		if (!isMariaDb(this.#server)) return 0;
		return offeredExtended(numberOf(this.#server ?? new Map(), REPORTED.extendedCapabilities));
	}

	leftover(): Buffer {
		return this.#buffer;
	}

	secured(): void {
		this.#secured = true;
		if (this.#state === "securing") this.#state = "response";
	}

	receive(chunk: Buffer): readonly DoorAction[] {
		if (this.#state === "closed") return [];
		this.#buffer = this.#buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#buffer, chunk]);
		switch (this.#state) {
			case "response":
				return this.#packet((payload) => this.#answered(payload));
			case "switching":
				return this.#packet((payload) => this.#prove(this.#plugin, payload));
			case "full":
				return this.#packet((payload) => this.#proveFully(payload));
			case "greeting":
			case "securing":
			case "identifying":
			case "done":
				return this.#buffer.length > LOGIN_PACKET_BYTES ? [this.#broken("too many bytes before the login")] : [];
		}
	}

	/** The packet that is expected, once it is there. Its length is judged before more is waited for. */
	#packet(read: (payload: Buffer) => readonly DoorAction[]): readonly DoorAction[] {
		const buffer = this.#buffer;
		if (buffer.length < HEADER_BYTES) return [];
		const bytes = payloadBytes(buffer, 0);
		if (bytes > LOGIN_PACKET_BYTES) return [this.#broken("a packet too long for a login")];
		if (buffer[3] !== this.#sequence) {
			const text = "Got packets out of order";
			return [this.#refuse(ERROR.packetsOutOfOrder, text, "a wrong sequence number")];
		}
		if (buffer.length < HEADER_BYTES + bytes) return [];
		this.#sequence = (this.#sequence + 1) & 0xff;
		this.#buffer = buffer.subarray(HEADER_BYTES + bytes);
		return read(buffer.subarray(HEADER_BYTES, HEADER_BYTES + bytes));
	}

	#answered(payload: Buffer): readonly DoorAction[] {
		const packet = readResponse(payload, this.#secured);
		switch (packet.kind) {
			case "malformed":
				return [this.#broken(packet.message)];
			case "old": {
				const text =
					"Client does not support authentication protocol requested by server; consider upgrading MySQL client";
				return [this.#refuse(ERROR.unsupportedAuthMode, text, "a protocol from before 4.1")];
			}
			case "tls":
				if (this.#tls === "none") return [this.#broken("TLS was not offered")];
				return [this.#beginTls()];
			case "response":
				return this.#admit(packet.response);
		}
	}

	/** Clients go on with TLS at once: whatever is there already is read as TLS and as nothing else. */
	#beginTls(): DoorAction {
		const received = this.#buffer;
		this.#buffer = EMPTY;
		this.#state = "securing";
		return received.length === 0 ? { kind: "startTls" } : { kind: "startTls", received };
	}

	#admit(response: HandshakeResponse): readonly DoorAction[] {
		if (this.#tls === "required" && !this.#secured) {
			const text = "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
			this.#flags = response.flags;
			return [this.#refuse(ERROR.secureTransportRequired, text, "no TLS")];
		}
		if (this.#buffer.length > 0) return [this.#broken("data before the login was asked for")];
		const flags = agreed(this.#offer(), response.flags);
		const extended = agreed(this.#offerExtended(), response.extended);
		return this.#identify({ ...response, flags, extended });
	}

	#identify(login: Login): readonly DoorAction[] {
		this.#flags = login.flags;
		this.#login = login;
		if (login.username === "") return [this.#denied("no user name")];
		this.#state = "identifying";
		return [{ kind: "identify", login: this.#request(login) }];
	}

	#request(login: Login): ClientLoginRequest {
		const settings = new Map([
			[LOGIN.flags, String(login.flags)],
			[LOGIN.extended, String(login.extended)],
			[LOGIN.charset, String(login.charset)],
			[LOGIN.secured, this.#secured ? "1" : "0"],
		] as [string, string][]);
		for (const [name, value] of login.attributes) settings.set(LOGIN.attribute + name, value);
		const { username, database } = login;
		return { username, database, application: login.attributes.get(APPLICATION), settings };
	}

	verify(verifier: PasswordVerifier, nonce: string): readonly DoorAction[] {
		const login = this.#login as Login;
		this.#verifier = verifier;
		// A client that names no plugin knows the one from before there were any.
		const plugin = login.plugin ?? NATIVE;
		const isOurs = plugin === NATIVE || plugin === CACHING;
		// With nothing to go with the name of another plugin than the greeting's, they wait for its challenge.
		const isProof = login.proof.length > 0 || plugin === this.#defaultPlugin();
		if (!this.#switches && isOurs && isProof) return this.#prove(plugin, login.proof);
		if (!hasFlag(this.#flags, CAPABILITY.pluginAuth)) return [this.#denied("no plugin that we have")];
		this.#plugin = isOurs ? plugin : this.#defaultPlugin();
		this.#scramble = scrambleOf(Buffer.from(nonce, "latin1"));
		this.#state = "switching";
		const asked = this.#say(authSwitchPayload(this.#plugin, this.#scramble));
		return [asked, ...this.#packet((payload) => this.#prove(this.#plugin, payload))];
	}

	#prove(plugin: string, proof: Buffer): readonly DoorAction[] {
		const verifier = this.#verifier as PasswordVerifier;
		if (plugin === NATIVE) {
			if (!checksNative(proof, this.#scramble, verifier.sha1Twice)) return [this.#denied("a wrong password", proof)];
			return this.#authenticated();
		}
		if (checksCaching(proof, this.#scramble, verifier.sha256Twice)) {
			return [this.#say(Buffer.from([ANSWER.moreData, CACHING_STEP.fastOk])), ...this.#authenticated()];
		}
		// No password at all is told by nothing, or by the NUL that ends it.
		if (proof.length < 2) return [this.#denied("no password", EMPTY)];
		this.#state = "full";
		const asked = this.#say(Buffer.from([ANSWER.moreData, CACHING_STEP.full]));
		return [asked, ...this.#packet((payload) => this.#proveFully(payload))];
	}

	/** The password itself; outside TLS under our key, which is sent when it is asked for. */
	#proveFully(payload: Buffer): readonly DoorAction[] {
		if (!this.#secured && payload.length === 1 && payload[0] === CACHING_STEP.requestKey) {
			const key = this.#say(Buffer.concat([Buffer.from([ANSWER.moreData]), publicKeyPem()]));
			return [key, ...this.#packet((next) => this.#proveFully(next))];
		}
		const password = this.#secured ? withoutNul(payload) : decryptedPassword(payload, this.#scramble);
		if (password === undefined || !checksPassword(password, this.#verifier as PasswordVerifier)) {
			return [this.#denied("a wrong password", payload)];
		}
		return this.#authenticated();
	}

	#authenticated(): readonly DoorAction[] {
		this.#state = "done";
		return [{ kind: "authenticated" }];
	}

	/** The same words for whatever was wrong. */
	#denied(reason: string, proof: Buffer = EMPTY): DoorAction {
		const using = proof.length > 0 ? "YES" : "NO";
		const text = `Access denied for user '${this.#login?.username ?? ""}' (using password: ${using})`;
		return this.#refuse(ERROR.accessDenied, text, reason);
	}

	refusal(cause: keyof typeof refusalCodes, message: string, detail?: string): Buffer {
		return this.#error(refusalCodes[cause], denialText({ message, detail: detail ?? "", hint: "" }));
	}

	welcome(upstream: UpstreamReady): Buffer {
		const rules = { sessionTrack: hasFlag(this.#flags, CAPABILITY.sessionTrack) };
		return this.#next(okPayload({ status: upstream.status }, rules));
	}

	/** Clients of this protocol cancel by statements, under numbers: there is no such key. */
	cancelKey(processId: number, secret: Buffer): string {
		return `mysql:${processId >>> 0}:${secret.toString("hex")}`;
	}

	#say(payload: Buffer): DoorAction {
		return { kind: "send", bytes: this.#next(payload) };
	}

	#next(payload: Buffer): Buffer {
		const bytes = framed(payload, this.#sequence);
		this.#sequence = (this.#sequence + 1) & 0xff;
		return bytes;
	}

	/** In place of the greeting an error has no SQLSTATE: nobody has said yet that they understand one. */
	#error(code: ErrorCode, message: string): Buffer {
		const state = this.#state === "greeting" && !this.#switches ? "" : code.state;
		return this.#next(errorPayload({ errno: code.errno, state, message }));
	}

	#refuse(code: ErrorCode, message: string, reason: string): DoorAction {
		const bytes = this.#error(code, message);
		this.#state = "closed";
		this.#buffer = EMPTY;
		return { kind: "refuse", bytes, reason };
	}

	#broken(reason: string): DoorAction {
		return this.#refuse(ERROR.handshake, "Bad handshake", reason);
	}
}

/** Clients take a challenge for a text: printable, and none of it a NUL, as servers make them. */
function scrambleOf(random: Buffer): Buffer {
	const scramble = Buffer.alloc(SCRAMBLE_BYTES);
	for (let at = 0; at < SCRAMBLE_BYTES; at++) {
		const byte = (random[at] ?? 0) & 0x7f;
		scramble[at] = byte === 0 || byte === 0x24 ? byte + 1 : byte;
	}
	return scramble;
}
