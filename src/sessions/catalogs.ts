/**
 * Catalog snapshots of the databases that sessions are on: read over a connection of the proxy's own when the first
 * session needs it, and again after definitions changed, when a name is missed, and by a timer.
 */
import { servesDatabase, type TargetConfig } from "../config/document.js";
import type { Engine } from "../protocols/engine.js";
import type { Analyser } from "../sql/analyser.js";
import { CatalogView } from "../sql/catalog-view.js";
import type { Logger } from "../telemetry/log.js";
import { askUpstream, connectUpstream, type Upstream } from "./upstream.js";

/** How often it is asked whether definitions changed. */
const REFRESH_MS = 30_000;
/** A database without sessions keeps its connection this long. */
const IDLE_MS = 120_000;
/** A name that is missed makes the snapshot be read again at most this often. */
const MISS_MS = 1000;
/** One catalog query. */
const QUERY_MS = 30_000;

export interface CatalogsOptions {
	readonly analyser: Analyser;
	readonly password: (target: TargetConfig) => Promise<string | undefined>;
	readonly nonce: () => string;
	readonly loginTimeoutMs: number;
	readonly log: Logger;
}

export class Catalogs {
	readonly #options: CatalogsOptions;
	readonly #databases = new Map<string, DatabaseCatalog>();
	/** Sum of all epochs: grows when any snapshot changes. */
	epoch = 0;

	constructor(options: CatalogsOptions) {
		this.#options = options;
	}

	/** The snapshot of a target's database, read now if there is none. Rejects when it cannot be read. */
	async open(engine: Engine, target: TargetConfig, asked: string): Promise<DatabaseCatalog> {
		const database = engine.catalogSpan === "server" ? "" : asked;
		const key = `${target.name}\0${database}`;
		let catalog = this.#databases.get(key);
		if (catalog === undefined) {
			catalog = new DatabaseCatalog(engine, target, database, this.#options, () => {
				this.epoch += 1;
			});
			this.#databases.set(key, catalog);
		}
		try {
			await catalog.ready();
		} catch (error) {
			if (this.#databases.get(key) === catalog) this.#databases.delete(key);
			catalog.close();
			throw error;
		}
		return catalog;
	}

	close(): void {
		for (const catalog of this.#databases.values()) catalog.close();
		this.#databases.clear();
	}
}

export class DatabaseCatalog {
	readonly #engine: Engine;
	readonly #target: TargetConfig;
	readonly #database: string;
	readonly #options: CatalogsOptions;
	readonly #changed: () => void;
	#view: CatalogView | undefined;
	#fingerprint: string | undefined;
	#upstream: Upstream | undefined;
	#refreshing: Promise<void> | undefined;
	#queue: Promise<unknown> = Promise.resolve();
	#missedAt = Number.NEGATIVE_INFINITY;
	#usedAt = performance.now();
	#timer: NodeJS.Timeout | undefined;
	#epoch = 0;

	constructor(engine: Engine, target: TargetConfig, database: string, options: CatalogsOptions, changed: () => void) {
		this.#engine = engine;
		this.#target = target;
		this.#database = database;
		this.#options = options;
		this.#changed = changed;
	}

	get view(): CatalogView {
		if (this.#view === undefined) throw new Error("the catalog snapshot has not been read yet");
		return this.#view;
	}

	async ready(): Promise<void> {
		this.#usedAt = performance.now();
		if (this.#view === undefined) await this.refresh();
		this.#timer ??= setInterval(() => this.#tick(), REFRESH_MS).unref();
	}

	/** Reads the snapshot again if definitions changed. One at a time; who comes meanwhile waits for a reading of their own. */
	refresh(): Promise<void> {
		if (this.#refreshing !== undefined) {
			// The one under way may have looked before the change: another has to follow.
			return this.#refreshing.then(
				() => this.refresh(),
				() => this.refresh(),
			);
		}
		this.#refreshing = this.#read().finally(() => {
			this.#refreshing = undefined;
		});
		return this.#refreshing;
	}

	/** After a name was not found. False: it was looked for just now, and is not there. */
	async missed(): Promise<boolean> {
		const now = performance.now();
		if (now - this.#missedAt < MISS_MS) return false;
		this.#missedAt = now;
		const before = this.#epoch;
		await this.refresh();
		return this.#epoch !== before;
	}

	close(): void {
		clearInterval(this.#timer);
		this.#timer = undefined;
		this.#upstream?.socket.destroy();
		this.#upstream = undefined;
	}

	#tick(): void {
		if (performance.now() - this.#usedAt > IDLE_MS) {
			this.#upstream?.socket.destroy();
			this.#upstream = undefined;
			return;
		}
		this.refresh().catch((error: unknown) => {
			this.#options.log.warn({ target: this.#target.name, err: String(error) }, "the catalog could not be read again");
		});
	}

	/** A session is on it: it has to stay fresh. */
	use(): void {
		this.#usedAt = performance.now();
	}

	async #read(): Promise<void> {
		const rows = await this.#run(this.#engine.fingerprintQuery);
		const fingerprint = JSON.stringify(rows);
		if (this.#view !== undefined && fingerprint === this.#fingerprint) return;
		const epoch = this.#epoch + 1;
		const serves = (database: string) => servesDatabase(this.#target, database);
		const scope = { database: this.#database, serves };
		const catalog = await this.#engine.readCatalog((sql) => this.#run(sql), scope, epoch);
		this.#epoch = epoch;
		this.#fingerprint = fingerprint;
		this.#view = new CatalogView(catalog);
		this.#options.analyser.useCatalog(this.#target.name, catalog);
		this.#changed();
		this.#options.log.debug({ target: this.#target.name, epoch, relations: catalog.relations.length }, "catalog read");
	}

	/** One query at a time on the connection of our own; a broken connection is made anew once. */
	#run(sql: string): Promise<(string | null)[][]> {
		const result = this.#queue.then(async () => {
			if (this.#upstream === undefined || this.#upstream.socket.destroyed) this.#upstream = await this.#connect();
			return askUpstream(this.#upstream.socket, this.#engine, sql, QUERY_MS);
		});
		this.#queue = result.catch(() => undefined);
		return result;
	}

	async #connect(): Promise<Upstream> {
		const { password, nonce, loginTimeoutMs } = this.#options;
		const upstream = await connectUpstream({
			engine: this.#engine,
			target: this.#target,
			database: this.#database,
			password: await password(this.#target),
			settings: this.#engine.catalogSettings,
			nonce: nonce(),
			timeoutMs: loginTimeoutMs,
		});
		upstream.socket.on("error", () => upstream.socket.destroy());
		upstream.socket.unref();
		return upstream;
	}
}
