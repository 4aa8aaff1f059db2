/**
 * The interface between the engine-neutral core and a database engine's protocol.
 *
 * Both engines implement it; `sessions` knows nothing else of them. Protocol code is sans-I/O: it is handed chunks and
 * answers through the narrow interfaces below; sockets, clocks, stores and licenses stay with the host.
 */
import type { Catalog } from "../sql/catalog.js";
import type { StatementFacts } from "../sql/facts.js";
import type { ValueKind } from "./values.js";

/** Why a statement was denied, in classes that each engine has a code for. */
export type DenialCase =
	| "notPermitted" /* command or relation not permitted */
	| "columnNotPermitted" /* some of a relation is */
	| "functionNotPermitted" /* or a procedure */
	| "unreadable" /* cannot be parsed or resolved, so denied */
	| "capExceeded" /* row or byte cap of a statement */
	| "exhausted" /* rate or budget */
	| "outside" /* hours, region, validity; revoked; expired */
	| "tooManySessions";

/** A denial in the words that the client gets. It never repeats a value. */
export interface Denial {
	readonly case: DenialCase;
	readonly message: string;
	readonly detail: string;
	readonly hint: string;
	/** The license's term that made it, where the statement's own decision does not tell it: for the recording. */
	readonly term?: string | undefined;
}

/** A mask as the result stream applies it. */
export interface ValueMask {
	/** Kind and term, for the recording. */
	readonly name: string;
	readonly term: string;
	readonly apply: (value: string, kind: ValueKind) => string | null;
	/** Of a text it always makes a text, never NULL. */
	readonly keepsText?: boolean;
}

/** A row or byte cap of a statement. */
export interface ResultCap {
	readonly max: number;
	readonly onExceed: "error" | "truncate";
	/** What the client is told when it is exceeded. */
	readonly denial: Denial;
}

/** What the result stream has to do for a statement. */
export interface ResultPlan {
	/** Masks by result column (0-based) from lineage; the origin wall adds to them. */
	readonly masks: ReadonlyMap<number, ValueMask>;
	/** Error texts and notices may carry masked values: only their codes pass. */
	readonly reduceErrors: boolean;
	readonly rows: ResultCap | undefined;
	readonly bytes: ResultCap | undefined;
	/** Rows of each result that are kept in the recording. */
	readonly sampleRows: number;
}

/** The judgement of one statement: what its text alone decides. Kept and shared between executions. */
export interface Verdict {
	readonly facts: StatementFacts;
	/** Text-level denial, without the decision id that each execution gets. */
	readonly denied: boolean;
	readonly plan: ResultPlan;
	/**
	 * The result plan for a row description seen before, so that equal descriptions are not read twice.
	 * Written by the result stream only; opaque to everybody else.
	 */
	rowPlanMemo?: unknown;
}

/** The judgement of a text: its statements in order. `epoch` tells when it has to be judged again. */
export interface Judgement {
	readonly verdicts: readonly Verdict[];
	/** What was analysed, where that is not the text itself: it goes upstream in the text's place. */
	readonly canonical?: string | undefined;
	readonly epoch: number;
}

/** One run of one statement. */
export interface Execution {
	/** Its number in the session, from 1. */
	readonly statement: number;
	/** Id of its decision, as denials name it. */
	readonly decision: string;
	readonly verdict: Verdict;
	/** Set when it may not run now, whatever its text said. */
	readonly denial: Denial | undefined;
	/** Milliseconds on the host's monotonic clock when it was begun. */
	readonly beganAt: number;
}

/** How an execution ended. */
export interface Outcome {
	readonly command: string | null;
	readonly rows: number;
	readonly bytes: number;
	readonly error: { readonly code: string; readonly message: string } | null;
	readonly masked: readonly string[];
	readonly sample: {
		readonly columns: readonly string[];
		readonly rows: readonly (readonly (string | null)[])[];
	} | null;
}

/** Where the server says that a result column comes from, judged. */
export interface OriginVerdict {
	readonly permitted: boolean;
	readonly mask: ValueMask | undefined;
	/** For messages and incidents: "app.users.email". */
	readonly name: string;
}

/** What a relay needs from the session that owns it. */
export interface RelayHost {
	/** Output for either side; the session writes it once a turn, the recording first. */
	toClient(bytes: Buffer): void;
	toUpstream(bytes: Buffer): void;
	/** True when nothing is forbidden (permits: all, no denies, no masks): what is unknown passes natively. */
	readonly unrestricted: boolean;
	/** True when result columns have to be checked against their origin. */
	readonly checksOrigin: boolean;
	/** Grows when the license, the catalog or their meaning changes: older judgements are judged again. */
	epoch(): number;
	/** Never rejects. `text` must not be kept. */
	judge(text: Uint8Array, reading: readonly string[]): Judgement | Promise<Judgement>;
	/**
	 * The verdict on types of a user's that a client declares its parameters to be of: making values of them may run code.
	 * A promise: they are looked for; then it has to be asked again.
	 */
	judgeTypes(types: readonly number[]): Verdict | Promise<unknown>;
	/** The verdict on facts known from elsewhere (a prepared statement, a cursor) under the license as it is now. */
	verdictFor(facts: StatementFacts): Verdict;
	/** Checks the moment, records the statement, starts its clock. `denial` overrules: it is denied for that reason. */
	begin(
		verdict: Verdict,
		text: string,
		parameters: readonly (string | null)[],
		prepared: string | undefined,
		parseOnly: boolean,
		denial: Denial | undefined,
	): Execution;
	finish(execution: Execution, outcome: Outcome): void;
	/** Tells where a result column comes from. Both 0: from no relation's column. */
	origin(relation: number, column: number): OriginVerdict | undefined;
	/** The same for engines that name the origin. Undefined: the catalog snapshot has no such column. */
	originNamed(schema: string, relation: string, column: string): OriginVerdict | undefined;
	/** Whether all of a relation's rows may be read unmasked, so that an error which shows one may be. */
	showsRowsOf(schema: string, relation: string): boolean;
	/** Walls disagree, or something happened that must not. */
	incident(execution: Execution | undefined, message: string): void;
	/** Stops what the upstream is doing now; resolves when a late arrival is no longer possible. */
	cancelUpstream(): Promise<void>;
	/** Definitions changed and are committed: resolves when the snapshot holds them. */
	refreshCatalog(): Promise<void>;
	/**
	 * Definitions changed and are not committed: reads them as this session alone sees them, with queries that `ask` runs
	 * on its own upstream connection, and judges by them until `dropOwnDefinitions`.
	 */
	readOwnDefinitions(ask: (sql: string) => Promise<(string | null)[][]>): Promise<void>;
	dropOwnDefinitions(): void;
	/** Since they were read, somebody else's have been committed. */
	readonly ownDefinitionsMoved: boolean;
	/**
	 * Stops a query, or ends a connection, of this session's own subject, by the number that its client knows it under or
	 * the server does. Undefined: the subject has none of that number.
	 */
	killConnection(connection: number, what: "query" | "connection"): Promise<void> | undefined;
	/** The client logs in anew on this connection: the session ends, and `door` goes on where it stands. */
	changeUser(door: ClientDoor, actions: readonly DoorAction[]): void;
	/** Stop or go on reading a side. */
	holdClient(held: boolean): void;
	/** Ends the session: the relay has said its last word to the client. */
	end(reason: string): void;
}

/** A relay between an authenticated client and an authenticated upstream. */
export interface Relay {
	/** `chunk` belongs to the relay until the turn's output is written. */
	fromClient(chunk: Buffer): void;
	fromUpstream(chunk: Buffer): void;
	/** All that the client was given has left: nobody refers to it any more. */
	release(): void;
	/** Ends the session from the proxy's side, with the engine's own fatal error where the stream allows one. */
	terminate(code: TerminationCause, message: string, detail: string | undefined): void;
	/** The client is gone: what is under way is finished as far as it got. Nothing is said any more. */
	abandon(reason: string): void;
	/** The running statement took longer than its license allows: it is stopped, and fails as on the server's own timeout. */
	timeOut(detail: string): void;
	/**
	 * The client wants what it runs to be stopped. True: its statement has not gone upstream yet, and fails as a cancelled
	 * one, so that nothing has to be stopped there.
	 */
	interrupt?(): boolean;
	/** An execution is under way. */
	readonly busy: boolean;
	/** When the oldest running execution began (host's clock), undefined when idle. */
	readonly busySince: number | undefined;
}

/** Why the proxy ends a session. */
export type TerminationCause =
	| "administrator" /* revoked, killed, expired, license withdrawn, shutdown */
	| "idle"
	| "protocol" /* the client broke the protocol */
	| "upstream" /* the database went away */
	| "recording"; /* the recording cannot be written */

// ---- Before the relay: the client's door and the upstream's ---------------------------------------------------------

/** What the listener has to do for a client that is logging in. */
export type DoorAction =
	| { readonly kind: "send"; readonly bytes: Buffer }
	/** Everything so far is sent; TLS begins now. `received`: what of it has come already. */
	| { readonly kind: "startTls"; readonly received?: Buffer }
	/** A request to cancel another session; the connection is then closed without a word. */
	| { readonly kind: "cancel"; readonly key: string }
	/** Look the login name up and call `verify`. */
	| { readonly kind: "identify"; readonly login: ClientLoginRequest }
	/** The password was right. */
	| { readonly kind: "authenticated" }
	/** Say this, if anything, and close. `reason` is for the log. */
	| { readonly kind: "refuse"; readonly bytes: Buffer; readonly reason: string };

export interface ClientLoginRequest {
	readonly username: string;
	/** undefined: the client named none. */
	readonly database: string | undefined;
	readonly application: string | undefined;
	/** Session settings that the client asks for at login. */
	readonly settings: ReadonlyMap<string, string>;
}

export interface ClientDoorOptions {
	readonly tls: "none" | "offered" | "required";
	readonly isSecured: boolean;
	/** What the upstream of this port last reported of itself; undefined where the engine's client speaks first. */
	readonly server: ReadonlyMap<string, string> | undefined;
	/** The number by which clients know the connection, from 1; unique in this process. */
	readonly connectionId: number;
	/** 32 random bytes. */
	readonly random: Buffer;
}

/** The server's part of a login, up to the moment where the upstream takes over. */
export interface ClientDoor {
	/** What is said before the client has said anything. */
	start(): readonly DoorAction[];
	receive(chunk: Buffer): readonly DoorAction[];
	/** TLS stands. `channelBinding`: tls-server-end-point data of our certificate, if it has any. */
	secured(channelBinding: Buffer | undefined): void;
	/** Begins the proof of the password against what is kept of it. */
	verify(verifier: PasswordVerifier, nonce: string): readonly DoorAction[];
	/** Bytes that the client sent before it was told that it may. */
	leftover(): Buffer;
	/** The frame that ends a login or a fresh session. */
	refusal(
		cause: DenialCase | "password" | "database" | "setting" | "upstream" | "recording",
		message: string,
		detail?: string,
		/** The database's own code, where its refusal is passed on. */
		code?: string,
	): Buffer;
	/** What the client is told when the upstream is ready: its settings, the key to cancel with, and that it may begin. */
	welcome(upstream: UpstreamReady, key: { readonly processId: number; readonly secret: Buffer }): Buffer;
	/** How many bytes the client expects of a cancel secret. */
	readonly secretBytes: number;
	/** The key as `cancel` actions name it. */
	cancelKey(processId: number, secret: Buffer): string;
}

/** What is kept of a password, by engine-neutral name; each engine takes what its login needs. */
export interface PasswordVerifier {
	readonly scramSha256: {
		readonly iterations: number;
		readonly salt: Buffer;
		readonly storedKey: Buffer;
		readonly serverKey: Buffer;
	};
	/** SHA-1 of the SHA-1 of the password (mysql_native_password). */
	readonly sha1Twice: Buffer;
	/** SHA-256 of the SHA-256 of the password (caching_sha2_password). */
	readonly sha256Twice: Buffer;
}

/** How to stop what runs on an upstream connection, over one of its own: a message instead of a login, or a statement after one. */
export type CancelRequest =
	| { readonly kind: "message"; readonly bytes: Buffer }
	| { readonly kind: "statement"; readonly sql: string };

export interface UpstreamReady {
	/** What the server reports of its settings, in the order reported. */
	readonly reported: ReadonlyMap<string, string>;
	/** Frames that came along with the login (notices). */
	readonly frames: readonly Buffer[];
	/** The number by which the server knows the connection, if it told it. */
	readonly connectionId?: number;
	/** Undefined: the server cannot. */
	readonly cancelRequest: CancelRequest | undefined;
	/** Status byte, or whatever the engine's relay begins with. */
	readonly status: number;
	/** Bytes that came after the login. */
	readonly rest: Buffer;
}

/** What the connector has to do for a login at the upstream. */
export type UpstreamAction =
	| { readonly kind: "send"; readonly bytes: Buffer }
	| { readonly kind: "startTls" }
	| { readonly kind: "ready"; readonly upstream: UpstreamReady }
	/** `code`: the server's own, if it gave one. */
	| { readonly kind: "failed"; readonly code: string | undefined; readonly message: string };

export interface UpstreamLoginSettings {
	readonly username: string;
	readonly password: string | undefined;
	readonly database: string;
	readonly settings: ReadonlyMap<string, string>;
	/** For whom the connection is, where the engine has a place in which its server shows that; undefined: for nobody. */
	readonly subject?: string | undefined;
	readonly tls: "disable" | "prefer" | "require" | "verify-full";
	readonly nonce: string;
	/** The connection cannot be listened to: loopback, or a socket of this machine. */
	readonly isLocal: boolean;
}

export interface UpstreamDoor {
	start(): readonly UpstreamAction[];
	receive(chunk: Buffer): readonly UpstreamAction[];
	/** TLS stands; `certificate`: the server's, in DER. */
	secured(certificate: Buffer | undefined): readonly UpstreamAction[];
}

/** One query on a connection of the proxy's own, its rows as text. */
export interface OwnQuery {
	readonly bytes: Buffer;
	/** Undefined: not over yet. */
	receive(chunk: Buffer): { readonly rows: (string | null)[][] } | { readonly error: string } | undefined;
}

export interface RelayOptions {
	readonly messageBytes: number;
	readonly upstream: UpstreamReady;
	/** What the client said at its login. */
	readonly login: ClientLoginRequest;
	/** As in `UpstreamLoginSettings`. */
	readonly subject: string;
	/** The database that the session begins in. */
	readonly database: string;
	/** As in `ClientDoorOptions`. */
	readonly connectionId: number;
}

/** What a database engine brings. A third one is one more of these, and one more reader in `sql`. */
export interface Engine {
	readonly name: "postgres" | "mysql";
	/** Application-layer protocol name of TLS without a preceding request, if the engine has one. */
	readonly alpn: string | undefined;
	/** The server speaks first, and shows the client its version before it knows who the client is. */
	readonly greetsFirst: boolean;
	clientDoor(options: ClientDoorOptions): ClientDoor;
	upstreamDoor(settings: UpstreamLoginSettings): UpstreamDoor;
	/** Why a setting asked for at login is not taken under a license that restricts; undefined: it is. */
	refusedSetting(name: string, value: string): string | undefined;
	/**
	 * What a client is told of the server's refusal to log in: all of it, where only the client's own settings can be its
	 * cause; the code alone, where clients act on that and the text may name the upstream's user; else neither.
	 */
	passesRefusal(code: string): "whole" | "code" | undefined;
	/** Settings that every restricted session is begun with. */
	readonly pinnedSettings: ReadonlyMap<string, string>;
	/** Why a restricted session cannot be served over an upstream that reports these settings; undefined: it can. */
	refusedUpstream(reported: ReadonlyMap<string, string>): string | undefined;
	relay(host: RelayHost, options: RelayOptions): Relay;
	/** A statement's text without its literals (sql/shape.ts); undefined: it is not understood, and hidden whole. */
	shapeOf(text: string, catalog: Catalog): string | undefined;
	query(sql: string): OwnQuery;
	/** How a client takes its leave of the server. */
	readonly goodbye: Buffer;
	/** How a session reads (`RelayHost.judge`) that has set nothing. */
	plainReading(database: string): readonly string[];
	/** What one catalog snapshot covers: one database, or all of a server's that the target serves. */
	readonly catalogSpan: "database" | "server";
	/** Settings of the connection over which the catalog is read. */
	readonly catalogSettings: ReadonlyMap<string, string>;
	/**
	 * Reads the catalog through `run`, which runs one query and gives its rows as text. `database` is "" where a snapshot
	 * spans the server; of its databases only those that `serves` names belong to it.
	 */
	readCatalog(
		run: (sql: string) => Promise<(string | null)[][]>,
		scope: { readonly database: string; readonly serves: (database: string) => boolean },
		epoch: number,
	): Promise<Catalog>;
	/** A cheap query whose answer changes when definitions do. */
	readonly fingerprintQuery: string;
}
