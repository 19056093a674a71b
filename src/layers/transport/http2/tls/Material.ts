/**
 * Material: checks certificates and a key as a whole before they are used: each PEM, the dates, the host that the
 * certificate names, that the key is its key, and that this host would believe itself, as a caller and when it is
 * called.
 *
 * Errors: InvalidConfig, which tells the fault and the part, and repeats only names and dates in certificates.
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

/** Host that the material has to be of. */
export interface Owner {
  readonly fabric: string
  readonly host: string
}

/** Certificate of the chain that other hosts check to believe this one. */
export interface Link {
  /** Description for people, such as "the certificate of this host". */
  readonly what: string
  readonly span: Validity.Span
  /** Dates as OpenSSL writes them. */
  readonly from: string
  readonly until: string
}

/** Checked material, as Node takes it. */
export interface Credentials extends TlsContext.TlsContext {
  /** Certificates from that of the host up to an authority, each followed by one that vouches for it. */
  readonly chain: ReadonlyArray<Link>
  /** Certificates that may vouch for others: the authorities, and those behind the certificate of the host. */
  readonly vouching: ReadonlyArray<X509Certificate>
  /** Facts by which the other side of a session looks the certificate up in its list of revoked ones. */
  readonly revocable: Revocation.Shown
  /** Patterns of the names that the host may own. */
  readonly grants: ReadonlyArray<string>
  /** Certificate of the host as it is shown to others. */
  readonly shown: Proof.Certificate
}

const variables = {
  "the certificate": "GRINTA_TLS_CERTIFICATE",
  "the key": "GRINTA_TLS_KEY",
  "the authorities": "GRINTA_TLS_AUTHORITIES"
} as const

export type Part = keyof typeof variables

/** Makes the error of material that cannot work. */
export const invalid = (detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting: "tls", detail }) })

/** Makes the error of one part, with the variable that may hold it. */
const wrong = (part: Part, detail: string): NetworkError => invalid(`${part} (${variables[part]}) ${detail}`)

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "unknown")

/** Runs a parser. Fails with the code of OpenSSL alone: its texts are of no use, and none may hold a part of a key. */
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

/** Bounds the certificates from one to an authority; a chain is hardly ever longer. */
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

/** Returns a certificate and its issuers. Of two of one authority the later to end, as while one follows the other. */
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
 * Returns the chain of the believed certificate of the other side. A server sends its chain; of a client Node shows the
 * first certificate alone, so its issuers have to be among `vouching`.
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

/** Returns the fault of a certificate's dates; undefined when it is valid now. */
const datesOf = ({ from, span, until }: Link, nowMillis: number): string | undefined => {
  const standing = Validity.standing(span, nowMillis)
  if (standing === "early") return `is not valid before ${from}`
  return standing === "over" ? `has expired: it was valid until ${until}` : undefined
}

/** Checks material as far as that goes without a handshake, and returns its parts. */
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
