/**
 * The end of a turn of the event loop: the recording is written first, with one write for all sessions, and only then
 * do the statements of the turn go upstream.
 */
import type { Logger } from "../telemetry/log.js";

export interface TurnRecorder {
	flush(): void;
	flushDurably(): Promise<void>;
}

export interface TurnMember {
	/** Writes what has gathered for the client. */
	writeToClient(): void;
	/** What has gathered for the upstream; it is written only when the recording holds it. */
	takeForUpstream(): readonly Buffer[];
	writeToUpstream(chunks: readonly Buffer[]): void;
	/** The recording cannot be written: nothing goes upstream. */
	failRecording(): void;
}

export class Turn {
	readonly #recorder: TurnRecorder;
	readonly #strict: boolean;
	readonly #log: Logger;
	#members: TurnMember[] = [];
	#scheduled = false;
	/** Called once when the recording fails, for all that must then stop. */
	onFailure: (error: Error) => void = () => {};

	constructor(recorder: TurnRecorder, strict: boolean, log: Logger) {
		this.#recorder = recorder;
		this.#strict = strict;
		this.#log = log;
	}

	/** Members add themselves once a turn, when they have something to write. */
	add(member: TurnMember): void {
		this.#members.push(member);
		if (this.#scheduled) return;
		this.#scheduled = true;
		setImmediate(() => this.#end());
	}

	#end(): void {
		this.#scheduled = false;
		const members = this.#members;
		this.#members = [];
		if (this.#strict) {
			this.#endDurably(members);
			return;
		}
		try {
			this.#recorder.flush();
		} catch (error) {
			this.#fail(members, error);
			return;
		}
		for (const member of members) {
			member.writeToUpstream(member.takeForUpstream());
			member.writeToClient();
		}
	}

	#endDurably(members: readonly TurnMember[]): void {
		// What gathers while the disk is waited for belongs to a later turn.
		const taken = members.map((member) => ({ member, chunks: member.takeForUpstream() }));
		this.#recorder.flushDurably().then(
			() => {
				for (const { member, chunks } of taken) member.writeToUpstream(chunks);
			},
			(error: unknown) => this.#fail(members, error),
		);
		for (const member of members) member.writeToClient();
	}

	#fail(members: readonly TurnMember[], error: unknown): void {
		const cause = error instanceof Error ? error : new Error(String(error));
		this.#log.error({ err: cause.message }, "the recording cannot be written: sessions stop");
		for (const member of members) {
			member.failRecording();
			// Their last words are no statement: they are said though nothing can be written down.
			member.writeToClient();
		}
		this.onFailure(cause);
	}
}
