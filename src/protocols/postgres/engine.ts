/**
 * PostgreSQL as an engine: what the core is given of it.
 */
import { CATALOG_FINGERPRINT_QUERY, readCatalog } from "../../sql/postgres/catalog.js";
import { judgeConfigCall } from "../../sql/postgres/settings.js";
import { Unreadable } from "../../sql/unreadable.js";
import type { Engine } from "../engine.js";
import { PostgresClientDoor } from "./client-door.js";
import { terminate } from "./messages.js";
import { PostgresOwnQuery } from "./own-query.js";
import { isReadableEncoding, pinHolds } from "./pins.js";
import { PostgresRelay } from "./relay.js";
import { PostgresUpstreamDoor } from "./upstream-door.js";

/** The analyser reads strings as these settings say, and text as UTF-8. */
const pinnedSettings: ReadonlyMap<string, string> = new Map([["standard_conforming_strings", "on"]]);

export const postgres: Engine = {
	name: "postgres",
	alpn: "postgresql",
	greetsFirst: false,
	clientDoor: (options) => new PostgresClientDoor(options),
	upstreamDoor: (settings) => new PostgresUpstreamDoor(settings),
	refusedSetting,
	pinnedSettings,
	refusedUpstream(reported) {
		const encoding = reported.get("client_encoding");
		if (!pinHolds("client_encoding", encoding)) {
			return `client_encoding is ${encoding}; only UTF8 and SQL_ASCII can be read exactly`;
		}
		const server = reported.get("server_encoding");
		if (!isReadableEncoding(server)) return `the database's encoding is ${server}; only UTF8 can be read exactly`;
		const strings = "standard_conforming_strings";
		if (!pinHolds(strings, reported.get(strings))) return `${strings} is off`;
		return undefined;
	},
	relay: (host, options) =>
		new PostgresRelay(host, {
			messageBytes: options.messageBytes,
			reported: options.upstream.reported,
		}),
	goodbye: terminate(),
	query: (sql) => new PostgresOwnQuery(sql),
	plainReading: () => ["$user", "public"],
	catalogSpan: "database",
	// Views over a table that somebody has locked are not read: better to know soon than to hang.
	catalogSettings: new Map([
		["application_name", "licet catalog"],
		["lock_timeout", "5s"],
	]),
	readCatalog: (run, scope, epoch) => readCatalog(run, scope.database, epoch),
	fingerprintQuery: CATALOG_FINGERPRINT_QUERY,
};

/** The rules for SET hold at login too. */
function refusedSetting(name: string, value: string): string | undefined {
	try {
		const needed = judgeConfigCall(name, value, false).commands;
		return needed.length === 0 ? undefined : "it is not among the settings that a session may choose freely";
	} catch (error) {
		if (error instanceof Unreadable) return error.message;
		throw error;
	}
}
