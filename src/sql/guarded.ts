/**
 * A text whose uses of guarded columns and functions are wrapped, so that the server itself gives NULL for what a license
 * does not cover. Which objects that are is the license's business: the text is kept in pieces, between which tests of
 * object identity are filled in when it is known.
 */

/** What a license covers of a database, by object identity. `plain`: relations without a masked column. */
export interface Extent {
	readonly relations: readonly number[] | "all";
	readonly plain: readonly number[] | "all";
	readonly functions: readonly number[] | "all";
	readonly types: readonly number[] | "all";
	readonly schemas: readonly string[] | "all";
}

/** A test whether `of`, an expression in SQL, is one of the objects covered. */
export interface ExtentTest {
	readonly of: string;
	readonly among: keyof Extent;
}

export interface GuardedText {
	readonly pieces: readonly (string | ExtentTest)[];
	/** Guarded columns and functions in it, as messages name them. */
	readonly guards: readonly string[];
}

/** FirstNormalObjectId: what the server came with has lower OIDs and is everybody's. */
const FIRST_USER_OID = "'16384'::pg_catalog.oid";

/** The text for one extent. */
export function filled({ pieces }: GuardedText, extent: Extent): string {
	return pieces.map((piece) => (typeof piece === "string" ? piece : test(piece, extent[piece.among]))).join("");
}

function test({ of, among }: ExtentTest, covered: readonly (number | string)[] | "all"): string {
	if (covered === "all") return "true";
	if (among !== "schemas") {
		const own = `${of} OPERATOR(pg_catalog.=) ANY ('{${covered.join(",")}}'::pg_catalog.oid[])`;
		return `(${of} OPERATOR(pg_catalog.<) ${FIRST_USER_OID} OR ${own})`;
	}
	const names = covered.map((name) => `'${String(name).replaceAll("'", "''")}'`).join(",");
	return `(${of} OPERATOR(pg_catalog.=) ANY (ARRAY[${names}]::pg_catalog.name[]))`;
}
