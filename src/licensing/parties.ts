/** To whom and where a license applies: its `subjects` and `targets`. */
import type { License, Subject, SubjectTerm, TargetDescription } from "./license.js";

export type { Subject, TargetDescription } from "./license.js";

export function subjectMatches(license: License, subject: Subject): boolean {
	return license.subjects.some((term) => isNamed(term, subject));
}

/** A user and a service of the same name are two subjects. */
export function isNamed(term: SubjectTerm, subject: Subject): boolean {
	return term.kind === "group"
		? subject.groups.includes(term.name)
		: term.kind === subject.kind && term.name === subject.name;
}

export function targetMatches(license: License, target: TargetDescription): boolean {
	return license.targets.some(
		(term) =>
			(term.name === undefined || term.name === target.name) &&
			(term.environment === undefined || term.environment === target.environment) &&
			(term.region === undefined || term.region === target.region) &&
			(term.engine === undefined || term.engine === target.engine),
	);
}
