/**
 * Ports for what the demo and the tests start themselves: the wanted one when it is free, else any free one.
 */
import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

/** The port if it can be listened on, else undefined. 0 asks the system for any. */
function tryPort(port: number): Promise<number | undefined> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(undefined));
		server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
			const address = server.address();
			const found = typeof address === "object" && address !== null ? address.port : undefined;
			server.close(() => resolve(found));
		});
	});
}

/** A loopback port nobody listens on at this moment: `wanted` if it is one. */
export async function freePort(wanted?: number): Promise<number> {
	const port = (wanted === undefined ? undefined : await tryPort(wanted)) ?? (await tryPort(0));
	if (port === undefined) throw new Error("no free TCP port on 127.0.0.1");
	return port;
}
