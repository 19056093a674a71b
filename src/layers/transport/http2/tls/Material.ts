/**
 * Certificates and a key, checked as a whole before anything is done with them: each PEM, the dates, the host that the
 * certificate names, that the key is its key, and that this host would believe itself, as a caller and when it is called.
 *
 * Errors: InvalidConfig, which says what is wrong with which of the three. It repeats nothing of them but the names and dates
 * in the certificate.
 */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { Clock, Effect, Result } from "effect"
import * as Identity from "../../../../protocol/Identity.ts"
import * as NameGrants from "../../../../protocol/NameGrants.ts"
import * as Pem from "../../../../protocol/Pem.ts"
import * as Proof from "../../../../protocol/Proof.ts"
import type * as Revocation from "../../../../protocol/Revocation.ts"
import * as Validity from "../../../../protocol/Validity.ts"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import * as Sealed from "../../../core/Sealed.ts"
import * as TlsContext from "./Context.ts"
import * as Rehearsal from "./Rehearsal.ts"

export type { Material } from "./Context.ts"

/** The host that the material has to be of. */
export interface Owner {
  readonly fabric: string
  readonly host: string
}

/** A certificate that hosts look at when they decide whether to believe this one. */
export interface Link {
  /** For people, such as "the certificate of this host". */
  readonly what: string
  readonly span: Validity.Span
  /** Its dates as OpenSSL writes them. */
  readonly from: string
  readonly until: string
}

/** Material that can work, as Node takes it. */
export interface Credentials extends TlsContext.TlsContext {
  /** The certificate of the host, and those that vouch for it, up to an authority. */
  readonly chain: ReadonlyArray<Link>
  /** Those that may vouch for others: the authorities, and those behind the certificate of the host. */
  readonly vouching: ReadonlyArray<X509Certificate>
  /** As the other side of a session looks it up in its list of revoked ones. */
  readonly revocable: Revocation.Shown
  /** The patterns of the names that the host may own. */
  readonly grants: ReadonlyArray<string>
  /** What is shown of the certificate of the host. */
  readonly shown: Proof.Certificate
}

const variables = {
  "the certificate": "GRINTA_TLS_CERTIFICATE",
  "the key": "GRINTA_TLS_KEY",
  "the authorities": "GRINTA_TLS_AUTHORITIES"
} as const

export type Part = keyof typeof variables

/** Material that cannot work. */
export const invalid = (detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting: "tls", detail }) })

/** What is wrong with a part of it, with the variable that a host may have it from. */
const wrong = (part: Part, detail: string): NetworkError => invalid(`${part} (${variables[part]}) ${detail}`)

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "unknown")

/** Fails with the code of OpenSSL alone: its texts are of no use, and none of them should hold a part of a key. */
const attempt = <A>(part: Part, make: () => A): Effect.Effect<A, NetworkError> =>
  Effect.try({ try: make, catch: (cause) => wrong(part, `cannot be read: ${codeOf(cause)}`) })

const blocks = (part: Part, text: string): Effect.Effect<ReadonlyArray<Pem.Block>, NetworkError> =>
  Effect.mapError(Effect.fromResult(Pem.blocks(text)), (rule) => wrong(part, rule))

const certificates = Effect.fnUntraced(function* (part: Part, text: string) {
  const found = (yield* blocks(part, text)).filter(({ label }) => label.endsWith("CERTIFICATE"))
  const [first, ...rest] = yield* Effect.forEach(found, (block) => attempt(part, () => new X509Certificate(block.text)))
  return first === undefined ? yield* wrong(part, "holds no certificate") : ([first, ...rest] as const)
})

const privateKey = Effect.fnUntraced(function* (text: string) {
  const found = yield* blocks("the key", text)
  const own = found.find(({ label }) => label.endsWith("PRIVATE KEY"))
  if (own === undefined) return yield* wrong("the key", "holds no private key")
  if (own.label === "ENCRYPTED PRIVATE KEY" || own.text.includes("Proc-Type: 4,ENCRYPTED"))
    return yield* wrong("the key", "is encrypted, and there is nowhere to say its password")
  return yield* attempt("the key", () => createPrivateKey(own.text))
})

/** Certificates from one to an authority; a chain is hardly ever longer. */
const chainMax = 16

const linkOf = (what: string, { validFrom, validFromDate, validTo, validToDate }: X509Certificate): Link => ({
  what,
  from: validFrom,
  until: validTo,
  span: { fromMillis: validFromDate.getTime(), untilMillis: validToDate.getTime() }
})

const isIssuer = (subject: X509Certificate, issuer: X509Certificate): boolean =>
  subject.checkIssued(issuer) &&
  Result.getOrElse(
    Result.try(() => subject.verify(issuer.publicKey)),
    () => false
  )

/** A certificate, and what vouches for it. Of two of one authority the later to end, as while one follows the other. */
const chainOf = (own: X509Certificate, others: ReadonlyArray<X509Certificate>): ReadonlyArray<X509Certificate> => {
  const latest = [...others].sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime())
  const chain = [own]
  let last = own
  while (chain.length < chainMax) {
    const issuer = latest.find((other) => other.fingerprint256 !== last.fingerprint256 && isIssuer(last, other))
    if (issuer === undefined) break
    chain.push(issuer)
    last = issuer
  }
  return chain
}

/**
 * The certificate that the other side of a connection has shown and that is believed, and what vouches for it. Of a server it
 * is what was sent; of a client Node shows the first certificate alone, so what vouches for that has to be known here.
 */
export const shownChain = (
  theirs: X509Certificate,
  vouching: ReadonlyArray<X509Certificate>
): ReadonlyArray<X509Certificate> => {
  const sent: Array<X509Certificate> = []
  for (let at = theirs.issuerCertificate; at !== undefined && sent.length < chainMax; at = at.issuerCertificate)
    sent.push(at)
  return chainOf(theirs, [...sent, ...vouching])
}

/** Whether it is good now; what is wrong with its dates. */
const datesOf = ({ from, span, until }: Link, nowMillis: number): string | undefined => {
  const standing = Validity.standing(span, nowMillis)
  if (standing === "early") return `is not valid before ${from}`
  return standing === "over" ? `has expired: it was valid until ${until}` : undefined
}

/** What can be known of material without a handshake, and what is needed for one. */
const read = Effect.fnUntraced(function* (
  { authorities, certificate, key }: TlsContext.Material,
  { fabric, host }: Owner
) {
  const [own, ...between] = yield* certificates("the certificate", certificate)
  const believed = yield* certificates("the authorities", authorities)
  const secret = yield* privateKey(Sealed.open(key))
  if (!own.checkPrivateKey(secret)) return yield* wrong("the key", "is that of another certificate")
  const { subjectAltName = "nothing" } = own
  const hosts = Identity.hostsOf(subjectAltName, fabric)
  if (!hosts.includes(host)) {
    const uri = Identity.uriOf(fabric, host)
    return yield* wrong("the certificate", `must name this host by URI:${uri}, and it names ${subjectAltName}`)
  }
  const odd = NameGrants.malformed(subjectAltName, fabric)
  if (odd !== undefined)
    return yield* wrong("the certificate", `grants "${odd.pattern}", which ${odd.rule}; a prefix ends in ".*"`)
  const grants = NameGrants.patternsOf(subjectAltName, fabric)
  const shown = Proof.certificateOf(own, Identity.namesOf(subjectAltName))
  const vouching = [...between, ...believed]
  const all = chainOf(own, vouching)
  const revocable = { hosts, fingerprints: all.map(({ fingerprint256 }) => fingerprint256) }
  const chain = all.map((link, at) =>
    linkOf(at === 0 ? "the certificate of this host" : "a certificate that vouches for that of this host", link)
  )
  return { grants, shown, chain, revocable, vouching }
})

export const check = Effect.fnUntraced(function* (
  material: TlsContext.Material,
  owner: Owner
): Effect.fn.Return<Credentials, NetworkError> {
  const { chain, grants, revocable, shown, vouching } = yield* read(material, owner)
  const now = yield* Clock.currentTimeMillis
  for (const link of chain) {
    const dates = datesOf(link, now)
    if (dates !== undefined) return yield* wrong("the certificate", `cannot be believed: ${link.what} ${dates}`)
  }
  const made = yield* attempt("the certificate", () => TlsContext.make(material))
  const doubt = yield* Rehearsal.doubtOf(made)
  if (doubt !== undefined)
    return yield* wrong(
      "the certificate",
      `is not believed by the authorities of this host (${variables["the authorities"]}): ${doubt}`
    )
  return { ...made, chain, grants, revocable, shown, vouching }
})
