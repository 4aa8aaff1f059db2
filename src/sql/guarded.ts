/**
 * A text whose uses of guarded columns and functions are wrapped, so that the server itself gives NULL for what a license
 * does not cover. Which objects that are is the license's business: the text is kept in pieces, between which tests of
 * object identity are filled in when it is known.
 */
import { FIRST_USER_OID_SQL } from "./catalog.js";

/** OIDs; names as `nameKey` writes them where the engine has none. */
type Covered = readonly (number | string)[] | "all";

/** What a license covers of a database, by object identity. */
export interface Extent {
	readonly relations: Covered;
	/** Relations without a masked column. */
	readonly plain: Covered;
	/** Relations of whose masked columns the definition tells no value (CatalogRelation.toldColumns). */
	readonly untold: Covered;
	readonly functions: Covered;
	readonly types: Covered;
	/** Schemas of which something is covered, and those of which everything is. */
	readonly schemas: Covered;
	readonly wholeSchemas: Covered;
}

export const NOTHING_COVERED: Extent = {
	relations: [],
	plain: [],
	untold: [],
	functions: [],
	types: [],
	schemas: [],
	wholeSchemas: [],
};

/** A test whether `of`, an expression in SQL, is one of the objects covered. */
export interface ExtentTest {
	readonly of: string;
	readonly among: keyof Extent;
}

export interface GuardedText {
	readonly engine: "postgres" | "mysql";
	readonly pieces: readonly (string | ExtentTest)[];
	/** Guarded columns and functions in it, as messages name them. */
	readonly guards: readonly string[];
	/** Some guard hides the same whatever is covered (settings): the text is wrapped under every license that has guards. */
	readonly always?: boolean;
}

/** The text for one extent. */
export function filled({ engine, pieces }: GuardedText, extent: Extent): string {
	const test = engine === "postgres" ? postgresTest : mysqlTest;
	return pieces.map((piece) => (typeof piece === "string" ? piece : test(piece, extent[piece.among]))).join("");
}

/** Whether nothing of the text depends on what is covered: then it need not be wrapped. */
export function showsAll({ pieces, always }: GuardedText, extent: Extent): boolean {
	return always !== true && pieces.every((piece) => typeof piece === "string" || extent[piece.among] === "all");
}

function postgresTest({ of, among }: ExtentTest, covered: Covered): string {
	if (covered === "all") return "true";
	if (among !== "schemas" && among !== "wholeSchemas") {
		const own = `${of} OPERATOR(pg_catalog.=) ANY ('{${covered.join(",")}}'::pg_catalog.oid[])`;
		// What the server came with is everybody's.
		return `(${of} OPERATOR(pg_catalog.<) ${FIRST_USER_OID_SQL} OR ${own})`;
	}
	const names = covered.map((name) => `'${String(name).replaceAll("'", "''")}'`).join(",");
	return `(${of} OPERATOR(pg_catalog.=) ANY (ARRAY[${names}]::pg_catalog.name[]))`;
}

/** `of` is a key of names in hexadecimal: no collation, mode or character set makes two of them equal. */
function mysqlTest({ of }: ExtentTest, covered: Covered): string {
	if (covered === "all") return "1";
	return covered.length === 0 ? "0" : `(${of} IN (${covered.map((key) => `'${key}'`).join(",")}))`;
}

/** Names in hexadecimal digits of their UTF-8, with points between: what HEX gives on the server. */
export function nameKey(...names: readonly string[]): string {
	return names.map((name) => Buffer.from(name, "utf8").toString("hex").toUpperCase()).join(".");
}
