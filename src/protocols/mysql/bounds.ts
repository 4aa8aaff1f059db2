/**
 * The limits of the MySQL codecs, each with its unit and reason. What is longer is refused before it is buffered.
 */

/** Longest packet before login, in bytes: a client that has not shown who it is may not make us hold more. */
export const LOGIN_PACKET_BYTES = 64 * 1024;

/** Longest connection attributes, in bytes: the server's own limit for them. */
export const ATTRIBUTES_BYTES = 64 * 1024;

/** Longest user name, plugin name and database name at login, in bytes: longer than any that a server has. */
export const LOGIN_NAME_BYTES = 512;

/**
 * Longest command with a text or parameters, in bytes, whatever the configuration says of messages: they are recorded
 * whole, as text, and the runtime's strings end at 512 Mi characters. The server's own limit (max_allowed_packet) is at
 * most 1 GiB and 64 MiB by default.
 */
export const RECORDED_MESSAGE_BYTES = 128 * 1024 * 1024;

/** Longest payload of an answer to a query of our own, in bytes: a view's text is the longest thing in a catalog. */
export const OWN_ROW_BYTES = 64 * 1024 * 1024;

/** Longest packet of a server during our login, in bytes: a greeting, a public key, an error. */
export const UPSTREAM_LOGIN_BYTES = 1024 * 1024;

/** Longest public key that a server may send, in bytes of PEM: 16384 bits take about 3 KB. */
export const PUBLIC_KEY_BYTES = 8 * 1024;

/** Longest password at a full login, in bytes: our own are short, and it is hashed some thousand times. */
export const PASSWORD_BYTES = 256;
