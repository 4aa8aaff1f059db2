/** `licet keys auditor`: the key pair for which recordings are sealed. */
import { makeAuditorKey } from "../../recorder/auditor-key.js";

export function auditor(file: string, options: { readonly json?: boolean }): string {
	const { id, privateFile, publicFile } = makeAuditorKey(file);
	if (options.json === true) return JSON.stringify({ id, private: privateFile, public: publicFile });
	return [
		`Key ${id}`,
		`  ${privateFile}  opens sealed recordings. Give it to the auditor, and keep no copy where the proxy runs.`,
		`  ${publicFile}  seals them: recording: { auditorKey: ${publicFile} } in licet.yaml.`,
		"Whoever loses the private key loses what was sealed for it.",
	].join("\n");
}
