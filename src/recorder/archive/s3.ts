/**
 * The store over S3's REST interface (https://docs.aws.amazon.com/AmazonS3/latest/API/): seven requests, each signed with
 * its payload's SHA-256 (Signature Version 4), so that a store refuses a body that changed on its way. aws4fetch signs;
 * why it, and no larger client: docs/decisions/019-archive-in-an-object-store.md.
 *
 * Redirections are not followed: they would carry the recording, and a signature, to another place than was configured.
 */
import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { ArchiveError, type ObjectStore, type StoredPart } from "./store.js";
import { errorCode, listedParts, partList, textOf } from "./xml.js";

export interface Destination {
	/** scheme://host[:port] */
	readonly origin: string;
	readonly region: string;
	readonly bucket: string;
	/** What names begin with, ended by "/"; or "". */
	readonly prefix: string;
}

export interface Credentials {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
}

interface Call {
	readonly method: "GET" | "PUT" | "POST" | "DELETE";
	readonly name: string;
	readonly query?: Readonly<Record<string, string>>;
	readonly body?: Buffer;
}

/** For one request, whose body is a part at most: 8 MiB in five minutes is 28 KB/s. Reading has undici's own, between chunks. */
const REQUEST_MS = 300_000;
/** An answer in XML. A page of a thousand parts is 200 KiB. */
const ANSWER_BYTES = 4 << 20;
/** More pages than an upload can have parts (10 000). */
const PAGES = 20;

export class S3Store implements ObjectStore {
	readonly #destination: Destination;
	readonly #credentials: Credentials;

	constructor(destination: Destination, credentials: Credentials) {
		this.#destination = destination;
		this.#credentials = credentials;
	}

	async read(name: string): Promise<AsyncIterable<Uint8Array> | undefined> {
		const response = await this.#send({ method: "GET", name });
		if (response.status === 200) return chunksOf(response);
		const error = await refusal(response);
		if (response.status === 404 && error.storeCode !== "NoSuchBucket") return undefined;
		throw error;
	}

	async put(name: string, content: Buffer): Promise<void> {
		await this.#done({ method: "PUT", name, body: content });
	}

	async begin(name: string): Promise<string> {
		const answer = await this.#done({ method: "POST", name, query: { uploads: "" } });
		return required(textOf(answer, "UploadId"), "an UploadId");
	}

	async parts(name: string, uploadId: string): Promise<readonly StoredPart[] | undefined> {
		const parts: StoredPart[] = [];
		let marker = "0";
		for (let page = 0; page < PAGES; page++) {
			const query = { uploadId, ...(marker === "0" ? {} : { "part-number-marker": marker }) };
			const response = await this.#send({ method: "GET", name, query });
			if (response.status === 404) {
				const error = await refusal(response);
				if (error.storeCode === "NoSuchUpload") return undefined;
				throw error;
			}
			const answer = await answerOf(response);
			parts.push(...listedParts(answer));
			if (textOf(answer, "IsTruncated") !== "true") return parts;
			marker = required(textOf(answer, "NextPartNumberMarker"), "a NextPartNumberMarker");
		}
		throw new ArchiveError("unavailable", "the store's list of parts does not end");
	}

	async putPart(name: string, uploadId: string, number: number, content: Buffer): Promise<string> {
		const query = { partNumber: String(number), uploadId };
		const response = await this.#send({ method: "PUT", name, query, body: content });
		await answerOf(response);
		return required(response.headers.get("etag") ?? undefined, "an ETag").replaceAll('"', "");
	}

	async finish(name: string, uploadId: string, parts: readonly StoredPart[]): Promise<void> {
		const body = Buffer.from(partList(parts), "utf8");
		await this.#done({ method: "POST", name, query: { uploadId }, body });
	}

	async abort(name: string, uploadId: string): Promise<void> {
		const response = await this.#send({ method: "DELETE", name, query: { uploadId } });
		if (response.status !== 404) await answerOf(response);
		else await response.body?.cancel();
	}

	async #done(call: Call): Promise<string> {
		return answerOf(await this.#send(call));
	}

	async #send({ method, name, query = {}, body }: Call): Promise<Response> {
		const { origin, bucket, prefix, region } = this.#destination;
		const url = new URL(`${origin}/${bucket}/${prefix}${name}`);
		for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
		const content = body ?? Buffer.alloc(0);
		const headers = {
			"x-amz-content-sha256": createHash("sha256").update(content).digest("hex"),
			...(body === undefined ? {} : { "content-md5": createHash("md5").update(content).digest("base64") }),
		};
		const signer = new AwsV4Signer({ ...this.#credentials, url: url.href, method, headers, region, service: "s3" });
		const signed = await signer.sign();
		try {
			return await fetch(signed.url, {
				method,
				headers: signed.headers,
				redirect: "manual",
				...(body === undefined ? {} : { body: new Uint8Array(body) }),
				...(method === "GET" ? {} : { signal: AbortSignal.timeout(REQUEST_MS) }),
			});
		} catch (error) {
			throw new ArchiveError("unavailable", `the store cannot be reached (${causeOf(error)})`);
		}
	}
}

async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
	try {
		for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
	} catch (error) {
		throw new ArchiveError("unavailable", `the store's answer broke off (${causeOf(error)})`);
	}
}

/** A good answer's text. An upload can also fail with status 200 (CompleteMultipartUpload, "Response"). */
async function answerOf(response: Response): Promise<string> {
	if (!response.ok) throw await refusal(response);
	const text = await bounded(response);
	const code = errorCode(text);
	if (code !== undefined) throw refusalOf(500, code);
	return text;
}

async function bounded(response: Response): Promise<string> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of chunksOf(response)) {
		bytes += chunk.length;
		if (bytes > ANSWER_BYTES) throw new ArchiveError("unavailable", "the store's answer is too long");
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}

class StoreRefusal extends ArchiveError {
	constructor(
		code: ArchiveError["code"],
		message: string,
		readonly storeCode: string | undefined,
	) {
		super(code, message);
	}
}

async function refusal(response: Response): Promise<StoreRefusal> {
	return refusalOf(response.status, errorCode(await bounded(response)));
}

const KEY_CODES = new Set(["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"]);
const DAMAGE_CODES = new Set([
	"BadDigest",
	"XAmzContentSHA256Mismatch",
	"XAmzContentChecksumMismatch",
	"IncompleteBody",
]);

function refusalOf(status: number, code: string | undefined): StoreRefusal {
	const said = `${status}${code === undefined ? "" : ` ${code}`}`;
	const refused = (what: string) => new StoreRefusal("refused", `${what} (${said})`, code);
	if (code !== undefined && KEY_CODES.has(code))
		return refused("the store does not accept the access key: see recording.archive.credentials");
	if (code !== undefined && DAMAGE_CODES.has(code))
		return new StoreRefusal("damaged", `other bytes arrived at the store than were sent (${said})`, code);
	if (code === "NoSuchBucket") return refused("the store has no such bucket: see recording.archive.bucket");
	if (code === "RequestTimeTooSkewed") return refused("this machine's clock and the store's differ by too much");
	if (status >= 300 && status < 400)
		return refused("the bucket is elsewhere: see recording.archive.endpoint and .region");
	if (code === "AuthorizationHeaderMalformed" || code === "IllegalLocationConstraintException")
		return refused("the store takes another region: see recording.archive.region");
	if (status === 401 || status === 403)
		return refused("the access key may not list, read and write in the bucket: see recording.archive.credentials");
	if (status >= 500 || status === 429 || status === 408)
		return new StoreRefusal("unavailable", `the store is in trouble (${said})`, code);
	return refused("the store refuses");
}

function required(value: string | undefined, what: string): string {
	if (value === undefined || value === "") throw new ArchiveError("unavailable", `the store's answer lacks ${what}`);
	return value;
}

/** The system's code (ECONNREFUSED, …) where there is one. */
function causeOf(error: unknown): string {
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const code = (cause as { code?: unknown } | undefined)?.code;
	if (typeof code === "string") return code;
	return cause instanceof Error ? cause.name : "unknown";
}
