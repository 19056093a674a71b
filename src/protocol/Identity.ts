/**
 * The name of a host in its certificate: a URI among its alternative names.
 *
 * Shape: `grinta://<fabric>/<host>`, both percent-encoded.
 * Source: faults.md, D-2.
 */
import { Option, Result } from "effect"
import * as Name from "./Name.ts"

/** Undefined for what no URI can say: half a character. */
export const uriOf = (fabric: string, host: string): string | undefined =>
  Result.getOrUndefined(Result.try(() => `grinta://${encodeURIComponent(fabric)}/${encodeURIComponent(host)}`))

/** One name with its kind. A value that could be taken for more than one name is in quotes, as in JSON. */
const entry = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/gy

const valueOf = (text: string): string | undefined =>
  text.startsWith('"') ? Result.getOrUndefined(Result.try((): string => JSON.parse(text))) : text

/** The names of two kinds in a certificate, as they are spelt there. */
export interface Names {
  readonly uris: ReadonlyArray<string>
  readonly dnsNames: ReadonlyArray<string>
}

const noNames: Names = { uris: [], dnsNames: [] }

/** The alternative names of a certificate, from how Node writes them. None when any of it is not understood. */
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

/** The URIs among them. */
export const urisOf = (alternativeNames: string): ReadonlyArray<string> => namesOf(alternativeNames).uris

/** The hosts of a fabric that a certificate names, from its alternative names. What no host can be called is none. */
export const hostsOf = (alternativeNames: string, fabric: string): ReadonlyArray<string> => {
  const prefix = uriOf(fabric, "")
  if (prefix === undefined) return []
  const hosts: Array<string> = []
  for (const value of urisOf(alternativeNames)) {
    if (!value.startsWith(prefix)) continue
    const host = Result.getSuccess(Result.try(() => decodeURIComponent(value.slice(prefix.length))))
    // Spelt in one way only, so that two certificates for one host look alike.
    if (Option.isSome(host) && uriOf(fabric, host.value) === value && Name.violation(host.value) === undefined)
      hosts.push(host.value)
  }
  return hosts
}
