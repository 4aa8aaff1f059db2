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

/** A read's bytes are copied out before the next read of any socket, so one buffer serves all. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

interface Handle {
	readonly useUserBuffer: unknown;
}

interface WithHandle {
	_handle: Handle | null;
}

function handleOf(socket: Socket): Handle | undefined {
	const handle: unknown = "_handle" in socket ? socket._handle : undefined;
	if (typeof handle !== "object" || handle === null || !("useUserBuffer" in handle)) return undefined;
	return typeof handle.useUserBuffer === "function" ? { useUserBuffer: handle.useUserBuffer } : undefined;
}

/**
 * A socket that hands its chunks to `onData`; undefined when this runtime does not offer it, or `socket` is no plain
 * one (TLS decrypts into buffers of its own). The old one must not be used any more. `closed` is told when it closes.
 */
export function adopt(socket: Socket, onData: (chunk: Buffer) => void): Socket | undefined {
	if (socket.constructor !== Socket || socket.destroyed || socket.readableLength > 0) return undefined;
	if (handleOf(socket) === undefined) return undefined;
	const owner = socket as unknown as WithHandle;
	const handle = owner._handle;
	const options = {
		handle,
		readable: true,
		writable: true,
		onread: {
			buffer: shared,
			callback: (bytes: number, buffer: Uint8Array) => {
				const chunk = Buffer.allocUnsafe(bytes);
				chunk.set(buffer.subarray(0, bytes));
				onData(chunk);
				return true;
			},
		},
	};
	owner._handle = null;
	const adopted = new Socket(options);
	adopted.once("close", () => socket.destroy());
	return adopted;
}
