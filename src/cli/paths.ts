/** Where a node keeps what the commands look for. */
import { join } from "node:path";
import type { Config } from "../config/document.js";
import type { StoreLocation } from "../store/store.js";

export function adminSocket(config: Pick<Config, "data">): string {
	return join(config.data, "admin.sock");
}

/** The wrapped keys of sealed sessions. */
export function sessionKeysFolder(config: Pick<Config, "data">): string {
	return join(config.data, "keys", "sessions");
}

export function logFolder(config: Pick<Config, "data">): string {
	return join(config.data, "log");
}

export function keyFolder(config: Pick<Config, "data">): string {
	return join(config.data, "keys");
}

export function storeLocation(config: Pick<Config, "data" | "store">): StoreLocation {
	return config.store.kind === "postgres"
		? { kind: "postgres", url: config.store.url }
		: { kind: "embedded", folder: config.data };
}
