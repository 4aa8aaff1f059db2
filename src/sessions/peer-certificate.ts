/**
 * Whether a client's certificate is of our authorities.
 *
 * A TLSSocket that is made around a socket which stands asks for a certificate and insists on one, but it is tls.Server
 * alone that looks at what its check came to: `authorizationError` stays unset here, whatever was shown. The outcome is
 * the handle's, which is a private interface: this file is the only one that reads it, and where it is not as expected
 * nobody is let in.
 * Node.js: lib/_tls_wrap.js, onServerSocketSecure; OpenSSL: SSL_get_verify_result.
 */
import type { TLSSocket } from "node:tls";

/** Why the certificate of the other side is not taken; undefined: it is. Asked once TLS stands. */
export function certificateFault(socket: TLSSocket): string | undefined {
	const handle: unknown = "_handle" in socket ? socket._handle : undefined;
	if (typeof handle !== "object" || handle === null || !("verifyError" in handle)) return "it cannot be checked";
	if (typeof handle.verifyError !== "function") return "it cannot be checked";
	if (socket.getPeerX509Certificate() === undefined) return "there is none";
	const error: unknown = handle.verifyError.call(handle);
	if (error === null || error === undefined) return undefined;
	return error instanceof Error ? error.message : "it was not accepted";
}
