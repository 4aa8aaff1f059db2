/** The form of licet.yaml: each key, its type and what it is for. */
import { z } from "zod";
import { BOUND_RANGES, RETENTION_RANGES, SEGMENT_RANGE } from "./bounds.js";
import { flag, jsonSchemaOf, list, read, section, text, whole, word } from "./schema.js";
import { TARGET_NAME } from "./soundness.js";
import {
	ADDRESS_EXPECTED,
	BUCKET,
	BUCKET_EXPECTED,
	BYTES_EXPECTED,
	DURATION_EXPECTED,
	ENDPOINT_EXPECTED,
	formatBytes,
	OBJECT_PREFIX,
	OBJECT_PREFIX_EXPECTED,
	parseAddress,
	parseBytes,
	parseDuration,
	parseEndpoint,
} from "./units.js";

const POSTGRES_URL = /^postgres(ql)?:\/\/[^\s]+$/;
const REDIS_URL = /^rediss?:\/\/[^\s]+$/;

const listener = () => read(ADDRESS_EXPECTED, parseAddress, ["127.0.0.1:6432"]);
const server = () => read(ADDRESS_EXPECTED, (given) => withPort(parseAddress(given)), ["127.0.0.1:5432"]);
const path = () => text("a path, relative to this file");

function withPort(address: ReturnType<typeof parseAddress>) {
	return address !== undefined && address.port > 0 ? address : undefined;
}

/** A number may come through `${NAME}` and is then a string of digits. */
function count(range: { min: number; max: number }) {
	const expected = `a whole number from ${range.min} to ${range.max}`;
	const reader = (given: string) => within(/^\d{1,15}$/.test(given) ? Number(given) : undefined, range);
	return z.union([whole(range.min, range.max), read(expected, reader, [])], { error: () => expected });
}

function size(range: { min: number; max: number }) {
	const expected = `${BYTES_EXPECTED}, from ${formatBytes(range.min)} to ${formatBytes(range.max)}`;
	const reader = (given: string) => within(parseBytes(given), range);
	return z.union([whole(range.min, range.max, expected), read(expected, reader, ["256KiB"])], {
		error: () => expected,
	});
}

function duration(range: { min: number; max: number }) {
	const expected = `${DURATION_EXPECTED}, from ${range.min / 1000}s to ${range.max / 1000}s`;
	return read(expected, (given) => within(parseDuration(given), range), ["15s"]);
}

function within(value: number | undefined, range: { min: number; max: number }): number | undefined {
	return value !== undefined && value >= range.min && value <= range.max ? value : undefined;
}

const secret = z
	.union(
		[
			section({ env: text("the name of an environment variable", /^[A-Za-z_][A-Za-z0-9_]*$/) }),
			section({ file: path() }),
			section({ value: z.string({ error: () => "the secret itself, as a string" }) }),
		],
		{ error: () => "one of { env: NAME }, { file: PATH }, { value: TEXT }" },
	)
	.describe("Where a secret is to be found: an environment variable, a file, or the value itself.");

const target = section({
	engine: word(["postgres", "mysql"]).describe("The sort of server."),
	address: server().describe("Where the server listens."),
	databases: list(text("a database name, or a pattern with *"), "database names or patterns", { min: 1 }).describe(
		"Names or patterns of the databases served; the first name is the default.",
	),
	environment: text("a word such as production or staging").optional(),
	region: text("a word such as eu-central").optional(),
	tls: word(["disable", "prefer", "require", "verify-full"])
		.optional()
		.describe("TLS on the way to the server; verify-full checks the certificate and its host name. Default: prefer."),
	ca: path().optional().describe("PEM file of the authorities that verify-full trusts. Default: the ones Node trusts."),
	credentials: section({
		username: text("the name of the upstream user"),
		password: secret.optional(),
	}).describe("What the proxy logs in to the server with."),
	listen: listener()
		.optional()
		.describe(
			"A port of this target's own. MySQL greets with the server's version before it knows the user: several such targets on one port are greeted as the first of them.",
		),
});

const archive = section({
	endpoint: read(ENDPOINT_EXPECTED, parseEndpoint, ["https://s3.eu-central-1.amazonaws.com"]).describe(
		"Where the store is reached. Buckets are addressed by path (https://store/bucket/object).",
	),
	region: text("a region's name, such as eu-central-1", /^[A-Za-z0-9-]{1,64}$/).describe(
		"What requests are signed for; stores without regions want us-east-1, or auto.",
	),
	bucket: text(BUCKET_EXPECTED, BUCKET).describe("The bucket. It must exist."),
	prefix: text(OBJECT_PREFIX_EXPECTED, OBJECT_PREFIX)
		.optional()
		.describe("What the names of objects begin with, before the node's name. Default: nothing."),
	credentials: section({
		accessKeyId: secret,
		secretAccessKey: secret,
	}).describe("The access key that may list, read and write there."),
});

export const CONFIG_SCHEMA = section({
	listen: section({
		postgres: listener().optional(),
		mysql: listener().optional(),
		api: listener().optional(),
	})
		.optional()
		.describe("Where the proxy listens; what is missing is not opened. Port 0 takes any free one."),
	tls: section({
		certificate: path().describe("PEM file: the certificate and what chains it."),
		key: path().describe("PEM file of the private key."),
		clientCa: path().optional().describe("PEM file of the authorities that client certificates are checked against."),
		required: flag().optional().describe("Refuse clients without TLS. Default: false."),
	})
		.optional()
		.describe("TLS towards clients."),
	targets: z
		.record(z.string(), target, { error: () => "a mapping of target names to targets" })
		.meta({ minProperties: 1, propertyNames: { pattern: TARGET_NAME.source } })
		.describe("The databases behind the proxy, by name."),
	licenses: path().optional().describe("A folder of license documents, reloaded when it changes. Default: ./licenses."),
	trust: list(text("a public key"), "public keys")
		.optional()
		.describe("When not empty, only licenses signed by one of these keys load."),
	data: path().optional().describe("Embedded store, recordings, keys, admin socket. Default: ./data."),
	store: read(
		"embedded, or a URL postgres://…",
		(given) =>
			given === "embedded"
				? ({ kind: "embedded" } as const)
				: POSTGRES_URL.test(given)
					? ({ kind: "postgres", url: given } as const)
					: undefined,
		["embedded"],
	)
		.optional()
		.describe("Where grants and sessions are kept. Default: embedded."),
	redis: z
		.union([z.null(), text("null, or a URL redis://…", REDIS_URL)], { error: () => "null, or a URL redis://…" })
		.optional()
		.describe("Shared live state of several proxies."),
	workers: count({ min: 1, max: 256 }).optional().describe("Data-plane processes. Default: 1."),
	recording: section({
		durability: word(["written", "strict"])
			.optional()
			.describe("written survives kill -9; strict survives power loss. Default: written."),
		key: path()
			.optional()
			.describe("PEM file of the Ed25519 key that signs checkpoints. Default: the node's own, made in data/keys."),
		previousKey: path()
			.optional()
			.describe("PEM file of the key that signed until now, when `key` takes over from another such file."),
		segmentBytes: size(SEGMENT_RANGE)
			.optional()
			.describe("Size at which a file of the recording is finished, sealed and compressed. Default: 64MiB."),
		retention: section({
			days: count(RETENTION_RANGES.days).optional().describe("Segments go when their last entry is older."),
			bytes: size(RETENTION_RANGES.bytes).optional().describe("The oldest segments go while all take more than this."),
		})
			.optional()
			.describe("When sealed segments of the recording are removed. Default: never."),
		archive: archive
			.optional()
			.describe(
				"An S3-compatible store that sealed segments go to. Retention then waits until they are confirmed there. Default: none.",
			),
		auditorKey: path()
			.optional()
			.describe("PEM file of the auditor's public key, for licenses whose literals are sealed (licet key auditor)."),
	}).optional(),
	bounds: section({
		loginTimeout: duration(BOUND_RANGES.loginTimeoutMs).optional().describe("From connecting to the end of login."),
		messageBytes: size(BOUND_RANGES.messageBytes).optional().describe("One protocol message after login."),
		statementBytes: size(BOUND_RANGES.statementBytes).optional().describe("One statement's text."),
		sessions: count(BOUND_RANGES.sessions).optional().describe("Sessions at a time."),
	})
		.optional()
		.describe("Limits of the process itself."),
});

/** JSON Schema of licet.yaml, for editors. */
export function configJsonSchema(): Record<string, unknown> {
	return jsonSchemaOf(CONFIG_SCHEMA, "urn:licet:schema:config:v1", "Licet configuration (licet.yaml)");
}
