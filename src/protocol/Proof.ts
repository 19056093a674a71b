/**
 * What the other side of a connection has proven of itself, and what of that a program is shown.
 *
 * A certificate is signed by an authority that this side believes, and its text is still foreign: what is shown of it is
 * printable and bounded, and a name that is spelt oddly is left out, so that no two spellings pass for one name.
 */
import { Array as Arrays } from "effect"
import * as Foreign from "./Foreign.ts"
import type { Names } from "./Identity.ts"

/** What is shown of a certificate. */
export interface Certificate {
  /** Its subject, for people: anybody may be called anything there, so no rule looks at it. */
  readonly subject: string
  /**
   * The URIs and the names of DNS among its alternative names, at most 64 of each, the latter in lower case. Left out is what is
   * longer than 255 characters, not ASCII, or spelt in more than one way: with needless percents, or with "." and ".." as steps.
   */
  readonly uris: ReadonlyArray<string>
  readonly dnsNames: ReadonlyArray<string>
  /** SHA-256 of the whole certificate, in 64 hex digits. */
  readonly fingerprint: string
}

/** Nothing was proven: the connection has no TLS. */
export interface Nothing {
  readonly _tag: "Nothing"
}

/** A host of the fabric. Without a certificate where there is no network to lie: in one process. */
export interface ProvenHost {
  readonly _tag: "Host"
  readonly id: string
  readonly certificate: Certificate | undefined
}

/** A caller from outside the fabric: its certificate names no host of it. */
export interface Client {
  readonly _tag: "Client"
  readonly certificate: Certificate
}

/** Who the other side of a flow has proven to be. */
export type Identity = Nothing | ProvenHost | Client

/** What was proven on a connection, once for all flows on it. */
export interface Proof {
  /** The hosts as which the other side may speak. */
  readonly hosts: ReadonlyArray<ProvenHost>
  /** What it is when it does not say as which of them: the first. Undefined when it may not speak at all. */
  readonly otherwise: Identity | undefined
}

export const nothing: Nothing = { _tag: "Nothing" }

/** What is proven where nobody has shown a certificate that should have: to be nobody, who is let in nowhere. */
export const unproven: Proof = { hosts: [], otherwise: undefined }

/** Proof by a certificate that names these hosts. */
export const byCertificate = (certificate: Certificate, named: ReadonlyArray<string>): Proof => {
  const hosts = named.map((id): ProvenHost => ({ _tag: "Host", id, certificate }))
  return { hosts, otherwise: hosts[0] ?? { _tag: "Client", certificate } }
}

/** Proof by the place: the process knows its own hosts, and the certificates that they show to others. */
export const byPlace = (id: string, certificate?: Certificate): Proof => {
  const host: ProvenHost = { _tag: "Host", id, certificate }
  return { hosts: [host], otherwise: host }
}

/** Who somebody is that says to be this host, or none when empty; undefined when it is not the host that it says. */
export const identityOf = (proof: Proof | undefined, id: string): Identity | undefined => {
  if (proof === undefined) return nothing
  return id === "" ? proof.otherwise : proof.hosts.find((host) => host.id === id)
}

const namesMax = 64
const nameLengthMax = 255
const subjectLengthMax = 256

const uri = /^[a-z][a-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-F]{2})+$/

/** Percents for what needs none, and for what no name should hold: letters, digits, "-", ".", "_", "~", and controls. */
const needless = /%(?:2D|2E|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E|[01][0-9A-F]|7F)/

const steps = /(?:^|\/)\.{1,2}(?:[/?#]|$)/

/** Whether a URI is spelt in the one way in which it is compared. */
export const isPlainUri = (text: string): boolean =>
  text.length <= nameLengthMax && uri.test(text) && !needless.test(text) && !steps.test(text)

const dnsName = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/

/** Whether a text in lower case is a name of DNS, and not a pattern of some. */
export const isPlainDnsName = (text: string): boolean => text.length <= nameLengthMax && dnsName.test(text)

/** Whether it is one, or all names below one: `*.example.org`. */
const isDnsName = (text: string): boolean => isPlainDnsName(text.startsWith("*.") ? text.slice(2) : text)

/** What is shown of a certificate, from what Node says of it. */
export const certificateOf = (
  { fingerprint256, subject }: { readonly fingerprint256: string; readonly subject: string | undefined },
  names: Names
): Certificate => ({
  subject: Foreign.text((subject ?? "").replaceAll("\n", ", "), subjectLengthMax),
  uris: Arrays.take(names.uris.filter(isPlainUri), namesMax),
  dnsNames: Arrays.take(names.dnsNames.map((name) => name.toLowerCase()).filter(isDnsName), namesMax),
  fingerprint: fingerprint256.replaceAll(":", "").toLowerCase()
})
