/**
 * A license applied to a database: facts become verdicts, decisions become the words that a client gets, and the
 * server's word on where a column comes from is judged.
 *
 * One policy holds for one license as it stands and one catalog snapshot; when either changes, a new one takes its place,
 * so that whatever it keeps (verdicts by facts, origins) is never older than its sources.
 */
import { type Ancestry, columnMaskFor, decideStatement, mayReadColumn } from "../licensing/decide.js";
import type { ColumnMask, Decision, Obligations, Reason } from "../licensing/decision.js";
import { foldLicense } from "../licensing/fold.js";
import type { License } from "../licensing/license.js";
import { keepsText, maskValue } from "../licensing/masks.js";
import type {
	Denial,
	Judgement,
	OriginVerdict,
	ResultCap,
	ResultPlan,
	ValueMask,
	Verdict,
} from "../protocols/engine.js";
import type { RecordedDecision, RecordedReason } from "../recorder/entry.js";
import type { CatalogView } from "../sql/catalog-view.js";
import {
	type ColumnName,
	declarationFacts,
	type FunctionUse,
	type RelationName,
	type RelationUse,
	type StatementFacts,
	type TextFacts,
	unknownStatement,
} from "../sql/facts.js";
import { type Extent, filled, showsAll } from "../sql/guarded.js";

import { extentOf } from "./extent.js";

/** What a decision looks like in the recording, but for its id. */
export type DecisionRecord = Omit<RecordedDecision, "id">;

export interface PolicyVerdict extends Verdict {
	readonly decision: Decision;
	readonly record: DecisionRecord;
}

/** The attribute number by which PostgreSQL describes a whole row (`SELECT u FROM app.users u`). */
const WHOLE_ROW = 0;

/** Lists of declared types whose verdict is kept: clients have a few, and one that tries all is not served faster. */
const MAX_DECLARATIONS = 1000;

const NO_PLAN: ResultPlan = {
	masks: new Map(),
	reduceErrors: false,
	rows: undefined,
	bytes: undefined,
	sampleRows: 0,
};

export class Policy {
	readonly license: License;
	readonly epoch: number;
	readonly checksOrigin: boolean;
	readonly #catalog: CatalogView;
	readonly #verdicts = new WeakMap<StatementFacts, PolicyVerdict>();
	readonly #judgements = new WeakMap<TextFacts, Judgement>();
	readonly #origins = new Map<number, OriginVerdict | undefined>();
	readonly #namedOrigins = new Map<string, OriginVerdict | undefined>();
	readonly #shown = new Map<string, boolean>();
	readonly #declared = new Map<string, PolicyVerdict>();
	readonly #ancestry: Ancestry;
	#extent: Extent | undefined;

	constructor(license: License, catalog: CatalogView, epoch: number) {
		this.license = foldLicense(license, catalog.folding);
		this.epoch = epoch;
		this.#catalog = catalog;
		this.#ancestry = catalog.ancestry;
		this.checksOrigin = !license.unrestricted && !license.observe;
	}

	/** `length`: of the text, in bytes. */
	judgement(facts: TextFacts, length: number): Judgement {
		const known = this.#judgements.get(facts);
		if (known !== undefined) return known;
		const statements = facts.refusal === undefined ? facts.statements : [unreadFacts(facts, length)];
		const judgement = {
			verdicts: statements.map((statement) => this.verdict(statement)),
			canonical: this.#guarded(facts) ?? facts.canonical,
			epoch: this.epoch,
		};
		this.#judgements.set(facts, judgement);
		return judgement;
	}

	/** The text as it shows of catalogs what the license covers; as bytes, one a character. */
	#guarded({ guarded }: TextFacts): string | undefined {
		const { catalog, observe, unrestricted } = this.license;
		if (guarded === undefined || catalog === "full" || observe || unrestricted) return undefined;
		this.#extent ??= extentOf(this.license, this.#catalog);
		if (guarded.engine === "mysql") {
			// It is kept as bytes, one a character. Where all is covered the client's own text does as well.
			return showsAll(guarded, this.#extent) ? undefined : filled(guarded, this.#extent);
		}
		return Buffer.from(filled(guarded, this.#extent), "utf8").toString("latin1");
	}

	verdict(facts: StatementFacts): PolicyVerdict {
		const known = this.#verdicts.get(facts);
		if (known !== undefined) return known;
		const verdict = this.#decide(facts);
		this.#verdicts.set(facts, verdict);
		return verdict;
	}

	/** Undefined: one of the types is not in the snapshot. */
	#usesOfTypes(types: readonly number[]): readonly FunctionUse[] | undefined {
		const uses = types.map((type) => this.#catalog.usesOfType(type));
		return uses.every((of) => of !== undefined) ? uses.flat() : undefined;
	}

	knowsTypes(types: readonly number[]): boolean {
		return this.#usesOfTypes(types) !== undefined;
	}

	/** On what making values of the types runs; one that is not known could run anything. */
	declaration(types: readonly number[]): PolicyVerdict {
		const key = types.join();
		let verdict = this.#declared.get(key);
		if (verdict === undefined) {
			const uses = this.#usesOfTypes(types);
			const refusal = { kind: "unresolved", message: "a parameter is of a type that does not exist" } as const;
			verdict = this.verdict(uses === undefined ? declarationFacts([], refusal) : declarationFacts(uses));
			if (this.#declared.size < MAX_DECLARATIONS) this.#declared.set(key, verdict);
		}
		return verdict;
	}

	#decide(facts: StatementFacts): PolicyVerdict {
		const decision = this.#copyRule(facts, decideStatement(this.license, facts, this.#ancestry));
		if (decision.effect === "deny") {
			const record = { effect: "deny" as const, reasons: recorded(decision.reasons), masks: [] };
			return { facts, denied: true, plan: NO_PLAN, decision, record };
		}
		const { obligations, observed } = decision;
		const record: DecisionRecord = {
			effect: "allow",
			reasons: recorded([...decision.reasons, ...(observed?.reasons ?? [])]),
			masks: [...obligations.masks].map(([index, mask]) => ({
				column: facts.outputs?.[index]?.name ?? String(index + 1),
				mask: mask.mask.kind,
				term: mask.term,
			})),
			...(observed === undefined ? {} : { observed: "deny" as const }),
		};
		return { facts, denied: false, plan: this.#plan(obligations), decision, record };
	}

	/** Rows of a COPY that cannot be read cannot be masked. */
	#copyRule(facts: StatementFacts, decision: Decision): Decision {
		const unread = facts.copy?.direction === "out" ? facts.copy.unread : undefined;
		if (unread === undefined || decision.effect === "deny" || decision.obligations.masks.size === 0) return decision;
		const [mask] = decision.obligations.masks.values();
		return {
			effect: "deny",
			case: "notPermitted",
			reasons: [{ term: mask?.term, message: `masked columns cannot be copied with this option: ${unread}` }],
			hint: "Leave the option out, or copy the other columns.",
		};
	}

	#plan(obligations: Obligations): ResultPlan {
		const masks = new Map<number, ValueMask>();
		for (const [index, mask] of obligations.masks) masks.set(index, valueMask(mask));
		return {
			masks,
			reduceErrors: obligations.touchesMasked,
			rows: this.#rowCap(obligations.rows),
			bytes: this.#cap(obligations.bytes, "bytes"),
			sampleRows: this.license.recordResults,
		};
	}

	/** The stream counts lines. */
	#rowCap(cap: Obligations["rows"]): ResultCap | undefined {
		const found = this.#cap(cap, "rows");
		if (cap === undefined || found === undefined || cap.rowsPerLine === 1) return found;
		const denial = {
			...found.denial,
			message: `${found.denial.message}; each line of its result is made of up to ${cap.rowsPerLine} rows of one table`,
		};
		return { ...found, max: cap.lines, denial };
	}

	#cap(cap: Obligations["bytes"], unit: string): ResultCap | undefined {
		if (cap === undefined) return undefined;
		const what =
			cap.then === "error"
				? `the statement delivers more than ${cap.max} ${unit}`
				: `the result was cut: the license allows ${cap.max} ${unit} a statement`;
		const denial: Denial = {
			case: "capExceeded",
			message: what,
			detail: `License "${this.license.id}", term ${cap.term}`,
			hint: "Ask for fewer rows (LIMIT, a narrower WHERE), or for a license with a higher cap.",
		};
		return { max: cap.max, onExceed: cap.then, denial };
	}

	/** The words of a denial, for one execution of the statement. */
	denial(decision: Extract<Decision, { effect: "deny" }>, id: string): Denial {
		const [first, ...others] = decision.reasons;
		const terms = decision.reasons.map((reason) => reason.term).filter((term) => term !== undefined);
		const term = terms.length === 0 ? "no term permits it" : `term ${[...new Set(terms)].join(", ")}`;
		const more = others.length === 0 ? "" : ` Also: ${others.map((reason) => reason.message).join("; ")}.`;
		return {
			case: decision.case,
			message: first?.message ?? "not permitted",
			detail: `License "${this.license.id}", ${term}; decision ${id}.${more}`,
			hint: decision.hint,
		};
	}

	/** The third word on a result column: the server's own, of where it comes from. */
	origin(relation: number, column: number): OriginVerdict | undefined {
		// Attribute numbers lie between -6 (system columns) and 1600.
		const key = relation * 4096 + column + 64;
		const known = this.#origins.get(key);
		if (known !== undefined || this.#origins.has(key)) return known;
		const verdict =
			column === WHOLE_ROW
				? this.#judgeRow(this.#catalog.relation(relation))
				: this.#judgeOrigin(this.#catalog.column(relation, column));
		this.#origins.set(key, verdict);
		return verdict;
	}

	/** Whether all of a relation's rows may be read unmasked. */
	showsRowsOf(schema: string, name: string): boolean {
		if (!this.checksOrigin) return true;
		const relation = { schema, name };
		const key = `${schema}\0${name}`;
		let shows = this.#shown.get(key);
		if (shows === undefined) {
			shows =
				this.#ancestry.columns?.(relation)?.every((column) => {
					const own = { ...relation, column };
					const isMasked = columnMaskFor(this.license, own, this.#ancestry) !== undefined;
					return !isMasked && mayReadColumn(this.license, own, this.#ancestry, this.#catalog.sort(own));
				}) ?? false;
			this.#shown.set(key, shows);
		}
		return shows;
	}

	/** The same, where the server names the origin. */
	originNamed(schema: string, relation: string, column: string): OriginVerdict | undefined {
		const key = `${schema}\0${relation}\0${column}`;
		const known = this.#namedOrigins.get(key);
		if (known !== undefined || this.#namedOrigins.has(key)) return known;
		const verdict = this.#judgeOrigin(this.#catalog.columnNamed(schema, relation, column));
		this.#namedOrigins.set(key, verdict);
		return verdict;
	}

	#judgeRow(relation: RelationName | undefined): OriginVerdict | undefined {
		if (relation === undefined) return undefined;
		const { schema, name } = relation;
		return { permitted: this.showsRowsOf(schema, name), mask: undefined, name: `the rows of ${schema}.${name}` };
	}

	#judgeOrigin(name: ColumnName | undefined): OriginVerdict | undefined {
		if (name === undefined) return undefined;
		const mask = columnMaskFor(this.license, name, this.#ancestry);
		const sort: RelationUse["sort"] = this.#catalog.sort(name);
		return {
			permitted: mayReadColumn(this.license, name, this.#ancestry, sort),
			mask: mask === undefined ? undefined : valueMask(mask),
			name: `${name.schema}.${name.name}.${name.column}`,
		};
	}
}

function valueMask(mask: ColumnMask): ValueMask {
	return {
		name: mask.mask.kind,
		term: mask.term,
		apply: (value, kind) => maskValue(mask, value, kind),
		keepsText: keepsText(mask),
	};
}

function recorded(reasons: readonly Reason[]): RecordedReason[] {
	return reasons.map(({ term, message }) => ({ term: term ?? null, message }));
}

/** A text that could not be read at all is one statement, as long as it is, of which nothing is known but that. */
export function unreadFacts(facts: TextFacts, length: number): StatementFacts {
	const unknown = unknownStatement("UNREAD", length);
	return facts.refusal === undefined ? unknown : { ...unknown, refusal: facts.refusal };
}
