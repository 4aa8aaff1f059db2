/**
 * A real S3-compatible store of the tests' own, on this machine: OpenStack Swift with its s3api middleware, of one disk
 * and one copy. It checks signatures and payloads, and knows uploads in parts. It keeps its objects in a folder that goes
 * with it. (https://docs.openstack.org/swift/latest/deployment_guide.html, .../middleware.html)
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { freePort } from "../../src/cli/free-port.js";
import { cleanEnvironment, launchLogged, runToEnd, stopper } from "../../src/cli/server-process.js";
import { debianSwift, SWIFT_PROGRAMS } from "./debian.js";

export const REGION = "eu-central";
export const ACCESS_KEY = "licet:archive";
export const SECRET_KEY = "kOnlyForThisTest9";

export interface Store {
	/** http://127.0.0.1:port */
	readonly endpoint: string;
	readonly port: number;
	stop(): Promise<void>;
	/** On the same port, with the same objects. */
	start(): Promise<void>;
}

const START_MS = 60_000;
const KINDS = ["account", "container", "object"] as const;

export async function startStore(folder: string): Promise<Store> {
	await debianSwift();
	const ports = { account: await freePort(), container: await freePort(), object: await freePort() };
	const port = await freePort();
	mkdirSync(join(folder, "disks", "d1"), { recursive: true });
	await configure(folder, ports, port);
	let running: ChildProcess[] = [];
	const stop = async () => {
		await Promise.all(running.map((server) => stopper(server, { orderly: "SIGTERM", atOnce: "SIGKILL" })()));
		running = [];
	};
	const start = async () => {
		for (const kind of [...KINDS, "proxy"]) running.push(await launch(folder, kind));
		for (const each of [...Object.values(ports), port]) await listening(folder, each, running);
	};
	try {
		await start();
	} catch (error) {
		await stop();
		throw error;
	}
	return { endpoint: `http://127.0.0.1:${port}`, port, stop, start };
}

/** What swift-ring-builder does, of one disk and one copy, three times in one process. */
const MAKE_RINGS = `
import sys
from swift.common.ring import RingBuilder
for kind, port in (word.split(":") for word in sys.argv[1:]):
    ring = RingBuilder(1, 1, 0)
    ring.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=int(port), device="d1", weight=1))
    ring.rebalance()
    ring.get_ring().save(kind + ".ring.gz")
`;

async function configure(folder: string, ports: Readonly<Record<string, number>>, port: number): Promise<void> {
	const common = (ofPort: number) =>
		`[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${ofPort}\nworkers = 0\nuser = ${userInfo().username}\nswift_dir = ${folder}\nlog_level = WARNING\n`;
	const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
	write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = licet\nswift_hash_path_prefix = tests\n");
	for (const kind of KINDS) {
		const disks = `devices = ${folder}/disks\nmount_check = false\nfallocate_reserve = 0\ndisable_fallocate = true\n`;
		const app = `[pipeline:main]\npipeline = ${kind}-server\n[app:${kind}-server]\nuse = egg:swift#${kind}\n`;
		write(`${kind}-server.conf`, `${common(ports[kind] ?? 0)}${disks}${app}`);
	}
	const rings = KINDS.map((kind) => `${kind}:${ports[kind]}`);
	await runToEnd("the making of Swift's rings", "/usr/bin/python3", ["-c", MAKE_RINGS, ...rings], {
		cwd: folder,
		env: cleanEnvironment(/^PYTHON/),
	});
	const [account, user] = ACCESS_KEY.split(":");
	const filters = {
		catch_errors: "",
		cache: "use = egg:swift#memcache\nmemcache_servers = 127.0.0.1:1\n",
		s3api: `location = ${REGION}\ns3_acl = false\n`,
		tempauth: `user_${account}_${user} = ${SECRET_KEY} .admin\n`,
		bulk: "",
		slo: "",
		dlo: "",
	};
	const sections = Object.entries(filters).map(
		([name, text]) => `[filter:${name}]\n${text.startsWith("use ") ? "" : `use = egg:swift#${name}\n`}${text}`,
	);
	const pipeline = `[pipeline:main]\npipeline = ${Object.keys(filters).join(" ")} proxy-server\n`;
	const app = "[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\n";
	write("proxy-server.conf", `${common(port)}${pipeline}${app}${sections.join("")}`);
}

async function launch(folder: string, kind: string): Promise<ChildProcess> {
	const flags = [join(folder, `${kind}-server.conf`)];
	const work = { cwd: folder, env: cleanEnvironment(/^PYTHON/) };
	return launchLogged(join(SWIFT_PROGRAMS, `swift-${kind}-server`), flags, join(folder, "log"), work);
}

async function listening(folder: string, port: number, servers: readonly ChildProcess[]): Promise<void> {
	const until = Date.now() + START_MS;
	while (!(await accepts(port))) {
		if (Date.now() > until || servers.some(({ exitCode }) => exitCode !== null))
			throw new Error(`Swift does not listen:\n${readFileSync(join(folder, "log"), "utf8")}`);
		await sleep(100);
	}
}

function accepts(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ host: "127.0.0.1", port });
		socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
		socket.once("connect", () => socket.destroy());
	});
}

/** A bucket, as somebody else than the program under test sees it. */
export class Bucket {
	readonly #client = new AwsClient({
		accessKeyId: ACCESS_KEY,
		secretAccessKey: SECRET_KEY,
		region: REGION,
		service: "s3",
		retries: 0,
	});
	readonly #url: string;

	constructor(
		store: Store,
		readonly name: string,
	) {
		this.#url = `${store.endpoint}/${name}`;
	}

	async #ask(path: string, method = "GET", body?: Buffer): Promise<Response> {
		const response = await this.#client.fetch(`${this.#url}${path}`, {
			method,
			...(body && { body: new Uint8Array(body) }),
		});
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
		return response;
	}

	async make(): Promise<this> {
		await this.#ask("", "PUT");
		return this;
	}

	/** Names below a prefix, without it. */
	async list(prefix: string): Promise<string[]> {
		const text = await (await this.#ask(`?list-type=2&prefix=${encodeURIComponent(prefix)}`)).text();
		return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key.slice(prefix.length));
	}

	async get(key: string): Promise<Buffer> {
		return Buffer.from(await (await this.#ask(`/${key}`)).arrayBuffer());
	}

	async put(key: string, content: Buffer): Promise<void> {
		await this.#ask(`/${key}`, "PUT", content);
	}

	async remove(key: string): Promise<void> {
		await this.#ask(`/${key}`, "DELETE");
	}

	/** All below a prefix, as files of a folder. */
	async download(prefix: string, folder: string): Promise<void> {
		mkdirSync(folder, { recursive: true });
		for (const name of await this.list(prefix)) writeFileSync(join(folder, name), await this.get(`${prefix}${name}`));
	}
}
