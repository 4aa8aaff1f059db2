/**
 * Settings that must stand as the analyser assumes them, as the server reports them: at
 * login, and whenever one changes.
 */

/** Encodings whose text is read exactly: UTF-8, or bytes that the server passes on as they are. */
export function isReadableEncoding(name: string | undefined): boolean {
	return name === "UTF8" || name === "SQL_ASCII";
}

/** True for every setting that is not pinned. `value` undefined: the server does not report it. */
export function pinHolds(name: string, value: string | undefined): boolean {
	if (name === "standard_conforming_strings") return value === "on";
	if (name === "client_encoding") return isReadableEncoding(value);
	return true;
}
