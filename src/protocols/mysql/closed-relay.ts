/**
 * A relay that lets nothing through: each command is refused, whatever it is, until there is one that can judge it.
 */
import type { Relay, RelayHost, TerminationCause } from "../engine.js";
import { COM } from "./codes.js";
import { denialCodes, encodeError, terminationCodes } from "./errors.js";
import { PacketScanner } from "./packets.js";

export class ClosedRelay implements Relay {
	readonly busy = false;
	readonly busySince = undefined;
	readonly #host: RelayHost;
	readonly #scanner = new PacketScanner();

	constructor(host: RelayHost) {
		this.#host = host;
	}

	fromClient(chunk: Buffer): void {
		const scanner = this.#scanner;
		scanner.feed(chunk);
		while (scanner.next()) {
			if (scanner.data[scanner.start] === COM.quit) {
				this.#host.end("the client took its leave");
				return;
			}
			const text = "this build does not serve MySQL's commands";
			this.#host.toClient(encodeError(denialCodes.unreadable, text, scanner.sequence + 1));
		}
	}

	fromUpstream(): void {
		// Nothing was asked of it.
	}

	terminate(code: TerminationCause, message: string): void {
		this.#host.toClient(encodeError(terminationCodes[code], message, 0));
	}

	abandon(): void {
		// Nothing is under way.
	}

	timeOut(): void {
		// Nothing runs.
	}
}
