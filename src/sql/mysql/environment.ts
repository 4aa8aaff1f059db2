/** What a text is read by: the catalog, the server whose it is, and the session's reading. */
import type { CatalogIndex } from "../catalog-index.js";
import type { Server } from "./flavour.js";
import type { Guards } from "./guards.js";
import type { Reading } from "./reading.js";

export interface Environment {
	readonly index: CatalogIndex;
	readonly server: Server;
	readonly reading: Reading;
	/** Of the text itself; undefined for what stands in its strings. */
	readonly guards?: Guards | undefined;
}
