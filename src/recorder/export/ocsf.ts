/**
 * A session as OCSF events for a SIEM: class Datastore Activity (6005) of version 1.6.0, with the profile Security Control
 * for what the license decided (schema.ocsf.io/1.6.0/classes/datastore_activity). One event for the connection, one for
 * each statement with its result.
 */

import { milliseconds } from "../clock.js";
import type { LoggedEntry } from "../entry.js";
import { type Exchange, type Of, sessionParts } from "./exchanges.js";

const VERSION = "1.6.0";
const CLASS_UID = 6005;
const CLASS_NAME = "Datastore Activity";

const ACTIVITIES = {
	2: "Update",
	3: "Connect",
	4: "Query",
	5: "Write",
	6: "Create",
	7: "Delete",
	8: "List",
	99: "Other",
} as const;
type Activity = keyof typeof ACTIVITIES;

const ACTIVITY_OF: ReadonlyMap<string, Activity> = new Map<string, Activity>([
	...["SELECT", "WITH", "TABLE", "VALUES", "FETCH", "EXECUTE"].map((word) => [word, 4] as const),
	...["INSERT", "REPLACE", "MERGE", "COPY", "LOAD"].map((word) => [word, 5] as const),
	["UPDATE", 2],
	["DELETE", 7],
	["TRUNCATE", 7],
	["DROP", 7],
	["CREATE", 6],
	["SHOW", 8],
]);

export interface Product {
	readonly version: string;
}

export async function* ocsfLines(entries: AsyncIterable<LoggedEntry>, product: Product): AsyncGenerator<string> {
	let start: Of<"session.start"> | undefined;
	for await (const part of sessionParts(entries)) {
		if (part.kind === "start") {
			start = part.entry;
			yield JSON.stringify(connected(start, product));
		}
		if (part.kind === "exchange" && start !== undefined) yield JSON.stringify(ran(start, part, product));
	}
}

function connected(start: Of<"session.start">, product: Product) {
	return {
		...classified(3, ACTIVITIES[3]),
		...timed(start.at),
		severity_id: 1,
		severity: "Informational",
		status_id: 1,
		status: "Success",
		...decided(true),
		message: `${start.subject} connected to ${start.target}`,
		...common(start, product, start.session, start.seq),
		unmapped: { tls: start.tls },
	};
}

function ran(start: Of<"session.start">, { statement, result }: Exchange, product: Product) {
	const { decision } = statement;
	const isDenied = decision.effect === "deny";
	const word = firstWord(result?.command ?? statement.sql);
	const activity = ACTIVITY_OF.get(word) ?? 99;
	const isFailed = isDenied || (result !== null && result.error !== null);
	return {
		...classified(activity, activity === 99 ? word : ACTIVITIES[activity]),
		...timed(statement.at, result?.at, result?.durationMs),
		severity_id: isDenied ? 3 : 1,
		severity: isDenied ? "Medium" : "Informational",
		...(result === null && !isDenied
			? { status_id: 0, status: "Unknown", status_detail: "the result is not recorded" }
			: { status_id: isFailed ? 2 : 1, status: isFailed ? "Failure" : "Success" }),
		...(result?.error == null ? {} : { status_code: result.error.code, status_detail: result.error.message }),
		...decided(!isDenied),
		message: isDenied ? decision.reasons.map(({ message }) => message).join("; ") : (result?.command ?? word),
		...common(start, product, `${statement.session}/${statement.statement}`, statement.seq),
		query_info: {
			uid: decision.id,
			query_string: statement.sql,
			query_time: Math.floor(milliseconds(statement.at)),
			...(result === null ? {} : { bytes: result.bytes }),
		},
		unmapped: {
			statement: statement.statement,
			parameters: statement.parameters,
			...(statement.parseOnly === true ? { prepared_only: true } : {}),
			reasons: decision.reasons,
			masks: decision.masks,
			...(decision.observed === undefined ? {} : { observed: decision.observed }),
			...(result === null ? {} : { rows: result.rows, masked: result.masked }),
		},
	};
}

function classified(activity: Activity, name: string) {
	return {
		activity_id: activity,
		activity_name: name,
		category_uid: 6,
		category_name: "Application Activity",
		class_uid: CLASS_UID,
		class_name: CLASS_NAME,
		type_uid: CLASS_UID * 100 + activity,
		type_name: `${CLASS_NAME}: ${ACTIVITIES[activity]}`,
	};
}

/** Whole milliseconds since the epoch, as the schema's timestamp_t. */
function timed(at: string, until?: string, durationMs?: number) {
	const start = Math.floor(milliseconds(at));
	return {
		time: start,
		timezone_offset: 0,
		...(until === undefined ? {} : { start_time: start, end_time: Math.max(start, Math.floor(milliseconds(until))) }),
		...(durationMs === undefined ? {} : { duration: Math.round(durationMs) }),
	};
}

function decided(isAllowed: boolean) {
	return isAllowed
		? { action_id: 1, action: "Allowed", disposition_id: 1, disposition: "Allowed" }
		: { action_id: 2, action: "Denied", disposition_id: 2, disposition: "Blocked" };
}

function common(start: Of<"session.start">, product: Product, uid: string, sequence: number) {
	const colon = start.subject.indexOf(":");
	const isService = start.subject.slice(0, Math.max(colon, 0)) === "service";
	return {
		metadata: {
			version: VERSION,
			product: { name: "Licet", vendor_name: "Licet", version: product.version },
			profiles: ["security_control"],
			uid,
			correlation_uid: start.session,
			sequence,
		},
		actor: {
			user: {
				name: start.subject.slice(colon + 1),
				type_id: isService ? 4 : 1,
				type: isService ? "Service" : "User",
			},
			session: { uid: start.session, created_time: Math.floor(milliseconds(start.at)), credential_uid: start.grant },
			...(start.application === null ? {} : { app_name: start.application }),
		},
		src_endpoint: { ip: start.clientAddress },
		dst_endpoint: { name: start.target, svc_name: start.engine },
		database: { name: start.database, type_id: 1, type: "Relational" },
		type_id: 1,
		type: "Database",
		policy: { name: start.license, uid: start.licenseDigest, is_applied: true },
	};
}

/** Behind comments and parentheses. */
const LEADING = /^(?:\s|\(|--.*|#.*|\/\*[\s\S]*?\*\/)*/;

/** The command's word: of its tag, or of its text. */
function firstWord(text: string): string {
	return (/^[A-Za-z]+/.exec(text.replace(LEADING, ""))?.[0] ?? "unknown").toUpperCase();
}
