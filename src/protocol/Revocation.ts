/**
 * Revocation list: certificates to refuse although they are signed and in date.
 *
 * Shape, as text: one entry a line, `certificate <SHA-256 fingerprint>` in hex, with or without colons, or `host <id>`
 * for every certificate that names that host. A fingerprint may carry the prefix that `openssl x509 -fingerprint
 * -sha256` prints. Empty lines and comments after "#" are ignored. The last line must end with a newline, so that half
 * a file is not taken for a whole one; an empty file is refused as unfinished, and one empty line revokes nothing.
 */
import { Predicate, Result } from "effect"
import * as Name from "./Name.ts"

/** Certificates that are rejected. Errors: InvalidConfig for an entry that is no fingerprint, or no name of a host. */
export interface Revocation {
  /** SHA-256 of whole certificates, in 64 hex digits, with or without colons. */
  readonly certificates: ReadonlyArray<string>
  /** Ids of hosts, whose certificates are all rejected. */
  readonly hosts: ReadonlyArray<string>
}

export const none: Revocation = { certificates: [], hosts: [] }

const digits = /^[0-9A-F]{64}$/

/** Normalizes a fingerprint for comparison: upper case, no colons. */
export const fingerprintOf = (text: string): string => text.replaceAll(":", "").toUpperCase()

const entry = /^(certificate|host)[ \t]+(?:sha256 Fingerprint=(?=[0-9A-F:]+$))?(\S+)$/i

const certificateViolation = (text: string): string | undefined =>
  digits.test(fingerprintOf(text)) ? undefined : "is no SHA-256 fingerprint of 64 hex digits"

/** Checks the shape of a list from a program without types. */
const isList = (list: unknown): list is { readonly [Part in keyof Revocation]: ReadonlyArray<unknown> } =>
  Predicate.hasProperty(list, "certificates") &&
  Array.isArray(list.certificates) &&
  Predicate.hasProperty(list, "hosts") &&
  Array.isArray(list.hosts)

/** Returns why a list is invalid; undefined when it is valid. Tells the position, not the value: it may be secret. */
export const violation = (list: unknown): string | undefined => {
  if (!isList(list)) return "it is no { certificates, hosts }, each of them a list"
  for (const [what, all, rule] of [
    ["certificates", list.certificates, certificateViolation],
    ["hosts", list.hosts, Name.violation]
  ] as const)
    for (const [index, text] of all.entries()) {
      const wrong = typeof text === "string" ? rule(text) : "is no text"
      if (wrong !== undefined) return `${what}[${index}] ${wrong}`
    }
  return undefined
}

/** Parses a list. Errors: a sentence that names the line. */
export const parse = (text: string): Result.Result<Revocation, string> => {
  if (text === "")
    return Result.fail('it is empty, as if it were not written yet: a list that revokes nothing has a line "#"')
  if (!text.endsWith("\n")) return Result.fail("its last line does not end, so it may not be whole")
  const certificates: Array<string> = []
  const hosts: Array<string> = []
  for (const [index, line] of text.split("\n").entries()) {
    const said = line.replace(/(?:^|\s)#.*$/, "").trim()
    if (said === "") continue
    const [, word, value] = entry.exec(said) ?? []
    const kind = word?.toLowerCase()
    if (kind === undefined || value === undefined)
      return Result.fail(`line ${index + 1} is neither "certificate <fingerprint>" nor "host <id>"`)
    const rule = kind === "host" ? Name.violation(value) : certificateViolation(value)
    if (rule !== undefined) return Result.fail(`line ${index + 1}: the ${kind} ${rule}`)
    if (kind === "host") hosts.push(value)
    else certificates.push(value)
  }
  return Result.succeed({ certificates, hosts })
}

/** Certificate that a peer shows, with the chain that vouches for it. */
export interface Shown {
  /** SHA-256 as Node writes it: the certificate first, then its issuers. */
  readonly fingerprints: ReadonlyArray<string>
  /** Hosts of the fabric that the certificate names. */
  readonly hosts: ReadonlyArray<string>
}

/** Revocation list, indexed for look-up. */
export interface Lookup {
  readonly certificates: ReadonlySet<string>
  readonly hosts: ReadonlySet<string>
}

export const lookup = ({ certificates, hosts }: Revocation): Lookup => ({
  certificates: new Set(certificates.map(fingerprintOf)),
  hosts: new Set(hosts)
})

/** Returns what the list revokes of a certificate, for people; undefined when it revokes nothing. */
export const revokedOf = ({ certificates, hosts }: Lookup, shown: Shown): string | undefined => {
  const revoked = shown.fingerprints.findIndex((fingerprint) => certificates.has(fingerprintOf(fingerprint)))
  if (revoked === 0) return "its certificate is revoked"
  if (revoked > 0) return "a certificate that vouches for its own is revoked"
  const host = shown.hosts.find((id) => hosts.has(id))
  return host === undefined ? undefined : `host "${host}" is revoked`
}
