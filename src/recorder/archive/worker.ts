/**
 * The thread of the archive. What it does to a segment (hashing, encrypting, sending, reading back) would hold up the
 * statements of a second; and the client's library is loaded here, where an archive is configured, and nowhere else.
 */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { type Credentials, type Destination, S3Store } from "./s3.js";
import { ArchiveState } from "./state.js";
import { ArchiveError } from "./store.js";
import { Uploader } from "./uploader.js";

export interface WorkerOptions {
	/** data/log */
	readonly folder: string;
	readonly stateFolder: string;
	readonly stateFile: string;
	/** What names begin with has the node's name at its end. */
	readonly destination: Destination;
}

export type ToWorker =
	| { readonly kind: "look" }
	| ({ readonly kind: "credentials" } & Credentials)
	| { readonly kind: "no-credentials"; readonly message: string };

export type FromWorker =
	/** Asks for the credentials as they are now. */
	| { readonly kind: "credentials" }
	| { readonly kind: "confirmed"; readonly object: string; readonly bytes: number }
	| { readonly kind: "committed"; readonly segment: number; readonly size: number }
	| { readonly kind: "pending"; readonly segments: number }
	| {
			readonly kind: "failed";
			readonly object: string | undefined;
			readonly code: string;
			readonly message: string;
			readonly retryMs: number;
	  };

/** Of 19: it gets about a tenth of a processor that others want too. */
const NICE = 10;
/** A head may have to wait for the sealing of the segments before it, and nobody tells when that is. */
const LOOK_MS = 10_000;

function run(options: WorkerOptions, send: (message: FromWorker) => void): (message: ToWorker) => void {
	let waiting: ((answer: Exclude<ToWorker, { kind: "look" }>) => void) | undefined;
	const uploader = new Uploader({
		folder: options.folder,
		state: ArchiveState.open(options.stateFolder, options.stateFile),
		connect: (credentials) => new S3Store(options.destination, credentials),
		credentials: async () => {
			const answer = new Promise<Exclude<ToWorker, { kind: "look" }>>((resolve) => {
				waiting = resolve;
			});
			send({ kind: "credentials" });
			const given = await answer;
			if (given.kind === "no-credentials") throw new ArchiveError("refused", given.message);
			const { accessKeyId, secretAccessKey } = given;
			return { accessKeyId, secretAccessKey };
		},
		progress: {
			confirmed: (object, bytes) => send({ kind: "confirmed", object, bytes }),
			committed: ({ segment, size }) => send({ kind: "committed", segment, size }),
			failed: (failure) => send({ kind: "failed", ...failure }),
			pending: (segments) => send({ kind: "pending", segments }),
		},
		now: () => new Date().toISOString(),
	});
	setInterval(() => uploader.look(), LOOK_MS);
	uploader.look();
	return (message) => {
		if (message.kind === "look") uploader.look();
		else waiting?.(message);
	};
}

const port = parentPort;
if (port !== null) {
	try {
		/* On Linux a thread has a priority of its own, and 0 is the caller. */
		if (process.platform === "linux") setPriority(0, NICE);
	} catch {
		/* Then it runs as the others do. */
	}
	port.on(
		"message",
		run(workerData as WorkerOptions, (message) => port.postMessage(message)),
	);
}
