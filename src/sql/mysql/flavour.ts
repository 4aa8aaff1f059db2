/**
 * Which server reads the text. MySQL and MariaDB share an ancestor and disagree on comments, words and syntax, and so do
 * their versions; whatever depends on that asks here.
 */

export type Flavour = "mysql" | "mariadb";

export interface Server {
	readonly flavour: Flavour;
	/** As executable comments count: 8.4.3 is 80403, 10.11.6 is 101106. */
	readonly version: number;
	/** lower_case_table_names: 0 as written, 1 stored in lower case, 2 compared in lower case. */
	readonly lowerCaseNames: 0 | 1 | 2;
}

/** What a server calls itself: `8.4.3`, `10.11.6-MariaDB-0+deb12u1`, `5.5.5-10.11.6-MariaDB` (as it greets). */
export function serverNamed(version: string, lowerCaseNames: 0 | 1 | 2): Server | undefined {
	const flavour: Flavour = /mariadb/i.test(version) ? "mariadb" : "mysql";
	const own = flavour === "mariadb" ? version.replace(/^5\.5\.5-(?=1\d\.)/, "") : version;
	const match = /^(\d{1,2})\.(\d{1,2})\.(\d{1,2})/.exec(own);
	if (match === null) return undefined;
	const [, major, minor, patch] = match.map(Number);
	return { flavour, version: (major ?? 0) * 10_000 + (minor ?? 0) * 100 + (patch ?? 0), lowerCaseNames };
}

export function isMariaDb(server: Server): boolean {
	return server.flavour === "mariadb";
}

/** Databases, tables and their aliases, as the server compares them. */
export function foldTable(server: Server, name: string): string {
	return server.lowerCaseNames === 0 ? name : name.toLowerCase();
}

/** Columns, functions, windows, settings: compared without case everywhere. */
export function foldName(name: string): string {
	return name.toLowerCase();
}
