/**
 * Host identity in a certificate: a URI among the subject alternative names.
 *
 * Shape: `grinta://<fabric>/<host>`, both percent-encoded.
 * Source: security.md, D-2.
 */
import { Option, Result } from "effect"
import * as Name from "./Name.ts"

/** Returns the identity URI of a host; undefined when a name holds a lone surrogate, which no URI can encode. */
export const uriOf = (fabric: string, host: string): string | undefined =>
  Result.getOrUndefined(Result.try(() => `grinta://${encodeURIComponent(fabric)}/${encodeURIComponent(host)}`))

/** Matches one alternative name with its kind. Node puts a value that is ambiguous into quotes, as JSON does. */
const entry = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/gy

const valueOf = (text: string): string | undefined =>
  text.startsWith('"') ? Result.getOrUndefined(Result.try((): string => JSON.parse(text))) : text

/** URIs and DNS names among the alternative names of a certificate, spelt as in the certificate. */
export interface Names {
  readonly uris: ReadonlyArray<string>
  readonly dnsNames: ReadonlyArray<string>
}

const noNames: Names = { uris: [], dnsNames: [] }

/** Parses the `subjectAltName` text of Node. Returns no names when any part of the text does not parse. */
export const namesOf = (alternativeNames: string): Names => {
  const uris: Array<string> = []
  const dnsNames: Array<string> = []
  let end = 0
  for (const match of alternativeNames.matchAll(entry)) {
    end = match.index + match[0].length
    const names = match[1] === "URI" ? uris : match[1] === "DNS" ? dnsNames : undefined
    const value = names === undefined ? undefined : valueOf(match[2] ?? "")
    if (value !== undefined) names?.push(value)
  }
  return end === alternativeNames.length ? { uris, dnsNames } : noNames
}

/** Returns the URIs among the alternative names. */
export const urisOf = (alternativeNames: string): ReadonlyArray<string> => namesOf(alternativeNames).uris

/** Returns the ids of the hosts of a fabric that a certificate names; an invalid host name is left out. */
export const hostsOf = (alternativeNames: string, fabric: string): ReadonlyArray<string> => {
  const prefix = uriOf(fabric, "")
  if (prefix === undefined) return []
  const hosts: Array<string> = []
  for (const value of urisOf(alternativeNames)) {
    if (!value.startsWith(prefix)) continue
    const host = Result.getSuccess(Result.try(() => decodeURIComponent(value.slice(prefix.length))))
    // Only the canonical spelling counts, so that two certificates for one host look alike.
    if (Option.isSome(host) && uriOf(fabric, host.value) === value && Name.violation(host.value) === undefined)
      hosts.push(host.value)
  }
  return hosts
}
