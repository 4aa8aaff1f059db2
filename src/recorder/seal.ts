/**
 * Sealing: of a session under `recording: { literals: sealed }`, entries hold the shape of a statement (sql/shape.ts) and
 * what may repeat a value only encrypted, with AES-256-GCM under the session's own key.
 *
 * `sealed.data` is a JSON object of the fields that the entry shows otherwise, so that opening puts the entry together as
 * it would have been. A nonce is the count of what the session has sealed, and so never comes twice under a key: the key
 * is made with the session, lives in its process alone, and ends with it. What is authenticated besides is the entry's
 * place, so that nothing sealed can be shown as another's.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Entry, LoggedEntry, RecordedDecision, Sealed } from "./entry.js";
import { JournalError } from "./errors.js";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Stands where text is sealed that has no shape. */
export const SEALED_TEXT = "(sealed)";

type Of<Type extends Entry["type"]> = Extract<Entry, { type: Type }>;

/** What is known of a statement, so that its entries show no more than they may. */
export interface Sealing {
	/** It could be read and resolved: else its text, and what is said of it, may be anything. */
	readonly isUnderstood: boolean;
	/** Whether a result column's name is that of a column in the catalog; others can be made of literals. */
	readonly isColumn: (name: string) => boolean;
}

function nonceOf(count: number): Buffer {
	const nonce = Buffer.alloc(NONCE_BYTES);
	nonce.writeBigUInt64BE(BigInt(count), NONCE_BYTES - 8);
	return nonce;
}

function additionalOf(session: string, type: string, statement: number): Buffer {
	return Buffer.from(`licet/v1 ${session} ${type} ${statement}`);
}

export class SessionSeal {
	readonly #session: string;
	readonly #recipient: string;
	readonly #key: Buffer;
	readonly #shapeOf: (text: string) => string | undefined;
	#count = 0;

	/** `recipient`: the id of the auditor's key. `shapeOf`: undefined where the text is not understood. */
	constructor(session: string, recipient: string, key: Buffer, shapeOf: (text: string) => string | undefined) {
		this.#session = session;
		this.#recipient = recipient;
		this.#key = key;
		this.#shapeOf = shapeOf;
	}

	start(entry: Of<"session.start">): Entry {
		const { application } = entry;
		const shown = { ...entry, sealedFor: this.#recipient };
		if (application === null) return shown;
		return { ...shown, application: null, sealed: this.#seal(entry.type, 0, { application }) };
	}

	statement(entry: Of<"statement">, sealing: Sealing): Entry {
		const { sql, parameters, prepared, ...rest } = entry;
		const shape = sealing.isUnderstood ? this.#shapeOf(sql) : undefined;
		const decision = shownDecision(entry.decision, shape !== undefined, sealing);
		const fields = {
			sql,
			...(parameters.length === 0 ? {} : { parameters }),
			...(prepared === undefined ? {} : { prepared }),
			...(decision === entry.decision ? {} : { decision: entry.decision }),
		};
		const sealed = this.#seal(entry.type, entry.statement, fields);
		const name = prepared === undefined ? {} : { prepared: SEALED_TEXT };
		return { ...rest, sql: shape ?? SEALED_TEXT, parameters: [], ...name, decision, sealed };
	}

	result(entry: Of<"result">, sealing: Sealing): Entry {
		const { error, sample } = entry;
		const shown = entry.masked.map((name) => (sealing.isColumn(name) ? name : SEALED_TEXT));
		const masked = shown.some((name, index) => name !== entry.masked[index]) ? shown : entry.masked;
		if (error === null && sample === null && masked === entry.masked) return entry;
		const fields = {
			...(error === null ? {} : { error }),
			...(sample === null ? {} : { sample }),
			...(masked === entry.masked ? {} : { masked: entry.masked }),
		};
		const sealed = this.#seal(entry.type, entry.statement, fields);
		const told = error === null ? null : { code: error.code, message: SEALED_TEXT };
		return { ...entry, error: told, masked, sample: null, sealed };
	}

	incident(entry: Of<"incident">): Entry {
		const sealed = this.#seal(entry.type, entry.statement, { message: entry.message });
		return { ...entry, message: SEALED_TEXT, sealed };
	}

	/** Nothing more is sealed: the key is forgotten here. */
	end(): void {
		this.#key.fill(0);
		this.#count = Number.NaN;
	}

	#seal(type: Entry["type"], statement: number, fields: object): Sealed {
		const nonce = this.#count;
		if (!Number.isSafeInteger(nonce)) throw new JournalError("failed", "nothing can be sealed after a session's end");
		this.#count += 1;
		const cipher = createCipheriv(CIPHER, this.#key, nonceOf(nonce));
		cipher.setAAD(additionalOf(this.#session, type, statement));
		const body = cipher.update(JSON.stringify(fields), "utf8");
		cipher.final();
		return { nonce, data: Buffer.concat([body, cipher.getAuthTag()]).toString("base64") };
	}
}

/** What of a decision is shown: of a text that is not understood, its terms and no words. */
function shownDecision(decision: RecordedDecision, isShown: boolean, sealing: Sealing): RecordedDecision {
	const hidesMask = decision.masks.some(({ column }) => !sealing.isColumn(column));
	if (isShown && !hidesMask) return decision;
	return {
		...decision,
		reasons: isShown ? decision.reasons : decision.reasons.map(({ term }) => ({ term, message: SEALED_TEXT })),
		masks: decision.masks.map((mask) => (sealing.isColumn(mask.column) ? mask : { ...mask, column: SEALED_TEXT })),
	};
}

/** An entry as it was before it was sealed. Throws JournalError when it is not sealed with this key, at this place. */
export function unsealed(entry: LoggedEntry, key: Buffer): LoggedEntry {
	if (!("sealed" in entry) || entry.sealed === undefined) return entry;
	const { sealed, ...shown } = entry;
	const statement = "statement" in entry ? entry.statement : 0;
	const bytes = Buffer.from(sealed.data, "base64");
	const end = bytes.length - TAG_BYTES;
	try {
		const decipher = createDecipheriv(CIPHER, key, nonceOf(sealed.nonce), { authTagLength: TAG_BYTES });
		decipher.setAAD(additionalOf(entry.session, entry.type, statement)).setAuthTag(bytes.subarray(end));
		const text = Buffer.concat([decipher.update(bytes.subarray(0, end)), decipher.final()]).toString("utf8");
		return { ...shown, ...(JSON.parse(text) as object) } as LoggedEntry;
	} catch (error) {
		throw new JournalError("corrupt", `what entry ${entry.seq} seals cannot be opened`, { cause: error });
	}
}
