/**
 * A PostgreSQL relay: the two halves of a session between an authenticated client and an authenticated upstream.
 */
import type { Relay, RelayHost, TerminationCause } from "../engine.js";
import type { ApplicationName } from "./application-name.js";
import { ClientSide } from "./client-side.js";
import { RelayCore } from "./core.js";
import { encodeError } from "./errors.js";
import { parseSearchPath } from "./model.js";
import { UpstreamSide } from "./upstream-side.js";

/** SQLSTATEs of a session that the proxy ends. */
const terminationCodes: Readonly<Record<TerminationCause, string>> = {
	administrator: "57P01",
	idle: "57P05",
	protocol: "08P01",
	upstream: "08006",
	recording: "53100",
};

export interface RelayOptions {
	/** Bound of one message that has to be kept whole, in bytes. */
	readonly messageBytes: number;
	/** ParameterStatus values that the upstream reported at login. */
	readonly reported: ReadonlyMap<string, string>;
	/** Undefined: the server's word on the application's name passes as it is. */
	readonly application?: ApplicationName;
}

export class PostgresRelay implements Relay {
	readonly #core: RelayCore;
	readonly #client: ClientSide;
	readonly #upstream: UpstreamSide;

	constructor(host: RelayHost, options: RelayOptions) {
		this.#core = new RelayCore(host, options.application);
		this.#client = new ClientSide(this.#core, options.messageBytes);
		this.#upstream = new UpstreamSide(this.#core, options.messageBytes);
		const path = options.reported.get("search_path");
		if (path !== undefined) {
			this.#core.model.pathReported(parseSearchPath(path));
			this.#core.model.settleReportedPath();
		}
	}

	fromClient(chunk: Buffer): void {
		this.#client.receive(chunk);
	}

	fromUpstream(chunk: Buffer): void {
		this.#upstream.receive(chunk);
	}

	release(): void {
		this.#upstream.release();
	}

	terminate(cause: TerminationCause, message: string, detail: string | undefined): void {
		this.#core.fatal(terminationCodes[cause], message, detail, message);
	}

	abandon(reason: string): void {
		this.#core.leave(reason, "57P01");
	}

	timeOut(detail: string): void {
		const message = "canceling statement due to statement timeout";
		this.#core.timeoutFrame = {
			code: "57014",
			message,
			frame: encodeError({ severity: "ERROR", code: "57014", message, detail }),
		};
		this.#core.cancel();
	}

	interrupt(): boolean {
		return this.#core.interrupt();
	}

	get busy(): boolean {
		return this.#core.leftBusy || !this.#core.queue.drained;
	}

	get busySince(): number | undefined {
		for (const operation of this.#core.queue) {
			const execution = operation.executions[operation.current];
			if (execution !== undefined) return execution.beganAt;
		}
		return undefined;
	}
}
