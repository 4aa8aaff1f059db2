/**
 * Who may begin a session: whether the grant stands, opens this port and database, its license covers this moment and
 * address, what the client sets at login can be read, and whether there is room for one more.
 */
import type { Grant, Grants } from "../access/grants.js";
import type { LicenseShelf } from "../access/licenses.js";
import { type Config, servesDatabase, type TargetConfig } from "../config/document.js";
import type { Reason } from "../licensing/decision.js";
import type { License } from "../licensing/license.js";
import { momentVerdict } from "../licensing/moment.js";
import type { ClientDoor, ClientLoginRequest, Engine } from "../protocols/engine.js";

/** Why a login is refused, in the client's words. */
export class LoginRefusal extends Error {
	constructor(
		readonly kind: Parameters<ClientDoor["refusal"]>[0],
		message: string,
		readonly detail: string | undefined,
		/** The database's own code, where its refusal is passed on. */
		readonly code?: string,
	) {
		super(message);
		this.name = "LoginRefusal";
	}
}

export interface AdmissionOptions {
	readonly config: Config;
	readonly grants: Grants;
	readonly licenses: LicenseShelf;
}

/** A login that is admitted, on its way to an upstream. */
export interface Admitted {
	readonly grant: Grant;
	readonly license: License;
	readonly target: TargetConfig;
	readonly engine: Engine;
	/** Where the session begins. */
	readonly database: string;
	readonly request: ClientLoginRequest;
}

/** From where somebody logs in. */
export interface Arriving {
	readonly address: string;
	/** A port of one target's own. */
	readonly target: string | undefined;
}

export class Admission {
	readonly #options: AdmissionOptions;
	/** Sessions that are being made, so that limits hold while they are. */
	#starting = 0;
	readonly #startingByLicense = new Map<string, number>();
	#closed = false;

	constructor(options: AdmissionOptions) {
		this.#options = options;
	}

	/** Of one who has proved the grant's password. Throws LoginRefusal. */
	admit(grant: Grant | undefined, engine: Engine, request: ClientLoginRequest, client: Arriving): Admitted {
		if (grant === undefined)
			throw new LoginRefusal("password", `password authentication failed for user "${request.username}"`, undefined);
		if (grant.ended !== undefined) throw new LoginRefusal("outside", endedHow(grant.ended.how), endedDetail(grant));
		const target = this.#targetOf(grant, engine, client.target);
		const database = databaseOf(grant, target, engine, request);
		const license = this.checkLicense(grant, client.address);
		if (!license.unrestricted) checkSettings(engine, request);
		return { grant, license, target, engine, database, request };
	}

	#targetOf(grant: Grant, engine: Engine, port: string | undefined): TargetConfig {
		const target = this.#options.config.targets.get(grant.target);
		if (target === undefined || target.engine !== engine.name || (port !== undefined && port !== grant.target)) {
			throw new LoginRefusal(
				"database",
				`target "${grant.target}" is not served here`,
				"The grant opens another target than this port.",
			);
		}
		return target;
	}

	/** The grant's license as it is now. Throws LoginRefusal when it does not cover the moment or the address. */
	checkLicense(grant: Grant, address: string): License {
		const { licenses, grants } = this.#options;
		const refusal = grants.refusal(grant);
		const license = licenses.get(grant.license);
		if (refusal !== undefined || license === undefined) {
			throw new LoginRefusal("outside", refusal ?? `license "${grant.license}" is not in force`, undefined);
		}
		const { reason } = momentVerdict(license, new Date(), address);
		if (reason !== undefined) throw new LoginRefusal("outside", reason.message, `${termDetail(license, reason)}.`);
		return license;
	}

	/** Keeps room for one more session beside those that live; to be given back when it has begun or failed. */
	reserve({ id, limits }: License, live: readonly { readonly grant: Grant }[]): () => void {
		const { sessions } = this.#options.config.bounds;
		if (this.#closed) throw new LoginRefusal("upstream", "the proxy is shutting down", undefined);
		if (live.length + this.#starting >= sessions) {
			throw new LoginRefusal(
				"tooManySessions",
				"too many sessions",
				`This proxy serves ${sessions} at a time (bounds.sessions).`,
			);
		}
		const starting = this.#startingByLicense.get(id) ?? 0;
		const alike = live.filter(({ grant }) => grant.license === id).length;
		if (limits.sessions !== undefined && alike + starting >= limits.sessions) {
			const detail = `License "${id}", term limits.sessions: ${limits.sessions}.`;
			throw new LoginRefusal("tooManySessions", "too many sessions under this license", detail);
		}
		this.#starting += 1;
		this.#startingByLicense.set(id, starting + 1);
		return () => this.#giveBack(id);
	}

	#giveBack(license: string): void {
		this.#starting -= 1;
		const left = (this.#startingByLicense.get(license) ?? 1) - 1;
		if (left === 0) this.#startingByLicense.delete(license);
		else this.#startingByLicense.set(license, left);
	}

	/** Nobody comes in any more. */
	close(): void {
		this.#closed = true;
	}
}

function checkSettings(engine: Engine, { settings }: ClientLoginRequest): void {
	for (const [name, value] of settings) {
		const refused = engine.refusedSetting(name, value);
		if (refused !== undefined)
			throw new LoginRefusal("setting", `setting "${name}" cannot be set at login: ${refused}`, undefined);
	}
}

/** The grant's database, unless another one is asked for on a server whose databases one session can reach all. */
function databaseOf(grant: Grant, target: TargetConfig, engine: Engine, request: ClientLoginRequest): string {
	const { database } = request;
	const asked = database === undefined || database === request.username ? grant.database : database;
	if (asked === grant.database || asked === grant.target) return grant.database;
	if (engine.catalogSpan === "server" && servesDatabase(target, asked)) return asked;
	const detail = `This grant opens database "${grant.database}" of target "${grant.target}".`;
	throw new LoginRefusal("database", `database "${asked}" does not exist`, detail);
}

/** Which grant, and the reason that whoever revoked it gave. */
export function endedDetail({ id, ended }: Grant): string {
	return ended?.how === "revoked" && ended.reason !== "" ? `Grant ${id}, revoked: ${ended.reason}` : `Grant ${id}.`;
}

/** Whose word a reason is, as denials name it. */
export function termDetail({ id }: License, { term }: Reason): string {
	return `License "${id}"${term === undefined ? "" : `, term ${term}`}`;
}

export function endedHow(how: "revoked" | "expired"): string {
	return how === "revoked" ? "the grant was revoked" : "the grant has expired";
}
