/**
 * The door of an upstream PostgreSQL server: SSLRequest as the target's `tls` says, then the login.
 * Specification: PostgreSQL documentation, "SSL Session Encryption" and "Start-up".
 */
import type { CancelRequest, UpstreamAction, UpstreamDoor, UpstreamLoginSettings } from "../engine.js";
import { APPLICATION_NAME, ApplicationName } from "./application-name.js";
import { certificateHash } from "./certificate.js";
import { cancelRequest, sslRequest } from "./messages.js";
import { UpstreamLogin } from "./upstream-login.js";

const YES = 0x53;
const NO = 0x4e;

export class PostgresUpstreamDoor implements UpstreamDoor {
	#state: "idle" | "asking" | "securing" | "login" = "idle";
	#secured = false;
	#binding: Buffer | undefined;
	#login: UpstreamLogin | undefined;
	readonly #settings: UpstreamLoginSettings;
	readonly #reported = new Map<string, string>();
	readonly #frames: Buffer[] = [];
	#cancel: CancelRequest | undefined;
	readonly #application: ApplicationName | undefined;

	constructor(settings: UpstreamLoginSettings) {
		this.#settings = settings;
		const { subject } = settings;
		if (subject !== undefined)
			this.#application = new ApplicationName(subject, settings.settings.get(APPLICATION_NAME));
	}

	start(): readonly UpstreamAction[] {
		if (this.#settings.tls === "disable") return this.#logIn();
		this.#state = "asking";
		return [{ kind: "send", bytes: sslRequest() }];
	}

	secured(certificate: Buffer | undefined): readonly UpstreamAction[] {
		this.#secured = true;
		this.#binding = certificate === undefined ? undefined : certificateHash(certificate);
		return this.#logIn();
	}

	receive(chunk: Buffer): readonly UpstreamAction[] {
		if (this.#state === "asking") return this.#answered(chunk);
		if (this.#state !== "login") return [failed("the server spoke before it was asked")];
		return this.#loginEvents(chunk);
	}

	#answered(chunk: Buffer): readonly UpstreamAction[] {
		// Exactly one byte: anything behind it in the clear could have been put there by somebody else.
		if (chunk.length === 1 && chunk[0] === YES) {
			this.#state = "securing";
			return [{ kind: "startTls" }];
		}
		if (chunk.length === 1 && chunk[0] === NO) {
			if (this.#settings.tls === "prefer") return this.#logIn();
			return [failed(`the server does not offer TLS, which the target's tls: ${this.#settings.tls} demands`)];
		}
		return [failed("the server answered the TLS request with something else than S or N")];
	}

	#logIn(): readonly UpstreamAction[] {
		this.#state = "login";
		const { username, password, database, settings, nonce, isLocal } = this.#settings;
		const application = this.#application?.atLogin;
		this.#login = new UpstreamLogin({
			username,
			password,
			database,
			parameters: application === undefined ? settings : new Map([...settings, [APPLICATION_NAME, application]]),
			nonce,
			channelBinding: this.#binding,
			allowCleartext: this.#secured || isLocal,
		});
		return [{ kind: "send", bytes: this.#login.start() }];
	}

	#report(name: string, value: string): void {
		const own = name === APPLICATION_NAME ? this.#application?.own(value) : undefined;
		this.#reported.set(name, own ?? value);
	}

	#loginEvents(chunk: Buffer): readonly UpstreamAction[] {
		const actions: UpstreamAction[] = [];
		for (const event of (this.#login as UpstreamLogin).receive(chunk)) {
			switch (event.kind) {
				case "send":
					actions.push(event);
					break;
				case "parameterStatus":
					this.#report(event.name, event.value);
					break;
				case "notice":
					this.#frames.push(event.frame);
					break;
				case "backendKey":
					this.#cancel = { kind: "message", bytes: cancelRequest(event.processId, event.secret) };
					break;
				case "ready": {
					const { status, rest } = event;
					const upstream = {
						reported: this.#reported,
						frames: this.#frames,
						cancelRequest: this.#cancel,
						status,
						rest,
					};
					actions.push({ kind: "ready", upstream });
					break;
				}
				case "error":
					actions.push({ kind: "failed", code: event.fields.code, message: event.fields.message });
					break;
				case "protocol":
					actions.push(failed(event.message));
					break;
			}
		}
		return actions;
	}
}

function failed(message: string): UpstreamAction {
	return { kind: "failed", code: undefined, message };
}
