/**
 * Our proof at an upstream: what each plugin wants to hear. The password goes in clear inside TLS or to this very
 * machine alone; elsewhere under the server's RSA key, where the plugin has such a way.
 * Specification: MySQL Internals, "Authentication Methods"; MariaDB Knowledge Base, "Authentication Plugin - ed25519".
 */
import { ANSWER } from "./codes.js";
import { signedChallenge } from "./ed25519.js";
import { SCRAMBLE_BYTES } from "./handshake.js";
import {
	CACHING,
	CACHING_STEP,
	CLEAR,
	cachingProof,
	clearPassword,
	ED25519,
	encryptedPassword,
	NATIVE,
	nativeProof,
	SHA256,
	SHA256_REQUEST_KEY,
} from "./plugins.js";
import { Reader } from "./reader.js";

export type ProofStep =
	| { readonly kind: "answer"; readonly payload: Buffer }
	/** Nothing to say: the server goes on. */
	| { readonly kind: "wait" }
	| { readonly kind: "failed"; readonly message: string };

const WAIT: ProofStep = { kind: "wait" };
/** Challenge of client_ed25519. */
const ED25519_CHALLENGE_BYTES = 32;

function answer(payload: Buffer): ProofStep {
	return { kind: "answer", payload };
}

function failed(message: string): ProofStep {
	return { kind: "failed", message };
}

export class UpstreamProof {
	#plugin = "";
	#scramble: Buffer = Buffer.alloc(0);
	readonly #password: string;
	readonly #secured: boolean;
	/** Nobody between us and the server can listen. */
	readonly #isPrivate: boolean;

	constructor(password: string | undefined, { secured, isLocal }: { secured: boolean; isLocal: boolean }) {
		this.#password = password ?? "";
		this.#secured = secured;
		this.#isPrivate = secured || isLocal;
	}

	/** The plugin that our answer to the greeting names: the server's own where we have it. */
	static firstPlugin(offered: string): string {
		return offered === CACHING || offered === NATIVE ? offered : NATIVE;
	}

	/** What goes with the answer to the greeting. */
	first(plugin: string, scramble: Buffer): Buffer {
		this.#plugin = plugin;
		this.#scramble = scramble;
		return plugin === CACHING ? cachingProof(this.#password, scramble) : nativeProof(this.#password, scramble);
	}

	/** AuthSwitchRequest, or AuthMoreData. */
	receive(payload: Buffer): ProofStep {
		return payload[0] === ANSWER.moreData ? this.#more(payload.subarray(1)) : this.#switch(payload);
	}

	#switch(payload: Buffer): ProofStep {
		if (payload.length === 1) return failed("the server wants a password hashed as before version 4.1");
		const reader = new Reader(payload, 1);
		this.#plugin = reader.terminated().toString("latin1");
		const data = reader.rest();
		if (reader.failed) return failed("the server sent a malformed request for another plugin");
		this.#scramble = Buffer.from(data.subarray(0, SCRAMBLE_BYTES));
		switch (this.#plugin) {
			case NATIVE:
			case CACHING:
				if (this.#scramble.length !== SCRAMBLE_BYTES) return failed("the server sent a challenge that is too short");
				return answer(this.first(this.#plugin, this.#scramble));
			case SHA256:
				if (this.#password === "") return answer(clearPassword(""));
				return this.#secured ? this.#clear() : answer(Buffer.from([SHA256_REQUEST_KEY]));
			case CLEAR:
				return this.#clear();
			case ED25519: {
				if (data.length < ED25519_CHALLENGE_BYTES) return failed("the server sent a challenge that is too short");
				return answer(signedChallenge(this.#password, data.subarray(0, ED25519_CHALLENGE_BYTES)));
			}
			default:
				return failed(
					`the server wants the authentication plugin "${this.#plugin.slice(0, 64)}", which is not supported`,
				);
		}
	}

	#more(data: Buffer): ProofStep {
		if (this.#plugin === SHA256) return this.#encrypted(data);
		if (this.#plugin !== CACHING) return failed("the server asked for more than its plugin has");
		if (data.length > 1) return this.#encrypted(data);
		switch (data[0]) {
			case CACHING_STEP.fastOk:
				return WAIT;
			case CACHING_STEP.full:
				// Over TCP the server takes it in clear inside TLS alone, from its own machine too.
				return this.#secured ? this.#clear() : answer(Buffer.from([CACHING_STEP.requestKey]));
			default:
				return failed("the server sent an unknown step of a login");
		}
	}

	#clear(): ProofStep {
		if (!this.#isPrivate)
			return failed("the server wants the password in clear over a connection that is not encrypted");
		return answer(clearPassword(this.#password));
	}

	#encrypted(pem: Buffer): ProofStep {
		if (this.#secured) return failed("the server sent a public key that it was not asked for");
		const payload = encryptedPassword(this.#password, this.#scramble, pem);
		return payload === undefined ? failed("the server's public key cannot be used") : answer(payload);
	}
}
