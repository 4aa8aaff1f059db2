/**
 * A query string sent as an extended series of the proxy's own, without its Sync.
 *
 * A statement that writes and delivers rows under a cap commits at once when it is sent as a query string, before its
 * rows can be counted; if the cap is then exceeded, the client would be told that it failed and the data would stay
 * changed. In a series the commit waits for Sync, which is sent when the outcome is known.
 * Specification: PostgreSQL documentation, "Extended Query".
 */
import type { RelayCore } from "./core.js";
import { bind, describe, execute } from "./messages.js";
import { Portal } from "./model.js";
import type { Effect } from "./namespace.js";
import { Operation } from "./operations.js";
import type { Run } from "./runs.js";

/** Parse of the unnamed statement, with the text's bytes as the client sent them. */
function parseBytes(text: Buffer): Buffer {
	const frame = Buffer.alloc(9 + text.length);
	frame.write("P", 0, "latin1");
	frame.writeInt32BE(8 + text.length, 1);
	text.copy(frame, 6);
	return frame;
}

export function sendAsSeries(core: RelayCore, text: Buffer, run: Run, destroyed: Effect | undefined): void {
	core.host.toUpstream(Buffer.concat([parseBytes(text), bind("", ""), describe("portal", ""), execute("")]));
	const hidden = (kind: Operation["kind"]) => {
		const operation = new Operation(kind);
		operation.hidden = true;
		core.queue.push(operation);
		return operation;
	};
	const portal = new Portal("", undefined, { verdicts: [], epoch: 0 }, [], [], "", false, undefined);
	hidden("parse").effect = destroyed;
	hidden("bind");
	const described = hidden("describePortal");
	described.hidden = false;
	described.hidesNoData = true;
	described.portal = portal;
	const operation = new Operation("execute");
	operation.portal = portal;
	operation.executions = run.executions;
	operation.counters = run.counters;
	operation.effect = run.effects[0];
	core.queue.push(operation);
	core.inSeries = true;
	core.wait(run.copiesIn ? "copy" : "series");
}
