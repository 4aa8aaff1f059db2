/**
 * Numbers of the protocol.
 * Specification: MySQL Internals, "Client/Server Protocol" (Capability Flags, Status Flags, Column Type, Command Phase);
 * MariaDB Knowledge Base, "Client/Server Protocol" (extended capabilities).
 */

/** Commands: the first byte of a client's payload. */
export const COM = {
	sleep: 0x00,
	quit: 0x01,
	initDb: 0x02,
	query: 0x03,
	fieldList: 0x04,
	createDb: 0x05,
	dropDb: 0x06,
	refresh: 0x07,
	shutdown: 0x08,
	statistics: 0x09,
	processInfo: 0x0a,
	connect: 0x0b,
	processKill: 0x0c,
	debug: 0x0d,
	ping: 0x0e,
	time: 0x0f,
	delayedInsert: 0x10,
	changeUser: 0x11,
	binlogDump: 0x12,
	tableDump: 0x13,
	connectOut: 0x14,
	registerSlave: 0x15,
	stmtPrepare: 0x16,
	stmtExecute: 0x17,
	stmtSendLongData: 0x18,
	stmtClose: 0x19,
	stmtReset: 0x1a,
	setOption: 0x1b,
	stmtFetch: 0x1c,
	daemon: 0x1d,
	binlogDumpGtid: 0x1e,
	resetConnection: 0x1f,
	clone: 0x20,
	subscribeGroup: 0x21,
	/** MariaDB's own. */
	stmtBulkExecute: 0xfa,
	multi: 0xfe,
} as const;

/** Capability flags (32 bits, unsigned: combine with `|` and then `>>> 0`). */
export const CAPABILITY = {
	/** MariaDB: not set means that extended capabilities follow (CLIENT_MYSQL). */
	longPassword: 1,
	foundRows: 1 << 1,
	longFlag: 1 << 2,
	connectWithDb: 1 << 3,
	noSchema: 1 << 4,
	compress: 1 << 5,
	odbc: 1 << 6,
	localFiles: 1 << 7,
	ignoreSpace: 1 << 8,
	protocol41: 1 << 9,
	interactive: 1 << 10,
	ssl: 1 << 11,
	ignoreSigpipe: 1 << 12,
	transactions: 1 << 13,
	reserved: 1 << 14,
	secureConnection: 1 << 15,
	multiStatements: 1 << 16,
	multiResults: 1 << 17,
	psMultiResults: 1 << 18,
	pluginAuth: 1 << 19,
	connectAttributes: 1 << 20,
	pluginAuthLenenc: 1 << 21,
	expiredPasswords: 1 << 22,
	sessionTrack: 1 << 23,
	deprecateEof: 1 << 24,
	optionalMetadata: 1 << 25,
	zstd: 1 << 26,
	queryAttributes: 1 << 27,
	multiFactor: 1 << 28,
	capabilityExtension: 1 << 29,
	verifyServerCertificate: 1 << 30,
	rememberOptions: 0x8000_0000,
} as const;

/** MariaDB's extended capability flags: the upper half of 64 bits, as a number of their own. */
export const EXTENDED = {
	progress: 1,
	comMulti: 1 << 1,
	bulkOperations: 1 << 2,
	typeInfo: 1 << 3,
	cacheMetadata: 1 << 4,
	bulkUnitResults: 1 << 5,
} as const;

/** Status flags of OK and EOF. */
export const STATUS = {
	inTransaction: 1,
	autocommit: 1 << 1,
	moreResults: 1 << 3,
	noGoodIndex: 1 << 4,
	noIndex: 1 << 5,
	cursorExists: 1 << 6,
	lastRowSent: 1 << 7,
	databaseDropped: 1 << 8,
	noBackslashEscapes: 1 << 9,
	metadataChanged: 1 << 10,
	querySlow: 1 << 11,
	psOutParameters: 1 << 12,
	inReadOnlyTransaction: 1 << 13,
	sessionStateChanged: 1 << 14,
	/** MariaDB. */
	ansiQuotes: 1 << 15,
} as const;

/** First bytes of a server's payload. */
export const ANSWER = { ok: 0x00, moreData: 0x01, localInfile: 0xfb, eof: 0xfe, error: 0xff } as const;

/** Kinds of session state change in an OK packet. */
export const CHANGE = {
	systemVariable: 0,
	schema: 1,
	stateChange: 2,
	gtids: 3,
	transactionCharacteristics: 4,
	transactionState: 5,
} as const;

/** Types of columns and parameters. */
export const TYPE = {
	decimal: 0x00,
	tiny: 0x01,
	short: 0x02,
	long: 0x03,
	float: 0x04,
	double: 0x05,
	null: 0x06,
	timestamp: 0x07,
	longlong: 0x08,
	int24: 0x09,
	date: 0x0a,
	time: 0x0b,
	datetime: 0x0c,
	year: 0x0d,
	newdate: 0x0e,
	varchar: 0x0f,
	bit: 0x10,
	timestamp2: 0x11,
	datetime2: 0x12,
	time2: 0x13,
	typedArray: 0x14,
	vector: 0xf2,
	json: 0xf5,
	newdecimal: 0xf6,
	enum: 0xf7,
	set: 0xf8,
	tinyBlob: 0xf9,
	mediumBlob: 0xfa,
	longBlob: 0xfb,
	blob: 0xfc,
	varString: 0xfd,
	string: 0xfe,
	geometry: 0xff,
} as const;

/** Column flags of a column definition that we look at. */
export const COLUMN_FLAG = { notNull: 1, unsigned: 1 << 5, binary: 1 << 7, enum: 1 << 8, set: 1 << 11 } as const;

/** Cursor types of COM_STMT_EXECUTE. */
export const CURSOR = { none: 0, readOnly: 1, forUpdate: 2, scrollable: 4, parameterCount: 8 } as const;

/** Options of COM_SET_OPTION. */
export const OPTION = { multiStatementsOn: 0, multiStatementsOff: 1 } as const;

/** Collation ids: what the two sides greet with. */
export const COLLATION = { latin1: 8, utf8mb3: 33, binary: 63, utf8mb4: 45, utf8mb4Mysql8: 255 } as const;

export function hasFlag(flags: number, flag: number): boolean {
	return (flags & flag) !== 0;
}
