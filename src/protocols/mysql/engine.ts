/**
 * MySQL and MariaDB as an engine: what the core is given of them.
 */
import { CATALOG_FINGERPRINT_QUERY, readCatalog } from "../../sql/mysql/catalog.js";
import { isReadableCharset, readingOf } from "../../sql/mysql/reading.js";
import { mysqlShape } from "../../sql/mysql/shape.js";
import type { Engine } from "../engine.js";
import { MysqlClientDoor } from "./client-door.js";
import { CAPABILITY, COM, hasFlag } from "./codes.js";
import { LOGIN, numberOf, REPORTED } from "./login-settings.js";
import { MysqlOwnQuery } from "./own-query.js";
import { framed } from "./packets.js";
import { isReadableCollation, PINNED_VARIABLES } from "./pins.js";
import { MysqlRelay } from "./relay.js";
import { MysqlUpstreamDoor } from "./upstream-door.js";

export const mysql: Engine = {
	name: "mysql",
	alpn: undefined,
	greetsFirst: true,
	clientDoor: (options) => new MysqlClientDoor(options),
	upstreamDoor: (settings) => new MysqlUpstreamDoor(settings),
	refusedSetting,
	passesRefusal: () => undefined,
	pinnedSettings: new Map([...PINNED_VARIABLES].map(([name, value]) => [LOGIN.variable + name, value])),
	refusedUpstream,
	relay: (host, options) => new MysqlRelay(host, options),
	goodbye: framed(Buffer.from([COM.quit]), 0),
	plainReading: (database) => readingOf({ database, modes: "", multi: false, charset: "utf8mb4" }),
	shapeOf: (text, { flavour = "mysql", version, lowerCaseNames = 0 }) =>
		mysqlShape(text, { flavour, version, lowerCaseNames }),
	query: (sql) => new MysqlOwnQuery(sql),
	catalogSpan: "server",
	// Tables whose definitions somebody has locked are not waited for: better to know soon than to hang.
	catalogSettings: new Map([
		[`${LOGIN.attribute}program_name`, "licet catalog"],
		[`${LOGIN.variable}lock_wait_timeout`, "5"],
	]),
	readCatalog,
	fingerprintQuery: CATALOG_FINGERPRINT_QUERY,
};

/** Of what a client says at login only the character set changes how its texts are read; the rest of the session follows. */
function refusedSetting(name: string, value: string): string | undefined {
	if (name.startsWith(LOGIN.attribute)) return undefined;
	switch (name) {
		case LOGIN.flags:
		case LOGIN.extended:
		case LOGIN.secured:
			return undefined;
		case LOGIN.charset:
			return isReadableCollation(Number(value)) ? undefined : "text in this character set cannot be read exactly";
		default:
			return "it is not among the settings of a login";
	}
}

function refusedUpstream(reported: ReadonlyMap<string, string>): string | undefined {
	const charset = reported.get(REPORTED.characterSetClient);
	if (charset === undefined || !isReadableCharset(charset))
		return `character_set_client is ${charset}, in which text cannot be read exactly`;
	if (!hasFlag(numberOf(reported, REPORTED.flags), CAPABILITY.sessionTrack)) {
		return "the server does not tell changes of a session (MySQL does from 5.7, MariaDB from 10.2)";
	}
	return undefined;
}
