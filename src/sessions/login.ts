/**
 * Leads a client through its engine's door, up to a session or a refusal: at its arrival, and again when it changes its
 * user on a connection that stands. Where the bytes come from and go to is the line's affair.
 */
import type { ClientDoor, DoorAction, Engine, PasswordVerifier } from "../protocols/engine.js";
import type { Logger } from "../telemetry/log.js";
import { LoginRefusal } from "./admission.js";
import { type Gateway, type LoginMatter, makeNonce } from "./gateway.js";
import type { Wire } from "./wire.js";

/** The connection of a client that is logging in. */
export interface LoginLine {
	readonly address: string;
	readonly secured: boolean;
	write(bytes: Buffer): void;
	/** Everything so far is said; TLS begins, with what of it has come already, and then the door is told. */
	startTls(received: Buffer | undefined): void;
	/** The password was right: the line is read no more, until the session takes it. */
	hold(): Wire;
	/** The session has it. */
	handedOver(): void;
	/** Says the last word, if any, and closes. */
	end(bytes: Buffer | undefined): void;
}

export interface LoginOptions {
	readonly engine: Engine;
	readonly gateway: Gateway;
	readonly verifierFor: (username: string) => Promise<PasswordVerifier>;
	readonly loginTimeoutMs: number;
	/** A port of one target's own. */
	readonly target: string | undefined;
	readonly log: Logger;
}

export class Login {
	readonly #options: LoginOptions;
	readonly #line: LoginLine;
	readonly #door: ClientDoor;
	readonly #connectionId: number;
	readonly #done: () => void;
	readonly #timer: NodeJS.Timeout;
	#matter: LoginMatter | undefined;
	#entering = false;
	#over = false;

	constructor(options: LoginOptions, line: LoginLine, door: ClientDoor, connectionId: number, done: () => void) {
		this.#options = options;
		this.#line = line;
		this.#door = door;
		this.#connectionId = connectionId;
		this.#done = done;
		this.#timer = setTimeout(() => this.#timedOut(), options.loginTimeoutMs);
	}

	receive(chunk: Buffer): void {
		this.act(this.#door.receive(chunk));
	}

	act(actions: readonly DoorAction[]): void {
		for (const action of actions) {
			if (this.#over) return;
			switch (action.kind) {
				case "send":
					this.#line.write(action.bytes);
					break;
				case "startTls":
					this.#line.startTls(action.received);
					break;
				case "cancel":
					this.#cancel(action.key);
					break;
				case "identify":
					this.#identify(action.login).catch((error: unknown) => this.fail(error));
					break;
				case "authenticated":
					this.#enter().catch((error: unknown) => this.fail(error));
					break;
				case "refuse":
					this.refuse(action.bytes, action.reason);
					break;
			}
		}
	}

	#cancel(key: string): void {
		const closed = () => this.refuse(undefined, undefined);
		this.#options.gateway.cancel(key).then(closed, closed);
	}

	async #identify(login: LoginMatter["request"]): Promise<void> {
		const { gateway, verifierFor } = this.#options;
		const [matter, verifier] = await Promise.all([gateway.lookUp(login), verifierFor(login.username)]);
		if (this.#over) return;
		this.#matter = matter;
		this.act(this.#door.verify(verifier, makeNonce()));
	}

	/** Who has not proved a password is told nothing, as by the servers; who has learns what it waited for. */
	#timedOut(): void {
		const reason = "the login took too long";
		if (!this.#entering) this.refuse(undefined, reason);
		else this.fail(new LoginRefusal("upstream", reason, "The database did not answer within bounds.loginTimeout."));
	}

	async #enter(): Promise<void> {
		this.#entering = true;
		const { gateway, engine, target } = this.#options;
		const line = this.#line;
		const wire = line.hold();
		const connectionId = this.#connectionId;
		await gateway.open(this.#matter as LoginMatter, engine, this.#door, wire, {
			address: line.address,
			tls: line.secured,
			target,
			connectionId,
			again: (door, actions) => relogin(this.#options, wire, door, actions, connectionId, line),
		});
		line.handedOver();
		this.finish(undefined);
	}

	fail(error: unknown): void {
		if (error instanceof LoginRefusal) {
			this.refuse(this.#door.refusal(error.kind, error.message, error.detail, error.code), error.message);
			return;
		}
		this.#options.log.error({ err: error instanceof Error ? error.stack : String(error) }, "a login failed");
		this.refuse(this.#door.refusal("upstream", "the login failed inside the proxy"), "internal error");
	}

	refuse(bytes: Buffer | undefined, reason: string | undefined): void {
		if (this.#over) return;
		this.#line.end(bytes);
		this.finish(reason);
	}

	finish(reason: string | undefined): void {
		if (this.#over) return;
		this.#over = true;
		clearTimeout(this.#timer);
		if (reason !== undefined) {
			const user = this.#matter?.request.username;
			this.#options.log.info({ client: this.#line.address, user, reason }, "login refused");
		}
		this.#done();
	}
}

/** A client that changes its user: the door goes on over the wire of the session that has ended. */
function relogin(
	options: LoginOptions,
	wire: Wire,
	door: ClientDoor,
	actions: readonly DoorAction[],
	connectionId: number,
	from: { readonly address: string; readonly secured: boolean },
): void {
	const line: LoginLine = {
		address: from.address,
		secured: from.secured,
		write: (bytes) => void wire.write([bytes]),
		startTls: () => login.fail(new Error("TLS inside a connection that stands")),
		hold: () => {
			wire.pause();
			return wire;
		},
		handedOver: () => {},
		end: (bytes) => {
			if (bytes !== undefined) wire.write([bytes]);
			wire.end();
		},
	};
	const login = new Login(options, line, door, connectionId, () => {});
	wire.attach({
		data: (chunk) => login.receive(chunk),
		drained: () => {},
		closed: () => login.finish("the client went away during the login"),
	});
	login.act(actions);
}
