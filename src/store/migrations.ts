/**
 * The store's versions, oldest first. A migration that was released is never edited: a later one changes what it made.
 * Each runs once, in order, in one transaction under a lock, on either database.
 */
import { type Kysely, type Migration, type MigrationProvider, Migrator } from "kysely";

/** The schema under construction: a migration knows no table types but its own. */
type Builder = Kysely<unknown>;

async function grants(db: Builder): Promise<void> {
	await db.schema
		.createTable("licet_grants")
		.addColumn("id", "text", (column) => column.primaryKey())
		.addColumn("license", "text", (column) => column.notNull())
		.addColumn("target", "text", (column) => column.notNull())
		.addColumn("database", "text", (column) => column.notNull())
		.addColumn("subject_kind", "text", (column) => column.notNull())
		.addColumn("subject_name", "text", (column) => column.notNull())
		.addColumn("subject_groups", "text", (column) => column.notNull())
		.addColumn("username", "text", (column) => column.notNull().unique())
		.addColumn("verifiers", "text", (column) => column.notNull())
		.addColumn("issued_ms", "bigint", (column) => column.notNull())
		.addColumn("expires_ms", "bigint", (column) => column.notNull())
		.addColumn("reason", "text", (column) => column.notNull())
		.addColumn("issued_by", "text", (column) => column.notNull())
		.addColumn("ended_ms", "bigint")
		.addColumn("ended_how", "text")
		.addColumn("ended_by", "text")
		.addColumn("ended_reason", "text")
		.execute();
	/* What runs is looked for often, and is few among many. */
	await db.schema.createIndex("licet_grants_ended").on("licet_grants").columns(["ended_ms"]).execute();
}

async function sessions(db: Builder): Promise<void> {
	await db.schema
		.createTable("licet_sessions")
		.addColumn("id", "text", (column) => column.primaryKey())
		.addColumn("node", "text", (column) => column.notNull())
		.addColumn("grant_id", "text", (column) => column.notNull())
		.addColumn("license", "text", (column) => column.notNull())
		.addColumn("subject", "text", (column) => column.notNull())
		.addColumn("target", "text", (column) => column.notNull())
		.addColumn("engine", "text", (column) => column.notNull())
		.addColumn("database", "text", (column) => column.notNull())
		.addColumn("client_address", "text", (column) => column.notNull())
		.addColumn("application", "text")
		.addColumn("started_at", "text", (column) => column.notNull())
		.addColumn("ended_at", "text")
		.addColumn("end_reason", "text")
		.addColumn("statements", "bigint", (column) => column.notNull())
		.addColumn("denied", "bigint", (column) => column.notNull())
		.addColumn("rows_out", "bigint", (column) => column.notNull())
		.addColumn("bytes_out", "bigint", (column) => column.notNull())
		.addColumn("bytes_in", "bigint", (column) => column.notNull())
		.addColumn("segment", "bigint", (column) => column.notNull())
		.addColumn("segment_offset", "bigint", (column) => column.notNull())
		.execute();
	await db.schema.createIndex("licet_sessions_started").on("licet_sessions").columns(["started_at"]).execute();
	await db.schema.createIndex("licet_sessions_open").on("licet_sessions").columns(["node", "ended_at"]).execute();
	await db.schema
		.createTable("licet_indexed")
		.addColumn("node", "text", (column) => column.primaryKey())
		.addColumn("segment", "bigint", (column) => column.notNull())
		.addColumn("segment_offset", "bigint", (column) => column.notNull())
		.execute();
}

async function secrets(db: Builder): Promise<void> {
	await db.schema
		.createTable("licet_secrets")
		.addColumn("name", "text", (column) => column.primaryKey())
		.addColumn("value", "text", (column) => column.notNull())
		.execute();
}

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
	"0001-first": {
		async up(db) {
			await grants(db);
			await sessions(db);
			await secrets(db);
		},
	},
};

const provider: MigrationProvider = { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) };

/** Brings a store to the newest version. Rejects when a newer build has already taken it further. */
export async function migrate<Tables>(db: Kysely<Tables>): Promise<void> {
	const migrator = new Migrator({
		db,
		provider,
		migrationTableName: "licet_migrations",
		migrationLockTableName: "licet_migrations_lock",
	});
	const { error } = await migrator.migrateToLatest();
	if (error !== undefined) throw error;
}
