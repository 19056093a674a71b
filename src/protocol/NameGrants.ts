/**
 * Name grants: the endpoint names that a certificate lets its host own, one alternative name (a URI) per pattern.
 *
 * Shape: `grinta-names://<fabric>/<pattern>`, the fabric percent-encoded. A pattern is a name, a prefix that ends in
 * `.*` and covers all names that continue after that dot, or `*` alone, which covers every name.
 */
import { Result } from "effect"
import * as Identity from "./Identity.ts"
import * as Name from "./Name.ts"

/** Returns the URI of a grant; undefined when the fabric holds a lone surrogate, which no URI can encode. */
export const uriOf = (fabric: string, pattern: string): string | undefined =>
  Result.getOrUndefined(Result.try(() => `grinta-names://${encodeURIComponent(fabric)}/${pattern}`))

const everything = "*"
const below = ".*"

/** Returns why a text is no valid pattern, for people; undefined when it is valid. */
export const violation = (pattern: string): string | undefined => {
  if (pattern === everything) return undefined
  return Name.violation(pattern.endsWith(below) ? pattern.slice(0, -below.length) : pattern)
}

/** Returns the grants for a fabric among the alternative names, valid patterns or not. */
const said = (alternativeNames: string, fabric: string): ReadonlyArray<string> => {
  const prefix = uriOf(fabric, "")
  if (prefix === undefined) return []
  const uris = Identity.urisOf(alternativeNames).filter((uri) => uri.startsWith(prefix))
  return uris.map((uri) => uri.slice(prefix.length))
}

/** Returns the valid patterns that a certificate grants in a fabric. */
export const patternsOf = (alternativeNames: string, fabric: string): ReadonlyArray<string> =>
  said(alternativeNames, fabric).filter((pattern) => violation(pattern) === undefined)

/** Returns the first invalid pattern for a fabric, and the rule it breaks; undefined when all are valid. */
export const malformed = (
  alternativeNames: string,
  fabric: string
): { readonly pattern: string; readonly rule: string } | undefined => {
  for (const pattern of said(alternativeNames, fabric)) {
    const rule = violation(pattern)
    if (rule !== undefined) return { pattern, rule }
  }
  return undefined
}

const covers = (pattern: string, name: string): boolean =>
  pattern === everything ||
  pattern === name ||
  (pattern.endsWith(below) && name.startsWith(pattern.slice(0, -1)) && name.length >= pattern.length)

/**
 * Returns true when a pattern covers the name. The names of `Name.isOfHosts` need no grant: each host serves them for
 * itself alone, under the identity in its certificate.
 */
export const allow = (patterns: ReadonlyArray<string>, name: string): boolean =>
  Name.isOfHosts(name) || patterns.some((pattern) => covers(pattern, name))

/** Returns the patterns that no later pattern covers. */
export const lost = (patterns: ReadonlyArray<string>, later: ReadonlyArray<string>): ReadonlyArray<string> =>
  patterns.filter((pattern) => !later.includes(everything) && !later.some((other) => covers(other, pattern)))
