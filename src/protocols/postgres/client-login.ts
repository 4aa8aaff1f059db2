/**
 * The login of a client after its startup packet: SCRAM over the protocol's SASL messages, as a machine. It ends in
 * `authenticated` or `failed`; the caller words the failure, the same for every reason.
 * Specification: PostgreSQL documentation, chapters "Start-up" and "SASL Authentication".
 */
import { authentication, authenticationOk, terminated } from "./messages.js";
import { ScramServer, type ScramServerOptions } from "./scram.js";

export type ClientLoginStep =
	| { readonly kind: "send"; readonly bytes: Buffer }
	/** `bytes`: the server's final message and AuthenticationOk. */
	| { readonly kind: "authenticated"; readonly bytes: Buffer }
	/** For the log alone. */
	| { readonly kind: "failed"; readonly reason: string };

/** The type byte of PasswordMessage, SASLInitialResponse and SASLResponse. */
const PASSWORD = 0x70;

const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

function failed(reason: string): ClientLoginStep {
	return { kind: "failed", reason };
}

export class ClientLogin {
	private state: "initial" | "final" | "over" = "initial";
	private readonly scram: ScramServer;

	/** For an unknown user pass a mock verifier (`mockVerifier`): the exchange is the same and fails at its end. */
	constructor(options: ScramServerOptions) {
		this.scram = new ScramServer(options);
	}

	/** AuthenticationSASL: the mechanisms, as terminated strings with an empty one after the last. */
	start(): Buffer {
		return authentication(SASL, Buffer.concat([...this.scram.mechanisms, ""].map(terminated)));
	}

	receive(frameType: number, body: Buffer): ClientLoginStep {
		const state = this.state;
		this.state = "over";
		if (frameType !== PASSWORD) return failed("expected a SASL response");
		if (state === "initial") return this.initial(body);
		if (state === "final") return this.final(body);
		return failed("the login is over");
	}

	/** SASLInitialResponse: mechanism, length of the response, response. */
	private initial(body: Buffer): ClientLoginStep {
		const nameEnd = body.indexOf(0);
		if (nameEnd === -1 || body.length < nameEnd + 5) return failed("malformed SASL response");
		const response = body.subarray(nameEnd + 5);
		if (body.readInt32BE(nameEnd + 1) !== response.length) return failed("malformed SASL response");
		const step = this.scram.first(body.toString("latin1", 0, nameEnd), response);
		if (step.kind === "failed") return step;
		this.state = "final";
		return { kind: "send", bytes: authentication(SASL_CONTINUE, step.message) };
	}

	private final(body: Buffer): ClientLoginStep {
		const step = this.scram.final(body);
		if (step.kind === "failed") return step;
		return {
			kind: "authenticated",
			bytes: Buffer.concat([authentication(SASL_FINAL, step.message), authenticationOk()]),
		};
	}
}
