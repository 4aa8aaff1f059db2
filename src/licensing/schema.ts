/** JSON Schema 2020-12 of both documents, as `licet license schema` prints them, so that editors complete and check. */

import { jsonSchemaOf } from "../config/schema.js";
import { configJsonSchema } from "../config/shape.js";
import { LICENSE_SCHEMA } from "./document.js";

export function licenseJsonSchema(): Record<string, unknown> {
	return jsonSchemaOf(LICENSE_SCHEMA, "urn:licet:schema:license:v1", "Licet license");
}

export function jsonSchemas(): { readonly license: Record<string, unknown>; readonly config: Record<string, unknown> } {
	return { license: licenseJsonSchema(), config: configJsonSchema() };
}
