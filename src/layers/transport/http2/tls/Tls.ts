/**
 * Tls: proves the other end of a connection: TLS 1.3 with a certificate on both sides, each from an authority that the
 * other side believes, and each with the name of its host in it (`protocol/Identity`).
 *
 * A certificate that names no host of the fabric is that of a client from outside: it may call, but not as a host.
 * Errors: InvalidConfig for material that cannot work, before any socket is opened; a renewal that cannot is only
 * logged (`Material`, `Renewal`).
 * Source: faults.md, T1 to T3 and P16; security.md, D-2.
 */
import * as http2 from "node:http2"
import * as tls from "node:tls"
import { Data, Effect, type Scope, Stream } from "effect"
import * as Identity from "../../../../protocol/Identity.ts"
import * as NameGrants from "../../../../protocol/NameGrants.ts"
import { byCertificate, type Certificate, certificateOf, unproven } from "../../../../protocol/Proof.ts"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import type * as TlsContext from "./Context.ts"
import * as TlsMaterial from "./Material.ts"
import * as Renewal from "./Renewal.ts"
import * as Stage from "./Stage.ts"
import * as Tenure from "./Tenure.ts"

export type { Material } from "./Material.ts"

/**
 * TLS of flows: version 1.3, with a certificate on both sides. A certificate names its host by the URI
 * `grinta://<fabric>/<name>`. Errors: InvalidConfig for material that cannot work.
 */
export interface Options extends TlsMaterial.Material, Tenure.Options, Stage.Options {
  /** Material that replaces this one, in order. Sessions that are open keep their flows, and take no new ones. */
  readonly renewals?: Stream.Stream<TlsMaterial.Material>
  /**
   * Binds names to the hosts whose certificates list them: this host exposes no other, and opens no flow to an owner
   * that may not own the name, whatever gossip says. Off by default; on for all hosts of a fabric. See
   * docs/security.md.
   */
  readonly boundNames?: boolean
}

/** TLS of flows, with the identity that the certificate has to name. */
export interface Config extends Options {
  /** Name of the fabric. */
  readonly fabric: string
  /** Name of the host itself. */
  readonly host: string
}

export interface Tls {
  /** Options of a server of connections, beside material. */
  readonly server: tls.TlsOptions
  /** Has a server take the present material, and each that replaces it. */
  readonly supply: (server: TlsContext.Server) => void
  /** Connects to a host, which must prove its name `to`. */
  readonly connect: (address: { readonly host: string; readonly port: number }, to: string) => tls.TLSSocket
  /** Returns the proof that the other side of a connection has given. */
  readonly proofOf: (socket: Pick<tls.TLSSocket, "authorized" | "getPeerX509Certificate">) => Tenure.Proof
  /** Returns why a connection is not to be believed; undefined when it is. */
  readonly doubtOf: (socket: tls.TLSSocket, proof: Tenure.Proof) => string | undefined
  /** Tells whether plaintext is taken and dialled beside TLS. */
  readonly stage: Stage.TlsStage
  /** Ends a session once the certificate that its other side has shown is not valid any more. */
  readonly watch: Tenure.Tenure["watch"]
  /** Whether this host may own a name. */
  readonly mayOwn: (name: string) => boolean
  /** Returns the certificate that this host shows by now. */
  readonly certificate: () => Certificate
}

const protocol = "h2"

/** Time that the other side has to prove itself, in milliseconds. Source: security.md, D-16. */
const handshakeMillis = 5_000

const quoted = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? "no host" : names.map((name) => `"${name}"`).join(" and ")

export const make = Effect.fnUntraced(function* (config: Config): Effect.fn.Return<Tls, NetworkError, Scope.Scope> {
  const { boundNames = false, fabric, renewals = Stream.empty } = config
  let own: Tenure.Own = () => undefined
  const tenure = yield* Tenure.make(config, () => own())
  const stage = yield* Stage.make(config, config.sessionDrain ?? Tenure.defaultDrain)
  const servers = new Set<TlsContext.Server>()
  const held = yield* Renewal.make(config, renewals, ({ supply }) => {
    servers.forEach(supply)
    tenure.renewed()
  })
  own = () => held().revocable
  const doubt = tenure.doubtOf(held().revocable)
  if (doubt !== undefined) {
    const reason = new InvalidConfig({ setting: "tls.revoked", detail: `of this host itself ${doubt}` })
    return yield* new NetworkError({ operation: "listen", reason })
  }
  const hostsOf = (names: string | undefined): ReadonlyArray<string> => Identity.hostsOf(names ?? "", fabric)
  return {
    server: {
      requestCert: true,
      // Node would close the connection without a word to either side: `doubtOf` is asked instead.
      rejectUnauthorized: false,
      ALPNProtocols: [protocol],
      handshakeTimeout: handshakeMillis
    },
    supply: (server) => {
      servers.add(server)
      held().supply(server)
    },
    connect: (address, to) =>
      tls.connect({
        ...address,
        secureContext: held().context,
        rejectUnauthorized: true,
        ALPNProtocols: [protocol],
        // The host is known by its name in the fabric, not by one of DNS.
        servername: "",
        checkServerIdentity: (_, { subjectaltname }) => {
          const hosts = hostsOf(subjectaltname)
          return hosts.includes(to)
            ? undefined
            : new Error(`its certificate is that of ${quoted(hosts)}, not of "${to}"`)
        }
      }),
    proofOf: (socket) => {
      const theirs = socket.getPeerX509Certificate()
      if (theirs === undefined) return { proven: unproven }
      const { subjectAltName = "" } = theirs
      const hosts = hostsOf(subjectAltName)
      // A certificate that is not believed is not followed to its issuers, which may be made to take long.
      const chain = socket.authorized ? TlsMaterial.shownChain(theirs, held().vouching) : [theirs]
      return {
        proven: byCertificate(certificateOf(theirs, Identity.namesOf(subjectAltName)), hosts),
        grants: boundNames ? NameGrants.patternsOf(subjectAltName, fabric) : undefined,
        shown: {
          hosts,
          fingerprints: chain.map(({ fingerprint256 }) => fingerprint256),
          expiresAt: Math.min(...chain.map(({ validToDate }) => validToDate.getTime()))
        }
      }
    },
    doubtOf: (socket, { shown }) => {
      if (shown === undefined) return "NO_CERTIFICATE"
      return socket.authorized ? tenure.doubtOf(shown) : String(socket.authorizationError)
    },
    stage,
    watch: tenure.watch,
    mayOwn: (name) => !boundNames || NameGrants.allow(held().grants, name),
    certificate: () => held().shown
  }
})

/** Returns why a connection speaks no HTTP/2 although it was made; undefined when it does. */
export const unspoken = ({ alpnProtocol }: Pick<tls.TLSSocket, "alpnProtocol">): string | undefined =>
  alpnProtocol === protocol ? undefined : "it speaks TLS, and does not offer HTTP/2 behind it"

/** The host rejects the certificate of this one. */
export class Refused extends Data.TaggedError("Refused")<{ readonly why: string }> {
  override get message() {
    return `it does not believe the certificate of this host (${this.why})`
  }
}

/** Ends a session, and tells its other side why; Node would give no error code with a reason of its own. */
export const refuse = (
  session: http2.Http2Session,
  why: string,
  code: number = http2.constants.NGHTTP2_INADEQUATE_SECURITY
): void => {
  session.goaway(code, 0, Buffer.from(why))
  session.destroy()
}

/** Returns the error of a GOAWAY that ends a session; undefined for one that only retires it. */
export const refusalOf = (code: number, said: Uint8Array | undefined): Error | undefined => {
  if (code === http2.constants.NGHTTP2_NO_ERROR) return undefined
  const why = Buffer.from(said ?? []).toString("latin1", 0, 64)
  if (code === http2.constants.NGHTTP2_INADEQUATE_SECURITY) return new Refused({ why })
  return new Error(why === "" ? `it closed the session with error code ${code}` : why)
}

/** Alerts of a server that rejects the certificate of its client, or asks for one. */
const alerts = /^ERR_SSL_.*ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|DECRYPT_ERROR)/

/** Errors of a peer that speaks no TLS at all. */
const noTls = /^ERR_SSL_(WRONG_VERSION_NUMBER|HTTP_REQUEST|HTTPS_PROXY_REQUEST|PACKET_LENGTH_TOO_LONG)$/

/** Tells for the log why a connection was closed during its handshake. */
export const strangerOf = ({ code, message }: NodeJS.ErrnoException): string =>
  noTls.test(code ?? "")
    ? "it speaks no TLS, as a host without tls (GRINTA_TLS_CERTIFICATE), or one that has a flow port among its seeds (GRINTA_SEEDS)"
    : `TLS: ${code ?? message}`

/** Explains an error of a connection, without the places in OpenSSL of which its text is full. */
export const explain = (cause: unknown): unknown => {
  if (!(cause instanceof Error && "code" in cause && "reason" in cause)) return cause
  const [code, why] = [String(cause.code), String(cause.reason)]
  if (!code.startsWith("ERR_SSL_")) return cause
  if (noTls.test(code))
    return new Error("it speaks no TLS, and this host does: tls (GRINTA_TLS_CERTIFICATE)", { cause })
  return alerts.test(code) ? new Refused({ why }) : new Error(`TLS: ${why}`, { cause })
}
