#!/usr/bin/env node
import { existsSync } from "node:fs";

const main = new URL("../dist/src/cli/main.js", import.meta.url);
if (!existsSync(main)) {
	console.error("licet: this checkout is not built yet; run `npm run build` (needs the development dependencies).");
	process.exit(1);
}
await import(main.href);
