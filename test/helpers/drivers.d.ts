/** What the tests use of drivers that bring no types. */
declare module "pg-cursor" {
	import type { Submittable } from "pg";

	export default class Cursor implements Submittable {
		constructor(text: string, values?: readonly unknown[]);
		submit(connection: unknown): void;
		read(rows: number): Promise<Record<string, unknown>[]>;
		close(): Promise<void>;
	}
}

declare module "pg-copy-streams" {
	import type { Readable, Writable } from "node:stream";
	import type { Submittable } from "pg";

	export function from(sql: string): Writable & Submittable;
	export function to(sql: string): Readable & Submittable;
}
