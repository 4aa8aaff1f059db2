/**
 * Metrics, through OpenTelemetry's API alone: whoever runs Licet registers an SDK (`node --import …`) and decides where
 * they go; without one they go nowhere and cost nothing. Names follow its conventions: dotted, singular, the unit in
 * braces where things are counted (opentelemetry.io, "Metrics semantic conventions").
 */
import { type Counter, type Gauge, metrics } from "@opentelemetry/api";

/** What an incident was about: one statement's result (two walls disagree), or the session itself (its protocol, its pins). */
export type IncidentScope = "statement" | "session";

/** An alias and no interface: the API wants what could have further keys. */
export type IncidentAttributes = {
	readonly "db.system.name": "postgresql" | "mysql" | "mariadb";
	/** The target's name. */
	readonly "licet.target": string;
	readonly "licet.license": string;
	readonly "licet.incident.scope": IncidentScope;
};

let provider: unknown;
let counter: Counter<IncidentAttributes> | undefined;

/** The API gives out no stand-in for meters, so one asked for before the SDK is there would never count. */
function incidents(): Counter<IncidentAttributes> {
	const current = metrics.getMeterProvider();
	if (counter === undefined || provider !== current) {
		provider = current;
		counter = current.getMeter("licet").createCounter<IncidentAttributes>("licet.incidents", {
			unit: "{incident}",
			description:
				"What the server said of a result and what the analysis foresaw did not agree, or a session did what it must not",
		});
	}
	return counter;
}

export function countIncident(attributes: IncidentAttributes): void {
	incidents().add(1, attributes);
}

/** "confirmed", or why an object is not in the archive yet (ArchiveErrorCode). */
export type ArchiveAttributes = { readonly "licet.archive.outcome": string };

interface ArchiveMeters {
	readonly provider: unknown;
	readonly objects: Counter<ArchiveAttributes>;
	readonly pending: Gauge;
}

let archiveMeters: ArchiveMeters | undefined;

function archive(): ArchiveMeters {
	const current = metrics.getMeterProvider();
	if (archiveMeters?.provider !== current) {
		const meter = current.getMeter("licet");
		archiveMeters = {
			provider: current,
			objects: meter.createCounter<ArchiveAttributes>("licet.archive.objects", {
				unit: "{object}",
				description: "Objects of the recording that were seen in the archive, and attempts that failed",
			}),
			pending: meter.createGauge("licet.archive.pending", {
				unit: "{segment}",
				description: "Sealed segments of the recording that are on this disk alone",
			}),
		};
	}
	return archiveMeters;
}

export function countArchived(outcome: string): void {
	archive().objects.add(1, { "licet.archive.outcome": outcome });
}

export function setArchivePending(segments: number): void {
	archive().pending.record(segments);
}
