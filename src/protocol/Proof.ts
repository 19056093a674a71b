/**
 * Proof: the identities that the other side of a connection has proven, and the certificate that a program is shown.
 *
 * A certificate is signed by a trusted authority, yet its text is foreign: the fields shown are printable and bounded,
 * and a name in a non-canonical spelling is left out, so that no two spellings pass for one name.
 */
import { Array as Arrays } from "effect"
import * as Foreign from "./Foreign.ts"
import type { Names } from "./Identity.ts"

/** Certificate, as far as programs are shown it. */
export interface Certificate {
  /** Subject, for people: it may claim any name, so no rule compares it. */
  readonly subject: string
  /**
   * URIs among its alternative names, at most 64. Left out: names above 255 characters, names beyond ASCII, and
   * non-canonical spellings (needless percent-encoding, "." and ".." as steps).
   */
  readonly uris: ReadonlyArray<string>
  /** DNS names among its alternative names, in lower case, at most 64. Left out: names above 255 characters. */
  readonly dnsNames: ReadonlyArray<string>
  /** SHA-256 of the whole certificate, in 64 hex digits. */
  readonly fingerprint: string
}

/** No identity: the connection has no TLS. */
export interface Nothing {
  /** Nothing was proven: anybody may be at the other side. */
  readonly _tag: "Nothing"
}

/** Host of the fabric. */
export interface ProvenHost {
  /** A host was proven. */
  readonly _tag: "Host"
  /** Id of the host. */
  readonly id: string
  /** Certificate that names it; undefined within one process, where no network can lie. */
  readonly certificate: Certificate | undefined
}

/** Client outside the fabric: its certificate names no host of the fabric. */
export interface Client {
  /** A certificate was proven, and no host. */
  readonly _tag: "Client"
  /** Certificate of the client. */
  readonly certificate: Certificate
}

/** Identity that the other side of a flow has proven. */
export type Identity = Nothing | ProvenHost | Client

/** Proof of a connection, shared by all flows on it. */
export interface Proof {
  /** Hosts as which the other side may open flows. */
  readonly hosts: ReadonlyArray<ProvenHost>
  /** Identity of a caller that names no host: the first host, or the client. Undefined: it may open no flow. */
  readonly otherwise: Identity | undefined
}

export const nothing: Nothing = { _tag: "Nothing" }

/** Proof of a peer that had to show a certificate and has shown none: it may open no flow. */
export const unproven: Proof = { hosts: [], otherwise: undefined }

/** Returns the proof of a certificate that names these hosts. */
export const byCertificate = (certificate: Certificate, named: ReadonlyArray<string>): Proof => {
  const hosts = named.map((id): ProvenHost => ({ _tag: "Host", id, certificate }))
  return { hosts, otherwise: hosts[0] ?? { _tag: "Client", certificate } }
}

/** Returns the proof of a host of this process, which knows its hosts and the certificates they show to others. */
export const byPlace = (id: string, certificate?: Certificate): Proof => {
  const host: ProvenHost = { _tag: "Host", id, certificate }
  return { hosts: [host], otherwise: host }
}

/** Returns the identity of a caller that claims the host `id` ("" for none); undefined when the claim is not proven. */
export const identityOf = (proof: Proof | undefined, id: string): Identity | undefined => {
  if (proof === undefined) return nothing
  return id === "" ? proof.otherwise : proof.hosts.find((host) => host.id === id)
}

const namesMax = 64
const nameLengthMax = 255
const subjectLengthMax = 256

const uri = /^[a-z][a-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-F]{2})+$/

/** Matches percent-encoding of a character that needs none (letters, digits, "-", ".", "_", "~") or of a control. */
const needless = /%(?:2D|2E|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E|[01][0-9A-F]|7F)/

const steps = /(?:^|\/)\.{1,2}(?:[/?#]|$)/

/** Returns true for a URI in its canonical spelling, the only one that is compared. */
export const isPlainUri = (text: string): boolean =>
  text.length <= nameLengthMax && uri.test(text) && !needless.test(text) && !steps.test(text)

const dnsName = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/

/** Returns true for a lower-case DNS name without a wildcard. */
export const isPlainDnsName = (text: string): boolean => text.length <= nameLengthMax && dnsName.test(text)

/** Returns true for a DNS name, or a wildcard such as `*.example.org`. */
const isDnsName = (text: string): boolean => isPlainDnsName(text.startsWith("*.") ? text.slice(2) : text)

/** Returns the printable, bounded view of a certificate as Node describes it. */
export const certificateOf = (
  { fingerprint256, subject }: { readonly fingerprint256: string; readonly subject: string | undefined },
  names: Names
): Certificate => ({
  subject: Foreign.text((subject ?? "").replaceAll("\n", ", "), subjectLengthMax),
  uris: Arrays.take(names.uris.filter(isPlainUri), namesMax),
  dnsNames: Arrays.take(names.dnsNames.map((name) => name.toLowerCase()).filter(isDnsName), namesMax),
  fingerprint: fingerprint256.replaceAll(":", "").toLowerCase()
})
