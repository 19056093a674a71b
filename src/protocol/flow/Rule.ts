/**
 * Access rules of an endpoint, as data: parsed once, then evaluated for each flow.
 *
 * A rule lists facts that must be proven. All of its fields have to match, and one of several rules. Without proof no
 * rule matches, and none does for a flow that another host has passed on: `relayed` is reserved for those.
 *
 * Errors: `Wrong` for a rule that could never match, or that says nothing.
 */
import { Predicate, Result } from "effect"
import * as Name from "../Name.ts"
import { type Identity, isPlainDnsName, isPlainUri } from "../Proof.ts"

/**
 * Access rule: facts that a caller must have proven, all of those given. Without TLS nothing is proven, and no rule
 * matches.
 * Bounds: 1,024 entries of a list, 64 rules of an endpoint. Errors: InvalidConfig for a rule that could never match, or
 * is empty.
 */
export interface Rule {
  /** Host ids: exact, or with a prefix such as `web.*`. */
  readonly hosts?: ReadonlyArray<string>
  /** Localities announced by the host: exact, or all below a prefix such as `eu/fra/*`. */
  readonly localities?: ReadonlyArray<string>
  /** Tags of the host, all of them required, each with this value or one of these. */
  readonly tags?: Readonly<Record<string, string | ReadonlyArray<string>>>
  /**
   * URIs or DNS names in the certificate, one of which has to match: exact, or with a prefix such as
   * `spiffe://shop/web/*`, `grinta://shop/web.*` or `probe.*`.
   */
  readonly certificates?: ReadonlyArray<string>
  /** Reserved for flows that a host has passed on; they match no rule yet. */
  readonly relayed?: never
}

/** Error of a rule: the path of the part that is wrong, and why. */
export interface Wrong {
  readonly at: string
  readonly detail: string
}

/** Locality and tags of a proven host, as membership shows them. */
export interface Shown {
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
}

interface Pattern {
  readonly exact: ReadonlySet<string>
  readonly prefixes: ReadonlyArray<string>
}

/** Parsed rule. */
interface Matcher {
  readonly hosts: Pattern | undefined
  readonly localities: Pattern | undefined
  readonly tags: ReadonlyMap<string, ReadonlySet<string>> | undefined
  readonly certificates: Pattern | undefined
}

export type Rules =
  | { readonly _tag: "Members" }
  | { readonly _tag: "Anyone" }
  | { readonly _tag: "Rules"; readonly rules: ReadonlyArray<Matcher> }

/** Every proven host of the fabric; without TLS, where nobody can prove anything, every caller. */
export const members: Rules = { _tag: "Members" }

/** Every caller that the port lets in, clients from outside too. */
export const anyone: Rules = { _tag: "Anyone" }

/** Rules of one endpoint, and entries in one field of a rule. */
export const rulesMax = 64
export const listedMax = 1024

const textLengthMax = 512

type Read<A> = Result.Result<A, Wrong>

const wrong = (at: string, detail: string): Result.Result<never, Wrong> => Result.fail({ at, detail })

/** Checks an entry, or its text before a final star. Returns what is wrong; undefined when it is valid. */
type Check = (text: string, isPrefix: boolean) => string | undefined

const host: Check = (text, isPrefix) => {
  if (!isPrefix) return Name.violation(text)
  return text.endsWith(".") ? Name.violation(text.slice(0, -1)) : 'has a star that does not follow a "."'
}

const locality: Check = (text, isPrefix) => {
  if (isPrefix && !text.endsWith("/")) return 'has a star that does not follow a "/"'
  return text.length === 0 || text === "/" ? "says no place" : undefined
}

const schemeAlone = /^[^:]*:\/*$/

const certificate: Check = (text, isPrefix) => {
  if (!text.includes(":")) {
    if (isPrefix && !text.endsWith(".")) return 'has a star that does not follow a "."'
    return isPlainDnsName((isPrefix ? text.slice(0, -1) : text).toLowerCase()) ? undefined : "is no name of DNS"
  }
  if (isPrefix && !/[./]$/.test(text)) return 'has a star that does not follow a "." or "/"'
  // A prefix is a valid URI only with some text in place of the star.
  if (schemeAlone.test(text) || !isPlainUri(isPrefix ? `${text}x` : text)) return "is no URI that a rule can compare"
  return undefined
}

const read = (text: unknown, at: string, check: Check): Read<string> => {
  if (!Predicate.isString(text)) return wrong(at, "is no text")
  if (text.length > textLengthMax) return wrong(at, `is longer than ${textLengthMax} characters`)
  const star = text.indexOf("*")
  if (star !== -1 && star !== text.length - 1) return wrong(at, "has a star that is not at its end")
  const detail = check(star === -1 ? text : text.slice(0, -1), star !== -1)
  return detail === undefined ? Result.succeed(text) : wrong(at, detail)
}

const listOf = (given: unknown, at: string): Read<ReadonlyArray<unknown>> => {
  if (!Array.isArray(given)) return wrong(at, "is no list")
  if (given.length === 0) return wrong(at, "is empty, so it matches nobody")
  return given.length > listedMax
    ? wrong(at, `lists ${given.length}, at most ${listedMax} are allowed`)
    : Result.succeed(given)
}

const patternOf = (
  given: unknown,
  at: string,
  check: Check,
  normal: (text: string) => string = (text) => text
): Read<Pattern | undefined> => {
  if (given === undefined) return Result.succeed(undefined)
  return Result.flatMap(listOf(given, at), (list) => {
    const exact = new Set<string>()
    const prefixes: Array<string> = []
    for (const [i, item] of list.entries()) {
      const text = read(item, `${at}[${i}]`, check)
      if (Result.isFailure(text)) return Result.fail(text.failure)
      const said = normal(text.success)
      if (said.endsWith("*")) prefixes.push(said.slice(0, -1))
      else exact.add(said)
    }
    return Result.succeed({ exact, prefixes })
  })
}

const tagsOf = (given: unknown, at: string): Read<Matcher["tags"]> => {
  if (given === undefined) return Result.succeed(undefined)
  if (!Predicate.isReadonlyObject(given)) return wrong(at, "are no tags with values")
  const entries = Object.entries(given)
  if (entries.length === 0) return wrong(at, "is empty, so it says nothing")
  if (entries.length > listedMax) return wrong(at, `lists ${entries.length}, at most ${listedMax} are allowed`)
  const tags = new Map<string, ReadonlySet<string>>()
  for (const [tag, said] of entries) {
    const values = listOf(Predicate.isString(said) ? [said] : said, `${at}.${tag}`)
    if (Result.isFailure(values)) return Result.fail(values.failure)
    const texts = values.success.filter(Predicate.isString)
    if (texts.length < values.success.length) return wrong(`${at}.${tag}`, "has a value that is no text")
    if ([tag, ...texts].some((text) => text.length > textLengthMax))
      return wrong(`${at}.${tag}`, `is longer than ${textLengthMax} characters`)
    tags.set(tag, new Set(texts))
  }
  return Result.succeed(tags)
}

/** Normalizes a certificate name: a URI is compared as spelt, a DNS name in lower case. */
const certificateName = (text: string): string => (text.includes(":") ? text : text.toLowerCase())

const fields = ["hosts", "localities", "tags", "certificates"]

const matcherOf = (given: unknown, at: string): Read<Matcher> => {
  if (!Predicate.isReadonlyObject(given)) return wrong(at, "is no rule")
  const said: Readonly<Record<string, unknown>> = { ...given }
  const odd = Object.keys(said).find((field) => !fields.includes(field))
  if (odd === "relayed")
    return wrong(`${at}.relayed`, "is kept for later: flows that a host has passed on match no rule yet")
  if (odd !== undefined) return wrong(at, `has a field "${odd}", and there are ${fields.join(", ")}`)
  // Ignoring an undefined field would let in callers that it was to keep out.
  const unset = fields.find((field) => field in said && said[field] === undefined)
  if (unset !== undefined) return wrong(`${at}.${unset}`, "is undefined; leave it out to say nothing of it")
  if (Object.keys(said).length === 0) return wrong(at, 'says nothing; whoever may be there is "members" or "anyone"')
  return Result.gen(function* () {
    return {
      hosts: yield* patternOf(said.hosts, `${at}.hosts`, host),
      localities: yield* patternOf(said.localities, `${at}.localities`, locality),
      tags: yield* tagsOf(said.tags, `${at}.tags`),
      certificates: yield* patternOf(said.certificates, `${at}.certificates`, certificate, certificateName)
    }
  })
}

/** Parses the access rules of a program. `at` names the setting in errors. */
export const parse = (given: unknown, at: string): Read<Rules> => {
  if (given === "members") return Result.succeed(members)
  if (given === "anyone") return Result.succeed(anyone)
  if (Predicate.isString(given)) return wrong(at, `"${given}" is neither "members" nor "anyone"`)
  if (!Array.isArray(given))
    return Result.map(matcherOf(given, at), (matcher): Rules => ({ _tag: "Rules", rules: [matcher] }))
  if (given.length === 0) return wrong(at, "is empty, so it matches nobody")
  if (given.length > rulesMax) return wrong(at, `has ${given.length} rules, at most ${rulesMax} are allowed`)
  const rules: Array<Matcher> = []
  for (const [i, rule] of given.entries()) {
    const matcher = matcherOf(rule, `${at}[${i}]`)
    if (Result.isFailure(matcher)) return Result.fail(matcher.failure)
    rules.push(matcher.success)
  }
  return Result.succeed({ _tag: "Rules", rules })
}

const fits = ({ exact, prefixes }: Pattern, text: string): boolean =>
  exact.has(text) || prefixes.some((prefix) => text.length > prefix.length && text.startsWith(prefix))

const hasTags = (asked: ReadonlyMap<string, ReadonlySet<string>>, tags: Shown["tags"]): boolean => {
  for (const [tag, values] of asked) {
    const value = tags[tag]
    if (value === undefined || !values.has(value)) return false
  }
  return true
}

/** Looks up what membership shows of a proven host. */
type Members = (id: string) => Shown | undefined

const matches = (matcher: Matcher, proven: Identity, shown: Members): boolean => {
  if (proven._tag === "Nothing") return false
  const { certificates, hosts, localities, tags } = matcher
  const id = proven._tag === "Host" ? proven.id : undefined
  if (hosts !== undefined && (id === undefined || !fits(hosts, id))) return false
  if (certificates !== undefined) {
    const { dnsNames = [], uris = [] } = proven.certificate ?? {}
    if (!uris.some((uri) => fitsUri(certificates, uri)) && !dnsNames.some((name) => fitsDns(certificates, name)))
      return false
  }
  if (localities === undefined && tags === undefined) return true
  const host = id === undefined ? undefined : shown(id)
  if (host === undefined) return false
  return (
    (localities === undefined || fits(localities, host.locality)) && (tags === undefined || hasTags(tags, host.tags))
  )
}

/** Matches a URI. A prefix without ":" is for DNS names, although the scheme of a URI may begin with it. */
const fitsUri = ({ exact, prefixes }: Pattern, uri: string): boolean =>
  fits({ exact, prefixes: prefixes.filter((prefix) => prefix.includes(":")) }, uri)

/** Matches a DNS name. A wildcard name in a certificate identifies nobody, so it never matches. */
const fitsDns = (pattern: Pattern, name: string): boolean => !name.includes("*") && fits(pattern, name)

/**
 * Returns true when a caller may open a flow. Calls `shown` only for rules on locality or tags; `isRelayed`: other
 * hosts have passed the flow on.
 */
export const allows = (rules: Rules, proven: Identity, isRelayed: boolean, shown: Members): boolean => {
  switch (rules._tag) {
    case "Members":
      return proven._tag !== "Client"
    case "Anyone":
      return true
    case "Rules":
      return !isRelayed && rules.rules.some((matcher) => matches(matcher, proven, shown))
  }
}
