/**
 * Bounds on what a client or a file may ask of this process, each with its unit, its default and its reason.
 * The first four can be set in licet.yaml (`bounds`); the others are the documents' own and fixed.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export interface Bounds {
	/**
	 * From the first byte of a connection to the end of its login. 15 s: a person's psql over a slow link logs in within
	 * two; half a packet and then silence must not hold a socket for longer.
	 */
	readonly loginTimeoutMs: number;
	/**
	 * One protocol message after login. 1 GiB: PostgreSQL's own limit for a message (and for a field); whatever the
	 * server would refuse anyway need not be passed on. Messages that are only passed on are streamed, never held.
	 */
	readonly messageBytes: number;
	/**
	 * One statement's text. 256 KiB: deeper or longer text has overflowed the stack of the parser;
	 * bulk data belongs in parameters or COPY, which are not bounded by this.
	 */
	readonly statementBytes: number;
	/**
	 * Sessions at a time in this process. 1000: at the 20 KiB an idle connection may cost, that is 20 MB, and more
	 * upstream connections than most servers accept.
	 */
	readonly sessions: number;
}

export const DEFAULT_BOUNDS: Bounds = {
	loginTimeoutMs: 15_000,
	messageBytes: GIB,
	statementBytes: 256 * KIB,
	sessions: 1000,
};

/** What `bounds` may be set to: inclusive. The reason is part of the message when a value lies outside. */
export const BOUND_RANGES = {
	/* Under a second, honest clients on a loaded machine would be cut off; over ten minutes it protects nothing. */
	loginTimeoutMs: { min: 1000, max: 600_000 },
	/* Room for a long statement at least; PostgreSQL itself takes no more than 1 GiB. */
	messageBytes: { min: 64 * KIB, max: GIB },
	/* The parser was measured safe with a large stack up to a few MiB of flat text; beyond that nothing is promised. */
	statementBytes: { min: KIB, max: 4 * MIB },
	/* More sockets than this want more processes, not more sessions in one. */
	sessions: { min: 1, max: 100_000 },
} as const;

/**
 * A segment of the recording. 64 MiB by default: a search reads one in well under a second, and a year of a busy node is
 * some thousand files. Smaller ones are removed and uploaded in smaller pieces; a larger one takes longer to begin with.
 */
export const SEGMENT_RANGE = { min: 64 * KIB, max: GIB } as const;

/** What `recording.retention` may be set to: inclusive. */
export const RETENTION_RANGES = {
	/* Under a day, a session could be removed while it runs; over a century it keeps everything. */
	days: { min: 1, max: 36_500 },
	/* Some segments must have room, or none would ever be kept; 1 PiB is more than a disk. */
	bytes: { min: MIB, max: 1024 * 1024 * GIB },
} as const;

/** A document's text. 1 MiB: a license with thousands of terms is a tenth of it. */
export const DOCUMENT_BYTES = MIB;
/** Values in a document once its aliases are followed. 50 000: stops "billion laughs" and costs milliseconds. */
export const DOCUMENT_NODES = 50_000;
/** How deep a document nests once its aliases are followed. 32: the deepest license is 8 deep. */
export const DOCUMENT_DEPTH = 32;
