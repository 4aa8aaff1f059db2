/** `licet sessions`, `licet kill`, `licet forget`. */
import { AdminClient, configuration, operator } from "../admin-client.js";
import { requestList, type SessionOptions, sessionQuery } from "../session-query.js";
import { table } from "../table.js";

export async function sessions(
	options: SessionOptions & { readonly config: string; readonly json?: boolean },
): Promise<string> {
	const path = `/v1/sessions${sessionQuery(options, Date.now())}`;
	const list = (await requestList(configuration(options.config, false), path)) as Record<string, unknown>[];
	if (options.json === true) return JSON.stringify(list);
	const left = ["session", "subject", "license", "target", "startedAt", "endedAt", "clientAddress"];
	const right = ["statements", "denied", "rowsOut", "bytesOut"];
	return table(
		[
			...left.map((key) => ({ key, title: key.toUpperCase() })),
			...right.map((key) => ({ key, title: key.toUpperCase(), align: "right" as const })),
		],
		list,
	);
}

export async function kill(
	id: string,
	options: { readonly config: string; readonly reason?: string; readonly json?: boolean },
): Promise<string> {
	const path = `/v1/sessions/${encodeURIComponent(id)}/kill`;
	const body = { by: operator(), reason: options.reason ?? "" };
	const killed = await new AdminClient(configuration(options.config, false)).post(path, body);
	return options.json === true ? JSON.stringify(killed) : `Session ${id} is ended.`;
}

export async function forget(
	id: string,
	options: { readonly config: string; readonly reason?: string; readonly json?: boolean },
): Promise<string> {
	const path = `/v1/sessions/${encodeURIComponent(id)}/forget`;
	const body = { by: operator(), reason: options.reason ?? "" };
	const forgotten = await new AdminClient(configuration(options.config, false)).post(path, body);
	if (options.json === true) return JSON.stringify(forgotten);
	return `Session ${id} is forgotten: its key is destroyed, and nobody can open what it has sealed.`;
}
