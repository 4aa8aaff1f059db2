/**
 * The limits of the PostgreSQL codecs, each with its unit and reason. What is longer is refused before it is buffered.
 */

/** Longest message before login, in bytes: a client that has not shown who it is may not make us hold more. */
export const LOGIN_MESSAGE_BYTES = 64 * 1024;

/**
 * Longest Query, Parse, Bind or FunctionCall, in bytes, whatever the configuration says of messages: its text and
 * parameters are recorded whole, as text, and the runtime's strings end at 512 Mi characters (two for each byte of a
 * binary parameter, more in JSON). Larger values travel by COPY.
 */
export const RECORDED_MESSAGE_BYTES = 128 * 1024 * 1024;

/**
 * Longest message that holds a name or nothing, and longest CopyData, in bytes with the type: the server's own bounds,
 * beyond which it closes the connection.
 */
export const SMALL_MESSAGE_BYTES = 10_001;
export const COPY_MESSAGE_BYTES = 0x3fff_ffff;

/** Longest statement or portal name that the server tells apart, in bytes (its NAMEDATALEN less the terminator). */
export const NAME_BYTES = 63;

/** Length of a cancel key's secret, in bytes: 4 until protocol 3.0, up to 256 from 3.2. */
export const CANCEL_SECRET_BYTES = { min: 4, max: 256 } as const;

/** Most PBKDF2 rounds that a server may ask of us: a million take some 0.3 s, in which nothing else moves. */
export const SCRAM_ITERATIONS_MAX = 1_000_000;

/**
 * Longest row of a COPY that is masked, in bytes: it is held whole and written anew, which takes some three times as much
 * memory. Longer ones can be copied without the masked columns, or selected.
 */
export const COPY_ROW_BYTES = 64 * 1024 * 1024;
