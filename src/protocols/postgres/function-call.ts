/**
 * Function calls by protocol message: large objects travel so in libpq (`lo_open`, `lo_read`, …) and in what is built on it.
 * The message names its function by a number. Of the server's own functions for large objects the numbers are the same in
 * all versions, so a call of one is judged and recorded as the SELECT that does the same. All others are refused: what they
 * do is each database's own.
 *
 * Specification: PostgreSQL documentation, "Message Flow" (Function Call) and "Message Formats" (FunctionCall,
 * FunctionCallResponse); "Large Objects" for the functions.
 */

/** OIDs of types. */
const OID = 26;
const INT4 = 23;
const INT8 = 20;
const BYTEA = 17;

export interface CallableFunction {
	/** The statement that does the same. */
	readonly sql: string;
	/** OIDs of its parameters' types. */
	readonly types: readonly number[];
}

const FUNCTIONS: ReadonlyMap<number, CallableFunction> = new Map(
	(
		[
			[715, "lo_create", [OID]],
			[952, "lo_open", [OID, INT4]],
			[953, "lo_close", [INT4]],
			[954, "loread", [INT4, INT4]],
			[955, "lowrite", [INT4, BYTEA]],
			[956, "lo_lseek", [INT4, INT4, INT4]],
			[957, "lo_creat", [INT4]],
			[958, "lo_tell", [INT4]],
			[964, "lo_unlink", [OID]],
			[1004, "lo_truncate", [INT4, INT4]],
			[3170, "lo_lseek64", [INT4, INT8, INT4]],
			[3171, "lo_tell64", [INT4]],
			[3172, "lo_truncate64", [INT4, INT8]],
		] as const
	).map(([oid, name, types]) => {
		const parameters = types.map((_, index) => `$${index + 1}`).join(", ");
		return [oid, { sql: `SELECT pg_catalog.${name}(${parameters})`, types }];
	}),
);

/** Undefined: calls of it are refused. */
export function callableFunction(oid: number): CallableFunction | undefined {
	return FUNCTIONS.get(oid);
}
