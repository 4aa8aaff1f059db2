/**
 * What the form of licet.yaml cannot say: settings that this build does not obey yet, settings that contradict each
 * other, files that are not there. These look at the document as written, so that they are told together with problems
 * of form.
 */
import type { Path, Problem } from "./problem.js";
import { formatAddress, parseAddress } from "./units.js";
import type { Plain, Source } from "./yaml.js";

/**
 * Names of targets. Checked here rather than as a record's key, because zod looks no further into an entry whose key it
 * does not like, and then not all problems are told at once.
 */
export const TARGET_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const TARGET_NAME_EXPECTED = "a name of at most 63 letters, digits, _ . - that starts with a letter or digit";

/** The value at a path; undefined where there is none. */
export function valueAt(value: Plain | undefined, path: Path): Plain | undefined {
	let here = value;
	for (const key of path) {
		if (here === null || typeof here !== "object") return undefined;
		here = Array.isArray(here) ? here[Number(key)] : (here as { readonly [key: string]: Plain })[key];
	}
	return here;
}

/** Keys of a mapping, or nothing. */
export function keysAt(value: Plain | undefined, path: Path): readonly string[] {
	const here = valueAt(value, path);
	return here !== null && typeof here === "object" && !Array.isArray(here) ? Object.keys(here) : [];
}

/** Settings that a later build will obey. Refused, never ignored. */
export function unsupportedSettings(source: Source): Problem[] {
	const problems: Problem[] = [];
	const at = (...path: string[]): Plain | undefined => valueAt(source.value, path);
	const refuse = (path: Path, what: string) => {
		problems.push(source.problem(path, `is not supported by this build: ${what}`));
	};
	const redis = at("redis");
	if (redis !== undefined && redis !== null) {
		refuse(["redis"], "it keeps live state in process only; expected null or no such key");
	}
	const workers = at("workers");
	if (workers !== undefined && workers !== 1 && workers !== "1") {
		refuse(["workers"], "it runs one data-plane process; expected 1 or no such key");
	}
	const trust = at("trust");
	if (Array.isArray(trust) && trust.length > 0) {
		refuse(["trust"], "it does not verify signatures of licenses yet; expected [] or no such key");
	}
	return problems;
}

export function wrongCombinations(source: Source): Problem[] {
	const problems: Problem[] = [];
	const targets = keysAt(source.value, ["targets"]);
	const listed = valueAt(source.value, ["targets"]);
	if (listed !== null && typeof listed === "object" && !Array.isArray(listed) && targets.length === 0) {
		problems.push(source.problem(["targets"], "is empty; expected at least one target"));
	}
	for (const name of targets) {
		const target: Path = ["targets", name];
		if (!TARGET_NAME.test(name)) {
			problems.push(source.problem(target, `is not as expected; expected ${TARGET_NAME_EXPECTED}`));
		}
		const tls = valueAt(source.value, [...target, "tls"]);
		if (valueAt(source.value, [...target, "ca"]) !== undefined && tls !== "verify-full") {
			problems.push(source.problem([...target, "ca"], "has no effect here; expected `tls: verify-full` beside it"));
		}
	}
	const listeners: Path[] = [
		["listen", "postgres"],
		["listen", "mysql"],
		["listen", "api"],
		...targets.map((name) => ["targets", name, "listen"]),
	];
	const taken = new Set<string>();
	for (const path of listeners) {
		const given = valueAt(source.value, path);
		const address = typeof given === "string" ? parseAddress(given) : undefined;
		if (address === undefined || address.port === 0) continue;
		const text = formatAddress(address);
		if (taken.has(text))
			problems.push(source.problem(path, "is taken by another listener; expected a port of its own"));
		taken.add(text);
	}
	return problems;
}

/** A file or a folder that the document names. */
export type ReferenceSort = "file" | "folder" | "folder to be made";

/** Files and folders that the document names and that cannot be used; `faultOf` says why not. */
export function badReferences(
	source: Source,
	faultOf: (path: string, sort: ReferenceSort) => string | undefined,
): Problem[] {
	const pem = "a PEM file";
	const paths: [Path, ReferenceSort, string][] = [
		[["tls", "certificate"], "file", pem],
		[["tls", "key"], "file", pem],
		[["tls", "clientCa"], "file", pem],
		[["licenses"], "folder", "a folder of license documents"],
		[["data"], "folder to be made", "a folder, or a path where one can be made"],
		[["recording", "key"], "file", pem],
		[["recording", "previousKey"], "file", pem],
		[["recording", "auditorKey"], "file", "a PEM file with the auditor's public key"],
	];
	for (const name of ["accessKeyId", "secretAccessKey"]) {
		const secret = ["recording", "archive", "credentials", name, "file"];
		paths.push([secret, "file", "a file that holds the store's access key"]);
	}
	for (const name of keysAt(source.value, ["targets"])) {
		paths.push([["targets", name, "ca"], "file", pem]);
		paths.push([["targets", name, "credentials", "password", "file"], "file", "a file that holds the password"]);
	}
	return paths.flatMap(([path, sort, expected]) => {
		const given = valueAt(source.value, path) ?? (path[0] === "licenses" ? "./licenses" : undefined);
		if (typeof given !== "string" || given === "") return [];
		const fault = faultOf(given, sort);
		return fault === undefined ? [] : [source.problem(path, `${fault}; expected ${expected}`)];
	});
}
