/**
 * Certificates that count no more though their authority has signed them and their time is not over.
 *
 * Shape, as text: a line for each, `certificate <SHA-256 fingerprint>` in hex, with colons or without, or `host <id>` for
 * whatever certificate names that host. The fingerprint may have in front what `openssl x509 -fingerprint -sha256` prints there.
 * Empty lines, and what is behind a "#", say nothing. The last line ends like all others, so that half a file is not taken for a
 * whole one; a file with nothing in it is none that was written to its end, and one with an empty line revokes nothing.
 */
import { Predicate, Result } from "effect"
import * as Name from "./Name.ts"

export interface Revocation {
  /** SHA-256 of whole certificates, in 64 hex digits. */
  readonly certificates: ReadonlyArray<string>
  /** Ids of hosts. */
  readonly hosts: ReadonlyArray<string>
}

export const none: Revocation = { certificates: [], hosts: [] }

const digits = /^[0-9A-F]{64}$/

/** A fingerprint in the one form in which it is compared. */
export const fingerprintOf = (text: string): string => text.replaceAll(":", "").toUpperCase()

const entry = /^(certificate|host)[ \t]+(?:sha256 Fingerprint=(?=[0-9A-F:]+$))?(\S+)$/i

const certificateViolation = (text: string): string | undefined =>
  digits.test(fingerprintOf(text)) ? undefined : "is no SHA-256 fingerprint of 64 hex digits"

/** Whether something has the shape of a list, as nobody has said in a program without types. */
const isList = (list: unknown): list is { readonly [Part in keyof Revocation]: ReadonlyArray<unknown> } =>
  Predicate.hasProperty(list, "certificates") &&
  Array.isArray(list.certificates) &&
  Predicate.hasProperty(list, "hosts") &&
  Array.isArray(list.hosts)

/** Why a list cannot be used, for people, who are told where and not what: it may be a secret. Undefined when it can. */
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

/** Reads a list. Errors: a sentence that names the line. */
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

/** A certificate that is shown. */
export interface Shown {
  /** SHA-256 as Node writes it: its own, and those of the certificates that vouch for it. */
  readonly fingerprints: ReadonlyArray<string>
  /** The hosts of the fabric that it names. */
  readonly hosts: ReadonlyArray<string>
}

/** Lists as they are looked up. */
export interface Lookup {
  readonly certificates: ReadonlySet<string>
  readonly hosts: ReadonlySet<string>
}

export const lookup = ({ certificates, hosts }: Revocation): Lookup => ({
  certificates: new Set(certificates.map(fingerprintOf)),
  hosts: new Set(hosts)
})

/** What of a certificate is revoked, for people; undefined when nothing is. */
export const revokedOf = ({ certificates, hosts }: Lookup, shown: Shown): string | undefined => {
  const revoked = shown.fingerprints.findIndex((fingerprint) => certificates.has(fingerprintOf(fingerprint)))
  if (revoked === 0) return "its certificate is revoked"
  if (revoked > 0) return "a certificate that vouches for its own is revoked"
  const host = shown.hosts.find((id) => hosts.has(id))
  return host === undefined ? undefined : `host "${host}" is revoked`
}
