/**
 * The endpoint names that a certificate lets its host own: further URIs among its alternative names, one for each pattern.
 *
 * Shape: `grinta-names://<fabric>/<pattern>`, the fabric percent-encoded. A pattern is a name, or a prefix that ends in `.*`,
 * which stands for all names that go on after that dot, or `*` alone, which stands for every name.
 */
import { Result } from "effect"
import * as Identity from "./Identity.ts"
import * as Name from "./Name.ts"

/** Undefined for a fabric that no URI can say: half a character. */
export const uriOf = (fabric: string, pattern: string): string | undefined =>
  Result.getOrUndefined(Result.try(() => `grinta-names://${encodeURIComponent(fabric)}/${pattern}`))

const everything = "*"
const below = ".*"

/** Why a text is no pattern, for people; undefined when it is one. */
export const violation = (pattern: string): string | undefined => {
  if (pattern === everything) return undefined
  return Name.violation(pattern.endsWith(below) ? pattern.slice(0, -below.length) : pattern)
}

/** What a certificate says of this fabric, from its alternative names as Node writes them, patterns or not. */
const said = (alternativeNames: string, fabric: string): ReadonlyArray<string> => {
  const prefix = uriOf(fabric, "")
  if (prefix === undefined) return []
  const uris = Identity.urisOf(alternativeNames).filter((uri) => uri.startsWith(prefix))
  return uris.map((uri) => uri.slice(prefix.length))
}

/** The patterns of a certificate for this fabric. Whatever is none grants nothing. */
export const patternsOf = (alternativeNames: string, fabric: string): ReadonlyArray<string> =>
  said(alternativeNames, fabric).filter((pattern) => violation(pattern) === undefined)

/** What a certificate has in place of a pattern, and why it is none; undefined when there is nothing wrong. */
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
 * Whether one of the patterns stands for this name. A name of hosts needs none: each host has it, and answers for itself alone, as
 * the host that its certificate names.
 */
export const allow = (patterns: ReadonlyArray<string>, name: string): boolean =>
  Name.isOfHosts(name) || patterns.some((pattern) => covers(pattern, name))

/** The patterns that stand for a name for which none of the later ones does. */
export const lost = (patterns: ReadonlyArray<string>, later: ReadonlyArray<string>): ReadonlyArray<string> =>
  patterns.filter((pattern) => !later.includes(everything) && !later.some((other) => covers(other, pattern)))
