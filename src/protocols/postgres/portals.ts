/**
 * Portals and descriptions as the client's messages need them: under the license as it is now, and where nothing is known
 * of them.
 */
import { unknownStatement } from "../../sql/facts.js";
import type { Judgement } from "../engine.js";
import type { RelayCore } from "./core.js";
import { type Described, Portal, type PreparedStatement } from "./model.js";
import type { Operation } from "./operations.js";

export function missingStatement(name: string): string {
	return name === "" ? "unnamed prepared statement does not exist" : `prepared statement "${name}" does not exist`;
}

/**
 * What a portal of this statement runs. Of one that SQL's PREPARE made that is the statement within: to run it prepares
 * nothing again.
 */
export function judgementToBind(core: RelayCore, { judgement, verdict, sqlLevel }: PreparedStatement): Judgement {
	const effect = verdict?.facts.effect;
	if (!sqlLevel || verdict?.denied === true || effect?.kind !== "prepare") return judgement;
	return { ...judgement, verdicts: [core.host.verdictFor(effect.statement)] };
}

/** A portal's reading was settled when it was planned; the license may have changed since. */
export function judgementNow(core: RelayCore, portal: Portal): Judgement {
	const { judgement } = portal;
	const epoch = core.host.epoch();
	if (judgement.epoch === epoch || portal.isCursor) return judgement;
	portal.judgement = { verdicts: judgement.verdicts.map((old) => core.host.verdictFor(old.facts)), epoch };
	return portal.judgement;
}

/** Where nothing is forbidden, a portal may come of a text that was not understood, or of a function that opened it. */
export function unseenPortal(core: RelayCore, name: string): Portal | undefined {
	if (!core.host.unrestricted) return undefined;
	const verdict = core.host.verdictFor({ ...UNSEEN });
	return new Portal(
		name,
		undefined,
		{ verdicts: [verdict], epoch: core.host.epoch() },
		[],
		[],
		"",
		false,
		core.model.searchPath,
	);
}

/** Its definitions are the server's affair: they were read when the statement was made. */
const UNSEEN = { ...unknownStatement("EXECUTE", 0), changesCatalog: false };

export function markDescribed(operation: Operation, described: Described | undefined): void {
	if (described === undefined || described.described) return;
	described.described = true;
	operation.effect = {
		settle: () => {},
		revert: () => {
			described.described = false;
		},
	};
}
