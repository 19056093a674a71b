/**
 * Seed: the address of a first member of the fabric, as people write it.
 *
 * Shape: `[name/]host[:port]`, the host an IP literal or a DNS name, an IPv6 literal in brackets when a port follows;
 * or the name of a DNS service such as `_gossip._udp.example.com`, whose SRV records give hosts and ports.
 * Source: memberlist-wire.md, section 16 (join) and section 19, trap 27.
 */
import { Data, Result } from "effect"
import { parseHost } from "./Address.ts"
import * as Secret from "./Secret.ts"

export interface Seed {
  /** The seed as written, for people; "(not shown)" when it may be a secret. */
  readonly text: string
  /** Expected name of the member, if given. */
  readonly name: string | undefined
  /** IP literal without brackets, or DNS name. */
  readonly host: string
  readonly port: number
  /** The bytes of an IP literal; undefined for a DNS name. */
  readonly bytes: Uint8Array | undefined
  /** True for a DNS service, whose SRV records give hosts and ports. */
  readonly isService: boolean
}

/** Invalid seed; `rule` completes the sentence "the seed ..". The text is not repeated: it may be a key. */
export class SeedInvalid extends Data.TaggedError("SeedInvalid")<{
  readonly rule: string
}> {}

const hostCharactersMax = 253

const dnsName = /^(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/

/** Returns true for a DNS name. A last label of digits is refused, so that a mistyped IPv4 address is not looked up. */
const isDnsName = (host: string): boolean =>
  host.length <= hostCharactersMax && dnsName.test(host) && !/(^|\.)\d+\.?$/.test(host)

const serviceName = /^_[^.]+\._(udp|tcp)\./

/** Splits `host:port`; the port is undefined when none is given. */
const split = (place: string): readonly [host: string, port: string | undefined] => {
  if (place.startsWith("[")) {
    const close = place.indexOf("]")
    const rest = place.slice(close + 1)
    if (close === -1 || (rest !== "" && !rest.startsWith(":"))) return [place, undefined]
    return [place.slice(1, close), rest === "" ? undefined : rest.slice(1)]
  }
  const colon = place.indexOf(":")
  return colon === -1 || colon !== place.lastIndexOf(":")
    ? [place, undefined]
    : [place.slice(0, colon), place.slice(colon + 1)]
}

/** Gossip port of a seed without one, whatever port this host listens on. */
export const portDefault = 7946

/** Parses a seed. Errors: `SeedInvalid`. */
export const parse = (text: string): Result.Result<Seed, SeedInvalid> => {
  const fail = (rule: string) => Result.fail(new SeedInvalid({ rule }))
  if (Secret.isKey(text)) return fail("looks like a key")
  const slash = text.indexOf("/")
  const name = slash === -1 ? undefined : text.slice(0, slash)
  if (name === "") return fail("has no name before the slash")
  const place = text.slice(slash + 1)
  const [host, portText] = split(place)
  if (host === "") return fail("has no host")
  const bytes = parseHost(host)
  if (bytes === undefined && (place.startsWith("[") || !isDnsName(host)))
    return fail("is neither an IP address nor a DNS name")
  if (portText !== undefined && !/^\d{1,5}$/.test(portText))
    return fail("has something other than a number as its port")
  const port = portText === undefined ? portDefault : Number(portText)
  if (port < 1 || port > 65_535) return fail("has a port outside 1 to 65535")
  const isService = bytes === undefined && serviceName.test(host)
  if (isService && portText !== undefined) return fail("is a service, whose records say the ports")
  return Result.succeed({ text: Secret.plain(text), name, host, port, bytes, isService })
}
