/** `licet grant`, `licet grants`, `licet revoke`. */
import { DURATION_EXPECTED, parseDuration } from "../../config/units.js";
import { AdminClient, configuration, operator } from "../admin-client.js";
import { type IssuedGrant, shellLine } from "../client-programs.js";
import { CommandFailure } from "../failure.js";
import { named } from "../session-query.js";
import { table } from "../table.js";

export interface GrantOptions {
	readonly config: string;
	readonly license: string;
	readonly target: string;
	readonly database?: string;
	readonly subject: string;
	readonly group?: readonly string[];
	readonly duration: string;
	readonly reason?: string;
	readonly json?: boolean;
}

export async function grant(options: GrantOptions): Promise<string> {
	for (const name of ["license", "target", "subject", "database"] as const) named(`--${name}`, options[name]);
	for (const group of options.group ?? []) named("--group", group);
	const durationMs = parseDuration(options.duration);
	if (durationMs === undefined) {
		throw new CommandFailure(`--duration ${options.duration}: expected ${DURATION_EXPECTED}`, 2);
	}
	const issued = (await new AdminClient(configuration(options.config, false)).post("/v1/grants", {
		license: options.license,
		target: options.target,
		...(options.database === undefined ? {} : { database: options.database }),
		subject: options.subject,
		...(options.group === undefined ? {} : { groups: options.group }),
		durationMs,
		reason: options.reason ?? "",
		by: operator(),
	})) as IssuedGrant & Readonly<Record<string, unknown>>;
	if (options.json === true) return JSON.stringify(issued);
	return [
		`Grant ${issued.grant} under license ${issued.license} on target ${issued.target}, until ${issued.expiresAt}.`,
		"",
		`  ${shellLine(issued)}`,
		...(issued.engine === "postgres" ? [] : [`  ${issued.url}`]),
		"",
		"The password is shown this once; only a verifier of it is kept.",
	].join("\n");
}

export async function grants(options: {
	readonly config: string;
	readonly active?: boolean;
	readonly json?: boolean;
}): Promise<string> {
	const path = options.active === true ? "/v1/grants?active=true" : "/v1/grants";
	const list = (await new AdminClient(configuration(options.config, false)).get(path)) as Record<string, unknown>[];
	if (options.json === true) return JSON.stringify(list);
	const columns = ["grant", "status", "subject", "license", "target", "database", "username", "expiresAt", "reason"];
	return table(
		columns.map((key) => ({ key, title: key.toUpperCase() })),
		list,
	);
}

export async function revoke(
	id: string,
	options: { readonly config: string; readonly reason?: string; readonly json?: boolean },
): Promise<string> {
	const path = `/v1/grants/${encodeURIComponent(id)}/revoke`;
	const body = { by: operator(), reason: options.reason ?? "" };
	const revoked = await new AdminClient(configuration(options.config, false)).post(path, body);
	return options.json === true ? JSON.stringify(revoked) : `Grant ${id} is revoked; its sessions end now.`;
}
