/**
 * Context: makes Node's TLS context from certificates and a key. The key is in the clear only while Node takes it.
 */
import { constants } from "node:crypto"
import * as tls from "node:tls"
import * as Sealed from "../../../core/Sealed.ts"

/** Material: proof of a host, and the authorities that it believes: one or more certificates or a key each, in PEM. */
export interface Material {
  /** The host's own certificate, followed by those between it and the authority. */
  readonly certificate: string
  /** Private key of that certificate. */
  readonly key: Sealed.Secret
  /** Certificates of the authorities that are believed, its own among them; of both, while one follows the other. */
  readonly authorities: string
}

export type Server = Pick<tls.Server, "setSecureContext">

export interface TlsContext {
  readonly context: tls.SecureContext
  /** Has a server use the context from its next connection on. */
  readonly supply: (server: Server) => void
}

/** Makes a context. Throws the errors of OpenSSL. */
export const make = ({ authorities, certificate, key }: Material): TlsContext => {
  const sealed = Sealed.seal(key)
  const options = (): tls.SecureContextOptions => ({
    cert: certificate,
    key: Sealed.open(sealed),
    ca: authorities,
    minVersion: "TLSv1.3",
    // No session is resumed: each one shows its certificate, which is checked.
    secureOptions: constants.SSL_OP_NO_TICKET
  })
  return {
    context: tls.createSecureContext(options()),
    supply: (server) => {
      server.setSecureContext(options())
      // Node keeps the text as a property of the server, readable by any code, and uses it no more.
      Reflect.set(server, "key", undefined)
    }
  }
}
