/**
 * PostgreSQL as an engine: what the core is given of it.
 */
import { CATALOG_FINGERPRINT_QUERY, readCatalog } from "../../sql/postgres/catalog.js";
import { judgeConfigCall } from "../../sql/postgres/settings.js";
import { postgresShape } from "../../sql/postgres/shape.js";
import { Unreadable } from "../../sql/unreadable.js";
import type { Engine } from "../engine.js";
import { APPLICATION_NAME, ApplicationName } from "./application-name.js";
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
	passesRefusal,
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
	relay: (host, { messageBytes, upstream, login, subject }) =>
		new PostgresRelay(host, {
			messageBytes,
			reported: upstream.reported,
			application: new ApplicationName(
				subject,
				login.settings.get(APPLICATION_NAME),
				upstream.reported.get(APPLICATION_NAME),
			),
		}),
	goodbye: terminate(),
	shapeOf: (text) => postgresShape(text),
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

/**
 * Values and names of settings (22, 42704), settings that need a restart or more rights (55P02, 42501); and states of the
 * server on which clients wait and try again (53: no more connections; 57P01 to 57P03: going down or coming up).
 */
function passesRefusal(code: string): "whole" | "code" | undefined {
	if (/^(22...|42704|42501|55P02)$/.test(code)) return "whole";
	return /^(53...|57P0[123])$/.test(code) ? "code" : undefined;
}

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
