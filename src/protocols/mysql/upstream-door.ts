/**
 * The door of an upstream MySQL or MariaDB server: its greeting, TLS as the target's `tls` says, our login, and then
 * what the session is begun with: variables are set, and it is asked how the session reads text.
 * Specification: MySQL Internals, "Connection Phase".
 */
import type { UpstreamAction, UpstreamDoor, UpstreamLoginSettings } from "../engine.js";
import { UPSTREAM_LOGIN_BYTES } from "./bounds.js";
import { type UpstreamFlags, upstreamFlags } from "./capabilities.js";
import { ANSWER, CAPABILITY, COLLATION, hasFlag } from "./codes.js";
import { readError } from "./errors.js";
import {
	type Greeting,
	type HandshakeResponse,
	readGreeting,
	responsePayload,
	tlsRequestPayload,
} from "./handshake.js";
import { LOGIN, numberOf, REPORTED } from "./login-settings.js";
import { readOk } from "./ok.js";
import { MysqlOwnQuery } from "./own-query.js";
import { FULL_PACKET_BYTES, framed, PayloadGatherer } from "./packets.js";
import { UpstreamProof } from "./upstream-login.js";

/** MariaDB's greeting puts it before its version, for replicas of old that knew no two-digit majors. */
const MARIADB_PREFIX = "5.5.5-";

/** What is asked once the upstream has taken us in, in the order of the answer's columns. */
const ASKED: readonly (readonly [key: string, expression: string])[] = [
	[REPORTED.version, "@@version"],
	[REPORTED.sqlMode, "@@sql_mode"],
	[REPORTED.characterSetClient, "@@character_set_client"],
	[REPORTED.characterSetConnection, "@@character_set_connection"],
	[REPORTED.characterSetResults, "@@character_set_results"],
	[REPORTED.collationConnection, "@@collation_connection"],
	[REPORTED.lowerCaseTableNames, "@@lower_case_table_names"],
	[REPORTED.database, "DATABASE()"],
];
const QUESTION = `SELECT ${ASKED.map(([, expression]) => expression).join(", ")}`;

export class MysqlUpstreamDoor implements UpstreamDoor {
	#state: "greeting" | "securing" | "login" | "setting" | "asking" | "over" = "greeting";
	#secured = false;
	#greeting: Greeting | undefined;
	#flags: UpstreamFlags = { flags: 0, extended: 0 };
	#proof: UpstreamProof | undefined;
	#sequence = 0;
	#status = 0;
	#query: MysqlOwnQuery | undefined;
	readonly #settings: UpstreamLoginSettings;
	readonly #gatherer = new PayloadGatherer(UPSTREAM_LOGIN_BYTES, 0);

	constructor(settings: UpstreamLoginSettings) {
		this.#settings = settings;
	}

	/** The server speaks first. */
	start(): readonly UpstreamAction[] {
		return [];
	}

	receive(chunk: Buffer): readonly UpstreamAction[] {
		if (this.#state === "over") return [];
		if (this.#query !== undefined) return this.#queried(this.#query, chunk);
		this.#gatherer.feed(Buffer.from(chunk));
		for (;;) {
			const gathered = this.#gatherer.next();
			if (gathered.kind === "incomplete") return [];
			if (gathered.kind === "tooLong") return this.#failed("the server sent a packet that is too long for a login");
			if (gathered.kind === "outOfOrder") return this.#failed("the server sent a packet out of order");
			this.#sequence = (gathered.sequence + 1) & 0xff;
			// Our answer comes in between; two packets in a row only follow a step that has none.
			const actions = this.#read(gathered.payload);
			if (actions.length === 0) continue;
			if (!this.#gatherer.isIdle) return this.#failed("the server spoke before it was answered");
			return actions;
		}
	}

	#read(payload: Buffer): readonly UpstreamAction[] {
		if (payload[0] === ANSWER.error) {
			const { errno, message } = readError(payload);
			return this.#failed(message === "" ? `the server refused the login with ${errno}` : message, String(errno));
		}
		switch (this.#state) {
			case "greeting":
				return this.#greeted(payload);
			case "login":
				return payload[0] === ANSWER.ok ? this.#takenIn(payload) : this.#challenged(payload);
			default:
				return this.#failed("the server spoke before it was asked");
		}
	}

	#greeted(payload: Buffer): readonly UpstreamAction[] {
		const greeting = readGreeting(payload);
		if (greeting === undefined) return this.#failed("what listens there does not greet as a MySQL server");
		if (!hasFlag(greeting.capabilities, CAPABILITY.protocol41))
			return this.#failed("the server is older than version 4.1");
		this.#greeting = greeting;
		const { tls, settings, database } = this.#settings;
		const client = { flags: numberOf(settings, LOGIN.flags), extended: numberOf(settings, LOGIN.extended) };
		const server = { flags: greeting.capabilities, extended: greeting.extended };
		this.#flags = upstreamFlags(server, client, isMariaDbGreeting(greeting.version), database !== "");
		if (tls === "disable") return this.#logIn();
		if (!hasFlag(greeting.capabilities, CAPABILITY.ssl)) {
			if (tls === "prefer") return this.#logIn();
			return this.#failed(`the server does not offer TLS, which the target's tls: ${tls} demands`);
		}
		this.#flags = { ...this.#flags, flags: (this.#flags.flags | CAPABILITY.ssl) >>> 0 };
		this.#state = "securing";
		return [this.#say(tlsRequestPayload(this.#fixed())), { kind: "startTls" }];
	}

	secured(): readonly UpstreamAction[] {
		if (this.#state !== "securing") return this.#failed("TLS stands that was not asked for");
		this.#secured = true;
		return this.#logIn();
	}

	#fixed(): Pick<HandshakeResponse, "flags" | "extended" | "maxPacket" | "charset"> {
		const given = numberOf(this.#settings.settings, LOGIN.charset);
		// One byte: an id beyond it cannot be said here, and is none that a client could have said.
		const charset = given > 0 && given <= 0xff ? given : COLLATION.utf8mb4;
		return { ...this.#flags, maxPacket: FULL_PACKET_BYTES + 1, charset };
	}

	#logIn(): readonly UpstreamAction[] {
		const { username, password, database, isLocal } = this.#settings;
		const greeting = this.#greeting as Greeting;
		this.#state = "login";
		this.#proof = new UpstreamProof(password, { secured: this.#secured, isLocal });
		const plugin = UpstreamProof.firstPlugin(greeting.plugin);
		const proof = this.#proof.first(plugin, greeting.scramble);
		const attributes = this.#attributes();
		return [this.#say(responsePayload({ ...this.#fixed(), username, proof, database, plugin, attributes }))];
	}

	#attributes(): ReadonlyMap<string, string> {
		const attributes = new Map<string, string>();
		for (const [key, value] of this.#settings.settings) {
			if (key.startsWith(LOGIN.attribute)) attributes.set(key.slice(LOGIN.attribute.length), value);
		}
		return attributes;
	}

	#challenged(payload: Buffer): readonly UpstreamAction[] {
		if (payload[0] !== ANSWER.eof && payload[0] !== ANSWER.moreData) {
			return this.#failed("the server sent something that is no step of a login");
		}
		const step = (this.#proof as UpstreamProof).receive(payload);
		switch (step.kind) {
			case "answer":
				return [this.#say(step.payload)];
			case "wait":
				return [];
			case "failed":
				return this.#failed(step.message);
		}
	}

	#takenIn(payload: Buffer): readonly UpstreamAction[] {
		const ok = readOk(payload, { sessionTrack: hasFlag(this.#flags.flags, CAPABILITY.sessionTrack) });
		if (ok === undefined) return this.#failed("the server sent a malformed OK");
		this.#status = ok.status;
		const statement = this.#settingStatement();
		if (statement === undefined) return this.#ask("asking", QUESTION);
		return this.#ask("setting", statement);
	}

	/** Values are the engine's own: numbers and quoted words. */
	#settingStatement(): string | undefined {
		const set: string[] = [];
		for (const [key, value] of this.#settings.settings) {
			if (key.startsWith(LOGIN.variable)) set.push(`SESSION ${key.slice(LOGIN.variable.length)} = ${value}`);
		}
		return set.length === 0 ? undefined : `SET ${set.join(", ")}`;
	}

	#ask(state: "setting" | "asking", sql: string): readonly UpstreamAction[] {
		this.#state = state;
		this.#query = new MysqlOwnQuery(sql);
		return [{ kind: "send", bytes: this.#query.bytes }];
	}

	#queried(query: MysqlOwnQuery, chunk: Buffer): readonly UpstreamAction[] {
		const answer = query.receive(Buffer.from(chunk));
		if (answer === undefined) return [];
		if ("error" in answer) return this.#failed(`the session cannot be begun as it has to be: ${answer.error}`);
		if (this.#state === "setting") return this.#ask("asking", QUESTION);
		const [row] = answer.rows;
		if (row === undefined || row.length !== ASKED.length) return this.#failed("the server told nothing of the session");
		return this.#ready(row);
	}

	#ready(row: readonly (string | null)[]): readonly UpstreamAction[] {
		const { version, connectionId, capabilities, extended, charset } = this.#greeting as Greeting;
		this.#state = "over";
		const reported = new Map<string, string>([
			[REPORTED.greeting, version],
			[REPORTED.flavour, isMariaDbGreeting(version) || isMariaDbGreeting(row[0] ?? "") ? "mariadb" : "mysql"],
			[REPORTED.charset, String(charset)],
			[REPORTED.capabilities, String(capabilities)],
			[REPORTED.extendedCapabilities, String(extended)],
			[REPORTED.flags, String(this.#flags.flags)],
			[REPORTED.extended, String(this.#flags.extended)],
		]);
		for (const [index, [key]] of ASKED.entries()) reported.set(key, row[index] ?? "");
		const cancelRequest = { kind: "statement" as const, sql: `KILL QUERY ${connectionId}` };
		const rest = Buffer.alloc(0);
		const upstream = { reported, frames: [], connectionId, cancelRequest, status: this.#status, rest };
		return [{ kind: "ready", upstream }];
	}

	#say(payload: Buffer): UpstreamAction {
		const bytes = framed(payload, this.#sequence);
		this.#sequence = (this.#sequence + 1) & 0xff;
		this.#gatherer.expected = this.#sequence;
		return { kind: "send", bytes };
	}

	#failed(message: string, code?: string): readonly UpstreamAction[] {
		this.#state = "over";
		return [{ kind: "failed", code, message }];
	}
}

function isMariaDbGreeting(version: string): boolean {
	return version.startsWith(MARIADB_PREFIX) || /mariadb/i.test(version);
}
