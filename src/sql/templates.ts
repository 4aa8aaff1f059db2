/** Template keys by engine, apart from the readers: this much of them runs outside their thread. */
import type { Catalog } from "./catalog.js";
import { templateOf as mysql } from "./mysql/template.js";
import { templateOf as postgres } from "./postgres/template.js";
import type { TemplateOf } from "./reader.js";

export const TEMPLATES: Readonly<Record<Catalog["engine"], TemplateOf>> = {
	postgres,
	mysql,
};
