/**
 * Which capability flags are spoken: an allowlist towards clients, and for the upstream's leg what follows from the
 * client's, so that a flag that changes what statements mean, or which answers may come, is the same on both legs.
 * So is DEPRECATE_EOF, by which packets are numbered. SESSION_TRACK may differ; the relay writes those OKs anew.
 * Specification: MySQL Internals, "Capability Flags"; MariaDB Knowledge Base, "Connection" (capabilities).
 */
import { CAPABILITY as C, EXTENDED, hasFlag } from "./codes.js";

/** What this proxy does itself, whatever the server can. */
const OURS =
	C.longFlag |
	C.connectWithDb |
	C.protocol41 |
	C.transactions |
	C.reserved |
	C.secureConnection |
	C.pluginAuth |
	C.connectAttributes |
	C.pluginAuthLenenc |
	C.ignoreSigpipe;

/**
 * What changes the meaning of a session: the upstream is told what the client asked for. Without QUERY_ATTRIBUTES, which
 * are values that no decision would see: clients that have some then leave them out.
 */
const MEANING =
	C.foundRows |
	C.odbc |
	C.localFiles |
	C.ignoreSpace |
	C.interactive |
	C.multiStatements |
	C.multiResults |
	C.psMultiResults;

/** Framing that each leg has for itself. */
const FRAMING = C.sessionTrack | C.deprecateEof;

/**
 * MariaDB's extended ones that work end to end. Without them: COM_STMT_BULK_EXECUTE (drivers then execute row by row),
 * result sets without metadata (a mask needs it), progress reports.
 */
const EXTENDED_SERVED = EXTENDED.typeInfo;

/** What a client is offered by a server that can `server`. */
export function offered(server: number, isMariaDb: boolean, tls: boolean): number {
	const own = isMariaDb ? OURS : OURS | C.longPassword;
	return (own | (server & (MEANING | FRAMING)) | (tls ? C.ssl : 0)) >>> 0;
}

export function offeredExtended(server: number): number {
	return (server & EXTENDED_SERVED) >>> 0;
}

/** What is agreed on with a client that answers an offer. */
export function agreed(offer: number, client: number): number {
	return (offer & client) >>> 0;
}

export interface UpstreamFlags {
	readonly flags: number;
	readonly extended: number;
}

/** What we ask of an upstream that can `server`, for a client with `client` (0: a connection of our own). */
export function upstreamFlags(
	server: UpstreamFlags,
	client: UpstreamFlags,
	isMariaDb: boolean,
	withDatabase: boolean,
): UpstreamFlags {
	const can = server.flags;
	const always = C.longFlag | C.protocol41 | C.transactions | C.secureConnection | (can & C.sessionTrack);
	const login = can & (C.pluginAuth | C.connectAttributes | C.pluginAuthLenenc);
	// Where one leg has EOFs and the other has none, no run of packets could pass as it is.
	const meaning = can & client.flags & (MEANING | C.deprecateEof);
	let flags = always | login | meaning | (withDatabase ? C.connectWithDb : 0);
	const extends_ = isMariaDb && !hasFlag(can, C.longPassword);
	if (!extends_) flags |= C.longPassword;
	const extended = extends_ ? server.extended & client.extended & EXTENDED_SERVED : 0;
	return { flags: flags >>> 0, extended: extended >>> 0 };
}
