/**
 * licet.yaml: its types and how it is loaded.
 *
 * Loading answers with a configuration that can be used as it stands (paths absolute, durations in milliseconds, sizes
 * in bytes) or with every problem of the document at once. What this build cannot do is a problem too: a setting that
 * is read and then not obeyed would be worse than none.
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { type Bounds, DEFAULT_BOUNDS } from "./bounds.js";
import { readDocument } from "./file.js";
import { type Problem, sortProblems } from "./problem.js";
import { findFault } from "./references.js";
import { check } from "./schema.js";
import { CONFIG_SCHEMA } from "./shape.js";
import { badReferences, unsupportedSettings, wrongCombinations } from "./soundness.js";
import type { Address } from "./units.js";
import { readYaml } from "./yaml.js";

export type { Address } from "./units.js";

/** Where a secret is to be found. It is read when it is needed (access/secrets.ts), never kept in the configuration. */
export type Secret =
	| { readonly kind: "env"; readonly name: string }
	/** Absolute path. One trailing newline of the file is not part of the secret. */
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "value"; readonly value: string };

export type EngineName = "postgres" | "mysql";

export type UpstreamTls = "disable" | "prefer" | "require" | "verify-full";

export interface TargetConfig {
	readonly name: string;
	readonly engine: EngineName;
	readonly address: Address;
	/** Names or patterns, `*` standing for any run of characters. */
	readonly databases: readonly string[];
	/** The first of `databases` that is a name; undefined when all are patterns. */
	readonly defaultDatabase: string | undefined;
	readonly environment: string | undefined;
	readonly region: string | undefined;
	readonly tls: UpstreamTls;
	/** PEM file of the authorities that `verify-full` trusts; undefined: the ones Node trusts. */
	readonly ca: string | undefined;
	readonly credentials: { readonly username: string; readonly password: Secret | undefined };
	/** A port of this target's own. */
	readonly listen: Address | undefined;
}

export interface TlsConfig {
	readonly certificate: string;
	readonly key: string;
	readonly clientCa: string | undefined;
	readonly required: boolean;
}

/** An S3-compatible store that sealed segments of the recording go to. */
export interface ArchiveConfig {
	/** Without a path; `https`, or `http` on this machine. */
	readonly endpoint: URL;
	readonly region: string;
	readonly bucket: string;
	/** What the names of objects begin with, ended by `/`; "" for none. */
	readonly prefix: string;
	readonly credentials: { readonly accessKeyId: Secret; readonly secretAccessKey: Secret };
}

export interface RecordingConfig {
	/** PEM file of the auditor's public key. */
	readonly auditorKey: string | undefined;
	readonly durability: "written" | "strict";
	/** The key that signs; undefined: the node's own. */
	readonly key: string | undefined;
	readonly previousKey: string | undefined;
	/** undefined: the recorder's own. */
	readonly segmentBytes: number | undefined;
	/** When sealed segments are removed; nothing of it set: never. */
	readonly retention: { readonly days: number | undefined; readonly bytes: number | undefined };
	/** undefined: the recording stays on this disk alone. */
	readonly archive: ArchiveConfig | undefined;
}

export type StoreConfig = { readonly kind: "embedded" } | { readonly kind: "postgres"; readonly url: string };

/** All paths absolute. */
export interface Config {
	readonly file: string;
	readonly listen: Readonly<Record<EngineName | "api", Address | undefined>>;
	readonly tls: TlsConfig | undefined;
	readonly targets: ReadonlyMap<string, TargetConfig>;
	readonly licenses: string;
	readonly data: string;
	readonly store: StoreConfig;
	readonly recording: RecordingConfig;
	readonly bounds: Bounds;
}

export interface LoadOptions {
	/**
	 * `check` (default): files and folders that the document names must exist. `skip`: for commands that only want to
	 * find the admin socket of a running `serve`, maybe as a user who may not see those files.
	 */
	readonly references?: "check" | "skip";
}

export type ConfigResult = { readonly config: Config } | { readonly problems: readonly Problem[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads and checks a configuration file. */
export function loadConfig(file: string, env: Environment, options: LoadOptions = {}): ConfigResult {
	const read = readDocument(file);
	return "problems" in read ? read : parseConfig(read.text, file, env, options);
}

/** The same for a text already read; relative paths are relative to `file`'s folder. */
export function parseConfig(text: string, file: string, env: Environment, options: LoadOptions = {}): ConfigResult {
	const read = readYaml(text, file, { env });
	if ("problems" in read) return read;
	const { source } = read;
	const { value, problems } = check(CONFIG_SCHEMA, source);
	problems.push(...unsupportedSettings(source), ...wrongCombinations(source));
	if (options.references !== "skip") {
		problems.push(...badReferences(source, (path, sort) => findFault(resolve(dirname(file), path), sort)));
	}
	const unset = new Set(source.unset.map((problem) => problem.path));
	const others = problems.filter((problem) => !unset.has(problem.path));
	problems.splice(0, problems.length, ...others, ...source.unset);
	if (value === undefined || problems.length > 0) return { problems: sortProblems(problems) };
	return { config: configOf(value, resolve(file)) };
}

/** Whether a target serves a database of that name. */
export function servesDatabase(target: TargetConfig, database: string): boolean {
	return target.databases.some((pattern) => globMatches(pattern, database));
}

/** `*` is any run of characters. Linear in the pattern times the name, so that no pattern can make it slow. */
function globMatches(pattern: string, name: string): boolean {
	const [first = "", ...rest] = pattern.split("*");
	if (rest.length === 0) return pattern === name;
	if (!name.startsWith(first)) return false;
	const last = rest.pop() ?? "";
	let at = first.length;
	for (const piece of rest) {
		const found = name.indexOf(piece, at);
		if (found < 0) return false;
		at = found + piece.length;
	}
	return name.length - at >= last.length && name.endsWith(last);
}

type Parsed = z.output<typeof CONFIG_SCHEMA>;

function configOf(parsed: Parsed, file: string): Config {
	const absolute = (path: string): string => resolve(dirname(file), path);
	const optional = (path: string | undefined) => (path === undefined ? undefined : absolute(path));
	const tls = parsed.tls && {
		certificate: absolute(parsed.tls.certificate),
		key: absolute(parsed.tls.key),
		clientCa: optional(parsed.tls.clientCa),
		required: parsed.tls.required ?? false,
	};
	const targets = Object.entries(parsed.targets).map(([name, target]) => targetOf(name, target, absolute));
	return {
		file,
		listen: { postgres: parsed.listen?.postgres, mysql: parsed.listen?.mysql, api: parsed.listen?.api },
		tls,
		targets: new Map(targets.map((target) => [target.name, target])),
		licenses: absolute(parsed.licenses ?? "./licenses"),
		data: absolute(parsed.data ?? "./data"),
		store: parsed.store ?? { kind: "embedded" },
		recording: {
			durability: parsed.recording?.durability ?? "written",
			key: optional(parsed.recording?.key),
			previousKey: optional(parsed.recording?.previousKey),
			segmentBytes: parsed.recording?.segmentBytes,
			retention: { days: parsed.recording?.retention?.days, bytes: parsed.recording?.retention?.bytes },
			auditorKey: optional(parsed.recording?.auditorKey),
			archive: parsed.recording?.archive && archiveOf(parsed.recording.archive, absolute),
		},
		bounds: {
			loginTimeoutMs: parsed.bounds?.loginTimeout ?? DEFAULT_BOUNDS.loginTimeoutMs,
			messageBytes: parsed.bounds?.messageBytes ?? DEFAULT_BOUNDS.messageBytes,
			statementBytes: parsed.bounds?.statementBytes ?? DEFAULT_BOUNDS.statementBytes,
			sessions: parsed.bounds?.sessions ?? DEFAULT_BOUNDS.sessions,
		},
	};
}

function targetOf(name: string, parsed: Parsed["targets"][string], absolute: (path: string) => string): TargetConfig {
	const { username, password } = parsed.credentials;
	return {
		name,
		engine: parsed.engine,
		address: parsed.address,
		databases: parsed.databases,
		defaultDatabase: parsed.databases.find((pattern) => !pattern.includes("*")),
		environment: parsed.environment,
		region: parsed.region,
		tls: parsed.tls ?? "prefer",
		ca: parsed.ca === undefined ? undefined : absolute(parsed.ca),
		credentials: { username, password: password && secretOf(password, absolute) },
		listen: parsed.listen,
	};
}

type ParsedArchive = NonNullable<NonNullable<Parsed["recording"]>["archive"]>;

function archiveOf(parsed: ParsedArchive, absolute: (path: string) => string): ArchiveConfig {
	const { endpoint, region, bucket, prefix, credentials } = parsed;
	return {
		endpoint,
		region,
		bucket,
		prefix: prefix === undefined ? "" : `${prefix}/`,
		credentials: {
			accessKeyId: secretOf(credentials.accessKeyId, absolute),
			secretAccessKey: secretOf(credentials.secretAccessKey, absolute),
		},
	};
}

type ParsedSecret = NonNullable<Parsed["targets"][string]["credentials"]["password"]>;

function secretOf(parsed: ParsedSecret, absolute: (path: string) => string): Secret {
	if ("env" in parsed) return { kind: "env", name: parsed.env };
	if ("file" in parsed) return { kind: "file", path: absolute(parsed.file) };
	return { kind: "value", value: parsed.value };
}
