/** The version of this build. */
import { readFileSync } from "node:fs";

export function version(): string {
	const file = new URL("../../../package.json", import.meta.url);
	const description = JSON.parse(readFileSync(file, "utf8")) as { version: string };
	return description.version;
}
