/**
 * What Node makes of certificates and a key. The key is in the clear only while Node takes it.
 */
import { constants } from "node:crypto"
import * as tls from "node:tls"
import * as Sealed from "../../../core/Sealed.ts"

/** What a host proves itself with, and whom it believes: each one or more certificates or a key, in PEM. */
export interface Material {
  /** The host's own certificate, and behind it those between it and the authority. */
  readonly certificate: string
  readonly key: Sealed.Secret
  /** Certificates of the authorities whose word counts, that of its own among them; of both, while one follows the other. */
  readonly authorities: string
}

export type Server = Pick<tls.Server, "setSecureContext">

export interface TlsContext {
  readonly context: tls.SecureContext
  /** Has a server use it from its next connection on. */
  readonly supply: (server: Server) => void
}

/** Throws what OpenSSL throws. */
export const make = ({ authorities, certificate, key }: Material): TlsContext => {
  const sealed = Sealed.seal(key)
  const options = (): tls.SecureContextOptions => ({
    cert: certificate,
    key: Sealed.open(sealed),
    ca: authorities,
    minVersion: "TLSv1.3",
    // No session is resumed: each one shows its certificate, and it is looked at.
    secureOptions: constants.SSL_OP_NO_TICKET
  })
  return {
    context: tls.createSecureContext(options()),
    supply: (server) => {
      server.setSecureContext(options())
      // Node keeps the text as a property of the server, for whoever looks at that, and uses it no more.
      Reflect.set(server, "key", undefined)
    }
  }
}
