/** `licet serve`: runs a node until it is told to stop. */
import { createLog } from "../../telemetry/log.js";
import { configuration } from "../admin-client.js";
import { startNode } from "../node.js";

export async function serve(options: { readonly config: string }): Promise<void> {
	const config = configuration(options.config, true);
	const log = createLog({ level: process.env.LICET_LOG });
	/* Listened for from the beginning: a node that is told to stop while it starts still closes its log. */
	const stop = stopSignal();
	const node = await startNode(config, process.env, log);
	log.info({ config: config.file }, "serving");
	await stop;
	log.info("stopping");
	await node.close();
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal(): Promise<void> {
	return new Promise((resolve) => {
		const once = () => {
			resolve();
			process.once("SIGINT", () => process.exit(130));
			process.once("SIGTERM", () => process.exit(143));
		};
		process.once("SIGINT", once);
		process.once("SIGTERM", once);
	});
}
