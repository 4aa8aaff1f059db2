/**
 * Reading into one buffer that all sockets share, instead of one that is allocated for each read.
 *
 * Node offers this (`onread`) for sockets that it is told of when they are made, which those of a server are not; so a
 * socket is made anew around the same handle. That handle is a private interface: this file is the only one that
 * touches it, and where it is not as expected the socket is used as it came.
 */
import { Socket } from "node:net";

/** What the kernel hands over at once at most. */
const READ_BYTES = 64 * 1024;
/** Up to here a read is copied into a buffer of its own, out of Node's pool of small ones. */
const SMALL_BYTES = 4 * 1024;
/** Blocks kept for large reads: 4 MiB. More are only in use while peers are slow, and then go to the collector. */
const KEPT_BLOCKS = 64;

/** Every read lands here and is copied out before the next one of any socket. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
const free: Buffer[] = [];

/** Blocks that hold large reads, until what was made of them has left. */
export class Blocks {
	#lent: Buffer[] = [];

	/** The bytes of a read, as a buffer that stays as it is until `giveBack`. */
	copy(bytes: Uint8Array): Buffer {
		if (bytes.length <= SMALL_BYTES) return Buffer.from(bytes);
		const block = free.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
		this.#lent.push(block);
		block.set(bytes);
		return block.subarray(0, bytes.length);
	}

	/** Nobody refers to any of them any more. */
	giveBack(): void {
		if (this.#lent.length === 0) return;
		for (const block of this.#lent) if (free.length < KEPT_BLOCKS) free.push(block);
		this.#lent = [];
	}
}

interface WithHandle {
	_handle: object | null;
}

function handleOf(socket: Socket): object | undefined {
	const handle: unknown = "_handle" in socket ? socket._handle : undefined;
	if (typeof handle !== "object" || handle === null || !("useUserBuffer" in handle)) return undefined;
	return typeof handle.useUserBuffer === "function" ? handle : undefined;
}

/**
 * A socket that hands its reads to `onRead`, whose bytes are valid for the call only; undefined when this runtime does
 * not offer it, or `socket` is no plain one (TLS decrypts into buffers of its own). The old one must not be used any more.
 */
export function adopt(socket: Socket, onRead: (bytes: Uint8Array) => void): Socket | undefined {
	if (socket.constructor !== Socket || socket.destroyed || socket.readableLength > 0) return undefined;
	const handle = handleOf(socket);
	if (handle === undefined) return undefined;
	const options = {
		handle,
		readable: true,
		writable: true,
		onread: {
			buffer: shared,
			callback: (count: number, buffer: Uint8Array) => {
				onRead(buffer.subarray(0, count));
				return true;
			},
		},
	};
	(socket as unknown as WithHandle)._handle = null;
	const adopted = new Socket(options);
	adopted.once("close", () => socket.destroy());
	return adopted;
}
