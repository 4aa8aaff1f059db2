/**
 * Grants: issued under a license, used to log in, ended by revocation or by time. The store holds them; what is active
 * is also kept in memory, so that a session can ask at any moment, and so that one timer can end what is due.
 */
import { randomBytes } from "node:crypto";
import type { Subject } from "../licensing/license.js";
import type { PasswordVerifier } from "../protocols/engine.js";
import type { Entry } from "../recorder/entry.js";
import type { GrantRow } from "../store/schema.js";
import type { Store } from "../store/store.js";
import type { Logger } from "../telemetry/log.js";
import { checkCoverage, checkTerms, type Shelves } from "./coverage.js";
import {
	isUsername,
	keepPassword,
	makeCredentials,
	makeGrantId,
	nothingKept,
	type Random,
	verifierOf,
} from "./credentials.js";
import { AccessError } from "./errors.js";
import { endColumns, expiredEnd, type Grant, type GrantEnd, grantOf, rowOf } from "./grant.js";
import { formatSubject } from "./subjects.js";

export type { Grant, GrantEnd };

export interface GrantRequest {
	readonly license: string;
	readonly target: string;
	/** Undefined: the target's default database. */
	readonly database: string | undefined;
	readonly subject: Subject;
	readonly durationMs: number;
	readonly reason: string;
	/** Who issues it. */
	readonly by: string;
}

export interface GrantsOptions extends Shelves {
	readonly store: Store;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Writes an entry to the recording; throws when it cannot be written. */
	readonly record: (entry: Entry) => void;
	readonly log: Logger;
	readonly random?: Random;
	/** How often a shared store is asked for grants that other nodes have ended. */
	readonly pollMs?: number;
}

export type GrantListener = (grant: Grant, how: GrantEnd["how"]) => void;

/** Two looks a second: a grant revoked at another node ends here within one. */
const POLL_MS = 500;
/**
 * The timer for the next expiry is set for at most this long. A timer counts time that the machine is awake; the clock
 * that people mean goes on while it sleeps, and can be set. (A timer's own limit is 2^31 ms, 25 days.)
 */
const TIMER_MS = 10_000;
/** A reason or a name that goes into every list: a sentence, not a document. */
const REASON_CHARACTERS = 1000;

export class Grants {
	readonly #options: GrantsOptions;
	readonly #random: Random;
	readonly #secret: Buffer;
	readonly #active = new Map<string, Grant>();
	/**
	 * Ended before their time, with the time that they would have had: an answer of the store that was under way
	 * meanwhile must not bring one back.
	 */
	readonly #ended = new Map<string, number>();
	readonly #listeners = new Set<GrantListener>();
	#timer: NodeJS.Timeout | undefined;
	#poll: NodeJS.Timeout | undefined;
	#polling = false;
	#closed = false;

	private constructor(options: GrantsOptions, secret: Buffer) {
		this.#options = options;
		this.#random = options.random ?? randomBytes;
		this.#secret = secret;
	}

	/** Reads the active grants; those whose time passed meanwhile are ended now. */
	static async open(options: GrantsOptions): Promise<Grants> {
		const grants = new Grants(options, await options.store.secret("logins"));
		const { store } = options;
		for (const row of await store.db.selectFrom("licet_grants").selectAll().where("ended_ms", "is", null).execute()) {
			/* Read as of the beginning of time: what is due is ended below, and told. */
			const grant = grantOf(row, 0);
			grants.#active.set(grant.id, grant);
		}
		await grants.#endDue();
		if (store.kind === "postgres") {
			grants.#poll = setInterval(() => void grants.#pollStore(), options.pollMs ?? POLL_MS);
			grants.#poll.unref();
		}
		return grants;
	}

	/** Throws AccessError when the license says no. The password is told here and kept nowhere. */
	async issue(request: GrantRequest): Promise<{ readonly grant: Grant; readonly password: string }> {
		const database = request.database ?? this.#options.targets.get(request.target)?.defaultDatabase;
		if (database === undefined && this.#options.targets.get(request.target) !== undefined) {
			throw new AccessError("invalid", `target "${request.target}" has no default database: name one`);
		}
		const reason = checkText("reason", request.reason);
		const claim = { ...request, database: database ?? "" };
		const license = checkCoverage(claim, this.#options);
		const now = this.#options.now();
		const expiresAt = checkTerms(license, { durationMs: request.durationMs, reason }, now);
		const credentials = makeCredentials(this.#random);
		const grant: Grant = {
			id: makeGrantId(this.#random),
			license: license.id,
			target: claim.target,
			database: claim.database,
			subject: request.subject,
			username: credentials.username,
			issuedAt: now,
			expiresAt,
			reason,
			by: checkText("issuer", request.by),
			ended: undefined,
		};
		/* Recorded first: a grant that nobody recorded must not exist, while one that was not made after all does no harm. */
		this.#options.record(entryOf("grant.issue", grant, grant));
		const row = rowOf(grant, keepPassword(credentials, this.#secret, this.#random));
		await this.#options.store.db.insertInto("licet_grants").values(row).execute();
		this.#active.set(grant.id, grant);
		this.#schedule();
		return { grant, password: credentials.password };
	}

	/** Newest first. */
	async list(filter: { readonly active?: boolean } = {}): Promise<Grant[]> {
		const now = this.#options.now();
		let query = this.#options.store.db.selectFrom("licet_grants").selectAll();
		if (filter.active === true) query = query.where("ended_ms", "is", null).where("expires_ms", ">", now);
		const rows = await query.orderBy("issued_ms", "desc").orderBy("id").execute();
		return rows.map((row) => grantOf(row, now));
	}

	async get(id: string): Promise<Grant | undefined> {
		const row = await this.#options.store.db
			.selectFrom("licet_grants")
			.selectAll()
			.where("id", "=", id)
			.executeTakeFirst();
		return row === undefined ? undefined : grantOf(row, this.#options.now());
	}

	/** Throws AccessError when there is no such grant or it has already ended. */
	async revoke(id: string, by: string, reason: string): Promise<Grant> {
		const grant = await this.get(id);
		if (grant === undefined) throw new AccessError("unknown", `there is no grant "${id}"`);
		const end: GrantEnd = {
			how: "revoked",
			at: this.#options.now(),
			by: checkText("revoker", by),
			reason: checkText("reason", reason),
		};
		if (grant.ended !== undefined || !(await this.#writeEnd(grant, end))) {
			throw new AccessError("refused", `grant "${id}" has already ended`);
		}
		const ended = { ...grant, ended: end };
		/* Sessions end first: that the recording cannot be written must not keep a revoked grant alive. */
		this.#forget(ended, "revoked");
		this.#record(entryOf("grant.revoke", ended, end));
		return ended;
	}

	/** The grant of a login name, ended or not, as the store has it now. */
	async byUsername(username: string): Promise<Grant | undefined> {
		const row = await this.#rowOf(username);
		if (row === undefined) return undefined;
		const grant = grantOf(row, this.#options.now());
		if (grant.ended !== undefined) {
			this.#forget(grant, grant.ended.how);
			return grant;
		}
		/* It was ended here while the store was being read. */
		if (this.#ended.has(grant.id)) return this.get(grant.id);
		this.#active.set(grant.id, grant);
		this.#schedule();
		return grant;
	}

	/** Whether a grant that byUsername gave is active at this moment. */
	isActive(id: string): boolean {
		const grant = this.#active.get(id);
		return grant !== undefined && grant.expiresAt > this.#options.now();
	}

	/** Why an active grant cannot be used as things are now, though its time is not over. */
	refusal(grant: Grant): string | undefined {
		try {
			checkCoverage(grant, this.#options);
			return undefined;
		} catch (error) {
			if (error instanceof AccessError) return error.message;
			throw error;
		}
	}

	/**
	 * What a login is checked against: the grant's verifier, or for an unknown name one that no password fits, made with
	 * the same work and looking the same. The password of an ended grant still proves who asks, so that only they are told
	 * that it has ended.
	 */
	async verifierFor(username: string): Promise<PasswordVerifier> {
		const row = await this.#rowOf(username);
		const nothing = nothingKept(username, this.#secret);
		const verifier = row === undefined ? nothing : verifierOf(row.verifiers, username, this.#secret);
		if (verifier === undefined) throw new Error("the store holds a verifier that cannot be read");
		return verifier;
	}

	/** Asks the store each time: another node may have issued or ended the grant. */
	async #rowOf(username: string): Promise<GrantRow | undefined> {
		if (!isUsername(username)) return undefined;
		return this.#options.store.db
			.selectFrom("licet_grants")
			.selectAll()
			.where("username", "=", username)
			.executeTakeFirst();
	}

	/** Tells the end of each active grant once, here. */
	onEnded(listener: GrantListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#timer);
		clearInterval(this.#poll);
	}

	/** True when it was this call that ended it. */
	async #writeEnd(grant: Grant, end: GrantEnd): Promise<boolean> {
		const result = await this.#options.store.db
			.updateTable("licet_grants")
			.set(endColumns(end))
			.where("id", "=", grant.id)
			.where("ended_ms", "is", null)
			.executeTakeFirst();
		return result.numUpdatedRows > 0n;
	}

	#forget(grant: Grant, how: GrantEnd["how"]): void {
		if (grant.expiresAt > this.#options.now()) this.#ended.set(grant.id, grant.expiresAt);
		if (!this.#active.delete(grant.id)) return;
		for (const listener of this.#listeners) {
			try {
				listener(grant, how);
			} catch (error) {
				this.#options.log.error({ err: error, grant: grant.id }, "a grant's end could not be told to all");
			}
		}
	}

	#record(entry: Entry): void {
		try {
			this.#options.record(entry);
		} catch (error) {
			this.#options.log.error({ err: error, entry: entry.type }, "the end of a grant could not be recorded");
		}
	}

	#schedule(): void {
		if (this.#closed) return;
		let next = Number.POSITIVE_INFINITY;
		for (const { expiresAt } of this.#active.values()) next = Math.min(next, expiresAt);
		clearTimeout(this.#timer);
		if (next === Number.POSITIVE_INFINITY) return;
		const delayMs = Math.min(Math.max(next - this.#options.now(), 0), TIMER_MS);
		this.#timer = setTimeout(() => void this.#endDue(), delayMs);
		this.#timer.unref();
	}

	/** Ends what is due: sessions at once, then in the store. If that does not answer, `grantOf` still says it has ended. */
	async #endDue(): Promise<void> {
		const now = this.#options.now();
		const due = [...this.#active.values()].filter((grant) => grant.expiresAt <= now);
		for (const grant of due) this.#forget({ ...grant, ended: expiredEnd(grant) }, "expired");
		for (const [id, expiresAt] of this.#ended) {
			if (expiresAt <= now) this.#ended.delete(id);
		}
		this.#schedule();
		for (const grant of due) {
			const end = expiredEnd(grant);
			try {
				/* Of several nodes one writes it down, and that one records it. */
				if (await this.#writeEnd(grant, end)) this.#record(entryOf("grant.expire", grant, end));
			} catch (error) {
				this.#options.log.error({ err: error, grant: grant.id }, "a grant's expiry could not be stored");
			}
		}
	}

	/** Finds what other nodes have ended. */
	async #pollStore(): Promise<void> {
		const ids = [...this.#active.keys()];
		if (this.#polling || ids.length === 0) return;
		this.#polling = true;
		try {
			const ended = this.#options.store.db
				.selectFrom("licet_grants")
				.selectAll()
				.where("id", "in", ids)
				.where("ended_ms", "is not", null);
			for (const row of await ended.execute()) {
				const grant = grantOf(row, this.#options.now());
				if (grant.ended !== undefined) this.#forget(grant, grant.ended.how);
			}
		} catch (error) {
			if (!this.#closed) this.#options.log.warn({ err: error }, "the store did not answer whether grants have ended");
		} finally {
			this.#polling = false;
		}
	}
}

function checkText(what: string, text: string): string {
	const trimmed = text.trim();
	if (trimmed.length > REASON_CHARACTERS) {
		throw new AccessError("invalid", `the ${what} is too long; expected at most ${REASON_CHARACTERS} characters`);
	}
	if (/\p{Cc}/u.test(trimmed)) throw new AccessError("invalid", `the ${what} holds control characters`);
	return trimmed;
}

function entryOf(
	type: "grant.issue" | "grant.revoke" | "grant.expire",
	grant: Grant,
	act: { readonly by: string; readonly reason: string },
): Entry {
	const { id, license, target, subject } = grant;
	return { type, grant: id, license, target, subject: formatSubject(subject), by: act.by, reason: act.reason };
}
