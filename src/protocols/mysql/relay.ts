/**
 * A MySQL or MariaDB relay: the two halves of a session between an authenticated client and an authenticated upstream.
 */
import type { Relay, RelayHost, RelayOptions, TerminationCause } from "../engine.js";
import { ClientSide } from "./client-side.js";
import { CAPABILITY, EXTENDED, hasFlag } from "./codes.js";
import { type Legs, RelayCore } from "./core.js";
import { told } from "./denials.js";
import { ERROR, terminationCodes } from "./errors.js";
import { isMariaDb, LOGIN, numberOf, REPORTED } from "./login-settings.js";
import { SessionModel } from "./model.js";
import { UpstreamSide } from "./upstream-side.js";

export class MysqlRelay implements Relay {
	readonly #core: RelayCore;
	readonly #client: ClientSide;
	readonly #upstream: UpstreamSide;
	/** Why the two legs cannot be joined. */
	readonly #mismatch: string | undefined;

	constructor(host: RelayHost, options: RelayOptions) {
		const { reported } = options.upstream;
		const clientFlags = numberOf(options.login.settings, LOGIN.flags);
		const flags = numberOf(reported, REPORTED.flags);
		const clientExtended = numberOf(options.login.settings, LOGIN.extended);
		const extended = numberOf(reported, REPORTED.extended);
		this.#mismatch = mismatch(clientFlags, flags, clientExtended, extended);
		const legs: Legs = {
			deprecateEof: hasFlag(flags, CAPABILITY.deprecateEof),
			clientTracks: hasFlag(clientFlags, CAPABILITY.sessionTrack),
			upstreamTracks: hasFlag(flags, CAPABILITY.sessionTrack),
			queryAttributes: hasFlag(flags, CAPABILITY.queryAttributes),
			typeInfo: hasFlag(extended, EXTENDED.typeInfo),
			isMariaDb: isMariaDb(reported),
		};
		const model = new SessionModel({
			database: reported.get(REPORTED.database) ?? options.database,
			modes: reported.get(REPORTED.sqlMode) ?? "",
			multi: hasFlag(clientFlags, CAPABILITY.multiStatements),
			charset: reported.get(REPORTED.characterSetClient) ?? "",
			connection: reported.get(REPORTED.characterSetConnection) ?? "",
		});
		model.status = options.upstream.status;
		this.#core = new RelayCore(host, model, legs);
		this.#client = new ClientSide(this.#core, options);
		this.#upstream = new UpstreamSide(this.#core, options.messageBytes);
	}

	fromClient(chunk: Buffer): void {
		if (this.#mismatch !== undefined) {
			this.#core.fatal(ERROR.serverShutdown, "the server cannot serve this client", this.#mismatch, this.#mismatch);
		} else this.#client.receive(chunk);
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
		this.#core.leave(reason, String(ERROR.queryInterrupted.errno));
	}

	timeOut(detail: string): void {
		const code = this.#core.legs.isMariaDb ? ERROR.statementTimeout : ERROR.queryTimeout;
		const message = this.#core.legs.isMariaDb
			? "Query execution was interrupted (max_statement_time exceeded)"
			: "Query execution was interrupted, maximum statement execution time exceeded";
		this.#core.timeout = told(code, `${message} (${detail})`);
		this.#core.cancel();
	}

	get busy(): boolean {
		return this.#core.leftBusy || this.#core.inflight !== undefined;
	}

	get busySince(): number | undefined {
		const command = this.#core.inflight;
		return command?.executions[command.current]?.beganAt;
	}
}

function mismatch(
	client: number,
	upstream: number,
	clientExtended: number,
	upstreamExtended: number,
): string | undefined {
	const same = CAPABILITY.deprecateEof | CAPABILITY.queryAttributes;
	if (((client ^ upstream) & same) !== 0) return "the server and the port's greeting differ in how answers are framed";
	if (((clientExtended ^ upstreamExtended) & EXTENDED.typeInfo) !== 0)
		return "the server and the port's greeting differ in metadata";
	return undefined;
}
