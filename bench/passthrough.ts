/**
 * The least a proxy in Node can do: two sockets, piped. What Licet costs is read against this.
 * Run as `node passthrough.js UPSTREAM_PORT`; prints the port it listens on.
 */
import { connect, createServer } from "node:net";

const upstreamPort = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (client) => {
	const upstream = connect({ host: "127.0.0.1", port: upstreamPort, noDelay: true });
	client.pipe(upstream).pipe(client);
	client.on("error", () => upstream.destroy());
	upstream.on("error", () => client.destroy());
});

server.listen(0, "127.0.0.1", () => {
	const address = server.address();
	if (typeof address === "object" && address !== null) console.log(address.port);
});
