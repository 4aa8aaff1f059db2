/**
 * Names by which a login's particulars travel through the core, which knows nothing of them: what a client said
 * (`ClientLoginRequest.settings`, from there to the upstream's door and to the relay), and what an upstream said of
 * itself and of the connection (`UpstreamReady.reported`).
 */

/** Keys of `ClientLoginRequest.settings`. */
export const LOGIN = {
	/** Capability flags that were agreed on with the client, decimal. */
	flags: "flags",
	/** MariaDB's extended ones, decimal; "0" for other clients. */
	extended: "extended",
	/** Collation id, decimal. */
	charset: "charset",
	/** "1": its connection is encrypted. */
	secured: "secured",
	/** Prefix of connection attributes. */
	attribute: "attribute:",
	/**
	 * Prefix of session variables that are set once the upstream has taken us in. Clients cannot name any at login: only
	 * the engine itself does (`pinnedSettings`, `catalogSettings`).
	 */
	variable: "variable:",
} as const;

/** Keys of `UpstreamReady.reported`. */
export const REPORTED = {
	/** The version as its greeting shows it ("5.5.5-10.11.6-MariaDB…"). */
	greeting: "greeting",
	/** The same without MariaDB's "5.5.5-". */
	version: "server_version",
	/** "mysql" or "mariadb". */
	flavour: "flavour",
	/** Collation id of its greeting, decimal. */
	charset: "charset",
	/** What it can, decimal. */
	capabilities: "capabilities",
	extendedCapabilities: "extended_capabilities",
	/** What was agreed on for this connection, decimal. */
	flags: "flags",
	extended: "extended",
	/** The connection's current database; "" for none. */
	database: "database",
	sqlMode: "sql_mode",
	characterSetClient: "character_set_client",
	characterSetConnection: "character_set_connection",
	characterSetResults: "character_set_results",
	collationConnection: "collation_connection",
	lowerCaseTableNames: "lower_case_table_names",
} as const;

/** A decimal setting; 0 where there is none. */
export function numberOf(settings: ReadonlyMap<string, string>, key: string): number {
	const text = settings.get(key);
	return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function isMariaDb(reported: ReadonlyMap<string, string> | undefined): boolean {
	return reported?.get(REPORTED.flavour) === "mariadb";
}
